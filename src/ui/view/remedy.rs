//! A remedy on screen, up to its proof: the preview with its buttons, the changes being made, the wait for the proof.
//! What came of it is drawn by `outcome`.

use super::sheet::{Sheet, part, run, show, show_scrolled};
use super::{Display, form, outcome, page, watch};
use crate::core::finding::StepId;
use crate::core::flow::{Button, Layer, RemedyLayer, Session, Stage, Way};
use crate::core::journal::ChangeState;
use crate::core::observe::LiveLine;
use crate::core::remedies::{self, Plan, PreviewLine, PreviewMark, change_titles, preview};
use crate::core::text::{Text, cut, printable_block, width};
use crate::say;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use std::time::Duration;

/// Draws the remedy on top and returns the extent of its text.
pub(super) fn draw(frame: &mut Frame, area: Rect, session: &mut Session, look: Display) -> (usize, usize) {
    let buttons = session.buttons();
    let previous = session.extent;
    let Some(layer) = remedy_of(session) else { return (0, 0) };
    let mut body = Sheet::new(area.width);
    let (mut follows, mut least) = (false, 0);
    match &layer.stage {
        Stage::Asking(form) => return form::draw(frame, area, form, Some(layer.remedy), look),
        Stage::Planning => {
            let text = look.word("Looking at what it would change...", "正在确定需要更改的内容...");
            body.hung(&[run(look.glyphs.running(), look.theme.running)], 2, &[run(text, look.theme.running)]);
            let calm = look
                .word("Nothing is changed before you have seen it and agreed.", "在您查看并确认之前，不会做任何更改。");
            body.hung(&[], 2, &[run(calm, look.theme.dim)]);
        }
        Stage::Preview { plan } => {
            preview_lines(&mut body, session, plan, true, look);
            if buttons.get(layer.focus) == Some(&Button::ApplyOnly) {
                // The buttons stay where they are while the operator goes from one to the other.
                least = body.height();
                body.lines.clear();
                preview_lines(&mut body, session, plan, false, look);
            }
        }
        Stage::Applying { plan, states, output } => {
            changes(&mut body, plan, states, look);
            live(&mut body, output, look);
            follows = true;
        }
        Stage::Verifying { plan, output, seconds_left, .. } => {
            awaited(&mut body, plan, *seconds_left, look);
            watch::chart(&mut body, &session.pulses, area.height, look);
            live(&mut body, output, look);
            follows = true;
        }
        Stage::Outcome { plan, applied, output, cured, said } => {
            let undo = session.undo_later();
            outcome::lines(&mut body, plan.as_deref(), applied.as_ref(), undo.as_deref(), (*cured, said), look);
            live(&mut body, output, look);
        }
    }
    let title = title(layer, look);
    let (focus, mut scroll) = (layer.focus, layer.scroll);
    let row = button_rows(&buttons, focus, area.width, look);
    let text_area = frame_of(area, row.len(), body.height().max(least));
    let height = usize::from(text_area.height);
    if follows {
        // The newest line stays in sight until the operator scrolls away from it.
        let was_at_end = scroll >= previous.0.saturating_sub(previous.1);
        if was_at_end {
            scroll = body.height().saturating_sub(height);
            keep_scroll(session, scroll);
        }
    }
    let first = scroll.min(body.height().saturating_sub(height));
    page::leave_out_lone_heading(&mut body.lines, first + height, look);
    let (extent, hidden) = show_scrolled(frame, text_area, body.lines, scroll);
    let more = page::more(hidden, scroll > 0, look);
    // Without a line of its own below the text, the mark stands in the title's.
    let (above, below) = if is_tight(area) { (more, None) } else { (None, more) };
    show(frame, part(area, 0, 0, area.width, 1), vec![head(title, above, area.width, look)]);
    let mut y = text_area.bottom() - area.y;
    if !is_tight(area) {
        if !row.is_empty() || below.is_some() {
            let rule = page::rule(area.width, "", below.as_deref().unwrap_or_default(), look);
            show(frame, part(area, 0, y, area.width, 1), vec![rule]);
        }
        y += 1;
    }
    show(frame, part(area, 0, y, area.width, row.len() as u16), row);
    extent
}

/// Whether every line is needed for the text.
fn is_tight(area: Rect) -> bool {
    area.height < 10
}

fn remedy_of(session: &Session) -> Option<&RemedyLayer> {
    session.layers.iter().rev().find_map(|layer| match layer {
        Layer::Remedy(layer) => Some(layer.as_ref()),
        _ => None,
    })
}

fn keep_scroll(session: &mut Session, scroll: usize) {
    for layer in session.layers.iter_mut().rev() {
        if let Layer::Remedy(layer) = layer {
            layer.scroll = scroll;
            return;
        }
    }
}

