//! From a remedy's id to the file that plans it.

use super::{Inputs, Planned};
use crate::finding::{RemedyId, StepId};
use crate::host::{Seen, Unseen};
use std::path::Path;

/// Plans a remedy from what was observed.
///
/// # Errors
/// Something has not been looked at yet; the question was noted.
pub fn plan(remedy: RemedyId, _inputs: &Inputs, _see: &Seen) -> Result<Planned, Unseen> {
    Ok(Planned::Refused(super::title(remedy)))
}

/// Plans the undo of a journal entry.
///
/// # Errors
/// Something has not been looked at yet; the question was noted.
pub fn undo(_entry: &str, _verify: StepId, _state_dir: &Path, _see: &Seen) -> Result<Planned, Unseen> {
    Err(Unseen)
}
