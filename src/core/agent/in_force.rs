//! What the running agent has loaded: it reads its configuration only when it starts, and logs what it has read. What is
//! on disk may be newer, or broken since. This file must not judge either.

use super::app_info;
use super::config::{self, Config};
use super::layout::{Agent, whole};
use super::log::{self, Loaded};
use super::processes;
use crate::core::observe::{Observations, Together, Unanswered};

/// The worker logs its configuration within this after its start, in seconds.
const START_LASTS: u64 = 120;
/// What every start logs of its configuration, whatever came of it.
const LOADED: &str = "load logtail config file, detail:";

/// When the worker that runs started, in seconds since 1970: the later one of what the kernel and its own record say.
/// None when none runs.
///
/// # Errors
/// Something has not been looked at yet.
pub fn started(see: &Observations, agent: &Agent) -> Result<Option<i64>, Unanswered> {
    let Some(worker) = processes::worker(&agent.processes) else { return Ok(None) };
    let record = whole(see.file(&agent.app_info_path)?).ok().and_then(|file| app_info::parse(&file.bytes).ok());
    let recorded = record.and_then(|info| info.started).unwrap_or_default();
    Ok(Some(worker.started.max(recorded)))
}

/// What the worker that runs has logged of its configuration; None when none runs, or the line is no longer there.
///
/// # Errors
/// Something has not been looked at yet.
pub fn loaded(see: &Observations, agent: &Agent) -> Result<Option<Loaded>, Unanswered> {
    let (clock, tail, started) = (see.clock(), see.tail(&agent.log_path), started(see, agent)).together()?;
    let Some(started) = started else { return Ok(None) };
    let loaded = tail.as_ref().ok().and_then(|tail| log::loaded_config(&tail.bytes));
    let at = |loaded: &Loaded| log::local_seconds(&loaded.time)?.checked_sub(i64::from(clock.offset_s));
    Ok(loaded.filter(|loaded| at(loaded).is_some_and(|at| is_of_start(at, started))))
}

/// The same as a configuration.
///
/// # Errors
/// Something has not been looked at yet.
pub fn loaded_config(see: &Observations, agent: &Agent) -> Result<Option<Config>, Unanswered> {
    let Some(loaded) = loaded(see, agent)? else { return Ok(None) };
    let text = loaded.value.to_string();
    Ok(config::read(text.as_bytes(), &[], &agent.environment, agent.version.as_ref()).ok())
}

/// Whether the worker that runs said at its start that its configuration is no valid JSON.
///
/// # Errors
/// Something has not been looked at yet.
pub fn said_broken(see: &Observations, agent: &Agent) -> Result<bool, Unanswered> {
    let (clock, tail, started) = (see.clock(), see.tail(&agent.log_path), started(see, agent));
    let (clock, tail, started) = (clock?, tail?, started?);
    let (Some(started), Ok(tail)) = (started, tail) else { return Ok(false) };
    let text = tail.text();
    // The last refusal, and how many starts have told what they loaded after it: its own, and any later one.
    let (mut refused_at, mut loads) = (None, 0);
    for entry in log::entries(&text) {
        if log::sign_of(&entry) == Some(log::LogSign::ConfigNotJson) {
            let at = log::local_seconds(entry.time).and_then(|at| at.checked_sub(i64::from(clock.offset_s)));
            (refused_at, loads) = (at, 0);
        } else if entry.rest.contains(LOADED) {
            loads += 1;
        }
    }
    Ok(loads < 2 && refused_at.is_some_and(|at| is_of_start(at, started)))
}

/// Whether something that was logged then was logged at this start. The agent's files may name any time.
fn is_of_start(at: i64, started: i64) -> bool {
    at.abs_diff(started) <= START_LASTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_logged_near_the_start_is_of_it_whatever_the_files_name() {
        assert!(is_of_start(1_795_332_110, 1_795_332_115) && is_of_start(1_795_332_235, 1_795_332_115));
        assert!(!is_of_start(1_795_332_236, 1_795_332_115));
        assert!(!is_of_start(-1, i64::MAX) && !is_of_start(i64::MIN, 0));
    }
}
