//! Names and connections of a simulated host: what the resolver says, and what comes of a request.
//!
//! Names are looked up as the C library does: numbers first, then /etc/hosts, then (where the host is so configured)
//! the host's own name, then DNS. What a place on the network does is a list of rules, the last that fits wins.

use super::parts::{Reaction, Way};
use super::world::World;
use crate::core::observe::{
    ConnectError, HttpSeen, LookupSeen, MetadataSeen, NameError, NameserverSaid, NameserverSeen, Observed, ReachSeen,
    Target, TlsError, TlsSeen, Unavailable,
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

/// How long the simulated resolver and network take, in milliseconds.
const NAME_MS: u64 = 1;
const CONNECT_MS: u64 = 3;
/// What an unanswered attempt costs, in milliseconds.
const SILENCE_MS: u64 = 3000;
/// The certificate of the service began this long ago and ends as long from now, in days.
const CERTIFICATE_DAYS: i64 = 60;

/// Whether a name fits a pattern: the same, or below `*.suffix`.
fn fits(pattern: &str, name: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(suffix) => name.len() > suffix.len() && name.ends_with(suffix),
        None => pattern == name,
    }
}

impl World {
    /// What `getaddrinfo` gives, IPv4 only; empty when there is no such name.
    pub(super) fn resolve(&self, name: &str) -> Result<Vec<Ipv4Addr>, Unavailable> {
        if let Some(address) = number(name) {
            return Ok(vec![address]);
        }
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let hosts = String::from_utf8_lossy(self.files.content(Path::new("/etc/hosts")).unwrap_or_default());
        let bound = in_hosts(&hosts, &name);
        if !bound.is_empty() {
            return Ok(bound);
        }
        if self.dns.myhostname && name == self.hostname.to_ascii_lowercase() {
            let all = self.interfaces.iter().flat_map(|one| one.ipv4.iter().copied());
            let own: Vec<Ipv4Addr> = all.filter(|address| !address.is_loopback()).collect();
            return Ok(if own.is_empty() { vec![Ipv4Addr::new(127, 0, 0, 2)] } else { own });
        }
        if self.dns.silent {
            return Err(Unavailable::Other("no nameserver answers".into()));
        }
        Ok(self.named(&name))
    }

    /// What the nameservers know of a name.
    fn named(&self, name: &str) -> Vec<Ipv4Addr> {
        let known = self.dns.table.iter().filter(|(pattern, _)| fits(pattern, name));
        let best = known.max_by_key(|(pattern, _)| (!pattern.starts_with('*'), pattern.len()));
        best.map(|(_, addresses)| addresses.clone()).unwrap_or_default()
    }

    /// One nameserver asked directly; all of them know the same.
    pub(super) fn ask_nameserver(&self, name: &str) -> NameserverSeen {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let (said, elapsed_ms) = match self.named(&name) {
            _ if self.dns.silent => (NameserverSaid::Silent, SILENCE_MS),
            none if none.is_empty() => (NameserverSaid::NoSuchName, NAME_MS),
            addresses => (NameserverSaid::Addresses(addresses), NAME_MS),
        };
        NameserverSeen { said, elapsed_ms }
    }

    /// The metadata of ECS, when this is an instance.
    pub(super) fn metadata(&self) -> Observed<MetadataSeen> {
        let ecs = self.cloud.ecs.as_ref().ok_or(Unavailable::TimedOut)?;
        Ok(MetadataSeen {
            instance_id: "i-bp1demo0healthy00".into(),
            region: ecs.region.clone(),
            zone: format!("{}-h", ecs.region),
            owner_account_id: ecs.account.clone(),
            private_ipv4: self
                .interfaces
                .iter()
                .find_map(|one| one.ipv4.iter().find(|ip| !ip.is_loopback()))
                .map(ToString::to_string)
                .unwrap_or_default(),
        })
    }

    pub(super) fn lookup(&self, name: &str) -> LookupSeen {
        let addresses = if name.is_empty() || name.starts_with('-') || name.contains(['\0', ' ', '/']) {
            Ok(Vec::new())
        } else {
            self.resolve(name)
        };
        let elapsed_ms = if addresses.is_err() { SILENCE_MS } else { NAME_MS };
        LookupSeen { addresses, by: format!("getent ahostsv4 {name}"), elapsed_ms }
    }

