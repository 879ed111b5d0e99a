//! The question before quitting: what would be left behind.

use super::sheet::{Sheet, part, run, show};
use super::{Display, result};
use crate::core::flow::Session;
use crate::core::text::width;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::widgets::{Block, Clear};

/// The widest that the question gets.
const WIDEST: u16 = 60;

/// Draws the question over the middle of the screen.
pub(super) fn draw(frame: &mut Frame, area: Rect, session: &Session, look: Display) {
    let theme = look.theme;
    let cells = WIDEST.min(area.width);
    let mut sheet = Sheet::new(cells.saturating_sub(4));
    sheet.say(look.word("Quit now?", "现在退出吗？"), theme.title);
    sheet.gap();
    if session.is_changing() {
        let text = look.word(
            "A remedy is being applied. It is finished first; its effect is then not verified.",
            "正在执行修复。程序会先完成该修复，但不再验证效果。",
        );
        sheet.hung(&[run(look.glyphs.warn(), theme.warn)], 2, &[run(text, theme.text)]);
        sheet.gap();
    }
    if !session.owed_restart.is_empty() {
        result::owed(&mut sheet, session, look);
        sheet.gap();
    }
    let keys = [
        run("Enter", theme.key),
        run(look.word(" quit     ", " 退出     "), theme.text),
        run("Esc", theme.key),
        run(look.word(" stay", " 留下"), theme.text),
    ];
    sheet.hung(&[], 0, &keys);

    let height = (sheet.height() as u16 + 2).min(area.height);
    let window = part(area, (area.width - cells) / 2, (area.height - height) / 2, cells, height);
    part_wide_characters(frame, window);
    frame.render_widget(Clear, window);
    let border = Block::bordered().border_set(look.glyphs.border()).border_style(theme.border_focused);
    frame.render_widget(border, window);
    show(frame, part(window, 2, 1, cells.saturating_sub(4), height.saturating_sub(2)), sheet.lines);
}

/// A character two cells wide whose right half the window covers would be drawn over the window's edge: it gives way.
fn part_wide_characters(frame: &mut Frame, window: Rect) {
    let Some(x) = window.x.checked_sub(1) else { return };
    for y in window.top()..window.bottom() {
        if let Some(cell) = frame.buffer_mut().cell_mut((x, y)).filter(|cell| width(cell.symbol()) > 1) {
            cell.set_symbol(" ");
        }
    }
}
