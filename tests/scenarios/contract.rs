//! The contract (design, section 3) as data: which step reports a cause, and which remedies its row allows. Written from
//! the document, not from the checks.

use logtail_doctor::core::finding::{CauseId, RemedyId, StepId};

/// A row of the contract's table: the step, its causes, the remedies of the row.
pub type Row = (StepId, &'static [CauseId], &'static [RemedyId]);

/// The contract's table.
pub const CAUSES: &[Row] = &[
    (
        StepId::Installed,
        &[
            CauseId::AgentNotInstalled,
            CauseId::InstallIncomplete,
            CauseId::SeveralAgents,
            CauseId::CommunityEdition,
            CauseId::AgentCannotStart,
            CauseId::FilesystemReadOnly,
            CauseId::FilesystemFull,
        ],
        &[RemedyId::InstallAgent, RemedyId::UpgradeAgent],
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
        &[RemedyId::StartAgent, RemedyId::RestartAgent, RemedyId::StopExtraAgent, RemedyId::EnableAtBoot],
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
            CauseId::LocalFirewall,
            CauseId::NoNetwork,
            CauseId::RouteCaptured,
            CauseId::NameServerMissing,
            CauseId::NameServerDown,
            CauseId::NameServerSlow,
            CauseId::PathMtu,
            CauseId::DnsFailure,
            CauseId::DnsWrongAddress,
            CauseId::ConnectRefused,
            CauseId::ConnectTimeout,
            CauseId::TlsFailure,
            CauseId::ForeignResponse,
            CauseId::ProxyMismatch,
        ],
        &[
            RemedyId::SetEndpoint,
            RemedyId::AllowEgress,
            RemedyId::SetNameServer,
            RemedyId::RemoveProxy,
            RemedyId::UnpinHost,
        ],
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
            CauseId::IdentityUnreadable,
        ],
        &[
            RemedyId::AddIpToGroup,
            RemedyId::ReplaceIpInGroup,
            RemedyId::WriteCustomId,
            RemedyId::CleanCustomId,
            RemedyId::RemoveCustomId,
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

/// Remedies beyond the contract's rows: where a row holds none that cures the cause, with the reason. The same list stands
/// in the README.
pub const BEYOND: &[(CauseId, RemedyId, &str)] = &[
    (
        CauseId::SeveralAgents,
        RemedyId::StopExtraAgent,
        "installing or upgrading cures no second agent; stopping it does, which the row of `running` holds",
    ),
    (
        CauseId::IllegalInstruction,
        RemedyId::UpgradeAgent,
        "every start dies of it again; only another build of the program helps",
    ),
    (
        CauseId::IpNotInGroup,
        RemedyId::SetWorkingIp,
        "only where the group lists this host's own address already: then the group is right and the agent is not",
    ),
    (
        CauseId::CustomIdMismatch,
        RemedyId::RestartAgent,
        "only where the file is right and the running agent still holds the old identifier",
    ),
    (CauseId::CustomIdStale, RemedyId::RestartAgent, "only where the identifier is left in the running agent's memory"),
    (
        CauseId::AliuidMissing,
        RemedyId::RestartAgent,
        "only where the file is there and the running agent has not taken it up",
    ),
];

/// Causes that no host of the laboratory shows: why, and the file and the test that hold them instead.
pub const WITHOUT_LABORATORY: &[(CauseId, &str, &str, &str)] = &[
    (
        CauseId::NameServerSlow,
        "the laboratory's name servers answer at once or never",
        "src/core/checks/network/tests.rs",
        "a_name_server_that_answers_late_is_told_beside_the_name",
    ),
    (
        CauseId::PathMtu,
        "the laboratory's service is on the host's own machine, where no packet is too large",
        "src/core/checks/network/tests.rs",
        "tls_that_stalls_where_http_answers_names_the_command_that_tells",
    ),
];

/// Causes that have no remedy: the service's quota is raised in the console, where a group is divided as well, and the row
/// of the heartbeat has none; a file system and modes are put right by hand, with the commands in the evidence.
pub const WITHOUT_REMEDY: &[CauseId] = &[
    CauseId::FilesystemReadOnly,
    CauseId::FilesystemFull,
    CauseId::IdentityUnreadable,
    CauseId::NoNetwork,
    CauseId::RouteCaptured,
    CauseId::PathMtu,
    CauseId::Quota,
    CauseId::GroupOsMix,
    CauseId::HeartbeatAbsent,
    CauseId::HeartbeatStale,
    CauseId::HeartbeatUnverified,
];

/// The step that reports a cause.
pub fn step_of(cause: CauseId) -> StepId {
    row_of(cause).0
}

/// Whether its row allows a remedy, or there is a reason to go beyond the row.
pub fn allows(cause: CauseId, remedy: RemedyId) -> bool {
    row_of(cause).2.contains(&remedy) || BEYOND.iter().any(|(known, beyond, _)| (*known, *beyond) == (cause, remedy))
}

fn row_of(cause: CauseId) -> &'static Row {
    CAUSES.iter().find(|(_, causes, _)| causes.contains(&cause)).expect("every cause stands in the contract")
}
