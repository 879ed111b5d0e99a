//! Everything together: a healthy host of which one answer comes from outside, a recording, a journal.

use futures_util::FutureExt;
use logtail_doctor::core::checks::{self, Investigation};
use logtail_doctor::core::context::{Context, Field};
use logtail_doctor::core::finding::{RemedyId, StepId};
use logtail_doctor::core::journal::{JOURNAL, Journals, entries, undo};
use logtail_doctor::core::observe::{Answer, CommandSeen, EntrySeen, FileSeen, Observations, Question, Unanswered};
use logtail_doctor::core::remedies::{self, InputId, Inputs, Planned};
use logtail_doctor::core::text::Lang;
use logtail_doctor::host::Host;
use logtail_doctor::host::recorded::unrecorded;
use logtail_doctor::host::simulated::{Flavour, SimulatedHost, World};
use logtail_doctor::report::{self, Case, Recording, Style, Taken};
use std::path::Path;

/// 2026-11-22 05:40:00 UTC.
const NOW_MS: i64 = 1_795_326_000_000;

/// What the operator told, so that every check has something to compare with.
fn told() -> Context {
    let mut told = Context::default();
    for (field, value) in [
        (Field::Region, "cn-hangzhou"),
        (Field::Project, "web-logs"),
        (Field::GroupIp, "10.1.1.5"),
        (Field::Aliuid, "1654218965343050"),
    ] {
        told.set(field, value).expect("a valid value");
    }
    told
}

/// Asks until every step has its finding. Answers that are not there are looked up by `answer`.
fn settled(mut found: Investigation, answer: impl Fn(&Question) -> Answer) -> Investigation {
    for _ in 0..1000 {
        let asked = found.advance(0);
        if asked.is_empty() {
            assert!(found.is_settled());
            return found;
        }
        for asked in asked {
            let answer = answer(&asked.question);
            found.answer(&asked, answer);
        }
    }
    panic!("the checks ask for ever");
}

/// What is observed of a healthy host.
fn observed(flavour: Flavour) -> Observations {
    let host = SimulatedHost::new(World::healthy_at(flavour, NOW_MS).still());
    let observe =
        |question: &Question| host.observe(question.clone()).now_or_never().unwrap_or_else(|| unrecorded(question));
    settled(Investigation::new(checks::check, told()), observe).seen().clone()
}

thread_local! {
    static HEALTHY: Vec<Observations> = Flavour::ALL.map(observed).to_vec();
}

/// The observations of a healthy host of one of the flavours.
fn healthy(flavour: u8) -> Observations {
    HEALTHY.with(|all| all.get(usize::from(flavour) % all.len()).cloned()).unwrap_or_default()
}

/// Whether an answer can carry the bytes, and the answer with them.
fn carrying(answer: &Answer, data: &[u8]) -> Option<Answer> {
    let text = || String::from_utf8_lossy(data).into_owned();
    match answer.clone() {
        Answer::File(Ok(mut file)) => {
            file.bytes = data.to_vec();
            file.size = data.len() as u64;
            Some(Answer::File(Ok(file)))
        }
        Answer::ReadCommand(Ok(mut said)) => {
            said.out = text();
            Some(Answer::ReadCommand(Ok(said)))
        }
        Answer::Environment(Ok(_)) => Some(Answer::Environment(Ok(super::environment(&text())))),
        Answer::Dir(Ok(mut dir)) => {
            let names = text();
            let like = dir.entries.first().cloned()?;
            dir.entries = names.split('\n').map(|name| EntrySeen { name: name.into(), ..like.clone() }).collect();
            Some(Answer::Dir(Ok(dir)))
        }
        Answer::Identity(mut identity) => {
            identity.hostname = text().into();
            Some(Answer::Identity(identity))
        }
        Answer::Reach(mut reach) => {
            if let Some(Ok(http)) = &mut reach.http {
                http.body = text();
                for (_, value) in &mut http.headers {
                    *value = text();
                }
            }
            Some(Answer::Reach(reach))
        }
        // Any other answer, and one that is missing on a healthy host, as it stands in a recording.
        other => {
            let read: Answer = serde_json::from_slice(data).ok()?;
            (std::mem::discriminant(&read) == std::mem::discriminant(&other)).then_some(read)
        }
    }
}

/// Plans a remedy from what was seen; what was not is answered as in a recording that lacks it.
fn planned(seen: &mut Observations, plan: impl Fn(&Observations) -> Result<Planned, Unanswered>) -> Planned {
    for _ in 0..100 {
        seen.take_open();
        if let Ok(planned) = plan(seen) {
            return planned;
        }
        let open = seen.take_open();
        assert!(!open.is_empty(), "a plan that waits for nothing");
        for question in open {
            let answer = unrecorded(&question);
            seen.keep(question, answer);
        }
    }
    panic!("a plan asks for ever");
}

