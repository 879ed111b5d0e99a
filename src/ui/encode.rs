//! Changed cells as the fewest bytes that every terminal understands.
//!
//! ratatui's crossterm backend writes even the eight basic colours as `38;5;n`, which the Linux console of older
//! kernels and hardware terminals read as something else (5 is "blink"), moves the cursor with eight bytes where four
//! do, and before every second Chinese character. This writes `30` to `37` and `90` to `97`, relative moves wherever
//! it is certain how far a terminal has moved its cursor by itself, and remembers what the terminal shows: so it can
//! clear the rest of a line with three bytes, and write an unchanged letter again where that is shorter than a move.

use crate::core::text::width;
use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier};
use std::io::Write;
use unicode_width::UnicodeWidthStr;

/// Clears from the cursor to the end of the line; every terminal since the VT100 knows it.
const CLEAR_REST: &[u8] = b"\x1b[K";
/// Fewer blanks than this are as short as clearing.
const WORTH_CLEARING: usize = 4;
/// A move by a few cells takes this many bytes; writing the cells between again must be shorter.
const MOVE: u16 = 4;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Attributes {
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

const PLAIN: Attributes = Attributes { fg: Color::Reset, bg: Color::Reset, modifier: Modifier::empty() };

/// Where the cursor is after what was printed last.
#[derive(Clone, Copy)]
struct Cursor {
    x: u16,
    y: u16,
    /// Whether every terminal agrees on `x`. Not so after characters whose width depends on the terminal.
    certain: bool,
}

/// Attributes that are seen on a blank, too.
const ON_BLANKS: Modifier = Modifier::UNDERLINED.union(Modifier::REVERSED).union(Modifier::CROSSED_OUT);

impl Attributes {
    const fn of(cell: &Cell) -> Attributes {
        Attributes { fg: cell.fg, bg: cell.bg, modifier: cell.modifier }
    }

    /// Whether a blank looks plain in it.
    fn blank_is_plain(self) -> bool {
        self.bg == Color::Reset && !self.modifier.intersects(ON_BLANKS)
    }

    /// Whether the cell may be written in this look instead of its own.
    fn suits(self, cell: &Cell) -> bool {
        let own = Attributes::of(cell);
        self == own || (shown(cell.symbol()) == " " && self.blank_is_plain() && own.blank_is_plain())
    }
}

/// What the terminal shows, as far as it was written; beyond that it is blank.
#[derive(Debug, Default)]
pub(super) struct Shown {
    rows: Vec<Vec<Cell>>,
}

impl Shown {
    fn put(&mut self, x: u16, y: u16, cell: &Cell) {
        let (x, y) = (usize::from(x), usize::from(y));
        let cells = width(shown(cell.symbol())).max(1);
        if self.rows.len() <= y {
            self.rows.resize_with(y + 1, Vec::new);
        }
        let row = &mut self.rows[y];
        if row.len() < x + cells {
            row.resize(x + cells, Cell::default());
        }
        row[x] = cell.clone();
        // The other half of a wide character: never blank, and never written alone.
        row[x + 1..x + cells].fill(Cell::new(""));
    }

    /// Whether the line is blank and plain from here on.
    fn is_blank_from(&self, x: u16, y: u16) -> bool {
        let row = self.rows.get(usize::from(y)).map(Vec::as_slice).unwrap_or_default();
        let is_blank = |cell: &Cell| cell.symbol() == " " && Attributes::of(cell).blank_is_plain();
        row.get(usize::from(x)..).unwrap_or_default().iter().all(is_blank)
    }

    /// The text of these cells, if it is plain ASCII that may be written in this look.
    fn again(&self, from: u16, to: u16, y: u16, look: Attributes) -> Option<String> {
        let row = self.rows.get(usize::from(y)).map(Vec::as_slice).unwrap_or_default();
        (from..to)
            .map(|x| match row.get(usize::from(x)) {
                None => look.blank_is_plain().then_some(' '),
                Some(cell) => match cell.symbol().as_bytes() {
                    [byte @ b' '..=b'~'] if look.suits(cell) => Some(char::from(*byte)),
                    _ => None,
                },
            })
            .collect()
    }
}

/// Appends the cells, which must come in reading order. Begins and ends in the plain style. `shown` is what the
/// terminal shows before and, afterwards, what it shows then.
pub(super) fn cells<'a>(out: &mut Vec<u8>, shown_now: &mut Shown, changed: impl Iterator<Item = (u16, u16, &'a Cell)>) {
    let changed: Vec<_> = changed.collect();
    for (x, y, cell) in &changed {
        shown_now.put(*x, *y, cell);
    }
    let mut look = PLAIN;
    let mut cursor: Option<Cursor> = None;
    let mut at = 0;
    while let Some(&(x, y, cell)) = changed.get(at) {
        let certain = go_to(out, shown_now, cursor, (x, y), look);
        let rest = changed[at..].iter().take_while(|(_, row, _)| *row == y).count();
        if rest >= WORTH_CLEARING && shown(cell.symbol()) == " " && shown_now.is_blank_from(x, y) {
            // What is cleared takes the background of the moment.
            if !look.blank_is_plain() {
                change_look(out, look, PLAIN);
                look = PLAIN;
            }
            out.extend_from_slice(CLEAR_REST);
            cursor = Some(Cursor { x, y, certain });
            at += rest;
            continue;
        }
        if !look.suits(cell) {
            change_look(out, look, Attributes::of(cell));
            look = Attributes::of(cell);
        }
        let symbol = shown(cell.symbol());
        out.extend_from_slice(symbol.as_bytes());
        let cells = u16::try_from(width(symbol)).unwrap_or(1).max(1);
        cursor = Some(Cursor { x: x.saturating_add(cells), y, certain: certain && same_everywhere(symbol) });
        at += 1;
    }
    change_look(out, look, PLAIN);
}

