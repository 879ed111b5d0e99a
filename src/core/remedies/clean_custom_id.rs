//! clean-custom-id: the same identifiers in `user_defined_id` without stray bytes, one a line.

use super::common::{Drafted, already, edit, owe_restart, refused, the_agent, whole_file};
use super::custom_id::{file_of, of_environment, within_a_minute};
use super::{ActsOn, Descriptor, Durability, Inputs, Plan, Restart};
use crate::core::agent::identity_files::custom_ids;
use crate::core::finding::{RemedyId, StepId};
use crate::core::observe::Observations;
use crate::core::text::Text;
use crate::say;

/// What is known of it without a host.
pub static REMEDY: Descriptor = Descriptor {
    id: RemedyId::CleanCustomId,
    step: StepId::Group,
    title: Text::fixed("Clean user_defined_id", "清理 user_defined_id"),
    inputs: &[],
    acts_on: ActsOn::ThisHost,
    restart: Restart::Owed,
    can_be_forced: false,
    loses: None,
    durability: Durability::Lasts,
    plan,
};

/// Plans the edit.
fn plan(_: &Inputs, see: &Observations) -> Drafted<Plan> {
    let agent = the_agent(see)?;
    let path = file_of(&agent);
    let shown = path.display();
    let before = whole_file(see, &path)?;
    let ids = custom_ids(before.as_deref().unwrap_or_default(), &[]);
    let flawed: Vec<_> = ids.iter().filter(|id| !id.flaws.is_empty()).collect();
    if flawed.is_empty() {
        if of_environment(&agent).iter().any(|id| !id.flaws.is_empty()) {
            return Err(refused(Text::fixed(
                "The stray characters are in the environment of the agent, not in the file; correct them where the agent is started.",
                "多余字符位于 Agent 的环境变量中，而不是文件中；请在启动 Agent 的地方更正。",
            )));
        }
        return Err(already(say!("{shown} has no stray characters.", "{shown} 中没有多余字符。")));
    }
    let mut clean: Vec<&str> = Vec::new();
    for id in &ids {
        if !id.meant.is_empty() && !clean.contains(&id.meant.as_str()) {
            clean.push(&id.meant);
        }
    }
    if clean.is_empty() {
        return Err(refused(say!(
            "Nothing readable is left in {shown}; use write-custom-id or remove-custom-id.",
            "{shown} 中没有可辨认的标识；请使用 write-custom-id 或 remove-custom-id。"
        )));
    }
    let hex = flawed.iter().map(|id| id.hex.as_str()).collect::<Vec<_>>().join(" / ");
    let kept = clean.join(", ");
    let why = say!(
        "The agent sends every byte of a line ({hex}); the group's identifier has no such bytes. {kept} stays.",
        "Agent 会原样上报每行的所有字节（{hex}），而机器组的标识没有这些字节。将保留 {kept}。"
    );
    let mut plan = Plan::new(RemedyId::CleanCustomId, StepId::Group, why);
    let after = clean.join("\n") + "\n";
    plan.changes.push(edit(&path, before, after.into_bytes()));
    plan.cautions.push(within_a_minute());
    owe_restart(&mut plan, see, &agent)?;
    Ok(plan)
}
