//! A text as it reads once what it is wrapped in is taken off: percent encoding, entities, escapes of JSON, base64.
//! Every byte of such a view knows where it stands in the text, so what is found in a view can be masked in the text.
//! Pure, linear, and never fails: what is not encoded stays as it is.

use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, Engine, GeneralPurpose, GeneralPurposeConfig};

/// Where a text in quotes ends that was taken out of them. It ends every value.
pub(super) const STOP: u8 = 0;

/// The shortest run that is looked at as base64.
const BASE64_LEAST: usize = 16;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A piece of a text, decoded: `places[n]` is where byte `n` begins in the text, and the last one where all ends.
#[derive(Debug, Clone)]
pub(super) struct View {
    pub bytes: Vec<u8>,
    places: Vec<usize>,
}

impl View {
    /// The piece as it stands.
    pub fn plain(bytes: &[u8], start: usize) -> View {
        View { bytes: bytes.to_vec(), places: (start..=start + bytes.len()).collect() }
    }

    /// Where a byte of the view begins in the text.
    pub fn place(&self, at: usize) -> usize {
        self.places.get(at).or(self.places.last()).copied().unwrap_or_default()
    }

    /// One wrapping taken off; None when there is none of this kind.
    pub fn unwrapped(&self, wrapping: Wrapping) -> Option<View> {
        let bytes = &self.bytes;
        let mut view = View { bytes: Vec::with_capacity(bytes.len()), places: Vec::with_capacity(bytes.len() + 1) };
        let (mut at, mut has_any) = (0, false);
        while let Some(&byte) = bytes.get(at) {
            let rest = bytes.get(at..).unwrap_or_default();
            let decoded = match wrapping {
                Wrapping::Encoded => encoded(rest),
                Wrapping::Quoted => escaped(rest),
            };
            let mut push = |byte: u8| {
                view.bytes.push(byte);
                view.places.push(self.place(at));
            };
            match decoded {
                Some((c, length)) => {
                    has_any = true;
                    let mut buffer = [0; 4];
                    match c {
                        Decoded::Byte(byte) => push(byte),
                        Decoded::Char(c) => c.encode_utf8(&mut buffer).bytes().for_each(&mut push),
                    }
                    at += length;
                }
                None => {
                    push(if wrapping == Wrapping::Quoted && byte == b'"' { STOP } else { byte });
                    at += 1;
                }
            }
        }
        view.places.push(self.place(bytes.len()));
        has_any.then_some(view)
    }
}

/// What a text may be wrapped in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrapping {
    /// `%XX`, `\uXXXX`, `\xXX`, and the entities of XML.
    Encoded,
    /// The inside of a quoted text: `\"`, `\\`, `\n`. A quote that is not escaped is where that text ends.
    Quoted,
}

impl Wrapping {
    pub const ALL: [Wrapping; 2] = [Wrapping::Encoded, Wrapping::Quoted];
}

enum Decoded {
    Byte(u8),
    Char(char),
}

/// The encoded character at the beginning, and how long it is.
fn encoded(rest: &[u8]) -> Option<(Decoded, usize)> {
    let hex = |from: usize, length: usize| {
        let digits = rest.get(from..from + length).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
        u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    match rest.first()? {
        b'%' => Some((Decoded::Byte(u8::try_from(hex(1, 2)?).ok()?), 3)),
        b'\\' if rest.get(1) == Some(&b'u') => Some((Decoded::Char(char::from_u32(hex(2, 4)?)?), 6)),
        b'\\' if rest.get(1) == Some(&b'x') => Some((Decoded::Byte(u8::try_from(hex(2, 2)?).ok()?), 4)),
        b'&' => {
            let length = rest.iter().take(10).position(|&byte| byte == b';')?;
            let name = std::str::from_utf8(rest.get(1..length)?).ok()?;
            let c = match name {
                "quot" => '"',
                "apos" => '\'',
                "amp" => '&',
                "lt" => '<',
                "gt" => '>',
                "colon" => ':',
                "equals" => '=',
                _ => {
                    let number = name.strip_prefix('#')?;
                    let number = match number.strip_prefix(['x', 'X']) {
                        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                        None => number.parse().ok()?,
                    };
                    char::from_u32(number)?
                }
            };
            Some((Decoded::Char(c), length + 1))
        }
        _ => None,
    }
    .filter(|(decoded, _)| !matches!(decoded, Decoded::Byte(STOP) | Decoded::Char('\0')))
}

/// The escape at the beginning, and how long it is.
fn escaped(rest: &[u8]) -> Option<(Decoded, usize)> {
    if rest.first() != Some(&b'\\') {
        return None;
    }
    let byte = match rest.get(1)? {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        byte @ (b'"' | b'\'' | b'\\' | b'/') => *byte,
        _ => return None,
    };
    Some((Decoded::Byte(byte), 2))
}

/// The lines that have something to take off, with where each begins.
pub(super) fn wrapped_lines(bytes: &[u8]) -> Vec<(usize, &[u8])> {
    let mut lines = Vec::new();
    let mut at = 0;
    while let Some(next) = bytes.get(at..).and_then(|rest| rest.iter().position(|byte| b"%&\\".contains(byte))) {
        let hit = at + next;
        let start = bytes
            .get(at..hit)
            .and_then(|before| before.iter().rposition(|&byte| byte == b'\n'))
            .map_or(at, |n| at + n + 1);
        let length = bytes.get(hit..).and_then(|rest| rest.iter().position(|&byte| byte == b'\n'));
        let end = length.map_or(bytes.len(), |length| hit + length);
        lines.push((start, bytes.get(start..end).unwrap_or_default()));
        at = end;
    }
    lines
}

/// What base64 in a text says, where it says something: its place, and the text in it.
pub(super) fn base64_texts(bytes: &[u8]) -> Vec<(usize, usize, Vec<u8>)> {
    let mut texts = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let length = run(bytes, at);
        if length < BASE64_LEAST {
            at += length + 1;
            continue;
        }
        let end = block_end(bytes, at, at + length);
        let letters: Vec<u8> = bytes
            .get(at..end)
            .unwrap_or_default()
            .iter()
            .filter(|byte| !byte.is_ascii_whitespace())
            .map(|&byte| match byte {
                b'-' => b'+',
                b'_' => b'/',
                byte => byte,
            })
            .collect();
        if let Some(text) = decoded(&letters) {
            let padding = bytes.get(end..).unwrap_or_default().iter().take(2).take_while(|&&byte| byte == b'=').count();
            texts.push((at, end + padding, text));
        }
        at = end + 1;
    }
    texts
}

