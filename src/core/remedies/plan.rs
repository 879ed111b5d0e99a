//! The shape of a plan. Data only.

use super::Durability;
use crate::core::context::{Context, Field, Refusal};
use crate::core::finding::{RemedyId, StepId};
use crate::core::observe::MachineGroup;
use crate::core::observe::{Fingerprint, ProcessId, ProcessSignal, Site};
use crate::core::text::Text;
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long the proof of a start may take: a worker must live for 15 seconds, may be made anew once after 10, and writes
/// its record meanwhile.
const START_PROOF: Duration = Duration::from_secs(40);

/// One exact change of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Write a file as a whole; `before` is what was observed, None when there was no file.
    WriteFile {
        path: PathBuf,
        before: Option<Vec<u8>>,
        after: Vec<u8>,
        mode: u32,
    },
    RemoveFile {
        path: PathBuf,
        before: Vec<u8>,
    },
    /// Rename within one directory.
    RenameFile {
        from: PathBuf,
        to: PathBuf,
    },
    /// Make a directory with its missing parents.
    MakeDir {
        path: PathBuf,
        mode: u32,
    },
    /// Remove a directory if it is empty; leave it when it is not.
    RemoveDir {
        path: PathBuf,
    },
    /// Run a command. `accept` lists the exit codes that count as success; `proxies` tells whether it downloads, and so
    /// needs the operator's proxies.
    Run {
        argv: Vec<String>,
        limit: Duration,
        accept: Vec<i32>,
        what: Text,
        proxies: bool,
    },
    /// Signal processes, each only if it still is the one that was seen.
    Signal {
        processes: Vec<ProcessId>,
        signal: ProcessSignal,
        what: Text,
    },
    /// Write a machine group of the service; `after` differs from `before` in its list only.
    PutGroup {
        site: Site,
        before: MachineGroup,
        after: MachineGroup,
    },
    /// Make a machine group of the service.
    MakeGroup {
        site: Site,
        group: MachineGroup,
    },
    /// Remove a machine group that was made here, if it still is as it was made.
    RemoveGroup {
        site: Site,
        group: MachineGroup,
    },
    /// Wait until the agent's processes are there (`running`) or gone, looking at them again and again.
    AwaitAgent {
        running: bool,
        install_dir: PathBuf,
        limit: Duration,
        /// The record that a worker writes when it starts, which must move on as well (domain facts, 7.3).
        app_info: Option<PathBuf>,
        /// What is done, once, when the agent is still there at the limit; only where the operator chose it.
        harder: Option<Box<Change>>,
    },
    /// Look whether these files are there: what an installer must have left before its agent is started.
    LookFor {
        paths: Vec<PathBuf>,
    },
}

impl Change {
    /// The file that the change touches, if it touches one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Change::WriteFile { path, .. }
            | Change::RemoveFile { path, .. }
            | Change::MakeDir { path, .. }
            | Change::RemoveDir { path } => Some(path),
            Change::RenameFile { from, .. } => Some(from),
            Change::PutGroup { .. }
            | Change::MakeGroup { .. }
            | Change::RemoveGroup { .. }
            | Change::Run { .. }
            | Change::Signal { .. }
            | Change::AwaitAgent { .. }
            | Change::LookFor { .. } => None,
        }
    }

    /// The command that the change runs, or that does by hand what it does; None for one that runs none.
    pub fn argv(&self) -> Option<Vec<String>> {
        match self {
            Change::Run { argv, .. } => Some(argv.clone()),
            Change::Signal { processes, signal, .. } => {
                let pids = processes.iter().map(|process| process.pid.to_string());
                Some(["kill".to_string(), signal.option().to_string()].into_iter().chain(pids).collect())
            }
            _ => None,
        }
    }

    /// Whether it writes something that stays as it is and can be written back: on this host or at the service. A command,
    /// a signal, a wait and a look are none.
    pub fn is_edit(&self) -> bool {
        match self {
            Change::WriteFile { .. }
            | Change::RemoveFile { .. }
            | Change::RenameFile { .. }
            | Change::MakeDir { .. }
            | Change::RemoveDir { .. }
            | Change::PutGroup { .. }
            | Change::MakeGroup { .. }
            | Change::RemoveGroup { .. } => true,
            Change::Run { .. } | Change::Signal { .. } | Change::AwaitAgent { .. } | Change::LookFor { .. } => false,
        }
    }

    /// Whether it changes what the service keeps, and nothing on this host.
    pub fn is_at_service(&self) -> bool {
        matches!(self, Change::PutGroup { .. } | Change::MakeGroup { .. } | Change::RemoveGroup { .. })
    }

    /// What the file must still be when the change is applied.
    pub fn expects(&self) -> Option<Fingerprint> {
        match self {
            Change::WriteFile { before, .. } => Some(Fingerprint::of(before.as_deref())),
            Change::RemoveFile { before, .. } => Some(Fingerprint::of(Some(before))),
            _ => None,
        }
    }
}

