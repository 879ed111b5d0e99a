//! A step's page: its question, its verdict in one sentence, the causes, the evidence.

use super::page::{self, Page};
use super::sheet::{Sheet, run};
use super::{Display, flowchart};
use crate::core::finding::{Cause, Evidence, Finding, Mark, Severity, StepId};
use crate::core::flow::Session;
use crate::core::text::{Text, printable_block, width};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// The column of labels is at most this wide.
const LABEL: usize = 22;
/// The same in a narrow page, where a longer label stands above its value.
const LABEL_NARROW: usize = 12;

pub(super) fn draw(frame: &mut Frame, area: Rect, session: &Session, step: StepId, look: Display) -> (usize, usize) {
    let number = step.index() + 1;
    let name = step.title();
    let remark = match step.seed_section() {
        Some(section) => look.read(&crate::say!("document, section {section}", "文档第 {section} 节")).to_string(),
        None => String::new(),
    };
    let title = page::title(area.width, &format!("{number}. {}", look.read(&name)), &remark, look);
    let mut question = Sheet::new(area.width);
    question.say(look.read(&step.question()), look.theme.dim);
    let mut verdict = Sheet::new(area.width);
    let mut body = Sheet::new(area.width);
    match session.finding(step) {
        None => {
            let looking = look.word("Looking...", "正在检查...");
            verdict.hung(&[run(look.glyphs.running(), look.theme.running)], 2, &[run(looking, look.theme.running)]);
        }
        Some(finding) => {
            verdict_lines(&mut verdict, session, finding, look);
            if let (StepId::Heartbeat, Some(demo)) = (step, &session.demo) {
                verdict.say(look.read(&demo.console()), look.theme.accent);
            }
            causes(&mut body, finding, look);
            evidence(&mut body, &finding.evidence, look);
            wants(&mut body, finding, look);
        }
    }
    let page = Page { title, question: question.lines, verdict: verdict.lines, body: body.lines };
    page::draw(frame, area, session, page, look)
}

/// The word and the sentence.
fn verdict_lines(sheet: &mut Sheet, session: &Session, finding: &Finding, look: Display) {
    let verdict = finding.verdict;
    let (sign, _, style) = flowchart::status(session, finding.step, look);
    let hang = judged(sheet, (sign, look.read(&verdict.word()), style), look.read(&finding.summary), look);
    if session.steps.get(&finding.step).is_some_and(|view| view.is_open) {
        let again = look.word("It is being checked again...", "正在重新检查...");
        sheet.hung(&[], hang, &[run(again, look.theme.dim)]);
    }
}

/// A verdict's sign and word, and the sentence beside them. Returns how far the sentence is indented.
pub(super) fn judged(
    sheet: &mut Sheet,
    (sign, word, style): (&str, &str, Style),
    sentence: &str,
    look: Display,
) -> usize {
    let sentence = run(sentence, look.theme.text);
    if sheet.is_narrow() {
        sheet.hung(&[run(sign, style)], 2, &[run(word, style), run("  ", look.theme.text), sentence]);
        return 2;
    }
    let head = format!("{sign} {word}");
    let hang = width(&head) + 2;
    sheet.hung(&[run(head, style)], hang, &[sentence]);
    hang
}

/// What is wrong, each with why it breaks the heartbeat.
fn causes(sheet: &mut Sheet, finding: &Finding, look: Display) {
    for Cause { id, severity, detail, why, explained_by, .. } in &finding.causes {
        let (sign, style) = match severity {
            Severity::Fail => (look.glyphs.fail(), look.theme.fail),
            Severity::Warn => (look.glyphs.warn(), look.theme.warn),
            Severity::Unknown => (look.glyphs.unknown(), look.theme.unknown),
        };
        let id = match explained_by {
            Some(root) => {
                let follows = crate::say!("follows from {}", "起因 {}", root.id());
                format!("[{}, {}]", id.id(), look.read(&follows))
            }
            None => format!("[{}]", id.id()),
        };
        if *detail == finding.summary {
            // The verdict has just said it; the reason follows at once.
            let why = format!("{}  ", look.read(why));
            sheet.hung(&[run(sign, style)], 2, &[run(why, look.theme.text), run(id, look.theme.dim)]);
            sheet.gap();
            continue;
        }
        let detail = format!("{}  ", look.read(detail));
        sheet.hung(&[run(sign, style)], 2, &[run(detail, look.theme.text), run(id, look.theme.dim)]);
        if !why.is_empty() {
            sheet.hung(&[], 2, &[run(look.read(why), look.theme.dim)]);
        }
        sheet.gap();
    }
}

