//! add-ip-to-group: one more line in the list of the machine group; or a new group, when that was chosen.

use super::common::{Drafted, already, needs, told};
use super::group_ip::{AtService, at_service, carry_out_at, in_words, listed, reported_ip, then_wait, way_there};
use super::{ActsOn, Descriptor, Durability, InputId, Inputs, Plan, Restart, new_group};
use crate::core::context::Field;
use crate::core::finding::{RemedyId, StepId};
use crate::core::observe::Observations;
use crate::core::observe::KnownIdentity;
use crate::core::service::group_edit::Edit;
use crate::core::text::Text;
use crate::say;

/// What is known of it without a host.
pub static REMEDY: Descriptor = Descriptor {
    id: RemedyId::AddIpToGroup,
    step: StepId::Group,
    title: Text::fixed("Add this IP to the machine group", "将本机 IP 加入机器组"),
    inputs: &[told(Field::Project), told(Field::MachineGroup), InputId::Ip],
    acts_on: ActsOn::MachineGroup,
    restart: Restart::AsPlanned,
    can_be_forced: false,
    loses: None,
    durability: Durability::Lasts,
    plan,
};

/// Plans the edit.
fn plan(inputs: &Inputs, see: &Observations) -> Drafted<Plan> {
    if inputs.create_group == Some(true) {
        return new_group::plan(inputs, see);
    }
    let at = at_service(inputs, see)?;
    let fits_not = match &at {
        AtService::Missing(_) => true,
        AtService::Read(_, group) => group.identity() == Some(KnownIdentity::UserDefined),
        AtService::NotRead(_) => false,
    };
    if fits_not && inputs.create_group.is_none() {
        return Err(needs(new_group::wanted(inputs, see)?));
    }
    let Some(ip) = inputs.ip else {
        return Err(needs(vec![(InputId::Ip, reported_ip(inputs, see)?)]));
    };
    let group = listed(&at, inputs);
    if group.contains(&ip) {
        return Err(already(say!("The machine group lists {ip} already.", "机器组中已有 {ip}。")));
    }
    let list = in_words(&group);
    let why = say!("This host reports {ip}; the machine group lists {list}.", "本机上报的是 {ip}；机器组中是 {list}。");
    let mut plan = Plan::new(RemedyId::AddIpToGroup, StepId::Group, why);
    plan.inputs = vec![(InputId::Ip, ip.to_string())];
    let by_hand = vec![
        way_there(inputs),
        say!("Add a line to the IP addresses: {ip}", "在 IP 地址列表中新增一行：{ip}"),
        then_wait(),
    ];
    carry_out_at(&mut plan, at, Edit::Add(ip), by_hand, see)?;
    Ok(plan)
}
