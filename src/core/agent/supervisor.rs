//! What starts the agent and keeps it running: the vendor's init script, a unit of systemd, supervisord, runit, s6, a line
//! of `rc.local` or of cron. Any of them is sound. A running agent is told by its parent and its control group, another by
//! the files that name its program. This file must not judge whether it runs.

mod files;

use super::names::is_agent_program;
use super::processes::is_alive;
use crate::core::observe::{Observations, ProcessSeen, ReadCommand, Unanswered};
use crate::core::text::Text;
use crate::say;
use std::path::{Path, PathBuf};

/// What supervises an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Supervisor {
    /// The vendor's own.
    InitScript(PathBuf),
    /// A unit of systemd with a file of its own, by name without `.service`.
    Unit(String),
    /// A program of supervisord, and the configuration that names it.
    Supervisord { program: String, config: PathBuf },
    /// A service directory of runit.
    Runit(PathBuf),
    /// A service directory of s6.
    S6(PathBuf),
    /// A line of a script that runs at boot.
    RcLocal(BootLine),
    /// An `@reboot` line of cron.
    Cron(BootLine),
}

/// A command that runs when the machine boots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootLine {
    pub file: PathBuf,
    /// As root, where there is none.
    pub user: Option<String>,
    pub command: String,
    /// Whether root alone may write that file: nobody else's line is run as root.
    pub is_roots: bool,
}

impl Supervisor {
    /// As the JSON output names it: the kind, a colon, and which one.
    pub fn id(&self) -> String {
        match self {
            Supervisor::InitScript(script) => format!("init-script:{}", script.display()),
            Supervisor::Unit(unit) => format!("systemd:{unit}.service"),
            Supervisor::Supervisord { program, .. } => format!("supervisord:{program}"),
            Supervisor::Runit(dir) => format!("runit:{}", dir.display()),
            Supervisor::S6(dir) => format!("s6:{}", dir.display()),
            Supervisor::RcLocal(line) => format!("rc.local:{}", line.file.display()),
            Supervisor::Cron(line) => format!("cron:{}", line.file.display()),
        }
    }

    /// As evidence names it.
    pub fn text(&self) -> Text {
        match self {
            Supervisor::InitScript(script) => {
                let script = script.display();
                say!("init script {script}", "启动脚本 {script}")
            }
            Supervisor::Unit(unit) => say!("systemd unit {unit}", "systemd 单元 {unit}"),
            Supervisor::Supervisord { program, .. } => {
                say!("supervisord, program {program}", "supervisord 程序 {program}")
            }
            Supervisor::Runit(dir) => {
                let dir = dir.display();
                say!("runit service {dir}", "runit 服务 {dir}")
            }
            Supervisor::S6(dir) => {
                let dir = dir.display();
                say!("s6 service {dir}", "s6 服务 {dir}")
            }
            Supervisor::RcLocal(BootLine { file, .. }) => {
                let file = file.display();
                say!("a line of {file}, at boot only", "{file} 中的一行，仅在开机时执行")
            }
            Supervisor::Cron(BootLine { file, .. }) => {
                let file = file.display();
                say!("an @reboot line of {file}, at boot only", "{file} 中的 @reboot 行，仅在开机时执行")
            }
        }
    }

    /// Where that was read.
    pub fn source(&self) -> String {
        match self {
            Supervisor::InitScript(path) | Supervisor::Runit(path) | Supervisor::S6(path) => path.display().to_string(),
            Supervisor::Unit(unit) => format!("systemctl cat {unit}"),
            Supervisor::Supervisord { config, .. } => config.display().to_string(),
            Supervisor::RcLocal(line) | Supervisor::Cron(line) => line.file.display().to_string(),
        }
    }
}

/// The agent that is looked for.
pub(super) struct Subject<'a> {
    /// Its directory, under every name that is known.
    pub dirs: Vec<PathBuf>,
    pub script: Option<&'a Path>,
    /// The service's name.
    pub service: &'a str,
    pub processes: &'a [ProcessSeen],
}

/// Programs that start others and do not watch over them: what they started is not theirs.
const STARTERS: [&str; 6] = ["cron", "crond", "atd", "sshd", "systemd", "init"];

