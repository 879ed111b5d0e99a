//! What questions are about and what answers hold. Data only; both can be recorded and played back.
//!
//! Every answer is bounded in size, and the host bounds the time. An answer that is not there says why ([`Unavailable`]):
//! that is how a check tells "absent" from "not allowed to look".

use super::Distrust;
use crate::core::text::Untrusted;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

/// At most this much of a file is read for [`Question::File`](super::Question), in bytes.
pub const FILE_LIMIT: usize = 1 << 20;
/// At most this much of a file's end is read for [`Question::Tail`](super::Question), in bytes.
pub const TAIL_LIMIT: usize = 512 << 10;
/// At most this many names are listed for [`Question::Dir`](super::Question).
pub const DIR_LIMIT: usize = 4096;
/// Processes are watched no longer than this, whatever the clock says.
pub const WATCH_LIMIT: Duration = Duration::from_secs(20);
/// The pause between two looks of a watch: a worker that lives for half a second is seen.
pub const WATCH_PAUSE: Duration = Duration::from_millis(200);
/// At most so many processes that ended are kept of a watch.
pub const ENDED_LIMIT: usize = 100;

/// Where one HTTP request goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Target {
    pub tls: bool,
    pub host: String,
    pub port: u16,
    /// Path with query, beginning with `/`.
    pub path: String,
    /// `http://host:port` of the agent's own proxy, when it has one.
    pub proxy: Option<String>,
}

impl Target {
    /// `GET /` on the host's usual port for the scheme.
    pub fn root(host: impl Into<String>, tls: bool) -> Target {
        Target { tls, host: host.into(), port: if tls { 443 } else { 80 }, path: "/".into(), proxy: None }
    }

    /// `host:port`, as evidence shows it.
    pub fn place(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

/// The commands that checks may run. None of them changes anything; each runs with `LC_ALL=C`, without a terminal,
/// under a time limit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReadCommand {
    /// `SCRIPT status` of an init script of the agent.
    InitStatus { script: PathBuf },
    /// `systemctl is-enabled UNIT`.
    UnitEnabled { unit: String },
    /// `systemctl show UNIT -p …`: active state, sub state, main pid, type.
    UnitState { unit: String },
    /// `systemctl show UNIT -p …`: the units that start it with themselves.
    UnitWantedBy { unit: String },
    /// Kernel log lines, for crashes: `dmesg`.
    KernelLog,
    /// `nft list ruleset`.
    NftRules,
    /// `iptables-save`.
    IptablesRules,
    /// `iptables-legacy-save`: the tables of the older kernel interface, where nft is the newer one.
    IptablesLegacyRules,
    /// `timedatectl show`.
    TimeSync,
}

impl ReadCommand {
    /// The exact command line, program first.
    pub fn argv(&self) -> Vec<String> {
        let words = |list: &[&str]| list.iter().map(|word| word.to_string()).collect();
        match self {
            ReadCommand::InitStatus { script } => vec![script.display().to_string(), "status".into()],
            ReadCommand::UnitEnabled { unit } => words(&["systemctl", "is-enabled", unit]),
            ReadCommand::UnitState { unit } => {
                words(&["systemctl", "show", unit, "-p", "LoadState,ActiveState,SubState,MainPID,Type,UnitFileState"])
            }
            ReadCommand::UnitWantedBy { unit } => words(&["systemctl", "show", unit, "-p", "WantedBy,RequiredBy"]),
            ReadCommand::KernelLog => words(&["dmesg"]),
            ReadCommand::NftRules => words(&["nft", "list", "ruleset"]),
            ReadCommand::IptablesRules => words(&["iptables-save"]),
            ReadCommand::IptablesLegacyRules => words(&["iptables-legacy-save"]),
            ReadCommand::TimeSync => words(&["timedatectl", "show"]),
        }
    }

    /// How long it is waited for, where that is less than for everything else. The init script belongs to the vendor, may
    /// be slow, and only confirms what the processes tell: no verdict waits for it.
    pub fn patience(&self) -> Option<Duration> {
        matches!(self, ReadCommand::InitStatus { .. }).then_some(Duration::from_millis(250))
    }

