//! The laboratory: complete Linux hosts with a given fault, made in half a second, to run the real program on.
//!
//! A host with a fault in five lines:
//! ```ignore
//! let lab = Lab::new().agent(Flavour::Logtail188).nics(&[("ens3", &["10.1.1.5"]), ("docker0", &["172.17.0.1"])])
//!     .service(Fault::Drop("logtail.*".into(), Some(80)));
//! let Some(lab) = lab.build_or_skip() else { return };
//! let output = lab.run(&["check", "--format", "json"]);
//! assert_eq!(output.code, 1, "{output:?}");
//! ```
//! Without anything said it is a healthy ECS instance `10.1.1.5` in `cn-hangzhou` of the account that owns the project,
//! in an address group that names it. `wizard` runs the program in a pseudo-terminal (see [`pty`]); `sh`, `read` and
//! `write` change the host while it runs, `break_service`, `mend_service` and `edit_group` the other side.
//!
//! The host has namespaces of its own for mounts, processes, network, host name and IPC, and its root filesystem is an
//! overlay of this machine's on a tmpfs: everything may be broken. Its only way out is a veth to a second network
//! namespace, where the `stand_in` plays name servers, ECS metadata and every endpoint. Nothing has a fixed name, so
//! any number of laboratories live side by side, and all of one ends with its first process.
//!
//! It needs root, `unshare` `nsenter` `mount` `pivot_root` `setpriv` (util-linux), `ip` (iproute2), `nft` (nftables),
//! and `sudo` where a test asks for a user who may use it. Where that is not to be had, a test says SKIPPED and why;
//! with `LOGTAIL_DOCTOR_LAB=required` in the environment it fails instead, so that a build machine cannot pass by
//! skipping. `LOGTAIL_DOCTOR_BIN` names another logtail-doctor to test than the one built beside the tests.
//! The stand_in is an example of the package: cargo builds it with all tests, but not with `--test suite` alone; choose by
//! `cargo test NAME` instead.
//!
//! Differences from the real world: the agent looks at its address every 2 s, not 30 s, and its daemon starts a dead
//! worker after 1 s, not 10 s; a heartbeat goes out every 0.5 s and its wire format is invented; the init script
//! waits 2 s for processes to come or go, not 30 s. Every process looks 20 s older than it is, so that no test waits for
//! the second look at a young worker; a test of starts says `young()`.

mod builder;
pub mod cloud;
pub mod picture;
pub mod plan;
pub mod pty;
pub mod skip;
pub mod vendor;
mod wizard;

pub use builder::{Builder, Flavour, Sudo};
pub use plan::{Beat, Behaviour, Death, Fault, Group, Heartbeat, OWNER, Service};
pub use pty::Pty;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// No command of a test takes longer than this, in seconds; a hanging one is killed.
const COMMAND_LIMIT_S: &str = "120";
/// What the password is of a user who needs one for sudo.
pub const PASSWORD: &str = "laboratory";

/// Why a laboratory cannot be made here.
#[derive(Debug)]
pub struct Skip(pub String);

/// What a command said, and its exit code; 128 + N when signal N ended it.
#[derive(Debug, Clone)]
pub struct Output {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// A running laboratory. Dropping it ends every process in it and frees everything it holds.
pub struct Lab {
    directory: TempDir,
    /// unshare(1), the parent of the keeper.
    outer: Child,
    keeper: i32,
    init: i32,
}

impl Lab {
    /// A healthy host, to be spoiled.
    #[expect(clippy::new_ret_no_self, reason = "the sentence of a test begins with Lab::new()")]
    pub fn new() -> Builder {
        Builder::new()
    }

    /// Runs logtail-doctor on the host as root, without a terminal.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.execute(None, &[&["logtail-doctor"], arguments].concat())
    }

    /// Runs a shell command on the host as root.
    pub fn sh(&self, command: &str) -> Output {
        self.execute(None, &["sh", "-c", command])
    }

    /// Runs logtail-doctor without arguments in a pseudo-terminal on the host, as root.
    pub fn wizard(&self, cols: u16, rows: u16) -> Pty {
        self.terminal(&["logtail-doctor"], cols, rows)
    }

    /// Runs any command in a pseudo-terminal on the host, as root.
    pub fn terminal(&self, argv: &[&str], cols: u16, rows: u16) -> Pty {
        self.open_terminal(None, argv, cols, rows)
    }

    /// The same host as seen by an ordinary user, made by [`Builder::user`].
    pub fn as_user<'a>(&'a self, name: &'a str) -> User<'a> {
        User { lab: self, name }
    }

