//! What the machine says: files of the system, of /proc, and printed text.

use super::{environment, parts};
use logtail_doctor::core::agent::endpoint::{self, EndpointKind};
use logtail_doctor::core::agent::ip_rules::{self, IpInputs};
use logtail_doctor::core::agent::reach::{Proxies, Proxy, target_of};
use logtail_doctor::core::agent::version::Version;
use logtail_doctor::core::checks::readers as checks;
use logtail_doctor::core::firewall::{Direction, Packet, Protocol};
use logtail_doctor::core::observe::NameserverSaid;
use logtail_doctor::core::{remedies, service};
use logtail_doctor::host::readers;
use std::net::Ipv4Addr;

/// A host has no scheme, user or path left, and only hosts of the public cloud name a region.
pub fn endpoint(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let host = endpoint::host_of(&text);
    assert!(!host.contains(['/', '?', '#', '@']), "{host}");
    if endpoint::region_of(&text).is_some() {
        assert_ne!(endpoint::kind_of(&text), EndpointKind::Foreign);
    }
    endpoint::hosts_of_parameter(&text);
    endpoint::is_same_region(&text, &host);
    target_of(&text);
    service::endpoint::region_of(&text);
    if let Ok(endpoint) = service::Endpoint::parse(&text) {
        assert_eq!(service::Endpoint::parse(&endpoint.to_string()), Ok(endpoint));
    }
}

/// There is always a prediction, and an interface that is named has the address.
pub fn ip_rules(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default().to_string();
    let told = |text: String| Some(text).filter(|text| !text.is_empty());
    let mut inputs = IpInputs {
        hostname: line(),
        lookup: line().split(' ').filter_map(|word| word.parse().ok()).collect(),
        working_ip: told(line()),
        bind_interface: told(line()),
        working_interface: told(line()),
        ignored_interfaces: told(line()),
        unordered: line().len() % 2 == 1,
        ..IpInputs::default()
    };
    for line in lines {
        let mut words = line.split(' ');
        let name = words.next().unwrap_or_default().to_string();
        inputs.interfaces.push((name, words.filter_map(|word| word.parse().ok()).collect()));
    }
    for (major, minor, patch) in [(1, 0, 25), (1, 7, 1), (1, 8, 8), (2, 0, 4), (2, 0, 7), (3, 3, 5), (3, 3, 6)] {
        let prediction = ip_rules::predict(&inputs, &Version::new(major, minor, patch));
        assert!(!prediction.possible.is_empty() && !prediction.text().is_empty());
        if let Some(name) = &prediction.interface {
            assert!(prediction.is_deterministic());
            let has = |(known, ips): &(String, Vec<Ipv4Addr>)| {
                known == name && ips.iter().any(|ip| prediction.allows(&ip.to_string()))
            };
            assert!(inputs.interfaces.iter().any(has), "{prediction:?}");
        }
    }
    if let Ok(plain) = inputs.hostname.parse::<Ipv4Addr>() {
        assert_eq!(ip_rules::digits_and_dots(&inputs.hostname), Some(plain));
    }
}

/// A proxy that is written out reads back as the same.
pub fn proxies(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let environment = environment(&text);
    let proxies = Proxies::of(&environment);
    for address in ["http://logtail.cn-hangzhou.log.aliyuncs.com", "https://cn-hangzhou.log.aliyuncs.com", &text] {
        if let Some(proxy) = proxies.for_target(&target_of(address)) {
            let again = Proxy::parse(&proxy.place()).expect("a proxy's place");
            assert_eq!(again.place(), proxy.place());
        }
    }
    for value in environment.iter().map(|(_, value)| value.as_str()).chain([&*text]) {
        let _ = readers::proxy_place(value);
    }
    let own = service::proxy::Proxies::of_environment(&environment);
    for (host, port) in [("cn-hangzhou.log.aliyuncs.com", 443), ("10.1.2.3", 80), ("localhost", 80)] {
        let chosen = own.choose(port == 443, host, port);
        assert!(chosen.is_none_or(|proxy| host != "localhost" && !proxy.place().contains('@')));
    }
}

/// What a process is, and its environment, of which no proxy's password is left.
pub fn processes(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Some((name, ..)) = readers::process_stat(&text) {
        assert!(text.contains(&format!("({name})")));
    }
    for (name, value) in readers::process_environment(data) {
        if name.to_ascii_lowercase().ends_with("_proxy")
            && let Some((before, _)) = value.rsplit_once('@')
        {
            assert!(before == "***" || before.ends_with("://***"), "{value}");
        }
    }
    assert!(!readers::distribution(&text).contains('\n'));
}

/// resolv.conf, nsswitch.conf, a hosts file, and what getent printed.
pub fn resolver(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    assert!((1..=3).contains(&readers::nameservers(&text).len()));
    assert!(checks::nameservers(&text).len() <= 3);
    assert!(checks::name_sources(&text).is_none_or(|sources| sources.chars().count() <= 120));
    let count = text.lines().count();
    assert!(checks::bound_names(&text).iter().all(|(name, _, line)| !name.is_empty() && (1..=count).contains(line)));
    let rows = readers::getent_rows(&text);
    assert!(rows.iter().enumerate().all(|(at, row)| !rows[..at].contains(row)));
}

