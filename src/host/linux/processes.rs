//! Finds the agent's processes in /proc, and reads the part of their environment that bears on the agent.
//!
//! A host may run tens of thousands of processes, so of each only the short name is read; the rest only of those whose
//! name fits. Processes that end in the middle are left out silently.

use super::answering::trouble;
use super::command::is_secret;
use super::files::read_at_most;
use crate::core::observe::{Done, Observed, OperationError, ProcessId, ProcessSeen, ProcessSignal, Unavailable};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The agent's program is called so in every version, with a suffix such as `_1.8.8` or `d`.
const NAMES: [&str; 2] = ["ilogtail", "loongcollector"];
/// Programs that run another one: then the short name is theirs, and the command line tells.
const LOADERS: [&str; 2] = ["ld-", "qemu-"];
/// At most this much of a command line is kept, in bytes.
const COMMAND_LIMIT: usize = 4 << 10;
/// So many threads look through the processes at most.
const THREADS: usize = 4;
/// Fewer processes than this are looked through faster than a thread is made.
const WORTH_A_THREAD: usize = 512;
/// At most this much of an environment is read, in bytes.
const ENVIRONMENT_LIMIT: usize = 1 << 20;

/// The agent's processes, in the order of their numbers. The commands that this program itself runs (an init script
/// is called `ilogtaild` as well) are left out.
pub(super) fn agents() -> Observed<Vec<ProcessSeen>> {
    // With `hidepid` an ordinary user sees only own processes: then "no agent" would be a false statement.
    if let Err(trouble) = small(Path::new("/proc/1/comm"), 64) {
        return Err(if trouble == Unavailable::Absent { Unavailable::NotAllowed } else { trouble });
    }
    let mut pids = Vec::new();
    for entry in fs::read_dir("/proc").map_err(|error| trouble(&error))? {
        let entry = entry.map_err(|error| trouble(&error))?;
        if let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) {
            pids.push(pid);
        }
    }
    pids.sort_unstable();
    let booted = booted();
    let found = picked(&pids, may_be_agent).into_iter().filter_map(|pid| process(pid, booted)).collect();
    Ok(without_own(found, std::process::id()))
}

/// Those of the processes that pass the test, in the same order. The kernel takes some microseconds to open a file of
/// /proc, so very many processes are looked through by several threads.
fn picked(pids: &[u32], test: fn(u32) -> bool) -> Vec<u32> {
    let look = move |pids: &[u32]| pids.iter().copied().filter(|pid| test(*pid)).collect::<Vec<u32>>();
    let share = pids.len().div_ceil(THREADS).max(WORTH_A_THREAD);
    std::thread::scope(|scope| {
        let begun: Vec<_> = pids
            .chunks(share)
            .skip(1)
            .map(|share| (share, std::thread::Builder::new().spawn_scoped(scope, move || look(share))))
            .collect();
        let mut found = look(pids.get(..share).unwrap_or(pids));
        for (share, thread) in begun {
            // Without a thread, or when one broke, its share is looked through here.
            let theirs = thread.ok().and_then(|thread| thread.join().ok());
            found.extend(theirs.unwrap_or_else(|| look(share)));
        }
        found
    })
}

/// When the kernel started, seconds since 1970; 0 when it does not say.
pub(super) fn booted() -> i64 {
    let stat = small(Path::new("/proc/stat"), 1 << 20).unwrap_or_default();
    let text = String::from_utf8_lossy(&stat);
    text.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok()).unwrap_or(0)
}

/// Signals a process, after a last look that the number still belongs to it: between plan and change it may have ended,
/// and the kernel gives its number to another one.
pub(super) fn signal(wanted: &ProcessId, signal: ProcessSignal) -> Result<Done, OperationError> {
    use nix::sys::signal::{Signal, kill};
    let failed = |reason: String| OperationError::io(PathBuf::from(format!("/proc/{}", wanted.pid)), reason);
    if !process(wanted.pid, booted()).is_some_and(|now| is_same(wanted, &now)) {
        return Ok(Done::Already);
    }
    let number = i32::try_from(wanted.pid).map_err(|error| failed(error.to_string()))?;
    let signal = match signal {
        ProcessSignal::Term => Signal::SIGTERM,
        ProcessSignal::Kill => Signal::SIGKILL,
        ProcessSignal::Cont => Signal::SIGCONT,
    };
    match kill(nix::unistd::Pid::from_raw(number), signal) {
        Ok(()) => Ok(Done::Changed),
        Err(nix::errno::Errno::ESRCH) => Ok(Done::Already),
        Err(error) => Err(failed(error.desc().to_string())),
    }
}

