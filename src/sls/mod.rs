//! The service as its HTTP API shows it: signing, client, credentials, ECS metadata, and what answers mean.
//!
//! Pure parts stand apart from those that talk: [`sign`], [`api`], [`error`], [`heartbeat`], [`group_edit`],
//! [`placement`], [`policy`], [`endpoint`] and the parsers of [`credentials`] compute from bytes and a given time;
//! [`transport`], [`client`], [`metadata`] and [`credentials::gather`] do the I/O. This room never decides what to
//! change: it carries out the one call that it is asked for, and says exactly what came of it.
//!
//! Secrets live in [`secret::Secret`] only. They are kept out of the observations of [`crate::host`] on purpose,
//! because those are recorded into the support bundle.

pub mod api;
pub mod client;
pub mod cloud_host;
pub mod credentials;
pub mod endpoint;
pub mod error;
mod error_text;
pub mod group;
pub mod group_edit;
pub mod group_write;
pub mod heartbeat;
pub mod message;
pub mod metadata;
pub mod placement;
pub mod policy;
pub mod proxy;
pub mod secret;
pub mod sign;
pub mod transport;

pub use api::{Machine, Project, Region};
pub use client::{Client, Reply};
pub use cloud_host::WithCloud;
pub use credentials::{Credentials, Source};
pub use endpoint::Endpoint;
pub use error::{ApiError, ErrorKind, Failure};
pub use group::MachineGroup;
pub use message::{HttpRequest, HttpResponse, Transport, TransportError};
pub use secret::{Secret, mask_key_id};
