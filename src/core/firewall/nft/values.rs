//! How nft writes fields and values.

use super::Token;
use crate::core::firewall::condition::{Condition, FLAGS, Field, IPV4, IPV6, STATES, TYPES, Test, Value};
use crate::core::firewall::{Element, Verdict};
use std::net::Ipv4Addr;

/// The field that a set's type stands for: only how its values are written matters.
pub(super) fn kind(name: &str) -> Field {
    match name {
        "ipv4_addr" => Field::Destination,
        "inet_service" => Field::DestinationPort,
        "inet_proto" => Field::Protocol,
        "ifname" => Field::Out,
        "mark" => Field::Mark,
        "uid" => Field::User,
        "gid" => Field::Group,
        "ct_state" => Field::State,
        _ => Field::Other,
    }
}

/// The field that words name, and how many words they are.
pub(super) fn field_of(words: &[&str]) -> Option<(Field, usize)> {
    Some(match words {
        ["ip", "saddr", ..] => (Field::Source, 2),
        ["ip", "daddr", ..] => (Field::Destination, 2),
        ["ip", "protocol", ..] | ["meta", "l4proto", ..] => (Field::Protocol, 2),
        ["tcp" | "udp" | "th", "dport", ..] => (Field::DestinationPort, 2),
        ["tcp" | "udp" | "th", "sport", ..] => (Field::SourcePort, 2),
        ["tcp", "flags", ..] => (Field::Flags, 2),
        ["meta", "nfproto" | "protocol", ..] => (Field::Family, 2),
        ["meta", "skuid", ..] => (Field::User, 2),
        ["meta", "skgid", ..] => (Field::Group, 2),
        ["meta", "mark", ..] => (Field::Mark, 2),
        ["meta", "oifname" | "oif", ..] => (Field::Out, 2),
        ["meta", "iifname" | "iif", ..] => (Field::In, 2),
        ["ct", "state", ..] => (Field::State, 2),
        ["ct", "mark", ..] => (Field::ConnectionMark, 2),
        ["fib", "daddr", "type", ..] => (Field::DestinationType, 3),
        ["fib", "saddr", "type", ..] => (Field::SourceType, 3),
        ["l4proto", ..] => (Field::Protocol, 1),
        ["nfproto" | "protocol", ..] => (Field::Family, 1),
        ["skuid", ..] => (Field::User, 1),
        ["skgid", ..] => (Field::Group, 1),
        ["mark", ..] => (Field::Mark, 1),
        ["oifname" | "oif", ..] => (Field::Out, 1),
        ["iifname" | "iif", ..] => (Field::In, 1),
        ["ip", "dscp" | "ttl" | "length" | "id" | "frag-off" | "version" | "hdrlength" | "ecn" | "checksum", ..] => {
            (Field::Other, 2)
        }
        ["meta", ..] | ["ct", ..] => (Field::Other, 2),
        _ => return None,
    })
}

/// What must hold besides, where words name a protocol.
pub(super) fn implied(words: &[&str]) -> Option<Condition> {
    match words {
        ["tcp", ..] => Some(Condition::is(Field::Protocol, 6)),
        ["udp", ..] => Some(Condition::is(Field::Protocol, 17)),
        ["ip6", ..] => Some(Condition::is(Field::Family, IPV6)),
        ["icmp", ..] => Some(Condition::is(Field::Protocol, 1)),
        ["icmpv6", ..] => Some(Condition::is(Field::Protocol, 58)),
        ["sctp", ..] => Some(Condition::is(Field::Protocol, 132)),
        ["dccp", ..] => Some(Condition::is(Field::Protocol, 33)),
        ["udplite", ..] => Some(Condition::is(Field::Protocol, 136)),
        ["ip", ..] => Some(Condition::is(Field::Family, IPV4)),
        _ => None,
    }
}

