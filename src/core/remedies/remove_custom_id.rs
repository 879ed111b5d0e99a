//! remove-custom-id: removes `user_defined_id`, as the document asks when a group goes back to IP.

use super::common::{Drafted, already, owe_restart, refused, the_agent, whole_file};
use super::custom_id::{file_of, of_environment};
use super::{ActsOn, Change, Descriptor, Durability, Inputs, Plan, Restart};
use crate::core::agent::identity_files::custom_ids;
use crate::core::context::IdentityKind;
use crate::core::finding::{RemedyId, StepId};
use crate::core::observe::Observations;
use crate::core::text::Text;
use crate::say;

/// What is known of it without a host.
pub static REMEDY: Descriptor = Descriptor {
    id: RemedyId::RemoveCustomId,
    step: StepId::Group,
    title: Text::fixed("Remove the custom identifier", "移除用户自定义标识"),
    inputs: &[],
    acts_on: ActsOn::ThisHost,
    restart: Restart::Owed,
    can_be_forced: false,
    loses: None,
    durability: Durability::Lasts,
    plan,
};

/// Plans the removal.
fn plan(inputs: &Inputs, see: &Observations) -> Drafted<Plan> {
    let agent = the_agent(see)?;
    let path = file_of(&agent);
    let shown = path.display();
    let environment = of_environment(&agent);
    let named = environment.iter().map(|id| id.meant.as_str()).collect::<Vec<_>>().join(", ");
    let Some(before) = whole_file(see, &path)? else {
        return Err(if environment.is_empty() {
            already(say!("{shown} does not exist.", "{shown} 不存在。"))
        } else {
            refused(say!(
                "{shown} does not exist; {named} comes from the environment of the agent. Remove it where the agent is started.",
                "{shown} 不存在；{named} 来自 Agent 的环境变量。请在启动 Agent 的地方移除。"
            ))
        });
    };
    let ids = custom_ids(&before, &[]).iter().map(|id| id.meant.clone()).collect::<Vec<_>>().join(", ");
    let why = say!(
        "The machine group identifies by IP, and this host still says that it is {ids}.",
        "机器组按 IP 标识，而本机仍上报标识 {ids}。"
    );
    let mut plan = Plan::new(RemedyId::RemoveCustomId, StepId::Group, why);
    plan.changes.push(Change::RemoveFile { path, before });
    plan.cautions.push(say!(
        "Machine groups that know this host by {ids} lose it. Whether a leftover identifier disturbs a group by IP is not certain; undo puts the file back.",
        "按 {ids} 识别本机的机器组将失去本机。残留的标识是否影响按 IP 的机器组并不确定；可用撤销恢复该文件。"
    ));
    if inputs.context.identity == Some(IdentityKind::Custom) {
        plan.cautions.push(Text::fixed(
            "You told that the group identifies by custom identifier: then this breaks its heartbeat.",
            "您填写了机器组按用户自定义标识识别：移除会使其心跳失败。",
        ));
    }
    if !named.is_empty() {
        plan.cautions.push(say!(
            "{named} stays: it comes from the environment of the agent.",
            "{named} 仍会保留：它来自 Agent 的环境变量。"
        ));
    }
    owe_restart(&mut plan, see, &agent)?;
    Ok(plan)
}
