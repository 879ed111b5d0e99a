//! Arguments → what to run. Results go to standard output, messages to standard error; the exit codes are a promise.
//!
//! Commands take a host and a judge, so tests run them on any machine that answers questions.

pub mod args;
pub mod bundle;
pub mod changing;
mod demo;
pub mod journal;
pub mod looking;
mod manual;
mod progress_line;
mod settings;
mod streams;
mod wiring;

pub use settings::{COULD_NOT_RUN, FAILS, NOTHING_FAILS, Settings, UNKNOWN};

use crate::carry_out::{Store, WithRootsJournal, elevation};
use crate::core::context::Context;
use crate::core::finding::RemedyId;
use crate::core::flow::{Notice, Session};
use crate::core::remedies;
use crate::core::text::Lang;
use crate::host::way_to_root;
use crate::report::{self, Style};
use crate::ui::FaceKind;
use crate::{memory, say};
use args::{Cli, Command, Manner};
use clap::{CommandFactory, Parser};
use journal::Unfinished;
use settings::{complain, refuse};
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// The whole program.
pub fn main() -> ExitCode {
    // A key may be in memory: no core file may be written of this process, and nobody else may read it. Programs that it
    // starts are not touched by it, unlike a limit on core files, which the agent would inherit.
    let _ = nix::sys::prctl::set_dumpable(false);
    // Prints help and usage errors, and ends with 0 or 2.
    let cli = Cli::parse();
    let lang = language(&cli.manner);
    let code = match run(cli, lang) {
        Ok(code) => code,
        // Also where whoever read our output had enough of it: a result that did not arrive is none.
        Err(error) => {
            complain(lang, &say!("The result could not be written: {error}", "无法输出结果：{error}"));
            COULD_NOT_RUN
        }
    };
    ExitCode::from(code)
}

/// `--lang`, else what the locale says: the first of the three that is set decides, as in POSIX.
fn language(manner: &Manner) -> Lang {
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|value| !value.is_empty());
    let term = std::env::var("TERM").unwrap_or_default();
    manner.lang.map_or_else(|| Lang::of_locale(&locale.unwrap_or_default(), &term), Lang::from)
}

/// How text is drawn on this standard output.
fn style(manner: &Manner) -> Style {
    let is_terminal = io::stdout().is_terminal();
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    Style {
        colour: is_terminal && !manner.no_color && !no_colour && !is_dumb,
        ascii: manner.ascii,
        width: is_terminal.then(|| crossterm::terminal::size().map_or(80, |(columns, _)| columns.max(40).into())),
    }
}

/// Who is acting, for the journal: the person behind sudo or doas, else the user. Of an ordinary user these variables say
/// nothing: anybody can set them.
fn actor() -> String {
    let is_root = nix::unistd::geteuid().is_root();
    let person = ["SUDO_USER", "DOAS_USER"].iter().filter_map(|name| std::env::var(name).ok());
    let sudo = person.into_iter().find(|user| is_root && !user.is_empty() && user != "root");
    let user = || nix::unistd::User::from_uid(nix::unistd::geteuid()).ok().flatten().map(|user| user.name);
    sudo.or_else(user).unwrap_or_else(|| nix::unistd::geteuid().to_string())
}

/// How commands for root name this program. sudo looks for a bare name in directories of its own (`secure_path`); those
/// that every distribution has among them are searched here. Elsewhere, such as in /usr/local/bin, it is not found on
/// some of them, so there the whole path is named.
fn own_name() -> String {
    let Ok(program) = std::env::current_exe().and_then(|program| program.canonicalize()) else {
        return remedies::NAME.to_string();
    };
    let is_it = |dir: &str| Path::new(dir).join(remedies::NAME).canonicalize().is_ok_and(|known| known == program);
    match ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].into_iter().any(is_it) {
        true => remedies::NAME.to_string(),
        false => program.display().to_string(),
    }
}

fn run(cli: Cli, lang: Lang) -> io::Result<u8> {
    let mut out = io::stdout().lock();
    match &cli.command {
        Some(Command::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "logtail-doctor", &mut script);
            out.write_all(&script)?;
            return out.flush().map(|()| NOTHING_FAILS);
        }
        Some(Command::Man) => {
            let mut page = Vec::new();
            manual::write(&mut page)?;
            out.write_all(&page)?;
            return out.flush().map(|()| NOTHING_FAILS);
        }
        Some(Command::Demo { list: true, .. }) => return demo::list(lang, &mut out),
        None | Some(Command::Demo { .. }) if wiring::face_kind(cli.manner.plain) == FaceKind::None => {
            complain(lang, &wiring::no_terminal());
            return Ok(COULD_NOT_RUN);
        }
        Some(Command::Demo { scenario, .. }) => return run_demo(scenario.as_deref(), &cli, lang, &mut out),
        _ => {}
    }
    remedies::call_it(own_name(), nix::unistd::geteuid().is_root());
    remedies::becomes_root_by(way_to_root().map(|tool| elevation::name(&tool)));
    let dirs = memory::state_dirs();
    let is_recording = matches!(&cli.command, Some(Command::Check { from: Some(_), .. }));
    let remembered = if is_recording { Context::default() } else { recall(&dirs.own, lang) };
    let mut settings = Settings {
        lang,
        style: style(&cli.manner),
        no_colour: cli.manner.no_color,
        read_only: cli.manner.read_only,
        context: remembered.clone(),
        asks: io::stdin().is_terminal() && io::stderr().is_terminal(),
        store: Store { dir: dirs.journal, actor: actor() },
        roots_dir: dirs.roots,
    };
    settings.context.no_cloud = cli.manner.no_cloud;
    match cli.told.over(&mut settings.context) {
        Ok(said) => said.iter().for_each(|text| settings.complain(text)),
        Err((field, refusal)) => {
            refuse(field, &refusal, lang);
            return Ok(COULD_NOT_RUN);
        }
    }
    if let Some(Command::Check { format, from: Some(bundle) }) = &cli.command {
        return check_bundle(bundle, &cli, &settings, *format, &mut out);
    }
    remember(&dirs.own, &remembered, &settings);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let code = runtime.block_on(dispatch(&cli, &settings, &mut out));
    // A probe may hang in the kernel on a dead mount; nobody waits for it.
    runtime.shutdown_background();
    code
}

