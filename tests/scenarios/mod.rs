//! One complete host for every cause that a host can show: built with the fault, looked at by `check --format json`, and
//! judged against the contract (design, section 3), never against what the checks happen to say today.
//!
//! Every scenario names all the causes that it reports; one more or one less fails. So no scenario accuses what is not
//! there, and `docs/scenarios.md`, which is made from this table, says what really comes out. `UPDATE_DOCS=1` writes it.
//! `SCENARIO=word` runs only the scenarios whose name has the word. Needs a laboratory; says SKIPPED where none can be
//! made.
#![cfg(target_os = "linux")]

mod contract;
mod docs;
mod faults;
mod pairs;
mod run;
mod table;

use logtail_doctor::core::finding::{CauseId, StepId};
use run::run;
use std::collections::BTreeSet;
use table::Scenario;

/// Runs the scenarios whose first cause belongs to this step.
fn faults_of(step: StepId) {
    let wanted = |one: &&Scenario| one.reports.first().is_some_and(|report| contract::step_of(report.cause) == step);
    run(faults::all().filter(wanted));
}

#[test]
fn healthy_hosts_have_nothing_to_report() {
    run(faults::HEALTHY.iter());
}

#[test]
fn installed() {
    faults_of(StepId::Installed);
}

#[test]
fn running() {
    faults_of(StepId::Running);
}

#[test]
fn parameters() {
    faults_of(StepId::Parameters);
}

#[test]
fn network() {
    faults_of(StepId::Network);
}

#[test]
fn clock() {
    faults_of(StepId::Clock);
}

#[test]
fn address() {
    faults_of(StepId::Address);
}

#[test]
fn group() {
    faults_of(StepId::Group);
}

#[test]
fn account() {
    faults_of(StepId::Account);
}

#[test]
fn log_and_heartbeat() {
    faults_of(StepId::Log);
    faults_of(StepId::Heartbeat);
}

#[test]
fn pairs_of_faults_are_both_found() {
    assert!(pairs::ALL.len() >= 8);
    run(pairs::ALL.iter());
}

#[test]
fn every_cause_has_a_scenario() {
    let shown: BTreeSet<CauseId> = faults::all().flat_map(|one| one.reports).map(|report| report.cause).collect();
    for cause in CauseId::ALL {
        let elsewhere = contract::WITHOUT_LABORATORY.iter().find(|(known, ..)| known == cause);
        assert!(shown.contains(cause) != elsewhere.is_some(), "{} is shown by no scenario, or by one too", cause.id());
        if let Some((_, why, file, test)) = elsewhere {
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
            let text = std::fs::read_to_string(path).expect("a source file");
            assert!(!why.is_empty() && text.contains(&format!("#[test]\nfn {test}()")), "{file} has no test {test}");
        }
        assert!(contract::CAUSES.iter().any(|(_, causes, _)| causes.contains(cause)), "{}", cause.id());
    }
}

#[test]
fn names_are_unique() {
    let names: Vec<_> = faults::HEALTHY.iter().chain(faults::all()).chain(pairs::ALL).map(|one| one.name).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
}

#[test]
fn the_readmes_tell_where_the_design_is_left() {
    docs::differences_are_told();
}

#[test]
fn the_table_in_the_docs_is_this_one() {
    docs::compare();
}
