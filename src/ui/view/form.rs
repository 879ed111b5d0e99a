//! A form: one field a line, what is wrong with it in the line below, choices where there are any, one button.

use super::Display;
use super::actions::filled;
use super::sheet::{Sheet, part, run, show};
use crate::core::finding::RemedyId;
use crate::core::flow::{Form, Row};
use crate::core::text::{pad, printable, width};
use crate::say;
use ratatui::Frame;
use ratatui::layout::{Position, Rect};

/// At most this many choices are listed at once.
const CHOICES: usize = 6;
/// The column of labels is at most this wide.
const LABEL: usize = 24;

/// Draws the form and puts the terminal's cursor into the focused field. `remedy` is what the values are for.
pub(super) fn draw(
    frame: &mut Frame,
    area: Rect,
    form: &Form,
    remedy: Option<RemedyId>,
    look: Display,
) -> (usize, usize) {
    let theme = look.theme;
    let mut head = Sheet::new(area.width);
    head.say(look.read(&form.title), theme.title);
    if let Some(remedy) = remedy {
        let text = look.word("These values are needed first. ", "请先填写以下信息。");
        let id = format!("[{}]", remedy.id());
        head.hung(&[], 0, &[run(text, theme.dim), run(id, theme.dim)]);
    }
    head.gap();
    if usize::from(area.height) < head.height() + 6 {
        head.lines.truncate(1);
    }

    let longest = form.rows.iter().map(|row| width(look.read(&row.input.label()))).max().unwrap_or(0);
    let label = longest.min(LABEL).min(usize::from(area.width) / 2);
    let mut rows = Sheet::new(area.width);
    let mut focus = 0..0;
    let mut cursor = None;
    let mut starts = Vec::new();
    for (number, row) in form.rows.iter().enumerate() {
        let start = rows.height();
        starts.push(start);
        let has_focus = number == form.focus;
        let column = field(&mut rows, row, label, has_focus, look);
        if has_focus {
            cursor = Some((column, start));
            choices(&mut rows, row, label + 4, look);
            focus = start..rows.height();
        }
    }
    rows.gap();
    let on_button = form.focus >= form.rows.len();
    let marker = if on_button { look.glyphs.cursor() } else { " " };
    let style = if on_button { theme.selected } else { theme.key };
    let button = look.word("[ Use these ]", "[ 使用以上信息 ]");
    rows.line(&[run(format!("{marker} "), theme.text), run(button, style)]);
    if on_button {
        focus = rows.height() - 1..rows.height();
    }

    let top = head.height() as u16;
    let body = part(area, 0, top, area.width, area.height.saturating_sub(top));
    let height = usize::from(body.height);
    // The focused field with its list in sight; of both, the field matters more. The first line in sight begins a field:
    // what is said below a field is not understood without it.
    let first = focus.end.saturating_sub(height).min(focus.start);
    let first = starts.into_iter().find(|start| *start >= first && *start <= focus.start).unwrap_or(first);
    let hidden = rows.height().saturating_sub(first + height);
    if (first > 0 || hidden > 0) && top > 1 {
        let text = match (first, hidden) {
            (0, _) => say!("more lines: {hidden} below", "下方还有 {hidden} 行"),
            (_, 0) => say!("more lines: {first} above", "上方还有 {first} 行"),
            _ => say!("more lines: {first} above, {hidden} below", "上方还有 {first} 行，下方还有 {hidden} 行"),
        };
        head.aside(0, look.read(&text), theme.accent);
    }
    head.lines.truncate(usize::from(top));
    show(frame, part(area, 0, 0, area.width, top), head.lines);
    show(frame, body, rows.lines.into_iter().skip(first).take(height).collect());
    if let Some((column, line)) = cursor
        && line >= first
        && line - first < height
        && column < usize::from(body.width)
    {
        frame.set_cursor_position(Position::new(body.x + column as u16, body.y + (line - first) as u16));
    }
    (0, 0)
}

