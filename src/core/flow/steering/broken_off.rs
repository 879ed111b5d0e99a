//! What the operator decides of a change that was broken off.

use crate::core::flow::broken_off::{BrokenOff, Mending};
use crate::core::flow::{Action, Effect, Layer, Session};
use crate::core::journal::JournalEntry;

impl Session {
    /// Asks what is to become of a change that was broken off, above everything else.
    pub fn ask_about(&mut self, done: JournalEntry) {
        self.layers.push(Layer::BrokenOff(Box::new(BrokenOff { done, chosen: 0 })));
    }

    /// Does what was chosen about the change that was broken off.
    pub(super) fn mend(&mut self, mending: Mending) -> Vec<Effect> {
        if !matches!(self.layers.last(), Some(Layer::BrokenOff(_))) {
            return Vec::new();
        }
        let Some(Layer::BrokenOff(broken)) = self.layers.pop() else { return Vec::new() };
        match mending {
            Mending::Finish => {
                let remedy = broken.done.remedy;
                // The session that was broken off with it would plan the same remedy a second time.
                for layer in &mut self.layers {
                    if let Layer::Resume(offer) = layer {
                        offer.session.pending = offer.session.pending.filter(|pending| *pending != remedy);
                    }
                }
                self.act(Action::Remedy(remedy))
            }
            Mending::TakeBack => self.plan_undo(&broken.done),
            Mending::Leave => {
                self.rest_on_first_failure();
                Vec::new()
            }
        }
    }
}
