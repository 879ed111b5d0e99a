//! A plan being made: which observations it rests on, and that they are fresh.

use super::looking::Looking;
use crate::carry_out::Store;
use crate::carry_out::trust;
use crate::core::finding::RemedyId;
use crate::core::journal;
use crate::core::observe::Question;
use crate::core::remedies::{self, Inputs, Planned};
use std::collections::BTreeSet;

/// What is to be planned.
#[derive(Debug, Clone)]
pub enum PlanRequest {
    Remedy(RemedyId, Box<Inputs>),
    /// The undo of a journal entry.
    Undo {
        entry: String,
        store: Store,
    },
}

/// A plan being made. It rests on fresh observations only: what it reads that was seen earlier is looked at again.
pub(super) struct Planning {
    wish: PlanRequest,
    fresh: BTreeSet<Question>,
}

impl Planning {
    pub(super) fn of(wish: PlanRequest) -> Planning {
        Planning { wish, fresh: BTreeSet::new() }
    }

    /// The journal entry that is to be taken back, if that is the wish.
    pub(super) fn undoes(&self) -> Option<&str> {
        match &self.wish {
            PlanRequest::Remedy(..) => None,
            PlanRequest::Undo { entry, .. } => Some(entry),
        }
    }

    /// The plan, once all that it reads has been looked at anew.
    pub(super) fn attempt(&mut self, looking: &mut Looking) -> Option<Planned> {
        let seen = looking.found.seen();
        let planned = seen.noting(|seen| {
            let planned = match &self.wish {
                PlanRequest::Remedy(remedy, inputs) => remedies::plan(*remedy, inputs, seen),
                PlanRequest::Undo { entry, store } => journal::undo(entry, &looking.journals(store), seen),
            }?;
            trust::judged(planned, seen)
        });
        let mut wanted = planned.open;
        wanted.extend(planned.touched.into_iter().filter(|question| !self.fresh.contains(question)));
        if wanted.is_empty() {
            return planned.result.ok();
        }
        self.fresh.extend(wanted.iter().cloned());
        looking.found.forget(&wanted);
        let asked = looking.found.ask(wanted);
        looking.spawn(asked);
        None
    }
}
