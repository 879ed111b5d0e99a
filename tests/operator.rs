//! What an operator does who has only the screen in front of him: types what it shows, cancels, mistypes, comes too late.
//! Needs a laboratory; says SKIPPED and why where none can be made.
#![cfg(target_os = "linux")]

use lab::{Flavour, Lab, OWNER, Output, Sudo};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(20);

/// The commands behind `fix` in a report.
fn fixes(output: &Output) -> Vec<String> {
    let lines = output.stdout.lines().map(str::trim_start);
    lines.filter_map(|line| line.strip_prefix("fix ")).map(|line| line.trim().to_string()).collect()
}

/// Every command for which nothing more is to be told runs as it stands.
fn each_runs(lab: &Lab, report: &Output) {
    let commands = fixes(report);
    assert!(!commands.is_empty(), "{report:?}");
    for command in commands {
        let is_complete = !command.split_whitespace().any(|word| {
            word.split_once('=').is_some_and(|(_, value)| {
                value.contains('|') || !value.contains(|c: char| c.is_lowercase() || c.is_ascii_digit())
            })
        });
        if is_complete {
            let tried = lab.sh(&format!("{command} --dry-run"));
            assert_eq!(tried.code, 0, "{command}: {tried:?}");
        }
    }
}

#[test]
fn a_command_that_check_prints_runs_as_it_stands() {
    let Some(lab) = Lab::new().hosts_line("203.0.113.7 iZbp1lab").build_or_skip() else { return };
    let report = lab.run(&["check"]);
    assert!(report.stdout.contains("fix bind-hostname --set ip=10.1.1.5"), "{report:?}");
    each_runs(&lab, &report);
}

#[test]
fn a_command_for_the_machine_group_names_the_address_and_the_safe_one_comes_first() {
    let lab = Lab::new().cloud_key().group_ips(&["10.1.1.6", "10.1.1.77"]).build_or_skip();
    let Some(lab) = lab else { return };
    let report = lab.run(&["check", "--project", "my-project", "--machine-group", "web"]);
    let commands = fixes(&report);
    // Which of the two is this host's old address nobody knows: taking one out may stop another host's heartbeat.
    assert!(commands.first().is_some_and(|first| first.contains("add-ip-to-group")), "{commands:?}");
    assert!(commands.iter().any(|command| command.ends_with("--set ip=10.1.1.5 --set old-ip=OLD-IP")), "{commands:?}");
    each_runs(&lab, &report);
}

/// Nothing fails for certain, but the docker bridge's address is the reason: it is named, and the wizard rests on it.
#[test]
fn a_warning_that_may_be_the_reason_is_what_the_operator_sees_first() {
    let lab = Lab::new().agent(Flavour::Logtail207).hosts_line("127.0.1.1 iZbp1lab");
    let lab = lab.nics(&[("ens3", &["10.1.1.5"]), ("docker0", &["172.17.0.1"])]).build_or_skip();
    let Some(lab) = lab else { return };
    let report = lab.run(&["check"]);
    assert_eq!(report.code, 3, "{report:?}");
    assert!(report.stdout.contains("look at: Address."), "{report:?}");
    assert!(report.stdout.contains("would change: logtail-doctor fix bind-hostname"), "{report:?}");
    let mut pty = lab.wizard(80, 24);
    pty.wait_for("▸ 6 Address", SOON);
    pty.send("q");
    assert_eq!(pty.exit_code(SOON), 0);
}

/// Who cancels sudo's question gets the command to hand to somebody who may, and a key that copies it.
#[test]
fn a_cancelled_password_leaves_the_command_on_the_screen() {
    let Some(lab) = Lab::new().stopped().user("ops", Sudo::Password).build_or_skip() else { return };
    let ops = lab.as_user("ops");
    let mut pty = ops.terminal(&["logtail-doctor", "--region", "cn-hangzhou"], 80, 24);
    pty.wait_for("Start the agent", SOON);
    pty.wait_for_verdicts(SOON);
    pty.send("1");
    pty.confirm(SOON);
    pty.wait_for_password("password for ops", SOON);
    pty.send("C-c");
    let screen = pty.wait_for("sudo did not allow it", SOON);
    assert!(screen.contains("fix start-agent --yes"), "{screen}");
    assert!(!screen.contains("NOPASSWD"), "{screen}");
    assert!(screen.contains("[ Copy the command ]"), "{screen}");
    pty.send("y");
    pty.wait_for("OSC 52", SOON);
    pty.send("Enter");
    pty.wait_for("What to do", SOON);
    pty.send("q");
    assert_eq!(pty.exit_code(SOON), 0);
    assert!(lab.heartbeats().is_empty(), "nothing was started");
}

