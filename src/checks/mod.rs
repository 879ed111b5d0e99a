//! One file a step: observations + context → finding. Pure.
//!
//! A check never does I/O, knows no clock and no terminal. It reads from [`Seen`]; what it has not seen yet it asks
//! for with `?`, and it is called again when the answer is there. A check never accuses what it could not look at:
//! missing evidence is `unknown`, and a step whose subject is not there is `skipped`.

mod investigation;

pub use investigation::{Asked, Checked, Investigation, Judge};
