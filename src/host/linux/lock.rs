//! The lock that keeps two processes of this program from changing the machine at the same time: flock(2) on a file that
//! stays. The kernel lets go of it when the process ends, however it ends, so nobody ever has to clear it away.

use super::acts::io_error;
use crate::host::{ActError, Held};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag};
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// At most so much of a holder's note is read, in bytes.
const NOTE_LIMIT: u64 = 400;

/// See [`crate::host::Host::hold`].
pub(super) fn hold(path: &Path, note: &str) -> Result<Held, ActError> {
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
            Err(ActError::Held(said.trim().to_string()))
        }
        Err((_, error)) => Err(io_error(path, &error.into())),
    }
}
