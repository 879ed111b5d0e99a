//! The program is killed in the middle of a cure, at every system call that changes something and at many instants of
//! chance. Each time every file is the old or the new one, the journal tells the truth, and the change can be taken
//! back. Needs a laboratory and ptrace(2); says SKIPPED and why where they are not to be had.

#[cfg(target_arch = "x86_64")]
use super::tracer;
use super::{ends_with, entries};
use lab::{Behaviour, Lab};
#[cfg(target_arch = "x86_64")]
use std::collections::BTreeMap;

const HOSTS: &str = "/etc/hosts";
const CONFIG: &str = "/usr/local/ilogtail/ilogtail_config.json";
/// What the kills showed.
#[derive(Debug, Default)]
struct Tally {
    killed: usize,
    old: usize,
    new: usize,
    broken_off: usize,
}

/// A host on which a cure of a file takes a fraction of a second: the agent is there but cannot be started.
fn bench() -> Option<Lab> {
    let config = "{\"config_server_address\" : \"http://logtail.cn-beijing-intranet.log.aliyuncs.com\"}\n";
    let builder = Lab::new().behaviour(Behaviour::default()).stopped().hosts_line("203.0.113.7 iZbp1lab");
    let lab = builder.config(config).build_or_skip()?;
    lab.sh("rm /etc/init.d/ilogtaild");
    Some(lab)
}

/// Everything that this program may have left beside a file.
fn beside(lab: &Lab, path: &str) -> Vec<String> {
    let directory = path.rsplit_once('/').map_or("/", |(directory, _)| directory);
    let found = lab.sh(&format!("ls -A {directory} | grep logtail-doctor")).stdout;
    found.lines().map(|name| format!("{directory}/{name}")).collect()
}

/// Looks at what a kill left, and takes it back. `old` and `new` are all that the file may be.
fn judge(lab: &Lab, path: &str, old: &str, new: &str, tally: &mut Tally, when: &str) {
    let now = lab.read(path);
    let is_new = now == new;
    assert!(is_new || now == old, "{when}: neither the old nor the new file: {now:?}");
    *(if is_new { &mut tally.new } else { &mut tally.old }) += 1;
    let known = lab.run(&["journal"]);
    assert!(known.code == 0 && known.stderr.is_empty(), "{when}: the journal can be read: {known:?}");
    for left in beside(lab, path) {
        let is_temporary = left.contains("/.") && left.contains("-tmp-");
        assert!(is_temporary || lab.read(&left) == old && known.stdout.contains(&left), "{when}: {left} in {known:?}");
    }
    let last = entries(lab).pop().unwrap_or_default();
    let tells_change = known.stdout.lines().last().is_some_and(|line| line.starts_with("    write"));
    if is_new {
        assert!(tells_change && !last.contains("undone"), "{when}: a change that the journal does not know: {known:?}");
    }
    if last.contains("broken off") && tells_change {
        tally.broken_off += 1;
        let notice = lab.run(&["fix", "clean-custom-id", "--dry-run"]);
        assert!(notice.stderr.contains("was broken off"), "{when}: {notice:?}");
    }
    if last.contains("broken off") && tells_change || is_new {
        ends_with(&lab.run(&["undo", "--yes"]), 0);
        assert_eq!(lab.read(path), old, "{when}");
        assert!(!lab.run(&["journal"]).stdout.lines().any(|line| line.contains("broken off") && line == last));
    }
    // What a kill before the first line of the journal left is hidden from the agent and harmless.
    lab.sh(&format!("rm -f {}/.*.logtail-doctor-*", path.rsplit_once('/').map_or("", |(directory, _)| directory)));
    assert_eq!(beside(lab, path), Vec::<String>::new(), "{when}");
    lab.sh("rm -f /var/lib/logtail-doctor/journal.jsonl");
}

/// What the file becomes when nobody kills the program.
fn cured(lab: &Lab, path: &str, fix: &str) -> (String, String) {
    let old = lab.read(path);
    lab.sh(&format!("timeout -s KILL 4 {fix}"));
    let new = lab.read(path);
    assert_ne!(old, new, "the cure changes {path}");
    ends_with(&lab.run(&["undo", "--yes"]), 0);
    assert_eq!(lab.read(path), old);
    lab.sh("rm -f /var/lib/logtail-doctor/journal.jsonl");
    (old, new)
}

/// So many calls after the lock the cure is through, and the program looks whether it holds, for half a minute.
#[cfg(target_arch = "x86_64")]
const MORE_THAN_ENOUGH: usize = 400;

