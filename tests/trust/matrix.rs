//! Every automatic remedy on a real host, from the command line: broken, found, cured, found cured, a second run that
//! changes nothing, and taken back to the last byte, owner and mode.

use super::{causes, differences, ends_with, entries, picture};
use lab::{Behaviour, Builder, Fault, Flavour, Lab, OWNER, Sudo, vendor};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(20);
const REGION: [&str; 4] = ["--region", "cn-hangzhou", "--network", "intranet"];
const ACCOUNT: [&str; 6] = ["--region", "cn-hangzhou", "--same-account", "no", "--aliuid", OWNER];
const WEB: [&str; 6] = ["--region", "cn-hangzhou", "--identity", "custom", "--custom-id", "web"];

/// What a second run does.
#[derive(PartialEq)]
enum Again {
    /// It finds that nothing has to be done.
    Nothing,
    /// It does it again, as it was told to.
    Repeats,
}

/// What taking it back comes to.
#[derive(PartialEq)]
enum Back {
    Done,
    /// Only commands were run, and nothing takes them back.
    Refused,
}

struct Case<'a> {
    told: &'a [&'a str],
    cause: &'a str,
    remedy: &'a str,
    inputs: &'a [&'a str],
    again: Again,
    back: Back,
    beats: bool,
}

impl<'a> Case<'a> {
    fn new(told: &'a [&'a str], cause: &'a str, remedy: &'a str) -> Case<'a> {
        Case { told, cause, remedy, inputs: &[], again: Again::Nothing, back: Back::Done, beats: true }
    }

    fn run(&self, lab: &Lab) {
        let Case { told, cause, remedy, .. } = self;
        let named = causes(lab, told);
        assert!(named.iter().any(|one| one == cause), "{remedy}: {cause} is not among {named:?}");
        let before = picture(lab);
        let mut fix = vec!["fix", remedy];
        fix.extend(*told);
        for input in self.inputs {
            fix.extend(["--set", input]);
        }
        let dry = lab.run(&[fix.as_slice(), &["--dry-run"]].concat());
        ends_with(&dry, 0);
        assert_eq!(differences(&before, &picture(lab)), Vec::<String>::new(), "a dry run changes nothing");
        fix.push("--yes");
        let fixed = lab.run(&fix);
        ends_with(&fixed, 0);
        let named = causes(lab, told);
        assert!(!named.iter().any(|one| one == cause), "{remedy}: {cause} is still among {named:?}");
        if self.beats {
            assert!(lab.heartbeat_ok(SOON), "{remedy}: {:?}", lab.heartbeats().last());
        }
        let (cured, done) = (picture(lab), entries(lab));
        assert_eq!(done.len(), 1, "{done:?}");
        if self.again == Again::Nothing {
            let second = lab.run(&fix);
            ends_with(&second, 0);
            assert!(!second.stdout.is_empty(), "a second run says that nothing was to be done");
            assert_eq!(differences(&cured, &picture(lab)), Vec::<String>::new());
            assert_eq!(entries(lab), done);
        }
        let undone = lab.run(&["undo", "--yes"]);
        ends_with(&undone, if self.back == Back::Done { 0 } else { 3 });
        assert_eq!(differences(&before, &picture(lab)), Vec::<String>::new(), "{remedy}: {undone:?}");
        if self.back == Back::Done {
            assert!(entries(lab).iter().all(|line| line.contains("undone")), "{:?}", entries(lab));
            let twice = lab.run(&["undo", "--yes"]);
            ends_with(&twice, 3);
        }
    }
}

fn with(builder: Builder, case: &Case) {
    let Some(lab) = builder.build_or_skip() else { return };
    case.run(&lab);
}

#[test]
fn start_agent() {
    let case = Case { back: Back::Refused, ..Case::new(&REGION, "agent-stopped", "start-agent") };
    with(Lab::new().stopped(), &case);
    with(Lab::new().agent(Flavour::Loong331).stopped(), &case);
}

