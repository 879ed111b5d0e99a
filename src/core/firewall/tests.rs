//! The reader against dumps of real firewalls (`tests/data/firewall`) and against rules of every dialect, and the promise
//! that what is blamed is what is answered.

use super::opening::{Manager, openings};
use super::survey::{Judgement, Survey};
use super::*;
use crate::core::observe::Target;
use proptest::prelude::*;
use std::net::Ipv4Addr;

const UFW: &str = include_str!("../../../tests/data/firewall/ufw.save");
const UFW_NFT: &str = include_str!("../../../tests/data/firewall/ufw.nft");
const FIREWALLD: &str = include_str!("../../../tests/data/firewall/firewalld.nft");
const PLAIN: &str = include_str!("../../../tests/data/firewall/plain.nft");

fn packet(protocol: Protocol, to: &str, port: u16) -> Packet {
    Packet {
        direction: Direction::First,
        protocol,
        peer: Some(to.parse().unwrap()),
        port,
        interface: Some("eth0".into()),
        own: Some(Ipv4Addr::new(172, 16, 3, 9)),
    }
}

fn https() -> Packet {
    packet(Protocol::Tcp, "203.0.113.7", 443)
}

fn by_nft(text: &str) -> Ruleset {
    Ruleset { tables: nft(text).expect("it does not break off") }
}

fn by_iptables(rules: &str) -> Ruleset {
    Ruleset { tables: iptables(&format!("*filter\n{rules}\nCOMMIT\n"), Dialect::Iptables).expect("whole") }
}

/// What becomes of a connection: the first of its packets that does not pass.
fn fate(ruleset: &Ruleset, first: &Packet) -> Outcome {
    let all = Packet::of_connection(first).into_iter().map(|packet| follow(ruleset, &packet));
    all.into_iter().find(|outcome| *outcome != Outcome::Passes).unwrap_or(Outcome::Passes)
}

/// The rule that drops, and its chain; `?` and a rule where it could not be followed.
fn dropped(ruleset: &Ruleset, first: &Packet) -> Option<(String, String)> {
    match fate(ruleset, first) {
        Outcome::Passes => None,
        Outcome::Drops(by) => Some((by.rule, by.chain)),
        Outcome::CouldNotFollow(rule) => Some(("?".into(), rule)),
    }
}

fn output(rules: &str, policy: &str) -> Ruleset {
    by_nft(&format!(
        "table inet f {{\n\tset x {{\n\t\ttype ipv4_addr\n\t\telements = {{ 203.0.113.7 counter packets 0 bytes 0,\n\t\t\t10.0.0.1 }}\n\t}}\n\tchain deny {{\n\t\ttcp dport 443 drop\n\t}}\n\tchain out {{\n\t\ttype filter hook output priority filter; policy {policy};\n{rules}\n\t}}\n}}\n"
    ))
}

#[test]
fn ufw_stops_the_endpoint_and_the_name_server_by_its_policy_and_is_known() {
    let ruleset = Ruleset { tables: iptables(UFW, Dialect::Iptables).unwrap() };
    for first in [https(), packet(Protocol::Udp, "100.100.2.136", 53)] {
        let Outcome::Drops(by) = fate(&ruleset, &first) else { panic!("{:?}", fate(&ruleset, &first)) };
        assert_eq!((by.rule.as_str(), by.base.as_str()), ("policy drop", "OUTPUT"));
        assert_eq!(opening::manager(&ruleset, &by), Manager::Ufw);
    }
    // nft prints the same rules, and they mean the same.
    assert!(matches!(fate(&by_nft(UFW_NFT), &https()), Outcome::Drops(_)));
}

#[test]
fn a_policy_of_firewalld_is_found_through_its_jumps() {
    let ruleset = by_nft(FIREWALLD);
    let Outcome::Drops(by) = fate(&ruleset, &https()) else { panic!("{:?}", fate(&ruleset, &https())) };
    assert_eq!(
        (by.rule.as_str(), by.chain.as_str()),
        ("reject with icmpx admin-prohibited", "filter_OUT_policy_hostout")
    );
    assert!(by.rejects);
    assert_eq!(opening::manager(&ruleset, &by), Manager::Firewalld { policy: "hostout".into() });
    assert_eq!(fate(&ruleset, &packet(Protocol::Udp, "100.100.2.136", 53)), Outcome::Passes, "the policy lets dns out");
}

