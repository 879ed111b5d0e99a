//! Root and consequence: which cause explains which, over the findings of all steps. One table; the first line of it
//! that fits counts. A cause that nothing explains stands for itself, and the first of those is the root that every face
//! names first. It adds no cause and takes none away: a consequence stays true.

use crate::core::agent::layout;
use crate::core::agent::log::LogSign;
use crate::core::context::Context;
use crate::core::finding::{Cause, CauseId, Finding, RemedyId, Severity, StepId};
use crate::core::observe::Observations;
use crate::core::text::Text;

use CauseId::*;

/// What the table needs to know beside the findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Facts {
    /// The agent's major version, where it is known.
    pub major: Option<u32>,
    /// Whether the operator told over which network the agent is to go.
    pub network_told: bool,
}

impl Facts {
    /// Only from what is known already: nothing is asked for it.
    pub fn of(see: &Observations, told: &Context) -> Facts {
        let agent = layout::find(see).ok().and_then(|found| found.into_iter().next());
        see.take_open();
        see.take_touched();
        let major = agent.and_then(|agent| agent.version).map(|version| version.major);
        Facts { major, network_told: told.network.is_some() }
    }
}

/// A consequence, another cause that may explain it, and all that there is to judge by.
struct Pair<'a> {
    what: &'a Cause,
    by: &'a Cause,
    /// The finding of the step that reports the consequence.
    of: &'a Finding,
    facts: Facts,
}

impl Pair<'_> {
    /// Up to 1.x the worker ends at once when its configuration is broken.
    fn is_old_agent(&self) -> bool {
        self.facts.major == Some(1)
    }

    /// Whether the log gives this reason for the starts that were counted.
    fn has_reason(&self, sign: LogSign) -> bool {
        let text = sign.text();
        self.of.evidence.iter().any(|row| row.value == text)
    }

    /// Whether another endpoint is known to answer: then the one that is configured is the fault, and not the way to it.
    fn another_endpoint_answers(&self) -> bool {
        self.what.remedies.first() == Some(&RemedyId::SetEndpoint)
    }

    /// Whether the group lists an address of this host: then the group is right, and the agent reports another one.
    fn group_is_right(&self) -> bool {
        self.what.remedies.first() == Some(&RemedyId::SetWorkingIp)
    }

    /// Whether the agent reports an address that it would not take if it started now.
    fn is_held_address(&self) -> bool {
        self.by.remedies.first() == Some(&RemedyId::RestartAgent)
    }

    /// Whether what was said of a certificate is about its dates.
    fn is_about_dates(&self) -> bool {
        let said = self.what.detail.get(crate::core::text::Lang::En).to_ascii_lowercase();
        ["expired", "not valid yet", "not yet valid"].iter().any(|words| said.contains(words))
    }
}

/// One line of the table: these consequences are explained by these causes, where the last holds.
type Line = (&'static [CauseId], &'static [CauseId], fn(&Pair) -> bool);

const ALWAYS: fn(&Pair) -> bool = |_| true;

/// What goes wrong on the way to the service.
const NETWORK: &[CauseId] = &[DnsFailure, DnsWrongAddress, ConnectRefused, ConnectTimeout, TlsFailure, ForeignResponse];

/// What goes wrong on this host itself before anything is on the way.
const OWN_NETWORK: &[CauseId] = &[NoNetwork, LocalFirewall, RouteCaptured, NameServerMissing, NameServerDown];

