//! The readers of what this machine and its network say, by name, for the tests that feed them arbitrary bytes. Each
//! does exactly what this room does with such an answer; nothing here looks at a machine.

use super::{acts, certificate, dns, groups, http, identity, metadata, names, processes};
use crate::core::observe::{LiveLine, NameserverSaid, Observed, Target};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

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

/// Whom a group of users lets in besides root and the owner, by the content of group(5) and passwd(5).
pub fn others_in(group: &str, passwd: &str, gid: u32, owner: u32) -> Option<String> {
    groups::others(group, passwd, gid, owner)
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

/// Status, headers and at most `limit` bytes of the body that a server sends in answer to a plain `GET`. Runs within
/// tokio.
///
/// # Errors
/// It is no HTTP answer, or none came within ten seconds.
pub async fn http_answer<S>(stream: S, limit: usize) -> Observed<(u16, Vec<(String, String)>, Vec<u8>)>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let target = Target { tls: false, host: "log.invalid".into(), port: 80, path: "/".into(), proxy: None };
    let request =
        http::Request { target, method: "GET", headers: vec![], body: vec![], body_limit: limit, connecting: None };
    let answer = http::talk(stream, &request, "/", Instant::now() + Duration::from_secs(10)).await?;
    Ok((answer.status, answer.headers, answer.body))
}

/// The status that a proxy answers when it is asked for a tunnel; None when it is no HTTP answer.
pub async fn tunnel_status<S>(mut stream: S) -> Option<u16>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let target = Target { tls: true, host: "log.invalid".into(), port: 443, path: "/".into(), proxy: None };
    http::tunnel(&mut stream, &target).await.ok()
}

/// The lines of live output that a running command's output makes, which comes in these pieces; the first word of a
/// piece says whether it is error output.
pub fn live_lines<'a>(pieces: impl Iterator<Item = (bool, &'a [u8])>) -> Vec<LiveLine> {
    acts::lines(pieces)
}
