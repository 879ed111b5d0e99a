//! reinstall-agent: what can be had of a reinstall without its loss.

use super::common::{Drafted, told};
use super::installer::upgrade_with;
use super::{ActsOn, Descriptor, Durability, Inputs, Plan, Restart};
use crate::core::context::Field;
use crate::core::finding::{RemedyId, StepId};
use crate::core::observe::Observations;
use crate::core::text::Text;

/// What is known of it without a host.
pub static REMEDY: Descriptor = Descriptor {
    id: RemedyId::ReinstallAgent,
    step: StepId::Parameters,
    title: Text::fixed("Reinstall the agent", "重新安装 Agent"),
    inputs: &[told(Field::Region), told(Field::Network)],
    acts_on: ActsOn::ThisHost,
    restart: Restart::IsOne,
    can_be_forced: false,
    loses: None,
    durability: Durability::Lasts,
    plan,
};

/// Plans the upgrade that stands for it.
fn plan(inputs: &Inputs, see: &Observations) -> Drafted<Plan> {
    let (mut plan, _) = upgrade_with(RemedyId::ReinstallAgent, StepId::Parameters, inputs, see)?;
    plan.cautions.insert(
        0,
        Text::fixed(
            "A true reinstall would delete the install directory with its configuration; so the programs are replaced by upgrade instead. It does not change region or network type: set-endpoint does, and repair-config restores a broken configuration.",
            "真正的重装会删除安装目录及其配置，因此改用 upgrade 替换程序。它不会改变地域或网络类型：请使用 set-endpoint；配置损坏请使用 repair-config。",
        ),
    );
    Ok(plan)
}
