//! A session that was interrupted is kept, offered and resumed.

use crate::core::flow::interrupted::{Interrupted, Offer};
use crate::core::flow::{Action, Effect, Layer, Session};

impl Session {
    /// What is to be kept of this session; None while the operator has decided nothing yet.
    pub fn interrupted(&self) -> Option<Interrupted> {
        if let Some(Layer::Resume(offer)) = self.layers.first() {
            return Some(offer.session.clone());
        }
        let pending = self.layers.iter().find_map(|layer| match layer {
            Layer::Remedy(layer) if !layer.is_undo && !layer.is_over() => Some(layer.remedy),
            _ => None,
        });
        let is_worth_it = self.has_moved || pending.is_some() || !self.owed_restart.is_empty();
        is_worth_it.then(|| Interrupted {
            place: self.place,
            owed_restart: self.owed_restart.clone(),
            pending,
            console_heartbeat: self.context.console_heartbeat,
        })
    }

    /// Offers a session that was broken off, before anything else.
    pub fn offer(&mut self, offer: Offer) {
        self.layers.push(Layer::Resume(Box::new(offer)));
    }

    /// Takes the offered session up again.
    pub(super) fn resume(&mut self) -> Vec<Effect> {
        let Some(Layer::Resume(offer)) = self.layers.pop() else { return Vec::new() };
        let Interrupted { place, owed_restart, pending, console_heartbeat } = offer.session;
        self.owed_restart = owed_restart;
        self.walk_to(place);
        let mut effects = Vec::new();
        if console_heartbeat.is_some() {
            let mut context = self.context.clone();
            context.console_heartbeat = console_heartbeat;
            effects.extend(self.judge(context));
        }
        if let Some(remedy) = pending {
            effects.extend(self.act(Action::Remedy(remedy)));
        }
        effects
    }
}