#[test]
fn sets_maps_marks_and_owners_are_read() {
    let ruleset = by_nft(PLAIN);
    let at = |to: &str, port| dropped(&ruleset, &packet(Protocol::Tcp, to, port)).map(|(rule, _)| rule);
    assert_eq!(at("10.1.2.3", 443).as_deref(), Some("ip daddr @bad drop"));
    assert!(at("100.118.28.9", 80).is_some() && at("100.118.29.9", 80).is_none());
    assert!(at("203.0.113.7", 443).unwrap().contains("vmap @m"));
    assert_eq!(at("203.0.113.7", 80), None, "user 33 is not root, and the last chain spares this network");
    assert!(at("203.0.114.7", 80).unwrap().contains("203.0.112.0/20"));
    assert!(at("1.2.3.4", 80).is_some() && at("1.2.3.4", 443).is_none() && at("1.2.3.5", 443).is_some());
    assert_eq!(at("203.0.113.9", 25).unwrap(), "tcp dport vmap { 22 : accept, 25 : drop }");
}

#[test]
fn nft_rules_are_walked_in_order() {
    let drops = |rules: &str, policy: &str| dropped(&output(rules, policy), &https());
    for stopping in [
        "ip daddr { 100.100.96.7, 203.0.113.7 } tcp dport { 80, 443 } counter packets 3 bytes 180 drop",
        "ip daddr @x tcp dport 443 drop",
        "meta l4proto tcp reject with icmp port-unreachable",
        "meta skuid 0 drop",
        "meta skuid \"root\" tcp dport https reject with tcp reset",
        "oifname \"eth*\" ct state new log prefix \"out: accept \" level warn drop",
        "meta mark set 0x7 meta mark 0x7 drop\nmeta mark 0x7 drop",
        "ip daddr 203.0.113.0-203.0.113.9 drop",
        "tcp flags syn / fin,syn,rst,ack drop",
        "jump deny",
        "goto deny",
        "tcp dport != { 22, 25 } drop",
    ] {
        assert!(drops(stopping, "accept").is_some_and(|(rule, _)| rule != "?"), "{stopping}");
    }
    for passing in [
        "tcp dport 80 drop",
        "ip daddr != 203.0.113.0/24 drop",
        "oifname \"lo\" drop\nudp dport 443 drop\nip6 daddr ::1 drop\nicmp type echo-request drop",
        "ip daddr 203.0.0.0/16 tcp dport https accept\ndrop",
        "meta skuid 1000 drop",
        "meta mark 0x7 drop",
        "limit rate 5/minute counter packets 0 bytes 0",
        "limit rate 5/second accept",
    ] {
        assert_eq!(drops(passing, "accept"), None, "{passing}");
    }
    // The answer and what follows pass; the first packet does not.
    assert_eq!(drops("ct state established,related accept", "drop").unwrap().0, "policy drop");
    for unclear in [
        "limit rate 5/second accept\ndrop",
        "meta cgroup 7 drop",
        "xt match \"string\" drop",
        "queue num 1",
        "dnat ip to 10.1.1.1",
    ] {
        assert_eq!(drops(unclear, "accept").unwrap().0, "?", "{unclear}");
    }
    assert_eq!(drops("jump nowhere", "accept").unwrap().0, "?");
    assert_eq!(nft("table ip f {\n chain x {\n type filter hook"), None, "it breaks off");
}

#[test]
fn every_table_and_hook_that_a_packet_or_its_answer_passes_is_followed() {
    let chain = |family: &str, hook: &str, rules: &str| {
        dropped(
            &by_nft(&format!(
                "table {family} t {{\n chain c {{\n type filter hook {hook}; policy accept;\n {rules}\n }}\n}}\n"
            )),
            &https(),
        )
    };
    for (family, hook, rules, is_stopped) in [
        ("ip", "postrouting priority 300", "drop", true),
        ("inet", "output priority mangle - 1", "drop", true),
        ("ip", "output priority raw", "drop", true),
        ("ip", "input priority 0", "ip saddr 203.0.113.7 drop", true),
        ("ip", "prerouting priority 0", "tcp sport 443 drop", true),
        ("netdev", "egress device \"eth0\" priority 0", "drop", true),
        ("netdev", "ingress device \"eth1\" priority 0", "drop", false),
        ("ip6", "output priority 0", "drop", false),
        ("ip", "forward priority 0", "drop", false),
        ("ip", "input priority 0", "ct state new drop", false),
    ] {
        assert_eq!(chain(family, hook, rules).is_some(), is_stopped, "{family} {hook} {rules}");
    }
    assert_eq!(chain("bridge", "output priority 0", "drop").unwrap().0, "?");
    let dormant =
        "table ip t {\n flags dormant\n chain c {\n type filter hook output priority 0; policy drop;\n }\n}\n";
    assert_eq!(dropped(&by_nft(dormant), &https()), None);
}

