//! What was ordered, what was changed, and how it is taken back, as data: the order and its progress, the lines of the
//! journal and what they tell, the plan that takes an entry back.
//!
//! Nothing here touches a machine: `carry_out` writes the lines and makes the changes.

pub mod commands;
mod entry;
mod order;
mod request;
mod trust;
mod undo;

pub use entry::{
    JOURNAL, JournalEntry, JournalLine, Journals, Record, RecordKind, Recorded, broken_off, entries, read_journals,
    together, whole_lines,
};
pub use order::{Applied, AppliedResult, ChangeState, Consent, ConsentBy, Order, Progress};
pub use request::{choose_entry, undo};
pub use undo::{can_be_undone, is_torn, undo_plan};
