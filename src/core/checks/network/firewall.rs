//! Which rule of this host's own firewall stops a packet on its way out, read from `nft list ruleset` and
//! `iptables-save`.
//!
//! The rules are walked as the kernel does, as far as they can be understood. A condition that is not understood may
//! fit: then the rule is named as a possible reason, never as a certain one.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// Chains that jump to each other are followed this deep; the kernel's own limit is 16.
const DEPTH: usize = 16;

/// So many rules are looked at in one walk. Chains that jump to each other many times could be walked for ever, while
/// the longest real rule sets have some ten thousand rules.
const STEPS: usize = 200_000;

/// The first packet of a TCP connection that leaves this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet {
    pub to: Ipv4Addr,
    pub port: u16,
}

/// A rule that drops or rejects the packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// The line as it was printed, without indentation; text from outside, at most 200 characters.
    pub line: String,
    /// Whether every condition was understood.
    pub is_certain: bool,
}

/// How a rule's conditions relate to the packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Yes,
    Maybe,
    No,
}

/// What a rule does with a packet that fits.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Action {
    Stop,
    Accept,
    Return,
    Jump(String),
    Nothing,
}

struct Rule {
    fit: Fit,
    action: Action,
    line: String,
}

#[derive(Default)]
struct Chain {
    rules: Vec<Rule>,
    /// Whether packets that no rule decides are dropped.
    drops: bool,
    /// Whether locally made packets pass it on their way out.
    is_output: bool,
}

type Chains = BTreeMap<String, Chain>;

/// How walking a chain ended.
enum End {
    Stopped(Stopped),
    Accepted,
    Open,
}

/// The rule of `iptables-save` that stops the packet.
pub fn iptables(printed: &str, packet: Packet) -> Option<Stopped> {
    let mut tables: Vec<Chains> = Vec::new();
    for line in printed.lines().map(str::trim) {
        if line.starts_with('*') {
            tables.push(Chains::new());
        }
        let Some(table) = tables.last_mut() else { continue };
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        match words.as_slice() {
            [name, policy, ..] if name.starts_with(':') => {
                let name = name.trim_start_matches(':');
                let chain = table.entry(name.to_string()).or_default();
                chain.drops = *policy == "DROP";
                chain.is_output = name == "OUTPUT";
            }
            ["-A", name, conditions @ ..] => {
                let (fit, action) = iptables_rule(conditions, packet);
                table.entry(name.to_string()).or_default().rules.push(Rule { fit, action, line: short(line) });
            }
            _ => {}
        }
    }
    tables.iter().find_map(first_stop)
}

/// The rule of `nft list ruleset` that stops the packet.
pub fn nft(printed: &str, packet: Packet) -> Option<Stopped> {
    let mut tables: Vec<Chains> = Vec::new();
    let mut chain: Option<String> = None;
    for line in printed.lines().map(str::trim) {
        let spaced = line.replace(['{', '}', ',', ';'], " ");
        let words: Vec<&str> = spaced.split_ascii_whitespace().collect();
        match words.as_slice() {
            ["table", family, ..] => {
                tables.push(Chains::new());
                chain = None;
                // Rules for other families never see this packet.
                if !matches!(*family, "ip" | "inet") {
                    tables.pop();
                }
            }
            ["chain", name, ..] => chain = Some(name.to_string()),
            ["type", ..] => {
                if let (Some(table), Some(name)) = (tables.last_mut(), &chain) {
                    let chain = table.entry(name.clone()).or_default();
                    chain.is_output = words.windows(2).any(|pair| pair == ["hook", "output"]);
                    chain.drops = words.windows(2).any(|pair| pair == ["policy", "drop"]);
                }
            }
            [] if line.starts_with('}') => chain = None,
            [_, ..] => {
                if let (Some(table), Some(name)) = (tables.last_mut(), &chain) {
                    let (fit, action) = nft_rule(&words, packet);
                    table.entry(name.clone()).or_default().rules.push(Rule { fit, action, line: short(line) });
                }
            }
            [] => {}
        }
    }
    tables.iter().find_map(first_stop)
}

/// Walks every chain of a table that packets on their way out pass.
fn first_stop(table: &Chains) -> Option<Stopped> {
    table.iter().filter(|(_, chain)| chain.is_output).find_map(|(name, chain)| match walk(table, name, 0, &mut 0) {
        End::Stopped(stopped) => Some(stopped),
        End::Open if chain.drops => Some(Stopped { line: format!("{name}: policy drop"), is_certain: true }),
        End::Open | End::Accepted => None,
    })
}

