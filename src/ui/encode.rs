//! Changed cells as the fewest bytes that every terminal understands.
//!
//! ratatui's crossterm backend writes even the eight basic colours as `38;5;n`, which the Linux console of older
//! kernels and hardware terminals read as something else (5 is "blink"), moves the cursor with eight bytes where four
//! do, and before every second Chinese character. This writes `30` to `37` and `90` to `97`, and relative moves
//! wherever it is certain how far a terminal has moved its cursor by itself.

use crate::text::width;
use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier};
use std::io::Write;
use unicode_width::UnicodeWidthStr;

/// The SGR numbers of attributes.
const ATTRIBUTES: [(Modifier, u8); 7] = [
    (Modifier::BOLD, 1),
    (Modifier::DIM, 2),
    (Modifier::ITALIC, 3),
    (Modifier::UNDERLINED, 4),
    (Modifier::REVERSED, 7),
    (Modifier::HIDDEN, 8),
    (Modifier::CROSSED_OUT, 9),
];

/// What the next character would look like.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Look {
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

const PLAIN: Look = Look { fg: Color::Reset, bg: Color::Reset, modifier: Modifier::empty() };

/// Where the cursor is after what was printed last.
#[derive(Clone, Copy)]
struct Cursor {
    x: u16,
    y: u16,
    /// Whether every terminal agrees on `x`. Not so after characters whose width depends on the terminal.
    certain: bool,
}

/// Appends the cells, which must come in reading order. Begins and ends in the plain style.
pub(super) fn cells<'a>(out: &mut Vec<u8>, changed: impl Iterator<Item = (u16, u16, &'a Cell)>) {
    let mut look = PLAIN;
    let mut cursor: Option<Cursor> = None;
    for (x, y, cell) in changed {
        let certain = go_to(out, cursor, x, y);
        let wanted = Look { fg: cell.fg, bg: cell.bg, modifier: cell.modifier };
        change_look(out, look, wanted);
        look = wanted;
        let symbol = shown(cell.symbol());
        out.extend_from_slice(symbol.as_bytes());
        let cells = u16::try_from(width(symbol)).unwrap_or(1).max(1);
        cursor = Some(Cursor { x: x.saturating_add(cells), y, certain: certain && same_everywhere(symbol) });
    }
    change_look(out, look, PLAIN);
}

/// Moves the cursor to the cell; tells whether it is certain to be there.
fn go_to(out: &mut Vec<u8>, cursor: Option<Cursor>, x: u16, y: u16) -> bool {
    match cursor {
        // Even if not certain: moving between the signs of a box line would cost more than the line.
        Some(at) if at.y == y && at.x == x => return at.certain,
        Some(at) if at.y == y && at.x < x && at.certain => match x - at.x {
            1 => out.extend_from_slice(b"\x1b[C"),
            cells => sequence(out, format_args!("\x1b[{cells}C")),
        },
        _ if x == 0 => sequence(out, format_args!("\x1b[{}H", u32::from(y) + 1)),
        _ => sequence(out, format_args!("\x1b[{};{}H", u32::from(y) + 1, u32::from(x) + 1)),
    }
    true
}

fn change_look(out: &mut Vec<u8>, from: Look, to: Look) {
    if from == to {
        return;
    }
    // Attributes cannot be taken away one by one on every terminal, so anything that is not plain starts anew.
    out.extend_from_slice(b"\x1b[");
    let mut separator = "";
    let mut add = |number: u8| {
        sequence(out, format_args!("{separator}{number}"));
        separator = ";";
    };
    if from != PLAIN {
        add(0);
    }
    for (attribute, number) in ATTRIBUTES {
        if to.modifier.contains(attribute) {
            add(number);
        }
    }
    if let Some(number) = colour(to.fg) {
        add(number);
    }
    if let Some(number) = colour(to.bg) {
        add(number + 10);
    }
    // Without a number, as for a look of attributes that are never sent, it means plain.
    out.push(b'm');
}

/// The SGR number of a foreground colour; the background is 10 more. The theme has no colour beyond the sixteen.
const fn colour(colour: Color) -> Option<u8> {
    Some(match colour {
        Color::Black => 30,
        Color::Red => 31,
        Color::Green => 32,
        Color::Yellow => 33,
        Color::Blue => 34,
        Color::Magenta => 35,
        Color::Cyan => 36,
        Color::Gray => 37,
        Color::DarkGray => 90,
        Color::LightRed => 91,
        Color::LightGreen => 92,
        Color::LightYellow => 93,
        Color::LightBlue => 94,
        Color::LightMagenta => 95,
        Color::LightCyan => 96,
        Color::White => 97,
        Color::Reset | Color::Rgb(..) | Color::Indexed(_) => return None,
    })
}

/// The symbol, unless it would drive the terminal: the last of several filters, and the cheapest.
fn shown(symbol: &str) -> &str {
    if symbol.is_empty() {
        " "
    } else if symbol.chars().any(char::is_control) {
        "?"
    } else {
        symbol
    }
}

/// Whether every terminal moves its cursor equally far for the symbol: one character, of a class that is not
/// ambiguous (ASCII, neutral, or wide).
fn same_everywhere(symbol: &str) -> bool {
    symbol.is_ascii() || (symbol.chars().nth(1).is_none() && symbol.width() == symbol.width_cjk())
}

