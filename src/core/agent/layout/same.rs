//! Install directories that are the same under two names: by device and number of the directory, not by its name. A link to
//! a data disk is a usual thing, and an agent may be started by either name.

use super::{Place, is_usual_place};
use crate::core::observe::{Observations, Unanswered};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The places with those of one directory put together, under the installer's name where it has one.
///
/// # Errors
/// Something has not been looked at yet.
pub(super) fn merged(
    see: &Observations,
    places: BTreeMap<PathBuf, Place>,
) -> Result<BTreeMap<PathBuf, Place>, Unanswered> {
    if places.len() < 2 {
        return Ok(places);
    }
    let looked: Vec<_> = places.keys().map(|dir| see.place(dir)).collect();
    let mut known = Vec::new();
    for place in looked {
        known.push(place?.as_ref().ok().map(|place| (place.device, place.inode)));
    }
    let mut all: Vec<_> = places.into_iter().zip(known).collect();
    // The installer's name first: the others are put to it.
    all.sort_by_key(|((dir, _), _)| !is_usual_place(dir));
    let mut names: BTreeMap<(u64, u64), PathBuf> = BTreeMap::new();
    let mut out: BTreeMap<PathBuf, Place> = BTreeMap::new();
    for ((dir, place), file) in all {
        let name = match file {
            Some(file) => names.entry(file).or_insert_with(|| dir.clone()).clone(),
            None => dir,
        };
        out.entry(name).or_default().take_in(place);
    }
    Ok(out)
}

impl Place {
    fn take_in(&mut self, other: Place) {
        self.processes.extend(other.processes);
        self.processes.sort_by_key(|process| process.pid);
        self.program_replaced |= other.program_replaced;
        self.running = self.running.take().or(other.running);
        if self.suffix.is_empty() {
            self.suffix = other.suffix;
        }
    }
}
