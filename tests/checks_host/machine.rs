//! A machine made by hand: what every question of a check is answered with. It starts out healthy; a scenario breaks it.

use logtail_doctor::core::checks;
use logtail_doctor::core::context::{Context, IdentityKind, NetworkType};
use logtail_doctor::core::finding::{Finding, StepId};
use logtail_doctor::core::observe::*;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

/// 2026-11-22 05:40:00 UTC.
pub const NOW: i64 = 1_795_326_000;
/// When the agent started.
pub const STARTED: i64 = NOW - 2 * 86_400;
/// The host's time zone, seconds east of Greenwich.
const ZONE: i32 = 8 * 3600;
pub const OWNER: &str = "1654218965343050";
pub const DIR: &str = "/usr/local/ilogtail";
pub const CONFIG: &str = "/usr/local/ilogtail/ilogtail_config.json";
pub const APP_INFO: &str = "/usr/local/ilogtail/app_info.json";
pub const IDS: &str = "/etc/ilogtail/user_defined_id";
pub const USERS: &str = "/etc/ilogtail/users";
pub const NOTE: &str = "/etc/ilogtail/checkpoint/instance_identity";
pub const STATUS: &str = "/usr/local/ilogtail/snapshot/ilogtail_status.LOG";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    Logtail188,
    Logtail207,
    Loong331,
}

impl Flavour {
    pub const ALL: [Flavour; 3] = [Flavour::Logtail188, Flavour::Logtail207, Flavour::Loong331];

    pub fn program(self) -> &'static str {
        if self == Flavour::Loong331 { "loongcollector" } else { "ilogtail" }
    }

    fn version(self) -> &'static str {
        match self {
            Flavour::Logtail188 => "1.8.8",
            Flavour::Logtail207 => "2.0.7",
            Flavour::Loong331 => "3.3.1",
        }
    }
}

/// A file, or why it cannot be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    pub seen: Observed<FileSeen>,
}

/// What the agent writes into `app_info.json` when it starts.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    pub uuid: &'static str,
    pub ip: String,
    pub started: i64,
    /// What follows the number in the version.
    pub edition: &'static str,
}

/// What the running agent holds, where that is not what the files say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Held {
    pub ids: Option<&'static str>,
    pub aliuids: Option<&'static str>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Machine {
    pub flavour: Flavour,
    pub version: &'static str,
    pub metadata: Observed<MetadataSeen>,
    /// What every name of the service leads to.
    pub service_at: IpAddr,
    record: Record,
    held: Option<Held>,
    pub files: BTreeMap<PathBuf, Node>,
    /// What stands where, and what programs need; nothing is known of all else.
    pub places: BTreeMap<PathBuf, PlaceSeen>,
    pub programs: BTreeMap<PathBuf, ProgramSeen>,
    /// Directories that cannot be listed.
    pub dirs: BTreeMap<PathBuf, Unavailable>,
    pub processes: Observed<Vec<ProcessSeen>>,
    /// What a second look at the processes shows; None: they are as at the first.
    pub watched: Option<Observed<WatchSeen>>,
    pub environment: Observed<Vec<(String, String)>>,
    pub interfaces: Observed<Vec<InterfaceSeen>>,
    /// What the resolver answers for the hostname.
    pub lookup: Observed<Vec<std::net::Ipv4Addr>>,
    pub looks: BTreeMap<String, Observed<CommandSeen>>,
    pub identity: IdentitySeen,
    /// Whether nothing answers on the private network.
    pub is_cut_off: bool,
}

fn file_of(bytes: impl AsRef<[u8]>, modified: i64) -> FileSeen {
    let bytes = bytes.as_ref().to_vec();
    FileSeen { size: bytes.len() as u64, bytes, modified, mode: 0o644, uid: 0, gid: 0, link_to: None }
}

pub fn said(code: i32, out: &str) -> Observed<CommandSeen> {
    Ok(CommandSeen { code: Some(code), out: out.into(), err: String::new() })
}