    /// The command line as an operator would type it.
    pub fn line(&self) -> String {
        self.argv().join(" ")
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unavailable {
    /// It does not exist (a file, a directory, a program).
    Absent,
    /// We are not allowed to look; root could.
    NotAllowed,
    /// No answer within the time limit; a dead mount or a hung command.
    TimedOut,
    /// A directory, FIFO, socket or device stands where a regular file was expected; the word says which.
    NotAFile(String),
    /// Somebody else than root could have put it there, so root does not follow it, run it or believe it.
    Untrusted(Distrust),
    /// Any other error of the operating system, in its words.
    Other(String),
}

/// An answer that may be missing with a reason.
pub type Observed<T> = Result<T, Unavailable>;

/// What became of the agent's processes while they were watched.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WatchSeen {
    /// Those of the last look.
    pub last: Vec<ProcessSeen>,
    /// Those of an earlier look that have ended since, oldest first, each as it was last seen; at most [`ENDED_LIMIT`].
    pub ended: Vec<ProcessSeen>,
}

impl WatchSeen {
    /// Takes one more look: what is not in it any more, or not alive, has ended.
    pub fn look(&mut self, now: Vec<ProcessSeen>) {
        let is_gone = |old: &ProcessSeen| {
            let same = now.iter().find(|new| (new.pid, new.started) == (old.pid, old.started));
            same.is_none_or(|new| matches!(new.state, 'Z' | 'X'))
        };
        let alive = self.last.iter().filter(|old| !matches!(old.state, 'Z' | 'X'));
        let room = ENDED_LIMIT.saturating_sub(self.ended.len());
        let gone: Vec<ProcessSeen> = alive.filter(|old| is_gone(old)).take(room).cloned().collect();
        self.ended.extend(gone);
        self.last = now;
    }
}

/// A file's bytes and what the directory says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSeen {
    #[serde(with = "bytes_as_text")]
    pub bytes: Vec<u8>,
    /// Full size in bytes; more than `bytes.len()` when only a part was read.
    pub size: u64,
    /// Seconds since 1970.
    pub modified: i64,
    /// Permission bits.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// Where the path leads when it is a symlink.
    pub link_to: Option<PathBuf>,
}

impl FileSeen {
    /// Whether only a part of the file was read.
    pub fn is_partial(&self) -> bool {
        self.size > self.bytes.len() as u64
    }

    /// The bytes as text; what is not UTF-8 becomes the replacement character.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }
}

/// What kind of thing a directory entry is; symlinks are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryKind {
    File,
    Dir,
    Other,
    /// A symlink that leads nowhere.
    Dangling,
}

/// One name in a directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntrySeen {
    /// What is not UTF-8 became the replacement character.
    pub name: String,
    pub kind: EntryKind,
    /// Size in bytes.
    pub size: u64,
    /// Seconds since 1970.
    pub modified: i64,
}

/// The names in a directory, sorted, at most [`DIR_LIMIT`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirSeen {
    pub entries: Vec<EntrySeen>,
    /// Whether there were more names than are listed.
    pub cut: bool,
}

/// One process that may be the agent's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessSeen {
    pub pid: u32,
    pub ppid: u32,
    /// The kernel's short name, at most 15 bytes.
    pub name: String,
    /// The program; an ordinary user cannot see that of other users.
    pub exe: Observed<PathBuf>,
    /// The command line, words joined by spaces, at most 4 KiB.
    pub command: String,
    /// Seconds since 1970.
    pub started: i64,
    pub uid: u32,
    /// The kernel's state letter: `R`, `S`, `D`, `Z`, `T`.
    pub state: char,
    /// Whether it runs in a container: in another pid namespace than ours, or with another root directory in another
    /// mount namespace (systemd's `PrivateTmp` alone makes no container). None when we may not look.
    pub contained: Option<bool>,
}

/// One network interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceSeen {
    pub name: String,
    pub up: bool,
    /// IPv4 addresses in kernel order, the primary first.
    pub ipv4: Vec<Ipv4Addr>,
}

/// What the resolver said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookupSeen {
    /// Empty when the name does not exist.
    pub addresses: Result<Vec<Ipv4Addr>, Unavailable>,
    /// The way it was asked: `getent ahostsv4 NAME` or `getaddrinfo`.
    pub by: String,
    pub elapsed_ms: u64,
}

/// What one nameserver said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameserverSeen {
    pub said: NameserverSaid,
    pub elapsed_ms: u64,
}

/// The answer of one nameserver to the question for the IPv4 addresses of a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NameserverSaid {
    /// Empty when the name exists without an IPv4 address.
    Addresses(Vec<Ipv4Addr>),
    NoSuchName,
    /// It answered that it cannot or will not say: the code of RFC 1035, 2 for a failure of its own, 5 for a refusal.
    Unable(u8),
    /// Nothing listens there, or there is no way to it.
    Unreachable,
    Silent,
}

