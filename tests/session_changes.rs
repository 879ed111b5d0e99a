//! The session while and after something is changed: what waits for a change under way, which restarts are owed, what
//! must be asked anew, and what becomes of a change that was broken off.

use logtail_doctor::core::checks::Checked;
use logtail_doctor::core::context::Context;
use logtail_doctor::core::finding::*;
use logtail_doctor::core::flow::*;
use logtail_doctor::core::journal::{
    Applied, AppliedResult, ChangeState, JournalEntry, Progress, Record, RecordKind, Recorded,
};
use logtail_doctor::core::observe::{Fingerprint, IdentitySeen};
use logtail_doctor::core::remedies::{Change, Plan, Planned};
use logtail_doctor::core::text::{Lang, Text};
use std::path::PathBuf;

fn text() -> Text {
    Text::fixed("text", "文字")
}

/// A session of root's with nothing found yet.
fn session() -> Session {
    let mut session = Session::new(Context::default(), Lang::En, false, vec![]);
    session.handle(Event::Identity(Box::new(IdentitySeen {
        hostname: "web-1".into(),
        user: "root".into(),
        privileged: true,
        ..IdentitySeen::default()
    })));
    session
}

/// A plan of a remedy that edits a file and needs a restart.
fn edit(remedy: RemedyId) -> Plan {
    let mut plan = Plan::new(remedy, StepId::Address, text());
    plan.changes.push(Change::MakeDir { path: "/etc/x".into(), mode: 0o755 });
    plan.restart.push(Change::AwaitAgent {
        running: true,
        install_dir: "/usr/local/ilogtail".into(),
        limit: std::time::Duration::from_secs(1),
        app_info: None,
        harder: None,
    });
    plan
}

fn applied(entry: &str) -> Event {
    let entry = Some(entry.to_string());
    Event::Applied(Box::new(Applied { result: AppliedResult::Applied, entry, backups: vec![] }))
}

fn key(session: &mut Session, key: Key) -> Vec<Effect> {
    session.handle(Event::Key(key))
}

fn finding(remedy: RemedyId) -> Finding {
    let cause = Cause::fail(CauseId::IpNotLocal, text(), text(), &[remedy]);
    Finding::judged(StepId::Address, text(), vec![cause], vec![])
}

/// Opens the remedy by its number on the page, gets its plan, and presses the button that is so many to the right.
fn press(session: &mut Session, plan: Plan, button: usize) -> Vec<Effect> {
    let checked = logtail_doctor::core::checks::Checked { finding: finding(plan.remedy), elapsed_ms: 1 };
    let view = Box::new(StepView { checked: Some(checked), is_open: false });
    session.handle(Event::Step { step: StepId::Address, view });
    key(session, Key::Home);
    for _ in 0..StepId::Address.index() {
        key(session, Key::Right);
    }
    key(session, Key::Char('1'));
    session.handle(Event::Planned(Box::new(Planned::Ready(Box::new(plan)))));
    for _ in 0..button {
        key(session, Key::Right);
    }
    key(session, Key::Enter)
}

const WITH_RESTART: usize = 1;
const LATER: usize = 2;

/// The patience of the verification that was ordered.
fn patience(effects: &[Effect]) -> Option<u64> {
    effects.iter().find_map(|effect| match effect {
        Effect::Verify { seconds, .. } => Some(*seconds),
        _ => None,
    })
}

/// Carries an edit out and closes its outcome.
fn carry_out(session: &mut Session, plan: Plan, button: usize, entry: &str) {
    let effects = press(session, plan, button);
    assert!(matches!(effects.as_slice(), [Effect::Apply(_)]), "{effects:?}");
    session.handle(applied(entry));
    session.handle(Event::Verified { proof: Proof::StillThere });
    key(session, Key::Enter);
    assert!(session.layers.is_empty());
}

