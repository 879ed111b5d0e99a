//! What starts the agent when the machine boots: the one reader of the init systems. The one in force is asked, systemd's
//! own word first; links and files count only where this init system reads them. It judges nothing but that one question.

mod sysv;
#[cfg(test)]
mod tests;

use super::layout::Agent;
use crate::core::observe::{FileSeen, Observations, ReadCommand, Unanswered, Unavailable};
use crate::core::text::Text;
use crate::say;
use std::path::{Path, PathBuf};
pub use sysv::{header_levels, is_start_link, run_level};

/// The program that starts everything on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InitSystem {
    Systemd,
    OpenRc,
    /// runit or s6: a directory for each service, with a program `run`.
    ServiceDirs,
    /// sysvinit, and whatever else goes by the links of run levels.
    SysV,
}

/// Whether the agent is started when the machine boots.
#[derive(Debug, Clone, PartialEq)]
pub enum Starts {
    Yes,
    No,
    /// It could not be found out.
    Unknown,
}

/// What was found about the next boot.
#[derive(Debug, Clone, PartialEq)]
pub struct AtBoot {
    pub init: InitSystem,
    pub starts: Starts,
    /// What says so, in a few words.
    pub said: Text,
    /// Where it was read.
    pub source: String,
}

/// Scripts of the operator's own that run at boot, where the init system runs them.
const OWN_SCRIPTS: [&str; 2] = ["/etc/rc.local", "/etc/rc.d/rc.local"];
/// Where runit and s6 keep the directories of the services that they start.
const SERVICE_DIRS: [&str; 5] =
    ["/etc/service", "/var/service", "/service", "/run/service", "/etc/runit/runsvdir/default"];
/// At most so many services of such a directory are looked at.
const MANY: usize = 64;
/// The levels that OpenRC goes through at boot.
const OPENRC_LEVELS: [&str; 3] = ["sysinit", "boot", "default"];

/// Whether anybody may run a file.
pub fn is_executable(file: &FileSeen) -> bool {
    file.mode & 0o111 != 0
}

/// Whether a line that is no comment names the service.
pub fn is_called(script: &str, service: &str) -> bool {
    script.lines().any(|line| !line.trim_start().starts_with('#') && line.contains(service))
}

/// Which init system is in force: the one that answers, not the one whose files lie about.
///
/// # Errors
/// Something has not been looked at yet.
pub fn init_system(see: &Observations, agent: &Agent) -> Result<InitSystem, Unanswered> {
    let state = ReadCommand::UnitState { unit: agent.unit.clone() };
    let enabled = ReadCommand::UnitEnabled { unit: agent.unit.clone() };
    let (state, enabled, first, openrc) =
        (see.look(&state), see.look(&enabled), see.file("/proc/1/comm"), see.file("/run/openrc/softlevel"));
    let (state, enabled, first, openrc) = (state?, enabled?, first?, openrc?);
    // `show` answers only where systemd runs; `is-enabled` goes by the files alone, and a recording of old may have only it.
    let answers = state.as_ref().is_ok_and(|said| said.out.contains("LoadState="));
    let word = enabled.as_ref().is_ok_and(|said| !said.out.trim().is_empty());
    let first = first.as_ref().map(FileSeen::text).unwrap_or_default();
    Ok(match first.trim() {
        _ if answers => InitSystem::Systemd,
        _ if openrc.is_ok() => InitSystem::OpenRc,
        "runit" | "runsvdir" | "s6-svscan" => InitSystem::ServiceDirs,
        "systemd" => InitSystem::Systemd,
        "init" => InitSystem::SysV,
        _ if word => InitSystem::Systemd,
        _ => InitSystem::SysV,
    })
}

/// Looks whether the agent starts at boot.
///
/// # Errors
/// Something has not been looked at yet.
pub fn look(see: &Observations, agent: &Agent) -> Result<AtBoot, Unanswered> {
    let init = init_system(see, agent)?;
    let found = match init {
        InitSystem::Systemd => systemd(see, agent)?,
        InitSystem::OpenRc => openrc(see, agent)?,
        InitSystem::ServiceDirs => service_dirs(see, agent)?,
        InitSystem::SysV => sysv::look(see, agent)?,
    };
    if found.starts == Starts::Yes {
        return Ok(found);
    }
    Ok(own_script(see, agent, init)?.unwrap_or(found))
}

fn found(init: InitSystem, starts: Starts, said: Text, source: impl Into<String>) -> AtBoot {
    AtBoot { init, starts, said, source: source.into() }
}

/// A property of a unit out of what `systemctl show` printed.
fn property<'a>(out: &'a str, name: &str) -> &'a str {
    out.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix('=')).unwrap_or_default().trim()
}

