//! The smallest changes that a machine can be asked for. Data only; only the room `carry_out` sends them.
//!
//! Each one is atomic by itself: after a kill at any instant it has happened wholly or not at all (except `Run`,
//! whose command is not ours to cut in half).

use super::Distrust;
use super::cloud::{CloudError, Site};
use super::machine_group::MachineGroup;
use crate::core::text::Lang;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// What a file was when the plan was made; the change is refused when it is something else by now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fingerprint {
    Absent,
    /// SHA-256 of the content, in lower-case hex.
    Content(String),
}

impl Fingerprint {
    /// The fingerprint of a file with this content, or of none.
    pub fn of(content: Option<&[u8]>) -> Fingerprint {
        use sha2::{Digest, Sha256};
        match content {
            None => Fingerprint::Absent,
            Some(bytes) => {
                Fingerprint::Content(Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect())
            }
        }
    }
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Write a file: a temporary beside the target, fsync, rename, fsync of the directory. An existing file keeps its
    /// owner, mode, SELinux label, access list and `user.` attributes, and a symlink keeps leading where it led; a new file
    /// gets `mode`, owned by us. A file that is itself a mount point (/etc/hosts in a container) cannot be replaced, and one
    /// with several names (hard links) would lose them: both are written in place.
    Write { path: PathBuf, expect: Fingerprint, content: Vec<u8>, mode: u32 },
    /// Keep a file for a backup; refused when `to` exists, or when `from` is another file by now. With `as_link` it keeps
    /// the file itself under a second name, where the file system can, before the first name is removed; else it is a copy
    /// byte for byte with owner, mode, time and attributes.
    Copy { from: PathBuf, to: PathBuf, expect: Fingerprint, as_link: bool },
    /// Remove a file.
    Remove { path: PathBuf, expect: Fingerprint },
    /// Rename a file within one directory; refused when `to` exists.
    Rename { from: PathBuf, to: PathBuf },
    /// Make a directory with its missing parents.
    MakeDir { path: PathBuf, mode: u32 },
    /// Remove a directory; when it is not empty it stays, and that is an error.
    RemoveDir { path: PathBuf },
    /// Append to a file and fsync it: the journal.
    Append { path: PathBuf, content: Vec<u8> },
    /// Run a command with `LC_ALL=C`, without a terminal, in a process group of its own, under a time limit. It gets an
    /// environment of a few harmless variables, since an agent that it starts keeps what it was given for years; with
    /// `proxies` also the operator's, for a download.
    Run { argv: Vec<String>, limit: Duration, proxies: bool },
    /// Signal a process, if the one of this number still is the one that was seen.
    Signal { process: ProcessId, signal: ProcessSignal },
    /// Remove the temporaries that killed processes of this program left in a directory: ours by name, by owner, and with
    /// nobody alive who holds them. Those for the file names in `spare` stay.
    Sweep { dir: PathBuf, spare: Vec<String> },
    /// Write a machine group of the service, if it still is as `before`: read again, write, read back. `after` differs in
    /// its list only.
    PutGroup { site: Site, before: MachineGroup, after: MachineGroup },
    /// Make a machine group of the service, if there is none of its name.
    MakeGroup { site: Site, group: MachineGroup },
    /// Remove a machine group that was made here, if it still is as it was made.
    RemoveGroup { site: Site, group: MachineGroup },
}

/// A process, so that another one of the same number is not taken for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
    pub pid: u32,
    /// When it started, in seconds since 1970.
    pub started: i64,
    /// Its program; None where whoever looked may not see it: then the short name of an agent has to do.
    pub exe: Option<PathBuf>,
}

/// The signals that this program sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProcessSignal {
    /// SIGTERM: end in order.
    Term,
    /// SIGKILL: end at once.
    Kill,
    /// SIGCONT: go on, after a SIGSTOP.
    Cont,
}

impl ProcessSignal {
    /// As kill(1) takes it.
    pub const fn option(self) -> &'static str {
        match self {
            ProcessSignal::Term => "-TERM",
            ProcessSignal::Kill => "-KILL",
            ProcessSignal::Cont => "-CONT",
        }
    }
}

/// What an [`Operation`] came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Done {
    Changed,
    /// It was so already: nothing was touched.
    Already,
    /// A command ended with this exit code; None when a signal ended it.
    Exited(Option<i32>),
}

/// Why an [`Operation`] did not happen. The machine is as it was before it, but for a command that was cut off, and for an
/// error of the disk ([`OperationError::Io`], [`OperationError::Hung`]): who needs to know looks again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum OperationError {
    #[error("{0} has changed since it was looked at")]
    Moved(PathBuf),
    #[error("{0} exists already")]
    Exists(PathBuf),
    /// The operating system, or this program on its own account, refused. `errno` is the number of the system's error,
    /// by which callers judge; `reason` is only shown.
    #[error("{path}: {reason}")]
    Io {
        path: PathBuf,
        reason: String,
        #[serde(default)]
        errno: Option<i32>,
    },
    /// Somebody else than root could change what is there.
    #[error("{path}: {}", .distrust.what().get(Lang::En))]
    Untrusted { path: PathBuf, distrust: Distrust },
    #[error("{program}: {reason}")]
    NotStarted { program: String, reason: String },
    #[error("`{command}` did not end within {limit_s} s and was stopped")]
    TimedOut { command: String, limit_s: u64 },
    /// The file system did not answer; the change may still happen when it does.
    #[error("{path} did not answer within {limit_s} s")]
    Hung { path: PathBuf, limit_s: u64 },
    /// Another process holds the lock; what it noted of itself.
    #[error("locked by {0}")]
    Held(String),
    /// The process that held the lock was killed, and a command that it started is still at work; what it noted of itself.
    #[error("locked by what {0} started")]
    HeldByCommand(String),
    #[error("this host is read-only")]
    ReadOnly,
    #[error("{}", .0.what.get(Lang::En))]
    Service(Box<CloudError>),
}

impl OperationError {
    /// A refusal of this program's own, for this reason.
    pub fn io(path: impl Into<PathBuf>, reason: impl Into<String>) -> OperationError {
        OperationError::Io { path: path.into(), reason: reason.into(), errno: None }
    }

    /// An error of the operating system, with its number.
    pub fn of_system(path: impl Into<PathBuf>, error: &std::io::Error) -> OperationError {
        OperationError::Io { path: path.into(), reason: error.to_string(), errno: error.raw_os_error() }
    }
}

/// One line that a running command printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveLine {
    /// Whether it came on standard error.
    pub is_error: bool,
    pub text: String,
}
