//! `check` and `verify`: look, judge, show.

use super::args::Format;
use super::progress_line::while_waiting;
use super::settings::{FAILS, NOTHING_FAILS, Settings, UNKNOWN};
use super::wiring;
use crate::carry_out;
use crate::core::checks::{Checked, Investigation, Judge, age_text, heartbeat_age};
use crate::core::context::Context;
use crate::core::finding::Verdict;
use crate::core::journal::JOURNAL;
use crate::core::observe::{Answer, Observations, Question};
use crate::core::text::Text;
use crate::engine::Looking;
use crate::host::Host;
use crate::report::{self, Recording, Redactor, Report, Taken};
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

/// How long `verify` rests between two looks.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// The exit code of a verdict (design, section 4).
pub fn code_of(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Fail => FAILS,
        Verdict::Unknown => UNKNOWN,
        Verdict::Skipped | Verdict::Pass | Verdict::Warn => NOTHING_FAILS,
    }
}

/// All checks once.
///
/// # Errors
/// The result cannot be written.
pub async fn check(
    host: Arc<dyn Host>,
    judge: Judge,
    settings: &Settings,
    format: Format,
    out: &mut impl Write,
) -> io::Result<u8> {
    let mut looking = begin(&host, judge, settings);
    while_waiting(settings, &looking_text(), looking.settle()).await;
    let (seen, taken) = complete(&host, &looking, &[]).await;
    show(&report_of(looking.found(), &seen, taken), settings, format, out)
}

/// Judges a recording with the same code. What was told then holds unless something else is told now.
///
/// # Errors
/// The result cannot be written.
pub fn check_recording(
    recording: &Recording,
    context: Context,
    judge: Judge,
    settings: &Settings,
    format: Format,
    out: &mut impl Write,
) -> io::Result<u8> {
    let found = recording.judged(judge, context);
    show(&report_of(&found, found.seen(), recording.taken.clone()), settings, format, out)
}

/// Looks again and again until nothing fails, at most this long. Every look is one line of message; the age of the last
/// heartbeat, where the service can be asked for it, ends the result.
///
/// # Errors
/// The result cannot be written.
pub async fn verify(
    host: Arc<dyn Host>,
    judge: Judge,
    settings: &Settings,
    wait: Duration,
    out: &mut impl Write,
) -> io::Result<u8> {
    let deadline = tokio::time::Instant::now() + wait;
    let mut settings = settings.clone();
    settings.context.cured_at = carry_out::last_change(host.as_ref(), &settings.journals()).await;
    let settings = &settings;
    let mut looking = begin(&host, judge, settings);
    while_waiting(settings, &looking_text(), looking.settle()).await;
    loop {
        let (seen, taken) = complete(&host, &looking, &[]).await;
        let report = report_of(looking.found(), &seen, taken);
        let now = tokio::time::Instant::now();
        let age = age_line(looking.found());
        if report.verdict() != Verdict::Fail || now >= deadline {
            let code = show(&report, settings, Format::Text, out)?;
            if let Some(age) = age {
                settings.say(out, &age)?;
                out.flush()?;
            }
            return Ok(code);
        }
        settings.complain(&look_line(looking.found(), age, (deadline - now).as_secs()));
        tokio::time::sleep(LOOK_AGAIN.min(deadline - now)).await;
        looking.settle_again().await;
    }
}

/// How old the last heartbeat is, where the service can be asked for it.
fn age_line(found: &Investigation) -> Option<Text> {
    let age = found.seen().at_a_glance(|seen| heartbeat_age(seen, found.context()));
    Some(match age.ok()?? {
        Some(age) => {
            let age = age_text(age);
            let (en, zh) = age.both();
            Text::filled(format!("The last heartbeat is {en} old."), format!("最近一次心跳在 {zh}前。"))
        }
        None => Text::fixed("The service has no heartbeat of this host.", "服务端没有收到本机的心跳。"),
    })
}

/// One look that did not end the wait.
fn look_line(found: &Investigation, age: Option<Text>, seconds_left: u64) -> Text {
    let what = age.or_else(|| {
        let fails = |checked: &&Checked| checked.finding.verdict == Verdict::Fail;
        found.findings().map(|(_, checked)| checked).find(fails).map(|checked| checked.finding.summary.clone())
    });
    let what = what.unwrap_or_else(|| Text::same(""));
    let (en, zh) = what.both();
    Text::filled(format!("{en} At most {seconds_left} s more."), format!("{zh}最多再等待 {seconds_left} 秒。"))
}

/// Looks once, also at what a ticket wants besides; returns the investigation, all that was seen, and when.
pub async fn look_for_case(host: &Arc<dyn Host>, judge: Judge, settings: &Settings) -> (Looking, Observations, Taken) {
    let mut looking = begin(host, judge, settings);
    while_waiting(settings, &looking_text(), looking.settle()).await;
    let journal = Question::File(settings.store.dir.join(JOURNAL));
    let (seen, taken) = complete(host, &looking, &[journal]).await;
    (looking, seen, taken)
}

/// What is said while nothing else is to be seen.
pub fn looking_text() -> Text {
    Text::fixed("looking at this host", "正在检查本机")
}

/// An investigation of this host with what was told.
pub fn begin(host: &Arc<dyn Host>, judge: Judge, settings: &Settings) -> Looking {
    let found = Investigation::new(judge, settings.context.clone());
    Looking::new(Arc::clone(host), found).with_roots_dir(settings.roots_dir.clone())
}

/// The observations, with who and where we are, the time, and `more`, whether or not a check asked.
async fn complete(host: &Arc<dyn Host>, looking: &Looking, more: &[Question]) -> (Observations, Taken) {
    let mut seen: Observations = looking.found().seen().answers().map(|(q, a)| (q.clone(), a.clone())).collect();
    for question in [Question::Identity, Question::Clock].iter().chain(more) {
        if !seen.answers().any(|(known, _)| known == question) {
            seen.keep(question.clone(), host.observe(question.clone()).await);
        }
    }
    let elapsed_ms = looking.elapsed_ms();
    let now_ms = match host.observe(Question::Clock).await {
        Answer::Clock(clock) => clock.now_ms,
        _ => 0,
    };
    let started_ms = now_ms.saturating_sub(i64::try_from(elapsed_ms).unwrap_or_default());
    (seen, Taken::at(started_ms, elapsed_ms))
}

fn report_of(found: &Investigation, seen: &Observations, taken: Taken) -> Report {
    Report::new(found, seen, taken, wiring::agent_info(seen), &mut Redactor::new())
}

fn show(report: &Report, settings: &Settings, format: Format, out: &mut impl Write) -> io::Result<u8> {
    let shown = match format {
        Format::Text => report::text(report, settings.lang, settings.style),
        Format::Json => report::json(report, settings.lang),
        Format::Markdown => report::markdown(report, settings.lang),
    };
    out.write_all(shown.as_bytes())?;
    out.flush()?;
    Ok(code_of(report.verdict()))
}
