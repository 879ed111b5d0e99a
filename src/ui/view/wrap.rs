//! Breaks text into lines by terminal cells: Latin at spaces, Chinese anywhere but before closing punctuation.
//!
//! Works on byte ranges of one text, so that a paragraph of several styles is wrapped as a whole. Pure; the text has
//! to be printable already, because the widths of control characters mean nothing.

use crate::core::text::width;
use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation;

/// Punctuation that must not begin a line (GB/T 15834): comma, stop, colons, marks and closing brackets, full width
/// and ASCII. Escaped, because the signs of this room's code are checked to be letters.
const CLOSING: &str = "\u{ff0c}\u{3002}\u{ff1a}\u{ff1b}\u{ff1f}\u{ff01}\u{3001}\u{ff09}\u{300d}\u{300f}\u{300b}\u{3011}\u{201d}\u{2019}\u{2026}%,.:;?!)]}";
/// Opening brackets and quotes, which must not end a line.
const OPENING: &str = "\u{ff08}\u{300c}\u{300e}\u{300a}\u{3010}\u{201c}\u{2018}([{";

/// One piece that is kept together.
struct Piece {
    range: Range<usize>,
    cells: usize,
    /// Whether a blank follows it.
    is_closed: bool,
}

/// The lines of a paragraph, each at most `cells` wide; blanks at a break are dropped. A word longer than a line is
/// broken where the line ends, a path after the last slash in the line's second half. An empty text is one empty line;
/// with no room at all there is no line.
pub fn wrap(text: &str, cells: usize) -> Vec<Range<usize>> {
    if cells == 0 {
        return Vec::new();
    }
    let mut lines: Vec<Range<usize>> = Vec::new();
    let mut line: Option<(Range<usize>, usize)> = None;
    for piece in pieces(text) {
        let fits = |line: &(Range<usize>, usize)| {
            let gap = piece.range.start.saturating_sub(line.0.end);
            line.1 + gap + piece.cells <= cells
        };
        match &mut line {
            Some(open) if fits(open) => {
                open.1 += piece.range.start.saturating_sub(open.0.end) + piece.cells;
                open.0.end = piece.range.end;
            }
            _ => {
                lines.extend(line.take().map(|(range, _)| range));
                let mut broken = hard(text, piece.range.clone(), cells, Some("/"));
                let last = broken.pop().unwrap_or_default();
                lines.extend(broken);
                line = Some((last.clone(), width(&text[last])));
            }
        }
    }
    lines.extend(line.map(|(range, _)| range));
    if lines.is_empty() {
        lines.push(0..0);
    }
    lines
}

/// The lines of a text whose blanks matter, such as a diff: broken only where a line is full.
pub fn wrap_exact(text: &str, cells: usize) -> Vec<Range<usize>> {
    if cells == 0 {
        return Vec::new();
    }
    let lines = hard(text, 0..text.len(), cells, None);
    if lines.is_empty() { std::iter::once(0..0).collect() } else { lines }
}

/// Cuts a range wherever the line is full, but rather after the last `joint` in the second half of the line. A character
/// wider than the line gets a line of its own.
fn hard(text: &str, range: Range<usize>, cells: usize, joint: Option<&str>) -> Vec<Range<usize>> {
    let mut lines = Vec::new();
    let (mut start, mut used) = (range.start, 0);
    // Behind the last joint: where it is, and how many cells come before it.
    let mut behind = None;
    for (at, grapheme) in text[range.clone()].grapheme_indices(true) {
        let at = at + range.start;
        let w = width(grapheme);
        if used + w > cells && at > start {
            let (end, before) = behind.take().unwrap_or((at, used));
            lines.push(start..end);
            (start, used) = (end, used - before);
        }
        used += w;
        if joint == Some(grapheme) && used * 2 > cells {
            behind = Some((at + grapheme.len(), used));
        }
    }
    if start < range.end {
        lines.push(start..range.end);
    }
    lines
}

/// The pieces between which a line may break.
fn pieces(text: &str) -> Vec<Piece> {
    let mut out: Vec<Piece> = Vec::new();
    let mut before: Option<&str> = None;
    for (at, grapheme) in text.grapheme_indices(true) {
        if grapheme == " " {
            if let Some(piece) = out.last_mut() {
                piece.is_closed = true;
            }
            before = None;
            continue;
        }
        let w = width(grapheme);
        let end = at + grapheme.len();
        match out.last_mut() {
            Some(piece) if !piece.is_closed && before.is_some_and(|before| !may_break(before, grapheme)) => {
                piece.range.end = end;
                piece.cells += w;
            }
            _ => out.push(Piece { range: at..end, cells: w, is_closed: false }),
        }
        before = Some(grapheme);
    }
    out
}

/// Whether a line may end between these two neighbours: beside a wide character, unless punctuation forbids it.
fn may_break(before: &str, after: &str) -> bool {
    let one_is_wide = width(before) > 1 || width(after) > 1;
    one_is_wide && !CLOSING.contains(after) && !OPENING.contains(before)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(text: &str, cells: usize) -> Vec<&str> {
        wrap(text, cells).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn latin_breaks_at_spaces_and_chinese_anywhere_but_before_its_comma() {
        assert_eq!(lines("the quick brown fox", 10), ["the quick", "brown fox"]);
        assert_eq!(lines("心跳异常原因", 8), ["心跳异常", "原因"]);
        assert_eq!(lines("心跳异常，请检查", 8), ["心跳异", "常，请检", "查"]);
        assert_eq!(lines("机器组（IP）为空", 8), ["机器组", "（IP）为", "空"]);
    }

    #[test]
    fn a_word_longer_than_the_line_is_broken_a_path_after_a_slash_and_the_next_one_joins_its_rest() {
        assert_eq!(lines("see /usr/local/ilogtail now", 8), ["see", "/usr/", "local/", "ilogtail", "now"]);
        assert_eq!(lines("abcdefghijk/l m", 8), ["abcdefgh", "ijk/l m"]);
        assert_eq!(lines("/etc/ilogtail_config.json", 8), ["/etc/", "ilogtail", "_config.", "json"]);
    }

    #[test]
    fn blanks_matter_only_where_they_are_asked_to() {
        let text = "   +a  b";
        assert_eq!(wrap_exact(text, 6), [0..6, 6..8]);
        assert_eq!(lines("", 5), [""]);
        assert!(wrap("x", 0).is_empty());
    }

    proptest! {
        #[test]
        fn no_line_is_too_wide_and_nothing_but_blanks_is_lost(text in "[a-z/心跳，（ ]{0,60}", cells in 2usize..30) {
            let all: String = lines(&text, cells).concat();
            prop_assert!(lines(&text, cells).iter().all(|line| width(line) <= cells));
            prop_assert_eq!(all.replace(' ', ""), text.replace(' ', ""));
        }

        #[test]
        fn any_text_breaks_without_a_panic(text in ".{0,60}", cells in 0usize..12) {
            let printable = crate::core::text::printable(&text);
            wrap(&printable, cells);
            let exact: String = wrap_exact(&printable, cells).into_iter().map(|range| &printable[range]).collect();
            prop_assert!(cells == 0 || exact == printable);
        }
    }
}
