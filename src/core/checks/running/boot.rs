//! Whether the agent starts when the machine boots: systemd's word, the links of SysV run levels, `rc.local`. It warns
//! only when all of them say no; what could not be looked at accuses nobody.

use super::super::subject;
use crate::core::agent::layout::Agent;
use crate::core::finding::{Cause, CauseId, Evidence, Mark, RemedyId};
use crate::core::observe::{Observations, ReadCommand, Unanswered};
use crate::core::text::Text;
use crate::say;
use std::path::{Path, PathBuf};

/// The run levels of a machine that is up, as the distributions name their directories.
const RUN_LEVELS: [&str; 3] = ["/etc/rc3.d", "/etc/rc5.d", "/etc/rc.d/rc3.d"];
/// Scripts of the operator's own that run at boot.
const OWN_SCRIPTS: [&str; 2] = ["/etc/rc.local", "/etc/rc.d/rc.local"];

/// What was found about the next boot.
pub(super) struct Boot {
    pub evidence: Vec<Evidence>,
    pub cause: Option<Cause>,
}

/// Looks whether the agent starts at boot.
///
/// # Errors
/// Something has not been looked at yet.
pub(super) fn look(see: &Observations, agent: &Agent) -> Result<Boot, Unanswered> {
    let unit = agent.unit.as_str();
    let look = ReadCommand::UnitEnabled { unit: unit.to_string() };
    let said = see.look(&look);
    let levels: Vec<_> = RUN_LEVELS.iter().map(|dir| (*dir, see.dir(dir))).collect();
    let scripts: Vec<_> = OWN_SCRIPTS.iter().map(|path| (*path, see.file(path))).collect();
    let said = said?;
    let mut link = None;
    let mut levels_seen = Vec::new();
    for (dir, listing) in levels {
        let Ok(listing) = listing? else { continue };
        levels_seen.push(dir);
        let found = listing.entries.iter().find(|entry| is_start_link(&entry.name, unit));
        link = link.or(found.map(|entry| Path::new(dir).join(&entry.name)));
    }
    let mut own: Option<PathBuf> = None;
    for (path, script) in scripts {
        if script?.as_ref().is_ok_and(|script| is_called(&script.text(), unit)) {
            own = own.or(Some(path.into()));
        }
    }
    let label = || Text::fixed("At boot", "开机启动");
    if let Some(path) = link.or(own) {
        let path = path.display().to_string();
        let row = Evidence::new(label(), say!("started by {path}", "由 {path} 启动"), path).marked(Mark::Good);
        return Ok(Boot { evidence: vec![row], cause: None });
    }
    let word = said.as_ref().ok().and_then(|said| said.out.lines().map(str::trim).find(|line| !line.is_empty()));
    match word {
        Some("enabled" | "enabled-runtime" | "static" | "alias" | "indirect" | "linked") => {
            let row = Evidence::new(label(), Text::same(word.unwrap_or_default()), look.line()).marked(Mark::Good);
            return Ok(Boot { evidence: vec![row], cause: None });
        }
        Some("disabled" | "masked") => {}
        // No systemd, or a unit that it made of the script: then the links alone decide.
        None | Some("generated") if !levels_seen.is_empty() && agent.init_script.is_some() => {}
        _ => {
            let what = said.as_ref().err().map_or_else(|| Text::fixed("not known", "未知"), subject::trouble);
            return Ok(Boot {
                evidence: vec![Evidence::new(label(), what, look.line()).marked(Mark::Unknown)],
                cause: None,
            });
        }
    }
    let source = match word {
        Some(_) => look.line(),
        None => levels_seen.join(", "),
    };
    let value = word
        .filter(|word| *word != "generated")
        .map_or_else(|| Text::fixed("no start link", "没有启动链接"), |word| Text::same(word.to_string()));
    let row = Evidence::new(label(), value, source).expecting(Text::fixed("enabled", "已启用")).marked(Mark::Doubtful);
    let cause = Cause::warn(
        CauseId::NotEnabledAtBoot,
        say!("{unit} is not started when the machine boots.", "{unit} 未设置为开机启动。"),
        Text::fixed(
            "After the next reboot the agent stays down, and the heartbeat with it.",
            "下次重启机器后 Agent 不会启动，心跳也随之消失。",
        ),
        &[RemedyId::EnableAtBoot],
    );
    Ok(Boot { evidence: vec![row], cause: Some(cause) })
}

/// `S80ilogtaild` for the service `ilogtaild`.
pub(in crate::core::checks) fn is_start_link(name: &str, service: &str) -> bool {
    let digits = name.strip_prefix('S').and_then(|rest| rest.strip_suffix(service));
    digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether a line that is no comment names the service.
pub(in crate::core::checks) fn is_called(script: &str, service: &str) -> bool {
    script.lines().any(|line| !line.trim_start().starts_with('#') && line.contains(service))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_links_are_told_from_others() {
        for (name, is_start) in [
            ("S80ilogtaild", true),
            ("S01ilogtaild", true),
            ("K20ilogtaild", false),
            ("Silogtaild", false),
            ("S80ilogtaild2", false),
            ("S80sshd", false),
        ] {
            assert_eq!(is_start_link(name, "ilogtaild"), is_start, "{name}");
        }
        assert!(is_called("#!/bin/sh\n/etc/init.d/ilogtaild start\n", "ilogtaild"));
        assert!(!is_called("  # /etc/init.d/ilogtaild start\n", "ilogtaild"));
    }
}
