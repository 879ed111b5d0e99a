//! Runs scenarios, a few at a time, and compares what is reported with what must be.

use crate::scenarios::contract;
use crate::scenarios::docs;
use crate::scenarios::table::{Scenario, TOLD};
use logtail_doctor::core::finding::{RemedyId, Severity, StepId};
use serde_json::Value;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// So many laboratories at once in one test; cargo runs several tests beside each other.
const AT_ONCE: usize = 3;

/// Runs them all and prints the row of each; then fails with everything that was wrong.
pub fn run(scenarios: impl Iterator<Item = &'static Scenario>) {
    let word = std::env::var("SCENARIO").unwrap_or_default();
    let chosen: Vec<_> = scenarios.filter(|one| one.name.contains(&word)).collect();
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(chosen.len()) {
            scope.spawn(|| {
                while let Some(scenario) = chosen.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let tried = catch_unwind(AssertUnwindSafe(|| judge(scenario)));
                    let complaints = tried.unwrap_or_else(|panic| vec![words_of(panic.as_ref())]);
                    let mut wrong = wrong.lock().expect("nobody panics with it");
                    wrong.extend(complaints.into_iter().map(|complaint| format!("{}: {complaint}", scenario.name)));
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("nobody panics with it");
    assert!(wrong.is_empty(), "{} complaint(s)\n{}", wrong.len(), wrong.join("\n"));
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without words").to_string()
}

/// What the operator tells in this scenario.
pub fn told(scenario: &Scenario) -> Vec<(&'static str, &'static str)> {
    let own = |name: &str| scenario.told.iter().any(|(known, _)| *known == name);
    let base = TOLD.iter().filter(|(name, _)| !own(name));
    base.chain(scenario.told).filter(|(_, value)| !value.is_empty()).copied().collect()
}

/// Builds the host, runs `check`, and says what is wrong with its answer.
fn judge(scenario: &Scenario) -> Vec<String> {
    let Some(lab) = (scenario.build)().build_or_skip() else { return Vec::new() };
    (scenario.then)(&lab);
    let mut words: Vec<String> = ["check", "--format", "json"].map(str::to_string).to_vec();
    for (name, value) in told(scenario) {
        // A word that is no value is a switch.
        words.extend(if value == "on" { vec![format!("--{name}")] } else { vec![format!("--{name}={value}")] });
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let output = lab.run(&words);
    let Ok(answer) = serde_json::from_str::<Value>(&output.stdout) else {
        return vec![format!("no JSON: {output:?}")];
    };
    if std::env::var_os("SHOW").is_some() {
        println!("{}\n{:#}", scenario.name, answer);
    }
    println!("{}", docs::row(scenario));
    let mut wrong = compare(scenario, &answer);
    let fails = scenario.reports.iter().any(|report| report.severity == Severity::Fail);
    let verdict = answer["verdict"].as_str().unwrap_or_default();
    let code = match verdict {
        "fail" => 1,
        "unknown" => 3,
        _ => 0,
    };
    if output.code != code || (verdict == "fail") != fails {
        wrong.push(format!("verdict {verdict}, exit code {}", output.code));
    }
    if scenario.reports.is_empty() && verdict != "pass" {
        wrong.push(format!("a healthy host is {verdict}: {:#}", answer["steps"]));
    }
    wrong
}

fn compare(scenario: &Scenario, answer: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut expected: Vec<_> =
        scenario.reports.iter().map(|report| (report.cause.id(), report.severity.verdict().id())).collect();
    for step in answer["steps"].as_array().into_iter().flatten() {
        for cause in step["causes"].as_array().into_iter().flatten() {
            let text = |key: &str| cause[key].as_str().unwrap_or_default();
            let (id, severity) = (text("id"), text("severity"));
            match expected.iter().position(|known| *known == (id, severity)) {
                Some(at) => {
                    expected.swap_remove(at);
                }
                None => {
                    wrong.push(format!("reports {id} ({severity}): {}", text("detail")));
                    continue;
                }
            }
            wrong.extend(flaws(step, cause).into_iter().map(|flaw| format!("{id}: {flaw}")));
        }
    }
    wrong.extend(expected.iter().map(|(id, severity)| {
        let step = contract_step(id);
        let step = answer["steps"].as_array().into_iter().flatten().find(|one| one["id"] == step);
        let said = step.map(|step| format!("{} {}", step["verdict"], step["summary"])).unwrap_or_default();
        format!("does not report {id} ({severity}); its step says {said}")
    }));
    let first = scenario.reports.iter().filter(|report| report.severity == Severity::Fail);
    let first: Option<StepId> = first.map(|report| contract::step_of(report.cause)).min_by_key(|step| step.index());
    if answer["stopped_at"].as_str() != first.map(StepId::id) {
        wrong.push(format!("stopped at {}, not at {first:?}", answer["stopped_at"]));
    }
    wrong
}

fn contract_step(cause: &str) -> &'static str {
    logtail_doctor::core::finding::CauseId::of_id(cause).map_or("", |cause| contract::step_of(cause).id())
}

/// What is wrong with one cause and the step that reports it.
fn flaws(step: &Value, cause: &Value) -> Vec<String> {
    let Some(id) = cause["id"].as_str().and_then(logtail_doctor::core::finding::CauseId::of_id) else {
        return vec!["no such cause".into()];
    };
    let mut flaws = Vec::new();
    if step["id"] != contract::step_of(id).id() {
        flaws.push(format!("reported by step {}", step["id"]));
    }
    if step["evidence"].as_array().is_none_or(Vec::is_empty) {
        flaws.push("no evidence".into());
    }
    for text in ["detail", "why"] {
        if cause[text].as_str().is_none_or(|text| text.trim().is_empty()) {
            flaws.push(format!("no {text}"));
        }
    }
    let remedies: Vec<_> =
        cause["remedies"].as_array().into_iter().flatten().filter_map(|id| RemedyId::of_id(id.as_str()?)).collect();
    if remedies.is_empty() != contract::WITHOUT_REMEDY.contains(&id) {
        flaws.push(format!("remedies {remedies:?}"));
    }
    let strangers = remedies.iter().filter(|one| !contract::allows(id, **one));
    flaws.extend(strangers.map(|one| format!("remedy {} is not its own", one.id())));
    flaws
}
