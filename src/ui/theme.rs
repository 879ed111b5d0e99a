//! How meaning looks: styles named by what they say, never by their colour.
//!
//! Colour is the last of three signals, after the word and the glyph. Only the terminal's own sixteen colours are
//! used, so the operator's palette keeps deciding; none of them is taken where it vanishes on a light or on a dark
//! background (yellow or white text, dark grey, dark blue). The monochrome theme holds no colour at all.

use crate::core::finding::Verdict;
use ratatui::style::{Color, Modifier, Style};

/// How many colours the terminal is trusted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// None: attributes only.
    Mono,
    /// The eight of the Linux console, of hardware terminals and serial lines.
    Eight,
    /// The eight and their bright forms.
    Sixteen,
}

impl Depth {
    /// Decides from `--no-color` and from the values of `NO_COLOR`, `TERM` and `COLORTERM`.
    ///
    /// An empty `NO_COLOR` counts as absent (no-color.org). More than sixteen colours are never used, because
    /// terminals that claim them over SSH often do not have them.
    pub fn decide(no_color_asked: bool, no_color: Option<&str>, term: Option<&str>, colorterm: Option<&str>) -> Depth {
        if no_color_asked || no_color.is_some_and(|value| !value.is_empty()) {
            return Depth::Mono;
        }
        match term.unwrap_or_default() {
            "" | "dumb" | "unknown" => Depth::Mono,
            term if term.ends_with("-m") || term.ends_with("-mono") => Depth::Mono,
            term if term.starts_with("linux") || term.starts_with("vt") => Depth::Eight,
            "ansi" | "cons25" | "cygwin" if colorterm.unwrap_or_default().is_empty() => Depth::Eight,
            _ => Depth::Sixteen,
        }
    }
}

/// Makes the theme of its styles, and the list of them all.
macro_rules! styles {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// The styles of everything that is drawn.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct Theme { $($(#[$doc])* pub $name: Style,)+ }

        impl Theme {
            /// Every style, for tests that hold for all.
            #[cfg(test)]
            fn all(&self) -> Vec<Style> {
                vec![$(self.$name),+]
            }
        }
    };
}

styles! {
    pass,
    warn,
    fail,
    unknown,
    skipped,
    /// A step that is being looked at.
    running,
    /// The program's name and the host in the first line.
    title,
    /// The heading of a pane or of a group of lines.
    heading,
    /// Ordinary text.
    text,
    /// What may be overlooked.
    dim,
    /// A key that works now, in the last line and in the help.
    key,
    /// Where the eye should go: the question, the chosen value.
    accent,
    /// The line or button that Enter acts on, in the pane that has the keys.
    selected,
    /// The same in a pane that does not have the keys.
    selected_elsewhere,
    /// A line that a plan adds.
    added,
    /// A line that a plan removes.
    removed,
    /// What interrupts a service or cannot be undone.
    danger,
    /// A text field.
    input,
    /// Lines around panes.
    border,
    /// Lines around the pane that has the keys.
    border_focused,
}

const PLAIN: Style = Style::new();
const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);
const REVERSED: Style = Style::new().add_modifier(Modifier::REVERSED);
const UNDERLINED: Style = Style::new().add_modifier(Modifier::UNDERLINED);

impl Theme {
    /// The theme for a terminal of this depth.
    pub const fn of(depth: Depth) -> Theme {
        match depth {
            Depth::Mono => Theme::MONO,
            Depth::Eight => Theme::EIGHT,
            Depth::Sixteen => Theme::SIXTEEN,
        }
    }

    const MONO: Theme = Theme {
        pass: PLAIN,
        warn: BOLD,
        fail: BOLD,
        unknown: BOLD,
        skipped: PLAIN,
        running: PLAIN,
        title: BOLD,
        heading: BOLD,
        text: PLAIN,
        dim: PLAIN,
        key: BOLD,
        accent: BOLD,
        selected: REVERSED,
        selected_elsewhere: BOLD,
        added: PLAIN,
        removed: PLAIN,
        danger: BOLD,
        input: UNDERLINED,
        border: PLAIN,
        border_focused: BOLD,
    };

