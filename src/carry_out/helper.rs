//! The same plan, carried out by root: an ordinary user's wizard hands it to a second process of this program that sudo
//! starts. The plan goes in on standard input, progress comes back on standard output, one JSON line each.
//!
//! The terminal's password question is not asked here: whoever calls has made sure that `sudo -n` works.

use super::apply::{carry_out, close_own};
use super::store::Store;
use crate::core::journal::{Applied, JOURNAL, Order, Progress};
use crate::core::observe::{Answer, FileSeen, Observed, Question};
use crate::core::remedies::{Change, Plan, shell_line};
use crate::core::text::Text;
use crate::host::MutableHost;
use crate::say;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::Instant;

/// The hidden command that receives an helper.
pub const COMMAND: &str = "carry-out";

/// How long sudo may take to say what it would allow.
const SUDO_LIMIT: Duration = Duration::from_secs(10);

/// How long the second process may take to say its first word: sudo may ask a directory service that does not answer.
const FIRST_WORD_LIMIT: Duration = Duration::from_secs(120);

/// How long what a process said is still read after its end.
const DRAIN: Duration = Duration::from_millis(500);

/// What an ordinary user's process may ask the second one for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    CarryOut(Box<Order>),
    /// What stands in root's journal.
    ReadJournal,
    /// Close this entry of root's journal: nothing is left of it to take back.
    Close(String),
}

/// What the second process says.
#[derive(Debug, Serialize, Deserialize)]
enum HelperMessage {
    Progress(Progress),
    Applied(Applied),
    Journal(Observed<FileSeen>),
}

/// The command line that receives an helper: what sudo must allow.
///
/// # Errors
/// The sentence that says why this program's own file is not known.
pub fn argv() -> Result<Vec<String>, Text> {
    match std::env::current_exe() {
        Ok(program) => Ok(vec![program.display().to_string(), COMMAND.to_string()]),
        Err(error) => Err(say!("This program's file is not known: {error}.", "无法确定本程序的路径：{error}。")),
    }
}

/// The line of sudoers that would let a user carry out plans without a password. It gives that user root, as the wizard
/// can change any file.
pub fn sudoers_line(user: &str, argv: &[String]) -> String {
    // In sudoers these characters end a word or a list (sudoers(5)).
    let escaped = |word: &String| {
        let mut out = String::new();
        for letter in word.chars() {
            if " ,:=\\".contains(letter) {
                out.push('\\');
            }
            out.push(letter);
        }
        out
    };
    format!("{user} ALL=(root) NOPASSWD: {}", argv.iter().map(escaped).collect::<Vec<_>>().join(" "))
}

/// Whether sudo would start this without asking for a password.
pub async fn may_without_password(sudo: &Path, argv: &[String]) -> bool {
    let mut command = Command::new(sudo);
    command.args(["-n", "-l", "--"]).args(argv).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let asked = tokio::time::timeout(SUDO_LIMIT, command.status()).await;
    matches!(asked, Ok(Ok(status)) if status.success())
}

/// The commands of a plan that only runs commands, as an operator would type them, where sudo starts each of them
/// without a password: some sudoers permit the agent's init script and nothing else. None for any other plan.
pub async fn permitted(sudo: &Path, plan: &Plan) -> Option<String> {
    let mut lines = Vec::new();
    for change in plan.changes.iter().chain(&plan.restart) {
        match change {
            Change::Run { argv, .. } if may_without_password(sudo, argv).await => {
                lines.push(format!("sudo {}", shell_line(argv)));
            }
            Change::AwaitAgent { .. } | Change::LookFor { .. } => {}
            _ => return None,
        }
    }
    // A stop that calls a stopped agent an error must not keep the start from being run.
    (!lines.is_empty()).then(|| lines.join("; "))
}

