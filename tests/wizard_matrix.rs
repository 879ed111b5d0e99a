//! Every automatic remedy that a fault of the laboratory offers, by the keys that the screen names: broken, found,
//! cured, verified, and taken back by keys; as root, and as a user whom sudo asks for a password. Needs a laboratory;
//! says SKIPPED and why where none can be made.
#![cfg(target_os = "linux")]

use lab::{Builder, Fault, Flavour, Lab, OWNER, PASSWORD, Sudo, vendor};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(30);
/// A restart of the stand-in agent, its address watch, and the checks again.
const CURE: Duration = Duration::from_secs(60);

const REGION: [&str; 4] = ["--region", "cn-hangzhou", "--network", "intranet"];
const ACCOUNT: [&str; 6] = ["--region", "cn-hangzhou", "--same-account", "no", "--aliuid", OWNER];
const WEB: [&str; 6] = ["--region", "cn-hangzhou", "--identity", "custom", "--custom-id", "web"];

/// One fault and its remedy.
struct Case<'a> {
    told: &'a [&'a str],
    /// The number of the step, from 1.
    step: usize,
    /// How the title of the remedy begins.
    title: &'a str,
    answers: &'a [&'a str],
    /// Whether there is something to take back.
    is_undone: bool,
    /// What a user is told who may not see enough to be offered the remedy; None for one who cures as root does.
    user_is_told: Option<&'a str>,
    /// What happens on the host while the keys are pressed.
    meanwhile: fn(&Lab),
}

impl<'a> Case<'a> {
    fn new(told: &'a [&'a str], step: usize, title: &'a str) -> Case<'a> {
        Case { told, step, title, answers: &[], is_undone: true, user_is_told: None, meanwhile: |_| () }
    }

    /// Walks through the fault as root and as a user of sudo, each on a host of its own.
    fn walk(&self, builder: Builder, prepare: &str) {
        let Some(lab) = builder.clone().build_or_skip() else { return };
        self.walk_on(&lab, prepare, false);
        let Some(lab) = builder.user("ops", Sudo::Password).build_or_skip() else { return };
        self.walk_on(&lab, prepare, true);
    }

    fn walk_on(&self, lab: &Lab, prepare: &str, by_sudo: bool) {
        lab.sh(prepare);
        std::thread::scope(|scope| {
            scope.spawn(|| (self.meanwhile)(lab));
            self.press_keys(lab, by_sudo);
        });
    }

    fn press_keys(&self, lab: &Lab, by_sudo: bool) {
        let before = kept(lab);
        let argv = [&["logtail-doctor"], self.told].concat();
        let mut pty = match by_sudo {
            true => lab.as_user("ops").terminal(&argv, 100, 40),
            false => lab.terminal(&argv, 100, 40),
        };
        pty.wait_for_verdicts(SOON);
        pty.send("Home");
        (1..self.step).for_each(|_| pty.send("Right"));
        if let (true, Some(told)) = (by_sudo, self.user_is_told) {
            pty.wait_for(told, SOON);
            return;
        }
        pty.choose(self.title, SOON);
        if !self.answers.is_empty() {
            pty.fill_in(self.answers, SOON);
        }
        pty.confirm(SOON);
        if by_sudo {
            pty.wait_for("[sudo] password", SOON);
            pty.send(PASSWORD);
            pty.send("Enter");
        }
        let screen = pty.wait_for("Cured", CURE);
        assert_eq!(screen.contains("[ Undo ]"), self.is_undone, "{screen}");
        assert_eq!(screen.contains("Undo later"), self.is_undone, "{screen}");
        if self.is_undone {
            // The journal is root's for both, and sudo remembers the password.
            pty.press_second();
            pty.confirm(SOON);
            pty.wait_for("Taken back", CURE);
            assert_eq!(kept(lab), before, "every byte is as it was");
        }
        pty.send("Enter");
        pty.wait_gone("[ Continue ]", SOON);
        pty.send("q");
        assert_eq!(pty.exit_code(SOON), 0);
    }
}

/// Names and content of the files that remedies write.
fn kept(lab: &Lab) -> String {
    let files = "find /etc/hosts /etc/ilogtail /etc/rc*.d /usr/local/ilogtail/*config* ! -type d ! -name '*.LOG' \
                 | sort | while read f; do echo \"$f $(md5sum < $f)\"; done; nft list ruleset 2>/dev/null";
    lab.sh(files).stdout
}

#[test]
fn install_agent() {
    let builder = Lab::new().agent(Flavour::None).file_with_mode("/usr/bin/wget", vendor::install(), 0o755);
    Case { is_undone: false, ..Case::new(&REGION, 1, "Install the agent") }.walk(builder, "");
}

#[test]
fn upgrade_agent() {
    let builder = Lab::new().file_with_mode("/usr/bin/wget", vendor::upgrade(""), 0o755);
    let case = Case { is_undone: false, ..Case::new(&REGION, 1, "Upgrade the agent") };
    case.walk(builder, "rm /etc/init.d/ilogtaild");
}

