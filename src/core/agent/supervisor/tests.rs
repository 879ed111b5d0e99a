//! Agents as they are started on hosts that the vendor's installer did not foresee.

use super::*;
use crate::core::agent::processes::tests::process;
use crate::core::observe::{
    Answer, CommandSeen, DirSeen, EntryKind, EntrySeen, FileSeen, PlaceSeen, Question, Unavailable,
};

const DIR: &str = "/usr/local/ilogtail";
const EXE: &str = "/usr/local/ilogtail/ilogtail_1.0.25";
const SCRIPT: &str = "/etc/init.d/ilogtaild";

/// What supervises the agent on a host of these files; `cwd` of runsv is its service's directory.
fn found(files: &[(&str, &str)], processes: Vec<ProcessSeen>, unit: &str) -> Option<String> {
    let is_script = files.iter().any(|(path, _)| *path == SCRIPT);
    let subject = Subject {
        dirs: vec![DIR.into(), "/data/ilogtail".into()],
        script: is_script.then_some(Path::new(SCRIPT)),
        service: "ilogtaild",
        processes: &processes,
    };
    let mut seen = Observations::default();
    for _ in 0..8 {
        if let Ok(supervisor) = look(&seen, &subject) {
            return supervisor.map(|supervisor| supervisor.id());
        }
        for question in seen.take_open() {
            let answer = answer(&question, files, unit);
            seen.keep(question, answer);
        }
    }
    panic!("the questions do not end");
}

fn answer(question: &Question, files: &[(&str, &str)], unit: &str) -> Answer {
    let absent = Unavailable::Absent;
    match question {
        Question::File(path) => {
            let text =
                files.iter().find(|(known, _)| Path::new(known) == path).map(|(_, text)| text.as_bytes().to_vec());
            Answer::File(text.ok_or(absent).map(|bytes| FileSeen {
                size: bytes.len() as u64,
                bytes,
                modified: 0,
                mode: 0o644,
                uid: 0,
                gid: 0,
                link_to: None,
            }))
        }
        Question::Dir(dir) => {
            let mut entries: Vec<EntrySeen> = Vec::new();
            for (path, _) in files {
                let Ok(rest) = Path::new(path).strip_prefix(dir) else { continue };
                let parts: Vec<_> = rest.iter().map(|part| part.to_string_lossy().into_owned()).collect();
                let kind = if parts.len() > 1 { EntryKind::Dir } else { EntryKind::File };
                entries.extend(parts.into_iter().next().map(|name| EntrySeen { name, kind, size: 0, modified: 0 }));
            }
            Answer::Dir(if entries.is_empty() { Err(absent) } else { Ok(DirSeen { entries, cut: false }) })
        }
        Question::Place(path) if path.ends_with("cwd") => Answer::Place(Ok(PlaceSeen {
            kind: EntryKind::Dir,
            link_to: None,
            real: Some("/etc/sv/logtail".into()),
            device: 1,
            inode: 1,
            mode: 0o755,
            uid: 0,
            gid: 0,
            has_access_list: false,
            filesystem: None,
        })),
        Question::ReadCommand(_) => {
            Answer::ReadCommand(Ok(CommandSeen { code: Some(0), out: unit.into(), err: String::new() }))
        }
        other => panic!("unexpected {other:?}"),
    }
}

/// A pair whose daemon has this parent.
fn pair(parent: u32) -> Vec<ProcessSeen> {
    vec![process(10, parent, EXE), process(11, 10, EXE)]
}

const V1: (&str, &str) = ("/proc/10/cgroup", "4:cpu:/x.service\n1:name=systemd:/system.slice/own.service\n");
const V2: (&str, &str) = ("/proc/10/cgroup", "0::/system.slice/own.service\n");
const UNIT: (&str, &str) = (
    "/etc/systemd/system/own.service",
    "[Service]\nExecStart=-/usr/local/ilogtail/ilogtail -ilogtail_daemon_flag=false\nRestart=always\n",
);