/// Appends everything that is shown, for a screen that is blank now.
pub(super) fn whole(out: &mut Vec<u8>, shown: &Shown) {
    let row = |(y, row): (usize, &'_ Vec<Cell>)| {
        let cells = row.iter().enumerate().filter(|(_, cell)| !cell.symbol().is_empty() && **cell != Cell::default());
        cells.map(move |(x, cell)| (x as u16, y as u16, cell.clone())).collect::<Vec<_>>()
    };
    let all: Vec<_> = shown.rows.iter().enumerate().flat_map(row).collect();
    cells(out, &mut Shown::default(), all.iter().map(|(x, y, cell)| (*x, *y, cell)));
}

/// Moves the cursor to the cell; tells whether it is certain to be there.
fn go_to(out: &mut Vec<u8>, shown: &Shown, cursor: Option<Cursor>, (x, y): (u16, u16), look: Attributes) -> bool {
    match cursor {
        // Even if not certain: moving between the signs of a box line would cost more than the line.
        Some(at) if at.y == y && at.x == x => return at.certain,
        Some(at) if at.y == y && at.x < x && at.certain => {
            let between = if x - at.x < MOVE { shown.again(at.x, x, y, look) } else { None };
            match (between, x - at.x) {
                (Some(text), _) => out.extend_from_slice(text.as_bytes()),
                (None, 1) => out.extend_from_slice(b"\x1b[C"),
                (None, cells) => sequence(out, format_args!("\x1b[{cells}C")),
            }
        }
        _ if x == 0 => sequence(out, format_args!("\x1b[{}H", u32::from(y) + 1)),
        // Below where it is, as line after line of a column that is cleared. Never so from the right margin: there a
        // terminal's own count is one less, and no cell stands that far right.
        Some(at) if at.y < y && at.x == x && at.certain => match y - at.y {
            1 => out.extend_from_slice(b"\x1b[B"),
            lines => sequence(out, format_args!("\x1b[{lines}B")),
        },
        _ => sequence(out, format_args!("\x1b[{};{}H", u32::from(y) + 1, u32::from(x) + 1)),
    }
    true
}

