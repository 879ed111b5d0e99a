//! The question about a change that was broken off.

use super::Display;
use super::actions::filled;
use super::sheet::{Sheet, run, show};
use crate::core::flow::{BrokenOff, Mending};
use ratatui::Frame;
use ratatui::layout::Rect;

pub(super) fn draw(frame: &mut Frame, area: Rect, broken: &BrokenOff, look: Display) -> (usize, usize) {
    let theme = look.theme;
    let mut sheet = Sheet::new(area.width);
    sheet.say(look.word("A change was broken off", "有一项更改被中断"), theme.title);
    sheet.gap();
    for text in broken.told() {
        sheet.hung(&[run(look.glyphs.bullet(), theme.accent)], 2, &[run(look.read(&text), theme.text)]);
    }
    sheet.gap();
    let calm = look.word(
        "Each file is either as it was or as it was to be; nothing is changed before a preview.",
        "每个文件要么保持原样，要么已完成更改；预览之前不会再做任何更改。",
    );
    sheet.say(calm, theme.dim);
    sheet.gap();
    for (number, mending) in Mending::ALL.into_iter().enumerate() {
        let is_chosen = number == broken.chosen;
        let marker = if is_chosen { look.glyphs.cursor() } else { " " };
        let mut choice = Sheet::new(area.width);
        let lead = [run(marker, theme.text), run(format!(" {}", number + 1), theme.key)];
        choice.hung(&lead, 4, &[run(look.read(&mending.label()), theme.text)]);
        let lines = choice.lines.into_iter();
        sheet.lines.extend(lines.map(|line| if is_chosen { filled(&line, theme.selected, sheet.cells) } else { line }));
    }
    show(frame, area, sheet.lines);
    (0, 0)
}
