//! A new machine group, where none fits: the choice "create a new group" of add-ip-to-group. Where the service can be
//! asked, the plan makes the group with this host alone in it; else it says what to create in the console.

use super::common::{Drafted, already, identifying_ip, needs, refused, told};
use super::group_ip::{AtService, at_service, reported_ip};
use super::{Change, InputId, Inputs, Plan};
use crate::core::agent::identity_files::custom_ids;
use crate::core::agent::layout;
use crate::core::context::{Context, Field, IdentityKind};
use crate::core::finding::{RemedyId, StepId};
use crate::core::observe::MachineGroup;
use crate::core::observe::{KnownIdentity, Together};
use crate::core::observe::{Observations, Site, Unanswered};
use crate::core::service::heartbeat::POLL_AT_MOST;
use crate::core::text::Text;
use crate::say;
use std::time::Duration;

/// The values of a new group, each with a suggestion; those that are known already are filled in from the inputs.
pub(super) fn wanted(inputs: &Inputs, see: &Observations) -> Result<Vec<(InputId, String)>, Unanswered> {
    let (ip, ids) = (reported_ip(inputs, see), own_ids(see)).together()?;
    let kind = kind_of(inputs);
    let only = match ids.as_slice() {
        [only] => only.clone(),
        _ => String::new(),
    };
    Ok(vec![
        (InputId::CreateGroup, "yes".to_string()),
        (told(Field::MachineGroup), String::new()),
        (told(Field::Identity), kind.id().to_string()),
        (InputId::Ip, ip),
        (told(Field::CustomId), only),
    ])
}

/// What the new group identifies by: as told, else by whichever value alone was told.
fn kind_of(inputs: &Inputs) -> IdentityKind {
    match inputs.context.identity {
        Some(kind) => kind,
        None if inputs.ip.is_none() && inputs.context.custom_id.is_some() => IdentityKind::Custom,
        None => IdentityKind::Ip,
    }
}

/// The custom identifiers in the file of this host, as the agent sends them.
fn own_ids(see: &Observations) -> Result<Vec<String>, Unanswered> {
    let Some(agent) = layout::find(see)?.into_iter().next() else { return Ok(Vec::new()) };
    let file = layout::whole(see.file(agent.conf_dir.join("user_defined_id"))?);
    let bytes = file.map(|file| file.bytes.clone()).unwrap_or_default();
    Ok(custom_ids(&bytes, &[]).into_iter().map(|id| id.value).collect())
}

/// Makes a group in which this host is.
pub fn plan(inputs: &Inputs, see: &Observations) -> Drafted<Plan> {
    let kind = kind_of(inputs);
    let is_told = match kind {
        IdentityKind::Ip => inputs.ip.is_some(),
        IdentityKind::Custom => inputs.context.custom_id.is_some(),
    };
    let Some(name) = inputs.context.machine_group.as_ref().filter(|_| is_told) else {
        return Err(needs(wanted(inputs, see)?));
    };
    // The list that was told is that of another group.
    let context = Context { group_ips: Vec::new(), ..inputs.context.clone() };
    let (item, mut cautions) = match (kind, &inputs.context.custom_id) {
        (IdentityKind::Custom, Some(id)) => (id.trim().to_string(), Vec::new()),
        (IdentityKind::Custom, None) | (IdentityKind::Ip, _) => {
            let (ip, cautions) = identifying_ip(&Inputs { context, ..inputs.clone() }, see)?;
            (ip.to_string(), cautions)
        }
    };
    let why = say!(
        "No machine group fits this host; a new one, {name}, lists it as {item}.",
        "没有适合本机的机器组；新机器组 {name} 将以 {item} 包含本机。"
    );
    let mut plan = Plan::new(RemedyId::AddIpToGroup, StepId::Group, why);
    plan.inputs = vec![
        (InputId::CreateGroup, "yes".to_string()),
        (told(Field::MachineGroup), name.clone()),
        (told(Field::Identity), kind.id().to_string()),
        match kind {
            IdentityKind::Ip => (InputId::Ip, item.clone()),
            IdentityKind::Custom => (told(Field::CustomId), item.clone()),
        },
    ];
    plan.cautions.append(&mut cautions);
    let has_it = kind == IdentityKind::Ip || own_ids(see)?.contains(&item);
    if !has_it {
        plan.cautions.push(say!(
            "This host does not have the custom identifier {item} yet; the step offers to write it (write-custom-id) once the group is there.",
            "本机还没有用户自定义标识 {item}；创建机器组之后，该步骤会提供写入（write-custom-id）。"
        ));
    }
    match at_service(inputs, see)? {
        AtService::Read(_, there) => Err(exists(&there, &item)),
        AtService::Missing(site) => {
            made(&mut plan, site, name, kind, &item, has_it);
            Ok(plan)
        }
        AtService::NotRead(caution) => {
            plan.cautions.extend(caution);
            plan.manual = by_hand(inputs, name, kind, &item);
            plan.patience = Duration::from_secs(60);
            Ok(plan)
        }
    }
}

