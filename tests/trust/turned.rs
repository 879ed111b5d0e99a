//! Root's tool turned against root: an ordinary user owns or may write what root reads, runs or writes. Each attack gains
//! that user nothing, is told, and comes with the command that mends it. Needs a laboratory; says SKIPPED and why where
//! none can be made.

use super::{differences, ends_with, picture};
use lab::{Lab, Output, Sudo};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(20);
const SCRIPT: &str = "/etc/init.d/ilogtaild";
const IDS: [&str; 6] = ["fix", "write-custom-id", "--set", "custom-id=web", "--yes", "--region=cn-hangzhou"];
const RESTART: [&str; 4] = ["fix", "restart-agent", "--yes", "--region=cn-hangzhou"];
const BIND: [&str; 6] = ["fix", "bind-hostname", "--set", "ip=10.1.1.5", "--yes", "--region=cn-hangzhou"];

fn with_user() -> Option<Lab> {
    Lab::new().user("ops", Sudo::No).build_or_skip()
}

/// The change is refused with the command that mends it, and the host is as it was.
fn refused(lab: &Lab, argv: &[&str], mend: &str) -> Output {
    let before = picture(lab);
    let said = lab.run(argv);
    ends_with(&said, 3);
    assert!(said.stderr.contains(mend), "{mend}: {said:?}");
    assert_eq!(differences(&before, &picture(lab)), Vec::<String>::new(), "{mend}");
    said
}

#[test]
fn a_directory_of_an_ordinary_user_is_not_written_in() {
    let Some(lab) = with_user() else { return };
    lab.sh("chown ops /etc/ilogtail");
    refused(&lab, &IDS, "chown root /etc/ilogtail");
    lab.sh("chown root /etc/ilogtail");
    // The same by an access list: version 2, user::rwx, user:ops:rwx, group::r-x, mask::rwx, other::r-x.
    let uid: u32 = lab.sh("id -u ops").stdout.trim().parse().expect("a number");
    let mut list = vec![2, 0, 0, 0];
    for (tag, rights, id) in
        [(1u16, 7u16, u32::MAX), (2, 7, uid), (4, 5, u32::MAX), (16, 7, u32::MAX), (32, 5, u32::MAX)]
    {
        list.extend([tag.to_le_bytes(), rights.to_le_bytes()].concat());
        list.extend(id.to_le_bytes());
    }
    match xattr::set(lab.outside("/etc/ilogtail"), "system.posix_acl_access", &list) {
        Ok(()) => drop(refused(&lab, &IDS, "setfacl -b /etc/ilogtail")),
        Err(error) => lab::skip::skip_anyway(&format!("no access lists here: {error}")),
    }
}

#[test]
fn links_of_an_ordinary_user_lead_root_nowhere_however_many_there_are() {
    let Some(lab) = with_user() else { return };
    lab.sh("mkdir /etc/system.d /srv/theirs; echo '# system' > /etc/system.d/file");
    for (name, links) in [
        (
            "user_defined_id",
            "ln -s /srv/theirs/one /etc/ilogtail/user_defined_id; ln -s /etc/system.d/file /srv/theirs/one",
        ),
        ("user_defined_id", "ln -s two /etc/ilogtail/user_defined_id; ln -s /etc/system.d/file /etc/ilogtail/two"),
    ] {
        lab.sh(&format!("rm -f /etc/ilogtail/user_defined_id; {links}; chown -hR ops /srv/theirs /etc/ilogtail"));
        lab.sh("chown root /etc/ilogtail /etc/ilogtail/users");
        let before = picture(&lab);
        let said = lab.run(&IDS);
        ends_with(&said, 3);
        assert_eq!(differences(&before, &picture(&lab)), Vec::<String>::new(), "{name}: {said:?}");
        assert_eq!(lab.read("/etc/system.d/file"), "# system\n");
        lab.sh("rm -rf /srv/theirs/* /etc/ilogtail/two");
    }
    // A directory that is a link to a system directory.
    lab.sh("rm -rf /etc/ilogtail/users; ln -s /etc/system.d /etc/ilogtail/users; chown -h ops /etc/ilogtail/users");
    let said = lab.run(&["fix", "add-aliuid", "--set", "aliuid=1234567890123456", "--yes", "--region=cn-hangzhou"]);
    ends_with(&said, 3);
    assert_eq!(lab.sh("ls /etc/system.d").stdout, "file\n");
}

