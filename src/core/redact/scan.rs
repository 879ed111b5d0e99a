//! Where in a text the secrets are. Works on bytes, never fails, linear in the text's length. Knows no state.

use super::Rule;
use std::collections::{BTreeMap, BTreeSet};

/// A secret's place: `start..end` in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub rule: Rule,
    pub start: usize,
    pub end: usize,
    pub form: Form,
}

/// How the token is written in the secret's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    AsIs,
    Quoted,
}

/// Names end in one of these, once `_`, `-` and `.` are taken out and letters are small.
const SECRET_NAMES: [&str; 17] = [
    "accesskey",
    "accesskeyid",
    "accesskeysecret",
    "accessid",
    "secret",
    "secretid",
    "secretkey",
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "token",
    "credential",
    "privatekey",
    "apikey",
    "authorization",
    "signature",
];

/// Longer runs of name characters are no names.
const NAME_LIMIT: usize = 128;

/// Whether what follows such a name is a secret.
pub(super) fn names_secret(name: &[u8]) -> bool {
    if name.len() > NAME_LIMIT {
        return false;
    }
    let plain: String =
        name.iter().filter(|byte| byte.is_ascii_alphanumeric()).map(|byte| byte.to_ascii_lowercase() as char).collect();
    SECRET_NAMES.iter().any(|secret| plain.ends_with(secret))
}

/// Whether a value says that there is none, or is masked already.
pub(super) fn is_harmless(value: &[u8]) -> bool {
    matches!(value, b"" | b"null" | b"true" | b"false" | b"None") || value == b"***" || is_token(value)
}

/// Whether the value is a token of ours as a whole. One with another right behind it is, too: what ended the value was
/// part of a secret that was found elsewhere, so its end cannot be seen any more.
fn is_token(value: &[u8]) -> bool {
    let behind = token_length(value).and_then(|length| value.get(length..));
    behind.is_some_and(|rest| rest.is_empty() || token_length(rest).is_some())
}

/// The length of the token at the beginning, `***WORD-NUMBER***`, if one is there.
fn token_length(bytes: &[u8]) -> Option<usize> {
    let rest = bytes.strip_prefix(b"***")?;
    let word = rest.iter().take_while(|byte| byte.is_ascii_lowercase() || **byte == b'-').count();
    let digits = rest.get(word..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let known = [&b"access-key-id-"[..], b"secret-", b"authorization-", b"url-credentials-", b"private-key-"];
    let is_known = known.contains(&rest.get(..word)?);
    let closes = rest.get(word + digits..)?.starts_with(b"***");
    (is_known && (1..=6).contains(&digits) && closes).then_some(3 + word + digits + 3)
}

/// The runs of ten and more digits: AliUids.
pub(super) fn digit_runs(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_digit()).filter(|run| run.len() >= 10)
}

/// Replaces a sequence wherever the bytes around it, if any, are `free`. Returns the bytes and how often.
pub(super) fn replace(bytes: &[u8], old: &[u8], new: &[u8], free: impl Fn(u8) -> bool) -> (Vec<u8>, usize) {
    let (mut out, mut times, mut at) = (Vec::new(), 0, 0);
    let Some((&first, _)) = old.split_first() else { return (bytes.to_vec(), 0) };
    while let Some(&byte) = bytes.get(at) {
        if byte == first && bytes.get(at..).is_some_and(|rest| rest.starts_with(old)) {
            let before = at.checked_sub(1).and_then(|at| bytes.get(at)).is_none_or(|&byte| free(byte));
            let after = bytes.get(at + old.len()).is_none_or(|&byte| free(byte));
            if before && after {
                out.extend_from_slice(new);
                times += 1;
                at += old.len();
                continue;
            }
        }
        out.push(byte);
        at += 1;
    }
    (out, times)
}

/// Shorter values are masked where their name stands, but not looked for elsewhere: they may be ordinary words.
const MEMORABLE: usize = 12;

