//! The last line: the keys that work now, as many as fit; and above it the notice about what just happened.

use super::Display;
use super::sheet::{Sheet, part, run, show};
use crate::core::flow::{Binding, Command, Session};
use crate::core::text::width;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

/// A notice takes no more lines than this.
const NOTICE_LINES: usize = 3;

/// The notice as lines for a window of this width; none when nothing happened.
pub(super) fn notice(session: &Session, look: Display, cells: u16) -> Vec<Line<'static>> {
    if let Some(search) = &session.search {
        let mut sheet = Sheet::new(cells);
        let end = if search.is_typing { "_" } else { "" };
        let label = look.word("Filter: ", "筛选：");
        sheet.line(&[
            run(format!(" / {label}"), look.theme.key),
            run(format!("{}{end}", search.text), look.theme.input),
        ]);
        return sheet.lines;
    }
    let Some(notice) = &session.notice else { return Vec::new() };
    let mut sheet = Sheet::new(cells.saturating_sub(1));
    let (sign, style) = if notice.is_problem {
        (look.glyphs.warn(), look.theme.danger)
    } else {
        (look.glyphs.bullet(), look.theme.accent)
    };
    sheet.hung(&[run(format!(" {sign}"), style)], 3, &[run(look.read(&notice.text), look.theme.text)]);
    sheet.lines.truncate(NOTICE_LINES);
    sheet.lines
}

/// Draws the notice at the top of the area and the keys in its last line.
pub(super) fn draw(frame: &mut Frame, area: Rect, session: &Session, look: Display, notice: Vec<Line<'static>>) {
    let keys = part(area, 0, area.height.saturating_sub(1), area.width, 1);
    show(frame, part(area, 0, 0, area.width, area.height.saturating_sub(1)), notice);
    let bindings = session.bindings();
    let mut runs = Vec::new();
    for binding in fitting(&bindings, usize::from(area.width), look) {
        runs.push(run(if runs.is_empty() { " " } else { "   " }, look.theme.text));
        runs.push(run(binding.shown, look.theme.key));
        runs.push(run(format!(" {}", look.label(binding)), look.theme.dim));
    }
    let mut sheet = Sheet::new(area.width);
    sheet.line(&runs);
    show(frame, keys, sheet.lines);
}

/// The bindings of the footer that fit, in their order. The help (or, in a layer, the way out
/// of it) and what Enter does go last.
fn fitting<'a>(bindings: &'a [Binding], cells: usize, look: Display) -> Vec<&'a Binding> {
    let need = |binding: &Binding| width(binding.shown) + width(look.label(binding)) + 4;
    let shown: Vec<&Binding> = bindings.iter().filter(|binding| binding.in_footer).collect();
    let mut kept: Vec<bool> = vec![false; shown.len()];
    let mut room = (cells + 2).saturating_sub(1);
    let mut keep = |number: usize, kept: &mut Vec<bool>| {
        let cells = need(shown[number]);
        if cells <= room && !kept[number] {
            room -= cells;
            kept[number] = true;
        }
    };
    for last in [Command::Help, Command::Close, Command::Quit, Command::Choose] {
        // A control key works everywhere, so it goes first.
        let is_it = |binding: &&Binding| binding.command == last && !binding.shown.starts_with('^');
        if let Some(number) = shown.iter().position(is_it) {
            keep(number, &mut kept);
        }
    }
    for number in 0..shown.len() {
        keep(number, &mut kept);
    }
    shown.into_iter().zip(kept).filter(|(_, kept)| *kept).map(|(binding, _)| binding).collect()
}
