//! Hosts that do not let themselves be cured: each gives a clear sentence, the exit code of the contract, and is left as
//! it was. And two cures at the same time.

use super::{differences, ends_with, entries, picture};
use lab::{Behaviour, Lab, Output, Sudo};
use std::time::Duration;

const FIX: [&str; 7] = ["fix", "bind-hostname", "--set", "ip=10.1.1.5", "--yes", "--region", "cn-hangzhou"];
const SOON: Duration = Duration::from_secs(20);

fn broken() -> Option<Lab> {
    Lab::new().hosts_line("203.0.113.7 iZbp1lab").build_or_skip()
}

/// Runs the cure, and finds the host as it was.
fn left_alone(lab: &Lab, code: i32, sentence: &str) -> Output {
    let before = picture(lab);
    let fixed = lab.run(&FIX);
    ends_with(&fixed, code);
    assert!(fixed.stderr.contains(sentence), "{fixed:?}");
    assert_eq!(differences(&before, &picture(lab)), Vec::<String>::new());
    assert_eq!(lab.sh("pgrep -xc ilogtail").stdout.trim(), "2", "the agent runs as before");
    fixed
}

#[test]
fn a_read_only_file_system() {
    let Some(lab) = broken() else { return };
    lab.sh("mount --bind /etc /etc && mount -o remount,bind,ro /etc");
    left_alone(&lab, 4, "/etc/hosts");
    assert!(entries(&lab)[0].contains("rolled back"), "{:?}", entries(&lab));
    // Where not even the journal can be written, nothing is begun.
    lab.sh("mount --bind /var /var && mount -o remount,bind,ro /var");
    left_alone(&lab, 2, "Nothing was changed: the journal cannot be written");
}

#[test]
fn a_full_disk() {
    let Some(lab) = broken() else { return };
    lab.sh("mkdir -p /var/lib/logtail-doctor && mount -t tmpfs -o size=16k,mode=700 tmpfs /var/lib/logtail-doctor");
    lab.sh("head -c 1M /dev/zero > /var/lib/logtail-doctor/filler 2> /dev/null");
    left_alone(&lab, 2, "No space left on device");
    lab.sh("umount /var/lib/logtail-doctor");
    // The journal has room, the file has not.
    lab.sh(
        "cp -a /etc /tmp/etc; size=$(du -sk /etc | cut -f1); mount -t tmpfs -o size=$((size + size / 2 + 4096))k,mode=755 tmpfs /etc
         cp -a /tmp/etc/. /etc/; head -c 1G /dev/zero > /etc/filler 2> /dev/null",
    );
    left_alone(&lab, 4, "No space left on device");
}

#[test]
fn a_place_that_a_group_may_write() {
    let Some(lab) = Lab::new().hosts_line("203.0.113.7 iZbp1lab").user("ops", Sudo::Free).build_or_skip() else {
        return;
    };
    lab.sh("chgrp ops /etc; chmod 775 /etc");
    left_alone(&lab, 3, "the group ops may write in /etc");
    lab.sh("chmod 1775 /etc");
    ends_with(&lab.run(&FIX), 0);
    ends_with(&lab.run(&["undo", "--yes"]), 0);
    // A group without members lets nobody in.
    lab.sh("echo 'nobodys:x:30999:' >> /etc/group; chgrp nobodys /etc; chmod 775 /etc");
    ends_with(&lab.run(&FIX), 0);
    ends_with(&lab.run(&["undo", "--yes"]), 0);
    lab.sh("chgrp root /etc; chmod 755 /etc");
    // What a planted journal tells is not believed, and nothing is changed that it would tell of.
    lab.sh("chown ops /var/lib/logtail-doctor/journal.jsonl");
    left_alone(&lab, 2, "journal.jsonl belongs to ops");
}

#[test]
fn an_immutable_file() {
    let Some(lab) = broken() else { return };
    // A mount point cannot be replaced, and a read-only one cannot be written in place either.
    lab.sh("mount --bind /etc/hosts /etc/hosts && mount -o remount,bind,ro /etc/hosts");
    left_alone(&lab, 4, "/etc/hosts could not be changed");
    lab.sh("umount /etc/hosts");
    if lab.sh("chattr +i /etc/hosts").code == 0 {
        left_alone(&lab, 4, "/etc/hosts could not be changed");
        lab.sh("chattr -i /etc/hosts");
    } else {
        lab::skip::skip_anyway("no immutable files on this file system");
    }
}