#[test]
fn iptables_rules_are_walked_in_order() {
    let drops = |rules: &str| dropped(&by_iptables(rules), &https());
    let accept = ":OUTPUT ACCEPT [0:0]\n:deny - [0:0]\n";
    for (rules, is_stopped) in [
        ("-A OUTPUT -p tcp -m tcp --dport 443 -j REJECT --reject-with tcp-reset", true),
        (
            "-A OUTPUT -m comment --comment \"a -j ACCEPT\" -j deny\n-A deny -p tcp -m multiport --dports 80,440:450 -j DROP",
            true,
        ),
        ("-A OUTPUT -m owner --uid-owner 0 -j DROP", true),
        ("-A OUTPUT -m owner ! --uid-owner 0 -j DROP", false),
        ("-A OUTPUT -m owner --uid-owner 1000 -j DROP", false),
        ("-A OUTPUT -d 10.0.0.0/8 -p tcp -j DROP", false),
        ("-A OUTPUT ! -d 10.0.0.0/255.0.0.0 -p tcp -j DROP", true),
        ("-A OUTPUT -o eth+ -p tcp --syn -j DROP", true),
        ("-A OUTPUT -m conntrack --ctstate NEW -g deny\n-A deny -j DROP", true),
        ("-A OUTPUT -j MARK --set-xmark 0x4/0xff\n-A OUTPUT -m mark --mark 0x4/0x4 -j DROP", true),
        ("-A OUTPUT -m iprange --dst-range 203.0.113.1-203.0.113.9 -j DROP", true),
        ("-A OUTPUT -m addrtype --dst-type LOCAL -j DROP", false),
        ("-A OUTPUT -p tcp -j ACCEPT\n-A OUTPUT -j DROP", false),
    ] {
        assert_eq!(drops(&format!("{accept}{rules}")).is_some_and(|(rule, _)| rule != "?"), is_stopped, "{rules}");
    }
    for unclear in [
        "-A OUTPUT -m set --match-set bad dst -j DROP",
        "-A OUTPUT -j NFQUEUE --queue-num 1",
        "-A OUTPUT -p tcp -j XYZ",
    ] {
        assert_eq!(drops(&format!("{accept}{unclear}")).unwrap().0, "?", "{unclear}");
    }
    assert_eq!(drops(":OUTPUT DROP [0:0]").unwrap(), ("policy drop".to_string(), "OUTPUT".to_string()));
    assert_eq!(iptables("*filter\n:OUTPUT DROP [0:0]\n", Dialect::Iptables), None, "it breaks off");
    let mangle = "*mangle\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -j DROP\nCOMMIT\n*filter\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n";
    let ruleset = Ruleset { tables: iptables(mangle, Dialect::IptablesLegacy).unwrap() };
    let Outcome::Drops(by) = fate(&ruleset, &https()) else { panic!() };
    assert_eq!((by.table.as_str(), by.dialect), ("mangle", Dialect::IptablesLegacy));
}

fn judged(ruleset: Ruleset, first: Packet, is_name_server: bool) -> Judgement {
    let survey = Survey { ruleset, ..Survey::default() };
    survey.judge(vec![(first, is_name_server, vec![Target::root("a.example", true)])])
}

fn commands(judgement: &Judgement) -> Vec<String> {
    let all = openings(judgement).unwrap_or_default();
    all.iter().flat_map(|opening| &opening.commands).map(|argv| argv.join(" ")).collect()
}

