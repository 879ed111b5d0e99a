//! The signs beside the words, by meaning, in a form that this terminal shows in exactly one cell.
//!
//! Many usual signs (box lines, arrows, bullets, the ellipsis) are East Asian Ambiguous: a terminal set up for Chinese,
//! Japanese or Korean may draw them two cells wide, and every line after them shifts. So the signs here are of Unicode
//! class Neutral (UAX #11). Of the box lines only the double-dashed ones are: they are drawn where ambiguous may mean
//! wide, and the solid ones elsewhere. Nobody can know the terminal's setting without asking it, which costs a round
//! trip; and where it is wide (the Chinese Windows console, a box ticked in iTerm2 or PuTTY), a screen of solid lines
//! falls apart. Outside this file the room holds no such sign in its code; a test reads the sources to keep it so.

use crate::core::finding::Verdict;
use crate::core::text::Lang;
use ratatui::symbols::{border, line};

/// Which signs are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Glyphs {
    /// Neutral signs and box lines.
    Unicode,
    /// Neutral signs and dashed lines, because the terminal may draw solid box lines two cells wide.
    UnicodeSigns,
    /// ASCII only.
    Ascii,
}

const ASCII_BORDER: border::Set<'static> = border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};

/// The dashed lines are of class Neutral, but have no corners: a point and a tick round the box off.
const DASHED_BORDER: border::Set<'static> = border::Set {
    top_left: ".",
    top_right: ".",
    bottom_left: "'",
    bottom_right: "'",
    vertical_left: line::LIGHT_DOUBLE_DASH_VERTICAL,
    vertical_right: line::LIGHT_DOUBLE_DASH_VERTICAL,
    horizontal_top: line::LIGHT_DOUBLE_DASH_HORIZONTAL,
    horizontal_bottom: line::LIGHT_DOUBLE_DASH_HORIZONTAL,
};

impl Glyphs {
    /// Decides from `--ascii`, the language that is read, the values of `LC_ALL`, `LC_CTYPE` and `LANG` in this order
    /// (the first that is not empty names the locale, as in POSIX), and `TERM`.
    pub fn decide(ascii_asked: bool, lang: Lang, locales: [Option<&str>; 3], term: Option<&str>) -> Glyphs {
        let locale = locales.into_iter().flatten().find(|value| !value.is_empty()).unwrap_or_default();
        let locale = locale.to_ascii_lowercase();
        let utf8 = locale.split('.').nth(1).is_some_and(|charset| {
            let charset = charset.split('@').next().unwrap_or_default();
            matches!(charset, "utf-8" | "utf8")
        });
        let term = term.unwrap_or_default();
        let few_signs = matches!(term, "" | "dumb" | "unknown" | "ansi")
            || ["linux", "vt", "cons", "sun"].iter().any(|family| term.starts_with(family));
        if ascii_asked || !utf8 || few_signs {
            return Glyphs::Ascii;
        }
        let wide_possible = lang == Lang::Zh || ["zh", "ja", "ko"].iter().any(|language| locale.starts_with(language));
        if wide_possible { Glyphs::UnicodeSigns } else { Glyphs::Unicode }
    }

