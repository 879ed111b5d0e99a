//! Applies one [`Operation`]. Only the host's `act` calls this.
//!
//! File work runs on a thread of its own and commands in a task of their own, so a change that has begun goes on when
//! its future is dropped: it is not cut in half.

use super::command::{Channel, Ending, Manner, run};
use super::disk::{io_error, words};
use super::lock::Inherited;
use super::trusted_path::{self, Last, Place, Refusal, Trust};
use super::write::errno;
use super::{processes, sweep, write};
use crate::core::observe::{CloudError, Done, Fingerprint, LiveLine, Operation, OperationError, group_resource};
use crate::host::LiveOutput;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, renameat};
use nix::sys::stat::{Mode, SFlag, fchmod, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat};
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A line of live output that grows longer than this, in bytes, is sent in pieces.
const LINE_LIMIT: usize = 8 << 10;
/// How long a change of files may take. A dead mount never answers; the change may then still happen when it does.
pub(super) const FILE_LIMIT: Duration = Duration::from_secs(60);

/// Applies one change; see [`Operation`] for what each promises.
pub(super) async fn act(act: Operation, lock: Inherited, live: LiveOutput) -> Result<Done, OperationError> {
    let path = place(&act);
    if let Operation::Run { argv, limit, proxies } = act {
        let work = tokio::spawn(command(argv, limit, proxies, lock, live));
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
        Operation::Copy { from, to, expect, as_link } => write::copy(&from, &to, &expect, as_link),
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
    let place = open(path, Last::Keep)?;
    let content = write::content(path)?;
    if content.is_none() && place.last.is_none() {
        return Ok(Done::Already);
    }
    if Fingerprint::of(content.as_deref()) != *expect {
        return Err(OperationError::Moved(path.into()));
    }
    unlinkat(&place.dir, place.name.as_os_str(), UnlinkatFlags::NoRemoveDir).map_err(|error| errno(path, error))?;
    sync(&place, path)?;
    Ok(Done::Changed)
}

/// Between the look for `to` and the renaming another program of root's could make it; that instant is accepted, since
/// linking first would leave both names behind after a kill.
fn rename(from: &Path, to: &Path) -> Result<Done, OperationError> {
    if from.parent() != to.parent() {
        return Err(OperationError::io(to, "not in the same directory"));
    }
    let (old, new) = (open(from, Last::Keep)?, open(to, Last::Keep)?);
    if new.last.is_some() {
        return Err(OperationError::Exists(to.into()));
    }
    let renamed = renameat(&old.dir, old.name.as_os_str(), &new.dir, new.name.as_os_str());
    renamed.map_err(|error| errno(from, error))?;
    sync(&new, to)?;
    Ok(Done::Changed)
}

/// Makes a directory with its missing parents, all with exactly this mode.
fn make_dir(path: &Path, mode: u32) -> Result<Done, OperationError> {
    let place = match trusted_path::open(path, Trust::Act, Last::Follow) {
        Ok(place) => place,
        Err(Refusal::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
            let parent = path.parent().ok_or_else(|| io_error(path, &error))?;
            make_dir(parent, mode)?;
            open(path, Last::Follow)?
        }
        Err(Refusal::Io(error)) if error.kind() == io::ErrorKind::NotADirectory => {
            return Err(OperationError::Exists(path.into()));
        }
        Err(refusal) => return Err(refusal.operation(path)),
    };
    match place.about().map(trusted_path::kind) {
        Some(SFlag::S_IFDIR) => {
            place.judge_last().map_err(|refusal| refusal.operation(path))?;
            return Ok(Done::Already);
        }
        Some(_) => return Err(OperationError::Exists(path.into())),
        None if place.by_link => return Err(OperationError::Exists(path.into())),
        None => {}
    }
    let bits = Mode::from_bits_truncate(mode);
    mkdirat(&place.dir, place.name.as_os_str(), bits).map_err(|error| match error {
        Errno::EEXIST => OperationError::Exists(path.into()),
        error => errno(path, error),
    })?;
    // The umask may have taken bits away.
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let made = openat(&place.dir, place.name.as_os_str(), flags, Mode::empty()).map_err(|error| errno(path, error))?;
    fchmod(&made, bits).map_err(|error| errno(path, error))?;
    sync(&place, path)?;
    Ok(Done::Changed)
}

/// A directory that is not empty stays, and that is an error: nobody shall believe it gone.
fn remove_dir(path: &Path) -> Result<Done, OperationError> {
    let place = match trusted_path::open(path, Trust::Act, Last::Keep) {
        Err(Refusal::Io(error)) if error.kind() == io::ErrorKind::NotFound => return Ok(Done::Already),
        opened => opened.map_err(|refusal| refusal.operation(path))?,
    };
    match unlinkat(&place.dir, place.name.as_os_str(), UnlinkatFlags::RemoveDir) {
        Ok(()) => sync(&place, path).map(|()| Done::Changed),
        Err(Errno::ENOENT) => Ok(Done::Already),
        Err(error) => Err(errno(path, error)),
    }
}

/// Appends to a regular file that is no symlink and that nobody else may write: what the journal tells is believed. A new
/// one is readable for its owner only. When there is no room for all of it, the file gets its old length back. A last line
/// that a kill or a full disk cut short is ended first, so that it takes nothing of the new one with it.
fn append(path: &Path, content: &[u8]) -> Result<Done, OperationError> {
    let failed = |error: io::Error| io_error(path, &error);
    let place = open(path, Last::Keep)?;
    place.judge_last().map_err(|refusal| refusal.operation(path))?;
    let flags = OFlag::O_RDWR | OFlag::O_APPEND;
    let mut file = match place.about() {
        Some(_) => place.reopen(flags).map_err(|refusal| refusal.operation(path))?,
        None => {
            let flags = flags | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            let made = openat(&place.dir, place.name.as_os_str(), flags, Mode::S_IRUSR | Mode::S_IWUSR);
            File::from(made.map_err(|error| errno(path, error))?)
        }
    };
    let about = file.metadata().map_err(failed)?;
    if !about.is_file() {
        return Err(OperationError::io(path, "not a regular file"));
    }
    let mut last = [b'\n'];
    if about.len() > 0 {
        file.read_exact_at(&mut last, about.len() - 1).map_err(failed)?;
    }
    let ending: &[u8] = if last == [b'\n'] { b"" } else { b"\n" };
    if let Err(error) = file.write_all(&[ending, content].concat()).and_then(|()| file.sync_all()) {
        file.set_len(about.len()).map_err(failed)?;
        return Err(failed(error));
    }
    if place.last.is_none() {
        sync(&place, path)?;
    }
    Ok(Done::Changed)
}

/// A path that this process is about to change.
fn open(path: &Path, last: Last) -> Result<Place, OperationError> {
    trusted_path::open(path, Trust::Act, last).map_err(|refusal| refusal.operation(path))
}

fn sync(place: &Place, path: &Path) -> Result<(), OperationError> {
    place.sync_dir().map_err(|refusal| refusal.operation(path))
}

/// Runs a command and sends what it prints, line by line.
async fn command(
    argv: Vec<String>,
    limit: Duration,
    proxies: bool,
    lock: Inherited,
    live: LiveOutput,
) -> Result<Done, OperationError> {
    let mut lines = Lines { live, out: Vec::new(), err: Vec::new() };
    let ending = run(&argv, limit, Manner::Change { proxies, lock }, |channel, bytes| lines.take(channel, bytes)).await;
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
