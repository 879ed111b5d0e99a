//! A second process of this program with root's rights, which sudo or doas starts. Whether they will is not asked
//! beforehand, since their answers to that question are not to be relied on: they are called, the terminal is theirs until
//! the second process says its first word, and what they say when they refuse is their own.

use super::helper::{HelperMessage, Request};
use crate::core::text::Text;
use crate::say;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

/// How long sudo may take to say what it would allow.
const HINT_LIMIT: Duration = Duration::from_secs(10);
/// How long the second process may take to say its first word where nobody is asked for a password: sudo may ask a
/// directory service that does not answer.
const FIRST_WORD_LIMIT: Duration = Duration::from_secs(120);
/// How long what a process said is still read after its end.
const DRAIN: Duration = Duration::from_millis(500);
/// How long the request may take to be read.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);
/// At most so much of the last line of a refusal is kept, in characters.
const LINE_LIMIT: usize = 200;

/// Whether the operator can be asked for a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    /// On the terminal, which is the tool's until the first word.
    OnTerminal,
    Nobody,
}

/// The second process, waiting for its request.
pub struct Connection {
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    complaints: JoinHandle<String>,
}

/// Why there is no second process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    tool: String,
    /// The tool's own last line; empty when it said none.
    pub line: String,
}

impl Refusal {
    /// The sentence.
    pub fn text(&self) -> Text {
        let Refusal { tool, line } = self;
        match line.is_empty() {
            true => say!(
                "{tool} did not allow it (cancelled, wrong password, or no rule for this user).",
                "{tool} 未授权（已取消、密码错误，或没有针对当前用户的规则）。"
            ),
            false => say!("{tool} did not allow it; it said: {line}", "{tool} 未授权，其输出为：{line}"),
        }
    }

    /// Whether a rule that asks for no password is what is missing, and not a terminal, a right password or the tool.
    pub fn wants_rule(&self) -> bool {
        const SAID: [&str; 6] = [
            "a password is required",
            "interactive authentication is required",
            "is not in the sudoers file",
            "is not allowed to",
            "may not run sudo",
            "I'm sorry",
        ];
        self.tool == "sudo" && SAID.iter().any(|said| self.line.contains(said))
    }
}

/// The name of the tool: `sudo` or `doas`.
pub fn name(tool: &Path) -> String {
    tool.file_name().unwrap_or(tool.as_os_str()).to_string_lossy().into_owned()
}

/// Starts the second process and waits for its first word.
///
/// # Errors
/// The tool refused, or could not be started.
pub async fn open(tool: &Path, argv: &[String], asks: Asks) -> Result<Connection, Refusal> {
    let refusal = |line: String| Refusal { tool: name(tool), line };
    let mut command = Command::new(tool);
    // No new session: the ticket of a password typed before belongs to the terminal's session (portability facts, 4).
    if asks == Asks::Nobody {
        // In English, so that it is understood why.
        command.arg("-n").env("LC_ALL", "C");
    }
    command.arg("--").args(argv);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| refusal(error.to_string()))?;
    let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(refusal(String::new()));
    };
    let passes_on = Arc::new(AtomicBool::new(asks == Asks::OnTerminal));
    let complaints = tokio::spawn(listen_to_complaints(stderr, Arc::clone(&passes_on)));
    let mut lines = BufReader::new(stdout).lines();
    let has_spoken = match asks {
        Asks::OnTerminal => first_word(&mut lines, &mut child).await,
        Asks::Nobody => {
            let first = tokio::time::timeout(FIRST_WORD_LIMIT, first_word(&mut lines, &mut child)).await;
            first.unwrap_or(false)
        }
    };
    passes_on.store(false, Ordering::SeqCst);
    if has_spoken {
        return Ok(Connection { child, stdin, lines, complaints });
    }
    // Without its input it ends, should it still be there.
    drop(stdin);
    let line = tokio::time::timeout(DRAIN, complaints).await.ok().and_then(Result::ok).unwrap_or_default();
    Err(refusal(line))
}

/// Waits for the word that the second process is there.
async fn first_word(lines: &mut Lines<BufReader<ChildStdout>>, child: &mut Child) -> bool {
    let read = async {
        while let Ok(Some(line)) = lines.next_line().await {
            if matches!(serde_json::from_str(&line), Ok(HelperMessage::Ready)) {
                return true;
            }
        }
        false
    };
    tokio::pin!(read);
    tokio::select! {
        biased;
        has_spoken = &mut read => has_spoken,
        // What it said before its end is on the way.
        _ = child.wait() => tokio::time::timeout(DRAIN, read).await.unwrap_or(false),
    }
}

/// Reads what is said on standard error, shows it on the terminal while that is lent, and keeps the last line.
async fn listen_to_complaints(mut stderr: ChildStderr, passes_on: Arc<AtomicBool>) -> String {
    let (mut last, mut line) = (Vec::new(), Vec::new());
    let mut buffer = [0; 1024];
    while let Ok(count) = stderr.read(&mut buffer).await {
        let read = buffer.get(..count).unwrap_or_default();
        if count == 0 {
            break;
        }
        if passes_on.load(Ordering::SeqCst) {
            use std::io::Write;
            // The tool's own words on its own terminal; without one nobody misses them.
            let _ = std::io::stderr().write_all(read);
        }
        for byte in read {
            match byte {
                b'\n' | b'\r' if line.is_empty() => {}
                b'\n' | b'\r' => last = std::mem::take(&mut line),
                byte if line.len() < 4 * LINE_LIMIT => line.push(*byte),
                _ => {}
            }
        }
    }
    let last = if line.is_empty() { last } else { line };
    String::from_utf8_lossy(&last).trim().chars().take(LINE_LIMIT).collect()
}

