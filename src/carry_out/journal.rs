//! What was changed, and how to take it back: one JSON line an event, fsynced before and after each change.
//!
//! The journal holds paths, fingerprints and the names of backups, never the content of files, so no secret can get
//! into it. A machine group is kept whole, because there is no backup beside it; it holds addresses and no secret. A line that cannot be read (a torn write, a newer version) is left out, never guessed.

use super::ConsentBy;
use crate::finding::{RemedyId, StepId};
use crate::host::{
    Act, ActError, Answer, CloudAnswer, CloudQuestion, CloudTrouble, Fingerprint, Host, Question, Seen, Site, Trouble,
    Unseen, group_resource,
};
use crate::remedies::{Change, Plan, Planned};
use crate::say;
use crate::sls::{MachineGroup, group_edit};
use crate::text::{Lang, Text};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The journal's file name in the state directory.
pub const JOURNAL: &str = "journal.jsonl";

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Entry {
    Begin {
        id: String,
        at_ms: i64,
        remedy: RemedyId,
        actor: String,
        consent: ConsentBy,
    },
    /// Written before the change is made.
    Change {
        id: String,
        #[serde(flatten)]
        record: Box<Record>,
    },
    End {
        id: String,
        result: Recorded,
    },
    Undone {
        id: String,
    },
}

/// How an entry ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Recorded {
    /// There is no end: the program was killed in the middle.
    Open,
    Applied,
    RolledBack,
    LeftOver,
    Undone,
}

/// What one change did to a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub path: PathBuf,
    pub kind: RecordKind,
    pub before: Fingerprint,
    pub after: Fingerprint,
    pub backup: Option<PathBuf>,
}

/// The kind of a recorded change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordKind {
    Write,
    Remove,
    RenameTo(PathBuf),
    MakeDir,
    RemoveDir,
    Run(Vec<String>),
    /// A machine group of the service, before and after.
    PutGroup {
        site: Site,
        before: MachineGroup,
        after: MachineGroup,
    },
}

impl Record {
    /// The record of a change; None for one that leaves nothing to take back or to know.
    pub fn of(change: &Change, backup: Option<PathBuf>) -> Option<Record> {
        let record = |path: &Path, kind, before, after| {
            Some(Record { path: path.to_path_buf(), kind, before, after, backup: backup.clone() })
        };
        match change {
            Change::WriteFile { path, before, after, .. } => {
                record(path, RecordKind::Write, Fingerprint::of(before.as_deref()), Fingerprint::of(Some(after)))
            }
            Change::RemoveFile { path, before } => {
                record(path, RecordKind::Remove, Fingerprint::of(Some(before)), Fingerprint::Absent)
            }
            Change::RenameFile { from, to } => {
                record(from, RecordKind::RenameTo(to.clone()), Fingerprint::Absent, Fingerprint::Absent)
            }
            Change::MakeDir { path, .. } => record(path, RecordKind::MakeDir, Fingerprint::Absent, Fingerprint::Absent),
            Change::RemoveDir { path } => record(path, RecordKind::RemoveDir, Fingerprint::Absent, Fingerprint::Absent),
            Change::Run { argv, .. } => record(
                Path::new(argv.first().map(String::as_str).unwrap_or_default()),
                RecordKind::Run(argv.clone()),
                Fingerprint::Absent,
                Fingerprint::Absent,
            ),
            Change::PutGroup { site, before, after } => {
                let print = |group: &MachineGroup| Fingerprint::of(serde_json::to_vec(group).ok().as_deref());
                let kind = RecordKind::PutGroup { site: site.clone(), before: before.clone(), after: after.clone() };
                record(&group_resource(site, before.name()), kind, print(before), print(after))
            }
            Change::AwaitAgent { .. } => None,
        }
    }