/// systemd's own word on the unit. It outranks every link and script: from 260 on it reads neither.
fn systemd(see: &Observations, agent: &Agent) -> Result<AtBoot, Unanswered> {
    let unit = agent.unit.as_str();
    let look = ReadCommand::UnitEnabled { unit: unit.to_string() };
    let wants = ReadCommand::UnitWantedBy { unit: unit.to_string() };
    let state = ReadCommand::UnitState { unit: unit.to_string() };
    let (said, wants, state) = (see.look(&look), see.look(&wants), see.look(&state));
    let (said, wants, state) = (said?, wants?, state?);
    let source = look.line();
    let make = |starts, text| Ok(found(InitSystem::Systemd, starts, text, source.clone()));
    let said = match said {
        Ok(said) => said,
        Err(trouble) => return make(Starts::Unknown, not_looked_at(trouble)),
    };
    let word = said.out.lines().map(str::trim).find(|line| !line.is_empty());
    let is_script = said.err.contains("not a native service");
    let script = match &agent.init_script {
        Some(path) => see.present(path)?.as_ref().ok(),
        None => None,
    };
    let is_idle = || script.is_some_and(|script| !is_executable(script));
    let word = match word {
        Some(word) => word,
        // Before 254 the word stood on standard error alone.
        None if property(state.as_ref().map_or("", |said| said.out.as_str()), "LoadState") == "not-found" => {
            "not-found"
        }
        None if said.err.contains("No such file or directory") => "not-found",
        None => return make(Starts::Unknown, Text::fixed("not known", "未知")),
    };
    match word {
        "enabled" | "generated" if (is_script || word == "generated") && is_idle() => {
            let path = agent.init_script.clone().unwrap_or_default();
            let path = path.display();
            return make(
                Starts::No,
                say!("{path} may not be executed, so systemd passes over it", "{path} 没有执行权限，systemd 会忽略它"),
            );
        }
        "enabled" | "static" | "alias" | "indirect" | "linked" | "generated" => {}
        "enabled-runtime" | "linked-runtime" | "masked-runtime" => {
            return make(Starts::No, say!("{word}: only until the next boot", "{word}：仅在下次开机前有效"));
        }
        "not-found" if script.is_some() => {
            return make(
                Starts::No,
                Text::fixed(
                    "not-found: this systemd knows no unit for the init script, and does not start it",
                    "not-found：该 systemd 没有与启动脚本对应的单元，不会启动它",
                ),
            );
        }
        "disabled" | "masked" | "bad" | "transient" => return make(Starts::No, Text::same(word.to_string())),
        // Neither a unit nor a script: what else may start the agent is not known here.
        _ => return make(Starts::Unknown, Text::same(word.to_string())),
    }
    let Some(wanted_by) = wants.as_ref().ok().filter(|said| said.code == Some(0)).map(|said| said.out.as_str()) else {
        // Whoever wants it cannot be asked, as in a recording: then the word alone counts.
        return make(if word == "linked" { Starts::No } else { Starts::Yes }, Text::same(word.to_string()));
    };
    let by: Vec<&str> =
        ["WantedBy", "RequiredBy"].iter().flat_map(|name| property(wanted_by, name).split_whitespace()).collect();
    if by.is_empty() {
        // An enabled unit that was made a moment ago may not be loaded yet; its word stands.
        return if word == "enabled" {
            make(Starts::Yes, Text::same(word.to_string()))
        } else {
            make(Starts::No, say!("{word}, and nothing wants it", "{word}，且没有任何单元需要它"))
        };
    }
    let states: Vec<_> = by.iter().map(|name| see.look(&ReadCommand::UnitState { unit: name.to_string() })).collect();
    let mut is_reached = false;
    for state in states {
        // What cannot be asked accuses nobody.
        is_reached |= state?.as_ref().map_or(true, |said| property(&said.out, "ActiveState") != "inactive");
    }
    let list = by.join(", ");
    if is_reached {
        make(Starts::Yes, say!("{word}, by {list}", "{word}，由 {list} 启动"))
    } else {
        make(
            Starts::No,
            say!("{word} for {list}, which this machine does not reach", "{word}，但所属的 {list} 在本机不会到达"),
        )
    }
}

