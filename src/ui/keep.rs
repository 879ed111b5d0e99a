//! Keeps a session for the case that it is broken off, whichever face it has.

use crate::core::flow::{Interrupted, Session};

/// Writes what is kept; None forgets it.
pub type KeepSession = dyn Fn(Option<&Interrupted>);

/// The keeper: writes only when something changed.
pub struct Keep {
    write: Box<KeepSession>,
    known: Option<Interrupted>,
}

impl Keep {
    pub fn new(write: Box<KeepSession>) -> Keep {
        Keep { write, known: None }
    }

    /// Keeps the session as it is now, so that it can be taken up after a hang-up, a kill or a power cut. One that the
    /// operator left in order is over, unless a restart is still owed.
    pub fn session(&mut self, session: &Session, was_broken_off: bool) {
        let was_left = session.is_over() && !was_broken_off && session.owed_restart.is_empty();
        let now = if was_left { None } else { session.interrupted() };
        // The first call forgets what an earlier session left, once the operator has decided about it.
        if now != self.known {
            (self.write)(now.as_ref());
            self.known = now;
        }
    }
}
