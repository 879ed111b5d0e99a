//! The stand-in for the agent: a daemon and its worker of the same name, which keep the files that the real one keeps
//! and send heartbeats. Times that the real one counts in tens of seconds are shortened to one or two.

use crate::address::{self, Version, Wishes};
use crate::heart::{Heart, Log};
use crate::start_config::{self, Loaded};
use lab::plan::{self, Behaviour, Death};
use nix::sys::signal::{SigSet, Signal, kill, raise};
use nix::unistd::Pid;
use serde_json::{Map, Value, json};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, SystemTime};

/// The real daemon starts a dead worker again after 10 s.
const FORK_INTERVAL: Duration = Duration::from_secs(1);
/// After how many heartbeats the worker looks whether its address has changed; the real one looks every 30 s.
const MONITOR_ROUNDS: u32 = 4;
/// The real agent's interval is not public; its community edition's is 10 s.
const HEARTBEAT_INTERVAL: Duration = Duration::from_millis(500);
/// The machine's DMI UUID.
pub const UUID: &str = "A3412556-C126-4D38-8959-AC8BB628F00D";
/// The ECS instance, which agents from version 3 on know.
pub const HOST_ID: &str = "i-bp1laboratory";
/// Says which process of the agent this is; absent in the one that the operator starts.
const ROLE: &str = "STAND_IN_ROLE";

/// Which agent this program plays, by the name of its file.
pub struct Agent {
    pub name: String,
    pub version: Version,
    pub directory: PathBuf,
    file: PathBuf,
}

impl Agent {
    /// `None` when the file is not named as an agent's.
    pub fn of_this_program() -> Option<Agent> {
        let file = std::env::current_exe().ok()?;
        let whole = file.file_name()?.to_str()?.trim_end_matches(" (deleted)").to_string();
        let (name, version) =
            whole.split_once('_').filter(|(name, _)| ["ilogtail", "loongcollector"].contains(name))?;
        let mut numbers = version.split('.').map_while(|number| number.parse().ok());
        let version = (numbers.next()?, numbers.next()?, numbers.next()?);
        let directory = file.parent()?.to_path_buf();
        Some(Agent { name: name.to_string(), version, file: directory.join(name), directory })
    }

    /// Becomes the daemon, the worker, or the process that starts the daemon and leaves.
    pub fn play(self) -> io::Result<()> {
        let behaviour: Behaviour = plan::read(Path::new(plan::BEHAVIOUR)).unwrap_or_default();
        match std::env::var(ROLE).as_deref() {
            Ok("daemon") => self.watch_over_worker(&behaviour),
            Ok(_) => self.work(&behaviour),
            Err(_) => self.command("daemon").process_group(0).spawn().map(|_| ()),
        }
    }

