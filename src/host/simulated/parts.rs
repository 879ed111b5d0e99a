//! What a simulated world is made of: its agent, its people and units, its network, the service's side, its time. Data
//! with what follows from it alone; what happens to it is told beside [`World`](super::World).

use crate::core::observe::{CredentialsSeen, MachineGroup, TlsError};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::PathBuf;
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

/// What stopping does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopManner {
    AtOnce,
    /// The processes end this long after they were told to.
    After(Duration),
    /// The processes ignore it; only force-stop ends them.
    Never,
}

/// What starting does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartManner {
    Both,
    /// The daemon stays alone.
    DaemonOnly,
    /// The program dies at once: this processor lacks an instruction.
    IllegalInstruction,
}

/// The agent that is installed.
#[derive(Debug, Clone)]
pub(super) struct Agent {
    pub flavour: Flavour,
    /// The open-source build.
    pub community: bool,
    pub install_dir: PathBuf,
    /// `<sysconf>` unless the configuration moves it.
    pub conf_dir: PathBuf,
    /// The environment that the init script gives its processes.
    pub environment: Vec<(String, String)>,
    pub stop: StopManner,
    pub start: StartManner,
    /// The worker dies and is made anew this often.
    pub crash_every: Option<Duration>,
    /// What the running worker has in memory.
    pub memory: Option<Memory>,
    /// When the processes will have ended, in true milliseconds.
    pub stopping_until: Option<i64>,
    /// When the daemon makes a new worker, in true milliseconds.
    pub refork_at: Option<i64>,
}

impl Agent {
    pub fn config_path(&self) -> PathBuf {
        self.install_dir.join("ilogtail_config.json")
    }

    pub fn log_path(&self) -> PathBuf {
        self.install_dir.join(format!("{}.LOG", self.flavour.program()))
    }

    pub fn app_info_path(&self) -> PathBuf {
        self.install_dir.join("app_info.json")
    }

    /// The program as it is called: a symlink to the one with the version in its name.
    pub fn program_path(&self) -> PathBuf {
        self.install_dir.join(self.flavour.program())
    }

    pub fn env(&self, key: &str) -> Option<&str> {
        let of = |name: &str| self.environment.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let key_upper = key.to_ascii_uppercase();
        let loong = if self.flavour.version() >= (3, 0, 5) { of(&format!("LOONG_{key_upper}")) } else { None };
        loong.or_else(|| of(&format!("ALIYUN_LOGTAIL_{key_upper}"))).or_else(|| of(key))
    }
}

/// What a worker knows.
#[derive(Debug, Clone)]
pub(super) struct Memory {
    /// The configuration in force: the file with config.d over it.
    pub config: Map<String, Value>,
    pub ip: String,
    pub aliuids: BTreeSet<String>,
    pub custom_ids: BTreeSet<Vec<u8>>,
    pub conf_dir: PathBuf,
    /// When it started, in true milliseconds, as the times below.
    pub started_ms: i64,
    /// When it last looked whether its address changed.
    pub watched_ms: i64,
    /// When it last wrote its status.
    pub dumped_ms: i64,
    /// When the service last answered.
    pub contact_ms: Option<i64>,
}

impl Memory {
    pub fn string(&self, key: &str) -> Option<&str> {
        self.config.get(key).and_then(Value::as_str)
    }
}

/// How this user may become root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sudo {
    /// sudo is not installed.
    Absent,
    WithoutPassword,
    /// A password is asked for, or the user is not in sudoers: they look the same.
    NeedsPassword,
}

/// Who works on the host.
#[derive(Debug, Clone)]
pub(super) struct Person {
    pub user: String,
    pub uid: u32,
    pub sudo: Sudo,
}

/// systemd's view of its units, by name without `.service`.
#[derive(Debug, Clone, Default)]
pub(super) struct Systemd {
    pub units: BTreeMap<String, Unit>,
    /// Whether it is one that makes no units of init scripts any more (260 and later).
    pub is_newest: bool,
}

/// One unit.
#[derive(Debug, Clone)]
pub(super) struct Unit {
    pub enabled: bool,
    /// What systemd believes; of a oneshot unit this outlives the processes.
    pub active: bool,
    /// Type=oneshot with RemainAfterExit, else Type=forking.
    pub oneshot: bool,
}

/// What a command printed, how it ended, and how long it takes.
#[derive(Debug, Clone, Default)]
pub(super) struct Printed {
    pub code: i32,
    /// Whether on standard error, and the line.
    pub lines: Vec<(bool, String)>,
    pub takes: Duration,
}

