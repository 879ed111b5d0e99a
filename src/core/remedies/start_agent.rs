//! start-agent: starts a stopped agent.

use super::common::{Drafted, already, refused, the_agent, unread};
use super::control::{no_way, note_force, restart_by};
use super::durable::note_start;
use super::{ActsOn, Descriptor, Durability, Inputs, Plan, Restart};
use crate::core::agent::processes::{Shape, process_shape};
use crate::core::finding::{RemedyId, StepId};
use crate::core::observe::{Observations, Unavailable};
use crate::core::text::{Lang, Text};
use crate::say;
use std::path::Path;
use std::time::Duration;

/// What is known of it without a host.
pub static REMEDY: Descriptor = Descriptor {
    id: RemedyId::StartAgent,
    step: StepId::Running,
    title: Text::fixed("Start the agent", "启动 Agent"),
    inputs: &[],
    acts_on: ActsOn::ThisHost,
    restart: Restart::IsOne,
    can_be_forced: true,
    loses: None,
    durability: Durability::UntilReboot,
    plan,
};

/// Plans the start.
fn plan(inputs: &Inputs, see: &Observations) -> Drafted<Plan> {
    let agent = the_agent(see)?;
    let name = agent.flavour.label();
    let name = name.get(Lang::En);
    if let Err(trouble) = see.processes()? {
        return Err(match trouble {
            Unavailable::NotAllowed => refused(Text::fixed(
                "Other users' processes are hidden from this user, so whether the agent runs is not known; run as root.",
                "当前用户看不到其他用户的进程，无法确认 Agent 是否在运行；请以 root 运行。",
            )),
            trouble => unread(Path::new("/proc"), trouble),
        });
    }
    match process_shape(&agent.processes) {
        Shape::None => {}
        // What is left of an agent does not come back by a start; the operator chose to end it first.
        Shape::Single(_) if !agent.community && inputs.force => {}
        Shape::Single(pid) if !agent.community => {
            return Err(refused(say!(
                "One process of {name} still runs ({pid}), so a start may do nothing; use restart-agent.",
                "{name} 仍有一个进程（{pid}）在运行，直接启动可能无效；请使用 restart-agent。"
            )));
        }
        Shape::Pair { .. } | Shape::Single(_) | Shape::TooMany(_) => {
            let pids = agent.processes.iter().map(|process| process.pid.to_string()).collect::<Vec<_>>().join(", ");
            return Err(already(say!("{name} runs already: process {pids}.", "{name} 已在运行：进程 {pids}。")));
        }
    }
    let dir = agent.install_dir.display();
    let why = say!(
        "{name} in {dir} has no process, so nothing sends the heartbeat.",
        "{dir} 中的 {name} 没有进程，因此没有心跳。"
    );
    let mut plan = Plan::new(RemedyId::StartAgent, StepId::Running, why);
    plan.changes = restart_by(see, &agent, inputs.force)?;
    if plan.changes.is_empty() {
        return Err(no_way(&agent));
    }
    note_force(&mut plan, inputs);
    note_start(&mut plan, see, &agent)?;
    plan.patience = Duration::from_secs(20);
    Ok(plan)
}
