//! The one door to files: a path is opened from the root directory on, name by name, and no link is followed unseen.
//!
//! Who only looks ([`Trust::Look`]) gets everything that is there, but no symlink of an ordinary user leads it to what is
//! not that user's. Who acts ([`Trust::Act`]: changes, runs, believes a journal) gets a path only when nobody but root and
//! this process's own user could have put something else there: owner, mode and access list of every directory on the
//! way and every link are judged as sshd(8) and sudo(8) judge. What is opened is used by its descriptor; the name is not
//! looked up again. Nothing else in this room opens a path that anybody but the kernel could have made.

use super::{access_list, groups};
use crate::core::observe::{Distrust, DistrustBy, OperationError, PlaceKind, Unavailable};
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

/// So many links on one way are followed, as by the kernel.
const LINKS: usize = 40;

/// What for a path is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// To show what is there.
    Look,
    /// To act on it with the rights of this process.
    Act,
    /// To have root act on it later, whoever this process is.
    Root,
}

impl Trust {
    /// Root, and the user with whose rights this process acts: neither gains anything by fooling it.
    fn is_given_to(self, uid: u32) -> bool {
        uid == 0 || (self != Trust::Root && uid == nix::unistd::geteuid().as_raw())
    }
}

/// Whether a link at the very end of a path is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Last {
    Follow,
    /// The name itself is meant.
    Keep,
}

/// Why a path was not opened.
#[derive(Debug)]
pub(super) enum Refusal {
    Untrusted(Distrust),
    Io(io::Error),
}

impl From<Errno> for Refusal {
    fn from(error: Errno) -> Refusal {
        Refusal::Io(error.into())
    }
}

impl Refusal {
    /// For one who looks.
    pub(super) fn unavailable(self) -> Unavailable {
        match self {
            Refusal::Untrusted(distrust) => Unavailable::Untrusted(distrust),
            Refusal::Io(error) => super::answering::trouble(&error),
        }
    }

    /// For a change of `path`.
    pub(super) fn operation(self, path: &Path) -> OperationError {
        match self {
            Refusal::Untrusted(distrust) => OperationError::Untrusted { path: path.into(), distrust },
            Refusal::Io(error) => super::disk::io_error(path, &error),
        }
    }
}

/// Where a path led: the directory that holds its last name, and what bears that name.
#[derive(Debug)]
pub(super) struct Place {
    /// That directory, opened for its place only.
    pub(super) dir: OwnedFd,
    /// The last name; `.` for a path that ends in no name of its own.
    pub(super) name: OsString,
    /// The path without links.
    pub(super) path: PathBuf,
    /// What bears the name, opened for its place only; None when nothing does.
    pub(super) last: Option<(OwnedFd, FileStat)>,
    /// Whether the last name of the path that was asked for is a symlink that was followed.
    pub(super) by_link: bool,
    trust: Trust,
}

/// Opens a path. A last name that is not there is no error; a directory on the way that is not there is one.
pub(super) fn open(path: &Path, trust: Trust, last: Last) -> Result<Place, Refusal> {
    let whole =
        if path.is_absolute() { path.to_path_buf() } else { std::env::current_dir().map_err(Refusal::Io)?.join(path) };
    let mut walk = Walk::begin(trust, &whole)?;
    loop {
        if let Some(place) = walk.step(last)? {
            walk.judge_borrowed(&place)?;
            return Ok(place);
        }
    }
}

/// A path on its way to being opened.
struct Walk {
    trust: Trust,
    /// The directories from the root on, each with its name.
    way: Vec<(OwnedFd, OsString)>,
    /// The names still to go, the next one last.
    todo: Vec<OsString>,
    links: usize,
    /// Whether what is to go now comes from a link that bore the last name of the path.
    by_link: bool,
    /// Links of ordinary users that were followed, with their owners.
    borrowed: Vec<(PathBuf, u32)>,
}