/// Kills the program before each of the calls by which it changes something, from the lock to the last line of the
/// journal. `share` of `shares` is this test's part of them.
#[cfg(target_arch = "x86_64")]
fn at_every_call(path: &str, fix: &str, share: usize, shares: usize) {
    let Some(lab) = bench() else { return };
    let (old, new) = cured(&lab, path, fix);
    let argv: Vec<&str> = fix.split(' ').collect();
    let whole = match tracer::run(&lab, &argv, MORE_THAN_ENOUGH) {
        Ok(whole) => whole,
        Err(error) => {
            lab::skip::skip_anyway(&format!("no program can be traced here: {error}"));
            return;
        }
    };
    judge(&lab, path, &old, &new, &mut Tally::default(), "not killed");
    // The last fsync is that of the journal's last line; what comes after it only looks.
    let count = whole.calls.iter().rposition(|call| *call == "fsync").map_or(0, |last| last + 1);
    let mut tally = Tally::default();
    let mut by_call: BTreeMap<&str, usize> = BTreeMap::new();
    assert!(count < MORE_THAN_ENOUGH / 2, "{count}");
    for number in (0..=count).skip(share).step_by(shares) {
        let run = tracer::run(&lab, &argv, number).expect("it could be traced before");
        let when = format!("before call {number} of {count}, {:?}", run.calls.last());
        assert!(run.was_killed, "{when}: {:?}", run.calls);
        judge(&lab, path, &old, &new, &mut tally, &when);
        tally.killed += 1;
        *by_call.entry(run.calls.last().copied().unwrap_or_default()).or_default() += 1;
    }
    println!("{fix}: {count} calls, {tally:?} {by_call:?}");
    assert!(count > 40 && tally.old > 0 && tally.new > 0 && tally.broken_off > 3, "{count} {tally:?} {by_call:?}");
}

fn at_any_instant(path: &str, fix: &str, kills: u32) {
    let Some(lab) = bench() else { return };
    let (old, new) = cured(&lab, path, fix);
    let mut tally = Tally::default();
    for number in 0..kills {
        // In a scattered order, most of them early: a fast machine writes within milliseconds.
        let share = f64::from((number * 73) % kills) / f64::from(kills);
        let micros = 1_000 + (share * share * 120_000.0) as u32;
        lab.sh(&format!("timeout -s KILL 0.{micros:06} {fix}"));
        tally.killed += 1;
        judge(&lab, path, &old, &new, &mut tally, &format!("{micros} µs"));
    }
    println!("{fix}: {tally:?}");
    assert!(tally.old > 0, "{tally:?}");
}

const BIND: &str = "logtail-doctor fix bind-hostname --set ip=10.1.1.5 --yes --timeout 1";
const ENDPOINT: &str = "logtail-doctor fix set-endpoint --region cn-hangzhou --network intranet --yes --timeout 1";

#[cfg(target_arch = "x86_64")]
#[test]
fn bind_hostname_at_every_even_call() {
    at_every_call(HOSTS, BIND, 0, 2);
}

#[cfg(target_arch = "x86_64")]
#[test]
fn bind_hostname_at_every_odd_call() {
    at_every_call(HOSTS, BIND, 1, 2);
}

#[cfg(target_arch = "x86_64")]
#[test]
fn set_endpoint_at_every_even_call() {
    at_every_call(CONFIG, ENDPOINT, 0, 2);
}

#[cfg(target_arch = "x86_64")]
#[test]
fn set_endpoint_at_every_odd_call() {
    at_every_call(CONFIG, ENDPOINT, 1, 2);
}

#[test]
fn bind_hostname_at_any_instant() {
    at_any_instant(HOSTS, BIND, 80);
}

#[test]
fn set_endpoint_at_any_instant() {
    at_any_instant(CONFIG, ENDPOINT, 80);
}

#[test]
fn a_kill_between_stop_and_start_is_mended_by_undo() {
    let Some(lab) = Lab::new().hosts_line("203.0.113.7 iZbp1lab").build_or_skip() else { return };
    let old = lab.read(HOSTS);
    // A script that takes its time to start, so that the kill surely meets a host without an agent.
    lab.sh("sed -i '1a [ \"$1\" = start ] \\&\\& sleep 3' /etc/init.d/ilogtaild");
    lab.sh("logtail-doctor fix bind-hostname --set ip=10.1.1.5 --yes --region cn-hangzhou > /tmp/said 2>&1 & doctor=$!
         until ! pgrep -x ilogtail > /dev/null; do sleep 0.01; done; kill -9 $doctor; pkill -9 -f 'ilogtaild start'");
    assert!(entries(&lab)[0].contains("broken off"), "{:?}", entries(&lab));
    let mut wizard = lab.terminal(&["logtail-doctor", "--region", "cn-hangzhou"], 120, 30);
    wizard.wait_for("was broken off", std::time::Duration::from_secs(10));
    drop(wizard);
    ends_with(&lab.run(&["undo", "--yes"]), 0);
    assert_eq!(lab.read(HOSTS), old);
    assert_eq!(lab.sh("pgrep -xc ilogtail").stdout.trim(), "2", "the agent runs again");
}