fn walk(table: &Chains, name: &str, depth: usize, steps: &mut usize) -> End {
    let Some(chain) = table.get(name).filter(|_| depth < DEPTH) else { return End::Open };
    let mut is_certain = true;
    for rule in chain.rules.iter().filter(|rule| rule.fit != Fit::No) {
        *steps += 1;
        if *steps > STEPS {
            return End::Open;
        }
        let fits = rule.fit == Fit::Yes;
        match &rule.action {
            Action::Stop => {
                return End::Stopped(Stopped { line: rule.line.clone(), is_certain: is_certain && fits });
            }
            Action::Accept if fits => return End::Accepted,
            Action::Return if fits => return End::Open,
            Action::Accept | Action::Return => is_certain = false,
            Action::Jump(other) => match walk(table, other, depth + 1, steps) {
                End::Stopped(inner) => {
                    let is_certain = is_certain && fits && inner.is_certain;
                    return End::Stopped(Stopped { is_certain, ..inner });
                }
                End::Accepted if fits => return End::Accepted,
                End::Accepted => is_certain = false,
                End::Open => {}
            },
            Action::Nothing => {}
        }
    }
    End::Open
}

/// One rule of iptables: options with their values, in any order.
fn iptables_rule(words: &[&str], packet: Packet) -> (Fit, Action) {
    let (mut fit, mut action, mut negated) = (Fit::Yes, Action::Nothing, false);
    let mut rest = words.iter().copied();
    while let Some(word) = rest.next() {
        if word == "!" {
            negated = true;
            continue;
        }
        let found = match word {
            "-j" | "-g" => {
                action = match rest.next().unwrap_or_default() {
                    "DROP" | "REJECT" => Action::Stop,
                    "ACCEPT" => Action::Accept,
                    "RETURN" => Action::Return,
                    "LOG" | "NFLOG" | "MARK" | "CONNMARK" | "CT" => Action::Nothing,
                    chain => Action::Jump(chain.to_string()),
                };
                // What follows are options of the target.
                break;
            }
            "-d" | "--destination" => of(has_address(&[rest.next().unwrap_or_default()], packet.to)),
            "-p" | "--protocol" => of(matches!(rest.next(), Some("tcp" | "all" | "6"))),
            "--dport" | "--dports" | "--destination-port" | "--destination-ports" => {
                let ports: Vec<_> = rest.next().unwrap_or_default().split(',').collect();
                of(has_port(&ports, packet.port))
            }
            "-o" | "--out-interface" => of_interface(rest.next().unwrap_or_default(), packet),
            "--ctstate" | "--state" => of(rest.next().unwrap_or_default().split(',').any(|state| state == "NEW")),
            "-m" | "--match" => match rest.next().unwrap_or_default() {
                "tcp" | "multiport" | "conntrack" | "state" => Fit::Yes,
                "comment" => {
                    // A comment may have spaces; the next option ends it.
                    let ahead = rest.clone().position(|word| word == "-j" || word == "-g").unwrap_or(usize::MAX);
                    for _ in 0..ahead.min(words.len()) {
                        rest.next();
                    }
                    Fit::Yes
                }
                _ => Fit::Maybe,
            },
            _ => Fit::Maybe,
        };
        fit = fit.max(if std::mem::take(&mut negated) { opposite(found) } else { found });
    }
    (fit, action)
}

/// One rule of nft: conditions and statements in order, braces and commas already taken out.
fn nft_rule(words: &[&str], packet: Packet) -> (Fit, Action) {
    let (mut fit, mut action) = (Fit::Yes, Action::Nothing);
    let mut at = 0;
    while let Some(&word) = words.get(at) {
        let next = words.get(at + 1).copied().unwrap_or_default();
        let (values, negated, after) = values(words, at + 2);
        let found = match (word, next) {
            ("drop" | "reject", _) => {
                action = Action::Stop;
                break;
            }
            ("accept", _) => {
                action = Action::Accept;
                break;
            }
            ("return", _) => {
                action = Action::Return;
                break;
            }
            ("jump" | "goto", chain) => {
                action = Action::Jump(chain.to_string());
                break;
            }
            ("ip", "daddr") if values.iter().any(|value| value.starts_with('@')) => Fit::Maybe,
            ("tcp" | "th", "dport") if values.iter().any(|value| value.starts_with('@')) => Fit::Maybe,
            ("ip", "daddr") => of(has_address(&values, packet.to)),
            ("tcp" | "th", "dport") => of(has_port(&values, packet.port)),
            ("meta", "l4proto") | ("ip", "protocol") => of(values.iter().any(|value| matches!(*value, "tcp" | "6"))),
            ("meta", "nfproto") => of(values.contains(&"ipv4")),
            ("ct", "state") => of(values.contains(&"new")),
            ("ip6" | "udp" | "icmp" | "icmpv6" | "sctp", _) => Fit::No,
            ("counter", "packets") => {
                at += 5;
                continue;
            }
            ("counter", _) => {
                at += 1;
                continue;
            }
            ("oifname" | "oif", _) => {
                let (values, negated, after) = self::values(words, at + 1);
                let found = values.first().map_or(Fit::Maybe, |name| of_interface(name.trim_matches('"'), packet));
                fit = fit.max(if negated { opposite(found) } else { found });
                at = after;
                continue;
            }
            _ => {
                fit = fit.max(Fit::Maybe);
                at += 1;
                continue;
            }
        };
        fit = fit.max(if negated { opposite(found) } else { found });
        at = after;
    }
    (fit, action)
}

