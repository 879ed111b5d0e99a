//! A terminal's screen as an SVG picture, for the README and for people who review screens. It draws what the terminal
//! would show: characters on a grid, sixteen colours, bold, dim, underline and reverse.

use std::fmt::Write;
use vt100::{Color, Screen};

/// Size of one cell, in pixels.
const CELL: (u32, u32) = (9, 19);
const MARGIN: u32 = 12;
const BACKGROUND: &str = "#1c1f26";
const FOREGROUND: &str = "#d6d9de";
/// The sixteen colours of a usual dark terminal, in the order of their numbers.
const COLOURS: [&str; 16] = [
    "#1c1f26", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#d6d9de", "#7f848e", "#ff7b86",
    "#b3e08d", "#ffd58a", "#7cc4ff", "#dd96f0", "#6fd3de", "#ffffff",
];

/// The picture of a screen.
pub fn svg(screen: &Screen) -> String {
    let (rows, cols) = screen.size();
    let (rows, cols) = (rows.get(), cols.get());
    let (width, height) = (u32::from(cols) * CELL.0 + 2 * MARGIN, u32::from(rows) * CELL.1 + 2 * MARGIN);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"'DejaVu Sans Mono','Noto Sans Mono CJK SC',Menlo,Consolas,monospace\" font-size=\"15\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{BACKGROUND}\"/>\n"
    );
    for row in 0..rows {
        for col in 0..cols {
            let Some(cell) = screen.cell(row, col) else { continue };
            if cell.is_wide_continuation() {
                continue;
            }
            let (x, y) = (MARGIN + u32::from(col) * CELL.0, MARGIN + u32::from(row) * CELL.1);
            let cells = if cell.is_wide() { 2 } else { 1 };
            let (mut front, mut back) = (colour(cell.fgcolor()), colour(cell.bgcolor()));
            if cell.inverse() {
                (front, back) = (back.or(Some(BACKGROUND)), front.or(Some(FOREGROUND)));
            }
            if let Some(back) = back {
                let width = CELL.0 * cells;
                let _ = writeln!(
                    out,
                    "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{}\" fill=\"{back}\"/>",
                    CELL.1
                );
            }
            let text = cell.contents();
            if text.trim().is_empty() {
                continue;
            }
            let front = front.unwrap_or(FOREGROUND);
            let weight = if cell.bold() { " font-weight=\"bold\"" } else { "" };
            let faint = if cell.dim() { " opacity=\"0.65\"" } else { "" };
            let line = if cell.underline() { " text-decoration=\"underline\"" } else { "" };
            let baseline = y + CELL.1 - 5;
            let width = CELL.0 * cells;
            let _ = writeln!(
                out,
                "<text x=\"{x}\" y=\"{baseline}\" textLength=\"{width}\" lengthAdjust=\"spacingAndGlyphs\" \
                 fill=\"{front}\"{weight}{faint}{line}>{}</text>",
                escaped(text)
            );
        }
    }
    out + "</svg>\n"
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
