//! The actors of the laboratory in one program: a stand-in for the agent and one for the service, the first process of
//! a laboratory host, and a client. It is built with the tests and never shipped.
//!
//! It plays the agent when its file is named `ilogtail_<version>` or `loongcollector_<version>`, else the role named
//! by its first argument. It imitates what is documented of the real ones; it shares no code with logtail-doctor but the
//! signing of requests, which the vectors of the official SDK prove.

#[path = "stand_in/address.rs"]
mod address;
#[path = "stand_in/agent.rs"]
mod agent;
#[path = "../sls_server/answers.rs"]
mod answers;
#[path = "stand_in/api.rs"]
mod api;
#[path = "stand_in/authority.rs"]
mod authority;
#[path = "stand_in/client.rs"]
mod client;
#[path = "stand_in/heart.rs"]
mod heart;
#[path = "stand_in/host.rs"]
mod host;
#[path = "stand_in/names.rs"]
mod names;
#[path = "stand_in/service.rs"]
mod service;
#[path = "stand_in/start_config.rs"]
mod start_config;

use std::io;
use std::path::Path;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let played = match (agent::Agent::of_this_program(), words.as_slice()) {
        (Some(agent), _) => agent.play(),
        (None, ["keeper", lab, stand_in, doctor, uplink, hostname]) => {
            host::keep(Path::new(lab), &[stand_in, doctor, hostname], uplink)
        }
        (None, ["init"]) => host::init(),
        (None, ["fetch", url]) => client::fetch(url),
        _ => Err(io::Error::other("usage: stand_in keeper LAB STAND_IN DOCTOR UPLINK HOSTNAME | init | fetch URL")),
    };
    if let Err(error) = played {
        println!("failed: {error}");
        eprintln!("stand_in: {error}");
        std::process::exit(1);
    }
}
