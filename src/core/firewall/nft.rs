//! Reads `nft list ruleset`. Text and not JSON: old hosts have no JSON, and recordings hold the text.

mod values;

use super::condition::{Condition, Field, Test};
use super::{Chain, Dialect, Effect, Element, Hook, Point, Rule, Table, Verdict, short};
use std::collections::BTreeMap;
pub(super) use values::{address, port, protocol, user};
use values::{compared, field_of, flags, implied, kind, listed, masked, number, parse_elements};

/// A word of the text, and where it stands.
#[derive(Debug, Clone, Copy)]
struct Token<'a> {
    word: &'a str,
    is_quoted: bool,
    begin: usize,
    end: usize,
}

/// The tables that were printed. None when the text breaks off.
pub fn nft(printed: &str) -> Option<Vec<Table>> {
    let mut reader = Reader { text: printed, tokens: tokens(printed), at: 0 };
    let mut tables = Vec::new();
    while let Some(token) = reader.next() {
        if token.word != "table" || token.is_quoted {
            continue;
        }
        let (family, name) = (reader.next()?.word, reader.next()?.word);
        if reader.next()?.word != "{" {
            return None;
        }
        tables.extend(reader.table(family, name)?);
    }
    Some(tables)
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut out = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let begin = at;
        match byte {
            b'\n' | b'{' | b'}' | b';' | b',' | b'(' | b')' => at += 1,
            b' ' | b'\t' | b'\r' => {
                at += 1;
                continue;
            }
            b'#' => {
                at += bytes.iter().skip(at).position(|byte| *byte == b'\n').unwrap_or(bytes.len() - at);
                continue;
            }
            b'"' => {
                let length = bytes.iter().skip(at + 1).position(|byte| *byte == b'"').unwrap_or(bytes.len() - at - 1);
                at = (at + length + 2).min(bytes.len());
                let word = text.get(begin + 1..at.saturating_sub(1)).unwrap_or_default();
                out.push(Token { word, is_quoted: true, begin, end: at });
                continue;
            }
            _ => {
                let ends = |byte: &u8| b" \t\r\n{};,()\"".contains(byte);
                at += bytes.iter().skip(at).position(ends).unwrap_or(bytes.len() - at);
            }
        }
        out.push(Token { word: text.get(begin..at).unwrap_or_default(), is_quoted: false, begin, end: at });
    }
    out
}

struct Reader<'a> {
    text: &'a str,
    tokens: Vec<Token<'a>>,
    at: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<Token<'a>> {
        let token = self.tokens.get(self.at).copied();
        self.at += 1;
        token
    }

    /// The rest of a statement, up to the end of its line outside of braces. Some(None) at the end of the block.
    fn statement(&mut self) -> Option<Option<Vec<Token<'a>>>> {
        let (mut out, mut depth) = (Vec::new(), 0usize);
        loop {
            let token = self.next()?;
            match (token.word, token.is_quoted) {
                ("}", false) if depth == 0 => {
                    self.at -= usize::from(!out.is_empty());
                    return Some((!out.is_empty()).then_some(out));
                }
                ("\n" | ";", false) if depth == 0 => {
                    if !out.is_empty() {
                        return Some(Some(out));
                    }
                    continue;
                }
                ("\n", false) => continue,
                ("{", false) => depth += 1,
                ("}", false) => depth -= 1,
                _ => {}
            }
            out.push(token);
        }
    }

    /// A table; the inner None for one that is switched off.
    fn table(&mut self, family: &str, name: &str) -> Option<Option<Table>> {
        let mut table = Table {
            dialect: Dialect::Nft,
            family: family.to_string(),
            name: name.to_string(),
            chains: BTreeMap::new(),
            sets: BTreeMap::new(),
        };
        let mut is_dormant = false;
        loop {
            let token = self.next()?;
            match token.word {
                "}" => return Some((!is_dormant).then_some(table)),
                "chain" => {
                    let name = self.next()?.word.to_string();
                    self.opening()?;
                    let chain = self.chain()?;
                    table.chains.insert(name, chain);
                }
                "set" | "map" => {
                    let name = self.next()?.word.to_string();
                    self.opening()?;
                    let elements = self.set()?;
                    table.sets.insert(name, elements);
                }
                "flags" => is_dormant |= self.statement()??.iter().any(|token| token.word == "dormant"),
                "{" => while self.statement()?.is_some() {},
                _ => {}
            }
        }
    }

    fn opening(&mut self) -> Option<()> {
        (self.next()?.word == "{").then_some(())
    }

    fn chain(&mut self) -> Option<Chain> {
        let mut chain = Chain::default();
        while let Some(tokens) = self.statement()? {
            let words: Vec<&str> = tokens.iter().map(|token| token.word).collect();
            match words.as_slice() {
                ["type", kind, "hook", point, rest @ ..] => chain.hook = hook(kind, point, rest),
                ["policy", policy] => {
                    if let Some(hook) = &mut chain.hook {
                        hook.drops = *policy == "drop";
                    }
                }
                ["comment" | "flags", ..] => {}
                _ => {
                    let span = tokens.first().map_or(0, |first| first.begin)..tokens.last().map_or(0, |last| last.end);
                    let line = short(self.text.get(span).unwrap_or_default());
                    chain.rules.push(rule(&tokens, line));
                }
            }
        }
        Some(chain)
    }

    /// The elements of a named set; its key has as many fields as they show.
    fn set(&mut self) -> Option<Vec<Element>> {
        let (mut elements, mut kinds) = (Vec::new(), Vec::new());
        while let Some(tokens) = self.statement()? {
            match tokens.first().map(|token| token.word) {
                Some("type") => {
                    let words = tokens.iter().skip(1).map(|token| token.word).take_while(|word| *word != ":");
                    kinds = words.filter(|word| *word != ".").map(kind).collect();
                }
                Some("typeof") => {
                    let words: Vec<&str> = tokens.iter().skip(1).map(|token| token.word).collect();
                    let key = words.split(|word| *word == ":").next().unwrap_or_default();
                    kinds = key
                        .split(|word| *word == ".")
                        .map(|words| field_of(words).map_or(Field::Other, |(field, _)| field))
                        .collect();
                }
                Some("elements") => {
                    let inner =
                        tokens.iter().skip_while(|token| token.word != "{").skip(1).copied().collect::<Vec<_>>();
                    elements = parse_elements(&inner, &kinds).0;
                }
                _ => {}
            }
        }
        Some(elements)
    }
}

