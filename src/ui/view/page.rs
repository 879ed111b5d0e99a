//! How a page shares its height: the head stays, the body scrolls, the actions are always in sight.

use super::sheet::{Sheet, part, run, show, show_scrolled};
use super::{Display, actions};
use crate::core::flow::Session;
use crate::core::text::width;
use crate::say;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

/// The body gets at least this many lines before the head gives way.
const BODY: usize = 5;
/// The body gets at least this many lines before the actions are shown in part only.
const BODY_LEAST: usize = 2;

/// A page takes at least this many lines where there are so many: all of a window of 24 lines.
pub(super) const STEADY: usize = 20;

/// What a page consists of, from the top; all wrapped to the width of its area.
pub(super) struct Page {
    /// The title, one line.
    pub(super) title: Line<'static>,
    /// Left out where room is short.
    pub(super) question: Vec<Line<'static>>,
    /// The verdict; where room is very short it scrolls with the body.
    pub(super) verdict: Vec<Line<'static>>,
    pub(super) body: Vec<Line<'static>>,
}

/// A title at the left and a remark at the right, where both fit.
pub(super) fn title(cells: u16, text: &str, remark: &str, look: Display) -> Line<'static> {
    let mut sheet = Sheet::new(cells);
    sheet.line(&[run(text, look.theme.title)]);
    if width(text) + width(remark) + 2 <= usize::from(cells) {
        sheet.aside(0, remark, look.theme.dim);
    }
    sheet.lines.into_iter().next().unwrap_or_default()
}

/// Draws a page and returns the extent of its body.
pub(super) fn draw(frame: &mut Frame, area: Rect, session: &Session, page: Page, look: Display) -> (usize, usize) {
    let height = usize::from(area.height);
    let list = actions::list(session, look, area.width);
    let room = |head: usize| height.saturating_sub(head + 1 + list.lines.len());
    let Page { title, question, verdict, mut body } = page;

    // The title, the question, a blank line, the verdict, a blank line; each part only if the body keeps its room.
    let verdict_height = if verdict.is_empty() { 0 } else { verdict.len() + 1 };
    let enough = |least: usize| least.min(body.len());
    let mut head = vec![title];
    if room(2 + question.len() + verdict_height) >= enough(BODY) {
        head.extend(question);
        head.push(Line::default());
        head.extend(verdict);
        head.extend((verdict_height > 0).then(Line::default));
    } else if room(1 + verdict_height) >= enough(BODY_LEAST + 1) {
        head.extend(verdict);
        head.extend((verdict_height > 0).then(Line::default));
    } else {
        let mut joined = verdict;
        joined.append(&mut body);
        body = joined;
    }

    let least = BODY_LEAST.min(body.len());
    let list_height = list.lines.len().min(height.saturating_sub(head.len() + 1 + least));
    let list = list.window(session.chosen, list_height);
    let body_height = height.saturating_sub(head.len() + 1 + list.len());
    // The actions keep their place from page to page, for the eye and because a line that stays costs no bytes. In a
    // tall window they follow the text, so that the eye need not jump to its bottom.
    let steady = height.min(STEADY).saturating_sub(head.len() + 1 + list.len());
    let body_height = (body.len() + 1).max(steady).min(body_height);

    let mut y = 0;
    let mut take = |lines: usize| {
        let at = part(area, 0, y, area.width, lines as u16);
        y += lines as u16;
        at
    };
    let head_area = take(head.len());
    show(frame, head_area, head);
    let scroll = session.scroll.min(body.len().saturating_sub(body_height));
    leave_out_lone_heading(&mut body, scroll + body_height, look);
    let (extent, hidden) = show_scrolled(frame, take(body_height), body, scroll);
    show(frame, take(1), vec![separator(area.width, hidden, scroll > 0, look)]);
    show(frame, take(list.len()), list);
    extent
}

/// A heading whose text is out of sight says nothing; `end` is the first line below those in sight. Scrolling always
/// leaves one line in sight, so the heading comes back with its text.
pub(super) fn leave_out_lone_heading(body: &mut [Line], end: usize, look: Display) {
    let is_heading = |line: &Line| line.width() > 0 && line.spans.iter().all(|span| span.style == look.theme.heading);
    let has_text = body.get(end).is_some_and(|line| line.width() > 0);
    if has_text
        && let Some(last) = end.checked_sub(1).and_then(|last| body.get_mut(last))
        && is_heading(last)
    {
        *last = Line::default();
    }
}

/// How much of a text is out of sight, and the key that shows it; None when all is in sight.
pub(super) fn more(hidden: usize, is_scrolled: bool, look: Display) -> Option<String> {
    Some(match (hidden, is_scrolled) {
        (0, false) => return None,
        (0, true) => look.word("PgUp: back up", "PgUp：返回上方").to_string(),
        (1, _) => look.word("PgDn: 1 more line", "PgDn：还有 1 行").to_string(),
        _ => look.read(&say!("PgDn: {hidden} more lines", "PgDn：还有 {hidden} 行")).to_string(),
    })
}

/// The line above the actions. It tells how much of the text is out of sight.
fn separator(cells: u16, hidden: usize, is_scrolled: bool, look: Display) -> Line<'static> {
    let heading = look.word("What to do", "可执行的操作");
    let more = more(hidden, is_scrolled, look);
    rule(cells, heading, more.as_deref().unwrap_or_default(), look)
}

/// A line with a heading at its left end and a remark near its right end; each may be empty.
pub(super) fn rule(cells: u16, heading: &str, remark: &str, look: Display) -> Line<'static> {
    let blank = |text: &str| usize::from(!text.is_empty());
    let used = width(heading) + blank(heading) + width(remark) + 3 * blank(remark);
    let flat = |count: usize| run(look.glyphs.horizontal().repeat(count), look.theme.border);
    let space = || run(" ", look.theme.text);
    let mut runs = Vec::new();
    if !heading.is_empty() {
        runs.extend([run(heading, look.theme.heading), space()]);
    }
    runs.push(flat(usize::from(cells).saturating_sub(used)));
    if !remark.is_empty() {
        runs.extend([space(), run(remark, look.theme.accent), space(), flat(1)]);
    }
    let mut sheet = Sheet::new(cells);
    sheet.line(&runs);
    sheet.lines.into_iter().next().unwrap_or_default()
}
