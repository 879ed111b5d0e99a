//! The flowchart as a column beside the page, and as one line where there is no room for a column.

use super::Display;
use super::sheet::{Run, Sheet, run, show};
use crate::core::finding::{StepId, Verdict};
use crate::core::flow::{Place, Session};
use crate::core::text::{pad, width};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Cells of the column: marker, number, title, sign and word.
pub(super) const WIDTH: u16 = 25;
/// Cells of the longest title, in English.
const TITLE: usize = 13;
/// Cells of a verdict's short word.
const WORD: usize = 4;

/// The verdict in four cells.
pub(super) fn short_word(verdict: Verdict, look: Display) -> &'static str {
    match verdict {
        Verdict::Pass => look.word("PASS", "通过"),
        Verdict::Warn => look.word("WARN", "警告"),
        Verdict::Fail => look.word("FAIL", "失败"),
        Verdict::Unknown => look.word("UNKN", "未知"),
        Verdict::Skipped => look.word("SKIP", "跳过"),
    }
}

/// The sign and the short word of a step. A step that is looked at again keeps its word, with another sign.
pub(super) fn status(session: &Session, step: StepId, look: Display) -> (&'static str, &'static str, Style) {
    let is_open = session.steps.get(&step).is_none_or(|view| view.is_open);
    match session.finding(step).map(|finding| finding.verdict) {
        None if is_open => (look.glyphs.running(), "..", look.theme.running),
        None => (look.glyphs.pending(), "", look.theme.dim),
        Some(verdict) if is_open => (look.glyphs.running(), short_word(verdict, look), look.theme.running),
        Some(verdict) => (look.glyphs.verdict(verdict), short_word(verdict, look), look.theme.verdict(verdict)),
    }
}

/// `10 Heartbeat     x FAIL` as runs, always equally wide.
pub(super) fn step_runs(session: &Session, step: StepId, look: Display) -> [Run; 2] {
    let (sign, word, style) = status(session, step, look);
    let number = step.index() + 1;
    let title = pad(look.read(&step.title()), TITLE);
    [run(format!("{number:>2} {title} "), look.theme.text), run(format!("{sign} {}", pad(word, WORD)), style)]
}

/// The column.
pub(super) fn draw(frame: &mut Frame, area: Rect, session: &Session, look: Display) {
    let steps = StepId::ALL.len();
    let rows = usize::from(area.height);
    // Lines between the steps where they fit: the steps, one line below each, and the two places after them.
    let has_lines = rows >= steps * 2 + 2;
    let mut sheet = Sheet::new(area.width);
    for &step in StepId::ALL {
        row(&mut sheet, session, Place::Step(step), &step_runs(session, step, look), look);
        if has_lines && step.index() + 1 < steps {
            sheet.line(&[run("  ", look.theme.dim), run(look.glyphs.vertical(), look.theme.dim)]);
        }
    }
    if rows > sheet.height() + 2 {
        sheet.lines.push(Default::default());
    }
    let verdict = session.verdict();
    let told = if session.is_looking() && verdict != Verdict::Fail {
        run(look.glyphs.running().to_string() + " ..", look.theme.running)
    } else {
        let sign = look.glyphs.verdict(verdict);
        run(format!("{sign} {}", short_word(verdict, look)), look.theme.verdict(verdict))
    };
    let title = |en, zh| run(format!("   {} ", pad(look.word(en, zh), TITLE)), look.theme.text);
    row(&mut sheet, session, Place::Finish, &[title("Result", "结果"), told], look);
    row(&mut sheet, session, Place::Ticket, &[title("Ticket", "工单")], look);
    show(frame, area, sheet.lines);
}

/// One row, with the marker when the operator is there. The verdict keeps its own look under the cursor.
fn row(sheet: &mut Sheet, session: &Session, place: Place, runs: &[Run], look: Display) {
    let is_here = session.place == place;
    let marker = if is_here { look.glyphs.cursor() } else { " " };
    let mut all = vec![run(marker, look.theme.text)];
    all.extend_from_slice(runs);
    if is_here {
        let style = if session.layers.is_empty() { look.theme.selected } else { look.theme.selected_elsewhere };
        all.iter_mut().take(2).for_each(|(_, own)| *own = style);
    }
    sheet.line(&all);
}

/// All steps in one line: number and sign, the current one in brackets.
pub(super) fn draw_line(frame: &mut Frame, area: Rect, session: &Session, look: Display) {
    let mut runs = Vec::new();
    for &step in StepId::ALL {
        let (sign, _, style) = status(session, step, look);
        let number = step.index() + 1;
        if session.place == Place::Step(step) {
            runs.push(run(format!("[{number}{sign}]"), look.theme.selected));
        } else {
            runs.push(run(format!(" {number}{sign}"), style));
        }
    }
    // In a very narrow window the steps before the current one give way.
    let current = match session.place {
        Place::Step(step) => step.index(),
        Place::Ticket | Place::Finish => runs.len(),
    };
    let mut first = 0;
    let cells = |runs: &[Run]| runs.iter().map(|(text, _)| width(text)).sum::<usize>();
    while first < current && cells(&runs[first..(current + 1).min(runs.len())]) > usize::from(area.width) {
        first += 1;
    }
    let mut sheet = Sheet::new(area.width);
    sheet.line(&runs[first..]);
    show(frame, area, sheet.lines);
}

/// The line below the header, with a branch where the divider leaves it.
pub(super) fn rule(frame: &mut Frame, area: Rect, branch: Option<u16>, look: Display) {
    let tee = look.glyphs.branch_down();
    let flat = |cells: u16| look.glyphs.horizontal().repeat(usize::from(cells));
    let text = match branch {
        Some(at) if at < area.width => flat(at) + tee + &flat(area.width - at - 1),
        _ => flat(area.width),
    };
    let mut sheet = Sheet::new(area.width);
    sheet.line(&[run(text, look.theme.border)]);
    show(frame, area, sheet.lines);
}

/// The line between the flowchart and the content.
pub(super) fn divider(frame: &mut Frame, area: Rect, look: Display) {
    let mut sheet = Sheet::new(area.width);
    for _ in 0..area.height {
        sheet.line(&[run(look.glyphs.vertical(), look.theme.border)]);
    }
    show(frame, area, sheet.lines);
}