fn hook(kind: &str, point: &str, rest: &[&str]) -> Option<Hook> {
    let after =
        |name: &str| rest.iter().position(|word| *word == name).map(|at| rest.get(at + 1..).unwrap_or_default());
    let priority = match after("priority") {
        Some([base, "+", more, ..]) => named_priority(base) + more.parse().unwrap_or(0),
        Some([base, "-", less, ..]) => named_priority(base) - less.parse().unwrap_or(0),
        Some([base, ..]) => named_priority(base),
        _ => 0,
    };
    let device = after("device").and_then(|words| words.first()).map(|name| name.to_string());
    Some(Hook { point: Point::of(point)?, priority, is_nat: kind == "nat", drops: false, device })
}

fn named_priority(word: &str) -> i32 {
    match word {
        "raw" => -300,
        "mangle" => -150,
        "dstnat" => -100,
        "security" => 50,
        "srcnat" => 100,
        "out" => 100,
        number => number.parse().unwrap_or(0),
    }
}

fn rule(tokens: &[Token<'_>], line: String) -> Rule {
    let mut rule = Rule { line, conditions: Vec::new(), effect: None, verdict: Verdict::Nothing };
    let words: Vec<&str> = tokens.iter().map(|token| if token.is_quoted { "\"" } else { token.word }).collect();
    let mut at = 0;
    while at < words.len() {
        let rest = words.get(at..).unwrap_or_default();
        let name = tokens.get(at + 1).map_or("", |token| token.word).to_string();
        at += match rest {
            ["counter", "packets", _, "bytes", ..] => 5,
            ["counter", "name", ..] => 3,
            ["counter", ..] | ["continue", ..] | ["masquerade", ..] => 1,
            ["comment", ..] => 2,
            ["log", ..] => 1 + options(rest.get(1..).unwrap_or_default()),
            ["accept", ..] => verdict(&mut rule, Verdict::Accept),
            ["drop", ..] => verdict(&mut rule, Verdict::Drop { rejects: false }),
            ["return", ..] => verdict(&mut rule, Verdict::Return),
            ["jump", ..] => 1 + verdict(&mut rule, Verdict::Jump(name)),
            ["goto", ..] => 1 + verdict(&mut rule, Verdict::Goto(name)),
            ["reject", ..] => {
                rule.verdict = Verdict::Drop { rejects: true };
                return rule;
            }
            ["snat", ..] => return rule,
            ["dnat" | "redirect" | "queue" | "tproxy" | "fwd" | "synproxy" | "dup", ..] => {
                rule.verdict = Verdict::Elsewhere;
                return rule;
            }
            ["xt", "target", ..] => {
                let known = tokens.get(at + 2).map_or("", |token| token.word);
                if !matches!(known, "LOG" | "NFLOG" | "TCPMSS" | "CHECKSUM") {
                    rule.verdict = Verdict::Elsewhere;
                }
                3
            }
            ["notrack", ..] => {
                rule.effect = Some(Effect::Untrack);
                1
            }
            ["meta", "mark", "set", value, ..] => {
                let value = if words.len() > at + 4 && !is_end(rest.get(4)) { None } else { number(value) };
                rule.effect = Some(Effect::Mark(value.map(|value| (u32::MAX, value))));
                let tail = rest.get(4..).unwrap_or_default();
                4 + tail.iter().position(|word| is_end(Some(word))).unwrap_or(tail.len())
            }
            ["meta" | "ct" | "ip" | "tcp", _, "set", ..] | ["tcp", "option", _, _, "set", ..] => {
                let tail = rest.get(1..).unwrap_or_default();
                1 + tail.iter().position(|word| is_end(Some(word))).unwrap_or(tail.len())
            }
            ["add" | "update" | "delete", set, ..] if set.starts_with('@') => {
                2 + braces(rest.get(2..).unwrap_or_default())
            }
            ["limit", ..] => {
                rule.conditions.push(Condition::unknown());
                let tail = rest.get(1..).unwrap_or_default();
                1 + tail.iter().position(|word| is_end(Some(word))).unwrap_or(tail.len())
            }
            _ => match condition(&mut rule, tokens.get(at..).unwrap_or_default(), rest) {
                0 => {
                    rule.conditions.push(Condition::unknown());
                    1
                }
                count => count,
            },
        };
    }
    rule
}

fn verdict(rule: &mut Rule, verdict: Verdict) -> usize {
    rule.verdict = verdict;
    1
}

/// Whether a word begins the end of a rule.
fn is_end(word: Option<&&str>) -> bool {
    matches!(
        word,
        None | Some(
            &("accept" | "drop" | "return" | "continue" | "jump" | "goto" | "reject" | "counter" | "log" | "comment")
        )
    )
}

/// How many words the options of `log` are.
fn options(words: &[&str]) -> usize {
    let mut at = 0;
    while matches!(words.get(at), Some(&("prefix" | "level" | "group" | "snaplen" | "queue-threshold" | "flags"))) {
        at += 2;
        while words.get(at) == Some(&",") {
            at += 2;
        }
    }
    at
}

/// How many words a group in braces is.
fn braces(words: &[&str]) -> usize {
    if words.first() != Some(&"{") {
        return 0;
    }
    let mut depth = 0usize;
    for (at, word) in words.iter().enumerate() {
        depth += usize::from(*word == "{");
        if *word == "}" {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return at + 1;
            }
        }
    }
    words.len()
}

