//! The filter between text from outside and the terminal, and the arithmetic of double-width characters.
//!
//! Control characters, escape sequences, and the Unicode characters that reorder or hide text are replaced by a
//! visible stand-in, so that a hostile log line or hostname can neither drive the terminal nor disguise itself.

use std::borrow::Cow;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Shown in place of a character that must not reach the terminal. It has one cell in every font.
const STAND_IN: char = '?';

/// Whether a character is safe to print on a terminal as part of one line.
fn is_safe(c: char) -> bool {
    !(c.is_control()
        || matches!(c,
            '\u{200b}'..='\u{200f}'   // zero width, left-to-right and right-to-left marks
            | '\u{2028}'..='\u{202e}' // line separators, embeddings and overrides
            | '\u{2060}'..='\u{206f}' // invisible operators, isolates
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}'))
}

/// One line of text made safe for a terminal: tabs and line ends become spaces, what drives or disguises becomes `?`.
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_safe) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(
        text.chars()
            .map(|c| match c {
                '\t' | '\n' | '\r' => ' ',
                c if is_safe(c) => c,
                _ => STAND_IN,
            })
            .collect(),
    )
}

/// Several lines made safe for a terminal, each by the rule of [`printable`]; a tab becomes four spaces.
pub fn printable_block(text: &str) -> Vec<String> {
    text.lines().map(|line| printable(&line.replace('\t', "    ")).trim_end().to_string()).collect()
}

/// How many terminal cells the text takes; a Chinese character takes two.
pub fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// The text cut to at most `cells` terminal cells, ending in `~` when something was left out; never splits a character.
pub fn cut(text: &str, cells: usize) -> Cow<'_, str> {
    if width(text) <= cells {
        return Cow::Borrowed(text);
    }
    let mut out = String::new();
    let mut used = 0;
    for grapheme in text.graphemes(true) {
        let w = width(grapheme);
        if used + w + 1 > cells {
            break;
        }
        out.push_str(grapheme);
        used += w;
    }
    if cells > 0 {
        out.push('~');
    }
    Cow::Owned(out)
}

/// The text cut or filled with spaces to exactly `cells` terminal cells.
pub fn pad(text: &str, cells: usize) -> String {
    let mut out = cut(text, cells).into_owned();
    let used = width(&out);
    out.extend(std::iter::repeat_n(' ', cells.saturating_sub(used)));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escape_sequences_lose_their_power() {
        assert_eq!(printable("a\x1b[2Jb\u{202e}c\u{9b}31m"), "a?[2Jb?c?31m");
        assert_eq!(printable("plain 中文"), "plain 中文");
        assert_eq!(printable("two\r\nlines"), "two  lines");
    }

    #[test]
    fn cutting_respects_double_width() {
        assert_eq!(cut("心跳异常", 5), "心跳~");
        assert_eq!(cut("心跳异常", 4), "心~");
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abc", 0), "");
        assert_eq!(pad("心跳", 6), "心跳  ");
    }

    proptest! {
        #[test]
        fn nothing_unsafe_passes(text in ".*") {
            prop_assert!(printable(&text).chars().all(is_safe));
        }

        #[test]
        fn a_padded_text_has_the_width_asked_for(text in "[a-z心跳 ]{0,20}", cells in 0usize..30) {
            prop_assert_eq!(width(&pad(&text, cells)), cells);
        }
    }
}
