//! The readers of what this machine and its network say, by name, for the tests that feed them arbitrary bytes. Each
//! does exactly what this room does with such an answer; nothing here looks at a machine.

use super::{certificate, dns, http, identity, metadata, names, processes};
use crate::host::NameserverSaid;
use std::net::{Ipv4Addr, SocketAddr};

/// The question for the IPv4 addresses of a name, as it goes to a nameserver; None when no such name can exist.
pub fn nameserver_query(name: &str) -> Option<Vec<u8>> {
    dns::query(name)
}

/// What a nameserver's answer to that question says; None when it is no answer to it.
pub fn nameserver_answer(query: &[u8], answer: &[u8]) -> Option<NameserverSaid> {
    dns::read(query, answer)
}

/// The nameservers of a resolv.conf.
pub fn nameservers(text: &str) -> Vec<SocketAddr> {
    dns::nameservers(text)
}

/// The addresses that `getent ahostsv4` printed.
pub fn getent_rows(printed: &str) -> Vec<Ipv4Addr> {
    names::rows(printed)
}

/// The issuer that a certificate in DER names.
pub fn certificate_issuer(der: &[u8]) -> Option<String> {
    certificate::issuer_of(der)
}

/// `/proc/PID/stat`: name, state, parent, and start in ticks since boot.
pub fn process_stat(text: &str) -> Option<(String, char, u32, i64)> {
    processes::Stat::parse(text).map(|stat| (stat.name, stat.state, stat.ppid, stat.start_ticks))
}

/// `/proc/PID/environ`: what bears on the agent, without secrets.
pub fn process_environment(environ: &[u8]) -> Vec<(String, String)> {
    processes::bearing(environ)
}

/// The distribution's name in os-release.
pub fn distribution(release: &str) -> String {
    identity::pretty_name(release)
}

/// The token that the metadata service answered.
pub fn metadata_token(body: &[u8]) -> Option<String> {
    metadata::proper(body)
}

/// Host and port of a proxy.
///
/// # Errors
/// It names no place that can be connected to.
pub fn proxy_place(proxy: &str) -> Result<(String, u16), String> {
    http::proxy_place(proxy)
}