#[test]
fn an_init_script_of_an_ordinary_user_is_never_run_by_root() {
    let Some(lab) = with_user() else { return };
    lab.sh(&format!("cp -a {SCRIPT} /root/script; mkdir -p /home/ops"));
    let spoil = format!("sed -i '2i touch /ran-by-$(id -un)' {SCRIPT}");
    for (spoiled, mend) in [
        (format!("{spoil}; chown ops {SCRIPT}"), format!("chown root {SCRIPT}")),
        (format!("{spoil}; chmod 777 {SCRIPT}"), format!("chmod go-w {SCRIPT}")),
        (
            format!(
                "{spoil}; mv {SCRIPT} /home/ops/script; chown ops /home/ops /home/ops/script; ln -s /home/ops/script {SCRIPT}"
            ),
            "chown root /home/ops".to_string(),
        ),
    ] {
        lab.sh(&format!("rm -f {SCRIPT}; cp -a /root/script {SCRIPT}; {spoiled}"));
        let checked = lab.run(&["check", "--region=cn-hangzhou"]);
        assert!(checked.stdout.contains(&mend), "{mend}: {checked:?}");
        assert!(checked.stdout.contains("runs: daemon"), "the processes tell: {checked:?}");
        refused(&lab, &RESTART, &mend);
        refused(&lab, &BIND, &mend);
        assert!(!lab.exists("/ran-by-root"), "{mend}");
    }
}

#[test]
fn programs_come_from_the_systems_places_only() {
    let Some(lab) = with_user() else { return };
    let names = "dmesg nft iptables-save timedatectl systemctl getent";
    lab.sh(&format!(
        "mkdir -p /home/ops/bin; for name in {names}; do rm -f /usr/sbin/$name /usr/bin/$name /sbin/$name /bin/$name
         printf '#!/bin/sh\\ntouch /ran-$(id -un)\\n' > /home/ops/bin/$name; chmod 755 /home/ops/bin/$name; done; chown -R ops /home/ops"
    ));
    lab.break_service(lab::Fault::Drop("*".into(), None));
    for path in ["$PATH:/home/ops/bin", "/home/ops/bin:$PATH"] {
        lab.sh(&format!("PATH={path} logtail-doctor check --region cn-hangzhou"));
        lab.sh(&format!("PATH={path} logtail-doctor fix allow-egress --dry-run --region cn-hangzhou"));
    }
    assert!(!lab.exists("/ran-root"));
    // Nor from an administrator's place that somebody else may write.
    lab.sh("cp /home/ops/bin/* /usr/local/bin/; chmod 777 /usr/local/bin; logtail-doctor check --region cn-hangzhou");
    assert!(!lab.exists("/ran-root"));
}

#[test]
fn a_torn_line_takes_no_other_with_it_and_is_told() {
    let Some(lab) = Lab::new().hosts_line("203.0.113.7 iZbp1lab").build_or_skip() else { return };
    let before = picture(&lab);
    lab.sh("mkdir -m 700 -p /var/lib/logtail-doctor; printf '{\"event\":\"begin\",\"id\":\"2026' > /var/lib/logtail-doctor/journal.jsonl; chmod 600 /var/lib/logtail-doctor/journal.jsonl");
    ends_with(&lab.run(&BIND), 0);
    let undone = lab.run(&["undo", "--yes"]);
    ends_with(&undone, 0);
    assert!(undone.stderr.contains("skipped: 1"), "{undone:?}");
    assert_eq!(differences(&before, &picture(&lab)), Vec::<String>::new());
}

