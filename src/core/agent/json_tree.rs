//! The parser under [`json`](super::json): jsoncpp's grammar with default settings, keeping where every value stands
//! so that an edit can touch one value and no other byte. It must not know what the values mean.
//!
//! Source: jsoncpp 1.8.4 and 1.9.3, `OurReader` in `json_reader.cpp`, with the settings of `CharReaderBuilder`.

use super::json::{FaultKind, Oddity};
use serde_json::{Map, Number, Value};
use std::collections::HashSet;
use std::ops::Range;

/// Values may nest this deep. jsoncpp stops at 1000; no configuration of the agent nests deeper than ten.
const DEPTH_LIMIT: usize = 200;

/// So many oddities are noted at most, which keeps reading linear in the size of the text.
const ODDITY_LIMIT: usize = 32;

/// One value and the bytes that it takes.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub span: Range<usize>,
    pub kind: NodeKind,
}

#[derive(Debug, Clone)]
pub(super) enum NodeKind {
    Object(Vec<Member>),
    Array(Vec<Node>),
    Scalar(Value),
}

/// One name and value of an object.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub name: String,
    /// The bytes of the name with its quotes.
    pub name_span: Range<usize>,
    pub value: Node,
}

impl Node {
    /// The value without places; of duplicate names the last wins, as in the agent.
    pub fn value(&self) -> Value {
        match &self.kind {
            NodeKind::Scalar(value) => value.clone(),
            NodeKind::Array(items) => Value::Array(items.iter().map(Node::value).collect()),
            NodeKind::Object(members) => {
                Value::Object(members.iter().map(|m| (m.name.clone(), m.value.value())).collect::<Map<_, _>>())
            }
        }
    }

    /// The member that counts under this name: the last one.
    pub fn member(&self, name: &str) -> Option<&Member> {
        match &self.kind {
            NodeKind::Object(members) => members.iter().rev().find(|m| m.name == name),
            _ => None,
        }
    }

    /// The members of an object, the items of an array: nothing for others.
    pub fn members(&self) -> &[Member] {
        match &self.kind {
            NodeKind::Object(members) => members,
            _ => &[],
        }
    }
}

/// Where and why reading stopped.
#[derive(Debug)]
pub(super) struct Stop {
    pub at: usize,
    pub kind: FaultKind,
}

/// Reads the first value of the bytes; what follows it is noted as an oddity, as the agent tolerates it.
pub(super) fn parse(bytes: &[u8], oddities: &mut Vec<Oddity>) -> Result<Node, Stop> {
    let mut parser = Parser { bytes, at: 0, oddities };
    parser.skip_all();
    let root = parser.value(0)?;
    parser.skip_all();
    if parser.at < bytes.len() {
        parser.note(Oddity::TrailingText);
    }
    Ok(root)
}

struct Parser<'a> {
    bytes: &'a [u8],
    at: usize,
    oddities: &'a mut Vec<Oddity>,
}

