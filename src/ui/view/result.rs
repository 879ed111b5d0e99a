//! The end of the walk: the verdict of the whole, the steps that need a hand, what this session changed, the others.

use super::page::{self, Page};
use super::sheet::{Run, Sheet, run};
use super::{Display, flowchart, step, wrap};
use crate::core::checks::root;
use crate::core::finding::{StepId, Verdict};
use crate::core::flow::{Session, undo_command};
use crate::core::remedies;
use crate::core::text::{Text, pad, printable, width};
use crate::say;
use ratatui::Frame;
use ratatui::layout::Rect;

/// The verdict of the whole as one sentence.
pub(super) fn sentence(session: &Session) -> Text {
    if let Some((step, cause)) = session.root().filter(|_| session.stopped_at().is_some()) {
        return root::sentence(step, cause);
    }
    if let Some(step) = session.stopped_at() {
        let number = step.index() + 1;
        let title = step.title();
        let (en, zh) = (title.get(crate::core::text::Lang::En), title.get(crate::core::text::Lang::Zh));
        return Text::filled(
            format!("The heartbeat is stopped at step {number}, {en}."),
            format!("心跳在第 {number} 步（{zh}）中断。"),
        );
    }
    match session.verdict() {
        Verdict::Pass => Text::fixed("Every step passes.", "所有步骤均已通过。"),
        Verdict::Warn => {
            Text::fixed("Nothing fails; some steps deserve attention.", "没有失败的步骤，但有需要注意的问题。")
        }
        Verdict::Skipped | Verdict::Unknown | Verdict::Fail => Text::fixed(
            "Nothing fails, but not everything could be determined.",
            "没有失败的步骤，但部分内容未能确定。",
        ),
    }
}

pub(super) fn draw(frame: &mut Frame, area: Rect, session: &Session, look: Display) -> (usize, usize) {
    let theme = look.theme;
    let title = page::title(area.width, look.word("Result", "结果"), "", look);
    let mut verdict = Sheet::new(area.width);
    if session.is_looking() {
        let text = look.word("Still looking...", "仍在检查...");
        verdict.hung(&[run(look.glyphs.running(), theme.running)], 2, &[run(text, theme.running)]);
    } else {
        let worst = session.verdict();
        let (word, sentence) = (worst.word(), sentence(session));
        let told = (look.glyphs.verdict(worst), look.read(&word), theme.verdict(worst));
        step::judged(&mut verdict, told, look.read(&sentence), look);
    }
    let mut body = Sheet::new(area.width);
    // Once all is known, what needs a hand comes first and in full. Until then every step keeps its place.
    let mut troubles: Vec<StepId> = Vec::new();
    if !session.is_looking() {
        troubles.extend(StepId::ALL.iter().filter(|step| trouble(session, **step).is_some()));
        troubles.sort_by_key(|step| trouble(session, *step));
    }
    for step in &troubles {
        step_lines(&mut body, session, *step, look);
    }
    if !session.owed_restart.is_empty() {
        body.heading(look.word("Restart owed", "待执行的重启"), theme);
        owed(&mut body, session, look);
    }
    changed(&mut body, session, look);
    body.gap();
    for step in StepId::ALL.iter().filter(|step| !troubles.contains(step)) {
        step_line(&mut body, session, *step, look);
    }
    let page = Page { title, question: Vec::new(), verdict: verdict.lines, body: body.lines };
    page::draw(frame, area, session, page, look)
}

/// How urgent a step is, the smallest first; None where there is nothing to do.
fn trouble(session: &Session, step: StepId) -> Option<u8> {
    match session.finding(step)?.verdict {
        Verdict::Fail => Some(0),
        Verdict::Unknown => Some(1),
        Verdict::Warn => Some(2),
        Verdict::Pass | Verdict::Skipped => None,
    }
}

/// The number of a step, its verdict in its style, and what was found.
fn told(session: &Session, step: StepId, look: Display) -> ([Run; 2], String) {
    let (sign, word, style) = flowchart::status(session, step, look);
    let number = step.index() + 1;
    let text = match session.finding(step) {
        Some(finding) => look.read(&finding.summary).to_string(),
        None => look.read(&step.title()).to_string(),
    };
    ([run(format!("{number:>2} "), look.theme.text), run(format!("{sign} {}", pad(word, 4)), style)], text)
}

/// One step with all that its summary says.
fn step_lines(sheet: &mut Sheet, session: &Session, step: StepId, look: Display) {
    let ([number, verdict], text) = told(session, step, look);
    let hang = width(&number.0);
    if sheet.is_narrow() {
        return sheet.hung(&[number], hang, &[verdict, run(" ", look.theme.text), run(text, look.theme.text)]);
    }
    let hang = hang + width(&verdict.0) + 1;
    sheet.hung(&[number, verdict], hang, &[run(text, look.theme.text)]);
}

/// One step in one line: what does not fit ends at a word.
fn step_line(sheet: &mut Sheet, session: &Session, step: StepId, look: Display) {
    let ([number, verdict], text) = told(session, step, look);
    let text = printable(&text).into_owned();
    let room = sheet.cells.saturating_sub(width(&number.0) + width(&verdict.0) + 1);
    let whole = wrap::wrap(&text, room);
    let shown = match whole.as_slice() {
        [] | [_] => text,
        _ => {
            let first = wrap::wrap(&text, room.saturating_sub(1)).into_iter().next().unwrap_or_default();
            format!("{}{}", &text[first], look.glyphs.ellipsis())
        }
    };
    sheet.line(&[number, verdict, run(" ", look.theme.text), run(shown, look.theme.text)]);
}

/// What was changed in this session, and how to take it back.
fn changed(sheet: &mut Sheet, session: &Session, look: Display) {
    let theme = look.theme;
    if session.done.is_empty() {
        return;
    }
    sheet.heading(look.word("Changed in this session", "本次会话所做的更改"), theme);
    for (remedy, entry, cured) in &session.done {
        let (sign, style) =
            if *cured { (look.glyphs.pass(), theme.pass) } else { (look.glyphs.unknown(), theme.unknown) };
        let state = if *cured { look.word("cured", "已修复") } else { look.word("not proved", "效果未确认") };
        let body = [run(look.read(&remedies::title(*remedy)), theme.text), run(format!("  {state}"), style)];
        sheet.hung(&[run(sign, style)], 2, &body);
        if let (Some(entry), None) = (entry, &session.demo) {
            let text = say!("undo: {}", "撤销：{}", undo_command(entry, *remedy, false));
            sheet.hung(&[], 2, &[run(look.read(&text), theme.dim)]);
        }
    }
}

/// The remedies whose edits wait for the restart.
pub(super) fn owed(sheet: &mut Sheet, session: &Session, look: Display) {
    let text = look.word("These changes take effect when the agent is restarted:", "以下更改在 Agent 重启后生效：");
    sheet.say(text, look.theme.text);
    for remedy in &session.owed_restart {
        let title = remedies::title(*remedy);
        sheet.hung(&[run(look.glyphs.warn(), look.theme.warn)], 2, &[run(look.read(&title), look.theme.text)]);
    }
}
