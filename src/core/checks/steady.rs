//! Whether the agent's worker stays: a young one is looked at twice, and a daemon without a worker is given the time in
//! which it makes one anew. Nothing is waited for where the worker is old enough. It accuses nobody.

use super::subject;
use crate::core::agent::layout::Agent;
use crate::core::agent::processes::{Shape, is_alive, process_shape, program, worker};
use crate::core::observe::{Observations, ProcessSeen, Unanswered, Unavailable};
use std::path::PathBuf;

/// A worker that has lived so long stays, in seconds.
pub const STEADY: i64 = 15;
/// A daemon makes a dead worker anew after 10 seconds; a moment more, and one look has not come in between.
const REFORK: i64 = 11;

/// The agent's processes, after the second look where one was needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Steady {
    pub processes: Vec<ProcessSeen>,
    /// When they were looked at last, in seconds since 1970.
    pub at: i64,
    /// Those that were seen and have ended since.
    pub ended: Vec<ProcessSeen>,
    pub is_second_look: bool,
    /// Why there is no second look though one is needed.
    pub unwatched: Option<Unavailable>,
}

impl Steady {
    /// The process whose life counts: the worker, or the only one.
    pub fn worker(&self) -> Option<&ProcessSeen> {
        worker(&self.processes)
    }

    /// The worker, if it has lived long enough to be believed.
    pub fn proven(&self) -> Option<&ProcessSeen> {
        self.worker().filter(|worker| self.age(worker) >= STEADY)
    }

    fn age(&self, process: &ProcessSeen) -> i64 {
        self.at.saturating_sub(process.started).max(0)
    }

    /// Until when the processes have to be watched, in seconds since 1970; None when one look is enough.
    fn due(&self, one_is_normal: bool) -> Option<i64> {
        if self.processes.iter().any(|process| matches!(process.state, 'T' | 't')) {
            // A frozen process does nothing, however long one looks at it.
            return None;
        }
        let worker = self.worker()?;
        let left = STEADY.saturating_sub(self.age(worker));
        match process_shape(&self.processes) {
            Shape::None | Shape::TooMany(_) => None,
            Shape::Single(_) if !one_is_normal && self.is_second_look => None,
            Shape::Single(_) if !one_is_normal => Some(self.at.saturating_add(left.max(REFORK))),
            Shape::Pair { .. } | Shape::Single(_) => (left > 0).then(|| self.at.saturating_add(left)),
        }
    }
}

/// Looks at the processes of the agent, and again where one look proves nothing.
///
/// # Errors
/// Something has not been looked at yet.
pub fn look(see: &Observations, agent: &Agent) -> Result<Steady, Unanswered> {
    let (clock, identity) = (see.clock(), see.identity());
    let (clock, identity) = (clock?, identity?);
    let one_is_normal = agent.community || subject::in_container(identity, agent);
    let mut steady = Steady {
        processes: agent.processes.clone(),
        at: clock.now_ms / 1000,
        ended: Vec::new(),
        is_second_look: false,
        unwatched: None,
    };
    // A daemon alone is watched for its worker, and then the worker for a while.
    for _ in 0..2 {
        let Some(until) = steady.due(one_is_normal) else { break };
        match see.watch(until)? {
            Ok(watched) => {
                let places = places(agent);
                let parents: Vec<u32> = steady.processes.iter().map(|process| process.pid).collect();
                let is_own = |process: &&ProcessSeen| {
                    let place = program(process).and_then(|(path, _)| path.parent().map(PathBuf::from));
                    parents.contains(&process.pid)
                        || parents.contains(&process.ppid)
                        || place.is_some_and(|place| places.contains(&place))
                };
                let last: Vec<ProcessSeen> = watched.last.iter().filter(is_own).cloned().collect();
                let lives = |old: &ProcessSeen| {
                    last.iter().any(|new| is_alive(new) && (new.pid, new.started) == (old.pid, old.started))
                };
                // Between the first look and the first of the watch a process may have ended, too.
                let before = steady.processes.iter().filter(|process| is_alive(process));
                let gone = watched.ended.iter().filter(is_own).chain(before).filter(|old| !lives(old));
                for process in gone {
                    if !steady.ended.iter().any(|old| (old.pid, old.started) == (process.pid, process.started)) {
                        steady.ended.push(process.clone());
                    }
                }
                steady.processes = last;
                steady.at = until;
                steady.is_second_look = true;
            }
            Err(why) => {
                steady.unwatched = Some(why.clone());
                break;
            }
        }
    }
    Ok(steady)
}

/// The directories from which the agent's processes run.
fn places(agent: &Agent) -> Vec<PathBuf> {
    let of = agent.processes.iter().filter_map(|process| program(process)?.0.parent().map(PathBuf::from));
    of.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::agent::processes::tests::process;

    const EXE: &str = "/usr/local/ilogtail/ilogtail_1.8.8";

    /// A process with its parent and its age at the first look.
    fn aged(pid: u32, ppid: u32, age: i64) -> ProcessSeen {
        ProcessSeen { started: 1000 - age, ..process(pid, ppid, EXE) }
    }

    fn first_look(processes: Vec<ProcessSeen>) -> Steady {
        Steady { processes, at: 1000, ended: Vec::new(), is_second_look: false, unwatched: None }
    }

    #[test]
    fn only_what_one_look_does_not_prove_is_waited_for() {
        let pair = |age| first_look(vec![aged(10, 1, age + 1), aged(11, 10, age)]);
        assert_eq!(pair(3600).due(false), None, "an old worker costs no wait");
        assert_eq!(pair(15).due(false), None);
        assert_eq!(pair(14).due(false), Some(1001));
        assert_eq!(pair(0).due(false), Some(1015));
        assert_eq!(pair(-5).due(false), Some(1015), "a clock that was set back");
        let alone = |age| first_look(vec![aged(10, 1, age)]);
        assert_eq!(alone(3600).due(false), Some(1011), "the daemon may make a worker at any moment");
        assert_eq!(alone(1).due(false), Some(1014));
        assert_eq!(alone(3600).due(true), None, "one process is all there is");
        assert_eq!(alone(1).due(true), Some(1014));
        assert_eq!(first_look(Vec::new()).due(false), None);
        let frozen = first_look(vec![ProcessSeen { state: 'T', ..aged(10, 1, 1) }]);
        assert_eq!(frozen.due(false), None);
        let again = Steady { is_second_look: true, ..alone(20) };
        assert_eq!(again.due(false), None, "a daemon alone is watched once");
    }

    #[test]
    fn only_a_worker_of_fifteen_seconds_is_proven() {
        let pair = |age| first_look(vec![aged(10, 1, 90), aged(11, 10, age)]);
        assert_eq!(pair(14).proven(), None);
        assert_eq!(pair(15).proven().map(|worker| worker.pid), Some(11));
    }
}
