//! What is pure: everything that is computed from bytes, answers and a given time.
//!
//! Nothing here opens a file, a socket, a terminal or a clock, starts a program or awaits anything; so every judgement
//! and every plan can be tested as a table, recorded, and made again from a recording. `tests/house.rs` holds this room
//! to that by its imports. Around it stands the program: `cli`, `ui`, `engine`, `carry_out`, `report`, `memory`, `sls`,
//! `host`.

pub mod agent;
pub mod checks;
pub mod context;
pub mod finding;
pub mod firewall;
pub mod flow;
pub mod journal;
pub mod observe;
pub mod pseudonyms;
pub mod redact;
pub mod remedies;
pub mod service;
pub mod text;
