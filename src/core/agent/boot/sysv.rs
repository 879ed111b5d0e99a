//! The links of SysV run levels: which level the machine boots into, and whether it starts the agent there.

use super::{AtBoot, InitSystem, Starts, found, is_executable};
use crate::core::agent::layout::Agent;
use crate::core::observe::{DirSeen, FileSeen, Observations, Unanswered};
use crate::core::text::Text;
use crate::say;
use std::path::Path;

/// The run levels of a machine that is up.
const LEVELS: [char; 4] = ['2', '3', '4', '5'];

/// `S80ilogtaild` for the service `ilogtaild`.
pub fn is_start_link(name: &str, service: &str) -> bool {
    let digits = name.strip_prefix('S').and_then(|rest| rest.strip_suffix(service));
    digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The run level that a machine boots into, as `/etc/inittab` says it.
pub fn run_level(inittab: &str) -> Option<char> {
    let mut lines = inittab.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    lines.find_map(|line| {
        let mut fields = line.split(':').skip(1);
        let (level, action) = (fields.next()?, fields.next()?);
        (action.trim() == "initdefault").then(|| level.trim().chars().next())?
    })
}

/// The run level in force at boot; None where nothing says it.
pub(super) fn level_in_force(see: &Observations) -> Result<Option<char>, Unanswered> {
    Ok(see.file("/etc/inittab")?.as_ref().ok().and_then(|file| run_level(&file.text())))
}

/// The directories of run levels that are there, with their levels.
fn directories(see: &Observations) -> Result<Vec<(char, String, &DirSeen)>, Unanswered> {
    let paths = LEVELS.iter().flat_map(|level| [("/etc", level), ("/etc/rc.d", level)]);
    let asked: Vec<_> = paths
        .map(|(root, level)| {
            let path = format!("{root}/rc{level}.d");
            let listing = see.dir(&path);
            (*level, path, listing)
        })
        .collect();
    let mut out: Vec<(char, String, &DirSeen)> = Vec::new();
    for (level, path, listing) in asked {
        // Where one root is a link to the other, the first is enough.
        if let Ok(listing) = listing?
            && !out.iter().any(|(known, _, _)| *known == level)
        {
            out.push((level, path, listing));
        }
    }
    Ok(out)
}

/// Whether a link of the run level in force starts the agent.
pub(super) fn look(see: &Observations, agent: &Agent) -> Result<AtBoot, Unanswered> {
    let (level, directories) = (level_in_force(see), directories(see));
    let (level, directories) = (level?, directories?);
    let make = |starts, said, source: String| Ok(found(InitSystem::SysV, starts, said, source));
    // Where the level is not known, a link in any of them accuses nobody.
    let reached: Vec<_> = directories.iter().filter(|(own, _, _)| level.is_none_or(|level| level == *own)).collect();
    let places = || reached.iter().map(|(_, path, _)| path.as_str()).collect::<Vec<_>>().join(", ");
    let link = reached.iter().find_map(|(_, path, listing)| {
        let entry = listing.entries.iter().find(|entry| is_start_link(&entry.name, &agent.unit))?;
        Some(Path::new(path).join(&entry.name))
    });
    if let Some(link) = link {
        let source = link.display().to_string();
        return match see.present(&link)? {
            Ok(script) if !is_executable(script) => {
                make(Starts::No, Text::fixed("the init script may not be executed", "启动脚本没有执行权限"), source)
            }
            Ok(_) => make(Starts::Yes, say!("started by {source}", "由 {source} 启动"), source.clone()),
            Err(_) => make(Starts::No, Text::fixed("a link that leads nowhere", "失效的链接"), source),
        };
    }
    if reached.is_empty() || agent.init_script.is_none() {
        return make(Starts::Unknown, Text::fixed("not known", "未知"), places());
    }
    let said = match level {
        Some(level) => say!("no start link in run level {level}", "运行级别 {level} 中没有启动链接"),
        None => Text::fixed("no start link", "没有启动链接"),
    };
    make(Starts::No, said, places())
}

/// Whether this init system runs `rc.local`: by a link of the run level in force.
pub(super) fn runs_rc_local(see: &Observations) -> Result<bool, Unanswered> {
    let (level, directories) = (level_in_force(see), directories(see));
    let (level, directories) = (level?, directories?);
    let mut reached = directories.iter().filter(|(own, _, _)| level.is_none_or(|level| level == *own)).peekable();
    let is_link = |name: &str| is_start_link(name, "rc.local") || is_start_link(name, "local");
    // Without run levels at all, as with busybox, nothing says that it does not.
    Ok(reached.peek().is_none()
        || reached.any(|(_, _, listing)| listing.entries.iter().any(|entry| is_link(&entry.name))))
}

/// The levels that the header of an init script names, in `Default-Start` or `Default-Stop`.
pub fn header_levels(script: &FileSeen, key: &str) -> Vec<char> {
    let text = script.text();
    let line = text.lines().find_map(|line| line.trim_start_matches('#').trim().strip_prefix(key)?.strip_prefix(':'));
    line.unwrap_or_default().chars().filter(char::is_ascii_alphanumeric).collect()
}
