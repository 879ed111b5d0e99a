//! The machine groups of the project, to choose one: what each identifies by, how long its list is, and whether this host
//! is in it. Only the lines that fit are made, because a project may have a thousand groups.

use super::Display;
use super::actions::filled;
use super::sheet::{Sheet, part, run, show};
use crate::core::checks::{About, ListedGroup};
use crate::core::context::IdentityKind;
use crate::core::flow::{GroupLayer, Session};
use crate::core::text::{Text, cut, pad, printable, width};
use crate::say;
use ratatui::Frame;
use ratatui::layout::Rect;

/// The column of names is at most this wide.
const NAME: usize = 40;

pub(super) fn draw(
    frame: &mut Frame,
    area: Rect,
    session: &Session,
    layer: &GroupLayer,
    look: Display,
) -> (usize, usize) {
    let theme = look.theme;
    let rows = session.group_rows();
    let mut head = Sheet::new(area.width);
    head.line(&[run(look.word("Machine groups of the project", "Project 中的机器组"), theme.title)]);
    let mut body = Sheet::new(area.width);
    let mut room = usize::from(area.height).saturating_sub(2);
    match &layer.groups {
        None => {
            let text = look.word("Asking the service...", "正在访问服务端...");
            body.hung(&[run(look.glyphs.running(), theme.running)], 2, &[run(text, theme.running)]);
        }
        Some(Err(why)) => body.hung(&[run(look.glyphs.fail(), theme.fail)], 2, &[run(look.read(why), theme.text)]),
        Some(Ok(all)) if all.is_empty() => {
            let text = look.word("The project has no machine group yet.", "该 Project 中还没有机器组。");
            body.say(text, theme.text);
        }
        Some(Ok(all)) => {
            let (number, count, total) = (layer.chosen + 1, rows.len(), all.len());
            let text = match (rows.is_empty(), count == total) {
                (true, _) => say!("none of {total}", "共 {total} 个，无匹配"),
                (false, true) => say!("{number} of {count}", "第 {number} 个，共 {count} 个"),
                (false, false) => {
                    say!("{number} of {count} (all: {total})", "第 {number} 个，匹配 {count} 个（共 {total} 个）")
                }
            };
            head.aside(0, look.read(&text), theme.dim);
            if rows.is_empty() {
                body.say(look.word("The filter leaves no group.", "没有符合筛选条件的机器组。"), theme.text);
            }
            let hint = hint(area.width, rows.iter().any(|group| has_this_host(group)), look);
            room = room.saturating_sub(hint.height() + 1);
            let first = (layer.chosen + 1).saturating_sub(room.max(1)).max(layer.chosen.saturating_sub(room / 2));
            let first = first.min(count.saturating_sub(room));
            let longest = rows.iter().skip(first).take(room).map(|group| width(&printable(&group.name))).max();
            let column = longest.unwrap_or(0).min(NAME).min(usize::from(area.width) / 2);
            for (at, group) in rows.iter().enumerate().skip(first).take(room) {
                line(&mut body, group, column, at == layer.chosen, look);
            }
            body.gap();
            body.lines.extend(hint.lines);
        }
    }
    head.lines.truncate(1);
    show(frame, part(area, 0, 0, area.width, 1), head.lines);
    show(frame, part(area, 0, 2, area.width, area.height.saturating_sub(2)), body.lines);
    (rows.len(), room)
}

/// What the sign before a name means, where it stands before one, and what Enter does.
fn hint(cells: u16, has_sign: bool, look: Display) -> Sheet {
    let mut sheet = Sheet::new(cells);
    let sign = run(look.glyphs.pass(), look.theme.pass);
    let meaning = run(look.word(" = contains this host   ", " = 包含本机   "), look.theme.dim);
    let enter =
        look.word("Enter takes the group; the step is then judged again.", "按回车键选用机器组，随后重新检查该步骤。");
    let mut runs = if has_sign { vec![sign, meaning] } else { Vec::new() };
    runs.push(run(enter, look.theme.dim));
    sheet.hung(&[], 0, &runs);
    sheet
}

/// What is known of a group, in a few words.
pub(in crate::ui) fn about(group: &ListedGroup) -> Text {
    match &group.about {
        About::NotRead => Text::fixed("...", "..."),
        About::Unreadable => Text::fixed("could not be read", "无法读取"),
        About::Read { kind: Some(IdentityKind::Ip), lines, .. } => say!("IP, machines: {lines}", "IP，机器数：{lines}"),
        About::Read { kind: Some(IdentityKind::Custom), custom_id: Some(id), .. } => {
            say!("custom identifier {id}", "用户自定义标识 {id}")
        }
        About::Read { kind: Some(IdentityKind::Custom), .. } => Text::fixed("custom identifier", "用户自定义标识"),
        About::Read { kind: None, lines, .. } => say!("unknown kind, lines: {lines}", "未知类型，条目数：{lines}"),
    }
}

/// Whether this host is in a group, as far as is known.
pub(in crate::ui) fn has_this_host(group: &ListedGroup) -> bool {
    matches!(group.about, About::Read { has_this_host: true, .. })
}

fn line(sheet: &mut Sheet, group: &ListedGroup, column: usize, is_chosen: bool, look: Display) {
    let theme = look.theme;
    let marker = if is_chosen { look.glyphs.cursor() } else { " " };
    let name = printable(&group.name);
    let about = about(group);
    let mut one = Sheet::new(sheet.cells as u16);
    // The sign stands before the name: so it is never cut off, and the names stay in one column.
    let sign = if has_this_host(group) { look.glyphs.pass() } else { " " };
    one.line(&[
        run(format!("{marker} "), theme.text),
        run(format!("{sign} "), theme.pass),
        run(format!("{}  ", pad(&cut(&name, column), column)), theme.text),
        run(look.read(&about), theme.dim),
    ]);
    let line = one.lines.remove(0);
    sheet.lines.push(if is_chosen { filled(&line, theme.selected, sheet.cells) } else { line });
}