    /// A command on the host as root that keeps this process's terminal: for people who want to look around.
    pub fn here(&self, argv: &[&str]) -> Command {
        let words = self.entering(None);
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).args(argv).env_clear().envs(environment(None));
        command
    }

    /// The content of a file on the host.
    ///
    /// # Panics
    /// When it cannot be read.
    pub fn read(&self, path: &str) -> String {
        let bytes = std::fs::read(self.outside(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Whether there is something at this path of the host.
    pub fn exists(&self, path: &str) -> bool {
        self.outside(path).symlink_metadata().is_ok()
    }

    /// Writes a file on the host, and the directories it is in.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.outside(path);
        let write = || {
            std::fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
            std::fs::write(&path, content)
        };
        write().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// A path of the host as this process can open it. Absolute symbolic links on the way lead astray.
    pub fn outside(&self, path: &str) -> PathBuf {
        Path::new(&format!("/proc/{}/root", self.init)).join(path.trim_start_matches('/'))
    }

    /// Adds a fault to the service side.
    pub fn break_service(&self, fault: Fault) {
        self.edit_service(|service| service.faults.push(fault));
    }

    /// Takes every fault from the service side.
    pub fn mend_service(&self) {
        self.edit_service(|service| service.faults.clear());
    }

    /// Changes the service side at will.
    pub fn edit_service(&self, change: impl FnOnce(&mut Service)) {
        let file = self.directory.path().join("service.json");
        let mut service: Service = plan::read(&file).expect("the service's file");
        change(&mut service);
        plan::write(&file, &service).expect("the service's file");
        let nft = ["-t", &self.keeper.to_string(), "-n", "nft", "-f", "-"].map(str::to_string);
        let mut nft = Command::new("nsenter").args(nft).stdin(Stdio::piped()).spawn().expect("nft");
        nft.stdin.take().expect("its input").write_all(service.firewall().as_bytes()).expect("nft reads");
        assert!(nft.wait().expect("nft ends").success(), "nft refuses {}", service.firewall());
    }

    /// Changes the machine group on the service side, as the operator does in the console.
    pub fn edit_group(&self, change: impl FnOnce(&mut Group)) {
        let file = self.directory.path().join("group.json");
        let mut group: Group = plan::read(&file).expect("the group's file");
        change(&mut group);
        plan::write(&file, &group).expect("the group's file");
    }

    /// The machine group as the service's API returns it.
    pub fn group(&self) -> Value {
        let group: Group = plan::read(&self.directory.path().join("group.json")).expect("the group's file");
        group.object()
    }

    /// Changes what the service's API knows, and how it misbehaves. Not while a request may be under way.
    pub fn edit_cloud(&self, change: impl FnOnce(&mut cloud::State)) {
        let file = self.directory.path().join("cloud.json");
        let mut state: cloud::State = plan::read(&file).expect("the service's file");
        change(&mut state);
        plan::write(&file, &state).expect("the service's file");
    }

    /// Every request to the service's API so far: its first line and its host.
    pub fn requests(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.directory.path().join("requests.log")).unwrap_or_default();
        log.lines().map(str::to_string).collect()
    }

    /// Makes every heartbeat so far older. Only while the agent is silent.
    pub fn age_heartbeats(&self, seconds: u128) {
        let lines = self.heartbeats().into_iter().map(|mut heartbeat| {
            heartbeat.at_ms -= seconds * 1000;
            serde_json::to_string(&heartbeat).expect("plain data") + "\n"
        });
        let file = self.directory.path().join("heartbeats.jsonl");
        std::fs::write(file, lines.collect::<String>()).expect("the record of heartbeats");
    }

    /// Makes the stand-in agent misbehave from its next start on.
    pub fn behave(&self, behaviour: &Behaviour) {
        self.write(plan::BEHAVIOUR, serde_json::to_vec(behaviour).expect("plain data"));
    }

    /// Every heartbeat that reached the service so far.
    pub fn heartbeats(&self) -> Vec<Heartbeat> {
        let lines = std::fs::read_to_string(self.directory.path().join("heartbeats.jsonl")).unwrap_or_default();
        // The last line may be half written.
        lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Waits for the next heartbeat that reaches the service, counted or refused.
    pub fn next_heartbeat(&self, within: Duration) -> Option<Heartbeat> {
        self.heartbeat_where(within, |_| true)
    }

    /// Whether a heartbeat reaches the service from now on that the machine group counts.
    pub fn heartbeat_ok(&self, within: Duration) -> bool {
        self.heartbeat_where(within, |heartbeat| heartbeat.refused.is_none()).is_some()
    }

    fn heartbeat_where(&self, within: Duration, wanted: impl Fn(&Heartbeat) -> bool) -> Option<Heartbeat> {
        // Counted, not timed: two heartbeats may come in one millisecond with this question.
        let known = self.heartbeats().len();
        let until = Instant::now() + within;
        loop {
            if let Some(found) = self.heartbeats().into_iter().skip(known).find(|one| wanted(one)) {
                return Some(found);
            }
            if Instant::now() > until {
                return None;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until `wanted` holds, looking every few milliseconds.
    ///
    /// # Panics
    /// When it does not hold in time.
    pub fn wait(&self, what: &str, within: Duration, wanted: impl Fn(&Lab) -> bool) {
        let until = Instant::now() + within;
        while !wanted(self) {
            assert!(Instant::now() < until, "waited in vain for {what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Where the laboratory keeps its plans and records on this machine.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The process ids, as this machine counts them, of the keeper and of the host's first process.
    pub fn pids(&self) -> (i32, i32) {
        (self.keeper, self.init)
    }

    fn execute(&self, user: Option<&str>, argv: &[&str]) -> Output {
        let mut command = Command::new("timeout");
        command.args(["-k", "1", COMMAND_LIMIT_S]).args(self.entering(user)).args(argv);
        // Files, not pipes: a process left in the background would keep a pipe open and this waiting.
        let file = || tempfile::tempfile().expect("a file for the output");
        let (mut out, mut err) = (file(), file());
        command.env_clear().envs(environment(user)).stdin(Stdio::null());
        command.stdout(out.try_clone().expect("its copy")).stderr(err.try_clone().expect("its copy"));
        let code = code_of(command.status().expect("the command runs"));
        Output { code, stdout: text_of(&mut out), stderr: text_of(&mut err) }
    }

    fn open_terminal(&self, user: Option<&str>, argv: &[&str], cols: u16, rows: u16) -> Pty {
        // Ctrl-C outside raw mode is for the program, not for nsenter that waits for it.
        let mut whole: Vec<String> = ["sh", "-c", "trap '' INT QUIT; exec \"$@\"", "sh"].map(str::to_string).to_vec();
        whole.extend(self.entering(user));
        whole.extend(["env", "--default-signal=INT,QUIT"].map(str::to_string));
        whole.extend(argv.iter().map(|word| word.to_string()));
        Pty::spawn(&whole, &environment(user), cols, rows)
    }

    /// The words that bring a command behind them onto the host, as root or as a user.
    fn entering(&self, user: Option<&str>) -> Vec<String> {
        let target = self.init.to_string();
        let mut words: Vec<String> =
            ["nsenter", "-t", &target, "-m", "-u", "-n", "-i", "-p", "--"].map(str::to_string).to_vec();
        if let Some(name) = user {
            words.extend([
                "setpriv".into(),
                format!("--reuid={name}"),
                format!("--regid={name}"),
                "--init-groups".into(),
            ]);
        }
        words
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // The keeper is the first process of its namespace: the kernel ends everything in it before the keeper is gone,
        // and unshare ends only then.
        let _ = kill(Pid::from_raw(self.keeper), Signal::SIGKILL);
        let _ = self.outer.wait();
    }
}

/// A laboratory as an ordinary user sees it.
#[derive(Clone, Copy)]
pub struct User<'a> {
    lab: &'a Lab,
    name: &'a str,
}

impl User<'_> {
    /// Runs logtail-doctor as this user, without a terminal.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.lab.execute(Some(self.name), &[&["logtail-doctor"], arguments].concat())
    }

    /// Runs a shell command as this user.
    pub fn sh(&self, command: &str) -> Output {
        self.lab.execute(Some(self.name), &["sh", "-c", command])
    }

    /// Runs logtail-doctor without arguments in a pseudo-terminal as this user.
    pub fn wizard(&self, cols: u16, rows: u16) -> Pty {
        self.terminal(&["logtail-doctor"], cols, rows)
    }

    /// Runs any command in a pseudo-terminal as this user.
    pub fn terminal(&self, argv: &[&str], cols: u16, rows: u16) -> Pty {
        self.lab.open_terminal(Some(self.name), argv, cols, rows)
    }
}

/// The environment of a login on the host, whatever this process has.
fn environment(user: Option<&str>) -> Vec<(String, String)> {
    let home = user.map_or("/root".to_string(), |name| format!("/home/{name}"));
    let fixed = [
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        ("HOME", home.as_str()),
        ("USER", user.unwrap_or("root")),
        ("TERM", "xterm-256color"),
        ("LANG", "C.UTF-8"),
        ("SSL_CERT_FILE", "/etc/ssl/lab-ca.pem"),
    ];
    fixed.map(|(key, value)| (key.to_string(), value.to_string())).to_vec()
}

/// What was written to a file through another handle of it.
fn text_of(file: &mut File) -> String {
    let mut bytes = Vec::new();
    let read = file.rewind().and_then(|()| file.read_to_end(&mut bytes));
    read.expect("the output can be read");
    String::from_utf8_lossy(&bytes).into_owned()
}

fn code_of(status: std::process::ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}
