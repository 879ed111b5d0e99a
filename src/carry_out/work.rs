//! The work on one plan: one change after the other, each journaled before it is made, and all taken back when one
//! fails. What was to be done is decided; here is only how it is done safely.

use super::trouble::{explain, is_uncertain};
use super::{AppliedResult, ChangeState, Entry, Progress, Record, RecordKind, Store, append, backup_path};
use crate::host::{Act, ActError, Answer, Done, Fingerprint, Host, LiveLine, ProcessSeen, Question};
use crate::remedies::Change;
use crate::say;
use crate::text::Text;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::Instant;

/// How often [`Change::AwaitAgent`] looks at the processes.
const AWAIT_PAUSE: Duration = Duration::from_millis(250);
/// How long a new process must live before a start is believed.
const STEADY: Duration = Duration::from_millis(1000);

/// The work on one plan.
pub(super) struct Work<'a> {
    host: &'a dyn Host,
    store: &'a Store,
    progress: UnboundedSender<Progress>,
    stamp: String,
    /// What was changed so far, in order.
    pub(super) records: Vec<Record>,
    /// The agent's processes before the first change: number and start.
    agents: BTreeSet<Alive>,
}

/// A process: its number and when it started, in seconds since 1970.
type Alive = (u32, i64);

impl<'a> Work<'a> {
    pub(super) fn new(
        host: &'a dyn Host,
        store: &'a Store,
        progress: UnboundedSender<Progress>,
        stamp: String,
    ) -> Work<'a> {
        Work { host, store, progress, stamp, records: Vec::new(), agents: BTreeSet::new() }
    }

    /// Notes which processes of the agent there are now, so that a start that starts nothing is not believed.
    pub(super) async fn remember_agents(&mut self, changes: &[&Change]) {
        for change in changes {
            if let Change::AwaitAgent { running: true, install_dir, .. } = change {
                self.agents = self.alive(install_dir).await.unwrap_or_default();
                return;
            }
        }
    }

    pub(super) fn tell(&self, number: usize, state: ChangeState) {
        // Nobody listening is no reason to stop in the middle.
        let _ = self.progress.send(Progress::State(number, state));
    }

    pub(super) async fn journal(&self, entry: &Entry) -> Result<(), ActError> {
        append(self.host, self.store, entry).await
    }

    /// Applies one change: journal what will happen, back up, change.
    pub(super) async fn apply(&mut self, id: &str, change: &Change) -> Result<ChangeState, Text> {
        // Before the journal: a directory that was there already must not be taken back.
        let rests = match change {
            Change::MakeDir { path, .. } => self.names_in(path).await.is_some(),
            Change::RemoveDir { path } => self.names_in(path).await.is_some_and(|names| names > 0),
            _ => false,
        };
        if rests {
            return Ok(ChangeState::Already);
        }
        let backup = match change {
            Change::WriteFile { path, before: Some(_), .. } | Change::RemoveFile { path, .. } => {
                let again =
                    self.records.iter().filter(|record| record.path == *path && record.backup.is_some()).count();
                let stamp = if again == 0 { self.stamp.clone() } else { format!("{}-{}", self.stamp, again + 1) };
                Some(backup_path(path, &stamp))
            }
            _ => None,
        };
        // The journal first, so that it knows of every backup, also of one that a kill left half made.
        if let Some(record) = Record::of(change, backup.clone())
            && record.kind != RecordKind::MakeDir
        {
            let entry = Entry::Change { id: id.to_string(), record: Box::new(record.clone()) };
            self.journal(&entry).await.map_err(|e| explain(&e))?;
            self.records.push(record);
        }
        if let (Some(path), Some(backup)) = (change.path(), backup)
            && let Err(error) = self.act(Act::Copy { from: path.to_path_buf(), to: backup }).await
        {
            self.records.pop();
            return Err(explain(&error));
        }
        let outcome = match change {
            Change::WriteFile { path, after, mode, .. } => {
                let expect = change.expects().unwrap_or(Fingerprint::Absent);
                self.act(Act::Write { path: path.clone(), expect, content: after.clone(), mode: *mode }).await
            }
            Change::RemoveFile { path, before } => {
                self.act(Act::Remove { path: path.clone(), expect: Fingerprint::of(Some(before)) }).await
            }
            Change::RenameFile { from, to } => self.act(Act::Rename { from: from.clone(), to: to.clone() }).await,
            Change::MakeDir { path, mode } => return self.make_dir(id, path, *mode).await,
            Change::RemoveDir { path } => self.act(Act::RemoveDir { path: path.clone() }).await,
            Change::PutGroup { site, before, after } => {
                let (site, before, after) = (site.clone(), before.clone(), after.clone());
                self.act(Act::PutGroup { site, before, after }).await
            }
            Change::MakeGroup { site, group } => {
                self.act(Act::MakeGroup { site: site.clone(), group: group.clone() }).await
            }
            Change::RemoveGroup { site, group } => {
                self.act(Act::RemoveGroup { site: site.clone(), group: group.clone() }).await
            }
            Change::Run { argv, limit, accept, .. } => {
                return match self.act(Act::Run { argv: argv.clone(), limit: *limit }).await {
                    Ok(Done::Exited(Some(code))) if accept.contains(&code) => Ok(ChangeState::Done),
                    Ok(Done::Exited(code)) => {
                        let command = crate::remedies::shell_line(argv);
                        let code = code.map_or("signal".to_string(), |code| code.to_string());
                        Err(say!("`{command}` ended with exit code {code}.", "`{command}` 的退出码为 {code}。"))
                    }
                    Ok(Done::Changed | Done::Already) => Ok(ChangeState::Done),
                    Err(error) => Err(explain(&error)),
                };
            }
            Change::AwaitAgent { running, install_dir, limit } => {
                return self.await_agent(*running, install_dir, *limit).await;
            }
        };
        match outcome {
            Ok(Done::Changed | Done::Exited(_)) => Ok(ChangeState::Done),
            Ok(Done::Already) => {
                self.forget_last().await;
                Ok(ChangeState::Already)
            }
            // Whether it happened is not known: taking it back finds out.
            Err(error) if is_uncertain(&error) => Err(explain(&error)),
            Err(error) => {
                self.forget_last().await;
                Err(explain(&error))
            }
        }
    }

    /// Makes a directory and those above it that are missing, each with a record of its own: so all are taken back.
    async fn make_dir(&mut self, id: &str, path: &Path, mode: u32) -> Result<ChangeState, Text> {
        let mut missing = vec![path];
        for above in path.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty()) {
            if self.names_in(above).await.is_some() {
                break;
            }
            missing.push(above);
        }
        for dir in missing.into_iter().rev() {
            let change = Change::MakeDir { path: dir.to_path_buf(), mode };
            if let Some(record) = Record::of(&change, None) {
                let entry = Entry::Change { id: id.to_string(), record: Box::new(record.clone()) };
                self.journal(&entry).await.map_err(|e| explain(&e))?;
                self.records.push(record);
            }
            match self.act(Act::MakeDir { path: dir.to_path_buf(), mode }).await {
                Ok(Done::Already) => self.forget_last().await,
                Ok(Done::Changed | Done::Exited(_)) => {}
                Err(error) => {
                    self.forget_last().await;
                    return Err(explain(&error));
                }
            }
        }
        Ok(ChangeState::Done)
    }

    /// The last change did not happen, so there is nothing of it to take back and its backup is of no use.
    async fn forget_last(&mut self) {
        if let Some(Record { backup: Some(backup), before, .. }) = self.records.pop() {
            // A backup too many does no harm.
            let _ = self.act(Act::Remove { path: backup, expect: before }).await;
        }
    }

    /// How many names a directory holds; None when it is none or cannot be read.
    async fn names_in(&self, path: &Path) -> Option<usize> {
        match self.host.observe(Question::Dir(path.to_path_buf())).await {
            Answer::Dir(Ok(dir)) => Some(dir.entries.len()),
            _ => None,
        }
    }

    async fn act(&self, act: Act) -> Result<Done, ActError> {
        let (live, mut lines) = unbounded_channel();
        let progress = self.progress.clone();
        let forward = async move {
            while let Some(line) = lines.recv().await {
                let _ = progress.send(Progress::Line(line));
            }
        };
        let (done, ()) = futures_util::future::join(self.host.act(act, live), forward).await;
        done
    }

    /// The agent's processes that are alive; None when they cannot be seen.
    async fn alive(&self, install_dir: &Path) -> Option<BTreeSet<Alive>> {
        let Answer::Processes(Ok(processes)) = self.host.observe(Question::Processes).await else { return None };
        let is_its = |process: &&ProcessSeen| {
            process.state != 'Z'
                && match &process.exe {
                    Ok(exe) => exe.starts_with(install_dir),
                    Err(_) => Path::new(&process.command).starts_with(install_dir),
                }
        };
        Some(processes.iter().filter(is_its).map(|process| (process.pid, process.started)).collect())
    }

    /// Looks at the processes until the agent is gone; or until it is there, with a process that was not there before
    /// and that has stayed for a moment. What the script says and its exit code prove neither.
    async fn await_agent(&self, running: bool, install_dir: &Path, limit: Duration) -> Result<ChangeState, Text> {
        let begun = Instant::now();
        let mut seen_first: BTreeMap<Alive, Instant> = BTreeMap::new();
        let mut has_appeared = false;
        loop {
            if let Some(alive) = self.alive(install_dir).await {
                if !running && alive.is_empty() {
                    return Ok(ChangeState::Done);
                }
                seen_first.retain(|process, _| alive.contains(process));
                for process in alive.difference(&self.agents) {
                    has_appeared = true;
                    let first = seen_first.entry(*process).or_insert_with(Instant::now);
                    if running && first.elapsed() >= STEADY {
                        self.say_new(&alive);
                        return Ok(ChangeState::Done);
                    }
                }
                if begun.elapsed() >= limit {
                    return Err(not_as_awaited(running, has_appeared, &alive, limit));
                }
            } else if begun.elapsed() >= limit {
                return Err(not_as_awaited(running, has_appeared, &BTreeSet::new(), limit));
            }
            tokio::time::sleep(AWAIT_PAUSE).await;
        }
    }

    /// Tells which processes the start brought.
    fn say_new(&self, alive: &BTreeSet<Alive>) {
        let text = format!("PID {}", numbers(alive));
        let _ = self.progress.send(Progress::Line(LiveLine { is_error: false, text }));
    }

    /// Takes back what was done, newest first.
    pub(super) async fn roll_back(&mut self, reason: Text) -> AppliedResult {
        for record in self.records.clone().into_iter().rev() {
            if let Err(left) = self.take_back(&record).await {
                let path = record.path.display();
                let (en, zh) = (reason.get(crate::text::Lang::En), reason.get(crate::text::Lang::Zh));
                return AppliedResult::LeftOver(Text::filled(
                    format!("{en} Taking back {path} failed as well: {left}."),
                    format!("{zh} 回退 {path} 也失败：{left}。"),
                ));
            }
        }
        AppliedResult::RolledBack(reason)
    }

    /// When the plan had stopped the agent before it failed, starts it again, now with the old files: a cure that did
    /// not succeed must not leave the host without an agent that it had before.
    pub(super) async fn start_again(
        &self,
        changes: &[&Change],
        failed_at: usize,
        result: AppliedResult,
    ) -> AppliedResult {
        let is_gone = |change: &&Change| matches!(change, Change::AwaitAgent { running: false, .. });
        let Some(stopped_at) = changes.iter().take(failed_at).rposition(is_gone) else { return result };
        for change in changes.iter().skip(stopped_at + 1) {
            let started = match change {
                Change::Run { argv, limit, accept, .. } => {
                    let done = self.act(Act::Run { argv: argv.clone(), limit: *limit }).await;
                    matches!(done, Ok(Done::Exited(Some(code))) if accept.contains(&code))
                }
                Change::AwaitAgent { running, install_dir, limit } => {
                    self.await_agent(*running, install_dir, *limit).await.is_ok()
                }
                _ => true,
            };
            if !started {
                let reason = match &result {
                    AppliedResult::RolledBack(reason) | AppliedResult::LeftOver(reason) => reason.clone(),
                    AppliedResult::Applied
                    | AppliedResult::Stale(_)
                    | AppliedResult::Refused(_)
                    | AppliedResult::Busy(_) => return result,
                };
                let (en, zh) = (reason.get(crate::text::Lang::En), reason.get(crate::text::Lang::Zh));
                return AppliedResult::LeftOver(Text::filled(
                    format!("{en} The files are as they were, but the agent did not start again; look at its log."),
                    format!("{zh} 文件已恢复原状，但 Agent 未能重新启动；请查看其日志。"),
                ));
            }
        }
        result
    }

    async fn take_back(&self, record: &Record) -> Result<(), ActError> {
        // Somebody uses the new directory by now: it stays.
        if record.kind == RecordKind::MakeDir && self.names_in(&record.path).await.is_some_and(|names| names > 0) {
            return Ok(());
        }
        for act in record.reverse(self.host).await? {
            self.act(act).await?;
        }
        Ok(())
    }
}

