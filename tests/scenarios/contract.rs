//! The contract (design, section 3) as data: which step reports a cause, and which remedies its row allows. Written from
//! the document, not from the checks.

use logtail_doctor::finding::{CauseId, RemedyId, StepId};

/// A row of the contract's table: the step, its causes, the remedies of the row.
pub type Row = (StepId, &'static [CauseId], &'static [RemedyId]);

/// The contract's table.
pub const CAUSES: &[Row] = &[
    (
        StepId::Installed,
        &[CauseId::AgentNotInstalled, CauseId::InstallIncomplete, CauseId::SeveralAgents, CauseId::CommunityEdition],
        // The table has no remedy for several agents in this row; that of the next one is what cures it.
        &[RemedyId::InstallAgent, RemedyId::UpgradeAgent, RemedyId::StopExtraAgent],
    ),
    (
        StepId::Running,
        &[
            CauseId::AgentStopped,
            CauseId::AgentAbnormal,
            CauseId::TooManyProcesses,
            CauseId::NotEnabledAtBoot,
            CauseId::RestartLoop,
            CauseId::IllegalInstruction,
        ],
        // An illegal instruction is cured by another build (domain, section 7).
        &[
            RemedyId::StartAgent,
            RemedyId::RestartAgent,
            RemedyId::StopExtraAgent,
            RemedyId::EnableAtBoot,
            RemedyId::UpgradeAgent,
        ],
    ),
    (
        StepId::Parameters,
        &[
            CauseId::ConfigMissing,
            CauseId::ConfigInvalidJson,
            CauseId::ConfigNoEndpoint,
            CauseId::ConfigKeysWrongForVersion,
            CauseId::RegionMismatch,
            CauseId::NetworkTypeMismatch,
            CauseId::EndpointMismatch,
            CauseId::ConfigNotInForce,
            CauseId::ConfigNotStrictJson,
            CauseId::UnknownRegion,
            CauseId::ClusterLabelMismatch,
        ],
        &[RemedyId::RepairConfig, RemedyId::SetEndpoint, RemedyId::ReinstallAgent, RemedyId::RestartAgent],
    ),
    (
        StepId::Network,
        &[
            CauseId::DnsFailure,
            CauseId::DnsWrongAddress,
            CauseId::ConnectRefused,
            CauseId::ConnectTimeout,
            CauseId::TlsFailure,
            CauseId::ForeignResponse,
            CauseId::ProxyMismatch,
        ],
        &[RemedyId::SetEndpoint, RemedyId::AllowEgress],
    ),
    (StepId::Clock, &[CauseId::ClockSkew], &[RemedyId::SyncClock, RemedyId::EnableTimeAdjust]),
    (
        StepId::Address,
        &[
            CauseId::AppInfoMissing,
            CauseId::AppInfoInvalid,
            CauseId::IpEmpty,
            CauseId::IpLoopback,
            CauseId::IpNotLocal,
            CauseId::IpAmbiguous,
            CauseId::IpVirtualNic,
            CauseId::IpStale,
        ],
        &[RemedyId::BindHostname, RemedyId::SetWorkingIp, RemedyId::RestartAgent],
    ),
    (
        StepId::Group,
        &[
            CauseId::GroupNotFound,
            CauseId::IpNotInGroup,
            CauseId::CustomIdMissing,
            CauseId::CustomIdMismatch,
            CauseId::CustomIdMalformed,
            CauseId::IdentityKindMismatch,
            CauseId::CustomIdStale,
            CauseId::GroupOsMix,
        ],
        // An address that is not in the group may also be the wrong one (seed document, section 3.2).
        &[
            RemedyId::AddIpToGroup,
            RemedyId::ReplaceIpInGroup,
            RemedyId::WriteCustomId,
            RemedyId::CleanCustomId,
            RemedyId::RemoveCustomId,
            RemedyId::SetWorkingIp,
        ],
    ),
    (
        StepId::Account,
        &[CauseId::AliuidMissing, CauseId::AliuidMalformed, CauseId::AliuidNotOwner],
        &[RemedyId::AddAliuid, RemedyId::RenameAliuid],
    ),
    // "As the step they point to; restart-agent."
    (
        StepId::Log,
        &[
            CauseId::AuthRejected,
            CauseId::RegionRejected,
            CauseId::ClockRejected,
            CauseId::Crash,
            CauseId::ResourceLimit,
            CauseId::Quota,
            CauseId::DomainSocketBusy,
            CauseId::UuidNone,
            CauseId::IdleBackoff,
        ],
        RemedyId::ALL,
    ),
    (StepId::Heartbeat, &[CauseId::HeartbeatAbsent, CauseId::HeartbeatStale, CauseId::HeartbeatUnverified], &[]),
];

/// Causes that have no remedy: the service's quota is raised in the console, where a group is made or divided as well,
/// and the row of the heartbeat has none.
pub const WITHOUT_REMEDY: &[CauseId] = &[
    CauseId::Quota,
    CauseId::GroupNotFound,
    CauseId::GroupOsMix,
    CauseId::HeartbeatAbsent,
    CauseId::HeartbeatStale,
    CauseId::HeartbeatUnverified,
];

/// The step that reports a cause.
pub fn step_of(cause: CauseId) -> StepId {
    row_of(cause).0
}

/// The remedies that its row allows.
pub fn remedies_of(cause: CauseId) -> &'static [RemedyId] {
    row_of(cause).2
}

fn row_of(cause: CauseId) -> &'static Row {
    CAUSES.iter().find(|(_, causes, _)| causes.contains(&cause)).expect("every cause stands in the contract")
}
