//! What the vendor's layout does not foresee, and what files and programs show in spite of a rule: each alone, because most
//! of them change the same few files, and what two of them make together is another machine.

use super::machine::*;
use super::scenarios::Scenario;
use logtail_doctor::core::finding::{CauseId, Severity, StepId};
use logtail_doctor::core::observe::{ProgramFormat, ProgramSeen};
use logtail_doctor::core::text::Lang;

use CauseId::*;
use Flavour::{Logtail188, Logtail207, Loong331};
use Severity::{Fail, Warn};
use StepId::{Installed, Parameters, Running};

/// Each of them is checked alone.
pub const ALONE: &[Scenario] = &[
    (
        "a comma before the last brace, and the agent runs well",
        Logtail188,
        |m, _| m.reconfigure(|text| text.replacen("}]}", "}],\n}", 1)),
        &[(Parameters, ConfigNotStrictJson, Warn)],
    ),
    (
        "a comma before the last brace, and the agent says that it could not read it",
        Logtail207,
        |m, _| {
            m.reconfigure(|text| text.replacen("}]}", "}],\n}", 1));
            m.log(STARTED + 1, "error", "start config is not valid json:ilogtail_config.json");
        },
        &[(Parameters, ConfigInvalidJson, Fail)],
    ),
    (
        "a text that is no JSON, and the agent logged what it read there",
        Logtail207,
        |m, _| {
            let config = m.text(CONFIG);
            m.write(CONFIG, config.replacen("\", \"data", "\" \"data", 1));
        },
        &[(Parameters, ConfigNotStrictJson, Warn)],
    ),
    (
        "a text that is no JSON, written after the start",
        Logtail207,
        |m, _| {
            let config = m.text(CONFIG);
            m.write_at(CONFIG, config.replacen("\", \"data", "\" \"data", 1), NOW - 60);
        },
        &[(Parameters, ConfigInvalidJson, Fail)],
    ),
    (
        "a project written into the config server",
        Logtail188,
        |m, _| m.reconfigure(|text| text.replace("//logtail.", "//my-project.")),
        &[(Parameters, EndpointMismatch, Fail)],
    ),
    (
        "a data endpoint where the config server belongs",
        Loong331,
        |m, _| m.reconfigure(|text| text.replace("//logtail.", "//")),
        &[(Parameters, EndpointMismatch, Fail)],
    ),
    (
        "a project written into the data endpoint",
        Loong331,
        |m, _| m.reconfigure(|text| text.replace("[\"cn-", "[\"my-project.cn-")),
        &[(Parameters, EndpointMismatch, Fail)],
    ),
    (
        "two lines of the hosts file, the first of another host, and an agent that keeps their order",
        Logtail188,
        |m, told| {
            // 1.5.0 takes the first address; getent sorts this host's own to the front.
            let old = Machine::of_version(Logtail188, "1.5.0");
            *m = old;
            m.write("/etc/hosts", "203.0.113.7 web-1\n10.1.1.5 web-1\n");
            m.lookup = Ok(vec!["10.1.1.5".parse().unwrap(), "203.0.113.7".parse().unwrap()]);
            m.app_info("203.0.113.7");
            told.group_ips = vec!["203.0.113.7".parse().unwrap()];
        },
        &[(StepId::Address, IpNotLocal, Warn)],
    ),
    (
        "the same lines, and an agent that sorts",
        Logtail207,
        |m, _| {
            m.write("/etc/hosts", "203.0.113.7 web-1\n10.1.1.5 web-1\n");
            m.lookup = Ok(vec!["10.1.1.5".parse().unwrap(), "203.0.113.7".parse().unwrap()]);
        },
        &[],
    ),
    (
        "settings for later versions are without effect",
        Logtail188,
        |m, _| {
            m.reconfigure(|text| {
                text.replacen('{', "{\"working_interface\": \"eth1\", \"bind_interface\": \"eth1\", ", 1)
            })
        },
        &[],
    ),
    (
        "a dangling program link after a failed upgrade",
        Logtail188,
        |m, _| {
            m.stop();
            m.dangle("/usr/local/ilogtail/ilogtail");
        },
        &[(Installed, InstallIncomplete, Fail), (Running, AgentStopped, Fail)],
    ),
    (
        "an own unit of systemd without the vendor's script",
        Logtail188,
        |m, _| {
            m.remove("/etc/init.d/ilogtaild");
            m.write("/etc/init.d/other", "");
            m.write("/proc/1200/cgroup", "0::/system.slice/logtail.service\n");
            m.write("/etc/systemd/system/logtail.service", "[Service]\nExecStart=/usr/local/ilogtail/ilogtail\n");
            m.looks.insert("systemctl is-enabled logtail".into(), said(0, "enabled\n"));
        },
        &[],
    ),
    (
        "such a unit that is not enabled",
        Logtail207,
        |m, _| {
            m.remove("/etc/init.d/ilogtaild");
            m.write("/etc/init.d/other", "");
            m.write("/proc/1200/cgroup", "0::/system.slice/logtail.service\n");
            m.write("/etc/systemd/system/logtail.service", "[Service]\nExecStart=/usr/local/ilogtail/ilogtail\n");
            m.looks.insert("systemctl is-enabled logtail".into(), said(1, "disabled\n"));
        },
        &[(Running, NotEnabledAtBoot, Warn)],
    ),
    (
        "one process under supervisord, told to have no daemon",
        Logtail188,
        |m, _| {
            m.processes.as_mut().unwrap().remove(0);
            m.each_process(|process| {
                process.ppid = 70;
                process.command = format!("{DIR}/ilogtail -ilogtail_daemon_flag=false");
            });
            m.write("/proc/70/comm", "supervisord\n");
            m.write(
                "/etc/supervisord.conf",
                "[program:logtail]\ncommand=/usr/local/ilogtail/ilogtail -ilogtail_daemon_flag=false\n",
            );
        },
        &[],
    ),
    (
        "the install directory is a link to a data disk, and the agent was started by the real path",
        Logtail188,
        |m, _| {
            m.each_process(|process| {
                process.exe = Ok("/data/ilogtail/ilogtail_1.8.8".into());
                process.command = "/data/ilogtail/ilogtail".into();
            });
            for name in ["ilogtail_config.json", "app_info.json", "ilogtail_1.8.8"] {
                let text = m.text(&format!("{DIR}/{name}"));
                m.write_at(&format!("/data/ilogtail/{name}"), text, STARTED);
            }
            m.place(DIR, |place| (place.inode, place.real) = (7, Some("/data/ilogtail".into())));
            m.place("/data/ilogtail", |place| place.inode = 7);
        },
        &[],
    ),
    (
        "an install directory on a read-only mount, and a record of an earlier start",
        Logtail188,
        |m, _| {
            m.place(DIR, |place| place.filesystem.as_mut().unwrap().read_only = true);
            m.record(|record| record.started = STARTED - 3600);
        },
        &[(Installed, FilesystemReadOnly, Fail)],
    ),
    (
        "a mount that became read-only while the agent runs, seen with its own eyes",
        Logtail188,
        |m, _| {
            m.place(DIR, |_| {});
            m.place("/proc/1201/root/usr/local/ilogtail", |place| place.filesystem.as_mut().unwrap().read_only = true);
            m.record(|record| record.started = STARTED + 2);
        },
        &[(Installed, FilesystemReadOnly, Warn)],
    ),
    (
        "a disk without a free block",
        Logtail207,
        |m, _| {
            m.stop();
            m.place(DIR, |place| place.filesystem.as_mut().unwrap().free = 0);
        },
        &[(Installed, FilesystemFull, Fail), (Running, AgentStopped, Fail)],
    ),
    (
        "a disk without a free inode",
        Loong331,
        |m, _| {
            m.stop();
            m.place(DIR, |place| place.filesystem.as_mut().unwrap().free_inodes = 0);
        },
        &[(Installed, FilesystemFull, Fail), (Running, AgentStopped, Fail)],
    ),
    (
        "a program without the right to be executed",
        Logtail188,
        |m, _| {
            m.stop();
            m.place(DIR, |_| {});
            let format = ProgramFormat::Elf { machine: "x86_64".into(), loader: None, missing: vec![] };
            m.programs.insert(format!("{DIR}/ilogtail").into(), ProgramSeen { mode: 0o644, format });
        },
        &[(Installed, AgentCannotStart, Fail), (Running, AgentStopped, Fail)],
    ),
    (
        "an agent that runs as another user, who may not list the accounts",
        Loong331,
        |m, _| {
            m.each_process(|process| process.uid = 990);
            let status = "Uid:\t990 990 990 990\nGid:\t990 990 990 990\nGroups:\t\nCapEff:\t0000000000000000\n";
            m.write("/proc/1201/status", status);
            for dir in ["/", "/etc", "/etc/ilogtail"] {
                m.place(dir, |_| {});
            }
            m.place(USERS, |place| place.mode = 0o700);
        },
        &[(StepId::Account, IdentityUnreadable, Fail)],
    ),
    (
        "an old install beside a healthy agent that its own unit runs",
        Logtail188,
        |m, _| {
            m.write("/opt/loongcollector/loongcollector", "x");
            m.write("/usr/local/ilogtail_old/ilogtail_config.json", "{}");
            m.write("/etc/init.d/ilogtaild_old", "x");
        },
        &[(Installed, SeveralAgents, Warn), (Installed, InstallIncomplete, Warn), (Installed, CommunityEdition, Warn)],
    ),
];

