//! The plain face: the same wizard as questions and answers, line by line, for serial consoles, screen readers, dumb
//! terminals and scripted answers. It never moves the cursor and writes no escape sequence.
//!
//! What a typed word means is in [`words`] and what is said in [`page`]; here is only the way between them, the lines
//! and the signals. It says what is new and then asks; while something is under way it asks nothing.

mod lines;
mod news;
mod page;
mod quiet;
mod service;
mod words;

#[cfg(test)]
mod tests;

use super::signals::Held;
use super::wizard::Services;
use super::{Busy, Signal, Signals, sudo};
use crate::carry_out::elevation::Connection;
use crate::core::checks::Investigation;
use crate::core::finding::{StepId, Verdict};
use crate::core::flow::{Clip, Event, Key, Layer, Notice, Session, Stage};
use crate::core::journal::ChangeState;
use crate::core::observe::LiveLine;
use crate::core::text::{Lang, Text, printable, printable_block};
use crate::engine::{self, FrontendRequest};
use lines::Lines;
use nix::sys::signal::{Signal as Raised, raise};
use quiet::Quiet;
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read, Write};
use std::path::Path;
use words::{Ask, Said};
use zeroize::Zeroize;

/// A countdown is told this often, in seconds.
const TOLD_EVERY: u64 = 10;

/// What has been said, so that only what is new is said.
#[derive(Default)]
struct Printed {
    is_introduced: bool,
    host: bool,
    verdicts: BTreeMap<StepId, Verdict>,
    notice: Option<Notice>,
    console_ok: Option<bool>,
    states: Vec<ChangeState>,
    output: Vec<LiveLine>,
    is_planning: bool,
    seconds_left: Option<u64>,
    /// How many looks at the heartbeat were told, and whether a watch was announced.
    pulses: usize,
    is_watching: bool,
    page: Vec<String>,
    /// Whether the cursor stands behind a question.
    is_asked: bool,
}

/// The plain walk's way to and from its lines.
pub struct Plain<W: Write> {
    out: W,
    lines: Lines,
    /// None in tests: signals are the process's.
    signals: Option<Signals>,
    services: Services,
    busy: Busy,
    /// Kept while a plan is being carried out, so that a hang-up does not cut it in half.
    held: Option<Held>,
    /// Whether answers are repeated, because no terminal shows them.
    echoes: bool,
    /// Kept while a secret is asked for.
    quiet: Option<Quiet>,
    /// The session as it was last shown: what is typed is an answer to that.
    known: Option<Session>,
    told: Printed,
    arrived: VecDeque<Event>,
    ended_by: Option<Signal>,
    is_gone: bool,
}

impl<W: Write> Plain<W> {
    /// Reads answers from `input` and writes to `out`. `echoes`: repeat each answer, for input that is no terminal.
    /// With `catches_signals` the signals are this face's from now on; that takes a tokio runtime.
    ///
    /// # Errors
    /// The system refuses a thread or a signal handler.
    pub fn new(
        input: impl Read + Send + 'static,
        out: W,
        echoes: bool,
        catches_signals: bool,
        services: Services,
    ) -> io::Result<Plain<W>> {
        let busy = Busy::default();
        let signals = if catches_signals { Some(Signals::new(busy.clone())?) } else { None };
        Ok(Plain {
            out,
            lines: Lines::of(input)?,
            signals,
            services,
            busy,
            held: None,
            echoes,
            quiet: None,
            known: None,
            told: Printed::default(),
            arrived: VecDeque::new(),
            ended_by: None,
            is_gone: false,
        })
    }

    /// The signal that ended the walk, if one did.
    pub fn ended_by(&self) -> Option<Signal> {
        self.ended_by
    }

    /// The way out, for what is said after the walk.
    pub fn into_out(self) -> W {
        self.out
    }

    /// Nobody reads any more: the session ends in order.
    fn lose(&mut self) {
        if !self.is_gone {
            self.is_gone = true;
            self.ended_by.get_or_insert(Signal::HangUp);
            self.arrived.push_back(Event::Terminate);
        }
    }

    fn write(&mut self, text: &str) {
        if !self.is_gone && self.out.write_all(text.as_bytes()).is_err() {
            self.lose();
        }
    }

    fn flush(&mut self) {
        if !self.is_gone && self.out.flush().is_err() {
            self.lose();
        }
    }

    /// One line. The only place where text is written, but for a question.
    fn say(&mut self, line: &str) {
        if std::mem::take(&mut self.told.is_asked) {
            self.write("\n");
        }
        let line = format!("{}\n", printable(line).trim_end());
        self.write(&line);
    }

    fn say_word(&mut self, lang: Lang, en: &'static str, zh: &'static str) {
        self.say(Text::fixed(en, zh).get(lang));
    }

    /// Asks, unless the question stands there already.
    fn ask(&mut self, session: &Session, ask: Ask) {
        if self.told.is_asked {
            return;
        }
        let mut lines = page::question(session, ask);
        let Some(question) = lines.pop() else { return };
        for line in lines {
            self.say(&line);
        }
        let question = printable(&question).into_owned();
        if ask == (Ask::Key { is_secret: true }) && !self.echoes {
            self.quiet = Quiet::begin();
        }
        self.write(&question);
        self.flush();
        self.told.is_asked = true;
    }

