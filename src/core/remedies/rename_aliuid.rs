//! rename-aliuid: gives a flawed name in `users/` its id. Where a file of that id is there already, the flawed one is
//! removed; names that mean no account give way to the owner's.

use super::aliuid::{flawed, takes_a_minute, users, whose};
use super::common::{Drafted, already, needs, refused, the_agent, told, unread, whole_file};
use super::{ActsOn, Change, Descriptor, Durability, Inputs, Plan, Restart};
use crate::core::agent::identity_files::{UserId, UserNameKind};
use crate::core::agent::layout::Agent;
use crate::core::agent::service;
use crate::core::context::Field;
use crate::core::finding::{RemedyId, StepId};
use crate::core::observe::{Observations, Unavailable};
use crate::core::text::Text;
use crate::say;

/// What is known of it without a host.
pub static REMEDY: Descriptor = Descriptor {
    id: RemedyId::RenameAliuid,
    step: StepId::Account,
    title: Text::fixed("Rename the AliUid file", "重命名 AliUid 文件"),
    inputs: &[told(Field::Aliuid)],
    acts_on: ActsOn::ThisHost,
    restart: Restart::AsPlanned,
    can_be_forced: false,
    loses: None,
    durability: Durability::Lasts,
    plan,
};

/// Plans the new name.
fn plan(inputs: &Inputs, see: &Observations) -> Drafted<Plan> {
    let agent = the_agent(see)?;
    let dir = agent.conf_dir.join("users");
    let ids = users(see, &agent)?;
    let flawed = flawed(&ids);
    let wanted = inputs.context.aliuid.as_deref();
    let chosen = match (flawed.iter().find(|id| wanted.is_some() && id.meant.as_deref() == wanted), flawed.as_slice()) {
        (Some(id), _) => *id,
        (None, []) if ids.iter().any(|id| is_stray(id, wanted)) => return put_strays_right(inputs, see, &agent, &ids),
        (None, []) => {
            let dir = dir.display();
            return Err(already(say!(
                "No file in {dir} has a name that only needs to be set right.",
                "{dir} 中没有需要更正名称的文件。"
            )));
        }
        (None, [only]) => *only,
        (None, [first, ..]) if wanted.is_none() => {
            return Err(needs(vec![(told(Field::Aliuid), first.meant.clone().unwrap_or_default())]));
        }
        (None, [_, ..]) => {
            let (dir, wanted) = (dir.display(), wanted.unwrap_or_default());
            return Err(refused(say!(
                "No name in {dir} means {wanted}; add-aliuid creates the file.",
                "{dir} 中没有与 {wanted} 对应的名称；请使用 add-aliuid 创建。"
            )));
        }
    };
    let meant = chosen.meant.clone().unwrap_or_default();
    let (from, to) = (dir.join(&chosen.name), dir.join(&meant));
    let (name, what) = (&chosen.name, chosen.kind.text());
    let (en, zh) = what.both();
    let why = Text::filled(
        format!("The agent reports the file's name itself as the account: {name} ({en}) instead of {meant}."),
        format!("Agent 直接将文件名作为账号上报：{name}（{zh}），而不是 {meant}。"),
    );
    let mut plan = Plan::new(RemedyId::RenameAliuid, StepId::Account, why);
    plan.inputs = vec![(told(Field::Aliuid), meant.clone())];
    if ids.iter().any(|id| !id.from_environment && id.name == meant) {
        let before = whole_file(see, &from)?.ok_or_else(|| unread(&from, &Unavailable::Absent))?;
        plan.changes.push(Change::RemoveFile { path: from, before });
    } else {
        plan.changes.push(Change::RenameFile { from, to });
    }
    if let Some(wanted) = wanted.filter(|wanted| *wanted != meant) {
        plan.cautions.push(say!(
            "This names account {meant}; the owner that you told is {wanted}, for which add-aliuid is needed.",
            "这里对应的账号是 {meant}；您填写的所属账号是 {wanted}，还需要使用 add-aliuid。"
        ));
    }
    plan.cautions.push(whose());
    plan.cautions.push(takes_a_minute());
    Ok(plan)
}

/// Whether a name is no main account's id and resembles none either.
fn is_stray(id: &UserId, owner: Option<&str>) -> bool {
    let is_other_kind = id.meant.is_none() && !matches!(id.kind, UserNameKind::Proper | UserNameKind::OtherLength);
    is_other_kind || (id.is_ram_like() && owner != Some(id.name.as_str()))
}

/// Names that mean no account: the first becomes the owner's, unless that is there, and the others go. What this program
/// cannot rename is left to the operator, with what to do.
fn put_strays_right(inputs: &Inputs, see: &Observations, agent: &Agent, ids: &[UserId]) -> Drafted<Plan> {
    let dir = agent.conf_dir.join("users");
    let Some(owner) = &inputs.context.aliuid else {
        let known = service::owner(see, &inputs.context)?.map(|(owner, _)| owner);
        return Err(needs(vec![(told(Field::Aliuid), known.unwrap_or_default())]));
    };
    if owner.is_empty() || !owner.chars().all(|c| c.is_ascii_digit()) {
        return Err(refused(whose()));
    }
    let strays: Vec<&UserId> = ids.iter().filter(|id| is_stray(id, Some(owner))).collect();
    let list = strays.iter().map(|id| id.name.escape_debug().to_string()).collect::<Vec<_>>().join(", ");
    let shown = dir.display();
    let why = say!(
        "The agent reports every name in {shown} as an account; {list} is no main account, and the project belongs to {owner}.",
        "Agent 会将 {shown} 中的每个名称作为账号上报；{list} 不是主账号，而 Project 属于 {owner}。"
    );
    let mut plan = Plan::new(RemedyId::RenameAliuid, StepId::Account, why);
    plan.inputs = vec![(told(Field::Aliuid), owner.clone())];
    let mut has_owner = ids.iter().any(|id| id.name == *owner);
    for stray in strays {
        let (name, path) = (stray.name.escape_debug(), dir.join(&stray.name));
        if stray.from_environment {
            plan.manual.push(say!(
                "Take {name} out of ALIYUN_LOGTAIL_USER_ID, where the agent's environment is set, and restart the agent.",
                "请在设置 Agent 环境变量的位置，从 ALIYUN_LOGTAIL_USER_ID 中去掉 {name}，并重启 Agent。"
            ));
        } else if stray.kind == UserNameKind::Directory || stray.name.contains(char::REPLACEMENT_CHARACTER) {
            plan.manual.push(say!(
                "Take {name} out of {shown} by hand: it is no file that this program can rename.",
                "请手动将 {name} 移出 {shown}：本程序无法重命名它。"
            ));
        } else if has_owner {
            let before = whole_file(see, &path)?.ok_or_else(|| unread(&path, &Unavailable::Absent))?;
            plan.changes.push(Change::RemoveFile { path, before });
        } else {
            plan.changes.push(Change::RenameFile { from: path, to: dir.join(owner) });
            has_owner = true;
        }
    }
    plan.cautions.push(whose());
    plan.cautions.push(takes_a_minute());
    Ok(plan)
}