fn numbers(alive: &BTreeSet<Alive>) -> String {
    alive.iter().map(|(pid, _)| pid.to_string()).collect::<Vec<_>>().join(", ")
}

/// The agent did not come or did not go. Anything harder than a graceful stop is the operator's own choice, since what
/// was read and not yet sent is lost by it.
fn not_as_awaited(running: bool, has_appeared: bool, alive: &BTreeSet<Alive>, limit: Duration) -> Text {
    let (seconds, pids) = (limit.as_secs(), numbers(alive));
    match (running, has_appeared, alive.is_empty()) {
        (true, true, _) => say!(
            "The start was lied about: within {seconds} s agent processes appeared and ended again. Look at the agent's log.",
            "启动结果不可信：{seconds} 秒内 Agent 进程出现后又退出。请查看 Agent 日志。"
        ),
        (true, false, false) => say!(
            "The start was lied about: after {seconds} s only the old processes run ({pids}).",
            "启动结果不可信：{seconds} 秒后仍只有旧进程在运行（{pids}）。"
        ),
        (true, false, true) => {
            say!("No agent process appeared within {seconds} s.", "{seconds} 秒内没有出现 Agent 进程。")
        }
        (false, ..) => say!(
            "The agent still runs after {seconds} s (process {pids}): it does not stop when asked. Nothing harder is done by itself; if you choose to, its init script's force-stop ends it and may lose what was read but not yet sent. Then use start-agent.",
            "{seconds} 秒后 Agent 仍在运行（进程 {pids}）：它不响应停止请求。本程序不会自动强制停止；如确需强制，可执行其启动脚本的 force-stop（可能丢失已读取但未发送的数据），然后使用 start-agent。"
        ),
    }
}
