//! How a remedy on screen moves: plan, preview, apply, verify, outcome. The only place where a change is ordered, and
//! only after the preview's button was pressed.

use super::remedy_layer::push_line;
use super::{Button, Effect, Form, Layer, Notice, Offered, Place, Purpose, RemedyLayer, Session, Stage, Way};
use crate::carry_out::{Applied, AppliedResult, ChangeState, Consent, ConsentBy, Progress, is_reversible};
use crate::finding::{RemedyId, StepId, Verdict};
use crate::remedies::{self, Change, Inputs, Plan, Planned};
use crate::say;
use crate::text::{Lang, Text};

/// How the waiting for the proof of a cure ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// The step holds.
    Holds,
    /// Patience ended before.
    Missing,
    /// The operator would not wait any longer.
    Stopped,
}

impl Session {
    pub(super) fn stage_mut(&mut self) -> Option<&mut Stage> {
        self.remedy_layer().map(|layer| &mut layer.stage)
    }

    pub(super) fn remedy_layer(&mut self) -> Option<&mut RemedyLayer> {
        self.layers.iter_mut().rev().find_map(|layer| match layer {
            Layer::Remedy(layer) => Some(layer.as_mut()),
            _ => None,
        })
    }

    /// A remedy's inputs are complete: what they tell of the cloud side is kept, and the remedy is planned.
    pub(super) fn replan(&mut self, inputs: Inputs) -> Vec<Effect> {
        let Some(layer) = self.remedy_layer() else { return Vec::new() };
        let remedy = layer.remedy;
        layer.enter(Stage::Planning);
        let mut effects = Vec::new();
        if inputs.context != self.context {
            effects.extend(self.judge(inputs.context.clone()));
        }
        effects.push(Effect::Plan(remedy, Box::new(inputs)));
        effects
    }

    pub(super) fn planned(&mut self, planned: Planned) -> Vec<Effect> {
        let (context, regions) = (self.context.clone(), self.regions.clone());
        let addresses = self.around.addresses.clone();
        let Some(layer) = self.remedy_layer().filter(|layer| matches!(layer.stage, Stage::Planning)) else {
            return Vec::new();
        };
        let title = remedies::title(layer.remedy);
        layer.enter(match planned {
            Planned::Ready(plan) => Stage::Preview { plan },
            Planned::Needs(wanted) => Stage::Asking(Box::new(Form::new(
                title,
                Purpose::Remedy,
                &wanted,
                Inputs::from_context(&context),
                Offered { regions: &regions, addresses: &addresses },
            ))),
            Planned::Already(said) => {
                Stage::Outcome { plan: None, applied: None, output: Vec::new(), cured: true, said }
            }
            Planned::Refused(said) => {
                Stage::Outcome { plan: None, applied: None, output: Vec::new(), cured: false, said }
            }
        });
        Vec::new()
    }

    /// The buttons of the remedy on top; the first never changes the machine.
    pub fn buttons(&self) -> Vec<Button> {
        let Some(Layer::Remedy(layer)) = self.layers.last() else { return Vec::new() };
        let may_change = layer_plan(layer).map_or(self.may_change(), |plan| self.way_for(plan) != Way::Never);
        layer_buttons(layer)
            .into_iter()
            .filter(|button| match button {
                Button::Apply | Button::ApplyAndRestart | Button::ApplyOnly | Button::Undo => may_change,
                Button::CopyCommand => !may_change,
                Button::Watch => !self.context.no_cloud,
                Button::Cancel | Button::Continue => true,
            })
            .collect()
    }

    pub(super) fn press(&mut self, button: Button) -> Vec<Effect> {
        match button {
            Button::Cancel | Button::Continue => self.close(),
            Button::Apply | Button::ApplyAndRestart => self.apply(true),
            Button::ApplyOnly => self.apply(false),
            Button::CopyCommand => vec![Effect::Copy(self.clip())],
            Button::Watch => {
                let mut effects = self.close();
                effects.extend(self.watch());
                effects
            }
            Button::Undo => {
                let Some(layer) = self.remedy_layer() else { return Vec::new() };
                let Stage::Outcome { plan: Some(plan), applied: Some(applied), .. } = &layer.stage else {
                    return Vec::new();
                };
                let (verify, Some(entry)) = (plan.verify, applied.entry.clone()) else { return Vec::new() };
                layer.is_undo = true;
                layer.enter(Stage::Planning);
                self.undoing = Some(entry.clone());
                vec![Effect::PlanUndo { entry, verify }]
            }
        }
    }

