//! No part of a key is anywhere but in memory: not on a screen, not in a file, not in an argument of a process.

use super::{LATER, SOON, TOLD, told};
use lab::cloud::{Fault, TEMPORARY};
use lab::{Lab, Sudo};
use std::collections::BTreeMap;

/// Writes the command lines of all processes into a file, again and again until the host ends.
const WATCH: &str = "(while :; do cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '; echo; sleep 0.02; done > /run/cmdlines) > /dev/null 2>&1 &";

/// What must not be found: the id, the secret and the token, and the secrets in the form that a header has.
fn secrets() -> [&'static str; 3] {
    [TEMPORARY.0, TEMPORARY.1, TEMPORARY.2]
}

#[test]
fn no_secret_reaches_a_screen_a_file_or_another_process() {
    let Some(lab) = Lab::new().temporary_cloud_key().group_ips(&["10.1.1.77"]).build_or_skip() else { return };
    lab.sh(WATCH);
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    let mut note = |what: &str, text: String| {
        assert!(!text.is_empty(), "nothing to search in {what}");
        seen.insert(what.to_string(), text);
    };

    // Every screen that a walk through all steps, the journal, the ticket and the map draws.
    let mut screens = String::new();
    let mut pty = lab.terminal(&[&["logtail-doctor"], TOLD.as_slice()].concat(), 100, 40);
    pty.wait_for("7. Machine group", LATER);
    for key in ["m", "Esc", "?", "Esc", "J", "Esc", "Tab", "Down", "Down", "PageDown", "n", "n", "n", "p", "t", "Esc"] {
        pty.send(key);
        std::thread::sleep(std::time::Duration::from_millis(100));
        // A frame writes only the cells that changed, so a text may stand on the screen and nowhere in the bytes.
        screens += &pty.screen();
    }
    let pid = pty.pid().unwrap_or_default();
    assert!(pid > 0);
    pty.send("q");
    note("the screens", screens);
    note("what was written to the terminal", String::from_utf8_lossy(&pty.raw()).into_owned());

    let fixed =
        told(&lab, &["fix", "replace-ip-in-group", "--set", "ip=10.1.1.5", "--set", "old-ip=10.1.1.77", "--yes"]);
    assert_eq!(fixed.code, 0, "{fixed:?}");
    note("fix", format!("{fixed:?}"));
    for words in [&["check", "--format", "json"][..], &["check", "--format", "markdown"], &["check"], &["journal"]] {
        note(&words.join(" "), format!("{:?}", told(&lab, words)));
    }
    // Errors that quote what was sent: the service repeats the key, and the answer is broken off.
    let [id, secret, token] = secrets();
    for body in [
        format!(r#"{{"errorCode":"Unauthorized","errorMessage":"odd {id} {secret} {token}"}}"#),
        format!(r#"{{"errorCode":"SignatureNotMatch","errorMessage":"signature {secret} of {id} not match"}}"#),
        format!("<html>{id} {secret} {token}</html>"),
    ] {
        lab.edit_cloud(|state| state.always = Some(Fault::Answer(401, body)));
        note("errors of check", format!("{:?}", told(&lab, &["check", "--format", "json"])));
        note(
            "errors of fix",
            format!("{:?}", told(&lab, &["fix", "add-ip-to-group", "--set", "ip=10.1.1.9", "--yes"])),
        );
        note("errors of undo", format!("{:?}", lab.run(&["undo", "--yes"])));
    }
    lab.edit_cloud(|state| state.always = None);
    let bundle = told(&lab, &["bundle", "-o", "/root/ticket.tar.gz"]);
    note("the making of the bundle", format!("{bundle:?}"));
    note("the bundle", lab.sh("tar xzf /root/ticket.tar.gz -O").stdout);
    note("what undo says", format!("{:?}", lab.run(&["undo", "--yes"])));

    // Every file that the program wrote: journal, lock, memory of the session, crash files.
    note(
        "the names of its files",
        lab.sh("find /var/lib/logtail-doctor /root/.local /root/.cache -type f 2>/dev/null").stdout,
    );
    note(
        "its files",
        lab.sh("find /var/lib/logtail-doctor /root/.local /root/.cache -type f -exec cat {} + 2>/dev/null").stdout,
    );
    note("temporary files", lab.sh("echo; cat $(find /tmp /var/tmp -type f) < /dev/null 2>/dev/null").stdout);
    lab.sh("mv /run/cmdlines /run/all");
    note("the command lines", lab.read("/run/all"));
    assert!(seen["the command lines"].contains("logtail-doctor fix"), "the watch saw the program");
    for (what, text) in &seen {
        for secret in secrets() {
            assert!(!text.contains(secret), "{secret} shows in {what}: {text}");
        }
    }
}

#[test]
fn an_agent_that_it_restarts_inherits_no_key() {
    let Some(lab) = Lab::new().build_or_skip() else { return };
    let [id, secret, token] = secrets();
    let keys = format!(
        "ALIBABA_CLOUD_ACCESS_KEY_ID={id} ALIBABA_CLOUD_ACCESS_KEY_SECRET={secret} ALIBABA_CLOUD_SECURITY_TOKEN={token}"
    );
    let fixed = lab.sh(&format!("{keys} logtail-doctor fix restart-agent --yes"));
    assert_eq!(fixed.code, 0, "{fixed:?}");
    let environments =
        lab.sh("cat $(grep -lx ilogtail /proc/[0-9]*/comm | sed s/comm/environ/) | tr '\\0' '\\n'").stdout;
    assert!(environments.contains("PATH="), "nothing to search in: {environments}");
    for secret in secrets() {
        assert!(!environments.contains(secret), "{environments}");
        assert!(!format!("{fixed:?}").contains(secret), "{fixed:?}");
    }
}

#[test]
fn no_core_file_can_be_made_of_a_process_that_may_hold_a_key() {
    let Some(lab) = Lab::new().user("ops", Sudo::No).build_or_skip() else { return };
    let mut pty = lab.as_user("ops").wizard(80, 24);
    pty.wait_for("Heartbeat", SOON);
    // The kernel gives what belongs to a process that must not be dumped to root.
    let owners = lab.sh("for p in $(pgrep -x -u ops logtail-doctor); do stat -c %U /proc/$p/environ; done").stdout;
    assert_eq!(owners.trim(), "root", "{owners}");
    pty.send("q");
    assert_eq!(pty.exit_code(SOON), 0);
    // What it starts is not touched: a restarted agent may still leave its core.
    let limit = lab.as_user("ops").sh("ulimit -c").stdout;
    assert_eq!(limit.trim(), lab.sh("ulimit -c").stdout.trim());
}

#[test]
fn a_key_that_is_typed_in_is_used_and_shows_nowhere() {
    let Some(lab) = Lab::new().cloud(|_| {}).group_ips(&["10.1.1.5"]).build_or_skip() else { return };
    lab.sh(WATCH);
    let mut pty = lab.terminal(&[&["logtail-doctor"], TOLD.as_slice()].concat(), 100, 40);
    pty.wait_for_verdicts(LATER);
    // The last step is the one that only the service can tell.
    for _ in 0..10 {
        if pty.screen().contains("10. Heartbeat") {
            break;
        }
        pty.send("Right");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let title = "Type in an AccessKey";
    let screen = pty.wait_for(title, SOON);
    let line = screen.lines().find(|line| line.contains(title)).unwrap_or_default();
    let number = line.split(title).next().unwrap_or_default().trim().chars().next_back().unwrap_or('1');
    pty.send(&number.to_string());
    let mut screens = pty.wait_for("AccessKey Secret", SOON);
    let [id, secret, token] = secrets();
    for value in [id, secret, token] {
        pty.paste(value);
        pty.wait_for("_", SOON);
        screens += &pty.screen();
        pty.send("Enter");
    }
    pty.send("Enter");
    screens += &pty.wait_for("The service is asked with the key", LATER);
    pty.wait_until("a heartbeat that the service tells", LATER, |screen| {
        screen.lines().any(|line| line.contains("10 Heartbeat") && line.contains("PASS"))
    });
    for key in ["J", "Esc", "t", "1"] {
        pty.send(key);
        std::thread::sleep(std::time::Duration::from_millis(200));
        screens += &pty.screen();
    }
    let raw = String::from_utf8_lossy(&pty.raw()).into_owned();
    pty.send("q");
    let written =
        lab.sh("cat /var/lib/logtail-doctor/* $(find /root /run/cmdlines -type f -size -4M) 2>/dev/null").stdout;
    let bundle =
        lab.sh("for f in $(find / -maxdepth 2 -name 'logtail-doctor-*.tar.gz'); do tar xzf $f -O; done").stdout;
    assert!(bundle.contains("verdict"), "the bundle was written: {}", pty.screen());
    for (what, text) in [("screens", screens), ("terminal", raw), ("files", written), ("bundle", bundle)] {
        for secret in [secret, token] {
            assert!(!text.contains(secret), "{secret} shows in the {what}: {text}");
        }
    }
}