#[test]
fn nobody_reading_is_never_success_and_nothing_is_begun() {
    let Some(lab) = Lab::new().hosts_line("203.0.113.7 iZbp1lab").build_or_skip() else { return };
    // The reader is gone before the program begins.
    let unread = |argv: &[&str]| {
        let line = format!("{{ sleep 0.3; logtail-doctor {}; echo $? > /tmp/code; }} | true", argv.join(" "));
        lab.sh(&line);
        lab.read("/tmp/code").trim().parse::<i32>().expect("a code")
    };
    let full = |argv: &[&str]| lab.sh(&format!("logtail-doctor {} > /dev/full", argv.join(" ")));
    let before = lab.read("/etc/hosts");
    for argv in [&["check", "--region=cn-hangzhou"][..], &BIND, &["journal"]] {
        assert_eq!(unread(argv), 2, "{argv:?}");
        let said = full(argv);
        assert_eq!(said.code, 2, "{said:?}");
        assert!(said.stderr.contains("could not be written"), "{said:?}");
    }
    assert_eq!(lab.read("/etc/hosts"), before);
    ends_with(&lab.run(&BIND), 0);
    let after = lab.read("/etc/hosts");
    assert_eq!(unread(&["undo", "--yes"]), 2);
    assert_eq!(full(&["undo", "--yes"]).code, 2);
    assert_eq!(lab.read("/etc/hosts"), after);
    // Without an input there is nobody who says yes.
    ends_with(&lab.sh("logtail-doctor undo <&-"), 3);
    assert_eq!(lab.read("/etc/hosts"), after);
}

#[test]
fn the_home_of_another_user_gets_nothing_of_roots() {
    let Some(lab) = with_user() else { return };
    lab.sh("mkdir -p /home/ops /root/hidden; ln -s /root/hidden /home/ops/.local; chown -hR ops /home/ops");
    let listing = "find /home/ops /root/hidden | sort";
    let before = lab.sh(listing).stdout;
    for argv in
        ["check --region cn-beijing", "fix write-custom-id --set custom-id=web --dry-run", "bundle -o /tmp/x.tar.gz"]
    {
        lab.sh(&format!("HOME=/home/ops XDG_STATE_HOME=/home/ops/state logtail-doctor {argv}"));
    }
    assert_eq!(lab.sh(listing).stdout, before);
    assert!(lab.exists("/var/lib/logtail-doctor/context.json"), "it is remembered in root's own place");
}

#[test]
fn a_command_that_outlives_a_killed_process_keeps_the_lock() {
    let Some(lab) = Lab::new().hosts_line("203.0.113.7 iZbp1lab").build_or_skip() else { return };
    let before = picture(&lab);
    lab.sh(&format!("cp -a {SCRIPT} /root/script; sed -i '2i [ \"$1\" = start ] \\&\\& [ -e /tmp/slow ] \\&\\& {{ touch /tmp/working; while [ -e /tmp/slow ]; do sleep 0.1; done; }}' {SCRIPT}; touch /tmp/slow"));
    std::thread::scope(|scope| {
        let first = scope.spawn(|| lab.run(&BIND));
        lab.wait("the script at work", SOON, |lab| lab.exists("/tmp/working"));
        lab.sh("pkill -9 -x logtail-doctor");
        first.join().expect("it ran");
        let early = lab.run(&["undo", "--yes"]);
        ends_with(&early, 3);
        assert!(early.stderr.contains("still at work"), "{early:?}");
        let listed = lab.run(&["journal"]);
        assert!(listed.stdout.contains("under way"), "{listed:?}");
    });
    lab.sh("rm /tmp/slow");
    lab.wait("the agent", SOON, |lab| lab.sh("pgrep -xc ilogtail").stdout.trim() == "2");
    lab.wait("the end of the script", SOON, |lab| lab.sh("pgrep -f 'init.d/[i]logtaild start'").code != 0);
    // The daemon that the script left behind has nothing of the lock.
    ends_with(&lab.run(&["undo", "--yes"]), 0);
    lab.sh(&format!("cp -a /root/script {SCRIPT}"));
    assert_eq!(differences(&before, &picture(&lab)), Vec::<String>::new());
}

#[test]
fn hard_links_and_attributes_are_kept_through_change_and_undo() {
    let Some(lab) = Lab::new().hosts_line("203.0.113.7 iZbp1lab").build_or_skip() else { return };
    lab.sh("ln /etc/hosts /etc/hosts.other");
    let hosts = lab.outside("/etc/hosts");
    let has_attributes = xattr::set(&hosts, "user.note", b"kept").is_ok();
    let state = || {
        let attribute = xattr::get(&hosts, "user.note").ok().flatten();
        (lab.sh("stat -c '%h %U %a' /etc/hosts").stdout, attribute.is_some())
    };
    let before = (state(), lab.read("/etc/hosts"));
    ends_with(&lab.run(&BIND), 0);
    assert_eq!(state(), ("2 root 644\n".into(), has_attributes));
    let undone = lab.run(&["undo", "--yes"]);
    ends_with(&undone, 0);
    assert_eq!((state(), lab.read("/etc/hosts")), before);
    assert_eq!(lab.read("/etc/hosts.other"), before.1);
}

