//! Commands that behave badly.

use super::{AMPLE, act, host, is_root};
use crate::core::observe::{
    Answer, CommandSeen, Done, LiveLine, Observed, Operation, OperationError, Question, ReadCommand, Unavailable,
};
use crate::host::Host;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// An init script with this body.
fn script(place: &Path, body: &str) -> PathBuf {
    let path = place.join("script");
    // Written by another process: a file that is open for writing here is inherited by whatever another test starts
    // at that instant, and cannot be executed as long as that keeps it.
    let line = "printf '#!/bin/sh\\n%s\\n' \"$1\" > \"$2\" && chmod 755 \"$2\"";
    let written = std::process::Command::new("sh").args(["-c", line, "sh", body]).arg(&path).status().unwrap();
    assert!(written.success());
    path
}

async fn status(script: PathBuf, limit: Duration) -> Observed<CommandSeen> {
    match host(limit).observe(Question::ReadCommand(ReadCommand::InitStatus { script })).await {
        Answer::ReadCommand(seen) => seen,
        other => panic!("not a command's answer: {other:?}"),
    }
}

fn shell(line: String, limit: Duration) -> Operation {
    Operation::Run { argv: vec!["sh".into(), "-c".into(), line], limit, proxies: false }
}

/// Whether the process whose number a script wrote is still there and no zombie.
fn lives(pid_file: &Path) -> bool {
    let pid = fs::read_to_string(pid_file).unwrap();
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

#[tokio::test]
async fn a_command_says_its_code_and_both_outputs() {
    let place = tempfile::tempdir().unwrap();
    let path = script(place.path(), "echo \"$1 $LC_ALL\"; echo oops >&2; printf '\\377'; exit 3");
    let seen = status(path, AMPLE).await.unwrap();
    assert_eq!(seen, CommandSeen { code: Some(3), out: "status C\n\u{fffd}".into(), err: "oops\n".into() });
    let killed = status(script(place.path(), "kill -9 $$"), AMPLE).await.unwrap();
    assert_eq!(killed.code, None);
}

#[tokio::test]
async fn what_cannot_be_started_says_why() {
    let place = tempfile::tempdir().unwrap();
    assert_eq!(status(place.path().join("missing"), AMPLE).await, Err(Unavailable::Absent));
    let path = place.path().join("plain");
    fs::write(&path, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    assert_eq!(status(path.clone(), AMPLE).await, Err(Unavailable::NotAllowed));
    fs::write(&path, "#!/no/such/interpreter\n").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    assert!(matches!(status(path, AMPLE).await, Err(Unavailable::Other(_))));
    let (outcome, _) = act(Operation::Run { argv: vec!["no-such-program".into()], limit: AMPLE, proxies: false }).await;
    assert!(matches!(outcome, Err(OperationError::NotStarted { program, .. }) if program == "no-such-program"));
    let (outcome, _) = act(Operation::Run { argv: vec![], limit: AMPLE, proxies: false }).await;
    assert!(matches!(outcome, Err(OperationError::NotStarted { .. })));
}

#[tokio::test]
async fn a_hanging_look_is_given_up_and_its_group_ended() {
    let place = tempfile::tempdir().unwrap();
    let pid = place.path().join("pid");
    let path = script(place.path(), &format!("trap '' TERM; sleep 1000 & echo $! > {}; wait", pid.display()));
    assert_eq!(status(path, Duration::from_secs(2)).await, Err(Unavailable::TimedOut));
    while lives(&pid) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_daemon_that_keeps_the_pipe_does_not_hold_us_and_is_left_alone() {
    let place = tempfile::tempdir().unwrap();
    let pid = place.path().join("pid");
    let line = format!("sleep 1000 & echo $! > {}; echo started", pid.display());
    let seen = status(script(place.path(), &line), AMPLE).await.unwrap();
    assert_eq!((seen.code, seen.out.as_str()), (Some(0), "started\n"));
    assert!(lives(&pid));
    let looked_at = fs::read_to_string(&pid).unwrap();
    let (outcome, printed) = act(shell(line, AMPLE)).await;
    assert_eq!(outcome, Ok(Done::Exited(Some(0))));
    assert_eq!(printed, vec![LiveLine { is_error: false, text: "started".into() }]);
    assert!(lives(&pid));
    for left in [looked_at, fs::read_to_string(&pid).unwrap()] {
        let number = nix::unistd::Pid::from_raw(left.trim().parse().unwrap());
        nix::sys::signal::kill(number, nix::sys::signal::Signal::SIGKILL).unwrap();
    }
}

#[tokio::test]
async fn a_flood_is_cut_and_drained() {
    let place = tempfile::tempdir().unwrap();
    let path = script(place.path(), "head -c 5000000 /dev/zero | tr '\\0' x; head -c 5000000 /dev/zero >&2; exit 7");
    let seen = status(path, AMPLE).await.unwrap();
    assert_eq!((seen.code, seen.out.len(), seen.err.len()), (Some(7), 64 << 10, 64 << 10));
}

#[tokio::test]
async fn a_running_change_is_heard_line_by_line() {
    let (outcome, printed) = act(shell("printf 'one\\r\\ntwo'; printf 'bad\\n' >&2; exit 5".into(), AMPLE)).await;
    assert_eq!(outcome, Ok(Done::Exited(Some(5))));
    let mut texts: Vec<_> = printed.iter().map(|line| (line.is_error, line.text.as_str())).collect();
    texts.sort_unstable();
    assert_eq!(texts, vec![(false, "one"), (false, "two"), (true, "bad")]);
}

#[tokio::test]
async fn a_change_that_takes_too_long_is_stopped_before_we_say_so() {
    let place = tempfile::tempdir().unwrap();
    let pid = place.path().join("pid");
    let line = format!("sleep 1000 & echo $! > {}; echo begun; wait", pid.display());
    let (outcome, printed) = act(shell(line.clone(), Duration::from_secs(1))).await;
    assert_eq!(outcome, Err(OperationError::TimedOut { command: format!("sh -c {line}"), limit_s: 1 }));
    assert_eq!(printed.len(), 1);
    assert!(!lives(&pid));
}

#[tokio::test]
async fn a_dropped_look_takes_its_command_with_it() {
    let place = tempfile::tempdir().unwrap();
    let pid = place.path().join("pid");
    let path = script(place.path(), &format!("echo $$ > {}; sleep 1000", pid.display()));
    let asked = tokio::spawn(status(path, AMPLE));
    while fs::read_to_string(&pid).unwrap_or_default().is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    asked.abort();
    while lives(&pid) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn what_we_may_not_run_is_not_absent() {
    if is_root("forbidden directories") {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let path = script(place.path(), "exit 0");
    fs::set_permissions(&path, Permissions::from_mode(0o000)).unwrap();
    assert_eq!(status(path, AMPLE).await, Err(Unavailable::NotAllowed));
}

#[tokio::test]
async fn a_change_gets_an_environment_of_its_own() {
    // What the test runner gives this process stands for the operator's session.
    let inherited: Vec<String> = std::env::vars().map(|(name, _)| name).filter(|name| name.contains("CARGO")).collect();
    assert!(!inherited.is_empty());
    let (outcome, printed) = act(shell("env".into(), AMPLE)).await;
    assert_eq!(outcome, Ok(Done::Exited(Some(0))));
    let names: Vec<&str> = printed.iter().filter_map(|line| Some(line.text.split_once('=')?.0)).collect();
    // The shell adds a few of its own.
    let known = [
        "PATH", "LC_ALL", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TERM", "TZ", "PWD", "OLDPWD",
        "SHLVL", "_",
    ];
    assert!(names.iter().all(|name| known.contains(name)), "{names:?}");
    let path = printed.iter().find_map(|line| line.text.strip_prefix("PATH="));
    assert_eq!(path, Some("/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin"));
}
