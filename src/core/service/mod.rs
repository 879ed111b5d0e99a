//! The service as its HTTP API tells it: regions and endpoints, machine groups, heartbeats, and what its answers mean.
//!
//! Computed from bytes and a given time. Who talks to the service is the room `sls`, which stands on this one.

pub mod api;
pub mod credentials;
pub mod endpoint;
pub mod error;
mod error_text;
pub mod group_edit;
pub mod heartbeat;
pub mod message;
pub mod placement;
pub mod policy;
pub mod proxy;
pub mod secret;
pub mod sign;

pub use api::{Project, Region};
pub use credentials::{Credentials, Source};
pub use endpoint::Endpoint;
pub use error::{ApiError, ErrorKind, Failure};
pub use message::{HttpRequest, HttpResponse, Transport, TransportError};
pub use secret::{Secret, mask_key_id};