    /// The same program in another role; like the real one it has no arguments, so both look alike in a process list.
    fn command(&self, role: &str) -> Command {
        let mut command = Command::new(&self.file);
        command.env(ROLE, role).current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn watch_over_worker(&self, behaviour: &Behaviour) -> io::Result<()> {
        let worker = Arc::new(AtomicI32::new(0));
        let known = Arc::clone(&worker);
        on_sigterm(behaviour.ignore_sigterm, move || {
            let pid = Pid::from_raw(known.load(Ordering::SeqCst));
            if pid.as_raw() > 0 {
                let _ = kill(pid, Signal::SIGTERM);
            }
        })?;
        loop {
            if behaviour.daemon_only {
                std::thread::sleep(FORK_INTERVAL);
                continue;
            }
            let mut child = self.command("worker").spawn()?;
            worker.store(i32::try_from(child.id()).unwrap_or(0), Ordering::SeqCst);
            child.wait()?;
            worker.store(0, Ordering::SeqCst);
            let own = behaviour.dies.as_ref().map(|death| Duration::from_millis(death.daemon_waits_ms));
            std::thread::sleep(own.unwrap_or(FORK_INTERVAL));
        }
    }

    fn work(&self, behaviour: &Behaviour) -> io::Result<()> {
        if behaviour.illegal_instruction {
            raise(Signal::SIGILL)?;
        }
        on_sigterm(behaviour.ignore_sigterm, || {})?;
        if let Some(Death { after_ms, exit_code, before_a_word, .. }) = behaviour.dies {
            let die = move || {
                std::thread::sleep(Duration::from_millis(after_ms));
                std::process::exit(exit_code);
            };
            if before_a_word {
                die();
            }
            std::thread::spawn(die);
        }
        let log = Log::beside(&self.directory, &self.name);
        let file = "ilogtail_config.json";
        let conf_dir = self.conf_dir(&log);
        let settings = match start_config::load(&self.directory.join(file), &conf_dir.join("config.d")) {
            Loaded::Settings(settings) => {
                log.line("info", "AppConfigBase.cpp:289", &format!("load logtail config file, path:{file}"));
                let detail = styled(&settings);
                log.line("info", "AppConfigBase.cpp:290", &format!("load logtail config file, detail:{detail}\n"));
                settings
            }
            Loaded::Unbalanced if self.version < (2, 0, 0) => std::process::exit(4),
            Loaded::NotJson if self.version < (2, 0, 0) => {
                // The runtime takes the first one for a possible stack overflow and restores the default.
                raise(Signal::SIGSEGV)?;
                raise(Signal::SIGSEGV)?;
                Map::new()
            }
            Loaded::Missing => {
                log.line("error", "AppConfigBase.cpp:262", &format!("can not find start config:{file}"));
                Map::new()
            }
            Loaded::Empty | Loaded::Unbalanced | Loaded::NotJson => {
                log.line("error", "AppConfigBase.cpp:266", &format!("start config is not valid json:{file}"));
                Map::new()
            }
        };
        let wishes = Wishes {
            working_ip: text_of(&settings, "working_ip", "ALIYUN_LOGTAIL_WORKING_IP"),
            bind_interface: Some(text_of(&settings, "bind_interface", "ALIYUN_LOGTAIL_BIND_INTERFACE"))
                .filter(|name| !name.eq_ignore_ascii_case("default"))
                .unwrap_or_default(),
        };
        let ip = address::of_host(self.version, &wishes);
        let instance_id = self.write_app_info(&ip)?;
        let mut heart = Heart::new(self, conf_dir, &settings, &ip, &instance_id);
        let mut round = 0;
        loop {
            if !behaviour.mute {
                heart.beat(&log);
            }
            std::thread::sleep(HEARTBEAT_INTERVAL);
            round += 1;
            let now = if round % MONITOR_ROUNDS == 0 { address::of_host(self.version, &wishes) } else { ip.clone() };
            if now != ip {
                let what = "error:host ip changed during running, prepare to restart Logtail";
                log.line("error", "Monitor.cpp:475", &format!("{what}\toriginal ip:{ip}\tcurrent ip:{now}"));
                return Ok(());
            }
        }
    }

    /// The directory of identifiers, accounts and overlays: beside the program where the usual one can be neither opened
    /// nor made (agent, section 4).
    fn conf_dir(&self, log: &Log) -> PathBuf {
        let usual = PathBuf::from("/etc/ilogtail");
        drop(std::fs::create_dir(&usual));
        if std::fs::read_dir(&usual).is_ok() {
            return usual;
        }
        log.line("warning", "AppConfigBase.cpp:1214", "open sys conf dir error:/etc/ilogtail/");
        self.directory.clone()
    }

    /// Writes `app_info.json` as the enterprise edition of this version does (agent, section 1.3), and returns the
    /// instance id in it.
    fn write_app_info(&self, ip: &str) -> io::Result<String> {
        let start = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_err(io::Error::other)?;
        let instance_id = format!("{UUID}_{ip}_{}", start.as_secs());
        let os = nix::sys::utsname::uname()?;
        let parts =
            [os.sysname(), os.release(), os.version(), os.machine()].map(|part| part.to_string_lossy().into_owned());
        let (a, b, c) = self.version;
        let mut info = Map::new();
        let mut put = |key: &str, value: &str| info.insert(key.to_string(), json!(value));
        put("UUID", UUID);
        if self.version >= (2, 0, 0) {
            put("compiler", "GCC 9.3.1");
        }
        if self.version >= (3, 0, 0) {
            put("host_id", HOST_ID);
        }
        put("hostname", &nix::unistd::gethostname()?.to_string_lossy());
        put("instance_id", &instance_id);
        put("ip", ip);
        let key = if self.version >= (3, 0, 0) { "loongcollector_version" } else { "logtail_version" };
        put(key, &format!("{a}.{b}.{c}"));
        put("os", &parts.join("; "));
        put("update_time", &jiff::Zoned::now().strftime("%Y-%m-%d %H:%M:%S").to_string());
        // A file that cannot be written stops no agent, and none tells of it.
        drop(std::fs::write(self.directory.join("app_info.json"), styled(&info)));
        Ok(instance_id)
    }
}

/// The way jsoncpp writes: sorted keys, TAB, blanks around the colon.
fn styled(settings: &Map<String, Value>) -> String {
    let mut lines: Vec<String> = settings.iter().map(|(key, value)| format!("\t{} : {value}", json!(key))).collect();
    lines.sort();
    format!("{{\n{}\n}}\n", lines.join(",\n"))
}

/// A text setting: the file's before the environment's. Another JSON type is ignored.
fn text_of(settings: &Map<String, Value>, key: &str, variable: &str) -> String {
    let from_file = settings.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    from_file.map(str::to_string).or_else(|| std::env::var(variable).ok()).unwrap_or_default()
}

/// Ends the process with code 0 at SIGTERM, after `farewell`; or takes the signal and stays.
fn on_sigterm(stays: bool, farewell: impl Fn() + Send + 'static) -> io::Result<()> {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGTERM);
    signals.thread_block()?;
    std::thread::spawn(move || {
        while signals.wait().is_ok() {
            if !stays {
                farewell();
                std::process::exit(0);
            }
        }
    });
    Ok(())
}
