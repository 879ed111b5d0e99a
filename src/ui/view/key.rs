//! The form for a key of the service: three fields and a button. What is secret is drawn as stars.

use super::Display;
use super::sheet::{Sheet, run, show};
use crate::core::flow::{KeyField, KeyForm};
use crate::core::text::{cut, pad, printable, width};
use ratatui::Frame;
use ratatui::layout::{Position, Rect};

/// So many stars at most are drawn: how long a secret is concerns nobody.
const STARS: usize = 24;

pub(super) fn draw(frame: &mut Frame, area: Rect, form: &KeyForm, look: Display) -> (usize, usize) {
    let theme = look.theme;
    let mut sheet = Sheet::new(area.width);
    sheet.say(look.word("A key to ask the service with", "用于访问服务端的 AccessKey"), theme.title);
    let calm = look.word(
        "It is kept in memory only and forgotten when this program ends: it reaches no file, no journal, no bundle. \
         To diagnose, the policy AliyunLogReadOnlyAccess is enough.",
        "仅保存在内存中，程序结束后即丢弃，不会写入任何文件、操作日志或诊断包。仅诊断时，权限策略 AliyunLogReadOnlyAccess 即可。",
    );
    sheet.say(calm, theme.dim);
    sheet.gap();
    let label = KeyField::ALL.iter().map(|field| width(look.read(&field.label()))).max().unwrap_or(0);
    let label = label.min(usize::from(area.width) / 2);
    let left = label + 4;
    let room = sheet.cells.saturating_sub(left + 1).max(1);
    let mut cursor = None;
    for field in KeyField::ALL {
        let has_focus = form.field() == Some(field);
        let marker = if has_focus { look.glyphs.cursor() } else { " " };
        let shown = form.shown(field);
        let shown = printable(&shown);
        let room = if field == KeyField::Id { room } else { room.min(STARS) };
        let value = tail(&shown, room);
        let name = pad(look.read(&field.label()), label);
        let mut runs = vec![
            run(format!("{marker} "), theme.text),
            run(format!("{name}  "), if has_focus { theme.heading } else { theme.text }),
            run(value.clone(), if has_focus { theme.input } else { theme.text }),
        ];
        if has_focus {
            runs.push(run("_".repeat(room.min(40).saturating_sub(width(&value))), theme.dim));
            cursor = Some((left + width(&value), sheet.height()));
        } else if value.is_empty() {
            runs.push(run("...", theme.dim));
        }
        sheet.line(&runs);
        if has_focus {
            sheet.hung(&[], left, &[run(look.read(&field.hint()), theme.dim)]);
        }
    }
    if let Some(error) = &form.error {
        sheet.gap();
        sheet.hung(&[run(look.glyphs.fail(), theme.fail)], 2, &[run(look.read(error), theme.fail)]);
    }
    sheet.gap();
    let on_button = form.field().is_none();
    let marker = if on_button { look.glyphs.cursor() } else { " " };
    let button = look.word("[ Use this key ]", "[ 使用该 AccessKey ]");
    sheet.line(&[
        run(format!("{marker} "), theme.text),
        run(button, if on_button { theme.selected } else { theme.key }),
    ]);
    let focused = cursor.map_or(sheet.height(), |(_, line)| line + 2);
    let first = focused.saturating_sub(usize::from(area.height));
    show(frame, area, sheet.lines.into_iter().skip(first).collect());
    if let Some((column, line)) = cursor
        && line >= first
        && line - first < usize::from(area.height)
        && column < usize::from(area.width)
    {
        frame.set_cursor_position(Position::new(area.x + column as u16, area.y + (line - first) as u16));
    }
    (0, 0)
}

/// The end of a text that fits, because there it is typed.
fn tail(text: &str, room: usize) -> String {
    let skip = text.chars().count().saturating_sub(room);
    cut(&text.chars().skip(skip).collect::<String>(), room).into_owned()
}