    /// An answer, or the end of all answers.
    fn take_line(&mut self, line: Option<String>) {
        self.quiet = None;
        let Some(mut line) = line else {
            self.write("\n");
            self.flush();
            self.arrived.push_back(Event::Terminate);
            return;
        };
        self.told.is_asked = false;
        let ask = self.known.as_ref().map_or(Ask::Nothing, words::ask);
        if self.echoes {
            let is_secret = ask == Ask::Key { is_secret: true };
            let shown = if is_secret { "***\n".to_string() } else { format!("{}\n", printable(&line)) };
            self.write(&shown);
        }
        let Some(session) = self.known.take() else { return };
        let lang = session.lang;
        match words::meaning(&session, ask, &line) {
            Said::Keys(keys) => {
                if ask == Ask::Page {
                    self.forget(&words::rechecked(&session, &keys));
                }
                self.arrived.extend(keys.into_iter().map(Event::Key));
            }
            Said::Help => {
                for line in page::help(&session, ask) {
                    self.say(&line);
                }
            }
            Said::Nothing => {}
            Said::Unclear => self.say_word(
                lang,
                "That means nothing here. Type a number of the list, or ? for help.",
                "无法识别。请输入列表中的编号，或输入 ? 查看帮助。",
            ),
            Said::Refused(why) => self.say(&page::refusal(&why, lang)),
        }
        // It may have been a secret.
        line.zeroize();
        if self.arrived.is_empty() {
            self.ask(&session, ask);
            self.known = Some(session);
        }
    }

    /// What the operator wants checked again is told again, also when it is as it was.
    fn forget(&mut self, steps: &[StepId]) {
        self.told.verdicts.retain(|step, _| !steps.contains(step));
    }

    fn take_signal(&mut self, signal: Signal) {
        let is_waiting = self.known.as_ref().and_then(words::remedy);
        let is_watching =
            |session: &Session| matches!(session.layers.last(), Some(Layer::Watch(layer)) if layer.ended.is_none());
        let is_waiting = is_waiting.is_some_and(|layer| matches!(layer.stage, Stage::Verifying { .. }))
            || self.known.as_ref().is_some_and(is_watching);
        match signal {
            Signal::Interrupt if is_waiting => self.arrived.push_back(Event::Key(Key::Esc)),
            Signal::Terminate | Signal::Interrupt | Signal::Quit => {
                self.ended_by.get_or_insert(signal);
                self.arrived.push_back(Event::Terminate);
            }
            Signal::HangUp => self.lose(),
            // As the key of the full screen: the session knows whether something has to be finished first.
            Signal::Suspend => {
                self.quiet = None;
                self.arrived.push_back(Event::Key(Key::Ctrl('z')));
            }
            Signal::Continue => {
                self.told.is_asked = false;
                if let Some(session) = self.known.take() {
                    self.ask(&session, words::ask(&session));
                    self.known = Some(session);
                }
            }
        }
    }

    /// Without a clipboard, what would be copied is shown.
    fn show_clip(&mut self, clip: Clip, session: &Session, found: &Investigation) {
        let text = match clip {
            Clip::Command(command) => command,
            Clip::Evidence(step) => {
                let text = session.finding(step).map(|finding| (self.services.evidence_text)(finding, session.lang));
                text.unwrap_or_default()
            }
            Clip::Ticket => (self.services.ticket_text)(found, session.lang),
        };
        for line in printable_block(&text) {
            self.say(&line);
        }
    }
}

/// The next signal; pending for ever where none is caught.
async fn next_of(signals: &mut Option<Signals>) -> Signal {
    match signals {
        Some(signals) => signals.next().await,
        None => std::future::pending().await,
    }
}

impl<W: Write> engine::Frontend for Plain<W> {
    fn show(&mut self, session: &mut Session) {
        match (session.is_changing(), &self.held) {
            (true, None) => self.held = Some(self.busy.hold()),
            (false, Some(_)) if !session.is_over() => self.held = None,
            _ => {}
        }
        self.services.keep.session(session, self.ended_by.is_some());
        if self.is_gone || session.is_over() || !self.arrived.is_empty() {
            return;
        }
        self.news(session);
        let ask = words::ask(session);
        if ask == Ask::Submit {
            self.arrived.push_back(Event::Key(Key::Enter));
            return;
        }
        if ask != Ask::Nothing {
            let page = page::lines(session, ask);
            if page != self.told.page {
                self.say("");
                for line in &page {
                    self.say(line);
                }
                self.told.page = page;
            }
            self.ask(session, ask);
        }
        self.flush();
        self.known = Some(session.clone());
    }

    fn leave(&mut self, session: &Session, said: &Text) {
        self.say(said.get(session.lang));
        self.flush();
    }

    async fn next(&mut self) -> Event {
        loop {
            if let Some(event) = self.arrived.pop_front() {
                return event;
            }
            tokio::select! {
                biased;
                signal = next_of(&mut self.signals) => self.take_signal(signal),
                line = self.lines.next(), if self.told.is_asked => self.take_line(line),
                else => std::future::pending().await,
            }
        }
    }

    async fn authorise(&mut self, tool: &Path, argv: &[String], session: &Session) -> Result<Connection, Text> {
        if let Some(connection) = sudo::without_question(tool, argv).await {
            return Ok(connection);
        }
        self.say(sudo::announcement(tool, argv).get(session.lang));
        self.flush();
        let opened = sudo::on_terminal(tool, argv).await;
        if let Some(signals) = &mut self.signals {
            signals.forget_typed().await;
        }
        opened
    }

    async fn perform(&mut self, favour: FrontendRequest, session: &Session, found: &Investigation) -> Option<Event> {
        match favour {
            FrontendRequest::Copy(clip) => {
                self.show_clip(clip, session, found);
                None
            }
            FrontendRequest::WriteBundle => {
                Some(Event::BundleWritten((self.services.write_bundle)(found, session.lang)))
            }
            FrontendRequest::Remember(context) => {
                (self.services.remember)(&context);
                None
            }
            // There is nothing to give back and nothing to restore.
            FrontendRequest::Suspend => {
                // Nothing is lost when it cannot be stopped.
                let _ = raise(Raised::SIGSTOP);
                None
            }
        }
    }
}
