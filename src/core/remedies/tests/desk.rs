//! A host made of a few files, processes and command outputs, that answers what planning asks.

pub use crate::core::agent::processes::tests::process;
use crate::core::finding::RemedyId;
use crate::core::journal::{Journals, undo};
use crate::core::observe::{
    Answer, CloudAnswer, CloudError, CommandSeen, ConnectError, DirSeen, EntryKind, EntrySeen, FileSeen, IdentitySeen,
    InterfaceSeen, LookupSeen, NameserverSaid, NameserverSeen, Observations, Observed, ProcessSeen, Question,
    ReachSeen, ReadCommand, Unavailable, WatchSeen,
};
use crate::core::remedies::{Change, InputId, Inputs, Plan, Planned, plan, shell_line};
use crate::core::text::Lang;
use std::collections::BTreeMap;
use std::path::Path;

pub const EXE: &str = "/usr/local/ilogtail/ilogtail_1.8.8";
pub const CONFIG: &str = "/usr/local/ilogtail/ilogtail_config.json";
pub const OWNER: &str = "1654218965343050";

/// A host of files (a path that ends in `/` is an empty directory), processes, interfaces and command outputs.
#[derive(Clone)]
pub struct Desk {
    pub files: BTreeMap<String, String>,
    pub processes: Observed<Vec<ProcessSeen>>,
    pub environment: Vec<(String, String)>,
    pub interfaces: Vec<(&'static str, [u8; 4])>,
    pub commands: Vec<(ReadCommand, String)>,
    pub inputs: Inputs,
    pub container: Option<String>,
}

impl Desk {
    /// A usual Logtail 1.8.8 that runs.
    pub fn logtail() -> Desk {
        let config = "{\n\t\"config_server_address\" : \"http://logtail.cn-hangzhou-intranet.log.aliyuncs.com\",\n\t\"data_server_list\" : [ { \"cluster\" : \"cn-hangzhou\", \"endpoint\" : \"cn-hangzhou-intranet.log.aliyuncs.com\" } ]\n}\n";
        let files = [
            ("/etc/init.d/ilogtaild", "#!/bin/sh\n"),
            ("/etc/hosts", "127.0.0.1 localhost\n"),
            ("/etc/ilogtail/users/", ""),
            (EXE, ""),
            ("/usr/local/ilogtail/ilogtail", ""),
            (CONFIG, config),
            ("/usr/local/ilogtail/app_info.json", "{\"ip\" : \"10.1.1.5\", \"logtail_version\" : \"1.8.8\"}"),
        ];
        Desk {
            files: files.iter().map(|(path, text)| (path.to_string(), text.to_string())).collect(),
            processes: Ok(vec![process(10, 1, EXE), process(11, 10, EXE)]),
            environment: Vec::new(),
            interfaces: vec![("lo", [127, 0, 0, 1]), ("docker0", [172, 17, 0, 1]), ("eth0", [10, 1, 1, 5])],
            commands: Vec::new(),
            inputs: Inputs::default(),
            container: None,
        }
    }

    pub fn stopped(mut self) -> Desk {
        self.processes = Ok(Vec::new());
        self
    }

    pub fn with(mut self, path: &str, text: &str) -> Desk {
        self.files.insert(path.into(), text.into());
        self
    }

    pub fn without(mut self, path: &str) -> Desk {
        self.files.retain(|known, _| !known.starts_with(path));
        self
    }

    pub fn prints(mut self, look: ReadCommand, out: &str) -> Desk {
        self.commands.push((look, out.into()));
        self
    }

    pub fn set(mut self, input: &str, value: &str) -> Desk {
        self.inputs.set(InputId::of_id(input).unwrap(), value).unwrap();
        self
    }

    pub fn answer(&self, question: &Question) -> Answer {
        match question {
            Question::File(path) | Question::Present(path) | Question::Tail(path) => {
                let found = self.files.get(path.to_str().unwrap());
                let mode = if path.starts_with("/etc/init.d") { 0o755 } else { 0o644 };
                Answer::File(found.map(|text| FileSeen { mode, ..file(text) }).ok_or(Unavailable::Absent))
            }
            Question::Place(_) => Answer::Place(Err(Unavailable::Absent)),
            Question::Program(_) => Answer::Program(Err(Unavailable::Absent)),
            Question::Dir(path) => Answer::Dir(self.list(path)),
            Question::Processes => Answer::Processes(self.processes.clone()),
            Question::WatchProcesses { .. } => {
                Answer::Watched(self.processes.clone().map(|last| WatchSeen { last, ended: Vec::new() }))
            }
            Question::Environment { .. } => Answer::Environment(Ok(self.environment.clone())),
            Question::Interfaces => Answer::Interfaces(Ok(self
                .interfaces
                .iter()
                .map(|(name, ip)| InterfaceSeen { name: name.to_string(), up: true, ipv4: vec![(*ip).into()] })
                .collect())),
            Question::Lookup(_) => {
                Answer::Lookup(LookupSeen { addresses: Ok(Vec::new()), by: "getent".into(), elapsed_ms: 1 })
            }
            Question::ReadCommand(look) => {
                Answer::ReadCommand(match self.commands.iter().find(|(known, _)| known == look) {
                    Some((_, out)) => Ok(CommandSeen { code: Some(0), out: out.clone(), err: String::new() }),
                    None => Err(Unavailable::Absent),
                })
            }
            Question::Identity => Answer::Identity(IdentitySeen {
                hostname: "web".into(),
                user: "root".into(),
                privileged: true,
                container: self.container.clone(),
                ..IdentitySeen::default()
            }),
            Question::Metadata => Answer::Metadata(Err(Unavailable::TimedOut)),
            Question::Trusted(_) => Answer::Trusted(Ok(())),
            Question::Cloud(asked) => Answer::Cloud(CloudAnswer::missing(asked, CloudError::not_asked())),
            Question::Reach(_) => {
                let ip = std::net::IpAddr::V4([100, 100, 96, 7].into());
                Answer::Reach(ReachSeen {
                    resolved: Some(Ok(vec![ip])),
                    connected: Some(Err(ConnectError::Silent(ip))),
                    ..ReachSeen::default()
                })
            }
            Question::AskNameserver { .. } => {
                Answer::AskNameserver(NameserverSeen { said: NameserverSaid::Silent, elapsed_ms: 1 })
            }
            Question::Clock => panic!("no remedy asks {question:?}"),
        }
    }

