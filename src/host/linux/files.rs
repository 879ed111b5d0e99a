//! Looks at files and directories, bounded, without ever waiting for a FIFO or touching a device.
//!
//! These functions block while a mount is dead: call them on a thread of their own.

use super::answering::trouble;
use super::trusted_path::{self, Last, Place, Refusal, Trust};
use crate::core::observe::{
    DIR_LIMIT, DirSeen, EntryKind, EntrySeen, FILE_LIMIT, FileSeen, Observed, TAIL_LIMIT, Unavailable,
};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::SFlag;
use std::fs::{self, File, FileType, Metadata, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

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
    let opened = open_dir(path)?;
    // By its descriptor, so that it is the directory that was looked at.
    let listed = match &opened {
        Some(dir) => PathBuf::from(format!("/proc/self/fd/{}", dir.as_raw_fd())),
        None => path.to_path_buf(),
    };
    let mut entries = Vec::new();
    let mut cut = false;
    for entry in fs::read_dir(listed).map_err(|error| trouble(&error))? {
        if entries.len() == DIR_LIMIT {
            cut = true;
            break;
        }
        let entry = entry.map_err(|error| trouble(&error))?;
        // A name that vanished since is not an error of the directory.
        let Ok(about) = entry.metadata() else { continue };
        let (kind, size, modified) = if about.is_symlink() {
            behind(&path.join(entry.file_name()), &about)
        } else {
            (kind_of(about.file_type()), about.len(), about.mtime())
        };
        let name = entry.file_name().to_string_lossy().into_owned();
        entries.push(EntrySeen { name, kind, size, modified });
    }
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(DirSeen { entries, cut })
}

/// Opens a directory to list it; None for one of the kernel's own, which is listed by its name.
fn open_dir(path: &Path) -> Observed<Option<File>> {
    if is_kernels(path) {
        return Ok(None);
    }
    let place = trusted_path::open(path, Trust::Look, Last::Follow).map_err(Refusal::unavailable)?;
    match place.about().map(trusted_path::kind) {
        None => Err(Unavailable::Absent),
        // Something else stands there; on the way to it, it would be nothing at all.
        Some(kind) if kind != SFlag::S_IFDIR => Err(Unavailable::Other(io::Error::from(Errno::ENOTDIR).to_string())),
        Some(_) => place.reopen(OFlag::O_RDONLY | OFlag::O_DIRECTORY).map(Some).map_err(Refusal::unavailable),
    }
}

/// What a symlink leads to: its kind, size and time; those of the link itself where that cannot be said.
fn behind(link: &Path, own: &Metadata) -> (EntryKind, u64, i64) {
    let place = match trusted_path::open(link, Trust::Look, Last::Follow) {
        Ok(place) => place,
        Err(Refusal::Io(error)) if error.kind() != io::ErrorKind::PermissionDenied => {
            return (EntryKind::Dangling, own.len(), own.mtime());
        }
        Err(_) => return (EntryKind::Other, own.len(), own.mtime()),
    };
    match place.about() {
        None => (EntryKind::Dangling, own.len(), own.mtime()),
        Some(about) => {
            let kind = match trusted_path::kind(about) {
                SFlag::S_IFREG => EntryKind::File,
                SFlag::S_IFDIR => EntryKind::Dir,
                _ => EntryKind::Other,
            };
            (kind, u64::try_from(about.st_size).unwrap_or_default(), about.st_mtime)
        }
    }
}

pub(super) fn kind_of(kind: FileType) -> EntryKind {
    if kind.is_file() {
        EntryKind::File
    } else if kind.is_dir() {
        EntryKind::Dir
    } else {
        EntryKind::Other
    }
}

/// Opens a regular file to look at it, symlinks followed. What is no regular file is not even opened, since opening some
/// devices already does something.
pub(super) fn open_regular(path: &Path) -> Observed<(File, Metadata)> {
    if is_kernels(path) {
        return open_kernels(path);
    }
    let place = trusted_path::open(path, Trust::Look, Last::Follow).map_err(Refusal::unavailable)?;
    regular_at(&place)
}

/// Opens what a place holds, if it is a regular file.
pub(super) fn regular_at(place: &Place) -> Observed<(File, Metadata)> {
    let about = place.about().ok_or(Unavailable::Absent)?;
    let word = match trusted_path::kind(about) {
        SFlag::S_IFREG => None,
        SFlag::S_IFDIR => Some("directory"),
        SFlag::S_IFIFO => Some("fifo"),
        SFlag::S_IFSOCK => Some("socket"),
        SFlag::S_IFLNK => Some("symlink"),
        _ => Some("device"),
    };
    if let Some(word) = word {
        return Err(Unavailable::NotAFile(word.into()));
    }
    let file = place.reopen(OFlag::O_RDONLY).map_err(Refusal::unavailable)?;
    let about = file.metadata().map_err(|error| trouble(&error))?;
    Ok((file, about))
}

/// Whether a path is of the kernel's own file systems: nobody can put a file there, and its links are no names.
fn is_kernels(path: &Path) -> bool {
    ["/proc", "/sys"].iter().any(|own| path.starts_with(own))
        && !path.components().any(|part| part == Component::ParentDir)
}

fn open_kernels(path: &Path) -> Observed<(File, Metadata)> {
    regular(&fs::metadata(path).map_err(|error| trouble(&error))?)?;
    let flags = OFlag::O_NONBLOCK | OFlag::O_CLOEXEC | OFlag::O_NOCTTY;
    let opened = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path);
    let file = opened.map_err(|error| trouble(&error))?;
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

/// Where a symlink leads, as an absolute path where the link is relative to its directory: through every further link
/// that bears the last name, so that two in a row hide nothing.
pub(super) fn link_to(path: &Path) -> Option<PathBuf> {
    let step = |from: &Path| {
        let target = fs::read_link(from).ok()?;
        Some(from.parent().map_or(target.clone(), |parent| parent.join(target)))
    };
    let mut led = step(path)?;
    for _ in 0..40 {
        match step(&led) {
            Some(further) => led = further,
            None => break,
        }
    }
    Some(led)
}
