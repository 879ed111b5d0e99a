//! add-aliuid, rename-aliuid: the file in `users/` whose name is the main account id of the project's owner. Only the
//! name counts, and the agent notices within a minute without a restart (document "配置用户标识").

use super::common::{Drafted, already, edit, missing_dir, needs, refused, the_agent, told, unread, whole_file};
use super::{Change, Inputs, Plan};
use crate::agent::identity_files::{UserId, UserNameKind, user_ids};
use crate::agent::layout::Agent;
use crate::agent::service;
use crate::context::Field;
use crate::finding::{RemedyId, StepId};
use crate::host::{Seen, Trouble};
use crate::say;
use crate::text::Text;

/// What the host reports as accounts: of the directory and of the environment.
fn users(see: &Seen, agent: &Agent) -> Drafted<Vec<UserId>> {
    let path = agent.conf_dir.join("users");
    let dir = match see.dir(&path)? {
        Ok(dir) => Some(dir),
        Err(Trouble::Absent) => None,
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
pub fn add(inputs: &Inputs, see: &Seen) -> Drafted<Plan> {
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
pub fn rename(inputs: &Inputs, see: &Seen) -> Drafted<Plan> {
    let agent = the_agent(see)?;
    let dir = agent.conf_dir.join("users");
    let ids = users(see, &agent)?;
    let flawed = flawed(&ids);
    let wanted = inputs.context.aliuid.as_deref();
    let chosen = match (flawed.iter().find(|id| wanted.is_some() && id.meant.as_deref() == wanted), flawed.as_slice()) {
        (Some(id), _) => *id,
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
    let (en, zh) = (what.get(crate::text::Lang::En), what.get(crate::text::Lang::Zh));
    let why = Text::filled(
        format!("The agent reports the file's name itself as the account: {name} ({en}) instead of {meant}."),
        format!("Agent 直接将文件名作为账号上报：{name}（{zh}），而不是 {meant}。"),
    );
    let mut plan = Plan::new(RemedyId::RenameAliuid, StepId::Account, why);
    plan.inputs = vec![(told(Field::Aliuid), meant.clone())];
    if ids.iter().any(|id| !id.from_environment && id.name == meant) {
        let before = whole_file(see, &from)?.ok_or_else(|| unread(&from, &Trouble::Absent))?;
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