/// `demo`: what is remembered of this machine is neither read nor written.
fn run_demo(scenario: Option<&str>, cli: &Cli, lang: Lang, out: &mut impl Write) -> io::Result<u8> {
    let Some(scenario) = demo::choose(scenario, lang) else { return Ok(COULD_NOT_RUN) };
    let settings = Settings {
        lang,
        style: style(&cli.manner),
        no_colour: cli.manner.no_color,
        read_only: cli.manner.read_only,
        asks: false,
        context: Context::default(),
        store: Store { dir: Path::new("/").into(), actor: String::new() },
        roots_dir: None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let kind = wiring::face_kind(cli.manner.plain);
    let code = runtime.block_on(demo::run(scenario, cli, &settings, kind, out));
    runtime.shutdown_background();
    code
}

/// What is remembered; a file that cannot be used is a note.
fn recall(dir: &Path, lang: Lang) -> Context {
    let (context, note) = memory::recall(dir);
    if let Some(note) = note {
        complain(lang, &note);
    }
    context
}

/// Remembers what was told, if that is new.
fn remember(dir: &Path, remembered: &Context, settings: &Settings) {
    let remembered_fields = remembered.remembered.clone();
    let told =
        Context { no_cloud: false, console_heartbeat: None, remembered: remembered_fields, ..settings.context.clone() };
    if told == *remembered || settings.read_only {
        return;
    }
    if let Err(error) = memory::remember(dir, &told) {
        let dir = dir.display();
        settings.complain(&say!(
            "The options could not be remembered in {dir}: {error}",
            "无法将选项保存到 {dir}：{error}"
        ));
    }
}

/// `check --from`: what was told when the bundle was made, and over it what is told now.
fn check_bundle(
    bundle: &Path,
    cli: &Cli,
    settings: &Settings,
    format: args::Format,
    out: &mut impl Write,
) -> io::Result<u8> {
    let recording = match report::read_bundle(bundle) {
        Ok(recording) => recording,
        Err(error) => {
            let error = error.to_string();
            settings.complain(&say!("The bundle could not be read: {error}", "无法读取诊断包：{error}"));
            return Ok(COULD_NOT_RUN);
        }
    };
    let mut context = recording.told();
    context.no_cloud |= cli.manner.no_cloud;
    // Refused values have been refused before.
    let _ = cli.told.over(&mut context);
    looking::check_recording(&recording, context, wiring::judge(), settings, format, out)
}

async fn dispatch(cli: &Cli, settings: &Settings, out: &mut impl Write) -> io::Result<u8> {
    let judge = wiring::judge();
    let timeout = Duration::from_secs(cli.manner.timeout);
    let applier = wiring::applier(timeout, settings.read_only, settings.store.clone());
    let host = applier.host();
    let with_roots_journal = || WithRootsJournal::around(applier.host(), settings.roots_dir.as_deref());
    match &cli.command {
        None => {
            let looking = looking::begin(&with_roots_journal(), judge, settings);
            let mut session =
                Session::new(settings.context.clone(), settings.lang, settings.read_only, wiring::regions());
            match journal::unfinished(&host, settings).await {
                Some(Unfinished::BrokenOff(done)) => session.ask_about(*done),
                Some(Unfinished::UnderWay(text)) => session.notice = Some(Notice { text, is_problem: true }),
                None => {}
            }
            let kind = wiring::face_kind(cli.manner.plain);
            wiring::walk(looking, session, applier, settings, kind, None, out).await
        }
        Some(Command::Check { format, .. }) => looking::check(host, judge, settings, *format, out).await,
        Some(Command::Fix { remedy, set, manner }) => match RemedyId::of_id(remedy) {
            Some(remedy) => changing::fix(applier, judge, settings, remedy, set, *manner, out).await,
            None => Ok(COULD_NOT_RUN),
        },
        Some(Command::Verify { wait }) => looking::verify(host, judge, settings, Duration::from_secs(*wait), out).await,
        Some(Command::Journal) => journal::journal(with_roots_journal(), settings, out).await,
        Some(Command::Undo { id, consent }) => {
            changing::undo(applier, judge, settings, id.as_deref(), *consent, out).await
        }
        Some(Command::Bundle { self_test: true, .. }) => bundle::self_test(host, judge, settings, out).await,
        Some(Command::Bundle { output, list, anonymous, .. }) => {
            let wish = bundle::Wish { output: output.as_deref(), lists: *list, is_anonymous: *anonymous };
            bundle::bundle(host, judge, settings, wish, out).await
        }
        Some(Command::CarryOut) => changing::run_errand(&applier, settings).await,
        // Answered before there was a host.
        Some(Command::Demo { .. } | Command::Completions { .. } | Command::Man) => Ok(NOTHING_FAILS),
    }
}
