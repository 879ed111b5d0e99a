//! What the remedies share that edit a machine group's list. It is kept by the service, not on this host: where the
//! service can be asked, the plan edits the group; else it says what to change in the console, with the exact values.

use super::common::{Drafted, already, refused, suggested_ip};
use super::{Change, Inputs, Plan};
use crate::core::agent::service::{self, Standing};
use crate::core::agent::{app_info, layout};
use crate::core::finding::StepId;
use crate::core::observe::{CloudError, CloudErrorKind, MachineGroup, Observations, Site, Unanswered};
use crate::core::service::group_edit::{self, Edit, Refusal};
use crate::core::service::heartbeat::POLL_AT_MOST;
use crate::core::text::{Lang, Text};
use crate::say;
use std::net::Ipv4Addr;
use std::time::Duration;

/// How many addresses of a list a sentence shows.
const SHOWN: usize = 20;

/// The address that the agent reports, else the one that it should.
pub(super) fn reported_ip(inputs: &Inputs, see: &Observations) -> Result<String, Unanswered> {
    if let Some(agent) = layout::find(see)?.first()
        && let Ok(file) = see.file(&agent.app_info_path)?
        && let Ok(info) = app_info::parse(&file.bytes)
        && info.reported_ip().parse::<Ipv4Addr>().is_ok_and(|ip| !ip.is_loopback())
    {
        return Ok(info.reported_ip().to_string());
    }
    Ok(suggested_ip(inputs, see.interfaces()?.as_deref().unwrap_or_default()))
}

/// Where in the console a machine group is edited.
pub(super) fn way_there(inputs: &Inputs) -> Text {
    let named = |value: &Option<String>| value.clone().unwrap_or_else(|| "…".to_string());
    let (project, group) = (named(&inputs.context.project), named(&inputs.context.machine_group));
    say!(
        "In the console of Simple Log Service open project {project}, Resources, Machine Groups, group {group}, Modify.",
        "在日志服务控制台打开 Project {project}，进入 资源 > 机器组 > {group} > 修改。"
    )
}

/// What is to be done after the console.
pub(super) fn then_wait() -> Text {
    Text::fixed(
        "Save, wait one minute, and look again. In this program, enter the new list of IPs of the group as well.",
        "保存后等待一分钟再检查。并在本程序中更新机器组的 IP 列表。",
    )
}

/// The group as the service holds it, when it can be asked; else a sentence for the operator, if there is one to say.
pub(super) enum AtService {
    Read(Site, MachineGroup),
    /// The service was asked, and the project has no group of this name.
    Missing(Site),
    NotRead(Option<Text>),
}

/// Asks the service for the group.
pub(super) fn at_service(inputs: &Inputs, see: &Observations) -> Result<AtService, Unanswered> {
    let said = |trouble: &CloudError| {
        let (what, next) = (&trouble.what, &trouble.next);
        let text = Text::filled(
            format!("The group cannot be edited from here. {} {}", what.get(Lang::En), next.get(Lang::En)),
            format!("无法在此修改机器组。{}{}", what.get(Lang::Zh), next.get(Lang::Zh)),
        );
        AtService::NotRead(Some(text))
    };
    let site = match service::standing(see, &inputs.context)? {
        Standing::Unasked => return Ok(AtService::NotRead(None)),
        Standing::Unable(trouble) => return Ok(said(&trouble)),
        Standing::Able(able) => able.site,
    };
    let Some(name) = &inputs.context.machine_group else { return Ok(AtService::NotRead(None)) };
    Ok(match see.cloud_group(&site, name)? {
        Ok(group) => AtService::Read(site, group.clone()),
        Err(trouble) if trouble.kind == CloudErrorKind::GroupNotExist => AtService::Missing(site),
        Err(trouble) => said(trouble),
    })
}

