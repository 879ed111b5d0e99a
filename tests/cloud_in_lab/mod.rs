//! The cloud's side through the built program, on a laboratory host whose service answers as the documents of the API
//! say: the whole loop by keys, every error and every way of losing an answer, and no secret anywhere. Needs a
//! laboratory; says SKIPPED and why where none can be made.
#![cfg(target_os = "linux")]

mod by_keys;
mod large;
mod refusals;
mod secrets;
mod writes;

use lab::{Lab, OWNER, Output};
use serde_json::Value;
use std::time::Duration;

/// For what takes a moment.
pub const SOON: Duration = Duration::from_secs(20);
/// For what waits for the agent and the service.
pub const LATER: Duration = Duration::from_secs(90);

/// The project and the group, as the operator tells them.
pub const TOLD: [&str; 8] =
    ["--project", "my-project", "--region", "cn-hangzhou", "--machine-group", "web", "--aliuid", OWNER];

/// Runs the program with what the operator tells.
pub fn told(lab: &Lab, words: &[&str]) -> Output {
    lab.run(&[words, &TOLD].concat())
}

/// What `check --format json` answers.
pub fn check(lab: &Lab, more: &[&str]) -> Value {
    json_of(&told(lab, &[&["check", "--format", "json"], more].concat()))
}

/// The answer as JSON.
pub fn json_of(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// One step of the answer.
pub fn step<'a>(answer: &'a Value, id: &str) -> &'a Value {
    let found = answer["steps"].as_array().and_then(|steps| steps.iter().find(|step| step["id"] == id));
    found.unwrap_or_else(|| panic!("no step {id}: {answer:#}"))
}

/// The ids of a step's causes.
pub fn causes<'a>(answer: &'a Value, id: &str) -> Vec<&'a str> {
    step(answer, id)["causes"].as_array().into_iter().flatten().filter_map(|cause| cause["id"].as_str()).collect()
}

/// How many requests to the API began like this.
pub fn requests(lab: &Lab, beginning: &str) -> usize {
    lab.requests().iter().filter(|line| line.starts_with(beginning)).count()
}

/// The group without the time of its last change.
pub fn timeless(mut group: Value) -> Value {
    group.as_object_mut().expect("an object").shift_remove("lastModifyTime");
    group
}
