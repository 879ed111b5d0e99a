//! What stands at a path, on which file system, and what a program needs to run: the answers of two questions. Data only.

use super::question::EntryKind;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What stands at a path. Links are followed, but for [`PlaceSeen::link_to`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceSeen {
    pub kind: EntryKind,
    /// Where the path itself leads when it is a link, one step.
    pub link_to: Option<PathBuf>,
    /// The path without any link; None where a link leads nowhere.
    pub real: Option<PathBuf>,
    /// Device and number of the file: two paths with the same two are the same.
    pub device: u64,
    pub inode: u64,
    /// Permission bits.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// Whether an access list says more than the permission bits do.
    pub has_access_list: bool,
    pub filesystem: Option<FilesystemSeen>,
}

/// The file system that a path lies on, as it is mounted there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilesystemSeen {
    pub mount_point: Option<PathBuf>,
    /// `ext4`, `overlay`, `tmpfs`; empty when not known.
    pub kind: String,
    pub read_only: bool,
    pub no_exec: bool,
    /// Bytes that root, and that others may still write.
    pub free: u64,
    pub available: u64,
    pub size: u64,
    /// File system entries that can still be made; a total of 0 means that there is no such limit.
    pub free_inodes: u64,
    pub inodes: u64,
}

/// What a program needs to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramSeen {
    /// Permission bits.
    pub mode: u32,
    pub format: ProgramFormat,
}

/// How a program is to be run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProgramFormat {
    Elf {
        /// `x86_64`, `aarch64`, `x86`, …; a number for others.
        machine: String,
        /// The loader, and whether it is there; None for a static program.
        loader: Option<(PathBuf, bool)>,
        /// Libraries that it needs and that are in none of the loader's places.
        missing: Vec<String>,
    },
    /// `#!`: the interpreter, and whether it is there.
    Script { interpreter: PathBuf, is_there: bool },
    /// Neither: empty, cut off, something else.
    Other,
}
