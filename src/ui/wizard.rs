//! The full-screen face: the session on a terminal. Turns input and signals into events, and draws.
//!
//! What a key means is the session's business and what things look like the view's; here is only the way between
//! them and the terminal. Nothing ticks: without an event there is no frame.

use super::clipboard::Through;
use super::{Busy, Glyphs, Gone, Input, Keep, Keys, Screen, Signal, Signals, Theme, sudo, view};
use crate::carry_out::elevation::Connection;
use crate::core::checks::Investigation;
use crate::core::context::Context;
use crate::core::finding::Finding;
use crate::core::flow::{Clip, Event, Key, Notice, Session};
use crate::core::text::{Lang, Text, printable};
use crate::engine::{self, FrontendRequest};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::collections::VecDeque;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Writes the text of the support ticket.
pub type TicketText = dyn Fn(&Investigation, Lang) -> String;
/// Writes the support bundle.
pub type WriteBundle = dyn Fn(&Investigation, Lang) -> Result<PathBuf, Text>;

/// What the wizard has others do, because this room writes no report and no file.
pub struct Services {
    /// A step's finding as plain lines.
    pub evidence_text: fn(&Finding, Lang) -> String,
    /// The text of the support ticket.
    pub ticket_text: Box<TicketText>,
    /// Writes the support bundle and says where; else the sentence that says why not.
    pub write_bundle: Box<WriteBundle>,
    /// Remembers what the operator told, for the next start.
    pub remember: Box<dyn Fn(&Context)>,
    /// Keeps the session for the case that it is broken off.
    pub keep: Keep,
}

/// The wizard's way to and from the terminal. Dropping it gives the terminal back.
pub struct Wizard {
    screen: Screen,
    keys: Keys,
    signals: Signals,
    services: Services,
    theme: Theme,
    glyphs: Glyphs,
    through: Through,
    busy: Busy,
    /// Kept while a plan is being carried out, so that a hang-up does not cut it in half.
    held: Option<super::signals::Held>,
    /// Events that have arrived and were not taken yet. While there are any, nothing is drawn.
    arrived: VecDeque<Event>,
    /// The signal that ended the program, if one did.
    ended_by: Option<Signal>,
    is_gone: bool,
    /// Whether the keys are read; the first frame does not wait for that.
    has_begun: bool,
    /// The window is too small to show anything: only leaving and suspending are taken from the keyboard.
    is_blind: bool,
}

impl Wizard {
    /// Takes the terminal. `over_ssh`: whether `SSH_CONNECTION` is set. To be called inside a tokio runtime.
    ///
    /// # Errors
    /// When there is no living terminal, or the system refuses a signal handler.
    pub fn enter(
        theme: Theme,
        glyphs: Glyphs,
        through: Through,
        over_ssh: bool,
        services: Services,
    ) -> io::Result<Wizard> {
        let busy = Busy::default();
        let signals = Signals::new(busy.clone())?;
        let screen = Screen::enter().map_err(io::Error::other)?;
        let keys = Keys::paused(over_ssh);
        Ok(Wizard {
            screen,
            keys,
            signals,
            services,
            theme,
            glyphs,
            through,
            busy,
            held: None,
            arrived: VecDeque::new(),
            ended_by: None,
            is_gone: false,
            has_begun: false,
            is_blind: crossterm::terminal::size().is_ok_and(|(width, height)| view::is_too_small(width, height)),
        })
    }

    /// The signal that ended the session: the exit code is then the signal's.
    pub fn ended_by(&self) -> Option<Signal> {
        self.ended_by
    }

    /// The terminal is gone: nothing is written to it any more, and the session ends in order.
    fn lose(&mut self) {
        self.is_gone = true;
        self.ended_by.get_or_insert(Signal::HangUp);
        self.arrived.push_back(Event::Terminate);
    }

    fn take_input(&mut self, input: Input) {
        match input {
            Input::Key(key) => {
                let key = key_of(key).filter(|key| !self.is_blind || matches!(key, Key::Ctrl('c' | 'z')));
                self.arrived.extend(key.map(Event::Key));
            }
            Input::Paste(_) if self.is_blind => {}
            Input::Paste(text) => self.arrived.push_back(Event::Key(Key::Paste(text))),
            Input::Resize(width, height) => {
                self.is_blind = view::is_too_small(width, height);
                self.arrived.push_back(Event::Redraw);
            }
            Input::Gone => self.lose(),
        }
    }

    fn take_signal(&mut self, signal: Signal) {
        match signal {
            Signal::Terminate | Signal::Interrupt | Signal::Quit => {
                self.ended_by.get_or_insert(signal);
                self.arrived.push_back(Event::Terminate);
            }
            Signal::HangUp => self.lose(),
            // As the key: the session knows whether something has to be finished first.
            Signal::Suspend => self.arrived.push_back(Event::Key(Key::Ctrl('z'))),
            Signal::Continue => match self.screen.continued() {
                Ok(true) => self.arrived.push_back(Event::Redraw),
                Ok(false) => {}
                Err(Gone) => self.lose(),
            },
        }
    }

    /// Gives the terminal back, stops, and comes back when it is continued.
    fn suspend(&mut self) {
        self.keys.pause();
        let back = self.screen.suspend();
        match back.and_then(|()| self.keys.resume()) {
            Ok(()) => self.arrived.push_back(Event::Redraw),
            Err(Gone) => self.lose(),
        }
    }