impl Walk {
    fn begin(trust: Trust, path: &Path) -> Result<Walk, Refusal> {
        let root =
            openat(nix::fcntl::AT_FDCWD, "/", OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
        let mut walk =
            Walk { trust, way: Vec::new(), todo: Vec::new(), links: 0, by_link: false, borrowed: Vec::new() };
        walk.enter(root, "/".into())?;
        walk.add(path);
        Ok(walk)
    }

    /// Puts the names of a path before those that are still to go.
    fn add(&mut self, path: &Path) {
        let names = path.components().rev().filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_os_string()),
            Component::ParentDir => Some("..".into()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        });
        self.todo.extend(names);
    }

    fn here(&self) -> PathBuf {
        self.way.iter().map(|(_, name)| name.as_os_str()).collect()
    }

    fn top(&self) -> Result<&OwnedFd, Refusal> {
        self.way.last().map(|(fd, _)| fd).ok_or(Refusal::Io(io::ErrorKind::NotFound.into()))
    }

    /// Goes into a directory, if it may be trusted.
    fn enter(&mut self, dir: OwnedFd, name: OsString) -> Result<(), Refusal> {
        if self.trust != Trust::Look {
            judge(&dir, &fstat(&dir)?, &self.here().join(&name), self.trust)?;
        }
        self.way.push((dir, name));
        Ok(())
    }

    /// One name further; the place, when it was the last one.
    fn step(&mut self, last: Last) -> Result<Option<Place>, Refusal> {
        let Some(name) = self.todo.pop() else { return self.at_a_directory().map(Some) };
        if name == ".." {
            if self.way.len() > 1 {
                self.way.pop();
            }
            return Ok(None);
        }
        let is_last = self.todo.is_empty();
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let child = match openat(self.top()?, name.as_os_str(), flags, Mode::empty()) {
            Err(Errno::ENOENT) if is_last => return self.arrived(name, None).map(Some),
            opened => opened?,
        };
        let about = fstat(&child)?;
        match kind(&about) {
            SFlag::S_IFLNK if !(is_last && last == Last::Keep) => {
                self.follow(&child, &about, &name, is_last)?;
                Ok(None)
            }
            _ if is_last => self.arrived(name, Some((child, about))).map(Some),
            SFlag::S_IFDIR => self.enter(child, name).map(|()| None),
            _ => Err(Errno::ENOTDIR.into()),
        }
    }

    fn follow(&mut self, link: &OwnedFd, about: &FileStat, name: &OsStr, is_last: bool) -> Result<(), Refusal> {
        self.links += 1;
        if self.links > LINKS {
            return Err(Errno::ELOOP.into());
        }
        let at = self.here().join(name);
        if !self.trust.is_given_to(about.st_uid) {
            match self.trust {
                Trust::Act | Trust::Root => return Err(owned_by(about.st_uid, at, PlaceKind::Link)),
                Trust::Look => self.borrowed.push((at, about.st_uid)),
            }
        }
        let target = PathBuf::from(readlinkat(link, "")?);
        if target.as_os_str().is_empty() {
            return Err(Errno::ENOENT.into());
        }
        if target.is_absolute() {
            self.way.truncate(1);
        }
        self.by_link |= is_last;
        self.add(&target);
        Ok(())
    }

    fn arrived(&mut self, name: OsString, last: Option<(OwnedFd, FileStat)>) -> Result<Place, Refusal> {
        let path = self.here().join(&name);
        let (dir, _) = self.way.pop().ok_or(Refusal::Io(io::ErrorKind::NotFound.into()))?;
        Ok(Place { dir, name, path, last, by_link: self.by_link, trust: self.trust })
    }

    /// A path that ends in no name of its own: the root, or `..`.
    fn at_a_directory(&mut self) -> Result<Place, Refusal> {
        let path = self.here();
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let dir = openat(self.top()?, ".", flags, Mode::empty())?;
        let last = openat(&dir, ".", flags, Mode::empty())?;
        let about = fstat(&last)?;
        Ok(Place { dir, name: ".".into(), path, last: Some((last, about)), by_link: self.by_link, trust: self.trust })
    }

    /// Whoever made a link on the way must own what it led to: so nobody has root read for him what he may not.
    fn judge_borrowed(&self, place: &Place) -> Result<(), Refusal> {
        let Some((_, about)) = &place.last else { return Ok(()) };
        match self.borrowed.iter().find(|(_, owner)| *owner != about.st_uid) {
            Some((at, owner)) if nix::unistd::geteuid().is_root() => Err(owned_by(*owner, at.clone(), PlaceKind::Link)),
            _ => Ok(()),
        }
    }
}

impl Place {
    /// What bears the name, for an error of a change.
    pub(super) fn about(&self) -> Option<&FileStat> {
        self.last.as_ref().map(|(_, about)| about)
    }

    /// Refuses a last name that somebody else could change: to be asked by who acts on what is there.
    pub(super) fn judge_last(&self) -> Result<(), Refusal> {
        match &self.last {
            Some((fd, about)) => judge(fd, about, &self.path, self.trust),
            None => Ok(()),
        }
    }

    /// Opens what bears the name with these flags, and makes sure that it is what was judged.
    pub(super) fn reopen(&self, flags: OFlag) -> Result<File, Refusal> {
        let Some((_, about)) = &self.last else { return Err(Errno::ENOENT.into()) };
        let flags = flags | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC | OFlag::O_NOCTTY;
        let file = File::from(openat(&self.dir, self.name.as_os_str(), flags, Mode::empty())?);
        let now = fstat(&file)?;
        if (now.st_dev, now.st_ino) != (about.st_dev, about.st_ino) {
            return Err(Refusal::Io(io::Error::other("it was replaced while it was opened")));
        }
        Ok(file)
    }

