//! What is cleared away before a plan begins: the temporaries of a process that was killed, and backups that nobody will
//! ask for any more. Only what this program made itself goes, and only while the lock is held.

use super::store::{Store, append, fingerprint};
use crate::core::journal::{JournalEntry, JournalLine, RecordKind, Recorded};
use crate::core::observe::Operation;
use crate::core::remedies::Change;
use crate::host::{Host, MutableHost};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use tokio::sync::mpsc::unbounded_channel;

/// The backups of so many newest entries are kept, however old they are.
const KEPT_ENTRIES: usize = 20;
/// Younger backups than this are kept, however many there are.
const KEPT_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// Removes the temporaries that killed processes left where this plan, or a change that was broken off, works.
pub(super) async fn sweep(host: &dyn MutableHost, changes: &[&Change], known: &[JournalEntry]) {
    let open: Vec<&JournalEntry> = known.iter().filter(|done| done.result == Recorded::Open).collect();
    let own = changes.iter().filter_map(|change| change.path());
    sweep_beside(host, own.chain(paths(&open)), &torn(host, &open).await).await;
}

/// Removes the temporaries beside the files of an entry that was taken back.
pub(super) async fn sweep_entry(host: &dyn MutableHost, done: &JournalEntry) {
    sweep_beside(host, paths(&[done]), &BTreeSet::new()).await;
}

/// The files that entries changed.
fn paths<'d>(entries: &[&'d JournalEntry]) -> impl Iterator<Item = &'d Path> {
    let records = entries.iter().flat_map(|done| &done.records);
    let files = records.filter(|record| matches!(record.kind, RecordKind::Write | RecordKind::Remove));
    files.map(|record| record.path.as_path()).collect::<Vec<_>>().into_iter()
}

/// The files that a kill left partly written: the temporary beside them is the proof of what they were to be, and undo
/// needs it.
async fn torn(host: &dyn Host, open: &[&JournalEntry]) -> BTreeSet<PathBuf> {
    let mut torn = BTreeSet::new();
    for record in open.iter().flat_map(|done| &done.records).filter(|record| record.kind == RecordKind::Write) {
        let now = fingerprint(host, &record.path).await;
        if now.is_none_or(|now| now != record.before && now != record.after) {
            torn.insert(record.path.clone());
        }
    }
    torn
}

async fn sweep_beside<'p>(host: &dyn MutableHost, paths: impl Iterator<Item = &'p Path>, torn: &BTreeSet<PathBuf>) {
    let mut spared: BTreeMap<PathBuf, Vec<String>> = BTreeMap::new();
    for (dir, path) in paths.filter_map(|path| Some((path.parent()?, path))) {
        let spare = spared.entry(dir.to_path_buf()).or_default();
        if let (true, Some(name)) = (torn.contains(path), path.file_name()) {
            spare.push(name.to_string_lossy().into_owned());
        }
    }
    for (dir, spare) in spared {
        let (live, _) = unbounded_channel();
        // What cannot be removed stays; it does no harm.
        let _ = host.perform(Operation::Sweep { dir, spare }, live).await;
    }
}

/// Removes old backups, and notes of each entry that it cannot be taken back any more. What is not whole keeps its
/// backups, however old it is.
pub(super) async fn prune(
    host: &dyn MutableHost,
    store: &Store,
    changes: &[&Change],
    known: &[JournalEntry],
    now_ms: i64,
) {
    let has_backups = |done: &&JournalEntry| {
        done.result == Recorded::Applied && !done.pruned && done.records.iter().any(|record| record.backup.is_some())
    };
    let old = known.iter().rev().filter(has_backups).skip(KEPT_ENTRIES);
    // What the plan itself works on may be a backup, or be taken back with one: it stays for now.
    let own: BTreeSet<&Path> = changes.iter().filter_map(|change| change.path()).collect();
    let is_wanted = |done: &JournalEntry| {
        let mut paths = done.records.iter().flat_map(|record| [Some(&record.path), record.backup.as_ref()]).flatten();
        paths.any(|path| own.contains(path.as_path()))
    };
    for done in old.filter(|done| now_ms.saturating_sub(done.at_ms) > KEPT_MS && !is_wanted(done)) {
        // The journal first: it must never promise a backup that is gone.
        if append(host, store, &JournalLine::Pruned { id: done.id.clone() }).await.is_err() {
            return;
        }
        for record in &done.records {
            if let Some(backup) = &record.backup {
                let (live, _) = unbounded_channel();
                // One that somebody changed is not the backup any more, and stays.
                let _ =
                    host.perform(Operation::Remove { path: backup.clone(), expect: record.before.clone() }, live).await;
            }
        }
    }
}
