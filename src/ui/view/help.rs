//! The help: every key of the page below with what it does, and what the signs mean.

use super::sheet::{Sheet, part, run, show, show_scrolled};
use super::{Display, page, step};
use crate::core::finding::{Mark, Verdict};
use crate::core::flow::{Binding, Command, Key, Session};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

/// Cells of the column of keys.
const KEYS: usize = 10;

/// The groups of the help, in their order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    Do,
    Walk,
    Read,
    Program,
}

const GROUPS: [Group; 4] = [Group::Do, Group::Walk, Group::Read, Group::Program];

fn group(command: Command) -> Group {
    match command {
        Command::ChooseUp
        | Command::ChooseDown
        | Command::Choose
        | Command::Number(_)
        | Command::Recheck
        | Command::RecheckAll
        | Command::Tell
        | Command::NewGroup
        | Command::Undo => Group::Do,
        Command::NextStep
        | Command::PreviousStep
        | Command::FirstStep
        | Command::LastStep
        | Command::Map
        | Command::Journal
        | Command::Ticket => Group::Walk,
        Command::ScrollUp
        | Command::ScrollDown
        | Command::PageUp
        | Command::PageDown
        | Command::Top
        | Command::Bottom
        | Command::Copy
        | Command::Filter => Group::Read,
        Command::Help | Command::Language | Command::Quit | Command::Suspend | Command::Close => Group::Program,
    }
}

pub(super) fn draw(frame: &mut Frame, area: Rect, session: &Session, scroll: usize, look: Display) -> (usize, usize) {
    let mut below = session.clone();
    below.layers.pop();
    below.search = None;
    let bindings = below.bindings();
    let two_columns = area.width >= 76;
    let cells = if two_columns { area.width / 2 - 1 } else { area.width };
    let (mut keys, mut signs) = (Sheet::new(cells), Sheet::new(cells));
    for of in GROUPS {
        // Two columns are about equally long with the keys of the program above the signs.
        let sheet = if two_columns && of == Group::Program { &mut signs } else { &mut keys };
        group_lines(sheet, of, &bindings, look);
    }
    legend(&mut signs, look);
    let left = |lines: Vec<Line<'static>>| -> Vec<Line<'static>> {
        lines.into_iter().filter(|line| session.leaves(&line.to_string())).collect()
    };
    let (mut lines, signs) = (left(keys.lines), left(signs.lines));
    if two_columns {
        for (number, sign) in signs.into_iter().enumerate() {
            if lines.len() <= number {
                lines.push(Default::default());
            }
            let line = &mut lines[number];
            let blank = usize::from(area.width / 2 + 1).saturating_sub(line.width());
            line.push_span(" ".repeat(blank));
            line.spans.extend(sign.spans);
        }
    } else {
        lines.push(Default::default());
        lines.extend(signs);
    }

    let mut title = Sheet::new(area.width);
    title.line(&[run(look.word("Help", "帮助"), look.theme.title)]);
    let text_area = part(area, 0, 2, area.width, area.height.saturating_sub(2));
    let (extent, hidden) = show_scrolled(frame, text_area, lines, scroll);
    if let Some(more) = page::more(hidden, scroll > 0, look) {
        title.aside(0, &more, look.theme.accent);
    }
    show(frame, part(area, 0, 0, area.width, 1), title.lines);
    extent
}

/// A group's name and its keys; nothing where it has none.
fn group_lines(sheet: &mut Sheet, of: Group, bindings: &[Binding], look: Display) {
    let name = match of {
        Group::Do => look.word("Do", "操作"),
        Group::Walk => look.word("Walk", "浏览"),
        Group::Read => look.word("Read", "阅读"),
        Group::Program => look.word("Program", "程序"),
    };
    let of_group: Vec<&Binding> = bindings.iter().filter(|binding| group(binding.command) == of).collect();
    if of_group.is_empty() {
        return;
    }
    sheet.heading(name, look.theme);
    // What is shown alike, such as the nine digits, is one line.
    for alike in of_group.chunk_by(|one, other| one.shown == other.shown) {
        key_line(sheet, alike, look);
    }
}

/// The key as it is shown in the footer, what it does, and the other keys that do the same.
fn key_line(sheet: &mut Sheet, alike: &[&Binding], look: Display) {
    let Some(binding) = alike.first() else { return };
    let others: Vec<String> = alike
        .iter()
        .flat_map(|binding| &binding.keys)
        .filter_map(|key| match key {
            Key::Char(' ') => Some(look.word("Space", "空格").to_string()),
            Key::Char(c) if !c.is_ascii_digit() => Some(c.to_string()),
            Key::Right => Some("Right".to_string()),
            Key::Tab => Some("Tab".to_string()),
            Key::BackTab => Some("Shift-Tab".to_string()),
            Key::Esc => Some("Esc".to_string()),
            _ => None,
        })
        .filter(|name| name != binding.shown)
        .collect();
    let mut body = vec![run(look.label(binding), look.theme.text)];
    if !others.is_empty() {
        body.push(run(format!("  ({})", others.join(", ")), look.theme.dim));
    }
    sheet.hung(&[run(binding.shown, look.theme.key)], KEYS, &body);
}

/// What the signs mean.
fn legend(sheet: &mut Sheet, look: Display) {
    sheet.heading(look.word("Verdict of a step", "步骤结论"), look.theme);
    for verdict in [Verdict::Pass, Verdict::Warn, Verdict::Fail, Verdict::Unknown, Verdict::Skipped] {
        let meaning = match verdict {
            Verdict::Pass => look.word("as it should be", "正常"),
            Verdict::Warn => look.word("works, but endangers the heartbeat", "可用，但可能影响心跳"),
            Verdict::Fail => look.word("breaks the heartbeat", "导致心跳中断"),
            Verdict::Unknown => look.word("could not be determined", "未能确定"),
            Verdict::Skipped => look.word("does not apply, or was not reached", "不适用，或之前的步骤失败"),
        };
        let word = look.read(&verdict.word()).to_string();
        let lead = run(format!("{} {word}", look.glyphs.verdict(verdict)), look.theme.verdict(verdict));
        sheet.hung(&[lead], 11, &[run(meaning, look.theme.text)]);
    }
    let lead = run(format!("{} ..", look.glyphs.running()), look.theme.running);
    sheet.hung(&[lead], 11, &[run(look.word("is being looked at", "正在检查"), look.theme.text)]);
    sheet.heading(look.word("Evidence", "证据"), look.theme);
    for of in [Mark::Good, Mark::Bad, Mark::Doubtful, Mark::Unknown, Mark::Note] {
        let meaning = match of {
            Mark::Good => look.word("as expected", "符合期望"),
            Mark::Bad => look.word("not as expected", "不符合期望"),
            Mark::Doubtful => look.word("doubtful", "可疑"),
            Mark::Unknown => look.word("could not be read", "无法读取"),
            Mark::Note => look.word("a fact, neither good nor bad", "仅供参考"),
        };
        let (sign, style) = step::mark(of, look);
        sheet.hung(&[run(sign, style)], 3, &[run(meaning, look.theme.text)]);
    }
}
