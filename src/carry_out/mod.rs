//! Applies a plan: consent, freshness, backup, journal, roll-back. The only room that changes the machine.
//!
//! Everything goes through [`Host::act`], so a simulated host is changed by the same code as a real one. Nothing is
//! decided here: the plan says what to do, the consent says that the operator read it. Before the first change every
//! file that the plan relies on is looked at again; if one moved, nothing happens and the plan is made anew.

pub mod errand;
mod journal;
mod trouble;

pub use journal::{
    Done as JournalDone, Entry, JOURNAL, Record, RecordKind, Recorded, entries, read_journal, undo_plan,
};

use self::trouble::{explain, group_now, is_uncertain};
use crate::host::{Act, ActError, Answer, Done, Fingerprint, Host, LiveLine, Question, Trouble, group_resource};
use crate::remedies::{Change, Plan};
use crate::say;
use crate::text::Text;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// How often [`Change::AwaitAgent`] looks at the processes.
const AWAIT_PAUSE: Duration = Duration::from_millis(250);

/// The proof that somebody read the preview and said yes. Whoever makes one vouches for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Consent {
    how: ConsentBy,
}

/// How consent was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConsentBy {
    /// The button below the preview was pressed.
    Button,
    /// `--yes` on the command line.
    YesOption,
}

impl Consent {
    pub fn given(how: ConsentBy) -> Consent {
        Consent { how }
    }
}

/// Where one change of a plan stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeState {
    Waiting,
    Running,
    Done,
    /// It was so already.
    Already,
    Failed(Text),
    RolledBack,
}

/// What the carrying out came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    pub result: AppliedResult,
    /// The journal's id of this entry, for undo; None when nothing was journaled.
    pub entry: Option<String>,
    /// Backups that were made.
    pub backups: Vec<PathBuf>,
}

impl Applied {
    /// Nothing was changed, for this reason.
    pub fn refused(reason: Text) -> Applied {
        Applied { result: AppliedResult::Refused(reason), entry: None, backups: Vec::new() }
    }

    /// The carrying out itself broke off; what was changed is in the journal.
    pub fn broken() -> Applied {
        let text = Text::fixed(
            "The program broke off in the middle of this change. The journal and the backups tell what was done.",
            "程序在更改过程中意外中断。操作日志和备份记录了已执行的内容。",
        );
        Applied { result: AppliedResult::LeftOver(text), entry: None, backups: Vec::new() }
    }
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AppliedResult {
    Applied,
    /// A file is not what it was when the plan was made; nothing was changed.
    Stale(PathBuf),
    /// It was not begun: no leave to change, or no journal. Nothing was changed.
    Refused(Text),
    /// A change failed; what was done before it was taken back.
    RolledBack(Text),
    /// A change failed, and so did taking back: the sentence says what is left.
    LeftOver(Text),
}

/// What happens while a plan is carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Progress {
    /// The change with this number (from 0) came to this state.
    State(usize, ChangeState),
    /// A line that a command printed; text from outside.
    Line(LiveLine),
}

/// Where the journal lives, and who is acting.
#[derive(Debug, Clone)]
pub struct Store {
    pub dir: PathBuf,
    /// The person, as far as known: `SUDO_USER`, else the user name.
    pub actor: String,
}