/// Sends an order to a process that `sudo -n` starts, and passes on what it says.
pub async fn send(sudo: &Path, order: Order, progress: UnboundedSender<Progress>) -> Applied {
    let refused = Applied::refused;
    let argv = match argv() {
        Ok(argv) => argv,
        Err(text) => return refused(text),
    };
    let mut command = Command::new(sudo);
    // No new session: sudo's ticket belongs to the terminal's session (portability facts, section 4).
    command.args(["-n", "--"]).args(argv);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let helper = match serde_json::to_vec(&Request::CarryOut(Box::new(order))) {
        Ok(helper) => helper,
        Err(error) => {
            return refused(say!("The plan cannot be handed over: {error}.", "无法移交该计划：{error}。"));
        }
    };
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return refused(say!("sudo could not be started: {error}.", "无法启动 sudo：{error}。")),
    };
    if let Some(mut stdin) = child.stdin.take() {
        // When sudo refuses, nobody reads; what it says on standard error tells more than the broken pipe.
        let _ = tokio::time::timeout(SUDO_LIMIT, stdin.write_all(&helper)).await;
    }
    let complaints = child.stderr.take().map(|stderr| tokio::spawn(first_line(stderr)));
    let (applied, has_begun) = listen(&mut child, &progress).await;
    let complaint = match complaints {
        Some(task) => tokio::time::timeout(DRAIN, task).await.ok().and_then(Result::ok).unwrap_or_default(),
        None => String::new(),
    };
    match applied {
        Some(applied) => applied,
        // It died in the middle: what it had changed by then is for the journal to tell.
        None if has_begun => Applied::broken(),
        None if complaint.is_empty() => refused(Text::fixed(
            "The process that sudo started ended without a word.",
            "sudo 启动的进程没有返回任何结果。",
        )),
        None => refused(say!("sudo refused: {complaint}.", "sudo 拒绝：{complaint}。")),
    }
}

/// Passes on what the second process says until it has said what it came to, or has ended: what it started may keep its
/// pipes open for years. Returns the result, and whether it said anything, or may still be at work.
async fn listen(child: &mut Child, progress: &UnboundedSender<Progress>) -> (Option<Applied>, bool) {
    let Some(stdout) = child.stdout.take() else { return (None, false) };
    let mut lines = BufReader::new(stdout).lines();
    let (mut has_begun, mut has_ended) = (false, false);
    let mut until = Instant::now() + FIRST_WORD_LIMIT;
    loop {
        tokio::select! {
            line = lines.next_line() => match line {
                Ok(Some(line)) => match serde_json::from_str(&line) {
                    Ok(HelperMessage::Progress(news)) => {
                        has_begun = true;
                        drop(progress.send(news));
                    }
                    Ok(HelperMessage::Applied(applied)) => return (Some(applied), true),
                    Ok(HelperMessage::Journal(_)) | Err(_) => {}
                },
                Ok(None) | Err(_) => {
                    // Nothing more will be said; the end of the process gives way to what it said on standard error.
                    let _ = tokio::time::timeout(DRAIN, child.wait()).await;
                    return (None, has_begun);
                }
            },
            _ = child.wait(), if !has_ended => {
                has_ended = true;
                until = Instant::now() + DRAIN;
            }
            // Once it has begun, every step of it has a limit of its own.
            () = tokio::time::sleep_until(until), if has_ended || !has_begun => return (None, has_begun || !has_ended),
        }
    }
}

/// Reads root's journal in a process that `sudo -n` starts; None when sudo does not start it, or it does not answer.
pub async fn fetch_journal(sudo: &Path) -> Option<Observed<FileSeen>> {
    let said = ask(sudo, &Request::ReadJournal).await?;
    said.split(|&byte| byte == b'\n').find_map(|line| match serde_json::from_slice(line) {
        Ok(HelperMessage::Journal(journal)) => Some(journal),
        Ok(HelperMessage::Progress(_) | HelperMessage::Applied(_)) | Err(_) => None,
    })
}

/// Closes an entry of root's journal in a process that `sudo -n` starts, if sudo starts it.
pub(super) async fn close(sudo: &Path, id: &str) {
    drop(ask(sudo, &Request::Close(id.to_string())).await);
}

/// What a process that `sudo -n` starts says to a short request; None when sudo does not start it, or it does not end.
async fn ask(sudo: &Path, request: &Request) -> Option<Vec<u8>> {
    let argv = argv().ok()?;
    if !may_without_password(sudo, &argv).await {
        return None;
    }
    let mut command = Command::new(sudo);
    command.args(["-n", "--"]).args(argv).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let request = serde_json::to_vec(request).ok()?;
    child.stdin.take()?.write_all(&request).await.ok()?;
    Some(tokio::time::timeout(SUDO_LIMIT, child.wait_with_output()).await.ok()?.ok()?.stdout)
}

async fn first_line(stderr: tokio::process::ChildStderr) -> String {
    let mut lines = BufReader::new(stderr).lines();
    let mut first = String::new();
    while let Ok(Some(line)) = lines.next_line().await {
        if first.is_empty() {
            first = line.chars().take(200).collect();
        }
    }
    first
}

