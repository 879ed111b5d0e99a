//! The machine, in two halves: [`Host`] answers questions, [`MutableHost`] also applies changes.
//!
//! Everything that the program knows of a machine passes through [`Host::observe`] as a [`Question`] and its
//! [`Answer`]; so what was observed can be recorded, judged elsewhere, and played back. Observing never changes the
//! machine: no question can express a change, and commands come from the closed list [`ReadCommand`]. Whoever looks is
//! given a [`Host`], which cannot change anything; a [`MutableHost`] is handed to the room `carry_out` alone.
//!
//! [`ReadCommand`]: crate::core::observe::ReadCommand

mod cloud;
mod linux;

pub mod recorded;
pub mod simulated;

pub use cloud::WithCloud;
pub use linux::{LinuxHost, Options, distrust, distrust_for_root, readers, way_to_root};

use crate::core::observe::{Answer, Done, LiveLine, Operation, OperationError, Pending, Question};
use crate::core::service::Credentials;
use std::path::PathBuf;

/// Where live output of a running command goes, line by line, as it comes: text from outside, unsanitised.
pub type LiveOutput = tokio::sync::mpsc::UnboundedSender<LiveLine>;

/// A machine that can be looked at: this one, a simulated one, a recorded one.
pub trait Host: Send + Sync {
    /// Answers one question. Always ends, within the host's time limit; what could not be looked at is an answer too.
    fn observe(&self, question: Question) -> Pending<Answer>;

    /// Asks the service with this key from now on: one that was typed in, which lives in memory only. A host that asks no
    /// service has no use for it.
    fn use_key(&self, key: Credentials) {
        drop(key);
    }

    /// What the live process noted that holds a lock file; None when nobody does. It does not touch the lock.
    fn holder(&self, path: PathBuf) -> Pending<Option<String>> {
        let _ = path;
        Box::pin(std::future::ready(None))
    }
}

/// A machine that can be changed as well.
pub trait MutableHost: Host {
    /// Applies one change.
    fn perform(&self, operation: Operation, live: LiveOutput) -> Pending<Result<Done, OperationError>>;

    /// Holds a lock file for this process alone until the answer is dropped or the process ends, however it ends. `note`
    /// is what another process will be told of the holder. A host that no other process can change needs no lock.
    fn hold(&self, path: PathBuf, note: String) -> Pending<Result<Held, OperationError>> {
        let _ = (path, note);
        Box::pin(std::future::ready(Ok(Held::default())))
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
