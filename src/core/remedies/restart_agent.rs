//! restart-agent: stop, then start; only start when it is stopped.

use super::common::{Drafted, the_agent};
use super::control::{no_way, note_force, restart_by};
use super::durable::note_start;
use super::{ActsOn, Descriptor, Durability, Inputs, Plan, Restart};
use crate::core::finding::{RemedyId, StepId};
use crate::core::observe::Observations;
use crate::core::text::{Lang, Text};
use crate::say;
use std::time::Duration;

/// What is known of it without a host.
pub static REMEDY: Descriptor = Descriptor {
    id: RemedyId::RestartAgent,
    step: StepId::Running,
    title: Text::fixed("Restart the agent (stop, then start)", "重启 Agent（先停止再启动）"),
    inputs: &[],
    acts_on: ActsOn::ThisHost,
    restart: Restart::IsOne,
    can_be_forced: true,
    loses: Some(Text::fixed(
        "Collection pauses for up to a minute; the agent keeps its checkpoints and goes on where it was.",
        "采集最多暂停一分钟；Agent 会保留检查点并从原处继续。",
    )),
    durability: Durability::Lasts,
    plan,
};

/// Plans the stop and the start.
fn plan(inputs: &Inputs, see: &Observations) -> Drafted<Plan> {
    let agent = the_agent(see)?;
    let changes = restart_by(see, &agent, inputs.force)?;
    if changes.is_empty() {
        return Err(no_way(&agent));
    }
    let name = agent.flavour.label();
    let name = name.get(Lang::En);
    let why = say!(
        "{name} reads its configuration, its address and its clock only when it starts.",
        "{name} 仅在启动时读取配置、IP 和时钟。"
    );
    let mut plan = Plan::new(RemedyId::RestartAgent, StepId::Running, why);
    plan.changes = changes;
    note_force(&mut plan, inputs);
    note_start(&mut plan, see, &agent)?;
    plan.patience = Duration::from_secs(20);
    Ok(plan)
}
