//! The offer to take up a session that was broken off.

use super::Look;
use super::sheet::{Sheet, run, show};
use crate::flow::{Offer, Place};
use crate::remedies;
use crate::say;
use crate::text::{Lang, Text};
use ratatui::Frame;
use ratatui::layout::Rect;

pub(super) fn draw(frame: &mut Frame, area: Rect, offer: &Offer, look: Look) -> (usize, usize) {
    let theme = look.theme;
    let mut sheet = Sheet::new(area.width);
    sheet.say(look.word("An earlier session was broken off", "上次会话意外中断"), theme.title);
    sheet.gap();
    let at = &offer.stopped_at;
    let text = match offer.session.place {
        Place::Step(step) => {
            let (number, title) = (step.index() + 1, step.title());
            let (en, zh) = (title.get(Lang::En), title.get(Lang::Zh));
            Text::filled(
                format!("A session from {at} stopped at step {number}, {en}."),
                format!("{at} 的会话停在第 {number} 步（{zh}）。"),
            )
        }
        Place::Ticket => say!("A session from {at} stopped at the support ticket.", "{at} 的会话停在工单页面。"),
        Place::Finish => say!("A session from {at} stopped at the result.", "{at} 的会话停在结果页面。"),
    };
    sheet.hung(&[run(look.glyphs.bullet(), theme.accent)], 2, &[run(look.read(&text), theme.text)]);
    if let Some(remedy) = offer.session.pending {
        let title = remedies::title(remedy);
        let (en, zh) = (title.get(Lang::En), title.get(Lang::Zh));
        let text = Text::filled(
            format!("On screen was: {en}. It is planned anew."),
            format!("当时正在处理：{zh}。将重新生成预览。"),
        );
        sheet.hung(&[run(look.glyphs.bullet(), theme.accent)], 2, &[run(look.read(&text), theme.text)]);
    }
    for remedy in &offer.session.owed_restart {
        let title = remedies::title(*remedy);
        let (en, zh) = (title.get(Lang::En), title.get(Lang::Zh));
        let text =
            Text::filled(format!("A restart is owed after: {en}."), format!("以下更改尚待重启 Agent 后生效：{zh}。"));
        sheet.hung(&[run(look.glyphs.warn(), theme.warn)], 2, &[run(look.read(&text), theme.text)]);
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