/// A time as the agent writes it.
pub fn local(at: i64) -> String {
    let shifted = jiff::Timestamp::from_second(at + i64::from(ZONE)).unwrap();
    shifted.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

impl Machine {
    pub fn healthy(flavour: Flavour) -> Machine {
        Machine::of_version(flavour, flavour.version())
    }

    /// The same in another version, which must be one of this flavour.
    pub fn of_version(flavour: Flavour, version: &'static str) -> Machine {
        let program = flavour.program();
        let exe = format!("{DIR}/{program}_{version}");
        let process = |pid, ppid, started| ProcessSeen {
            pid,
            ppid,
            name: program.into(),
            exe: Ok(exe.clone().into()),
            command: format!("{DIR}/{program}"),
            started,
            uid: 0,
            state: 'S',
            contained: Some(false),
        };
        let nic = |name: &str, ip: &str| InterfaceSeen { name: name.into(), up: true, ipv4: vec![ip.parse().unwrap()] };
        let mut machine = Machine {
            flavour,
            version,
            metadata: Err(Unavailable::TimedOut),
            service_at: Ipv4Addr::new(100, 100, 80, 165).into(),
            record: Record { uuid: "A", ip: "10.1.1.5".into(), started: STARTED, edition: "" },
            held: None,
            files: BTreeMap::new(),
            places: BTreeMap::new(),
            programs: BTreeMap::new(),
            dirs: BTreeMap::new(),
            processes: Ok(vec![process(1200, 1, STARTED), process(1201, 1200, STARTED + 1)]),
            watched: None,
            environment: Ok(vec![]),
            interfaces: Ok(vec![nic("lo", "127.0.0.1"), nic("eth0", "10.1.1.5")]),
            lookup: Ok(vec!["10.1.1.5".parse().unwrap()]),
            looks: BTreeMap::new(),
            is_cut_off: false,
            identity: IdentitySeen {
                hostname: "web-1".into(),
                user: "root".into(),
                privileged: true,
                ..IdentitySeen::default()
            },
        };
        let service = machine.service();
        machine.looks.insert(format!("/etc/init.d/{service} status"), said(0, &format!("{program} is running\n")));
        machine.looks.insert(format!("systemctl is-enabled {service}"), said(0, "enabled\n"));
        machine.looks.insert("dmesg".into(), said(0, "[    0.000000] Linux version 5.10\n"));
        let (old, config) = (STARTED - 86_400, machine.config("cn-hangzhou", "-intranet"));
        for path in [exe.clone(), format!("{DIR}/{program}"), format!("/etc/init.d/{service}")] {
            machine.write_at(&path, "x", old);
        }
        machine.write_at("/opt/other/file", "x", old);
        machine.write_at("/proc/cpuinfo", "flags\t\t: fpu sse4_2 avx avx2\n", old);
        machine.write_at(CONFIG, &config, old);
        machine.app_info("10.1.1.5");
        machine.write_at(&format!("{USERS}/{OWNER}"), "", old);
        let delivered = match flavour {
            Flavour::Logtail188 => "/usr/local/ilogtail/user_log_config.json",
            Flavour::Logtail207 | Flavour::Loong331 => "/etc/ilogtail/config/enterprise/a.json",
        };
        machine.write_at(delivered, "{\"metrics\" : {}}", old);
        machine.write_at(&machine.log_path(), "", NOW);
        machine.log(STARTED + 1, "info", &format!("load logtail config file, detail:{config}"));
        machine.log(STARTED + 1, "info", "appInfo:{");
        machine
    }

    pub fn service(&self) -> &'static str {
        if self.flavour == Flavour::Loong331 { "loongcollectord" } else { "ilogtaild" }
    }

    pub fn log_path(&self) -> String {
        format!("{DIR}/{}.LOG", self.flavour.program())
    }

    /// What an installer writes.
    pub fn config(&self, region: &str, suffix: &str) -> String {
        let endpoint = format!("{region}{suffix}.log.aliyuncs.com");
        if self.flavour == Flavour::Loong331 {
            format!(
                "{{\"config_servers\": [\"http://logtail.{endpoint}\"], \
                 \"data_servers\": [{{\"region\": \"{region}\", \"endpoint_list\": [\"{endpoint}\"]}}]}}"
            )
        } else {
            format!(
                "{{\"config_server_address\": \"http://logtail.{endpoint}\", \
                 \"data_server_list\": [{{\"cluster\": \"{region}\", \"endpoint\": \"{endpoint}\"}}]}}"
            )
        }
    }

    /// A configuration that was there when the agent started.
    pub fn configure(&mut self, text: &str) {
        self.write_at(CONFIG, text, STARTED - 60);
        self.lines(|lines| lines.retain(|line| !line.contains("load logtail config file")));
        self.log(STARTED + 1, "info", &format!("load logtail config file, detail:{text}"));
    }

    /// The same, made from the configuration that is there.
    pub fn reconfigure(&mut self, change: impl FnOnce(String) -> String) {
        let text = change(self.text(CONFIG));
        self.configure(&text);
    }

    /// Another record of the last start.
    pub fn record(&mut self, change: impl FnOnce(&mut Record)) {
        change(&mut self.record);
        let key = if self.flavour == Flavour::Loong331 { "loongcollector_version" } else { "logtail_version" };
        let (version, Record { uuid, ip, started, edition }) = (self.version, &self.record);
        let text = format!(
            "{{\"UUID\" : \"{uuid}\", \"hostname\" : \"web-1\", \"instance_id\" : \"{uuid}_{ip}_{started}\", \
             \"ip\" : \"{ip}\", \"{key}\" : \"{version}{edition}\", \"update_time\" : \"{}\"}}",
            local(*started)
        );
        let started = *started;
        self.write_at(APP_INFO, &text, started);
    }

    /// The address of the last start.
    pub fn app_info(&mut self, ip: &str) {
        self.record(|record| record.ip = ip.into());
    }

    /// A file's text; empty when it cannot be read.
    pub fn text(&self, path: &str) -> String {
        let file = self.files.get(Path::new(path)).and_then(|node| node.seen.as_ref().ok());
        file.map(|file| file.text().into_owned()).unwrap_or_default()
    }

    /// What the running agent says of itself every minute; only up to 2.x. It holds what the files say, unless told
    /// otherwise.
    pub fn held(&mut self, change: impl FnOnce(&mut Held)) {
        if self.flavour != Flavour::Loong331 {
            change(self.held.get_or_insert_default());
        }
    }

    fn status(&self, held: &Held) -> FileSeen {
        let (time, ip) = (local(NOW - 30), &self.record.ip);
        let ids = held.ids.map_or_else(|| self.text(IDS).replace('\n', " "), str::to_string);
        let users = self.files.keys().filter_map(|path| path.strip_prefix(USERS).ok()?.to_str());
        let users = held.aliuids.map_or_else(|| users.collect::<Vec<_>>().join(" "), str::to_string);
        let text = format!(
            "[{time}.000000]\t[info]\t[1]\ta.cpp:1\t\t####logtail status####\nip:{ip}\nuser_defined_id:{ids}\n\
             aliuids:{users}\n####status     end####\n"
        );
        file_of(text, NOW - 30)
    }

    pub fn write(&mut self, path: &str, bytes: impl AsRef<[u8]>) {
        self.write_at(path, bytes, STARTED - 60);
    }

    pub fn write_at(&mut self, path: &str, bytes: impl AsRef<[u8]>, modified: i64) {
        // Init scripts and the links to them are programs.
        let mode = if path.starts_with("/etc/init.d/") || path.starts_with("/etc/rc") { 0o755 } else { 0o644 };
        self.files.insert(path.into(), Node { seen: Ok(FileSeen { mode, ..file_of(bytes, modified) }) });
    }

    pub fn trouble(&mut self, path: &str, trouble: Unavailable) {
        self.files.insert(path.into(), Node { seen: Err(trouble) });
    }

    /// A link to nothing.
    pub fn dangle(&mut self, path: &str) {
        self.trouble(path, Unavailable::NotAFile("dangling".into()));
        let target = Some("/usr/local/ilogtail/ilogtail_9.9.9".into());
        self.place(path, |place| (place.kind, place.link_to, place.real) = (EntryKind::Dangling, target, None));
    }

    pub fn remove(&mut self, path: &str) {
        self.files.retain(|known, _| !known.starts_with(path));
    }

    /// Adds a line to the agent's log, which is in the order of time.
    pub fn log(&mut self, at: i64, level: &str, message: &str) {
        let line = format!("[{}.000000]\t[{level}]\t[1]\tcore/a.cpp:1\t\t{message}\n", local(at));
        self.lines(|lines| {
            lines.push(line);
            lines.sort();
        });
    }

    fn lines(&mut self, change: impl FnOnce(&mut Vec<String>)) {
        let path = self.log_path();
        if let Some(Node { seen: Ok(file) }) = self.files.get_mut(Path::new(&path)) {
            let mut lines = file.text().split_inclusive('\n').map(str::to_string).collect();
            change(&mut lines);
            file.bytes = lines.concat().into_bytes();
            file.size = file.bytes.len() as u64;
        }
    }

    /// What stands at a path: a directory or file of root, on a file system with room.
    pub fn place(&mut self, path: &str, change: impl FnOnce(&mut PlaceSeen)) {
        let system = FilesystemSeen {
            mount_point: Some("/".into()),
            kind: "ext4".into(),
            free: 1 << 30,
            available: 1 << 30,
            size: 1 << 34,
            free_inodes: 1 << 20,
            inodes: 1 << 21,
            ..FilesystemSeen::default()
        };
        let mut place = PlaceSeen {
            kind: EntryKind::Dir,
            link_to: None,
            real: Some(path.into()),
            device: 1,
            inode: self.places.len() as u64 + 1,
            mode: 0o755,
            uid: 0,
            gid: 0,
            has_access_list: false,
            filesystem: Some(system),
        };
        change(&mut place);
        self.places.insert(path.into(), place);
    }

    pub fn stop(&mut self) {
        self.processes = Ok(vec![]);
    }

    /// The worker, if it lives.
    pub fn worker(&mut self, change: impl FnOnce(&mut ProcessSeen)) {
        if let Some(worker) = self.processes.iter_mut().flatten().find(|process| process.pid == 1201) {
            change(worker);
        }
    }

    /// A restart at this time: of what it read then, the log tells.
    pub fn restart(&mut self, at: i64) {
        self.each_process(|process| process.started = at);
        self.record(|record| record.started = at);
        let text = self.text(CONFIG);
        self.log(at + 1, "info", &format!("load logtail config file, detail:{text}"));
        self.log(at + 1, "info", "appInfo:{");
    }

    pub fn each_process(&mut self, change: impl Fn(&mut ProcessSeen)) {
        self.processes.iter_mut().flatten().for_each(change);
    }

    /// An ordinary user: other users' programs and environments are hidden.
    pub fn as_ordinary_user(&mut self) {
        self.identity.privileged = false;
        self.identity.uid = 1000;
        self.environment = Err(Unavailable::NotAllowed);
        self.each_process(|process| {
            process.exe = Err(Unavailable::NotAllowed);
            process.contained = None;
        });
        self.looks.insert("dmesg".into(), Err(Unavailable::NotAllowed));
    }

    /// What a step comes to.
    pub fn check(&self, step: StepId, told: &Context) -> Finding {
        self.look(step, told, &mut Observations::default())
    }

    /// The same, with what was seen already.
    pub fn look(&self, step: StepId, told: &Context, seen: &mut Observations) -> Finding {
        for _ in 0..20 {
            if let Ok(finding) = checks::check(step, seen, told) {
                return finding;
            }
            let open = seen.take_open();
            self.tell(open, seen);
        }
        panic!("the questions of {} do not end", step.id());
    }

    /// Answers these questions.
    pub fn tell(&self, questions: impl IntoIterator<Item = Question>, seen: &mut Observations) {
        for question in questions {
            let answer = self.answer(&question);
            seen.keep(question, answer);
        }
    }

    fn answer(&self, question: &Question) -> Answer {
        match question {
            Question::File(path) | Question::Present(path) | Question::Tail(path) => Answer::File(self.file(path)),
            Question::Dir(path) => Answer::Dir(self.list(path)),
            Question::Place(path) => Answer::Place(self.places.get(path).cloned().ok_or(Unavailable::Absent)),
            Question::Program(path) => Answer::Program(self.programs.get(path).cloned().ok_or(Unavailable::Absent)),
            Question::Processes => Answer::Processes(self.processes.clone()),
            // Of a machine made of data, every process stays, unless it was said otherwise.
            Question::WatchProcesses { .. } => Answer::Watched(match &self.watched {
                Some(watched) => watched.clone(),
                None => self.processes.clone().map(|last| WatchSeen { last, ended: Vec::new() }),
            }),
            Question::Environment { .. } => Answer::Environment(self.environment.clone()),
            Question::Interfaces => Answer::Interfaces(self.interfaces.clone()),
            Question::Lookup(_) => {
                Answer::Lookup(LookupSeen { addresses: self.lookup.clone(), by: "getent".into(), elapsed_ms: 1 })
            }
            Question::Reach(target) if self.is_cut_off && target.host.contains("-intranet") => {
                let trouble = ConnectError::Silent("100.100.80.165".parse().unwrap());
                Answer::Reach(ReachSeen {
                    connected: Some(Err(trouble)),
                    tls: None,
                    http: None,
                    ..self.reached(target)
                })
            }
            Question::Reach(target) => Answer::Reach(self.reached(target)),
            Question::ReadCommand(look) => {
                Answer::ReadCommand(self.looks.get(&look.line()).cloned().unwrap_or(Err(Unavailable::Absent)))
            }
            Question::Clock => {
                Answer::Clock(ClockSeen { now_ms: NOW * 1000, offset_s: ZONE, booted: STARTED - 86_400 })
            }
            Question::Identity => Answer::Identity(self.identity.clone()),
            Question::Metadata => Answer::Metadata(self.metadata.clone()),
            Question::Trusted(_) => Answer::Trusted(Ok(())),
            Question::Cloud(asked) => Answer::Cloud(CloudAnswer::missing(asked, CloudError::not_asked())),
            Question::AskNameserver { .. } => {
                Answer::AskNameserver(NameserverSeen { said: NameserverSaid::Silent, elapsed_ms: 1 })
            }
        }
    }

    /// Everything answers as the service does.
    fn reached(&self, target: &Target) -> ReachSeen {
        let ip = self.service_at;
        let headers = [("server", "Tengine"), ("x-log-requestid", "5DD39230BE9910FC6CF17609")];
        let mut headers: Vec<_> = headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        headers.push(("x-log-time".into(), NOW.to_string()));
        let body = "{\"Error\":{\"Code\":\"OLSInvalidMethod\",\"Message\":\"The script name is invalid : /\"}}";
        ReachSeen {
            resolved: Some(Ok(vec![ip])),
            connected: Some(Ok((ip, 2))),
            tls: target.tls.then(|| Ok(TlsSeen { version: "TLSv1_2".into() })),
            http: Some(Ok(HttpSeen { status: 405, headers, body: body.into(), received_ms: NOW * 1000 })),
            elapsed_ms: 5,
            ..ReachSeen::default()
        }
    }

    fn file(&self, path: &Path) -> Observed<FileSeen> {
        match (self.files.get(path), &self.held) {
            (Some(node), _) => node.seen.clone(),
            (None, Some(held)) if path == Path::new(STATUS) => Ok(self.status(held)),
            _ if self.files.keys().any(|known| known.starts_with(path)) => {
                Err(Unavailable::NotAFile("directory".into()))
            }
            _ => Err(Unavailable::Absent),
        }
    }

    fn list(&self, dir: &Path) -> Observed<DirSeen> {
        if let Some(trouble) = self.dirs.get(dir) {
            return Err(trouble.clone());
        }
        if self.files.contains_key(dir) {
            return Err(Unavailable::Other("Not a directory".into()));
        }
        let mut entries: BTreeMap<String, EntrySeen> = BTreeMap::new();
        for (path, node) in &self.files {
            let Ok(rest) = path.strip_prefix(dir) else { continue };
            let parts: Vec<String> = rest.iter().map(|part| part.to_string_lossy().into_owned()).collect();
            let Some(name) = parts.first() else { continue };
            let (size, modified) = node.seen.as_ref().map_or((0, 0), |file| (file.size, file.modified));
            let kind = match &node.seen {
                _ if parts.len() > 1 => EntryKind::Dir,
                Err(Unavailable::NotAFile(kind)) if kind == "directory" => EntryKind::Dir,
                Err(Unavailable::NotAFile(kind)) if kind == "dangling" => EntryKind::Dangling,
                Err(Unavailable::NotAFile(_)) => EntryKind::Other,
                _ => EntryKind::File,
            };
            entries.insert(name.clone(), EntrySeen { name: name.clone(), kind, size, modified });
        }
        let entries: Vec<_> = entries.into_values().collect();
        if entries.is_empty() { Err(Unavailable::Absent) } else { Ok(DirSeen { entries, cut: false }) }
    }
}

/// Everything that the operator could tell, and all of it true of the healthy machine.
pub fn told() -> Context {
    Context {
        project: Some("demo-project".into()),
        machine_group: Some("demo-group".into()),
        region: Some("cn-hangzhou".into()),
        network: Some(NetworkType::Intranet),
        identity: Some(IdentityKind::Ip),
        group_ips: vec!["10.1.1.5".parse().unwrap()],
        aliuid: Some(OWNER.into()),
        same_account: Some(false),
        console_heartbeat: Some(true),
        ..Context::default()
    }
}
