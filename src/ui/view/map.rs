//! The whole flowchart as a picture: every step with its verdict, where a failure leads, and the path taken.

use super::sheet::{Run, Sheet, part, run, show, show_scrolled};
use super::{Look, flowchart};
use crate::finding::{StepId, Verdict};
use crate::flow::{Place, Session};
use crate::say;
use crate::ui::Glyphs;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::symbols::line;

/// Cells inside a box: a marker, the step, a blank.
const INSIDE: usize = 25;
/// The picture in two columns of boxes needs this much.
const TWO_COLUMNS: (u16, u16) = (78, 18);
/// Steps in a column.
const COLUMN: usize = 5;

pub(super) fn draw(frame: &mut Frame, area: Rect, session: &Session, at: StepId, look: Look) -> (usize, usize) {
    let legend = legend(session, area.width, look);
    let below = (legend.height() as u16).min(area.height / 3);
    let picture = part(area, 0, 0, area.width, area.height - below);
    let extent = if area.width >= TWO_COLUMNS.0 && picture.height >= TWO_COLUMNS.1 - 1 {
        boxes(frame, picture, session, at, look);
        (0, 0)
    } else {
        column(frame, picture, session, at, look)
    };
    show(frame, part(area, 0, area.height - below, area.width, below), legend.lines);
    extent
}

/// The rule of the flowchart, and the places visited.
fn legend(session: &Session, cells: u16, look: Look) -> Sheet {
    let mut sheet = Sheet::new(cells);
    let rule = look.word(
        "fail: to the remedies, then back to the step; none left or wanted: to the ticket",
        "失败：转到修复方法，然后回到该步骤；没有可用或不需要的修复方法：转到工单",
    );
    sheet.say(rule, look.theme.dim);
    let names: Vec<String> = session
        .path
        .iter()
        .map(|place| match place {
            Place::Step(step) => (step.index() + 1).to_string(),
            Place::Ticket => look.word("ticket", "工单").to_string(),
            Place::Finish => look.word("result", "结果").to_string(),
        })
        .collect();
    // The end of a long walk matters more than its beginning.
    let last = names.len().saturating_sub(12);
    let dots = if last > 0 { "... " } else { "" };
    let path = format!("{dots}{}", names[last..].join(&format!(" {} ", look.glyphs.arrow())));
    let text = say!("Your path: {path}", "走过的路径：{path}");
    sheet.say(look.read(&text), look.theme.text);
    sheet
}

/// The signs that a picture is drawn with, beside those of a border.
struct Pen {
    right: &'static str,
    down: &'static str,
}

impl Pen {
    fn of(glyphs: Glyphs) -> Pen {
        match glyphs {
            Glyphs::Unicode => Pen { right: line::VERTICAL_RIGHT, down: line::HORIZONTAL_DOWN },
            Glyphs::UnicodeSigns | Glyphs::Ascii => {
                Pen { right: glyphs.border().top_left, down: glyphs.border().top_left }
            }
        }
    }
}

/// Two columns of boxes, joined from the foot of the first to the head of the second.
fn boxes(frame: &mut Frame, area: Rect, session: &Session, at: StepId, look: Look) {
    let half = area.width / 2;
    // A line between the boxes where the height allows it.
    let pitch = if usize::from(area.height) > COLUMN * 4 { 4 } else { 3 };
    let foot = (COLUMN * pitch - (pitch - 3)) as u16;
    for (number, steps) in StepId::ALL.chunks(COLUMN).enumerate() {
        let x = half * number as u16 + number as u16;
        let column = part(area, x, 0, half - 1, area.height);
        for (row, &step) in steps.iter().enumerate() {
            let lines = one_box(session, step, at, pitch, look);
            show(frame, part(column, 0, (row * pitch) as u16, column.width, pitch as u16), lines);
        }
    }
    let border = look.glyphs.border();
    let style = look.theme.border;
    let mut put = |x: u16, y: u16, text: String, style: Style| {
        let mut sheet = Sheet::new(area.width.saturating_sub(x));
        sheet.line(&[run(text, style)]);
        show(frame, part(area, x, y, area.width, 1), sheet.lines);
    };
    // From the fifth box along its foot and up between the columns into the sixth box.
    let gutter = half - 1;
    let centre = 1 + INSIDE as u16 / 2;
    let flat = look.glyphs.horizontal().repeat(usize::from(gutter - centre - 1));
    put(centre, foot, format!("{}{flat}{}", border.bottom_left, border.bottom_right), style);
    for y in 2..foot {
        put(gutter, y, look.glyphs.vertical().to_string(), style);
    }
    put(gutter, 1, format!("{}{}", border.top_left, look.glyphs.horizontal()), style);
    put(gutter + 1, 1, ">".to_string(), style);
    let verdict = session.verdict();
    let x = half + 1;
    let centre = x + centre;
    put(centre, foot, look.glyphs.more_below().to_string(), style);
    let word = flowchart::short_word(verdict, look);
    let result = look.word("Result", "结果");
    let text = format!("{result}  {} {word}", look.glyphs.verdict(verdict));
    put(centre + 2, foot, text, look.theme.verdict(verdict));
}

