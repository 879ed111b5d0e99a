//! Whole conversations over in-memory pipes, without an engine: the transcript is what an operator would read.

use super::*;
use crate::core::checks;
use crate::core::context::Context;
use crate::core::flow::{Effect, Layer};
use crate::core::journal::{AppliedResult, Progress};
use crate::core::remedies::{InputId, Planned};
use crate::engine::{Frontend, FrontendRequest};
use crate::ui::view::samples;
use std::io::Cursor;

fn services() -> Services {
    Services {
        evidence_text: |finding, lang| finding.summary.get(lang).to_string(),
        ticket_text: Box::new(|_, _| "the ticket \u{1b}[31mtext\n".into()),
        write_bundle: Box::new(|_, _| Ok("/root/bundle.tar.gz".into())),
        remember: Box::new(|_| {}),
        keep: crate::ui::Keep::new(Box::new(|_| {})),
    }
}

/// What the engine would report after an effect of the sample remedy.
fn reports(effect: &Effect) -> Vec<Event> {
    let state = |number, state| Event::Progress(Progress::State(number, state));
    let line = |is_error, text: &str| Event::Progress(Progress::Line(LiveLine { is_error, text: text.into() }));
    match effect {
        Effect::Plan(_, inputs) if inputs.ip.is_none() => {
            vec![Event::Planned(Box::new(Planned::Needs(vec![(InputId::Ip, "10.0.3.17".into())])))]
        }
        Effect::Plan(..) => vec![Event::Planned(Box::new(Planned::Ready(Box::new(samples::plan()))))],
        Effect::Apply(_) => vec![
            state(0, ChangeState::Running),
            state(0, ChangeState::Done),
            state(1, ChangeState::Running),
            line(false, "stop ilogtail ..."),
            line(true, "kill: \u{1b}[2Jno such process"),
            state(1, ChangeState::Done),
            samples::applied(AppliedResult::Applied),
        ],
        Effect::Verify { seconds, .. } => {
            let mut out: Vec<_> =
                (0..15).map(|passed| Event::Waiting { seconds_left: seconds.saturating_sub(passed) }).collect();
            out.push(samples::finished(samples::passing(StepId::Address)));
            out.push(Event::Verified { proof: crate::core::flow::Proof::Holds });
            out
        }
        _ => Vec::new(),
    }
}

/// Answers until there are no more answers; returns what was said, and how many plans were applied.
fn talk(mut session: Session, answers: &str) -> (String, usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut face = Plain::new(Cursor::new(answers.to_string()), Vec::new(), true, false, services()).unwrap();
        let found = Investigation::new(checks::check, Context::default());
        let mut applied = 0;
        face.show(&mut session);
        while !session.is_over() {
            let event = face.next().await;
            for effect in session.handle(event) {
                applied += usize::from(matches!(effect, Effect::Apply(_)));
                // As in the engine: one event, then a look at what came of it.
                for report in reports(&effect) {
                    let more = session.handle(report);
                    for effect in &more {
                        for report in reports(effect) {
                            session.handle(report);
                            face.show(&mut session);
                        }
                    }
                    face.show(&mut session);
                }
                if let Some(favour) = FrontendRequest::of(effect)
                    && let Some(event) = face.perform(favour, &session, &found).await
                {
                    session.handle(event);
                }
            }
            face.show(&mut session);
        }
        (String::from_utf8(face.into_out()).unwrap(), applied)
    })
}

/// What is said of a state; where something is asked, no answer comes, and that quits.
fn told(mut session: Session) -> String {
    if words::ask(&session) != Ask::Nothing {
        return talk(session, "").0;
    }
    let mut face = Plain::new(Cursor::new(""), Vec::new(), true, false, services()).unwrap();
    face.show(&mut session);
    String::from_utf8(face.into_out()).unwrap()
}

/// Neither escape sequences nor pictures of lines and dots.
fn is_plain(text: &str) -> bool {
    !text.chars().any(|c| {
        (c.is_control() && c != '\n')
            || ('\u{2500}'..='\u{259f}').contains(&c)
            || ('\u{2800}'..='\u{28ff}').contains(&c)
    })
}

const WALK: &str = "?\n99\n1\nten\n?\n\nno\n1\n\nyes\n\nm\n3\nf\n-\nMy Project\n<\nl\nt\n2\nq\n";

#[test]
fn a_walk_in_english() {
    let (said, applied) = talk(samples::failing(Lang::En, true), WALK);
    assert_eq!(applied, 1);
    insta::assert_snapshot!("walk_en", said);
}

