//! logtail-doctor: finds out why a machine shows no heartbeat in a machine group of Simple Log Service, and cures it.
//!
//! Data flows one way: arguments → [`context`]; [`host`] → observations; observations + context → [`finding`]s
//! ([`checks`]); findings + keys → [`flow`] → effects; effects → host. A room uses the rooms below it, never above:
//! `cli`, `ui`, `report`, `memory`, `engine`, `flow`, `checks`, `remedies`, `carry_out`, `agent`, `sls`, `redact`,
//! `host`, `text`.
//! [`finding`], [`context`] and [`text`] are the words that all rooms share.

pub mod agent;
pub mod carry_out;
pub mod checks;
pub mod cli;
pub mod context;
pub mod engine;
pub mod finding;
pub mod flow;
pub mod host;
pub mod memory;
pub mod redact;
pub mod remedies;
pub mod report;
pub mod sls;
pub mod text;
pub mod ui;
