//! The session survives any sequence of keys and events: it never panics, can always be quit, and never orders a
//! change that was not confirmed on a preview.

use logtail_doctor::core::checks::{About, Checked, ListedGroup};
use logtail_doctor::core::context::{Context, Field};
use logtail_doctor::core::finding::*;
use logtail_doctor::core::flow::*;
use logtail_doctor::core::journal::{Applied, AppliedResult, ChangeState, Progress};
use logtail_doctor::core::observe::{CredentialsSeen, IdentitySeen, LiveLine};
use logtail_doctor::core::remedies::{Change, InputId, Plan, Planned};
use logtail_doctor::core::text::{Lang, Text};
use proptest::prelude::*;

fn text() -> Text {
    Text::fixed("text", "文字")
}

fn plan(edits: bool, restarts: bool) -> Plan {
    let mut plan = Plan::new(RemedyId::BindHostname, StepId::Address, text());
    if edits {
        plan.changes.push(Change::MakeDir { path: "/etc/x".into(), mode: 0o755 });
    }
    if restarts {
        plan.restart.push(Change::RemoveDir { path: "/etc/y".into() });
    }
    plan
}

fn identity(privileged: bool) -> IdentitySeen {
    IdentitySeen {
        hostname: "web-1".into(),
        user: "root".into(),
        uid: if privileged { 0 } else { 1000 },
        privileged,
        ..IdentitySeen::default()
    }
}

fn any_key() -> impl Strategy<Value = Key> {
    prop_oneof![
        4 => Just(Key::Enter),
        2 => Just(Key::Esc),
        2 => Just(Key::Up),
        3 => Just(Key::Down),
        2 => Just(Key::Left),
        4 => Just(Key::Right),
        2 => Just(Key::Tab),
        1 => Just(Key::BackTab),
        1 => Just(Key::PageUp),
        1 => Just(Key::PageDown),
        1 => Just(Key::Home),
        1 => Just(Key::End),
        1 => Just(Key::Backspace),
        1 => Just(Key::Delete),
        6 => "[1-9a-zA-Z?/ 中]".prop_map(|s| Key::Char(s.chars().next().unwrap_or('x'))),
        1 => "[a-z]".prop_map(|s| Key::Ctrl(s.chars().next().unwrap_or('x'))),
        1 => ".{0,12}".prop_map(Key::Paste),
    ]
}

fn any_finding(step: StepId) -> impl Strategy<Value = Finding> {
    (0..Verdict::ALL.len(), proptest::sample::subsequence(RemedyId::ALL.to_vec(), 0..4), any::<bool>()).prop_map(
        move |(verdict, remedies, wants)| Finding {
            step,
            verdict: Verdict::ALL[verdict],
            summary: text(),
            causes: vec![Cause::fail(CauseId::IpNotLocal, text(), text(), &remedies)],
            evidence: vec![Evidence::new(text(), text(), "test"); 3],
            wants: if wants { vec![Field::Aliuid, Field::Region] } else { vec![] },
        },
    )
}

fn listed(number: usize) -> ListedGroup {
    let read = About::Read { kind: None, lines: number, has_this_host: number == 3, custom_id: None };
    let about = if number.is_multiple_of(2) { About::NotRead } else { read };
    ListedGroup { name: format!("group-{number}"), about }
}

fn around(has_key: bool, wants_key: bool) -> Around {
    let key = has_key.then(|| CredentialsSeen {
        source: text(),
        key_id: "LTAI****".into(),
        unusable_proxies: Vec::new(),
        passed_over: Vec::new(),
    });
    Around { addresses: vec![Choice { value: "10.0.0.1".into(), label: text() }], key, wants_key }
}

