//! The work on one plan: one change after the other, each journaled before it is made. What was to be done is decided;
//! here is only how it is done safely. What becomes of it when one fails is told in `rollback`.

use super::failure::{explain, is_uncertain};
use super::store::{Store, append, backup_path};
use super::watch::Before;
use crate::core::journal::commands::inverse;
use crate::core::journal::{ChangeState, JournalLine, Progress, Record, RecordKind, is_torn};
use crate::core::observe::{Answer, Done, Fingerprint, Operation, OperationError, Question, Unavailable};
use crate::core::remedies::Change;
use crate::core::text::Text;
use crate::host::MutableHost;
use crate::say;
use std::path::{Path, PathBuf};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// The work on one plan.
pub(super) struct Work<'a> {
    pub(super) host: &'a dyn MutableHost,
    store: &'a Store,
    pub(super) progress: UnboundedSender<Progress>,
    stamp: String,
    /// What was changed so far, in order.
    pub(super) records: Vec<Record>,
    /// The agent before the first change.
    pub(super) before: Before,
    /// Whether a change was given up that may still happen, when a file system answers again.
    pub(super) hangs: bool,
    /// The directories that the plan removes: a backup in one of them would keep it there.
    pub(super) leaving: Vec<PathBuf>,
}

/// What a change that failed has come to all the same.
enum Became {
    /// The machine is as it was before the change.
    Nothing,
    /// It happened, or nobody can tell whether it did.
    Perhaps,
    /// The file is neither the old nor the new one, but partly each: this is what it is now.
    Torn(Fingerprint),
}

