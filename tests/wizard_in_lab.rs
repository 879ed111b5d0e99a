//! The promise of the first issue: on a real host with a fault, the wizard driven by keys in a pseudo-terminal finds it,
//! cures it, and checks again. Needs a laboratory; says SKIPPED and why where none can be made.
#![cfg(target_os = "linux")]

use lab::{Lab, OWNER, Pty, Sudo};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(20);
/// A restart of the stand-in agent, its address watch, and the checks again.
const CURE: Duration = Duration::from_secs(60);

/// Opens the wizard and waits until every step has its verdict.
fn open(lab: &Lab, options: &[&str]) -> Pty {
    let mut argv = vec!["logtail-doctor"];
    argv.extend(options);
    let mut pty = lab.terminal(&argv, 80, 24);
    pty.wait_for_verdicts(SOON);
    pty
}

/// Chooses the remedy with this title, answers what it asks by `answers`, and presses the first changing button.
fn cure(pty: &mut Pty, title: &str, answers: &[&str]) {
    pty.choose(title, SOON);
    if !answers.is_empty() {
        pty.fill_in(answers, SOON);
    }
    pty.confirm(SOON);
    pty.wait_for("Cured", CURE);
    pty.send("Enter");
}

/// Leaves the wizard and says what stands on the terminal afterwards.
fn leave(mut pty: Pty) -> String {
    pty.send("q");
    assert_eq!(pty.exit_code(SOON), 0);
    assert!(!pty.alternate_screen());
    pty.screen()
}

#[test]
fn an_agent_that_is_stopped_is_started() {
    let Some(lab) = Lab::new().stopped().build_or_skip() else { return };
    let mut pty = open(&lab, &["--region", "cn-hangzhou"]);
    pty.wait_for("Running       ✗ FAIL", SOON);
    cure(&mut pty, "Start the agent", &[]);
    pty.wait_for("Running       ✓ PASS", SOON);
    assert!(lab.heartbeat_ok(SOON), "{:?}", lab.heartbeats());
    leave(pty);
}

#[test]
fn a_hostname_bound_to_a_wrong_address_is_bound_right() {
    let Some(lab) = Lab::new().hosts_line("203.0.113.7 iZbp1lab").build_or_skip() else { return };
    let before = lab.read("/etc/hosts");
    let mut pty = open(&lab, &["--region", "cn-hangzhou", "--group-ip", "10.1.1.5"]);
    pty.wait_for("Address       ✗ FAIL", SOON);
    cure(&mut pty, "Bind the hostname", &["10.1.1.5"]);
    pty.wait_for("Address       ✓ PASS", SOON);
    assert!(lab.heartbeat_ok(SOON), "{:?}", lab.heartbeats());
    leave(pty);
    assert!(lab.sh("ls /etc/hosts.logtail-doctor-*.bak").code == 0);
    let undo = lab.run(&["undo", "--yes"]);
    assert_eq!(undo.code, 0, "{undo:?}");
    assert_eq!(lab.read("/etc/hosts"), before);
}

#[test]
fn an_agent_without_an_address_is_told_one() {
    // A routed host with its address on `lo`, which the agent never looks at.
    let Some(lab) = Lab::new().stopped().build_or_skip() else { return };
    lab.sh("ip address flush dev eth0; ip address add 10.1.1.5/32 dev lo; sed -i '/iZbp1lab/d' /etc/hosts; /etc/init.d/ilogtaild start");
    lab.wait("a record without an address", SOON, |lab| {
        lab.exists("/usr/local/ilogtail/app_info.json")
            && lab.read("/usr/local/ilogtail/app_info.json").contains("\"ip\" : \"\"")
    });
    let mut pty = open(&lab, &["--region", "cn-hangzhou", "--timeout", "1"]);
    pty.wait_for("Address       ✗ FAIL", SOON);
    // The first failure is the network; the operator goes to the address by hand.
    pty.send("m");
    for _ in 0..10 {
        pty.send("Up");
    }
    for _ in 0..5 {
        pty.send("Down");
    }
    pty.send("Enter");
    pty.wait_for("obtained no IP", SOON);
    cure(&mut pty, "Tell the agent its IP", &["10.1.1.5"]);
    pty.wait_until("no failure of the address", SOON, |screen| !screen.contains("Address       ✗ FAIL"));
    leave(pty);
    assert!(lab.read("/usr/local/ilogtail/ilogtail_config.json").contains("\"working_ip\""));
    assert!(lab.read("/usr/local/ilogtail/app_info.json").contains("\"ip\" : \"10.1.1.5\""));
}

