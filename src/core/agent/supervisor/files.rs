//! The files that say what starts an agent: units, supervisord's programs, service directories, lines that run at boot.

use super::{BootLine, Subject, Supervisor, is_it};
use crate::core::agent::names::entry_names;
use crate::core::observe::{EntryKind, FileSeen, Observations, Observed, Unanswered};
use std::path::{Path, PathBuf};

/// Of a directory at most so many files are read.
const FILES: usize = 64;
/// Where units lie that somebody or a package put there. What systemd makes itself lies elsewhere.
const UNIT_DIRS: [&str; 3] = ["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];
/// The configuration of supervisord, and the directories that it usually includes.
const SUPERVISORD: [&str; 2] = ["/etc/supervisor/supervisord.conf", "/etc/supervisord.conf"];
const SUPERVISORD_DIRS: [&str; 2] = ["/etc/supervisor/conf.d", "/etc/supervisord.d"];
/// Where runit and s6 are told to look for services.
const RUNIT_DIRS: [&str; 4] = ["/etc/service", "/service", "/var/service", "/etc/runit/runsvdir/default"];
const S6_DIRS: [&str; 3] = ["/run/service", "/var/run/s6/services", "/etc/services.d"];
const RC_LOCAL: [&str; 2] = ["/etc/rc.local", "/etc/rc.d/rc.local"];
/// Tables of cron whose lines name a user, and those of root.
const CRON_DIR: &str = "/etc/cron.d";
const CRONTAB: &str = "/etc/crontab";
const ROOTS_CRON: [&str; 2] = ["/var/spool/cron/root", "/var/spool/cron/crontabs/root"];

/// Whether a line that is no comment names the agent's program or script; its program also by the directory that the
/// line goes to.
pub(super) fn names(text: &str, agent: &Subject<'_>) -> bool {
    text.lines().any(|line| line_names(line, agent))
}

fn line_names(line: &str, agent: &Subject<'_>) -> bool {
    if line.trim_start().starts_with(['#', ';']) {
        return false;
    }
    let words: Vec<&str> = line.split([' ', '\t', '=', '"', '\'', ';', '&', '|', '(', ')']).collect();
    let goes_to = |dir: &PathBuf| words.iter().any(|word| Path::new(word.trim_end_matches('/')) == dir.as_path());
    words.iter().any(|word| {
        // systemd allows marks in front of a path.
        let word = word.trim_start_matches(['-', '+', '!', '@', ':']);
        let is_beside = word.strip_prefix("./").is_some_and(|name| {
            let dirs = agent.dirs.iter().filter(|dir| goes_to(dir));
            dirs.map(|dir| dir.join(name)).any(|path| is_it(&path.to_string_lossy(), agent))
        });
        is_it(word, agent) || is_beside
    })
}

/// The text of a unit's own file; None where systemd made the unit itself, or there is none.
pub(super) fn unit_file(see: &Observations, unit: &str) -> Result<Option<String>, Unanswered> {
    let looked: Vec<_> = UNIT_DIRS.iter().map(|dir| see.file(Path::new(dir).join(format!("{unit}.service")))).collect();
    let mut text = None;
    for file in looked {
        text = text.or(file?.as_ref().ok().map(|file| file.text().into_owned()));
    }
    Ok(text)
}

/// The unit whose file names the agent: of those that somebody put there, and the one with the service's name.
pub(super) fn units(see: &Observations, agent: &Subject<'_>) -> Result<Option<Supervisor>, Unanswered> {
    let [own, ..] = UNIT_DIRS;
    let named = unit_file(see, agent.service);
    let files = files_of(see, Path::new(own), |name| name.ends_with(".service"));
    let (named, files) = (named?, files?);
    if named.is_some_and(|text| names(&text, agent)) {
        return Ok(Some(Supervisor::Unit(agent.service.to_string())));
    }
    let found = files.into_iter().find(|(_, file)| names(&file.text(), agent));
    let unit = found.and_then(|(path, _)| Some(path.file_stem()?.to_str()?.to_string()));
    Ok(unit.map(Supervisor::Unit))
}

/// The service of supervisord, runit or s6 that names the agent.
pub(super) fn services(see: &Observations, agent: &Subject<'_>) -> Result<Option<Supervisor>, Unanswered> {
    let (program, runit, s6) =
        (supervisord(see, agent), run_files(see, agent, &RUNIT_DIRS), run_files(see, agent, &S6_DIRS));
    let (program, runit, s6) = (program?, runit?, s6?);
    Ok(program.or(runit.map(Supervisor::Runit)).or(s6.map(Supervisor::S6)))
}

/// The program of supervisord that names the agent.
pub(super) fn supervisord(see: &Observations, agent: &Subject<'_>) -> Result<Option<Supervisor>, Unanswered> {
    let mains: Vec<_> = SUPERVISORD.iter().map(|path| (PathBuf::from(path), see.file(path))).collect();
    let is_conf = |name: &str| name.ends_with(".conf") || name.ends_with(".ini");
    let more: Vec<_> = SUPERVISORD_DIRS.iter().map(|dir| files_of(see, Path::new(dir), is_conf)).collect();
    let mut config = None;
    let mut found = None;
    for (path, file) in mains {
        let Ok(file) = file? else { continue };
        config = config.or(Some(path));
        found = found.or_else(|| program_of(&file.text(), agent));
    }
    for files in more {
        for (_, file) in files? {
            found = found.or_else(|| program_of(&file.text(), agent));
        }
    }
    Ok(found.zip(config).map(|(program, config)| Supervisor::Supervisord { program, config }))
}

/// The section `[program:NAME]` in which a line names the agent.
fn program_of(text: &str, agent: &Subject<'_>) -> Option<String> {
    let mut section = None;
    for line in text.lines() {
        if let Some(head) = line.trim().strip_prefix('[') {
            let name = head.split(']').next().unwrap_or_default();
            section = name.strip_prefix("program:").map(|name| name.trim().to_string());
        } else if line_names(line, agent)
            && let Some(section) = &section
        {
            let is_plain = section.chars().all(|c| c.is_ascii_alphanumeric() || "_-.:".contains(c));
            return is_plain.then(|| section.clone());
        }
    }
    None
}

/// The service directory whose `run` names the agent.
fn run_files(see: &Observations, agent: &Subject<'_>, dirs: &[&str]) -> Result<Option<PathBuf>, Unanswered> {
    let listed: Vec<_> = dirs.iter().map(|dir| (Path::new(dir), see.dir(dir))).collect();
    let mut runs = Vec::new();
    for (dir, listing) in listed {
        let services = entry_names(listing?, EntryKind::Dir).take(FILES);
        runs.extend(services.map(|name| (dir.join(name), see.file(dir.join(name).join("run")))));
    }
    let mut found = None;
    for (dir, run) in runs {
        if run?.as_ref().is_ok_and(|run| names(&run.text(), agent)) {
            found = found.or(Some(dir));
        }
    }
    Ok(found)
}

/// The line that starts the agent at boot and no more.
pub(super) fn boot_lines(see: &Observations, agent: &Subject<'_>) -> Result<Option<Supervisor>, Unanswered> {
    let scripts: Vec<_> = RC_LOCAL.iter().map(|path| (PathBuf::from(path), see.file(path))).collect();
    let tables = files_of(see, Path::new(CRON_DIR), |_| true);
    let crontab = see.file(CRONTAB);
    let of_root: Vec<_> = ROOTS_CRON.iter().map(|path| (PathBuf::from(path), see.file(path))).collect();
    let (tables, crontab) = (tables?, crontab?);
    let mut found = None;
    for (path, script) in scripts {
        found = found.or(line_of(&path, script?, agent, |line| Some((None, line))).map(Supervisor::RcLocal));
    }
    found = found.or(line_of(Path::new(CRONTAB), crontab, agent, with_user).map(Supervisor::Cron));
    for (path, file) in tables {
        found = found.or(line_of(&path, &Ok(file.clone()), agent, with_user).map(Supervisor::Cron));
    }
    for (path, file) in of_root {
        let line = line_of(&path, file?, agent, |line| Some((None, at_reboot(line)?)));
        found = found.or(line.map(Supervisor::Cron));
    }
    Ok(found)
}

/// The user and the command of such a line in a table that names users.
fn with_user(line: &str) -> Option<(Option<String>, &str)> {
    let (user, command) = at_reboot(line)?.split_once(char::is_whitespace)?;
    let is_plain = user.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c)) && !user.starts_with('-');
    is_plain.then(|| (Some(user.to_string()), command.trim()))
}