#[test]
fn restart_agent() {
    let lame = Behaviour { daemon_only: true, ..Behaviour::default() };
    let Some(lab) = Lab::new().behaviour(lame).build_or_skip() else { return };
    // What keeps the worker from starting goes away with the stop.
    lab.sh("sed -i 's/^    stop) stop/    stop) echo {} > \\/etc\\/stand_in.json; stop/' /etc/init.d/ilogtaild");
    let case = Case::new(&REGION, "app-info-missing", "restart-agent");
    Case { again: Again::Repeats, back: Back::Refused, ..case }.run(&lab);
}

#[test]
fn restart_a_frozen_agent() {
    let Some(lab) = Lab::new().build_or_skip() else { return };
    lab.sh("pkill -STOP -x ilogtail");
    let case = Case::new(&REGION, "agent-abnormal", "restart-agent");
    Case { again: Again::Repeats, back: Back::Refused, ..case }.run(&lab);
}

#[test]
fn stop_extra_agent() {
    let Some(lab) = Lab::new().build_or_skip() else { return };
    lab.sh("/usr/local/ilogtail/ilogtail");
    lab.wait("a second pair", SOON, |lab| lab.sh("pgrep -c ilogtail").stdout.trim() == "4");
    Case { back: Back::Refused, ..Case::new(&REGION, "too-many-processes", "stop-extra-agent") }.run(&lab);
}

#[test]
fn enable_at_boot() {
    let Some(lab) = Lab::new().not_at_boot().build_or_skip() else { return };
    // Boot is no question in a container, which this machine may be; the laboratory is none.
    lab.sh("rm -f /.dockerenv /run/.containerenv");
    let named = causes(&lab, &REGION);
    if !named.contains(&"not-enabled-at-boot".to_string()) {
        lab::skip::skip_anyway("this machine tells nothing of what starts at boot");
        return;
    }
    Case::new(&REGION, "not-enabled-at-boot", "enable-at-boot").run(&lab);
}

#[test]
fn repair_config() {
    let torn = "{\"config_server_address\" : \"http://logtail.cn-hangzhou-intranet.log.aliyuncs.com\", ";
    with(Lab::new().config(torn), &Case::new(&REGION, "config-invalid-json", "repair-config"));
}

#[test]
fn set_endpoint() {
    let config = br#"{
    "config_server_address" : "http://logtail.cn-beijing-intranet.log.aliyuncs.com",
    "data_server_list" : [ { "cluster" : "cn-beijing", "endpoint" : "cn-beijing-intranet.log.aliyuncs.com" } ],
    "cpu_usage_limit" : 0.4
}
"#;
    let file = "/usr/local/ilogtail/ilogtail_config.json";
    let builder = Lab::new().file_with_mode(file, config, 0o640);
    with(builder, &Case::new(&REGION, "region-mismatch", "set-endpoint"));
}

#[test]
fn bind_hostname() {
    let Some(lab) = Lab::new().hosts_line("203.0.113.7 iZbp1lab").build_or_skip() else { return };
    // A group and a mode that this program would not choose itself; another owner than root it does not trust.
    lab.sh("chown 0:2 /etc/hosts; chmod 604 /etc/hosts");
    Case { inputs: &["ip=10.1.1.5"], ..Case::new(&REGION, "ip-not-local", "bind-hostname") }.run(&lab);
}

#[test]
fn set_working_ip() {
    let builder = Lab::new().hosts_line("203.0.113.7 iZbp1lab");
    with(builder, &Case { inputs: &["ip=10.1.1.5"], ..Case::new(&REGION, "ip-not-local", "set-working-ip") });
}

#[test]
fn write_custom_id() {
    let builder = Lab::new().group_custom_ids(&["web"]);
    with(builder.clone(), &Case::new(&WEB, "custom-id-missing", "write-custom-id"));
    with(builder.user_defined_id("db\n"), &Case::new(&WEB, "custom-id-mismatch", "write-custom-id"));
}

