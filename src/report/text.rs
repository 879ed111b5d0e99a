//! The report for people: one line a step, and below it what a step that does not pass rests on.

use super::Report;
use super::evidence::{row, sign};
use crate::core::checks::root;
use crate::core::finding::{Finding, Verdict};
use crate::core::text::{Lang, Text, pad, printable, width};
use crate::say;

/// How text is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    /// ANSI colours.
    pub colour: bool,
    /// Only ASCII signs. Sentences keep their language.
    pub ascii: bool,
    /// Lines are wrapped to this many cells; None leaves them whole, for files and `grep`.
    pub width: Option<usize>,
}

/// Where the sentence of a step begins: word, number, id.
const INDENT: usize = 23;

/// The report as text, safe to print.
pub fn text(report: &Report, lang: Lang, style: Style) -> String {
    let mut out = Writer { lang, style, out: String::new() };
    out.header(report);
    for checked in &report.steps {
        out.step(report, &checked.finding);
    }
    out.end(report);
    out.out
}

struct Writer {
    lang: Lang,
    style: Style,
    out: String,
}

impl Writer {
    fn get<'a>(&self, text: &'a Text) -> std::borrow::Cow<'a, str> {
        printable(text.get(self.lang))
    }

    fn header(&mut self, report: &Report) {
        let version = &report.tool_version;
        let mut line = format!("logtail-doctor {version}");
        if let Some(identity) = &report.identity {
            for part in [&identity.hostname, &identity.distribution, &identity.arch] {
                if !part.is_empty() {
                    line.push_str(&format!("  {}", part.printable()));
                }
            }
        }
        self.line("", &format!("{line}  {}", report.taken.started_at.printable()));
        let agent = match &report.agent {
            None => Text::fixed("Agent: none found", "Agent：未找到"),
            Some(agent) => {
                let (flavour, dir) = (printable(&agent.flavour), printable(&agent.install_dir));
                let version = printable(agent.version.as_deref().unwrap_or("?"));
                say!("Agent: {flavour} {version}, {dir}", "Agent：{flavour} {version}，{dir}")
            }
        };
        let agent = self.get(&agent).into_owned();
        self.line("", &agent);
        if let Some((step, cause)) = report.root().filter(|_| report.verdict() == Verdict::Fail) {
            let sentence = self.get(&root::sentence(step, cause)).into_owned();
            self.wrapped("", 0, &sentence);
        }
        self.out.push('\n');
    }

    fn step(&mut self, report: &Report, finding: &Finding) {
        let word = pad(finding.verdict.word().get(self.lang), 8);
        let head = format!("{} {:>2} ", self.coloured(finding.verdict, &word), finding.step.index() + 1);
        let head = format!("{head}{}", pad(finding.step.id(), INDENT - 12));
        let summary = self.get(&finding.summary).into_owned();
        self.wrapped(&head, INDENT, &summary);
        if matches!(finding.verdict, Verdict::Pass | Verdict::Skipped) {
            return;
        }
        let (cause_label, why_label, fix_label) = match self.lang {
            Lang::En => ("cause", "why", "fix"),
            Lang::Zh => ("原因", "影响", "修复"),
        };
        for cause in &finding.causes {
            // The line of the step has said it already when it is the only one.
            let detail = match cause.detail == finding.summary {
                true => cause.id.id().to_string(),
                false => format!("{} ({})", self.get(&cause.detail), cause.id.id()),
            };
            let follows = cause.explained_by.map(|root| match self.lang {
                Lang::En => format!(" <- {}", root.id()),
                Lang::Zh => format!("（由 {} 引起）", root.id()),
            });
            self.labelled(cause_label, &format!("{detail}{}", follows.unwrap_or_default()));
            let why = self.get(&cause.why).into_owned();
            if !why.is_empty() {
                self.labelled(why_label, &why);
            }
        }
        for evidence in &finding.evidence {
            self.labelled(sign(evidence.mark, self.style.ascii), &row(evidence, self.lang));
        }
        for remedy in finding.remedies() {
            // A command is never wrapped: it is there to be copied.
            let command = report.fix_command(remedy);
            self.line(&format!("{}{}", " ".repeat(9), pad(fix_label, 7)), &printable(&command));
        }
    }

    fn end(&mut self, report: &Report) {
        self.out.push('\n');
        let verdict = report.verdict();
        let head = format!("{} ", self.coloured(verdict, verdict.word().get(self.lang)));
        let indent = width(verdict.word().get(self.lang)) + 1;
        let conclusion = self.get(&report.conclusion()).into_owned();
        self.wrapped(&head, indent, &conclusion);
        for next in report.next() {
            let next = self.get(&next).into_owned();
            self.wrapped("  ", 2, &next);
        }
    }

    fn labelled(&mut self, label: &str, text: &str) {
        let head = format!("{}{}", " ".repeat(9), pad(label, 7));
        self.wrapped(&head, 16, text);
    }

    fn line(&mut self, head: &str, text: &str) {
        self.out.push_str(format!("{head}{text}").trim_end());
        self.out.push('\n');
    }

    /// A paragraph behind `head`, which takes `indent` cells.
    fn wrapped(&mut self, head: &str, indent: usize, text: &str) {
        let room = match self.style.width {
            Some(cells) => cells.saturating_sub(indent).max(20),
            None => usize::MAX,
        };
        let mut head = head.to_string();
        for line in wrap(text, room) {
            self.line(&head, &line);
            head = " ".repeat(indent);
        }
    }

    fn coloured(&self, verdict: Verdict, word: &str) -> String {
        if !self.style.colour {
            return word.to_string();
        }
        let code = match verdict {
            Verdict::Pass => "32",
            Verdict::Warn => "33",
            Verdict::Unknown => "35",
            Verdict::Fail => "1;31",
            Verdict::Skipped => "2",
        };
        format!("\u{1b}[{code}m{word}\u{1b}[0m")
    }
}

