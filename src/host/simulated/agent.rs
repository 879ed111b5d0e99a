//! The simulated agent: what it does when it starts, runs and stops (agent.md, sections 1 to 5).
//!
//! Two processes, a daemon and a worker. The worker reads the files once when it starts, chooses its address by the
//! rules of its version, and writes app_info.json and its log; identity files it reads again and again. The rules
//! are written here a second time on purpose: a test that compares them with the checks compares two readings.

use super::agent_config::{Parsed, parse, styled};
use super::files::Kind;
use super::network::number;
use super::parts::{Memory, StartManner};
use super::world::World;
use crate::core::observe::ProcessSeen;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

/// The agent looks whether its address changed this often, in milliseconds (from 1.3.0 on).
const ADDRESS_WATCH_MS: i64 = 30_000;
/// The daemon makes a new worker this long after the old one died, in milliseconds.
const REFORK_MS: i64 = 10_000;

impl World {
    /// The pid of the daemon and of the worker, when they live.
    pub(super) fn pair(&self) -> (Option<u32>, Option<u32>) {
        let own: Vec<&ProcessSeen> = self.processes.iter().filter(|process| self.is_agent(process)).collect();
        let daemon = own.iter().find(|process| process.ppid == 1).map(|process| process.pid);
        let worker = own.iter().find(|process| Some(process.ppid) == daemon).map(|process| process.pid);
        (daemon, worker)
    }

    /// Whether the process is of the installed agent and alive.
    fn is_agent(&self, process: &ProcessSeen) -> bool {
        process.state != 'Z' && process.exe.as_ref().is_ok_and(|exe| exe.starts_with(&self.agent.install_dir))
    }

    /// Starts the agent, unless it runs.
    pub(super) fn start_agent(&mut self) {
        if self.pair().0.is_some() || self.files.content(&self.agent.program_path()).is_none() {
            return;
        }
        self.agent.stopping_until = None;
        if self.agent.start == StartManner::IllegalInstruction {
            let program = self.agent.flavour.program();
            self.kernel_log.push(format!("traps: {program}[{}] trap invalid opcode ip:5581 sp:7ffd", self.next_pid));
            self.next_pid += 1;
            return;
        }
        let daemon = self.add_process(1);
        if self.agent.start == StartManner::Both {
            self.start_worker(daemon);
        }
    }

    /// Ends all processes of the agent.
    pub(super) fn end_agent(&mut self) {
        let dir = self.agent.install_dir.clone();
        self.processes.retain(|process| !process.exe.as_ref().is_ok_and(|exe| exe.starts_with(&dir)));
        self.agent.memory = None;
        self.agent.stopping_until = None;
        self.agent.refork_at = None;
    }

    fn add_process(&mut self, ppid: u32) -> u32 {
        let pid = self.next_pid;
        self.next_pid += 1;
        let path = self.agent.program_path();
        let process = ProcessSeen {
            pid,
            ppid,
            name: self.agent.flavour.program().into(),
            exe: Ok(self.files.follow(&path).unwrap_or(path.clone())),
            command: path.display().to_string(),
            started: self.time.host_ms().div_euclid(1000),
            uid: 0,
            state: 'S',
            contained: Some(false),
        };
        self.processes.push(process);
        pid
    }

    /// A new worker: reads everything, or dies of what it reads.
    fn start_worker(&mut self, daemon: u32) {
        let path = self.agent.config_path();
        let is_old = self.agent.flavour.version().0 < 2;
        let parsed = self.files.content(&path).map(parse);
        let name = "ilogtail_config.json";
        match &parsed {
            // It tells syslog at most, and ends at once.
            Some(Parsed::Unbalanced | Parsed::NotJson) if is_old => {
                self.next_pid += 1;
                return;
            }
            _ => {}
        }
        let worker = self.add_process(daemon);
        let mut config = match parsed {
            Some(Parsed::Fine(map)) => map,
            None => {
                self.log("error", worker, format!("can not find start config:{name}\t"));
                Map::new()
            }
            Some(_) => {
                self.log("error", worker, format!("start config is not valid json:{name}\t"));
                Map::new()
            }
        };
        let conf_dir = config.get("logtail_sys_conf_dir").and_then(Value::as_str).or(self.agent.env("sys_conf_dir"));
        let conf_dir = conf_dir.map_or(self.agent.conf_dir.clone(), PathBuf::from);
        self.merge_overlays(worker, &conf_dir.join("config.d"), &mut config);
        let detail = styled(&config);
        self.log("info", worker, format!("load logtail config file, path:{name}\t"));
        self.log("info", worker, format!("load logtail config file, detail:{detail}\n\t"));
        let now = self.time.true_ms();
        let mut memory = Memory {
            config,
            ip: String::new(),
            aliuids: BTreeSet::new(),
            custom_ids: BTreeSet::new(),
            conf_dir,
            started_ms: now,
            watched_ms: now,
            dumped_ms: now,
            contact_ms: None,
        };
        memory.ip = self.choose_ip(&memory);
        self.write_app_info(worker, &memory);
        self.agent.memory = Some(memory);
        self.read_identity();
        self.log("info", worker, "Logtail started:initialization completed\t".into());
    }

