//! The lock that keeps two processes of this program from changing the machine at the same time: flock(2) on a file that
//! stays. The kernel lets go of it when the process ends, however it ends, so nobody ever has to clear it away.

use super::disk::io_error;
use crate::core::observe::OperationError;
use crate::host::Held;
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag};
use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// At most so much of a holder's note is read, in bytes.
const NOTE_LIMIT: u64 = 400;

/// See [`crate::host::Host::hold`].
pub(super) fn hold(path: &Path, note: &str) -> Result<Held, OperationError> {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC | OFlag::O_NOCTTY;
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(flags.bits())
        .open(path)
        .map_err(|error| io_error(path, &error))?;
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(mut locked) => {
            // The note is for people; the lock holds without it, also where the disk has no room for one.
            let _ = locked.set_len(0).and_then(|()| locked.write_all(note.as_bytes()));
            Ok(Held::by(locked))
        }
        Err((file, Errno::EWOULDBLOCK)) => {
            let mut said = String::new();
            // An unreadable note leaves the holder without a name, no more.
            let _ = file.take(NOTE_LIMIT).read_to_string(&mut said);
            Err(OperationError::Held(said.trim().to_string()))
        }
        Err((_, error)) => Err(io_error(path, &error.into())),
    }
}

/// See [`crate::host::Host::holder`]. The process that the note names counts only if it is alive and the kernel says
/// that it holds a lock on this very file: a note outlives its holder.
pub(super) fn holder(path: &Path) -> Option<String> {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC | OFlag::O_NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path).ok()?;
    let mut note = String::new();
    file.take(NOTE_LIMIT).read_to_string(&mut note).ok()?;
    let (_, rest) = note.split_once("(pid ")?;
    let pid: u32 = rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?;
    let process = Path::new("/proc").join(pid.to_string());
    let holds = |number: &std::ffi::OsStr| {
        let leads_here = fs::read_link(process.join("fd").join(number)).is_ok_and(|target| target == path);
        let about = || fs::read_to_string(process.join("fdinfo").join(number)).unwrap_or_default();
        leads_here && about().lines().any(|line| line.starts_with("lock:") && line.contains("FLOCK"))
    };
    let mut open = fs::read_dir(process.join("fd")).ok()?.flatten();
    open.any(|entry| holds(&entry.file_name())).then(|| note.trim().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_is_known_only_while_it_holds() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().canonicalize().unwrap().join("lock");
        assert_eq!(holder(&path), None);
        let note = format!("ops (pid {}, now)", std::process::id());
        let held = hold(&path, &note).unwrap();
        assert_eq!(holder(&path).as_deref(), Some(note.as_str()));
        drop(held);
        assert_eq!(holder(&path), None, "the note is still there, the lock is not");
        fs::write(&path, "ops (pid 1, long ago)").unwrap();
        assert_eq!(holder(&path), None);
    }
}
