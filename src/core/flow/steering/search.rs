//! Filtering of what is listed.

use crate::core::finding::StepId;
use crate::core::flow::{Key, Layer, Session};

/// A filter is no longer than this many characters.
const LONGEST: usize = 60;

impl Session {
    /// Whether letters go into a filter now.
    pub fn is_filtering(&self) -> bool {
        self.search.as_ref().is_some_and(|search| search.is_typing)
    }

    /// Whether the filter leaves a line with this text; without a filter every line stays.
    pub fn leaves(&self, line: &str) -> bool {
        self.search.as_ref().is_none_or(|search| search.leaves(line))
    }

    /// The steps that the filter leaves; all of them when it leaves none, so that the cursor always has a place.
    pub fn steps_left(&self) -> Vec<StepId> {
        let all = || StepId::ALL.iter().copied();
        let Some(search) = &self.search else { return all().collect() };
        let left: Vec<_> = all()
            .filter(|step| search.leaves_text(&step.title()) || (step.index() + 1).to_string() == search.text.trim())
            .collect();
        if left.is_empty() { all().collect() } else { left }
    }

    /// Gives a key to the filter while it is typed; tells whether it took the key.
    pub(super) fn search_key(&mut self, key: &Key) -> bool {
        let Some(search) = self.search.as_mut().filter(|search| search.is_typing) else { return false };
        let room = LONGEST.saturating_sub(search.text.chars().count());
        match key {
            Key::Char(c) if !c.is_control() && room > 0 => search.text.push(*c),
            Key::Char(_) => {}
            Key::Paste(text) => {
                search.text.extend(text.trim().chars().filter(|c| !c.is_control()).take(room));
            }
            Key::Backspace => drop(search.text.pop()),
            Key::Ctrl('u') => search.text.clear(),
            Key::Enter => search.is_typing = false,
            _ => return false,
        }
        self.follow_search();
        true
    }

    /// Brings the cursor of the list onto an entry that the filter leaves.
    fn follow_search(&mut self) {
        let steps = self.steps_left();
        match self.layers.last_mut() {
            Some(Layer::Map { at }) if !steps.contains(at) => *at = steps.first().copied().unwrap_or(*at),
            Some(Layer::Journal(layer)) => layer.chosen = 0,
            Some(Layer::Groups(layer)) => layer.chosen = 0,
            Some(Layer::Help { scroll }) => *scroll = 0,
            _ => {}
        }
    }
}
