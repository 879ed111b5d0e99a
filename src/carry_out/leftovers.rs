//! What an undo leaves: the proof that everything is as it was, and the clearing away of what the entry left beside its
//! files.

use super::cleanup;
use super::store::fingerprint;
use crate::core::journal::{JournalEntry, RecordKind, Recorded};
use crate::core::observe::{Fingerprint, Operation};
use crate::core::text::Text;
use crate::host::{Host, MutableHost};
use crate::say;
use std::path::{Path, PathBuf};
use tokio::sync::mpsc::unbounded_channel;

/// What is not as it was before an entry, after it was taken back; None when everything is.
pub(super) async fn left(host: &dyn Host, done: Option<&JournalEntry>) -> Option<Text> {
    let mut seen: Vec<&Path> = Vec::new();
    for record in done.into_iter().flat_map(|done| &done.records) {
        // Of several changes of one file the first one knows what it was.
        if !matches!(record.kind, RecordKind::Write | RecordKind::Remove) || seen.contains(&record.path.as_path()) {
            continue;
        }
        seen.push(&record.path);
        if fingerprint(host, &record.path).await.as_ref() != Some(&record.before) {
            let path = record.path.display();
            return Some(say!(
                "{path} was written back, but it is not what it was before the change: somebody else changes it at the same time.",
                "{path} 已写回，但内容与更改之前不一致：可能有其他人同时在修改。"
            ));
        }
    }
    None
}

/// Removes what an entry that was taken back left beside its files: its backups, and the temporaries of a process that
/// was killed. What cannot be removed stays; it does no harm.
pub(super) async fn tidy(host: &dyn MutableHost, done: &JournalEntry) {
    let act = async |act: Operation| {
        let (live, _) = unbounded_channel();
        let _ = host.perform(act, live).await;
    };
    let remove = async |path: PathBuf, expect: Fingerprint| act(Operation::Remove { path, expect }).await;
    for record in &done.records {
        if let Some(backup) = &record.backup {
            remove(backup.clone(), record.before.clone()).await;
        }
    }
    if done.result == Recorded::Open {
        cleanup::sweep_entry(host, done).await;
    }
    // A directory that was made for the change may have held nothing but a backup until now.
    for record in done.records.iter().rev().filter(|record| record.kind == RecordKind::MakeDir) {
        act(Operation::RemoveDir { path: record.path.clone() }).await;
    }
}
