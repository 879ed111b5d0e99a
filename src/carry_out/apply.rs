//! One plan from consent to its end: freshness, journal, backup, change, and roll-back when one fails.

use super::failure::group_moved;
use super::store::{Store, append, can_be_told, fingerprint, known, lock, no_journal, unused_stamp};
use super::trust;
use super::work::Work;
use super::{cleanup, leftovers};
use crate::core::journal::{Applied, AppliedResult, ChangeState, JournalEntry, JournalLine, Order, Progress, Recorded};
use crate::core::observe::{Answer, Question};
use crate::core::remedies::Change;
use crate::host::MutableHost;
use std::collections::BTreeSet;
use std::path::Path;
use tokio::sync::mpsc::UnboundedSender;

/// Carries out an order while the lock is held.
async fn carry_out_alone(
    host: &dyn MutableHost,
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
    let leaves = |change: &&&Change| matches!(change, Change::RemoveDir { .. });
    work.leaving = changes.iter().filter(leaves).filter_map(|change| change.path()).map(Path::to_path_buf).collect();
    if let Err(error) = work
        .journal(&JournalLine::Begin {
            id: id.clone(),
            at_ms: now_ms,
            remedy: plan.remedy,
            actor: store.actor.clone(),
            consent: consent.how(),
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
pub(super) async fn carry_out(
    host: &dyn MutableHost,
    store: &Store,
    order: &Order,
    progress: UnboundedSender<Progress>,
) -> Applied {
    let _held = match lock(host, store).await {
        Ok(held) => held,
        Err(applied) => return applied,
    };
    let mut applied = carry_out_alone(host, store, order, progress).await;
    if let (AppliedResult::Applied, Some(id)) = (&applied.result, &order.undoes) {
        let ids: Vec<String> = [Some(id.clone()), applied.entry.clone()].into_iter().flatten().collect();
        let known = known(host, store).await;
        let taken_back = known.iter().find(|done| done.id == *id);
        if let Some(left) = leftovers::left(host, taken_back).await {
            applied.result = AppliedResult::LeftOver(left);
            return applied;
        }
        // Both entries then count as taken back: undoing an undo would be a new remedy.
        count_as_taken_back(host, store, &known, &ids).await;
        applied.backups.clear();
    }
    applied
}

/// Closes an entry of the journal in `store` of which nothing is left to take back; any other one stays as it is.
pub(super) async fn close_own(host: &dyn MutableHost, store: &Store, id: &str) {
    let Ok(_held) = lock(host, store).await else { return };
    let known = known(host, store).await;
    let stands = |done: &&JournalEntry| done.id == id && done.stands();
    let Some(done) = known.iter().find(stands) else { return };
    if leftovers::left(host, Some(done)).await.is_none() {
        count_as_taken_back(host, store, &known, &[id.to_string()]).await;
    }
}

/// Journals that these entries were taken back, and removes what they left beside their files. Should a line not be
/// written, the fingerprints still keep a second undo from doing harm.
async fn count_as_taken_back(host: &dyn MutableHost, store: &Store, known: &[JournalEntry], ids: &[String]) {
    for id in ids {
        let _ = append(host, store, &JournalLine::Undone { id: id.clone() }).await;
    }
    // The newest first: what an undo itself left lies in a directory that the change may have made.
    for done in known.iter().rev().filter(|done| ids.contains(&done.id)) {
        leftovers::tidy(host, done).await;
    }
}
