//! The flowchart and the session: events in, effects out. Pure: no clock, no I/O, no terminal.
//!
//! [`graph`] is the flowchart of the vendor's document as one table. [`Session`] is everything that the operator sees
//! and can do; [`Session::handle`] is the only thing that changes it, and what it wants done outside comes back as
//! [`Effect`]s. So every face (wizard, plain questions, tests) drives the same wizard, and a test can walk it alone.

pub mod graph;

mod broken_off;
mod form;
mod group_layer;
mod interrupted;
mod journal_layer;
mod key_form;
mod keys;
mod proof;
mod remedy_layer;
mod search;
mod session;
mod steering;
mod watch;

pub use broken_off::{BrokenOff, Mending};
pub use form::{Choice, Form, FormKey, Offered, Purpose, Row};
pub use group_layer::GroupLayer;
pub use interrupted::{Interrupted, Offer};
pub use journal_layer::{JournalLayer, UnderWay, recorded_word, undo_command};
pub use key_form::{KeyField, KeyForm};
pub use keys::{Binding, Command, Key};
pub use proof::{Goal, Proof};
pub use remedy_layer::{Button, RemedyLayer, Stage};
pub use search::Search;
pub use session::{Action, Around, Clip, Demo, Effect, Event, Layer, Notice, Place, Session, StepView, Way};
pub use steering::{command_for, rolled_back};
pub use watch::{HeartbeatAge, WatchLayer};