    /// The acts that take this change back right after it was made.
    pub(super) async fn reverse(&self, host: &dyn Host) -> Result<Vec<Act>, ActError> {
        Ok(match &self.kind {
            RecordKind::Write if self.before == Fingerprint::Absent => {
                vec![Act::Remove { path: self.path.clone(), expect: self.after.clone() }]
            }
            RecordKind::Remove => {
                let missing = || ActError::Io { path: self.path.clone(), reason: "no backup".into() };
                // The backup is the old file with its owner and its time; it only needs its name back.
                vec![Act::Rename { from: self.backup.clone().ok_or_else(missing)?, to: self.path.clone() }]
            }
            RecordKind::Write => {
                let unreadable = |path: &Path| ActError::Io { path: path.to_path_buf(), reason: "no backup".into() };
                let backup = self.backup.as_ref().ok_or_else(|| unreadable(&self.path))?;
                match host.observe(Question::File(backup.clone())).await {
                    Answer::File(Ok(file)) => vec![
                        Act::Write {
                            path: self.path.clone(),
                            expect: self.after.clone(),
                            content: file.bytes,
                            mode: file.mode,
                        },
                        Act::Remove { path: backup.clone(), expect: self.before.clone() },
                    ],
                    _ => return Err(unreadable(backup)),
                }
            }
            RecordKind::RenameTo(to) => vec![Act::Rename { from: to.clone(), to: self.path.clone() }],
            RecordKind::MakeDir => vec![Act::RemoveDir { path: self.path.clone() }],
            RecordKind::RemoveDir => vec![Act::MakeDir { path: self.path.clone(), mode: 0o755 }],
            RecordKind::Run(_) => Vec::new(),
            RecordKind::PutGroup { site, before, after } => {
                let asked = CloudQuestion::Group { site: site.clone(), group: before.name().to_string() };
                let now = match host.observe(Question::Cloud(asked)).await {
                    Answer::Cloud(CloudAnswer::Group(Ok(now))) => now,
                    Answer::Cloud(CloudAnswer::Group(Err(trouble))) => {
                        return Err(ActError::Service(Box::new(trouble)));
                    }
                    _ => return Err(ActError::Service(Box::new(CloudTrouble::not_asked()))),
                };
                if now.list() == before.list() {
                    return Ok(Vec::new());
                }
                let done = group_edit::Planned { before: before.clone(), after: after.clone() };
                let back =
                    group_edit::undo(&done, &now).map_err(|_| ActError::Moved(group_resource(site, before.name())))?;
                vec![Act::PutGroup { site: site.clone(), before: back.before, after: back.after }]
            }
        })
    }
}

/// One remedy as the journal tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Done {
    pub id: String,
    pub at_ms: i64,
    pub remedy: RemedyId,
    pub actor: String,
    pub result: Recorded,
    pub records: Vec<Record>,
}

/// The entries of a journal, oldest first, and the number of lines that could not be read.
pub fn entries(bytes: &[u8]) -> (Vec<Done>, usize) {
    let mut all: Vec<Done> = Vec::new();
    let mut unread = 0;
    for line in bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        let Ok(entry) = serde_json::from_slice::<Entry>(line) else {
            unread += 1;
            continue;
        };
        let of = |all: &mut Vec<Done>, id: &str| all.iter().rposition(|done| done.id == id);
        match entry {
            Entry::Begin { id, at_ms, remedy, actor, .. } => {
                all.push(Done { id, at_ms, remedy, actor, result: Recorded::Open, records: Vec::new() });
            }
            Entry::Change { id, record } => {
                if let Some(index) = of(&mut all, &id) {
                    all[index].records.push(*record);
                }
            }
            Entry::End { id, result } => {
                if let Some(index) = of(&mut all, &id) {
                    all[index].result = result;
                }
            }
            Entry::Undone { id } => {
                if let Some(index) = of(&mut all, &id) {
                    all[index].result = Recorded::Undone;
                }
            }
        }
    }
    (all, unread)
}

/// Reads the journal through the host's eyes.
///
/// # Errors
/// The journal has not been looked at yet.
pub fn read_journal(see: &Seen, dir: &Path) -> Result<Vec<Done>, Unseen> {
    Ok(match see.file(dir.join(JOURNAL))? {
        Ok(file) => entries(&file.bytes).0,
        Err(_) => Vec::new(),
    })
}

