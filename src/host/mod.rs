//! The machine: answers questions and, for `carry_out` only, applies changes.
//!
//! Everything that the program knows of a machine passes through [`Host::observe`] as a [`Question`] and its
//! [`Answer`]; so what was observed can be recorded, judged elsewhere, and played back. Observing never changes the
//! machine: no question can express a change, and commands come from the closed list [`Look`]. Changing goes through
//! [`Host::act`], which nothing but the room `carry_out` calls.

mod act;
mod linux;
mod metadata;
mod question;
mod seen;

pub mod recorded;
pub mod simulated;

pub use act::{Act, ActError, Done, Fingerprint, LiveLine};
pub use linux::{LinuxHost, Options, readers};
pub use metadata::MetadataSeen;
pub use question::*;
pub use seen::{Seen, Unseen};

use std::future::Future;
use std::pin::Pin;

/// A future that the engine may drop at any time.
pub type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Where live output of a running command goes, line by line, as it comes: text from outside, unsanitised.
pub type LiveOutput = tokio::sync::mpsc::UnboundedSender<LiveLine>;

/// A machine: this one, or a simulated one.
pub trait Host: Send + Sync {
    /// Answers one question. Always ends, within the host's time limit; what could not be looked at is an answer too.
    fn observe(&self, question: Question) -> Pending<Answer>;

    /// Applies one change. Only the room `carry_out` may call this.
    fn act(&self, act: Act, live: LiveOutput) -> Pending<Result<Done, ActError>>;
}