/// The sign and style of a row of evidence.
pub(super) fn mark(mark: Mark, look: Display) -> (&'static str, Style) {
    match mark {
        Mark::Good => (look.glyphs.pass(), look.theme.pass),
        Mark::Bad => (look.glyphs.fail(), look.theme.fail),
        Mark::Doubtful => (look.glyphs.warn(), look.theme.warn),
        Mark::Unknown => (look.glyphs.unknown(), look.theme.unknown),
        Mark::Note => (look.glyphs.bullet(), look.theme.dim),
    }
}

/// The table of what was read. Where it was read stands at the right of the value, or below it all; never at the right
/// of what is expected, which would then seem to come from there.
fn evidence(sheet: &mut Sheet, rows: &[Evidence], look: Display) {
    if rows.is_empty() {
        return;
    }
    sheet.heading(look.word("Evidence", "证据"), look.theme);
    let is_narrow = sheet.is_narrow();
    let most = if is_narrow { LABEL_NARROW } else { LABEL };
    let labels = rows.iter().map(|row| width(look.read(&row.label)));
    let column = labels.filter(|cells| *cells <= most).max().unwrap_or_default();
    for row in rows {
        let (sign, style) = mark(row.mark, look);
        let label = look.read(&row.label);
        let is_beside = width(label) <= column;
        let hang = if is_beside || !(is_narrow || column == 0) { column + 4 } else { 4 };
        let mut lines = printable_block(look.read(&row.value)).into_iter();
        let (first, value_style) = match lines.next() {
            Some(first) if row.mark == Mark::Bad => (first, look.theme.heading),
            Some(first) => (first, look.theme.text),
            None => (look.word("(empty)", "（空）").to_string(), look.theme.dim),
        };
        let top = if is_beside {
            let top = sheet.height();
            let lead = [run(sign, style), run(" ", look.theme.text), run(label, look.theme.dim)];
            sheet.hung(&lead, hang, &[run(first, value_style)]);
            top
        } else {
            // A long label, such as an endpoint's address, has a line of its own.
            sheet.hung(&[run(sign, style)], 2, &[run(label, look.theme.dim)]);
            let top = sheet.height();
            sheet.hung(&[], hang, &[run(first, value_style)]);
            top
        };
        let place = row.place().map(|place| look.read(place));
        let below = place.filter(|place| !sheet.aside_of(top, place, look.theme.dim));
        for line in lines {
            sheet.hung(&[], hang, &[run(line, value_style)]);
        }
        if let Some(expected) = row.expected.as_ref().filter(|expected| **expected != row.value) {
            let word = look.word("expected: ", "期望：");
            let body = [run(word, look.theme.dim), run(look.read(expected), look.theme.text)];
            sheet.hung(&[], hang, &body);
        }
        if let Some(place) = below {
            from(sheet, hang, place, look);
        }
    }
}

/// Where a row was read, on a line of its own. A path or command is read, and copied, best in one piece: where there is
/// no room for that, the indentation gives way, then the word before it.
fn from(sheet: &mut Sheet, hang: usize, source: &str, look: Display) {
    let word = look.word("from: ", "来源：");
    let whole = width(word) + width(source);
    let first = width(word) + source.split(' ').next().map_or(0, width);
    let hang = if whole + hang > sheet.cells { 4 } else { hang };
    let word = if first + hang > sheet.cells { "" } else { word };
    sheet.hung(&[], hang, &[run(word, look.theme.dim), run(source, look.theme.dim)]);
}

/// What the operator could tell to make the verdict exact.
fn wants(sheet: &mut Sheet, finding: &Finding, look: Display) {
    if finding.wants.is_empty() {
        return;
    }
    sheet.heading(look.word("Only you can know", "需要您提供的信息"), look.theme);
    for field in &finding.wants {
        let label: Text = field.label();
        let hint: Text = field.hint();
        let body = [
            run(look.read(&label), look.theme.text),
            run("  ", look.theme.text),
            run(look.read(&hint), look.theme.dim),
        ];
        sheet.hung(&[run(look.glyphs.bullet(), look.theme.dim)], 2, &body);
    }
}