/// What came of one request, stage by stage; a stage that was not reached is None.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ReachSeen {
    pub resolved: Option<Result<Vec<IpAddr>, NameError>>,
    /// The address that answered, with the milliseconds that the connection took.
    pub connected: Option<Result<(IpAddr, u64), ConnectError>>,
    /// Only for TLS.
    pub tls: Option<Result<TlsSeen, TlsError>>,
    /// Who signed the certificate that the other side showed, trusted or not: the issuer's common name, else its
    /// organisation. Text from outside, at most 128 characters.
    #[serde(default)]
    pub issuer: Option<Untrusted>,
    pub http: Option<Result<HttpSeen, Unavailable>>,
    /// From start to end, in milliseconds.
    pub elapsed_ms: u64,
}

/// Why a name has no address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NameError {
    /// The resolver says that there is no such name, or no IPv4 address for it.
    NoSuchName,
    /// The resolver did not answer in time, or answered that it cannot.
    NoAnswer,
}

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConnectError {
    /// An answer came, and it was a refusal: nothing listens, or a firewall rejects.
    Refused(IpAddr),
    /// No answer: a firewall drops, or the address is not reachable from here.
    Silent(IpAddr),
    /// This host has no route to the address.
    NoRoute(IpAddr),
    /// Sent by a local rule (operation not permitted): the host's own firewall.
    Forbidden(IpAddr),
    Other(IpAddr, String),
}

/// A TLS connection that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsSeen {
    /// `TLSv1_2` or `TLSv1_3`.
    pub version: String,
}

/// Why TLS failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsError {
    /// The certificate is signed by nobody that we trust: interception, or a private cloud.
    UnknownIssuer,
    WrongName,
    /// Expired: or this host's clock is ahead.
    Expired,
    /// Not valid yet: or this host's clock is behind.
    NotYetValid,
    /// The other side closed, spoke no TLS, or did not answer.
    Broken(String),
}

/// An HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpSeen {
    pub status: u16,
    /// The headers that say who answered: `server`, `date`, `x-log-requestid`, `x-log-time`, `content-type`,
    /// `location`, `via`; names in lower case.
    pub headers: Vec<(String, String)>,
    /// The first 2 KiB of the body as text.
    pub body: String,
    /// Our clock when the head of the answer arrived, milliseconds since 1970.
    pub received_ms: i64,
}

impl HttpSeen {
    /// A header's value; the name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// What a command printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandSeen {
    /// None when a signal ended it.
    pub code: Option<i32>,
    /// At most 64 KiB each; what is not UTF-8 became the replacement character.
    pub out: String,
    pub err: String,
}

/// The clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockSeen {
    /// Milliseconds since 1970.
    pub now_ms: i64,
    /// Seconds east of Greenwich of the host's time zone, now: the agent writes local times.
    pub offset_s: i32,
    /// When the kernel started, seconds since 1970; process start times count from it.
    pub booted: i64,
}

/// Who we are and where we run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentitySeen {
    pub hostname: Untrusted,
    /// `linux`.
    pub os: Untrusted,
    /// `x86_64`, `aarch64`.
    pub arch: Untrusted,
    /// The kernel's release.
    pub kernel: Untrusted,
    /// The distribution's pretty name, or empty.
    pub distribution: Untrusted,
    pub user: Untrusted,
    pub uid: u32,
    /// Whether this process may change the machine (root).
    pub privileged: bool,
    /// Where sudo is, if it is there.
    pub sudo: Option<PathBuf>,
    /// Whether this process itself runs in a container, and what says so.
    pub container: Option<String>,
}

/// Bytes as text in recordings where they are UTF-8, else as base64: a bundle stays readable.
mod bytes_as_text {
    use base64::{Engine, prelude::BASE64_STANDARD};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Either {
        Text(String),
        Base64(String),
    }

    pub fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Either::Text(text.to_string()),
            Err(_) => Either::Base64(BASE64_STANDARD.encode(bytes)),
        }
        .serialize(to)
    }

    pub fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Vec<u8>, D::Error> {
        match Either::deserialize(from)? {
            Either::Text(text) => Ok(text.into_bytes()),
            Either::Base64(text) => BASE64_STANDARD.decode(text).map_err(serde::de::Error::custom),
        }
    }
}
