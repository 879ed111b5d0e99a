//! Workers too young to be believed, and records that do not tell of now: a second look decides, and what was true
//! before accuses nobody.

use super::machine::*;
use logtail_doctor::core::checks::root;
use logtail_doctor::core::finding::{CauseId, Finding, Severity, StepId, Verdict};
use logtail_doctor::core::observe::{Observations, ProcessSeen, Question, Unavailable, WatchSeen};
use logtail_doctor::core::text::Lang;

/// A machine whose worker started three seconds ago and has written its record.
fn young(flavour: Flavour) -> Machine {
    let mut machine = Machine::healthy(flavour);
    machine.worker(|worker| worker.started = NOW - 3);
    machine.record(|record| record.started = NOW - 3);
    machine
}

fn of(machine: &Machine, pid: u32) -> ProcessSeen {
    machine.processes.iter().flatten().find(|process| process.pid == pid).cloned().unwrap()
}

fn ids(finding: &Finding) -> Vec<CauseId> {
    finding.causes.iter().map(|cause| cause.id).collect()
}

fn running(machine: &Machine) -> Finding {
    machine.check(StepId::Running, &told())
}

#[test]
fn only_a_young_worker_is_looked_at_twice() {
    let watches = |machine: &Machine| {
        let mut seen = Observations::default();
        for step in StepId::ALL.iter().filter(|step| ![StepId::Network, StepId::Clock].contains(step)) {
            machine.look(*step, &told(), &mut seen);
        }
        let is_watch = |question: &&Question| matches!(question, Question::WatchProcesses { .. });
        seen.answers().map(|(question, _)| question).filter(is_watch).cloned().collect::<Vec<_>>()
    };
    for flavour in Flavour::ALL {
        assert_eq!(watches(&Machine::healthy(flavour)), []);
        assert_eq!(watches(&young(flavour)), [Question::WatchProcesses { until: NOW + 12 }], "and all steps share it");
    }
}

#[test]
fn a_young_worker_that_stays_is_well() {
    for flavour in Flavour::ALL {
        let finding = running(&young(flavour));
        assert_eq!(finding.verdict, Verdict::Pass, "{finding:#?}");
        let address = young(flavour).check(StepId::Address, &told());
        assert_eq!(address.verdict, Verdict::Pass, "{address:#?}");
    }
}

#[test]
fn a_young_worker_that_ends_is_a_restart_loop_with_the_way_it_ended() {
    let line = "[172790.1] ilogtail[1201]: segfault at 0 ip 00005581 sp 00007ffd error 4 in ilogtail_1.8.8\n";
    for (kernel, expected) in [(line, "signal 11 (SIGSEGV)"), ("", "Neither the kernel")] {
        for successor in [false, true] {
            let mut machine = young(Flavour::Logtail188);
            let (daemon, worker) = (of(&machine, 1200), of(&machine, 1201));
            let next = ProcessSeen { pid: 1230, started: NOW + 8, ..worker.clone() };
            let last = [daemon].into_iter().chain(successor.then_some(next)).collect();
            machine.watched = Some(Ok(WatchSeen { last, ended: vec![worker] }));
            machine.looks.insert("dmesg".into(), said(0, kernel));
            let finding = running(&machine);
            assert!(ids(&finding).contains(&CauseId::RestartLoop), "{finding:#?}");
            let related = root::related(&[finding], root::Facts::default());
            let (_, cause) = root::root(&related).unwrap();
            assert_eq!(cause.id, CauseId::RestartLoop, "a daemon alone is the consequence");
            assert!(cause.detail.get(Lang::En).contains(expected), "{:?}", cause.detail);
        }
    }
}

#[test]
fn the_exit_code_in_the_agents_log_is_told() {
    let mut machine = young(Flavour::Loong331);
    let (daemon, worker) = (of(&machine, 1200), of(&machine, 1201));
    machine.watched = Some(Ok(WatchSeen { last: vec![daemon], ended: vec![worker] }));
    machine.log(NOW - 2, "error", "worker process 1201 exited, exit code: 5");
    let finding = running(&machine);
    let cause = finding.causes.iter().find(|cause| cause.id == CauseId::RestartLoop).unwrap();
    assert!(cause.detail.get(Lang::En).contains("exit code 5"), "{:?}", cause.detail);
}

#[test]
fn an_agent_of_which_nothing_is_left_is_stopped_and_one_that_cannot_be_watched_is_unknown() {
    let mut machine = young(Flavour::Logtail207);
    let ended = machine.processes.clone().unwrap();
    machine.watched = Some(Ok(WatchSeen { last: vec![], ended }));
    let finding = running(&machine);
    assert_eq!(ids(&finding), [CauseId::AgentStopped], "{finding:#?}");
    let mut machine = young(Flavour::Logtail207);
    machine.watched = Some(Err(Unavailable::TimedOut));
    assert_eq!(running(&machine).verdict, Verdict::Unknown);
}

#[test]
fn a_daemon_without_a_worker_is_given_the_time_to_make_one() {
    let mut machine = young(Flavour::Logtail188);
    let both = machine.processes.clone().unwrap();
    machine.processes.as_mut().unwrap().truncate(1);
    machine.watched = Some(Ok(WatchSeen { last: both, ended: vec![] }));
    assert_eq!(running(&machine).verdict, Verdict::Pass);
    machine.watched = None;
    assert_eq!(ids(&running(&machine)), [CauseId::AgentAbnormal]);
}

#[test]
fn a_record_that_is_older_than_the_process_accuses_nobody() {
    let mut machine = Machine::healthy(Flavour::Loong331);
    // What an earlier start found; nothing was written since: neither the record nor the log.
    machine.app_info("10.9.9.9");
    machine.each_process(|process| process.started = NOW - 600);
    for step in [StepId::Address, StepId::Group] {
        let finding = machine.check(step, &told());
        assert_eq!((finding.verdict, ids(&finding)), (Verdict::Unknown, vec![]), "{finding:#?}");
    }
    // A clock that was set ahead makes every start look later; the agent goes on writing of the same start.
    let mut machine = Machine::healthy(Flavour::Loong331);
    machine.each_process(|process| process.started += 1200);
    let instance = machine.text(APP_INFO);
    machine.log(NOW - 60, "info", &format!("app info:{instance}"));
    assert_eq!(machine.check(StepId::Address, &told()).verdict, Verdict::Pass);
}

#[test]
fn without_a_process_neither_address_nor_group_is_judged() {
    for record in [None, Some("10.1.1.5"), Some("10.9.9.9"), Some("")] {
        let mut machine = Machine::healthy(Flavour::Logtail188);
        match record {
            None => machine.remove(APP_INFO),
            Some(ip) => machine.app_info(ip),
        }
        machine.stop();
        let found = super::findings(&machine, &told());
        let causes = super::causes(&found);
        assert_eq!(causes.into_iter().collect::<Vec<_>>(), [(StepId::Running, CauseId::AgentStopped, Severity::Fail)]);
        for step in [StepId::Address, StepId::Group] {
            let finding = found.iter().find(|finding| finding.step == step).unwrap();
            assert_eq!(finding.verdict, Verdict::Unknown, "{finding:#?}");
        }
        let said = found.iter().find(|finding| finding.step == StepId::Address).unwrap();
        assert!(said.summary.get(Lang::En).starts_with("No process of the agent runs"), "{said:#?}");
    }
}