/// Which cause explains which.
const TABLE: &[Line] = &[
    (&[AgentStopped, AgentAbnormal, RestartLoop, Crash, AppInfoMissing], &[IllegalInstruction], ALWAYS),
    (&[AgentStopped, NotEnabledAtBoot], &[InstallIncomplete], ALWAYS),
    (
        &[AgentStopped, AgentAbnormal, RestartLoop, Crash, AppInfoMissing],
        &[AgentCannotStart, FilesystemReadOnly, FilesystemFull],
        ALWAYS,
    ),
    (&[AgentAbnormal, RestartLoop, Crash, AppInfoMissing], &[ConfigInvalidJson], |pair| pair.is_old_agent()),
    (&[RestartLoop], &[IpAmbiguous], |pair| pair.has_reason(LogSign::IpChanged)),
    (&[RestartLoop], OWN_NETWORK, |pair| pair.has_reason(LogSign::ContactLost) || pair.has_reason(LogSign::Stuck)),
    (&[RestartLoop], NETWORK, |pair| pair.has_reason(LogSign::ContactLost) || pair.has_reason(LogSign::Stuck)),
    (&[AgentAbnormal, Crash, ResourceLimit, AppInfoMissing, AppInfoInvalid], &[RestartLoop], ALWAYS),
    (&[AppInfoMissing], &[AgentAbnormal], ALWAYS),
    (&[DomainSocketBusy], &[SeveralAgents, TooManyProcesses], ALWAYS),
    // Where the operator told the network, that it is another one is a fault of its own.
    (&[NetworkTypeMismatch], &[RegionMismatch], |pair| !pair.facts.network_told),
    (&[UnknownRegion, ClusterLabelMismatch], &[RegionMismatch, EndpointMismatch], ALWAYS),
    (
        &[
            DnsFailure,
            NameServerDown,
            NameServerSlow,
            LocalFirewall,
            RouteCaptured,
            ConnectRefused,
            ConnectTimeout,
            TlsFailure,
            ProxyMismatch,
        ],
        &[NoNetwork],
        ALWAYS,
    ),
    // A rule that stops the questions for a name has taken the place of the name's cause already.
    (&[ConnectRefused, ConnectTimeout, TlsFailure, ProxyMismatch], &[LocalFirewall, RouteCaptured], ALWAYS),
    (&[NameServerSlow], &[LocalFirewall, RouteCaptured, NameServerDown], ALWAYS),
    (&[DnsFailure, ProxyMismatch], &[NameServerMissing, NameServerDown], ALWAYS),
    (NETWORK, &[ProxyMismatch], ALWAYS),
    (&[ConnectRefused, ConnectTimeout, TlsFailure, ForeignResponse], &[DnsWrongAddress], ALWAYS),
    (&[TlsFailure], &[ForeignResponse], ALWAYS),
    (&[TlsFailure], &[ClockSkew], |pair| pair.is_about_dates()),
    (&[DnsFailure, ConnectRefused, ConnectTimeout], &[RegionMismatch, NetworkTypeMismatch, EndpointMismatch], |pair| {
        pair.another_endpoint_answers()
    }),
    (&[IpNotLocal, IpLoopback, IpVirtualNic, IpEmpty, IpNotInGroup], &[IpStale], |pair| pair.is_held_address()),
    (&[IpNotInGroup], &[IpEmpty], ALWAYS),
    (&[IpNotInGroup], &[IpLoopback, IpNotLocal, IpVirtualNic, IpAmbiguous], |pair| pair.group_is_right()),
    // What the files say is theirs: only that it is not taken up follows from their modes.
    (&[CustomIdMissing, CustomIdStale, AliuidMissing, AuthRejected], &[IdentityUnreadable], ALWAYS),
    (&[AuthRejected], &[AliuidMissing, AliuidMalformed, AliuidNotOwner], ALWAYS),
    (&[RegionRejected], &[RegionMismatch, EndpointMismatch, UnknownRegion, ConfigNotInForce], ALWAYS),
    (&[ClockRejected], &[ClockSkew], ALWAYS),
];

/// Warnings that may be the very reason why no heartbeat comes, where nothing fails.
const ENOUGH_FOR_SILENCE: &[CauseId] = &[
    FilesystemReadOnly,
    FilesystemFull,
    SeveralAgents,
    TooManyProcesses,
    ConfigNotInForce,
    ConfigNotStrictJson,
    UnknownRegion,
    DnsFailure,
    DnsWrongAddress,
    ConnectRefused,
    ConnectTimeout,
    TlsFailure,
    ForeignResponse,
    LocalFirewall,
    NoNetwork,
    RouteCaptured,
    NameServerMissing,
    NameServerDown,
    PathMtu,
    ProxyMismatch,
    ClockSkew,
    IpNotLocal,
    IpLoopback,
    IpAmbiguous,
    IpVirtualNic,
    IpStale,
    CustomIdMissing,
    CustomIdStale,
    IdentityUnreadable,
    GroupOsMix,
    AliuidMissing,
    AliuidMalformed,
    AuthRejected,
    RegionRejected,
    ClockRejected,
    Crash,
    ResourceLimit,
    DomainSocketBusy,
    UuidNone,
    IdleBackoff,
];

const HEARTBEAT: &[CauseId] = &[HeartbeatAbsent, HeartbeatStale];

/// The findings with every consequence bound to its cause. A step of which all that is worst follows from another step
/// says so in its sentence.
pub fn related(findings: &[Finding], facts: Facts) -> Vec<Finding> {
    let mut related: Vec<Finding> = findings.to_vec();
    for finding in &mut related {
        let of = finding.clone();
        for cause in &mut finding.causes {
            cause.explained_by = explaining(findings, &of, cause, facts);
        }
    }
    // A missing heartbeat is never more than a consequence, as long as anything else is wrong.
    let reason = standing(&related, Severity::Fail, |cause| !HEARTBEAT.contains(&cause.id))
        .or_else(|| standing(&related, Severity::Warn, |cause| ENOUGH_FOR_SILENCE.contains(&cause.id)))
        .map(|(_, cause)| cause.id);
    for cause in related.iter_mut().flat_map(|finding| &mut finding.causes) {
        if HEARTBEAT.contains(&cause.id) {
            cause.explained_by = reason;
        }
    }
    let steps: Vec<(CauseId, StepId)> = related.iter().flat_map(|f| f.causes.iter().map(|c| (c.id, f.step))).collect();
    for finding in &mut related {
        fold(finding, &steps);
    }
    related
}