/// The area of a text of so many lines: below the title and a blank line, above the buttons and the line that tells
/// what is hidden. As on a page, the buttons keep their place in a small window and follow the text in a tall one.
fn frame_of(area: Rect, buttons: usize, lines: usize) -> Rect {
    let is_tight = is_tight(area);
    let top = if is_tight { 1 } else { 2 };
    let around = top + buttons + usize::from(!is_tight);
    let most = usize::from(area.height).saturating_sub(around);
    let steady = usize::from(area.height).min(page::STEADY).saturating_sub(around);
    part(area, 0, top as u16, area.width, (lines + 1).max(steady).min(most) as u16)
}

/// What is on screen: the remedy and where it stands.
fn title(layer: &RemedyLayer, look: Display) -> (String, &'static str) {
    let name = remedies::title(layer.remedy);
    let name = look.read(&name);
    let name =
        if layer.is_undo { look.read(&say!("Undo: {name}", "撤销：{name}")).to_string() } else { name.to_string() };
    let stage = match &layer.stage {
        Stage::Asking(_) => look.word("values", "填写"),
        Stage::Planning => look.word("planning", "准备"),
        Stage::Preview { plan } if !plan.is_automatic() => look.word("to be done by hand", "需手动完成"),
        Stage::Preview { .. } => look.word("preview: nothing is changed yet", "预览：尚未做任何更改"),
        Stage::Applying { .. } => look.word("applying", "执行中"),
        Stage::Verifying { .. } => look.word("verifying", "验证中"),
        Stage::Outcome { .. } => look.word("outcome", "结果"),
    };
    (name, stage)
}

