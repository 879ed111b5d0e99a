//! Applies a plan: consent, freshness, backup, journal, roll-back. The only room that changes the machine: [`Applier`]
//! holds the only [`MutableHost`](crate::host::MutableHost), and gives everybody else one that can only be looked at.
//!
//! A simulated host is changed by the same code as a real one. Nothing is decided here: the plan says what to do, the
//! consent says that the operator read it. Before the first change every file that the plan relies on is looked at
//! again; if one moved, nothing happens and the plan is made anew.

mod applier;
mod apply;
mod cleanup;
mod close;
pub mod elevation;
mod failure;
pub mod helper;
mod leftovers;
mod reverse;
mod rollback;
mod roots_journal;
mod store;
pub mod trust;
mod watch;
mod work;

pub use applier::Applier;
pub use roots_journal::WithRootsJournal;
pub use store::{Store, ask_for_journals, backup_path, last_change, under_way};

#[cfg(test)]
mod tests;
