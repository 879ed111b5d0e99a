//! Watching for the heartbeat: the countdown, and how old the heartbeat was at every look, as a small chart. It ends in
//! green only when a heartbeat newer than the cure has come.

use super::Display;
use super::sheet::{Sheet, part, run, show};
use crate::core::checks::age_text;
use crate::core::flow::{HeartbeatAge, Session, WatchLayer};
use crate::core::service::heartbeat::{ALIVE_S, POLL_AT_MOST};
use crate::core::text::{Text, width};
use crate::say;
use ratatui::Frame;
use ratatui::layout::Rect;
use std::time::Duration;

/// The chart is at most so many looks wide.
const WIDEST: usize = 60;
/// The chart is so many lines high, and so many in an area of at least so many lines.
const HEIGHT: usize = 4;
const TALL: (usize, u16) = (8, 30);

pub(super) fn draw(
    frame: &mut Frame,
    area: Rect,
    session: &Session,
    layer: &WatchLayer,
    look: Display,
) -> (usize, usize) {
    let theme = look.theme;
    let mut sheet = Sheet::new(area.width);
    sheet.line(&[run(look.word("Watching for the heartbeat", "等待并观察心跳"), theme.title)]);
    sheet.lines.push(Default::default());
    match (layer.ended, layer.asks_service) {
        (Some(true), _) => {
            let text = look.word(
                "Proven: a heartbeat newer than the last change has arrived.",
                "已验证：已收到最近一次更改之后的心跳。",
            );
            sheet.hung(&[run(look.glyphs.pass(), theme.pass)], 2, &[run(text, theme.pass)]);
        }
        (Some(false), true) => {
            let text = look.word(
                "Not proven yet: no heartbeat newer than the last change has come in this time.",
                "尚未验证：在此期间没有收到最近一次更改之后的心跳。",
            );
            sheet.hung(&[run(look.glyphs.unknown(), theme.unknown)], 2, &[run(text, theme.heading)]);
        }
        (None, true) => {
            let text = look.word(
                "The service is asked every few seconds. Only a heartbeat newer than the last change counts.",
                "每隔几秒访问一次服务端。只有最近一次更改之后的心跳才算数。",
            );
            sheet.hung(&[run(look.glyphs.running(), theme.running)], 2, &[run(text, theme.text)]);
            countdown(&mut sheet, layer.seconds_left, POLL_AT_MOST, look);
        }
        (_, false) => {
            in_the_console(&mut sheet, session, look);
            if layer.ended.is_none() {
                sheet.gap();
                countdown(&mut sheet, layer.seconds_left, POLL_AT_MOST, look);
            }
        }
    }
    if let (true, Some(demo)) = (!layer.asks_service, &session.demo) {
        sheet.gap();
        sheet.say(look.read(&demo.console()), theme.accent);
    }
    chart(&mut sheet, &session.pulses, area.height, look);
    show(frame, part(area, 0, 0, area.width, area.height), sheet.lines);
    (0, 0)
}

/// How long the wait still lasts, of so long at most, in words and as a bar.
pub(super) fn countdown(sheet: &mut Sheet, seconds_left: u64, at_most: Duration, look: Display) {
    let total = at_most.as_secs().max(1);
    let cells = sheet.cells.saturating_sub(2).min(30);
    let gone = total.saturating_sub(seconds_left).min(total);
    let full = usize::try_from(gone).unwrap_or(0) * cells / usize::try_from(total).unwrap_or(1);
    let text = say!("At most {seconds_left} s more.", "最多再等待 {seconds_left} 秒。");
    sheet.hung(&[], 2, &[run(look.read(&text), look.theme.heading)]);
    let bar = format!("[{}{}]", "=".repeat(full), " ".repeat(cells.saturating_sub(full)));
    sheet.exact(&[], 2, &[run(bar, look.theme.running)]);
}

/// What to look at where the service cannot be asked.
fn in_the_console(sheet: &mut Sheet, session: &Session, look: Display) {
    for text in console_steps(session) {
        sheet.hung(&[run(look.glyphs.bullet(), look.theme.dim)], 2, &[run(look.read(&text), look.theme.text)]);
    }
}