    /// Only here a change is ordered: the preview is on screen and its button was pressed.
    fn apply(&mut self, with_restart: bool) -> Vec<Effect> {
        let undoes = self.undoing.clone();
        let Some(Stage::Preview { plan }) = self.stage_mut() else { return Vec::new() };
        let plan = plan.clone();
        if self.way_for(&plan) == Way::Never {
            return Vec::new();
        }
        let Some(layer) = self.remedy_layer() else { return Vec::new() };
        let count = plan.changes.len() + if with_restart { plan.restart.len() } else { 0 };
        let states = vec![ChangeState::Waiting; count];
        layer.enter(Stage::Applying { plan: plan.clone(), states, output: Vec::new() });
        if !with_restart && !plan.restart.is_empty() {
            self.owed_restart.push(plan.remedy);
        }
        vec![Effect::Apply { plan, with_restart, consent: Consent::given(ConsentBy::Button), undoes }]
    }

    pub(super) fn progress(&mut self, progress: Progress) {
        if let Some(Stage::Applying { states, output, .. }) = self.stage_mut() {
            match progress {
                Progress::State(number, state) => {
                    if let Some(known) = states.get_mut(number) {
                        *known = state;
                    }
                }
                Progress::Line(line) => push_line(output, line),
            }
        }
    }

    pub(super) fn applied(&mut self, applied: Applied) -> Vec<Effect> {
        let Some(layer) = self.remedy_layer() else { return Vec::new() };
        let Stage::Applying { plan, output, states } = &layer.stage else { return Vec::new() };
        let (plan, output, changed) = (plan.clone(), output.clone(), states.len());
        let remedy = layer.remedy;
        let is_undo = layer.is_undo;
        let said = match &applied.result {
            AppliedResult::Applied => {
                let with_restart = changed > plan.changes.len() || remedy_restarts(remedy);
                let seconds = plan.patience.as_secs();
                let (step, remedy) = (plan.verify, plan.remedy);
                layer.enter(Stage::Verifying { plan, applied, output, seconds_left: seconds });
                self.pulses.clear();
                if with_restart {
                    self.owed_restart.clear();
                }
                return vec![Effect::Verify { step, remedy, seconds: if is_undo { 0 } else { seconds } }];
            }
            AppliedResult::Stale(path) => {
                // Somebody else edited the file between preview and apply: back to a fresh preview.
                let path = path.display().to_string();
                layer.enter(Stage::Planning);
                self.owed_restart.retain(|owed| *owed != remedy);
                self.notice = Some(Notice {
                    text: say!(
                        "{path} changed since the preview. Nothing was done; this is the new preview.",
                        "{path} 在预览之后发生了变化。未做任何更改；这是新的预览。"
                    ),
                    is_problem: true,
                });
                let inputs = Box::new(Inputs::again(&self.context, &plan));
                return match self.undoing.clone() {
                    Some(entry) => vec![Effect::PlanUndo { entry, verify: plan.verify }],
                    None => vec![Effect::Plan(remedy, inputs)],
                };
            }
            AppliedResult::RolledBack(reason) => {
                let (en, zh) = (reason.get(Lang::En), reason.get(Lang::Zh));
                Text::filled(
                    format!("{en} What had been changed before was taken back."),
                    format!("{zh} 之前所做的更改已回退。"),
                )
            }
            AppliedResult::Refused(reason) | AppliedResult::Busy(reason) | AppliedResult::LeftOver(reason) => {
                reason.clone()
            }
        };
        layer.enter(Stage::Outcome { plan: Some(plan), applied: Some(applied), output, cured: false, said });
        self.owed_restart.retain(|owed| *owed != remedy);
        vec![Effect::RecheckAll]
    }

    pub(super) fn verified(&mut self, proof: Proof) -> Vec<Effect> {
        let cured = proof == Proof::Holds;
        let undone = self.undoing.take();
        let owes = !self.owed_restart.is_empty();
        let Some(layer) = self.remedy_layer() else { return Vec::new() };
        let Stage::Verifying { plan, applied, output, .. } = &layer.stage else { return Vec::new() };
        let (plan, applied, output) = (plan.clone(), applied.clone(), output.clone());
        let (remedy, entry) = (layer.remedy, applied.entry.clone());
        let is_heartbeat = plan.verify == StepId::Heartbeat;
        let said = match (layer.is_undo, cured, owes) {
            (true, ..) => Text::fixed("Taken back.", "已撤销。"),
            (_, true, _) if is_heartbeat => {
                Text::fixed("Cured: a heartbeat newer than the change has arrived.", "已修复：已收到更改之后的心跳。")
            }
            (_, true, _) => Text::fixed("Cured: the step was checked again and holds.", "已修复：重新检查通过。"),
            (_, false, true) => Text::fixed(
                "Applied. It takes effect after the restart that is still owed.",
                "已执行。需要重启 Agent 后才会生效（重启尚未执行）。",
            ),
            (_, false, false) if proof == Proof::Stopped => Text::fixed(
                "Applied. Not proven yet: the waiting was ended before the step held.",
                "已执行。尚未验证：在该步骤通过之前停止了等待。",
            ),
            (_, false, false) if is_heartbeat => Text::fixed(
                "Applied. Not proven yet: no heartbeat newer than the change has come so far.",
                "已执行。尚未验证：目前还没有收到更改之后的心跳。",
            ),
            (_, false, false) => Text::fixed(
                "Applied, but the step still fails. Look at its new evidence.",
                "已执行，但该步骤仍未通过。请查看新的证据。",
            ),
        };
        let is_undo = layer.is_undo;
        layer.enter(Stage::Outcome { plan: Some(plan), applied: Some(applied), output, cured, said });
        if is_undo {
            self.done.retain(|(_, known, _)| *known != undone);
        } else {
            self.done.push((remedy, entry, cured));
        }
        Vec::new()
    }