/// Secrets that were found, to be found again where nothing names them. Looking costs the same for one and for
/// thousands.
#[derive(Debug, Default)]
pub(super) struct Known {
    by_head: BTreeMap<[u8; MEMORABLE], Vec<OneKnown>>,
    firsts: BTreeSet<u8>,
}

#[derive(Debug)]
struct OneKnown {
    secret: Vec<u8>,
    rule: Rule,
    token: String,
}

impl Known {
    /// Remembers a secret with its rule and token, when it is long enough. What begins as our own tokens do is a piece of
    /// a text that was masked before and cut: it would be found in every token.
    pub fn learn(&mut self, secret: &[u8], rule: Rule, token: &str) {
        if secret.starts_with(b"***") {
            return;
        }
        let Some(&head) = secret.first_chunk::<MEMORABLE>() else { return };
        self.firsts.insert(head[0]);
        let same_head = self.by_head.entry(head).or_default();
        same_head.push(OneKnown { secret: secret.to_vec(), rule, token: token.to_string() });
        same_head.sort_by_key(|known| std::cmp::Reverse(known.secret.len()));
    }

    /// Masks every known secret; tells each time by which rule.
    pub fn mask(&self, bytes: Vec<u8>, mut told: impl FnMut(Rule)) -> Vec<u8> {
        if self.firsts.is_empty() {
            return bytes;
        }
        let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
        while let Some(&byte) = bytes.get(at) {
            let rest = bytes.get(at..).unwrap_or_default();
            // A secret may be a piece of our tokens' words.
            if let Some(length) = token_length(rest) {
                out.extend_from_slice(rest.get(..length).unwrap_or_default());
                at += length;
                continue;
            }
            let same_head = match self.firsts.contains(&byte) {
                true => rest.first_chunk::<MEMORABLE>().and_then(|head| self.by_head.get(head)),
                false => None,
            };
            match same_head.into_iter().flatten().find(|known| rest.starts_with(&known.secret)) {
                Some(OneKnown { secret, rule, token }) => {
                    out.extend_from_slice(token.as_bytes());
                    told(*rule);
                    at += secret.len();
                }
                None => {
                    out.push(byte);
                    at += 1;
                }
            }
        }
        out
    }
}

/// All secrets of a text, in order and apart from each other.
pub(super) fn secrets(bytes: &[u8]) -> Vec<Found> {
    let mut scan = Scan { bytes, at: 0, found: Vec::new() };
    while scan.at < bytes.len() {
        scan.step();
    }
    scan.found
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    found: Vec<Found>,
}

/// Characters of names: `access_key`, `access-key`, `AccessKey`, `a.b`.
fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

impl<'a> Scan<'a> {
    fn byte(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    fn rest(&self, at: usize) -> &'a [u8] {
        self.bytes.get(at..).unwrap_or_default()
    }

    /// Counts the bytes from `at` that hold.
    fn run(&self, at: usize, holds: impl Fn(u8) -> bool) -> usize {
        self.rest(at).iter().take_while(|byte| holds(**byte)).count()
    }

    /// Notes a secret and goes on behind it.
    fn note(&mut self, rule: Rule, start: usize, end: usize, form: Form) {
        if start < end {
            self.found.push(Found { rule, start, end, form });
        }
        self.at = end.max(self.at + 1);
    }

    /// Takes what stands here, and moves on by at least one byte.
    fn step(&mut self) {
        let at = self.at;
        let rest = self.rest(at);
        if let Some(length) = token_length(rest) {
            self.at += length;
        } else if rest.starts_with(b"-----BEGIN ") {
            self.private_key();
        } else if rest.starts_with(b"://") {
            self.url();
        } else if self.byte(at).is_some_and(is_name) {
            self.word();
        } else {
            self.at += 1;
        }
    }

