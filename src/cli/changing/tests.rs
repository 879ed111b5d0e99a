//! Every way that a planned change can end, on a host that is a map of files.

use super::*;
use crate::carry_out::Store;
use crate::core::context::Context;
use crate::core::finding::{Cause, Finding};
use crate::core::observe::Pending;
use crate::core::observe::{
    Answer, ClockSeen, Done, FileSeen, IdentitySeen, Observations, Operation, OperationError, Question, Unanswered,
    Unavailable,
};
use crate::core::remedies::Change;
use crate::host::{Host, LiveOutput, MutableHost};
use crate::report::Style;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const TARGET: &str = "/etc/x";

/// Files in memory; `refuses` a write to this path.
#[derive(Default)]
struct Files {
    files: Mutex<BTreeMap<PathBuf, Vec<u8>>>,
    refuses: Option<PathBuf>,
    unprivileged: bool,
}

impl Files {
    fn content(&self, path: &str) -> Option<Vec<u8>> {
        self.files.lock().unwrap().get(&PathBuf::from(path)).cloned()
    }
}

impl Host for Files {
    fn observe(&self, question: Question) -> Pending<Answer> {
        let answer = match question {
            Question::File(path) | Question::Tail(path) => Answer::File(match self.files.lock().unwrap().get(&path) {
                None => Err(Unavailable::Absent),
                Some(bytes) => Ok(FileSeen {
                    bytes: bytes.clone(),
                    size: bytes.len() as u64,
                    modified: 0,
                    mode: 0o644,
                    uid: 0,
                    gid: 0,
                    link_to: None,
                }),
            }),
            Question::Clock => Answer::Clock(ClockSeen { now_ms: 0, offset_s: 0, booted: 0 }),
            Question::Identity => Answer::Identity(IdentitySeen {
                hostname: "h".into(),
                privileged: !self.unprivileged,
                ..IdentitySeen::default()
            }),
            Question::Trusted(_) => Answer::Trusted(Ok(())),
            other => panic!("nobody asks for {other:?}"),
        };
        Box::pin(async move { answer })
    }
}

impl MutableHost for Files {
    fn perform(&self, act: Operation, _: LiveOutput) -> Pending<Result<Done, OperationError>> {
        let mut files = self.files.lock().unwrap();
        let done = match act {
            Operation::Write { path, .. } if self.refuses.as_ref() == Some(&path) => {
                Err(OperationError::io(path, "disk full"))
            }
            Operation::Write { path, content, .. } => {
                files.insert(path, content);
                Ok(Done::Changed)
            }
            Operation::Remove { path, .. } => {
                files.remove(&path);
                Ok(Done::Changed)
            }
            Operation::Append { path, content } => {
                files.entry(path).or_default().extend(content);
                Ok(Done::Changed)
            }
            Operation::MakeDir { .. } | Operation::Sweep { .. } => Ok(Done::Already),
            other => panic!("nobody orders {other:?}"),
        };
        Box::pin(async move { done })
    }
}

/// Fails until the target says `good`.
fn judge(step: StepId, see: &Observations, _: &Context) -> Result<Finding, Unanswered> {
    let good = see.file(TARGET)?.as_ref().is_ok_and(|file| file.bytes == b"good");
    let text = || Text::fixed("text", "文字");
    let cause = Cause::fail(CauseId::AliuidMissing, text(), text(), &[RemedyId::AddAliuid]);
    Ok(Finding::judged(step, text(), if good { vec![] } else { vec![cause] }, vec![]))
}

fn plan(writes: &[(&str, &str)]) -> Planned {
    let mut plan = Plan::new(RemedyId::AddAliuid, StepId::Account, Text::fixed("why", "原因"));
    plan.patience = Duration::ZERO;
    plan.changes = writes
        .iter()
        .map(|(path, after)| Change::WriteFile {
            path: path.into(),
            before: None,
            after: after.as_bytes().to_vec(),
            mode: 0o644,
        })
        .collect();
    Planned::Ready(Box::new(plan))
}