#[test]
fn a_running_agent_is_told_by_its_group_and_its_parent() {
    let script = (SCRIPT, "#!/bin/sh\n");
    let made = ("/proc/10/cgroup", "0::/system.slice/ilogtaild.service\n");
    let native = ("/etc/systemd/system/ilogtaild.service", "[Service]\nExecStart=/usr/local/ilogtail/ilogtail\n");
    for (files, parent, unit, expected) in [
        (vec![V2, UNIT], 1, "", Some("systemd:own.service")),
        (vec![V1, UNIT], 1, "", Some("systemd:own.service")),
        // It names a wrapper, but the agent is its main process, or the child of it.
        (
            vec![V2, ("/etc/systemd/system/own.service", "ExecStart=/opt/run.sh\n")],
            1,
            "MainPID=10\n",
            Some("systemd:own.service"),
        ),
        (vec![V2, ("/proc/70/comm", "sh\n")], 70, "MainPID=70\n", Some("systemd:own.service")),
        (vec![V2, ("/proc/70/comm", "cron\n")], 70, "MainPID=70\n", None),
        (vec![V2, ("/etc/systemd/system/own.service", "ExecStart=/usr/sbin/sshd\n")], 1, "MainPID=7\n", None),
        (
            vec![("/proc/10/cgroup", "0::/user.slice/user-0.slice/user@0.service/app.slice/own.service\n")],
            1,
            "MainPID=10\n",
            None,
        ),
        // What systemd makes of the vendor's script is the script's; a unit of its own is not.
        (vec![made, script], 1, "MainPID=0\nUnitFileState=generated\n", Some("init-script:/etc/init.d/ilogtaild")),
        (vec![made, script], 1, "MainPID=10\nUnitFileState=generated\n", Some("init-script:/etc/init.d/ilogtaild")),
        (vec![made, script, native], 1, "", Some("systemd:ilogtaild.service")),
        (vec![script], 1, "", Some("init-script:/etc/init.d/ilogtaild")),
        (
            vec![
                script,
                ("/proc/70/comm", "supervisord\n"),
                ("/etc/supervisord.conf", "[supervisord]\nlogfile=/x\n"),
                ("/etc/supervisord.d/a.ini", "[program:logtail]\ncommand=/data/ilogtail/ilogtail_1.0.25 -x\n"),
            ],
            70,
            "",
            Some("supervisord:logtail"),
        ),
        (vec![("/proc/70/comm", "runsv\n")], 70, "", Some("runit:/etc/sv/logtail")),
        (vec![("/proc/70/comm", "s6-supervise\n")], 70, "", Some("s6:/etc/sv/logtail")),
    ] {
        assert_eq!(found(&files, pair(parent), unit).as_deref(), expected, "{files:?}");
    }
}

#[test]
fn a_stopped_agent_is_told_by_the_files_that_name_its_program() {
    let script = (SCRIPT, "#!/bin/sh\n");
    for (files, expected) in [
        (vec![], None),
        (vec![script], Some("init-script:/etc/init.d/ilogtaild")),
        (vec![UNIT], Some("systemd:own.service")),
        (vec![UNIT, script], Some("systemd:own.service")),
        (vec![("/etc/systemd/system/own.service", "#ExecStart=/usr/local/ilogtail/ilogtail\n")], None),
        (vec![("/etc/systemd/system/own.service", "ExecStart=/usr/local/ilogtail/ilogtail_config.json\n")], None),
        (
            vec![("/usr/lib/systemd/system/ilogtaild.service", "ExecStart=/data/ilogtail/ilogtail\n")],
            Some("systemd:ilogtaild.service"),
        ),
        (vec![("/etc/service/logtail/run", "#!/bin/sh\ncd /usr/local/ilogtail\n")], None),
        (
            vec![("/etc/service/logtail/run", "#!/bin/sh\ncd /usr/local/ilogtail && exec ./ilogtail 2>&1\n")],
            Some("runit:/etc/service/logtail"),
        ),
        (
            vec![("/etc/rc.local", "#!/bin/sh\n/usr/local/ilogtail/ilogtail &\nexit 0\n")],
            Some("rc.local:/etc/rc.local"),
        ),
        (vec![("/etc/crontab", "@reboot root /usr/local/ilogtail/ilogtail\n")], Some("cron:/etc/crontab")),
        (vec![("/var/spool/cron/root", "@reboot\t/usr/local/ilogtail/ilogtail\n")], Some("cron:/var/spool/cron/root")),
        (vec![("/etc/cron.d/a", "0 * * * * root /usr/local/ilogtail/ilogtail\n")], None),
    ] {
        assert_eq!(found(&files, Vec::new(), "").as_deref(), expected, "{files:?}");
    }
}
