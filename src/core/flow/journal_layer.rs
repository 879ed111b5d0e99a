//! The journal on screen: what was changed on this host, newest first, and the way to take an entry back. Taking back
//! is a plan like any other: it is previewed first.

use crate::core::finding::RemedyId;
use crate::core::journal::{JournalEntry, Recorded};
use crate::core::remedies;
use crate::core::text::Text;

/// The journal as a layer.
#[derive(Debug, Clone, Default)]
pub struct JournalLayer {
    /// Newest first; None until it has been read.
    pub entries: Option<Vec<JournalEntry>>,
    /// The entry under the cursor, among those that the filter leaves.
    pub chosen: usize,
    /// Whether the newest change is to be taken back as soon as the journal is read.
    pub(super) takes_back_newest: bool,
}

/// Who is changing this host right now, beside this session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnderWay {
    /// The process that holds the lock beside the own journal, as it noted itself.
    pub own: Option<String>,
    /// The same beside root's journal, where that is another one.
    pub roots: Option<String>,
}

/// How an entry ended, in a word or two.
pub fn recorded_word(result: Recorded) -> Text {
    match result {
        Recorded::Open => Text::fixed("broken off", "中断"),
        Recorded::Applied => Text::fixed("applied", "已执行"),
        Recorded::RolledBack => Text::fixed("rolled back", "已回退"),
        Recorded::LeftOver => Text::fixed("partly rolled back", "部分回退"),
        Recorded::Undone => Text::fixed("undone", "已撤销"),
    }
}

/// The command that takes a journal entry back. An edit of a machine group stands in the journal of whoever made it; all
/// else is root's.
pub fn undo_command(entry: &str, remedy: RemedyId, is_roots: bool) -> String {
    let words = ["undo", entry, "--yes"];
    let is_at_service = remedies::descriptor(remedy).acts_on == remedies::ActsOn::MachineGroup;
    if is_at_service && !is_roots { remedies::for_this_user(&words) } else { remedies::for_root(&words) }
}