/// What a line of cron runs at boot.
fn at_reboot(line: &str) -> Option<&str> {
    line.trim().strip_prefix("@reboot").filter(|rest| rest.starts_with(char::is_whitespace)).map(str::trim)
}

fn line_of(
    path: &Path,
    file: &Observed<FileSeen>,
    agent: &Subject<'_>,
    split: impl Fn(&str) -> Option<(Option<String>, &str)>,
) -> Option<BootLine> {
    let file = file.as_ref().ok()?;
    let text = file.text();
    let line = text.lines().filter(|line| line_names(line, agent)).find_map(|line| {
        let (user, command) = split(line)?;
        Some((user, command.trim().trim_end_matches('&').trim().to_string()))
    });
    let is_roots = file.uid == 0 && file.mode & 0o022 == 0 && file.link_to.is_none();
    line.map(|(user, command)| BootLine { file: path.to_path_buf(), user, command, is_roots })
}

/// The regular files of a directory whose names fit, at most [`FILES`].
fn files_of(
    see: &Observations,
    dir: &Path,
    fits: impl Fn(&str) -> bool,
) -> Result<Vec<(PathBuf, FileSeen)>, Unanswered> {
    let listing = see.dir(dir)?;
    let chosen = entry_names(listing, EntryKind::File).filter(|name| fits(name)).take(FILES);
    let looked: Vec<_> = chosen.map(|name| (dir.join(name), see.file(dir.join(name)))).collect();
    let mut out = Vec::new();
    for (path, file) in looked {
        if let Ok(file) = file? {
            out.push((path, file.clone()));
        }
    }
    Ok(out)
}