/// The row of a setting says that it is without effect, and which version would heed it.
#[test]
fn a_setting_without_effect_is_shown() {
    let mut machine = Machine::healthy(Logtail188);
    machine
        .reconfigure(|text| text.replacen('{', "{\"working_interface\": \"eth1\", \"bind_interface\": \"eth1\", ", 1));
    let finding = machine.check(StepId::Address, &told());
    let shown = |key: &str| {
        let row = finding.evidence.iter().find(|row| row.label.get(Lang::En) == key).expect("the setting has a row");
        row.value.get(Lang::En).to_string()
    };
    assert!(shown("working_interface").contains("without effect, versions after 3.3.5 heed it"));
    assert!(
        shown("bind_interface").contains("without effect") && shown("bind_interface").contains("working_interface")
    );
    let later = machine_of_3_3_6();
    let finding = later.check(StepId::Address, &told());
    let row = finding.evidence.iter().find(|row| row.label.get(Lang::En) == "working_interface").expect("a row");
    assert_eq!(row.value.get(Lang::En), "eth0");
}

fn machine_of_3_3_6() -> Machine {
    let mut machine = Machine::of_version(Loong331, "3.3.6");
    machine.reconfigure(|text| text.replacen('{', "{\"working_interface\": \"eth0\", ", 1));
    machine
}