/// The exact changes that cure something, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub remedy: RemedyId,
    /// The inputs that it was made from, as `--set` takes them: they repeat the plan elsewhere.
    pub inputs: Vec<(InputId, String)>,
    /// Why these changes, in one sentence with the values.
    pub why: Text,
    /// Empty when the remedy cannot be automatic here: then `manual` says what to do.
    pub changes: Vec<Change>,
    /// Stop and start of the agent, when the changes take effect only then. Kept apart, so that several accepted
    /// edits can share one restart.
    pub restart: Vec<Change>,
    /// The start alone, for when this plan fails and the agent that ran before does not run any more. Empty where the
    /// plan stops no agent, or this program knows no way to start it.
    pub revive: Vec<Change>,
    /// Steps that a person must do: in the console, or as root.
    pub manual: Vec<Text>,
    /// What the operator should know before saying yes.
    pub cautions: Vec<Text>,
    /// Whether it takes back an entry of root's journal: then only root can close that entry.
    #[serde(default)]
    pub is_roots: bool,
    /// How long the cure holds; None of a plan that takes one back.
    #[serde(default)]
    pub durability: Option<Durability>,
    /// Who or what ends it, and how to make it last; None where it lasts, or where nothing is known of that.
    #[serde(default)]
    pub until: Option<Text>,
    /// The step whose check proves the cure.
    pub verify: StepId,
    /// How long the proof may take: the agent and the service need time to notice.
    pub patience: Duration,
}

impl Plan {
    /// A plan without changes yet, to be completed by the remedy.
    pub fn new(remedy: RemedyId, verify: StepId, why: Text) -> Plan {
        Plan {
            remedy,
            inputs: Vec::new(),
            why,
            changes: Vec::new(),
            restart: Vec::new(),
            revive: Vec::new(),
            manual: Vec::new(),
            cautions: Vec::new(),
            is_roots: false,
            durability: Some(super::descriptor(remedy).durability),
            until: None,
            verify,
            patience: Duration::from_secs(10),
        }
    }

    /// Whether the program can carry it out. An undo that finds everything as it was has nothing to change and nothing to
    /// be done by hand: it only closes its entry.
    pub fn is_automatic(&self) -> bool {
        !self.changes.is_empty() || !self.restart.is_empty() || self.manual.is_empty()
    }

    /// Whether it starts the agent; `with_restart` as in the order to carry it out.
    pub fn starts_agent(&self, with_restart: bool) -> bool {
        let restart = if with_restart { self.restart.as_slice() } else { &[] };
        let starts = |change: &Change| matches!(change, Change::AwaitAgent { running: true, .. });
        self.changes.iter().chain(restart).any(starts)
    }

    /// How long the proof may take, when it is carried out so: an agent that was started must live for a while first.
    pub fn patience_for(&self, with_restart: bool) -> Duration {
        let of_start = if self.starts_agent(with_restart) { START_PROOF } else { Duration::ZERO };
        self.patience.max(of_start)
    }

    /// Whether only root can carry it out: it changes this host, or closes an entry of root's journal. The service asks for
    /// a key and not for a user of this host.
    pub fn needs_root(&self) -> bool {
        let mut all = self.changes.iter().chain(&self.restart);
        self.is_roots || all.any(|change| !change.is_at_service())
    }
}

/// A value that a remedy needs. The names are those of the context options, and four of remedies alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InputId {
    /// The address to use.
    Ip,
    /// The address to replace.
    OldIp,
    /// Whether to create a new machine group instead of editing one.
    CreateGroup,
    /// Whether an agent that does not stop when asked is forced to.
    Force,
    #[serde(untagged)]
    Context(Field),
}

