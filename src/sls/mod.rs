//! Talks to the service: the client of its HTTP API, keys that are looked for on this machine, ECS metadata.
//!
//! What is sent and what answers mean is computed in `core::service`. This room never decides what to change: it
//! carries out the one call that it is asked for, and says exactly what came of it. Keys are kept out of the
//! observations on purpose, because those are recorded into the support bundle.

pub mod client;
pub mod find;
pub mod gather;
pub mod group_write;
pub mod metadata;
pub mod transport;

pub use client::{Client, Reply};
