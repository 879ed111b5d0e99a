//! Writes whole files so that a kill at any instant leaves the old one or the new one: a temporary beside the target,
//! fsync, rename, fsync of the directory.
//!
//! One exception: a file that is itself a mount point cannot be renamed over (/etc/hosts, /etc/resolv.conf and
//! /etc/hostname in containers). It is written in place and fsynced; a kill within that instant can leave it short.

use super::disk::{content, io_error, sync_parent};
use super::groups;
use super::sweep::MARK;
use crate::core::observe::{Done, Fingerprint, OperationError};
use nix::fcntl::OFlag;
use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use xattr::FileExt;

/// What the file's owner, mode and times do not say: the SELinux label and the access list.
const ATTRIBUTES: [&str; 2] = ["security.selinux", "system.posix_acl_access"];

/// See [`crate::core::observe::Operation::Write`]. A file that has the wanted content already is left alone.
pub(super) fn write(path: &Path, expect: &Fingerprint, wanted: &[u8], mode: u32) -> Result<Done, OperationError> {
    let target = target(path)?;
    check_place(&target)?;
    let old = content(&target)?;
    if old.as_deref() == Some(wanted) {
        return Ok(Done::Already);
    }
    if Fingerprint::of(old.as_deref()) != *expect {
        return Err(OperationError::Moved(path.into()));
    }
    let temporary = Temporary::beside(&target)?;
    temporary.fill(wanted)?;
    match open_old(&target)? {
        Some((file, about)) => temporary.look_like(&file, &about)?,
        None => temporary.set_mode(mode)?,
    }
    temporary.sync()?;
    if Fingerprint::of(content(&target)?.as_deref()) != *expect {
        return Err(OperationError::Moved(path.into()));
    }
    if old.is_none() {
        temporary.become_new(&target)?;
    } else {
        match fs::rename(&temporary.path, &target) {
            Err(error) if error.raw_os_error() == Some(nix::libc::EBUSY) => in_place(&target, wanted)?,
            renamed => renamed.map_err(|error| io_error(&target, &error))?,
        }
    }
    drop(temporary);
    sync_parent(&target)?;
    Ok(Done::Changed)
}

/// See [`crate::core::observe::Operation::Copy`]. The copy also has the time of the original.
pub(super) fn copy(from: &Path, to: &Path) -> Result<Done, OperationError> {
    if fs::symlink_metadata(to).is_ok() {
        return Err(OperationError::Exists(to.into()));
    }
    check_place(to)?;
    let bytes = content(from)?.ok_or_else(|| io_error(from, &io::ErrorKind::NotFound.into()))?;
    let (file, about) = open_old(from)?.ok_or_else(|| io_error(from, &io::ErrorKind::NotFound.into()))?;
    let temporary = Temporary::beside(to)?;
    temporary.fill(&bytes)?;
    temporary.look_like(&file, &about)?;
    let modified = about.modified().map_err(|error| io_error(from, &error))?;
    temporary.file.set_modified(modified).map_err(|error| io_error(to, &error))?;
    temporary.sync()?;
    temporary.become_new(to)?;
    drop(temporary);
    sync_parent(to)?;
    Ok(Done::Changed)
}

/// The file that is really written: a symlink keeps leading to it. A link that leads nowhere is an error, since what it
/// means to lead to is not ours to make.
fn target(path: &Path) -> Result<PathBuf, OperationError> {
    match fs::symlink_metadata(path) {
        Ok(about) if about.is_symlink() => fs::canonicalize(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => OperationError::io(path, "the symlink leads nowhere"),
            _ => io_error(path, &error),
        }),
        _ => Ok(path.to_path_buf()),
    }
}

/// Nothing is written where somebody else may take a name away and put another file in its place: what is read, written
/// and renamed there need not be one and the same file. As sudo(8) and sshd(8) judge (there every group but root's is
/// refused; here one in which nobody is but root and the owner of the directory does no harm, like the empty group staff
/// that Debian gives /usr/local). A sticky directory such as /tmp keeps names to their owners.
pub(super) fn check_place(target: &Path) -> Result<(), OperationError> {
    for dir in target.ancestors().skip(1).filter(|dir| !dir.as_os_str().is_empty()) {
        let about = fs::metadata(dir).map_err(|error| io_error(target, &error))?;
        let mode = about.mode() & 0o7777;
        let who = match (mode & 0o1000, mode & 0o022) {
            (0o1000, _) | (_, 0) => continue,
            (_, 0o020) => match groups::others_in(about.gid(), about.uid()) {
                Some(who) => who,
                None => continue,
            },
            _ => "everybody".to_string(),
        };
        let reason = format!("{who} may write in {} (mode {mode:04o})", dir.display());
        return Err(OperationError::io(target, reason));
    }
    Ok(())
}

