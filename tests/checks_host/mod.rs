//! The checks of this host's files, processes, identity and log, from outside: one healthy machine of each flavour, one
//! scenario for every cause, every pair of them, and files that are damaged in every way.

mod damaged;
mod every_pair;
mod healthy;
mod identity_scenarios;
mod layout_scenarios;
mod machine;
mod offers;
mod scenarios;
mod worlds;
mod young;

use layout_scenarios::ALONE;
use logtail_doctor::core::checks::root;
use logtail_doctor::core::context::Context;
use logtail_doctor::core::finding::{Cause, CauseId, Finding, Severity, StepId, Verdict};
use logtail_doctor::core::observe::Observations;
use logtail_doctor::core::text::Lang;
use machine::{Flavour, Machine, told};
use scenarios::{Break, Expected, all};
use std::collections::BTreeSet;

/// The steps that are judged here; the network's and the clock's have tests of their own.
const STEPS: [StepId; 8] = [
    StepId::Installed,
    StepId::Running,
    StepId::Parameters,
    StepId::Address,
    StepId::Group,
    StepId::Account,
    StepId::Log,
    StepId::Heartbeat,
];

fn findings(machine: &Machine, told: &Context) -> Vec<Finding> {
    let mut seen = Observations::default();
    STEPS.iter().map(|step| machine.look(*step, told, &mut seen)).collect()
}

fn causes(findings: &[Finding]) -> BTreeSet<(StepId, CauseId, Severity)> {
    let of = |finding: &Finding| finding.causes.iter().map(|cause| (finding.step, cause.id, cause.severity)).collect();
    findings.iter().flat_map(|finding| -> Vec<_> { of(finding) }).collect()
}

fn broken(flavour: Flavour, breaks: &[Break]) -> Vec<Finding> {
    let (mut machine, mut told) = (Machine::healthy(flavour), told());
    for apply in breaks {
        apply(&mut machine, &mut told);
    }
    findings(&machine, &told)
}

/// Whatever a finding says, it says in both languages, with a reason, a source, and no stray blanks.
fn is_well_said(finding: &Finding, name: &str) {
    let texts = finding.causes.iter().flat_map(|cause| [&cause.detail, &cause.why]).chain([&finding.summary]);
    for text in texts {
        for lang in [Lang::En, Lang::Zh] {
            let text = text.get(lang);
            assert!(!text.trim().is_empty(), "{name}: an empty sentence in {}", finding.step.id());
            assert!(!text.contains("  "), "{name}: two blanks in {text:?}");
            assert!(text.ends_with(['.', '。', '?', '？', ')', '）']), "{name}: no end in {text:?}");
        }
    }
    for row in &finding.evidence {
        assert!(!row.source.is_empty() && !row.label.is_empty(), "{name}: {row:?}");
    }
    let is_judged = !finding.causes.is_empty();
    assert!(!is_judged || !finding.evidence.is_empty(), "{name}: {} accuses without evidence", finding.step.id());
}

#[test]
fn a_healthy_machine_of_each_flavour_passes_every_step() {
    for flavour in Flavour::ALL {
        for finding in findings(&Machine::healthy(flavour), &told()) {
            assert_eq!(finding.verdict, Verdict::Pass, "{flavour:?} {}: {finding:#?}", finding.step.id());
            is_well_said(&finding, "healthy");
        }
    }
}

#[test]
fn every_scenario_has_its_causes_and_no_other() {
    let mut wrong = Vec::new();
    for (name, flavour, apply, expected) in all().chain(ALONE) {
        let found = broken(*flavour, &[*apply]);
        let expected: BTreeSet<Expected> = expected.iter().copied().collect();
        if causes(&found) != expected {
            wrong.push(format!("{name}: {:?} instead of {expected:?}", causes(&found)));
        }
        for finding in &found {
            is_well_said(finding, name);
            for cause in &finding.causes {
                let is_told_apart = cause.severity.verdict() <= finding.verdict;
                assert!(is_told_apart, "{name}: {} is milder than its cause", finding.step.id());
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What the root is judged by beside the findings.
fn facts(_: &[Finding]) -> root::Facts {
    root::Facts { major: None, network_told: true }
}

/// What is wrong with the root of a host with a single fault: it must be one, nothing may explain it, and everything else
/// that fails must follow from it.
fn without_one_root(related: &[Finding], name: &str) -> Option<String> {
    let all = || related.iter().flat_map(|finding| &finding.causes).filter(|cause| cause.severity != Severity::Unknown);
    let (first, root) = (all().next()?, root::root(related));
    let Some((_, root)) = root else { return Some(format!("{name}: no root of {}", first.id.id())) };
    if let Some(by) = root.explained_by {
        return Some(format!("{name}: the root {} follows from {}", root.id.id(), by.id()));
    }
    let stands = |cause: &&Cause| cause.severity == Severity::Fail && cause.explained_by.is_none();
    let others: Vec<_> = all().filter(stands).map(|cause| cause.id).filter(|id| *id != root.id).collect();
    (!others.is_empty()).then(|| format!("{name}: the root is {}, but nothing explains {others:?}", root.id.id()))
}

#[test]
fn a_single_fault_has_one_root() {
    let of = |(name, flavour, apply, _): &scenarios::Scenario| {
        let found = broken(*flavour, &[*apply]);
        without_one_root(&root::related(&found, facts(&found)), name)
    };
    let wrong: Vec<String> = all().filter_map(of).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_cause_of_these_steps_has_a_scenario() {
    // Those of the cloud's side are told by the service alone.
    const OF_THE_SERVICE: [CauseId; 3] = [CauseId::GroupNotFound, CauseId::GroupOsMix, CauseId::HeartbeatStale];
    let covered: BTreeSet<CauseId> =
        all().chain(ALONE).flat_map(|(_, _, _, expected)| expected.iter().map(|(_, cause, _)| *cause)).collect();
    let is_of_network = |cause: CauseId| {
        let (first, last) = (CauseId::LocalFirewall as usize, CauseId::ClockSkew as usize);
        (first..=last).contains(&(cause as usize))
    };
    for cause in CauseId::ALL {
        let is_elsewhere = is_of_network(*cause) || OF_THE_SERVICE.contains(cause);
        assert!(is_elsewhere || covered.contains(cause), "{} has no scenario", cause.id());
    }
}
