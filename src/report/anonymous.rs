//! A support case under other names, for those who must not tell whose host it is. It is judged anew from the renamed
//! observations; where that would come out otherwise than before, there is no such case. No I/O.

use super::{AgentInfo, Case, Recording};
use crate::core::checks::{Investigation, Judge};
use crate::core::context::Context;
use crate::core::finding::{CauseId, StepId, Verdict};
use crate::core::observe::Observations;
use crate::core::pseudonyms::Pseudonyms;
use serde_json::json;

/// A case under other names, and who has which.
#[derive(Debug, Clone)]
pub struct Anonymous {
    pub case: Case,
    /// JSON: the real name behind each other name. It never belongs into the bundle.
    pub map: Vec<u8>,
}

/// The case under other names.
///
/// # Errors
/// The first step that would be judged otherwise under other names.
pub fn anonymous(
    case: &Case,
    seed: [u8; 16],
    judge: Judge,
    agent_info: impl Fn(&Observations) -> Option<AgentInfo>,
) -> Result<Anonymous, StepId> {
    let told = case.recording.told();
    let mut names = Pseudonyms::new(seed);
    names.learn(&case.recording.observations, &told);
    let observations = names.observations(&case.recording.observations);
    let context = names.through(&case.recording.context).unwrap_or_default();
    let recording = Recording { context: context.clone(), observations, ..case.recording.clone() };
    let same = Context { console_heartbeat: told.console_heartbeat, no_cloud: told.no_cloud, ..context };
    let found = recording.judged(judge, same);
    let before = case.recording.judged(judge, told);
    if let Some(step) = StepId::ALL.iter().find(|step| outcome(&before, **step) != outcome(&found, **step)) {
        return Err(*step);
    }
    let taken = recording.taken.clone();
    let renamed = Case::new(&found, &recording.observations, taken, agent_info(&recording.observations));
    // The secrets were taken out of the case before.
    let case = Case { masked: case.masked.clone(), ..renamed };
    let map = serde_json::to_vec_pretty(&json!({ "real_names": names.given() })).unwrap_or_default();
    Ok(Anonymous { case, map })
}

/// What a step came to: the verdict with its causes.
fn outcome(found: &Investigation, step: StepId) -> Option<(Verdict, Vec<CauseId>)> {
    let finding = &found.finding(step)?.finding;
    Some((finding.verdict, finding.causes.iter().map(|cause| cause.id).collect()))
}
