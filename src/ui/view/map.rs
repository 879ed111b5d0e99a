//! The whole flowchart as a picture: every step with its verdict, where a failure leads, and the path taken.

use super::sheet::{Run, Sheet, part, run, show, show_scrolled};
use super::{Display, flowchart};
use crate::core::finding::{StepId, Verdict};
use crate::core::flow::{Place, Session};
use crate::core::text::{pad, width as width_of};
use crate::say;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Cells inside a box: a marker, the step, a blank.
const INSIDE: usize = 25;
/// Cells of a box with its borders.
const BOX: u16 = INSIDE as u16 + 2;
/// The middle of a box, where the lines from box to box run.
const CENTRE: u16 = BOX / 2;
/// The picture in two columns of boxes needs this much.
const TWO_COLUMNS: (u16, u16) = (78, 18);
/// The picture with the ways to the result and to the ticket needs this much.
const WHOLE: (u16, u16) = (100, 26);
/// Beside a box, where the ways of a column to the ticket come together.
const GATHERED: u16 = 40;
/// Steps in a column.
const COLUMN: usize = 5;
/// Lines from box to box: without a line between them, and with one.
const DENSE: u16 = 3;
const LOOSE: u16 = 4;

pub(super) fn draw(frame: &mut Frame, area: Rect, session: &Session, at: StepId, look: Display) -> (usize, usize) {
    let legend = legend(session, area.width, look);
    let below = (legend.height() as u16).min(area.height / 3);
    let picture = part(area, 0, 0, area.width, area.height - below);
    // The legend follows the picture, so that the eye need not jump to the bottom of a tall window.
    let mut top = area.height - below;
    if area.width >= TWO_COLUMNS.0 && picture.height >= TWO_COLUMNS.1 - 1 {
        let mut canvas = Canvas { frame, area: picture, look };
        let foot = boxes(&mut canvas, session, at);
        let used = if area.width >= WHOLE.0 && picture.height >= WHOLE.1 {
            ends(&mut canvas, session, foot)
        } else {
            short_end(&mut canvas, session, foot);
            foot + 1
        };
        top = top.min(used + 1);
    } else {
        column(frame, picture, session, at, look);
    }
    show(frame, part(area, 0, top, area.width, below), legend.lines);
    (0, 0)
}

/// The rule of the flowchart, and the places visited.
fn legend(session: &Session, cells: u16, look: Display) -> Sheet {
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

/// The area of the picture, drawn on by place.
struct Canvas<'f, 'b, 'l> {
    frame: &'f mut Frame<'b>,
    area: Rect,
    look: Display<'l>,
}

impl Canvas<'_, '_, '_> {
    /// One line of text from a place to the right.
    fn put(&mut self, x: u16, y: u16, runs: &[Run]) {
        let mut sheet = Sheet::new(self.area.width.saturating_sub(x));
        sheet.line(runs);
        show(self.frame, part(self.area, x, y, self.area.width, 1), sheet.lines);
    }

    /// A vertical line; `to` is the first row without it.
    fn pillar(&mut self, x: u16, from: u16, to: u16, style: Style) {
        for y in from..to {
            self.put(x, y, &[run(self.look.glyphs.vertical(), style)]);
        }
    }

    fn flat(&self, cells: u16) -> String {
        self.look.glyphs.horizontal().repeat(usize::from(cells))
    }

    /// A box of three lines. An arrow comes in at the top, a line goes out below, as asked.
    fn frame(&mut self, x: u16, y: u16, (comes_in, goes_out): (bool, bool), style: Style, inside: Vec<Run>) {
        let glyphs = self.look.glyphs;
        let border = glyphs.border();
        let edge = |sign: &str| {
            let side = |cells| glyphs.horizontal().repeat(cells);
            let (left, right) = (INSIDE / 2, INSIDE - INSIDE / 2 - 1);
            format!("{}{sign}{}", side(left), side(right))
        };
        let top = edge(if comes_in { glyphs.more_below() } else { glyphs.horizontal() });
        let bottom = edge(if goes_out { glyphs.branch_down() } else { glyphs.horizontal() });
        self.put(x, y, &[run(format!("{}{top}{}", border.top_left, border.top_right), style)]);
        let mut runs = vec![run(border.vertical_left, style)];
        runs.extend(inside);
        runs.push(run(border.vertical_right, style));
        self.put(x, y + 1, &runs);
        self.put(x, y + 2, &[run(format!("{}{bottom}{}", border.bottom_left, border.bottom_right), style)]);
    }
}