/// Takes the newest change back, with the button that is so many to the right.
fn take_back(session: &mut Session, remedy: RemedyId, entry: &str, button: usize) {
    let record = Record {
        path: "/etc/x".into(),
        kind: RecordKind::MakeDir,
        before: Fingerprint::Absent,
        after: Fingerprint::Absent,
        backup: None,
    };
    let effects = key(session, Key::Char('u'));
    assert_eq!(effects, [Effect::ReadJournal { to_undo: true }]);
    let done = JournalEntry {
        id: entry.into(),
        at_ms: 0,
        remedy,
        actor: "ops".into(),
        result: Recorded::Applied,
        records: vec![record],
        pruned: false,
        torn: false,
        is_roots: false,
    };
    let effects = session.handle(Event::Journal(vec![done]));
    assert_eq!(effects, [Effect::PlanUndo(entry.to_string())]);
    session.handle(Event::Planned(Box::new(Planned::Ready(Box::new(edit(remedy))))));
    for _ in 0..button {
        key(session, Key::Right);
    }
    key(session, Key::Enter);
    session.handle(applied("undo"));
    session.handle(Event::Verified { proof: Proof::StillThere });
    key(session, Key::Enter);
}

#[test]
fn several_edits_owe_one_restart_and_an_undo_pays_its_own() {
    use RemedyId::{BindHostname, RestartAgent, SetEndpoint};
    let mut session = session();
    carry_out(&mut session, edit(BindHostname), LATER, "1");
    carry_out(&mut session, edit(SetEndpoint), LATER, "2");
    assert_eq!(session.owed_restart, [BindHostname, SetEndpoint]);
    take_back(&mut session, SetEndpoint, "2", LATER);
    assert_eq!(session.owed_restart, [BindHostname], "the agent never read what was taken back");
    key(&mut session, Key::Ctrl('c'));
    assert!(matches!(session.layers.last(), Some(Layer::ConfirmQuit)), "a restart is owed");
    key(&mut session, Key::Esc);
    session.place = Place::Finish;
    assert_eq!(session.actions().first(), Some(&Action::Remedy(RestartAgent)));
    let mut restart = Plan::new(RestartAgent, StepId::Running, text());
    restart.changes.extend(edit(BindHostname).restart);
    carry_out(&mut session, restart, 1, "3");
    assert!(session.owed_restart.is_empty());
    take_back(&mut session, BindHostname, "1", LATER);
    assert_eq!(session.owed_restart, [BindHostname], "the agent has read it and must unlearn it");
    assert!(session.interrupted().is_some_and(|kept| kept.owed_restart == [BindHostname]), "also at the next start");
    carry_out(&mut session, edit(SetEndpoint), WITH_RESTART, "4");
    assert!(session.owed_restart.is_empty(), "one restart serves all");
}

#[test]
fn an_outcome_tells_only_what_was_carried_out() {
    for (button, restart) in [(1, 1), (2, 0)] {
        let mut session = session();
        press(&mut session, edit(RemedyId::BindHostname), button);
        session.handle(applied("a"));
        session.handle(Event::Verified { proof: Proof::StillThere });
        let Some(Layer::Remedy(layer)) = session.layers.last() else { panic!("{:?}", session.layers) };
        let Stage::Outcome { plan: Some(plan), .. } = &layer.stage else { panic!("{:?}", layer.stage) };
        assert_eq!((plan.changes.len(), plan.restart.len()), (1, restart), "button {button}");
    }
}

#[test]
fn what_takes_effect_after_a_restart_is_not_waited_for_and_a_failed_edit_owes_nothing() {
    let mut session = session();
    let mut plan = edit(RemedyId::BindHostname);
    plan.patience = std::time::Duration::from_secs(60);
    press(&mut session, plan.clone(), LATER);
    assert_eq!(patience(&session.handle(applied("1"))), Some(0));
    session.handle(Event::Verified { proof: Proof::Unproven });
    key(&mut session, Key::Enter);
    assert_eq!(session.owed_restart, [RemedyId::BindHostname]);
    press(&mut session, plan.clone(), LATER);
    let failed = Applied { result: AppliedResult::RolledBack(text()), entry: Some("2".into()), backups: vec![] };
    session.handle(Event::Applied(Box::new(failed)));
    key(&mut session, Key::Enter);
    assert_eq!(session.owed_restart, [RemedyId::BindHostname], "the first edit stands and is owed still");
    press(&mut session, plan, WITH_RESTART);
    assert_eq!(patience(&session.handle(applied("3"))), Some(60));
}

#[test]
fn a_suspend_waits_for_the_change_under_way() {
    let mut session = session();
    press(&mut session, edit(RemedyId::BindHostname), WITH_RESTART);
    assert_eq!(key(&mut session, Key::Ctrl('z')), []);
    assert!(session.notice.is_some(), "it is said");
    assert!(session.handle(applied("1")).contains(&Effect::Suspend));
    assert_eq!(key(&mut session, Key::Ctrl('z')), [Effect::Suspend], "nothing is under way any more");
}