impl<'a> Work<'a> {
    pub(super) fn new(
        host: &'a dyn MutableHost,
        store: &'a Store,
        progress: UnboundedSender<Progress>,
        stamp: String,
    ) -> Work<'a> {
        Work {
            host,
            store,
            progress,
            stamp,
            records: Vec::new(),
            before: Before::default(),
            hangs: false,
            leaving: Vec::new(),
        }
    }

    pub(super) fn tell(&self, number: usize, state: ChangeState) {
        // Nobody listening is no reason to stop in the middle.
        let _ = self.progress.send(Progress::State(number, state));
    }

    pub(super) async fn journal(&self, entry: &JournalLine) -> Result<(), OperationError> {
        append(self.host, self.store, entry).await
    }

    /// Journals what will happen, and keeps it in mind for taking back.
    async fn note(&mut self, id: &str, record: Record) -> Result<(), Text> {
        let entry = JournalLine::Change { id: id.to_string(), record: Box::new(record.clone()) };
        self.journal(&entry).await.map_err(|error| explain(&error))?;
        self.records.push(record);
        Ok(())
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
                Some(match path.parent().filter(|dir| self.leaving.iter().any(|leaving| leaving == dir)) {
                    Some(dir) => backup_path(dir, &stamp),
                    None => backup_path(path, &stamp),
                })
            }
            _ => None,
        };
        // The journal first, so that it knows of every backup, also of one that a kill left half made.
        if let Some(record) = Record::of(change, backup.clone())
            && record.kind != RecordKind::MakeDir
        {
            self.note(id, record).await?;
        }
        if let (Some(path), Some(backup)) = (change.path(), backup)
            && let Err(error) = self
                .perform(Operation::Copy {
                    from: path.to_path_buf(),
                    to: backup,
                    expect: change.expects().unwrap_or(Fingerprint::Absent),
                    // What is removed keeps all that it was, its other names too, under the name of the backup.
                    as_link: matches!(change, Change::RemoveFile { .. }),
                })
                .await
        {
            // A file of that name that was there before is not ours to remove.
            if matches!(error, OperationError::Exists(_)) {
                self.records.pop();
            } else {
                self.forget_last().await;
            }
            return Err(explain(&error));
        }
        let outcome = match change {
            Change::WriteFile { path, after, mode, .. } => {
                let expect = change.expects().unwrap_or(Fingerprint::Absent);
                self.perform(Operation::Write { path: path.clone(), expect, content: after.clone(), mode: *mode }).await
            }
            Change::RemoveFile { path, before } => {
                self.perform(Operation::Remove { path: path.clone(), expect: Fingerprint::of(Some(before)) }).await
            }
            Change::RenameFile { from, to } => {
                self.perform(Operation::Rename { from: from.clone(), to: to.clone() }).await
            }
            Change::MakeDir { path, mode } => return self.make_dir(id, path, *mode).await,
            Change::RemoveDir { path } => self.perform(Operation::RemoveDir { path: path.clone() }).await,
            Change::PutGroup { site, before, after } => {
                let (site, before, after) = (site.clone(), before.clone(), after.clone());
                self.perform(Operation::PutGroup { site, before, after }).await
            }
            Change::MakeGroup { site, group } => {
                self.perform(Operation::MakeGroup { site: site.clone(), group: group.clone() }).await
            }
            Change::RemoveGroup { site, group } => {
                self.perform(Operation::RemoveGroup { site: site.clone(), group: group.clone() }).await
            }
            Change::Run { .. } => return self.run(change).await,
            Change::Signal { processes, signal, .. } => {
                for process in processes {
                    let done = self.perform(Operation::Signal { process: process.clone(), signal: *signal }).await;
                    done.map_err(|error| explain(&error))?;
                }
                return Ok(ChangeState::Done);
            }
            Change::AwaitAgent { .. } => return self.await_agent(id, change).await,
            Change::LookFor { paths } => return self.look_for(paths).await,
        };
        match outcome {
            Ok(Done::Changed | Done::Exited(_)) => Ok(ChangeState::Done),
            Ok(Done::Already) => {
                self.forget_last().await;
                Ok(ChangeState::Already)
            }
            Err(error) => {
                self.hangs |= matches!(error, OperationError::Hung { .. });
                match self.became(change, &error).await {
                    Became::Nothing => self.forget_last().await,
                    // Taking it back finds out.
                    Became::Perhaps => {}
                    Became::Torn(now) => self.note_torn(id, now).await?,
                }
                Err(explain(&error))
            }
        }
    }

    /// Runs a command and judges its exit code.
    async fn run(&mut self, change: &Change) -> Result<ChangeState, Text> {
        let Change::Run { argv, limit, accept, proxies, .. } = change else { return Ok(ChangeState::Already) };
        let failed = match self.perform(Operation::Run { argv: argv.clone(), limit: *limit, proxies: *proxies }).await {
            Ok(Done::Exited(Some(code))) if accept.contains(&code) => return Ok(ChangeState::Done),
            Ok(Done::Changed | Done::Already) => return Ok(ChangeState::Done),
            Ok(Done::Exited(code)) => {
                // What a command that failed would have done needs no other command to take it back.
                if inverse(argv).is_some() {
                    self.records.pop();
                }
                let command = crate::core::remedies::shell_line(argv);
                let code = code.map_or("signal".to_string(), |code| code.to_string());
                return Err(say!("`{command}` ended with exit code {code}.", "`{command}` 的退出码为 {code}。"));
            }
            Err(error) => error,
        };
        if matches!(failed, OperationError::NotStarted { .. } | OperationError::ReadOnly) {
            self.records.pop();
        }
        Err(explain(&failed))
    }

    /// Looks whether files are there that the command before must have left, whatever it said of itself.
    async fn look_for(&self, paths: &[PathBuf]) -> Result<ChangeState, Text> {
        let mut missing = Vec::new();
        for path in paths {
            if !matches!(self.host.observe(Question::Present(path.clone())).await, Answer::File(Ok(_))) {
                missing.push(path.display().to_string());
            }
        }
        if missing.is_empty() {
            return Ok(ChangeState::Done);
        }
        let missing = missing.join(", ");
        Err(say!(
            "The installer ended without an error, but did not leave {missing}, without which the agent cannot be started. Look at what the installer said.",
            "安装脚本已结束且未报错，但没有留下 {missing}，因此无法启动 Agent。请查看安装脚本的输出。"
        ))
    }

    /// Looks what a change came to that failed: an error of the disk can come before or after the deed.
    async fn became(&self, change: &Change, error: &OperationError) -> Became {
        if is_uncertain(error) {
            return Became::Perhaps;
        }
        if !matches!(error, OperationError::Io { .. }) {
            return Became::Nothing;
        }
        let is_there = async |path: &Path| match self.host.observe(Question::Present(path.to_path_buf())).await {
            Answer::File(Err(Unavailable::Absent)) => Some(false),
            Answer::File(Ok(_)) => Some(true),
            _ => None,
        };
        let happened_if = |happened: bool| if happened { Became::Perhaps } else { Became::Nothing };
        match change {
            Change::WriteFile { path, before, after, .. } => {
                let now = self.host.observe(Question::File(path.clone())).await;
                match (now, before) {
                    (Answer::File(Err(Unavailable::Absent)), None) => Became::Nothing,
                    (Answer::File(Ok(file)), Some(before)) if !file.is_partial() => {
                        if file.bytes == *before {
                            Became::Nothing
                        } else if file.bytes != *after && is_torn(&file.bytes, before, after) {
                            Became::Torn(Fingerprint::of(Some(&file.bytes)))
                        } else {
                            Became::Perhaps
                        }
                    }
                    _ => Became::Perhaps,
                }
            }
            Change::RemoveFile { path, .. } => happened_if(is_there(path).await != Some(true)),
            Change::RenameFile { from, to } => {
                happened_if(is_there(from).await != Some(true) && is_there(to).await != Some(false))
            }
            Change::RemoveDir { path } => happened_if(self.names_in(path).await.is_none()),
            _ => Became::Nothing,
        }
    }

    /// Journals what a file has become that was written only in part, so that it can be taken back now or later.
    async fn note_torn(&mut self, id: &str, now: Fingerprint) -> Result<(), Text> {
        let Some(last) = self.records.pop() else { return Ok(()) };
        self.note(id, Record { after: now, ..last }).await
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
                self.note(id, record).await?;
            }
            match self.perform(Operation::MakeDir { path: dir.to_path_buf(), mode }).await {
                Ok(Done::Already) => self.forget_last().await,
                Ok(Done::Changed | Done::Exited(_)) => {}
                Err(error) => {
                    let is_made = !matches!(error, OperationError::Exists(_)) && self.names_in(dir).await.is_some();
                    if !is_made {
                        self.forget_last().await;
                    }
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
            let _ = self.perform(Operation::Remove { path: backup, expect: before }).await;
        }
    }

    /// How many names a directory holds; None when it is none or cannot be read.
    pub(super) async fn names_in(&self, path: &Path) -> Option<usize> {
        match self.host.observe(Question::Dir(path.to_path_buf())).await {
            Answer::Dir(Ok(dir)) => Some(dir.entries.len()),
            _ => None,
        }
    }

    pub(super) async fn perform(&self, operation: Operation) -> Result<Done, OperationError> {
        let (live, mut lines) = unbounded_channel();
        let progress = self.progress.clone();
        let forward = async move {
            while let Some(line) = lines.recv().await {
                let _ = progress.send(Progress::Line(line));
            }
        };
        let (done, ()) = futures_util::future::join(self.host.perform(operation, live), forward).await;
        done
    }
}