/// Whether a process is the one that was seen. The time of the boot, from which starts are counted, is told to a second
/// and may differ by one between two looks; an upgrade may have replaced the program's file in between.
fn is_same(wanted: &ProcessId, now: &ProcessSeen) -> bool {
    let file = |path: &Path| path.to_string_lossy().trim_end_matches(" (deleted)").to_string();
    let has_program = match (&wanted.exe, &now.exe) {
        (Some(wanted), Ok(now)) => file(wanted) == file(now),
        (Some(_), Err(_)) => false,
        (None, _) => has_agent_name(&now.name),
    };
    has_program && !matches!(now.state, 'Z' | 'X') && (wanted.started - now.started).abs() <= 1
}

/// The variables of a process that bear on the agent; see [`crate::core::observe::Question::Environment`].
pub(super) fn environment(pid: u32) -> Observed<Vec<(String, String)>> {
    let bytes = small(&PathBuf::from(format!("/proc/{pid}/environ")), ENVIRONMENT_LIMIT)?;
    Ok(bearing(&bytes))
}

/// Picks the variables that bear on the agent, and takes out secrets before they leave this room.
pub(super) fn bearing(environ: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(environ);
    let pairs = text.split('\0').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(name, _)| bears(name)).map(|(name, value)| (name.to_string(), harmless(name, value))).collect()
}

/// The agent reads each of its parameters also from the environment: as `LOONG_X`, as `ALIYUN_LOGTAIL_X`, and under
/// its plain name (LoadStringParameter, 1.8.8 and later); of the plain names, those that decide the address.
fn bears(name: &str) -> bool {
    const PROXIES: [&str; 4] = ["http_proxy", "https_proxy", "all_proxy", "no_proxy"];
    const PREFIXES: [&str; 3] = ["ALIYUN_LOGTAIL_", "LOONG_", "KUBERNETES_"];
    const PLAIN: [&str; 7] = [
        "LOGTAIL_MODE",
        "working_ip",
        "working_hostname",
        "working_interface",
        "bind_interface",
        "ignored_interfaces",
        "logtail_sys_conf_dir",
    ];
    PROXIES.iter().any(|proxy| proxy.eq_ignore_ascii_case(name))
        || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || PLAIN.contains(&name)
}

/// A value without its secrets: `http://user:pass@proxy:3128` becomes `http://***@proxy:3128`.
fn harmless(name: &str, value: &str) -> String {
    if is_secret(name) {
        return "***".into();
    }
    // A password may itself contain `@`, so everything up to the last one goes.
    match value.rsplit_once('@') {
        Some((before, place)) if name.to_ascii_lowercase().ends_with("_proxy") => match before.split_once("://") {
            Some((scheme, _)) => format!("{scheme}://***@{place}"),
            None => format!("***@{place}"),
        },
        _ => value.to_string(),
    }
}

fn has_agent_name(name: &str) -> bool {
    NAMES.iter().any(|known| name.starts_with(known))
}

/// The cheap test that every process goes through.
fn may_be_agent(pid: u32) -> bool {
    let mut name = [0; 32];
    let Ok(count) = File::open(format!("/proc/{pid}/comm")).and_then(|mut file| file.read(&mut name)) else {
        return false;
    };
    let name = String::from_utf8_lossy(name.get(..count).unwrap_or_default());
    if LOADERS.iter().any(|loader| name.starts_with(loader)) {
        let command = small(&PathBuf::from(format!("/proc/{pid}/cmdline")), COMMAND_LIMIT).unwrap_or_default();
        let program =
            |word: &[u8]| has_agent_name(String::from_utf8_lossy(word).rsplit('/').next().unwrap_or_default());
        return command.split(|byte| *byte == 0).skip(1).any(program);
    }
    has_agent_name(&name)
}

