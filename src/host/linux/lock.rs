//! The lock that keeps two processes of this program from changing the machine at the same time: flock(2) on a file that
//! stays. The kernel lets go of it when the last process that has it open ends, however it ends, so nobody ever has to
//! clear it away. A command that changes something has it open as well, so that a lock outlives a process that is killed
//! in the middle as long as that command works.

use super::disk::io_error;
use super::trusted_path::{self, Last, Trust};
use crate::core::observe::OperationError;
use crate::host::Held;
use nix::errno::Errno;
use nix::fcntl::{FlockArg, OFlag, openat};
use nix::sys::stat::Mode;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

/// At most so much of a holder's note is read, in bytes.
const NOTE_LIMIT: u64 = 400;
/// So often a lock that is held is asked for again: somebody may only be looking whether it is.
const TRIES: usize = 5;
const BETWEEN: Duration = Duration::from_millis(20);

/// The lock of this process, for the commands that it starts. It is let go of by closing it, never by an order to the
/// kernel: that would take it from a command that still works.
#[derive(Debug, Clone, Default)]
pub(super) struct Inherited(Arc<Mutex<Weak<File>>>);

impl Inherited {
    /// The lock once more, for a command; None while it is not held.
    pub(super) fn held(&self) -> Option<OwnedFd> {
        let lock = self.0.lock().unwrap_or_else(PoisonError::into_inner).upgrade()?;
        lock.try_clone().ok().map(OwnedFd::from)
    }
}

/// See [`crate::host::Host::hold`].
pub(super) fn hold(path: &Path, note: &str, inherited: &Inherited) -> Result<Held, OperationError> {
    let mut file = open_or_make(path)?;
    for left in (0..TRIES).rev() {
        match lock(&file, FlockArg::LockExclusiveNonblock) {
            Ok(()) => break,
            Err(Errno::EWOULDBLOCK) if left > 0 => std::thread::sleep(BETWEEN),
            Err(Errno::EWOULDBLOCK) => {
                let note = note_of(&mut file);
                return Err(match is_alive(&note) {
                    Some(false) => OperationError::HeldByCommand(note),
                    _ => OperationError::Held(note),
                });
            }
            Err(error) => return Err(io_error(path, &error.into())),
        }
    }
    // The note is for people; the lock holds without it, also where the disk has no room for one.
    let _ = file.set_len(0).and_then(|()| file.write_all(note.as_bytes()));
    let file = Arc::new(file);
    *inherited.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(&file);
    Ok(Held::by(file))
}

fn open_or_make(path: &Path) -> Result<File, OperationError> {
    let refused = |refusal: trusted_path::Refusal| refusal.operation(path);
    let place = trusted_path::open(path, Trust::Act, Last::Keep).map_err(refused)?;
    place.judge_last().map_err(refused)?;
    if place.last.is_some() {
        return place.reopen(OFlag::O_RDWR).map_err(refused);
    }
    let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let made = openat(&place.dir, place.name.as_os_str(), flags, Mode::S_IRUSR | Mode::S_IWUSR);
    made.map(File::from).map_err(|error| io_error(path, &error.into()))
}

/// flock(2) that nothing undoes but the closing of the file: the type of the library that undoes it when it is dropped
/// would take the lock from a command that was given it.
fn lock(file: &File, how: FlockArg) -> Result<(), Errno> {
    #[expect(deprecated, reason = "its successor unlocks when it is dropped")]
    nix::fcntl::flock(file.as_raw_fd(), how)
}

fn note_of(file: &mut File) -> String {
    let mut said = String::new();
    // An unreadable note leaves the holder without a name, no more.
    let _ = file.take(NOTE_LIMIT).read_to_string(&mut said);
    said.trim().to_string()
}

/// Whether the process that a note names is there; None when it names none.
fn is_alive(note: &str) -> Option<bool> {
    let (_, rest) = note.split_once("(pid ")?;
    let pid: u32 = rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // One that has ended and was not collected yet works no more.
    Some(stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X'])))
}

/// See [`crate::host::Host::holder`]. The lock is asked for together with others who only look, and given back at once.
pub(super) fn holder(path: &Path) -> Option<String> {
    let place = trusted_path::open(path, Trust::Act, Last::Keep).ok()?;
    place.judge_last().ok()?;
    let mut file = place.reopen(OFlag::O_RDONLY).ok()?;
    match lock(&file, FlockArg::LockSharedNonblock) {
        Err(Errno::EWOULDBLOCK) => Some(note_of(&mut file)),
        _ => None,
    }
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
        let inherited = Inherited::default();
        let held = hold(&path, &note, &inherited).unwrap();
        assert_eq!(holder(&path).as_deref(), Some(note.as_str()));
        assert!(matches!(hold(&path, "", &Inherited::default()), Err(OperationError::Held(said)) if said == note));
        // A command that was given it still works when this process has let go of it.
        let command = inherited.held().unwrap();
        drop(held);
        assert!(holder(&path).is_some() && inherited.held().is_none());
        fs::write(&path, format!("ops (pid {}, now)", u32::MAX)).unwrap();
        assert!(matches!(hold(&path, "", &inherited), Err(OperationError::HeldByCommand(_))));
        drop(command);
        assert_eq!(holder(&path), None, "the note is still there, the lock is not");
        fs::write(&path, "ops (pid 1, long ago)").unwrap();
        assert_eq!(holder(&path), None);
    }
}
