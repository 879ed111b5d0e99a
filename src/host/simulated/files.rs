//! The files of a simulated host: a tree of directories, files, symlinks and odd things, in memory.
//!
//! Paths are resolved as Linux does, symlinks in the middle included. Errors carry the words of the operating system,
//! because findings quote them. This file knows nothing of the agent.

use crate::core::observe::{
    DIR_LIMIT, DirSeen, EntryKind, EntrySeen, FILE_LIMIT, FileSeen, Observed, OperationError, TAIL_LIMIT, Unavailable,
};
use nix::errno::Errno;
use std::collections::{BTreeMap, VecDeque};
use std::path::{Component, Path, PathBuf};

/// As many symlinks as Linux follows before it gives up.
const LINK_LIMIT: usize = 40;

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    File(Vec<u8>),
    Dir,
    Link(PathBuf),
    /// A FIFO, socket or device: the word for it.
    Odd(String),
    /// Lies on a mount that no longer answers.
    Dead,
    /// Gives this error when it is read: a bad disk.
    Broken(String),
}

/// One entry of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub kind: Kind,
    /// Permission bits.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// Seconds since 1970.
    pub modified: i64,
}

/// The whole tree; every entry's parent is in it.
#[derive(Debug, Clone, Default)]
pub(super) struct Files {
    nodes: BTreeMap<PathBuf, Node>,
    /// Directories below which nothing can be written, each with the words of the error: a full disk, a read-only
    /// mount.
    pub unwritable: Vec<(PathBuf, String)>,
}

impl Files {
    /// Puts a thing at a path, as if it had always been there: parents are made, what stood there is replaced.
    pub fn put(&mut self, path: &Path, kind: Kind, mode: u32, modified: i64) {
        for parent in path.ancestors().skip(1).filter(|parent| !parent.as_os_str().is_empty()) {
            let dir = Node { kind: Kind::Dir, mode: 0o755, uid: 0, gid: 0, modified };
            self.nodes.entry(parent.to_path_buf()).or_insert(dir);
        }
        self.nodes.insert(path.to_path_buf(), Node { kind, mode, uid: 0, gid: 0, modified });
    }

    /// Takes a thing away with everything below it, as if it had never been there.
    pub fn drop(&mut self, path: &Path) {
        self.nodes.retain(|known, _| !known.starts_with(path));
    }

    /// What stands at this very path, symlinks not followed at its end.
    pub fn node(&self, path: &Path) -> Option<&Node> {
        self.nodes.get(path)
    }

    pub fn node_mut(&mut self, path: &Path) -> Option<&mut Node> {
        self.nodes.get_mut(path)
    }

