//! How the cursor moves: in a text, in a list, among the actions of a page. One motion serves all of them.

use crate::core::flow::{Layer, Mending, Session};

/// Where a text or a list of entries moves to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Motion {
    Line { down: bool },
    Page { down: bool },
    End { down: bool },
}

impl Motion {
    /// The place that is reached from `at`, when the last one is `last` and a page has `page` places.
    pub(super) fn from(self, at: usize, last: usize, page: usize) -> usize {
        let (down, by) = match self {
            Motion::Line { down } => (down, 1),
            Motion::Page { down } => (down, page.max(1)),
            Motion::End { down } => (down, usize::MAX),
        };
        let at = at.min(last);
        if down { at.saturating_add(by).min(last) } else { at.saturating_sub(by) }
    }
}

impl Session {
    pub(super) fn choose_move(&mut self, down: bool) {
        if !self.layers.is_empty() {
            return self.scroll(Motion::Line { down });
        }
        let last = self.actions().len().saturating_sub(1);
        self.has_moved = true;
        self.chosen = Motion::Line { down }.from(self.chosen, last, 1);
    }

    /// Moves the text on top, or the cursor of the list on top. A page leaves one line in sight.
    pub(super) fn scroll(&mut self, motion: Motion) {
        let (lines, height) = self.extent;
        let (last, page) = (lines.saturating_sub(height), height.saturating_sub(1));
        let steps = self.steps_left();
        match self.layers.last_mut() {
            Some(Layer::Help { scroll }) => *scroll = motion.from(*scroll, last, page),
            Some(Layer::Remedy(layer)) => layer.scroll = motion.from(layer.scroll, last, page),
            Some(Layer::Map { at }) => {
                let index = steps.iter().position(|known| known == at).unwrap_or(0);
                let index = motion.from(index, steps.len().saturating_sub(1), page);
                *at = steps.get(index).copied().unwrap_or(*at);
            }
            Some(Layer::Journal(_)) => self.journal_move(motion, page),
            Some(Layer::Groups(_)) => self.group_move(motion, page),
            Some(Layer::BrokenOff(broken)) => broken.chosen = motion.from(broken.chosen, Mending::ALL.len() - 1, page),
            Some(_) => {}
            None => self.scroll = motion.from(self.scroll, last, page),
        }
    }
}