/// A step's box with its branch for failure, and a line down to the next box where the pitch leaves one.
fn one_box(session: &Session, step: StepId, at: StepId, pitch: usize, look: Look) -> Vec<ratatui::text::Line<'static>> {
    let border = look.glyphs.border();
    let pen = Pen::of(look.glyphs);
    let was_visited = session.path.contains(&Place::Step(step));
    let line = if was_visited { look.theme.border_focused } else { look.theme.border };
    let fails = session.finding(step).is_some_and(|finding| finding.verdict == Verdict::Fail);
    let flat = |count: usize| look.glyphs.horizontal().repeat(count);
    let (left, right) = (INSIDE / 2, INSIDE - INSIDE / 2 - 1);
    let mut sheet = Sheet::new(INSIDE as u16 + 14);
    let top = if step.index().is_multiple_of(COLUMN) {
        flat(INSIDE)
    } else {
        format!("{}{}{}", flat(left), look.glyphs.more_below(), flat(right))
    };
    sheet.line(&[run(format!("{}{top}{}", border.top_left, border.top_right), line)]);

    let branch = if fails { look.theme.fail } else { look.theme.border };
    let remedies = look.word("remedies", "修复");
    let mut runs = vec![run(border.vertical_left, line)];
    runs.extend(inside(session, step, at, look));
    runs.push(run(pen.right, line));
    runs.push(run(format!("> {remedies}"), branch));
    sheet.line(&runs);

    let bottom = format!("{}{}{}", flat(left), pen.down, flat(right));
    let mut runs = vec![run(format!("{}{bottom}{}", border.bottom_left, border.bottom_right), line)];
    if fails {
        let back = look.word("re-check", "重查");
        runs.push(run(format!("< {back}"), branch));
    }
    sheet.line(&runs);
    if pitch > 3 && step.index() % COLUMN + 1 < COLUMN {
        sheet.line(&[run(" ".repeat(left + 1), line), run(look.glyphs.vertical(), line)]);
    }
    sheet.lines
}

/// The inside of a box; reversed under the cursor.
fn inside(session: &Session, step: StepId, at: StepId, look: Look) -> Vec<Run> {
    let mut runs = flowchart::step_runs(session, step, look);
    if session.search.is_some() && !session.steps_left().contains(&step) {
        runs.iter_mut().for_each(|(_, style)| *style = look.theme.dim);
    }
    if step != at {
        let [name, status] = runs;
        return vec![run(" ", look.theme.text), name, status, run(" ", look.theme.text)];
    }
    let text: String = runs.iter().map(|(text, _)| text.as_str()).collect();
    vec![run(format!("{}{text} ", look.glyphs.cursor()), look.theme.selected)]
}

/// The flowchart as one column of lines, for small windows; it scrolls with the cursor.
fn column(frame: &mut Frame, area: Rect, session: &Session, at: StepId, look: Look) -> (usize, usize) {
    let steps = StepId::ALL.len();
    let has_lines = usize::from(area.height) > steps * 2;
    let mut sheet = Sheet::new(area.width);
    let mut cursor = 0;
    for &step in StepId::ALL {
        if step == at {
            cursor = sheet.height();
        }
        let fails = session.finding(step).is_some_and(|finding| finding.verdict == Verdict::Fail);
        let mut runs = inside(session, step, at, look);
        let style = if fails { look.theme.fail } else { look.theme.border };
        let flat = look.glyphs.horizontal();
        let way = if fails {
            look.word("remedies, re-check", "修复，重新检查")
        } else {
            look.word("remedies", "修复")
        };
        runs.push(run(format!("{flat}> {way}"), style));
        sheet.line(&runs);
        if has_lines {
            sheet.line(&[run("  ", look.theme.border), run(look.glyphs.vertical(), look.theme.border)]);
        }
    }
    let verdict = session.verdict();
    let word = flowchart::short_word(verdict, look);
    let text = format!("    {}  {} {word}", look.word("Result", "结果"), look.glyphs.verdict(verdict));
    sheet.line(&[run(text, look.theme.verdict(verdict))]);
    let first = (cursor + 2).saturating_sub(usize::from(area.height));
    show_scrolled(frame, area, sheet.lines, first);
    (0, 0)
}