impl Connection {
    /// Hands the request over. Whether it arrived shows in what comes back.
    pub(super) async fn request(&mut self, request: &Request) -> Result<(), serde_json::Error> {
        let bytes = serde_json::to_vec(request)?;
        // One line; the second process waits for no end of its input.
        let line = [bytes, b"\n".to_vec()].concat();
        let write = async {
            let _ = self.stdin.write_all(&line).await;
            let _ = self.stdin.flush().await;
        };
        let _ = tokio::time::timeout(REQUEST_LIMIT, write).await;
        Ok(())
    }

    /// The next thing that it says; None when it will say nothing more.
    pub(super) async fn next(&mut self) -> Option<HelperMessage> {
        loop {
            match self.lines.next_line().await {
                Ok(Some(line)) => {
                    if let Ok(message) = serde_json::from_str(&line) {
                        return Some(message);
                    }
                }
                Ok(None) | Err(_) => return None,
            }
        }
    }

    /// Ends when the process has ended. Safe to drop and call again.
    pub(super) async fn ended(&mut self) {
        let _ = self.child.wait().await;
    }

    /// The next thing that it says, or None when it has ended or will say nothing more.
    pub(super) async fn next_or_end(&mut self) -> Option<HelperMessage> {
        tokio::select! {
            biased;
            line = self.lines.next_line() => {
                let line = line.ok().flatten()?;
                serde_json::from_str(&line).ok().or(Some(HelperMessage::Ready))
            }
            _ = self.child.wait() => {
                let rest = tokio::time::timeout(DRAIN, self.lines.next_line()).await.ok()?.ok()??;
                serde_json::from_str(&rest).ok().or(Some(HelperMessage::Ready))
            }
        }
    }

    /// The last line of its complaints, once it has ended.
    pub(super) async fn complaint(self) -> String {
        drop(self.stdin);
        tokio::time::timeout(DRAIN, self.complaints).await.ok().and_then(Result::ok).unwrap_or_default()
    }
}

/// Whether the tool would most likely start this without a password: a hint that saves the terminal from being lent, and
/// decides nothing.
pub async fn is_likely_free(tool: &Path, argv: &[String]) -> bool {
    let mut command = Command::new(tool);
    match name(tool).as_str() {
        "doas" => command.args(["-C", "/etc/doas.conf"]).args(argv),
        _ => command.args(["-n", "-l", "--"]).args(argv),
    };
    command.env("LC_ALL", "C").kill_on_drop(true).stdin(Stdio::null()).stderr(Stdio::null());
    match tokio::time::timeout(HINT_LIMIT, command.output()).await {
        Ok(Ok(said)) if name(tool) == "doas" => said.stdout.starts_with(b"permit nopass"),
        Ok(Ok(said)) => said.status.success(),
        _ => false,
    }
}

/// The line of sudoers that would let a user carry out plans without a password. It gives that user root, as the wizard
/// can change any file. Every character that means something in sudoers(5), wildcards too, is escaped, so that it matches
/// this command and no other.
pub fn sudoers_line(user: &str, argv: &[String]) -> String {
    let escaped = |word: &str| {
        let mut out = String::new();
        for letter in word.chars() {
            if " \t,:=\\!@()*?[]^#\"'%+".contains(letter) {
                out.push('\\');
            }
            out.push(letter);
        }
        out
    };
    let command = argv.iter().map(|word| escaped(word)).collect::<Vec<_>>().join(" ");
    format!("{} ALL=(root) NOPASSWD: {command}", escaped(user))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::text::Lang;

    #[test]
    fn the_line_of_sudoers_escapes_what_would_match_something_else() {
        let argv = ["/opt/log tail*/d[o]c?tor".to_string(), "carry-out".into()];
        assert_eq!(
            sudoers_line("AD\\ops", &argv),
            "AD\\\\ops ALL=(root) NOPASSWD: /opt/log\\ tail\\*/d\\[o\\]c\\?tor carry-out"
        );
    }

    #[test]
    fn a_rule_is_offered_only_where_one_is_missing() {
        let said = |tool: &str, line: &str| Refusal { tool: tool.into(), line: line.into() };
        for (line, wants) in [
            ("sudo: a password is required", true),
            ("sudo: interactive authentication is required", true),
            ("ops is not in the sudoers file.", true),
            ("Sorry, user ops is not allowed to execute '/x carry-out' as root on h.", true),
            ("sudo: sorry, you must have a tty to run sudo", false),
            ("sudo: 3 incorrect password attempts", false),
            ("sudo: /etc/sudoers is world writable", false),
            ("", false),
        ] {
            assert_eq!(said("sudo", line).wants_rule(), wants, "{line}");
        }
        assert!(!said("doas", "doas: Operation not permitted").wants_rule());
        assert!(
            said("doas", "doas: a tty is required").text().get(Lang::En).ends_with("it said: doas: a tty is required")
        );
    }
}