/// Completes a plan with the edit of the group, or with what to do in the console.
pub(super) fn carry_out_at(
    plan: &mut Plan,
    at: AtService,
    edit: Edit,
    by_hand: Vec<Text>,
    see: &Observations,
) -> Drafted<()> {
    let (site, group) = match at {
        AtService::Missing(_) => {
            return Err(refused(Text::fixed(
                "The project has no such machine group. Choose another one from the list, or create it: add-ip-to-group with create-group=yes.",
                "Project 中没有该机器组。请从列表中选择其他机器组，或创建它：add-ip-to-group 并设置 create-group=yes。",
            )));
        }
        AtService::NotRead(caution) => {
            plan.manual = by_hand;
            plan.cautions.extend(caution);
            plan.patience = Duration::from_secs(60);
            return Ok(());
        }
        AtService::Read(site, group) => (site, group),
    };
    let configs = see.cloud_configs(&site, group.name())?;
    let planned = group_edit::plan(&group, edit).map_err(|refusal| match refusal {
        Refusal::NotByIp(kind) => refused(say!(
            "The machine group lists {kind} and not IP addresses: give this host the group's identifier (write-custom-id), or create a group that identifies by IP (create-group=yes).",
            "该机器组的标识类型为 {kind}，不是 IP 地址：请为本机写入机器组的标识（write-custom-id），或创建按 IP 标识的机器组（create-group=yes）。"
        )),
        refusal => refused(refusal.text()),
    })?;
    let name = group.name();
    if planned.is_done() {
        return Err(already(say!("Machine group {name} is so already.", "机器组 {name} 已是如此。")));
    }
    plan.cautions.push(match configs.as_deref() {
        Ok([]) => say!("No collection configuration is applied to {name}.", "没有采集配置应用于 {name}。"),
        Ok(configs) => {
            let list = configs.iter().take(20).map(String::as_str).collect::<Vec<_>>().join(", ");
            let count = configs.len();
            say!(
                "{count} collection configurations are applied to {name} and follow its list: {list}.",
                "{name} 关联了 {count} 个采集配置，将随列表生效：{list}。"
            )
        }
        Err(_) => say!(
            "Which collection configurations depend on {name} could not be read.",
            "无法读取依赖 {name} 的采集配置。"
        ),
    });
    plan.cautions.push(owner_caution(&group));
    plan.changes = vec![Change::PutGroup { site, before: planned.before, after: planned.after }];
    plan.verify = StepId::Heartbeat;
    plan.patience = POLL_AT_MOST;
    Ok(())
}

/// Who else may own the group: its name and its type tell of some; of Terraform and ROS nothing in the group tells.
fn owner_caution(group: &MachineGroup) -> Text {
    let name = group.name();
    let kind = group.raw().get("groupType").and_then(serde_json::Value::as_str).unwrap_or_default();
    if name.starts_with("k8s-group-") {
        return say!(
            "Groups named like {name} are kept by Container Service for Kubernetes for the nodes of a cluster; it may take this edit back.",
            "名称类似 {name} 的机器组由容器服务 Kubernetes 版维护，用于集群节点；此更改可能会被其还原。"
        );
    }
    if !kind.is_empty() {
        return say!(
            "The type of this group is {kind}: another system keeps its list and may take this edit back.",
            "该机器组的类型为 {kind}：其列表由其他系统维护，此更改可能会被还原。"
        );
    }
    Text::fixed(
        "If Terraform or another tool owns this group, change it there as well: its next run would take this edit back.",
        "如果该机器组由 Terraform 等工具管理，请在其中同步修改，否则下次执行时会还原此更改。",
    )
}

/// The addresses that the group lists: as the service holds them, else as they were told.
pub(super) fn listed(at: &AtService, inputs: &Inputs) -> Vec<Ipv4Addr> {
    match at {
        AtService::Read(_, group) => {
            group.list().unwrap_or_default().iter().filter_map(|item| item.trim().parse().ok()).collect()
        }
        AtService::Missing(_) => Vec::new(),
        AtService::NotRead(_) => inputs.context.group_ips.clone(),
    }
}

/// A list in a sentence: its beginning, and how much more there is.
pub(super) fn in_words(list: &[Ipv4Addr]) -> String {
    if list.is_empty() {
        return "-".to_string();
    }
    let head = list.iter().take(SHOWN).map(Ipv4Addr::to_string).collect::<Vec<_>>().join(", ");
    match list.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        None => head,
        Some(more) => format!("{head} … (+{more})"),
    }
}
