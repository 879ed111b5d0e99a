//! Every cell of the golden table: the agent's own functions, compiled unchanged from six releases and executed in
//! network namespaces (`tests/data/ip_matrix*.txt`), against the prediction.

use super::*;
use crate::core::text::Lang;
use proptest::prelude::*;

/// The columns of the table. HEAD is the newest source, after 3.3.5.
fn version(column: &str) -> Version {
    if column == "HEAD" { Version::new(3, 3, 6) } else { Version::parse(column).unwrap() }
}

fn ip(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

/// Inputs with `lo` first and then `name=ip,ip` for each word; looked-up addresses likewise.
fn host(interfaces: &str, lookup: &str) -> IpInputs {
    let mut list = vec![("lo".to_string(), vec![ip("127.0.0.1")])];
    for word in interfaces.split_whitespace() {
        let (name, ips) = word.split_once('=').unwrap();
        list.push((name.to_string(), ips.split(',').filter(|text| !text.is_empty()).map(ip).collect()));
    }
    IpInputs {
        hostname: "h".into(),
        lookup: lookup.split_whitespace().map(ip).collect(),
        interfaces: list,
        ..IpInputs::default()
    }
}

/// The hosts of the cases A to T, as their titles describe them.
fn case(letter: char) -> IpInputs {
    let with = |change: fn(&mut IpInputs), mut inputs: IpInputs| {
        change(&mut inputs);
        inputs
    };
    match letter {
        'A' => host("eth0=10.1.1.5 docker0=172.17.0.1", "10.1.1.5"),
        'B' => host("eth0=10.1.1.5 docker0=172.17.0.1", "127.0.1.1"),
        'C' => host("ens3=10.1.1.5 docker0=172.17.0.1", ""),
        'D' => host("docker0=172.17.0.1 ens3=10.1.1.5", ""),
        'E' => host("ens3=10.1.1.5 br-abc=172.18.0.1 cni0=10.244.0.1", ""),
        'F' => host("eth0=10.1.1.5", "203.0.113.7"),
        'G' => with(|i| i.hostname = "12345".into(), host("ens3=10.1.1.5", "0.0.48.57")),
        'H' => host("", ""),
        'I' => host("ens3=10.9.9.9 bond0=10.1.1.7", "127.0.1.1"),
        'J' => host("eth0=10.1.1.5", "203.0.113.7 10.1.1.5"),
        'K' => with(|i| i.working_ip = Some("192.168.77.1".into()), host("eth0=10.1.1.5", "10.1.1.5")),
        'L' => with(|i| i.bind_interface = Some("ens4".into()), host("eth0=10.1.1.5 ens4=10.4.4.4", "10.1.1.5")),
        'M' => with(|i| i.bind_interface = Some("ens4".into()), host("eth0=10.1.1.5 ens4=10.4.4.4", "127.0.1.1")),
        'N' => with(|i| i.bind_interface = Some("ens9".into()), host("eth0=10.1.1.5 ens4=10.4.4.4", "")),
        'O' => with(|i| i.working_interface = Some("ens4".into()), host("eth0=10.1.1.5 ens4=10.4.4.4", "10.1.1.5")),
        'P' => host("eth0=10.1.1.5,10.1.2.6", "127.0.1.1"),
        'Q' => host("eth0=10.1.1.5 docker0=172.17.0.1", "172.17.0.1"),
        'R' => host("eth0= ens4=10.4.4.4", ""),
        'S' => with(|i| i.hostname = "1.2.3".into(), host("ens3=10.1.1.5", "1.2.0.3")),
        'T' => host("docker0=172.17.0.1 eth0=10.1.1.5", "172.17.0.1 10.1.1.5"),
        other => panic!("the table has a case {other} that is not described here"),
    }
}

/// The version and the recorded address of a line such as `  v1.1.0  ip="10.1.1.5" byHostName="…" via=any`.
fn cell(line: &str) -> Option<(&str, &str)> {
    let (column, rest) = line.trim().split_once(char::is_whitespace)?;
    Some((column, rest.split_once("ip=\"")?.1.split_once('"')?.0))
}

/// Checks one cell, and says whether the prediction was of several addresses.
fn check(inputs: &IpInputs, column: &str, recorded: &str, title: &str) -> bool {
    let prediction = predict(inputs, &version(column));
    assert!(prediction.allows(recorded), "{title} {column}: recorded {recorded:?}, predicted {prediction:?}");
    if prediction.is_deterministic() {
        assert_eq!(prediction.possible, [recorded], "{title} {column}");
    } else {
        let candidates = inputs.candidates(&version(column));
        assert_eq!(prediction.possible, candidates.iter().map(Ipv4Addr::to_string).collect::<Vec<_>>(), "{title}");
        assert_eq!(prediction.rule, Rule::AnyInterface, "{title} {column}");
    }
    !prediction.is_deterministic()
}

#[test]
fn every_cell_of_the_golden_table_is_predicted() {
    let table = include_str!("../../../../tests/data/ip_matrix.txt");
    let (mut letters, mut cells, mut open) = (String::new(), 0, Vec::new());
    let mut inputs = IpInputs::default();
    for line in table.lines() {
        if let Some(title) = line.strip_prefix("### ") {
            let letter = title.chars().next().unwrap();
            letters.push(letter);
            inputs = case(letter);
        } else if let Some((column, recorded)) = cell(line) {
            cells += 1;
            let letter = letters.chars().last().unwrap();
            if check(&inputs, column, recorded, &format!("case {letter}")) {
                open.push(format!("{letter} {column}"));
            }
        }
    }
    assert_eq!(letters, "ABCDEFGHIJKLMNOPQRST");
    assert_eq!(cells, 20 * 6);
    // Only where the agent takes any of several interfaces is there more than one answer.
    let expected = ["C v2.0.7", "D v2.0.7", "E v2.0.7", "E v3.3.5", "E HEAD", "N v2.0.7", "N v3.3.5", "N HEAD"];
    assert_eq!(open, expected);
}

#[test]
fn every_cell_with_nss_myhostname_is_predicted() {
    let table = include_str!("../../../../tests/data/ip_matrix_myhostname.txt");
    let (mut interfaces, mut title, mut cells) = (String::new(), "", 0);
    let mut inputs = IpInputs::default();
    for line in table.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            title = heading;
            interfaces = heading.rsplit_once(": ").unwrap().1.to_string();
        } else if let Some((column, recorded)) = cell(line) {
            cells += 1;
            assert!(!check(&inputs, column, recorded, title), "{title} {column} should have one answer");
        } else {
            inputs = host(&interfaces, line);
        }
    }
    assert_eq!(cells, 4 * 4);
}

