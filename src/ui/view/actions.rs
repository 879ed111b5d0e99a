//! The numbered list of what can be done on a page.

use super::Display;
use super::sheet::{Sheet, run};
use crate::core::flow::Session;
use crate::core::text::{pad, width};
use ratatui::text::{Line, Span};

/// The list as lines, and for each action where it begins.
pub(super) struct Listed {
    pub(super) lines: Vec<Line<'static>>,
    begins: Vec<usize>,
}

/// The page's actions; the chosen one is marked and reversed over the whole width.
pub(super) fn list(session: &Session, look: Display, cells: u16) -> Listed {
    let mut listed = Listed { lines: Vec::new(), begins: Vec::new() };
    for (number, action) in session.actions().into_iter().enumerate() {
        let is_chosen = number == session.chosen;
        let marker = if is_chosen { look.glyphs.cursor() } else { " " };
        let mut sheet = Sheet::new(cells);
        let lead = [run(marker, look.theme.text), run(format!(" {}", number + 1), look.theme.key)];
        sheet.hung(&lead, 4, &[run(look.read(&action.label()), look.theme.text)]);
        listed.begins.push(listed.lines.len());
        if is_chosen {
            let style = if session.layers.is_empty() { look.theme.selected } else { look.theme.selected_elsewhere };
            listed.lines.extend(sheet.lines.into_iter().map(|line| filled(&line, style, usize::from(cells))));
        } else {
            listed.lines.extend(sheet.lines);
        }
    }
    listed
}

/// The line in one style, over the whole width.
pub(super) fn filled(line: &Line, style: ratatui::style::Style, cells: usize) -> Line<'static> {
    let text: String = line.spans.iter().map(|span| span.content.as_ref()).collect();
    let text = if width(&text) < cells { pad(&text, cells) } else { text };
    Line::from(Span::styled(text, style))
}

impl Listed {
    /// At most `height` lines of the list, with the chosen action among them.
    pub(super) fn window(mut self, chosen: usize, height: usize) -> Vec<Line<'static>> {
        let end = self.begins.get(chosen + 1).copied().unwrap_or(self.lines.len());
        let first = end.saturating_sub(height);
        self.lines.drain(..first.min(self.lines.len()));
        self.lines.truncate(height);
        self.lines
    }
}