#[test]
fn a_mount_point_is_written_in_place_and_taken_back() {
    let Some(lab) = broken() else { return };
    lab.sh("cp -a /etc/hosts /tmp/hosts && mount --bind /tmp/hosts /etc/hosts");
    let before = picture(&lab);
    ends_with(&lab.run(&FIX), 0);
    ends_with(&lab.run(&["undo", "--yes"]), 0);
    assert_eq!(differences(&before, &picture(&lab)), Vec::<String>::new());
}

#[test]
fn an_agent_that_never_stops() {
    let deaf = Behaviour { ignore_sigterm: true, ..Behaviour::default() };
    let Some(lab) = Lab::new().hosts_line("203.0.113.7 iZbp1lab").behaviour(deaf).build_or_skip() else { return };
    // The worker is replaced by its daemon whenever the address changes; the daemon stays.
    let pids = lab.sh("pgrep -x ilogtail -P 1").stdout;
    let fixed = left_alone(&lab, 4, "it does not stop when asked");
    assert!(fixed.stderr.contains("fix restart-agent --set force=yes"), "{fixed:?}");
    assert_eq!(lab.sh("pgrep -x ilogtail -P 1").stdout, pids, "nobody forced it");
}

#[test]
fn an_agent_that_never_stops_is_forced_where_the_operator_says_so() {
    let deaf = Behaviour { ignore_sigterm: true, ..Behaviour::default() };
    let Some(lab) = Lab::new().behaviour(deaf).build_or_skip() else { return };
    let pids = lab.sh("pgrep -x ilogtail -P 1").stdout;
    lab.behave(&Behaviour::default());
    ends_with(&lab.run(&["fix", "restart-agent", "--set", "force=perhaps", "--yes"]), 2);
    let forced = lab.run(&["fix", "restart-agent", "--set", "force=yes", "--yes", "--region", "cn-hangzhou"]);
    ends_with(&forced, 0);
    assert!(
        forced.stdout.contains("graceful stop failed") && forced.stdout.contains("force stop successfully"),
        "{forced:?}"
    );
    assert_ne!(lab.sh("pgrep -x ilogtail -P 1").stdout, pids);
    assert!(lab.heartbeat_ok(SOON));
    assert!(lab.run(&["journal"]).stdout.contains("run /etc/init.d/ilogtaild force-stop"));
}