fn openrc(see: &Observations, agent: &Agent) -> Result<AtBoot, Unanswered> {
    let levels: Vec<_> =
        OPENRC_LEVELS.iter().map(|level| (*level, see.dir(Path::new("/etc/runlevels").join(level)))).collect();
    let script = match &agent.init_script {
        Some(path) => see.present(path)?.as_ref().ok(),
        None => None,
    };
    let make = |starts, said, source: String| Ok(found(InitSystem::OpenRc, starts, said, source));
    let mut is_known = false;
    for (level, listing) in levels {
        let Ok(listing) = listing? else { continue };
        is_known = true;
        if listing.entries.iter().any(|entry| entry.name == agent.unit) {
            let source = format!("/etc/runlevels/{level}/{}", agent.unit);
            if script.is_some_and(|script| !is_executable(script)) {
                return make(
                    Starts::No,
                    Text::fixed("the init script may not be executed", "启动脚本没有执行权限"),
                    source,
                );
            }
            return make(Starts::Yes, say!("in run level {level}", "位于运行级别 {level}"), source);
        }
    }
    let starts = if is_known && script.is_some() { Starts::No } else { Starts::Unknown };
    make(starts, Text::fixed("in no run level of OpenRC", "不在 OpenRC 的任何运行级别中"), "/etc/runlevels".into())
}

fn service_dirs(see: &Observations, agent: &Agent) -> Result<AtBoot, Unanswered> {
    let dirs: Vec<_> = SERVICE_DIRS.iter().map(|dir| (*dir, see.dir(dir))).collect();
    let make = |starts, said, source: String| Ok(found(InitSystem::ServiceDirs, starts, said, source));
    let mut files = Vec::new();
    let mut looked = Vec::new();
    for (dir, listing) in dirs {
        let Ok(listing) = listing? else { continue };
        looked.push(dir);
        for entry in listing.entries.iter().filter(|entry| !entry.name.starts_with('.')).take(MANY) {
            let service = Path::new(dir).join(&entry.name);
            files.push((service.clone(), see.file(service.join("run")), see.present(service.join("down"))));
        }
    }
    let program = agent.install_dir.display().to_string();
    for (service, run, down) in files {
        let (run, down) = (run?, down?);
        let Ok(run) = run else { continue };
        let text = run.text();
        if !is_called(&text, &agent.unit) && !is_called(&text, &program) {
            continue;
        }
        let source = service.display().to_string();
        return match (is_executable(run), down) {
            (false, _) => {
                make(Starts::No, Text::fixed("its program run may not be executed", "其 run 没有执行权限"), source)
            }
            (true, Ok(_)) => make(
                Starts::No,
                Text::fixed("its file down keeps it from starting", "其中的 down 文件使它不会启动"),
                source,
            ),
            (true, Err(_)) => {
                make(Starts::Yes, Text::fixed("a service of this init system", "本机初始化系统的一个服务"), source)
            }
        };
    }
    let starts = if looked.is_empty() { Starts::Unknown } else { Starts::No };
    make(starts, Text::fixed("no service directory starts it", "没有服务目录启动它"), looked.join(", "))
}

/// `rc.local`, if it starts the agent and this init system runs it; a script of that name that nobody runs counts for
/// nothing.
fn own_script(see: &Observations, agent: &Agent, init: InitSystem) -> Result<Option<AtBoot>, Unanswered> {
    let scripts: Vec<_> = OWN_SCRIPTS.iter().map(|path| (PathBuf::from(path), see.file(path))).collect();
    for (path, script) in scripts {
        let Ok(script) = script? else { continue };
        if !is_called(&script.text(), &agent.unit) || !is_executable(script) {
            continue;
        }
        let is_run = match init {
            InitSystem::Systemd => {
                let state = ReadCommand::UnitState { unit: "rc-local".to_string() };
                see.look(&state)?.as_ref().map_or(true, |said| property(&said.out, "LoadState") == "loaded")
            }
            InitSystem::SysV => sysv::runs_rc_local(see)?,
            // runit's own second stage runs it, as on Void.
            InitSystem::ServiceDirs => {
                see.file("/etc/runit/2")?.as_ref().is_ok_and(|stage| stage.text().contains("rc.local"))
            }
            InitSystem::OpenRc => false,
        };
        if is_run {
            let path = path.display().to_string();
            return Ok(Some(found(init, Starts::Yes, say!("started by {path}", "由 {path} 启动"), path)));
        }
    }
    Ok(None)
}

/// Why there is no answer.
fn not_looked_at(trouble: &Unavailable) -> Text {
    match trouble {
        Unavailable::Absent => Text::fixed("systemctl is not there", "没有 systemctl"),
        Unavailable::NotAllowed => Text::fixed("not allowed to look", "无权查看"),
        Unavailable::TimedOut => Text::fixed("no answer in time", "超时未响应"),
        Unavailable::Untrusted(distrust) => distrust.what(),
        Unavailable::NotAFile(what) | Unavailable::Other(what) => Text::same(what.clone()),
    }
}
