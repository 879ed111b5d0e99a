//! Runs commands: without a terminal, in a process group of their own, bounded in time and output.
//!
//! An init script often leaves a daemon behind that still holds the pipe of its output. So the end of a command is the
//! end of its own process; after that only what is already on the way is read.

use super::answering::{blocking, trouble};
use super::lock::Inherited;
use super::program;
use crate::core::observe::{CommandSeen, Observed, Unavailable};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, sleep_until};

/// At most this much of each output of a [`crate::core::observe::ReadCommand`] is kept, in bytes; the rest is read and dropped.
const OUTPUT_LIMIT: usize = 64 << 10;
/// After a command ended: how long a pipe must be silent to count as read.
const QUIET: Duration = Duration::from_millis(60);
/// After a command ended: how long its pipes are read at most.
const DRAIN: Duration = Duration::from_millis(500);
/// How long a command may clean up after SIGTERM, before SIGKILL.
const GRACE: Duration = Duration::from_secs(1);
/// Why a command is run, which decides what happens when nobody waits for it any longer.
#[derive(Debug, Clone)]
pub(super) enum Manner {
    /// It only looks: it is killed.
    ReadCommand,
    /// It changes something: it is not cut in half, unless its time is over. It gets the operator's proxies when it
    /// downloads something, and keeps the lock as long as it works.
    Change { proxies: bool, lock: Inherited },
}

/// Which of its outputs a command wrote to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Channel {
    Out,
    Err,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// By itself with this exit code; None when a signal ended it.
    Ended(Option<i32>),
    TimedOut,
}

/// Runs a command that only looks, and keeps what it printed.
pub(super) async fn look(argv: &[String], limit: Duration) -> Observed<CommandSeen> {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let keep = |channel, bytes: &[u8]| {
        let kept: &mut Vec<u8> = if channel == Channel::Out { &mut out } else { &mut err };
        let room = OUTPUT_LIMIT.saturating_sub(kept.len()).min(bytes.len());
        kept.extend(bytes.iter().take(room));
    };
    match run(argv, limit, Manner::ReadCommand, keep).await? {
        Ending::TimedOut => Err(Unavailable::TimedOut),
        Ending::Ended(code) => Ok(CommandSeen {
            code,
            out: String::from_utf8_lossy(&out).into_owned(),
            err: String::from_utf8_lossy(&err).into_owned(),
        }),
    }
}

/// Runs a command and hands on what it prints, as it comes. `Err` means that it was not started: the program does not
/// exist, may not be run, or the system has no room for it.
///
/// After the limit the whole group gets SIGTERM, and SIGKILL a second later. For a change that second is waited for,
/// so that the machine is at rest afterwards. A process that the command left behind when it ended is left alone.
pub(super) async fn run(
    argv: &[String],
    limit: Duration,
    manner: Manner,
    mut sink: impl FnMut(Channel, &[u8]),
) -> Observed<Ending> {
    let end = Instant::now() + limit;
    let words = argv.to_vec();
    let Running { mut child, mut group } = blocking({
        let manner = manner.clone();
        move || start(&words, &manner)
    })
    .await?;
    let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
    let (mut out_bytes, mut err_bytes) = ([0; 8192], [0; 8192]);
    let code = loop {
        tokio::select! {
            count = read_some(&mut out, &mut out_bytes), if out.is_some() => sink(Channel::Out, read(&out_bytes, count)),
            count = read_some(&mut err, &mut err_bytes), if err.is_some() => sink(Channel::Err, read(&err_bytes, count)),
            ended = child.wait() => break ended.ok().and_then(|status| status.code()),
            () = sleep_until(end) => {
                let stopping = stop(child, group);
                match manner {
                    Manner::ReadCommand => drop(tokio::spawn(stopping)),
                    Manner::Change { .. } => stopping.await,
                }
                return Ok(Ending::TimedOut);
            }
        }
    };
    group.let_go();
    let drained = Instant::now() + DRAIN;
    while out.is_some() || err.is_some() {
        tokio::select! {
            count = read_some(&mut out, &mut out_bytes), if out.is_some() => sink(Channel::Out, read(&out_bytes, count)),
            count = read_some(&mut err, &mut err_bytes), if err.is_some() => sink(Channel::Err, read(&err_bytes, count)),
            () = sleep_until(drained.min(Instant::now() + QUIET)) => break,
        }
    }
    Ok(Ending::Ended(code))
}

