//! The hostname's addresses in the order in which the agent's own look-up gives them. Up to 2.0.4 it asks `gethostbyname`,
//! which keeps the order of the source; later ones ask `getaddrinfo`, which sorts this host's own addresses to the front,
//! as `getent ahostsv4` does. It judges nothing.

use crate::core::agent::version::Version;
use crate::core::checks::readers;
use crate::core::observe::{Observations, Unanswered};
use std::net::{IpAddr, Ipv4Addr};

const HOSTS: &str = "/etc/hosts";
const NSSWITCH: &str = "/etc/nsswitch.conf";

/// The addresses as this version's look-up orders them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Order {
    pub addresses: Vec<Ipv4Addr>,
    /// The order is not known: any of them may come first.
    pub unordered: bool,
    /// Where the order was read.
    pub source: String,
}

/// Orders what the system's resolver answers, sorted, for the hostname.
///
/// # Errors
/// Something has not been looked at yet.
pub(super) fn order(
    see: &Observations,
    hostname: &str,
    sorted: &[Ipv4Addr],
    version: &Version,
) -> Result<Order, Unanswered> {
    let by_getent =
        || Order { addresses: sorted.to_vec(), unordered: false, source: format!("getent ahostsv4 {hostname}") };
    // The change came between 2.0.4 and 2.0.7.
    if version.at_least(2, 0, 5) || sorted.len() < 2 {
        return Ok(by_getent());
    }
    let (hosts, nsswitch) = (see.file(HOSTS), see.file(NSSWITCH));
    let (hosts, nsswitch) = (hosts?, nsswitch?);
    let sources = nsswitch.as_ref().ok().and_then(|file| readers::name_sources(&file.text()));
    let files_first = sources.is_none_or(|sources| sources.split_whitespace().next() == Some("files"));
    let lines = hosts.as_ref().map(|file| of_lines(&file.text(), hostname)).unwrap_or_default();
    let is_all = sorted.iter().all(|ip| lines.contains(ip)) && lines.iter().all(|ip| sorted.contains(ip));
    Ok(match files_first && is_all {
        true => Order { addresses: lines, unordered: false, source: format!("{HOSTS} (gethostbyname)") },
        false => Order { unordered: true, ..by_getent() },
    })
}

/// The addresses of a name in the order of the lines, as the C library takes them for IPv4.
fn of_lines(text: &str, name: &str) -> Vec<Ipv4Addr> {
    let mut out = Vec::new();
    for (known, to, _) in readers::bound_names(text) {
        let ip = match to {
            IpAddr::V4(ip) => ip,
            // The loopback of IPv6 stands for that of IPv4 there.
            IpAddr::V6(ip) if ip.is_loopback() => Ipv4Addr::LOCALHOST,
            IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
                Some(ip) => ip,
                None => continue,
            },
        };
        if known.eq_ignore_ascii_case(name) && !out.contains(&ip) {
            out.push(ip);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::observe::{Answer, FileSeen, Question, Unavailable};

    fn ordered(hosts: &str, nsswitch: Option<&str>, sorted: &[&str], version: Version) -> Order {
        let mut seen = Observations::default();
        let file = |text: &str| {
            let bytes = text.as_bytes().to_vec();
            FileSeen { size: bytes.len() as u64, bytes, modified: 0, mode: 0o644, uid: 0, gid: 0, link_to: None }
        };
        seen.keep(Question::File(HOSTS.into()), Answer::File(Ok(file(hosts))));
        let nsswitch = nsswitch.map(file).ok_or(Unavailable::Absent);
        seen.keep(Question::File(NSSWITCH.into()), Answer::File(nsswitch));
        let sorted: Vec<Ipv4Addr> = sorted.iter().map(|ip| ip.parse().unwrap()).collect();
        order(&seen, "web-1", &sorted, &version).unwrap()
    }

    #[test]
    fn old_agents_take_the_order_of_the_source_and_new_ones_the_sorted() {
        let hosts = "127.0.0.1 localhost\n203.0.113.7 web-1\n172.16.3.9 WEB-1 # eth0\n";
        let sorted = ["172.16.3.9", "203.0.113.7"];
        let source = ["203.0.113.7", "172.16.3.9"];
        let as_text = |order: &Order| order.addresses.iter().map(Ipv4Addr::to_string).collect::<Vec<_>>();
        for (version, expected) in [
            (Version::new(1, 0, 25), source),
            (Version::new(1, 8, 8), source),
            (Version::new(2, 0, 4), source),
            (Version::new(2, 0, 7), sorted),
            (Version::new(3, 3, 1), sorted),
        ] {
            for nsswitch in [None, Some("hosts: files dns\n")] {
                let order = ordered(hosts, nsswitch, &sorted, version.clone());
                assert_eq!(
                    (as_text(&order), order.unordered),
                    (expected.map(String::from).to_vec(), false),
                    "{version}"
                );
            }
        }
        let v1 = Version::new(1, 8, 8);
        // Of another source, or of more than the file says, the order is not known.
        assert!(ordered(hosts, Some("hosts: dns files\n"), &sorted, v1.clone()).unordered);
        assert!(ordered("", None, &sorted, v1.clone()).unordered);
        assert!(!ordered("", None, &["172.16.3.9"], v1.clone()).unordered);
        let looped = ordered("10.1.1.5 web-1\n::1 web-1\n", None, &["127.0.0.1", "10.1.1.5"], v1);
        assert_eq!(as_text(&looped), ["10.1.1.5", "127.0.0.1"]);
    }
}
