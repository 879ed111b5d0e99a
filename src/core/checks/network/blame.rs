//! Puts the blame where it belongs: a failure that something on this host explains is no cause of its own.

use super::Probe;
use super::causes::NetworkProblems;
use super::judge::Outcome;
use super::local::Reasons;
use super::names::{Answered, Names};
use crate::core::agent::reach::{Wanted, Way};
use crate::core::finding::{CauseId, Severity};
use crate::core::observe::ConnectError;
use crate::core::text::{Lang, Text};
use crate::say;
use std::net::IpAddr;

/// Blames what is wrong on this host itself: its network, its firewall, its routes, its name servers. What it stops is
/// then no cause of its own.
pub(super) fn blame_this_host(probes: &mut [Probe<'_>], local: &Reasons, names: &Names, answered: &[Answered]) {
    for probe in probes.iter_mut().filter(|probe| probe.is_failing()) {
        let is_nameless = matches!(probe.reach.resolved, None | Some(Err(_)));
        let is_unknown = matches!(probe.reach.resolved, Some(Err(_)));
        if let Some((cause, text)) = local.cause(&probe.wanted.target, is_unknown, probe.peer(), names.servers()) {
            let stalls = probe.reach.connected.as_ref().is_none_or(|made| made.is_err()) || probe.stalls_in_tls();
            if stalls {
                probe.blame(cause, |_| sentence_part(&text));
                continue;
            }
        }
        if !is_nameless || probe.cause() != Some(CauseId::DnsFailure) {
            continue;
        }
        if let Some(text) = names.missing() {
            probe.blame(CauseId::NameServerMissing, |_| sentence_part(&text));
        } else if let Some(text) = names.down(answered) {
            probe.blame(CauseId::NameServerDown, |_| sentence_part(&text));
        }
    }
}

/// A sentence as a part of another one: without its point.
fn sentence_part(text: &Text) -> Text {
    let (en, zh) = text.both();
    Text::filled(en.trim_end_matches('.').to_string(), zh.trim_end_matches('。').to_string())
}

/// Notes that small packets come through and large ones may not: the same address answers http at once, and TLS stalls.
/// A device that stops TLS alone looks the same, so the failure of TLS stays what it is, and the command tells them apart.
pub(super) fn note_large_packets(probes: &[Probe<'_>], troubles: &mut NetworkProblems) {
    let stalled = probes.iter().find(|probe| {
        let answers = |other: &&Probe<'_>| {
            let is_same = other.peer() == probe.peer() && other.peer().is_some();
            is_same && !other.wanted.target.tls && matches!(other.outcome, Outcome::Reached { .. })
        };
        probe.cause() == Some(CauseId::TlsFailure)
            && probe.stalls_in_tls()
            && probes.iter().any(|other| answers(&other))
    });
    let Some((probe, ip)) = stalled.and_then(|probe| Some((probe, probe.peer()?))) else { return };
    let text = say!(
        "http answers and TLS stalls, as it does where large packets are lost. `ping -M do -s 1372 {ip}` without an answer, while `ping -s 500 {ip}` has one, proves it (where ping is answered); then lower the MTU: `ip link set dev INTERFACE mtu 1400`",
        "http 有应答而 TLS 停滞，符合大包在途中丢失的特征。如果 `ping -M do -s 1372 {ip}` 无应答而 `ping -s 500 {ip}` 有应答即可证实（前提是对方响应 ping）；之后请减小 MTU：`ip link set dev 网卡 mtu 1400`"
    );
    troubles.note(CauseId::PathMtu, Severity::Warn, Some(probe.wanted.target.place()), text);
}

/// Notes name servers that answer slowly.
pub(super) fn note_slow(answered: &[Answered], troubles: &mut NetworkProblems) {
    for answer in answered {
        if let Some(ms) = answer.slow_ms() {
            let server = answer.server;
            let text = say!("name server {server} took {ms} ms to answer", "DNS 服务器 {server} 用了 {ms} 毫秒才应答");
            troubles.note(CauseId::NameServerSlow, Severity::Warn, None, text);
        }
    }
}

/// Blames lines of the hosts file that lead a failing name to a wrong address. Whether any did.
pub(super) fn blame_hosts(probes: &mut [Probe<'_>], names: &Names, answered: &[Answered]) -> bool {
    let mut blamed = false;
    for probe in probes.iter_mut().filter(|probe| probe.is_failing() && probe.wanted.target.proxy.is_none()) {
        let host = &probe.wanted.target.host;
        let Some(bound) = names.bound(host) else { continue };
        let leads_there = matches!(&probe.reach.resolved, Some(Ok(all)) if all.contains(&bound.to));
        // The kernel's own refusal has nothing to do with where the name leads.
        let is_local =
            matches!(&probe.reach.connected, Some(Err(ConnectError::NoRoute(_) | ConnectError::Forbidden(_))));
        if !leads_there || is_local || !is_wrong(probe.wanted, &bound.to, answered) {
            continue;
        }
        let line = bound.text();
        probe.blame(CauseId::DnsWrongAddress, |was| {
            let both = |lang: Lang, between: &str| [line.get(lang), was.get(lang)].join(between);
            Text::filled(both(Lang::En, "; "), both(Lang::Zh, "；"))
        });
        blamed = true;
    }
    blamed
}

/// Whether an address cannot be the endpoint's: the nameservers give others, or, when they give none, it is one that
/// no endpoint of the public cloud has.
fn is_wrong(wanted: &Wanted, to: &IpAddr, answered: &[Answered]) -> bool {
    let mut given = answered.iter().filter(|answer| answer.gives_addresses(&wanted.target.host)).peekable();
    if given.peek().is_some() {
        return given.all(|answer| !answer.confirms(to));
    }
    let is_inner = match to {
        IpAddr::V4(to) => to.is_loopback() || to.is_private() || to.is_unspecified(),
        IpAddr::V6(to) => to.is_loopback(),
    };
    is_inner && wanted.kind.network().is_some()
}

/// Blames a proxy that covers one scheme only, when the other one fails on the direct way.
pub(super) fn blame_half_a_proxy(probes: &mut [Probe<'_>], way: &Way) {
    let covers_one = way.proxies.http.is_some() != way.proxies.https.is_some();
    let is_of_use =
        |probe: &Probe<'_>| probe.wanted.target.proxy.is_some() && matches!(probe.outcome, Outcome::Reached { .. });
    if !covers_one || !probes.iter().any(is_of_use) {
        return;
    }
    let has_http = way.proxies.http.is_some();
    for probe in probes.iter_mut().filter(|probe| probe.wanted.target.proxy.is_none()) {
        let is_blocked = matches!(
            probe.cause(),
            Some(CauseId::DnsFailure | CauseId::DnsWrongAddress | CauseId::ConnectRefused | CauseId::ConnectTimeout)
        );
        if is_blocked && probe.wanted.target.tls == has_http {
            let (one, other) = if has_http { ("http", "https") } else { ("https", "http") };
            probe.blame(CauseId::ProxyMismatch, |was| {
                let (en, zh) = was.both();
                Text::filled(
                    format!("the agent's proxy covers {one} only, and without it {other} fails: {en}"),
                    format!("Agent 的代理只覆盖 {one}，{other} 直连失败：{zh}"),
                )
            });
        }
    }
}
