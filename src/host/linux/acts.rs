//! Applies one [`Operation`]. Only the host's `act` calls this.
//!
//! File work runs on a thread of its own and commands in a task of their own, so a change that has begun goes on when
//! its future is dropped: it is not cut in half.

use super::command::{Channel, Ending, Manner, run};
use super::disk::{content, io_error, sync_parent, words};
use super::{processes, sweep, write};
use crate::core::observe::{CloudError, Done, Fingerprint, LiveLine, Operation, OperationError, group_resource};
use crate::host::LiveOutput;
use nix::fcntl::OFlag;
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A line of live output that grows longer than this, in bytes, is sent in pieces.
const LINE_LIMIT: usize = 8 << 10;
/// How long a change of files may take. A dead mount never answers; the change may then still happen when it does.
pub(super) const FILE_LIMIT: Duration = Duration::from_secs(60);

/// Applies one change; see [`Operation`] for what each promises.
pub(super) async fn act(act: Operation, live: LiveOutput) -> Result<Done, OperationError> {
    let path = place(&act);
    if let Operation::Run { argv, limit, proxies } = act {
        let work = tokio::spawn(command(argv, limit, proxies, live));
        return work.await.unwrap_or_else(|_| Err(OperationError::io(path, "internal error")));
    }
    within(FILE_LIMIT, path, move || apply(act)).await
}

/// Does what may block in the kernel on a thread of its own, and waits for it no longer than this.
pub(super) async fn within<T: Send + 'static>(
    limit: Duration,
    path: PathBuf,
    work: impl FnOnce() -> Result<T, OperationError> + Send + 'static,
) -> Result<T, OperationError> {
    match tokio::time::timeout(limit, tokio::task::spawn_blocking(work)).await {
        Ok(Ok(done)) => done,
        Ok(Err(_)) => Err(OperationError::io(path, "internal error")),
        Err(_) => Err(OperationError::Hung { path, limit_s: limit.as_secs() }),
    }
}

/// Which path an error names when nothing better is known.
fn place(act: &Operation) -> PathBuf {
    match act {
        Operation::Write { path, .. }
        | Operation::Remove { path, .. }
        | Operation::MakeDir { path, .. }
        | Operation::RemoveDir { path }
        | Operation::Append { path, .. }
        | Operation::Sweep { dir: path, .. }
        | Operation::Copy { to: path, .. }
        | Operation::Rename { to: path, .. } => path.clone(),
        Operation::Run { argv, .. } => argv.first().map(PathBuf::from).unwrap_or_default(),
        Operation::Signal { process, .. } => PathBuf::from(format!("/proc/{}", process.pid)),
        Operation::PutGroup { site, before: group, .. }
        | Operation::MakeGroup { site, group }
        | Operation::RemoveGroup { site, group } => group_resource(site, group.name()),
    }
}

fn apply(act: Operation) -> Result<Done, OperationError> {
    match act {
        Operation::Write { path, expect, content, mode } => write::write(&path, &expect, &content, mode),
        Operation::Copy { from, to } => write::copy(&from, &to),
        Operation::Remove { path, expect } => remove(&path, &expect),
        Operation::Rename { from, to } => rename(&from, &to),
        Operation::MakeDir { path, mode } => make_dir(&path, mode),
        Operation::RemoveDir { path } => remove_dir(&path),
        Operation::Append { path, content } => append(&path, &content),
        Operation::Signal { process, signal } => processes::signal(&process, signal),
        Operation::Sweep { dir, spare } => sweep::sweep(&dir, &spare),
        Operation::PutGroup { .. } | Operation::MakeGroup { .. } | Operation::RemoveGroup { .. } => {
            Err(OperationError::Service(Box::new(CloudError::not_asked())))
        }
        Operation::Run { argv, .. } => {
            Err(OperationError::NotStarted { program: argv.join(" "), reason: "not a change of files".into() })
        }
    }
}

/// Removes the name itself: of a symlink the link, while the fingerprint is that of the file it leads to.
fn remove(path: &Path, expect: &Fingerprint) -> Result<Done, OperationError> {
    let content = content(path)?;
    if content.is_none() && fs::symlink_metadata(path).is_err() {
        return Ok(Done::Already);
    }
    if Fingerprint::of(content.as_deref()) != *expect {
        return Err(OperationError::Moved(path.into()));
    }
    fs::remove_file(path).map_err(|error| io_error(path, &error))?;
    sync_parent(path)?;
    Ok(Done::Changed)
}

/// Between the look for `to` and the renaming another program could make it; that instant is accepted, since linking
/// first would leave both names behind after a kill.
fn rename(from: &Path, to: &Path) -> Result<Done, OperationError> {
    if from.parent() != to.parent() {
        return Err(OperationError::io(to, "not in the same directory"));
    }
    if fs::symlink_metadata(to).is_ok() {
        return Err(OperationError::Exists(to.into()));
    }
    fs::rename(from, to).map_err(|error| io_error(from, &error))?;
    sync_parent(to)?;
    Ok(Done::Changed)
}

