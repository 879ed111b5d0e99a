//! add-ip-to-group, replace-ip-in-group: the list of a machine group is kept by the service, not on this host. The plan
//! says what to change in the console, with the exact values.

use super::common::{Drafted, already, needs, suggested_ip};
use super::{InputId, Inputs, Plan};
use crate::agent::{app_info, layout};
use crate::finding::{RemedyId, StepId};
use crate::host::{Seen, Unseen};
use crate::say;
use crate::text::Text;
use std::net::Ipv4Addr;
use std::time::Duration;

/// The address that the agent reports, else the one that it should.
fn reported_ip(inputs: &Inputs, see: &Seen) -> Result<String, Unseen> {
    if let Some(agent) = layout::find(see)?.first()
        && let Ok(file) = see.file(&agent.app_info_path)?
        && let Ok(info) = app_info::parse(&file.bytes)
        && info.ip.parse::<Ipv4Addr>().is_ok_and(|ip| !ip.is_loopback())
    {
        return Ok(info.ip);
    }
    Ok(suggested_ip(inputs, see.interfaces()?.as_deref().unwrap_or_default()))
}

/// Where in the console a machine group is edited.
fn way_there(inputs: &Inputs) -> Text {
    let named = |value: &Option<String>| value.clone().unwrap_or_else(|| "…".to_string());
    let (project, group) = (named(&inputs.context.project), named(&inputs.context.machine_group));
    say!(
        "In the console of Simple Log Service open project {project}, Resources, Machine Groups, group {group}, Modify.",
        "在日志服务控制台打开 Project {project}，进入 资源 > 机器组 > {group} > 修改。"
    )
}

fn then_wait() -> Text {
    Text::fixed(
        "Save, wait one minute, and look again. In this program, enter the new list of IPs of the group as well.",
        "保存后等待一分钟再检查。并在本程序中更新机器组的 IP 列表。",
    )
}

fn told_list(inputs: &Inputs) -> String {
    let list = &inputs.context.group_ips;
    if list.is_empty() {
        return "-".to_string();
    }
    list.iter().map(Ipv4Addr::to_string).collect::<Vec<_>>().join(", ")
}

/// add-ip-to-group: one more line in the list.
pub fn add(inputs: &Inputs, see: &Seen) -> Drafted<Plan> {
    let Some(ip) = inputs.ip else {
        return Err(needs(vec![(InputId::Ip, reported_ip(inputs, see)?)]));
    };
    if inputs.context.group_ips.contains(&ip) {
        return Err(already(say!("The machine group lists {ip} already.", "机器组中已有 {ip}。")));
    }
    let list = told_list(inputs);
    let why = say!("This host reports {ip}; the machine group lists {list}.", "本机上报的是 {ip}；机器组中是 {list}。");
    let mut plan = Plan::new(RemedyId::AddIpToGroup, StepId::Group, why);
    plan.inputs = vec![(InputId::Ip, ip.to_string())];
    plan.manual = vec![
        way_there(inputs),
        say!("Add a line to the IP addresses: {ip}", "在 IP 地址列表中新增一行：{ip}"),
        then_wait(),
    ];
    plan.patience = Duration::from_secs(60);
    Ok(plan)
}

/// replace-ip-in-group: one line of the list for another.
pub fn replace(inputs: &Inputs, see: &Seen) -> Drafted<Plan> {
    let (Some(ip), Some(old)) = (inputs.ip, inputs.old_ip) else {
        let mut missing = Vec::new();
        if inputs.ip.is_none() {
            missing.push((InputId::Ip, reported_ip(inputs, see)?));
        }
        if inputs.old_ip.is_none() {
            let only = match inputs.context.group_ips.as_slice() {
                [only] => only.to_string(),
                _ => String::new(),
            };
            missing.push((InputId::OldIp, only));
        }
        return Err(needs(missing));
    };
    let group = &inputs.context.group_ips;
    if group.contains(&ip) && !group.contains(&old) {
        return Err(already(say!("The machine group lists {ip} and not {old}.", "机器组中已有 {ip}，没有 {old}。")));
    }
    let list = told_list(inputs);
    let why = say!(
        "This host reports {ip}; the machine group lists {list}, with {old} for this host.",
        "本机上报的是 {ip}；机器组中是 {list}，其中 {old} 对应本机。"
    );
    let mut plan = Plan::new(RemedyId::ReplaceIpInGroup, StepId::Group, why);
    plan.inputs = vec![(InputId::Ip, ip.to_string()), (InputId::OldIp, old.to_string())];
    plan.manual = vec![
        way_there(inputs),
        say!("In the IP addresses replace {old} with {ip}", "在 IP 地址列表中将 {old} 替换为 {ip}"),
        then_wait(),
    ];
    if !group.is_empty() && !group.contains(&old) {
        plan.cautions.push(say!("{old} is not in the list that you told.", "{old} 不在您填写的列表中。"));
    }
    plan.cautions.push(say!(
        "Make sure that {old} is not the address of another host that still runs.",
        "请确认 {old} 不是另一台仍在运行的主机的地址。"
    ));
    plan.patience = Duration::from_secs(60);
    Ok(plan)
}