#[test]
fn a_walk_in_chinese() {
    let (said, _) = talk(samples::failing(Lang::Zh, true), WALK);
    insta::assert_snapshot!("walk_zh", said);
}

#[test]
fn every_state_is_told_without_an_escape_sequence() {
    for lang in [Lang::En, Lang::Zh] {
        for (name, session) in samples::all(lang) {
            let said = told(session);
            assert!(is_plain(&said), "{name}: {said:?}");
        }
        let (said, _) = talk(samples::failing(lang, true), WALK);
        assert!(is_plain(&said), "{said:?}");
    }
}

#[test]
fn only_the_whole_word_orders_a_change() {
    for (word, expected) in [
        ("yes", 1),
        ("YES", 1),
        ("是", 1),
        ("later", 1),
        ("y", 0),
        ("", 0),
        ("1", 0),
        ("yes please", 0),
        ("no", 0),
        ("q", 0),
    ] {
        let (said, applied) = talk(samples::failing(Lang::En, true), &format!("1\n\n{word}\n"));
        assert_eq!(applied, expected, "{word}: {said}");
    }
    let (said, applied) = talk(samples::failing(Lang::En, true), "1\nyes\nyes\n1\nyes\n");
    assert_eq!(applied, 0, "yes is no address, and nothing is applied without a preview: {said}");
}

#[test]
fn who_may_not_change_gets_the_command() {
    let mut session = samples::failing(Lang::En, true);
    session.read_only = true;
    let (said, applied) = talk(session, "1\n\nyes\n");
    assert_eq!(applied, 0);
    assert!(said.contains("   sudo logtail-doctor fix bind-hostname --set ip="), "{said}");
    assert!(!said.contains("Type yes"), "{said}");
}

#[test]
fn a_countdown_is_told_every_ten_seconds() {
    let (said, _) = talk(samples::failing(Lang::En, true), "1\n\nyes\n");
    let waits: Vec<_> = said.lines().filter(|line| line.starts_with("WAIT")).collect();
    assert_eq!(waits.len(), 2, "{waits:?}");
    assert_eq!(waits[1], "WAIT at most 50 s more");
}

#[test]
fn only_new_output_is_told_however_much_is_kept() {
    let line = |number: usize| LiveLine { is_error: false, text: format!("line {number}") };
    let mut face = Plain::new(Cursor::new(""), Vec::new(), true, false, services()).unwrap();
    face.printed(&[line(1), line(2)]);
    face.printed(&[line(1), line(2)]);
    face.printed(&[line(2), line(3), line(3)]);
    assert_eq!(String::from_utf8(face.into_out()).unwrap(), "  | line 1\n  | line 2\n  | line 3\n  | line 3\n");
}

#[test]
fn the_facts_are_told_field_by_field() {
    let mut session = samples::first(Lang::En);
    for &step in StepId::ALL {
        session.handle(samples::finished(samples::passing(step)));
    }
    let mut seen = None;
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let answers = "f\nweb-logs\ncn-hangzhou\ninternet\nweb\nip\n10.0.0.1 10.0.0.2\n\n12\n1654218965343050\nno\n\n";
        let mut face = Plain::new(Cursor::new(answers), Vec::new(), true, false, services()).unwrap();
        face.show(&mut session);
        while seen.is_none() {
            let event = face.next().await;
            for effect in session.handle(event) {
                if let Effect::Judge(context) = effect {
                    seen = Some(*context);
                }
            }
            face.show(&mut session);
        }
        assert!(!matches!(session.layers.last(), Some(Layer::Form(_))));
    });
    let context = seen.unwrap();
    assert_eq!(context.network, Some(crate::core::context::NetworkType::Internet));
    assert_eq!(context.group_ips.len(), 2);
    assert_eq!(context.aliuid.as_deref(), Some("1654218965343050"));
    assert_eq!(context.same_account, Some(false));
}

#[test]
fn a_word_of_the_outcome_watches_for_the_heartbeat() {
    let mut session = samples::outcome(Lang::En);
    let question = page::question(&session, Ask::Outcome).join("");
    assert!(question.contains("w watches the heartbeat"), "{question}");
    let words::Said::Keys(keys) = words::meaning(&session, Ask::Outcome, "w") else { panic!("w is not understood") };
    let effects: Vec<Effect> = keys.into_iter().flat_map(|key| session.handle(Event::Key(key))).collect();
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Watch { .. })), "{effects:?}");
}