    const EIGHT: Theme = Theme {
        pass: PLAIN.fg(Color::Green),
        // Yellow text disappears on a light background; black on yellow is readable on every palette.
        warn: PLAIN.fg(Color::Black).bg(Color::Yellow),
        fail: BOLD.fg(Color::Red),
        unknown: PLAIN.fg(Color::Magenta),
        running: PLAIN.fg(Color::Cyan),
        accent: PLAIN.fg(Color::Cyan),
        added: PLAIN.fg(Color::Green),
        removed: PLAIN.fg(Color::Red),
        danger: BOLD.fg(Color::Red),
        border_focused: PLAIN.fg(Color::Cyan),
        ..Theme::MONO
    };

    const SIXTEEN: Theme = Theme {
        // Faint follows the foreground, on light and on dark. The Linux console draws it as dark grey, hence only here.
        dim: Style::new().add_modifier(Modifier::DIM),
        skipped: Style::new().add_modifier(Modifier::DIM),
        border: Style::new().add_modifier(Modifier::DIM),
        // Dark blue vanishes on black, cyan on white; bright blue reads on both.
        running: PLAIN.fg(Color::LightBlue),
        accent: PLAIN.fg(Color::LightBlue),
        border_focused: PLAIN.fg(Color::LightBlue),
        ..Theme::EIGHT
    };

    /// The style of a verdict's word and glyph. A sentence beside them is ordinary text: the screen stays calm.
    pub const fn verdict(&self, verdict: Verdict) -> Style {
        match verdict {
            Verdict::Pass => self.pass,
            Verdict::Warn => self.warn,
            Verdict::Fail => self.fail,
            Verdict::Unknown => self.unknown,
            Verdict::Skipped => self.skipped,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_decides_the_depth() {
        for (asked, no_color, term, colorterm, depth) in [
            (false, None, Some("xterm-256color"), Some("truecolor"), Depth::Sixteen),
            (false, None, Some("xterm"), None, Depth::Sixteen),
            (false, Some(""), Some("screen"), None, Depth::Sixteen),
            (false, Some("1"), Some("xterm-256color"), Some("truecolor"), Depth::Mono),
            (true, None, Some("xterm-256color"), None, Depth::Mono),
            (false, None, Some("linux"), None, Depth::Eight),
            (false, None, Some("vt220"), None, Depth::Eight),
            (false, None, Some("ansi"), None, Depth::Eight),
            (false, None, Some("xterm-mono"), None, Depth::Mono),
            (false, None, Some("dumb"), None, Depth::Mono),
            (false, None, Some(""), None, Depth::Mono),
            (false, None, None, None, Depth::Mono),
        ] {
            assert_eq!(Depth::decide(asked, no_color, term, colorterm), depth, "{no_color:?} {term:?}");
        }
    }

    #[test]
    fn the_monochrome_theme_holds_no_colour() {
        for style in Theme::MONO.all() {
            assert_eq!((style.fg, style.bg, style.underline_color), (None, None, None));
        }
    }

    #[test]
    fn no_theme_uses_a_colour_that_some_background_swallows() {
        let text = [Color::Red, Color::Green, Color::Magenta, Color::Cyan, Color::LightBlue];
        for theme in [Theme::EIGHT, Theme::SIXTEEN] {
            for style in theme.all() {
                match (style.fg, style.bg) {
                    (None, None) | (Some(Color::Black), Some(Color::Yellow)) => {}
                    (Some(fg), None) => assert!(text.contains(&fg), "{fg:?}"),
                    other => panic!("{other:?}"),
                }
                assert!(!style.add_modifier.intersects(Modifier::ITALIC | Modifier::SLOW_BLINK));
            }
        }
        for style in Theme::EIGHT.all() {
            assert!(style.fg != Some(Color::LightBlue) && !style.add_modifier.contains(Modifier::DIM));
        }
    }

    #[test]
    fn what_enter_acts_on_never_depends_on_colour() {
        for depth in [Depth::Mono, Depth::Eight, Depth::Sixteen] {
            assert!(Theme::of(depth).selected.add_modifier.contains(Modifier::REVERSED));
        }
    }
}