impl Parser<'_> {
    fn note(&mut self, oddity: Oddity) {
        if self.oddities.len() < ODDITY_LIMIT && !self.oddities.contains(&oddity) {
            self.oddities.push(oddity);
        }
    }

    /// Notes the first one only: with its line it would be another oddity each time.
    fn note_trailing_comma(&mut self) {
        let is_noted = self.oddities.iter().any(|oddity| matches!(oddity, Oddity::TrailingComma(_)));
        if is_noted || self.oddities.len() >= ODDITY_LIMIT {
            return;
        }
        // The comma itself stands before the white space that leads to the bracket.
        let before = self.bytes.get(..self.at).unwrap_or_default();
        let comma = before.iter().rposition(|byte| *byte == b',').unwrap_or(self.at);
        let line = 1 + before.iter().take(comma).filter(|byte| **byte == b'\n').count();
        self.note(Oddity::TrailingComma(line));
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn stop<T>(&self, kind: FaultKind) -> Result<T, Stop> {
        Err(Stop { at: self.at, kind })
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// Skips white space and comments; a comment that does not end is left where it is.
    fn skip_all(&mut self) {
        loop {
            self.skip_space();
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let length = if rest.starts_with(b"//") {
                rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len())
            } else if rest.starts_with(b"/*") {
                match rest.windows(2).skip(2).position(|pair| pair == b"*/") {
                    Some(inner) => inner + 4,
                    None => return,
                }
            } else {
                return;
            };
            self.at += length;
            self.note(Oddity::Comment);
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node, Stop> {
        if depth > DEPTH_LIMIT {
            return self.stop(FaultKind::TooDeep);
        }
        let start = self.at;
        let kind = match self.peek() {
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b'"') => NodeKind::Scalar(Value::String(self.string()?)),
            Some(b'-' | b'+' | b'0'..=b'9') => NodeKind::Scalar(Value::Number(self.number()?)),
            Some(b'\'') => return self.stop(FaultKind::SingleQuotes),
            _ => {
                let rest = self.bytes.get(self.at..).unwrap_or_default();
                let words = [("true", Value::Bool(true)), ("false", Value::Bool(false)), ("null", Value::Null)];
                let Some((word, value)) = words.into_iter().find(|(word, _)| rest.starts_with(word.as_bytes())) else {
                    return self.stop(if rest.is_empty() { FaultKind::EndsEarly } else { FaultKind::NoValue });
                };
                self.at += word.len();
                NodeKind::Scalar(value)
            }
        };
        Ok(Node { span: start..self.at, kind })
    }

    fn object(&mut self, depth: usize) -> Result<NodeKind, Stop> {
        self.at += 1;
        let mut members: Vec<Member> = Vec::new();
        let mut names: HashSet<String> = HashSet::new();
        loop {
            self.skip_all();
            match self.peek() {
                Some(b'}') if members.is_empty() => {
                    self.at += 1;
                    return Ok(NodeKind::Object(members));
                }
                Some(b'}') => {
                    self.note_trailing_comma();
                    self.at += 1;
                    return Ok(NodeKind::Object(members));
                }
                Some(b'"') => {}
                Some(b'\'') => return self.stop(FaultKind::SingleQuotes),
                Some(byte) if byte.is_ascii_alphabetic() || byte == b'_' => return self.stop(FaultKind::UnquotedKey),
                Some(_) => return self.stop(FaultKind::NoKey),
                None => return self.stop(FaultKind::EndsEarly),
            }
            let name_start = self.at;
            let name = self.string()?;
            let name_span = name_start..self.at;
            self.skip_space();
            if self.peek() != Some(b':') {
                return self.stop(self.missing(FaultKind::NoColon));
            }
            self.at += 1;
            self.skip_all();
            let value = self.value(depth + 1)?;
            if !names.insert(name.clone()) {
                self.note(Oddity::DuplicateKey(name.clone()));
            }
            members.push(Member { name, name_span, value });
            self.skip_all();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(NodeKind::Object(members));
                }
                _ => return self.stop(self.missing(FaultKind::NoComma)),
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<NodeKind, Stop> {
        self.at += 1;
        let mut items = Vec::new();
        self.skip_space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(NodeKind::Array(items));
        }
        loop {
            self.skip_all();
            if self.peek() == Some(b']') && !items.is_empty() {
                self.note_trailing_comma();
                self.at += 1;
                return Ok(NodeKind::Array(items));
            }
            items.push(self.value(depth + 1)?);
            self.skip_all();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(NodeKind::Array(items));
                }
                _ => return self.stop(self.missing(FaultKind::NoComma)),
            }
        }
    }

    /// The fault, unless the text simply ended here.
    fn missing(&self, kind: FaultKind) -> FaultKind {
        if self.at < self.bytes.len() { kind } else { FaultKind::EndsEarly }
    }

    /// A string with its escapes undone. Raw control characters and bytes that are not UTF-8 pass, as in jsoncpp.
    fn string(&mut self) -> Result<String, Stop> {
        self.at += 1;
        let mut out: Vec<u8> = Vec::new();
        loop {
            let Some(byte) = self.peek() else { return self.stop(FaultKind::EndsEarly) };
            self.at += 1;
            match byte {
                b'"' => break,
                b'\\' => {
                    let Some(escape) = self.peek() else { return self.stop(FaultKind::EndsEarly) };
                    self.at += 1;
                    match escape {
                        b'"' | b'\\' | b'/' => out.push(escape),
                        b'b' => out.push(8),
                        b'f' => out.push(12),
                        b'n' => out.push(b'\n'),
                        b'r' => out.push(b'\r'),
                        b't' => out.push(b'\t'),
                        b'u' => {
                            let c = self.unicode()?;
                            out.extend(c.encode_utf8(&mut [0; 4]).as_bytes());
                        }
                        _ => {
                            self.at -= 2;
                            return self.stop(FaultKind::BadEscape);
                        }
                    }
                }
                _ => {
                    if byte < 0x20 {
                        self.note(Oddity::ControlInString);
                    }
                    out.push(byte);
                }
            }
        }
        Ok(String::from_utf8(out).unwrap_or_else(|error| {
            self.note(Oddity::NotUtf8);
            String::from_utf8_lossy(error.as_bytes()).into_owned()
        }))
    }

    /// Four hexadecimal digits, or two groups of them that make one character.
    fn unicode(&mut self) -> Result<char, Stop> {
        let first = self.hex4()?;
        if !(0xd800..0xdc00).contains(&first) {
            return Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        if self.bytes.get(self.at..self.at + 2) != Some(b"\\u") {
            return self.stop(FaultKind::BadEscape);
        }
        self.at += 2;
        let second = self.hex4()?;
        let joined = 0x10000 + ((first & 0x3ff) << 10) + (second & 0x3ff);
        Ok(char::from_u32(joined).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex4(&mut self) -> Result<u32, Stop> {
        let digits = self.bytes.get(self.at..self.at + 4).filter(|four| four.iter().all(u8::is_ascii_hexdigit));
        let code = digits.and_then(|four| std::str::from_utf8(four).ok()).and_then(|s| u32::from_str_radix(s, 16).ok());
        match code {
            Some(code) => {
                self.at += 4;
                Ok(code)
            }
            None => self.stop(FaultKind::BadEscape),
        }
    }

    /// A number as jsoncpp takes it, which is looser than the standard: `01`, `1.` and `+1` pass.
    fn number(&mut self) -> Result<Number, Stop> {
        let start = self.at;
        self.at += 1;
        while matches!(self.peek(), Some(b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-')) {
            self.at += 1;
        }
        let text = self.bytes.get(start..self.at).and_then(|b| std::str::from_utf8(b).ok()).unwrap_or_default();
        if let Ok(number) = serde_json::from_str::<Number>(text) {
            return Ok(number);
        }
        let loose = text
            .parse::<i64>()
            .ok()
            .map(Number::from)
            .or_else(|| text.parse::<f64>().ok().filter(|n| n.is_finite()).and_then(Number::from_f64));
        match loose {
            Some(number) => {
                self.note(Oddity::LooseNumber);
                Ok(number)
            }
            None => Err(Stop { at: start, kind: FaultKind::BadNumber }),
        }
    }
}
