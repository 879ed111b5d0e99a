//! What this machine answers and how it changes, on real files, commands and loopback sockets.

mod acts;
mod commands;
mod files;
mod reach;

use super::{LinuxHost, Options};
use crate::core::observe::{Answer, Done, LiveLine, Operation, OperationError, Question, Unavailable};
use crate::host::{Host, MutableHost};
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::sync::mpsc::unbounded_channel;

/// Far beyond what any of these tests needs, so that a busy machine fails none.
const AMPLE: Duration = Duration::from_secs(30);

fn host(limit: Duration) -> LinuxHost {
    LinuxHost::new(Options { limit, read_only: false })
}

/// Applies one change and gathers what it printed.
async fn act(act: Operation) -> (Result<Done, OperationError>, Vec<LiveLine>) {
    let (live, mut lines) = unbounded_channel();
    let outcome = host(AMPLE).perform(act, live).await;
    let mut printed = Vec::new();
    while let Ok(line) = lines.try_recv() {
        printed.push(line);
    }
    (outcome, printed)
}

/// Whether permission bits do not bind us; says so when a test is cut short by it.
fn is_root(part: &str) -> bool {
    let root = nix::unistd::Uid::effective().is_root();
    if root {
        lab::skip::skip_anyway(&format!("{part}: permission bits do not bind root"));
    }
    root
}

#[tokio::test]
async fn every_question_gets_its_own_kind_of_answer_also_without_time() {
    for limit in [AMPLE, Duration::ZERO] {
        let host = host(limit);
        assert!(matches!(host.observe(Question::File("/etc/hosts".into())).await, Answer::File(_)));
        assert!(matches!(host.observe(Question::Tail("/etc/hosts".into())).await, Answer::File(_)));
        assert!(matches!(host.observe(Question::Dir("/etc".into())).await, Answer::Dir(_)));
        assert!(matches!(host.observe(Question::Processes).await, Answer::Processes(_)));
        let own = Question::Environment { pid: std::process::id() };
        assert!(matches!(host.observe(own).await, Answer::Environment(_)));
        assert!(matches!(host.observe(Question::Interfaces).await, Answer::Interfaces(_)));
        assert!(matches!(host.observe(Question::Lookup("localhost".into())).await, Answer::Lookup(_)));
        let nameserver = Question::AskNameserver { server: Ipv4Addr::LOCALHOST.into(), name: "a..b".into() };
        assert!(matches!(host.observe(nameserver).await, Answer::AskNameserver(_)));
        assert!(matches!(host.observe(Question::Clock).await, Answer::Clock(clock) if clock.now_ms > 0));
        assert!(matches!(host.observe(Question::Identity).await, Answer::Identity(who) if who.os == "linux"));
    }
}

#[tokio::test]
async fn a_process_that_does_not_exist_has_no_environment() {
    let answer = host(AMPLE).observe(Question::Environment { pid: u32::MAX }).await;
    assert_eq!(answer, Answer::Environment(Err(Unavailable::Absent)));
}

#[tokio::test]
async fn a_read_only_host_changes_nothing() {
    let place = tempfile::tempdir().unwrap();
    let host = LinuxHost::new(Options { limit: AMPLE, read_only: true });
    let path = place.path().join("new");
    let changes = [
        Operation::Append { path: path.clone(), content: b"x".to_vec() },
        Operation::MakeDir { path: path.clone(), mode: 0o755 },
        Operation::Run { argv: vec!["touch".into(), path.display().to_string()], limit: AMPLE, proxies: false },
    ];
    for change in changes {
        assert_eq!(host.perform(change, unbounded_channel().0).await, Err(OperationError::ReadOnly));
    }
    assert!(!path.exists());
}