/// The values from a position on: up to the next word that begins another condition or a statement.
fn values<'a>(words: &[&'a str], from: usize) -> (Vec<&'a str>, bool, usize) {
    const KEYS: [&str; 22] = [
        "ip", "ip6", "tcp", "udp", "th", "meta", "ct", "counter", "oif", "oifname", "drop", "reject", "accept",
        "return", "jump", "goto", "log", "limit", "comment", "skuid", "skgid", "queue",
    ];
    let negated = words.get(from) == Some(&"!=");
    let begin = if negated { from + 1 } else { from };
    let rest = words.get(begin..).unwrap_or_default();
    // The first word is a value whatever it is: `meta l4proto tcp`.
    let count = rest.iter().skip(1).take_while(|word| !KEYS.contains(word)).count() + usize::from(!rest.is_empty());
    (rest.iter().take(count).copied().collect(), negated, begin + count)
}

fn of(fits: bool) -> Fit {
    if fits { Fit::Yes } else { Fit::No }
}

fn opposite(fit: Fit) -> Fit {
    match fit {
        Fit::Yes => Fit::No,
        Fit::Maybe => Fit::Maybe,
        Fit::No => Fit::Yes,
    }
}

/// Only the loopback interface is known to carry this packet or not.
fn of_interface(name: &str, packet: Packet) -> Fit {
    match (name, packet.to.is_loopback()) {
        ("lo", is_loopback) => of(is_loopback),
        (_, true) => Fit::No,
        (_, false) => Fit::Maybe,
    }
}

/// Whether one of the addresses, networks `a.b.c.d/n` or ranges `a.b.c.d-e.f.g.h` holds the address.
fn has_address(values: &[&str], address: Ipv4Addr) -> bool {
    values.iter().any(|value| {
        if let Some((first, last)) = value.split_once('-') {
            let (Ok(first), Ok(last)) = (first.parse::<Ipv4Addr>(), last.parse::<Ipv4Addr>()) else { return false };
            return (first..=last).contains(&address);
        }
        let (network, bits) = value.split_once('/').unwrap_or((value, "32"));
        let (Ok(network), Ok(bits @ 0..=32)) = (network.parse::<Ipv4Addr>(), bits.parse::<u32>()) else { return false };
        let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
        network.to_bits() & mask == address.to_bits() & mask
    })
}

/// Whether one of the ports or ranges (`a:b` of iptables, `a-b` of nft) holds the port.
fn has_port(values: &[&str], port: u16) -> bool {
    let number = |text: &str| match text {
        "http" => Some(80),
        "https" => Some(443),
        _ => text.parse::<u16>().ok(),
    };
    values.iter().any(|value| match value.split_once([':', '-']) {
        Some((first, last)) => {
            number(first).zip(number(last)).is_some_and(|(first, last)| (first..=last).contains(&port))
        }
        None => number(value) == Some(port),
    })
}

