//! The table of consequences, line by line.

use super::*;
use crate::core::finding::Verdict;
use crate::core::text::Lang;

fn cause(id: CauseId, severity: Severity, remedies: &[RemedyId]) -> Cause {
    let text = || Text::fixed("It is so.", "如此。");
    Cause::new(id, severity, text(), text(), remedies)
}

fn finding(step: StepId, causes: Vec<Cause>) -> Finding {
    Finding::judged(step, Text::fixed("It is so.", "如此。"), causes, Vec::new())
}

fn fails(step: StepId, ids: &[CauseId]) -> Finding {
    finding(step, ids.iter().map(|id| cause(*id, Severity::Fail, &[])).collect())
}

/// Every cause with what explains it, and the root.
fn bound(findings: &[Finding], facts: Facts) -> (Vec<(CauseId, Option<CauseId>)>, Option<CauseId>) {
    let related = related(findings, facts);
    let causes = related.iter().flat_map(|finding| &finding.causes).map(|cause| (cause.id, cause.explained_by));
    (causes.collect(), root(&related).map(|(_, cause)| cause.id))
}

#[test]
fn the_root_is_named_and_its_consequences_say_what_they_follow_from() {
    use StepId::{Heartbeat, Installed, Parameters, Running};
    let old = Facts { major: Some(1), network_told: false };
    let new = Facts { major: Some(3), ..old };
    let broken =
        [fails(Running, &[RestartLoop]), fails(Parameters, &[ConfigInvalidJson]), fails(Heartbeat, &[HeartbeatAbsent])];
    assert_eq!(
        bound(&broken, old),
        (
            vec![
                (RestartLoop, Some(ConfigInvalidJson)),
                (ConfigInvalidJson, None),
                (HeartbeatAbsent, Some(ConfigInvalidJson))
            ],
            Some(ConfigInvalidJson)
        ),
        "the root may stand in a later step"
    );
    assert_eq!(
        bound(&broken, new).0[..2],
        [(RestartLoop, None), (ConfigInvalidJson, None)],
        "from 2.0 on the worker goes on with an empty configuration"
    );
    let stopped = [fails(Installed, &[InstallIncomplete]), fails(Running, &[AgentStopped])];
    assert_eq!(bound(&stopped, new).1, Some(InstallIncomplete));
    assert_eq!(bound(&[finding(Installed, vec![])], new), (vec![], None));
}

#[test]
fn what_is_wrong_on_this_host_itself_explains_what_follows_from_it() {
    use StepId::{Account, Group, Installed, Network, Running};
    for reason in [AgentCannotStart, FilesystemReadOnly, FilesystemFull] {
        for what in [AgentStopped, AgentAbnormal, RestartLoop, AppInfoMissing] {
            let findings = [fails(Installed, &[reason]), fails(Running, &[what])];
            let known = bound(&findings, Facts::default());
            assert_eq!(known, (vec![(reason, None), (what, Some(reason))], Some(reason)));
        }
    }
    let of_network = [
        (ConnectTimeout, NoNetwork, true),
        (DnsFailure, NoNetwork, true),
        (ProxyMismatch, NoNetwork, true),
        (ConnectRefused, LocalFirewall, true),
        (TlsFailure, RouteCaptured, true),
        (DnsFailure, NameServerMissing, true),
        (DnsFailure, NameServerDown, true),
        (DnsFailure, LocalFirewall, false),
        (ConnectTimeout, NameServerDown, false),
    ];
    for (what, reason, holds) in of_network {
        let (causes, _) = bound(&[fails(Network, &[what, reason])], Facts::default());
        assert_eq!(causes, [(what, holds.then_some(reason)), (reason, None)]);
    }
    let hidden = [fails(Group, &[CustomIdMissing, IdentityUnreadable]), fails(Account, &[AliuidMissing])];
    let (causes, root) = bound(&hidden, Facts::default());
    assert_eq!(causes[0].1, Some(IdentityUnreadable));
    assert_eq!((causes[2].1, root), (Some(IdentityUnreadable), Some(IdentityUnreadable)));
}

