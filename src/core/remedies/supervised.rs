//! Starting and stopping an agent through supervisord, runit, s6, or as its line of `rc.local` or cron does at boot. The
//! vendor's script and systemd's units are in [`control`](super::control).

use super::Change;
use crate::core::agent::supervisor::{BootLine, Supervisor};
use crate::core::text::Text;
use std::time::Duration;

/// A graceful stop takes up to 30 s (domain facts, 7.2); each supervisor is told to wait a little longer.
const LIMIT: Duration = Duration::from_secs(60);
/// Runs its first argument in a session of its own, without a terminal and without waiting for it.
const APART: &str = "setsid /bin/sh -c \"$1\" < /dev/null > /dev/null 2>&1 &";
/// The same as another user, who is the second argument.
const APART_AS: &str = "setsid su -s /bin/sh -c \"$1\" \"$2\" < /dev/null > /dev/null 2>&1 &";

/// The commands of one supervisor.
pub(super) struct Supervised {
    /// None where nothing but a signal stops the agent.
    stop: Option<Vec<String>>,
    start: Vec<String>,
}

/// The commands of a supervisor; None where root must not use it.
pub(super) fn of(supervisor: &Supervisor) -> Option<Supervised> {
    let words = |list: &[&str]| list.iter().map(|word| word.to_string()).collect::<Vec<_>>();
    let both = |stop: &[&str], start: &[&str]| Some(Supervised { stop: Some(words(stop)), start: words(start) });
    match supervisor {
        Supervisor::InitScript(_) | Supervisor::Unit(_) => None,
        Supervisor::Supervisord { program, config } => {
            let config = config.display().to_string();
            let run = |word| ["supervisorctl", "-c", &config, word, program];
            both(&run("stop"), &run("start"))
        }
        Supervisor::Runit(dir) => {
            let dir = dir.display().to_string();
            both(&["sv", "-w", "40", "stop", &dir], &["sv", "-w", "30", "start", &dir])
        }
        Supervisor::S6(dir) => {
            let dir = dir.display().to_string();
            both(&["s6-svc", "-wD", "-T", "40000", "-d", &dir], &["s6-svc", "-wu", "-T", "30000", "-u", &dir])
        }
        // Whoever else may write that file would have a line of theirs run as root.
        Supervisor::RcLocal(BootLine { is_roots: false, .. }) | Supervisor::Cron(BootLine { is_roots: false, .. }) => {
            None
        }
        Supervisor::RcLocal(line) | Supervisor::Cron(line) => Some(Supervised { stop: None, start: as_at_boot(line) }),
    }
}

fn as_at_boot(line: &BootLine) -> Vec<String> {
    let mut argv: Vec<String> = ["/bin/sh", "-c"].map(str::to_string).to_vec();
    match line.user.as_deref().filter(|user| *user != "root") {
        Some(user) => argv.extend([APART_AS.into(), "sh".into(), line.command.clone(), user.to_string()]),
        None => argv.extend([APART.into(), "sh".into(), line.command.clone()]),
    }
    argv
}

impl Supervised {
    /// The stop; None where the processes have to be signalled.
    pub(super) fn stop(&self) -> Option<Change> {
        let what = Text::fixed("stop the agent through its supervisor", "通过守护工具停止 Agent");
        // Stopping a stopped agent is an error for some; the wait that follows is the judge.
        let accept = (0..=7).chain([99, 100, 255]).collect();
        self.stop.clone().map(|argv| Change::Run { argv, limit: LIMIT, accept, what, proxies: false })
    }

    /// The start, and what is waited for then.
    pub(super) fn start(&self, there: Change) -> Vec<Change> {
        let what = Text::fixed("start the agent the way it is supervised", "按其守护方式启动 Agent");
        let argv = self.start.clone();
        vec![Change::Run { argv, limit: LIMIT, accept: vec![0], what, proxies: false }, there]
    }
}