/// Breaks a paragraph into lines of at most `room` cells, at spaces where there are any near, else between characters
/// (Chinese has no spaces). There is always at least one line.
fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for piece in pieces(text) {
        let wide = width(piece);
        if used > 0 && used + width(piece.trim_end()) > room {
            lines.push(String::new());
            used = 0;
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(piece);
        }
        used += wide;
    }
    for line in &mut lines {
        line.truncate(line.trim_end().len());
    }
    lines
}

/// The pieces of a text that stay together: a Latin word with the space behind it, or one wide character with the
/// punctuation behind it, which must not begin a line.
fn pieces(text: &str) -> Vec<&str> {
    let closes = |c: char| "，。：；？！、）”".contains(c);
    let mut out = Vec::new();
    let mut begin = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let Some(&(next_at, next)) = chars.peek() else { break };
        let is_wide = |c: char| width(c.encode_utf8(&mut [0; 4])) > 1;
        let breaks = if c == ' ' { next != ' ' } else { (is_wide(c) || is_wide(next)) && next != ' ' };
        if breaks && !closes(next) && at >= begin {
            out.extend(text.get(begin..next_at));
            begin = next_at;
        }
    }
    out.extend(text.get(begin..));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::model::samples;
    use proptest::prelude::*;

    #[test]
    fn the_text_leads_from_verdict_to_evidence_to_command() {
        insta::assert_snapshot!("text_en", text(&samples::report(), Lang::En, Style::default()));
        insta::assert_snapshot!(
            "text_zh_60",
            text(&samples::report(), Lang::Zh, Style { width: Some(60), ascii: true, ..Style::default() })
        );
    }

    #[test]
    fn colour_is_only_there_when_asked_for_and_hostile_text_never_drives_the_terminal() {
        let report = samples::report();
        assert!(!text(&report, Lang::En, Style::default()).contains('\u{1b}'));
        let coloured = text(&report, Lang::En, Style { colour: true, ..Style::default() });
        assert!(coloured.contains("\u{1b}[1;31mFAIL") && !coloured.contains("\u{1b}[2J"));
    }

    proptest! {
        #[test]
        fn wrapping_loses_nothing_but_spaces(words in "[a-z心跳， ]{0,80}", room in 20usize..40) {
            let squeezed = |text: &str| text.replace(' ', "");
            let lines = wrap(&words, room);
            prop_assert_eq!(squeezed(&lines.concat()), squeezed(&words));
        }
    }
}