fn short(line: &str) -> String {
    line.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HTTPS: Packet = Packet { to: Ipv4Addr::new(100, 100, 96, 7), port: 443 };

    fn of_iptables(rules: &str) -> Option<(String, bool)> {
        iptables(&format!("# made\n*filter\n{rules}\nCOMMIT\n"), HTTPS)
            .map(|stopped| (stopped.line, stopped.is_certain))
    }

    fn of_nft(rules: &str) -> Option<(String, bool)> {
        nft(rules, HTTPS).map(|stopped| (stopped.line, stopped.is_certain))
    }

    #[test]
    fn iptables_rules_are_walked_in_order() {
        let drop = "-A OUTPUT -p tcp -m tcp --dport 443 -j DROP";
        let certain = Some((drop.to_string(), true));
        assert_eq!(of_iptables(&format!(":OUTPUT ACCEPT [0:0]\n{drop}")), certain);
        for passing in [
            ":OUTPUT ACCEPT [0:0]\n-A INPUT -p tcp -m tcp --dport 443 -j DROP",
            ":OUTPUT ACCEPT [0:0]\n-A OUTPUT -d 100.64.0.0/10 -j ACCEPT\n-A OUTPUT -j DROP",
            ":OUTPUT ACCEPT [0:0]\n-A OUTPUT -p udp -j DROP\n-A OUTPUT -p tcp --dport 80 -j REJECT",
            ":OUTPUT ACCEPT [0:0]\n-A OUTPUT ! -d 100.64.0.0/10 -j DROP\n-A OUTPUT -o lo -j DROP",
            ":OUTPUT ACCEPT [0:0]\n-A OUTPUT -m state --state RELATED,ESTABLISHED -j DROP",
        ] {
            assert_eq!(of_iptables(passing), None, "{passing}");
        }
        let established = "-A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT";
        assert_eq!(of_iptables(&format!(":OUTPUT DROP [0:0]\n{established}")).unwrap().0, "OUTPUT: policy drop");
        let jump = ":OUTPUT ACCEPT [0:0]\n:deny - [0:0]\n-A OUTPUT -m comment --comment \"a b\" -j deny\n";
        let reject = "-A deny -p tcp -m multiport --dports 80,440:450 -j REJECT --reject-with icmp-port-unreachable";
        assert_eq!(of_iptables(&format!("{jump}{reject}")), Some((reject.to_string(), true)));
        let owner = "-A OUTPUT -m owner --uid-owner 1000 -j DROP";
        assert_eq!(of_iptables(&format!(":OUTPUT ACCEPT [0:0]\n{owner}")), Some((owner.to_string(), false)));
    }

    #[test]
    fn nft_rules_are_walked_in_order() {
        let table = |rules: &str, policy: &str| {
            format!(
                "table inet f {{\n\tset x {{\n\t\ttype ipv4_addr\n\t}}\n\tchain out {{\n\t\ttype filter hook output \
                 priority filter; policy {policy};\n{rules}\n\t}}\n}}\n"
            )
        };
        let drop = "ip daddr { 100.100.96.7, 203.0.113.7 } tcp dport { 80, 443 } counter packets 3 bytes 180 drop";
        assert_eq!(of_nft(&table(drop, "accept")), Some((drop.to_string(), true)));
        assert!(!of_nft(&table("ip daddr @x tcp dport 443 drop", "accept")).unwrap().1);
        assert!(of_nft(&table("meta l4proto tcp reject with icmp port-unreachable", "accept")).unwrap().1);
        for passing in [
            "tcp dport 80 drop",
            "ip daddr != 100.64.0.0/10 drop",
            "oifname \"lo\" drop\nudp dport 443 drop\nip6 daddr ::1 drop",
            "ct state established,related drop",
            "ip daddr 100.100.0.0/16 tcp dport https accept\ndrop",
        ] {
            assert_eq!(of_nft(&table(passing, "accept")), None, "{passing}");
        }
        assert_eq!(of_nft(&table("ct state established,related accept", "drop")).unwrap().0, "out: policy drop");
        let input = "table ip f {\n chain in {\n type filter hook input priority 0; policy drop;\n drop\n }\n}\n";
        assert_eq!(of_nft(input), None);
        let jump = "table ip f {\n chain deny {\n tcp dport 443 drop\n }\n chain out {\n type filter hook output \
                    priority 0; policy accept;\n jump deny\n }\n}\n";
        assert_eq!(of_nft(jump), Some(("tcp dport 443 drop".to_string(), true)));
    }

    proptest! {
        #[test]
        fn no_rules_break_the_reader(
            text in prop::collection::vec(
                prop::sample::select(vec![
                    "table ip f {", "chain out {", "type filter hook output", "policy drop", "drop", "jump out", "{", "}",
                    "*filter", ":OUTPUT DROP", "-A OUTPUT", "-d", "--dport", "443", "-j", "OUTPUT", "!", "\n", "名",
                ]),
                0..40,
            ),
        ) {
            iptables(&text.join(" "), HTTPS);
            nft(&text.join(" "), HTTPS);
        }
    }
}
