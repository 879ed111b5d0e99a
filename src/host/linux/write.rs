//! Writes whole files so that a kill at any instant leaves the old one or the new one: a temporary beside the target,
//! fsync, rename, fsync of the directory. Every path comes through the door of `trusted_path`, and from then on only its
//! descriptors are used.
//!
//! Two exceptions: a file that is itself a mount point cannot be renamed over (/etc/hosts, /etc/resolv.conf and
//! /etc/hostname in containers), and one with several names would lose them. Both are written in place and fsynced; a kill
//! within that instant can leave them short.

use super::access_list;
use super::disk::{io_error, words};
use super::files::regular_at;
use super::sweep::MARK;
use super::trusted_path::{self, Last, Place, Trust};
use crate::core::observe::{Done, Fingerprint, OperationError, Unavailable};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat, renameat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, linkat, unlinkat};
use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata, Permissions};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::Path;
use xattr::FileExt;

/// A file longer than this, in bytes, is not one that this program changes.
const CONTENT_LIMIT: u64 = 64 << 20;

/// See [`crate::core::observe::Operation::Write`]. A file that has the wanted content already is left alone.
pub(super) fn write(path: &Path, expect: &Fingerprint, wanted: &[u8], mode: u32) -> Result<Done, OperationError> {
    let place = target(path)?;
    let old = Old::open(&place)?;
    if old.as_ref().is_some_and(|old| old.bytes == wanted) {
        return Ok(Done::Already);
    }
    if Fingerprint::of(old.as_ref().map(|old| old.bytes.as_slice())) != *expect {
        return Err(OperationError::Moved(path.into()));
    }
    let temporary = Temporary::beside(&place)?;
    temporary.fill(wanted)?;
    match &old {
        Some(old) => temporary.look_like(old)?,
        None => temporary.set_mode(mode)?,
    }
    temporary.sync()?;
    // Another program of root's may have written meanwhile.
    let now = Old::open(&target(path)?)?;
    if Fingerprint::of(now.as_ref().map(|now| now.bytes.as_slice())) != *expect {
        return Err(OperationError::Moved(path.into()));
    }
    match &old {
        None => temporary.become_new(&place)?,
        Some(old) if old.about.nlink() > 1 => in_place(&place, wanted)?,
        Some(_) => match renameat(&place.dir, temporary.name.as_os_str(), &place.dir, place.name.as_os_str()) {
            Err(Errno::EBUSY) => in_place(&place, wanted)?,
            renamed => renamed.map_err(|error| errno(&place.path, error))?,
        },
    }
    drop(temporary);
    place.sync_dir().map_err(|refusal| refusal.operation(path))?;
    Ok(Done::Changed)
}

/// See [`crate::core::observe::Operation::Copy`].
pub(super) fn copy(from: &Path, to: &Path, expect: &Fingerprint, as_link: bool) -> Result<Done, OperationError> {
    let place = target(from)?;
    let old = Old::open(&place)?.ok_or_else(|| errno(from, Errno::ENOENT))?;
    keep(&place, &old, from, to, expect, as_link)
}

/// Keeps what was opened, whatever bears its name by now.
fn keep(
    place: &Place,
    old: &Old,
    from: &Path,
    to: &Path,
    expect: &Fingerprint,
    as_link: bool,
) -> Result<Done, OperationError> {
    let backup = new_name(to)?;
    if Fingerprint::of(Some(&old.bytes)) != *expect {
        return Err(OperationError::Moved(from.into()));
    }
    // A link of the name itself, so not where a symlink was followed to it.
    if as_link && !place.by_link && place.path.parent() == backup.path.parent() {
        // By its descriptor: a name would be that of whatever bears it by now.
        let opened = format!("/proc/self/fd/{}", old.file.as_raw_fd());
        let follow = AtFlags::AT_SYMLINK_FOLLOW;
        if linkat(AT_FDCWD, opened.as_str(), &backup.dir, backup.name.as_os_str(), follow).is_ok() {
            backup.sync_dir().map_err(|refusal| refusal.operation(to))?;
            return Ok(Done::Changed);
        }
    }
    let temporary = Temporary::beside(&backup)?;
    temporary.fill(&old.bytes)?;
    temporary.look_like(old)?;
    let modified = old.about.modified().map_err(|error| io_error(from, &error))?;
    temporary.file.set_modified(modified).map_err(|error| io_error(to, &error))?;
    temporary.sync()?;
    temporary.become_new(&backup)?;
    drop(temporary);
    backup.sync_dir().map_err(|refusal| refusal.operation(to))?;
    Ok(Done::Changed)
}

/// The place of a name that nothing may bear yet.
fn new_name(path: &Path) -> Result<Place, OperationError> {
    let place = trusted_path::open(path, Trust::Act, Last::Keep).map_err(|refusal| refusal.operation(path))?;
    match place.last {
        Some(_) => Err(OperationError::Exists(path.into())),
        None => Ok(place),
    }
}

