//! Follows a program of the laboratory from system call to system call, all its threads in one order, and kills it before
//! a chosen one. Built on ptrace(2): a tool that counts for each thread by itself would miss what another thread does.

use lab::Lab;
use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::process::Stdio;

/// The system calls by which files, names and locks change, and the openings that lead to them.
const CALLS: [(i64, &str); 22] = [
    (nix::libc::SYS_openat, "openat"),
    (nix::libc::SYS_write, "write"),
    (nix::libc::SYS_pwrite64, "pwrite64"),
    (nix::libc::SYS_fsync, "fsync"),
    (nix::libc::SYS_fdatasync, "fdatasync"),
    (nix::libc::SYS_rename, "rename"),
    (nix::libc::SYS_renameat, "renameat"),
    (nix::libc::SYS_renameat2, "renameat2"),
    (nix::libc::SYS_link, "link"),
    (nix::libc::SYS_linkat, "linkat"),
    (nix::libc::SYS_unlink, "unlink"),
    (nix::libc::SYS_unlinkat, "unlinkat"),
    (nix::libc::SYS_chmod, "chmod"),
    (nix::libc::SYS_fchmod, "fchmod"),
    (nix::libc::SYS_fchown, "fchown"),
    (nix::libc::SYS_fsetxattr, "fsetxattr"),
    (nix::libc::SYS_utimensat, "utimensat"),
    (nix::libc::SYS_mkdir, "mkdir"),
    (nix::libc::SYS_mkdirat, "mkdirat"),
    (nix::libc::SYS_open, "open"),
    (nix::libc::SYS_flock, "flock"),
    (nix::libc::SYS_ftruncate, "ftruncate"),
];

/// What a run of the program did from its first change on, until it ended or was killed.
pub struct Run {
    /// The names of its calls, in order.
    pub calls: Vec<&'static str>,
    pub was_killed: bool,
}

/// Runs a program on the host and kills it before its call of this number, from 0, since it began to change anything; one
/// that ends earlier is not killed.
///
/// # Errors
/// This kernel or this user may not trace.
pub fn run(lab: &Lab, argv: &[&str], kill_before: usize) -> nix::Result<Run> {
    let mut run = Run { calls: Vec::new(), was_killed: false };
    let mut is_changing = false;
    begin(lab, argv, |_, program, call| {
        is_changing |= ["flock", "mkdir", "mkdirat"].contains(&call);
        if !is_changing || call == PLACE {
            return Ok(());
        }
        if kill_before == run.calls.len() {
            run.was_killed = true;
            kill(program, Signal::SIGKILL)?;
        }
        run.calls.push(call);
        Ok(())
    })?;
    Ok(run)
}

/// Runs a program on the host to its end, and does something right before its call of this number, from 0, since it asked
/// for the lock. Returns whether it made so many.
///
/// # Errors
/// This kernel or this user may not trace.
pub fn run_until(lab: &Lab, argv: &[&str], instant: usize, act: impl Fn()) -> nix::Result<bool> {
    let (mut count, mut is_changing) = (0, false);
    begin(lab, argv, |_, _, call| {
        // From the lock on; what is remembered of the options comes before it.
        is_changing |= call == "flock";
        if is_changing && count == instant {
            act();
        }
        count += usize::from(is_changing);
        Ok(())
    })?;
    Ok(count > instant)
}

/// The paths that a program opens on the host, as it names them; those that it names from a directory without the
/// directory.
///
/// # Errors
/// This kernel or this user may not trace.
pub fn opened(lab: &Lab, argv: &[&str]) -> nix::Result<Vec<String>> {
    let mut paths = Vec::new();
    begin(lab, argv, |thread, _, call| {
        if call == "openat" || call == PLACE {
            paths.push(path_of(thread)?);
        }
        Ok(())
    })?;
    Ok(paths)
}

