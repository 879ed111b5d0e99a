//! Files that are damaged in every way: a clear cause or `unknown`, never a panic, and never a pass of the step that
//! rests on them.

use super::machine::*;
use super::{STEPS, findings};
use logtail_doctor::core::context::IdentityKind;
use logtail_doctor::core::finding::{Finding, Mark, StepId, Verdict};
use logtail_doctor::core::observe::{FILE_LIMIT, Unavailable};
use logtail_doctor::core::text::Lang;

type Damage = (&'static str, fn(&mut Machine, &str));

const DAMAGES: &[Damage] = &[
    ("empty", |m, path| m.write(path, "")),
    ("blank", |m, path| m.write(path, " \n\t\n")),
    ("zero bytes", |m, path| m.write(path, [0u8; 64])),
    ("not UTF-8", |m, path| m.write(path, [0xff, 0xfe, 0x7b, 0x00, 0xc3, 0x28])),
    ("cut off", |m, path| m.write(path, "{\"ip\" : \"10.1.1.5\", \"config_server_addr")),
    ("a list", |m, path| m.write(path, "[1, 2, 3]")),
    ("deep", |m, path| m.write(path, "[{".repeat(50_000))),
    ("a directory", |m, path| m.trouble(path, Unavailable::NotAFile("directory".into()))),
    ("a FIFO", |m, path| m.trouble(path, Unavailable::NotAFile("fifo".into()))),
    ("not allowed", |m, path| m.trouble(path, Unavailable::NotAllowed)),
    ("a dead mount", |m, path| m.trouble(path, Unavailable::TimedOut)),
    ("an I/O error", |m, path| m.trouble(path, Unavailable::Other("Input/output error".into()))),
    ("too long", |m, path| {
        m.write(path, vec![b' '; 1000]);
        if let Some(Node { seen: Ok(file) }) = m.files.get_mut(std::path::Path::new(path)) {
            file.size = 2 * FILE_LIMIT as u64;
        }
    }),
];

#[test]
fn a_damaged_file_never_passes() {
    for flavour in Flavour::ALL {
        for (path, step) in [(CONFIG, StepId::Parameters), (APP_INFO, StepId::Address), (IDS, StepId::Group)] {
            for (name, damage) in DAMAGES {
                let mut machine = Machine::healthy(flavour);
                damage(&mut machine, path);
                let mut told = told();
                if step == StepId::Group {
                    told.identity = Some(IdentityKind::Custom);
                    told.custom_id = Some("web".into());
                }
                let finding = machine.check(step, &told);
                let is_clear = matches!(finding.verdict, Verdict::Fail | Verdict::Unknown);
                assert!(is_clear, "{flavour:?}, {path} {name}: {finding:#?}");
                assert!(!finding.evidence.is_empty(), "{path} {name}");
                let unreadable = ["not allowed", "a dead mount", "an I/O error", "too long"].contains(name);
                assert!(!unreadable || finding.verdict == Verdict::Unknown, "{path} {name}: {finding:#?}");
            }
        }
    }
}

#[test]
fn whatever_is_damaged_every_step_ends() {
    let log = "/usr/local/ilogtail/ilogtail.LOG";
    let plugin = "/usr/local/ilogtail/logtail_plugin.LOG";
    let overlay = "/etc/ilogtail/config.d/1.json";
    let delivered = "/usr/local/ilogtail/user_log_config.json";
    let sinks = "/usr/local/ilogtail/apsara_log_conf.json";
    for path in [CONFIG, APP_INFO, IDS, USERS, NOTE, STATUS, log, plugin, overlay, delivered, sinks, "/proc/cpuinfo"] {
        for (name, damage) in DAMAGES {
            let mut machine = Machine::healthy(Flavour::Logtail188);
            machine.remove(path);
            damage(&mut machine, path);
            let found = findings(&machine, &told());
            assert_eq!(found.len(), STEPS.len(), "{path} {name}");
        }
    }
}

#[test]
fn a_log_that_cannot_be_read_is_unknown() {
    for trouble in
        [Unavailable::Absent, Unavailable::NotAllowed, Unavailable::TimedOut, Unavailable::NotAFile("fifo".into())]
    {
        let mut machine = Machine::healthy(Flavour::Loong331);
        let path = machine.log_path();
        machine.trouble(&path, trouble.clone());
        assert_eq!(machine.check(StepId::Log, &told()).verdict, Verdict::Unknown, "{trouble:?}");
    }
}

#[test]
fn hidden_processes_and_directories_are_unknown() {
    let mut machine = Machine::healthy(Flavour::Logtail188);
    machine.processes = Err(Unavailable::NotAllowed);
    assert_eq!(machine.check(StepId::Running, &told()).verdict, Verdict::Unknown);
    let mut machine = Machine::healthy(Flavour::Logtail188);
    machine.stop();
    machine.dirs.insert("/usr/local".into(), Unavailable::NotAllowed);
    machine.remove("/etc/init.d");
    assert_eq!(machine.check(StepId::Installed, &told()).verdict, Verdict::Unknown);
    let mut machine = Machine::healthy(Flavour::Logtail188);
    machine.dirs.insert(USERS.into(), Unavailable::NotAllowed);
    assert_eq!(machine.check(StepId::Account, &told()).verdict, Verdict::Unknown);
}

#[test]
fn an_agent_in_a_container_is_told_from_none() {
    let mut machine = Machine::healthy(Flavour::Logtail207);
    machine.remove(DIR);
    machine.remove("/etc/init.d");
    machine.each_process(|process| process.contained = Some(true));
    machine.environment = Ok(vec![("ALIYUN_LOGTAIL_USER_ID".into(), OWNER.into())]);
    let finding = machine.check(StepId::Installed, &told());
    assert_eq!(finding.verdict, Verdict::Unknown, "{finding:#?}");
    assert!(finding.evidence.iter().any(|row| row.source.get(Lang::En).contains("environ")));
    assert_eq!(machine.check(StepId::Address, &told()).verdict, Verdict::Skipped);
}

#[test]
fn an_ordinary_user_learns_what_is_known_and_what_is_not() {
    for flavour in Flavour::ALL {
        let mut machine = Machine::healthy(flavour);
        machine.as_ordinary_user();
        let mut told = told();
        told.aliuid = Some("1111222233334444".into());
        told.identity = Some(IdentityKind::Custom);
        told.custom_id = Some("web".into());
        machine.remove(CONFIG);
        for (step, verdict) in [
            (StepId::Installed, Verdict::Pass),
            (StepId::Running, Verdict::Pass),
            (StepId::Parameters, Verdict::Unknown),
            (StepId::Address, Verdict::Pass),
            (StepId::Group, Verdict::Unknown),
            (StepId::Account, Verdict::Unknown),
        ] {
            let finding = machine.check(step, &told);
            assert_eq!(finding.verdict, verdict, "{flavour:?} {}: {finding:#?}", step.id());
            assert!(finding.causes.is_empty(), "{finding:#?}");
        }
    }
}

#[test]
fn what_may_not_be_read_stands_in_a_row_with_the_command_that_shows_it() {
    let row = |finding: &Finding, label: &str| {
        let found = finding.evidence.iter().find(|row| row.label.get(Lang::En) == label);
        let row = found.unwrap_or_else(|| panic!("no row {label}: {finding:#?}")).clone();
        assert_eq!(row.mark, Mark::Unknown);
        row.expected.map(|text| text.get(Lang::En).to_string()).unwrap_or_default()
    };
    let mut machine = Machine::healthy(Flavour::Logtail188);
    machine.as_ordinary_user();
    let log = machine.log_path();
    machine.trouble(&log, Unavailable::NotAllowed);
    let finding = machine.check(StepId::Running, &told());
    assert_eq!(finding.verdict, Verdict::Pass, "a worker as old as its daemon never died");
    assert!(row(&finding, "Restarts in the log").contains(&log));
    assert!(row(&finding, "Crashes in the kernel log").contains("sudo dmesg"));
    assert!(row(&machine.check(StepId::Log, &told()), &log).contains("sudo tail"));
    machine.processes.as_mut().unwrap()[1].started = NOW - 290;
    let finding = machine.check(StepId::Running, &told());
    assert_eq!(finding.verdict, Verdict::Unknown, "one that was made anew may die all the time: {finding:#?}");
    // dmesg that refuses an ordinary user prints nothing and ends with 1.
    machine.looks.insert("dmesg".into(), said(1, ""));
    row(&machine.check(StepId::Running, &told()), "Crashes in the kernel log");
}

#[test]
fn a_way_that_an_ordinary_user_cannot_know_is_unknown_only_where_something_fails() {
    let mut machine = Machine::healthy(Flavour::Logtail188);
    machine.as_ordinary_user();
    let hidden = Err(Unavailable::NotAllowed);
    for processes in [machine.processes.clone(), hidden] {
        machine.processes = processes;
        for (is_cut_off, verdict) in [(false, Verdict::Pass), (true, Verdict::Unknown)] {
            machine.is_cut_off = is_cut_off;
            let finding = machine.check(StepId::Network, &told());
            assert_eq!(finding.verdict, verdict, "{finding:#?}");
            assert_eq!(finding.summary.get(Lang::En).contains("Run as root"), is_cut_off, "{finding:#?}");
            let row = finding.evidence.iter().find(|row| row.label.get(Lang::En) == "The agent's proxies");
            assert!(row.is_some_and(|row| row.value.get(Lang::En).contains("run as root")), "{finding:#?}");
        }
    }
}

#[test]
fn a_system_container_is_judged_like_a_host() {
    let mut machine = Machine::healthy(Flavour::Logtail188);
    machine.identity.container = Some("lxc".into());
    machine.processes.as_mut().unwrap().truncate(1);
    assert_eq!(machine.check(StepId::Running, &told()).verdict, Verdict::Fail, "it has an init script");
    machine.app_info("203.0.113.7");
    assert_eq!(machine.check(StepId::Address, &told()).verdict, Verdict::Fail, "its group goes by IP, as was told");
}