#[test]
fn the_rule_and_the_interface_are_named() {
    let newest = Version::new(3, 3, 5);
    let told = |letter: char, version: &Version| {
        let prediction = predict(&case(letter), version);
        (prediction.rule, prediction.interface)
    };
    let name = |text: &str| Some(text.to_string());
    assert_eq!(told('A', &newest), (Rule::Hostname, name("eth0")));
    assert_eq!(told('B', &newest), (Rule::Eth0, name("eth0")));
    assert_eq!(told('C', &newest), (Rule::AnyInterface, name("ens3")));
    assert_eq!(told('C', &Version::new(1, 8, 8)), (Rule::FirstInterface, name("ens3")));
    assert_eq!(told('F', &newest), (Rule::HostnameForeign, None));
    assert_eq!(told('G', &Version::new(1, 1, 0)), (Rule::NumericHostname, None));
    assert_eq!(told('H', &newest), (Rule::Nothing, None));
    assert_eq!(told('H', &Version::new(1, 5, 0)), (Rule::Loopback, None));
    assert_eq!(told('I', &newest), (Rule::Bond0, name("bond0")));
    assert_eq!(told('K', &newest), (Rule::WorkingIp, None));
    assert_eq!(told('M', &newest), (Rule::BindInterface, name("ens4")));
    assert_eq!(told('O', &version("HEAD")), (Rule::WorkingInterface, name("ens4")));
    assert_eq!(told('Q', &newest), (Rule::Hostname, name("docker0")));
    let text = predict(&case('E'), &newest).text();
    assert!(text.get(Lang::En).starts_with("One of 10.1.1.5, 172.18.0.1, 10.244.0.1: 2.0.7 and later"));
}

