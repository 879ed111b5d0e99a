//! Taking back a journal entry. What the journal tells is turned into a plan like any other: it is previewed, carried
//! out, journaled and verified in the same way.

use super::entry::{JournalEntry, Journals, RecordKind, read_journals};
use super::trust;
use super::undo::undo_plan;
use crate::core::agent::layout;
use crate::core::observe::{Observations, Unanswered};
use crate::core::remedies::{Planned, Restart, descriptor, for_root, restart_of, step_of, with_revival};
use crate::core::text::Text;
use crate::say;

/// Plans the undo of a journal entry: by its id, by a beginning of it that only one entry has, or `last` for the newest
/// that is not taken back.
///
/// # Errors
/// Something has not been looked at yet; the question was noted.
pub fn undo(entry: &str, journals: &Journals, see: &Observations) -> Result<Planned, Unanswered> {
    let all = read_journals(see, journals)?;
    if let Some(doubt) = trust::doubt_of_journals(journals, see)? {
        return Ok(Planned::Refused(doubt));
    }
    let done = match choose_entry(&all, entry) {
        Ok(done) => done,
        Err(text) => return Ok(Planned::Refused(text)),
    };
    if let Some(later) = later_change(&all, done) {
        let (id, later) = (&done.id, &later.id);
        let command = for_root(&["undo", later, "--yes"]);
        return Ok(Planned::Refused(say!(
            "{later} changed the same file after {id}; take that one back first: {command}",
            "{later} 在 {id} 之后修改了同一文件；请先撤销它：{command}"
        )));
    }
    let restart = match layout::find(see)?.first() {
        Some(agent) => restart_of(see, agent)?,
        None => Vec::new(),
    };
    let mut planned = undo_plan(see, done, step_of(done.remedy), &restart)?;
    if let Planned::Ready(mut plan) = planned {
        plan.is_roots = done.is_roots;
        match descriptor(done.remedy).restart {
            Restart::OwedButNotByUndo => {
                plan.restart.clear();
                return Ok(Planned::Ready(plan));
            }
            // A restart owed at the time may have been made since, as an entry of its own.
            Restart::Owed if plan.restart.is_empty() => plan.restart = restart,
            Restart::Owed | Restart::AsPlanned | Restart::IsOne => {}
        }
        planned = Planned::Ready(Box::new(with_revival(*plan, see)?));
    }
    Ok(planned)
}

/// The newest entry after this one that still stands and touched one of its files.
fn later_change<'a>(all: &'a [JournalEntry], done: &JournalEntry) -> Option<&'a JournalEntry> {
    let is_file = |kind: &RecordKind| !matches!(kind, RecordKind::Run(_));
    let touches = |other: &JournalEntry| {
        let mut records = other.records.iter().filter(|record| is_file(&record.kind));
        records.any(|record| done.records.iter().any(|own| is_file(&own.kind) && own.path == record.path))
    };
    all.iter().rev().take_while(|other| other.id != done.id).find(|other| other.stands() && touches(other))
}

/// The entry that is meant: by its id, by a beginning of it that only one entry has, or `last` for the newest that is not
/// taken back.
///
/// # Errors
/// The sentence that says why none is meant.
pub fn choose_entry<'a>(all: &'a [JournalEntry], entry: &str) -> Result<&'a JournalEntry, Text> {
    let entry = entry.trim();
    if entry.eq_ignore_ascii_case("last") {
        let standing = || all.iter().rev().filter(|done| done.stands());
        // A mere stop and start has nothing to take back, and hides the edit before it.
        return standing()
            .find(|done| done.can_be_taken_back())
            .or_else(|| standing().next())
            .ok_or_else(|| Text::fixed("The journal has nothing to take back.", "操作日志中没有可撤销的条目。"));
    }
    if let Some(done) = all.iter().find(|done| done.id == entry) {
        return Ok(done);
    }
    let meant: Vec<_> = all.iter().filter(|done| !entry.is_empty() && done.id.starts_with(entry)).collect();
    match meant.as_slice() {
        [only] => Ok(only),
        [] => Err(say!("The journal has no entry {entry}.", "操作日志中没有条目 {entry}。")),
        many => {
            let ids = many.iter().map(|done| done.id.as_str()).collect::<Vec<_>>().join(", ");
            Err(say!("{entry} could be any of {ids}.", "{entry} 可能是以下任一条目：{ids}。"))
        }
    }
}