#[test]
fn each_manager_is_asked_in_its_own_words() {
    let ufw = || Ruleset { tables: iptables(UFW, Dialect::Iptables).unwrap() };
    assert_eq!(
        commands(&judged(ufw(), https(), false)),
        ["ufw prepend allow out proto tcp to any port 80,443 comment logtail-doctor"]
    );
    assert_eq!(
        commands(&judged(ufw(), packet(Protocol::Udp, "100.100.2.136", 53), true)),
        ["ufw prepend allow out proto udp to any port 53 comment logtail-doctor"]
    );
    let firewalld = commands(&judged(by_nft(FIREWALLD), https(), false));
    assert_eq!(firewalld.len(), 4);
    assert_eq!(
        firewalld[0],
        "firewall-cmd --permanent --policy=hostout --add-rich-rule=rule priority=\"-32153\" port port=\"80\" protocol=\"tcp\" accept"
    );
    assert_eq!(
        commands(&judged(output("jump deny", "accept"), https(), false)),
        ["nft insert rule inet f out tcp dport { 80, 443 } accept comment \"logtail-doctor\""]
    );
    let mangle = "*mangle\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -j DROP\nCOMMIT\n";
    let legacy = Ruleset { tables: iptables(mangle, Dialect::IptablesLegacy).unwrap() };
    assert_eq!(
        commands(&judged(legacy, https(), false)),
        [
            "iptables-legacy -t mangle -I OUTPUT 1 -p tcp -m multiport --dports 80,443 -m comment --comment logtail-doctor -j ACCEPT"
        ]
    );
    // A rule in front of ufw's own chains is not ufw's, and ufw could not cure it.
    let front = UFW.replace(
        "-A OUTPUT -j ufw-before-logging-output",
        "-A OUTPUT -p tcp -j DROP\n-A OUTPUT -j ufw-before-logging-output",
    );
    let ruleset = Ruleset { tables: iptables(&front, Dialect::Iptables).unwrap() };
    assert!(commands(&judged(ruleset, https(), false))[0].starts_with("iptables -I OUTPUT 1 "));
}

#[test]
fn what_drops_elsewhere_is_neither_blamed_nor_answered() {
    let ten = by_iptables(":OUTPUT ACCEPT [0:0]\n-A OUTPUT -d 10.0.0.0/8 -j DROP");
    let judgement = judged(ten, https(), false);
    assert!(judgement.stopped.is_empty() && judgement.is_complete() && openings(&judgement).is_none());
    let jumped = by_iptables(":OUTPUT ACCEPT [0:0]\n:deny - [0:0]\n-A OUTPUT -j deny\n-A deny -p tcp -j DROP");
    let judgement = judged(jumped, https(), false);
    assert_eq!(judgement.stopped[0].by.chain, "deny");
    assert!(openings(&judgement).is_some());
}

proptest! {
    #[test]
    fn what_the_step_blames_the_remedy_answers_else_it_offers_nothing(
        rules in prop::collection::vec(prop::sample::select(vec![
            "-A OUTPUT -p tcp -m tcp --dport 443 -j DROP", "-A OUTPUT -d 10.0.0.0/8 -j DROP", "-A OUTPUT -j deny",
            "-A deny -p tcp -j REJECT", "-A deny -m set --match-set a dst -j DROP", "-A OUTPUT -o eth0 -j ACCEPT",
            "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT", "-A INPUT -p tcp -j DROP", "-A deny -j RETURN",
        ]), 0..8),
        policies in prop::sample::select(vec![("ACCEPT", "ACCEPT"), ("DROP", "ACCEPT"), ("ACCEPT", "DROP")]),
    ) {
        let (output, input) = policies;
        let head = format!(":INPUT {input} [0:0]\n:OUTPUT {output} [0:0]\n:deny - [0:0]\n");
        let judgement = judged(by_iptables(&(head + &rules.join("\n"))), https(), false);
        prop_assert_eq!(openings(&judgement).is_some(), !judgement.stopped.is_empty());
    }

    #[test]
    fn no_rules_break_the_readers(
        text in prop::collection::vec(
            prop::sample::select(vec![
                "table ip f {", "chain out {", "type filter hook output priority 0;", "policy drop", "drop", "jump out", "{",
                "}", "*filter", ":OUTPUT DROP", "-A OUTPUT", "-d", "--dport", "443", "-j", "OUTPUT", "!", "\n", "名", "vmap",
                "ip daddr", "@x", "set x {", "elements =", ",", ":", ".", "tcp flags", "&", "(", "\"", "meta mark set", "COMMIT",
            ]),
            0..40,
        ),
    ) {
        let text = text.join(" ");
        let mut tables = iptables(&text, Dialect::Iptables).unwrap_or_default();
        tables.extend(nft(&text).unwrap_or_default());
        follow(&Ruleset { tables }, &https());
    }
}
