//! What was changed: one JSON line an event. Data and its reading; writing the lines is for `carry_out`.
//!
//! The journal holds paths, fingerprints and the names of backups, never the content of files, so no secret can get
//! into it. Of a machine group, which has no backup beside it, it holds the edit: what was taken out and put in, and the
//! fingerprints of the list before and after. So an entry stays small however many machines the group has. A line that
//! cannot be read (a torn write, a newer version) is left out, never guessed.

use super::commands::is_reversible;
use super::order::ConsentBy;
use crate::core::finding::RemedyId;
use crate::core::observe::MachineGroup;
use crate::core::observe::{FileSeen, Fingerprint, Observations, Site, Unanswered, group_resource};
use crate::core::remedies::Change;
use crate::core::service::group_edit::{Edited, GroupEdit};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The journal's file name in the state directory.
pub const JOURNAL: &str = "journal.jsonl";

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum JournalLine {
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
    /// Its backups were removed because of their age.
    Pruned {
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

impl Recorded {
    /// Whether the backups of a change that ended so still lie there. Taken back, a change leaves none.
    pub fn has_backups(self) -> bool {
        match self {
            Recorded::Open | Recorded::Applied | Recorded::LeftOver => true,
            Recorded::RolledBack | Recorded::Undone => false,
        }
    }
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
    /// The list of a machine group of the service.
    PutGroup {
        site: Site,
        group: String,
        edited: Edited,
    },
    /// A machine group that was made.
    MakeGroup {
        site: Site,
        group: MachineGroup,
    },
    /// A machine group that was removed, because it was made here.
    RemoveGroup {
        site: Site,
        group: MachineGroup,
    },
}

impl Record {
    /// The record of a change; None for one that leaves nothing to take back or to know.
    pub fn of(change: &Change, backup: Option<PathBuf>) -> Option<Record> {
        let record = |path: &Path, kind, before, after| {
            Some(Record { path: path.to_path_buf(), kind, before, after, backup: backup.clone() })
        };
        let print = |group: &MachineGroup| Fingerprint::of(serde_json::to_vec(group).ok().as_deref());
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
            Change::Run { .. } | Change::Signal { .. } => {
                let argv = change.argv().unwrap_or_default();
                let program = PathBuf::from(argv.first().cloned().unwrap_or_default());
                record(&program, RecordKind::Run(argv), Fingerprint::Absent, Fingerprint::Absent)
            }
            Change::PutGroup { site, before, after } => {
                let edited = GroupEdit { before: before.clone(), after: after.clone() }.edited();
                let kind = RecordKind::PutGroup { site: site.clone(), group: before.name().to_string(), edited };
                record(&group_resource(site, before.name()), kind, print(before), print(after))
            }
            Change::MakeGroup { site, group } => {
                let kind = RecordKind::MakeGroup { site: site.clone(), group: group.clone() };
                record(&group_resource(site, group.name()), kind, Fingerprint::Absent, print(group))
            }
            Change::RemoveGroup { site, group } => {
                let kind = RecordKind::RemoveGroup { site: site.clone(), group: group.clone() };
                record(&group_resource(site, group.name()), kind, print(group), Fingerprint::Absent)
            }
            Change::AwaitAgent { .. } | Change::LookFor { .. } => None,
        }
    }
}

/// One remedy as the journal tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JournalEntry {
    pub id: String,
    pub at_ms: i64,
    pub remedy: RemedyId,
    pub actor: String,
    pub result: Recorded,
    pub records: Vec<Record>,
    /// Whether its backups were removed because of their age.
    pub pruned: bool,
    /// Whether a line of it cannot be read.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub torn: bool,
    /// Whether it stands in root's journal and this process is not root.
    #[serde(skip)]
    pub is_roots: bool,
}

impl JournalEntry {
    /// Whether it was broken off after it had begun to change something.
    pub fn is_broken_off(&self) -> bool {
        self.result == Recorded::Open && !self.records.is_empty()
    }

    /// Whether it is not taken back, neither at once nor later.
    pub fn stands(&self) -> bool {
        !matches!(self.result, Recorded::Undone | Recorded::RolledBack)
    }

    /// Whether it stands, its backups are there, and it holds more than a mere stop and start, which nobody could take
    /// back.
    pub fn can_be_taken_back(&self) -> bool {
        let is_mere_run = |record: &Record| matches!(&record.kind, RecordKind::Run(argv) if !is_reversible(argv));
        let is_lost = self.pruned && self.records.iter().any(|record| record.backup.is_some());
        self.stands() && !is_lost && (self.is_broken_off() || self.records.iter().any(|record| !is_mere_run(record)))
    }
}

