//! Where in a text the secrets are. Works on bytes, never fails, linear in the text's length. Knows no state.

use super::forms;
use super::names::{is_harmless, names_header, names_secret, token_length};
use super::rule::Rule;
use super::views::{self, STOP, View, Wrapping};

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

/// So many wrappings are taken off each other.
const DEPTH: usize = 3;

/// All secrets of a text, in order and apart from each other, whatever they are wrapped in.
pub(super) fn secrets(bytes: &[u8]) -> Vec<Found> {
    at_depth(bytes, DEPTH)
}

fn at_depth(bytes: &[u8], depth: usize) -> Vec<Found> {
    let mut found = in_plain(bytes);
    if depth == 0 {
        return found;
    }
    for (start, line) in views::wrapped_lines(bytes) {
        let line = View::plain(line, start);
        for wrapping in Wrapping::ALL {
            unwrapped(&line, wrapping, depth, &mut found);
        }
    }
    for (start, end, text) in views::base64_texts(bytes) {
        if says_a_pair(&text) || !at_depth(&text, depth - 1).is_empty() {
            found.push(Found { rule: Rule::NamedSecret, start, end, form: Form::AsIs });
        }
    }
    apart(found)
}

/// What is found with one more wrapping taken off.
fn unwrapped(view: &View, wrapping: Wrapping, depth: usize, found: &mut Vec<Found>) {
    let Some(inner) = view.unwrapped(wrapping) else { return };
    for one in in_plain(&inner.bytes) {
        found.push(Found { start: inner.place(one.start), end: inner.place(one.end), form: Form::AsIs, ..one });
    }
    for (start, end, text) in views::base64_texts(&inner.bytes) {
        if says_a_pair(&text) || !in_plain(&text).is_empty() {
            let (start, end) = (inner.place(start), inner.place(end));
            found.push(Found { rule: Rule::NamedSecret, start, end, form: Form::AsIs });
        }
    }
    if depth > 1 {
        for wrapping in Wrapping::ALL {
            unwrapped(&inner, wrapping, depth - 1, found);
        }
    }
}

/// `user:password`, as it is packed for `Basic`.
fn says_a_pair(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    let Some(colon) = text.iter().position(|&byte| byte == b':') else { return false };
    let (user, password) = (text.get(..colon).unwrap_or_default(), text.get(colon + 1..).unwrap_or_default());
    let is_user = !user.is_empty() && user.iter().all(|&byte| is_name(byte) || b"@\\+".contains(&byte));
    is_user
        && !password.is_empty()
        && password.iter().all(u8::is_ascii_graphic)
        && !password.iter().all(u8::is_ascii_digit)
}

/// In order, and joined where they overlap.
fn apart(mut found: Vec<Found>) -> Vec<Found> {
    found.sort_by_key(|one| (one.start, std::cmp::Reverse(one.end)));
    let mut apart: Vec<Found> = Vec::with_capacity(found.len());
    for one in found {
        match apart.last_mut().filter(|last| one.start < last.end) {
            Some(last) if one.end > last.end => {
                last.end = one.end;
                last.form = Form::AsIs;
            }
            Some(_) => {}
            None => apart.push(one),
        }
    }
    apart
}

/// The secrets of a text as it stands.
fn in_plain(bytes: &[u8]) -> Vec<Found> {
    let mut scan = Scan { bytes, at: 0, found: Vec::new(), run: (0, 0, None), spent: 0 };
    while scan.at < bytes.len() {
        scan.step();
    }
    scan.found
}

pub(super) struct Scan<'a> {
    pub(super) bytes: &'a [u8],
    at: usize,
    found: Vec<Found>,
    /// The run of characters that was last searched for an `@`: its start, its end, and the last one that a host follows.
    run: (usize, usize, Option<usize>),
    /// How far was looked ahead in vain, in bytes.
    pub(super) spent: usize,
}

/// A value: its place, and how it is masked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Value {
    pub from: usize,
    pub to: usize,
    pub form: Form,
}

/// Characters of names: `access_key`, `access-key`, `AccessKey`, `a.b`.
pub(super) fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// Names of secrets that are not ASCII.
const OTHER_NAMES: [&str; 5] = ["密码", "口令", "密钥", "令牌", "授权码"];

/// What stands before a colon and makes no user of it.
const NO_USERS: [&[u8]; 6] = [b"mailto", b"sip", b"sips", b"xmpp", b"acct", b"news"];

impl<'a> Scan<'a> {
    pub(super) fn byte(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    pub(super) fn rest(&self, at: usize) -> &'a [u8] {
        self.bytes.get(at..).unwrap_or_default()
    }

