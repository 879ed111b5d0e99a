//! From a remedy's id to the file that plans it.

use super::common::{self, Stop};
use super::{
    Inputs, Planned, aliuid, bind_hostname, config_switch, control, custom_id, egress, enable_at_boot, group_ip,
    install, name_server, remove_proxy, repair_config, set_endpoint, stop_extra, sync_clock, unpin_host,
};
use crate::core::finding::{RemedyId, StepId};
use crate::core::observe::{Observations, Unanswered};

/// The step that a remedy belongs to (design, section 3).
pub const fn step_of(remedy: RemedyId) -> StepId {
    match remedy {
        RemedyId::InstallAgent | RemedyId::UpgradeAgent => StepId::Installed,
        RemedyId::StartAgent | RemedyId::RestartAgent | RemedyId::StopExtraAgent | RemedyId::EnableAtBoot => {
            StepId::Running
        }
        RemedyId::RepairConfig | RemedyId::SetEndpoint | RemedyId::ReinstallAgent => StepId::Parameters,
        RemedyId::AllowEgress | RemedyId::SetNameServer | RemedyId::RemoveProxy | RemedyId::UnpinHost => {
            StepId::Network
        }
        RemedyId::SyncClock | RemedyId::EnableTimeAdjust => StepId::Clock,
        RemedyId::BindHostname | RemedyId::SetWorkingIp => StepId::Address,
        RemedyId::AddIpToGroup
        | RemedyId::ReplaceIpInGroup
        | RemedyId::WriteCustomId
        | RemedyId::CleanCustomId
        | RemedyId::RemoveCustomId => StepId::Group,
        RemedyId::AddAliuid | RemedyId::RenameAliuid => StepId::Account,
    }
}

/// Plans a remedy from what was observed.
///
/// # Errors
/// Something has not been looked at yet; the question was noted.
pub fn plan(remedy: RemedyId, inputs: &Inputs, see: &Observations) -> Result<Planned, Unanswered> {
    let drafted = match remedy {
        RemedyId::InstallAgent => install::install(inputs, see),
        RemedyId::UpgradeAgent => install::upgrade(inputs, see),
        RemedyId::ReinstallAgent => install::reinstall(inputs, see),
        RemedyId::StartAgent => control::start(inputs, see),
        RemedyId::RestartAgent => control::restart(inputs, see),
        RemedyId::StopExtraAgent => stop_extra::plan(inputs, see),
        RemedyId::EnableAtBoot => enable_at_boot::plan(inputs, see),
        RemedyId::RepairConfig => repair_config::plan(inputs, see),
        RemedyId::SetEndpoint => set_endpoint::plan(inputs, see),
        RemedyId::AllowEgress => egress::plan(inputs, see),
        RemedyId::SetNameServer => name_server::plan(inputs, see),
        RemedyId::RemoveProxy => remove_proxy::plan(inputs, see),
        RemedyId::UnpinHost => unpin_host::plan(inputs, see),
        RemedyId::SyncClock => sync_clock::plan(inputs, see),
        RemedyId::EnableTimeAdjust => config_switch::enable_time_adjust(inputs, see),
        RemedyId::BindHostname => bind_hostname::plan(inputs, see),
        RemedyId::SetWorkingIp => config_switch::set_working_ip(inputs, see),
        RemedyId::AddIpToGroup => group_ip::add(inputs, see),
        RemedyId::ReplaceIpInGroup => group_ip::replace(inputs, see),
        RemedyId::WriteCustomId => custom_id::write(inputs, see),
        RemedyId::CleanCustomId => custom_id::clean(inputs, see),
        RemedyId::RemoveCustomId => custom_id::remove(inputs, see),
        RemedyId::AddAliuid => aliuid::add(inputs, see),
        RemedyId::RenameAliuid => aliuid::rename(inputs, see),
    };
    match drafted {
        Ok(plan) => Ok(Planned::Ready(Box::new(control::with_revival(common::with_owners(plan, see)?, see)?))),
        Err(Stop::Decided(planned)) => Ok(planned),
        Err(Stop::Unanswered) => Err(Unanswered),
    }
}