/// One field with its error or hint below. Returns the column of the cursor.
fn field(sheet: &mut Sheet, row: &Row, label: usize, has_focus: bool, look: Display) -> usize {
    let theme = look.theme;
    let marker = if has_focus { look.glyphs.cursor() } else { " " };
    let name = pad(look.read(&row.input.label()), label);
    let left = label + 4;
    let room = sheet.cells.saturating_sub(left + 1).max(1);
    let (text, at) = visible(row.edit.value(), row.edit.cursor(), room);
    let name_style = if has_focus { theme.heading } else { theme.text };
    let mut runs = vec![run(format!("{marker} "), theme.text), run(format!("{name}  "), name_style)];
    let blank = if has_focus || text.is_empty() { room.min(40).saturating_sub(width(&text)) } else { 0 };
    runs.push(run(text, if has_focus { theme.input } else { theme.text }));
    if blank > 0 {
        // A field is seen without colour and without underline, too.
        let (fill, style) = if has_focus { ("_", theme.dim) } else { (".", theme.dim) };
        runs.push(run(fill.repeat(if has_focus { blank } else { 3.min(blank) }), style));
    }
    sheet.line(&runs);
    if let Some(error) = &row.error {
        let lead = run(format!("{} ", look.glyphs.fail()), theme.fail);
        let start = sheet.height();
        let mut below = Sheet::new(sheet.cells.saturating_sub(left) as u16);
        below.hung(&[lead], 2, &[run(look.read(error), theme.fail)]);
        sheet.lines.extend(below.lines);
        indent(sheet, start, left);
    }
    if has_focus {
        sheet.hung(&[], left, &[run(look.read(&row.input.hint()), theme.dim)]);
    }
    left + at
}

/// Moves the lines from `start` on to the right.
fn indent(sheet: &mut Sheet, start: usize, cells: usize) {
    for line in sheet.lines.iter_mut().skip(start) {
        line.spans.insert(0, " ".repeat(cells).into());
    }
}

/// The part of a value around its cursor that fits into `room` cells, and the cursor's cell in it.
fn visible(value: &str, cursor: usize, room: usize) -> (String, usize) {
    // Stand-ins replace characters one by one, so the cursor counts the same in both.
    let chars: Vec<char> = printable(value).chars().collect();
    let cells = |part: &[char]| width(&part.iter().collect::<String>());
    let cursor = cursor.min(chars.len());
    let mut first = 0;
    while first < cursor && cells(&chars[first..cursor]) >= room {
        first += 1;
    }
    let mut end = cursor;
    while end < chars.len() && cells(&chars[first..=end]) < room {
        end += 1;
    }
    (chars[first..end].iter().collect(), cells(&chars[first..cursor]))
}

/// The choices that match, around the picked one.
fn choices(sheet: &mut Sheet, row: &Row, left: usize, look: Display) {
    if !row.has_choices() {
        return;
    }
    let theme = look.theme;
    let matching = row.matching();
    let count = matching.len();
    let first = row.picked.unwrap_or(0).saturating_sub(CHOICES / 2).min(count.saturating_sub(CHOICES));
    let column = matching.iter().map(|choice| width(&choice.value)).max().unwrap_or(0);
    for (number, choice) in matching.iter().enumerate().skip(first).take(CHOICES) {
        let is_picked = row.picked == Some(number);
        let marker = if is_picked { look.glyphs.cursor() } else { " " };
        let mut one = Sheet::new(sheet.cells.saturating_sub(left) as u16);
        let value = pad(&choice.value, column);
        one.line(&[run(format!("{marker} {value}  "), theme.text), run(look.read(&choice.label), theme.dim)]);
        let start = sheet.height();
        let room = one.cells;
        let lines =
            one.lines.into_iter().map(|line| if is_picked { filled(&line, theme.selected, room) } else { line });
        sheet.lines.extend(lines);
        indent(sheet, start, left);
    }
    if count > CHOICES {
        let text = match row.picked {
            Some(at) => {
                let number = at + 1;
                say!("{number} of {count}; type to filter", "第 {number} 项，共 {count} 项；输入以筛选")
            }
            None => say!("{count} in all; type to filter", "共 {count} 项；输入以筛选"),
        };
        sheet.hung(&[], left, &[run(look.read(&text), theme.dim)]);
    }
    sheet.gap();
}
