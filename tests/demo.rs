//! Every host of the demo is cured by the first remedies that the wizard offers, and then the service sees it.

use logtail_doctor::carry_out::{Applier, Store};
use logtail_doctor::core::checks::{self, Investigation};
use logtail_doctor::core::context::Context;
use logtail_doctor::core::finding::{Finding, RemedyId, StepId, Verdict};
use logtail_doctor::core::flow::Session;
use logtail_doctor::core::journal::{AppliedResult, Consent, ConsentBy, Order};
use logtail_doctor::core::observe::{Answer, Question};
use logtail_doctor::core::remedies::{InputId, Inputs, Plan, Planned};
use logtail_doctor::core::text::Lang;
use logtail_doctor::engine::{self, Looking, PlanRequest};
use logtail_doctor::host::Host;
use logtail_doctor::host::simulated::{Scenario, SimulatedHost, scenario, scenarios};
use logtail_doctor::ui::{Plain, Services};
use std::io::Cursor;
use std::sync::Arc;

const NOW_MS: i64 = 1_795_326_000_000;

fn applier(host: &SimulatedHost) -> Applier {
    Applier::new(Arc::new(host.clone()), Store { dir: "/var/lib/logtail-doctor".into(), actor: "demo".into() })
}

/// The first remedy in the list that this program can carry out, with the values that the form suggests.
async fn first_automatic(looking: &mut Looking, remedies: &[RemedyId], context: &Context) -> Option<Plan> {
    for remedy in remedies {
        let mut inputs = Inputs::from_context(context);
        let mut planned = looking.plan(PlanRequest::Remedy(*remedy, Box::new(inputs.clone()))).await;
        if let Planned::Needs(wanted) = planned {
            for (input, suggestion) in wanted {
                // Without a suggestion the operator types what the console shows.
                let console = context.group_ips.first().map(ToString::to_string).unwrap_or_default();
                let value = if suggestion.is_empty() && input == InputId::Ip { console } else { suggestion };
                inputs.set(input, &value).unwrap();
            }
            planned = looking.plan(PlanRequest::Remedy(*remedy, Box::new(inputs))).await;
        }
        match planned {
            Planned::Ready(plan) if plan.is_automatic() => return Some(*plan),
            Planned::Ready(_) | Planned::Already(_) | Planned::Refused(_) => {}
            Planned::Needs(wanted) => panic!("{}: still needs {wanted:?}", remedy.id()),
        }
    }
    None
}

/// The first step that fails.
fn failing(looking: &Looking) -> Option<Finding> {
    let mut findings = looking.found().findings().map(|(_, checked)| &checked.finding);
    findings.find(|finding| finding.verdict == Verdict::Fail).cloned()
}

/// Cures until nothing fails; returns the remedies that were carried out.
async fn cure(scenario: &Scenario) -> Vec<RemedyId> {
    let id = &scenario.id;
    let host = SimulatedHost::new(scenario.world(NOW_MS));
    assert!(host.heartbeat().is_err(), "{id} is broken to begin with");
    let found = Investigation::new(checks::check, scenario.context.clone());
    let mut looking = Looking::new(Arc::new(host.clone()), found);
    let mut done = Vec::new();
    looking.settle().await;
    while let Some(finding) = failing(&looking) {
        assert!(done.len() < 4, "{id}: {done:?} did not cure {finding:?}");
        let plan = first_automatic(&mut looking, &finding.remedies(), &scenario.context).await;
        let Some(plan) = plan else { panic!("{id}: nothing to carry out for {finding:#?}") };
        let goal = looking.goal(plan.verify, plan.remedy);
        let (progress, mut told) = tokio::sync::mpsc::unbounded_channel();
        let consent = Consent::given(ConsentBy::Button);
        let order = Order { plan: plan.clone(), with_restart: true, consent, undoes: None };
        let applied = applier(&host).carry_out(&order, progress).await;
        let mut lines = Vec::new();
        while let Ok(line) = told.try_recv() {
            lines.push(line);
        }
        assert_eq!(applied.result, AppliedResult::Applied, "{id}: {plan:#?} {lines:#?}");
        let proof = looking.verify(&goal, plan.patience).await;
        assert!(proof.is_cured(), "{id}: {proof:?} {:#?}", looking.found().finding(plan.verify));
        done.push(plan.remedy);
    }
    assert_eq!(host.heartbeat(), Ok(()), "{id} after {done:?}");
    assert!(!done.is_empty(), "{id}: no step fails");
    let heartbeat = looking.found().finding(StepId::Heartbeat).unwrap().finding.verdict;
    assert_eq!(heartbeat, Verdict::Unknown, "{id}: nobody has looked at the console yet");
    // The operator looks at the simulated console and says what it shows.
    let mut context = scenario.context.clone();
    context.console_heartbeat = Some(true);
    let found = Investigation::new(checks::check, context);
    let mut looking = Looking::new(Arc::new(host.clone()), found);
    looking.settle().await;
    for (_, checked) in looking.found().findings() {
        let finding = &checked.finding;
        let is_green = matches!(finding.verdict, Verdict::Pass | Verdict::Warn | Verdict::Skipped);
        assert!(is_green, "{id} after {done:?}: {finding:#?}");
    }
    done
}

