//! A change that was broken off: the journal has its beginning and no end. The operator finishes it from a fresh plan,
//! takes it back from its backups, or leaves it; the first two are previewed like every other change.

use crate::core::journal::{JournalEntry, RecordKind};
use crate::core::remedies;
use crate::core::text::{Lang, Text};

/// The question about a change that was broken off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenOff {
    pub done: JournalEntry,
    /// The choice under the cursor.
    pub chosen: usize,
}

/// What can be done about a change that was broken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mending {
    /// Carry the remedy out from a fresh plan.
    Finish,
    /// Take back what was done of it.
    TakeBack,
    Leave,
}

impl Mending {
    /// In the order of their numbers.
    pub const ALL: [Mending; 3] = [Mending::Finish, Mending::TakeBack, Mending::Leave];

    pub fn label(self) -> Text {
        match self {
            Mending::Finish => {
                Text::fixed("Finish it (a fresh plan, previewed first)", "继续完成（重新生成方案，先预览）")
            }
            Mending::TakeBack => {
                Text::fixed("Take it back from the backups (previewed first)", "根据备份撤销（先预览）")
            }
            Mending::Leave => Text::fixed("Leave it as it is", "保持现状"),
        }
    }

    /// As [`Mending::label`], in a word or two.
    pub fn word(self) -> Text {
        match self {
            Mending::Finish => Text::fixed("finish it", "继续完成"),
            Mending::TakeBack => Text::fixed("take it back", "撤销"),
            Mending::Leave => Text::fixed("leave it", "保持现状"),
        }
    }
}

impl BrokenOff {
    /// What happened, and how far it came.
    pub fn told(&self) -> Vec<Text> {
        let (title, id, actor) = (remedies::title(self.done.remedy), &self.done.id, &self.done.actor);
        let mut out = vec![Text::filled(
            format!("{}: begun by {actor} and never finished, says the journal ({id}).", title.get(Lang::En)),
            format!("操作日志显示：“{}”已由 {actor} 开始执行，但没有完成（{id}）。", title.get(Lang::Zh)),
        )];
        out.extend(self.done.records.iter().map(|record| {
            let path = match &record.kind {
                RecordKind::Run(argv) => remedies::shell_line(argv),
                RecordKind::RenameTo(to) => format!("{} -> {}", record.path.display(), to.display()),
                RecordKind::Write
                | RecordKind::Remove
                | RecordKind::MakeDir
                | RecordKind::RemoveDir
                | RecordKind::PutGroup { .. }
                | RecordKind::MakeGroup { .. }
                | RecordKind::RemoveGroup { .. } => record.path.display().to_string(),
            };
            crate::say!("Begun: {path}", "已开始：{path}")
        }));
        out
    }
}
