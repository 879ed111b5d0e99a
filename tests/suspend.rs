//! Ctrl-Z and back, in a real pseudo-terminal: the terminal is given back, and afterwards the whole picture is there
//! again with the first bytes. Runs the demo, so it needs neither root nor a laboratory.
#![cfg(target_os = "linux")]

use lab::Pty;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(20);

/// Waits until the process is stopped.
fn wait_stopped(pid: u32) {
    let begin = Instant::now();
    let is_stopped = || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('T'))
    };
    while !is_stopped() {
        assert!(begin.elapsed() < SOON, "Ctrl-Z does not stop it");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn after_a_suspension_the_picture_is_back_with_the_first_bytes() {
    let env = [("TERM", "xterm-256color"), ("LANG", "C.UTF-8"), ("PATH", "/usr/bin:/bin")];
    let env = env.map(|(key, value)| (key.to_string(), value.to_string()));
    let mut pty = Pty::spawn(&[env!("CARGO_BIN_EXE_logtail-doctor"), "demo", "stopped"], &env, 80, 24);
    // The last line is written last: what has come so far may be half a frame.
    let settled = |screen: &str| {
        let is_whole = screen.contains("Start the agent") && screen.trim_end().ends_with("quit");
        is_whole && !screen.lines().any(|line| line.contains(" .. "))
    };
    let before = pty.wait_until("every verdict", SOON, settled);
    let pid = pty.pid().expect("it runs");

    for _ in 0..2 {
        pty.send("C-z");
        wait_stopped(pid);
        pty.wait_until("the screen of the shell", SOON, |screen| !screen.contains("Start the agent"));
        assert!(!pty.alternate_screen(), "the terminal is given back");
        let known = pty.raw().len();
        killpg(Pid::from_raw(pid as i32), Signal::SIGCONT).expect("it can be continued");
        let after = pty.wait_until("the picture", SOON, settled);
        // A blank at the end of a line may have been written or not.
        let lines = |screen: &str| screen.lines().map(|line| line.trim_end().to_string()).collect::<Vec<_>>();
        assert_eq!(lines(&after), lines(&before));
        let raw = String::from_utf8_lossy(&pty.raw()[known..]).into_owned();
        let first = raw.split("\x1b[?2026l").next().unwrap_or_default();
        assert!(first.contains("\x1b[?1049h") && first.contains("Start the agent"), "{first:?}");
    }
    pty.send("q");
    assert_eq!(pty.exit_code(SOON), 0);
}
