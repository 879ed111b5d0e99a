//! Copying through the terminal (OSC 52), also from inside tmux and GNU screen, over any number of SSH hops.
//!
//! Pure: builds the bytes. Never asks for the clipboard's content, since the answer would arrive as typed keys.

use crate::core::text::Text;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The longest text that is sent, in bytes. Encoded it is 64 KiB; xterm takes a little more, others less.
pub const LONGEST: usize = 48 * 1024;

/// GNU screen hands on device control strings of at most 768 bytes (its manual, "Control Sequences"); this much of
/// the encoded text goes into one.
const SCREEN_PIECE: usize = 512;

/// What stands between the program and the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Through {
    Nothing,
    Tmux,
    GnuScreen,
}

impl Through {
    /// Judges by `TMUX`, `STY` and `TERM`. The first two do not survive SSH; a `TERM` of `tmux` does. A `TERM` of
    /// `screen` says nothing, because tmux uses it too.
    pub fn of_environment(tmux: Option<&str>, sty: Option<&str>, term: Option<&str>) -> Through {
        let told = |value: Option<&str>| value.is_some_and(|value| !value.is_empty());
        if told(tmux) || term.is_some_and(|term| term.starts_with("tmux")) {
            Through::Tmux
        } else if told(sty) {
            Through::GnuScreen
        } else {
            Through::Nothing
        }
    }
}

/// Why nothing was sent to the clipboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("text of {0} bytes is too long for the terminal's clipboard")]
    TooLong(usize),
    #[error("no terminal to send it to")]
    NoTerminal,
}

impl Refused {
    /// The sentence for the operator.
    pub fn text(self) -> Text {
        match self {
            Refused::TooLong(_) => Text::fixed(
                "Too long to copy through the terminal; save it to a file.",
                "内容过长，无法经终端复制，请保存到文件。",
            ),
            Refused::NoTerminal => Text::fixed("The terminal is not available.", "终端不可用。"),
        }
    }
}

/// The bytes that ask the terminal to put `text` on the clipboard.
///
/// # Errors
/// [`Refused::TooLong`] beyond [`LONGEST`]; cutting silently would hand out half a command.
pub fn sequence(text: &str, through: Through) -> Result<Vec<u8>, Refused> {
    if text.len() > LONGEST {
        return Err(Refused::TooLong(text.len()));
    }
    let encoded = STANDARD.encode(text);
    let plain = format!("\x1b]52;c;{encoded}\x07");
    Ok(match through {
        Through::Nothing => plain,
        // tmux obeys the plain form only with `set-clipboard on`, and hands the other on only with
        // `allow-passthrough`; which of them is set cannot be seen from here, and both together do no harm.
        Through::Tmux => format!("{plain}\x1bPtmux;\x1b{plain}\x1b\\"),
        Through::GnuScreen => in_pieces(&plain),
    }
    .into_bytes())
}

/// The sequence cut into device control strings; the terminal behind GNU screen sees them joined again.
fn in_pieces(plain: &str) -> String {
    let mut out = String::with_capacity(plain.len() + plain.len() / SCREEN_PIECE * 4 + 8);
    let mut rest = plain;
    while !rest.is_empty() {
        // The sequence is ASCII, so every byte is a boundary.
        let (piece, left) = rest.split_at(rest.len().min(SCREEN_PIECE));
        out.push_str("\x1bP");
        out.push_str(piece);
        out.push_str("\x1b\\");
        rest = left;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, through: Through) -> String {
        String::from_utf8(sequence(text, through).unwrap()).unwrap()
    }

    #[test]
    fn the_bytes_of_each_form() {
        assert_eq!(of("心跳", Through::Nothing), "\x1b]52;c;5b+D6Lez\x07");
        assert_eq!(of("hi", Through::Tmux), "\x1b]52;c;aGk=\x07\x1bPtmux;\x1b\x1b]52;c;aGk=\x07\x1b\\");
        assert_eq!(of("hi", Through::GnuScreen), "\x1bP\x1b]52;c;aGk=\x07\x1b\\");
    }

    #[test]
    fn pieces_for_gnu_screen_join_to_the_whole() {
        let text = "x".repeat(LONGEST);
        let pieces = of(&text, Through::GnuScreen);
        assert!(pieces.split("\x1b\\").all(|piece| piece.len() <= 768));
        assert_eq!(pieces.replace("\x1b\\", "").replace("\x1bP", ""), of(&text, Through::Nothing));
    }

    #[test]
    fn too_long_is_refused_whole() {
        let text = "x".repeat(LONGEST + 1);
        assert_eq!(sequence(&text, Through::Nothing), Err(Refused::TooLong(LONGEST + 1)));
    }

    #[test]
    fn the_environment_names_what_stands_between() {
        let of = Through::of_environment;
        assert_eq!(of(None, None, Some("xterm-256color")), Through::Nothing);
        assert_eq!(of(Some("/tmp/tmux-0/default,1,0"), None, Some("screen")), Through::Tmux);
        assert_eq!(of(None, None, Some("tmux-256color")), Through::Tmux);
        assert_eq!(of(None, Some("1.pts-0.h"), Some("screen")), Through::GnuScreen);
        assert_eq!(of(Some(""), Some(""), Some("screen")), Through::Nothing);
    }
}