    /// The rule for a place; nobody is there when none fits, so the packets get lost.
    fn reaction_at(&self, host: &str, port: u16, way: Way) -> Reaction {
        if self.firewall.as_ref().is_some_and(|firewall| firewall.drops(port)) {
            return Reaction::Silent;
        }
        let host = host.to_ascii_lowercase();
        let rule = self.network.iter().rev().find(|rule| {
            fits(&rule.host, &host)
                && rule.port.is_none_or(|only| only == port)
                && (rule.way == Way::Any || rule.way == way)
        });
        rule.map_or(Reaction::Silent, |rule| rule.reaction.clone())
    }

    /// One request, stage by stage.
    pub(super) fn reach(&self, target: &Target) -> ReachSeen {
        let mut seen = ReachSeen { elapsed_ms: NAME_MS, ..ReachSeen::default() };
        let proxy = match target.proxy.as_deref().map(proxy_place) {
            Some(None) => {
                let nowhere = Ipv4Addr::UNSPECIFIED.into();
                let reason = "this proxy address is not understood".to_string();
                seen.connected = Some(Err(ConnectError::Other(nowhere, reason)));
                return seen;
            }
            Some(place) => place,
            None => None,
        };
        let (host, port) = proxy.clone().unwrap_or_else(|| (target.host.clone(), target.port));
        let address = match self.resolve(&host) {
            Ok(found) if !found.is_empty() => {
                seen.resolved = Some(Ok(found.iter().map(|address| IpAddr::V4(*address)).collect()));
                IpAddr::V4(found[0])
            }
            Ok(_) => {
                seen.resolved = Some(Err(NameError::NoSuchName));
                return seen;
            }
            Err(_) => {
                seen.resolved = Some(Err(NameError::NoAnswer));
                seen.elapsed_ms = SILENCE_MS;
                return seen;
            }
        };
        let mut reaction = self.reaction_at(&host, port, Way::Direct);
        if proxy.is_some() && reaction == Reaction::Proxy {
            reaction = match self.reaction_at(&target.host, target.port, Way::Proxied) {
                Reaction::Sls => Reaction::Sls,
                Reaction::Tls(trouble) => Reaction::Tls(trouble),
                Reaction::Foreign { status, body } => Reaction::Foreign { status, body },
                _ if target.tls => {
                    let reason = "the proxy answered 502".to_string();
                    seen.connected = Some(Err(ConnectError::Other(address, reason)));
                    return seen;
                }
                _ => Reaction::Foreign { status: 502, body: "<html><title>502 Bad Gateway</title></html>".into() },
            };
        }
        self.converse(&mut seen, address, reaction, target.tls);
        seen
    }

    /// Connection, TLS and answer.
    fn converse(&self, seen: &mut ReachSeen, address: IpAddr, reaction: Reaction, tls: bool) {
        let refused = match reaction {
            Reaction::Refuses => Some(ConnectError::Refused(address)),
            Reaction::Silent => Some(ConnectError::Silent(address)),
            Reaction::NoRoute => Some(ConnectError::NoRoute(address)),
            Reaction::Forbidden => Some(ConnectError::Forbidden(address)),
            _ => None,
        };
        if let Some(trouble) = refused {
            seen.elapsed_ms = if matches!(trouble, ConnectError::Silent(_)) { SILENCE_MS } else { CONNECT_MS };
            seen.connected = Some(Err(trouble));
            return;
        }
        seen.connected = Some(Ok((address, CONNECT_MS)));
        seen.elapsed_ms += CONNECT_MS;
        if tls {
            let made = match &reaction {
                Reaction::Tls(trouble) => Err(trouble.clone()),
                Reaction::Mute => Err(TlsError::Broken("no answer in time".into())),
                _ => self.certificate(),
            };
            let failed = made.is_err();
            seen.tls = Some(made.map(|()| TlsSeen { version: "TLSv1_3".into() }));
            if failed {
                return;
            }
        }
        seen.http = Some(match reaction {
            Reaction::Mute => {
                seen.elapsed_ms = SILENCE_MS;
                Err(Unavailable::TimedOut)
            }
            Reaction::Foreign { status, body } => Ok(self.foreign(status, body)),
            Reaction::Proxy => Ok(self.foreign(400, "<html><title>ERROR: Invalid URL</title></html>".into())),
            _ => Ok(self.service_answer()),
        });
    }