/// The opening of a name for its place only (O_PATH), which changes nothing.
const PLACE: &str = "openat for the place";

/// The path that a call names as its second argument.
fn path_of(thread: Pid) -> nix::Result<String> {
    let mut at = ptrace::getregs(thread)?.rsi;
    let mut bytes = Vec::new();
    while bytes.len() < 4096 {
        for byte in ptrace::read(thread, at as ptrace::AddressType)?.to_le_bytes() {
            if byte == 0 {
                return Ok(String::from_utf8_lossy(&bytes).into_owned());
            }
            bytes.push(byte);
        }
        at += 8;
    }
    Ok(String::new())
}

/// Runs a program on the host and tells of each of its calls, before it is made.
fn begin(lab: &Lab, argv: &[&str], before: impl FnMut(Pid, Pid, &'static str) -> nix::Result<()>) -> nix::Result<()> {
    let stopped = ["sh", "-c", "kill -STOP $$; exec \"$@\" > /dev/null 2>&1", "sh"];
    let mut outer = lab.here(&[&stopped, argv].concat());
    let mut outer = outer.stdin(Stdio::null()).spawn().map_err(|_| Errno::ECHILD)?;
    let program = loop {
        if let Some(pid) = stopped_child(outer.id()) {
            break pid;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    };
    let options = Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_TRACECLONE | Options::PTRACE_O_EXITKILL;
    let seized = ptrace::seize(program, options);
    kill(program, Signal::SIGCONT)?;
    // nsenter(1) stops itself when its child does.
    kill(Pid::from_raw(i32::try_from(outer.id()).unwrap_or_default()), Signal::SIGCONT)?;
    if let Err(error) = seized {
        kill(program, Signal::SIGKILL)?;
        drop(outer.wait());
        return Err(error);
    }
    let followed = follow(program, before);
    drop(outer.wait());
    followed
}

/// The process that stopped itself, a child of nsenter(1).
fn stopped_child(parent: u32) -> Option<Pid> {
    let wanted = format!("PPid:\t{parent}");
    let processes = std::fs::read_dir("/proc").ok()?.flatten();
    processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).find_map(|pid: i32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let is_it = status.lines().any(|line| line == wanted) && status.contains("State:\tT");
        is_it.then(|| Pid::from_raw(pid))
    })
}

fn follow(program: Pid, mut before: impl FnMut(Pid, Pid, &'static str) -> nix::Result<()>) -> nix::Result<()> {
    // Whether a thread is inside of a call: each call stops it twice.
    let mut inside: BTreeMap<Pid, bool> = BTreeMap::new();
    loop {
        let flags = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
        let goes_on = |pid, signal| match ptrace::syscall(pid, signal) {
            // It was killed in the meantime.
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            Err(error) => Err(error),
        };
        match waitpid(None, Some(flags)) {
            Ok(WaitStatus::PtraceSyscall(pid)) => {
                let is_inside = inside.entry(pid).or_default();
                *is_inside = !*is_inside;
                if *is_inside && let Some(call) = call_of(pid) {
                    before(pid, program, call)?;
                }
                goes_on(pid, None)?;
            }
            Ok(WaitStatus::PtraceEvent(pid, ..)) => goes_on(pid, None)?,
            Ok(WaitStatus::Stopped(pid, signal)) => goes_on(pid, Some(signal))?,
            Ok(WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, ..)) if pid == program => return Ok(()),
            Ok(_) => {}
            Err(Errno::ECHILD) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// The name of the call that a thread is about to make, if it is one of those.
#[cfg(target_arch = "x86_64")]
fn call_of(thread: Pid) -> Option<&'static str> {
    let registers = ptrace::getregs(thread).ok()?;
    let number = i64::try_from(registers.orig_rax).ok()?;
    if number == nix::libc::SYS_openat && registers.rdx & nix::libc::O_PATH as u64 != 0 {
        return Some(PLACE);
    }
    CALLS.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
}
