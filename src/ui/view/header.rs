//! The first line: on which host and as whom we are, always; and what else fits.

use super::Display;
use super::sheet::{Sheet, run, show};
use crate::core::flow::Session;
use crate::core::text::{cut, printable, width};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// One piece of the header; the smaller the rank, the longer it stays in a narrow window.
struct Mark {
    rank: u8,
    text: String,
    style: Style,
    is_right: bool,
}

pub(super) fn draw(frame: &mut Frame, area: Rect, session: &Session, look: Display) {
    let cells = usize::from(area.width).saturating_sub(2);
    let mut marks = marks(session, look, cells);
    let taken = |marks: &[Mark]| marks.iter().map(|mark| width(&mark.text) + 3).sum::<usize>();
    while marks.len() > 1 && taken(&marks) > cells + 3 {
        let last = marks.iter().map(|mark| mark.rank).max();
        marks.retain(|mark| Some(mark.rank) != last);
    }
    let gap = cells + 3 - taken(&marks).min(cells + 3);
    let mut runs = vec![run(" ", look.theme.text)];
    let mut gap = Some(gap);
    for (number, mark) in marks.iter().enumerate() {
        if mark.is_right
            && let Some(gap) = gap.take()
        {
            runs.push(run(" ".repeat(gap), look.theme.text));
        }
        if number > 0 {
            runs.push(run("   ", look.theme.text));
        }
        runs.push(run(mark.text.clone(), mark.style));
    }
    let mut sheet = Sheet::new(area.width);
    sheet.line(&runs);
    show(frame, area, sheet.lines);
}

fn marks(session: &Session, look: Display, cells: usize) -> Vec<Mark> {
    let theme = look.theme;
    let mut marks = vec![Mark { rank: 7, text: "logtail-doctor".into(), style: theme.title, is_right: false }];
    let mut left = |rank, text: String, style| marks.push(Mark { rank, text, style, is_right: false });
    if let Some(demo) = &session.demo {
        left(1, look.word("DEMO (simulated host)", "演示（模拟主机）").into(), theme.accent);
        let (en, zh) = match demo.console_ok {
            true => ("console: OK", "控制台：OK"),
            false => ("console: FAIL", "控制台：FAIL"),
        };
        left(4, look.word(en, zh).into(), theme.text);
    }
    match &session.identity {
        Some(identity) => {
            let (host, user) = (identity.hostname.printable(), identity.user.printable());
            // A long host name gives way, so that the user stays in sight.
            let user = cut(&user, (cells / 3).max(8)).into_owned();
            let host = cut(&host, cells.saturating_sub(width(&user) + 1)).into_owned();
            left(0, format!("{user}@{host}"), theme.title);
            match (session.read_only, identity.privileged) {
                (true, _) => left(2, look.word("READ-ONLY", "只读").into(), theme.accent),
                (false, true) => left(2, look.word("as root", "以 root 运行").into(), theme.text),
                (false, false) => left(2, look.word("not root", "非 root").into(), theme.accent),
            }
        }
        None => {
            left(0, look.word("looking at this host...", "正在读取本机信息...").into(), theme.dim);
            if session.read_only {
                left(2, look.word("READ-ONLY", "只读").into(), theme.accent);
            }
        }
    }
    if !session.owed_restart.is_empty() {
        left(3, look.word("! restart owed", "! 待重启").into(), theme.warn);
    }
    let mut right = |rank, text: String| marks.push(Mark { rank, text, style: theme.dim, is_right: true });
    if let Some(agent) = &session.agent {
        right(6, cut(&printable(agent), 28).into_owned());
    }
    right(5, look.word("EN", "中文").into());
    marks
}