impl Printed {
    pub fn lines(code: i32, lines: impl IntoIterator<Item = impl Into<String>>) -> Printed {
        let lines = lines.into_iter().map(|line| (false, line.into())).collect();
        Printed { code, lines, takes: Duration::ZERO }
    }

    pub fn error(code: i32, line: impl Into<String>) -> Printed {
        Printed { code, lines: vec![(true, line.into())], takes: Duration::ZERO }
    }

    pub fn nothing(code: i32) -> Printed {
        Printed { code, ..Printed::default() }
    }

    /// One after the other; the exit code is that of the second.
    pub fn then(mut self, next: Printed) -> Printed {
        self.lines.extend(next.lines);
        Printed { code: next.code, lines: self.lines, takes: self.takes + next.takes }
    }
}

/// The rules that were appended to chain OUTPUT, first one first, as `iptables-save` writes them.
#[derive(Debug, Clone, Default)]
pub(super) struct Firewall {
    pub output: Vec<String>,
}

impl Firewall {
    /// What becomes of a TCP connection to this port: the first rule that names the port decides.
    pub fn drops(&self, port: u16) -> bool {
        let names = |rule: &&String| {
            let ports = rule.split_once("--dports ").or_else(|| rule.split_once("--dport "));
            let ports = ports.and_then(|(_, rest)| rest.split(' ').next()).unwrap_or_default();
            ports.split(',').any(|one| one == port.to_string())
        };
        self.output.iter().find(names).is_some_and(|rule| rule.ends_with("-j DROP"))
    }
}

/// The DNS that the host asks.
#[derive(Debug, Clone, Default)]
pub(super) struct Dns {
    /// By name, or by `*.suffix`; an exact name wins, then the longest suffix.
    pub table: BTreeMap<String, Vec<Ipv4Addr>>,
    /// No nameserver answers.
    pub silent: bool,
    /// `myhostname` stands in nsswitch.conf: the host's own name has all of its addresses.
    pub myhostname: bool,
}

/// What a place on the network does with a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reaction {
    /// The service answers.
    Sls,
    /// Nothing listens, or a firewall rejects.
    Refuses,
    /// Packets get lost: a security group drops.
    Silent,
    /// This host has no route there.
    NoRoute,
    /// A rule of this host's own firewall.
    Forbidden,
    /// Something else answers: a login page, a proxy's error.
    Foreign { status: u16, body: String },
    /// TLS fails; plain HTTP is answered by the service.
    Tls(TlsError),
    /// The connection is made, and no answer comes.
    Mute,
    /// A proxy that passes everything on.
    Proxy,
}

/// Whose connections a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Direct,
    /// Through a proxy.
    Proxied,
    Any,
}

/// What one place does.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    /// A name, or `*.suffix`.
    pub host: String,
    /// None: every port.
    pub port: Option<u16>,
    pub way: Way,
    pub reaction: Reaction,
}

/// What is true at the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cloud {
    pub project: String,
    /// The project's region, as its endpoint names it.
    pub region: String,
    /// The main account id of the project's owner.
    pub owner: String,
    pub group_name: String,
    pub group: Group,
    /// None: this machine is no ECS instance.
    pub ecs: Option<Ecs>,
}

/// What the machine group names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Group {
    Ips(Vec<Ipv4Addr>),
    /// A custom identifier.
    Custom(String),
}

/// Where the instance runs, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ecs {
    pub region: String,
    pub account: String,
}

/// The first heartbeat comes so many seconds after everything agrees, and the next ones in this rhythm.
const FIRST_S: i64 = 8;
const EVERY_S: i64 = 30;

/// What the API knows.
#[derive(Debug, Clone, Default)]
pub(super) struct Api {
    /// The key in use; None: none was found yet.
    pub key: Option<CredentialsSeen>,
    pub groups: BTreeMap<String, MachineGroup>,
    /// Since when everything agrees, and the last heartbeat before that, in true seconds since 1970.
    pub agrees_since: Option<i64>,
    pub last: Option<i64>,
}

impl Api {
    /// Lets time pass: heartbeats come in their rhythm for as long as everything agrees.
    pub fn hear(&mut self, is_heard: bool, now: i64) {
        match (is_heard, self.agrees_since) {
            (false, _) => self.agrees_since = None,
            (true, None) => self.agrees_since = Some(now),
            (true, Some(since)) if now - since >= FIRST_S => {
                self.last = Some(now - (now - since - FIRST_S) % EVERY_S);
            }
            (true, Some(_)) => {}
        }
    }
}
