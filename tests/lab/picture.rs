//! A terminal's screen as an SVG picture, for the README and for people who review screens; and a walk of several
//! screens as one picture that moves. It draws what the terminal would show: characters on a grid, sixteen colours,
//! bold, dim, underline and reverse.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;
use vt100::{Cell, Color, Screen};

/// Size of one cell, in pixels.
const CELL: (u32, u32) = (9, 19);
/// Size of the font, in pixels.
const FONT: u32 = 15;
const MARGIN: u32 = 12;
const BACKGROUND: &str = "#1c1f26";
const FOREGROUND: &str = "#d6d9de";
/// The sixteen colours of a usual dark terminal, in the order of their numbers.
const COLOURS: [&str; 16] = [
    "#1c1f26", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#d6d9de", "#7f848e", "#ff7b86",
    "#b3e08d", "#ffd58a", "#7cc4ff", "#dd96f0", "#6fd3de", "#ffffff",
];

/// One screen, row by row, each drawn at the top of the picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    rows: Vec<String>,
    cols: u16,
}

impl Frame {
    /// What the screen shows now.
    pub fn of(screen: &Screen) -> Frame {
        let (rows, cols) = screen.size();
        Frame { rows: (0..rows.get()).map(|row| drawn_row(screen, row, cols.get())).collect(), cols: cols.get() }
    }

    /// Whether nothing is to be seen.
    pub fn is_blank(&self) -> bool {
        self.rows.iter().all(String::is_empty)
    }
}

/// One screen of a walk.
pub struct Scene {
    pub frame: Frame,
    /// What was typed last: the command, then keys.
    pub key: String,
    /// How long it is shown.
    pub lasts: Duration,
}

/// How a character looks.
#[derive(Clone, PartialEq, Eq)]
struct Look {
    front: Option<&'static str>,
    back: Option<&'static str>,
    bold: bool,
    dim: bool,
    underline: bool,
}

impl Look {
    fn of(cell: &Cell) -> Look {
        let (mut front, mut back) = (colour(cell.fgcolor()), colour(cell.bgcolor()));
        if cell.inverse() {
            (front, back) = (back.or(Some(BACKGROUND)), front.or(Some(FOREGROUND)));
        }
        Look { front, back, bold: cell.bold(), dim: cell.dim(), underline: cell.underline() }
    }

    fn attributes(&self) -> String {
        let mut out = self.front.map(|front| format!(" fill=\"{front}\"")).unwrap_or_default();
        for (has, text) in [
            (self.bold, " font-weight=\"bold\""),
            (self.dim, " opacity=\".65\""),
            (self.underline, " text-decoration=\"underline\""),
        ] {
            out.push_str(if has { text } else { "" });
        }
        out
    }
}

/// A row as pieces of text, each of one look and without gaps, so that every letter keeps its place on the grid.
fn drawn_row(screen: &Screen, row: u16, cols: u16) -> String {
    let mut out = String::new();
    let mut piece = String::new();
    let (mut start, mut cells, mut look): (u16, u16, Option<Look>) = (0, 0, None);
    let mut end = |piece: &mut String, start: u16, cells: u16, look: &Option<Look>| {
        let x = MARGIN + u32::from(start) * CELL.0;
        let width = u32::from(cells) * CELL.0;
        if let Some(Look { back: Some(back), .. }) = look {
            let _ = write!(out, "<rect x=\"{x}\" width=\"{width}\" height=\"{}\" fill=\"{back}\"/>", CELL.1);
        }
        let text = piece.trim_start_matches(' ');
        let lead = (piece.len() - text.len()) as u32;
        let shown = text.trim_end_matches(' ');
        let trail = (text.len() - shown.len()) as u32;
        if let (Some(look), false) = (look, shown.is_empty()) {
            let (x, width) = (x + lead * CELL.0, width - (lead + trail) * CELL.0);
            // ASCII is made exact, a Chinese character has a square of the font's size and room beside it, and a sign
            // of another font is made to fit its cell.
            let fit = match (shown.is_ascii(), width as usize == 2 * CELL.0 as usize * shown.chars().count()) {
                (true, _) => format!("textLength=\"{width}\""),
                (false, true) => format!("letter-spacing=\"{}\"", 2 * CELL.0 - FONT),
                (false, false) => format!("textLength=\"{width}\" lengthAdjust=\"spacingAndGlyphs\""),
            };
            let _ = write!(
                out,
                "<text x=\"{x}\" y=\"{}\" {fit}{}>{}</text>",
                CELL.1 - 5,
                look.attributes(),
                escaped(shown)
            );
        }
        piece.clear();
    };
    let mut last_kind = (true, false);
    for col in 0..cols {
        let Some(cell) = screen.cell(row, col).filter(|cell| !cell.is_wide_continuation()) else { continue };
        let text = if cell.has_contents() { cell.contents() } else { " " };
        let now = Look::of(cell);
        // ASCII, Chinese characters and each sign stand for themselves: fonts draw them in widths of their own.
        let kind = (text.is_ascii(), cell.is_wide());
        let same_kind = kind == last_kind && (kind != (false, false) || piece.ends_with(text));
        last_kind = kind;
        let after_gap = piece.ends_with("  ") && text != " ";
        if look.as_ref() != Some(&now) || !same_kind || after_gap {
            end(&mut piece, start, cells, &look);
            (start, cells, look) = (col, 0, Some(now));
        }
        piece.push_str(text);
        cells += if cell.is_wide() { 2 } else { 1 };
    }
    end(&mut piece, start, cells, &look);
    out
}