#[test]
fn a_missing_aliuid_is_created() {
    let Some(lab) = Lab::new().not_ecs().users(&[]).build_or_skip() else { return };
    assert!(!lab.heartbeat_ok(Duration::from_secs(2)), "the fault is real");
    let mut pty = open(&lab, &["--region", "cn-hangzhou", "--same-account", "no", "--aliuid", OWNER]);
    pty.wait_for("Account       ✗ FAIL", SOON);
    pty.wait_for("8. Account", SOON);
    cure(&mut pty, "Create the AliUid file", &[]);
    pty.wait_for("Account       ✓ PASS", SOON);
    assert!(lab.exists(&format!("/etc/ilogtail/users/{OWNER}")));
    assert!(lab.heartbeat_ok(SOON), "{:?}", lab.heartbeats());
    leave(pty);
}

#[test]
fn an_endpoint_of_the_wrong_region_is_set_right() {
    let config = br#"{
    "config_server_address" : "http://logtail.cn-beijing-intranet.log.aliyuncs.com",
    "data_server_list" :
    [
        {
            "cluster" : "cn-beijing",
            "endpoint" : "cn-beijing-intranet.log.aliyuncs.com"
        }
    ],
    "cpu_usage_limit" : 0.4
}
"#;
    let Some(lab) = Lab::new().config(config).build_or_skip() else { return };
    assert!(!lab.heartbeat_ok(Duration::from_secs(2)), "the fault is real");
    let mut pty = open(&lab, &["--region", "cn-hangzhou", "--network", "intranet"]);
    pty.wait_for("3. Parameters", SOON);
    cure(&mut pty, "Set the endpoint", &[]);
    pty.wait_for("Parameters    ✓ PASS", SOON);
    let after = lab.read("/usr/local/ilogtail/ilogtail_config.json");
    let expected = String::from_utf8_lossy(config).replace("cn-beijing", "cn-hangzhou");
    assert_eq!(after, expected, "every other byte stays as it was");
    assert!(lab.heartbeat_ok(SOON), "{:?}", lab.heartbeats());
    leave(pty);
}

#[test]
fn an_ordinary_user_cures_through_sudo_with_a_password() {
    let Some(lab) = Lab::new().stopped().user("ops", Sudo::Password).build_or_skip() else { return };
    let mut pty = lab.as_user("ops").terminal(&["logtail-doctor", "--region", "cn-hangzhou"], 80, 24);
    pty.wait_for("Start the agent", SOON);
    pty.send("1");
    pty.confirm(SOON);
    pty.wait_for("[sudo] password", SOON);
    assert!(!pty.alternate_screen(), "sudo asks on the bare terminal");
    pty.send(lab::PASSWORD);
    pty.send("Enter");
    pty.wait_for("Cured", CURE);
    assert!(pty.alternate_screen());
    pty.send("Enter");
    assert!(lab.heartbeat_ok(SOON), "{:?}", lab.heartbeats());
    leave(pty);
}

#[test]
fn read_only_shows_the_remedy_and_runs_nothing() {
    let Some(lab) = Lab::new().stopped().build_or_skip() else { return };
    let mut pty = open(&lab, &["--region", "cn-hangzhou", "--read-only"]);
    pty.send("1");
    pty.wait_for("logtail-doctor fix start-agent", SOON);
    for key in ["Right", "Right", "Enter", "Enter"] {
        pty.send(key);
    }
    assert!(!lab.heartbeat_ok(Duration::from_secs(2)), "nothing was started");
    pty.send("Esc");
    pty.wait_gone("preview", SOON);
    leave(pty);
}

#[test]
fn leaving_while_a_change_is_under_way_finishes_it_and_says_so() {
    let Some(lab) = Lab::new().stopped().build_or_skip() else { return };
    // A start that takes its time; the test says when it may go on.
    lab.sh("sed -i '1a [ \"$1\" = start ] \\&\\& { : > /tmp/starting; until [ -e /tmp/go ]; do sleep 0.1; done; }' /etc/init.d/ilogtaild");
    let mut pty = open(&lab, &["--region", "cn-hangzhou"]);
    let screen = pty.wait_for("Start the agent", SOON);
    let line = screen.lines().find(|line| line.contains("Start the agent")).unwrap_or_default();
    let number = line.split("Start the agent").next().unwrap_or_default().trim().chars().next_back().unwrap_or('1');
    pty.send(&number.to_string());
    pty.confirm(SOON);
    lab.wait("the start", SOON, |lab| lab.exists("/tmp/starting"));
    lab.sh("pkill -TERM -x logtail-doctor");
    pty.wait_for("A change is under way; it is finished first", SOON);
    assert!(!pty.alternate_screen(), "the sentence stands on the operator's own screen");
    lab.write("/tmp/go", "");
    pty.wait_for("It was finished.", SOON);
    assert_eq!(pty.exit_code(SOON), 143);
    assert!(lab.heartbeat_ok(SOON));
    assert!(lab.run(&["journal"]).stdout.contains("applied"));
}