/// The first cause of the table that explains this one. It must be as bad as what it explains, unless it is an address
/// that the agent only holds, a limit, or an ambiguity: those are warnings by which something fails.
fn explaining(findings: &[Finding], of: &Finding, what: &Cause, facts: Facts) -> Option<CauseId> {
    let all = || findings.iter().flat_map(|finding| &finding.causes);
    let is_enough = |by: &Cause| by.severity >= what.severity || matches!(by.id, IpStale | IpAmbiguous | IpVirtualNic);
    TABLE.iter().filter(|(consequences, ..)| consequences.contains(&what.id)).find_map(|(_, reasons, holds)| {
        let known = |id: &&CauseId| {
            let mut by = all().filter(|cause| cause.id == **id && cause.id != what.id && is_enough(cause));
            by.any(|by| holds(&Pair { what, by, of, facts }))
        };
        reasons.iter().find(known).copied()
    })
}

/// The first cause, in flowchart order and the worst of its step first, that nothing explains.
fn standing(findings: &[Finding], severity: Severity, wanted: impl Fn(&Cause) -> bool) -> Option<(&Finding, &Cause)> {
    let mut all = findings.iter().flat_map(|finding| finding.causes.iter().map(move |cause| (finding, cause)));
    all.find(|(_, cause)| cause.severity == severity && cause.explained_by.is_none() && wanted(cause))
}

/// Says in the sentence of a step that it follows from another one, when all that is worst of it does.
fn fold(finding: &mut Finding, steps: &[(CauseId, StepId)]) {
    let Some(worst) = finding.causes.iter().map(|cause| cause.severity).max() else { return };
    let mut of_worst = finding.causes.iter().filter(|cause| cause.severity == worst);
    let step_of = |id: CauseId| steps.iter().find(|(known, _)| *known == id).map(|(_, step)| *step);
    let Some(Some(step)) = finding.causes.first().map(|cause| cause.explained_by.and_then(step_of)) else { return };
    let is_elsewhere = |cause: &Cause| cause.explained_by.and_then(step_of).is_some_and(|step| step != finding.step);
    if !of_worst.all(is_elsewhere) {
        return;
    }
    let (number, title) = (step.index() + 1, step.title());
    let ((title_en, title_zh), (en, zh)) = (title.both(), finding.summary.both());
    finding.summary = Text::filled(
        format!("Follows from step {number}, {title_en}. {en}"),
        format!("由第 {number} 步（{title_zh}）引起。{zh}"),
    );
}

/// The root: of what fails, the first cause that stands for itself, or what the chain of its reasons ends in; where
/// nothing fails, the first warning that stands for itself.
pub fn root<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Option<(StepId, &'a Cause)> {
    let all: Vec<(StepId, &Cause)> =
        findings.into_iter().flat_map(|f| f.causes.iter().map(|cause| (f.step, cause))).collect();
    let of = |severity: Severity| all.iter().copied().filter(move |(_, cause)| cause.severity == severity);
    let stands = |(_, cause): &(StepId, &Cause)| cause.explained_by.is_none();
    of(Severity::Fail)
        .find(stands)
        .or_else(|| of(Severity::Fail).next().map(|first| end_of_chain(first, &all)))
        .or_else(|| of(Severity::Warn).find(stands))
}

/// The sentence that names the root.
pub fn sentence(step: StepId, cause: &Cause) -> Text {
    let (number, title) = (step.index() + 1, step.title());
    let ((title_en, title_zh), (en, zh)) = (title.both(), cause.detail.both());
    Text::filled(
        format!("Root cause: step {number}, {title_en}. {en}"),
        format!("根本原因：第 {number} 步（{title_zh}）。{zh}"),
    )
}

/// Follows the reasons of a cause to the one that stands for itself.
fn end_of_chain<'a>(first: (StepId, &'a Cause), all: &[(StepId, &'a Cause)]) -> (StepId, &'a Cause) {
    let mut at = first;
    // A chain is never longer than there are causes.
    for _ in all {
        let Some(next) = at.1.explained_by.and_then(|id| all.iter().find(|(_, cause)| cause.id == id)) else { break };
        at = *next;
    }
    at
}

#[cfg(test)]
mod tests;