/// Receives a request on standard input, carries it out, and says on standard output what happens. Returns whether an
/// helper came.
pub(super) async fn receive(host: &dyn MutableHost, store: &Store, from: impl std::io::Read) -> bool {
    // Consent was given to the process that sent the order; sudo is the proof that it may send one.
    let order = match serde_json::from_reader(from) {
        Ok(Request::CarryOut(order)) => order,
        Ok(Request::ReadJournal) => {
            let Answer::File(journal) = host.observe(Question::Tail(store.dir.join(JOURNAL))).await else {
                return false;
            };
            tell(&HelperMessage::Journal(journal));
            return true;
        }
        Ok(Request::Close(id)) => {
            close_own(host, store, &id).await;
            return true;
        }
        Err(_) => return false,
    };
    let (sender, mut news) = unbounded_channel();
    let work = async move { carry_out(host, store, &order, sender).await };
    let report = async move {
        while let Some(progress) = news.recv().await {
            tell(&HelperMessage::Progress(progress));
        }
    };
    let (applied, ()) = futures_util::future::join(work, report).await;
    tell(&HelperMessage::Applied(applied));
    true
}

fn tell(word: &HelperMessage) {
    let Ok(mut line) = serde_json::to_vec(word) else { return };
    line.push(b'\n');
    // The wizard may be gone with its terminal; the work goes on and the journal tells of it.
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(&line).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::finding::{RemedyId, StepId};
    use crate::core::journal::{AppliedResult, ChangeState, Consent, ConsentBy};
    use std::path::PathBuf;

    /// A sudo with this body, which gets what the second process would say as `$progress` and `$applied`.
    fn sudo(place: &Path, body: &str) -> PathBuf {
        let progress =
            serde_json::to_string(&HelperMessage::Progress(Progress::State(0, ChangeState::Running))).unwrap();
        let applied = Applied { result: AppliedResult::Applied, entry: None, backups: Vec::new() };
        let applied = serde_json::to_string(&HelperMessage::Applied(applied)).unwrap();
        let text = format!("#!/bin/sh\nprogress='{progress}'\napplied='{applied}'\n{body}\n");
        let path = place.join("sudo");
        // By another process: a file that is open for writing here is inherited by what another test starts meanwhile.
        let line = "printf %s \"$1\" > \"$2\" && chmod 755 \"$2\"";
        let written = std::process::Command::new("sh").args(["-c", line, "sh", &text]).arg(&path).status().unwrap();
        assert!(written.success());
        path
    }

    async fn sent(body: &str) -> AppliedResult {
        let place = tempfile::tempdir().unwrap();
        let plan = Plan::new(RemedyId::RestartAgent, StepId::Running, Text::fixed("because", "因为"));
        let consent = Consent::given(ConsentBy::Button);
        let order = Order { plan, with_restart: false, consent, undoes: None };
        send(&sudo(place.path(), body), order, unbounded_channel().0).await.result
    }

    #[tokio::test]
    async fn a_process_that_dies_in_the_middle_leaves_no_doubt_that_it_began() {
        let died = sent("cat > /dev/null; echo \"$progress\"; kill -9 $$").await;
        assert_eq!(died, Applied::broken().result);
        let refused = sent("echo 'a password is required' >&2; exit 1").await;
        assert!(
            matches!(&refused, AppliedResult::Refused(text) if text.get(crate::core::text::Lang::En).contains("password"))
        );
    }

    #[tokio::test]
    async fn a_daemon_that_keeps_the_pipes_does_not_hold_us() {
        let daemon = "cat > /dev/null; sleep 1000 & echo $! > \"$0.pid\"";
        let reap = "trap 'kill $(cat \"$0.pid\")' EXIT";
        // The daemon outlives its parent in both; it is ended by the watcher, which keeps no pipe of ours.
        let watch = format!("( {reap}; sleep 3 ) > /dev/null 2>&1 < /dev/null &");
        assert_eq!(sent(&format!("{daemon}; {watch} echo \"$applied\"; exit 0")).await, AppliedResult::Applied);
        assert_eq!(sent(&format!("{daemon}; {watch} echo \"$progress\"; exit 0")).await, Applied::broken().result);
    }

    #[test]
    fn the_line_of_sudoers_escapes_what_would_end_a_word() {
        let argv = ["/opt/log tail/doctor".to_string(), "carry-out".into()];
        assert_eq!(sudoers_line("ops", &argv), "ops ALL=(root) NOPASSWD: /opt/log\\ tail/doctor carry-out");
    }
}
