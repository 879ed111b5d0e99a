//! The journal: what was changed on this host, newest first, and what the entry under the cursor did.

use super::Display;
use super::actions::filled;
use super::sheet::{Sheet, part, run, show, show_scrolled};
use crate::core::flow::{JournalLayer, Session, recorded_word, undo_command};
use crate::core::journal::{JournalEntry, Record, RecordKind, Recorded};
use crate::core::remedies;
use crate::core::text::{Text, cut, pad, printable, width};
use crate::say;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

pub(super) fn draw(
    frame: &mut Frame,
    area: Rect,
    session: &Session,
    layer: &JournalLayer,
    look: Display,
) -> (usize, usize) {
    let theme = look.theme;
    let mut head = Sheet::new(area.width);
    head.line(&[run(look.word("Journal: what was changed on this host", "操作日志：本机上的更改"), theme.title)]);
    head.lines.push(Default::default());
    let rows = session.journal_rows();
    let mut list = Sheet::new(area.width);
    let mut detail = Sheet::new(area.width);
    match (&layer.entries, rows.get(layer.chosen)) {
        (None, _) => {
            let text = look.word("Reading the journal...", "正在读取操作日志...");
            list.hung(&[run(look.glyphs.running(), theme.running)], 2, &[run(text, theme.running)]);
        }
        (Some(all), _) if all.is_empty() => {
            let text = look.word("Nothing was changed on this host.", "本机上没有任何更改记录。");
            list.say(text, theme.text);
        }
        (Some(_), None) => list.say(look.word("The filter leaves no entry.", "没有符合筛选条件的条目。"), theme.text),
        (Some(_), Some(done)) => {
            let word = |row: &JournalEntry| match session.under_way(row) {
                Some(_) => Text::fixed("under way", "执行中"),
                None => recorded_word(row.result),
            };
            let words: Vec<Text> = rows.iter().map(|row| word(row)).collect();
            let column = words.iter().map(|word| width(look.read(word))).max().unwrap_or(0);
            for (number, (row, word)) in rows.iter().zip(&words).enumerate() {
                entry(&mut list, row, &pad(look.read(word), column), number == layer.chosen, look);
            }
            details(&mut detail, done, session.demo.is_some(), look);
        }
    }
    // The list gets what it needs of the upper half, and all that the details leave.
    let room = usize::from(area.height).saturating_sub(head.height());
    let list_height = list.height().min((room / 2).max(room.saturating_sub(detail.height() + 1)));
    let first = (layer.chosen + 1).saturating_sub(list_height);
    let top = head.height() as u16;
    if list.height() > list_height {
        let (number, count) = (layer.chosen + 1, rows.len());
        let text = say!("{number} of {count}", "第 {number} 条，共 {count} 条");
        head.lines.truncate(1);
        head.aside(0, look.read(&text), theme.dim);
    }
    show(frame, part(area, 0, 0, area.width, top), head.lines);
    show_scrolled(frame, part(area, 0, top, area.width, list_height as u16), list.lines, first);
    let below = top + list_height as u16 + 1;
    let room = area.height.saturating_sub(below);
    cut_short(&mut detail, usize::from(room), look);
    show(frame, part(area, 0, below, area.width, room), detail.lines);
    (rows.len(), list_height)
}

/// Details that do not fit end with a line that says how many lines there are more.
fn cut_short(detail: &mut Sheet, room: usize, look: Display) {
    if detail.height() <= room || room == 0 {
        return;
    }
    let hidden = detail.height() - (room - 1);
    detail.lines.truncate(room - 1);
    let text =
        say!("{hidden} more lines; all: logtail-doctor journal", "还有 {hidden} 行；完整内容：logtail-doctor journal");
    detail.line(&[run(look.read(&text), look.theme.accent)]);
}

fn result_style(result: Recorded, look: Display) -> Style {
    match result {
        Recorded::Applied => look.theme.text,
        Recorded::Undone | Recorded::RolledBack => look.theme.dim,
        Recorded::Open | Recorded::LeftOver => look.theme.warn,
    }
}

/// One entry in one line: when, how it ended (as wide as all of them), what it was.
fn entry(sheet: &mut Sheet, done: &JournalEntry, result: &str, is_chosen: bool, look: Display) {
    let theme = look.theme;
    let marker = if is_chosen { look.glyphs.cursor() } else { " " };
    let id = printable(&done.id);
    let id = cut(&id, 20);
    let title = remedies::title(done.remedy);
    let mut one = Sheet::new(sheet.cells as u16);
    one.line(&[
        run(format!("{marker} {id}  "), theme.dim),
        run(format!("{result}  "), result_style(done.result, look)),
        run(look.read(&title), theme.text),
    ]);
    let line = one.lines.remove(0);
    sheet.lines.push(if is_chosen { filled(&line, theme.selected, sheet.cells) } else { line });
}

/// What an entry did, and the command that takes it back.
fn details(sheet: &mut Sheet, done: &JournalEntry, is_demo: bool, look: Display) {
    let theme = look.theme;
    sheet.heading(look.word("What it did", "更改内容"), theme);
    let is_kept = done.result.has_backups() && !done.pruned;
    for record in &done.records {
        let (verb, what) = recorded(record, look);
        let lead = run(format!("{} {verb}", look.glyphs.bullet()), theme.dim);
        let hang = width(&lead.0) + 1;
        sheet.hung(&[lead], hang, &[run(what, theme.text)]);
        if let Some(backup) = record.backup.as_ref().filter(|_| is_kept) {
            let word = look.word("backup: ", "备份：");
            let body = [run(word, theme.dim), run(backup.display().to_string(), theme.dim)];
            sheet.hung(&[], 2, &body);
        }
    }
    sheet.gap();
    let actor = &done.actor;
    if is_demo || !done.can_be_taken_back() {
        // No command reaches the simulated host, which is gone by then, and none takes back what does not stand.
        let by = say!("by {actor}", "操作者：{actor}");
        return sheet.hung(&[], 0, &[run(look.read(&by), theme.dim)]);
    }
    let by = say!("by {actor}; undo: ", "操作者：{actor}；撤销：");
    sheet.hung(
        &[],
        0,
        &[run(look.read(&by), theme.dim), run(undo_command(&done.id, done.remedy, done.is_roots), theme.text)],
    );
}

/// One recorded change: what was done, and to what.
fn recorded(record: &Record, look: Display) -> (&'static str, String) {
    let path = record.path.display().to_string();
    match &record.kind {
        RecordKind::Write => (look.word("wrote", "写入"), path),
        RecordKind::Remove => (look.word("removed", "删除"), path),
        RecordKind::RenameTo(to) => {
            (look.word("renamed", "重命名"), format!("{path} {} {}", look.glyphs.arrow(), to.display()))
        }
        RecordKind::MakeDir => (look.word("made", "创建目录"), path),
        RecordKind::RemoveDir => (look.word("removed", "删除目录"), path),
        RecordKind::PutGroup { .. } => (look.word("edited", "修改"), path),
        RecordKind::MakeGroup { .. } => (look.word("created", "创建"), path),
        RecordKind::RemoveGroup { .. } => (look.word("removed", "删除"), path),
        RecordKind::Run(argv) => (look.word("ran", "执行"), remedies::shell_line(argv)),
    }
}