/// The file that is really written: a symlink keeps leading to it. A link that leads nowhere is an error, since what it
/// means to lead to is not ours to make.
fn target(path: &Path) -> Result<Place, OperationError> {
    let place = trusted_path::open(path, Trust::Act, Last::Follow).map_err(|refusal| refusal.operation(path))?;
    if place.last.is_none() && place.by_link {
        return Err(OperationError::io(path, "the symlink leads nowhere"));
    }
    place.judge_last().map_err(|refusal| refusal.operation(path))?;
    Ok(place)
}

/// The content of the file at a path that may be acted on, symlinks followed; None when there is none.
pub(super) fn content(path: &Path) -> Result<Option<Vec<u8>>, OperationError> {
    let place = trusted_path::open(path, Trust::Act, Last::Follow).map_err(|refusal| refusal.operation(path))?;
    Ok(Old::open(&place)?.map(|old| old.bytes))
}

/// A file as it is: opened once, and read through that descriptor.
struct Old {
    file: File,
    about: Metadata,
    bytes: Vec<u8>,
}

impl Old {
    /// None when nothing bears the name.
    fn open(place: &Place) -> Result<Option<Old>, OperationError> {
        let path = &place.path;
        let (file, about) = match regular_at(place) {
            Ok(opened) => opened,
            Err(Unavailable::Absent) => return Ok(None),
            Err(trouble) => return Err(OperationError::io(path.clone(), words(trouble))),
        };
        let mut bytes = Vec::new();
        (&file).take(CONTENT_LIMIT + 1).read_to_end(&mut bytes).map_err(|error| io_error(path, &error))?;
        if bytes.len() as u64 > CONTENT_LIMIT {
            return Err(OperationError::io(path.clone(), "too large to be changed here"));
        }
        Ok(Some(Old { file, about, bytes }))
    }
}

/// For a file that is a mount point or has several names: the new content over the old.
fn in_place(place: &Place, wanted: &[u8]) -> Result<(), OperationError> {
    let failed = |error: io::Error| io_error(&place.path, &error);
    let mut file = place.reopen(OFlag::O_WRONLY).map_err(|refusal| refusal.operation(&place.path))?;
    file.write_all(wanted).map_err(failed)?;
    file.set_len(wanted.len() as u64).map_err(failed)?;
    file.sync_all().map_err(failed)
}

/// A file beside its target that nobody else can read; removed when dropped, unless it was renamed away. Its name
/// begins with a dot: the agent passes over such names in its directories.
struct Temporary<'a> {
    place: &'a Place,
    name: OsString,
    file: File,
}