/// A child and the group that it leads. The group is dropped first: as long as the child has not been waited for,
/// its number cannot belong to another process.
struct Running {
    group: Group,
    child: Child,
}

/// What waits for the command and keeps the lock as its input meanwhile, also when this process is killed: the command
/// itself, and the daemon that it may leave behind, have nothing of the lock.
const KEEPER: &str = "\"$@\" < /dev/null; exit $?";

/// Starts a command. Blocks until the program runs, which on a dead mount is never.
fn start(argv: &[String], manner: &Manner) -> Observed<Running> {
    let Some((name, words)) = argv.split_first() else { return Err(Unavailable::Absent) };
    let program = program::find(name)?;
    let (proxies, lock) = match manner {
        Manner::ReadCommand => (false, None),
        Manner::Change { proxies, lock } => (*proxies, lock.held()),
    };
    let mut command = match lock {
        None => {
            let mut command = Command::new(&program);
            command.stdin(Stdio::null());
            command
        }
        Some(lock) => {
            let mut command = Command::new(program::find("sh")?);
            command.args(["-c", KEEPER, "sh"]).arg(&program).stdin(Stdio::from(lock));
            command
        }
    };
    command.args(words).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    command.env_clear().envs(program::environment(proxies));
    let child = command.spawn().map_err(|error| not_started(name, &error))?;
    let leader = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
    let kill_on_drop = matches!(manner, Manner::ReadCommand);
    Ok(Running { group: Group { leader, kill_on_drop }, child })
}

/// Whether a variable of this name may hold a secret.
pub(super) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["SECRET", "ACCESS_KEY", "ACCESSKEY", "TOKEN", "PASSWORD", "PASSWD"].iter().any(|word| name.contains(word))
}

/// Why a program did not start. "No such file" for a script that is there means that its interpreter is missing.
fn not_started(program: &str, error: &io::Error) -> Unavailable {
    if error.kind() == io::ErrorKind::NotFound && program.contains('/') && Path::new(program).exists() {
        return Unavailable::Other(format!("the interpreter of {program} does not exist"));
    }
    trouble(error)
}

/// Ends a group: asks, waits, kills. The leader is waited for last, so that the group's number stays taken.
async fn stop(mut child: Child, mut group: Group) {
    group.signal(Signal::SIGTERM);
    sleep(GRACE).await;
    group.signal(Signal::SIGKILL);
    group.let_go();
    // Its exit code says nothing any more: it was killed.
    drop(child.wait().await);
}

/// Reads what there is; at the end or on an error the pipe is closed and 0 returned.
async fn read_some<R: AsyncRead + Unpin>(pipe: &mut Option<R>, buffer: &mut [u8]) -> usize {
    let count = match pipe {
        Some(open) => open.read(buffer).await.unwrap_or(0),
        None => 0,
    };
    if count == 0 {
        *pipe = None;
    }
    count
}

fn read(buffer: &[u8], count: usize) -> &[u8] {
    buffer.get(..count).unwrap_or_default()
}

/// A process group that does not outlive the wish to see its output.
struct Group {
    leader: Option<Pid>,
    kill_on_drop: bool,
}

impl Group {
    fn signal(&self, signal: Signal) {
        if let Some(leader) = self.leader {
            // It fails only when the group is gone already, which is what was wanted.
            let _ = killpg(leader, signal);
        }
    }

    fn let_go(&mut self) {
        self.leader = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.kill_on_drop {
            self.signal(Signal::SIGKILL);
        }
    }
}