/// Carries out a plan's changes, and its restart when `with_restart`.
pub async fn carry_out(
    host: &dyn Host,
    store: &Store,
    plan: &Plan,
    consent: Consent,
    with_restart: bool,
    progress: UnboundedSender<Progress>,
) -> Applied {
    let restart = if with_restart { plan.restart.as_slice() } else { &[] };
    let changes: Vec<&Change> = plan.changes.iter().chain(restart).collect();
    let nothing = |result| Applied { result, entry: None, backups: Vec::new() };
    for change in &changes {
        if let (Some(path), Some(expected)) = (change.path(), change.expects())
            && fingerprint(host, path).await != Some(expected)
        {
            return nothing(AppliedResult::Stale(path.to_path_buf()));
        }
        if let Change::PutGroup { site, before, .. } = change {
            match group_now(host, site, before.name()).await {
                Ok(now) if now == *before => {}
                Ok(_) => return nothing(AppliedResult::Stale(group_resource(site, before.name()))),
                Err(error) => return nothing(AppliedResult::Refused(explain(&error))),
            }
        }
    }
    let now_ms = match host.observe(Question::Clock).await {
        Answer::Clock(clock) => clock.now_ms,
        _ => 0,
    };
    let stamp = unused_stamp(host, store, now_ms).await;
    let mut work = Work { host, store, progress, stamp, records: Vec::new() };
    let id = work.stamp.clone();
    if let Err(error) = work
        .journal(&Entry::Begin {
            id: id.clone(),
            at_ms: now_ms,
            remedy: plan.remedy,
            actor: store.actor.clone(),
            consent: consent.how,
        })
        .await
    {
        let reason = explain(&error);
        let (en, zh) = (reason.get(crate::text::Lang::En), reason.get(crate::text::Lang::Zh));
        return nothing(AppliedResult::Refused(Text::filled(
            format!("Nothing was changed: the journal cannot be written ({en})."),
            format!("未做任何更改：无法写入操作日志（{zh}）。"),
        )));
    }
    let mut failed = None;
    for (number, change) in changes.iter().enumerate() {
        work.tell(number, ChangeState::Running);
        match work.apply(&id, change).await {
            Ok(state) => work.tell(number, state),
            Err(reason) => {
                work.tell(number, ChangeState::Failed(reason.clone()));
                failed = Some((number, reason));
                break;
            }
        }
    }
    let result = match failed {
        None => AppliedResult::Applied,
        Some((number, reason)) => {
            let result = work.roll_back(reason).await;
            work.start_again(&changes, number, result).await
        }
    };
    let ended = match &result {
        AppliedResult::Applied => Recorded::Applied,
        AppliedResult::LeftOver(_) => Recorded::LeftOver,
        AppliedResult::Stale(_) | AppliedResult::Refused(_) | AppliedResult::RolledBack(_) => Recorded::RolledBack,
    };
    // The changes stand whether or not this last line can be written; the next start sees an entry without an end.
    let _ = work.journal(&Entry::End { id: id.clone(), result: ended }).await;
    let backups = work.records.iter().filter_map(|record| record.backup.clone()).collect();
    Applied { result, entry: Some(id), backups }
}

/// [`carry_out`], and when the plan undoes a journal entry, marks that entry as taken back once it is.
pub async fn carry_out_or_undo(
    host: &dyn Host,
    store: &Store,
    plan: &Plan,
    consent: Consent,
    with_restart: bool,
    undoes: Option<String>,
    progress: UnboundedSender<Progress>,
) -> Applied {
    let applied = carry_out(host, store, plan, consent, with_restart, progress).await;
    if let (AppliedResult::Applied, Some(id)) = (&applied.result, undoes) {
        // Both entries then count as taken back: undoing an undo would be a new remedy. Should this line not be
        // written, the fingerprints still keep a second undo from doing harm.
        for id in [Some(id), applied.entry.clone()].into_iter().flatten() {
            let _ = append(host, store, &Entry::Undone { id }).await;
        }
    }
    applied
}

/// The work on one plan.
struct Work<'a> {
    host: &'a dyn Host,
    store: &'a Store,
    progress: UnboundedSender<Progress>,
    stamp: String,
    /// What was changed so far, in order.
    records: Vec<Record>,
}