/// A rule that asks for a password beside one that does not, and no ticket: what sudo says beforehand is wrong, so it is
/// called, and its question is answered on the terminal.
#[test]
fn a_password_is_asked_for_whatever_sudo_says_beforehand() {
    let builder = || Lab::new().stopped().user("ops", Sudo::Password);
    let Some(lab) = builder().build_or_skip() else { return };
    let rules = "Defaults timestamp_timeout=0\\nops ALL=(root) NOPASSWD: /usr/bin/true\\n";
    lab.sh(&format!("printf '{rules}' > /etc/sudoers.d/zz-mixed; chmod 440 /etc/sudoers.d/zz-mixed"));
    let ops = lab.as_user("ops");
    let fix = ["logtail-doctor", "fix", "start-agent", "--yes", "--region", "cn-hangzhou", "--no-cloud"];
    let refused = ops.run(&fix[1..]);
    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.stderr.contains("sudo: a password is required"), "{refused:?}");
    assert!(refused.stderr.contains("NOPASSWD: /usr/local/bin/logtail-doctor carry-out"), "{refused:?}");
    let mut pty = ops.terminal(&fix, 100, 40);
    for asked in 1..=3 {
        pty.wait_until("the question", SOON, |screen| screen.matches("password for ops").count() >= asked);
        pty.wait_for_password("password for ops", SOON);
        pty.send("wrong");
        pty.send("Enter");
    }
    let screen = pty.wait_for("sudo did not allow it; it said: sudo: 3 incorrect password attempts", SOON);
    assert!(!screen.contains("NOPASSWD"), "{screen}");
    assert_eq!(pty.exit_code(SOON), 3);
    assert!(lab.heartbeats().is_empty(), "nothing was started");
    let mut pty = ops.terminal(&fix, 100, 40);
    pty.wait_for_password("password for ops", SOON);
    pty.send(lab::PASSWORD);
    pty.send("Enter");
    assert_eq!(pty.exit_code(3 * SOON), 0, "{}", pty.screen());
    assert!(lab.run(&["journal"]).stdout.contains("ops"), "the journal names the person");
}

/// Where there is no sudo but doas, it is doas that is called, shown and named.
#[test]
fn doas_does_where_there_is_no_sudo() {
    let Some(lab) = Lab::new().stopped().user("ops", Sudo::No).build_or_skip() else { return };
    if lab.sh("command -v doas").code != 0 {
        lab::skip::skip_anyway("no doas here");
        return;
    }
    lab.sh("rm $(command -v sudo); echo 'permit nopass root' > /etc/doas.conf; chmod 644 /etc/doas.conf");
    let ops = lab.as_user("ops");
    let fix = ["fix", "start-agent", "--yes", "--region", "cn-hangzhou", "--no-cloud"];
    let refused = ops.run(&fix);
    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.stderr.contains("doas did not allow it"), "{refused:?}");
    assert!(refused.stderr.contains("doas /usr/local/bin/logtail-doctor fix start-agent"), "{refused:?}");
    assert!(!refused.stderr.contains("NOPASSWD"), "{refused:?}");
    lab.sh("echo 'permit nopass ops' > /etc/doas.conf");
    let fixed = ops.run(&fix);
    assert_eq!(fixed.code, 0, "{fixed:?}");
    assert!(lab.run(&["journal"]).stdout.contains("  ops"), "the journal names the person");
}

/// A command among the lines of a refusal stands alone on its line, so that it can be copied.
#[test]
fn a_refusal_without_a_terminal_has_its_command_on_a_line_of_its_own() {
    let Some(lab) = Lab::new().stopped().user("ops", Sudo::No).build_or_skip() else { return };
    let refused = lab.as_user("ops").run(&["fix", "start-agent", "--yes", "--region", "cn-hangzhou"]);
    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.stderr.lines().any(|line| line.ends_with("fix start-agent --yes")), "{refused:?}");
    lab.sh("mv $(command -v sudo) /root/; mv $(command -v doas) /root/");
    let refused = lab.as_user("ops").run(&["fix", "start-agent", "--yes", "--region", "cn-hangzhou"]);
    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.stderr.contains("no sudo here") && !refused.stderr.contains("sudo /"), "{refused:?}");
}

