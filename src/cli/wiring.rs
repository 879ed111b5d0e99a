//! Where the command line meets the rooms that look, judge and draw: one place for each joint.

use super::Settings;
use crate::agent::{endpoint, layout};
use crate::checks::{Investigation, Judge};
use crate::engine::Looking;
use crate::flow::{Choice, Offer, Session};
use crate::host::{Host, LinuxHost, Options, Seen};
use crate::memory::{self, Earlier};
use crate::report::{self, AgentInfo, Case, Taken};
use crate::say;
use crate::text::Text;
use crate::ui::clipboard::Through;
use crate::ui::panic::install_panic_hook;
use crate::ui::wizard::{Services, Wizard};
use crate::ui::{Depth, Glyphs, Signal, Theme, view};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// This machine.
pub fn host(timeout: Duration, read_only: bool) -> Arc<dyn Host> {
    Arc::new(LinuxHost::new(Options { limit: timeout, read_only }))
}

/// The function that judges a step.
pub fn judge() -> Judge {
    crate::checks::check
}

/// The agent, from what was observed of it; None when none is installed, or that is not known yet.
pub fn agent_info(seen: &Seen) -> Option<AgentInfo> {
    let agent = layout::find(seen).ok()?.into_iter().next()?;
    Some(AgentInfo {
        flavour: agent.flavour.id().to_string(),
        version: agent.version.as_ref().map(ToString::to_string),
        install_dir: agent.install_dir.display().to_string(),
        conf_dir: agent.conf_dir.display().to_string(),
    })
}

/// The regions that the form offers.
pub fn regions() -> Vec<Choice> {
    endpoint::regions().iter().map(|region| Choice { value: region.id.clone(), label: region.label() }).collect()
}

/// What the bare command says where there is no terminal.
pub fn no_terminal() -> Text {
    Text::fixed(
        "The wizard needs a terminal on standard input and output. Without one, run: logtail-doctor check",
        "向导需要标准输入和标准输出都是终端。没有终端时请运行：logtail-doctor check",
    )
}

/// Runs the wizard until the operator leaves it. Returns the exit code: 0 for an operator who quits, whatever was
/// found; the verdict as an exit code is for `check`.
///
/// # Errors
/// The terminal cannot be taken, or the summary cannot be written.
pub async fn wizard(
    mut looking: Looking,
    mut session: Session,
    settings: &Settings,
    out: &mut impl Write,
) -> io::Result<u8> {
    let var = |name: &str| std::env::var(name).ok();
    let (term, lang) = (var("TERM"), settings.lang);
    let depth =
        Depth::decide(settings.no_colour, var("NO_COLOR").as_deref(), term.as_deref(), var("COLORTERM").as_deref());
    let (all, kind, general) = (var("LC_ALL"), var("LC_CTYPE"), var("LANG"));
    let locales = [all.as_deref(), kind.as_deref(), general.as_deref()];
    let glyphs = Glyphs::decide(settings.style.ascii, lang, locales, term.as_deref());
    let through = Through::of_environment(var("TMUX").as_deref(), var("STY").as_deref(), term.as_deref());
    let over_ssh = var("SSH_CONNECTION").is_some();
    let state = settings.store.dir.clone();
    let memory_dir = memory::state_dirs().own;
    let earlier = memory::earlier_session(&memory_dir, now_ms());
    let may_keep = !settings.read_only && earlier != Earlier::Alive;
    if let Earlier::Interrupted(interrupted, at_ms) = earlier
        && !settings.read_only
    {
        session.offer(Offer { session: *interrupted, stopped_at: clock(at_ms) });
    }
    install_panic_hook(lang, move |text| record_crash(&state, text));
    let mut face = Wizard::enter(Theme::of(depth), glyphs, through, over_ssh, services(settings, may_keep))?;
    crate::engine::run(&mut looking, &mut session, settings.store.clone(), &mut face).await;
    let ended_by = face.ended_by();
    drop(face);
    if let Some(code) = ended_by.and_then(Signal::exit_code) {
        return Ok(u8::try_from(code).unwrap_or(super::COULD_NOT_RUN));
    }
    for line in view::summary_lines(&session) {
        writeln!(out, "{line}")?;
    }
    out.flush()?;
    Ok(super::NOTHING_FAILS)
}

/// What the wizard has other rooms do.
fn services(settings: &Settings, may_keep: bool) -> Services {
    let case = |found: &Investigation| {
        let taken = Taken::at(now_ms(), 0);
        Case::new(found, found.seen(), taken, agent_info(found.seen()))
    };
    let memory_dir = memory::state_dirs().own;
    let session_dir = memory_dir.clone();
    let is_read_only = settings.read_only;
    Services {
        evidence_text: report::evidence_text,
        ticket_text: Box::new(move |found, lang| report::ticket(&case(found), lang)),
        write_bundle: Box::new(move |found, lang| {
            let case = case(found);
            let bytes = report::pack(&case, lang).map_err(|error| not_written(&error.to_string()))?;
            let name = report::bundle_name(&case);
            report::write_bundle(&bytes, &report::bundle_places(&name)).map_err(|error| not_written(&error.to_string()))
        }),
        remember: Box::new(move |context| {
            if !is_read_only {
                // Only the comfort of the next start depends on it.
                let _ = memory::remember(&memory_dir, context);
            }
        }),
        keep: Box::new(move |session| {
            if may_keep {
                // Only the comfort of the next start depends on it, here too.
                let _ = match session {
                    Some(session) => memory::keep_session(&session_dir, session, now_ms()),
                    None => memory::forget_session(&session_dir),
                };
            }
        }),
    }
}

/// Milliseconds since 1970.
fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    i64::try_from(now).unwrap_or_default()
}

/// A time as the operator's clock shows it: with the date unless it is today.
fn clock(at_ms: i64) -> String {
    let zone = jiff::tz::TimeZone::system();
    let local = |ms| jiff::Timestamp::from_millisecond(ms).unwrap_or_default().to_zoned(zone.clone());
    let (then, now) = (local(at_ms), local(now_ms()));
    let form = if then.date() == now.date() { "%H:%M" } else { "%Y-%m-%d %H:%M" };
    then.strftime(form).to_string()
}

fn not_written(error: &str) -> Text {
    say!("The bundle could not be written: {error}", "无法写入诊断包：{error}")
}

/// Keeps the text of a crash for a bug report; returns where.
fn record_crash(dir: &Path, text: &str) -> Option<PathBuf> {
    let places = [dir.to_path_buf(), std::env::temp_dir()];
    places.into_iter().find_map(|dir| {
        let path = dir.join(format!("logtail-doctor-crash-{}.txt", std::process::id()));
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).ok()?;
        file.write_all(text.as_bytes()).ok().map(|()| path)
    })
}