    /// After a remedy: on to the first step that fails now, or onward when nothing does.
    pub(super) fn after_remedy(&mut self) {
        self.undoing = None;
        let here = match self.place {
            Place::Step(step) => self.finding(step).is_some_and(|f| f.verdict == Verdict::Fail),
            Place::Ticket | Place::Finish => false,
        };
        if !here && matches!(self.place, Place::Step(_)) {
            let to = self.stopped_at().map_or(Place::Finish, Place::Step);
            self.walk_to(to);
        }
        self.clamp();
    }
}

/// The step that a remedy on screen belongs to.
pub(super) fn layer_step(layer: &RemedyLayer) -> StepId {
    match &layer.stage {
        Stage::Preview { plan } | Stage::Applying { plan, .. } | Stage::Verifying { plan, .. } => plan.verify,
        Stage::Outcome { plan: Some(plan), .. } => plan.verify,
        Stage::Asking(_) | Stage::Planning | Stage::Outcome { plan: None, .. } => StepId::Installed,
    }
}

/// The plan of a remedy on screen, once there is one.
fn layer_plan(layer: &RemedyLayer) -> Option<&Plan> {
    match &layer.stage {
        Stage::Preview { plan } | Stage::Applying { plan, .. } | Stage::Verifying { plan, .. } => Some(plan),
        Stage::Outcome { plan, .. } => plan.as_deref(),
        Stage::Asking(_) | Stage::Planning => None,
    }
}

/// The buttons that a stage has, before privilege is considered.
fn layer_buttons(layer: &RemedyLayer) -> Vec<Button> {
    match &layer.stage {
        Stage::Preview { plan } if !plan.is_automatic() => vec![Button::Cancel],
        Stage::Preview { plan } if plan.restart.is_empty() || plan.changes.is_empty() => {
            vec![Button::Cancel, Button::Apply, Button::CopyCommand]
        }
        Stage::Preview { .. } => {
            vec![Button::Cancel, Button::ApplyAndRestart, Button::ApplyOnly, Button::CopyCommand]
        }
        Stage::Outcome { plan: Some(plan), applied: Some(applied), cured, .. }
            if !layer.is_undo && applied.result == AppliedResult::Applied =>
        {
            let undo = plan.changes.iter().any(can_be_undone).then_some(Button::Undo);
            // Where the heartbeat is the proof and has come, there is nothing left to watch for.
            let watch = (*cured != (plan.verify == StepId::Heartbeat)).then_some(Button::Watch);
            [Some(Button::Continue), undo, watch].into_iter().flatten().collect()
        }
        Stage::Outcome { .. } => vec![Button::Continue],
        Stage::Asking(_) | Stage::Planning | Stage::Applying { .. } | Stage::Verifying { .. } => Vec::new(),
    }
}

/// Whether undo could take the change back: not a stop, a start or an installer.
fn can_be_undone(change: &Change) -> bool {
    match change {
        Change::Run { argv, .. } => is_reversible(argv),
        Change::Signal { .. } | Change::AwaitAgent { .. } => false,
        Change::WriteFile { .. }
        | Change::RemoveFile { .. }
        | Change::RenameFile { .. }
        | Change::MakeDir { .. }
        | Change::RemoveDir { .. }
        | Change::PutGroup { .. }
        | Change::MakeGroup { .. }
        | Change::RemoveGroup { .. } => true,
    }
}

/// Whether a remedy is itself a restart of the agent.
fn remedy_restarts(remedy: RemedyId) -> bool {
    matches!(remedy, RemedyId::StartAgent | RemedyId::RestartAgent | RemedyId::ReinstallAgent | RemedyId::UpgradeAgent)
}

/// The command that carries out this plan without the wizard: by root, or from a script.
pub fn command_for(plan: &Plan) -> String {
    let sudo = plan.needs_root().then_some("sudo");
    let words = sudo.into_iter().chain(["logtail-doctor", "fix", plan.remedy.id()]);
    let mut argv: Vec<String> = words.map(str::to_string).collect();
    for (input, value) in &plan.inputs {
        argv.extend(["--set".to_string(), format!("{}={value}", input.id())]);
    }
    remedies::shell_line(&argv)
}