#[test]
fn a_change_that_failed_says_that_it_was_taken_back_and_what_to_do() {
    let Some(lab) = Lab::new().hosts_line("203.0.113.7 iZbp1lab").build_or_skip() else { return };
    let before = lab.read("/etc/hosts");
    lab.sh("mount --bind /etc /etc && mount -o remount,ro,bind /etc");
    let failed = lab.run(&["fix", "bind-hostname", "--set", "ip=10.1.1.5", "--yes"]);
    assert_eq!(failed.code, 4, "{failed:?}");
    assert!(failed.stdout.contains("1. failed: "), "{failed:?}");
    assert!(failed.stderr.contains("remount,rw") && failed.stderr.contains("was taken back"), "{failed:?}");
    assert_eq!(failed.stderr.matches("Read-only file system").count(), 1, "{failed:?}");
    assert_eq!(lab.read("/etc/hosts"), before);
}

#[test]
fn the_journal_speaks_the_language_and_names_only_backups_that_are_there() {
    let Some(lab) = Lab::new().users(&[OWNER]).build_or_skip() else { return };
    let fix = ["fix", "set-working-ip", "--set", "ip=10.1.1.5", "--yes"];
    assert_eq!(lab.run(&fix).code, 0);
    let applied = lab.run(&["--lang", "zh-CN", "journal"]).stdout;
    assert!(
        applied.contains("写入 /usr/local/ilogtail/ilogtail_config.json  (") && applied.contains(".bak"),
        "{applied}"
    );
    assert_eq!(lab.run(&["undo", "--yes"]).code, 0);
    let undone = lab.run(&["journal"]).stdout;
    assert!(undone.contains("undone") && !undone.contains(".bak"), "{undone}");
}

#[test]
fn an_undo_that_would_lose_a_later_edit_says_how_to_compare() {
    let Some(lab) = Lab::new().users(&[OWNER]).build_or_skip() else { return };
    assert_eq!(lab.run(&["fix", "set-working-ip", "--set", "ip=10.1.1.5", "--yes"]).code, 0);
    lab.sh("echo >> /usr/local/ilogtail/ilogtail_config.json");
    let refused = lab.run(&["undo", "--yes"]);
    assert_eq!(refused.code, 3, "{refused:?}");
    let (_, command) = refused.stderr.split_once("what is to go: ").unwrap_or_else(|| panic!("{refused:?}"));
    let compared = lab.sh(command.trim());
    assert!(compared.stdout.contains("working_ip"), "{compared:?}");
}

/// A project that is not there, and that somebody told days ago, is said to be remembered.
#[test]
fn a_wrong_project_of_an_earlier_session_is_called_so() {
    let Some(lab) = Lab::new().cloud_key().build_or_skip() else { return };
    lab.run(&["check", "--project", "nosuch"]);
    let report = lab.run(&["check"]).stdout;
    assert!(report.contains("nosuch; --project NAME tells another [remembered from an earlier session]"), "{report}");
}

#[test]
fn a_bundle_is_never_written_beside_a_device_and_goes_into_a_directory() {
    let Some(lab) = Lab::new().build_or_skip() else { return };
    let refused = lab.sh("mkfifo /tmp/pipe && logtail-doctor bundle -o /tmp/pipe; code=$?; ls /tmp; exit $code");
    assert_eq!((refused.code, refused.stdout.as_str()), (2, "pipe\n"), "{refused:?}");
    let made = lab.sh("mkdir /tmp/d && logtail-doctor ticket -o /tmp/d && ls /tmp/d");
    assert_eq!(made.code, 0, "{made:?}");
    assert!(made.stdout.lines().all(|line| line.ends_with(".tar.gz")), "{made:?}");
    let second = lab.sh("touch /tmp/a.tgz && logtail-doctor bundle -o /tmp/a.tgz");
    assert_eq!(second.stdout, "/tmp/a-2.tgz\n", "{second:?}");
}
