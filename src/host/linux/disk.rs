//! Reading and writing files for changes: all of a content, names that outlast a power failure, errors as data.

use super::files::open_regular;
use crate::core::observe::{OperationError, Unavailable};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// A file longer than this, in bytes, is not one that this program changes.
const CONTENT_LIMIT: u64 = 64 << 20;

/// All of a regular file, symlinks followed; None when there is none.
pub(super) fn content(path: &Path) -> Result<Option<Vec<u8>>, OperationError> {
    let (file, _) = match open_regular(path) {
        Ok(opened) => opened,
        Err(Unavailable::Absent) => return Ok(None),
        Err(trouble) => return Err(OperationError::io(path, words(trouble))),
    };
    let mut bytes = Vec::new();
    file.take(CONTENT_LIMIT + 1).read_to_end(&mut bytes).map_err(|error| io_error(path, &error))?;
    if bytes.len() as u64 > CONTENT_LIMIT {
        return Err(OperationError::io(path, "too large to be changed here"));
    }
    Ok(Some(bytes))
}

/// Makes a change of names in the directory of `path` outlast a power failure.
pub(super) fn sync_parent(path: &Path) -> Result<(), OperationError> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let opened = File::open(parent).and_then(|directory| directory.sync_all());
    opened.map_err(|error| io_error(parent, &error))
}

pub(super) fn io_error(path: &Path, error: &io::Error) -> OperationError {
    OperationError::of_system(path, error)
}

/// A reason in the operating system's manner; the faces add the sentence around it.
pub(super) fn words(trouble: Unavailable) -> String {
    match trouble {
        Unavailable::Absent => "no such file".into(),
        Unavailable::NotAllowed => "permission denied".into(),
        Unavailable::TimedOut => "no answer in time".into(),
        Unavailable::NotAFile(kind) => format!("it is a {kind}"),
        Unavailable::Other(reason) => reason,
    }
}
