//! The machine groups of the project, to choose the one that is meant. The names are there at once; of the groups around
//! the cursor more is read, a few at a time, because a project may have a thousand.

use crate::core::checks::{About, ListedGroup};
use crate::core::text::Text;
use std::collections::BTreeSet;

/// The list as a layer.
#[derive(Debug, Clone, Default)]
pub struct GroupLayer {
    /// None until the names are there; else the groups, or why they cannot be listed.
    pub groups: Option<Result<Vec<ListedGroup>, Text>>,
    /// The group under the cursor, among those that the filter leaves.
    pub chosen: usize,
    /// The groups that were asked about.
    pub(super) asked: BTreeSet<String>,
}

impl GroupLayer {
    /// Whether answers about groups are awaited.
    pub fn is_reading(&self) -> bool {
        let Some(Ok(groups)) = &self.groups else { return self.groups.is_none() };
        groups.iter().any(|group| group.about == About::NotRead && self.asked.contains(&group.name))
    }
}
