//! The faces that a person sits in front of: the wizard and the plain questions.
//!
//! The lower half knows terminals and nothing of the wizard: [`terminal`] (the screen and the way back from it),
//! [`input`] (keys), [`signals`] (signals and the vanished terminal), [`theme`] and [`glyphs`] (how meaning looks),
//! [`kind`] (which face fits this terminal), [`clipboard`] (copying through the terminal). The upper half draws
//! findings and plans with them and sends events. No part of this room asks the host anything.

pub mod clipboard;
pub mod escape;
pub mod glyphs;
pub mod input;
pub mod keep;
pub mod kind;
pub mod panic;
pub mod plain;
pub mod signals;
pub mod terminal;
pub mod theme;
pub mod view;
pub mod wizard;

mod encode;
mod frame;
pub(crate) mod sudo;
mod tty;

pub use glyphs::Glyphs;
pub use input::{Input, Keys};
pub use keep::Keep;
pub use kind::{FaceKind, decide_face};
pub use plain::Plain;
pub use signals::{Busy, Signal, Signals};
pub use terminal::{Gone, Screen};
pub use theme::{Depth, Theme};
pub use view::summary_lines;
pub use wizard::{Services, Wizard};
