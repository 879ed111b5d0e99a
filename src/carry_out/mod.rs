//! Applies a plan: consent, freshness, backup, journal, roll-back. The only room that changes the machine.
//!
//! Everything goes through [`Host::act`], so a simulated host is changed by the same code as a real one. Nothing is
//! decided here: the plan says what to do, the consent says that the operator read it. Before the first change every
//! file that the plan relies on is looked at again; if one moved, nothing happens and the plan is made anew.

mod cleanup;
pub mod elevation;
mod failure;
pub mod helper;
mod journal;
mod rollback;
mod roots_journal;
pub mod trust;
mod undo;
mod undo_request;
mod watch;
mod work;

pub use journal::{
    JOURNAL, JournalEntry, JournalLine, Journals, Record, RecordKind, Recorded, ask_for_journals, broken_off, entries,
    last_change, read_journals, together, whole_lines,
};
pub use roots_journal::WithRootsJournal;
pub use undo::{can_be_undone, undo_plan};
pub use undo_request::{choose_entry, undo};

use self::failure::{explain, group_moved};
use crate::core::observe::{Answer, Fingerprint, LiveLine, Operation, OperationError, Question, Unavailable};
use crate::core::remedies::{Change, Plan};
use crate::core::text::Text;
use crate::host::{Held, Host};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use work::Work;

/// The lock's file name in the state directory.
const LOCK: &str = "lock";

/// The proof that somebody read the preview and said yes. Whoever makes one vouches for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
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
    /// The question below the preview of a command was answered with yes.
    Answer,
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
    /// Another process of this program is changing this machine. Nothing was changed.
    Busy(Text),
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

/// What is to be carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    pub plan: Plan,
    /// Whether the plan's restart is carried out as well.
    pub with_restart: bool,
    pub consent: Consent,
    /// The journal entry that the plan takes back.
    pub undoes: Option<String>,
}

/// Carries out an order while the lock is held.
async fn carry_out_alone(
    host: &dyn Host,
    store: &Store,
    order: &Order,
    progress: UnboundedSender<Progress>,
) -> Applied {
    let Order { plan, with_restart, consent, .. } = order;
    let restart = if *with_restart { plan.restart.as_slice() } else { &[] };
    let changes: Vec<&Change> = plan.changes.iter().chain(restart).collect();
    let nothing = |result| Applied { result, entry: None, backups: Vec::new() };
    // A second change of one file rests on what the first one leaves.
    let mut looked_at = BTreeSet::new();
    for change in &changes {
        if let (Some(path), Some(expected)) = (change.path(), change.expects())
            && looked_at.insert(path)
            && fingerprint(host, path).await != Some(expected)
        {
            return nothing(AppliedResult::Stale(path.to_path_buf()));
        }
        if let Some(result) = group_moved(host, change).await {
            return nothing(result);
        }
    }
    if let Some(reason) = trust::refusal(host, &changes).await {
        return nothing(AppliedResult::Refused(reason));
    }
    let now_ms = match host.observe(Question::Clock).await {
        Answer::Clock(clock) => clock.now_ms,
        _ => 0,
    };
    if let Err(error) = changes.iter().try_for_each(|change| can_be_told(store, change)) {
        return nothing(AppliedResult::Refused(no_journal(&error)));
    }
    let known = known(host, store).await;
    let stamp = unused_stamp(&known, now_ms);
    let id = stamp.clone();
    let mut work = Work::new(host, store, progress, stamp);
    if let Err(error) = work
        .journal(&JournalLine::Begin {
            id: id.clone(),
            at_ms: now_ms,
            remedy: plan.remedy,
            actor: store.actor.clone(),
            consent: consent.how,
        })
        .await
    {
        return nothing(AppliedResult::Refused(no_journal(&error)));
    }
    cleanup::sweep(host, &changes, &known).await;
    cleanup::prune(host, store, &changes, &known, now_ms).await;
    work.remember_agent(&changes, &plan.revive).await;
    let mut failed = None;
    for (number, change) in changes.iter().enumerate() {
        work.tell(number, ChangeState::Running);
        match work.apply(&id, change).await {
            Ok(state) => work.tell(number, state),
            Err(reason) => {
                work.tell(number, ChangeState::Failed(reason.clone()));
                failed = Some(reason);
                break;
            }
        }
    }
    let result = match failed {
        None => AppliedResult::Applied,
        Some(reason) => {
            let result = work.roll_back(reason).await;
            work.start_again(&plan.revive, result).await
        }
    };
    let ended = match &result {
        AppliedResult::Applied => Recorded::Applied,
        AppliedResult::LeftOver(_) => Recorded::LeftOver,
        AppliedResult::Stale(_) | AppliedResult::Refused(_) | AppliedResult::Busy(_) | AppliedResult::RolledBack(_) => {
            Recorded::RolledBack
        }
    };
    // The changes stand whether or not this last line can be written; the next start sees an entry without an end.
    let _ = work.journal(&JournalLine::End { id: id.clone(), result: ended }).await;
    let backups = work.records.iter().filter_map(|record| record.backup.clone()).collect();
    Applied { result, entry: Some(id), backups }
}