    fn merge_overlays(&mut self, worker: u32, dir: &Path, config: &mut Map<String, Value>) {
        for name in self.files.names(dir).into_iter().filter(|name| name.ends_with(".json")) {
            let path = dir.join(name);
            if let Some(Parsed::Fine(over)) = self.files.content(&path).map(parse) {
                self.log("info", worker, format!("merge sub config, file:{}\t", path.display()));
                config.extend(over);
            }
        }
    }

    /// The address by the rules of 1.8.0 to 3.3.2 (agent.md, section 3).
    fn choose_ip(&self, memory: &Memory) -> String {
        let told = |key: &str| memory.string(key).or(self.agent.env(key)).unwrap_or_default().to_string();
        let working_ip = told("working_ip");
        if !working_ip.is_empty() {
            return working_ip;
        }
        let bind = told("bind_interface");
        let bind = if bind.eq_ignore_ascii_case("default") { "" } else { bind.as_str() };
        let usable = |address: &Ipv4Addr| !address.is_loopback();
        let nics =
            || self.interfaces.iter().filter(|one| one.name != "lo").flat_map(|one| &one.ipv4).filter(|a| usable(a));
        let looked_up = if number(&self.hostname).is_some() {
            Vec::new()
        } else {
            self.resolve(&self.hostname).unwrap_or_default()
        };
        let by_name = looked_up.iter().find(|found| nics().any(|own| own == *found)).or(looked_up.first());
        let of = |name: &str| {
            let first = self.interfaces.iter().find(|one| one.name == name).and_then(|one| one.ipv4.first());
            first.filter(|address| usable(address))
        };
        let near = match by_name.filter(|address| usable(address)) {
            Some(address) => Some(address),
            None if bind.is_empty() => of("eth0").or(of("bond0")),
            None => of(bind),
        };
        // An unordered set: with the usual library the last interface comes out in nearly all cases.
        let any = || if self.agent.flavour.version() >= (2, 0, 7) { nics().next_back() } else { nics().next() };
        near.or_else(any).map(Ipv4Addr::to_string).unwrap_or_default()
    }

    fn write_app_info(&mut self, worker: u32, memory: &Memory) {
        let flavour = self.agent.flavour;
        let (major, minor, patch) = flavour.version();
        let edition = if self.agent.community { " Community Edition" } else { "" };
        let started = self.time.host_ms().div_euclid(1000);
        let uuid = format!("5C3F2B1E-{:04X}-11F1-8A7E-00163E00FF4E", worker % 0x1_0000);
        let hostname = memory.string("working_hostname").unwrap_or(&self.hostname).to_string();
        let version_key = if major >= 3 { "loongcollector_version" } else { "logtail_version" };
        let mut told = vec![
            ("UUID", "A3412556-C126-4D38-8959-AC8BB628F00D".to_string()),
            ("hostname", hostname),
            ("instance_id", format!("{uuid}_{}_{started}", memory.ip)),
            ("ip", memory.ip.clone()),
            (version_key, format!("{major}.{minor}.{patch}{edition}")),
            ("os", "Linux; 5.10.134-16.al8.x86_64; #1 SMP Tue Nov 28 14:29:11 CST 2023; x86_64".into()),
            ("update_time", self.time.local("%Y-%m-%d %H:%M:%S")),
        ];
        if major >= 2 || self.agent.community {
            told.push(("compiler", "GCC 9.3.1".into()));
        }
        if self.agent.community {
            told.push(("build_date", "20240327".into()));
            told.push(("git_hash", "6a134a478".into()));
        }
        if major >= 3 && !self.agent.community {
            told.push(("host_id", "i-bp1demo0healthy00".into()));
        }
        let map: Map<String, Value> = told.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        let text = styled(&map);
        self.log("info", worker, format!("appInfo:{text}\n\t"));
        let path = self.agent.app_info_path();
        if self.files.check_writable(&path, 0).is_ok() {
            self.put(&path, format!("{text}\n"));
        }
    }