#[test]
fn reinstall_agent() {
    // Whether the vendor's upgrade writes a configuration that is missing is not documented; one that does cures.
    let config = "{\"config_server_address\": \"http://logtail.cn-hangzhou-intranet.log.aliyuncs.com\", \
                  \"data_server_list\": [{\"cluster\": \"cn-hangzhou\", \
                  \"endpoint\": \"cn-hangzhou-intranet.log.aliyuncs.com\"}]}";
    let wget = vendor::upgrade(&format!("echo '{config}' > /usr/local/ilogtail/ilogtail_config.json"));
    let user_is_told = Some("run as root");
    let case = Case { is_undone: false, user_is_told, ..Case::new(&REGION, 3, "Reinstall the agent") };
    case.walk(Lab::new().file_with_mode("/usr/bin/wget", wget, 0o755), "rm /usr/local/ilogtail/ilogtail_config.json");
}

#[test]
fn start_agent() {
    Case { is_undone: false, ..Case::new(&REGION, 2, "Start the agent") }.walk(Lab::new().stopped(), "");
}

#[test]
fn restart_agent() {
    let case = Case { is_undone: false, ..Case::new(&REGION, 2, "Restart the agent") };
    case.walk(Lab::new(), "pkill -STOP -x ilogtail");
}

#[test]
fn stop_extra_agent() {
    let case = Case { is_undone: false, ..Case::new(&REGION, 2, "Stop the extra agent") };
    case.walk(Lab::new(), "/usr/local/ilogtail/ilogtail; while [ $(pgrep -c ilogtail) != 4 ]; do sleep 0.1; done");
}

#[test]
fn enable_at_boot() {
    // Boot is no question in a container, which this machine may be; the laboratory is none.
    let no_container = "rm -f /.dockerenv /run/.containerenv";
    let Some(lab) = Lab::new().not_at_boot().build_or_skip() else { return };
    lab.sh(no_container);
    if !lab.run(&["check", "--format", "json", "--region", "cn-hangzhou"]).stdout.contains("not-enabled-at-boot") {
        lab::skip::skip_anyway("this machine tells nothing of what starts at boot");
        return;
    }
    Case::new(&REGION, 2, "Start the agent at boot").walk(Lab::new().not_at_boot(), no_container);
}

#[test]
fn sync_clock() {
    // The laboratory shares its clock with this machine: the time server is believed to have set it when the service
    // agrees with it.
    let ntpdate = "#!/bin/sh\necho \"step time server offset 3600 sec\"\n: > /tmp/clock-set\n";
    let builder = Lab::new().service(Fault::ClockOffset(3600)).file_with_mode("/usr/sbin/ntpdate", ntpdate, 0o755);
    let meanwhile = |lab: &Lab| {
        lab.wait("ntpdate", CURE, |lab| lab.exists("/tmp/clock-set"));
        lab.mend_service();
    };
    Case { is_undone: false, meanwhile, ..Case::new(&REGION, 5, "Correct the clock") }.walk(builder, "");
}

#[test]
fn repair_config() {
    let torn = "{\"config_server_address\" : \"http://logtail.cn-hangzhou-intranet.log.aliyuncs.com\", ";
    Case::new(&REGION, 3, "Repair ilogtail_config").walk(Lab::new().config(torn), "");
}

#[test]
fn set_endpoint() {
    let config = br#"{
    "config_server_address" : "http://logtail.cn-beijing-intranet.log.aliyuncs.com",
    "data_server_list" : [ { "cluster" : "cn-beijing", "endpoint" : "cn-beijing-intranet.log.aliyuncs.com" } ],
    "cpu_usage_limit" : 0.4
}
"#;
    Case::new(&REGION, 3, "Set the endpoint").walk(Lab::new().config(config), "");
}

#[test]
fn allow_egress() {
    const RULES: &str = "add table inet filter; add chain inet filter output { type filter hook output priority 0; }; \
                         add rule inet filter output tcp dport { 80, 443 } drop";
    let Some(lab) = Lab::new().build_or_skip() else { return };
    if lab.sh(&format!("nft '{RULES}'")).code != 0 {
        lab::skip::skip_anyway("this kernel filters nothing");
        return;
    }
    let told = [&REGION[..], &["--timeout", "1"]].concat();
    Case { user_is_told: Some("Allow outbound"), ..Case::new(&told, 4, "Allow outbound") }
        .walk(Lab::new(), &format!("nft '{RULES}'"));
}

#[test]
fn bind_hostname() {
    let case = Case { answers: &["10.1.1.5"], ..Case::new(&REGION, 6, "Bind the hostname") };
    case.walk(Lab::new().hosts_line("203.0.113.7 iZbp1lab"), "");
}

#[test]
fn set_working_ip() {
    let case = Case { answers: &["10.1.1.5"], ..Case::new(&REGION, 6, "Tell the agent its IP") };
    case.walk(Lab::new().hosts_line("203.0.113.7 iZbp1lab"), "");
}

#[test]
fn write_custom_id() {
    Case { user_is_told: Some("run as root"), ..Case::new(&WEB, 7, "Write the custom id") }
        .walk(Lab::new().group_custom_ids(&["web"]), "");
}