#[test]
fn clean_custom_id() {
    let builder = Lab::new().group_custom_ids(&["web"]).user_defined_id("web\r\n");
    with(builder, &Case::new(&WEB, "custom-id-malformed", "clean-custom-id"));
}

#[test]
fn remove_custom_id() {
    let Some(lab) = Lab::new().user_defined_id("web\n").build_or_skip() else { return };
    // A removed file comes back with its group and its mode.
    lab.sh("chown 0:7 /etc/ilogtail/user_defined_id; chmod 604 /etc/ilogtail/user_defined_id");
    let told = ["--region", "cn-hangzhou", "--identity", "ip", "--group-ip", "10.1.1.5"];
    Case::new(&told, "custom-id-stale", "remove-custom-id").run(&lab);
}

#[test]
fn add_aliuid() {
    let builder = Lab::new().not_ecs();
    with(builder.clone(), &Case::new(&ACCOUNT, "aliuid-missing", "add-aliuid"));
    let Some(lab) = builder.build_or_skip() else { return };
    lab.sh("rmdir /etc/ilogtail/users");
    Case::new(&ACCOUNT, "aliuid-missing", "add-aliuid").run(&lab);
}

#[test]
fn rename_aliuid() {
    let name = format!("{OWNER}.txt");
    with(Lab::new().not_ecs().users(&[&name]), &Case::new(&ACCOUNT, "aliuid-malformed", "rename-aliuid"));
}

#[test]
fn allow_egress() {
    const RULES: &str = "add table inet filter; add chain inet filter output { type filter hook output priority 0; }; \
                         add rule inet filter output tcp dport { 80, 443 } drop";
    let Some(lab) = Lab::new().build_or_skip() else { return };
    let made = lab.sh(&format!("nft '{RULES}'"));
    if made.code != 0 {
        lab::skip::skip_anyway("this kernel filters nothing");
        return;
    }
    let rules = lab.sh("nft list ruleset").stdout;
    let told = [&REGION[..], &["--timeout", "1"]].concat();
    Case::new(&told, "local-firewall", "allow-egress").run(&lab);
    assert_eq!(lab.sh("nft list ruleset").stdout, rules, "the firewall is as it was");
}

#[test]
fn a_clock_that_no_command_cures_is_not_called_cured() {
    let builder = Lab::new().service(Fault::ClockOffset(3600));
    let date = builder.file_with_mode("/usr/sbin/ntpdate", "#!/bin/sh\necho \"adjusted\"\n", 0o755);
    let Some(lab) = date.build_or_skip() else { return };
    assert!(causes(&lab, &REGION).contains(&"clock-skew".to_string()));
    let before = picture(&lab);
    // The time server answers, but the clock stays: the laboratory shares it with this machine.
    let mended = lab.sh("timeout --preserve-status -s INT 10 logtail-doctor fix sync-clock --yes --region cn-hangzhou");
    ends_with(&mended, 1);
    assert!(mended.stderr.contains("Applied, but not checked"), "{mended:?}");
    let adjusted = lab.run(&["fix", "enable-time-adjust", "--yes", "--region", "cn-hangzhou", "--timeout", "1"]);
    assert!([0, 1].contains(&adjusted.code), "{adjusted:?}");
    let config = lab.read("/usr/local/ilogtail/ilogtail_config.json");
    assert!(config.contains("\"enable_log_time_auto_adjust\": true"), "{config}");
    let again = lab.run(&["fix", "enable-time-adjust", "--yes", "--region", "cn-hangzhou", "--timeout", "1"]);
    ends_with(&again, 0);
    ends_with(&lab.run(&["undo", "--yes"]), 0);
    assert_eq!(differences(&before, &picture(&lab)), Vec::<String>::new());
}