/// Everything about one process; None when it has ended or is a thread of the kernel.
fn process(pid: u32, booted: i64) -> Option<ProcessSeen> {
    let place = PathBuf::from(format!("/proc/{pid}"));
    let stat = small(&place.join("stat"), 4096).ok()?;
    let stat = Stat::parse(&String::from_utf8_lossy(&stat))?;
    let command = small(&place.join("cmdline"), COMMAND_LIMIT).unwrap_or_default();
    let exe = fs::read_link(place.join("exe")).map_err(|error| trouble(&error));
    if command.is_empty() && exe == Err(Unavailable::Absent) && stat.state != 'Z' {
        return None;
    }
    let ticks = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).ok().flatten().filter(|ticks| *ticks > 0);
    let uid = fs::metadata(&place).ok()?.uid();
    Some(ProcessSeen {
        pid,
        ppid: stat.ppid,
        name: stat.name,
        exe,
        command: String::from_utf8_lossy(&command).trim_end_matches('\0').replace('\0', " "),
        started: booted.saturating_add(stat.start_ticks / ticks.unwrap_or(100)),
        uid,
        state: stat.state,
        contained: contained(&place),
    })
}

/// Whether a process is in another pid namespace than ours, or in another mount namespace with another root. A mount
/// namespace alone says nothing: systemd makes one for `PrivateTmp`.
fn contained(place: &Path) -> Option<bool> {
    let namespace = |of: &Path, kind: &str| fs::read_link(of.join("ns").join(kind)).ok();
    let ours = Path::new("/proc/self");
    if namespace(place, "pid")? != namespace(ours, "pid")? {
        return Some(true);
    }
    if namespace(place, "mnt")? == namespace(ours, "mnt")? {
        return Some(false);
    }
    let root = |of: &Path| fs::metadata(of.join("root/")).ok().map(|about| (about.dev(), about.ino()));
    Some(root(place)? != root(ours)?)
}

/// Leaves out our own children and theirs.
fn without_own(found: Vec<ProcessSeen>, own: u32) -> Vec<ProcessSeen> {
    // Process 1 of a container inherits every daemon: there, parentage says nothing.
    if own == 1 {
        return found;
    }
    let mut ours = BTreeSet::from([own]);
    // Numbers wrap around, so a child may come before its parent: repeat until nothing is added.
    loop {
        let more: Vec<u32> = found
            .iter()
            .filter(|process| ours.contains(&process.ppid) && !ours.contains(&process.pid))
            .map(|process| process.pid)
            .collect();
        if more.is_empty() {
            break;
        }
        ours.extend(more);
    }
    found.into_iter().filter(|process| !ours.contains(&process.pid)).collect()
}

/// A few bytes of a file of /proc.
fn small(path: &Path, limit: usize) -> Observed<Vec<u8>> {
    let mut file = File::open(path).map_err(|error| trouble(&error))?;
    read_at_most(&mut file, limit)
}

/// What is needed of /proc/PID/stat; see proc_pid_stat(5).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stat {
    pub name: String,
    pub state: char,
    pub ppid: u32,
    pub start_ticks: i64,
}