/// Finds what supervises the agent; None when nothing is known to.
///
/// # Errors
/// [`Unanswered`] when something still has to be looked at.
pub(super) fn look(see: &Observations, agent: &Subject<'_>) -> Result<Option<Supervisor>, Unanswered> {
    let by_script = || agent.script.map(|script| Supervisor::InitScript(script.to_path_buf()));
    if let Some(top) = eldest(agent.processes) {
        if let Some(found) = of_process(see, agent, top)? {
            return Ok(Some(found));
        }
        if agent.script.is_some() {
            return Ok(by_script());
        }
    }
    let (units, services) = (files::units(see, agent), files::services(see, agent));
    let boot = if agent.script.is_none() { files::boot_lines(see, agent) } else { Ok(None) };
    let (units, services, boot) = (units?, services?, boot?);
    Ok(units.or(services).or_else(by_script).or(boot))
}

/// The live process that none of the others has started.
fn eldest(processes: &[ProcessSeen]) -> Option<&ProcessSeen> {
    let alive = || processes.iter().filter(|process| is_alive(process));
    alive().find(|one| !alive().any(|other| other.pid == one.ppid))
}

/// By the parent of a running agent, and by its control group.
fn of_process(see: &Observations, agent: &Subject<'_>, top: &ProcessSeen) -> Result<Option<Supervisor>, Unanswered> {
    let parent = format!("/proc/{}", top.ppid);
    let (group, name) = (see.file(format!("/proc/{}/cgroup", top.pid)), see.file(format!("{parent}/comm")));
    let (group, name) = (group?, name?);
    let name = name.as_ref().map(|file| file.text().trim().to_string()).unwrap_or_default();
    match name.as_str() {
        "supervisord" => return files::supervisord(see, agent),
        "runsv" | "s6-supervise" => {
            // Each works in the directory of its service.
            let dir = see.place(format!("{parent}/cwd"))?.as_ref().ok().and_then(|place| place.real.clone());
            let of = |dir| if name == "runsv" { Supervisor::Runit(dir) } else { Supervisor::S6(dir) };
            return Ok(dir.map(of));
        }
        _ => {}
    }
    let Some(unit) = group.as_ref().ok().and_then(|file| unit_of(&file.text())) else { return Ok(None) };
    if let Some(text) = files::unit_file(see, &unit)? {
        // A unit that names the program or the script is the agent's; where it names neither, its main process tells.
        if files::names(&text, agent) {
            return Ok(Some(Supervisor::Unit(unit)));
        }
    }
    let state = see.look(&ReadCommand::UnitState { unit: unit.clone() })?;
    let out = state.as_ref().map(|said| said.out.as_str()).unwrap_or_default();
    let value = |key: &str| out.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='));
    // What systemd makes of an init script is the script's: it does not notice when the agent ends.
    let is_made = agent.script.is_some() && value("UnitFileState") == Some("generated");
    let main = value("MainPID").and_then(|pid| pid.trim().parse::<u32>().ok()).filter(|pid| *pid > 1);
    let is_wrapper = main == Some(top.ppid) && !STARTERS.contains(&name.as_str());
    Ok((!is_made && (main == Some(top.pid) || is_wrapper)).then_some(Supervisor::Unit(unit)))
}

/// The unit that a control group belongs to, without `.service`: of the system, not of a user's session.
fn unit_of(groups: &str) -> Option<String> {
    let paths = groups.lines().filter_map(|line| {
        let (kind, path) = line.split_once(':')?.1.split_once(':')?;
        matches!(kind, "" | "name=systemd").then_some(path)
    });
    let of_path = |path: &str| {
        let unit = path.split('/').find_map(|part| part.strip_suffix(".service"))?;
        let is_plain = unit.chars().all(|c| c.is_ascii_alphanumeric() || "_-.@:".contains(c)) && !unit.starts_with('-');
        (!path.contains("user.slice") && is_plain).then(|| unit.to_string())
    };
    paths.filter_map(of_path).next()
}

/// Whether this word of a command line is the agent's program or its init script.
fn is_it(word: &str, agent: &Subject<'_>) -> bool {
    let path = Path::new(word);
    let is_program = path.file_name().and_then(|name| name.to_str()).is_some_and(is_agent_program);
    let is_in = |dir: &PathBuf| path.parent() == Some(dir.as_path());
    (is_program && agent.dirs.iter().any(is_in)) || agent.script == Some(path)
}

#[cfg(test)]
mod tests;