/// The plan that takes an entry back, newest change first. A file that has changed since is not touched.
///
/// # Errors
/// Something has not been looked at yet.
pub fn undo_plan(see: &Seen, done: &Done, verify: StepId, restart: &[Change]) -> Result<Planned, Unseen> {
    if matches!(done.result, Recorded::Undone | Recorded::RolledBack) {
        let id = &done.id;
        return Ok(Planned::Already(say!("{id} has been taken back already.", "{id} 已经撤销。")));
    }
    let id = &done.id;
    let mut plan = Plan::new(done.remedy, verify, say!("Takes back the change {id}.", "撤销更改 {id}。"));
    let mut ran = false;
    for record in done.records.iter().rev() {
        let path = &record.path;
        match &record.kind {
            RecordKind::Write | RecordKind::Remove => {
                let now = match see.file(path)? {
                    Ok(file) if !file.is_partial() => Some(file.bytes.clone()),
                    Err(Trouble::Absent) => None,
                    _ => {
                        let path = path.display();
                        return Ok(Planned::Refused(say!(
                            "{path} cannot be read now, so it is unknown whether undoing would lose a later change.",
                            "当前无法读取 {path}，无法确认撤销是否会丢失之后的修改。"
                        )));
                    }
                };
                if Fingerprint::of(now.as_deref()) == record.before {
                    continue;
                }
                if Fingerprint::of(now.as_deref()) != record.after {
                    let path = path.display();
                    return Ok(Planned::Refused(say!(
                        "{path} has been changed since, by somebody else; undoing would lose that change. Compare it with the backup beside it.",
                        "{path} 在此之后又被修改过，撤销会丢失那次修改。请与旁边的备份对比。"
                    )));
                }
                let old = match &record.backup {
                    None => None,
                    Some(backup) => match see.file(backup)? {
                        Ok(file) if !file.is_partial() && Fingerprint::of(Some(&file.bytes)) == record.before => {
                            Some((file.bytes.clone(), file.mode))
                        }
                        _ => {
                            let backup = backup.display();
                            return Ok(Planned::Refused(say!(
                                "the backup {backup} is missing or was changed.",
                                "备份 {backup} 缺失或已被修改。"
                            )));
                        }
                    },
                };
                plan.changes.push(match (now, old) {
                    (before, Some((after, mode))) => Change::WriteFile { path: path.clone(), before, after, mode },
                    (Some(before), None) => Change::RemoveFile { path: path.clone(), before },
                    (None, None) => continue,
                });
            }
            RecordKind::RenameTo(to) => plan.changes.push(Change::RenameFile { from: to.clone(), to: path.clone() }),
            RecordKind::MakeDir => plan.changes.push(Change::RemoveDir { path: path.clone() }),
            RecordKind::RemoveDir => plan.changes.push(Change::MakeDir { path: path.clone(), mode: 0o755 }),
            RecordKind::Run(_) => ran = true,
            RecordKind::PutGroup { site, before, after } => match group_back(see, site, before, after)? {
                Ok(change) => plan.changes.extend(change),
                Err(text) => return Ok(Planned::Refused(text)),
            },
        }
    }
    if plan.changes.is_empty() {
        return Ok(Planned::Refused(Text::fixed(
            "This entry only ran commands (stop, start); there is nothing to take back.",
            "该条目只执行了命令（停止、启动），没有可撤销的内容。",
        )));
    }
    if ran {
        plan.restart = restart.to_vec();
    }
    Ok(Planned::Ready(Box::new(plan)))
}

/// The change that gives a machine group its old list again, if it still has the one that was written.
fn group_back(
    see: &Seen,
    site: &Site,
    before: &MachineGroup,
    after: &MachineGroup,
) -> Result<Result<Option<Change>, Text>, Unseen> {
    let name = before.name();
    let now = match see.cloud_group(site, name)? {
        Ok(now) => now,
        Err(trouble) => {
            let (en, zh) = (trouble.what.get(Lang::En), trouble.what.get(Lang::Zh));
            let (next_en, next_zh) = (trouble.next.get(Lang::En), trouble.next.get(Lang::Zh));
            return Ok(Err(Text::filled(
                format!("Machine group {name} cannot be read now. {en} {next_en}"),
                format!("当前无法读取机器组 {name}。{zh}{next_zh}"),
            )));
        }
    };
    if now.list() == before.list() {
        return Ok(Ok(None));
    }
    let done = group_edit::Planned { before: before.clone(), after: after.clone() };
    Ok(match group_edit::undo(&done, now) {
        Ok(back) => Ok(Some(Change::PutGroup { site: site.clone(), before: back.before, after: back.after })),
        Err(_) => Err(say!(
            "The list of machine group {name} has been changed since, by somebody else; undoing would lose that change.",
            "机器组 {name} 的列表在此之后又被修改过，撤销会丢失那次修改。"
        )),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(entry: &Entry) -> String {
        serde_json::to_string(entry).unwrap() + "\n"
    }

    #[test]
    fn a_torn_line_loses_only_itself() {
        let record = Record {
            path: "/etc/hosts".into(),
            kind: RecordKind::Write,
            before: Fingerprint::of(Some(b"a")),
            after: Fingerprint::of(Some(b"b")),
            backup: Some("/etc/hosts.bak".into()),
        };
        let begin = Entry::Begin {
            id: "1".into(),
            at_ms: 5,
            remedy: RemedyId::BindHostname,
            actor: "ops".into(),
            consent: ConsentBy::Button,
        };
        let text = line(&begin)
            + &line(&Entry::Change { id: "1".into(), record: Box::new(record.clone()) })
            + "{\"event\":\"en";
        let (all, unread) = entries(text.as_bytes());
        assert_eq!((all.len(), unread), (1, 1));
        assert_eq!(all[0].result, Recorded::Open);
        assert_eq!(all[0].records, vec![record]);
    }
}
