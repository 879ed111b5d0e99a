//! What can be seen of a machine, as data: the questions, their answers, the smallest changes, and what was seen.
//!
//! Equal questions are asked once, and both sides can be recorded and played back. Who answers is not known here: that
//! is the room `host`, which stands on this one.

mod cloud;
mod distrust;
mod machine_group;
mod metadata;
mod observations;
mod operation;
mod place;
mod question;
mod table;
mod together;

/// A future that may be dropped at any time.
pub type Pending<T> = std::pin::Pin<Box<dyn Future<Output = T> + Send>>;

pub use cloud::*;
pub use distrust::{Distrust, DistrustBy, PlaceKind};
pub use machine_group::{KnownIdentity, Machine, MachineGroup};
pub use metadata::MetadataSeen;
pub use observations::{Noted, Observations, Unanswered};
pub use operation::{Done, Fingerprint, LiveLine, Operation, OperationError, ProcessId, ProcessSignal};
pub use place::{FilesystemSeen, PlaceSeen, ProgramFormat, ProgramSeen};
pub use question::*;
pub use table::{Answer, CloudAnswer, CloudQuestion, Question};
pub use together::Together;