impl Work<'_> {
    fn tell(&self, number: usize, state: ChangeState) {
        // Nobody listening is no reason to stop in the middle.
        let _ = self.progress.send(Progress::State(number, state));
    }

    async fn journal(&self, entry: &Entry) -> Result<(), ActError> {
        append(self.host, self.store, entry).await
    }

    /// Applies one change: journal what will happen, back up, change.
    async fn apply(&mut self, id: &str, change: &Change) -> Result<ChangeState, Text> {
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
                let backup = backup_path(path, &self.stamp);
                self.act(Act::Copy { from: path.clone(), to: backup.clone() }).await.map_err(|e| explain(&e))?;
                Some(backup)
            }
            _ => None,
        };
        if let Some(record) = Record::of(change, backup) {
            let entry = Entry::Change { id: id.to_string(), record: Box::new(record.clone()) };
            self.journal(&entry).await.map_err(|e| explain(&e))?;
            self.records.push(record);
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
            Change::MakeDir { path, mode } => self.act(Act::MakeDir { path: path.clone(), mode: *mode }).await,
            Change::RemoveDir { path } => self.act(Act::RemoveDir { path: path.clone() }).await,
            Change::PutGroup { site, before, after } => {
                let (site, before, after) = (site.clone(), before.clone(), after.clone());
                self.act(Act::PutGroup { site, before, after }).await
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

    /// Looks at the processes until the agent is there, or gone.
    async fn await_agent(&self, running: bool, install_dir: &Path, limit: Duration) -> Result<ChangeState, Text> {
        let begun = tokio::time::Instant::now();
        loop {
            if let Answer::Processes(Ok(processes)) = self.host.observe(Question::Processes).await {
                let alive = processes.iter().any(|process| {
                    process.state != 'Z'
                        && match &process.exe {
                            Ok(exe) => exe.starts_with(install_dir),
                            Err(_) => Path::new(&process.command).starts_with(install_dir),
                        }
                });
                if alive == running {
                    return Ok(ChangeState::Done);
                }
            }
            if begun.elapsed() >= limit {
                let seconds = limit.as_secs();
                return Err(if running {
                    say!("No agent process appeared within {seconds} s.", "{seconds} 秒内没有出现 Agent 进程。")
                } else {
                    say!("The agent still runs after {seconds} s.", "{seconds} 秒后 Agent 仍在运行。")
                });
            }
            tokio::time::sleep(AWAIT_PAUSE).await;
        }
    }

    /// Takes back what was done, newest first.
    async fn roll_back(&mut self, reason: Text) -> AppliedResult {
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
    async fn start_again(&self, changes: &[&Change], failed_at: usize, result: AppliedResult) -> AppliedResult {
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
                    AppliedResult::Applied | AppliedResult::Stale(_) | AppliedResult::Refused(_) => return result,
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

/// The backup of a file: beside it, with the time. In `users` it is hidden, because there the agent takes every
/// name that does not begin with a dot for an AliUid (agent.md, section 4).
pub fn backup_path(path: &Path, stamp: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let hide = path.parent().and_then(Path::file_name).is_some_and(|dir| dir == "users");
    path.with_file_name(format!("{}{name}.logtail-doctor-{stamp}.bak", if hide { "." } else { "" }))
}

/// What a file is now; None when it cannot be read.
async fn fingerprint(host: &dyn Host, path: &Path) -> Option<Fingerprint> {
    match host.observe(Question::File(path.to_path_buf())).await {
        Answer::File(Ok(file)) if file.is_partial() => None,
        Answer::File(Ok(file)) => Some(Fingerprint::of(Some(&file.bytes))),
        Answer::File(Err(Trouble::Absent)) => Some(Fingerprint::Absent),
        _ => None,
    }
}

/// The time as it stands in names of backups and entries: `20261122T054000.123Z`.
fn stamp(now_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(now_ms)
        .map_or_else(|_| now_ms.to_string(), |time| time.strftime("%Y%m%dT%H%M%S.%3fZ").to_string())
}

/// The time as the name of a new entry, moved on while the journal knows that name: the clock may have been set back
/// since, perhaps by this very program, and then names of entries and backups would meet.
async fn unused_stamp(host: &dyn Host, store: &Store, now_ms: i64) -> String {
    let known = match host.observe(Question::Tail(store.dir.join(JOURNAL))).await {
        Answer::File(Ok(file)) => entries(&file.bytes).0,
        _ => Vec::new(),
    };
    let names = (0..=known.len()).map(|more| stamp(now_ms.saturating_add(more as i64)));
    names.into_iter().find(|name| !known.iter().any(|done| done.id == *name)).unwrap_or_else(|| stamp(now_ms))
}

async fn append(host: &dyn Host, store: &Store, entry: &Entry) -> Result<(), ActError> {
    let (live, _) = unbounded_channel();
    host.act(Act::MakeDir { path: store.dir.clone(), mode: 0o700 }, live.clone()).await?;
    let mut line = serde_json::to_vec(entry).unwrap_or_default();
    line.push(b'\n');
    host.act(Act::Append { path: store.dir.join(JOURNAL), content: line }, live).await.map(|_| ())
}

#[cfg(test)]
mod tests;