    /// Whether a sound certificate is valid by this host's clock.
    fn certificate(&self) -> Result<(), TlsError> {
        let limit = CERTIFICATE_DAYS * 86_400_000;
        match self.time.offset_ms {
            ahead if ahead > limit => Err(TlsError::Expired),
            behind if behind < -limit => Err(TlsError::NotYetValid),
            _ => Ok(()),
        }
    }

    /// What the service answers to a bare request: an error that proves the path (document 48851).
    fn service_answer(&self) -> HttpSeen {
        let true_ms = self.time.true_ms();
        let id = format!("{:016X}{:08X}", true_ms, true_ms % 0xFFFF_FFFB);
        let body = format!(
            r#"{{"Error":{{"Code":"OLSInvalidMethod","Message":"The script name is invalid : /","RequestId":"{id}"}}}}"#
        );
        let headers = vec![
            ("server".into(), "nginx".into()),
            ("content-type".into(), "application/json".into()),
            ("date".into(), http_date(true_ms)),
            ("x-log-time".into(), true_ms.div_euclid(1000).to_string()),
            ("x-log-requestid".into(), id),
        ];
        HttpSeen { status: 405, headers, body, received_ms: self.time.host_ms() }
    }

    fn foreign(&self, status: u16, body: String) -> HttpSeen {
        let headers = vec![
            ("server".into(), "squid".into()),
            ("content-type".into(), "text/html".into()),
            ("date".into(), http_date(self.time.true_ms())),
        ];
        HttpSeen { status, headers, body, received_ms: self.time.host_ms() }
    }
}

/// A time as HTTP writes it.
fn http_date(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms)
        .map_or_else(|_| String::new(), |time| time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
}

/// Host and port of `http://host:port`.
fn proxy_place(proxy: &str) -> Option<(String, u16)> {
    let place = match proxy.split_once("://") {
        Some(("http", place)) => place,
        Some(_) => return None,
        None => proxy,
    };
    let place = place.rsplit_once('@').map_or(place, |(_, place)| place).trim_end_matches('/');
    match place.rsplit_once(':') {
        Some((host, port)) => Some((host.to_string(), port.parse().ok()?)),
        None => Some((place.to_string(), 80)),
    }
}

/// All IPv4 addresses that /etc/hosts gives a name, in the order of the lines.
fn in_hosts(hosts: &str, name: &str) -> Vec<Ipv4Addr> {
    let mut found = Vec::new();
    for line in hosts.lines() {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_ascii_whitespace();
        let address = match words.next().map(|word| word.parse::<IpAddr>()) {
            Some(Ok(IpAddr::V4(address))) => address,
            // glibc answers a question for IPv4 with the IPv4 twin of these two.
            Some(Ok(IpAddr::V6(Ipv6Addr::LOCALHOST))) => Ipv4Addr::LOCALHOST,
            Some(Ok(IpAddr::V6(address))) => match address.to_ipv4_mapped() {
                Some(address) => address,
                None => continue,
            },
            _ => continue,
        };
        if words.any(|word| word.eq_ignore_ascii_case(name)) && !found.contains(&address) {
            found.push(address);
        }
    }
    found
}

/// A name that the C library takes for a number: `12345` is 0.0.48.57, `1.2.3` is 1.2.0.3 (inet_aton).
pub(super) fn number(name: &str) -> Option<Ipv4Addr> {
    let parts: Vec<&str> = name.split('.').collect();
    if parts.len() > 4 {
        return None;
    }
    let value = |part: &str| match part {
        "" => None,
        "0" => Some(0),
        part if part.starts_with("0x") || part.starts_with("0X") => u32::from_str_radix(part.get(2..)?, 16).ok(),
        part if !part.bytes().all(|byte| byte.is_ascii_digit()) => None,
        part if part.starts_with('0') => u32::from_str_radix(part, 8).ok(),
        part => part.parse().ok(),
    };
    let (last, heads) = parts.split_last()?;
    let mut address: u32 = 0;
    for head in heads {
        address = (address << 8) | value(head).filter(|byte| *byte < 256)?;
    }
    let room = 8 * (4 - u32::try_from(heads.len()).ok()?);
    let last = value(last).filter(|last| u64::from(*last) < 1u64 << room)?;
    let high = if room == 32 { 0 } else { address << room };
    Some(Ipv4Addr::from(high | last))
}
