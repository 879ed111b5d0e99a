//! The same plan, carried out by root: an ordinary user's wizard hands it to a second process of this program that sudo or
//! doas starts (see `elevation`). The request goes in on standard input, progress comes back on standard output, one JSON
//! line each.

use super::apply::{carry_out, close_own};
use super::elevation::{self, Asks, Connection};
use super::store::Store;
use crate::core::journal::{Applied, JOURNAL, Order, Progress};
use crate::core::observe::{Answer, FileSeen, Observed, Question, Unavailable};
use crate::core::remedies::{Change, Plan, shell_line};
use crate::core::text::Text;
use crate::host::MutableHost;
use crate::say;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::Path;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// The hidden command that receives a request.
pub const COMMAND: &str = "carry-out";

/// How long a short request may take to be answered.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

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
pub(super) enum HelperMessage {
    /// The first word: it is there, and has the terminal no longer.
    Ready,
    Progress(Progress),
    Applied(Applied),
    Journal(Observed<FileSeen>),
}

/// The command line that receives a request: what sudo must allow.
///
/// # Errors
/// The sentence that says why this program's own file is not known.
pub fn argv() -> Result<Vec<String>, Text> {
    match std::env::current_exe() {
        Ok(program) => Ok(vec![program.display().to_string(), COMMAND.to_string()]),
        Err(error) => Err(say!("This program's file is not known: {error}.", "无法确定本程序的路径：{error}。")),
    }
}

/// The commands of a plan that only runs commands, as an operator would type them, where sudo permits each of them: some
/// sudoers permit the agent's init script and nothing else. None for any other plan.
pub async fn permitted(tool: &Path, plan: &Plan) -> Option<String> {
    let name = elevation::name(tool);
    // Where the hint says yes of this program, which was refused, it is worth nothing of others either.
    if elevation::is_likely_free(tool, &argv().ok()?).await {
        return None;
    }
    let mut lines = Vec::new();
    for change in plan.changes.iter().chain(&plan.restart) {
        match change {
            Change::Run { argv, .. } if elevation::is_likely_free(tool, argv).await => {
                lines.push(format!("{name} {}", shell_line(argv)));
            }
            Change::AwaitAgent { .. } | Change::LookFor { .. } => {}
            _ => return None,
        }
    }
    // A stop that calls a stopped agent an error must not keep the start from being run.
    (!lines.is_empty()).then(|| lines.join("; "))
}

/// Sends an order to the second process, and passes on what it says until it has said what it came to, or has ended: what
/// it started may keep its pipes open for years.
pub async fn send(mut connection: Connection, order: Order, progress: UnboundedSender<Progress>) -> Applied {
    if let Err(error) = connection.request(&Request::CarryOut(Box::new(order))).await {
        return Applied::refused(say!("The plan cannot be handed over: {error}.", "无法移交该计划：{error}。"));
    }
    let mut has_begun = false;
    // Every step of it has a limit of its own.
    while let Some(message) = connection.next_or_end().await {
        match message {
            HelperMessage::Progress(news) => {
                has_begun = true;
                drop(progress.send(news));
            }
            HelperMessage::Applied(applied) => return applied,
            HelperMessage::Ready | HelperMessage::Journal(_) => {}
        }
    }
    // It died in the middle: what it had changed by then is for the journal to tell.
    if has_begun {
        return Applied::broken();
    }
    let complaint = connection.complaint().await;
    Applied::refused(match complaint.is_empty() {
        true => Text::fixed(
            "The process with root's rights ended without a word.",
            "具有 root 权限的进程没有返回任何结果。",
        ),
        false => say!("The process with root's rights ended: {complaint}", "具有 root 权限的进程已结束：{complaint}"),
    })
}

/// Reads root's journal in a second process that needs no password; None when there is none, or it does not answer.
pub async fn fetch_journal(tool: &Path) -> Option<Observed<FileSeen>> {
    let mut connection = open_free(tool).await?;
    connection.request(&Request::ReadJournal).await.ok()?;
    let answer = async {
        loop {
            match connection.next().await? {
                HelperMessage::Journal(journal) => return Some(journal),
                HelperMessage::Ready | HelperMessage::Progress(_) | HelperMessage::Applied(_) => {}
            }
        }
    };
    tokio::time::timeout(ANSWER_LIMIT, answer).await.ok()?
}

/// Closes an entry of root's journal in a second process that needs no password, if there is one.
pub(super) async fn close(tool: &Path, id: &str) {
    let Some(mut connection) = open_free(tool).await else { return };
    if connection.request(&Request::Close(id.to_string())).await.is_ok() {
        let _ = tokio::time::timeout(ANSWER_LIMIT, connection.ended()).await;
    }
}

