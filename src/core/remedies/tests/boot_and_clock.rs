//! What starts the agent at boot and what sets the clock: by what each system has, and what runs there.

use super::desk::{Desk, lines};
use super::unit;
use crate::core::finding::RemedyId;
use crate::core::observe::ReadCommand;
use crate::core::remedies::{Durability, Planned};
use crate::core::text::Lang;

#[test]
fn boot_and_clock_use_what_the_system_has() {
    let (look, out) = unit("ilogtaild", 0);
    let boot = |desk: Desk| lines(&desk.ready(RemedyId::EnableAtBoot).changes);
    let word = |desk: Desk, word: &str| desk.prints(ReadCommand::UnitEnabled { unit: "ilogtaild".into() }, word);
    let native = |said: &str| word(Desk::logtail().prints(look.clone(), &out), said);
    assert_eq!(boot(native("disabled\n")), ["systemctl enable ilogtaild <30s"]);
    assert_eq!(
        boot(native("masked\n")),
        ["systemctl unmask ilogtaild <30s", "systemctl enable ilogtaild <30s"],
        "a mask keeps every enabling from working"
    );
    assert!(matches!(native("enabled\n").plan(RemedyId::EnableAtBoot), Planned::Already(_)));
    let wanted = ReadCommand::UnitWantedBy { unit: "ilogtaild".into() };
    assert_eq!(
        boot(native("static\n").prints(wanted, "WantedBy=\nRequiredBy=\n")),
        ["systemctl add-wants multi-user.target ilogtaild <30s"]
    );
    // A systemd that reads no scripts gets a unit around the script; one that reads them the tool of old.
    let newest = || {
        let state = ReadCommand::UnitState { unit: "ilogtaild".into() };
        word(Desk::logtail().prints(state, "LoadState=not-found\n"), "not-found\n").with("/usr/sbin/update-rc.d", "")
    };
    let plan = newest().ready(RemedyId::EnableAtBoot);
    let done = lines(&plan.changes);
    assert_eq!(done.len(), 3, "{done:?}");
    assert_eq!(
        (done[0].as_str(), done[2].as_str()),
        ("systemctl daemon-reload <30s", "systemctl enable ilogtaild <30s")
    );
    for line in ["Type=forking", "ExecStart=/etc/init.d/ilogtaild start", "WantedBy=multi-user.target"] {
        assert!(
            done[1].starts_with("create /etc/systemd/system/ilogtaild.service") && done[1].contains(line),
            "{}",
            done[1]
        );
    }
    let generator = "/usr/lib/systemd/system-generators/systemd-sysv-generator";
    assert_eq!(boot(newest().with(generator, "")), ["update-rc.d ilogtaild defaults <30s"]);
    // Without systemd: by the level that the machine boots into, and what the script's header says of it.
    let header = |levels: &str| format!("#!/bin/sh\n# Default-Start: 3 5\n# Default-Stop: {levels}\n");
    let debian = |level: &str, stops: &str| {
        let desk = Desk::logtail().with("/etc/inittab", &format!("id:{level}:initdefault:\n"));
        let desk = desk.with("/etc/rc2.d/README", "").with("/etc/rc3.d/README", "").with("/usr/sbin/update-rc.d", "");
        boot(desk.with("/etc/init.d/ilogtaild", &header(stops)))
    };
    assert_eq!(debian("3", "0 1 6"), ["update-rc.d ilogtaild defaults <30s"]);
    assert_eq!(debian("2", "0 1 2 6"), ["update-rc.d ilogtaild defaults <30s", "update-rc.d ilogtaild enable 2 <30s"]);
    assert_eq!(
        debian("2", "0 1 6"),
        [
            "update-rc.d ilogtaild defaults <30s",
            "ln -s ../init.d/ilogtaild /etc/rc2.d/S99ilogtaild <30s",
            "update-rc.d ilogtaild enable 2 <30s"
        ]
    );
    assert_eq!(
        boot(Desk::logtail().with("/sbin/chkconfig", "").with("/etc/inittab", "id:3:initdefault:\n")),
        ["chkconfig --add ilogtaild <30s", "chkconfig --level 3 ilogtaild on <30s"]
    );
    assert_eq!(
        boot(Desk::logtail().with("/run/openrc/softlevel", "default").with("/sbin/rc-update", "")),
        ["rc-update add ilogtaild default <30s"]
    );
    let runit = Desk::logtail().with("/proc/1/comm", "runit\n").ready(RemedyId::EnableAtBoot);
    assert!(!runit.is_automatic() && runit.manual[0].get(Lang::En).contains("/etc/init.d/ilogtaild start"));
    let clock = |desk: Desk| lines(&desk.ready(RemedyId::SyncClock).changes);
    assert_eq!(clock(Desk::logtail().with("/usr/sbin/ntpdate", "")), ["ntpdate -u ntp.aliyun.com <60s"]);
    let bare = Desk::logtail().ready(RemedyId::SyncClock);
    assert!(!bare.is_automatic() && bare.manual.len() == 1);
}

