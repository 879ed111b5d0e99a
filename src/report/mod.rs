//! One set of findings in several forms: JSON, text, Markdown, the text of a ticket, the support bundle.
//!
//! Everything here is made from one [`Report`], and a [`Report`] is made without secrets
//! ([`Redactor`](crate::core::redact::Redactor)); so no form can show more than another. This room judges nothing, and but for
//! the bundle it does no I/O.

mod anonymous;
mod bundle;
mod case;
mod contents;
mod evidence;
mod json;
mod markdown;
mod model;
mod recording;
mod self_test;
mod text;
mod ticket;

pub use crate::core::redact::{Redactor, Rule};
pub use anonymous::{Anonymous, anonymous};
pub use bundle::{BundleError, bundle_name, bundle_places, read_bundle, read_packed, write_bundle};
pub use case::Case;
pub use contents::{listing, pack};
pub use evidence::evidence_text;
pub use json::{SCHEMA_VERSION, json};
pub use markdown::markdown;
pub use model::{AgentInfo, Report, Taken};
pub use recording::Recording;
pub use self_test::{Planted, SelfTest, self_test};
pub use text::{Style, text};
pub use ticket::{TICKET_PAGE, TICKET_PAGE_INTERNATIONAL, ticket};
