//! Everything that is true of a simulated machine and of what surrounds it, and the passing of its time.

use super::agent::Agent;
use super::api::Api;
use super::commands::{Person, Systemd};
use super::files::{Files, Kind};
use super::firewall::Firewall;
use super::network::{Dns, Rule};
use super::service::Cloud;
use crate::core::observe::{CommandSeen, DirSeen, InterfaceSeen, Observed, ProcessSeen};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;

/// Which agent a healthy world has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flavour {
    /// Logtail 1.8.8: the last of the 1.x line.
    Logtail188,
    /// Logtail 2.0.7: takes an arbitrary interface when it knows nothing better.
    Logtail207,
    /// LoongCollector 3.3.1, commercial edition: the old directories, the new names.
    Loong331,
}

impl Flavour {
    pub const ALL: [Flavour; 3] = [Flavour::Logtail188, Flavour::Logtail207, Flavour::Loong331];

    /// Major, minor, patch.
    pub const fn version(self) -> (u32, u32, u32) {
        match self {
            Flavour::Logtail188 => (1, 8, 8),
            Flavour::Logtail207 => (2, 0, 7),
            Flavour::Loong331 => (3, 3, 1),
        }
    }

    /// The name of the program, of its short process name and of the word in the init script's texts.
    pub const fn program(self) -> &'static str {
        match self {
            Flavour::Logtail188 | Flavour::Logtail207 => "ilogtail",
            Flavour::Loong331 => "loongcollector",
        }
    }

    /// The name of the init script and of the systemd unit.
    pub const fn service(self) -> &'static str {
        match self {
            Flavour::Logtail188 | Flavour::Logtail207 => "ilogtaild",
            Flavour::Loong331 => "loongcollectord",
        }
    }
}

/// The true time, and what this host makes of it.
#[derive(Debug, Clone)]
pub(super) struct Time {
    /// The true time when the world began to run, milliseconds since 1970.
    pub start_ms: i64,
    /// Since when it runs; None: it stands still.
    pub since: Option<Instant>,
    /// How far this host's clock is ahead of the true time, in milliseconds.
    pub offset_ms: i64,
    /// The time zone, seconds east of Greenwich.
    pub zone_s: i32,
    /// The true time when the kernel started, milliseconds since 1970.
    pub booted_ms: i64,
    /// Whether a time service keeps the clock, and can.
    pub synchronised: bool,
}

impl Time {
    /// Milliseconds since 1970, as the rest of the world counts them.
    pub fn true_ms(&self) -> i64 {
        let run = self.since.map_or(0, |since| since.elapsed().as_millis());
        self.start_ms + i64::try_from(run).unwrap_or(0)
    }

    /// Milliseconds since 1970, as this host counts them.
    pub fn host_ms(&self) -> i64 {
        self.true_ms() + self.offset_ms
    }

    /// This host's local time in a format of strftime.
    pub fn local(&self, format: &str) -> String {
        self.local_of(self.host_ms(), format)
    }

    /// A moment (milliseconds since 1970) in this host's time zone.
    pub fn local_of(&self, ms: i64, format: &str) -> String {
        jiff::Timestamp::from_millisecond(ms + i64::from(self.zone_s) * 1000)
            .map_or_else(|_| String::new(), |time| time.strftime(format).to_string())
    }
}

/// Pauses that make a simulation look alive. None by default.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Timing {
    /// Before every answer.
    pub answer: Duration,
    /// Before every line that a command prints.
    pub line: Duration,
}

/// A machine, its agent, and the service that it should report to. Made by [`World::healthy`], then broken by the
/// methods that take it by value.
#[derive(Debug, Clone)]
pub struct World {
    pub(super) time: Time,
    pub(super) pace: Timing,
    pub(super) files: Files,
    pub(super) processes: Vec<ProcessSeen>,
    pub(super) next_pid: u32,
    pub(super) interfaces: Vec<InterfaceSeen>,
    pub(super) hostname: String,
    pub(super) dns: Dns,
    pub(super) network: Vec<Rule>,
    /// None: iptables is not installed.
    pub(super) firewall: Option<Firewall>,
    pub(super) person: Person,
    /// What says that we run in a container.
    pub(super) container: Option<String>,
    pub(super) agent: Agent,
    pub(super) systemd: Option<Systemd>,
    /// What other commands print, by their whole command line.
    pub(super) printed: BTreeMap<String, CommandSeen>,
    pub(super) kernel_log: Vec<String>,
    pub(super) cloud: Cloud,
    /// None: the service cannot be asked.
    pub(super) api: Option<Api>,
}

impl World {
    /// The content of a file as root reads it.
    pub fn content(&self, path: impl AsRef<Path>) -> Option<Vec<u8>> {
        self.files.content(path.as_ref()).map(<[u8]>::to_vec)
    }

    /// The names in a directory as root sees them.
    ///
    /// # Errors
    /// There is no such directory.
    pub fn listing(&self, dir: impl AsRef<Path>) -> Observed<DirSeen> {
        self.files.list(dir.as_ref(), 0)
    }

    /// The processes of the agent.
    pub fn processes(&self) -> &[ProcessSeen] {
        &self.processes
    }

    /// The address that the running agent reports; None when none runs.
    pub fn agent_ip(&self) -> Option<&str> {
        self.agent.memory.as_ref().map(|memory| memory.ip.as_str())
    }

    /// Everything that the passing of time does: a slow stop ends, the daemon makes a new worker, the agent re-reads.
    pub(super) fn settle(&mut self) {
        self.agent_settles();
    }

    /// Writes a file as the machine's own programs do: as root, now, keeping the mode of an old one.
    pub(super) fn put(&mut self, path: &Path, bytes: impl Into<Vec<u8>>) {
        let mode = self.files.node(path).map_or(0o644, |node| node.mode);
        let modified = self.time.host_ms().div_euclid(1000);
        self.files.put(path, Kind::File(bytes.into()), mode, modified);
    }
}
