//! One table of hosts: what lies on them, what their init system says, and whether the agent starts at boot.

use super::*;
use crate::core::agent::layout::Flavour;
use crate::core::observe::{Answer, CommandSeen, DirSeen, EntryKind, EntrySeen, Question};
use std::collections::BTreeMap;

/// A host of files (path, mode, text) and of command lines with exit code, output and standard error.
#[derive(Default)]
struct Desk {
    files: BTreeMap<String, (u32, String)>,
    commands: BTreeMap<String, (i32, String, String)>,
}

impl Desk {
    fn with(mut self, path: &str, mode: u32, text: &str) -> Desk {
        self.files.insert(path.into(), (mode, text.into()));
        self
    }

    fn says(mut self, line: &str, code: i32, out: &str) -> Desk {
        self.commands.insert(line.into(), (code, out.into(), String::new()));
        self
    }

    /// systemd runs, and says this of the unit: its word, and what wants it.
    fn systemd(self, word: &str, wanted_by: &str) -> Desk {
        self.says("systemctl is-enabled ilogtaild", 0, &format!("{word}\n"))
            .says(
                "systemctl show ilogtaild -p LoadState,ActiveState,SubState,MainPID,Type,UnitFileState",
                0,
                "LoadState=loaded\n",
            )
            .says("systemctl show ilogtaild -p WantedBy,RequiredBy", 0, &format!("WantedBy={wanted_by}\nRequiredBy=\n"))
            .says(&state("multi-user.target"), 0, "LoadState=loaded\nActiveState=active\n")
            .says(&state("graphical.target"), 0, "LoadState=loaded\nActiveState=inactive\n")
    }

    fn script(self, mode: u32) -> Desk {
        self.with("/etc/init.d/ilogtaild", mode, "#!/bin/sh\n")
    }

    fn answer(&self, question: &Question) -> Answer {
        match question {
            Question::File(path) | Question::Present(path) => {
                let path = path.to_string_lossy().into_owned();
                Answer::File(self.files.get(&path).map(|(mode, text)| file(*mode, text)).ok_or(Unavailable::Absent))
            }
            Question::Dir(dir) => {
                let names = self.files.keys().filter_map(|path| {
                    let mut rest = Path::new(path).strip_prefix(dir).ok()?.iter();
                    Some(rest.next()?.to_string_lossy().into_owned())
                });
                let entry = |name| EntrySeen { name, kind: EntryKind::File, size: 0, modified: 0 };
                let mut entries: Vec<_> = names.map(entry).collect();
                entries.dedup_by(|one, other| one.name == other.name);
                Answer::Dir(if entries.is_empty() {
                    Err(Unavailable::Absent)
                } else {
                    Ok(DirSeen { entries, cut: false })
                })
            }
            Question::ReadCommand(look) => Answer::ReadCommand(
                self.commands
                    .get(&look.line())
                    .map(|(code, out, err)| CommandSeen { code: Some(*code), out: out.clone(), err: err.clone() })
                    .ok_or(Unavailable::Absent),
            ),
            other => panic!("nobody asks {other:?}"),
        }
    }

    fn found(&self) -> AtBoot {
        let script = PathBuf::from("/etc/init.d/ilogtaild");
        let agent = Agent {
            flavour: Flavour::Logtail,
            community: false,
            version: None,
            install_dir: "/usr/local/ilogtail".into(),
            conf_dir: "/etc/ilogtail".into(),
            unusable_conf_dir: None,
            init_script: self.files.contains_key("/etc/init.d/ilogtaild").then_some(script),
            unit: "ilogtaild".into(),
            config_path: "/usr/local/ilogtail/ilogtail_config.json".into(),
            app_info_path: "/usr/local/ilogtail/app_info.json".into(),
            log_path: "/usr/local/ilogtail/ilogtail.LOG".into(),
            processes: Vec::new(),
            environment: Vec::new(),
            program_replaced: false,
            missing: Vec::new(),
            unlisted: None,
        };
        let mut seen = Observations::default();
        for _ in 0..20 {
            if let Ok(found) = look(&seen, &agent) {
                return found;
            }
            for question in seen.take_open() {
                let answer = self.answer(&question);
                seen.keep(question, answer);
            }
        }
        panic!("the questions do not end");
    }
}

fn state(unit: &str) -> String {
    ReadCommand::UnitState { unit: unit.into() }.line()
}

fn file(mode: u32, text: &str) -> FileSeen {
    let bytes = text.as_bytes().to_vec();
    FileSeen { size: bytes.len() as u64, bytes, modified: 0, mode, uid: 0, gid: 0, link_to: None }
}