/// Where the console shows the heartbeat, when, and what to answer.
pub(in crate::ui) fn console_steps(session: &Session) -> [Text; 4] {
    let project = session.context.project.clone().unwrap_or_else(|| "...".to_string());
    let group = session.context.machine_group.clone().unwrap_or_else(|| "...".to_string());
    [
        Text::fixed(
            "There is no key to ask the service with, so only you can see the heartbeat.",
            "没有可用于访问服务端的 AccessKey，只有您能看到心跳。",
        ),
        say!(
            "Console of Simple Log Service, project {project}: Resources > Machine Groups > {group}, machine status.",
            "日志服务控制台，Project {project}：资源 > 机器组 > {group}，查看机器组状态。"
        ),
        Text::fixed(
            "Look again after one minute, after a new installation after two.",
            "一分钟后再看；如果是新安装，两分钟后再看。",
        ),
        Text::fixed("Then say what it shows: 1 for OK, 2 for FAIL.", "然后告知显示的结果：1 表示 OK，2 表示 FAIL。"),
    ]
}

/// The age of the heartbeat at every look, the newest at the right; below it the newest in words.
/// `room` is the height of the area that it is drawn in.
pub(super) fn chart(sheet: &mut Sheet, pulses: &[HeartbeatAge], room: u16, look: Display) {
    let theme = look.theme;
    let Some(newest) = pulses.last() else { return };
    sheet.heading(look.word("Age of the last heartbeat, look by look", "最近一次心跳距今的时间（逐次查看）"), theme);
    let oldest = pulses.iter().flatten().copied().max().unwrap_or(0).max(ALIVE_S / 2);
    let (top, bottom) = (age_text(oldest), Text::same("0"));
    let label = width(look.read(&top)).max(1);
    let columns = sheet.cells.saturating_sub(label + 4).clamp(1, WIDEST);
    let shown = pulses.get(pulses.len().saturating_sub(columns)..).unwrap_or_default();
    let height = if room >= TALL.1 { TALL.0 } else { HEIGHT };
    for row in (0..height).rev() {
        let name = match row {
            0 => look.read(&bottom),
            row if row == height - 1 => look.read(&top),
            _ => "",
        };
        let bars: String = shown.iter().map(|pulse| look.glyphs.bar(eighths(*pulse, oldest, row, height))).collect();
        let bars = if row > 0 { bars } else { absent(&bars, shown, look) };
        sheet.line(&[
            run(format!("{}{name} ", " ".repeat(label.saturating_sub(width(name)))), theme.dim),
            run(look.glyphs.vertical(), theme.dim),
            run(bars, theme.accent),
        ]);
    }
    let text = match newest {
        Some(age) => {
            let age = age_text(*age);
            let (en, zh) = age.both();
            Text::filled(format!("Now: {en} old."), format!("当前：{zh}前。"))
        }
        None => Text::fixed("Now: the service knows of none.", "当前：服务端没有收到心跳。"),
    };
    sheet.say(look.read(&text), theme.text);
}

/// How much of a row's cell a bar fills, in eighths, in a chart of so many rows.
fn eighths(pulse: HeartbeatAge, oldest: i64, row: usize, rows: usize) -> usize {
    let Some(age) = pulse else { return 0 };
    let full = rows as i64 * 8;
    // Also the youngest heartbeat is to be seen.
    let height = (age.clamp(0, oldest) * full / oldest.max(1)).max(1);
    usize::try_from(height - row as i64 * 8).unwrap_or(0).min(8)
}

/// The lowest row, with a sign where there was no heartbeat at all.
fn absent(bars: &str, shown: &[HeartbeatAge], look: Display) -> String {
    let signs = bars.chars().zip(shown);
    signs
        .map(|(bar, pulse)| if pulse.is_some() { bar.to_string() } else { look.glyphs.skipped().to_string() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_grows_with_the_age_and_none_is_no_bar() {
        for rows in [HEIGHT, TALL.0] {
            let height = |pulse| (0..rows).map(|row| eighths(pulse, 120, row, rows)).sum::<usize>();
            assert_eq!(height(None), 0);
            assert_eq!(height(Some(0)), 1);
            assert_eq!(height(Some(60)), rows * 4);
            assert_eq!(height(Some(120)), rows * 8);
            assert_eq!(height(Some(i64::MAX / 100)), rows * 8);
        }
    }
}