/// A second process for what nobody is asked a password for. Where one would be needed the tool is not even called: it
/// would note the attempt as a failed one.
async fn open_free(tool: &Path) -> Option<Connection> {
    let argv = argv().ok()?;
    if !elevation::is_likely_free(tool, &argv).await {
        return None;
    }
    elevation::open(tool, &argv, Asks::Nobody).await.ok()
}

/// Receives a request on standard input, carries it out, and says on standard output what happens. Returns whether one
/// came.
pub(super) async fn receive(host: &dyn MutableHost, store: &Store, mut from: impl std::io::BufRead) -> bool {
    tell(&HelperMessage::Ready);
    let mut line = String::new();
    // Consent was given to the process that sent the order; sudo is the proof that it may send one.
    let request = from.read_line(&mut line).ok().and_then(|_| serde_json::from_str(&line).ok());
    let order = match request {
        Some(Request::CarryOut(order)) => order,
        Some(Request::ReadJournal) => {
            let path = store.dir.join(JOURNAL);
            if let Answer::Trusted(Err(trouble @ Unavailable::Untrusted(_))) =
                host.observe(Question::Trusted(path)).await
            {
                tell(&HelperMessage::Journal(Err(trouble)));
                return true;
            }
            let Answer::File(journal) = host.observe(Question::Tail(store.dir.join(JOURNAL))).await else {
                return false;
            };
            tell(&HelperMessage::Journal(journal));
            return true;
        }
        Some(Request::Close(id)) => {
            close_own(host, store, &id).await;
            return true;
        }
        None => return false,
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

    /// A sudo with this body, which gets what the second process would say as `$ready`, `$progress` and `$applied`.
    fn sudo(place: &Path, body: &str) -> PathBuf {
        let progress =
            serde_json::to_string(&HelperMessage::Progress(Progress::State(0, ChangeState::Running))).unwrap();
        let applied = Applied { result: AppliedResult::Applied, entry: None, backups: Vec::new() };
        let applied = serde_json::to_string(&HelperMessage::Applied(applied)).unwrap();
        let ready = serde_json::to_string(&HelperMessage::Ready).unwrap();
        let text = format!("#!/bin/sh\nready='{ready}'\nprogress='{progress}'\napplied='{applied}'\n{body}\n");
        let path = place.join("sudo");
        // By another process: a file that is open for writing here is inherited by what another test starts meanwhile.
        let line = "printf %s \"$1\" > \"$2\" && chmod 755 \"$2\"";
        let written = std::process::Command::new("sh").args(["-c", line, "sh", &text]).arg(&path).status().unwrap();
        assert!(written.success());
        path
    }

    /// The body begins behind the first word, which comes unless it is told not to.
    async fn sent(body: &str) -> AppliedResult {
        let place = tempfile::tempdir().unwrap();
        let plan = Plan::new(RemedyId::RestartAgent, StepId::Running, Text::fixed("because", "因为"));
        let consent = Consent::given(ConsentBy::Button);
        let order = Order { plan, with_restart: false, consent, undoes: None };
        let tool = sudo(place.path(), body);
        match elevation::open(&tool, &[], Asks::Nobody).await {
            Ok(connection) => send(connection, order, unbounded_channel().0).await.result,
            Err(refusal) => AppliedResult::Refused(refusal.text()),
        }
    }

    #[tokio::test]
    async fn a_process_that_dies_in_the_middle_leaves_no_doubt_that_it_began() {
        let died = sent("echo \"$ready\"; read -r request; echo \"$progress\"; kill -9 $$").await;
        assert_eq!(died, Applied::broken().result);
        let refused = sent("echo 'a password is required' >&2; exit 1").await;
        assert!(
            matches!(&refused, AppliedResult::Refused(text) if text.get(crate::core::text::Lang::En).contains("password"))
        );
    }

    #[tokio::test]
    async fn a_daemon_that_keeps_the_pipes_does_not_hold_us() {
        let daemon = "echo \"$ready\"; read -r request; sleep 1000 & echo $! > \"$0.pid\"";
        let reap = "trap 'kill $(cat \"$0.pid\")' EXIT";
        // The daemon outlives its parent in both; it is ended by the watcher, which keeps no pipe of ours.
        let watch = format!("( {reap}; sleep 3 ) > /dev/null 2>&1 < /dev/null &");
        assert_eq!(sent(&format!("{daemon}; {watch} echo \"$applied\"; exit 0")).await, AppliedResult::Applied);
        assert_eq!(sent(&format!("{daemon}; {watch} echo \"$progress\"; exit 0")).await, Applied::broken().result);
    }
}