#[test]
fn the_init_system_in_force_decides() {
    use InitSystem::*;
    use Starts::*;
    let desk = Desk::default;
    let linked =
        || desk().script(0o755).with("/etc/rc3.d/S01ilogtaild", 0o755, "").with("/etc/rc5.d/S01ilogtaild", 0o755, "");
    let not_found = |desk: Desk| {
        desk.says("systemctl is-enabled ilogtaild", 4, "not-found\n").says(
            &state("ilogtaild"),
            0,
            "LoadState=not-found\n",
        )
    };
    let inittab = |level: char| format!("# The default runlevel.\nid:{level}:initdefault:\n");
    let local = "#!/bin/sh\n/etc/init.d/ilogtaild start\n";
    let run = "#!/bin/sh\nexec /usr/local/ilogtail/ilogtail\n";
    for (name, desk, init, starts) in [
        ("enabled, wanted by what is reached", linked().systemd("enabled", "multi-user.target"), Systemd, Yes),
        ("enabled for a target that is not reached", linked().systemd("enabled", "graphical.target"), Systemd, No),
        ("wanted by both", linked().systemd("enabled", "graphical.target multi-user.target"), Systemd, Yes),
        ("a disabled unit beside links", linked().systemd("disabled", ""), Systemd, No),
        ("a masked unit beside links", linked().systemd("masked", ""), Systemd, No),
        ("a static unit that nothing wants", linked().systemd("static", ""), Systemd, No),
        ("a static unit that something wants", linked().systemd("static", "multi-user.target"), Systemd, Yes),
        ("linked alone", linked().systemd("linked", ""), Systemd, No),
        ("until the next boot", linked().systemd("enabled-runtime", "multi-user.target"), Systemd, No),
        ("generated of a script", linked().systemd("generated", "multi-user.target graphical.target"), Systemd, Yes),
        ("generated of a script without links", desk().script(0o755).systemd("generated", ""), Systemd, No),
        ("a script that nobody may run", desk().script(0o644).systemd("generated", "multi-user.target"), Systemd, No),
        ("the newest systemd with links", not_found(linked()), Systemd, No),
        ("systemd without unit and script", not_found(desk()), Systemd, Unknown),
        (
            "rc.local that systemd runs",
            not_found(linked().with("/etc/rc.local", 0o755, local)).says(&state("rc-local"), 0, "LoadState=loaded\n"),
            Systemd,
            Yes,
        ),
        (
            "rc.local that the newest systemd does not know",
            not_found(linked().with("/etc/rc.local", 0o755, local)).says(
                &state("rc-local"),
                0,
                "LoadState=not-found\n",
            ),
            Systemd,
            No,
        ),
        (
            "rc.local that nobody may run",
            not_found(linked().with("/etc/rc.local", 0o644, local)).says(&state("rc-local"), 0, "LoadState=loaded\n"),
            Systemd,
            No,
        ),
        ("run level 3", linked().with("/etc/inittab", 0o644, &inittab('3')), SysV, Yes),
        (
            "run level 2, of which the header says nothing",
            linked().with("/etc/inittab", 0o644, &inittab('2')).with("/etc/rc2.d/S01cron", 0o755, ""),
            SysV,
            No,
        ),
        ("a run level that nobody knows", linked(), SysV, Yes),
        ("no link at all", desk().script(0o755).with("/etc/rc3.d/K20ilogtaild", 0o755, ""), SysV, No),
        ("a link to what nobody may run", desk().script(0o644).with("/etc/rc3.d/S20ilogtaild", 0o644, ""), SysV, No),
        (
            "rc.local by its own link",
            desk().script(0o755).with("/etc/rc2.d/S02rc.local", 0o755, "").with("/etc/rc.local", 0o755, local),
            SysV,
            Yes,
        ),
        (
            "rc.local without a link",
            desk().script(0o755).with("/etc/rc2.d/S02cron", 0o755, "").with("/etc/rc.local", 0o755, local),
            SysV,
            No,
        ),
        (
            "in a run level of OpenRC",
            desk().script(0o755).with("/run/openrc/softlevel", 0o644, "default").with(
                "/etc/runlevels/default/ilogtaild",
                0o755,
                "",
            ),
            OpenRc,
            Yes,
        ),
        (
            "OpenRC, and only links of run levels",
            linked().with("/run/openrc/softlevel", 0o644, "default").with("/etc/runlevels/default/sshd", 0o755, ""),
            OpenRc,
            No,
        ),
        (
            "a service of runit",
            desk().with("/proc/1/comm", 0o444, "runit\n").with("/etc/service/logtail/run", 0o755, run),
            ServiceDirs,
            Yes,
        ),
        (
            "a service of runit that is kept down",
            desk().with("/proc/1/comm", 0o444, "runit\n").with("/etc/service/logtail/run", 0o755, run).with(
                "/etc/service/logtail/down",
                0o644,
                "",
            ),
            ServiceDirs,
            No,
        ),
        (
            "s6 without a service",
            linked().with("/proc/1/comm", 0o444, "s6-svscan\n").with("/run/service/sshd/run", 0o755, "x"),
            ServiceDirs,
            No,
        ),
    ] {
        let found = desk.found();
        assert_eq!((found.init, &found.starts), (init, &starts), "{name}: {found:?}");
    }
}

#[test]
fn what_an_old_recording_holds_is_judged_as_it_was() {
    for (word, starts) in
        [("enabled", Starts::Yes), ("static", Starts::Yes), ("disabled", Starts::No), ("linked", Starts::No)]
    {
        let desk = Desk::default().script(0o755).says("systemctl is-enabled ilogtaild", 0, &format!("{word}\n"));
        assert_eq!(desk.found().starts, starts, "{word}");
    }
}

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

#[test]
fn the_run_level_and_the_header_are_read() {
    assert_eq!(run_level("# id:5:initdefault:\nid:2:initdefault:\n"), Some('2'));
    assert_eq!(run_level("si::sysinit:/etc/init.d/rcS\n"), None);
    let script = file(0o755, "#!/bin/sh\n# Default-Start:     3 5\n# Default-Stop: 0 1 6\n");
    assert_eq!(header_levels(&script, "Default-Start"), ['3', '5']);
    assert_eq!(header_levels(&script, "Default-Stop"), ['0', '1', '6']);
    assert!(header_levels(&file(0o755, "#!/bin/sh\n"), "Default-Start").is_empty());
}
