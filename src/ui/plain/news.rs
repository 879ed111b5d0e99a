//! What the plain walk tells of what has happened since it last spoke: verdicts, notices, how far a remedy has come, looks at
//! the heartbeat. Each in a line of its own, and nothing twice.

use super::page;
use super::words;
use super::{Plain, TOLD_EVERY, service};
use crate::core::flow::{Layer, Notice, Session, Stage};
use crate::core::journal::ChangeState;
use crate::core::observe::LiveLine;
use crate::core::remedies::change_titles;
use crate::core::text::{Lang, Text, printable_block};
use crate::say;
use std::io::Write;

impl<W: Write> Plain<W> {
    /// Everything that happened since it was last told, each in a line of its own.
    pub(super) fn news(&mut self, session: &Session) {
        let lang = session.lang;
        self.greet(session);
        for (&step, view) in &session.steps {
            let Some(finding) = session.finding(step).filter(|_| !view.is_open) else { continue };
            if self.told.verdicts.insert(step, finding.verdict) != Some(finding.verdict) {
                self.say(&page::verdict_line(finding, lang));
            }
        }
        self.remedy_news(session);
        self.watch_news(session);
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
            let place = format!("{}@{}", identity.user.printable(), identity.hostname.printable());
            let manner = match (session.read_only, identity.privileged) {
                (true, _) => Text::fixed("read-only", "只读"),
                (false, true) => Text::fixed("as root", "以 root 运行"),
                (false, false) => Text::fixed("not root", "非 root"),
            };
            let head = Text::fixed("HOST", "主机");
            let (en, zh) = manner.both();
            let manner = Text::filled(format!(" ({en})"), format!("\u{ff08}{zh}\u{ff09}"));
            self.say(&format!("{} {place}{}", head.get(lang), manner.get(lang)));
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
                        let (en, zh) = step.both();
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

    /// Every look at the heartbeat while it is watched for.
    fn watch_news(&mut self, session: &Session) {
        let lang = session.lang;
        let watch = match session.layers.last() {
            Some(Layer::Watch(layer)) if layer.asks_service => Some(layer),
            _ => None,
        };
        if let (Some(layer), false) = (watch, self.told.is_watching) {
            self.say(&service::waiting(layer.seconds_left, lang));
        }
        self.told.is_watching = watch.is_some();
        if session.pulses.len() < self.told.pulses {
            self.told.pulses = 0;
        }
        for pulse in session.pulses.iter().skip(self.told.pulses) {
            self.say(&service::pulse(*pulse, lang));
        }
        self.told.pulses = session.pulses.len();
    }

    /// What commands printed since. The session keeps the last lines only, so what is new is what follows the longest
    /// end of the told lines with which the kept ones begin.
    pub(super) fn printed(&mut self, output: &[LiveLine]) {
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
}