#[test]
fn the_time_service_that_runs_comes_before_the_enabled_one_and_that_before_the_installed() {
    // Of each service: its name, whether it runs, what its unit file says.
    let desk = |services: &[(&str, &str, &str)]| {
        services.iter().fold(Desk::logtail(), |desk, (name, active, file)| {
            let out = format!("LoadState=loaded\nActiveState={active}\nUnitFileState={file}\n");
            desk.prints(ReadCommand::UnitState { unit: name.to_string() }, &out)
        })
    };
    let plan = |desk: &Desk| {
        let plan = desk.ready(RemedyId::SyncClock);
        (
            lines(&plan.changes).iter().map(|line| line.replace(" <60s", "")).collect::<Vec<_>>().join("; "),
            plan.durability.unwrap(),
        )
    };
    for (services, tools, command, holds) in [
        // A chrony that is switched off would stop the ntp that runs.
        (
            &[("chrony", "inactive", "disabled"), ("ntp", "active", "enabled")][..],
            &["/usr/bin/chronyc"][..],
            "systemctl restart ntp",
            Durability::Lasts,
        ),
        (
            &[("chrony", "inactive", "disabled"), ("ntpsec", "active", "enabled")],
            &["/usr/sbin/ntpdate"],
            "sh -c 'systemctl stop ntpsec; ntpdate -u ntp.aliyun.com; code=$?; systemctl start ntpsec && exit $code'",
            Durability::Lasts,
        ),
        (
            &[("systemd-timesyncd", "active", "enabled"), ("chronyd", "inactive", "enabled")],
            &["/usr/bin/timedatectl"],
            "systemctl restart systemd-timesyncd",
            Durability::Lasts,
        ),
        (
            &[("systemd-timesyncd", "inactive", "enabled")],
            &["/usr/bin/timedatectl"],
            "timedatectl set-ntp true; systemctl restart systemd-timesyncd",
            Durability::Lasts,
        ),
        (
            &[("systemd-timesyncd", "inactive", "disabled"), ("chronyd", "inactive", "enabled")],
            &["/usr/bin/chronyc"],
            "systemctl restart chronyd; chronyc waitsync 10 1 0 3; chronyc makestep",
            Durability::Lasts,
        ),
        (&[("openntpd", "active", "enabled")], &[], "systemctl restart openntpd", Durability::Lasts),
        (&[("ntpd", "inactive", "disabled")], &[], "systemctl restart ntpd", Durability::UntilReboot),
    ] {
        let desk = tools.iter().fold(desk(services), |desk, tool| desk.with(tool, ""));
        assert_eq!(plan(&desk), (command.to_string(), holds), "{services:?}");
    }
    // Without systemd, the script of the one whose process is noted.
    let openrc =
        Desk::logtail().with("/etc/init.d/chronyd", "").with("/etc/init.d/ntpd", "").with("/run/ntpd.pid", "7\n");
    assert_eq!(plan(&openrc).0, "/etc/init.d/ntpd restart");
    // The clock of a container is its host's.
    let mut inside = desk(&[("chronyd", "active", "enabled")]);
    inside.container = Some("/.dockerenv".into());
    let plan = inside.ready(RemedyId::SyncClock);
    assert!(!plan.is_automatic() && plan.manual[0].get(Lang::En).contains("host"), "{plan:?}");
}