#[test]
fn a_quit_asks_and_waits_for_the_change_under_way() {
    let mut session = session();
    press(&mut session, edit(RemedyId::BindHostname), WITH_RESTART);
    key(&mut session, Key::Ctrl('c'));
    assert!(matches!(session.layers.last(), Some(Layer::ConfirmQuit)));
    assert!(session.is_changing(), "also while it asks");
    key(&mut session, Key::Enter);
    assert!(!session.is_over() && session.notice.is_some());
    let effects = session.handle(applied("1"));
    assert!(effects.contains(&Effect::Quit) && session.is_over());
    assert_eq!(session.done, [(RemedyId::BindHostname, Some("1".into()), false)], "the summary tells it");
}

#[test]
fn a_terminated_session_tells_what_the_change_under_way_came_to() {
    let mut session = session();
    press(&mut session, edit(RemedyId::BindHostname), LATER);
    session.handle(Event::Terminate);
    assert!(session.is_over());
    session.left_while_changing(Some(Applied {
        result: AppliedResult::Applied,
        entry: Some("1".into()),
        backups: vec![PathBuf::from("/b")],
    }));
    assert_eq!(session.done, [(RemedyId::BindHostname, Some("1".into()), false)]);
    assert_eq!(session.owed_restart, [RemedyId::BindHostname]);
}

#[test]
fn what_the_console_showed_is_asked_again_after_a_cure_and_a_recheck() {
    let mut session = session();
    session.context.console_heartbeat = Some(true);
    press(&mut session, edit(RemedyId::BindHostname), WITH_RESTART);
    let effects = session.handle(applied("1"));
    assert!(
        matches!(effects.as_slice(), [Effect::Judge(context), Effect::Verify { .. }] if context.console_heartbeat.is_none())
    );
    session.handle(Event::Verified { proof: Proof::Holds });
    key(&mut session, Key::Enter);
    session.context.console_heartbeat = Some(false);
    let effects = key(&mut session, Key::Char('R'));
    assert!(matches!(effects.as_slice(), [Effect::Judge(_), Effect::RecheckAll]), "{effects:?}");
    assert_eq!(session.context.console_heartbeat, None);
}

#[test]
fn steps_by_hand_are_checked_again_and_are_no_change_of_ours() {
    let mut session = session();
    let mut plan = Plan::new(RemedyId::SyncClock, StepId::Clock, text());
    plan.manual.push(text());
    press(&mut session, plan, 0);
    assert!(session.layers.is_empty(), "the first button changes nothing");
    let mut plan = Plan::new(RemedyId::SyncClock, StepId::Clock, text());
    plan.manual.push(text());
    let effects = press(&mut session, plan, 1);
    assert!(matches!(effects.as_slice(), [Effect::Verify { step: StepId::Clock, .. }]), "{effects:?}");
    session.handle(Event::Verified { proof: Proof::Holds });
    assert!(session.done.is_empty() && session.undo_later().is_none());
}

#[test]
fn a_change_that_somebody_took_back_by_hand_is_no_change_of_this_session_any_more() {
    let mut session = session();
    carry_out(&mut session, edit(RemedyId::BindHostname), WITH_RESTART, "1");
    carry_out(&mut session, edit(RemedyId::SetWorkingIp), WITH_RESTART, "2");
    key(&mut session, Key::Char('J'));
    let entry = |remedy, id: &str| JournalEntry { remedy, id: id.into(), result: Recorded::Applied, ..broken_off() };
    let entries = vec![entry(RemedyId::BindHostname, "1"), entry(RemedyId::SetWorkingIp, "2")];
    session.handle(Event::Journal(entries));
    let effects = key(&mut session, Key::Enter);
    assert!(matches!(effects.as_slice(), [Effect::PlanUndo(id)] if id == "2"), "{effects:?}");
    session.handle(Event::Planned(Box::new(Planned::Already(text()))));
    let left: Vec<_> = session.done.iter().map(|(remedy, ..)| *remedy).collect();
    assert_eq!(left, [RemedyId::BindHostname]);
}