#[tokio::test(start_paused = true)]
async fn every_host_is_cured_and_seen_by_the_service() {
    assert!(scenarios().len() >= 12);
    let mut uncured = Vec::new();
    // The others need a key first, which a walk types in below.
    for scenario in scenarios().iter().filter(|scenario| scenario.id != "which-group") {
        // Each in a task of its own, so that one that cannot be cured does not hide the others.
        match tokio::spawn(cure(scenario)).await {
            Ok(done) => println!("{}: {done:?}", scenario.id),
            Err(_) => uncured.push(&scenario.id),
        }
    }
    assert!(uncured.is_empty(), "{uncured:?}");
}

#[tokio::test(start_paused = true)]
async fn two_faults_take_two_remedies() {
    let done = cure(scenario("two-faults").unwrap()).await;
    assert_eq!(done, [RemedyId::StartAgent, RemedyId::SetEndpoint]);
}

#[tokio::test(start_paused = true)]
async fn ids_are_unique_and_every_host_is_seen_by_its_root() {
    let mut ids: Vec<_> = scenarios().iter().map(|scenario| &scenario.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), scenarios().len());
    for scenario in scenarios() {
        // Another user's changes would go through the real sudo of the machine that the demo runs on.
        let host = SimulatedHost::new(scenario.world(NOW_MS));
        let Answer::Identity(identity) = host.observe(Question::Identity).await else { panic!("no identity") };
        assert!(identity.privileged, "{}", scenario.id);
    }
}

/// Walks on a host with typed answers; returns what was said and the host.
async fn walk(id: &str, lang: Lang, answers: &'static str) -> (String, Session, SimulatedHost) {
    let scenario = scenario(id).unwrap();
    let host = SimulatedHost::new(scenario.world(NOW_MS));
    let found = Investigation::new(checks::check, scenario.context.clone());
    let mut looking = Looking::new(Arc::new(host.clone()), found);
    let mut session = Session::new(scenario.context.clone(), lang, false, Vec::new());
    let services = Services {
        evidence_text: |_, _| String::new(),
        ticket_text: Box::new(|_, _| String::new()),
        write_bundle: Box::new(|_, _| panic!("nothing is written")),
        remember: Box::new(|_| {}),
        keep: logtail_doctor::ui::Keep::new(Box::new(|_| {})),
    };
    let mut face = Plain::new(Cursor::new(answers), Vec::new(), true, false, services).unwrap();
    engine::run(&mut looking, &mut session, applier(&host), &mut face).await;
    (String::from_utf8(face.into_out()).unwrap(), session, host)
}

#[tokio::test(start_paused = true)]
async fn a_plain_walk_cures_two_faults_with_what_is_offered_on_screen() {
    // Remedy, consent, onward; the same again; what the console shows; the end.
    let answers = "1\nyes\n\n1\nyes\n\n1\nq\n";
    for lang in [Lang::En, Lang::Zh] {
        let (said, session, host) = walk("two-faults", lang, answers).await;
        assert_eq!(host.heartbeat(), Ok(()), "{said}");
        assert!(session.verdict() <= Verdict::Warn, "{said}");
        assert_eq!(session.done.len(), 2, "{said}");
        assert!(!said.contains('\u{1b}'), "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_applied_can_be_taken_back_in_the_same_walk() {
    let (said, session, host) = walk("wrong-region", Lang::En, "1\nyes\nu\nyes\n\nq\n").await;
    assert!(said.contains("Taken back."), "{said}");
    assert!(host.heartbeat().is_err() && session.done.is_empty(), "{said}");
}

#[tokio::test(start_paused = true)]
async fn without_the_word_nothing_is_changed() {
    let (said, session, host) = walk("stopped", Lang::En, "1\ny\n1\nok\n1\n").await;
    assert!(host.heartbeat().is_err() && session.done.is_empty(), "{said}");
}

/// A key, the group out of a thousand, its old address replaced, the heartbeat watched until it is there.
#[tokio::test(start_paused = true)]
async fn a_walk_with_a_key_chooses_the_group_and_sees_the_heartbeat_come() {
    let answers = "3\nLTAI5tExampleKeyIdabcd\nkZ93TypedSecretValue77xQ\n\n1\n/demo\n1\n1\n\n\nyes\n\nq\n";
    for lang in [Lang::En, Lang::Zh] {
        let (said, session, host) = walk("which-group", lang, answers).await;
        assert_eq!(host.heartbeat(), Ok(()), "{said}");
        assert_eq!(host.world().api_groups()["demo-group"].list(), Some(vec!["10.1.1.5".to_string()]), "{said}");
        assert_eq!(session.finding(StepId::Heartbeat).unwrap().verdict, Verdict::Pass, "{said}");
        assert!(!said.contains("kZ93TypedSecret") && said.contains("LTAI****abcd"), "{said}");
        assert!(said.contains("HEARTBEAT") || said.contains("心跳 最近一次在"), "{said}");
    }
}

/// None of the groups fits: a new one is made with this host in it, and taken back.
#[tokio::test(start_paused = true)]
async fn a_walk_with_a_key_creates_a_group_and_takes_it_back() {
    let answers = "3\nLTAI5tExampleKeyIdabcd\nkZ93TypedSecretValue77xQ\n\n1\nn\n\nmine\n\n\n\nyes\nu\nyes\n\nq\n";
    let (said, _, host) = walk("which-group", Lang::En, answers).await;
    assert!(said.contains("create machine group mine"), "{said}");
    assert!(said.contains("Cured: a heartbeat newer than the change has arrived."), "{said}");
    assert!(said.contains("Taken back."), "{said}");
    assert!(!host.world().api_groups().contains_key("mine"), "{said}");
    assert!(
        !host.world().content("/var/lib/logtail-doctor/journal.jsonl").unwrap().windows(9).any(|w| w == b"kZ93Typed")
    );
}