/// There is a group of this name already.
fn exists(there: &MachineGroup, item: &str) -> super::common::Stop {
    let name = there.name();
    if there.list().is_some_and(|list| list.iter().any(|known| known == item)) {
        return already(say!("Machine group {name} is there and lists {item}.", "机器组 {name} 已存在并包含 {item}。"));
    }
    refused(say!(
        "Machine group {name} exists already. Take another name, or answer no to \"create a new group\" to edit it.",
        "机器组 {name} 已存在。请使用其他名称，或在“创建新机器组”中选择 no 以修改它。"
    ))
}

/// Completes the plan with the making of the group.
fn made(plan: &mut Plan, site: Site, name: &str, kind: IdentityKind, item: &str, has_it: bool) {
    let identity = match kind {
        IdentityKind::Ip => KnownIdentity::Ip,
        IdentityKind::Custom => KnownIdentity::UserDefined,
    };
    plan.cautions.push(Text::fixed(
        "No collection configuration is applied to a new group: the heartbeat comes, logs only after you apply one in the console.",
        "新机器组没有关联任何采集配置：心跳会正常，但需在控制台关联采集配置后才会采集日志。",
    ));
    plan.cautions.push(Text::fixed(
        "If Terraform, ROS or another tool makes the groups of this project, declare this one there as well.",
        "如果该 Project 的机器组由 Terraform、ROS 等工具管理，请在其中同步声明此机器组。",
    ));
    plan.changes = vec![Change::MakeGroup { site, group: MachineGroup::new(name, identity, &[item.to_string()]) }];
    if has_it {
        plan.verify = StepId::Heartbeat;
        plan.patience = POLL_AT_MOST;
    }
}

/// What to create in the console.
fn by_hand(inputs: &Inputs, name: &str, kind: IdentityKind, item: &str) -> Vec<Text> {
    let project = inputs.context.project.clone().unwrap_or_else(|| "…".to_string());
    let identity = match kind {
        IdentityKind::Ip => say!(
            "Name it {name}, let it identify by IP address, and enter one address: {item}",
            "名称填写 {name}，机器组标识选择 IP 地址，并填写一个地址：{item}"
        ),
        IdentityKind::Custom => say!(
            "Name it {name}, let it identify by custom identifier, and enter: {item}",
            "名称填写 {name}，机器组标识选择用户自定义标识，并填写：{item}"
        ),
    };
    vec![
        say!(
            "In the console of Simple Log Service open project {project}, Resources, Machine Groups, Create.",
            "在日志服务控制台打开 Project {project}，进入 资源 > 机器组 > 创建机器组。"
        ),
        identity,
        Text::fixed(
            "Save, wait two minutes, and look again. In this program, enter the new group as well.",
            "保存后等待两分钟再检查，并在本程序中填写新的机器组。",
        ),
    ]
}
