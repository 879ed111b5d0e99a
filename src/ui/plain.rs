//! The plain face: the same wizard as questions and answers, line by line, for serial consoles, screen readers, dumb
//! terminals and scripted answers. It never moves the cursor and writes no escape sequence.
//!
//! What a typed word means is in [`words`] and what is said in [`page`]; here is only the way between them, the lines
//! and the signals. It says what is new and then asks; while something is under way it asks nothing.

mod lines;
mod page;
mod words;

#[cfg(test)]
mod tests;

use super::signals::Held;
use super::wizard::Services;
use super::{Busy, Signal, Signals, sudo};
use crate::carry_out::ChangeState;
use crate::carry_out::errand::may_without_password;
use crate::checks::Investigation;
use crate::engine::{self, Favour};
use crate::finding::{StepId, Verdict};
use crate::flow::{Clip, Event, Key, Notice, Session, Stage};
use crate::host::LiveLine;
use crate::remedies::change_titles;
use crate::say;
use crate::text::{Lang, Text, printable, printable_block};
use lines::Lines;
use nix::sys::signal::{Signal as Raised, raise};
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read, Write};
use std::path::Path;
use words::{Ask, Said};

/// A countdown is told this often, in seconds.
const TOLD_EVERY: u64 = 10;

/// What has been said, so that only what is new is said.
#[derive(Default)]
struct Told {
    is_introduced: bool,
    host: bool,
    verdicts: BTreeMap<StepId, Verdict>,
    notice: Option<Notice>,
    console_ok: Option<bool>,
    states: Vec<ChangeState>,
    output: Vec<LiveLine>,
    is_planning: bool,
    seconds_left: Option<u64>,
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
    /// The session as it was last shown: what is typed is an answer to that.
    known: Option<Session>,
    told: Told,
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
            known: None,
            told: Told::default(),
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
        self.write(&question);
        self.flush();
        self.told.is_asked = true;
    }

    /// Everything that happened since it was last told, each in a line of its own.
    fn news(&mut self, session: &Session) {
        let lang = session.lang;
        self.greet(session);
        for (&step, view) in &session.steps {
            let Some(finding) = session.finding(step).filter(|_| !view.is_open) else { continue };
            if self.told.verdicts.insert(step, finding.verdict) != Some(finding.verdict) {
                self.say(&page::verdict_line(finding, lang));
            }
        }
        self.remedy_news(session);
        if session.notice != self.told.notice {
            self.told.notice.clone_from(&session.notice);
            if let Some(Notice { text, is_problem }) = &session.notice {
                let head = match is_problem {
                    true => Text::fixed("PROBLEM", "问题"),
                    false => Text::fixed("NOTE", "提示"),
                };
                self.say(&format!("{} {}", head.get(lang), text.get(lang)));
            }
        }
        if let Some(demo) = &session.demo
            && self.told.console_ok != Some(demo.console_ok)
        {
            self.told.console_ok = Some(demo.console_ok);
            let head = Text::fixed("DEMO", "演示");
            self.say(&format!("{} {}", head.get(lang), demo.console().get(lang)));
        }
    }

    /// The first lines: what this is, and on which host.
    fn greet(&mut self, session: &Session) {
        let lang = session.lang;
        if !std::mem::replace(&mut self.told.is_introduced, true) {
            self.say_word(
                lang,
                "logtail-doctor, line by line: answer with a number or a letter and Enter.",
                "logtail-doctor 逐行模式：输入编号或字母后回车。",
            );
            if let Some(demo) = &session.demo {
                let head = Text::fixed("DEMO (simulated host)", "演示（模拟主机）");
                self.say(&format!("{} {}", head.get(lang), demo.story.get(lang)));
            }
        }
        if let (false, Some(identity)) = (self.told.host, &session.identity) {
            self.told.host = true;
            let place = format!("{}@{}", identity.user, identity.hostname);
            let manner = match (session.read_only, identity.privileged) {
                (true, _) => Text::fixed("read-only", "只读"),
                (false, true) => Text::fixed("as root", "以 root 运行"),
                (false, false) => Text::fixed("not root", "非 root"),
            };
            let head = Text::fixed("HOST", "主机");
            self.say(&format!("{} {place} ({})", head.get(lang), manner.get(lang)));
        }
    }

    /// How far the remedy on top has come.
    fn remedy_news(&mut self, session: &Session) {
        let lang = session.lang;
        let stage = words::remedy(session).map(|layer| &layer.stage);
        let is_planning = matches!(stage, Some(Stage::Planning));
        if is_planning && !self.told.is_planning {
            let text = Text::fixed("LOOKING at what it would change:", "正在确定需要更改的内容：");
            self.say(&format!("{} {}", text.get(lang), page::remedy_title(session)));
        }
        self.told.is_planning = is_planning;
        match stage {
            Some(Stage::Applying { plan, states, output }) => {
                if self.told.states.is_empty() {
                    let text = Text::fixed("APPLYING", "正在执行");
                    self.say(&format!("{} {}", text.get(lang), page::remedy_title(session)));
                    self.told.states = vec![ChangeState::Waiting; states.len()];
                }
                self.printed(output);
                let titles = change_titles(plan, lang);
                for (number, state) in states.iter().enumerate() {
                    let title = titles.get(number).map(String::as_str).unwrap_or_default();
                    if self.told.states.get(number) != Some(state) {
                        self.state(title, state, lang);
                    }
                }
                self.told.states.clone_from(states);
            }
            Some(Stage::Verifying { plan, output, seconds_left, .. }) => {
                self.printed(output);
                let left = *seconds_left;
                match self.told.seconds_left {
                    None => {
                        let step = plan.verify.title();
                        let (en, zh) = (step.get(Lang::En), step.get(Lang::Zh));
                        let text = Text::filled(
                            format!(
                                "WAIT Applied. {en} is checked every second until it holds, at most {left} s. Ctrl-C stops waiting."
                            ),
                            format!("等待 已执行。每秒重新检查“{zh}”，直到通过，最多 {left} 秒。按 Ctrl-C 不再等待。"),
                        );
                        self.say(text.get(lang));
                        self.told.seconds_left = Some(left);
                    }
                    Some(told) if told >= left + TOLD_EVERY => {
                        self.say(say!("WAIT at most {left} s more", "等待 最多还有 {left} 秒").get(lang));
                        self.told.seconds_left = Some(left);
                    }
                    Some(_) => {}
                }
            }
            Some(Stage::Outcome { output, .. }) => self.printed(output),
            Some(Stage::Asking(_) | Stage::Planning | Stage::Preview { .. }) | None => {
                self.told.states.clear();
                self.told.output.clear();
                self.told.seconds_left = None;
            }
        }
    }

    /// What commands printed since. The session keeps the last lines only, so what is new is what follows the longest
    /// end of the told lines with which the kept ones begin.
    fn printed(&mut self, output: &[LiveLine]) {
        let told = std::mem::take(&mut self.told.output);
        let dropped = (0..=told.len()).find(|&from| told.get(from..).is_some_and(|rest| output.starts_with(rest)));
        let known = told.len() - dropped.unwrap_or(told.len());
        for LiveLine { is_error, text } in output.iter().skip(known) {
            let sign = if *is_error { "!" } else { "|" };
            for line in printable_block(text) {
                self.say(&format!("  {sign} {line}"));
            }
        }
        self.told.output = output.to_vec();
    }

    /// One change of the plan and where it stands.
    fn state(&mut self, title: &str, state: &ChangeState, lang: Lang) {
        let word = match state {
            ChangeState::Waiting => Text::fixed("WAITS", "等待"),
            ChangeState::Running => Text::fixed("RUNNING", "执行中"),
            ChangeState::Done => Text::fixed("DONE", "完成"),
            ChangeState::Already => Text::fixed("WAS SO ALREADY", "已是如此"),
            ChangeState::Failed(_) => Text::fixed("FAILED", "失败"),
            ChangeState::RolledBack => Text::fixed("TAKEN BACK", "已回退"),
        };
        self.say(&format!("{} {title}", word.get(lang)));
        if let ChangeState::Failed(why) = state {
            self.say(&format!("  {}", why.get(lang)));
        }
    }

    /// An answer, or the end of all answers.
    fn take_line(&mut self, line: Option<String>) {
        let Some(line) = line else {
            self.write("\n");
            self.flush();
            self.arrived.push_back(Event::Terminate);
            return;
        };
        if self.echoes {
            let shown = format!("{}\n", printable(&line));
            self.write(&shown);
        }
        self.told.is_asked = false;
        let Some(session) = self.known.take() else { return };
        let ask = words::ask(&session);
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
        let is_waiting = is_waiting.is_some_and(|layer| matches!(layer.stage, Stage::Verifying { .. }));
        match signal {
            Signal::Interrupt if is_waiting => self.arrived.push_back(Event::Key(Key::Esc)),
            Signal::Terminate | Signal::Interrupt | Signal::Quit => {
                self.ended_by.get_or_insert(signal);
                self.arrived.push_back(Event::Terminate);
            }
            Signal::HangUp => self.lose(),
            // As the key of the full screen: the session knows whether something has to be finished first.
            Signal::Suspend => self.arrived.push_back(Event::Key(Key::Ctrl('z'))),
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

impl<W: Write> engine::Face for Plain<W> {
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

    async fn authorise(&mut self, sudo: &Path, argv: &[String], session: &Session) -> Result<(), Text> {
        if may_without_password(sudo, argv).await {
            return Ok(());
        }
        self.say(sudo::announcement(argv).get(session.lang));
        self.flush();
        let has_asked = sudo::ask(sudo).await;
        if let Some(signals) = &mut self.signals {
            signals.forget_typed().await;
        }
        sudo::allowed(has_asked, sudo, argv).await
    }

    async fn perform(&mut self, favour: Favour, session: &Session, found: &Investigation) -> Option<Event> {
        match favour {
            Favour::Copy(clip) => {
                self.show_clip(clip, session, found);
                None
            }
            Favour::WriteBundle => Some(Event::BundleWritten((self.services.write_bundle)(found, session.lang))),
            Favour::Remember(context) => {
                (self.services.remember)(&context);
                None
            }
            // There is nothing to give back and nothing to restore.
            Favour::Suspend => {
                // Nothing is lost when it cannot be stopped.
                let _ = raise(Raised::SIGSTOP);
                None
            }
        }
    }
}
