//! What came of a remedy: the sentence, the backups, the journal entry, and how to take it back.

use super::Look;
use super::sheet::{Sheet, run};
use crate::carry_out::{Applied, AppliedResult};
use crate::remedies::{Plan, change_titles};
use crate::text::Text;

/// The lines of an outcome. Without `applied` nothing was done, and `said` tells why; `undo` is the command that takes
/// it back, where one does.
pub(super) fn lines(
    sheet: &mut Sheet,
    plan: Option<&Plan>,
    applied: Option<&Applied>,
    undo: Option<&str>,
    (cured, said): (bool, &Text),
    look: Look,
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
    if !applied.backups.is_empty() {
        sheet.heading(look.word("Backups", "备份"), theme);
        for path in &applied.backups {
            sheet.hung(&[], 2, &[run(path.display().to_string(), theme.text)]);
        }
    }
    if let Some(entry) = &applied.entry {
        sheet.heading(look.word("Journal", "操作日志"), theme);
        sheet.hung(&[], 2, &[run(entry.clone(), theme.text)]);
        if let Some(undo) = undo {
            sheet.hung(&[], 2, &[run(look.word("undo later: ", "以后撤销："), theme.dim), run(undo, theme.text)]);
        }
    }
}