impl<'a> Temporary<'a> {
    fn beside(place: &'a Place) -> Result<Temporary<'a>, OperationError> {
        if place.name == "." {
            return Err(errno(&place.path, Errno::EINVAL));
        }
        let mut name = OsString::from(".");
        name.push(&place.name);
        name.push(format!("{MARK}{}", std::process::id()));
        // What an earlier process of the same number left behind when it was killed.
        match unlinkat(&place.dir, name.as_os_str(), UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => {}
            // The error names the target: the operator has never heard of the temporary.
            Err(error) => return Err(errno(&place.path, error)),
        }
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let opened = openat(&place.dir, name.as_os_str(), flags, Mode::S_IRUSR | Mode::S_IWUSR);
        let file = File::from(opened.map_err(|error| errno(&place.path, error))?);
        Ok(Temporary { place, name, file })
    }

    fn fill(&self, content: &[u8]) -> Result<(), OperationError> {
        (&self.file).write_all(content).map_err(|error| io_error(&self.place.path, &error))
    }

    fn set_mode(&self, mode: u32) -> Result<(), OperationError> {
        let set = self.file.set_permissions(Permissions::from_mode(mode));
        set.map_err(|error| io_error(&self.place.path, &error))
    }

    /// Takes over owner, attributes and mode, in this order: a new owner clears the set-user-id bit, and the mode must not
    /// open the file before it has its owner.
    fn look_like(&self, old: &Old) -> Result<(), OperationError> {
        let failed = |error: io::Error| io_error(&self.place.path, &error);
        let own = self.file.metadata().map_err(failed)?;
        let (uid, gid) = (old.about.uid(), old.about.gid());
        if (own.uid(), own.gid()) != (uid, gid) {
            fchown(&self.file, Some(uid), Some(gid)).map_err(failed)?;
        }
        // Where the file system has no attributes there is nothing to keep.
        for name in old.file.list_xattr().into_iter().flatten().filter(|name| is_kept(name)) {
            let Ok(Some(value)) = old.file.get_xattr(&name) else { continue };
            if self.file.get_xattr(&name).ok().flatten().as_ref() != Some(&value) {
                self.file.set_xattr(&name, &value).map_err(failed)?;
            }
        }
        // A directory may give its new files an access list that the old one has not.
        if let (Ok(Some(_)), Ok(None)) = (self.file.get_xattr(access_list::NAME), old.file.get_xattr(access_list::NAME))
        {
            self.file.remove_xattr(access_list::NAME).map_err(failed)?;
        }
        self.set_mode(old.about.mode() & 0o7777)
    }

    fn sync(&self) -> Result<(), OperationError> {
        self.file.sync_all().map_err(|error| io_error(&self.place.path, &error))
    }

    /// Gets its final name where no file may be. A link fails when there is one; file systems without links (vfat)
    /// rename, after a look.
    fn become_new(&self, target: &Place) -> Result<(), OperationError> {
        let (own, new) = (self.name.as_os_str(), target.name.as_os_str());
        let is_there = || nix::sys::stat::fstatat(&target.dir, new, AtFlags::AT_SYMLINK_NOFOLLOW).is_ok();
        match linkat(&self.place.dir, own, &target.dir, new, AtFlags::empty()) {
            Ok(()) => Ok(()),
            Err(Errno::EEXIST) => Err(OperationError::Exists(target.path.clone())),
            Err(_) if is_there() => Err(OperationError::Exists(target.path.clone())),
            Err(_) => renameat(&self.place.dir, own, &target.dir, new).map_err(|error| errno(&target.path, error)),
        }
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        // After a rename there is nothing left to remove.
        let _ = unlinkat(&self.place.dir, self.name.as_os_str(), UnlinkatFlags::NoRemoveDir);
    }
}

/// What the file's owner, mode and times do not say and a new file must keep: the SELinux label, the access list, and what
/// users and root noted. Others, such as capabilities, belong to the bytes that were.
fn is_kept(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name == "security.selinux" || name == access_list::NAME || name.starts_with("user.") || name.starts_with("trusted.")
}

pub(super) fn errno(path: &Path, error: Errno) -> OperationError {
    io_error(path, &error.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    /// The swap that an ordinary user would try while root backs up, at the very instant between look and use.
    #[test]
    fn a_name_that_is_swapped_for_a_link_while_it_is_backed_up_gives_nothing_away() {
        let dir = tempfile::tempdir().unwrap();
        let (path, secret, backup) = (dir.path().join("file"), dir.path().join("secret"), dir.path().join("file.bak"));
        fs::write(&path, "ours").unwrap();
        fs::write(&secret, "secret").unwrap();
        for as_link in [false, true] {
            let place = target(&path).unwrap();
            let old = Old::open(&place).unwrap().unwrap();
            fs::rename(&path, dir.path().join("away")).unwrap();
            symlink(&secret, &path).unwrap();
            let kept = keep(&place, &old, &path, &backup, &Fingerprint::of(Some(b"ours")), as_link);
            assert_eq!(kept, Ok(Done::Changed));
            assert!(fs::symlink_metadata(&backup).unwrap().is_file());
            assert_eq!(fs::read(&backup).unwrap(), b"ours");
            fs::remove_file(&backup).unwrap();
            fs::remove_file(&path).unwrap();
            fs::rename(dir.path().join("away"), &path).unwrap();
        }
        // And in the instant between the judging of the name and its opening.
        let place = target(&path).unwrap();
        fs::rename(&path, dir.path().join("away")).unwrap();
        for swapped in [symlink(&secret, &path), fs::remove_file(&path).and_then(|()| fs::write(&path, "other"))] {
            swapped.unwrap();
            assert!(matches!(Old::open(&place), Err(OperationError::Io { .. })));
        }
    }

    #[test]
    fn hard_links_and_the_notes_of_users_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let (path, other) = (dir.path().join("file"), dir.path().join("other"));
        fs::write(&path, "a longer one").unwrap();
        let has_attributes = xattr::set(&path, "user.note", b"kept").is_ok();
        let attribute = || xattr::get(&path, "user.note").unwrap_or_default();
        let of = |text: &str| Fingerprint::of(Some(text.as_bytes()));
        assert_eq!(write(&path, &of("a longer one"), b"new", 0o600), Ok(Done::Changed));
        assert_eq!(attribute().is_some(), has_attributes);
        fs::hard_link(&path, &other).unwrap();
        assert_eq!(write(&path, &of("new"), b"newer", 0o600), Ok(Done::Changed));
        assert_eq!((fs::read(&other).unwrap(), fs::metadata(&path).unwrap().nlink()), (b"newer".to_vec(), 2));
        assert_eq!(attribute().is_some(), has_attributes);
        let backup = dir.path().join("backup");
        assert_eq!(copy(&path, &backup, &of("newer"), true), Ok(Done::Changed));
        assert_eq!(fs::metadata(&backup).unwrap().ino(), fs::metadata(&path).unwrap().ino());
        let second = dir.path().join("second");
        assert_eq!(copy(&path, &second, &of("else"), false), Err(OperationError::Moved(path.clone())));
        assert_eq!(copy(&path, &second, &of("newer"), false), Ok(Done::Changed));
        assert_eq!(xattr::get(&second, "user.note").unwrap_or_default().is_some(), has_attributes);
        if !has_attributes {
            lab::skip::skip_anyway("no attributes of users on this file system");
        }
    }
}