#[test]
fn a_step_whose_worst_all_follows_from_another_says_so_and_keeps_its_verdict() {
    let findings = [fails(StepId::Installed, &[InstallIncomplete]), fails(StepId::Running, &[AgentStopped])];
    let related = related(&findings, Facts::default());
    assert_eq!(related[1].summary.get(Lang::En), "Follows from step 1, Installed. It is so.");
    assert_eq!(related[1].summary.get(Lang::Zh), "由第 1 步（安装）引起。如此。");
    assert_eq!(related[1].verdict, Verdict::Fail);
    assert_eq!(related[0].summary, findings[0].summary);
    let mixed = [fails(StepId::Parameters, &[RegionMismatch, NetworkTypeMismatch]), fails(StepId::Address, &[IpEmpty])];
    let kept = super::related(&mixed, Facts::default());
    assert_eq!(kept[0].summary, mixed[0].summary, "its own root is in the step itself");
}

#[test]
fn an_endpoint_that_is_wrong_explains_the_way_to_it_only_where_another_one_answers() {
    for (first, expected) in [(RemedyId::SetEndpoint, Some(RegionMismatch)), (RemedyId::AllowEgress, None)] {
        let findings = [
            fails(StepId::Parameters, &[RegionMismatch]),
            finding(StepId::Network, vec![cause(ConnectTimeout, Severity::Fail, &[first])]),
        ];
        assert_eq!(bound(&findings, Facts::default()).0[1].1, expected);
    }
}

#[test]
fn an_address_that_is_only_held_is_the_root_though_it_warns() {
    let findings = [
        finding(
            StepId::Address,
            vec![
                cause(IpNotLocal, Severity::Fail, &[RemedyId::BindHostname]),
                cause(IpStale, Severity::Warn, &[RemedyId::RestartAgent]),
            ],
        ),
        finding(StepId::Group, vec![cause(IpNotInGroup, Severity::Fail, &[RemedyId::SetWorkingIp])]),
    ];
    let (causes, root) = bound(&findings, Facts::default());
    assert_eq!(causes, [(IpNotLocal, Some(IpStale)), (IpStale, None), (IpNotInGroup, Some(IpStale))]);
    assert_eq!(root, Some(IpStale));
}

#[test]
fn a_missing_heartbeat_is_never_the_root_of_anything() {
    let silent = || fails(StepId::Heartbeat, &[HeartbeatAbsent]);
    let warned = |id| finding(StepId::Log, vec![cause(id, Severity::Warn, &[])]);
    assert_eq!(bound(&[warned(IdleBackoff), silent()], Facts::default()).1, Some(IdleBackoff));
    assert_eq!(
        bound(&[warned(Quota), silent()], Facts::default()).1,
        Some(HeartbeatAbsent),
        "a quota delays data only"
    );
    assert_eq!(bound(&[silent()], Facts::default()).1, Some(HeartbeatAbsent), "there is nothing else to name");
}

#[test]
fn no_chain_of_reasons_comes_back_to_its_beginning() {
    // Every edge that the table can ever make, whatever its condition.
    let reasons = |id: CauseId| TABLE.iter().filter(move |(what, ..)| what.contains(&id)).flat_map(|(_, by, _)| *by);
    for first in CauseId::ALL {
        let mut open = vec![*first];
        let mut reached = Vec::new();
        while let Some(at) = open.pop() {
            for next in reasons(at).filter(|next| **next != at) {
                assert_ne!(next, first, "{} explains itself by way of {}", first.id(), at.id());
                if !reached.contains(next) {
                    reached.push(*next);
                    open.push(*next);
                }
            }
        }
    }
}

#[test]
fn a_root_of_nothing_but_warnings_is_the_first_that_stands_for_itself() {
    let findings = [
        finding(StepId::Installed, vec![cause(SeveralAgents, Severity::Warn, &[])]),
        finding(StepId::Log, vec![cause(DomainSocketBusy, Severity::Warn, &[])]),
        finding(StepId::Heartbeat, vec![cause(HeartbeatUnverified, Severity::Unknown, &[])]),
    ];
    let (causes, root) = bound(&findings, Facts::default());
    assert_eq!(causes[1], (DomainSocketBusy, Some(SeveralAgents)));
    assert_eq!(root, Some(SeveralAgents));
}