    pub fn list(&self, dir: &Path) -> Observed<DirSeen> {
        let mut below: BTreeMap<String, EntryKind> = BTreeMap::new();
        let mut is_there = false;
        for path in self.files.keys() {
            let Ok(rest) = Path::new(path).strip_prefix(dir) else { continue };
            is_there = true;
            let parts: Vec<_> = rest.iter().map(|part| part.to_string_lossy().into_owned()).collect();
            let Some(name) = parts.first() else { continue };
            let is_dir = parts.len() > 1 || path.ends_with('/');
            below.insert(name.clone(), if is_dir { EntryKind::Dir } else { EntryKind::File });
        }
        let entries = below.into_iter().map(|(name, kind)| EntrySeen { name, kind, size: 0, modified: 0 }).collect();
        if is_there { Ok(DirSeen { entries, cut: false }) } else { Err(Unavailable::Absent) }
    }

    pub fn seen(&self, mut attempt: impl FnMut(&Observations) -> bool) {
        let mut seen = Observations::from_iter([]);
        for _ in 0..20 {
            if attempt(&seen) {
                return;
            }
            for question in seen.take_open() {
                let answer = self.answer(&question);
                seen.keep(question, answer);
            }
        }
        panic!("the questions do not end");
    }

    pub fn plan(&self, remedy: RemedyId) -> Planned {
        let mut planned = None;
        self.seen(|seen| {
            planned = plan(remedy, &self.inputs, seen).ok();
            planned.is_some()
        });
        planned.unwrap()
    }

    pub fn ready(&self, remedy: RemedyId) -> Plan {
        match self.plan(remedy) {
            Planned::Ready(plan) => *plan,
            other => panic!("{}: {other:?}", remedy.id()),
        }
    }

    pub fn refusal(&self, remedy: RemedyId) -> String {
        match self.plan(remedy) {
            Planned::Refused(text) => text.get(Lang::En).to_string(),
            other => panic!("{}: {other:?}", remedy.id()),
        }
    }

    pub fn undo(&self, entry: &str) -> Planned {
        let mut planned = None;
        self.seen(|seen| {
            let journals = Journals { own: "/state".into(), roots: None };
            planned = undo(entry, &journals, seen).ok();
            planned.is_some()
        });
        planned.unwrap()
    }
}

pub fn file(text: &str) -> FileSeen {
    let bytes = text.as_bytes().to_vec();
    FileSeen { size: bytes.len() as u64, bytes, modified: 0, mode: 0o644, uid: 0, gid: 0, link_to: None }
}

/// Changes as short lines.
pub fn lines(changes: &[Change]) -> Vec<String> {
    let line = |change: &Change| match change {
        Change::WriteFile { path, before, after, mode } => {
            let verb = if before.is_some() { "edit" } else { "create" };
            format!("{verb} {} {mode:o} {:?}", path.display(), String::from_utf8_lossy(after))
        }
        Change::RemoveFile { path, .. } => format!("remove {}", path.display()),
        Change::RenameFile { from, to } => format!("rename {} {}", from.display(), to.display()),
        Change::MakeDir { path, mode } => format!("mkdir {} {mode:o}", path.display()),
        Change::RemoveDir { path } => format!("rmdir {}", path.display()),
        Change::MakeGroup { group, .. } => format!("make group {:?}", group.list()),
        Change::RemoveGroup { group, .. } => format!("remove group {:?}", group.list()),
        Change::PutGroup { before, after, .. } => format!("group {:?} {:?}", before.list(), after.list()),
        Change::Run { argv, limit, .. } => format!("{} <{}s", shell_line(argv), limit.as_secs()),
        Change::Signal { .. } => shell_line(&change.argv().unwrap_or_default()),
        Change::AwaitAgent { running, install_dir, limit, harder, .. } => {
            let harder = harder.as_ref().and_then(|harder| harder.argv()).map(|argv| shell_line(&argv));
            let harder = harder.map(|line| format!(", else {line}")).unwrap_or_default();
            format!("await {running} {} <{}s{harder}", install_dir.display(), limit.as_secs())
        }
        Change::LookFor { paths } => {
            format!("look for {}", paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" "))
        }
    };
    changes.iter().map(line).collect()
}