/// Which journals there are: the one that this process writes, and root's beside it when this process is not root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journals {
    /// The state directory of this process.
    pub own: PathBuf,
    /// Root's state directory, unless it is the same.
    pub roots: Option<PathBuf>,
}

/// The entries of a journal, oldest first, and the number of lines that could not be read.
pub fn entries(bytes: &[u8]) -> (Vec<JournalEntry>, usize) {
    let mut all: Vec<JournalEntry> = Vec::new();
    let mut unread = 0;
    for line in bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        let Ok(entry) = serde_json::from_slice::<JournalLine>(line) else {
            unread += 1;
            // It may have told of a change of what was under way then.
            if let Some(under_way) = all.last_mut().filter(|done| done.result == Recorded::Open) {
                under_way.torn = true;
            }
            continue;
        };
        let of = |all: &mut Vec<JournalEntry>, id: &str| all.iter().rposition(|done| done.id == id);
        match entry {
            JournalLine::Begin { id, at_ms, remedy, actor, .. } => {
                all.push(JournalEntry {
                    id,
                    at_ms,
                    remedy,
                    actor,
                    result: Recorded::Open,
                    records: Vec::new(),
                    pruned: false,
                    torn: false,
                    is_roots: false,
                });
            }
            JournalLine::Change { id, record } => {
                if let Some(index) = of(&mut all, &id) {
                    all[index].records.push(*record);
                }
            }
            JournalLine::End { id, result } => {
                if let Some(index) = of(&mut all, &id) {
                    all[index].result = result;
                }
            }
            JournalLine::Pruned { id } => {
                if let Some(index) = of(&mut all, &id) {
                    all[index].pruned = true;
                }
            }
            JournalLine::Undone { id } => {
                if let Some(index) = of(&mut all, &id) {
                    all[index].result = Recorded::Undone;
                }
            }
        }
    }
    (all, unread)
}

/// Reads the journals through the host's eyes; oldest entry first. One that cannot be read counts as empty.
///
/// # Errors
/// A journal has not been looked at yet.
pub fn read_journals(see: &Observations, journals: &Journals) -> Result<Vec<JournalEntry>, Unanswered> {
    let read = |dir: &Path| match see.tail(dir.join(JOURNAL)) {
        Ok(Ok(file)) => Ok(entries(whole_lines(file)).0),
        Ok(Err(_)) => Ok(Vec::new()),
        Err(unseen) => Err(unseen),
    };
    let (own, roots) = (read(&journals.own), journals.roots.as_deref().map(read).transpose());
    Ok(together(own?, roots?.unwrap_or_default()))
}

/// The entries of the own journal and of root's, oldest first.
pub fn together(mut own: Vec<JournalEntry>, roots: Vec<JournalEntry>) -> Vec<JournalEntry> {
    own.extend(roots.into_iter().map(|done| JournalEntry { is_roots: true, ..done }));
    // Each of the two is in order already.
    own.sort_by_key(|done| done.at_ms);
    own
}

/// The newest entry, when it changed something and has no end: it was broken off, or another process is at it right now.
pub fn broken_off(all: &[JournalEntry]) -> Option<&JournalEntry> {
    all.last().filter(|done| done.is_broken_off())
}

/// The lines of the journal that were read from their beginning: of a long journal only the end is read.
pub fn whole_lines(file: &FileSeen) -> &[u8] {
    if !file.is_partial() {
        return &file.bytes;
    }
    let first = file.bytes.iter().position(|&byte| byte == b'\n').map_or(file.bytes.len(), |at| at + 1);
    file.bytes.get(first..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(entry: &JournalLine) -> String {
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
        let begin = JournalLine::Begin {
            id: "1".into(),
            at_ms: 5,
            remedy: RemedyId::BindHostname,
            actor: "ops".into(),
            consent: ConsentBy::Button,
        };
        let text = line(&begin)
            + &line(&JournalLine::Change { id: "1".into(), record: Box::new(record.clone()) })
            + "{\"event\":\"en";
        let (all, unread) = entries(text.as_bytes());
        assert_eq!((all.len(), unread), (1, 1));
        assert_eq!(all[0].result, Recorded::Open);
        assert_eq!(all[0].records, vec![record]);
        assert!(all[0].torn);
        // What is written after it, on a line of its own, is not lost with it.
        let next = text + "\n" + &line(&JournalLine::End { id: "1".into(), result: Recorded::Applied }) + &line(&begin);
        let (all, unread) = entries(next.as_bytes());
        assert_eq!((all.len(), unread, all[0].result, all[1].torn), (2, 1, Recorded::Applied, false));
    }
}
