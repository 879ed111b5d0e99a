//! Values that no name of a secret stands before, because the name stands beside them, or because the manner says it:
//! pairs of name and value, options for a user with a password, `.netrc`. Pure; part of the scan.

use super::names::names_secret;
use super::scan::{Form, Scan, Value, is_name};
use super::values::{INDENT, LOOK_AHEAD, Manner, is_blank, is_one_of, is_quote};
use super::views::STOP;

/// Names of what holds a value whose name stands beside it: `{"name": "PASSWORD", "value": "x"}`.
const VALUES: [&[u8]; 6] = [b"value", b"val", b"v", b"content", b"default", b"data"];
/// And of what holds the name.
const NAMES: [&[u8]; 5] = [b"name", b"key", b"k", b"n", b"id"];

impl Scan<'_> {
    /// `{"name": "PASSWORD", "value": "x"}`, `name="password" value="x"`, and the same on two lines of YAML: the name of
    /// the secret is itself a value, which stands at `start..end`.
    pub(super) fn paired_value(&mut self, start: usize, end: usize) -> Option<Value> {
        let escapes = self.run(end, |byte| byte == b'\\');
        let is_quoted = self.byte(end + escapes).is_some_and(is_quote);
        if !is_quoted && (!b": \t".contains(&self.byte(start.wrapping_sub(1))?) || !self.ends_line(end)) {
            return None;
        }
        let gap = |at: usize| {
            self.rest(at)
                .iter()
                .take(INDENT)
                .take_while(|b| b.is_ascii_whitespace() || b",\\\"'-/>".contains(b))
                .count()
        };
        let at = end + gap(end);
        let word = at + self.run(at, is_name);
        let is_attribute =
            self.byte(start.wrapping_sub(1)).is_some_and(is_quote) && self.byte(start.wrapping_sub(2)) == Some(b'=');
        if is_attribute && self.byte(end + escapes + 1) == Some(b'>') {
            // `<property name="password">x</property>`
            let from = end + escapes + 2;
            let length = self.rest(from).iter().take(LOOK_AHEAD).position(|&byte| byte == b'<' || byte == STOP)?;
            return Some(Value { from, to: from + length, form: Form::AsIs });
        }
        if !is_one_of(self.part(at, word), &VALUES) {
            return None;
        }
        self.after_separator(word)
    }

    fn quoted_after_separator(&self, end: usize) -> Option<Value> {
        let mut at = end + self.rest(end).iter().take(INDENT).take_while(|byte| b"\\\"' ".contains(byte)).count();
        if !matches!(self.byte(at), Some(b'=' | b':')) {
            return None;
        }
        at += 1;
        at += self.rest(at).iter().take(INDENT).take_while(|byte| byte.is_ascii_whitespace()).count();
        let escapes = self.rest(at).iter().take(8).take_while(|byte| **byte == b'\\').count();
        let quote = self.byte(at + escapes).filter(|&byte| is_quote(byte))?;
        let from = at + escapes + 1;
        Some(Value { from, to: self.quote_on_line(from, quote, escapes)?, form: Form::AsIs })
    }

    fn after_separator(&mut self, end: usize) -> Option<Value> {
        let mut at = end + self.run(end, |byte| byte == b'\\');
        let name_quoted = self.byte(at).is_some_and(is_quote);
        at += usize::from(name_quoted);
        at += self.run(at, |byte| byte.is_ascii_whitespace());
        if !matches!(self.byte(at), Some(b'=' | b':')) {
            return None;
        }
        at += 1 + self.run(at + 1, |byte| is_blank(byte) || (name_quoted && byte.is_ascii_whitespace()));
        self.value_at(at, Manner { name_quoted, is_header: false, begins_line: false, opened_by: None, start: end })
    }

    /// A value that no name of a secret stands before, but something else says it: `-u user:password`, `login x password y`,
    /// `"value": "x", "name": "PASSWORD"`.
    pub(super) fn by_manner(&mut self, word: &[u8], start: usize, end: usize) -> Option<Value> {
        if !word.first().is_some_and(|first| b"-lLvVcCdD".contains(first)) {
            return None;
        }
        if is_one_of(word, &[b"-u", b"--user", b"--proxy-user", b"-U"]) {
            let at = end + self.run(end, |byte| is_blank(byte) || byte == b'=').min(8);
            let at = at + usize::from(at > end && self.byte(at).is_some_and(is_quote));
            let is_part = |byte: &&u8| byte.is_ascii_graphic() && !b"\"'`,;|<>".contains(byte);
            let length = self.rest(at).iter().take(256).take_while(is_part).count();
            let has_password = self.part(at, at + length).iter().skip(1).any(|&byte| byte == b':');
            return (at > end && has_password).then_some(Value { from: at, to: at + length, form: Form::AsIs });
        }
        if is_one_of(word, &[b"login"]) {
            let white =
                |at: usize| self.rest(at).iter().take(INDENT).take_while(|byte| byte.is_ascii_whitespace()).count();
            let name = end + white(end);
            let name_end = name + self.rest(name).iter().take(256).take_while(|byte| byte.is_ascii_graphic()).count();
            let key = name_end + white(name_end);
            let key_end = key + self.rest(key).iter().take(INDENT).take_while(|byte| is_name(**byte)).count();
            let from = key_end + white(key_end);
            let is_it =
                name > end && key > name_end && is_one_of(self.part(key, key_end), &[b"password"]) && from > key_end;
            return is_it.then(|| Value {
                from,
                to: from + self.run(from, |byte| byte.is_ascii_graphic()),
                form: Form::AsIs,
            });
        }
        if is_one_of(word, &VALUES) && start > 0 {
            let value = self.quoted_after_separator(end)?;
            let gap = |at: usize| {
                self.rest(at)
                    .iter()
                    .take(INDENT)
                    .take_while(|b| b.is_ascii_whitespace() || b",\\\"'".contains(b))
                    .count()
            };
            let key = value.to + gap(value.to);
            let key_end = key + self.rest(key).iter().take(INDENT).take_while(|byte| is_name(**byte)).count();
            if !is_one_of(self.part(key, key_end), &NAMES) {
                return None;
            }
            let name = key_end + self.rest(key_end).iter().take(8).take_while(|b| b" \\\"':=".contains(b)).count();
            let name_end = name + self.run(name, is_name);
            return (name > key_end && names_secret(self.part(name, name_end))).then_some(value);
        }
        None
    }
}
