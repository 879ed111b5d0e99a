//! logtail-doctor: finds out why a machine shows no heartbeat in a machine group of Simple Log Service, and cures it.
//!
//! Data flows one way: arguments → [`context`]; [`host`] → observations; observations + context → [`finding`]s
//! ([`checks`]); findings + keys → [`flow`] → effects; effects → host. A room uses the rooms below it, never above:
//! `cli`, `ui`, `report`, `engine`, `flow`, `checks`, `remedies`, `carry_out`, `agent`, `sls`, `host`, `text`.
//! [`finding`], [`context`] and [`text`] are the words that all rooms share.

pub mod context;
pub mod finding;
pub mod host;
pub mod sls;
pub mod text;