    fn copy(&mut self, clip: Clip, session: &Session, found: &Investigation) -> Event {
        let text = match clip {
            Clip::Command(command) => command,
            Clip::Evidence(step) => match session.finding(step) {
                Some(finding) => (self.services.evidence_text)(finding, session.lang),
                None => {
                    let text = Text::fixed("There is nothing to copy yet.", "暂无可复制的内容。");
                    return Event::Notice(Notice { text, is_problem: false });
                }
            },
            Clip::Ticket => (self.services.ticket_text)(found, session.lang),
        };
        match self.screen.copy(&text, self.through) {
            Ok(()) => Event::Copied,
            Err(refused) => Event::Notice(Notice { text: refused.text(), is_problem: true }),
        }
    }
}

impl engine::Frontend for Wizard {
    fn show(&mut self, session: &mut Session) {
        match (session.is_changing(), &self.held) {
            (true, None) => self.held = Some(self.busy.hold()),
            (false, Some(_)) if !session.is_over() => self.held = None,
            _ => {}
        }
        if self.is_gone || session.is_over() || !self.arrived.is_empty() {
            self.services.keep.session(session, self.ended_by.is_some());
            return;
        }
        let (theme, glyphs) = (self.theme, self.glyphs);
        if self.screen.draw(|frame| view::draw(frame, session, &theme, glyphs)).is_err() {
            self.lose();
        }
        // After the frame: a slow disk must not slow the picture.
        self.services.keep.session(session, self.ended_by.is_some());
    }

    fn leave(&mut self, session: &Session, said: &Text) {
        self.screen.leave();
        // The terminal may be gone; then nobody waits for this sentence.
        let _ = writeln!(io::stdout(), "{}", printable(said.get(session.lang)));
    }

    async fn next(&mut self) -> Event {
        if !std::mem::replace(&mut self.has_begun, true) && self.keys.resume().is_err() {
            self.lose();
        }
        loop {
            if let Some(event) = self.arrived.pop_front() {
                return event;
            }
            tokio::select! {
                biased;
                signal = self.signals.next() => self.take_signal(signal),
                input = self.keys.next() => {
                    self.take_input(input);
                    // A paste or a held key arrives as many inputs: all of them first, then one frame.
                    while !self.is_gone && let Some(input) = self.keys.next_ready().await {
                        self.take_input(input);
                    }
                }
            }
        }
    }

    async fn authorise(&mut self, tool: &Path, argv: &[String], session: &Session) -> Result<Connection, Text> {
        // Asking sudo may take seconds where it asks a directory service; the button must not seem dead meanwhile.
        self.show(&mut session.clone());
        if let Some(connection) = sudo::without_question(tool, argv).await {
            return Ok(connection);
        }
        self.keys.pause();
        self.screen.pause();
        let _ = writeln!(io::stdout(), "{}", printable(sudo::announcement(tool, argv).get(session.lang)));
        let opened = sudo::on_terminal(tool, argv).await;
        self.signals.forget_typed().await;
        match self.screen.resume().and_then(|()| self.keys.resume()) {
            Ok(()) => self.arrived.push_back(Event::Redraw),
            Err(Gone) => self.lose(),
        }
        opened
    }

    async fn perform(&mut self, favour: FrontendRequest, session: &Session, found: &Investigation) -> Option<Event> {
        match favour {
            FrontendRequest::Copy(clip) => Some(self.copy(clip, session, found)),
            FrontendRequest::WriteBundle => {
                Some(Event::BundleWritten((self.services.write_bundle)(found, session.lang)))
            }
            FrontendRequest::Remember(context) => {
                (self.services.remember)(&context);
                None
            }
            FrontendRequest::Suspend => {
                self.suspend();
                None
            }
        }
    }
}

/// The session's name for a key; none for keys that it does not know. Alt is no part of any of them.
fn key_of(event: KeyEvent) -> Option<Key> {
    let control = event.modifiers.contains(KeyModifiers::CONTROL);
    if event.modifiers.intersects(KeyModifiers::ALT | KeyModifiers::META | KeyModifiers::SUPER) {
        return None;
    }
    Some(match event.code {
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Esc,
        KeyCode::BackTab => Key::BackTab,
        KeyCode::Tab if event.modifiers.contains(KeyModifiers::SHIFT) => Key::BackTab,
        KeyCode::Tab => Key::Tab,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Delete => Key::Delete,
        // Serial lines and old terminals send Ctrl-H for Backspace, and Ctrl-J or Ctrl-M for Enter.
        KeyCode::Char('h') if control => Key::Backspace,
        KeyCode::Char('j' | 'm') if control => Key::Enter,
        KeyCode::Char(c) if control => Key::Ctrl(c.to_ascii_lowercase()),
        KeyCode::Char(c) => Key::Char(c),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_one_name_each() {
        let key = |code, modifiers| key_of(KeyEvent::new(code, modifiers));
        let none = KeyModifiers::NONE;
        for (code, modifiers, name) in [
            (KeyCode::Char('q'), none, Some(Key::Char('q'))),
            (KeyCode::Char('L'), KeyModifiers::SHIFT, Some(Key::Char('L'))),
            (KeyCode::Char('c'), KeyModifiers::CONTROL, Some(Key::Ctrl('c'))),
            (KeyCode::Char('C'), KeyModifiers::CONTROL | KeyModifiers::SHIFT, Some(Key::Ctrl('c'))),
            (KeyCode::Char('h'), KeyModifiers::CONTROL, Some(Key::Backspace)),
            (KeyCode::Char('j'), KeyModifiers::CONTROL, Some(Key::Enter)),
            (KeyCode::Char('q'), KeyModifiers::ALT, None),
            (KeyCode::Tab, KeyModifiers::SHIFT, Some(Key::BackTab)),
            (KeyCode::BackTab, KeyModifiers::SHIFT, Some(Key::BackTab)),
            (KeyCode::F(1), none, None),
        ] {
            assert_eq!(key(code, modifiers), name, "{code:?}");
        }
    }
}