/// Carries out an order, and when its plan takes a journal entry back, marks that entry as taken back once it is.
pub async fn carry_out(host: &dyn Host, store: &Store, order: &Order, progress: UnboundedSender<Progress>) -> Applied {
    let _held = match lock(host, store).await {
        Ok(held) => held,
        Err(applied) => return applied,
    };
    let mut applied = carry_out_alone(host, store, order, progress).await;
    if let (AppliedResult::Applied, Some(id)) = (&applied.result, &order.undoes) {
        let ids: Vec<String> = [Some(id.clone()), applied.entry.clone()].into_iter().flatten().collect();
        let known = known(host, store).await;
        let taken_back = known.iter().find(|done| done.id == *id);
        if let Some(left) = undo::left(host, taken_back).await {
            applied.result = AppliedResult::LeftOver(left);
            return applied;
        }
        // Both entries then count as taken back: undoing an undo would be a new remedy.
        count_as_taken_back(host, store, &known, &ids).await;
        applied.backups.clear();
    }
    applied
}

/// Closes an entry of which nothing is left to take back: it counts as taken back from now on, and its backups go. An
/// entry of root's journal is closed by the process that sudo starts without a password. One that has something to take
/// back again by now, or that cannot be reached, stays as it is: that does no harm.
pub async fn close(host: &dyn Host, store: &Store, done: &JournalEntry) {
    if !done.is_roots {
        return close_own(host, store, &done.id).await;
    }
    if let Answer::Identity(identity) = host.observe(Question::Identity).await
        && let Some(sudo) = identity.sudo
    {
        helper::close(&sudo, &done.id).await;
    }
}

/// As [`close`], for an entry of the journal in `store`.
async fn close_own(host: &dyn Host, store: &Store, id: &str) {
    let Ok(_held) = lock(host, store).await else { return };
    let known = known(host, store).await;
    let stands = |done: &&JournalEntry| done.id == id && done.stands();
    let Some(done) = known.iter().find(stands) else { return };
    if undo::left(host, Some(done)).await.is_none() {
        count_as_taken_back(host, store, &known, &[id.to_string()]).await;
    }
}

/// Journals that these entries were taken back, and removes what they left beside their files. Should a line not be
/// written, the fingerprints still keep a second undo from doing harm.
async fn count_as_taken_back(host: &dyn Host, store: &Store, known: &[JournalEntry], ids: &[String]) {
    for id in ids {
        let _ = append(host, store, &JournalLine::Undone { id: id.clone() }).await;
    }
    // The newest first: what an undo itself left lies in a directory that the change may have made.
    for done in known.iter().rev().filter(|done| ids.contains(&done.id)) {
        undo::tidy(host, done).await;
    }
}

/// Takes the lock of the state directory; or says who has it, or why it cannot be had.
async fn lock(host: &dyn Host, store: &Store) -> Result<Held, Applied> {
    let now_ms = match host.observe(Question::Clock).await {
        Answer::Clock(clock) => clock.now_ms,
        _ => 0,
    };
    let since = jiff::Timestamp::from_millisecond(now_ms)
        .map_or_else(|_| now_ms.to_string(), |time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    let note = format!("{} (pid {}, {since})\n", store.actor, std::process::id());
    let (live, _) = unbounded_channel();
    let made = host.act(Operation::MakeDir { path: store.dir.clone(), mode: 0o700 }, live).await;
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
async fn known(host: &dyn Host, store: &Store) -> Vec<JournalEntry> {
    match host.observe(Question::Tail(store.dir.join(JOURNAL))).await {
        Answer::File(Ok(file)) => entries(journal::whole_lines(&file)).0,
        _ => Vec::new(),
    }
}

/// Why nothing was begun.
fn no_journal(error: &OperationError) -> Text {
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
async fn fingerprint(host: &dyn Host, path: &Path) -> Option<Fingerprint> {
    match host.observe(Question::File(path.to_path_buf())).await {
        Answer::File(Ok(file)) if file.is_partial() => None,
        Answer::File(Ok(file)) => Some(Fingerprint::of(Some(&file.bytes))),
        Answer::File(Err(Unavailable::Absent)) => Some(Fingerprint::Absent),
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
fn unused_stamp(known: &[JournalEntry], now_ms: i64) -> String {
    let names = (0..=known.len()).map(|more| stamp(now_ms.saturating_add(more as i64)));
    names.into_iter().find(|name| !known.iter().any(|done| done.id == *name)).unwrap_or_else(|| stamp(now_ms))
}

/// Whether the journal can tell of a change: a path that is no Unicode, for one, it cannot write down. What it cannot
/// tell is not begun.
fn can_be_told(store: &Store, change: &Change) -> Result<(), OperationError> {
    let record = Record::of(change, change.path().map(|path| backup_path(path, "")));
    let written = serde_json::to_vec(&record).map(|_| ());
    written.map_err(|error| OperationError::Io { path: store.dir.join(JOURNAL), reason: error.to_string() })
}

/// Who is changing this machine right now: what the live process that holds the lock noted of itself.
pub async fn under_way(host: &dyn Host, store: &Store) -> Option<String> {
    host.holder(store.dir.join(LOCK)).await
}

async fn append(host: &dyn Host, store: &Store, entry: &JournalLine) -> Result<(), OperationError> {
    let (live, _) = unbounded_channel();
    host.act(Operation::MakeDir { path: store.dir.clone(), mode: 0o700 }, live.clone()).await?;
    let path = store.dir.join(JOURNAL);
    let mut line = match serde_json::to_vec(entry) {
        Ok(line) => line,
        // A path that is no Unicode, for one: what the journal cannot tell is not done.
        Err(error) => return Err(OperationError::Io { path, reason: error.to_string() }),
    };
    line.push(b'\n');
    host.act(Operation::Append { path, content: line }, live).await.map(|_| ())
}

#[cfg(test)]
mod tests;
