//! What came of a remedy: the sentence, the backups, the journal entry, and how to take it back.

use super::Display;
use super::sheet::{Sheet, run};
use crate::core::journal::{Applied, AppliedResult};
use crate::core::remedies::{Plan, change_titles};
use crate::core::text::{Text, width};

/// The lines of an outcome. Without `applied` nothing was done, and `said` tells why; `undo` is the command that takes
/// it back, where one does.
pub(super) fn lines(
    sheet: &mut Sheet,
    plan: Option<&Plan>,
    applied: Option<&Applied>,
    undo: Option<&str>,
    (cured, said): (bool, &Text),
    look: Display,
) {
    let theme = look.theme;
    let was_applied = applied.is_none_or(|applied| applied.result == AppliedResult::Applied);
    let (sign, style) = match (cured, was_applied) {
        (true, _) => (look.glyphs.pass(), theme.pass),
        (false, true) => (look.glyphs.unknown(), theme.unknown),
        (false, false) => (look.glyphs.fail(), theme.fail),
    };
    sheet.hung(&[run(sign, style)], 2, &[run(look.read(said), theme.heading)]);
    let Some(applied) = applied else { return };

    if let (Some(plan), AppliedResult::Applied) = (plan.filter(|plan| plan.is_automatic()), &applied.result) {
        sheet.heading(look.word("Done", "已执行"), theme);
        for title in change_titles(plan, look.lang) {
            sheet.hung(&[run(look.glyphs.bullet(), theme.dim)], 2, &[run(title, theme.text)]);
        }
    }
    let mut rows = Vec::new();
    let backups = applied.backups.iter().map(|path| path.display().to_string());
    rows.extend(backups.map(|path| (look.word("Backup", "备份"), path)));
    rows.extend(applied.entry.iter().map(|entry| (look.word("Journal", "操作日志"), entry.clone())));
    let undo = undo.filter(|_| applied.entry.is_some());
    rows.extend(undo.map(|undo| (look.word("Undo later", "以后撤销"), undo.to_string())));
    let column = rows.iter().map(|(label, _)| width(label)).max().unwrap_or_default();
    sheet.gap();
    for (label, value) in rows {
        if column + 2 + width(&value) <= sheet.cells {
            sheet.hung(&[run(label, theme.dim)], column + 2, &[run(value, theme.text)]);
        } else {
            // A command is copied best in one piece.
            sheet.say(label, theme.dim);
            sheet.hung(&[], 2, &[run(value, theme.text)]);
        }
    }
}