#[test]
fn settings_that_mean_nothing_are_as_unset() {
    let mut inputs = case('B');
    inputs.bind_interface = Some("Default".into());
    inputs.working_ip = Some(String::new());
    assert_eq!(predict(&inputs, &Version::new(1, 8, 8)).rule, Rule::Eth0);
    let mut inputs = case('D');
    inputs.ignored_interfaces = Some("ens3".into());
    assert_eq!(predict(&inputs, &Version::new(3, 3, 5)).possible, ["172.17.0.1"]);
}

#[test]
fn numeric_hostnames_are_read_as_the_c_library_reads_them() {
    let cases = [
        ("12345", Some("0.0.48.57")),
        ("1.2.3", Some("1.2.0.3")),
        ("10.0.0.7", Some("10.0.0.7")),
        ("0x10", Some("0.0.0.16")),
        ("010", Some("0.0.0.8")),
        ("0", Some("0.0.0.0")),
        ("1.2.", None),
        ("256.1", None),
        ("1.2.3.4.5", None),
        ("4294967296", None),
        ("09", None),
        ("web01", None),
        ("", None),
        ("0x", None),
    ];
    for (hostname, expected) in cases {
        assert_eq!(digits_and_dots(hostname).map(|ip| ip.to_string()).as_deref(), expected, "{hostname:?}");
    }
}

proptest! {
    #[test]
    fn there_is_always_an_answer(
        hostname in "[a-z0-9.]{0,12}",
        lookup in prop::collection::vec(any::<[u8; 4]>(), 0..4),
        nics in prop::collection::vec(("eth0|bond0|lo|docker0|ens3", prop::collection::vec(any::<[u8; 4]>(), 0..3)), 0..4),
        bind in prop::option::of("eth0|default|x"),
        numbers in (0u32..4, 0u32..10, 0u32..10),
    ) {
        let inputs = IpInputs {
            hostname,
            lookup: lookup.into_iter().map(Ipv4Addr::from).collect(),
            interfaces: nics.into_iter().map(|(n, ips)| (n, ips.into_iter().map(Ipv4Addr::from).collect())).collect(),
            bind_interface: bind.clone(),
            working_interface: bind,
            ..IpInputs::default()
        };
        let prediction = predict(&inputs, &Version::new(numbers.0, numbers.1, numbers.2));
        prop_assert!(!prediction.possible.is_empty());
        prop_assert!(prediction.is_deterministic() || prediction.rule == Rule::AnyInterface);
    }
}

#[test]
fn an_unknown_order_makes_every_address_possible_that_may_come_first() {
    let possible = |lookup: &str, version: Version| {
        let inputs = IpInputs { unordered: true, ..host("eth0=10.1.1.5 eth1=10.2.2.5", lookup) };
        predict(&inputs, &version).possible
    };
    let (old, newer) = (Version::new(1, 5, 0), Version::new(1, 8, 8));
    assert_eq!(possible("203.0.113.7 10.1.1.5", old.clone()), ["203.0.113.7", "10.1.1.5"]);
    assert_eq!(possible("203.0.113.7 10.1.1.5", newer.clone()), ["10.1.1.5"]);
    assert_eq!(possible("10.2.2.5 10.1.1.5", newer.clone()), ["10.2.2.5", "10.1.1.5"]);
    assert_eq!(possible("203.0.113.7 203.0.113.8", newer), ["203.0.113.7", "203.0.113.8"]);
    assert_eq!(possible("", old), ["10.1.1.5"]);
}
