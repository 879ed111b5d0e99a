//! replace-ip-in-group: one line of the machine group's list for another.

use super::common::{Drafted, already, needs, told};
use super::group_ip::{AtService, at_service, carry_out_at, in_words, listed, reported_ip, then_wait, way_there};
use super::{ActsOn, Descriptor, Durability, InputId, Inputs, Plan, Restart};
use crate::core::context::Field;
use crate::core::finding::{RemedyId, StepId};
use crate::core::observe::Observations;
use crate::core::service::group_edit::Edit;
use crate::core::text::Text;
use crate::say;

/// What is known of it without a host.
pub static REMEDY: Descriptor = Descriptor {
    id: RemedyId::ReplaceIpInGroup,
    step: StepId::Group,
    title: Text::fixed("Replace an IP in the machine group", "替换机器组中的 IP"),
    inputs: &[told(Field::Project), told(Field::MachineGroup), InputId::Ip, InputId::OldIp],
    acts_on: ActsOn::MachineGroup,
    restart: Restart::AsPlanned,
    can_be_forced: false,
    loses: None,
    durability: Durability::Lasts,
    plan,
};

/// Plans the edit.
fn plan(inputs: &Inputs, see: &Observations) -> Drafted<Plan> {
    let at = at_service(inputs, see)?;
    let group = listed(&at, inputs);
    let (Some(ip), Some(old)) = (inputs.ip, inputs.old_ip) else {
        let mut missing = Vec::new();
        if inputs.ip.is_none() {
            missing.push((InputId::Ip, reported_ip(inputs, see)?));
        }
        if inputs.old_ip.is_none() {
            let only = match group.as_slice() {
                [only] => only.to_string(),
                _ => String::new(),
            };
            missing.push((InputId::OldIp, only));
        }
        return Err(needs(missing));
    };
    if group.contains(&ip) && !group.contains(&old) {
        return Err(already(say!("The machine group lists {ip} and not {old}.", "机器组中已有 {ip}，没有 {old}。")));
    }
    let list = in_words(&group);
    let why = say!(
        "This host reports {ip}; the machine group lists {list}, with {old} for this host.",
        "本机上报的是 {ip}；机器组中是 {list}，其中 {old} 对应本机。"
    );
    let mut plan = Plan::new(RemedyId::ReplaceIpInGroup, StepId::Group, why);
    plan.inputs = vec![(InputId::Ip, ip.to_string()), (InputId::OldIp, old.to_string())];
    let by_hand = vec![
        way_there(inputs),
        say!("In the IP addresses replace {old} with {ip}", "在 IP 地址列表中将 {old} 替换为 {ip}"),
        then_wait(),
    ];
    if matches!(at, AtService::NotRead(_)) && !group.is_empty() && !group.contains(&old) {
        plan.cautions.push(say!("{old} is not in the list that you told.", "{old} 不在您填写的列表中。"));
    }
    plan.cautions.push(say!(
        "Make sure that {old} is not the address of another host that still runs.",
        "请确认 {old} 不是另一台仍在运行的主机的地址。"
    ));
    carry_out_at(&mut plan, at, Edit::Replace { old, new: ip }, by_hand, see)?;
    Ok(plan)
}