/// Runs a planned change; returns the exit code and the standard output.
fn go(host: &Arc<Files>, planned: Planned, consent: ConsentArgs, read_only: bool) -> (u8, String) {
    go_judged(judge, host, planned, consent, read_only)
}

fn go_judged(judge: Judge, host: &Arc<Files>, planned: Planned, consent: ConsentArgs, read_only: bool) -> (u8, String) {
    let settings = Settings {
        no_colour: false,
        lang: Lang::En,
        style: Style::default(),
        read_only,
        asks: false,
        roots_dir: None,
        context: Context::default(),
        store: Store { dir: "/state".into(), actor: "test".into() },
    };
    let applier = Applier::new(host.clone(), settings.store.clone());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut looking = begin(&applier.host(), judge, &settings);
        let changing = Changing {
            applier,
            settings: &settings,
            consent,
            remedy: RemedyId::AddAliuid,
            undoes: None,
            noted: Mutex::default(),
        };
        let mut out = Vec::new();
        let ended = changing.go(&mut looking, planned, &mut out).await.unwrap();
        let mut json = Vec::new();
        changing.noted().write(RemedyId::AddAliuid, ended, Lang::En, &mut json).unwrap();
        LAST.with_borrow_mut(|last| *last = serde_json::from_slice(&json).unwrap());
        (ended.code, String::from_utf8(out).unwrap())
    })
}

thread_local! {
    /// The result for programs of the last change of this thread.
    static LAST: std::cell::RefCell<serde_json::Value> = const { std::cell::RefCell::new(serde_json::Value::Null) };
}

/// What a program reads of a change.
fn result(host: Files, planned: Planned, consent: ConsentArgs) -> serde_json::Value {
    go(&Arc::new(host), planned, consent, false);
    LAST.with_borrow(Clone::clone)
}

#[test]
fn a_program_is_told_outcome_cause_durability_steps_and_entry() {
    let good = result(Files::default(), plan(&[(TARGET, "good")]), YES);
    assert_eq!((&good["outcome"], &good["exit_code"]), (&"applied".into(), &0.into()), "{good}");
    assert_eq!((&good["cause"], &good["durability"]), (&"aliuid-missing".into(), &"lasts".into()));
    assert!(good["journal_id"].is_string() && good["until"].is_null(), "{good}");
    let steps = good["steps"].as_array().unwrap();
    assert!(steps[0]["change"].as_str().unwrap().contains(TARGET) && steps[0]["result"] == "done", "{good}");
    let bad = result(Files::default(), plan(&[(TARGET, "bad")]), YES);
    assert_eq!((&bad["outcome"], &bad["exit_code"]), (&"not-proven".into(), &1.into()), "{bad}");
    let refuses = Files { refuses: Some("/etc/y".into()), ..Files::default() };
    let back = result(refuses, plan(&[(TARGET, "good"), ("/etc/y", "x")]), YES);
    assert_eq!((&back["outcome"], &back["exit_code"]), (&"rolled-back".into(), &4.into()), "{back}");
    assert_eq!((&back["steps"][0]["result"], &back["steps"][1]["result"]), (&"rolled-back".into(), &"failed".into()));
    let shown = result(Files::default(), plan(&[(TARGET, "good")]), DRY);
    assert_eq!((&shown["outcome"], &shown["steps"][0]["result"]), (&"planned".into(), &"not-done".into()), "{shown}");
    let already = result(Files::default(), Planned::Already(Text::same("so")), YES);
    assert_eq!((&already["outcome"], &already["durability"]), (&"already".into(), &serde_json::Value::Null));
    let refused = result(Files::default(), Planned::Refused(Text::same("no")), YES);
    assert_eq!((&refused["outcome"], &refused["exit_code"]), (&"refused".into(), &3.into()));
}

const YES: ConsentArgs = ConsentArgs { dry_run: false, yes: true };
const DRY: ConsentArgs = ConsentArgs { dry_run: true, yes: false };
const NEITHER: ConsentArgs = ConsentArgs { dry_run: false, yes: false };