#[test]
fn a_journal_that_somebody_else_may_write_is_not_believed() {
    let Some(lab) = Lab::new().hosts_line("203.0.113.7 iZbp1lab").user("ops", Sudo::No).build_or_skip() else { return };
    ends_with(&lab.run(&BIND), 0);
    let after = picture(&lab);
    for (spoil, mend, back) in [
        (
            "chown ops /var/lib/logtail-doctor",
            "chown root /var/lib/logtail-doctor",
            "chown root /var/lib/logtail-doctor",
        ),
        (
            "chmod 666 /var/lib/logtail-doctor/journal.jsonl",
            "chmod go-w /var/lib/logtail-doctor/journal.jsonl",
            "chmod 600 /var/lib/logtail-doctor/journal.jsonl",
        ),
    ] {
        lab.sh(spoil);
        let undone = lab.run(&["undo", "--yes"]);
        assert_ne!(undone.code, 0, "{undone:?}");
        assert!(undone.stderr.contains(mend), "{undone:?}");
        assert_eq!(differences(&after, &picture(&lab)), Vec::<String>::new());
        lab.sh(back);
    }
    ends_with(&lab.run(&["undo", "--yes"]), 0);
}

/// The file is swapped for a link to a file of root's at each instant of the change, one after the other.
#[cfg(target_arch = "x86_64")]
#[test]
fn a_swap_at_any_instant_shows_nobody_a_file_of_roots() {
    let Some(lab) = with_user() else { return };
    lab.sh("echo marker-of-root > /root/secret; chmod 600 /root/secret; cp -a /etc/ilogtail /root/conf");
    let argv = [&["logtail-doctor"][..], &IDS].concat();
    for instant in 0.. {
        lab.sh("rm -rf /etc/ilogtail /var/lib/logtail-doctor; cp -a /root/conf /etc/ilogtail; echo old > /etc/ilogtail/user_defined_id; chown -R ops /etc/ilogtail");
        let swap = || {
            lab.sh("ln -sf /root/secret /etc/ilogtail/user_defined_id; chown -h ops /etc/ilogtail/user_defined_id");
        };
        match super::tracer::run_until(&lab, &argv, instant, swap) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                lab::skip::skip_anyway(&format!("no program can be traced here: {error}"));
                return;
            }
        }
        let shown = lab.sh(
            "grep -rl marker-of-root /etc /home /tmp /var/lib /usr/local 2> /dev/null; grep -c marker /root/secret",
        );
        assert_eq!(shown.stdout, "1\n", "{instant}");
    }
}

/// Every path that the program opens as root while it looks comes through the door, which opens name by name: an absolute
/// one is the kernel's, the C library's, or one of few that only root can have put there.
#[cfg(target_arch = "x86_64")]
#[test]
fn whatever_check_opens_comes_through_the_door() {
    let Some(lab) = with_user() else { return };
    let opened = match super::tracer::opened(&lab, &["logtail-doctor", "check", "--region=cn-hangzhou"]) {
        Ok(opened) => opened,
        Err(error) => {
            lab::skip::skip_anyway(&format!("no program can be traced here: {error}"));
            return;
        }
    };
    const KERNEL_AND_LIBRARY: [&str; 10] = [
        "/proc",
        "/sys",
        "/dev/",
        "/lib",
        "/usr/lib",
        "/usr/share/zoneinfo",
        "/etc/ld.so",
        "/etc/localtime",
        "/etc/nsswitch.conf",
        "/etc/gai.conf",
    ];
    const OWN: [&str; 5] = ["/etc/passwd", "/etc/group", "/etc/resolv.conf", "/etc/hosts", "/etc/host.conf"];
    let is_known = |path: &String| {
        // What is remembered is judged by the door, then written to a name that nothing may bear yet.
        path == "/"
            || path.starts_with("/var/lib/logtail-doctor/")
            || KERNEL_AND_LIBRARY.iter().any(|known| path.starts_with(known))
            || OWN.contains(&path.as_str())
    };
    assert!(opened.iter().any(|path| path == "/"), "the door is used: {opened:?}");
    let around: Vec<&String> = opened.iter().filter(|path| path.starts_with('/') && !is_known(path)).collect();
    assert!(around.is_empty(), "{around:?}");
}
