//! logtail-doctor: finds out why a machine shows no heartbeat in a machine group of Simple Log Service, and cures it.
//!
//! Data flows one way: arguments → [`core::context`]; [`host`] → observations; observations + context →
//! [`core::finding`]s ([`core::checks`]); findings + keys → [`core::flow`] → effects; effects → host. A room uses the
//! rooms below it, never above: `cli`, `ui`, `report`, `memory`, `engine`, `carry_out`, `sls`, `host`, `core`.

pub mod carry_out;
pub mod cli;
pub mod core;
pub mod engine;
pub mod host;
pub mod memory;
pub mod report;
pub mod sls;
pub mod ui;

#[cfg(test)]
mod tests {
    #[test]
    fn this_binary_is_counted() {
        lab::skip::count_this_binary();
    }
}