/// Appends a piece of a sequence; a `Vec` takes everything.
fn sequence(out: &mut Vec<u8>, piece: std::fmt::Arguments) {
    let _ = out.write_fmt(piece);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
    use ratatui::style::Style;
    use std::num::NonZeroU16;

    const WIDTH: u16 = 20;
    const HEIGHT: u16 = 4;

    fn encoded(cell_at: &[(u16, u16, Cell)]) -> String {
        let mut out = Vec::new();
        cells(&mut out, cell_at.iter().map(|(x, y, cell)| (*x, *y, cell)));
        String::from_utf8(out).unwrap()
    }

    fn cell(symbol: &'static str, style: Style) -> Cell {
        let mut cell = Cell::new(symbol);
        cell.set_style(style);
        cell
    }

    #[test]
    fn moves_and_styles_take_few_bytes() {
        let plain = |symbol| cell(symbol, Style::new());
        let red = |symbol| cell(symbol, Style::new().fg(Color::Red).add_modifier(Modifier::BOLD));
        assert_eq!(encoded(&[]), "");
        assert_eq!(encoded(&[(0, 0, plain("a")), (1, 0, plain("b")), (9, 0, plain("c"))]), "\x1b[1Hab\x1b[7Cc");
        assert_eq!(encoded(&[(2, 1, red("a")), (3, 1, red("b"))]), "\x1b[2;3H\x1b[1;31mab\x1b[0m");
        assert_eq!(encoded(&[(0, 0, red("a")), (1, 0, plain("b"))]), "\x1b[1H\x1b[1;31ma\x1b[0mb");
        // Chinese characters follow one another without moves; after an ambiguous one only an absolute move is safe.
        assert_eq!(encoded(&[(0, 0, plain("心")), (2, 0, plain("跳")), (5, 0, plain("x"))]), "\x1b[1H心跳\x1b[Cx");
        assert_eq!(encoded(&[(0, 0, plain("\u{2500}")), (5, 0, plain("x"))]), "\x1b[1H\u{2500}\x1b[1;6Hx");
        assert_eq!(encoded(&[(0, 0, plain("\x1b"))]), "\x1b[1H?");
    }

    /// A screen of pieces of text at places, in styles.
    fn screen(pieces: &[(u16, u16, String, usize)]) -> Buffer {
        let styles = [
            Style::new(),
            Style::new().fg(Color::Red).add_modifier(Modifier::BOLD),
            Style::new().fg(Color::Black).bg(Color::Yellow),
            Style::new().fg(Color::LightBlue).add_modifier(Modifier::UNDERLINED),
            Style::new().add_modifier(Modifier::REVERSED | Modifier::DIM),
        ];
        let mut buffer = Buffer::empty(Rect::new(0, 0, WIDTH, HEIGHT));
        for (x, y, text, style) in pieces {
            buffer.set_string(*x, *y, text, styles[*style]);
        }
        buffer
    }

    /// The same as a terminal's cells: symbol, colours, bold, underlined, reversed.
    fn assert_shows(terminal: &vt100::Parser, buffer: &Buffer) {
        for y in 0..HEIGHT {
            let mut x = 0;
            while x < WIDTH {
                let (want, got) = (&buffer[(x, y)], terminal.screen().cell(y, x).unwrap());
                let symbol = if got.has_contents() { got.contents() } else { " " };
                assert_eq!(symbol, want.symbol(), "at {x},{y}");
                let index = |colour: Color| match super::colour(colour) {
                    None => vt100::Color::Default,
                    Some(number @ 30..=37) => vt100::Color::Idx(number - 30),
                    Some(number) => vt100::Color::Idx(number - 90 + 8),
                };
                assert_eq!((got.fgcolor(), got.bgcolor()), (index(want.fg), index(want.bg)), "at {x},{y}");
                let attributes = [Modifier::BOLD, Modifier::DIM, Modifier::UNDERLINED, Modifier::REVERSED];
                assert_eq!(
                    [got.bold(), got.dim(), got.underline(), got.inverse()],
                    attributes.map(|attribute| want.modifier.contains(attribute)),
                    "at {x},{y}"
                );
                x += u16::try_from(width(want.symbol())).unwrap().max(1);
            }
        }
    }

    /// At most one piece a row: a widget does not write over half a Chinese character of its own.
    fn pieces() -> impl Strategy<Value = Vec<(u16, u16, String, usize)>> {
        let rows = (0..HEIGHT).collect::<Vec<_>>();
        let row = |y: u16| (0..WIDTH, Just(y), "[a-c \u{5fc3}\u{8df3}\u{2500}\u{2713}]{1,8}", 0usize..5);
        prop::sample::subsequence(rows, 0..=usize::from(HEIGHT))
            .prop_flat_map(move |rows| rows.into_iter().map(row).collect::<Vec<_>>())
    }

    proptest! {
        #[test]
        fn a_terminal_shows_what_was_drawn_frame_after_frame(frames in prop::collection::vec(pieces(), 1..4)) {
            let size = |cells| NonZeroU16::new(cells).unwrap();
            let mut terminal = vt100::Parser::new(size(HEIGHT), size(WIDTH), 0);
            let mut before = screen(&[]);
            for (number, mut frame) in frames.into_iter().enumerate() {
                // In which style a terminal blanks the other half of an overwritten Chinese character is its own
                // affair, and ratatui leaves that half to it; so only the first frame has styles.
                frame.iter_mut().filter(|_| number > 0).for_each(|piece| piece.3 = 0);
                let after = screen(&frame);
                let mut out = Vec::new();
                cells(&mut out, before.diff(&after).into_iter());
                terminal.process(&out);
                assert_shows(&terminal, &after);
                before = after;
            }
        }
    }
}