#[test]
fn without_consent_nothing_happens() {
    let host = Arc::new(Files::default());
    let (code, out) = go(&host, plan(&[(TARGET, "password = abcdefgh")]), DRY, false);
    assert_eq!(code, CURED);
    assert!(out.contains(TARGET) && !out.contains("abcdefgh"), "{out}");
    assert_eq!(go(&host, plan(&[(TARGET, "good")]), NEITHER, false).0, REFUSED);
    assert_eq!(go(&host, plan(&[(TARGET, "good")]), YES, true).0, REFUSED, "--read-only");
    let mut by_hand = Plan::new(RemedyId::AddAliuid, StepId::Account, Text::fixed("why", "原因"));
    by_hand.manual.push(Text::fixed("by hand", "手动"));
    assert_eq!(go(&host, Planned::Ready(Box::new(by_hand)), YES, false).0, REFUSED, "manual steps only");
    let ordinary = Arc::new(Files { unprivileged: true, ..Files::default() });
    assert_eq!(go(&ordinary, plan(&[(TARGET, "good")]), YES, false).0, REFUSED);
    assert!(host.files.lock().unwrap().is_empty() && ordinary.files.lock().unwrap().is_empty());
}

#[test]
fn cured_and_still_failing_are_told_apart() {
    let host = Arc::new(Files::default());
    let (code, out) = go(&host, plan(&[(TARGET, "good")]), YES, false);
    assert_eq!(code, CURED, "{out}");
    assert!(out.contains("1. done") && out.contains("cured"));
    assert_eq!(host.content(TARGET), Some(b"good".to_vec()));
    let host = Arc::new(Files::default());
    assert_eq!(go(&host, plan(&[(TARGET, "bad")]), YES, false).0, STILL_FAILS);
}

/// As [`judge`], but the cure leaves the step unknown.
fn doubting_judge(step: StepId, see: &Observations, told: &Context) -> Result<Finding, Unanswered> {
    let finding = judge(step, see, told)?;
    Ok(if finding.causes.is_empty() { Finding::unknown(step, Text::same("nobody knows"), vec![]) } else { finding })
}

#[test]
fn an_unknown_step_proves_no_cure() {
    let host = Arc::new(Files::default());
    assert_eq!(go_judged(doubting_judge, &host, plan(&[(TARGET, "good")]), YES, false).0, STILL_FAILS);
    assert_eq!(host.content(TARGET), Some(b"good".to_vec()), "the change stands");
}

#[test]
fn a_failure_in_the_middle_is_rolled_back() {
    let host = Arc::new(Files { refuses: Some("/etc/y".into()), ..Files::default() });
    let (code, out) = go(&host, plan(&[(TARGET, "good"), ("/etc/y", "x")]), YES, false);
    assert_eq!(code, ROLLED_BACK, "{out}");
    assert_eq!(host.content(TARGET), None);
}

#[test]
fn what_moved_since_the_preview_is_not_touched() {
    let host = Arc::new(Files::default());
    host.files.lock().unwrap().insert(TARGET.into(), b"mine".to_vec());
    assert_eq!(go(&host, plan(&[(TARGET, "good")]), YES, false).0, REFUSED);
    assert_eq!(host.content(TARGET), Some(b"mine".to_vec()));
}

#[test]
fn nothing_to_do_is_success_and_missing_input_is_asked_for() {
    let host = Arc::new(Files::default());
    let (code, out) = go(&host, Planned::Already(Text::fixed("It is there.", "已存在。")), YES, false);
    assert_eq!((code, out.as_str()), (CURED, "It is there.\n"));
    let needs = Planned::Needs(vec![(InputId::Ip, "10.0.0.1".into())]);
    assert_eq!(go(&host, needs, YES, false).0, REFUSED);
}

#[test]
fn an_undo_speaks_of_files_only_where_there_were_any() {
    let mut undo = Plan::new(RemedyId::AddIpToGroup, StepId::Group, Text::fixed("why", "原因"));
    assert_eq!(taken_back(&undo).get(Lang::En), "Taken back.");
    undo.changes.push(Change::RemoveDir { path: TARGET.into() });
    assert!(taken_back(&undo).get(Lang::En).contains("every file"));
}