/// Reports every finding and plans every remedy, twice where a plan wants to be told.
fn all_forms(found: &Investigation) {
    let taken = Taken { started_at: "2026-11-22T05:40:00Z".into(), elapsed_ms: 1 };
    let case = Case::new(found, found.seen(), taken, None);
    for lang in [Lang::En, Lang::Zh] {
        let json = report::json(&case.report, lang);
        assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok());
        let shown = report::text(&case.report, lang, Style::default());
        assert!(shown.chars().all(|c| c == '\n' || !c.is_control()), "{shown:?}");
        assert!(!report::ticket(&case, lang).is_empty());
        assert!(!report::markdown(&case.report, lang).is_empty());
    }
    let mut seen = found.seen().clone();
    for &remedy in RemedyId::ALL {
        let mut inputs = Inputs::from_context(found.context());
        for (input, value) in [(InputId::Ip, "10.1.1.5"), (InputId::OldIp, "10.1.1.6")] {
            let _ = inputs.set(input, value);
        }
        if inputs.context.custom_id.is_none() {
            let _ = inputs.set(InputId::Context(Field::CustomId), "web");
        }
        if let Planned::Ready(plan) = planned(&mut seen, |seen| remedies::plan(remedy, &inputs, seen)) {
            for lang in [Lang::En, Lang::Zh] {
                remedies::preview(&plan, true, lang);
            }
        }
    }
}

/// A healthy host of which one answer is replaced: the first two bytes say which, the rest is what it carries.
pub fn host(data: &[u8]) {
    let (Some(&which), Some(&flavour), Some(data)) = (data.first(), data.get(1), data.get(2..)) else { return };
    let mut seen = healthy(flavour);
    let count = seen.answers().count();
    let Some((question, answer)) = seen.answers().nth(usize::from(which) % count) else { return };
    let Some(answer) = carrying(answer, data) else { return };
    let question = question.clone();
    seen.keep(question, answer);
    let found = settled(Investigation::new(checks::check, told()).with_seen(seen), unrecorded);
    for &step in StepId::ALL {
        let finding = &found.finding(step).expect("a finding").finding;
        assert!(!finding.summary.get(Lang::En).is_empty() && !finding.summary.get(Lang::Zh).is_empty(), "{step:?}");
    }
    all_forms(&found);
}

/// A healthy host of which every command, and by the second byte's bits every file's beginning, every file's end and
/// every directory, says something else: the parts of the data, in turn. So also what is asked only when something is
/// wrong gets an answer from outside.
pub fn output(data: &[u8]) {
    let (Some(&flavour), Some(&which), Some(mut rest)) = (data.first(), data.get(1), data.get(2..)) else { return };
    let mut said = Vec::new();
    while !rest.is_empty() {
        let (one, more) = super::parts(rest);
        said.push(one);
        rest = more;
    }
    let part = |at: usize| said.get(at % said.len().max(1)).copied().unwrap_or_default();
    let look = |at: usize| {
        let out = String::from_utf8_lossy(part(at)).into_owned();
        let code = if which & 16 == 0 { Some(0) } else { Some(at as i32) };
        Answer::ReadCommand(Ok(CommandSeen { code, err: out.clone(), out }))
    };
    let mut seen = healthy(flavour);
    let known: Vec<_> = seen.answers().map(|(question, answer)| (question.clone(), answer.clone())).collect();
    for (at, (question, answer)) in known.into_iter().enumerate() {
        let replaced = match &question {
            Question::ReadCommand(_) => Some(look(at)),
            Question::File(_) if which & 1 != 0 => carrying(&answer, part(at)),
            Question::Tail(_) if which & 2 != 0 => carrying(&answer, part(at)),
            Question::Dir(_) if which & 4 != 0 => carrying(&answer, part(at)),
            Question::Environment { .. } if which & 8 != 0 => carrying(&answer, part(at)),
            _ => None,
        };
        if let Some(replaced) = replaced {
            seen.keep(question, replaced);
        }
    }
    let found = settled(Investigation::new(checks::check, told()).with_seen(seen), |question| match question {
        Question::ReadCommand(asked) => look(asked.line().len()),
        Question::Tail(path) | Question::File(path) => {
            let bytes = part(path.as_os_str().len()).to_vec();
            let size = bytes.len() as u64;
            let modified = NOW_MS / 1000;
            Answer::File(Ok(FileSeen { bytes, size, modified, mode: 0o644, uid: 0, gid: 0, link_to: None }))
        }
        _ => unrecorded(question),
    });
    all_forms(&found);
}

/// A recording, as `check --from` judges it.
pub fn recording(data: &[u8]) {
    let Ok(recording) = serde_json::from_slice::<Recording>(data) else { return };
    let found = recording.judged(checks::check, recording.told());
    assert!(found.is_settled());
    all_forms(&found);
}

/// A journal: every line is an entry, belongs to one, or is counted as unread; every entry can be asked to be undone.
pub fn journal(data: &[u8]) {
    let (done, unread) = entries(data);
    let lines = data.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count();
    let records: usize = done.iter().map(|done| done.records.len()).sum();
    assert!(done.len() + records + unread <= lines);
    let dir = Path::new("/var/lib/logtail-doctor");
    let mut seen = healthy(0);
    let question = Question::File(dir.join(JOURNAL));
    let file =
        seen.answers().find_map(|(_, answer)| carrying(answer, data).filter(|one| matches!(one, Answer::File(Ok(_)))));
    seen.keep(question, file.expect("a healthy host has a file"));
    let journals = Journals { own: dir.to_path_buf(), roots: None };
    for id in done.iter().map(|done| done.id.as_str()).take(8).chain(["last"]) {
        if let Planned::Ready(plan) = planned(&mut seen, |seen| undo(id, &journals, seen)) {
            remedies::preview(&plan, true, Lang::En);
        }
    }
}
