//! What only the service can answer: project, machine group, heartbeats. Data only.
//!
//! No answer holds a secret: a key shows its masked id and where it came from. An answer that is not there says why as
//! data ([`CloudError`]), because only one who knows the service can tell what to do next.

use super::machine_group::Machine;
use crate::core::text::Text;
use serde::{Deserialize, Serialize};

/// At most so many machines are kept of a group: those that could be this one.
pub const MACHINES_LIMIT: usize = 50;
/// At most so many names of groups are kept.
pub const GROUPS_LIMIT: usize = 2000;

/// A project in a region. The region may be missing when nobody told it; then the key's own setting decides.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Site {
    pub project: String,
    pub region: Option<String>,
}

/// How this machine is recognised among the machines of a group; what is empty is not compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct OwnIds {
    pub ip: String,
    pub uuid: String,
    pub host_id: String,
}

/// The key in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialsSeen {
    /// Where it was found.
    pub source: Text,
    /// The AccessKey id, masked.
    pub key_id: String,
    /// The variables of our own environment that name a proxy which this program cannot use: it asks directly.
    #[serde(default)]
    pub unusable_proxies: Vec<String>,
    /// The sources before it that yielded no key.
    #[serde(default)]
    pub passed_over: Vec<PassedOverSeen>,
}

impl CredentialsSeen {
    /// Which key it is and where it was found, as a sentence.
    pub fn sentence(&self) -> Text {
        let (key_id, (en, zh)) = (&self.key_id, self.source.both());
        crate::say!("The key used is {key_id} ({en}).", "所用的 AccessKey 为 {key_id}（{zh}）。")
    }
}

/// A source of keys that was there and yielded none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedOverSeen {
    pub source: Text,
    /// The AccessKey id, masked; empty where there is none.
    pub key_id: String,
    /// Why, without an end of sentence.
    pub why: Text,
    /// What to do, one sentence.
    pub next: Text,
}

/// The account behind the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallerSeen {
    /// AliUid of the main account.
    pub account_id: String,
}

/// A project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectSeen {
    /// Where it really is.
    pub region: String,
    /// AliUid of its owner, where the service tells it in full.
    pub owner: Option<String>,
}

/// The machines of a group that could be this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachinesSeen {
    /// How many machines of the group have a heartbeat.
    pub total: usize,
    /// Those whose address or id is ours, at most [`MACHINES_LIMIT`].
    pub machines: Vec<Machine>,
    /// Those whose agent is Logtail for Windows, at most [`MACHINES_LIMIT`].
    #[serde(default)]
    pub windows: Vec<Machine>,
    /// The service's clock, seconds since 1970.
    pub server_time: Option<i64>,
}

/// What kind of trouble it is, where checks judge by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CloudErrorKind {
    /// `--no-cloud`, a simulated host, a recording: nobody was asked.
    NotAsked,
    NoCredentials,
    ProjectNotExist,
    GroupNotExist,
    OtherAccount,
    /// RAM refused; the owner's AliUid where the refusal names it.
    Denied {
        owner: Option<String>,
    },
    /// It is not known whether the change was carried out, or it came out otherwise than planned.
    Uncertain,
    Other,
}

/// Why the service gave no answer to use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloudError {
    pub kind: CloudErrorKind,
    /// What happened, one sentence.
    pub what: Text,
    /// What to do, one sentence.
    pub next: Text,
    /// What support asks for.
    pub request_id: Option<String>,
    /// The RAM policy to ask an administrator for, JSON in one line.
    pub policy: Option<String>,
    /// The sources of keys that yielded none, where that is the trouble.
    #[serde(default)]
    pub passed_over: Vec<PassedOverSeen>,
}

impl CloudError {
    /// Nobody was asked, and nobody will be.
    pub fn not_asked() -> CloudError {
        CloudError {
            kind: CloudErrorKind::NotAsked,
            what: Text::fixed("The service was not asked.", "未访问服务端。"),
            next: Text::fixed("Look the value up in the console.", "请在控制台查看。"),
            request_id: None,
            policy: None,
            passed_over: Vec::new(),
        }
    }

    /// The same, and with which key it happened.
    pub fn with_key(self, key: &CredentialsSeen) -> CloudError {
        CloudError { what: self.what.followed_by(&key.sentence()), ..self }
    }
}

/// An answer of the service that may be missing with a reason.
pub type CloudResult<T> = Result<T, CloudError>;

/// A machine group is no file; this is how messages and the journal name it: its resource name in RAM.
pub fn group_resource(site: &Site, group: &str) -> std::path::PathBuf {
    let region = site.region.as_deref().unwrap_or("*");
    let project = &site.project;
    format!("acs:log:{region}:*:project/{project}/machinegroup/{group}").into()
}