    fn private_key(&mut self) {
        let (at, rest) = (self.at, self.rest(self.at));
        // The label holds no hyphen, so a long line of beginnings costs no more than its length.
        let label = self.run(at + 11, |byte| byte.is_ascii_alphanumeric() || byte == b' ');
        if !rest.get(11..11 + label).is_some_and(|label| label.windows(11).any(|part| part == b"PRIVATE KEY")) {
            self.at += 11;
            return;
        }
        let end = rest.windows(9).position(|part| part == b"-----END ").map(|end| {
            let tail = at + end + 9;
            let name = self.run(tail, |byte| byte != b'-' && byte != b'\n');
            tail + name + self.run(tail + name, |byte| byte == b'-')
        });
        self.note(Rule::PrivateKey, at, end.unwrap_or(self.bytes.len()), Form::AsIs);
    }

    /// `://user:password@host`: everything up to the last `@` of the authority.
    fn url(&mut self) {
        let start = self.at + 3;
        let ends = |byte: u8| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'?' | b'#' | b'"' | b'\'' | b'<');
        let length = self.run(start, |byte| !ends(byte) && byte != b'\\');
        let authority = self.rest(start).get(..length).unwrap_or_default();
        match authority.iter().rposition(|&byte| byte == b'@') {
            Some(user) if !is_harmless(authority.get(..user).unwrap_or_default()) => {
                self.note(Rule::UrlCredentials, start, start + user, Form::AsIs);
            }
            _ => self.at = start,
        }
    }

    /// A run of name characters: a secret by its shape, the name of a secret, or just a word.
    fn word(&mut self) {
        let start = self.at;
        let length = self.run(start, is_name);
        let end = start + length;
        let word = self.rest(start).get(..length).unwrap_or_default();
        if let Some((rule, from, to, form)) = self.named_value(word, end)
            && to > from
            && !is_harmless(self.rest(from).get(..to - from).unwrap_or_default())
        {
            // Text that is stuck together may have ids within the name.
            let mut at = 0;
            while let Some((from, to)) = word.get(at..).and_then(key_id) {
                self.note(Rule::AccessKeyId, start + at + from, start + at + to, Form::AsIs);
                at += to;
            }
            self.note(rule, from, to, form);
            return;
        }
        if let Some((from, to)) = key_id(word) {
            self.note(Rule::AccessKeyId, start + from, start + to, Form::AsIs);
            return;
        }
        if let Some((from, to)) = self.scheme(word, end) {
            self.note(Rule::Authorization, from, to, Form::AsIs);
            return;
        }
        self.at = end;
    }

    /// `Bearer TOKEN` and `Basic TOKEN`.
    fn scheme(&self, word: &[u8], end: usize) -> Option<(usize, usize)> {
        let is_scheme = word.eq_ignore_ascii_case(b"bearer") || word.eq_ignore_ascii_case(b"basic");
        if !is_scheme || self.byte(end) != Some(b' ') {
            return None;
        }
        let length = self.run(end + 1, |byte| is_name(byte) || matches!(byte, b'+' | b'/' | b'=' | b'~'));
        (length >= 8).then_some((end + 1, end + 1 + length))
    }

    /// The value behind a secret's name, which stands here, if there is a separator between: its rule, start, end and form.
    fn named_value(&self, name: &[u8], end: usize) -> Option<(Rule, usize, usize, Form)> {
        if !names_secret(name) {
            return None;
        }
        let is_header = name.to_ascii_lowercase().ends_with(b"authorization");
        let rule = if is_header { Rule::Authorization } else { Rule::NamedSecret };
        let blank = |byte: u8| byte == b' ' || byte == b'\t';
        let mut at = end + self.run(end, |byte| byte == b'\\');
        let name_quoted = matches!(self.byte(at), Some(b'"' | b'\''));
        at += usize::from(name_quoted);
        let gap = self.run(at, blank);
        match self.byte(at + gap) {
            Some(b'=' | b':') => {
                at += gap + 1;
                // JSON may break the line after the colon; a bare `key:` at the end of a line has no value.
                at += self.run(at, |byte| blank(byte) || (name_quoted && byte.is_ascii_whitespace()));
            }
            // The name of an element, with or without its namespace; not the end of one, and no redirection.
            Some(b'>') if !name_quoted && matches!(self.byte(self.at.wrapping_sub(1)), Some(b'<' | b':')) => {
                at += gap + 1;
                let element = self.rest(at).get(..self.run(at, |byte| byte != b'<')).unwrap_or_default();
                let from = at + element.len() - element.trim_ascii_start().len();
                return Some((rule, from, from + element.trim_ascii().len(), Form::AsIs));
            }
            Some(_) if gap > 0 && name.starts_with(b"--") => at += gap,
            _ => return None,
        }
        let escapes = self.run(at, |byte| byte == b'\\');
        match self.byte(at + escapes) {
            Some(quote @ (b'"' | b'\'')) => {
                let from = at + escapes + 1;
                Some((rule, from, self.quoted_end(from, quote, escapes), Form::AsIs))
            }
            Some(b'{' | b'[') => None,
            _ if is_header => {
                let length = self.run(at, |byte| !matches!(byte, b'\n' | b'\r' | b'"' | b'\''));
                Some((rule, at, at + length, Form::AsIs))
            }
            _ => {
                let ends = |byte: u8| byte.is_ascii_whitespace() || b",;&\"'`}])<>".contains(&byte);
                let length = self.run(at, |byte| !ends(byte));
                Some((rule, at, at + length, if name_quoted { Form::Quoted } else { Form::AsIs }))
            }
        }
    }

    /// Where the closing quote is that is escaped as the opening one was; else the end of the line.
    fn quoted_end(&self, from: usize, quote: u8, escapes: usize) -> usize {
        let (mut at, mut slashes) = (from, 0);
        while let Some(byte) = self.byte(at) {
            match byte {
                b'\\' => slashes += 1,
                _ if byte == quote && slashes <= escapes => return at - slashes,
                b'\n' => return at,
                _ => slashes = 0,
            }
            at += 1;
        }
        at
    }
}