fn change_look(out: &mut Vec<u8>, from: Attributes, to: Attributes) {
    if from == to {
        return;
    }
    out.extend_from_slice(b"\x1b[");
    let mut separator = "";
    let mut add = |number: u8| {
        sequence(out, format_args!("{separator}{number}"));
        separator = ";";
    };
    // Attributes cannot be taken away one by one on every terminal, so a look that loses something starts anew.
    let loses = !to.modifier.contains(from.modifier)
        || (to.fg == Color::Reset && from.fg != Color::Reset)
        || (to.bg == Color::Reset && from.bg != Color::Reset);
    let known = if loses { PLAIN } else { from };
    if loses && to != PLAIN {
        add(0);
    }
    for (attribute, number) in ATTRIBUTES {
        if to.modifier.contains(attribute) && !known.modifier.contains(attribute) {
            add(number);
        }
    }
    if let Some(number) = colour(to.fg).filter(|_| to.fg != known.fg) {
        add(number);
    }
    if let Some(number) = colour(to.bg).filter(|_| to.bg != known.bg) {
        add(number + 10);
    }
    // Without a number, as for the plain look, it means plain.
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
        cells(&mut out, &mut Shown::default(), cell_at.iter().map(|(x, y, cell)| (*x, *y, cell)));
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
        assert_eq!(encoded(&[(2, 1, red("a")), (3, 1, red("b"))]), "\x1b[2;3H\x1b[1;31mab\x1b[m");
        assert_eq!(encoded(&[(0, 0, red("a")), (1, 0, plain("b"))]), "\x1b[1H\x1b[1;31ma\x1b[mb");
        // Chinese characters follow one another without moves; after an ambiguous one only an absolute move is safe.
        assert_eq!(encoded(&[(0, 0, plain("心")), (2, 0, plain("跳")), (5, 0, plain("x"))]), "\x1b[1H心跳 x");
        assert_eq!(encoded(&[(0, 0, plain("\u{2500}")), (5, 0, plain("x"))]), "\x1b[1H\u{2500}\x1b[1;6Hx");
        assert_eq!(encoded(&[(0, 0, plain("\x1b"))]), "\x1b[1H?");
    }

    #[test]
    fn what_stands_there_already_is_written_again_or_cleared_where_that_is_shorter() {
        let mut shown = Shown::default();
        let mut frame = |text: &str| {
            let mut out = Vec::new();
            let symbols: Vec<_> = text.chars().map(|c| Cell::new(if c == ' ' { " " } else { "x" })).collect();
            let known = symbols.iter().enumerate().filter(|(x, _)| text.as_bytes()[*x] != b'=');
            cells(&mut out, &mut shown, known.map(|(x, cell)| (x as u16, 0, cell)));
            String::from_utf8(out).unwrap()
        };
        assert_eq!(frame("xxxxxxxxxx"), "\x1b[1Hxxxxxxxxxx");
        assert_eq!(frame("x=x"), "\x1b[1Hxxx", "the letter between is shorter than a move");
        assert_eq!(frame("x=====x"), "\x1b[1Hx\x1b[5Cx");
        assert_eq!(frame("x         "), "\x1b[1Hx\x1b[K");
    }

    #[test]
    fn a_column_is_cleared_downwards_with_short_moves() {
        let mut shown = Shown::default();
        let mut frame = |symbol: &'static str, rows: &[u16]| {
            let symbol = Cell::new(symbol);
            let cell_at = rows.iter().flat_map(|y| (5..12).map(move |x| (x, *y)));
            let mut out = Vec::new();
            cells(&mut out, &mut shown, cell_at.map(|(x, y)| (x, y, &symbol)));
            String::from_utf8(out).unwrap()
        };
        assert_eq!(frame("x", &[1, 2]), "\x1b[2;6Hxxxxxxx\x1b[3;6Hxxxxxxx");
        assert_eq!(frame(" ", &[1, 2]), "\x1b[2;6H\x1b[K\x1b[B\x1b[K");
        frame("x", &[0, 1, 2, 3]);
        assert_eq!(frame(" ", &[0, 3]), "\x1b[1;6H\x1b[K\x1b[3B\x1b[K");
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
                assert_eq!(got.bgcolor(), index(want.bg), "at {x},{y}");
                // Of a blank only what can be seen.
                let is_blank = symbol == " ";
                assert!(is_blank || got.fgcolor() == index(want.fg), "at {x},{y}");
                let want_of = |attribute| want.modifier.contains(attribute);
                let seen = |got, attribute| got == want_of(attribute);
                assert!(seen(got.underline(), Modifier::UNDERLINED), "at {x},{y}");
                assert!(seen(got.inverse(), Modifier::REVERSED), "at {x},{y}");
                assert!(is_blank || seen(got.bold(), Modifier::BOLD), "at {x},{y}");
                assert!(is_blank || seen(got.dim(), Modifier::DIM), "at {x},{y}");
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
            let mut shown = Shown::default();
            for (number, mut frame) in frames.into_iter().enumerate() {
                // In which style a terminal blanks the other half of an overwritten Chinese character is its own
                // affair, and ratatui leaves that half to it; so only the first frame has styles.
                frame.iter_mut().filter(|_| number > 0).for_each(|piece| piece.3 = 0);
                let after = screen(&frame);
                let mut out = Vec::new();
                cells(&mut out, &mut shown, before.diff(&after).into_iter());
                terminal.process(&out);
                assert_shows(&terminal, &after);
                before = after;
                // The same picture again, as after a suspension, on a screen that was blank.
                let mut anew = vt100::Parser::new(size(HEIGHT), size(WIDTH), 0);
                let mut out = Vec::new();
                whole(&mut out, &shown);
                anew.process(&out);
                assert_shows(&anew, &before);
            }
        }
    }
}
