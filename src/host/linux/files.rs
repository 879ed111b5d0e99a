//! Looks at files and directories, bounded, without ever waiting for a FIFO or touching a device.
//!
//! These functions block while a mount is dead: call them on a thread of their own.

use super::answering::trouble;
use crate::core::observe::{
    DIR_LIMIT, DirSeen, EntryKind, EntrySeen, FILE_LIMIT, FileSeen, Observed, TAIL_LIMIT, Unavailable,
};
use nix::fcntl::OFlag;
use std::fs::{self, File, FileType, Metadata, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The first [`FILE_LIMIT`] bytes of a regular file.
pub(super) fn head(path: &Path) -> Observed<FileSeen> {
    let (mut file, about) = open_regular(path)?;
    let mut bytes = read_at_most(&mut file, FILE_LIMIT + 1)?;
    // Files of /proc and /sys say size 0, so what was read counts as well.
    let size = about.len().max(bytes.len() as u64);
    bytes.truncate(FILE_LIMIT);
    Ok(seen(path, &about, bytes, size))
}

/// What the directory says of a regular file, without its bytes.
pub(super) fn present(path: &Path) -> Observed<FileSeen> {
    let (_, about) = open_regular(path)?;
    Ok(seen(path, &about, Vec::new(), about.len()))
}

/// The last [`TAIL_LIMIT`] bytes of a regular file.
pub(super) fn tail(path: &Path) -> Observed<FileSeen> {
    let (mut file, about) = open_regular(path)?;
    let start = about.len().saturating_sub(TAIL_LIMIT as u64);
    if start > 0 {
        file.seek(SeekFrom::Start(start)).map_err(|error| trouble(&error))?;
    }
    let bytes = read_at_most(&mut file, TAIL_LIMIT)?;
    let size = about.len().max(bytes.len() as u64);
    Ok(seen(path, &about, bytes, size))
}

/// The names in a directory. Of a directory with more than [`DIR_LIMIT`] names, the first that the kernel gives.
pub(super) fn dir(path: &Path) -> Observed<DirSeen> {
    let mut entries = Vec::new();
    let mut cut = false;
    let refused = |error: io::Error| match error.kind() {
        // Something else stands there; on the way to it, it would be nothing at all.
        io::ErrorKind::NotADirectory if fs::symlink_metadata(path).is_ok() => Unavailable::Other(error.to_string()),
        _ => trouble(&error),
    };
    for entry in fs::read_dir(path).map_err(refused)? {
        if entries.len() == DIR_LIMIT {
            cut = true;
            break;
        }
        let entry = entry.map_err(|error| trouble(&error))?;
        // A name that vanished since is not an error of the directory.
        if let Some((kind, about)) = entry_kind(&entry) {
            let name = entry.file_name().to_string_lossy().into_owned();
            entries.push(EntrySeen { name, kind, size: about.len(), modified: about.mtime() });
        }
    }
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(DirSeen { entries, cut })
}

/// What an entry leads to; its own metadata when that cannot be said. None when it is gone.
fn entry_kind(entry: &fs::DirEntry) -> Option<(EntryKind, Metadata)> {
    let own = entry.metadata().ok()?;
    if !own.is_symlink() {
        return Some((kind_of(own.file_type()), own));
    }
    match fs::metadata(entry.path()) {
        Ok(about) => Some((kind_of(about.file_type()), about)),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Some((EntryKind::Other, own)),
        Err(_) => Some((EntryKind::Dangling, own)),
    }
}

fn kind_of(kind: FileType) -> EntryKind {
    if kind.is_file() {
        EntryKind::File
    } else if kind.is_dir() {
        EntryKind::Dir
    } else {
        EntryKind::Other
    }
}

/// Opens a regular file, symlinks followed. What is no regular file is not even opened, since opening some devices
/// already does something; the opened file is then looked at again, since the name may have moved in between.
pub(super) fn open_regular(path: &Path) -> Observed<(File, Metadata)> {
    let before = fs::metadata(path).map_err(|error| trouble(&error))?;
    regular(&before)?;
    let flags = OFlag::O_NONBLOCK | OFlag::O_CLOEXEC | OFlag::O_NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path).map_err(|error| {
        match error.raw_os_error() {
            // Linux answers so when a socket is opened.
            Some(code) if code == nix::libc::ENXIO => Unavailable::NotAFile("socket".into()),
            _ => trouble(&error),
        }
    })?;
    let about = file.metadata().map_err(|error| trouble(&error))?;
    regular(&about)?;
    Ok((file, about))
}

/// Refuses what is no regular file, with the word for it.
fn regular(about: &Metadata) -> Observed<()> {
    let kind = about.file_type();
    let word = if kind.is_file() {
        return Ok(());
    } else if kind.is_dir() {
        "directory"
    } else if kind.is_fifo() {
        "fifo"
    } else if kind.is_socket() {
        "socket"
    } else {
        "device"
    };
    Err(Unavailable::NotAFile(word.into()))
}

/// Reads to the end or the limit.
pub(super) fn read_at_most(file: &mut impl Read, limit: usize) -> Observed<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(limit as u64).read_to_end(&mut bytes).map_err(|error| trouble(&error))?;
    Ok(bytes)
}

fn seen(path: &Path, about: &Metadata, bytes: Vec<u8>, size: u64) -> FileSeen {
    FileSeen {
        bytes,
        size,
        modified: about.mtime(),
        mode: about.mode() & 0o7777,
        uid: about.uid(),
        gid: about.gid(),
        link_to: link_to(path),
    }
}

/// Where a symlink leads, as an absolute path where the link is relative to its directory; one step only.
fn link_to(path: &Path) -> Option<PathBuf> {
    let target = fs::read_link(path).ok()?;
    Some(path.parent().map_or(target.clone(), |parent| parent.join(target)))
}