/// The title at the left; at the right how much is hidden, or the stage.
fn head((name, stage): (String, &'static str), more: Option<String>, cells: u16, look: Display) -> Line<'static> {
    let mut sheet = Sheet::new(cells);
    // That there is more to read must be told; a long title gives way to it.
    let (name, remark, style) = match more {
        Some(more) => (cut(&name, sheet.cells.saturating_sub(width(&more) + 2)).into_owned(), more, look.theme.accent),
        None => (name, stage.to_string(), look.theme.dim),
    };
    sheet.line(&[run(name, look.theme.title)]);
    // Where the whole remark has no room, its first word does.
    let short = remark.split([':', '\u{ff1a}']).next().unwrap_or_default();
    if !sheet.aside_of(0, &remark, style) {
        sheet.aside_of(0, short, style);
    }
    sheet.lines.into_iter().next().unwrap_or_default()
}

/// What there is to know before the consent: who may do it and how, and the plan.
fn preview_lines(sheet: &mut Sheet, session: &Session, plan: &Plan, with_restart: bool, look: Display) {
    if plan.is_automatic() && session.way_for(plan) == Way::Never {
        who_may(sheet, session, plan, look);
    }
    if plan.is_automatic() && matches!(session.way_for(plan), Way::Sudo(_)) {
        let text = look.word(
            "You are not root: this runs through sudo, which may ask for your password.",
            "当前不是 root：将通过 sudo 执行，可能需要输入密码。",
        );
        sheet.say(text, look.theme.accent);
        sheet.gap();
    }
    plan_lines(sheet, plan, with_restart, look);
}

/// The plan: why, every change with its diff or command, manual steps, cautions.
fn plan_lines(sheet: &mut Sheet, plan: &Plan, with_restart: bool, look: Display) {
    for (number, PreviewLine { mark, text }) in preview(plan, with_restart, look.lang).into_iter().enumerate() {
        let theme = look.theme;
        let is_body = text.starts_with("   ");
        match mark {
            PreviewMark::Heading => {
                sheet.gap();
                let hang = text.find(". ").filter(|at| *at <= 3).map_or(0, |at| at + 2);
                let (lead, body) = text.split_at(hang);
                sheet.hung(&[run(lead, theme.heading)], hang, &[run(body, theme.heading)]);
            }
            PreviewMark::Added => sheet.exact(&[], 3, &[run(text.trim_start(), theme.added)]),
            PreviewMark::Removed => sheet.exact(&[], 3, &[run(text.trim_start(), theme.removed)]),
            PreviewMark::Command => sheet.hung(&[], 3, &[run(text.trim_start(), theme.accent)]),
            PreviewMark::Caution => {
                sheet.gap();
                sheet.hung(&[run(look.glyphs.warn(), theme.danger)], 2, &[run(text, theme.text)]);
            }
            PreviewMark::Plain if is_body => sheet.exact(&[], 3, &[run(text.get(3..).unwrap_or_default(), theme.dim)]),
            PreviewMark::Plain if number == 0 => sheet.say(&text, theme.text),
            PreviewMark::Plain => sheet.hung(&[run(look.glyphs.bullet(), theme.dim)], 2, &[run(text, theme.text)]),
        }
    }
}

/// Why there is no button for it, and the command that does it elsewhere.
fn who_may(sheet: &mut Sheet, session: &Session, plan: &Plan, look: Display) {
    let text: Text = if session.read_only {
        Text::fixed(
            "This session is read-only: it shows remedies and runs none. This command carries it out:",
            "当前为只读模式，只显示修复方法而不执行。可使用以下命令执行：",
        )
    } else {
        Text::fixed(
            "This change needs root, and you are not root here. This command carries it out:",
            "此更改需要 root 权限，当前用户不是 root。可使用以下命令执行：",
        )
    };
    sheet.hung(&[run(look.glyphs.bullet(), look.theme.accent)], 2, &[run(look.read(&text), look.theme.text)]);
    sheet.gap();
    sheet.hung(&[], 3, &[run(session.command_of_plan(plan), look.theme.heading)]);
    sheet.gap();
}

/// Every change with its state.
fn changes(sheet: &mut Sheet, plan: &Plan, states: &[ChangeState], look: Display) {
    let theme = look.theme;
    for (title, state) in change_titles(plan, look.lang).into_iter().zip(states) {
        let (sign, word, style) = match state {
            ChangeState::Waiting => (look.glyphs.pending(), look.word("waits", "等待"), theme.dim),
            ChangeState::Running => (look.glyphs.running(), look.word("under way", "执行中"), theme.running),
            ChangeState::Done => (look.glyphs.pass(), look.word("done", "完成"), theme.pass),
            ChangeState::Already => (look.glyphs.pass(), look.word("was so already", "已是如此"), theme.pass),
            ChangeState::Failed(_) => (look.glyphs.fail(), look.word("failed", "失败"), theme.fail),
            ChangeState::RolledBack => (look.glyphs.skipped(), look.word("taken back", "已回退"), theme.warn),
        };
        sheet.hung(&[run(sign, style)], 2, &[run(title, theme.text)]);
        sheet.aside(2, word, style);
        if let ChangeState::Failed(why) = state {
            sheet.hung(&[], 2, &[run(look.read(why), theme.fail)]);
        }
    }
}

/// What the proof is, and how long it may still take.
fn awaited(sheet: &mut Sheet, plan: &Plan, seconds_left: u64, look: Display) {
    let theme = look.theme;
    let applied = match plan.is_automatic() {
        true => look.word("Applied. Now the proof.", "已执行，正在验证效果。"),
        false => look.word("Done by hand. Now the proof.", "已手动完成，正在验证效果。"),
    };
    sheet.hung(&[run(look.glyphs.pass(), theme.pass)], 2, &[run(applied, theme.text)]);
    let step = plan.verify.title();
    let step = look.read(&step);
    let number = plan.verify.index() + 1;
    let text = match plan.verify {
        StepId::Heartbeat => Text::fixed(
            "The service is asked every few seconds; only a heartbeat newer than the change counts.",
            "每隔几秒访问一次服务端；只有更改之后的心跳才算数。",
        ),
        _ => say!(
            "Step {number}, {step}, is checked every second until it holds.",
            "每秒重新检查第 {number} 步（{step}），直到通过。"
        ),
    };
    sheet.hung(&[run(look.glyphs.running(), theme.running)], 2, &[run(look.read(&text), theme.text)]);
    if plan.starts_agent(true) {
        let text = Text::fixed(
            "The agent was started: it counts as running once the same worker has lived for 15 s and has written its record.",
            "已启动 Agent：同一工作进程持续运行 15 秒并写入记录后，才算启动成功。",
        );
        sheet.hung(&[], 2, &[run(look.read(&text), theme.text)]);
    }
    let whole = plan.patience_for(true).max(Duration::from_secs(seconds_left));
    watch::countdown(sheet, seconds_left, whole, look);
    let calm = look.word(
        "The agent and the service need time to notice a change; nothing is wrong while this waits.",
        "Agent 和服务端需要一些时间才能感知更改，等待属于正常现象。",
    );
    sheet.hung(&[], 2, &[run(calm, theme.dim)]);
}

/// What commands printed.
fn live(sheet: &mut Sheet, output: &[LiveLine], look: Display) {
    if output.is_empty() {
        return;
    }
    sheet.heading(look.word("Output", "输出"), look.theme);
    for line in output {
        let (sign, style) = if line.is_error { ("!", look.theme.warn) } else { ("|", look.theme.dim) };
        for text in printable_block(&line.text) {
            sheet.exact(&[run(sign, style)], 2, &[run(text, look.theme.text)]);
        }
    }
}

/// The buttons in as many lines as they need; the focused one is marked and reversed.
fn button_rows(buttons: &[Button], focus: usize, cells: u16, look: Display) -> Vec<Line<'static>> {
    let mut sheet = Sheet::new(cells);
    let mut runs = Vec::new();
    let mut used = 0;
    for (number, button) in buttons.iter().enumerate() {
        let label = button.label();
        let (marker, style) =
            if number == focus { (look.glyphs.cursor(), look.theme.selected) } else { (" ", look.theme.key) };
        let text = format!("[ {} ]", look.read(&label));
        let need = width(&text) + 3;
        if used > 0 && used + need > usize::from(cells) {
            sheet.line(&runs);
            runs.clear();
            used = 0;
        }
        runs.extend([run(marker, look.theme.text), run(text, style), run("  ", look.theme.text)]);
        used += need;
    }
    if !runs.is_empty() {
        sheet.line(&runs);
    }
    sheet.lines
}
