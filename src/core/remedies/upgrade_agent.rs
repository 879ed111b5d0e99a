//! upgrade-agent: newer programs, the same configuration and checkpoints.

use super::common::Drafted;
use super::installer::upgrade_with;
use super::{ActsOn, Descriptor, Durability, Inputs, Plan, Restart};
use crate::core::agent::layout::Flavour;
use crate::core::finding::{RemedyId, StepId};
use crate::core::observe::Observations;
use crate::core::text::Text;

/// What is known of it without a host.
pub static REMEDY: Descriptor = Descriptor {
    id: RemedyId::UpgradeAgent,
    step: StepId::Installed,
    title: Text::fixed("Upgrade the agent", "升级 Agent"),
    inputs: &[],
    acts_on: ActsOn::ThisHost,
    restart: Restart::IsOne,
    can_be_forced: false,
    loses: None,
    durability: Durability::Lasts,
    plan,
};

/// Plans the upgrade.
fn plan(inputs: &Inputs, see: &Observations) -> Drafted<Plan> {
    let (mut plan, agent) = upgrade_with(RemedyId::UpgradeAgent, StepId::Installed, inputs, see)?;
    if agent.flavour == Flavour::Logtail {
        plan.cautions.push(Text::fixed(
            "Logtail stays Logtail. Going over to LoongCollector is a step of its own: loongcollector.sh upgrade.",
            "Logtail 仍为 Logtail。迁移到 LoongCollector 需要单独执行 loongcollector.sh upgrade。",
        ));
    }
    Ok(plan)
}
