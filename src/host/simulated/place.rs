//! What stands at a path of a simulated host. Its file systems are not simulated, and every program can be run there.

use super::files::{Files, Kind};
use crate::core::observe::{EntryKind, Observed, PlaceSeen, ProgramFormat, ProgramSeen};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

impl Files {
    pub(super) fn place(&self, path: &Path) -> Observed<PlaceSeen> {
        let own = self.node(path);
        let link_to = match own.map(|node| &node.kind) {
            Some(Kind::Link(target)) => Some(path.parent().map_or(target.clone(), |parent| parent.join(target))),
            _ => None,
        };
        let real = match self.follow(path) {
            Ok(real) => Some(real),
            Err(_) if link_to.is_some() => None,
            Err(trouble) => return Err(trouble),
        };
        let node = real.as_deref().and_then(|real| self.node(real)).or(own);
        let kind = match (node.map(|node| &node.kind), &real) {
            (_, None) => EntryKind::Dangling,
            (None, _) => return Err(crate::core::observe::Unavailable::Absent),
            (Some(Kind::Dir), _) => EntryKind::Dir,
            (Some(Kind::File(_) | Kind::Broken(_)), _) => EntryKind::File,
            (Some(_), _) => EntryKind::Other,
        };
        let mut number = DefaultHasher::new();
        real.hash(&mut number);
        Ok(PlaceSeen {
            kind,
            link_to,
            device: 1,
            inode: number.finish(),
            mode: node.map_or(0, |node| node.mode),
            uid: node.map_or(0, |node| node.uid),
            gid: node.map_or(0, |node| node.gid),
            has_access_list: false,
            filesystem: None,
            real,
        })
    }

    pub(super) fn program(&self, path: &Path, arch: &str) -> Observed<ProgramSeen> {
        let mode = self.place(path)?.mode;
        let format = ProgramFormat::Elf { machine: arch.into(), loader: None, missing: Vec::new() };
        Ok(ProgramSeen { mode, format })
    }
}