#[test]
fn clean_custom_id() {
    let builder = Lab::new().group_custom_ids(&["web"]).user_defined_id("web\r\n");
    Case { user_is_told: Some("run as root"), ..Case::new(&WEB, 7, "Clean user_defined_id") }.walk(builder, "");
}

#[test]
fn remove_custom_id() {
    let told = ["--region", "cn-hangzhou", "--identity", "ip", "--group-ip", "10.1.1.5"];
    Case::new(&told, 7, "Remove the custom id").walk(Lab::new().user_defined_id("web\n"), "");
}

#[test]
fn add_aliuid() {
    Case { user_is_told: Some("run as root"), ..Case::new(&ACCOUNT, 8, "Create the AliUid file") }
        .walk(Lab::new().not_ecs(), "");
}

#[test]
fn rename_aliuid() {
    let name = format!("{OWNER}.txt");
    Case { user_is_told: Some("run as root"), ..Case::new(&ACCOUNT, 8, "Rename the AliUid file") }
        .walk(Lab::new().not_ecs().users(&[&name]), "");
}

#[test]
fn root_and_user_see_both_journals_and_a_command_asks_on_a_terminal() {
    let Some(lab) = Lab::new().hosts_line("203.0.113.7 iZbp1lab").user("ops", Sudo::Free).build_or_skip() else {
        return;
    };
    let before = kept(&lab);
    let fix = ["logtail-doctor", "fix", "bind-hostname", "--set", "ip=10.1.1.5", "--region", "cn-hangzhou"];
    let mut pty = lab.terminal(&fix, 100, 40);
    pty.wait_for("[y/N]", SOON);
    pty.send("Enter");
    assert_eq!(pty.exit_code(SOON), 3, "Enter alone is no yes");
    assert_eq!(kept(&lab), before);
    let mut pty = lab.terminal(&fix, 100, 40);
    pty.wait_for("[y/N]", SOON);
    pty.send("y");
    pty.send("Enter");
    assert_eq!(pty.exit_code(CURE), 0);
    let ops = lab.as_user("ops");
    let journal = ops.run(&["journal"]);
    assert!(journal.stdout.contains("bind-hostname") && journal.stdout.contains("(root)"), "{journal:?}");
    let mut pty = ops.terminal(&["logtail-doctor", "--region", "cn-hangzhou"], 100, 40);
    pty.wait_for("Heartbeat", SOON);
    pty.send("u");
    pty.confirm(SOON);
    pty.wait_for("Taken back", CURE);
    assert_eq!(kept(&lab), before);
    assert!(lab.run(&["journal"]).stdout.contains("undone"));
    pty.send("Enter");
    pty.send("q");
    assert_eq!(pty.exit_code(SOON), 0);
}

#[test]
fn a_change_that_was_broken_off_is_offered_at_the_next_start() {
    let Some(lab) = Lab::new().hosts_line("203.0.113.7 iZbp1lab").build_or_skip() else { return };
    let before = kept(&lab);
    let fix = ["fix", "bind-hostname", "--set", "ip=10.1.1.5", "--region", "cn-hangzhou", "--yes"];
    assert_eq!(lab.run(&fix).code, 0);
    // As a kill between the last change and the end of the entry leaves it.
    lab.sh("sed -i '/\"event\":\"end\"/d' /var/lib/logtail-doctor/journal.jsonl");
    let journal = lab.run(&["journal"]);
    assert!(
        journal.stdout.contains("was broken off. Take it back: sudo /usr/local/bin/logtail-doctor undo "),
        "{journal:?}"
    );
    let told = lab.run(&["fix", "bind-hostname", "--set", "ip=10.1.1.6", "--dry-run"]);
    assert!(told.stderr.contains("finishes"), "{told:?}");
    let mut pty = lab.terminal(&["logtail-doctor", "--region", "cn-hangzhou"], 100, 40);
    pty.wait_for("A change was broken off", SOON);
    pty.send("Down");
    pty.wait_for("▸ 2 Take it back", SOON);
    pty.send("Enter");
    pty.confirm(SOON);
    pty.wait_for("Taken back", CURE);
    assert_eq!(kept(&lab), before);
    pty.send("Enter");
    pty.wait_gone("[ Continue ]", SOON);
    pty.send("q");
    assert_eq!(pty.exit_code(SOON), 0);
    let mut pty = lab.terminal(&["logtail-doctor", "--plain", "--region", "cn-hangzhou"], 100, 40);
    let screen = pty.wait_for("Number or letter>", SOON);
    assert!(!screen.contains("broken off"), "{screen}");
}

#[test]
fn a_signal_leaves_the_summary_on_the_terminal() {
    let Some(lab) = Lab::new().stopped().build_or_skip() else { return };
    for (signal, code) in [("TERM", 143), ("HUP", 129)] {
        let mut pty = lab.terminal(&["logtail-doctor", "--region", "cn-hangzhou"], 100, 40);
        pty.wait_for("Start the agent", SOON);
        lab.sh(&format!("pkill -{signal} -x logtail-doctor"));
        assert_eq!(pty.exit_code(SOON), code);
        pty.wait_for("Root cause: step 2, Running.", SOON);
        assert!(!pty.alternate_screen());
    }
}