#[test]
fn an_undo_is_named_only_where_there_is_one() {
    let mut session = session();
    press(&mut session, edit(RemedyId::BindHostname), WITH_RESTART);
    session.handle(applied("7"));
    session.handle(Event::Verified { proof: Proof::Holds });
    assert_eq!(session.undo_later().as_deref(), Some("sudo logtail-doctor undo 7 --yes"));
    session.demo = Some(Demo { story: text(), console_ok: false });
    assert_eq!(session.undo_later(), None, "a simulated host is gone by then");
    session.demo = None;
    key(&mut session, Key::Enter);
    let mut start = Plan::new(RemedyId::StartAgent, StepId::Running, text());
    start.changes.extend(edit(RemedyId::StartAgent).restart);
    press(&mut session, start, 1);
    session.handle(applied("8"));
    session.handle(Event::Verified { proof: Proof::Holds });
    assert_eq!(session.undo_later(), None);
    assert!(!session.buttons().contains(&Button::Undo));
    let entries: Vec<_> = session.done.iter().map(|(_, entry, _)| entry.as_deref()).collect();
    assert_eq!(entries, [Some("7"), None]);
}

fn broken_off() -> JournalEntry {
    let record = Record {
        path: "/etc/hosts".into(),
        kind: RecordKind::Write,
        before: Fingerprint::Absent,
        after: Fingerprint::Absent,
        backup: None,
    };
    JournalEntry {
        id: "9".into(),
        at_ms: 0,
        remedy: RemedyId::BindHostname,
        actor: "ops".into(),
        result: Recorded::Open,
        records: vec![record],
        pruned: false,
        torn: false,
        is_roots: false,
    }
}

#[test]
fn a_change_that_was_broken_off_is_finished_taken_back_or_left() {
    let outcome = |keys: &[Key]| {
        let mut session = session();
        session.ask_about(broken_off());
        let effects: Vec<_> = keys.iter().flat_map(|one| key(&mut session, one.clone())).collect();
        (effects, session.layers.len())
    };
    for keys in [vec![Key::Enter], vec![Key::Char('1')], vec![Key::Down, Key::Up, Key::Enter]] {
        let (effects, layers) = outcome(&keys);
        assert!(matches!(effects.as_slice(), [Effect::Plan(RemedyId::BindHostname, _)]), "{keys:?}: {effects:?}");
        assert_eq!(layers, 1);
    }
    for keys in [vec![Key::Char('2')], vec![Key::Down, Key::Enter]] {
        assert_eq!(outcome(&keys).0, [Effect::PlanUndo("9".into())]);
    }
    for keys in [vec![Key::Esc], vec![Key::Char('3')], vec![Key::Down, Key::Down, Key::Down, Key::Enter]] {
        assert_eq!(outcome(&keys), (vec![], 0), "{keys:?}");
    }
}

#[test]
fn the_journal_asks_about_an_entry_that_was_broken_off() {
    let mut session = session();
    assert_eq!(key(&mut session, Key::Char('J')), [Effect::ReadJournal { to_undo: false }]);
    session.handle(Event::Journal(vec![broken_off()]));
    key(&mut session, Key::Enter);
    assert!(matches!(session.layers.last(), Some(Layer::BrokenOff(_))));
    key(&mut session, Key::Esc);
    assert!(matches!(session.layers.last(), Some(Layer::Journal(_))), "back where it was chosen");
}

#[test]
fn an_entry_under_way_is_not_called_broken_off() {
    let mut session = session();
    key(&mut session, Key::Char('J'));
    session.handle(Event::UnderWay(UnderWay { own: Some("ops, process 7".into()), roots: None }));
    let older = JournalEntry { id: "8".into(), ..broken_off() };
    session.handle(Event::Journal(vec![older.clone(), broken_off()]));
    assert_eq!(session.under_way(&broken_off()), Some("ops, process 7"));
    assert_eq!(session.under_way(&older), None, "only the newest one can be under way");
    assert_eq!(session.under_way(&JournalEntry { is_roots: true, ..broken_off() }), None);
    key(&mut session, Key::Enter);
    assert!(matches!(session.layers.last(), Some(Layer::Journal(_))), "nothing to decide yet");
    let said = session.notice.clone().unwrap();
    assert!(said.is_problem && said.text.get(Lang::En).contains("under way: ops, process 7"), "{said:?}");
}

