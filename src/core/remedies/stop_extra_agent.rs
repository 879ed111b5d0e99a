//! stop-extra-agent: stops the running agents other than the one that reports for this host. By the init script where
//! there is one; else by signal, and only to processes whose program was seen to be that agent's.

use super::common::{Drafted, already, no_agent, refused, unit_property};
use super::{ActsOn, Change, Descriptor, Durability, Inputs, Plan, Restart, control};
use crate::core::agent::layout::{self, Agent, Flavour};
use crate::core::agent::processes::{Shape, is_alive, process_shape};
use crate::core::finding::{RemedyId, StepId};
use crate::core::observe::Observations;
use crate::core::text::Text;
use crate::say;
use std::time::Duration;

/// What is known of it without a host.
pub static REMEDY: Descriptor = Descriptor {
    id: RemedyId::StopExtraAgent,
    step: StepId::Running,
    title: Text::fixed("Stop the extra agent", "停止多余的 Agent"),
    inputs: &[],
    acts_on: ActsOn::ThisHost,
    restart: Restart::AsPlanned,
    can_be_forced: true,
    loses: None,
    durability: Durability::UntilReboot,
    plan,
};

/// Plans the stop.
fn plan(inputs: &Inputs, see: &Observations) -> Drafted<Plan> {
    let agents = layout::find(see)?;
    // The one that stays: that of the checks, but never an open-source build where a commercial one runs as well.
    let stays = agents
        .iter()
        .find(|agent| !agent.community && !agent.processes.is_empty())
        .or(agents.first())
        .ok_or_else(no_agent)?;
    let extra: Vec<_> = agents
        .iter()
        .filter(|agent| agent.install_dir != stays.install_dir && agent.processes.iter().any(is_alive))
        .collect();
    let kept = stays.install_dir.display();
    let mut plan = if extra.is_empty() {
        one_too_many(inputs, see, stays, &agents)?
    } else {
        let dirs = extra.iter().map(|agent| agent.install_dir.display().to_string()).collect::<Vec<_>>().join(", ");
        let why = say!(
            "The agent in {dirs} runs beside the one in {kept} and competes for its socket and identity.",
            "{dirs} 中的 Agent 与 {kept} 中的同时运行，争用套接字和机器标识。"
        );
        let mut plan = Plan::new(RemedyId::StopExtraAgent, StepId::Running, why);
        for agent in extra {
            plan.changes.extend(stop(inputs, see, agent, stays)?);
        }
        plan.cautions.push(say!(
            "The agent in {kept} stays. What the other one collects for other projects is no longer collected.",
            "保留 {kept} 中的 Agent。另一个 Agent 为其他 Project 采集的数据将不再采集。"
        ));
        plan.cautions.push(Text::fixed(
            "It comes back at the next boot unless it is disabled or uninstalled.",
            "如果不禁用或卸载，下次开机它会再次启动。",
        ));
        plan
    };
    control::note_force(&mut plan, inputs);
    plan.patience = Duration::from_secs(20);
    Ok(plan)
}

/// Only one agent runs. When it has too many processes, stop and start leave one pair.
fn one_too_many(inputs: &Inputs, see: &Observations, agent: &Agent, agents: &[Agent]) -> Drafted<Plan> {
    if let Shape::TooMany(count) = process_shape(&agent.processes) {
        let changes = control::restart_by(see, agent, inputs.force)?;
        if !changes.is_empty() {
            let dir = agent.install_dir.display();
            let why = say!(
                "{count} processes of the one agent in {dir} run, and two are normal; stop and start leave one pair.",
                "{dir} 中的 Agent 有 {count} 个进程，正常应为两个；先停止再启动后只留一对。"
            );
            let mut plan = Plan::new(RemedyId::StopExtraAgent, StepId::Running, why);
            plan.changes = changes;
            return Ok(plan);
        }
    }
    let idle: Vec<_> = agents.iter().filter(|other| other.install_dir != agent.install_dir).collect();
    if idle.is_empty() {
        return Err(already(Text::fixed("Only one agent is on this host.", "本机只有一个 Agent。")));
    }
    let dirs = idle.iter().map(|agent| agent.install_dir.display().to_string()).collect::<Vec<_>>().join(", ");
    let kept = agent.install_dir.display();
    let why = say!(
        "No extra agent runs, but {dirs} is installed beside {kept} and may be started again.",
        "没有多余的 Agent 在运行，但 {dirs} 与 {kept} 同时存在，可能再次被启动。"
    );
    let mut plan = Plan::new(RemedyId::StopExtraAgent, StepId::Installed, why);
    for other in idle {
        let dir = other.install_dir.display();
        let suffix = other.unit.strip_prefix(other.flavour.service()).unwrap_or_default();
        let script = if other.flavour == Flavour::Logtail { "logtail.sh" } else { "loongcollector.sh" };
        let option = if suffix.is_empty() { String::new() } else { format!(" -s {suffix}") };
        plan.manual.push(say!(
            "When nobody needs the agent in {dir}, uninstall it with the script that installed it, as root: ./{script} uninstall{option}",
            "确认无人使用 {dir} 中的 Agent 后，以 root 用当初的安装脚本卸载：./{script} uninstall{option}"
        ));
    }
    Ok(plan)
}

/// Stops one agent, and never by a script or a unit that is the other's: an install directory of the usual names is
/// taken to belong to the script of the same suffix, and two such directories share it.
fn stop(inputs: &Inputs, see: &Observations, agent: &Agent, stays: &Agent) -> Drafted<Vec<Change>> {
    let is_shared = agent.init_script.is_some() && agent.init_script == stays.init_script;
    if let Some(script) = agent.init_script.as_ref().filter(|_| !is_shared) {
        return Ok(control::stop_by(script, agent, inputs.force));
    }
    let unit = if is_shared { agent.flavour.service() } else { &agent.unit };
    let dir = agent.install_dir.display();
    // The unit's name may be that of another agent as well, so its main process must be one of these.
    let main_pid = unit_property(see, unit, "MainPID")?;
    let is_its_unit = agent.processes.iter().any(|process| process.pid.to_string() == main_pid);
    if is_its_unit {
        return Ok(control::stop_unit(unit, agent, inputs.force));
    }
    if agent.processes.iter().filter(|process| is_alive(process)).any(|process| process.exe.is_err()) {
        return Err(refused(say!(
            "Whose processes these are cannot be seen by this user ({dir}); run as root.",
            "当前用户无法确认这些进程的归属（{dir}）；请以 root 运行。"
        )));
    }
    Ok(control::stop_processes(agent, inputs.force))
}