#[test]
fn a_mount_point_that_the_disk_takes_only_half_of_is_whole_again() {
    let Some(lab) = broken() else { return };
    // One page of content on a disk of two, of which the other is taken: the cure needs a second one, and fails when it
    // has written over the first.
    lab.sh("yes '# filler' | head -c 4000 >> /etc/hosts
         mkdir /tmp/small && mount -t tmpfs -o size=8k,mode=755 tmpfs /tmp/small && cp -a /etc/hosts /tmp/small/hosts
         head -c 1M /dev/zero > /tmp/small/filler 2> /dev/null; mount --bind /tmp/small/hosts /etc/hosts");
    // A long name makes a long line.
    lab.sh(&format!("hostname {}", "a".repeat(60)));
    let size = lab.read("/etc/hosts").len();
    assert!(size < 4096 && size + 70 > 4096, "{size}");
    let before = picture(&lab);
    let fixed = lab.run(&FIX);
    ends_with(&fixed, 4);
    assert!(fixed.stderr.contains("No space left on device"), "{fixed:?}");
    assert_eq!(differences(&before, &picture(&lab)), Vec::<String>::new());
}

#[test]
fn a_restarted_agent_gets_nothing_of_the_operators_session() {
    let Some(lab) = Lab::new().build_or_skip() else { return };
    let line = "ALIYUN_LOGTAIL_USER_DEFINED_ID=leak MY_SESSION=1 http_proxy=http://bob:pw@192.0.2.1:3128 \
                logtail-doctor fix restart-agent --yes --region cn-hangzhou --no-cloud";
    let restarted = lab.sh(line);
    ends_with(&restarted, 0);
    let environments = lab.sh("for pid in $(pgrep -x ilogtail); do tr '\\0' '\\n' < /proc/$pid/environ; done").stdout;
    assert!(environments.contains("LC_ALL=C") && environments.contains("HOME=/root"), "{environments}");
    for name in ["leak", "MY_SESSION", "3128", "SSL_CERT_FILE"] {
        assert!(!environments.contains(name), "{environments}");
    }
}

#[test]
fn a_start_that_starts_nothing_is_not_believed() {
    let Some(lab) = broken() else { return };
    let before = picture(&lab);
    // The script says that all is well, and starts a program that ends at once.
    lab.sh("sed -i 's/^    start) .*/    start) [ -e \\/tmp\\/lie ] \\&\\& { echo \"ilogtail is running\"; exit 0; }; start ;;/' /etc/init.d/ilogtaild");
    let lying = picture(&lab);
    lab.sh("touch /tmp/lie");
    let fixed = lab.run(&FIX);
    ends_with(&fixed, 2);
    assert!(fixed.stderr.contains("ran before this and did not start again"), "{fixed:?}");
    assert_eq!(differences(&lying, &picture(&lab)), Vec::<String>::new(), "the files are as they were");
    assert_ne!(before, lying);
}

#[test]
fn a_script_that_is_missing() {
    let Some(lab) = Lab::new().stopped().build_or_skip() else { return };
    lab.sh("rm /etc/init.d/ilogtaild");
    let before = picture(&lab);
    let fixed = lab.run(&["fix", "start-agent", "--yes", "--region", "cn-hangzhou"]);
    ends_with(&fixed, 3);
    assert!(fixed.stderr.contains("/etc/init.d/ilogtaild"), "{fixed:?}");
    assert_eq!(differences(&before, &picture(&lab)), Vec::<String>::new());
    // And one whose interpreter is missing.
    lab.write("/etc/init.d/ilogtaild", "#!/nowhere/sh\n");
    lab.sh("chmod 755 /etc/init.d/ilogtaild");
    let fixed = lab.run(&["fix", "start-agent", "--yes", "--region", "cn-hangzhou"]);
    ends_with(&fixed, 4);
    assert!(fixed.stderr.contains("interpreter"), "{fixed:?}");
}

#[test]
fn sudo_that_is_taken_away_between_question_and_change() {
    let builder = Lab::new().hosts_line("203.0.113.7 iZbp1lab").user("ops", Sudo::Free);
    let Some(lab) = builder.build_or_skip() else { return };
    // What `sudo -n -l` says is not believed; the call itself asks for a password.
    lab.sh("mv /usr/bin/sudo /usr/bin/sudo.real");
    lab.write(
        "/usr/bin/sudo",
        "#!/bin/sh\n[ \"$2\" = -l ] && exit 0\necho 'sudo: a password is required' >&2\nexit 1\n",
    );
    lab.sh("chmod 755 /usr/bin/sudo");
    let before = picture(&lab);
    let fixed = lab.as_user("ops").run(&FIX);
    ends_with(&fixed, 3);
    assert!(fixed.stderr.contains("a password is required"), "{fixed:?}");
    assert!(fixed.stderr.contains("sudo /usr/local/bin/logtail-doctor fix bind-hostname"), "{fixed:?}");
    assert_eq!(differences(&before, &picture(&lab)), Vec::<String>::new());
}

#[test]
fn two_cures_at_the_same_time() {
    let slow = Behaviour { ignore_sigterm: true, ..Behaviour::default() };
    let Some(lab) = Lab::new().hosts_line("203.0.113.7 iZbp1lab").behaviour(slow).build_or_skip() else { return };
    std::thread::scope(|scope| {
        let first = scope.spawn(|| lab.run(&FIX));
        lab.wait("the first one at work", SOON, |lab| lab.read("/etc/hosts").contains("10.1.1.5"));
        let second = lab.run(&["fix", "write-custom-id", "--set", "custom-id=web", "--yes", "--region", "cn-hangzhou"]);
        ends_with(&second, 3);
        assert!(second.stderr.contains("root (pid "), "{second:?}");
        assert!(!lab.exists("/etc/ilogtail/user_defined_id"));
        let listed = lab.run(&["journal"]);
        assert!(listed.stdout.contains("under way") && !listed.stdout.contains("broken off"), "{listed:?}");
        assert!(second.stderr.contains("is under way: root (pid "), "{second:?}");
        // A holder that is killed holds nothing any more.
        lab.sh("pkill -TERM -x logtail-doctor; sleep 3; pkill -9 -x logtail-doctor");
        let first = first.join().expect("it ran");
        assert!(first.stderr.contains("A change is under way; it is finished first"), "{first:?}");
    });
    // Its command may still be at work, and has the lock until it ends.
    lab.wait("the end of its command", SOON, |lab| !lab.run(&["journal"]).stdout.contains("under way"));
    let listed = lab.run(&["journal"]);
    assert!(listed.stdout.contains("broken off"), "{listed:?}");
    lab.sh("/etc/init.d/ilogtaild force-stop");
    lab.behave(&Behaviour::default());
    ends_with(&lab.run(&["undo", "--yes"]), 0);
}

#[test]
fn undo_goes_backwards_and_loses_nobodys_work() {
    let Some(lab) = broken() else { return };
    let before = picture(&lab);
    ends_with(&lab.run(&FIX), 0);
    ends_with(&lab.run(&["fix", "set-working-ip", "--set", "ip=10.1.1.5", "--yes", "--region", "cn-hangzhou"]), 0);
    lab.sh("ip address add 10.1.1.6/24 dev eth0");
    ends_with(&lab.run(&["fix", "set-working-ip", "--set", "ip=10.1.1.6", "--yes", "--region", "cn-hangzhou"]), 0);
    let ids: Vec<String> = entries(&lab).iter().filter_map(|line| line.split(' ').next().map(str::to_string)).collect();
    assert_eq!(ids.len(), 3);
    let early = lab.run(&["undo", &ids[1], "--yes"]);
    ends_with(&early, 3);
    assert!(early.stderr.contains(&ids[2]), "the newer one is named: {early:?}");
    // Somebody else's line in /etc/hosts is not lost by an undo.
    lab.sh("echo '192.0.2.1 other' >> /etc/hosts");
    let refused = lab.run(&["undo", &ids[0], "--yes"]);
    ends_with(&refused, 3);
    assert!(refused.stderr.contains("changed since"), "{refused:?}");
    assert!(lab.read("/etc/hosts").contains("192.0.2.1 other"));
    lab.sh("sed -i '/192.0.2.1/d' /etc/hosts");
    for _ in 0..3 {
        ends_with(&lab.run(&["undo", "--yes"]), 0);
    }
    assert_eq!(differences(&before, &picture(&lab)), Vec::<String>::new());
}

#[test]
fn an_undo_that_finds_nothing_to_take_back_closes_its_entry_for_root_and_for_a_user() {
    for name in ["root", "ops"] {
        let builder = Lab::new().hosts_line("203.0.113.7 iZbp1lab").user("ops", Sudo::Free);
        let Some(lab) = builder.build_or_skip() else { return };
        let undo = |more: &[&str]| {
            let argv = [&["undo"], more].concat();
            if name == "root" { lab.run(&argv) } else { lab.as_user(name).run(&argv) }
        };
        lab.sh("cp -a /etc/hosts /root/hosts");
        let before = picture(&lab);
        ends_with(&lab.run(&FIX), 0);
        lab.sh("cat /root/hosts > /etc/hosts");
        for more in [["--dry-run"], ["--read-only"], ["--yes"]] {
            assert!(entries(&lab)[0].contains("applied"), "{name} {more:?}: {:?}", entries(&lab));
            let undone = undo(&more);
            ends_with(&undone, 0);
            assert!(undone.stdout.contains("Everything is as it was"), "{undone:?}");
        }
        assert!(entries(&lab)[0].contains("undone"), "{name}: {:?}", entries(&lab));
        assert_eq!(differences(&before, &picture(&lab)), Vec::<String>::new(), "the backup is gone");
        ends_with(&undo(&["--yes"]), 3);
    }
}

#[test]
fn a_long_journal_still_knows_the_newest_change() {
    let Some(lab) = broken() else { return };
    let before = picture(&lab);
    let line = r#"{"event":"begin","id":"20200101T000000.000Z","at_ms":0,"remedy":"bind-hostname","actor":"ops","consent":"button"}"#;
    let end = r#"{"event":"end","id":"20200101T000000.000Z","result":"rolled-back"}"#;
    lab.sh("mkdir -m 700 -p /var/lib/logtail-doctor");
    lab.write("/var/lib/logtail-doctor/journal.jsonl", format!("{line}\n{end}\n").repeat(8000));
    ends_with(&lab.run(&FIX), 0);
    ends_with(&lab.run(&["undo", "--yes"]), 0);
    assert_eq!(differences(&before, &picture(&lab)), Vec::<String>::new());
}
