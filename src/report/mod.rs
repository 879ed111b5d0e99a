//! One set of findings in several forms: JSON, text, Markdown, the text of a ticket, the support bundle.
//!
//! Everything here is made from one [`Report`], and a [`Report`] is made without secrets
//! ([`Redactor`](crate::core::redact::Redactor)); so no form can show more than another. This room judges nothing, and but for
//! the bundle it does no I/O.

mod bundle;
mod case;
mod evidence;
mod json;
mod markdown;
mod model;
mod recording;
mod text;
mod ticket;

pub use crate::core::redact::{Redactor, Rule};
pub use bundle::{BundleError, bundle_name, bundle_places, pack, read_bundle, read_packed, write_bundle};
pub use case::Case;
pub use evidence::evidence_text;
pub use json::{SCHEMA_VERSION, json};
pub use markdown::markdown;
pub use model::{AgentInfo, Report, Taken};
pub use recording::Recording;
pub use text::{Style, text};
pub use ticket::{TICKET_PAGE, TICKET_PAGE_INTERNATIONAL, ticket};