/// One value, or several with commas between them.
pub(super) fn listed(tokens: &[Token<'_>], fields: &[Field]) -> (Vec<Element>, usize) {
    let field = fields.first().copied().unwrap_or(Field::Other);
    let (mut out, mut at) = (Vec::new(), 0);
    while let Some(token) = tokens.get(at) {
        out.push(Element { key: vec![value(field, token.word)], verdict: None });
        at += 1;
        if tokens.get(at).map(|token| token.word) != Some(",") {
            break;
        }
        at += 1;
    }
    (out, at)
}

pub(super) fn compared(op: &str, word: &str, fields: &[Field]) -> Test {
    let Some(Some(Value::Number(low, high))) = fields.first().map(|field| value(*field, word)) else {
        return Test::Unknown;
    };
    let (from, to) = match op {
        "<" => (Some(0), low.checked_sub(1)),
        "<=" => (Some(0), Some(high)),
        ">" => (high.checked_add(1), Some(u32::MAX)),
        _ => (Some(low), Some(u32::MAX)),
    };
    match from.zip(to) {
        Some((from, to)) => Test::OneOf(vec![Element { key: vec![Some(Value::Number(from, to))], verdict: None }]),
        None => Test::Unknown,
    }
}

/// Bits that words name, in brackets or not, and how many words they are.
fn bits(words: &[&str], are_flags: bool) -> (Option<u32>, usize) {
    let (mut all, mut at) = (Some(0), 0);
    let is_bracketed = words.first() == Some(&"(");
    at += usize::from(is_bracketed);
    while let Some(word) = words.get(at).copied() {
        if matches!(word, "|" | ",") {
            at += 1;
            continue;
        }
        if word == ")" {
            return (all, at + 1);
        }
        let flag = FLAGS.iter().find(|(name, _)| are_flags && *name == word).map(|(_, bit)| *bit);
        match flag.or_else(|| number(word)) {
            Some(bit) => all = all.map(|all| all | bit),
            None if is_bracketed => all = None,
            None => break,
        }
        at += 1;
    }
    (all, at)
}

/// `MASK == VALUE`, behind the sign of a mask.
pub(super) fn masked(words: &[&str], are_flags: bool) -> (Test, usize) {
    let (mask, count) = bits(words, are_flags);
    let rest = words.get(count..).unwrap_or_default();
    let is_equal = rest.first() == Some(&"==");
    if !is_equal && rest.first() != Some(&"!=") {
        return (mask.map_or(Test::Unknown, Test::AnyBit), 1 + count);
    }
    let (value, more) = bits(rest.get(1..).unwrap_or_default(), are_flags);
    let all = 2 + count + more;
    match mask.zip(value) {
        Some((mask, value)) if is_equal => (Test::Bits { mask, value }, all),
        Some((mask, 0)) => (Test::AnyBit(mask), all),
        _ => (Test::Unknown, all),
    }
}

/// `syn`, or `syn / fin,syn,rst,ack`.
pub(super) fn flags(words: &[&str]) -> (Test, usize) {
    let (value, count) = bits(words, true);
    if words.get(count) == Some(&"/") {
        let (mask, more) = bits(words.get(count + 1..).unwrap_or_default(), true);
        let test = mask.zip(value).map_or(Test::Unknown, |(mask, value)| Test::Bits { mask, value });
        return (test, count + 1 + more);
    }
    (value.map_or(Test::Unknown, Test::AnyBit), count.max(1))
}

/// The elements up to the closing brace, and how many words they and it are.
pub(super) fn parse_elements(tokens: &[Token<'_>], fields: &[Field]) -> (Vec<Element>, usize) {
    let (mut out, mut at) = (Vec::new(), 0);
    let mut current: Vec<Token<'_>> = Vec::new();
    let mut depth = 0usize;
    while let Some(token) = tokens.get(at).copied() {
        at += 1;
        let is_end = token.word == "}" && !token.is_quoted && depth == 0;
        if is_end || (token.word == "," && depth == 0) {
            if !current.is_empty() {
                out.push(element(&current, fields));
            }
            current.clear();
            if is_end {
                break;
            }
            continue;
        }
        match token.word {
            "{" => depth += 1,
            "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        current.push(token);
    }
    (out, at)
}

fn element(tokens: &[Token<'_>], fields: &[Field]) -> Element {
    let mut parts = tokens.splitn(2, |token| token.word == ":" && !token.is_quoted);
    let (key, rest) = (parts.next().unwrap_or_default(), parts.next());
    let of_key = key.split(|token| token.word == "." && !token.is_quoted).enumerate();
    let key = of_key.map(|(at, words)| {
        let word = words.first().map_or("", |token| token.word);
        value(fields.get(at).copied().unwrap_or(Field::Other), word)
    });
    let verdict = rest.map(|words| {
        let name = words.get(1).map(|token| token.word.to_string()).unwrap_or_default();
        Box::new(match words.first().map(|token| token.word) {
            Some("accept") => Verdict::Accept,
            Some("drop") => Verdict::Drop { rejects: false },
            Some("return") => Verdict::Return,
            Some("continue") => Verdict::Nothing,
            Some("jump") => Verdict::Jump(name),
            Some("goto") => Verdict::Goto(name),
            _ => Verdict::Elsewhere,
        })
    });
    Element { key: key.collect(), verdict }
}

/// A value as this field writes it; None when it is not understood.
fn value(field: Field, word: &str) -> Option<Value> {
    if word == "*" && !matches!(field, Field::In | Field::Out) {
        return Some(Value::Number(0, u32::MAX));
    }
    let named = |table: &[(&str, u32)]| {
        table.iter().find(|(name, _)| *name == word).map(|(_, number)| Value::Number(*number, *number))
    };
    match field {
        Field::Source | Field::Destination => address(word),
        Field::SourcePort | Field::DestinationPort => {
            let (low, high) = word.split_once('-').filter(|(low, _)| port(low).is_some()).unwrap_or((word, word));
            Some(Value::Number(port(low)?, port(high)?))
        }
        Field::Protocol => protocol(word),
        Field::Family => match word {
            "ipv4" | "ip" => Some(Value::Number(IPV4, IPV4)),
            "ipv6" | "ip6" => Some(Value::Number(IPV6, IPV6)),
            _ => None,
        },
        Field::User | Field::Group => user(word),
        Field::Mark | Field::ConnectionMark => {
            let (low, high) = word.split_once('-').unwrap_or((word, word));
            Some(Value::Number(number(low)?, number(high)?))
        }
        Field::State => named(&STATES),
        Field::SourceType | Field::DestinationType => named(&TYPES),
        Field::In | Field::Out => Some(Value::Name(word.to_string())),
        Field::Flags | Field::Other => None,
    }
}

pub(super) fn number(word: &str) -> Option<u32> {
    match word.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => word.parse().ok(),
    }
}

/// An IPv4 address, a network (`/24` or `/255.255.255.0`) or a range; one of IPv6 is none that a packet of ours has.
pub(in crate::core::firewall) fn address(word: &str) -> Option<Value> {
    if word.contains(':') {
        return None;
    }
    if let Some((low, high)) = word.split_once('-') {
        return Some(Value::Number(low.parse::<Ipv4Addr>().ok()?.to_bits(), high.parse::<Ipv4Addr>().ok()?.to_bits()));
    }
    let (base, length) = word.split_once('/').unwrap_or((word, "32"));
    let base = base.parse::<Ipv4Addr>().ok()?.to_bits();
    let mask = match length.parse::<u32>() {
        Ok(bits) => u32::MAX.checked_shl(32u32.checked_sub(bits)?).unwrap_or(0),
        Err(_) => length.parse::<Ipv4Addr>().ok()?.to_bits(),
    };
    (mask.leading_ones() == mask.count_ones()).then_some(Value::Number(base & mask, base | !mask))
}

/// A port by number, or by one of the names that old programs print.
pub(in crate::core::firewall) fn port(word: &str) -> Option<u32> {
    let known = [("http", 80), ("https", 443), ("domain", 53), ("ssh", 22), ("smtp", 25), ("ntp", 123)];
    word.parse().ok().or_else(|| known.iter().find(|(name, _)| *name == word).map(|(_, port)| *port))
}

pub(in crate::core::firewall) fn protocol(word: &str) -> Option<Value> {
    let known = [
        ("icmp", 1),
        ("tcp", 6),
        ("udp", 17),
        ("esp", 50),
        ("ah", 51),
        ("ipv6-icmp", 58),
        ("icmpv6", 58),
        ("sctp", 132),
        ("dccp", 33),
        ("udplite", 136),
        ("igmp", 2),
        ("gre", 47),
    ];
    let number =
        word.parse().ok().or_else(|| known.iter().find(|(name, _)| *name == word).map(|(_, number)| *number))?;
    Some(Value::Number(number, number))
}

/// A user or group: by name only root is 0, which is all that matters here.
pub(in crate::core::firewall) fn user(word: &str) -> Option<Value> {
    if word == "root" {
        return Some(Value::Number(0, 0));
    }
    let (low, high) = word.split_once('-').filter(|(low, _)| number(low).is_some()).unwrap_or((word, word));
    match (number(low), number(high)) {
        (Some(low), Some(high)) => Some(Value::Number(low, high)),
        _ => Some(Value::Number(u32::MAX, u32::MAX)),
    }
}
