//! Every screen of the wizard, drawn from the session alone. Draws, and decides nothing; reads no clock and no host.
//!
//! The only thing written back is what scrolling needs to know: how long the text is and how much of it fits.
//! Layout: a line on where we are, the flowchart on the left, the page or the layer above it, a notice, the keys.

mod actions;
mod broken_off;
mod confirm;
mod flowchart;
mod footer;
mod form;
pub(super) mod groups;
mod header;
mod help;
mod journal;
mod key;
mod map;
mod outcome;
mod page;
mod remedy;
mod result;
mod resume;
mod sheet;
mod step;
mod summary;
pub(super) mod ticket;
pub(super) mod watch;
mod wrap;

#[cfg(test)]
pub(super) mod samples;
#[cfg(test)]
mod tests;

pub use summary::summary_lines;

use crate::core::flow::{Binding, Command, Layer, Place, Session};
use crate::core::text::{Lang, Text};
use crate::say;
use crate::ui::{Glyphs, Theme};
use ratatui::Frame;
use ratatui::layout::Rect;
use sheet::{Sheet, part};

/// The flowchart beside the page needs this much.
const FULL: (u16, u16) = (60, 20);
/// Below this there is one sentence.
const LEAST: (u16, u16) = (30, 8);
/// Text is no wider than this: in a longer line the eye loses its way back, and a value its source.
const WIDEST: u16 = 100;
/// From this width on a layer leaves the flowchart in sight.
const WIDE: u16 = 100;

/// How things are drawn, passed along to every pane.
#[derive(Debug, Clone, Copy)]
struct Display<'a> {
    theme: &'a Theme,
    glyphs: Glyphs,
    lang: Lang,
}

impl Display<'_> {
    /// The sentence in the language on screen; not yet printable.
    fn read<'t>(&self, text: &'t Text) -> &'t str {
        text.get(self.lang)
    }

    /// What a key does. A terminal that knows only ASCII is offered the other language by its English name.
    fn label<'t>(&self, binding: &'t Binding) -> &'t str {
        match (binding.command, self.lang, self.glyphs) {
            (Command::Language, Lang::En, Glyphs::Ascii) => "Chinese",
            _ => self.read(&binding.label),
        }
    }

    /// A sentence without values.
    fn word(&self, en: &'static str, zh: &'static str) -> &'static str {
        match self.lang {
            Lang::En => en,
            Lang::Zh => zh,
        }
    }
}

/// Whether a window of this size shows nothing but that it is too small. A face must then take no key that could order
/// something: nobody sees what it would do.
pub fn is_too_small(width: u16, height: u16) -> bool {
    width < LEAST.0 || height < LEAST.1
}

/// Draws the whole screen.
pub fn draw(frame: &mut Frame, session: &mut Session, theme: &Theme, glyphs: Glyphs) {
    let look = Display { theme, glyphs, lang: session.lang };
    let area = frame.area();
    if area.is_empty() {
        return;
    }
    if is_too_small(area.width, area.height) {
        return too_small(frame, area, look);
    }
    let is_full = area.width >= FULL.0 && area.height >= FULL.1;
    header::draw(frame, part(area, 0, 0, area.width, 1), session, look);
    let notice = footer::notice(session, look, area.width);
    let below = 1 + notice.len().max(usize::from(is_full)) as u16;
    let top = if is_full { 2 } else { 1 };
    let body = part(area, 0, top, area.width, area.height.saturating_sub(top + below));
    if is_full {
        beside_the_flowchart(frame, body, session, look);
    } else {
        flowchart::draw_line(frame, part(body, 0, 0, body.width, 1), session, look);
        content(frame, inset(part(body, 0, 1, body.width, body.height - 1)), session, look);
    }
    let below = part(area, 0, area.height - below, area.width, below);
    footer::draw(frame, below, session, look, notice);
    if matches!(session.layers.last(), Some(Layer::ConfirmQuit)) {
        confirm::draw(frame, area, session, look);
    }
}

/// The full layout: a line below the header, the flowchart, a line, the content. Help, map and, where the window is
/// not wide, every layer take the whole width.
fn beside_the_flowchart(frame: &mut Frame, body: Rect, session: &mut Session, look: Display) {
    let covers = match top_layer(session) {
        None => false,
        Some(Layer::Help { .. } | Layer::Map { .. }) => true,
        Some(_) => body.width < WIDE,
    };
    let rule = Rect { y: body.y.saturating_sub(1), height: 1, ..body };
    if covers {
        flowchart::rule(frame, rule, None, look);
        return content(frame, inset(body), session, look);
    }
    let divider = flowchart::WIDTH;
    flowchart::rule(frame, rule, Some(divider), look);
    flowchart::draw(frame, part(body, 0, 0, divider, body.height), session, look);
    flowchart::divider(frame, part(body, divider, 0, 1, body.height), look);
    let right = part(body, divider + 1, 0, body.width - divider - 1, body.height);
    content(frame, inset(right), session, look);
}

/// An area without its first and last column, where text would touch the edge; no wider than is well read.
fn inset(area: Rect) -> Rect {
    part(area, 1, 0, area.width.saturating_sub(2).min(WIDEST), area.height)
}

/// The layer on top; the question before quitting is drawn over it, not instead of it.
fn top_layer(session: &Session) -> Option<&Layer> {
    session.layers.iter().rev().find(|layer| !matches!(layer, Layer::ConfirmQuit))
}

/// The page, or the layer above it.
fn content(frame: &mut Frame, area: Rect, session: &mut Session, look: Display) {
    let extent = match top_layer(session) {
        Some(Layer::Help { scroll }) => help::draw(frame, area, session, *scroll, look),
        Some(Layer::Map { at }) => map::draw(frame, area, session, *at, look),
        Some(Layer::Form(form)) => form::draw(frame, area, form, None, look),
        Some(Layer::Remedy(_)) => remedy::draw(frame, area, session, look),
        Some(Layer::Journal(layer)) => journal::draw(frame, area, session, layer, look),
        Some(Layer::Groups(layer)) => groups::draw(frame, area, session, layer, look),
        Some(Layer::Key(form)) => key::draw(frame, area, form, look),
        Some(Layer::Watch(layer)) => watch::draw(frame, area, session, layer, look),
        Some(Layer::Resume(offer)) => resume::draw(frame, area, offer, look),
        Some(Layer::BrokenOff(broken)) => broken_off::draw(frame, area, broken, look),
        Some(Layer::ConfirmQuit) | None => match session.place {
            Place::Step(step) => step::draw(frame, area, session, step, look),
            Place::Ticket => ticket::draw(frame, area, session, look),
            Place::Finish => result::draw(frame, area, session, look),
        },
    };
    session.extent = extent;
}

fn too_small(frame: &mut Frame, area: Rect, look: Display) {
    let (width, height) = (area.width, area.height);
    let (least_width, least_height) = LEAST;
    let text = say!(
        "window too small ({width}x{height}), need {least_width}x{least_height}",
        "窗口过小（{width}x{height}），需要 {least_width}x{least_height}"
    );
    let mut sheet = Sheet::new(width);
    sheet.say(look.read(&text), look.theme.text);
    sheet::show(frame, area, sheet.lines);
}
