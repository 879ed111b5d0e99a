//! The promises of the program from outside, one module a promise, in one binary: so it is linked once, and tests that
//! wait for a host leave the processor to others.
//!
//! What a machine lacks for a test (root, namespaces, sudo, tmux …) skips it with the reason; the binary `summary`, which
//! runs last, counts what ran and what was skipped.

mod bad_input;
mod checks_host;
mod cli;
mod cloud_in_lab;
mod demo;
mod demo_by_keys;
mod faces_on_a_small_host;
mod firewall_in_lab;
mod fuzz_bodies;
mod fuzz_corpus;
mod house;
mod lab_self;
mod operator;
mod proof;
mod readme;
mod remedies;
mod scenarios;
mod secrets;
mod session;
mod session_changes;
mod sls_server;
mod suspend;
mod terminals;
mod threat_model;
mod trust;
mod wizard_in_lab;
mod wizard_matrix;
mod wording;

#[test]
fn this_binary_is_counted() {
    lab::skip::count_this_binary();
}
