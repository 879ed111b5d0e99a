//! The init scripts of the agent: their texts and exit codes (domain.md, sections 7.1 and 7.2).

use super::parts::{Flavour, Printed, StopManner};
use super::world::World;
use std::path::Path;
use std::time::Duration;

/// How long a script waits for the processes to end before it gives up.
const GRACE: Duration = Duration::from_secs(30);

impl World {
    /// Runs an init script; None when there is no such script.
    pub(super) fn init_script(&mut self, path: &Path, action: &str, root: bool) -> Option<Printed> {
        self.files.content(path)?;
        let name = path.file_name()?.to_string_lossy().into_owned();
        if name != "ilogtaild" && name != "loongcollectord" {
            return None;
        }
        if !root && self.files.node(path).is_some_and(|node| node.mode & 0o001 == 0) {
            return Some(Printed::error(126, "Permission denied"));
        }
        Some(match action {
            "status" => self.script_status(root),
            "start" | "stop" | "force-stop" | "restart" if !root => Printed::error(1, "Permission denied"),
            "start" => self.script_start(),
            "stop" => self.script_stop(),
            "force-stop" => {
                self.end_agent();
                Printed::lines(0, ["force stop successfully"])
            }
            // Scripts of the 1.x line know no restart.
            "restart" if self.agent.flavour != Flavour::Logtail188 => {
                let stopped = self.script_stop();
                if stopped.code == 0 {
                    self.end_agent();
                    stopped.then(self.script_start())
                } else {
                    stopped
                }
            }
            _ => {
                Printed::lines(1, [format!("Usage: {} {{ start | stop | force-stop | status | -h }}", path.display())])
            }
        })
    }

    /// An ordinary user sees no process of root, so the script says stopped.
    fn script_status(&self, root: bool) -> Printed {
        let name = self.agent.flavour.program();
        match self.pair() {
            _ if !root => Printed::lines(3, [format!("{name} is stopped")]),
            (Some(_), Some(_)) => Printed::lines(0, [format!("{name} is running")]),
            (None, _) => Printed::lines(3, [format!("{name} is stopped")]),
            (Some(daemon), None) => Printed::lines(
                1,
                [format!("{name} ppid: {daemon}, cpid: "), format!("{name} running process is abnormal.")],
            ),
        }
    }

    fn script_start(&mut self) -> Printed {
        self.start_agent();
        let mut printed = self.script_status(true);
        printed.code = printed.code.min(1);
        printed
    }

    fn script_stop(&mut self) -> Printed {
        let flavour = self.agent.flavour;
        let word = if flavour == Flavour::Logtail188 { "stop success" } else { "stop successfully" };
        let program = flavour.program();
        let (daemon, worker) = self.pair();
        let mut lines: Vec<String> = Vec::new();
        if flavour != Flavour::Loong331 {
            let own = [daemon, worker].into_iter().flatten();
            lines.extend(own.map(|pid| format!("kill process Name: {program} pid: {pid}")));
        }
        let end = match self.agent.stop {
            _ if daemon.is_none() && worker.is_none() => Some(Duration::ZERO),
            StopManner::AtOnce => Some(Duration::ZERO),
            StopManner::After(duration) => Some(duration),
            StopManner::Never => None,
        };
        match end {
            Some(Duration::ZERO) => self.end_agent(),
            Some(duration) => {
                let end = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
                self.agent.stopping_until = Some(self.time.true_ms().saturating_add(end));
            }
            None => {}
        }
        let takes = end.unwrap_or(GRACE).min(GRACE);
        let code = if end.is_some_and(|duration| duration <= GRACE) {
            lines.push(word.into());
            0
        } else {
            lines.push("graceful stop failed, you should retry stop or using force-stop".into());
            1
        };
        Printed { takes, ..Printed::lines(code, lines) }
    }
}