#[test]
fn a_clock_that_the_time_server_sets_right_is_cured() {
    let fake = "#!/bin/sh\necho \"step time server offset 3600 sec\"\n: > /tmp/clock-set\n";
    let builder = Lab::new().service(Fault::ClockOffset(3600)).file_with_mode("/usr/sbin/ntpdate", fake, 0o755);
    let Some(lab) = builder.build_or_skip() else { return };
    let fixed = std::thread::scope(|scope| {
        // For the service to agree with the clock is the same as for the clock to agree with the service.
        scope.spawn(|| {
            lab.wait("ntpdate", Duration::from_secs(60), |lab| lab.exists("/tmp/clock-set"));
            lab.mend_service();
        });
        lab.run(&["fix", "sync-clock", "--yes", "--region", "cn-hangzhou"])
    });
    ends_with(&fixed, 0);
    assert!(lab.heartbeat_ok(SOON));
    ends_with(&lab.run(&["undo", "--yes"]), 3);
}

#[test]
fn install_agent() {
    let builder = Lab::new().agent(Flavour::None).file_with_mode("/usr/bin/wget", vendor::install(), 0o755);
    let Some(lab) = builder.build_or_skip() else { return };
    assert!(causes(&lab, &REGION).contains(&"agent-not-installed".to_string()));
    let fix = [&["fix", "install-agent", "--yes"], &REGION[..]].concat();
    ends_with(&with_proxies(&lab, &fix), 0);
    has_no_proxies(&lab, "loongcollector");
    assert!(!causes(&lab, &REGION).contains(&"agent-not-installed".to_string()));
    assert!(lab.heartbeat_ok(SOON), "{:?}", lab.heartbeats().last());
    let installed = picture(&lab);
    // Never over an agent that is there: install would delete its configuration.
    ends_with(&lab.run(&fix), 3);
    assert_eq!(differences(&installed, &picture(&lab)), Vec::<String>::new());
}

/// Runs the program by an operator whose session has proxies.
fn with_proxies(lab: &Lab, argv: &[&str]) -> lab::Output {
    lab.sh(&format!("https_proxy=http://bob:pw@192.0.2.1:3128 logtail-doctor {} --no-cloud", argv.join(" ")))
}

/// The installer gets the proxies for its downloads; the agent that it leaves must not have them.
fn has_no_proxies(lab: &Lab, name: &str) {
    let environments = lab.sh(&format!("for pid in $(pgrep -x {name}); do tr '\\0' '\\n' < /proc/$pid/environ; done"));
    assert!(environments.stdout.contains("HOME=/root"), "{environments:?}");
    assert!(!environments.stdout.contains("bob:pw"), "{environments:?}");
}

#[test]
fn upgrade_agent_and_reinstall_agent() {
    for remedy in ["upgrade-agent", "reinstall-agent"] {
        let Some(lab) = Lab::new().file_with_mode("/usr/bin/wget", vendor::upgrade(""), 0o755).build_or_skip() else {
            return;
        };
        let (before, pids) = (picture(&lab), lab.sh("pgrep -x ilogtail").stdout);
        let fixed = with_proxies(&lab, &[&["fix", remedy, "--yes"], &REGION[..]].concat());
        ends_with(&fixed, 0);
        has_no_proxies(&lab, "ilogtail");
        assert!(lab.read("/usr/local/ilogtail/app_info.json").contains("2.0.7"), "{remedy}");
        assert_ne!(lab.sh("pgrep -x ilogtail").stdout, pids);
        assert!(lab.heartbeat_ok(SOON));
        assert_eq!(differences(&before, &picture(&lab)), Vec::<String>::new(), "{remedy}: the configuration is kept");
        let undone = lab.run(&["undo", "--yes"]);
        ends_with(&undone, 3);
        assert!(
            undone.stderr.contains("cannot take back what that did") && undone.stderr.contains("logtail.sh"),
            "{undone:?}"
        );
    }
}

