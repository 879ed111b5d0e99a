//! The filter of a list: what is typed after `/`, and which entries it leaves. Pure text; no terminal.

use crate::core::text::{Lang, Text};

/// The filter of the list on top.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Search {
    pub text: String,
    /// Whether letters go into the filter; after Enter they are keys again.
    pub is_typing: bool,
}

impl Search {
    /// Whether the filter leaves a line with this text; capital letters make no difference.
    pub fn leaves(&self, line: &str) -> bool {
        line.to_lowercase().contains(&self.text.trim().to_lowercase())
    }

    pub(super) fn leaves_text(&self, text: &Text) -> bool {
        self.leaves(text.get(Lang::En)) || self.leaves(text.get(Lang::Zh))
    }
}
