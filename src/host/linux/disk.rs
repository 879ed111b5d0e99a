//! Errors of the operating system as data, and in words.

use crate::core::observe::{OperationError, Unavailable};
use crate::core::text::Lang;
use std::io;
use std::path::Path;

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
        Unavailable::Untrusted(distrust) => distrust.what().get(Lang::En).to_string(),
        Unavailable::Other(reason) => reason,
    }
}