fn any_event() -> impl Strategy<Value = Event> {
    let step = (0..StepId::ALL.len()).prop_map(|index| StepId::ALL[index]);
    prop_oneof![
        20 => any_key().prop_map(Event::Key),
        6 => step.prop_flat_map(|step| (any_finding(step), any::<bool>())).prop_map(|(finding, is_open)| Event::Step {
            step: finding.step,
            view: Box::new(StepView { checked: Some(Checked { finding, elapsed_ms: 1 }), is_open }),
        }),
        1 => any::<bool>().prop_map(|privileged| Event::Identity(Box::new(identity(privileged)))),
        1 => Just(Event::Settled),
        4 => (any::<bool>(), any::<bool>()).prop_map(|(e, r)| Event::Planned(Box::new(Planned::Ready(Box::new(plan(e, r)))))),
        1 => Just(Event::Planned(Box::new(Planned::Needs(vec![(InputId::Ip, "10.0.0.1".into())])))),
        1 => Just(Event::Planned(Box::new(Planned::Refused(text())))),
        1 => Just(Event::Planned(Box::new(Planned::Already(text())))),
        1 => (0..4usize).prop_map(|n| Event::Progress(Progress::State(n, ChangeState::Done))),
        1 => Just(Event::Progress(Progress::Line(LiveLine { is_error: true, text: "out".into() }))),
        2 => prop_oneof![
            Just(AppliedResult::Applied),
            Just(AppliedResult::Stale("/etc/hosts".into())),
            Just(AppliedResult::RolledBack(text())),
            Just(AppliedResult::LeftOver(text())),
        ].prop_map(|result| Event::Applied(Box::new(Applied { result, entry: Some("1".into()), backups: vec![] }))),
        1 => (0..99u64).prop_map(|seconds_left| Event::Waiting { seconds_left }),
        2 => prop_oneof![
            Just(Proof::Holds),
            Just(Proof::CauseGone),
            Just(Proof::StillThere),
            Just(Proof::Unproven),
        ].prop_map(|proof| Event::Verified { proof }),
        1 => Just(Event::Copied),
        1 => (0..40usize).prop_map(|count| Event::Groups(Ok((0..count).map(listed).collect()))),
        1 => Just(Event::Groups(Err(text()))),
        1 => (any::<bool>(), any::<bool>()).prop_map(|(has_key, wants_key)| Event::Around(Box::new(around(has_key, wants_key)))),
        1 => proptest::option::of(0..900i64).prop_map(Event::HeartbeatAge),
        1 => Just(Event::BundleWritten(Ok("/tmp/x.tar.gz".into()))),
    ]
}

/// Whether a preview with this plan is on screen and one of its changing buttons has the focus.
fn is_confirmed(session: &Session, plan: &Plan) -> bool {
    let Some(Layer::Remedy(layer)) = session.layers.last() else { return false };
    let Stage::Preview { plan: shown } = &layer.stage else { return false };
    let button = session.buttons().get(layer.focus).copied();
    shown.as_ref() == plan
        && session.way_for(plan) != Way::Never
        && matches!(button, Some(Button::Apply | Button::ApplyAndRestart | Button::ApplyOnly))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_walk_is_safe(events in proptest::collection::vec(any_event(), 1..120), read_only in any::<bool>()) {
        let mut session = Session::new(Context::default(), Lang::En, read_only, vec![]);
        for event in events {
            let before = session.clone();
            let was_enter = matches!(event, Event::Key(Key::Enter));
            for effect in session.handle(event) {
                if let Effect::Apply(order) = effect {
                    prop_assert!(was_enter && is_confirmed(&before, &order.plan) && !read_only);
                }
            }
            let actions = session.actions();
            prop_assert!(actions.is_empty() || session.chosen < actions.len());
            prop_assert!(session.is_over() || session.bindings().iter().any(|binding| binding.command == Command::Quit));
        }
        for _ in 0..2 {
            session.handle(Event::Key(Key::Ctrl('c')));
        }
        prop_assert!(session.is_over(), "Ctrl-C twice always ends it");
    }
}

#[test]
fn the_cursor_rests_on_the_first_failure_until_the_operator_moves() {
    let mut session = Session::new(Context::default(), Lang::En, false, vec![]);
    let fail = |step| {
        let cause = Cause::fail(CauseId::ClockSkew, text(), text(), &[RemedyId::SyncClock]);
        let finding = Finding::judged(step, text(), vec![cause], vec![]);
        let view = Box::new(StepView { checked: Some(Checked { finding, elapsed_ms: 1 }), is_open: false });
        Event::Step { step, view }
    };
    session.handle(fail(StepId::Clock));
    assert_eq!(session.place, Place::Step(StepId::Clock));
    session.handle(fail(StepId::Network));
    assert_eq!(session.place, Place::Step(StepId::Network));
    session.handle(Event::Key(Key::Right));
    session.handle(fail(StepId::Installed));
    assert_eq!(session.place, Place::Step(StepId::Clock), "the operator moved; nothing moves the cursor now");
}