    /// One entry of the agent's log.
    fn log(&mut self, level: &str, thread: u32, text: String) {
        let path = self.agent.log_path();
        let micros = self.time.host_ms().rem_euclid(1000) * 1000;
        let stamp = self.time.local("%Y-%m-%d %H:%M:%S");
        let place = "core/app_config/AppConfig.cpp:289";
        let text = text.trim_end_matches('\t');
        let mut all = self.files.content(&path).unwrap_or_default().to_vec();
        all.extend_from_slice(format!("[{stamp}.{micros:06}]\t[{level}]\t[{thread}]\t{place}\t\t{text}\n").as_bytes());
        if self.files.check_writable(&path, 0).is_ok() {
            self.put(&path, all);
        }
    }

    /// Reads `users/` and `user_defined_id`. An empty result leaves what is in memory (agent.md, section 4).
    fn read_identity(&mut self) {
        let Some(memory) = &self.agent.memory else { return };
        let listed =
            |text: &str| text.split(',').filter(|item| !item.is_empty()).map(str::to_string).collect::<Vec<_>>();
        let names = self.files.names(&memory.conf_dir.join("users"));
        let mut aliuids: BTreeSet<String> = names.into_iter().filter(|name| !name.starts_with('.')).collect();
        aliuids.extend(listed(self.agent.env("user_id").unwrap_or_default()));
        let file = self.files.content(&memory.conf_dir.join("user_defined_id")).unwrap_or_default();
        let trimmed = |line: &[u8]| {
            let begin = line.iter().position(|byte| *byte != b' ').unwrap_or(line.len());
            let end = line.iter().rposition(|byte| *byte != b' ').map_or(begin, |last| last + 1);
            line.get(begin..end).unwrap_or_default().to_vec()
        };
        let mut ids: BTreeSet<Vec<u8>> = file.split(|byte| *byte == b'\n').map(trimmed).collect();
        ids.extend(listed(self.agent.env("user_defined_id").unwrap_or_default()).into_iter().map(String::into_bytes));
        ids.remove(&Vec::new());
        if let Some(memory) = &mut self.agent.memory {
            if !aliuids.is_empty() {
                memory.aliuids = aliuids;
            }
            if !ids.is_empty() {
                memory.custom_ids = ids;
            }
        }
    }

    /// What time does to the agent.
    pub(super) fn agent_settles(&mut self) {
        let now = self.time.true_ms();
        if self.agent.stopping_until.is_some_and(|end| now >= end) {
            self.end_agent();
        }
        let (daemon, worker) = self.pair();
        if let (Some(daemon), None, Some(at)) = (daemon, worker, self.agent.refork_at)
            && now >= at
        {
            self.agent.refork_at = None;
            self.start_worker(daemon);
        }
        let (_, Some(worker)) = self.pair() else {
            self.agent.memory = None;
            return;
        };
        self.read_identity();
        self.dump_status();
        let Some(memory) = self.agent.memory.clone() else { return };
        let crashes = self
            .agent
            .crash_every
            .is_some_and(|every| now - memory.started_ms >= i64::try_from(every.as_millis()).unwrap_or(i64::MAX));
        let watches = now - memory.watched_ms >= ADDRESS_WATCH_MS;
        let current = self.choose_ip(&memory);
        let moved = watches && current != memory.ip;
        if watches && let Some(memory) = &mut self.agent.memory {
            memory.watched_ms = now;
        }
        if moved {
            let text = "host ip changed during running, prepare to restart Logtail:original ip";
            self.log("error", worker, format!("{text}:{}\tcurrent ip:{current}", memory.ip));
        }
        if moved || crashes {
            self.processes.retain(|process| process.pid != worker);
            self.agent.memory = None;
            self.agent.refork_at = Some(now + if crashes { 0 } else { REFORK_MS });
            if let (true, Some(daemon)) = (crashes, self.pair().0) {
                self.agent.refork_at = None;
                self.start_worker(daemon);
            }
        }
    }

    /// The agent's environment variables, for its own processes.
    pub(super) fn agent_environment(&self) -> Vec<(String, String)> {
        self.agent.environment.clone()
    }

    /// Puts the program files where an installer leaves them.
    pub(super) fn install_programs(&mut self, modified: i64) {
        let (major, minor, patch) = self.agent.flavour.version();
        let program = self.agent.program_path();
        let versioned = format!("{}_{major}.{minor}.{patch}", self.agent.flavour.program());
        let elf = b"\x7fELF\x02\x01\x01simulated".to_vec();
        self.files.put(&self.agent.install_dir.join(&versioned), Kind::File(elf.clone()), 0o755, modified);
        self.files.put(&program, Kind::Link(versioned.into()), 0o777, modified);
        let libraries = if major >= 3 {
            ["libGoPluginAdapter.so", "libGoPluginBase.so"]
        } else {
            ["libPluginAdapter.so", "libPluginBase.so"]
        };
        for library in libraries {
            self.files.put(&self.agent.install_dir.join(library), Kind::File(elf.clone()), 0o755, modified);
        }
    }
}
