//! Lines of styled text for one column of the screen, wrapped to its width, and their way into the frame.
//!
//! Everything that is written here passes through [`printable`], so no other file of the view has to think of it.

use super::wrap;
use crate::core::text::{cut, printable, width};
use crate::ui::Theme;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use std::ops::Range;

/// A column of fewer cells is narrow: indentation and labels beside values give way to the text.
const NARROW: usize = 44;

/// A piece of text in one style.
pub(super) type Run = (String, Style);

/// Lines under construction, all at most `cells` wide.
#[derive(Debug, Clone, Default)]
pub(super) struct Sheet {
    pub(super) cells: usize,
    pub(super) lines: Vec<Line<'static>>,
}

/// A run, for short.
pub(super) fn run(text: impl Into<String>, style: Style) -> Run {
    (text.into(), style)
}

impl Sheet {
    pub(super) fn new(cells: u16) -> Sheet {
        Sheet { cells: usize::from(cells), lines: Vec::new() }
    }

    pub(super) fn is_narrow(&self) -> bool {
        self.cells < NARROW
    }

    /// An empty line, but neither at the top nor below another one.
    pub(super) fn gap(&mut self) {
        if self.lines.last().is_some_and(|line| line.width() > 0) {
            self.lines.push(Line::default());
        }
    }

    /// A paragraph in one style.
    pub(super) fn say(&mut self, text: &str, style: Style) {
        self.hung(&[], 0, &[run(text, style)]);
    }

    /// A heading, with a gap above it.
    pub(super) fn heading(&mut self, text: &str, theme: &Theme) {
        self.gap();
        self.say(text, theme.heading);
    }

    /// A paragraph of several styles, all its lines indented by `hang` cells; `lead` stands in the indentation of the
    /// first one.
    pub(super) fn hung(&mut self, lead: &[Run], hang: usize, body: &[Run]) {
        let hang = hang.min(self.cells / 2);
        let (text, styles) = joined(body);
        let ranges = wrap::wrap(&text, self.cells - hang);
        self.push_ranges(lead, hang, &text, &styles, &ranges);
    }

    /// The same for a text whose blanks matter: broken only where the line is full.
    pub(super) fn exact(&mut self, lead: &[Run], hang: usize, body: &[Run]) {
        let hang = hang.min(self.cells / 2);
        let (text, styles) = joined(body);
        let ranges = wrap::wrap_exact(&text, self.cells - hang);
        self.push_ranges(lead, hang, &text, &styles, &ranges);
    }

    fn push_ranges(
        &mut self,
        lead: &[Run],
        hang: usize,
        text: &str,
        styles: &[(Range<usize>, Style)],
        ranges: &[Range<usize>],
    ) {
        for (number, range) in ranges.iter().enumerate() {
            let mut spans = Vec::new();
            let mut used = 0;
            for (word, style) in lead.iter().filter(|_| number == 0) {
                let word = cut(&printable(word), hang.saturating_sub(used)).into_owned();
                used += width(&word);
                spans.push(Span::styled(word, *style));
            }
            if used < hang {
                spans.push(Span::raw(" ".repeat(hang - used)));
            }
            for (styled, style) in styles {
                let (from, to) = (styled.start.max(range.start), styled.end.min(range.end));
                if from < to {
                    spans.push(Span::styled(text[from..to].to_string(), *style));
                }
            }
            self.lines.push(Line::from(spans));
        }
    }

    /// Puts `text` at the right end of the last line if it fits there with two blanks before it, else on a line of
    /// its own, indented by `hang`.
    pub(super) fn aside(&mut self, hang: usize, text: &str, style: Style) {
        if !self.aside_of(self.lines.len().saturating_sub(1), text, style) {
            self.hung(&[], hang, &[run(text, style)]);
        }
    }

    /// Puts `text` at the right end of that line if it fits there with two blanks before it; tells whether it did.
    pub(super) fn aside_of(&mut self, number: usize, text: &str, style: Style) -> bool {
        let text = printable(text).into_owned();
        let Some(line) = self.lines.get_mut(number) else { return false };
        let room = self.cells.saturating_sub(line.width());
        let fits = width(&text) + 2 <= room;
        if fits {
            line.push_span(Span::raw(" ".repeat(room - width(&text))));
            line.push_span(Span::styled(text, style));
        }
        fits
    }

    /// One line, cut where the column ends.
    pub(super) fn line(&mut self, runs: &[Run]) {
        let mut spans = Vec::new();
        let mut room = self.cells;
        for (text, style) in runs {
            let text = cut(&printable(text), room).into_owned();
            room -= width(&text).min(room);
            spans.push(Span::styled(text, *style));
        }
        self.lines.push(Line::from(spans));
    }

    /// How many lines there are.
    pub(super) fn height(&self) -> usize {
        self.lines.len()
    }
}

/// The runs as one printable text, and which bytes have which style.
fn joined(runs: &[Run]) -> (String, Vec<(Range<usize>, Style)>) {
    let mut text = String::new();
    let mut styles = Vec::new();
    for (part, style) in runs {
        let start = text.len();
        text.push_str(&printable(part));
        styles.push((start..text.len(), *style));
    }
    (text, styles)
}

/// Shows lines from the top of an area; what does not fit is left out.
pub(super) fn show(frame: &mut Frame, area: Rect, lines: Vec<Line<'static>>) {
    let area = area.intersection(frame.area());
    if !area.is_empty() {
        frame.render_widget(Paragraph::new(lines), area);
    }
}

/// Shows as many lines as fit, the first of them being `scroll` or whatever keeps the area full. Returns the extent
/// for the session, all lines and fitting lines, and how many lines stay hidden below.
pub(super) fn show_scrolled(
    frame: &mut Frame,
    area: Rect,
    lines: Vec<Line<'static>>,
    scroll: usize,
) -> ((usize, usize), usize) {
    let (count, height) = (lines.len(), usize::from(area.height));
    let first = scroll.min(count.saturating_sub(height));
    show(frame, area, lines.into_iter().skip(first).take(height).collect());
    ((count, height), count.saturating_sub(first + height))
}

/// A part of an area, given from its upper left corner; never larger than the area.
pub(super) fn part(area: Rect, x: u16, y: u16, width: u16, height: u16) -> Rect {
    Rect { x: area.x.saturating_add(x), y: area.y.saturating_add(y), width, height }.intersection(area)
}
