//! Reads `iptables-save` and `iptables-legacy-save`.

use super::condition::{Condition, FLAGS, Field, STATES, TYPES, Test, Value};
use super::nft::{address, port, user};
use super::{Chain, Dialect, Effect, Hook, Point, Rule, Table, Verdict, short};
use std::collections::BTreeMap;

/// The tables that were printed. None when the text breaks off.
pub fn iptables(printed: &str, dialect: Dialect) -> Option<Vec<Table>> {
    let mut tables: Vec<Table> = Vec::new();
    let mut is_open = false;
    for line in printed.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('*') {
            let (family, name) = ("ip".to_string(), name.to_string());
            tables.push(Table { dialect, family, name, chains: BTreeMap::new(), sets: BTreeMap::new() });
            is_open = true;
        } else if line == "COMMIT" {
            is_open = false;
        }
        let Some(table) = tables.last_mut() else { continue };
        if let Some(head) = line.strip_prefix(':') {
            let mut words = head.split_ascii_whitespace();
            let (Some(name), policy) = (words.next(), words.next()) else { continue };
            let hook = hook(&table.name, name, policy);
            table.chains.insert(name.to_string(), Chain { hook, rules: Vec::new() });
        } else if line.starts_with("-A ") || line.starts_with('[') {
            let words = split(line);
            let begin = words.iter().position(|word| word == "-A");
            let Some((name, rest)) = begin.and_then(|at| words.get(at + 1..)).and_then(<[String]>::split_first) else {
                continue;
            };
            let rule = rule(rest, short(line));
            table.chains.entry(name.clone()).or_default().rules.push(rule);
        }
    }
    (!is_open).then_some(tables)
}

fn hook(table: &str, chain: &str, policy: Option<&str>) -> Option<Hook> {
    let is_upper = chain.bytes().all(|byte| byte.is_ascii_uppercase());
    let point = Point::of(chain).filter(|_| is_upper)?;
    let priority = match (table, point) {
        ("raw", _) => -300,
        ("mangle", _) => -150,
        ("nat", Point::Postrouting | Point::Input) => 100,
        ("nat", _) => -100,
        ("security", _) => 50,
        _ => 0,
    };
    Some(Hook { point, priority, is_nat: table == "nat", drops: policy == Some("DROP"), device: None })
}

/// The words of a line; what stands in quotes is one.
fn split(line: &str) -> Vec<String> {
    let (mut words, mut word, mut is_quoted, mut is_word) = (Vec::new(), String::new(), false, false);
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                is_quoted = !is_quoted;
                is_word = true;
            }
            '\\' if is_quoted => word.extend(chars.next()),
            c if c.is_whitespace() && !is_quoted => {
                if is_word {
                    words.push(std::mem::take(&mut word));
                }
                is_word = false;
            }
            c => {
                word.push(c);
                is_word = true;
            }
        }
    }
    if is_word {
        words.push(word);
    }
    words
}

fn range(word: &str) -> Option<Value> {
    let (low, high) = word.split_once(':').unwrap_or((word, word));
    let low = if low.is_empty() { 0 } else { port(low)? };
    let high = if high.is_empty() { 65535 } else { port(high)? };
    Some(Value::Number(low, high))
}

fn hex(word: &str) -> Option<u32> {
    match word.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => word.parse().ok(),
    }
}

/// A value under a mask, `0x1/0xff`.
fn masked(word: &str) -> Option<(u32, u32)> {
    let (value, mask) = word.split_once('/').unwrap_or((word, "0xffffffff"));
    Some((hex(value)?, hex(mask)?))
}

fn named(table: &[(&str, u32)], words: &str) -> Vec<Option<Value>> {
    let find = |word: &str| table.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
    words.split(',').map(|word| find(word).map(|(_, number)| Value::Number(*number, *number))).collect()
}

fn bits(words: &str) -> Option<u32> {
    match words {
        "NONE" => Some(0),
        "ALL" => Some(63),
        words => words.split(',').try_fold(0, |all, word| {
            FLAGS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, bit)| all | bit)
        }),
    }
}