fn run(bytes: &[u8], at: usize) -> usize {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte);
    bytes.get(at..).unwrap_or_default().iter().take_while(|byte| is_letter(byte)).count()
}

/// Where base64 ends that is broken into lines of equal length.
fn block_end(bytes: &[u8], start: usize, first_end: usize) -> usize {
    let width = first_end - start;
    let mut end = first_end;
    if width < 60 || !width.is_multiple_of(4) {
        return end;
    }
    loop {
        let gap = bytes.get(end..).unwrap_or_default().iter().take(2).take_while(|byte| b"\r\n".contains(byte)).count();
        let length = run(bytes, end + gap);
        if gap == 0 || length == 0 || length > width {
            return end;
        }
        end += gap + length;
        if length < width {
            return end;
        }
    }
}

/// The text that these letters stand for, if they stand for one.
fn decoded(letters: &[u8]) -> Option<Vec<u8>> {
    // Most runs are words or paths, and their beginning tells.
    let head = BASE64.decode(letters.get(..BASE64_LEAST)?).ok()?;
    if !is_text(&head) {
        return None;
    }
    let whole = letters.len() - usize::from(letters.len() % 4 == 1);
    let text = BASE64.decode(letters.get(..whole)?).ok()?;
    // UTF-16 is read without its NUL bytes.
    is_text(&text).then(|| text.into_iter().filter(|&byte| byte != STOP).collect())
}

/// Whether three of four bytes can be read.
fn is_text(bytes: &[u8]) -> bool {
    let wide = bytes.iter().skip(1).step_by(2).all(|&byte| byte == 0) && bytes.len() > 1;
    let bytes: Vec<u8> = if wide { bytes.iter().copied().step_by(2).collect() } else { bytes.to_vec() };
    let readable = bytes.iter().filter(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()).count();
    readable * 4 >= bytes.len() * 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_knows_where_its_bytes_stand() {
        let view = View::plain(b"a%3Db\\u0063&quot;", 10).unwrapped(Wrapping::Encoded).unwrap();
        assert_eq!(view.bytes, b"a=bc\"");
        assert_eq!((0..=5).map(|at| view.place(at)).collect::<Vec<_>>(), [10, 11, 14, 15, 21, 27]);
        assert!(View::plain(b"100% & more", 0).unwrapped(Wrapping::Encoded).is_none());
        let inside = View::plain(br#"{"a":"x\"y\n"}"#, 0).unwrapped(Wrapping::Quoted).unwrap();
        assert_eq!(inside.bytes, b"{\0a\0:\0x\"y\n\0}");
    }

    #[test]
    fn only_lines_with_something_in_them_are_looked_at() {
        let lines = wrapped_lines(b"one\ntwo %20\nthree\n\\four");
        assert_eq!(lines, [(4, &b"two %20"[..]), (18, &b"\\four"[..])]);
    }

    #[test]
    fn base64_is_read_where_it_says_something() {
        let texts = base64_texts(b"x: cGFzc3dvcmQ9aHVudGVyMg== and /usr/local/ilogtail/ilogtail_config ");
        assert_eq!(texts, [(3, 27, b"password=hunter2".to_vec())]);
    }
}