/// A nameserver's answer: the first line is the name that was asked for.
pub fn dns(data: &[u8]) {
    let (name, answer) = parts(data);
    let name = String::from_utf8_lossy(name);
    let query = match readers::nameserver_query(&name) {
        Some(query) => {
            assert!(query.len() <= 12 + 255 + 4);
            query
        }
        None => readers::nameserver_query("a").expect("a name"),
    };
    readers::nameserver_answer(&query, answer);
    // The same as an answer to this very question.
    let mut answer = answer.to_vec();
    if let (Some(own), Some(head)) = (query.get(..2), answer.get_mut(..3)) {
        head[..2].copy_from_slice(own);
        head[2] |= 0x80;
    }
    if let Some(NameserverSaid::Addresses(found)) = readers::nameserver_answer(&query, &answer) {
        assert!(found.len() * 15 <= answer.len());
    }
}

/// The issuer is short.
pub fn certificate(data: &[u8]) {
    assert!(readers::certificate_issuer(data).is_none_or(|issuer| issuer.chars().count() <= 128));
}

/// Whatever is printed, a packet is followed through it to an end.
pub fn firewall(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let nft = checks::nft(&text);
    let tables = [
        nft,
        checks::iptables(&text, checks::Dialect::Iptables),
        checks::iptables(&text, checks::Dialect::IptablesLegacy),
    ];
    for tables in tables.into_iter().flatten() {
        let ruleset = checks::Ruleset { tables };
        for (peer, port) in [([100, 100, 80, 80], 80), ([203, 0, 113, 80], 443), ([127, 0, 0, 1], 8080)] {
            let first = Packet {
                direction: Direction::First,
                protocol: Protocol::Tcp,
                peer: Some(Ipv4Addr::from(peer)),
                port,
                interface: None,
                own: None,
            };
            for packet in Packet::of_connection(&first) {
                checks::follow(&ruleset, &packet);
            }
        }
    }
}

/// The routing table, scripts for login shells and at boot, users and their groups.
pub fn tables(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for to in [[100, 100, 80, 80], [203, 0, 113, 80], [0, 0, 0, 0], [255, 255, 255, 255]] {
        let route = checks::route(&text, Ipv4Addr::from(to));
        assert!(route.is_none_or(|name| name == "*" || text.contains(&name)));
    }
    if let Some(proxy) = checks::shell_proxy(&text) {
        assert!(Proxy::parse(&proxy.place()).is_some());
    }
    for name in text.lines() {
        assert!(!checks::is_start_link(name, "ilogtaild") || name.ends_with("ilogtaild"));
    }
    assert!(!checks::is_called(&text, "ilogtaild") || text.contains("ilogtaild"));
    let (group, passwd) = parts(data);
    let (group, passwd) = (String::from_utf8_lossy(group), String::from_utf8_lossy(passwd));
    for owner in [0, 1000] {
        assert_eq!(readers::others_in(&group, &passwd, 0, owner), None);
        let others = readers::others_in(&group, &passwd, 50, owner);
        let is_listed = |line: &str| line.split(':').nth(2).is_some_and(|gid| gid.parse() == Ok(50));
        assert!(others.is_some() || group.lines().any(is_listed));
    }
}

/// The kernel's log.
pub fn kernel(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for (_, line) in checks::traps(&text) {
        assert!(!line.contains('\n'));
    }
}

/// A hosts file that was bound gives the address first, says nothing else, and is bound already. The first line is the
/// host's name.
pub fn hosts(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let name = String::from_utf8_lossy(&data[..end]).into_owned();
    let file = data.get(end + 1..).unwrap_or_default();
    let ip = Ipv4Addr::new(10, 1, 1, 5);
    let bound = remedies::bind(file, &name, ip);
    if !remedies::is_bindable(&name) {
        assert_eq!(bound, file);
        return;
    }
    assert_eq!(remedies::answers(&bound, &name).first(), Some(&ip));
    assert_eq!(String::from_utf8_lossy(&remedies::bind(&bound, &name, ip)), String::from_utf8_lossy(&bound));
    // Lines that do not name the host are still there, in their order.
    let names_host = |line: &[u8]| {
        let line = line.split(|byte| *byte == b'#').next().unwrap_or_default().to_ascii_lowercase();
        let short = name.split('.').next().unwrap_or_default().to_ascii_lowercase();
        line.windows(short.len()).any(|window| window == short.as_bytes())
    };
    let strangers = |file: &[u8]| {
        let lines = file.split(|byte| *byte == b'\n').filter(|line| !line.is_empty() && !names_host(line));
        lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line).to_vec()).filter(|line| !line.is_empty()).collect()
    };
    let (before, after): (Vec<Vec<u8>>, Vec<Vec<u8>>) = (strangers(file), strangers(&bound));
    let mut rest = after.iter();
    assert!(before.iter().all(|line| rest.any(|other| other == line)), "{}", String::from_utf8_lossy(&bound));
}