/// Reads one condition; how many words it was, 0 when it is none that is known.
fn condition(rule: &mut Rule, tokens: &[Token<'_>], words: &[&str]) -> usize {
    let (mut fields, mut at) = (Vec::new(), 0);
    loop {
        let rest = words.get(at..).unwrap_or_default();
        let Some((field, count)) = field_of(rest) else {
            // A protocol that is not the packet's decides by itself, whatever is asked of it.
            let Some(implied) = implied(rest) else { return 0 };
            rule.conditions.push(implied);
            rule.conditions.push(Condition::unknown());
            let tail = rest.get(1..).unwrap_or_default();
            return at + 1 + usize::from(!tail.is_empty());
        };
        rule.conditions.extend(implied(rest));
        fields.push(field);
        at += count;
        if words.get(at) != Some(&".") {
            break;
        }
        at += 1;
    }
    let rest = words.get(at..).unwrap_or_default();
    if let ["vmap", target, ..] = rest {
        let (elements, set, count) = match target.strip_prefix('@') {
            Some(name) => (Vec::new(), Some(name.to_string()), 2),
            None => {
                let (elements, count) = parse_elements(tokens.get(at + 2..).unwrap_or_default(), &fields);
                (elements, None, 2 + count)
            }
        };
        rule.verdict = Verdict::Map { fields, elements, set };
        return at + count;
    }
    let (negated, skip) = match rest.first() {
        Some(&"!=") => (true, 1),
        Some(&"==") => (false, 1),
        _ => (false, 0),
    };
    at += skip;
    let rest = words.get(at..).unwrap_or_default();
    let (test, count) = match rest {
        [op @ ("<" | ">" | "<=" | ">="), value, ..] => (compared(op, value, &fields), 2),
        ["&" | "and", tail @ ..] => masked(tail, fields.first() == Some(&Field::Flags)),
        ["{", ..] => {
            let (elements, count) = parse_elements(tokens.get(at + 1..).unwrap_or_default(), &fields);
            (Test::OneOf(elements), 1 + count)
        }
        [set, ..] if set.starts_with('@') => (Test::Set(set.trim_start_matches('@').to_string()), 1),
        _ if fields == [Field::Flags] => flags(rest),
        _ => {
            let (element, count) = listed(tokens.get(at..).unwrap_or_default(), &fields);
            (Test::OneOf(element), count)
        }
    };
    rule.conditions.push(Condition { fields, test, negated });
    at + count.max(1)
}
