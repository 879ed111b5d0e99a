//! The same plan, carried out by root: an ordinary user's wizard hands it to a second process of this program that sudo
//! starts. The plan goes in on standard input, progress comes back on standard output, one JSON line each.
//!
//! The terminal's password question is not asked here: whoever calls has made sure that `sudo -n` works.

use super::{Applied, Consent, ConsentBy, JOURNAL, Progress, Store, carry_out_or_undo};
use crate::host::{Answer, FileSeen, Host, Looked, Question};
use crate::remedies::Plan;
use crate::say;
use crate::text::Text;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// The hidden command that receives an errand.
pub const COMMAND: &str = "carry-out";

/// How long sudo may take to say what it would allow.
const SUDO_LIMIT: Duration = Duration::from_secs(10);

/// What the second process is asked to do.
#[derive(Debug, Serialize, Deserialize)]
pub struct Errand {
    plan: Plan,
    with_restart: bool,
    undoes: Option<String>,
    consent: ConsentBy,
}

/// What an ordinary user's process may ask the second one for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Request {
    CarryOut(Box<Errand>),
    /// What stands in root's journal.
    ReadJournal,
}

/// What the second process says.
#[derive(Debug, Serialize, Deserialize)]
enum Word {
    Progress(Progress),
    Applied(Applied),
    Journal(Looked<FileSeen>),
}

/// The command line that receives an errand: what sudo must allow.
///
/// # Errors
/// The sentence that says why this program's own file is not known.
pub fn argv() -> Result<Vec<String>, Text> {
    match std::env::current_exe() {
        Ok(program) => Ok(vec![program.display().to_string(), COMMAND.to_string()]),
        Err(error) => Err(say!("This program's file is not known: {error}.", "无法确定本程序的路径：{error}。")),
    }
}

/// Whether sudo would start this without asking for a password.
pub async fn may_without_password(sudo: &Path, argv: &[String]) -> bool {
    let mut command = Command::new(sudo);
    command.args(["-n", "-l", "--"]).args(argv).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let asked = tokio::time::timeout(SUDO_LIMIT, command.status()).await;
    matches!(asked, Ok(Ok(status)) if status.success())
}

/// Sends a plan to a process that `sudo -n` starts, and passes on what it says.
pub async fn send(
    sudo: &Path,
    plan: Plan,
    with_restart: bool,
    undoes: Option<String>,
    consent: Consent,
    progress: UnboundedSender<Progress>,
) -> Applied {
    let refused = Applied::refused;
    let argv = match argv() {
        Ok(argv) => argv,
        Err(text) => return refused(text),
    };
    let mut command = Command::new(sudo);
    // No new session: sudo's ticket belongs to the terminal's session (portability facts, section 4).
    command.args(["-n", "--"]).args(argv);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return refused(say!("sudo could not be started: {error}.", "无法启动 sudo：{error}。")),
    };
    let errand = Box::new(Errand { plan, with_restart, undoes, consent: consent.how });
    let errand = serde_json::to_vec(&Request::CarryOut(errand)).unwrap_or_default();
    if let Some(mut stdin) = child.stdin.take() {
        // When sudo refuses, nobody reads; what it says on standard error tells more than the broken pipe.
        let _ = stdin.write_all(&errand).await;
    }
    let complaints = child.stderr.take().map(|stderr| tokio::spawn(first_line(stderr)));
    let mut applied = None;
    if let Some(stdout) = child.stdout.take() {
        let mut lines = BufReader::new(stdout).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            match serde_json::from_str(&line) {
                Ok(Word::Progress(news)) => drop(progress.send(news)),
                Ok(Word::Applied(result)) => applied = Some(result),
                Ok(Word::Journal(_)) | Err(_) => {}
            }
        }
    }
    let _ = child.wait().await;
    let complaint = match complaints {
        Some(task) => task.await.unwrap_or_default(),
        None => String::new(),
    };
    applied.unwrap_or_else(|| {
        refused(if complaint.is_empty() {
            Text::fixed("The process that sudo started ended without a word.", "sudo 启动的进程没有返回任何结果。")
        } else {
            say!("sudo refused: {complaint}.", "sudo 拒绝：{complaint}。")
        })
    })
}

/// Reads root's journal in a process that `sudo -n` starts; None when sudo does not start it, or it does not answer.
pub async fn fetch_journal(sudo: &Path) -> Option<Looked<FileSeen>> {
    let argv = argv().ok()?;
    if !may_without_password(sudo, &argv).await {
        return None;
    }
    let mut command = Command::new(sudo);
    command.args(["-n", "--"]).args(argv).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let request = serde_json::to_vec(&Request::ReadJournal).ok()?;
    child.stdin.take()?.write_all(&request).await.ok()?;
    let said = tokio::time::timeout(SUDO_LIMIT, child.wait_with_output()).await.ok()?.ok()?;
    said.stdout.split(|&byte| byte == b'\n').find_map(|line| match serde_json::from_slice(line) {
        Ok(Word::Journal(journal)) => Some(journal),
        Ok(Word::Progress(_) | Word::Applied(_)) | Err(_) => None,
    })
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
/// errand came.
pub async fn receive(host: &dyn Host, store: &Store, from: impl std::io::Read) -> bool {
    let Errand { plan, with_restart, undoes, consent } = match serde_json::from_reader(from) {
        Ok(Request::CarryOut(errand)) => *errand,
        Ok(Request::ReadJournal) => {
            let Answer::File(journal) = host.observe(Question::Tail(store.dir.join(JOURNAL))).await else {
                return false;
            };
            tell(&Word::Journal(journal));
            return true;
        }
        Err(_) => return false,
    };
    let (sender, mut news) = unbounded_channel();
    // Consent was given to the process that sent the errand; sudo is the proof that it may send one.
    let consent = Consent::given(consent);
    let work = async move { carry_out_or_undo(host, store, &plan, consent, with_restart, undoes, sender).await };
    let report = async move {
        while let Some(progress) = news.recv().await {
            tell(&Word::Progress(progress));
        }
    };
    let (applied, ()) = futures_util::future::join(work, report).await;
    tell(&Word::Applied(applied));
    true
}

fn tell(word: &Word) {
    let Ok(mut line) = serde_json::to_vec(word) else { return };
    line.push(b'\n');
    // The wizard may be gone with its terminal; the work goes on and the journal tells of it.
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(&line).and_then(|()| out.flush());
}