/// The file whose owner, mode and label are to be kept.
fn open_old(path: &Path) -> Result<Option<(File, Metadata)>, OperationError> {
    match super::files::open_regular(path) {
        Ok(opened) => Ok(Some(opened)),
        Err(crate::core::observe::Unavailable::Absent) => Ok(None),
        Err(trouble) => Err(OperationError::io(path, super::disk::words(trouble))),
    }
}

/// For a file that is a mount point: the new content over the old.
fn in_place(target: &Path, wanted: &[u8]) -> Result<(), OperationError> {
    let failed = |error: io::Error| io_error(target, &error);
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let mut file = OpenOptions::new().write(true).custom_flags(flags.bits()).open(target).map_err(failed)?;
    file.write_all(wanted).map_err(failed)?;
    file.set_len(wanted.len() as u64).map_err(failed)?;
    file.sync_all().map_err(failed)
}

/// A file beside its target that nobody else can read; removed when dropped, unless it was renamed away. Its name
/// begins with a dot: the agent passes over such names in its directories.
struct Temporary {
    path: PathBuf,
    file: File,
}

impl Temporary {
    fn beside(target: &Path) -> Result<Temporary, OperationError> {
        let name = target.file_name().ok_or_else(|| io_error(target, &io::ErrorKind::InvalidInput.into()))?;
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(format!("{MARK}{}", std::process::id()));
        let path = target.with_file_name(hidden);
        // What an earlier process of the same number left behind when it was killed.
        if fs::symlink_metadata(&path).is_ok() {
            fs::remove_file(&path).map_err(|error| io_error(&path, &error))?;
        }
        let flags = OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).custom_flags(flags.bits()).open(&path);
        // The error names the target: the operator has never heard of the temporary.
        let file = opened.map_err(|error| io_error(target, &error))?;
        Ok(Temporary { path, file })
    }

    fn fill(&self, content: &[u8]) -> Result<(), OperationError> {
        (&self.file).write_all(content).map_err(|error| io_error(&self.path, &error))
    }

    fn set_mode(&self, mode: u32) -> Result<(), OperationError> {
        let set = self.file.set_permissions(Permissions::from_mode(mode));
        set.map_err(|error| io_error(&self.path, &error))
    }

    /// Takes over owner, label, access list and mode, in this order: a new owner clears the set-user-id bit, and the
    /// mode must not open the file before it has its owner.
    fn look_like(&self, old: &File, about: &Metadata) -> Result<(), OperationError> {
        let failed = |error: io::Error| io_error(&self.path, &error);
        let own = self.file.metadata().map_err(failed)?;
        if (own.uid(), own.gid()) != (about.uid(), about.gid()) {
            fchown(&self.file, Some(about.uid()), Some(about.gid())).map_err(failed)?;
        }
        for name in ATTRIBUTES {
            // Where the file system has no such attributes there is nothing to keep.
            let Ok(Some(value)) = old.get_xattr(name) else { continue };
            if self.file.get_xattr(name).ok().flatten().as_ref() != Some(&value) {
                self.file.set_xattr(name, &value).map_err(failed)?;
            }
        }
        self.set_mode(about.mode() & 0o7777)
    }

    fn sync(&self) -> Result<(), OperationError> {
        self.file.sync_all().map_err(|error| io_error(&self.path, &error))
    }

    /// Gets its final name where no file may be. A link fails when there is one; file systems without links (vfat)
    /// rename, after a look.
    fn become_new(&self, target: &Path) -> Result<(), OperationError> {
        match fs::hard_link(&self.path, target) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(OperationError::Exists(target.into())),
            Err(_) if fs::symlink_metadata(target).is_ok() => Err(OperationError::Exists(target.into())),
            Err(_) => fs::rename(&self.path, target).map_err(|error| io_error(target, &error)),
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // After a rename there is nothing left to remove.
        drop(fs::remove_file(&self.path));
    }
}