/// Makes a directory with its missing parents, all with exactly this mode.
fn make_dir(path: &Path, mode: u32) -> Result<Done, OperationError> {
    if path.is_dir() {
        return Ok(Done::Already);
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        make_dir(parent, mode)?;
    }
    DirBuilder::new().mode(mode).create(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => OperationError::Exists(path.into()),
        _ => io_error(path, &error),
    })?;
    fs::set_permissions(path, Permissions::from_mode(mode)).map_err(|error| io_error(path, &error))?;
    sync_parent(path)?;
    Ok(Done::Changed)
}

/// A directory that is not empty stays, and that is an error: nobody shall believe it gone.
fn remove_dir(path: &Path) -> Result<Done, OperationError> {
    match fs::remove_dir(path) {
        Ok(()) => {
            sync_parent(path)?;
            Ok(Done::Changed)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Done::Already),
        Err(error) => Err(io_error(path, &error)),
    }
}

/// Appends to a regular file that is no symlink and that nobody else may write: what the journal tells is believed. A new
/// one is readable for its owner only. When there is no room for all of it, the file gets its old length back.
fn append(path: &Path, content: &[u8]) -> Result<Done, OperationError> {
    let failed = |error: io::Error| io_error(path, &error);
    let refused = |reason: String| OperationError::io(path, reason);
    write::check_place(path)?;
    let is_new = fs::symlink_metadata(path).is_err();
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC | OFlag::O_NOCTTY;
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(flags.bits())
        .open(path)
        .map_err(failed)?;
    let about = file.metadata().map_err(failed)?;
    if !about.is_file() {
        return Err(refused("not a regular file".into()));
    }
    let is_ours = about.uid() == nix::unistd::geteuid().as_raw();
    if !is_ours || about.mode() & 0o022 != 0 {
        let (owner, mode) = (about.uid(), about.mode() & 0o7777);
        return Err(refused(format!("somebody else may write it (owner {owner}, mode {mode:04o})")));
    }
    if let Err(error) = file.write_all(content).and_then(|()| file.sync_all()) {
        file.set_len(about.len()).map_err(failed)?;
        return Err(failed(error));
    }
    if is_new {
        sync_parent(path)?;
    }
    Ok(Done::Changed)
}

/// Runs a command and sends what it prints, line by line.
async fn command(argv: Vec<String>, limit: Duration, proxies: bool, live: LiveOutput) -> Result<Done, OperationError> {
    let mut lines = Lines { live, out: Vec::new(), err: Vec::new() };
    let ending = run(&argv, limit, Manner::Change { proxies }, |channel, bytes| lines.take(channel, bytes)).await;
    lines.flush();
    match ending {
        Ok(Ending::Ended(code)) => Ok(Done::Exited(code)),
        Ok(Ending::TimedOut) => Err(OperationError::TimedOut { command: argv.join(" "), limit_s: limit.as_secs() }),
        Err(trouble) => {
            let program = argv.first().cloned().unwrap_or_default();
            Err(OperationError::NotStarted { program, reason: words(trouble) })
        }
    }
}

/// Cuts output into lines. Nobody listening any more is no reason to stop the command.
struct Lines {
    live: LiveOutput,
    out: Vec<u8>,
    err: Vec<u8>,
}

impl Lines {
    fn take(&mut self, channel: Channel, bytes: &[u8]) {
        let is_error = channel == Channel::Err;
        let begun = if is_error { &mut self.err } else { &mut self.out };
        for byte in bytes {
            if *byte != b'\n' {
                begun.push(*byte);
            }
            if *byte == b'\n' || begun.len() >= LINE_LIMIT {
                send(&self.live, is_error, std::mem::take(begun));
            }
        }
    }

    fn flush(&mut self) {
        for (is_error, begun) in [(false, &mut self.out), (true, &mut self.err)] {
            if !begun.is_empty() {
                send(&self.live, is_error, std::mem::take(begun));
            }
        }
    }
}

/// The lines of output that comes in pieces of error output or not.
pub(super) fn lines<'a>(pieces: impl Iterator<Item = (bool, &'a [u8])>) -> Vec<LiveLine> {
    let (live, mut sent) = tokio::sync::mpsc::unbounded_channel();
    let mut lines = Lines { live, out: Vec::new(), err: Vec::new() };
    for (is_error, piece) in pieces {
        lines.take(if is_error { Channel::Err } else { Channel::Out }, piece);
    }
    lines.flush();
    drop(lines);
    std::iter::from_fn(|| sent.try_recv().ok()).collect()
}

fn send(live: &LiveOutput, is_error: bool, line: Vec<u8>) {
    let text = String::from_utf8_lossy(&line).trim_end_matches('\r').to_string();
    drop(live.send(LiveLine { is_error, text }));
}