    /// Makes a change of names in the directory outlast a power failure.
    pub(super) fn sync_dir(&self) -> Result<(), Refusal> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let dir = File::from(openat(&self.dir, ".", flags, Mode::empty())?);
        dir.sync_all().map_err(Refusal::Io)
    }
}

/// Whether a path could be acted on: every directory on the way and what is there.
pub(super) fn judge_path(path: &Path) -> Result<(), Refusal> {
    let place = open(path, Trust::Act, Last::Follow)?;
    place.judge_last()
}

/// Why this process should neither believe nor write what is at a path; None where it may, and where that cannot be told.
pub fn distrust(path: &Path) -> Option<Distrust> {
    distrust_of(judge_path(path))
}

/// As [`distrust`], for what root will do some day, whoever this process is.
pub fn distrust_for_root(path: &Path) -> Option<Distrust> {
    distrust_of(open(path, Trust::Root, Last::Follow).and_then(|place| place.judge_last()))
}

fn distrust_of(judged: Result<(), Refusal>) -> Option<Distrust> {
    match judged {
        Err(Refusal::Untrusted(distrust)) => Some(distrust),
        Ok(()) | Err(Refusal::Io(_)) => None,
    }
}

/// The kind of a file.
pub(super) fn kind(about: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(about.st_mode) & SFlag::S_IFMT
}

/// The permission bits.
#[allow(clippy::unnecessary_cast, reason = "the width of st_mode depends on the platform")]
pub(super) fn mode(about: &FileStat) -> u32 {
    about.st_mode as u32 & 0o7777
}

fn owned_by(uid: u32, at: PathBuf, kind: PlaceKind) -> Refusal {
    Refusal::Untrusted(Distrust { at, kind, by: DistrustBy::Owner(groups::user_name(uid)) })
}

/// Refuses what somebody else could change. A sticky directory such as /tmp keeps names to their owners; a group in which
/// nobody is but root does no harm, like the empty group staff that Debian gives /usr/local.
fn judge(fd: &impl AsFd, about: &FileStat, at: &Path, trust: Trust) -> Result<(), Refusal> {
    let kind = match kind(about) {
        SFlag::S_IFDIR => PlaceKind::Directory,
        SFlag::S_IFLNK => PlaceKind::Link,
        _ => PlaceKind::File,
    };
    if !trust.is_given_to(about.st_uid) {
        return Err(owned_by(about.st_uid, at.into(), kind));
    }
    let mode = mode(about);
    let is_kept_to_owners = kind == PlaceKind::Directory && mode & 0o1000 != 0;
    if kind == PlaceKind::Link || is_kept_to_owners {
        return Ok(());
    }
    let refused = |by| Err(Refusal::Untrusted(Distrust { at: at.into(), kind, by }));
    if mode & 0o002 != 0 {
        return refused(DistrustBy::Everybody { mode });
    }
    // Of a file with an access list these bits are its mask: without them it lets nobody write.
    if mode & 0o020 == 0 {
        return Ok(());
    }
    let group = |gid| groups::others_in(gid, about.st_uid);
    match read_access_list(fd) {
        Err(error) => refused(DistrustBy::UnreadableAccessList(error.to_string())),
        Ok(None) => match group(about.st_gid) {
            Some(group) => refused(DistrustBy::Group { group, mode }),
            None => Ok(()),
        },
        Ok(Some(bytes)) => {
            let Some(writers) = access_list::writers(&bytes) else {
                return refused(DistrustBy::UnreadableAccessList("it is of an unknown form".into()));
            };
            let named = |writer: access_list::Writer| match writer {
                access_list::Writer::User(uid) if trust.is_given_to(uid) => None,
                access_list::Writer::User(uid) => Some(format!("the user {}", groups::user_name(uid))),
                access_list::Writer::Group(gid) => group(gid),
                access_list::Writer::OwnGroup => group(about.st_gid),
                access_list::Writer::Everybody => Some("everybody".to_string()),
            };
            writers.into_iter().find_map(named).map_or(Ok(()), |who| refused(DistrustBy::AccessList(who)))
        }
    }
}

/// The access list of what is opened for its place only: the kernel reads attributes of such a descriptor by its name in
/// /proc alone. None where there is no list, or the file system has none.
fn read_access_list(fd: &impl AsFd) -> io::Result<Option<Vec<u8>>> {
    let name = format!("/proc/self/fd/{}", fd.as_fd().as_raw_fd());
    match xattr::get_deref(name, access_list::NAME) {
        Err(error) if error.raw_os_error() == Some(nix::libc::EOPNOTSUPP) => Ok(None),
        read => read,
    }
}

#[cfg(test)]
#[path = "tests/trusted_path.rs"]
mod tests;