/// The place of the first access key id in a word: `LTAI` and at least eight more, or `STS.` and at least ten more.
fn key_id(word: &[u8]) -> Option<(usize, usize)> {
    (0..word.len()).find_map(|from| {
        let rest = word.get(from..)?;
        let (tail, least) = match rest.strip_prefix(b"LTAI") {
            Some(tail) => (tail, 8),
            None => (rest.strip_prefix(b"STS.")?, 10),
        };
        let length = tail.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        (length >= least).then_some((from, from + 4 + length))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_known_in_every_spelling() {
        for name in ["access_key_secret", "accessKeySecret", "AccessKeyId", "STS-TOKEN", "db.password", "--access-key"]
        {
            assert!(names_secret(name.as_bytes()), "{name}");
        }
        for name in ["ip", "tokens_used", "project", "user_defined_id", "aliuid", ""] {
            assert!(!names_secret(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn the_first_access_key_id_of_a_word_is_found() {
        for (word, place) in [
            ("LTAI5tAbCdEf", Some((0, 12))),
            ("x-LTAI_LTAI5tAbCdEf", Some((7, 19))),
            ("STS.abcdefghijLTAI0y2pass1.x", Some((0, 26))),
            ("LTAI5tA.STS.abcdefghi", None),
        ] {
            assert_eq!(key_id(word.as_bytes()), place, "{word}");
        }
    }

    #[test]
    fn only_whole_tokens_of_ours_are_left_alone() {
        assert!(is_token(b"***secret-12***") && is_token(b"***secret-1******secret-2***\nnext"));
        for other in ["***", "***secret-***", "***mine-1***", "***secret-1***x", "***secret-1234567***"] {
            assert!(!is_token(other.as_bytes()), "{other}");
        }
    }
}