/// The left edge of a column of boxes.
fn left_of(column: usize, width: u16) -> u16 {
    if column == 0 { 0 } else { width / 2 + 1 }
}

/// The line around a place, by whether the walk came there.
fn line_of(session: &Session, place: Place, look: Display) -> Style {
    if session.path.contains(&place) { look.theme.border_focused } else { look.theme.border }
}

/// Two columns of boxes, joined from the foot of the first to the head of the second. Returns the line of that way.
fn boxes(canvas: &mut Canvas, session: &Session, at: StepId) -> u16 {
    let (look, width) = (canvas.look, canvas.area.width);
    // A line between the boxes where the height allows it.
    let pitch = if canvas.area.height > COLUMN as u16 * LOOSE { LOOSE } else { DENSE };
    let foot = COLUMN as u16 * pitch - (pitch - DENSE);
    for (column, steps) in StepId::ALL.chunks(COLUMN).enumerate() {
        let x = left_of(column, width);
        for (row, &step) in steps.iter().enumerate() {
            let y = row as u16 * pitch;
            one_box(canvas, (x, y), session, step, at);
            if pitch > DENSE && row + 1 < COLUMN {
                canvas.pillar(x + CENTRE, y + 3, y + 4, look.theme.border);
            }
        }
    }
    // From the fifth box along its foot and up between the columns into the sixth box.
    let (border, style) = (look.glyphs.border(), look.theme.border);
    let gutter = width / 2 - 1;
    let flat = canvas.flat(gutter - CENTRE - 1);
    canvas.put(CENTRE, foot, &[run(format!("{}{flat}{}", border.bottom_left, border.bottom_right), style)]);
    canvas.pillar(gutter, 2, foot, style);
    canvas.put(gutter, 1, &[run(format!("{}{}", border.top_left, look.glyphs.head_right()), style)]);
    foot
}

/// The result in one line below the last step, where there is no room for more.
fn short_end(canvas: &mut Canvas, session: &Session, foot: u16) {
    let look = canvas.look;
    let [title, verdict] = result_runs(session, look);
    let head = run(look.glyphs.more_below(), look.theme.border);
    let text = run(format!(" {}  {}", title.0, verdict.0), verdict.1);
    canvas.put(left_of(1, canvas.area.width) + CENTRE, foot, &[head, text]);
}

/// A step's box with its branch for failure.
fn one_box(canvas: &mut Canvas, (x, y): (u16, u16), session: &Session, step: StepId, at: StepId) {
    let look = canvas.look;
    let line = line_of(session, Place::Step(step), look);
    let comes_in = !step.index().is_multiple_of(COLUMN);
    canvas.frame(x, y, (comes_in, true), line, inside(session, step, at, look));
    let fails = fails(session, step);
    let branch = if fails { look.theme.fail } else { look.theme.border };
    let remedies = look.word("remedies", "修复");
    let way = run(format!("{} {remedies}", look.glyphs.head_right()), branch);
    canvas.put(x + BOX - 1, y + 1, &[run(look.glyphs.branch_right(), line), way]);
    if fails {
        let back = look.word("re-check", "重查");
        canvas.put(x + BOX, y + 2, &[run(format!("{} {back}", look.glyphs.head_left()), branch)]);
    }
}

fn fails(session: &Session, step: StepId) -> bool {
    session.finding(step).is_some_and(|finding| finding.verdict == Verdict::Fail)
}

