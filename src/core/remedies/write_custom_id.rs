//! write-custom-id: adds the group's identifier to `user_defined_id`.

use super::common::{Drafted, already, edit, missing_dir, needs, owe_restart, refused, the_agent, told, whole_file};
use super::custom_id::{file_of, of_environment, within_a_minute};
use super::{ActsOn, Descriptor, Durability, Inputs, Plan, Restart};
use crate::core::agent::identity_files::{CustomId, IdFlaw, custom_ids};
use crate::core::context::{Field, IdentityKind};
use crate::core::finding::{RemedyId, StepId};
use crate::core::observe::Observations;
use crate::core::text::Text;
use crate::say;

/// What is known of it without a host.
pub static REMEDY: Descriptor = Descriptor {
    id: RemedyId::WriteCustomId,
    step: StepId::Group,
    title: Text::fixed("Write the custom identifier", "写入用户自定义标识"),
    inputs: &[told(Field::CustomId)],
    acts_on: ActsOn::ThisHost,
    restart: Restart::Owed,
    can_be_forced: false,
    loses: None,
    durability: Durability::Lasts,
    plan,
};

/// Whether a line is so far from text that keeping its bytes would keep the whole file unreadable.
fn is_garbled(id: &CustomId) -> bool {
    id.flaws.iter().any(|flaw| matches!(flaw, IdFlaw::ZeroByte | IdFlaw::NotUtf8))
}

/// The lines of the file with this identifier among them, and what was replaced for it. Lines that mean the same
/// identifier but carry stray bytes give way to it; all others stay as they are, unless they are no text at all.
fn with_id(bytes: &[u8], wanted: &str) -> (Vec<u8>, bool) {
    let mut out: Vec<u8> = Vec::new();
    let mut is_written = false;
    let mut has_replaced = false;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let ids = custom_ids(line, &[]);
        match ids.first() {
            Some(id) if id.meant == wanted => {
                has_replaced = true;
                if !is_written {
                    out.extend_from_slice(wanted.as_bytes());
                    out.push(b'\n');
                }
                is_written = true;
            }
            Some(id) if is_garbled(id) => {
                has_replaced = true;
                if !id.meant.is_empty() {
                    out.extend_from_slice(id.meant.as_bytes());
                    out.push(b'\n');
                }
            }
            _ => out.extend_from_slice(line),
        }
    }
    if !is_written {
        if !out.is_empty() && !out.ends_with(b"\n") {
            out.push(b'\n');
        }
        out.extend_from_slice(wanted.as_bytes());
        out.push(b'\n');
    }
    (out, has_replaced)
}

/// Plans the edit.
fn plan(inputs: &Inputs, see: &Observations) -> Drafted<Plan> {
    let agent = the_agent(see)?;
    let path = file_of(&agent);
    let before = whole_file(see, &path)?;
    let ids = custom_ids(before.as_deref().unwrap_or_default(), &[]);
    let Some(wanted) = &inputs.context.custom_id else {
        let suggestion = match ids.as_slice() {
            [only] => only.meant.clone(),
            _ => String::new(),
        };
        return Err(needs(vec![(told(Field::CustomId), suggestion)]));
    };
    if wanted.trim() != wanted || wanted.is_empty() || wanted.chars().any(char::is_control) {
        return Err(refused(Text::fixed(
            "An identifier has no control characters and no blanks at its ends.",
            "标识不能包含控制字符，首尾不能有空白。",
        )));
    }
    let shown = path.display();
    if ids.iter().any(|id| id.value == *wanted) {
        return Err(already(say!("{shown} has {wanted} already.", "{shown} 中已有 {wanted}。")));
    }
    if of_environment(&agent).iter().any(|id| id.value == *wanted) {
        return Err(already(say!(
            "The environment of the agent names {wanted} already.",
            "Agent 的环境变量中已有 {wanted}。"
        )));
    }
    let (after, has_replaced) = with_id(before.as_deref().unwrap_or_default(), wanted);
    let have = ids.iter().map(|id| id.meant.as_str()).collect::<Vec<_>>().join(", ");
    let why = if have.is_empty() {
        say!(
            "The machine group knows its hosts by {wanted}; {shown} names no identifier.",
            "机器组按标识 {wanted} 识别机器；{shown} 中没有标识。"
        )
    } else {
        say!(
            "The machine group knows its hosts by {wanted}; {shown} has {have}.",
            "机器组按标识 {wanted} 识别机器；{shown} 中是 {have}。"
        )
    };
    let mut plan = Plan::new(RemedyId::WriteCustomId, StepId::Group, why);
    plan.inputs = vec![(told(Field::CustomId), wanted.clone())];
    plan.changes.extend(missing_dir(see, &agent.conf_dir)?);
    plan.changes.push(edit(&path, before, after));
    plan.cautions.push(within_a_minute());
    if inputs.context.identity == Some(IdentityKind::Ip) {
        plan.cautions.push(Text::fixed(
            "You told that the group identifies by IP; then an identifier does not help.",
            "您填写了机器组按 IP 标识；此时标识不起作用。",
        ));
    }
    if has_replaced {
        owe_restart(&mut plan, see, &agent)?;
    }
    Ok(plan)
}
