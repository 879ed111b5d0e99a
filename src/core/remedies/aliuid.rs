//! add-aliuid, rename-aliuid: the file in `users/` whose name is the main account id of the project's owner. Only the
//! name counts, and the agent notices within a minute without a restart (document "配置用户标识").

use super::common::{Drafted, already, edit, missing_dir, needs, refused, the_agent, told, unread, whole_file};
use super::{Change, Inputs, Plan};
use crate::core::agent::identity_files::{UserId, UserNameKind, user_ids};
use crate::core::agent::layout::Agent;
use crate::core::agent::service;
use crate::core::context::Field;
use crate::core::finding::{RemedyId, StepId};
use crate::core::observe::{Observations, Unavailable};
use crate::core::text::Text;
use crate::say;

/// What the host reports as accounts: of the directory and of the environment.
fn users(see: &Observations, agent: &Agent) -> Drafted<Vec<UserId>> {
    let path = agent.conf_dir.join("users");
    let dir = match see.dir(&path)? {
        Ok(dir) => Some(dir),
        Err(Unavailable::Absent) => None,
        Err(trouble) => return Err(unread(&path, trouble)),
    };
    let variable = agent.environment.iter().find(|(name, _)| name == "ALIYUN_LOGTAIL_USER_ID");
    Ok(user_ids(dir, variable.map(|(_, value)| value.as_str())))
}

/// The names that can be set right by renaming: an id was meant, and the name can be written down exactly.
fn flawed(ids: &[UserId]) -> Vec<&UserId> {
    ids.iter()
        .filter(|id| !id.from_environment && id.meant.is_some() && id.kind != UserNameKind::Directory)
        .filter(|id| !id.name.contains(char::REPLACEMENT_CHARACTER))
        .collect()
}

/// The text that a caution and a refusal share: whose id it has to be.
fn whose() -> Text {
    Text::fixed(
        "It must be the id of the main account that owns the project: not a RAM user's, and not that of the account that owns this server. Ids that are there already stay.",
        "必须是 Project 所属主账号的 ID：不是 RAM 用户的 ID，也不是本服务器所属账号的 ID。已有的 ID 会保留。",
    )
}

/// add-aliuid: creates the empty file.
pub fn add(inputs: &Inputs, see: &Observations) -> Drafted<Plan> {
    let agent = the_agent(see)?;
    let dir = agent.conf_dir.join("users");
    let ids = users(see, &agent)?;
    let Some(aliuid) = &inputs.context.aliuid else {
        if let Some((owner, _)) = service::owner(see, &inputs.context)? {
            return Err(needs(vec![(told(Field::Aliuid), owner)]));
        }
        let suggestion = match flawed(&ids).as_slice() {
            [only] => only.meant.clone().unwrap_or_default(),
            _ => String::new(),
        };
        return Err(needs(vec![(told(Field::Aliuid), suggestion)]));
    };
    if aliuid.is_empty() || !aliuid.chars().all(|c| c.is_ascii_digit()) {
        return Err(refused(whose()));
    }
    let path = dir.join(aliuid);
    let shown = path.display();
    if let Some(id) = ids.iter().find(|id| id.name == *aliuid) {
        return Err(already(if id.from_environment {
            say!(
                "ALIYUN_LOGTAIL_USER_ID of the agent names {aliuid}.",
                "Agent 的 ALIYUN_LOGTAIL_USER_ID 中已有 {aliuid}。"
            )
        } else {
            say!("{shown} is there already.", "{shown} 已存在。")
        }));
    }
    let why = say!(
        "The project belongs to account {aliuid}, which this host does not name; without it the service does not accept this host.",
        "Project 属于账号 {aliuid}，而本机没有声明该账号；缺少它，服务端不接受本机。"
    );
    let mut plan = Plan::new(RemedyId::AddAliuid, StepId::Account, why);
    plan.inputs = vec![(told(Field::Aliuid), aliuid.clone())];
    plan.changes.extend(missing_dir(see, &dir)?);
    plan.changes.push(edit(&path, None, Vec::new()));
    plan.cautions.push(whose());
    if aliuid.len() != 16 {
        let count = aliuid.len();
        plan.cautions.push(say!(
            "The id has {count} digits; every documented one has 16.",
            "该 ID 有 {count} 位数字，而文档中的示例均为 16 位。"
        ));
    }
    if inputs.context.same_account == Some(true) {
        plan.cautions.push(Text::fixed(
            "You told that this host is an ECS instance of that account: then the file is not needed, and does no harm.",
            "您填写了本机是该账号下的 ECS：此时不需要该文件，创建也无害。",
        ));
    }
    plan.cautions.push(takes_a_minute());
    Ok(plan)
}

fn takes_a_minute() -> Text {
    Text::fixed("The agent notices within a minute, without a restart.", "Agent 会在一分钟内识别，无需重启。")
}

/// rename-aliuid: gives a flawed name its id. Where a file of that id is there already, the flawed one is removed.
pub fn rename(inputs: &Inputs, see: &Observations) -> Drafted<Plan> {
    let agent = the_agent(see)?;
    let dir = agent.conf_dir.join("users");
    let ids = users(see, &agent)?;
    let flawed = flawed(&ids);
    let wanted = inputs.context.aliuid.as_deref();
    let chosen = match (flawed.iter().find(|id| wanted.is_some() && id.meant.as_deref() == wanted), flawed.as_slice()) {
        (Some(id), _) => *id,
        (None, []) if ids.iter().any(is_stray) => return put_strays_right(inputs, see, &agent, &ids),
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

/// Whether a name is no account's id and resembles none either.
fn is_stray(id: &UserId) -> bool {
    id.meant.is_none() && !matches!(id.kind, UserNameKind::Proper | UserNameKind::OtherLength)
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
    let strays: Vec<&UserId> = ids.iter().filter(|id| is_stray(id)).collect();
    let list = strays.iter().map(|id| id.name.escape_debug().to_string()).collect::<Vec<_>>().join(", ");
    let shown = dir.display();
    let why = say!(
        "The agent reports every name in {shown} as an account; {list} is none, and the project belongs to {owner}.",
        "Agent 会将 {shown} 中的每个名称作为账号上报；{list} 不是账号，而 Project 属于 {owner}。"
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