#[test]
fn an_agent_that_does_not_stop_may_be_forced_after_a_preview() {
    let mut session = session();
    let stop = |harder| Change::AwaitAgent {
        running: false,
        install_dir: "/usr/local/ilogtail".into(),
        limit: std::time::Duration::from_secs(1),
        app_info: None,
        harder,
    };
    let mut restart = Plan::new(RemedyId::RestartAgent, StepId::Running, text());
    restart.changes.push(stop(None));
    let fail = |session: &mut Session, plan: Plan| {
        press(session, plan, 1);
        session.handle(Event::Progress(Progress::State(0, ChangeState::Failed(text()))));
        session.handle(Event::Applied(Box::new(Applied {
            result: AppliedResult::RolledBack(text()),
            entry: None,
            backups: vec![],
        })));
        session.buttons()
    };
    assert_eq!(fail(&mut session, restart.clone()), [Button::Continue, Button::Force]);
    key(&mut session, Key::Right);
    let effects = key(&mut session, Key::Enter);
    let [Effect::Plan(RemedyId::RestartAgent, inputs)] = effects.as_slice() else { panic!("{effects:?}") };
    assert!(inputs.force);
    let Some(Layer::Remedy(layer)) = session.layers.last() else { panic!("{:?}", session.layers) };
    assert!(matches!(layer.stage, Stage::Planning), "it is previewed first");
    key(&mut session, Key::Esc);
    // What was done by force already, and what failed otherwise, is not offered again.
    restart.changes = vec![stop(Some(Box::new(Change::MakeDir { path: "/x".into(), mode: 0o755 })))];
    assert_eq!(fail(&mut session, restart.clone()), [Button::Continue]);
    key(&mut session, Key::Esc);
    restart.changes = edit(RemedyId::BindHostname).changes;
    assert_eq!(fail(&mut session, restart), [Button::Continue]);
}

#[test]
fn what_was_typed_does_not_go_without_a_word() {
    let mut session = session();
    for (open, typed) in [(Key::Char('f'), false), (Key::Char('f'), true)] {
        key(&mut session, open);
        if typed {
            key(&mut session, Key::Tab);
            key(&mut session, Key::Paste("web".into()));
        }
        key(&mut session, Key::Esc);
        assert!(session.layers.is_empty());
        assert_eq!(session.notice.is_some(), typed, "{:?}", session.notice);
    }
}

#[test]
fn after_a_cure_the_operator_is_led_to_what_only_the_operator_can_tell() {
    let mut session = session();
    let judged = |step, verdict| {
        let mut found = Finding::judged(step, text(), vec![], vec![]);
        found.verdict = verdict;
        found
    };
    for &step in StepId::ALL {
        let verdict = if step == StepId::Heartbeat { Verdict::Unknown } else { Verdict::Pass };
        let checked = Checked { finding: judged(step, verdict), elapsed_ms: 0 };
        session.handle(Event::Step { step, view: Box::new(StepView { checked: Some(checked), is_open: false }) });
    }
    session.place = Place::Step(StepId::Running);
    press(&mut session, edit(RemedyId::BindHostname), WITH_RESTART);
    session.handle(applied("7"));
    let again = StepView { is_open: true, ..session.steps[&StepId::Clock].clone() };
    session.handle(Event::Step { step: StepId::Clock, view: Box::new(again.clone()) });
    let checked = Checked { finding: judged(StepId::Address, Verdict::Pass), elapsed_ms: 0 };
    let view = StepView { checked: Some(checked), is_open: false };
    session.handle(Event::Step { step: StepId::Address, view: Box::new(view) });
    session.handle(Event::Verified { proof: Proof::Holds });
    key(&mut session, Key::Enter);
    assert_eq!(session.place, Place::Step(StepId::Address), "what is being looked at again decides nothing");
    session.handle(Event::Step { step: StepId::Clock, view: Box::new(StepView { is_open: false, ..again }) });
    assert_eq!(session.place, Place::Step(StepId::Heartbeat));
    assert_eq!(session.actions()[..2], [Action::ConsoleSays(true), Action::ConsoleSays(false)]);
    key(&mut session, Key::Char('1'));
    let checked = Checked { finding: judged(StepId::Heartbeat, Verdict::Pass), elapsed_ms: 0 };
    let view = StepView { checked: Some(checked), is_open: false };
    session.handle(Event::Step { step: StepId::Heartbeat, view: Box::new(view) });
    assert_eq!(session.actions()[..2], [Action::Continue(Place::Finish), Action::ConsoleSays(false)]);
    key(&mut session, Key::Char('1'));
    assert_eq!(session.actions(), [Action::Quit, Action::RecheckAll, Action::Ticket], "nothing is left to do");
}
