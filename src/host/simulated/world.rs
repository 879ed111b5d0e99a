//! Everything that is true of a simulated machine and of what surrounds it, and the passing of its time.

use super::files::{Files, Kind};
use super::parts::{Agent, Api, Cloud, Dns, Firewall, Person, Rule, Systemd, Time, Timing};
use crate::core::observe::{CommandSeen, DirSeen, InterfaceSeen, Observed, ProcessSeen};
use std::collections::BTreeMap;
use std::path::Path;

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
