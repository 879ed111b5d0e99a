//! enable-at-boot: has the agent started when the machine boots, by whatever this system has for it.

use super::common::{Drafted, already, is_there, refused, the_agent, unit_property};
use super::{ActsOn, Change, Descriptor, Durability, Inputs, Plan, Restart};
use crate::core::finding::{RemedyId, StepId};
use crate::core::observe::{Observations, ReadCommand, Together};
use crate::core::text::Text;
use crate::say;
use std::time::Duration;

/// What is known of it without a host.
pub static REMEDY: Descriptor = Descriptor {
    id: RemedyId::EnableAtBoot,
    step: StepId::Running,
    title: Text::fixed("Start the agent at boot", "设置开机自动启动"),
    inputs: &[],
    acts_on: ActsOn::ThisHost,
    restart: Restart::AsPlanned,
    can_be_forced: false,
    loses: None,
    durability: Durability::Lasts,
    plan: plan,
};

/// Plans the commands.
fn plan(_: &Inputs, see: &Observations) -> Drafted<Plan> {
    let agent = the_agent(see)?;
    let unit = agent.unit.as_str();
    let enabled = see.look(&ReadCommand::UnitEnabled { unit: unit.to_string() });
    let load_state = unit_property(see, unit, "LoadState");
    let chkconfig = is_there(see, &["/sbin/chkconfig", "/usr/sbin/chkconfig"]);
    let update_rc = is_there(see, &["/usr/sbin/update-rc.d"]);
    let (enabled, load_state, has_chkconfig, has_update_rc) = (enabled, load_state, chkconfig, update_rc).together()?;
    if enabled.as_ref().is_ok_and(|said| said.code == Some(0) && said.out.trim() == "enabled") {
        return Err(already(say!("{unit} is enabled at boot already.", "{unit} 已设置为开机启动。")));
    }
    let commands: Vec<Vec<&str>> = if load_state == "loaded" {
        vec![vec!["systemctl", "enable", unit]]
    } else if agent.init_script.is_some() && has_chkconfig {
        vec![vec!["chkconfig", "--add", unit], vec!["chkconfig", unit, "on"]]
    } else if agent.init_script.is_some() && has_update_rc {
        vec![vec!["update-rc.d", unit, "defaults"]]
    } else {
        return Err(refused(say!(
            "There is no unit {unit}, and neither chkconfig nor update-rc.d to enable an init script with. Add its start to this system's own boot scripts.",
            "没有 {unit} 单元，也没有可用于启动脚本的 chkconfig 或 update-rc.d。请将启动命令加入本系统的开机脚本。"
        )));
    };
    let why = say!(
        "{unit} is not enabled, so after the next boot no heartbeat would be sent.",
        "{unit} 未设置开机启动，下次开机后将没有心跳。"
    );
    let mut plan = Plan::new(RemedyId::EnableAtBoot, StepId::Running, why);
    plan.changes = commands
        .into_iter()
        .map(|words| Change::Run {
            argv: words.into_iter().map(str::to_string).collect(),
            limit: Duration::from_secs(30),
            accept: vec![0],
            what: say!("enable {unit} at boot", "设置 {unit} 开机启动"),
            proxies: false,
        })
        .collect();
    Ok(plan)
}
