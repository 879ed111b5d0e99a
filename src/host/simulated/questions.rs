//! Answers one [`Question`] from the world, every field as the Linux host fills it. Must not change the world, but for
//! what a look-only command does: nothing.

use super::parts::Sudo;
use super::world::World;
use crate::core::observe::{
    Answer, ClockSeen, IdentitySeen, Observed, ProcessSeen, Question, Unavailable, WATCH_LIMIT, WATCH_PAUSE, WatchSeen,
};
use std::time::Duration;

impl World {
    pub(super) fn answer(&mut self, question: &Question) -> Answer {
        let uid = self.person.uid;
        match question {
            Question::File(path) => Answer::File(self.files.look(path, uid, false)),
            Question::Present(path) => Answer::File(self.files.look(path, uid, false).map(|mut file| {
                file.bytes.clear();
                file
            })),
            Question::Tail(path) => Answer::File(self.files.look(path, uid, true)),
            Question::Dir(path) => Answer::Dir(self.files.list(path, uid)),
            Question::Place(path) => Answer::Place(self.files.place(path)),
            Question::Program(path) => Answer::Program(self.files.program(path, "x86_64")),
            Question::Processes => {
                Answer::Processes(Ok(self.processes.iter().map(|process| seen_by(process, uid)).collect()))
            }
            Question::WatchProcesses { until } => Answer::Watched(Ok(self.watch(*until, uid))),
            Question::Environment { pid } => Answer::Environment(self.environment(*pid)),
            Question::Interfaces => Answer::Interfaces(Ok(self.interfaces.clone())),
            Question::Lookup(name) => Answer::Lookup(self.lookup(name)),
            Question::Reach(target) => Answer::Reach(self.reach(target)),
            Question::ReadCommand(look) => Answer::ReadCommand(self.look(look)),
            Question::AskNameserver { name, .. } => Answer::AskNameserver(self.ask_nameserver(name)),
            Question::Metadata => Answer::Metadata(self.metadata()),
            // Nobody else lives on a simulated host.
            Question::Trusted(_) => Answer::Trusted(Ok(())),
            Question::Cloud(asked) => Answer::Cloud(self.cloud_answer(asked)),
            Question::Clock => Answer::Clock(ClockSeen {
                now_ms: self.time.host_ms(),
                offset_s: self.time.zone_s,
                // The kernel says how long it runs; when it started is reckoned from the clock.
                booted: (self.time.booted_ms + self.time.offset_ms).div_euclid(1000),
            }),
            Question::Identity => Answer::Identity(self.identity()),
        }
    }

    /// Simulated time does not make anybody wait: it moves on at once, in the steps in which a real host looks.
    fn watch(&mut self, until: i64, uid: u32) -> WatchSeen {
        let look = |world: &World| world.processes.iter().map(|process| seen_by(process, uid)).collect();
        let mut seen = WatchSeen { last: look(self), ended: Vec::new() };
        let left = until.saturating_mul(1000).saturating_sub(self.time.host_ms());
        let mut left = left.clamp(0, milliseconds(WATCH_LIMIT));
        while left > 0 {
            let step = left.min(milliseconds(WATCH_PAUSE));
            self.time.start_ms += step;
            left -= step;
            self.settle();
            seen.look(look(self));
        }
        seen
    }

    fn environment(&self, pid: u32) -> Observed<Vec<(String, String)>> {
        let process = self.processes.iter().find(|process| process.pid == pid).ok_or(Unavailable::Absent)?;
        if self.person.uid != 0 && self.person.uid != process.uid {
            return Err(Unavailable::NotAllowed);
        }
        let own = process.exe.as_ref().is_ok_and(|exe| exe.starts_with(&self.agent.install_dir));
        Ok(if own { self.agent_environment() } else { Vec::new() })
    }

    fn identity(&self) -> IdentitySeen {
        IdentitySeen {
            hostname: self.hostname.clone().into(),
            os: "linux".into(),
            arch: "x86_64".into(),
            kernel: "5.10.134-16.al8.x86_64".into(),
            distribution: "Alibaba Cloud Linux 3 (Soaring Falcon)".into(),
            user: self.person.user.clone().into(),
            uid: self.person.uid,
            privileged: self.person.uid == 0,
            sudo: (self.person.sudo != Sudo::Absent).then(|| "/usr/bin/sudo".into()),
            container: self.container.clone(),
        }
    }
}

/// Whole milliseconds.
fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// A process as this user sees it: of others, neither the program nor the namespaces.
fn seen_by(process: &ProcessSeen, uid: u32) -> ProcessSeen {
    let mut seen = process.clone();
    if uid != 0 && uid != process.uid {
        seen.exe = Err(Unavailable::NotAllowed);
        seen.contained = None;
    }
    seen
}
