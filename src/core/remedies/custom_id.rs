//! write-custom-id, clean-custom-id, remove-custom-id: `user_defined_id`, one identifier a line. The agent reads it
//! again within a minute, but it never forgets the last identifier of a file that was emptied: that takes a restart.

use super::common::{Drafted, already, edit, missing_dir, needs, owe_restart, refused, the_agent, told, whole_file};
use super::{Change, Inputs, Plan};
use crate::core::agent::identity_files::{CustomId, IdFlaw, custom_ids};
use crate::core::agent::layout::Agent;
use crate::core::context::{Field, IdentityKind};
use crate::core::finding::{RemedyId, StepId};
use crate::core::observe::Observations;
use crate::core::text::Text;
use crate::say;
use std::path::PathBuf;

fn file_of(agent: &Agent) -> PathBuf {
    agent.conf_dir.join("user_defined_id")
}

/// The identifiers that the agent's environment adds.
fn of_environment(agent: &Agent) -> Vec<CustomId> {
    let names = ["ALIYUN_LOGTAIL_USER_DEFINED_ID", "LOONG_USER_DEFINED_ID"];
    let variables: Vec<_> = agent
        .environment
        .iter()
        .filter(|(name, _)| names.contains(&name.as_str()))
        .map(|(_, value)| value.as_str())
        .collect();
    custom_ids(b"", &variables)
}

/// Whether a line is so far from text that keeping its bytes would keep the whole file unreadable.
fn is_garbled(id: &CustomId) -> bool {
    id.flaws.iter().any(|flaw| matches!(flaw, IdFlaw::ZeroByte | IdFlaw::NotUtf8))
}

fn within_a_minute() -> Text {
    Text::fixed(
        "The agent notices within a minute; a restart makes it notice at once.",
        "Agent 会在一分钟内识别；重启可立即生效。",
    )
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

/// write-custom-id: adds the group's identifier.
pub fn write(inputs: &Inputs, see: &Observations) -> Drafted<Plan> {
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

/// clean-custom-id: the same identifiers without stray bytes, one a line.
pub fn clean(_: &Inputs, see: &Observations) -> Drafted<Plan> {
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

/// remove-custom-id: removes the file, as the document asks when a group goes back to IP.
pub fn remove(inputs: &Inputs, see: &Observations) -> Drafted<Plan> {
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
