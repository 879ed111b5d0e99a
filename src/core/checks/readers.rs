//! The readers of files and printed text that the checks judge by, by name, for the tests that feed them arbitrary
//! bytes. Each does exactly what the check does with such a text.

use super::network::{names, shell};
use super::running::stability;
use crate::core::agent::boot;
use crate::core::agent::reach::Proxy;
use crate::core::agent::routes;
pub use crate::core::firewall::{Dialect, Packet, Ruleset, follow, iptables, nft};
use std::net::{IpAddr, Ipv4Addr};

/// The interface that `/proc/net/route` sends an address to, `*` for a route that rejects.
pub fn route(table: &str, to: Ipv4Addr) -> Option<String> {
    routes::route(table, to).map(|route| if route.rejects { "*".to_string() } else { route.interface })
}

/// The nameservers of a resolv.conf that the C library uses.
pub fn nameservers(text: &str) -> Vec<IpAddr> {
    routes::nameservers(text)
}

/// The sources of names in nsswitch.conf.
pub fn name_sources(text: &str) -> Option<String> {
    names::sources(text)
}

/// The names that a hosts file binds: name in lower case, address, and line from 1.
pub fn bound_names(text: &str) -> Vec<(String, IpAddr, usize)> {
    names::bound(text).into_iter().map(|bound| (bound.name, bound.to, bound.line)).collect()
}

/// The proxy for http that a script for login shells sets.
pub fn shell_proxy(script: &str) -> Option<Proxy> {
    shell::set_in(script)
}

/// The kernel's lines about an illegal instruction in the agent, with seconds since boot.
pub fn traps(kernel_log: &str) -> Vec<(Option<i64>, &str)> {
    stability::traps(kernel_log).collect()
}

/// Whether a name in an rc directory starts the service at boot.
pub fn is_start_link(name: &str, service: &str) -> bool {
    boot::is_start_link(name, service)
}

/// Whether a boot script calls the service.
pub fn is_called(script: &str, service: &str) -> bool {
    boot::is_called(script, service)
}
