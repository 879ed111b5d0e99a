//! The life of one remedy on screen: asking, planning, preview, applying, verifying, outcome. Data and small moves;
//! the keys are handled in `steering`.

use super::Form;
use crate::core::finding::{RemedyId, StepId};
use crate::core::journal::{Applied, AppliedResult, ChangeState};
use crate::core::observe::LiveLine;
use crate::core::remedies::Plan;
use crate::core::text::Text;

/// At most this many lines of a command's output are kept on screen.
const OUTPUT_LINES: usize = 500;

/// A button of the preview or the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Button {
    Cancel,
    Apply,
    /// Apply the edits and restart the agent now.
    ApplyAndRestart,
    /// Apply the edits; the restart stays owed.
    ApplyOnly,
    Continue,
    Undo,
    CopyCommand,
    /// Watch for the heartbeat that proves the cure.
    Watch,
    /// The agent did not stop when it was asked: restart it by force, after a preview.
    Force,
    /// The steps were done by hand; the step is to be checked again.
    DoneByHand,
}

impl Button {
    pub fn label(self) -> Text {
        match self {
            Button::Cancel => Text::fixed("Cancel", "取消"),
            Button::Apply => Text::fixed("Apply", "执行"),
            Button::ApplyAndRestart => Text::fixed("Apply and restart", "执行并重启"),
            Button::ApplyOnly => Text::fixed("Apply, restart later", "执行，稍后重启"),
            Button::Continue => Text::fixed("Continue", "继续"),
            Button::Undo => Text::fixed("Undo", "撤销"),
            Button::Watch => Text::fixed("Watch for the heartbeat", "等待并观察心跳"),
            Button::CopyCommand => Text::fixed("Copy the command", "复制命令"),
            Button::Force => Text::fixed("Force it to stop", "强制停止"),
            Button::DoneByHand => Text::fixed("Done, check again", "已完成，重新检查"),
        }
    }
}

/// Where the remedy stands.
#[derive(Debug, Clone)]
pub enum Stage {
    /// Values are missing.
    Asking(Box<Form>),
    /// The plan waits for observations.
    Planning,
    /// The plan lies before the operator.
    Preview { plan: Box<Plan> },
    /// The changes are being made.
    Applying { plan: Box<Plan>, states: Vec<ChangeState>, output: Vec<LiveLine> },
    /// The step is checked again and again until it holds or patience ends.
    Verifying { plan: Box<Plan>, applied: Applied, output: Vec<LiveLine>, seconds_left: u64 },
    /// It is over; or there was nothing to do (`said` tells).
    Outcome { plan: Option<Box<Plan>>, applied: Option<Applied>, output: Vec<LiveLine>, cured: bool, said: Text },
}

/// A remedy on screen.
#[derive(Debug, Clone)]
pub struct RemedyLayer {
    pub remedy: RemedyId,
    pub stage: Stage,
    /// The focused button; the first one never changes the machine.
    pub focus: usize,
    /// First visible line of the text.
    pub scroll: usize,
    /// The page on which it was chosen; its causes are what the remedy has to cure.
    pub chosen_at: Option<StepId>,
    /// Whether this undoes an earlier change.
    pub is_undo: bool,
    /// Whether it ended because an agent did not stop when it was asked, and force was not chosen.
    pub may_force: bool,
}

impl RemedyLayer {
    pub fn new(remedy: RemedyId) -> RemedyLayer {
        RemedyLayer {
            remedy,
            stage: Stage::Planning,
            focus: 0,
            scroll: 0,
            chosen_at: None,
            is_undo: false,
            may_force: false,
        }
    }

    /// The same, chosen on the page of a step.
    pub fn chosen_at(self, page: Option<StepId>) -> RemedyLayer {
        RemedyLayer { chosen_at: page, ..self }
    }

    /// Whether there is nothing left to decide or to wait for.
    pub fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Outcome { .. })
    }

    /// The plan that was refused as a whole: nothing of it was begun, so somebody else may still carry it out.
    pub fn refused_plan(&self) -> Option<&Plan> {
        match &self.stage {
            Stage::Outcome { plan: Some(plan), applied: Some(applied), .. } => {
                matches!(applied.result, AppliedResult::Refused(_)).then_some(plan.as_ref())
            }
            _ => None,
        }
    }

    /// Moves on to another stage, with the focus on its first button.
    pub fn enter(&mut self, stage: Stage) {
        self.stage = stage;
        self.focus = 0;
        self.scroll = 0;
    }
}

/// Keeps a line that a command printed; the oldest goes when there are too many.
pub(super) fn push_line(output: &mut Vec<LiveLine>, line: LiveLine) {
    if output.len() >= OUTPUT_LINES {
        output.remove(0);
    }
    output.push(line);
}
