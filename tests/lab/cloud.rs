//! The service's API as its stand-in keeps it: data only. A laboratory keeps it in the file `cloud.json`, which the
//! stand-in reads again at every request; the tests of the client keep it in memory. How it answers is written once, in
//! `tests/sls_server/answers.rs`.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};

/// The project, unless a test says otherwise.
pub const PROJECT: &str = "my-project";
/// Where the project is, unless a test says otherwise.
pub const REGION: &str = "cn-hangzhou";
/// An AccessKey that the service knows: id and secret.
pub const KEY: (&str, &str) = ("LTAIabcdefghijkl", "s3cr3tOfTheTestKey");
/// A temporary key that the service knows: id, secret and token.
pub const TEMPORARY: (&str, &str, &str) = ("STS.NTabcdefghijkl", "s3cr3tOfTheTemporaryKey", "t0k3n/+=AAAA");

/// How a request is mistreated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    /// This status and body, without carrying anything out.
    Answer(u16, String),
    /// Carry it out, then close the connection without an answer.
    LoseAnswer,
    /// Close without carrying it out.
    LoseRequest,
    /// Never answer.
    Silence,
    /// Answer with a body of so many bytes.
    Flood(usize),
    /// Somebody else puts this address into every group, right before the request is carried out.
    Meanwhile(String),
    /// Behave.
    None,
}

impl Fault {
    /// [`Fault::Answer`].
    pub fn answer(status: u16, body: &str) -> Fault {
        Fault::Answer(status, body.to_string())
    }
}

/// What the service knows, and how it misbehaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    pub project: String,
    /// Where the project is.
    pub region: String,
    /// Whether GetProject finds the project from another region when `crossRegion` asks for it.
    pub is_found_across_regions: bool,
    /// The groups by name, each as the service returns it.
    pub groups: BTreeMap<String, Value>,
    /// What ListMachines returns for every group. In a laboratory the agent's own entry is added, and a
    /// `lastHeartbeatTime` of 0 or less is so many seconds ago.
    pub machines: Vec<Value>,
    /// Machines whose heartbeat begins once a group has been written.
    pub after_put: Vec<Value>,
    /// Used up one a request, in order.
    pub faults: VecDeque<Fault>,
    /// Used up one a write, in order, when `faults` has none.
    pub put_faults: VecDeque<Fault>,
    /// Of every request, when the others have none.
    pub always: Option<Fault>,
    /// As `always`, from the next write on.
    pub after_a_put: Option<Fault>,
    /// Every request line, with the Host header.
    pub log: Vec<String>,
    /// The project belongs to another account.
    pub other_account: bool,
    /// The key's token has ended.
    pub token_ended: bool,
    /// RAM refuses writes.
    pub read_only_key: bool,
    /// RAM refuses UpdateMachineGroupMachine, which it grants on all resources only.
    pub no_append: bool,
}

impl Default for State {
    fn default() -> State {
        State {
            project: PROJECT.to_string(),
            region: REGION.to_string(),
            is_found_across_regions: true,
            groups: BTreeMap::new(),
            machines: Vec::new(),
            after_put: Vec::new(),
            faults: VecDeque::new(),
            put_faults: VecDeque::new(),
            always: None,
            after_a_put: None,
            log: Vec::new(),
            other_account: false,
            token_ended: false,
            read_only_key: false,
            no_append: false,
        }
    }
}