#[test]
fn an_upgrade_that_fails_leaves_the_agent_running_that_ran_before() {
    let wget = vendor::upgrade("echo 'no space left' >&2; exit 5");
    let Some(lab) = Lab::new().file_with_mode("/usr/bin/wget", wget, 0o755).build_or_skip() else { return };
    let before = picture(&lab);
    let fixed = lab.run(&[&["fix", "upgrade-agent", "--yes"], &REGION[..]].concat());
    ends_with(&fixed, 4);
    assert!(fixed.stderr.contains("exit code 5") && fixed.stderr.contains("cannot be taken back"), "{fixed:?}");
    assert!(fixed.stderr.contains("it was started again and runs"), "{fixed:?}");
    assert!(lab.heartbeat_ok(SOON));
    assert_eq!(differences(&before, &picture(&lab)), Vec::<String>::new());
    // An installer that says that all is well and leaves nothing running is not believed: the agent is started.
    let lie = vendor::upgrade("exit 0");
    let Some(lab) = Lab::new().file_with_mode("/usr/bin/wget", lie, 0o755).build_or_skip() else { return };
    let fixed = lab.run(&[&["fix", "upgrade-agent", "--yes"], &REGION[..]].concat());
    ends_with(&fixed, 0);
    assert!(lab.heartbeat_ok(SOON), "{fixed:?}");
}

#[test]
fn an_upgrade_that_finds_nothing_to_do_is_no_failure() {
    let wget = vendor::wget(vendor::UPGRADE_URL, "#!/bin/sh\necho 'already up to date'");
    let Some(lab) = Lab::new().file_with_mode("/usr/bin/wget", wget, 0o755).build_or_skip() else { return };
    let before = picture(&lab);
    let fixed = lab.run(&[&["fix", "upgrade-agent", "--yes"], &REGION[..]].concat());
    ends_with(&fixed, 0);
    assert!(fixed.stdout.contains("already up to date"), "{fixed:?}");
    assert!(lab.heartbeat_ok(SOON), "{fixed:?}");
    assert_eq!(differences(&before, &picture(&lab)), Vec::<String>::new());
}

#[test]
fn an_ordinary_user_is_told_which_line_of_sudoers_is_missing_or_what_is_permitted() {
    let Some(lab) = Lab::new().stopped().user("ops", Sudo::ScriptOnly).build_or_skip() else { return };
    let ops = lab.as_user("ops");
    let start = ops.run(&["fix", "start-agent", "--yes", "--region", "cn-hangzhou"]);
    ends_with(&start, 3);
    assert!(start.stderr.contains("sudo permits the commands of this remedy by themselves"), "{start:?}");
    let line =
        start.stderr.lines().find_map(|line| line.split_once("by themselves: ")).map(|(_, line)| line.to_string());
    let typed = ops.sh(&line.unwrap_or_default());
    assert_eq!(typed.code, 0, "{typed:?}");
    assert!(lab.heartbeat_ok(SOON));
    let edit = ops.run(&["fix", "write-custom-id", "--set", "custom-id=web", "--yes", "--region", "cn-hangzhou"]);
    ends_with(&edit, 3);
    let (_, line) = edit.stderr.split_once("root): ").unwrap_or_else(|| panic!("{edit:?}"));
    lab.write("/etc/sudoers.d/doctor", format!("{}\n", line.lines().next().unwrap_or_default()));
    lab.sh("chmod 440 /etc/sudoers.d/doctor");
    let edit = ops.run(&["fix", "write-custom-id", "--set", "custom-id=web", "--yes", "--region", "cn-hangzhou"]);
    assert!([0, 1].contains(&edit.code), "{edit:?}");
    assert_eq!(lab.read("/etc/ilogtail/user_defined_id"), "web\n");
}