/// The beginning of a picture of this many cells, with `below` more lines.
fn opened(cols: u16, rows: usize, below: u32) -> String {
    let width = u32::from(cols) * CELL.0 + 2 * MARGIN;
    let height = (rows as u32 + below) * CELL.1 + 2 * MARGIN;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"'DejaVu Sans Mono','Noto Sans Mono CJK SC',Menlo,Consolas,monospace\" font-size=\"{FONT}\" \
         fill=\"{FOREGROUND}\">\n<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{BACKGROUND}\"/>\n"
    )
}

/// How far down a row stands.
fn top_of(row: usize) -> u32 {
    MARGIN + row as u32 * CELL.1
}

/// The picture of a screen.
pub fn svg(frame: &Frame) -> String {
    let mut out = opened(frame.cols, frame.rows.len(), 0);
    for (number, row) in frame.rows.iter().enumerate().filter(|(_, row)| !row.is_empty()) {
        let _ = writeln!(out, "<g transform=\"translate(0 {})\">{row}</g>", top_of(number));
    }
    out + "</svg>\n"
}

/// The scenes as one picture that shows them one after the other, over and over. Where nothing moves, the scene with
/// the number `still` is seen. A row that occurs in several scenes is written once.
pub fn walk(scenes: &[Scene], still: usize) -> String {
    let Some(first) = scenes.first() else { return String::new() };
    let (cols, rows) = (first.frame.cols, first.frame.rows.len());
    let whole: f64 = scenes.iter().map(|scene| scene.lasts.as_secs_f64()).sum::<f64>().max(0.1);
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    let mut out = opened(cols, rows, 2);
    let mut style = format!("<style>.s{{animation:{whole:.1}s step-end infinite}}");
    let mut body = String::new();
    let mut begins = 0.0;
    for (number, scene) in scenes.iter().enumerate() {
        let ends = begins + scene.lasts.as_secs_f64();
        let (from, to) = (begins / whole * 100.0, ends / whole * 100.0);
        let _ = write!(
            style,
            "#f{number}{{animation-name:k{number}}}@keyframes k{number}{{0%{{visibility:hidden}}{from:.2}%{{visibility:visible}}{}}}",
            if number + 1 < scenes.len() { format!("{to:.2}%{{visibility:hidden}}") } else { String::new() }
        );
        begins = ends;
        let hidden = if number == still { "" } else { " visibility=\"hidden\"" };
        let _ = write!(body, "<g id=\"f{number}\" class=\"s\"{hidden}>");
        for (at, row) in scene.frame.rows.iter().enumerate().filter(|(_, row)| !row.is_empty()) {
            let known = names.len();
            let name = *names.entry(row).or_insert(known);
            let _ = write!(body, "<use href=\"#r{name}\" y=\"{}\"/>", top_of(at));
        }
        let (x, y) = (MARGIN, top_of(rows + 1) + CELL.1 - 5);
        let _ = writeln!(body, "<text x=\"{x}\" y=\"{y}\" fill=\"{}\">{}</text></g>", COLOURS[3], escaped(&scene.key));
    }
    // Whoever asked for less motion sees the still.
    style.push_str("@media (prefers-reduced-motion:reduce){.s{animation:none}}</style>\n<defs>\n");
    out.push_str(&style);
    for (row, name) in names {
        let _ = writeln!(out, "<g id=\"r{name}\">{row}</g>");
    }
    let _ = writeln!(
        out,
        "</defs>\n<rect x=\"{MARGIN}\" y=\"{}\" width=\"{}\" height=\"1\" fill=\"{}\"/>",
        top_of(rows) + CELL.1 / 2,
        u32::from(cols) * CELL.0,
        COLOURS[8]
    );
    out + &body + "</svg>\n"
}

fn colour(colour: Color) -> Option<&'static str> {
    match colour {
        Color::Idx(number) => COLOURS.get(usize::from(number)).copied(),
        Color::Default | Color::Rgb(..) => None,
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