impl InputId {
    /// The name in `--set NAME=VALUE`.
    pub fn id(self) -> &'static str {
        match self {
            InputId::Ip => "ip",
            InputId::OldIp => "old-ip",
            InputId::CreateGroup => "create-group",
            InputId::Force => "force",
            InputId::Context(field) => field.id(),
        }
    }

    pub fn of_id(id: &str) -> Option<InputId> {
        match id {
            "ip" => Some(InputId::Ip),
            "old-ip" => Some(InputId::OldIp),
            "create-group" => Some(InputId::CreateGroup),
            "force" => Some(InputId::Force),
            other => Field::of_id(other).map(InputId::Context),
        }
    }

    pub fn label(self) -> Text {
        match self {
            InputId::Ip => Text::fixed("IP to use", "要使用的 IP"),
            InputId::OldIp => Text::fixed("IP to replace", "要替换的 IP"),
            InputId::CreateGroup => Text::fixed("Create a new group", "创建新机器组"),
            InputId::Force => Text::fixed("Force it to stop", "强制停止"),
            InputId::Context(field) => field.label(),
        }
    }

    pub fn hint(self) -> Text {
        match self {
            InputId::Ip => Text::fixed("An IPv4 address of this host", "本机的一个 IPv4 地址"),
            InputId::OldIp => Text::fixed("An IPv4 address in the machine group", "机器组中的一个 IPv4 地址"),
            InputId::CreateGroup => Text::fixed(
                "yes: make a group of the name below; no: edit the one that is there",
                "yes：以下面的名称新建机器组；no：修改已有的机器组",
            ),
            InputId::Force => Text::fixed(
                "yes: kill the agent when it has not stopped 30 s after it was asked; what it read and did not send yet may be lost or sent twice",
                "yes：请求停止 30 秒后仍未停止时强制终止；已读取但未发送的数据可能丢失或重复",
            ),
            InputId::Context(field) => field.hint(),
        }
    }
}

/// The values of a remedy: the context, possibly overridden for this once, and the remedy's own.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Inputs {
    pub context: Context,
    pub ip: Option<Ipv4Addr>,
    pub old_ip: Option<Ipv4Addr>,
    /// Whether a machine group is to be made; None: not decided.
    pub create_group: Option<bool>,
    pub force: bool,
}

impl Inputs {
    pub fn from_context(context: &Context) -> Inputs {
        Inputs { context: context.clone(), ip: None, old_ip: None, create_group: None, force: false }
    }

    /// What a plan was made with, on what is told now: to make the same plan anew.
    pub fn again(context: &Context, plan: &Plan) -> Inputs {
        let mut inputs = Inputs::from_context(context);
        for (input, value) in &plan.inputs {
            // What was accepted once is accepted again; else it would only be asked for.
            let _ = inputs.set(*input, value);
        }
        inputs
    }

    /// The value as typed text; empty when not told.
    pub fn get(&self, input: InputId) -> String {
        let address = |ip: Option<Ipv4Addr>| ip.map(|ip| ip.to_string()).unwrap_or_default();
        match input {
            InputId::Ip => address(self.ip),
            InputId::OldIp => address(self.old_ip),
            InputId::CreateGroup => match self.create_group {
                Some(true) => "yes".to_string(),
                Some(false) => "no".to_string(),
                None => String::new(),
            },
            InputId::Force => if self.force { "yes" } else { "" }.to_string(),
            InputId::Context(field) => self.context.get(field),
        }
    }

    /// As [`Inputs::set`], for what an operator gives; see [`Context::tell`].
    ///
    /// # Errors
    /// The sentence that says what is wrong with the text; the value is then as it was.
    pub fn tell(&mut self, input: InputId, typed: &str) -> Result<Option<Text>, Refusal> {
        match input {
            InputId::Context(field) => self.context.tell(field, typed),
            other => self.set(other, typed).map(|()| None),
        }
    }

    /// Sets a value from typed text; empty text forgets it.
    ///
    /// # Errors
    /// The sentence that says what is wrong with the text; the value is then as it was.
    pub fn set(&mut self, input: InputId, typed: &str) -> Result<(), Refusal> {
        let address = |typed: &str| match typed.trim() {
            "" => Ok(None),
            text => text
                .parse::<Ipv4Addr>()
                .map(Some)
                .map_err(|_| crate::say!("not an IPv4 address: {text}", "不是 IPv4 地址：{text}")),
        };
        match input {
            InputId::Ip => self.ip = address(typed)?,
            InputId::OldIp => self.old_ip = address(typed)?,
            InputId::CreateGroup => {
                self.create_group = match typed.trim() {
                    "" => None,
                    "yes" => Some(true),
                    "no" => Some(false),
                    _ => return Err(Text::fixed("one of: yes, no", "可选：yes、no")),
                };
            }
            InputId::Force => {
                self.force = match typed.trim() {
                    "yes" => true,
                    "" | "no" => false,
                    text => return Err(crate::say!("neither yes nor no: {text}", "应为 yes 或 no：{text}")),
                }
            }
            InputId::Context(field) => self.context.set(field, typed)?,
        }
        Ok(())
    }
}

/// What planning came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Planned {
    Ready(Box<Plan>),
    /// Values are missing; each with a suggestion (empty when there is none) taken from what was observed.
    Needs(Vec<(InputId, String)>),
    /// Everything is so already; the sentence says what was found.
    Already(Text),
    /// It cannot be planned here; the sentence says why and what to do instead.
    Refused(Text),
}