    pub(super) fn part(&self, from: usize, to: usize) -> &'a [u8] {
        self.bytes.get(from..to).unwrap_or_default()
    }

    /// Counts the bytes from `at` that hold.
    pub(super) fn run(&self, at: usize, holds: impl Fn(u8) -> bool) -> usize {
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
        let (at, rest) = (self.at, self.rest(self.at));
        match rest.first() {
            Some(b'*') => self.at += token_length(rest).unwrap_or(1),
            Some(b'-') if rest.starts_with(b"-----BEGIN ") => self.private_key(),
            Some(b'-') if rest.starts_with(b"-----END ") => self.end_of_a_key(),
            Some(b':') if rest.starts_with(b"://") => self.url(),
            Some(b':') if !self.at.checked_sub(1).and_then(|at| self.byte(at)).is_some_and(is_name) => {
                if !self.user_and_password(at, at) {
                    self.at += 1;
                }
            }
            Some(b'$') => match forms::hashed_password(rest) {
                Some(length) => self.note(Rule::Token, at, at + length, Form::AsIs),
                None => self.at += 1,
            },
            Some(&byte) if is_name(byte) => self.word(),
            Some(0x80..) => self.other_name(),
            _ => self.at += 1,
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

    /// The end of a private key whose beginning was cut off: the lines before it are the key.
    fn end_of_a_key(&mut self) {
        let at = self.at;
        let label = self.run(at + 9, |byte| byte.is_ascii_alphanumeric() || byte == b' ');
        if !self.part(at + 9, at + 9 + label).windows(11).any(|part| part == b"PRIVATE KEY") {
            self.at += 9;
            return;
        }
        let is_key = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=\r\n".contains(byte);
        let length = self.part(0, at).iter().rev().take_while(|byte| is_key(byte)).count();
        let mut start = at - length;
        while let Some(last) = self.found.last().filter(|last| last.end > start) {
            start = start.min(last.start);
            self.found.pop();
        }
        let end = at + 9 + label + self.run(at + 9 + label, |byte| byte == b'-');
        self.note(Rule::PrivateKey, start, end, Form::AsIs);
    }

    /// The end of the run of characters here that may belong to `user:password@host`, and the last `@` in it that a host
    /// follows. A run is searched once, however many places in it ask.
    fn last_at(&mut self, start: usize) -> (usize, Option<usize>) {
        let (from, to, last) = self.run;
        if from <= start && start < to {
            return (to, last.filter(|last| *last >= start));
        }
        let (mut at, mut last) = (start, None);
        while let Some(byte) = self.byte(at) {
            let rest = self.rest(at);
            let is_end = byte.is_ascii_whitespace()
                || b"\"'<>`".contains(&byte)
                || byte == STOP
                || (byte == b'\\' && rest.get(1).is_some_and(|next| b"\"'nrt".contains(next)))
                || (at > start && rest.starts_with(b"://"));
            if is_end {
                break;
            }
            let has_host = |next: &u8| next.is_ascii_alphanumeric() || b"[/*".contains(next);
            if byte == b'@' && rest.get(1).is_some_and(has_host) && !rest.starts_with(b"@sha256:") {
                last = Some(at);
            }
            at += 1;
        }
        self.run = (start, at.max(start + 1), last);
        (at, last)
    }

    /// `://user:password@host`: everything up to the last `@` that can belong to the user and the password.
    fn url(&mut self) {
        let start = self.at + 3;
        let (end, last) = self.last_at(start);
        let authority = self.run(start, |byte| !b"/?#".contains(&byte)).min(end - start.min(end));
        let in_authority = self.part(start, start + authority).iter().rposition(|&byte| byte == b'@');
        let at = match (in_authority.map(|at| start + at), last) {
            // A second one may end a password with a slash in it, but not one in a query.
            (Some(first), Some(last)) if last > first && !self.part(first, last).iter().any(|b| b"?=".contains(b)) => {
                Some(last)
            }
            (Some(first), _) => Some(first),
            (None, Some(last)) if self.is_password_with_slashes(start, authority) => Some(last),
            _ => None,
        };
        match at {
            Some(at) if !is_harmless(self.part(start, at)) => self.note(Rule::UrlCredentials, start, at, Form::AsIs),
            _ => self.at = start,
        }
    }

    /// Whether what looks like host and port is user and the beginning of a password: the port is no number, or the host
    /// no host.
    fn is_password_with_slashes(&self, start: usize, length: usize) -> bool {
        let authority = self.part(start, start + length);
        let Some(colon) = authority.iter().rposition(|&byte| byte == b':') else { return false };
        let (host, port) = (authority.get(..colon).unwrap_or_default(), authority.get(colon + 1..).unwrap_or_default());
        let is_port = port.len() <= 5 && port.iter().all(u8::is_ascii_digit);
        let is_host = host == b"localhost" || host.iter().any(|byte| b".[".contains(byte));
        !(is_port && is_host)
    }

    /// `user:password@host` without a scheme; the user stands at `start..colon`.
    fn user_and_password(&mut self, start: usize, colon: usize) -> bool {
        let password = colon + 1;
        if !self.byte(password).is_some_and(|byte| byte.is_ascii_graphic()) || self.rest(password).starts_with(b"//") {
            return false;
        }
        // What a scheme stands before was looked at with it.
        if self.part(start.saturating_sub(2), start) == b"//" {
            return false;
        }
        let (_, Some(at)) = self.last_at(start) else { return false };
        let (user, secret) = (self.part(start, colon), self.part(password, at.max(password)));
        let port = secret.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let is_port = (1..=5).contains(&port) && secret.get(port) == Some(&b'/') && user.contains(&b'.');
        let is_path = secret.starts_with(b"/") && secret.iter().skip(1).any(|&byte| byte == b'/');
        let is_other = NO_USERS.iter().any(|word| user.eq_ignore_ascii_case(word));
        if secret.is_empty()
            || secret.len() > 256
            || user.len() > 128
            || is_path
            || is_port
            || is_other
            || is_harmless(secret)
        {
            return false;
        }
        self.note(Rule::UrlCredentials, start, at, Form::AsIs);
        true
    }

    /// A run of name characters: a secret by its shape, the name of a secret, a user, or just a word.
    fn word(&mut self) {
        let start = self.at;
        let end = start + self.run(start, is_name);
        let word = self.part(start, end);
        if let Some((rule, value)) = self.value_of(word, start, end)
            && value.to > value.from
            && !is_harmless(self.part(value.from, value.to))
        {
            // Text that is stuck together may have ids within the name.
            let mut at = 0;
            while let Some((from, to)) = word.get(at..).and_then(forms::key_id) {
                self.note(Rule::AccessKeyId, start + at + from, start + at + to, Form::AsIs);
                at += to;
            }
            self.note(rule, value.from, value.to, value.form);
            return;
        }
        if let Some((from, to, rule)) = forms::in_word(word) {
            self.note(rule, start + from, start + to, Form::AsIs);
            return;
        }
        if let Some((from, to)) = self.scheme(word, end) {
            self.note(Rule::Authorization, from, to, Form::AsIs);
            return;
        }
        if self.byte(end) == Some(b':') && self.user_and_password(start, end) {
            return;
        }
        self.at = end;
    }

    fn value_of(&mut self, word: &[u8], start: usize, end: usize) -> Option<(Rule, Value)> {
        if let Some(value) = self.by_manner(word, start, end) {
            return Some((Rule::NamedSecret, value));
        }
        if !names_secret(word) && !self.names_secret_in_words(word, start) {
            return None;
        }
        let rule = match word.to_ascii_lowercase().ends_with(b"authorization") {
            true => Rule::Authorization,
            false => Rule::NamedSecret,
        };
        let value = self.value_behind(word, start, end, names_header(word));
        value.or_else(|| self.paired_value(start, end)).map(|value| (rule, value))
    }

    /// `Access Key: x`: the name has several words.
    fn names_secret_in_words(&self, word: &[u8], start: usize) -> bool {
        if ![&b"key"[..], b"keys", b"id", b"phrase"].iter().any(|last| word.eq_ignore_ascii_case(last)) {
            return false;
        }
        let before = self.part(start.saturating_sub(24), start);
        let length = before.iter().rev().take_while(|byte| byte.is_ascii_alphabetic() || **byte == b' ').count();
        let before = before.get(before.len() - length..).unwrap_or_default();
        before.ends_with(b" ") && !before.ends_with(b"  ") && names_secret(&[before.trim_ascii_start(), word].concat())
    }

    /// A name that is not ASCII, or just a character of several bytes.
    fn other_name(&mut self) {
        let (start, rest) = (self.at, self.rest(self.at));
        self.at += 1;
        let Some(name) = OTHER_NAMES.iter().find(|name| rest.starts_with(name.as_bytes())) else { return };
        let end = start + name.len();
        if let Some(value) = self.value_behind(b"password", start, end, false)
            && !is_harmless(self.part(value.from, value.to))
        {
            self.note(Rule::NamedSecret, value.from, value.to, value.form);
        }
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
}
