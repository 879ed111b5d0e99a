//! Where the value of a named secret begins and ends, in the forms in which files, programs and people write it: JSON,
//! ini, YAML, XML, environments, command lines, headers. Pure; part of the scan.

use super::scan::{Form, Scan, Value, is_name};
use super::views::STOP;

/// A value that is not closed on its line is followed at most so far, in bytes.
pub(super) const LOOK_AHEAD: usize = 4096;
/// A name at the beginning of its line has at most so many blanks and signs before it.
pub(super) const INDENT: usize = 64;

pub(super) fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

pub(super) fn is_quote(byte: u8) -> bool {
    byte == b'"' || byte == b'\''
}

pub(super) fn is_one_of(word: &[u8], list: &[&[u8]]) -> bool {
    list.iter().any(|one| word.eq_ignore_ascii_case(one))
}

impl Scan<'_> {
    /// The value behind a secret's name, which stands at `start..end`, if there is one.
    pub(super) fn value_behind(&mut self, name: &[u8], start: usize, end: usize, is_header: bool) -> Option<Value> {
        let mut at = end + self.run(end, |byte| byte == b'\\');
        let name_quoted = self.byte(at).is_some_and(is_quote);
        at += usize::from(name_quoted);
        // `config["password"] = "x"`
        at += usize::from(name_quoted && self.byte(at) == Some(b']'));
        let gap = self.run(at, is_blank);
        // An option is part of a command line, and more may follow its value.
        let begins_line = !name.starts_with(b"-") && self.begins_line(start);
        match self.byte(at + gap) {
            Some(b'=' | b':') => at += gap + self.run(at + gap, |byte| b"=:>".contains(&byte)).min(3),
            Some(b'?' | b'+') if self.byte(at + gap + 1) == Some(b'=') => at += gap + 2,
            Some(0xEF) if self.rest(at + gap).starts_with("：".as_bytes()) => at += gap + 3,
            Some(b'>') if !name_quoted && self.opens_element(start) => return self.element(name, at + gap + 1),
            Some(b'<') if !name_quoted && self.rest(at).starts_with(b"</") => return self.next_element(at),
            Some(b',') if name_quoted && name.starts_with(b"-") => at += gap + 1 + self.run(at + gap + 1, is_blank),
            Some(byte) if gap > 0 && !name_quoted && byte != STOP => {
                return self.behind_blanks(name, at, gap, begins_line);
            }
            _ => return None,
        }
        // JSON may break the line after the colon.
        at += self.run(at, |byte| is_blank(byte) || (name_quoted && byte.is_ascii_whitespace()));
        let opened_by = self.byte(start.wrapping_sub(1)).filter(|&byte| is_quote(byte) && !name_quoted);
        self.value_at(at, Manner { name_quoted, is_header, begins_line, opened_by, start })
    }

    pub(super) fn value_at(&mut self, at: usize, manner: Manner) -> Option<Value> {
        let escapes = self.run(at, |byte| byte == b'\\');
        let first = self.byte(at + escapes);
        match first {
            Some(quote @ (b'"' | b'\'' | b'`')) => {
                let from = at + escapes + 1;
                let to = match self.rest(from).starts_with(&[quote, quote]) {
                    true => self.tripled_end(from + 2, quote),
                    false => self.quoted_end(from, quote, escapes),
                };
                Some(Value { from, to, form: Form::AsIs })
            }
            Some(b'{' | b'[') => self.bracketed(at + escapes, manner),
            _ if manner.is_header => {
                Some(Value { from: at, to: self.header_end(at, manner.opened_by), form: Form::AsIs })
            }
            None | Some(b'\n' | b'\r') if manner.begins_line && !manner.name_quoted => self.indented(at, manner.start),
            Some(b'|' | b'>')
                if manner.begins_line
                    && self.ends_line(at + 1 + self.run(at + 1, |b| b"+-0123456789".contains(&b))) =>
            {
                self.indented(at, manner.start)
            }
            None | Some(b'\n' | b'\r' | STOP) => None,
            _ if manner.name_quoted => {
                let ends = |byte: u8| byte.is_ascii_whitespace() || b",;&\"'`}])<>\0".contains(&byte);
                Some(Value { from: at, to: at + self.run(at, |byte| !ends(byte)), form: Form::Quoted })
            }
            _ if manner.begins_line => Some(Value { from: at, to: self.line_value_end(at), form: Form::AsIs }),
            _ => {
                let closing = manner.opened_by.and_then(|quote| self.quote_on_line(at, quote, 1));
                Some(Value { from: at, to: closing.unwrap_or_else(|| self.bare_end(at)), form: Form::AsIs })
            }
        }
    }

    /// Whether nothing but blanks, a quote and the sign of a list or of a comment is before this place on its line.
    fn begins_line(&self, start: usize) -> bool {
        let before = self.part(start.saturating_sub(INDENT), start);
        let length = before.iter().rev().take_while(|byte| b" \t-#;/".contains(byte)).count();
        match before.len().checked_sub(length + 1).and_then(|at| before.get(at)) {
            Some(byte) => b"\n\r\0".contains(byte),
            None => length == start,
        }
    }

    pub(super) fn ends_line(&self, at: usize) -> bool {
        matches!(self.byte(at + self.run(at, is_blank)), None | Some(b'\n' | b'\r'))
    }

    fn line_end(&self, at: usize) -> usize {
        at + self.run(at, |byte| !b"\n\r\0".contains(&byte))
    }

    /// The end of a value that takes the rest of its line.
    fn line_value_end(&self, at: usize) -> usize {
        let mut end = self.line_end(at);
        // A backslash at the end goes on in the next line.
        while self.byte(end.wrapping_sub(1)) == Some(b'\\')
            && end > at
            && self.byte(end).is_some_and(|byte| byte != STOP)
        {
            end = self.line_end(end + 1);
        }
        let value = self.part(at, end).trim_ascii_end();
        at + value.strip_suffix(b",").or(value.strip_suffix(b";")).unwrap_or(value).len()
    }

    /// The end of a value without quotes among other text. A sign that may end it does not when no other value, blank or
    /// bracket follows it.
    fn bare_end(&self, from: usize) -> usize {
        let mut at = from;
        while let Some(byte) = self.byte(at) {
            let goes_on = match byte {
                b',' | b';' | b'&' => {
                    let name = self.rest(at + 1).iter().take(64).take_while(|byte| is_name(**byte)).count();
                    name > 0 && !self.byte(at + 1 + name).is_some_and(|next| b"=:".contains(&next))
                }
                b'"' | b'\'' | b'`' => at > from && self.byte(at + 1).is_some_and(|next| next.is_ascii_alphanumeric()),
                _ => !byte.is_ascii_whitespace() && !b"}])<>\0".contains(&byte),
            };
            if !goes_on {
                break;
            }
            at += 1;
        }
        // `token: Bearer x` has two words.
        let word = self.part(from, at);
        let is_scheme = is_one_of(word, &[b"bearer", b"basic", b"digest", b"log", b"acs", b"token", b"negotiate"]);
        match is_scheme && self.byte(at) == Some(b' ') && self.byte(at + 1).is_some_and(|byte| byte.is_ascii_graphic())
        {
            true => self.bare_end(at + 1),
            false => at,
        }
    }

    /// The end of a header's value: the line's, or that of the quotes around the whole header.
    fn header_end(&self, from: usize, opened_by: Option<u8>) -> usize {
        let mut at = from;
        while let Some(byte) = self.byte(at) {
            match byte {
                b'\n' | b'\r' | STOP => break,
                _ if opened_by == Some(byte) => return at - usize::from(self.byte(at - 1) == Some(b'\\')),
                // A parameter of the header: `response="x"`.
                b'"' if at > from && self.byte(at - 1) == Some(b'=') => {
                    let inside = self.run(at + 1, |byte| !b"\"\n\r\0".contains(&byte));
                    at += 1 + inside;
                    if self.byte(at) != Some(b'"') {
                        continue;
                    }
                }
                b'"' | b'\'' if opened_by.is_none() => break,
                _ => {}
            }
            at += 1;
        }
        at
    }

    /// `--password x`, `password 'x'`, and a line that has just the two words.
    fn behind_blanks(&mut self, name: &[u8], at: usize, gap: usize, begins_line: bool) -> Option<Value> {
        let from = at + gap;
        let first = self.byte(from)?;
        if self.opens_element(at - name.len()) {
            // An element with attributes.
            let tag = self.rest(at).iter().take(256).position(|&byte| b"<>\n".contains(&byte))?;
            return match self.byte(at + tag) {
                Some(b'>') if self.byte(at + tag - 1) != Some(b'/') => self.element(name, at + tag + 1),
                _ => None,
            };
        }
        if name.starts_with(b"-") {
            return match first {
                b'\n' | b'\r' => None,
                quote if is_quote(quote) => {
                    Some(Value { from: from + 1, to: self.quoted_end(from + 1, quote, 0), form: Form::AsIs })
                }
                _ => Some(Value { from, to: self.bare_end(from), form: Form::AsIs }),
            };
        }
        if is_quote(first) {
            let to = self.quote_on_line(from + 1, first, 0)?;
            return Some(Value { from: from + 1, to, form: Form::AsIs });
        }
        let length = self.run(from, |byte| byte.is_ascii_graphic());
        let is_two_words = begins_line && length > 0 && self.ends_line(from + length);
        is_two_words.then_some(Value { from, to: from + length, form: Form::AsIs })
    }

    /// Whether the word here is the name of an element that is opened, with or without its namespace.
    fn opens_element(&self, start: usize) -> bool {
        match self.byte(start.wrapping_sub(1)) {
            Some(b'<') => true,
            Some(b':') => {
                let prefix =
                    self.part(0, start - 1).iter().rev().take(INDENT).take_while(|byte| is_name(**byte)).count();
                prefix > 0 && self.byte((start - 1 - prefix).wrapping_sub(1)) == Some(b'<')
            }
            _ => false,
        }
    }

    /// The text of an element, or all that is in it.
    fn element(&mut self, name: &[u8], at: usize) -> Option<Value> {
        let trimmed = |text: &[u8], at: usize| {
            let from = at + text.len() - text.trim_ascii_start().len();
            Some(Value { from, to: from + text.trim_ascii().len(), form: Form::AsIs })
        };
        if self.rest(at).starts_with(b"<![CDATA[") {
            let from = at + 9;
            let length = self.rest(from).windows(3).position(|part| part == b"]]>").unwrap_or(self.rest(from).len());
            return Some(Value { from, to: from + length, form: Form::AsIs });
        }
        let text = self.rest(at).get(..self.run(at, |byte| byte != b'<' && byte != STOP)).unwrap_or_default();
        let next = at + text.len();
        // `<password>` in a text that explains a command opens nothing.
        if !self.rest(next).starts_with(b"</") && !text.trim_ascii().is_empty() {
            return trimmed(self.part(at, self.line_end(at).min(next)), at);
        }
        if text.trim_ascii().is_empty() && self.byte(next + 1).is_some_and(|byte| byte.is_ascii_alphabetic()) {
            let closing = [b"</", name, b">"].concat();
            let limit = self.affordable(LOOK_AHEAD);
            let inside = self.rest(next).get(..limit.min(self.rest(next).len())).unwrap_or_default();
            if let Some(length) = inside.windows(closing.len()).position(|part| part == closing) {
                return trimmed(self.part(next, next + length), next);
            }
            self.spent += inside.len();
            return None;
        }
        trimmed(text, at)
    }

    /// `<key>password</key><string>x</string>`: the value is in the element behind the one that holds the name.
    fn next_element(&self, at: usize) -> Option<Value> {
        let limit = |from: usize, byte: u8| self.rest(from).iter().take(INDENT).position(|&known| known == byte);
        let closed = at + limit(at, b'>')? + 1;
        let next = closed + self.run(closed, |byte| byte.is_ascii_whitespace());
        if self.byte(next) != Some(b'<') || self.byte(next + 1) == Some(b'/') {
            return None;
        }
        let from = next + limit(next, b'>')? + 1;
        Some(Value { from, to: from + self.run(from, |byte| byte != b'<' && byte != STOP), form: Form::AsIs })
    }

    /// What stands in the brackets that open here.
    fn bracketed(&mut self, at: usize, manner: Manner) -> Option<Value> {
        let form = if manner.name_quoted { Form::Quoted } else { Form::AsIs };
        match self.bracket_end(at) {
            Some(to) if self.part(at + 1, to - 1).trim_ascii().is_empty() => None,
            Some(to) => Some(Value { from: at, to, form }),
            // A text that was cut: what is left of the list is all that there is.
            None if self.ends_line(at + 1) => Some(Value { from: at, to: self.bytes.len(), form: Form::AsIs }),
            None => Some(Value { from: at, to: self.line_end(at), form: Form::AsIs }),
        }
    }

    /// Behind the bracket that closes the one here.
    fn bracket_end(&mut self, start: usize) -> Option<usize> {
        let limit = self.affordable(usize::MAX);
        let (mut depth, mut at, mut quote) = (0usize, start, None);
        while let Some(byte) = self.byte(at).filter(|_| at - start < limit) {
            match (quote, byte) {
                (_, STOP) => break,
                (Some(_), b'\\') => at += 1,
                (Some(open), byte) if open == byte => quote = None,
                (Some(_), _) => {}
                (None, b'\\') => at += usize::from(self.byte(at + 1).is_some_and(is_quote)),
                (None, b'"') => quote = Some(b'"'),
                (None, b'\'') if self.byte(at - 1).is_some_and(|before| b"[{(,: \t\n".contains(&before)) => {
                    quote = Some(b'\'')
                }
                (None, b'[' | b'{') => depth += 1,
                (None, b']' | b'}') => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return Some(at + 1);
                    }
                }
                (None, _) => {}
            }
            at += 1;
        }
        self.spent += at - start;
        None
    }

    /// How far may be looked ahead: what was looked at in vain stays within a few times the text.
    fn affordable(&self, wish: usize) -> usize {
        wish.min((self.bytes.len() * 4).saturating_sub(self.spent))
    }

    /// The lines below a key that are indented more than it is: a value of YAML on lines of its own.
    fn indented(&self, at: usize, start: usize) -> Option<Value> {
        let line = self.part(0, start).iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let own = start - line;
        let (mut next, mut from, mut to) = (self.line_end(at), None, at);
        loop {
            next += self.run(next, |byte| byte == b'\r').min(1);
            if self.byte(next) != Some(b'\n') {
                break;
            }
            let begin = next + 1;
            let indent = self.run(begin, is_blank);
            let end = self.line_end(begin);
            next = end;
            if begin + indent == end {
                if end == self.bytes.len() {
                    break;
                }
                continue;
            }
            let is_item = indent == own && self.rest(begin + indent).starts_with(b"- ");
            if indent <= own && !is_item {
                break;
            }
            from.get_or_insert(begin + indent);
            to = end;
        }
        from.map(|from| Value { from, to, form: Form::AsIs })
    }

    /// Where the closing quote is that is escaped as the opening one was; else the end of the line. A quote may close some
    /// lines further down, where something ends behind it.
    fn quoted_end(&mut self, from: usize, quote: u8, escapes: usize) -> usize {
        if let Some(end) = self.quote_on_line(from, quote, escapes) {
            return end;
        }
        let line_end = self.line_end(from);
        if self.byte(line_end).is_none_or(|byte| byte == STOP) {
            return line_end;
        }
        let limit = self.affordable(LOOK_AHEAD);
        let ahead = self.rest(from).get(..limit.min(self.rest(from).len())).unwrap_or_default();
        let closing = ahead.iter().position(|&byte| byte == quote);
        let closes = closing.filter(|at| {
            let behind = ahead.get(at + 1);
            behind.is_none_or(|byte| byte.is_ascii_whitespace() || b",;}])>&|\\".contains(byte))
        });
        match closes {
            Some(length) => from + length,
            None => {
                self.spent += ahead.len();
                line_end
            }
        }
    }

    pub(super) fn quote_on_line(&self, from: usize, quote: u8, escapes: usize) -> Option<usize> {
        let (mut at, mut slashes) = (from, 0);
        while let Some(byte) = self.byte(at) {
            match byte {
                b'\\' => slashes += 1,
                _ if byte == quote && slashes <= escapes => return Some(at - slashes),
                b'\n' | STOP => return None,
                _ => slashes = 0,
            }
            at += 1;
        }
        None
    }

    fn tripled_end(&self, from: usize, quote: u8) -> usize {
        let ahead = self.rest(from);
        let ahead = ahead.get(..LOOK_AHEAD.min(ahead.len())).unwrap_or_default();
        from + ahead.windows(3).position(|part| part == [quote; 3]).unwrap_or_else(|| self.line_end(from) - from)
    }
}

/// How the name of a value was written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    pub name_quoted: bool,
    pub is_header: bool,
    pub begins_line: bool,
    /// The quote right before the name, when it closes only behind the value.
    pub opened_by: Option<u8>,
    /// Where the name begins.
    pub start: usize,
}
