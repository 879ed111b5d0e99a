//! The state directory: the lock, the journal's lines, the names of backups. What is in a journal is read in
//! `core::journal`.

use super::failure::explain;
use crate::core::journal::{
    Applied, AppliedResult, JOURNAL, JournalEntry, JournalLine, Journals, Record, Recorded, entries, together,
    whole_lines,
};
use crate::core::observe::{Answer, Fingerprint, Operation, OperationError, Question, Unavailable};
use crate::core::remedies::Change;
use crate::core::text::Text;
use crate::host::{Held, Host, MutableHost};
use std::path::{Path, PathBuf};
use tokio::sync::mpsc::unbounded_channel;

/// The lock's file name in the state directory.
const LOCK: &str = "lock";

/// Where the journal lives, and who is acting.
#[derive(Debug, Clone)]
pub struct Store {
    pub dir: PathBuf,
    /// The person, as far as known: `SUDO_USER`, else the user name.
    pub actor: String,
}

/// Takes the lock of the state directory; or says who has it, or why it cannot be had.
pub(super) async fn lock(host: &dyn MutableHost, store: &Store) -> Result<Held, Applied> {
    let now_ms = match host.observe(Question::Clock).await {
        Answer::Clock(clock) => clock.now_ms,
        _ => 0,
    };
    let since = jiff::Timestamp::from_millisecond(now_ms)
        .map_or_else(|_| now_ms.to_string(), |time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    let note = format!("{} (pid {}, {since})\n", store.actor, std::process::id());
    let (live, _) = unbounded_channel();
    let made = host.perform(Operation::MakeDir { path: store.dir.clone(), mode: 0o700 }, live).await;
    let held = match made {
        Ok(_) => host.hold(store.dir.join(LOCK), note).await,
        Err(error) => Err(error),
    };
    held.map_err(|error| Applied {
        result: match error {
            OperationError::Held(_) | OperationError::HeldByCommand(_) => AppliedResult::Busy(explain(&error)),
            error => AppliedResult::Refused(no_journal(&error)),
        },
        entry: None,
        backups: Vec::new(),
    })
}

/// The entries of the journal that the host can still read, oldest first.
pub(super) async fn known(host: &dyn Host, store: &Store) -> Vec<JournalEntry> {
    match host.observe(Question::Tail(store.dir.join(JOURNAL))).await {
        Answer::File(Ok(file)) => entries(whole_lines(&file)).0,
        _ => Vec::new(),
    }
}

/// Why nothing was begun.
pub(super) fn no_journal(error: &OperationError) -> Text {
    let reason = explain(error);
    let (en, zh) = reason.both();
    Text::filled(
        format!("Nothing was changed: the journal cannot be written. {en}"),
        format!("未做任何更改：无法写入操作日志。{zh}"),
    )
}

/// The backup of a file: beside it, with the time. In `users` it is hidden, because there the agent takes every
/// name that does not begin with a dot for an AliUid (agent.md, section 4).
pub fn backup_path(path: &Path, stamp: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let hide = path.parent().and_then(Path::file_name).is_some_and(|dir| dir == "users");
    path.with_file_name(format!("{}{name}.logtail-doctor-{stamp}.bak", if hide { "." } else { "" }))
}

/// What a file is now; None when it cannot be read.
pub(super) async fn fingerprint(host: &dyn Host, path: &Path) -> Option<Fingerprint> {
    match host.observe(Question::File(path.to_path_buf())).await {
        Answer::File(Ok(file)) if file.is_partial() => None,
        Answer::File(Ok(file)) => Some(Fingerprint::of(Some(&file.bytes))),
        Answer::File(Err(Unavailable::Absent)) => Some(Fingerprint::Absent),
        _ => None,
    }
}

/// The time as it stands in names of backups and entries: `20261122T054000.123Z`.
pub(super) fn stamp(now_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(now_ms)
        .map_or_else(|_| now_ms.to_string(), |time| time.strftime("%Y%m%dT%H%M%S.%3fZ").to_string())
}

/// The time as the name of a new entry, moved on while the journal knows that name: the clock may have been set back
/// since, perhaps by this very program, and then names of entries and backups would meet.
pub(super) fn unused_stamp(known: &[JournalEntry], now_ms: i64) -> String {
    let names = (0..=known.len()).map(|more| stamp(now_ms.saturating_add(more as i64)));
    names.into_iter().find(|name| !known.iter().any(|done| done.id == *name)).unwrap_or_else(|| stamp(now_ms))
}

/// Whether the journal can tell of a change: a path that is no Unicode, for one, it cannot write down. What it cannot
/// tell is not begun.
pub(super) fn can_be_told(store: &Store, change: &Change) -> Result<(), OperationError> {
    let record = Record::of(change, change.path().map(|path| backup_path(path, "")));
    let written = serde_json::to_vec(&record).map(|_| ());
    written.map_err(|error| OperationError::io(store.dir.join(JOURNAL), error.to_string()))
}

/// Who is changing this machine right now: what the live process that holds the lock noted of itself.
pub async fn under_way(host: &dyn Host, store: &Store) -> Option<String> {
    host.holder(store.dir.join(LOCK)).await
}

pub(super) async fn append(host: &dyn MutableHost, store: &Store, entry: &JournalLine) -> Result<(), OperationError> {
    let (live, _) = unbounded_channel();
    host.perform(Operation::MakeDir { path: store.dir.clone(), mode: 0o700 }, live.clone()).await?;
    let path = store.dir.join(JOURNAL);
    let mut line = match serde_json::to_vec(entry) {
        Ok(line) => line,
        // A path that is no Unicode, for one: what the journal cannot tell is not done.
        Err(error) => return Err(OperationError::io(path, error.to_string())),
    };
    line.push(b'\n');
    host.perform(Operation::Append { path, content: line }, live).await.map(|_| ())
}

/// As [`read_journals`], asking the host itself.
pub async fn ask_for_journals(host: &dyn Host, journals: &Journals) -> Vec<JournalEntry> {
    let read = async |dir: Option<&PathBuf>| match dir {
        Some(dir) => match host.observe(Question::Tail(dir.join(JOURNAL))).await {
            Answer::File(Ok(file)) => entries(whole_lines(&file)).0,
            _ => Vec::new(),
        },
        None => Vec::new(),
    };
    together(read(Some(&journals.own)).await, read(journals.roots.as_ref()).await)
}

/// When the newest change that still stands was made, seconds since 1970: a heartbeat from before proves nothing of it.
pub async fn last_change(host: &dyn Host, journals: &Journals) -> Option<i64> {
    let all = ask_for_journals(host, journals).await;
    all.iter().rfind(|done| done.result == Recorded::Applied).map(|done| done.at_ms / 1000)
}
