//! What the agent keeps on a machine (files, processes, log lines), read from bytes by the agent's own rules.
//!
//! Everything here is pure: bytes and observations in, typed facts out. It may ask the machine through
//! [`Observations`](crate::core::observe::Observations); it must not judge (that is what checks do), change anything, or know the rooms above.

pub mod app_info;
pub mod boot;
pub mod config;
pub mod config_edit;
pub mod endpoint;
pub mod eyes;
pub mod identity_files;
pub mod in_force;
pub mod instance;
pub mod ip_rules;
pub mod json;
mod json_tree;
pub mod layout;
pub mod log;
pub mod names;

pub mod processes;
pub mod reach;
pub mod routes;
pub mod service;
pub mod status_log;
pub mod supervisor;
pub mod version;
