//! set-working-ip: the address that the agent reports without asking anything. One key of `ilogtail_config.json`, edited
//! where it is decided; everything else in the file stays byte for byte.

use super::common::{Drafted, already, config_of, deciding_file, edit, identifying_ip, owe_restart, the_agent};
use super::config_key::{note_overlay, uneditable};
use super::{ActsOn, Descriptor, Durability, InputId, Inputs, Plan, Restart};
use crate::core::agent::config_edit::set_string;
use crate::core::finding::{RemedyId, StepId};
use crate::core::observe::Observations;
use crate::core::text::Text;
use crate::say;
use std::time::Duration;

/// What is known of it without a host.
pub static REMEDY: Descriptor = Descriptor {
    id: RemedyId::SetWorkingIp,
    step: StepId::Address,
    title: Text::fixed("Tell the agent its IP (working_ip)", "指定 Agent 的 IP（working_ip）"),
    inputs: &[InputId::Ip],
    acts_on: ActsOn::ThisHost,
    restart: Restart::Owed,
    can_be_forced: false,
    loses: None,
    durability: Durability::Lasts,
    plan,
};

/// Plans the edit.
fn plan(inputs: &Inputs, see: &Observations) -> Drafted<Plan> {
    const KEY: &str = "working_ip";
    let agent = the_agent(see)?;
    let config = config_of(see, &agent)?;
    let (ip, cautions) = identifying_ip(inputs, see)?;
    let ip = ip.to_string();
    if config.working_ip.as_ref().is_some_and(|setting| setting.value == ip) {
        return Err(already(say!(
            "working_ip is {ip} already. If the agent reports another address, restart-agent is what is missing.",
            "working_ip 已经是 {ip}。如果 Agent 上报的是其他地址，请使用 restart-agent。"
        )));
    }
    let (path, before) = deciding_file(see, &agent, &config, KEY)?;
    let after = set_string(&before, KEY, &ip).map_err(|fault| uneditable(&path, &fault))?;
    let why = match &config.working_ip {
        Some(setting) => {
            let was = &setting.value;
            say!(
                "working_ip ({was} now) wins over hostname and interfaces in every version, so the agent will report {ip}.",
                "working_ip（目前为 {was}）在所有版本中都优先于主机名和网卡，Agent 将上报 {ip}。"
            )
        }
        None => say!(
            "working_ip (not set now) wins over hostname and interfaces in every version, so the agent will report {ip}.",
            "working_ip（目前未设置）在所有版本中都优先于主机名和网卡，Agent 将上报 {ip}。"
        ),
    };
    let mut plan = Plan::new(RemedyId::SetWorkingIp, StepId::Address, why);
    plan.inputs = vec![(InputId::Ip, ip.clone())];
    plan.changes.push(edit(&path, Some(before), after));
    plan.cautions = cautions;
    note_overlay(&mut plan, &agent, &path, KEY);
    plan.cautions.push(Text::fixed(
        "The address is fixed from then on: change it here too when the host's address changes, and take it out of images made of this host.",
        "此后地址固定不变：主机地址变化时需要同步修改；用本机制作镜像前请移除。",
    ));
    owe_restart(&mut plan, see, &agent)?;
    plan.patience = Duration::from_secs(40);
    Ok(plan)
}