    const fn pick(self, unicode: &'static str, ascii: &'static str) -> &'static str {
        match self {
            Glyphs::Unicode | Glyphs::UnicodeSigns => unicode,
            Glyphs::Ascii => ascii,
        }
    }

    /// The sign of a verdict.
    pub const fn verdict(self, verdict: Verdict) -> &'static str {
        match verdict {
            Verdict::Pass => self.pass(),
            Verdict::Warn => self.warn(),
            Verdict::Fail => self.fail(),
            Verdict::Unknown => self.unknown(),
            Verdict::Skipped => self.skipped(),
        }
    }

    pub const fn pass(self) -> &'static str {
        self.pick("\u{2713}", "+")
    }

    pub const fn warn(self) -> &'static str {
        "!"
    }

    pub const fn fail(self) -> &'static str {
        self.pick("\u{2717}", "x")
    }

    pub const fn unknown(self) -> &'static str {
        "?"
    }

    pub const fn skipped(self) -> &'static str {
        "-"
    }

    /// A step that was not looked at yet.
    pub const fn pending(self) -> &'static str {
        self.pick("\u{25e6}", ".")
    }

    /// A step that is being looked at.
    pub const fn running(self) -> &'static str {
        self.pick("\u{25b9}", "*")
    }

    /// Before the line that Enter acts on.
    pub const fn cursor(self) -> &'static str {
        self.pick("\u{25b8}", ">")
    }

    pub const fn more_below(self) -> &'static str {
        self.pick("\u{25be}", "v")
    }

    /// The head of an arrow to the right.
    pub const fn head_right(self) -> &'static str {
        self.pick("\u{25b8}", ">")
    }

    /// The head of an arrow to the left.
    pub const fn head_left(self) -> &'static str {
        self.pick("\u{25c2}", "<")
    }

    pub const fn bullet(self) -> &'static str {
        self.pick("\u{2023}", "*")
    }

    /// From one thing to another. Two cells in ASCII.
    pub const fn arrow(self) -> &'static str {
        self.pick("\u{279c}", "->")
    }

    /// Where a text was cut: the sign that [`crate::core::text::cut`] uses.
    pub const fn ellipsis(self) -> &'static str {
        "~"
    }

    pub const fn checked(self) -> &'static str {
        self.pick("[\u{2713}]", "[x]")
    }

    /// A vertical line.
    pub const fn vertical(self) -> &'static str {
        self.border().vertical_left
    }

    pub const fn horizontal(self) -> &'static str {
        self.border().horizontal_top
    }

    /// A cell of a bar chart, filled from below by so many eighths. Blocks are Ambiguous (UAX #11), so they stand only
    /// where ambiguous means narrow; elsewhere the dots of braille, which are Neutral, fill the cell in four steps.
    pub const fn bar(self, eighths: usize) -> &'static str {
        match (self, eighths) {
            (_, 0) => " ",
            (Glyphs::Unicode, 1) => "\u{2581}",
            (Glyphs::Unicode, 2) => "\u{2582}",
            (Glyphs::Unicode, 3) => "\u{2583}",
            (Glyphs::Unicode, 4) => "\u{2584}",
            (Glyphs::Unicode, 5) => "\u{2585}",
            (Glyphs::Unicode, 6) => "\u{2586}",
            (Glyphs::Unicode, 7) => "\u{2587}",
            (Glyphs::Unicode, _) => "\u{2588}",
            (Glyphs::UnicodeSigns, 1..=2) => "\u{28c0}",
            (Glyphs::UnicodeSigns, 3..=4) => "\u{28e4}",
            (Glyphs::UnicodeSigns, 5..=6) => "\u{28f6}",
            (Glyphs::UnicodeSigns, _) => "\u{28ff}",
            (Glyphs::Ascii, 1..4) => ".",
            (Glyphs::Ascii, _) => "#",
        }
    }

    /// Where a vertical line leaves a horizontal one downwards. A dashed line just goes on: a sign in it would be seen
    /// before the text.
    pub const fn branch_down(self) -> &'static str {
        match self {
            Glyphs::Unicode => line::HORIZONTAL_DOWN,
            Glyphs::UnicodeSigns => self.horizontal(),
            Glyphs::Ascii => "+",
        }
    }

    /// Where a horizontal line leaves a vertical one to the right.
    pub const fn branch_right(self) -> &'static str {
        match self {
            Glyphs::Unicode => line::VERTICAL_RIGHT,
            Glyphs::UnicodeSigns => self.vertical(),
            Glyphs::Ascii => "+",
        }
    }

    /// Where a horizontal line joins a vertical one from the left.
    pub const fn join_left(self) -> &'static str {
        match self {
            Glyphs::Unicode => line::VERTICAL_LEFT,
            Glyphs::UnicodeSigns => self.vertical(),
            Glyphs::Ascii => "+",
        }
    }

    /// Where two lines cross.
    pub const fn cross(self) -> &'static str {
        match self {
            Glyphs::Unicode => line::CROSS,
            Glyphs::UnicodeSigns | Glyphs::Ascii => "+",
        }
    }

    /// The lines around a pane.
    pub const fn border(self) -> border::Set<'static> {
        match self {
            Glyphs::Unicode => border::PLAIN,
            Glyphs::UnicodeSigns => DASHED_BORDER,
            Glyphs::Ascii => ASCII_BORDER,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::text::width;
    use std::path::{Path, PathBuf};
    use unicode_width::UnicodeWidthStr;

    fn signs(glyphs: Glyphs) -> Vec<&'static str> {
        vec![
            glyphs.pass(),
            glyphs.warn(),
            glyphs.fail(),
            glyphs.unknown(),
            glyphs.skipped(),
            glyphs.pending(),
            glyphs.running(),
            glyphs.cursor(),
            glyphs.more_below(),
            glyphs.head_right(),
            glyphs.head_left(),
            glyphs.bullet(),
            glyphs.ellipsis(),
        ]
    }

    #[test]
    fn the_environment_decides_the_signs() {
        let utf8 = Some("en_US.UTF-8");
        let xterm = Some("xterm-256color");
        for (ascii, lang, locales, term, glyphs) in [
            (false, Lang::En, [None, None, utf8], xterm, Glyphs::Unicode),
            (false, Lang::En, [None, None, Some("C.utf8")], xterm, Glyphs::Unicode),
            (false, Lang::En, [None, None, Some("de_DE.UTF-8@euro")], xterm, Glyphs::Unicode),
            (true, Lang::En, [None, None, utf8], xterm, Glyphs::Ascii),
            (false, Lang::Zh, [None, None, Some("zh_CN.UTF-8")], xterm, Glyphs::UnicodeSigns),
            (false, Lang::Zh, [None, None, utf8], xterm, Glyphs::UnicodeSigns),
            (false, Lang::En, [None, None, Some("ja_JP.UTF-8")], xterm, Glyphs::UnicodeSigns),
            (false, Lang::Zh, [None, None, Some("zh_CN.GB18030")], xterm, Glyphs::Ascii),
            (false, Lang::En, [Some("C"), None, utf8], xterm, Glyphs::Ascii),
            (false, Lang::En, [Some(""), Some("C.UTF-8"), Some("C")], xterm, Glyphs::Unicode),
            (false, Lang::En, [None, None, None], xterm, Glyphs::Ascii),
            (false, Lang::En, [None, None, utf8], Some("linux"), Glyphs::Ascii),
            (false, Lang::En, [None, None, utf8], Some("vt100"), Glyphs::Ascii),
            (false, Lang::En, [None, None, utf8], None, Glyphs::Ascii),
        ] {
            assert_eq!(Glyphs::decide(ascii, lang, locales, term), glyphs, "{locales:?} {term:?}");
        }
    }

    #[test]
    fn every_sign_takes_one_cell_also_where_ambiguous_is_wide() {
        for glyphs in [Glyphs::Unicode, Glyphs::UnicodeSigns, Glyphs::Ascii] {
            for sign in signs(glyphs) {
                assert_eq!((width(sign), sign.width_cjk()), (1, 1), "{sign}");
            }
            assert_eq!(glyphs.arrow().width_cjk(), glyphs.arrow().width());
        }
        for glyphs in [Glyphs::UnicodeSigns, Glyphs::Ascii] {
            let border = glyphs.border();
            let corners = [border.top_left, border.top_right, border.bottom_left, border.bottom_right];
            let branches = [glyphs.branch_down(), glyphs.branch_right(), glyphs.join_left(), glyphs.cross()];
            for line in corners.into_iter().chain(branches).chain([border.vertical_left, border.horizontal_top]) {
                assert_eq!(line.width_cjk(), 1, "{line}");
                assert!(line.is_ascii() || glyphs != Glyphs::Ascii, "{line}");
            }
            assert!(corners.iter().all(|corner| corner.is_ascii()));
            assert!((0..=8).all(|eighths| glyphs.bar(eighths).width_cjk() == 1));
        }
    }

    #[test]
    fn ascii_is_ascii_and_verdicts_differ_without_colour() {
        assert!(signs(Glyphs::Ascii).iter().all(|sign| sign.is_ascii()));
        for glyphs in [Glyphs::Unicode, Glyphs::Ascii] {
            let mut seen: Vec<_> = Verdict::ALL.iter().map(|verdict| glyphs.verdict(*verdict)).collect();
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), Verdict::ALL.len());
        }
    }

    fn sources(dir: &Path, into: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, into);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                into.push(path);
            }
        }
    }

    /// Chinese sentences stand in the code; a line that holds one may hold its punctuation too.
    #[test]
    fn no_source_of_this_room_holds_a_sign_of_its_own() {
        let mut files = Vec::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ui"), &mut files);
        assert!(!files.is_empty());
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            for (number, line) in text.lines().enumerate() {
                let code = line.split("//").next().unwrap_or_default();
                let chinese = code.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
                assert!(code.is_ascii() || chinese, "{}:{}: {line}", file.display(), number + 1);
            }
        }
    }
}
