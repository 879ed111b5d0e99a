//! Names in directories: which of them can be the agent's program.

use crate::core::observe::{DirSeen, EntryKind, Observed};

/// Whether a file's name is that of the program, alone or with a version as `ilogtail_1.8.8`: not `ilogtail_config.json`.
pub fn is_agent_program(name: &str) -> bool {
    let is_of = |stem: &&str| {
        name.strip_prefix(*stem).is_some_and(|rest| {
            rest.is_empty() || rest.strip_prefix('_').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        })
    };
    ["ilogtail", "loongcollector"].iter().any(is_of)
}

/// The names of one kind in a directory; none if it cannot be listed.
pub(super) fn entry_names(dir: &Observed<DirSeen>, kind: EntryKind) -> impl Iterator<Item = &str> {
    let entries = dir.as_ref().map(|dir| dir.entries.as_slice()).unwrap_or_default();
    entries.iter().filter(move |entry| entry.kind == kind).map(|entry| entry.name.as_str())
}
