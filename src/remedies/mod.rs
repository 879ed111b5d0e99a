//! One file a remedy: observations + context + inputs → plan. Pure: a remedy never changes anything itself.
//!
//! A [`Plan`] is data: the exact changes in order, why, who must run them, and which step proves the cure. Preview,
//! dry run, journal, undo and tests all read the same plan. Like a check, a remedy asks for what it has not seen yet.

mod dispatch;
mod plan;
mod preview;

pub use dispatch::{plan, undo};
pub use plan::{Change, InputId, Inputs, Plan, Planned};
pub use preview::{PreviewLine, PreviewMark, preview, shell_line, title};
