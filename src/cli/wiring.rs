//! Where the command line meets the rooms that look, judge and draw: one place for each joint.

use super::demo::{Beside, no_bundle};
use super::settings::Settings;
use crate::carry_out::{Applier, Store};
use crate::core::agent::{endpoint, layout};
use crate::core::checks::{Investigation, Judge};
use crate::core::flow::{Choice, Offer, Session};
use crate::core::observe::Observations;
use crate::core::service::credentials::Environment;
use crate::core::text::Text;
use crate::engine::Looking;
use crate::host::simulated::SimulatedHost;
use crate::host::{LinuxHost, Options, WithCloud};
use crate::memory::{self, Earlier};
use crate::report::{self, AgentInfo, Case, Taken};
use crate::say;
use crate::ui::clipboard::Through;
use crate::ui::panic::install_panic_hook;
use crate::ui::wizard::{Services, Wizard};
use crate::ui::{Depth, FaceKind, Glyphs, Keep, Plain, Signal, Theme, decide_face, view};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// This machine, with the service around it, in the hands of the room that may change it. Nothing is asked of the service
/// before a check asks.
pub fn applier(timeout: Duration, read_only: bool, store: Store) -> Applier {
    let machine = Arc::new(LinuxHost::new(Options { limit: timeout, read_only }));
    Applier::new(Arc::new(WithCloud::new(machine, environment(), read_only)), store)
}

/// The environment of this process; what is not UTF-8 is left out.
fn environment() -> Environment {
    let pairs = std::env::vars_os();
    Environment::new(pairs.filter_map(|(name, value)| name.into_string().ok().zip(value.into_string().ok())))
}

/// The function that judges a step.
pub fn judge() -> Judge {
    crate::core::checks::check
}

/// The agent, from what was observed of it; None when none is installed, or that is not known yet.
pub fn agent_info(seen: &Observations) -> Option<AgentInfo> {
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
        "The wizard needs a terminal on standard input and output. Without one, run: logtail-doctor check (or answer line by line: --plain)",
        "向导需要标准输入和标准输出都是终端。没有终端时请运行：logtail-doctor check（或使用 --plain 逐行问答）",
    )
}

/// Which face the bare command and the demo get here.
pub fn face_kind(plain_asked: bool) -> FaceKind {
    let var = |name: &str| std::env::var(name).ok();
    let (stdin, stdout) = (io::stdin().is_terminal(), io::stdout().is_terminal());
    decide_face(stdin, stdout, var("TERM").as_deref(), plain_asked, var("ACCESSIBLE").as_deref())
}

/// Walks until the operator leaves, and says then what was found and done. Leaving is no failure: the exit code is 0,
/// but after a signal.
///
/// # Errors
/// The terminal cannot be taken, or the summary cannot be written.
pub async fn walk(
    mut looking: Looking,
    mut session: Session,
    applier: Applier,
    settings: &Settings,
    kind: FaceKind,
    demo: Option<SimulatedHost>,
    out: &mut impl Write,
) -> io::Result<u8> {
    let memory_dir = memory::state_dirs().own;
    let keeps = !settings.read_only && demo.is_none();
    let earlier = if keeps { memory::earlier_session(&memory_dir, now_ms()) } else { Earlier::None };
    let keeps = keeps && earlier != Earlier::Alive;
    if let Earlier::Interrupted(interrupted, at_ms) = earlier {
        session.offer(Offer { session: *interrupted, stopped_at: clock(at_ms) });
    }
    let services = services(settings, demo.is_some(), keeps);
    let ended_by = match kind {
        FaceKind::None => {
            settings.complain(&no_terminal());
            return Ok(super::settings::COULD_NOT_RUN);
        }
        FaceKind::Plain => {
            let echoes = !io::stdin().is_terminal();
            let face = Plain::new(io::stdin(), &mut *out, echoes, true, services)?;
            let mut face = Beside { face, host: demo };
            crate::engine::run(&mut looking, &mut session, applier, &mut face).await;
            face.face.ended_by()
        }
        FaceKind::Wizard => {
            let is_demo = demo.is_some();
            let state = settings.store.dir.clone();
            install_panic_hook(settings.lang, move |text| if is_demo { None } else { record_crash(&state, text) });
            let mut face = Beside { face: enter(settings, services)?, host: demo };
            crate::engine::run(&mut looking, &mut session, applier, &mut face).await;
            face.face.ended_by()
        }
    };
    let mut summary = || -> io::Result<()> {
        // In one write, as a frame: over a slow line each write is a packet.
        let lines: String = view::summary_lines(&session).into_iter().map(|line| line + "\n").collect();
        out.write_all(lines.as_bytes())?;
        out.flush()
    };
    match ended_by.and_then(Signal::exit_code) {
        Some(code) => {
            // After a signal the terminal may be gone with everybody who would have read this.
            let _ = summary();
            Ok(u8::try_from(code).unwrap_or(super::settings::COULD_NOT_RUN))
        }
        None => summary().map(|()| super::settings::NOTHING_FAILS),
    }
}

/// Takes the terminal for the full screen.
fn enter(settings: &Settings, services: Services) -> io::Result<Wizard> {
    let var = |name: &str| std::env::var(name).ok();
    let term = var("TERM");
    let depth =
        Depth::decide(settings.no_colour, var("NO_COLOR").as_deref(), term.as_deref(), var("COLORTERM").as_deref());
    let (all, kind, general) = (var("LC_ALL"), var("LC_CTYPE"), var("LANG"));
    let locales = [all.as_deref(), kind.as_deref(), general.as_deref()];
    let glyphs = Glyphs::decide(settings.style.ascii, settings.lang, locales, term.as_deref());
    let through = Through::of_environment(var("TMUX").as_deref(), var("STY").as_deref(), term.as_deref());
    let over_ssh = var("SSH_CONNECTION").is_some();
    Wizard::enter(Theme::of(depth), glyphs, through, over_ssh, services)
}

/// What the wizard has other rooms do.
fn services(settings: &Settings, is_demo: bool, may_keep: bool) -> Services {
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
            if is_demo {
                return Err(no_bundle());
            }
            let case = case(found);
            let bytes = report::pack(&case, lang).map_err(|error| not_written(&error.to_string()))?;
            let name = report::bundle_name(&case);
            report::write_bundle(&bytes, &report::bundle_places(&name)).map_err(|error| not_written(&error.to_string()))
        }),
        remember: Box::new(move |context| {
            if !is_read_only && !is_demo {
                // Only the comfort of the next start depends on it.
                let _ = memory::remember(&memory_dir, context);
            }
        }),
        keep: Keep::new(Box::new(move |session| {
            if may_keep {
                // Only the comfort of the next start depends on it, here too.
                let _ = match session {
                    Some(session) => memory::keep_session(&session_dir, session, now_ms()),
                    None => memory::forget_session(&session_dir),
                };
            }
        })),
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
        // What a panic says may quote the host.
        file.write_all(report::Redactor::new().text(text).as_bytes()).ok().map(|()| path)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_file_holds_no_secret() {
        let place = tempfile::tempdir().unwrap();
        let said = "panicked at src/x.rs:1:2: no key in {\"accessKeySecret\": \"sEcr3tsEcr3tsEcr3tsEcr3tsEcr3t\"}";
        let path = record_crash(place.path(), said).unwrap();
        let kept = std::fs::read_to_string(path).unwrap();
        assert!(kept.contains("src/x.rs:1:2") && !kept.contains("sEcr3t"), "{kept}");
    }
}
