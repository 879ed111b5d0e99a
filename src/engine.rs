//! The one loop that awaits: session effects → host → events. Every face runs on it.
//!
//! The engine knows no terminal and no sentence. It asks the host what checks and plans want to know, each distinct
//! question once and all in parallel, and turns answers, keys and progress into events for the session. What the
//! session is told has no secrets: findings and sentences pass through the [`Redactor`] first.

mod apply;
mod applying;
mod around;
mod frontend;
mod journal;
mod leaving;
mod looking;
mod masking;
mod patience;
mod planning;
mod run;
mod verify;
mod verifying;

pub use frontend::{Frontend, FrontendRequest};
pub use looking::Looking;
pub use planning::PlanRequest;
pub use run::run;
