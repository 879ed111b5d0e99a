//! add-aliuid: creates the empty file in `users/` whose name is the main account id of the project's owner.

use super::aliuid::{file_in_the_way, flawed, id_inside, takes_a_minute, users, whose};
use super::common::{Drafted, already, edit, missing_dir, needs, refused, the_agent, told};
use super::{ActsOn, Change, Descriptor, Durability, Inputs, Plan, Restart};
use crate::core::agent::service;
use crate::core::context::Field;
use crate::core::finding::{RemedyId, StepId};
use crate::core::observe::{Observations, Unavailable};
use crate::core::text::Text;
use crate::say;
use std::path::{Path, PathBuf};

/// What is known of it without a host.
pub static REMEDY: Descriptor = Descriptor {
    id: RemedyId::AddAliuid,
    step: StepId::Account,
    title: Text::fixed("Create the AliUid file", "创建 AliUid 文件"),
    inputs: &[told(Field::Aliuid)],
    acts_on: ActsOn::ThisHost,
    restart: Restart::AsPlanned,
    can_be_forced: false,
    loses: None,
    durability: Durability::Lasts,
    plan,
};

/// Plans the file.
fn plan(inputs: &Inputs, see: &Observations) -> Drafted<Plan> {
    let agent = the_agent(see)?;
    let dir = agent.conf_dir.join("users");
    let ids = users(see, &agent)?;
    let Some(aliuid) = &inputs.context.aliuid else {
        if let Some((owner, _)) = service::owner(see, &inputs.context)? {
            return Err(needs(vec![(told(Field::Aliuid), owner)]));
        }
        let inside = file_in_the_way(see, &agent)?.and_then(id_inside);
        let suggestion = match flawed(&ids).as_slice() {
            [only] => only.meant.clone().unwrap_or_default(),
            _ => inside.unwrap_or_default(),
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
    match file_in_the_way(see, &agent)? {
        None => plan.changes.extend(missing_dir(see, &dir)?),
        Some(_) => {
            let aside = free_name(see, &dir)?;
            let (from, to) = (dir.display(), aside.display());
            plan.cautions.push(say!(
                "{from} is a file, so the agent finds no names in it. It is kept as {to}, and a directory takes its place.",
                "{from} 是文件，Agent 无法从中读取账号。该文件将改名为 {to} 保留，并在原处创建目录。"
            ));
            plan.changes.push(Change::RenameFile { from: dir.clone(), to: aside });
            plan.changes.push(Change::MakeDir { path: dir.clone(), mode: 0o755 });
        }
    }
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

/// A name beside this one that nothing has.
fn free_name(see: &Observations, path: &Path) -> Drafted<PathBuf> {
    for number in 0..10 {
        let ending = if number == 0 { "file".to_string() } else { format!("file{number}") };
        let name = path.with_extension(ending);
        if see.present(&name)? == &Err(Unavailable::Absent) {
            return Ok(name);
        }
    }
    let path = path.display();
    Err(refused(say!(
        "{path} is a file, and every name that it could be kept under is taken; move it away by hand first.",
        "{path} 是文件，且没有可用的备用名称；请先手动移走。"
    )))
}