impl Stat {
    /// The name stands in parentheses and may contain anything, parentheses too; so the last one closes it.
    pub fn parse(text: &str) -> Option<Stat> {
        let (_, rest) = text.split_once('(')?;
        let (name, rest) = rest.rsplit_once(')')?;
        let mut fields = rest.split_ascii_whitespace();
        let state = fields.next()?.chars().next()?;
        let ppid = fields.next()?.parse().ok()?;
        let start_ticks = fields.nth(17)?.parse().ok()?;
        Some(Stat { name: name.to_string(), state, ppid, start_ticks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_process_may_contain_anything() {
        let line = "42 (ilog) tail (x) S 1 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 12345 1000 10";
        let stat = Stat { name: "ilog) tail (x".into(), state: 'S', ppid: 1, start_ticks: 12345 };
        assert_eq!(Stat::parse(line), Some(stat));
        for bad in ["", "1 (x", "1 (x)", "1 (x) S", "1 (x) S y"] {
            assert_eq!(Stat::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_what_bears_on_the_agent_leaves_and_no_secret() {
        let environ = b"HOME=/root\0HTTP_PROXY=http://bob:p@ss/w:rd@10.0.0.1:3128\0https_proxy=bob:x@proxy:80\0\
            no_proxy=10.0.0.0/8\0ALIYUN_LOGTAIL_USER_ID=1,2\0ALIYUN_LOGTAIL_ACCESS_KEY_SECRET=s3cret\0LOGTAIL_MODE=true\0\
            LOONG_CONFIG=/x=y\0working_ip=9.9.9.9\0PASSWORD=s3cret\0KUBERNETES_PORT=\xff\0broken\0";
        let seen = bearing(environ);
        let pair = |name: &str, value: &str| (name.to_string(), value.to_string());
        let expected = vec![
            pair("HTTP_PROXY", "http://***@10.0.0.1:3128"),
            pair("https_proxy", "***@proxy:80"),
            pair("no_proxy", "10.0.0.0/8"),
            pair("ALIYUN_LOGTAIL_USER_ID", "1,2"),
            pair("ALIYUN_LOGTAIL_ACCESS_KEY_SECRET", "***"),
            pair("LOGTAIL_MODE", "true"),
            pair("LOONG_CONFIG", "/x=y"),
            pair("working_ip", "9.9.9.9"),
            pair("KUBERNETES_PORT", "\u{fffd}"),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_number_that_belongs_to_another_process_by_now_is_not_signalled() {
        let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        let now = loop {
            // Until exec(2) the child is still this program.
            let now = process(child.id(), booted()).unwrap();
            if now.name == "sleep" {
                break now;
            }
        };
        let right = ProcessId { pid: now.pid, started: now.started, exe: now.exe.clone().ok() };
        let others = [
            ProcessId { started: now.started - 60, ..right.clone() },
            ProcessId { exe: Some("/usr/local/ilogtail/ilogtail".into()), ..right.clone() },
            ProcessId { exe: None, ..right.clone() },
        ];
        for other in others {
            assert_eq!(signal(&other, ProcessSignal::Kill), Ok(Done::Already), "{other:?}");
        }
        assert_eq!(child.try_wait().unwrap(), None);
        assert_eq!(signal(&right, ProcessSignal::Kill), Ok(Done::Changed));
        child.wait().unwrap();
        assert_eq!(signal(&right, ProcessSignal::Kill), Ok(Done::Already));
    }

    #[test]
    fn own_children_are_left_out_whatever_their_order() {
        let process = |pid, ppid| ProcessSeen {
            pid,
            ppid,
            name: "ilogtaild".into(),
            exe: Err(Unavailable::NotAllowed),
            command: String::new(),
            started: 0,
            uid: 0,
            state: 'S',
            contained: None,
        };
        let left = without_own(vec![process(5, 90), process(90, 70), process(100, 1), process(101, 100)], 70);
        assert_eq!(left.iter().map(|process| process.pid).collect::<Vec<_>>(), vec![100, 101]);
    }

    #[test]
    fn every_share_of_the_processes_is_looked_through_and_their_order_stays() {
        for count in [0, 1, 511, 512, 513, 5000, 20_001] {
            let all: Vec<u32> = (0..count).collect();
            let third: Vec<u32> = (0..count).step_by(3).collect();
            assert_eq!(picked(&all, |pid| pid % 3 == 0), third, "{count}");
        }
    }

    #[test]
    fn this_kernel_says_when_it_started_and_lists_its_processes() {
        assert!(booted() > 1_000_000_000);
        assert!(matches!(agents(), Ok(_) | Err(Unavailable::NotAllowed)));
        let own = process(std::process::id(), booted()).expect("we run");
        assert_eq!(own.contained, Some(false));
        assert!(own.exe.is_ok() && !own.command.is_empty() && own.started > booted());
    }
}