    /// The content of a file as root reads it; None when there is none.
    pub fn content(&self, path: &Path) -> Option<&[u8]> {
        let path = self.follow(path).ok()?;
        match &self.nodes.get(&path)?.kind {
            Kind::File(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The names in a directory, sorted.
    pub fn names(&self, dir: &Path) -> Vec<String> {
        let Ok(dir) = self.follow(dir) else { return Vec::new() };
        self.below(&dir).filter_map(|(path, _)| Some(path.file_name()?.to_string_lossy().into_owned())).collect()
    }

    fn below<'a>(&'a self, dir: &'a Path) -> impl Iterator<Item = (&'a PathBuf, &'a Node)> {
        self.nodes
            .range(dir.to_path_buf()..)
            .take_while(move |(path, _)| path.starts_with(dir))
            .filter(move |(path, _)| path.parent() == Some(dir))
    }

    pub fn is_empty_dir(&self, dir: &Path) -> bool {
        self.below(dir).next().is_none()
    }

    /// The path without symlinks; its last component exists.
    ///
    /// # Errors
    /// As the system gives them: absent, too many links, a dead mount.
    pub fn follow(&self, path: &Path) -> Observed<PathBuf> {
        let mut left: VecDeque<PathBuf> = parts(path);
        let mut at = PathBuf::from("/");
        let mut links = 0;
        while let Some(part) = left.pop_front() {
            if part.as_os_str() == ".." {
                at.pop();
                continue;
            }
            at.push(&part);
            match self.nodes.get(&at).map(|node| &node.kind) {
                None => return Err(Unavailable::Absent),
                Some(Kind::Dead) => return Err(Unavailable::TimedOut),
                Some(Kind::Link(target)) => {
                    links += 1;
                    if links > LINK_LIMIT {
                        return Err(Unavailable::Other("Too many levels of symbolic links (os error 40)".into()));
                    }
                    at.pop();
                    if target.is_absolute() {
                        at = PathBuf::from("/");
                    }
                    for part in parts(target).into_iter().rev() {
                        left.push_front(part);
                    }
                }
                Some(Kind::Dir) => {}
                Some(_) if left.is_empty() => {}
                // On the way to something, a file means that there is nothing.
                Some(_) => return Err(Unavailable::Absent),
            }
        }
        Ok(at)
    }

    /// Whether this user may use the path: bits 4 read, 2 write, 1 search, on the thing itself; search on the way.
    pub fn may(&self, path: &Path, uid: u32, bits: u32) -> bool {
        let granted = |node: &Node, bits: u32| {
            let shift = if node.uid == uid { 6 } else { 0 };
            (node.mode >> shift) & bits == bits
        };
        uid == 0
            || (self.nodes.get(path).is_some_and(|node| granted(node, bits))
                && path.ancestors().skip(1).all(|dir| self.nodes.get(dir).is_none_or(|node| granted(node, 1))))
    }

    /// The first bytes of a file, or the last ones, for this user.
    pub fn look(&self, path: &Path, uid: u32, end: bool) -> Observed<FileSeen> {
        let real = self.follow(path)?;
        let node = self.nodes.get(&real).ok_or(Unavailable::Absent)?;
        let bytes = match &node.kind {
            Kind::File(_) | Kind::Broken(_) if !self.may(&real, uid, 4) => return Err(Unavailable::NotAllowed),
            Kind::File(bytes) => bytes,
            Kind::Broken(words) => return Err(Unavailable::Other(words.clone())),
            Kind::Odd(word) => return Err(Unavailable::NotAFile(word.clone())),
            Kind::Dir => return Err(Unavailable::NotAFile("directory".into())),
            Kind::Link(_) => return Err(Unavailable::Absent),
            Kind::Dead => return Err(Unavailable::TimedOut),
        };
        let part =
            if end { &bytes[bytes.len().saturating_sub(TAIL_LIMIT)..] } else { &bytes[..bytes.len().min(FILE_LIMIT)] };
        let link_to = match self.nodes.get(path).map(|node| &node.kind) {
            Some(Kind::Link(target)) => Some(path.parent().map_or(target.clone(), |parent| parent.join(target))),
            _ => None,
        };
        Ok(FileSeen {
            bytes: part.to_vec(),
            size: bytes.len() as u64,
            modified: node.modified,
            mode: node.mode,
            uid: node.uid,
            gid: node.gid,
            link_to,
        })
    }

    /// The names in a directory, for this user.
    pub fn list(&self, path: &Path, uid: u32) -> Observed<DirSeen> {
        let real = self.follow(path)?;
        match self.nodes.get(&real).map(|node| &node.kind) {
            Some(Kind::Dir) if !self.may(&real, uid, 4) => return Err(Unavailable::NotAllowed),
            Some(Kind::Dir) => {}
            Some(Kind::Broken(words)) => return Err(Unavailable::Other(words.clone())),
            Some(_) => return Err(Unavailable::Other("Not a directory (os error 20)".into())),
            None => return Err(Unavailable::Absent),
        }
        let mut entries = Vec::new();
        let mut cut = false;
        for (path, own) in self.below(&real) {
            if entries.len() == DIR_LIMIT {
                cut = true;
                break;
            }
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let led = self.follow(path).ok().and_then(|real| self.nodes.get(&real));
            let (kind, node) = match led {
                None if matches!(own.kind, Kind::Link(_)) => (EntryKind::Dangling, own),
                None => (EntryKind::Other, own),
                Some(node) => match node.kind {
                    Kind::File(_) | Kind::Broken(_) => (EntryKind::File, node),
                    Kind::Dir => (EntryKind::Dir, node),
                    Kind::Link(_) | Kind::Odd(_) | Kind::Dead => (EntryKind::Other, node),
                },
            };
            let size = if let Kind::File(bytes) = &node.kind { bytes.len() as u64 } else { 0 };
            entries.push(EntrySeen { name, kind, size, modified: node.modified });
        }
        entries.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(DirSeen { entries, cut })
    }

    /// Whether this user may make, rename or remove names in the directory of `path`.
    pub fn check_writable(&self, path: &Path, uid: u32) -> Result<(), OperationError> {
        let failed = |reason: &str| OperationError::io(path, reason);
        if let Some((_, words)) = self.unwritable.iter().find(|(dir, _)| path.starts_with(dir)) {
            return Err(failed(words));
        }
        let dir = path.parent().unwrap_or(Path::new("/"));
        let real = self.follow(dir).map_err(|trouble| failed(&words(&trouble)))?;
        match self.nodes.get(&real).map(|node| &node.kind) {
            Some(Kind::Dir) if self.may(&real, uid, 3) => Ok(()),
            Some(Kind::Dir) => Err(system_error(path, Errno::EACCES)),
            _ => Err(system_error(path, Errno::ENOTDIR)),
        }
    }

    /// Puts a node at a path in place of what is there; the caller has checked everything.
    pub fn set(&mut self, path: &Path, node: Node) {
        self.nodes.insert(path.to_path_buf(), node);
    }

    /// Takes exactly this entry out of its directory.
    pub fn unlink(&mut self, path: &Path) -> Option<Node> {
        self.nodes.remove(path)
    }

    /// Gives an entry, and everything below it, another name.
    pub fn rename(&mut self, from: &Path, to: &Path) {
        let moved: Vec<PathBuf> = self.nodes.keys().filter(|path| path.starts_with(from)).cloned().collect();
        for path in moved {
            if let (Some(node), Ok(rest)) = (self.nodes.remove(&path), path.strip_prefix(from)) {
                let place = if rest.as_os_str().is_empty() { to.to_path_buf() } else { to.join(rest) };
                self.nodes.insert(place, node);
            }
        }
    }
}

/// The components of a path, root and dots left out.
fn parts(path: &Path) -> VecDeque<PathBuf> {
    path.components()
        .filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir))
        .map(|part| PathBuf::from(part.as_os_str()))
        .collect()
}

/// The words of the system for a trouble.
pub(super) fn words(trouble: &Unavailable) -> String {
    match trouble {
        Unavailable::Absent => "No such file or directory (os error 2)".into(),
        Unavailable::NotAllowed => "Permission denied (os error 13)".into(),
        Unavailable::TimedOut => "no answer in time".into(),
        Unavailable::NotAFile(word) => format!("a {word}, not a regular file"),
        Unavailable::Untrusted(distrust) => distrust.what().get(crate::core::text::Lang::En).to_string(),
        Unavailable::Other(words) => words.clone(),
    }
}

/// What the kernel would answer for a path.
pub fn system_error(path: &Path, errno: Errno) -> OperationError {
    OperationError::of_system(path, &errno.into())
}
