//! The offer to take up a session that was broken off.

use super::Display;
use super::sheet::{Sheet, run, show};
use crate::core::flow::Offer;
use ratatui::Frame;
use ratatui::layout::Rect;

pub(super) fn draw(frame: &mut Frame, area: Rect, offer: &Offer, look: Display) -> (usize, usize) {
    let theme = look.theme;
    let mut sheet = Sheet::new(area.width);
    sheet.say(look.word("An earlier session was broken off", "上次会话意外中断"), theme.title);
    sheet.gap();
    for text in offer.told() {
        sheet.hung(&[run(look.glyphs.bullet(), theme.accent)], 2, &[run(look.read(&text), theme.text)]);
    }
    sheet.gap();
    let calm = look.word(
        "The host is looked at anew either way; no old verdict is trusted. What was changed stands in the journal (J).",
        "无论如何选择，都会重新检查本机，不会沿用之前的结论。已做的更改记录在操作日志（J）中。",
    );
    sheet.say(calm, theme.dim);
    sheet.gap();
    let keys = [
        run("Enter", theme.key),
        run(look.word(" resume     ", " 继续上次会话     "), theme.text),
        run("Esc", theme.key),
        run(look.word(" start over", " 重新开始"), theme.text),
    ];
    sheet.hung(&[], 0, &keys);
    show(frame, area, sheet.lines);
    (0, 0)
}