/// The result as the steps are written: its title and its verdict.
fn result_runs(session: &Session, look: Display) -> [Run; 2] {
    let verdict = session.verdict();
    let (title, word) = (look.word("Result", "结果"), flowchart::short_word(verdict, look));
    let sign = look.glyphs.verdict(verdict);
    [run(title, look.theme.text), run(format!("{sign} {word}"), look.theme.verdict(verdict))]
}

/// Where the walk ends: the result below the last step, and the ticket, to which the ways from all remedies lead.
/// Returns how many lines the picture takes with them; `foot` is the line below the last step.
fn ends(canvas: &mut Canvas, session: &Session, foot: u16) -> u16 {
    let (look, width) = (canvas.look, canvas.area.width);
    let (border, style) = (look.glyphs.border(), look.theme.border);
    let second = left_of(1, width);

    canvas.pillar(second + CENTRE, foot, foot + 1, style);
    let [title, verdict] = result_runs(session, look);
    let room = INSIDE - 4 - width_of(&verdict.0) - 1;
    let title = run(format!("    {}", pad(&title.0, room)), title.1);
    let inside = vec![title, verdict, run(" ", look.theme.text)];
    canvas.frame(second, foot + 1, (true, false), line_of(session, Place::Finish, look), inside);

    let ticket = foot + 4;
    let title = format!("    {}", pad(look.word("Ticket", "工单"), INSIDE - 4));
    let line = line_of(session, Place::Ticket, look);
    canvas.frame(GATHERED - CENTRE, ticket, (true, false), line, vec![run(title, look.theme.text)]);
    let way = BOX + 3 + width_of(look.word("remedies", "修复")) as u16;
    for (column, end) in [(0, ticket), (1, ticket + 1)] {
        let x = left_of(column, width);
        canvas.pillar(x + GATHERED, 2, end, style);
        for row in 0..COLUMN as u16 {
            let join = if row == 0 { border.top_right } else { look.glyphs.join_left() };
            let flat = canvas.flat(GATHERED - way);
            canvas.put(x + way, row * LOOSE + 1, &[run(format!("{flat}{join}"), style)]);
        }
    }
    canvas.put(GATHERED, foot, &[run(look.glyphs.cross(), style)]);
    let from = GATHERED + BOX - CENTRE;
    let none_left = look.word(" none left or wanted ", " 无可用修复或不需要 ");
    let cells = (second + GATHERED - from - 1).saturating_sub(width_of(none_left) as u16);
    let (before, after) = (canvas.flat(cells / 2), canvas.flat(cells - cells / 2));
    let head = look.glyphs.head_left();
    let text = format!("{head}{before}{none_left}{after}{}", border.bottom_right);
    canvas.put(from, ticket + 1, &[run(text, style)]);
    ticket + 3
}

/// The inside of a box; reversed under the cursor.
fn inside(session: &Session, step: StepId, at: StepId, look: Display) -> Vec<Run> {
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
fn column(frame: &mut Frame, area: Rect, session: &Session, at: StepId, look: Display) {
    let steps = StepId::ALL.len();
    let has_lines = usize::from(area.height) > steps * 2;
    let mut sheet = Sheet::new(area.width);
    let mut cursor = 0;
    for &step in StepId::ALL {
        if step == at {
            cursor = sheet.height();
        }
        let fails = fails(session, step);
        let mut runs = inside(session, step, at, look);
        let style = if fails { look.theme.fail } else { look.theme.border };
        let flat = look.glyphs.horizontal();
        let way = if fails {
            look.word("remedies, re-check", "修复，重新检查")
        } else {
            look.word("remedies", "修复")
        };
        runs.push(run(format!("{flat}{} {way}", look.glyphs.head_right()), style));
        sheet.line(&runs);
        if has_lines {
            sheet.line(&[run("  ", look.theme.border), run(look.glyphs.vertical(), look.theme.border)]);
        }
    }
    let [title, verdict] = result_runs(session, look);
    sheet.line(&[run(format!("     {}  {}", title.0, verdict.0), verdict.1)]);
    let first = (cursor + 2).saturating_sub(usize::from(area.height));
    show_scrolled(frame, area, sheet.lines, first);
}