fn rule(words: &[String], line: String) -> Rule {
    let mut rule = Rule { line, conditions: Vec::new(), effect: None, verdict: Verdict::Nothing };
    let (mut negated, mut rest) = (false, words.iter().map(String::as_str));
    while let Some(word) = rest.next() {
        let mut next = || rest.next().unwrap_or_default();
        let mut add = |field, values| rule.conditions.push(Condition::one(field, values, negated));
        match word {
            "!" => {
                negated = true;
                continue;
            }
            "-m" => {
                next();
            }
            "--comment" => {
                next();
            }
            "-p" => match next() {
                "all" => {}
                name => add(Field::Protocol, vec![super::nft::protocol(name)]),
            },
            "-s" => add(Field::Source, vec![address(next())]),
            "-d" => add(Field::Destination, vec![address(next())]),
            "--src-range" => add(Field::Source, vec![address(next())]),
            "--dst-range" => add(Field::Destination, vec![address(next())]),
            "-i" => add(Field::In, vec![Some(Value::Name(next().replace('+', "*")))]),
            "-o" => add(Field::Out, vec![Some(Value::Name(next().replace('+', "*")))]),
            "--dport" | "--dports" => add(Field::DestinationPort, next().split(',').map(range).collect()),
            "--sport" | "--sports" => add(Field::SourcePort, next().split(',').map(range).collect()),
            "--uid-owner" => add(Field::User, vec![user(next())]),
            "--gid-owner" => add(Field::Group, vec![user(next())]),
            "--ctstate" | "--state" => add(Field::State, named(&STATES, next())),
            "--dst-type" => add(Field::DestinationType, named(&TYPES, next())),
            "--src-type" => add(Field::SourceType, named(&TYPES, next())),
            "--mark" => {
                let test = masked(next()).map_or(Test::Unknown, |(value, mask)| Test::Bits { mask, value });
                // The same option asks for the mark of the connection.
                let is_connection = rule.line.contains("-m connmark");
                let field = if is_connection { Field::Other } else { Field::Mark };
                rule.conditions.push(Condition { fields: vec![field], test, negated });
            }
            "--tcp-flags" => {
                let (mask, value) = (bits(next()), bits(next()));
                let test = mask.zip(value).map_or(Test::Unknown, |(mask, value)| Test::Bits { mask, value });
                rule.conditions.push(Condition { fields: vec![Field::Flags], test, negated });
            }
            "--syn" => {
                let test = Test::Bits { mask: 1 | 2 | 4 | 16, value: 2 };
                rule.conditions.push(Condition { fields: vec![Field::Flags], test, negated });
            }
            "-g" => rule.verdict = Verdict::Goto(next().to_string()),
            "-j" => {
                (rule.verdict, rule.effect) = target(next(), rest.clone());
                break;
            }
            _ => rule.conditions.push(Condition::unknown()),
        }
        negated = false;
    }
    rule
}

/// The verdict of a target, and its effect; its own options follow it.
fn target<'a>(name: &str, mut options: impl Iterator<Item = &'a str>) -> (Verdict, Option<Effect>) {
    let verdict = match name {
        "ACCEPT" => Verdict::Accept,
        "DROP" => Verdict::Drop { rejects: false },
        "REJECT" => Verdict::Drop { rejects: true },
        "RETURN" => Verdict::Return,
        "LOG" | "NFLOG" | "ULOG" | "AUDIT" | "TRACE" | "TCPMSS" | "CHECKSUM" | "TOS" | "DSCP" | "TTL" | "CLASSIFY"
        | "SET" | "CONNSECMARK" | "SECMARK" | "MASQUERADE" | "SNAT" | "NETMAP" | "RATEEST" | "HMARK" => {
            Verdict::Nothing
        }
        "MARK" => {
            let change = match (options.next(), options.next().and_then(masked)) {
                (Some("--set-xmark" | "--set-mark"), Some((value, mask))) => Some((mask, value)),
                _ => None,
            };
            return (Verdict::Nothing, Some(Effect::Mark(change)));
        }
        "CONNMARK" => {
            let restores = options.any(|option| option == "--restore-mark");
            return (Verdict::Nothing, restores.then_some(Effect::Mark(None)));
        }
        "CT" | "NOTRACK" => return (Verdict::Nothing, Some(Effect::Untrack)),
        "DNAT" | "REDIRECT" | "NFQUEUE" | "QUEUE" | "TPROXY" | "SYNPROXY" | "STEAL" | "TARPIT" | "TEE" => {
            Verdict::Elsewhere
        }
        // A target in capitals that is none of these is an extension; the others are chains, whose names may be
        // capitals as well: one that does not exist is not followed either.
        other => Verdict::Jump(other.to_string()),
    };
    (verdict, None)
}
