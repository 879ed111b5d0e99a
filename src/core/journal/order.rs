//! What `carry_out` is asked for and what it says of it: the order with its consent, the progress, the result. Data only.

use crate::core::observe::LiveLine;
use crate::core::remedies::Plan;
use crate::core::text::Text;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

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

    pub fn how(self) -> ConsentBy {
        self.how
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