#[test]
fn an_installer_that_leaves_no_init_script_is_not_believed() {
    let script = "#!/bin/sh -e\nmkdir -p /usr/local/ilogtail\ncp /run/lab/stand_in /usr/local/ilogtail/loongcollector\n\
                  echo 'install success'";
    let builder = Lab::new().agent(Flavour::None).file_with_mode(
        "/usr/bin/wget",
        vendor::wget(vendor::INSTALL_URL, script),
        0o755,
    );
    let Some(lab) = builder.build_or_skip() else { return };
    let fixed = lab.run(&[&["fix", "install-agent", "--yes"], &REGION[..]].concat());
    ends_with(&fixed, 4);
    assert!(fixed.stdout.contains("install success"), "{fixed:?}");
    assert!(fixed.stderr.contains("did not leave /etc/init.d/loongcollectord"), "{fixed:?}");
    assert!(fixed.stderr.contains("cannot be taken back by this program"), "{fixed:?}");
    // One that takes the way to start the agent away leaves no agent, and that is said as well.
    let wget = vendor::upgrade("rm /etc/init.d/ilogtaild; exit 0");
    let Some(lab) = Lab::new().file_with_mode("/usr/bin/wget", wget, 0o755).build_or_skip() else { return };
    let fixed = lab.run(&[&["fix", "upgrade-agent", "--yes"], &REGION[..]].concat());
    ends_with(&fixed, 2);
    assert!(fixed.stderr.contains("did not leave /etc/init.d/ilogtaild"), "{fixed:?}");
    assert!(fixed.stderr.contains("The agent ran before this and did not start again"), "{fixed:?}");
}

#[test]
fn a_download_that_fails_changes_nothing() {
    let builder = Lab::new().agent(Flavour::None).file_with_mode(
        "/usr/bin/wget",
        "#!/bin/sh\necho 'ERROR 404: Not Found.' >&2\nexit 8\n",
        0o755,
    );
    let Some(lab) = builder.build_or_skip() else { return };
    let before = picture(&lab);
    let fixed = lab.run(&[&["fix", "install-agent", "--yes"], &REGION[..]].concat());
    ends_with(&fixed, 4);
    assert!(fixed.stdout.contains("404"), "{fixed:?}");
    assert_eq!(differences(&before, &picture(&lab)), Vec::<String>::new());
}

#[test]
fn an_ordinary_user_fixes_where_sudo_asks_nothing() {
    let builder = Lab::new().hosts_line("203.0.113.7 iZbp1lab").user("ops", Sudo::Free);
    let Some(lab) = builder.build_or_skip() else { return };
    let before = picture(&lab);
    let ops = lab.as_user("ops");
    let fix = ["fix", "bind-hostname", "--set", "ip=10.1.1.5", "--yes", "--region", "cn-hangzhou"];
    ends_with(&ops.run(&fix), 0);
    assert!(lab.heartbeat_ok(SOON));
    assert!(entries(&lab)[0].contains("ops"), "{:?}", entries(&lab));
    let journal = lab.read("/var/lib/logtail-doctor/journal.jsonl");
    assert!(journal.contains("yes-option"), "{journal}");
    ends_with(&ops.run(&fix), 0);
    ends_with(&lab.run(&["undo", "--yes"]), 0);
    assert_eq!(differences(&before, &picture(&lab)), Vec::<String>::new());
}

#[test]
fn an_ordinary_user_without_free_sudo_gets_the_command() {
    for sudo in [Sudo::No, Sudo::Password, Sudo::ScriptOnly] {
        let builder = Lab::new().hosts_line("203.0.113.7 iZbp1lab").user("ops", sudo);
        let Some(lab) = builder.build_or_skip() else { return };
        let before = picture(&lab);
        let fix = ["fix", "bind-hostname", "--set", "ip=10.1.1.5", "--yes", "--region", "cn-hangzhou"];
        let refused = lab.as_user("ops").run(&fix);
        ends_with(&refused, 3);
        let command = "sudo /usr/local/bin/logtail-doctor fix bind-hostname --set ip=10.1.1.5 --yes";
        assert!(refused.stderr.contains(command), "{sudo:?}: {refused:?}");
        assert_eq!(differences(&before, &picture(&lab)), Vec::<String>::new());
    }
}
