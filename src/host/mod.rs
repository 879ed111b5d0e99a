//! The machine: answers questions and, for `carry_out` only, applies changes.
//!
//! Everything that the program knows of a machine passes through [`Host::observe`] as a [`Question`] and its
//! [`Answer`]; so what was observed can be recorded, judged elsewhere, and played back. Observing never changes the
//! machine: no question can express a change, and commands come from the closed list [`ReadCommand`]. Changing goes through
//! [`Host::act`], which nothing but the room `carry_out` calls.

mod linux;

pub mod recorded;
pub mod simulated;

pub use linux::{LinuxHost, Options, distrust, distrust_for_root, readers, way_to_root};

use crate::core::observe::Pending;
use crate::core::observe::{Answer, Done, LiveLine, Operation, OperationError, Question};
use crate::core::service::Credentials;
use std::path::PathBuf;

/// Where live output of a running command goes, line by line, as it comes: text from outside, unsanitised.
pub type LiveOutput = tokio::sync::mpsc::UnboundedSender<LiveLine>;

/// A machine: this one, or a simulated one.
pub trait Host: Send + Sync {
    /// Answers one question. Always ends, within the host's time limit; what could not be looked at is an answer too.
    fn observe(&self, question: Question) -> Pending<Answer>;

    /// Applies one change. Only the room `carry_out` may call this.
    fn act(&self, act: Operation, live: LiveOutput) -> Pending<Result<Done, OperationError>>;

    /// Asks the service with this key from now on: one that was typed in, which lives in memory only. A host that asks no
    /// service has no use for it.
    fn use_key(&self, key: Credentials) {
        drop(key);
    }

    /// Holds a lock file for this process alone until the answer is dropped or the process ends, however it ends. `note`
    /// is what another process will be told of the holder. Only the room `carry_out` may call this. A host that no other
    /// process can change needs no lock.
    fn hold(&self, path: PathBuf, note: String) -> Pending<Result<Held, OperationError>> {
        let _ = (path, note);
        Box::pin(std::future::ready(Ok(Held::default())))
    }

    /// What the live process noted that holds a lock file; None when nobody does. It does not touch the lock.
    fn holder(&self, path: PathBuf) -> Pending<Option<String>> {
        let _ = path;
        Box::pin(std::future::ready(None))
    }
}

/// A lock that is let go when this is dropped.
#[derive(Default)]
pub struct Held(Option<Box<dyn Send>>);

impl Held {
    /// Keeps what holds the lock.
    pub fn by(keeper: impl Send + 'static) -> Held {
        Held(Some(Box::new(keeper)))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.0.take());
    }
}
