//! Whether a journal is believed: one that somebody else than root and its owner could have written tells nothing.

use super::entry::{JOURNAL, Journals};
use crate::core::observe::{Observations, Unanswered, Unavailable};
use crate::core::text::Text;

/// Why a journal is not believed, if one of them could have been written by somebody else.
///
/// # Errors
/// A journal has not been judged yet; the question was noted.
pub fn doubt_of_journals(journals: &Journals, see: &Observations) -> Result<Option<Text>, Unanswered> {
    let dirs = [Some(&journals.own), journals.roots.as_ref()];
    let asked: Vec<_> = dirs.into_iter().flatten().map(|dir| see.trusted(dir.join(JOURNAL))).collect();
    for judged in asked {
        if let Err(Unavailable::Untrusted(distrust)) = judged? {
            return Ok(Some(distrust.sentences()));
        }
    }
    Ok(None)
}
