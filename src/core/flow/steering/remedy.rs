//! How a remedy on screen moves: plan, preview, apply, verify, outcome. The only place where a change is ordered, and
//! only after the preview's button was pressed.

use crate::core::finding::{RemedyId, StepId, Verdict};
use crate::core::flow::remedy_layer::push_line;
use crate::core::flow::session::Afterwards;
use crate::core::flow::{
    Button, Choice, Effect, Form, Layer, Notice, Offered, Place, Proof, Purpose, RemedyLayer, Session, Stage, Way,
};
use crate::core::journal::{Applied, AppliedResult, ChangeState, Consent, ConsentBy, Order, Progress, can_be_undone};
use crate::core::remedies::{self, Change, Inputs, Plan, Planned};
use crate::core::text::Text;
use crate::say;

impl Session {
    /// The page on which the remedy on top was chosen.
    pub fn chosen_at(&self) -> Option<StepId> {
        let mut remedies = self.layers.iter().rev().filter_map(|layer| match layer {
            Layer::Remedy(layer) => Some(layer.chosen_at),
            _ => None,
        });
        remedies.next().flatten()
    }

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

    /// The addresses that a form offers: those of this host; where no interface carries one, as behind a translation,
    /// those that the machine group lists.
    pub(super) fn addresses(&self) -> Vec<Choice> {
        if !self.around.addresses.is_empty() {
            return self.around.addresses.clone();
        }
        let label = || Text::fixed("listed in the machine group", "机器组中列出的 IP");
        self.context.group_ips.iter().map(|ip| Choice { value: ip.to_string(), label: label() }).collect()
    }

    pub(super) fn planned(&mut self, planned: Planned) -> Vec<Effect> {
        let (context, regions) = (self.context.clone(), self.regions.clone());
        let addresses = self.addresses();
        let Some(layer) = self.remedy_layer().filter(|layer| matches!(layer.stage, Stage::Planning)) else {
            return Vec::new();
        };
        let title = remedies::title(layer.remedy);
        let is_gone = layer.is_undo && matches!(planned, Planned::Already(_));
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
        if is_gone {
            // Somebody took it back by hand: nothing of it is left that this session changed.
            let undoing = self.undoing.clone();
            self.done.retain(|(_, known, _)| *known != undoing);
        }
        Vec::new()
    }

    fn heartbeat_is_there(&self) -> bool {
        let verdict = self.finding(StepId::Heartbeat).map(|finding| finding.verdict);
        matches!(verdict, Some(Verdict::Pass | Verdict::Warn))
    }

    /// Whether the proof of the remedy on top is the heartbeat, and it has come.
    fn has_heartbeat_come(&self, layer: &RemedyLayer) -> bool {
        layer_plan(layer).is_some_and(|plan| plan.verify == StepId::Heartbeat) && self.heartbeat_is_there()
    }

    /// The buttons of the remedy on top; the first never changes the machine.
    pub fn buttons(&self) -> Vec<Button> {
        let Some(Layer::Remedy(layer)) = self.layers.last() else { return Vec::new() };
        let may_change = layer_plan(layer).map_or(self.may_change(), |plan| self.way_for(plan) != Way::Never);
        layer_buttons(layer)
            .into_iter()
            .filter(|button| match button {
                Button::Apply | Button::ApplyAndRestart | Button::ApplyOnly | Button::Undo | Button::Force => {
                    may_change
                }
                // What was refused as a whole somebody else can still do.
                Button::CopyCommand => !may_change || layer.is_over(),
                // Where the heartbeat is the proof and has come, there is nothing left to watch for.
                Button::Watch => !self.context.no_cloud && !self.has_heartbeat_come(layer),
                Button::Cancel | Button::Continue | Button::DoneByHand => true,
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
            Button::Force => self.plan_force(),
            Button::DoneByHand => self.check_what_was_done_by_hand(),
            Button::Undo => {
                let Some(layer) = self.remedy_layer() else { return Vec::new() };
                let Stage::Outcome { applied: Some(Applied { entry: Some(entry), .. }), .. } = &layer.stage else {
                    return Vec::new();
                };
                let entry = entry.clone();
                layer.is_undo = true;
                layer.enter(Stage::Planning);
                self.undoing = Some(entry.clone());
                vec![Effect::PlanUndo(entry)]
            }
        }
    }

    /// Plans the same with force; a remedy that only ends with a restart gives way to the restart. Previewed like every
    /// other plan.
    fn plan_force(&mut self) -> Vec<Effect> {
        let context = self.context.clone();
        let Some(layer) = self.remedy_layer() else { return Vec::new() };
        let Stage::Outcome { plan: Some(plan), .. } = &layer.stage else { return Vec::new() };
        let knows_force = remedies::descriptor(plan.remedy).can_be_forced;
        let (remedy, inputs) = match knows_force && !layer.is_undo {
            true => (plan.remedy, Inputs::again(&context, plan)),
            false => (RemedyId::RestartAgent, Inputs::from_context(&context)),
        };
        *layer = RemedyLayer::new(remedy).chosen_at(layer.chosen_at);
        self.undoing = None;
        vec![Effect::Plan(remedy, Box::new(Inputs { force: true, ..inputs }))]
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
        let consent = Consent::given(ConsentBy::Button);
        vec![Effect::Apply(Box::new(Order { plan: *plan, with_restart, consent, undoes }))]
    }

    /// The operator did the steps of the preview: they are verified as those of a plan that was carried out.
    fn check_what_was_done_by_hand(&mut self) -> Vec<Effect> {
        let Some(Stage::Preview { plan }) = self.stage_mut() else { return Vec::new() };
        let plan = plan.clone();
        let (step, remedy, seconds) = (plan.verify, plan.remedy, plan.patience_for(false).as_secs());
        let applied = Applied { result: AppliedResult::Applied, entry: None, backups: Vec::new() };
        let Some(layer) = self.remedy_layer() else { return Vec::new() };
        layer.enter(Stage::Verifying { plan, applied, output: Vec::new(), seconds_left: seconds });
        self.forget_the_console().into_iter().chain([Effect::Verify { step, remedy, seconds }]).collect()
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
        let may_force = has_not_stopped(plan, states);
        let (mut plan, output, changed) = (plan.clone(), output.clone(), states.len());
        let (remedy, is_undo) = (layer.remedy, layer.is_undo);
        let mut effects = Vec::new();
        let said = match &applied.result {
            AppliedResult::Applied => {
                let (step, remedy) = (plan.verify, plan.remedy);
                let restarted = changed > plan.changes.len() || (!is_undo && remedies::descriptor(remedy).is_restart());
                let owes = self.settle_restarts(&plan, restarted, is_undo);
                if changed <= plan.changes.len() {
                    // From here on the plan tells what was carried out.
                    plan.restart.clear();
                }
                // What takes effect only after a restart, or was taken back, needs one look and no patience.
                let seconds =
                    if is_undo || owes { 0 } else { plan.patience_for(changed > plan.changes.len()).as_secs() };
                effects.extend(self.forget_the_console());
                effects.push(Effect::Verify { step, remedy, seconds });
                let Some(layer) = self.remedy_layer() else { return Vec::new() };
                layer.enter(Stage::Verifying { plan, applied, output, seconds_left: seconds });
                self.pulses.clear();
                effects.extend(self.afterwards());
                return effects;
            }
            AppliedResult::Stale(path) if !self.afterwards.quits => {
                // Somebody else edited the file between preview and apply: back to a fresh preview.
                let path = path.display().to_string();
                if let Some(layer) = self.remedy_layer() {
                    layer.enter(Stage::Planning);
                }
                self.notice = Some(Notice {
                    text: say!(
                        "{path} changed since the preview. Nothing was done; this is the new preview.",
                        "{path} 在预览之后发生了变化。未做任何更改；这是新的预览。"
                    ),
                    is_problem: true,
                });
                let inputs = Box::new(Inputs::again(&self.context, &plan));
                effects.push(match self.undoing.clone() {
                    Some(entry) => Effect::PlanUndo(entry),
                    None => Effect::Plan(remedy, inputs),
                });
                effects.extend(self.afterwards());
                return effects;
            }
            AppliedResult::Stale(path) => {
                let path = path.display();
                say!(
                    "{path} changed since the preview. Nothing was done.",
                    "{path} 在预览之后发生了变化。未做任何更改。"
                )
            }
            AppliedResult::RolledBack(reason) => rolled_back(reason),
            AppliedResult::Refused(reason) | AppliedResult::Busy(reason) | AppliedResult::LeftOver(reason) => {
                reason.clone()
            }
        };
        if let Some(layer) = self.remedy_layer() {
            layer.may_force = may_force;
            layer.enter(Stage::Outcome { plan: Some(plan), applied: Some(applied), output, cured: false, said });
        }
        effects.push(Effect::RecheckAll);
        effects.extend(self.afterwards());
        effects
    }

    /// What waited for the end of the change under way.
    fn afterwards(&mut self) -> Vec<Effect> {
        let Afterwards { quits, suspends } = std::mem::take(&mut self.afterwards);
        if quits {
            // Whoever leaves does not wait for the proof.
            self.verified(Proof::Stopped);
            return self.quit();
        }
        if suspends { vec![Effect::Suspend] } else { Vec::new() }
    }

    /// Keeps the account of owed restarts after a plan was carried out; returns whether the plan's own is owed now.
    fn settle_restarts(&mut self, plan: &Plan, restarted: bool, is_undo: bool) -> bool {
        if restarted {
            // One restart serves every edit before it.
            self.owed_restart.clear();
            return false;
        }
        if is_undo && let Some(at) = self.owed_restart.iter().rposition(|owed| *owed == plan.remedy) {
            // The agent never read the edit, so there is nothing that it would have to unlearn.
            self.owed_restart.remove(at);
            return false;
        }
        let owes = !plan.restart.is_empty();
        if owes {
            self.owed_restart.push(plan.remedy);
        }
        owes
    }

    /// The session ended while a change was under way, which came to this afterwards; None when its end did not come in
    /// time. Only the summary is left to tell it.
    pub fn left_while_changing(&mut self, applied: Option<Applied>) {
        let Some(layer) = self.remedy_layer() else { return };
        let Stage::Applying { plan, states, .. } = &layer.stage else { return };
        let (plan, changed, is_undo) = (plan.clone(), states.len(), layer.is_undo);
        let Some(Applied { result: AppliedResult::Applied, entry, .. }) = applied else { return };
        let restarted = changed > plan.changes.len() || (!is_undo && remedies::descriptor(plan.remedy).is_restart());
        self.settle_restarts(&plan, restarted, is_undo);
        let undone = self.undoing.take();
        if is_undo {
            self.done.retain(|(_, known, _)| *known != undone);
        } else {
            self.done.push((plan.remedy, entry.filter(|_| can_be_undone(&plan)), false));
        }
    }

    pub(super) fn verified(&mut self, proof: Proof) {
        let undone = self.undoing.take();
        let cured = proof.is_cured();
        let Some(layer) = self.remedy_layer() else { return };
        let Stage::Verifying { plan, applied, output, .. } = &layer.stage else { return };
        let (plan, applied, output) = (plan.clone(), applied.clone(), output.clone());
        let entry = applied.entry.clone().filter(|_| is_undoable(&plan, &applied));
        let (remedy, is_undo, is_by_hand) = (layer.remedy, layer.is_undo, !plan.is_automatic());
        let owes = self.owed_restart.contains(&remedy);
        let is_heartbeat = plan.verify == StepId::Heartbeat;
        let has_come = is_heartbeat && self.heartbeat_is_there();
        let said = match (is_undo, proof) {
            (true, _) if owes => Text::fixed(
                "Taken back. The agent works with it only after the restart that is still owed.",
                "已撤销。需要重启 Agent 后才会生效（重启尚未执行）。",
            ),
            (true, _) => Text::fixed("Taken back.", "已撤销。"),
            (_, Proof::Holds) if has_come => {
                Text::fixed("Cured: a heartbeat newer than the change has arrived.", "已修复：已收到更改之后的心跳。")
            }
            (_, Proof::Holds) => Text::fixed("Cured: the step was checked again and holds.", "已修复：重新检查通过。"),
            (_, Proof::CauseGone) => Text::fixed(
                "Cured: what this remedy was for is gone. The step still fails for another reason.",
                "已修复：该修复针对的问题已消除。但该步骤因其他原因仍未通过。",
            ),
            (_, Proof::StillThere | Proof::Unproven | Proof::NotYet(_) | Proof::Stopped) if owes => Text::fixed(
                "Applied. It takes effect after the restart that is still owed.",
                "已执行。需要重启 Agent 后才会生效（重启尚未执行）。",
            ),
            (_, Proof::StillThere) if is_by_hand => Text::fixed(
                "Checked again: the step still fails. Look at its new evidence.",
                "已重新检查：该步骤仍未通过。请查看新的证据。",
            ),
            (_, Proof::Unproven) if is_by_hand => Text::fixed(
                "Checked again, but the step has no certain verdict yet.",
                "已重新检查，但该步骤目前没有确定的结论。",
            ),
            (_, Proof::NotYet(missing)) => {
                let text = missing.text();
                let (en, zh) = text.both();
                Text::filled(format!("Applied, not proven yet: {en}"), format!("已执行，尚未验证：{zh}"))
            }
            (_, Proof::Stopped) => Text::fixed(
                "Applied. Not proven yet: the waiting was ended before the step held.",
                "已执行。尚未验证：在该步骤通过之前停止了等待。",
            ),
            (_, Proof::StillThere) if is_heartbeat => Text::fixed(
                "Applied. Not proven yet: no heartbeat newer than the change has come so far.",
                "已执行。尚未验证：目前还没有收到更改之后的心跳。",
            ),
            (_, Proof::StillThere) => Text::fixed(
                "Applied, but the step still fails. Look at its new evidence.",
                "已执行，但该步骤仍未通过。请查看新的证据。",
            ),
            (_, Proof::Unproven) => Text::fixed(
                "Applied, not proven yet: the step has no certain verdict. Look at its evidence.",
                "已执行，尚未验证：该步骤目前没有确定的结论。请查看其证据。",
            ),
        };
        if let Some(layer) = self.remedy_layer() {
            // Taking back is not there to cure anything: done, it has done what it is for.
            let cured = cured || is_undo;
            layer.enter(Stage::Outcome { plan: Some(plan), applied: Some(applied), output, cured, said });
        }
        if is_undo {
            self.done.retain(|(_, known, _)| *known != undone);
        } else if !is_by_hand {
            self.done.push((remedy, entry, cured));
        }
    }

    /// After a remedy: on to where the operator is wanted now.
    pub(super) fn after_remedy(&mut self) {
        self.undoing = None;
        let here = match self.place {
            Place::Step(step) => self.finding(step).is_some_and(|f| f.verdict == Verdict::Fail),
            Place::Ticket | Place::Finish => false,
        };
        if !here && matches!(self.place, Place::Step(_)) {
            self.has_moved = false;
            self.rest_on_first_failure();
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
        Stage::Preview { plan } if !plan.is_automatic() => vec![Button::Cancel, Button::DoneByHand],
        Stage::Preview { plan } if plan.restart.is_empty() || plan.changes.is_empty() => {
            vec![Button::Cancel, Button::Apply, Button::CopyCommand]
        }
        Stage::Preview { .. } => {
            vec![Button::Cancel, Button::ApplyAndRestart, Button::ApplyOnly, Button::CopyCommand]
        }
        Stage::Outcome { plan: Some(plan), applied: Some(applied), cured, .. }
            if !layer.is_undo && applied.result == AppliedResult::Applied =>
        {
            let undo = is_undoable(plan, applied).then_some(Button::Undo);
            let watch = (*cured || plan.verify == StepId::Heartbeat).then_some(Button::Watch);
            [Some(Button::Continue), undo, watch].into_iter().flatten().collect()
        }
        Stage::Outcome { .. } if layer.refused_plan().is_some() => vec![Button::Continue, Button::CopyCommand],
        Stage::Outcome { .. } if layer.may_force => vec![Button::Continue, Button::Force],
        Stage::Outcome { .. } => vec![Button::Continue],
        Stage::Asking(_) | Stage::Planning | Stage::Applying { .. } | Stage::Verifying { .. } => Vec::new(),
    }
}

/// Whether the change that failed is the wait for an agent that was asked to stop, where force was not chosen.
fn has_not_stopped(plan: &Plan, states: &[ChangeState]) -> bool {
    let mut changes = plan.changes.iter().chain(&plan.restart).zip(states);
    changes.any(|(change, state)| {
        let awaits_end = matches!(change, Change::AwaitAgent { running: false, harder: None, .. });
        awaits_end && matches!(state, ChangeState::Failed(_))
    })
}

/// Whether there is something to take back of a plan that was carried out.
pub(super) fn is_undoable(plan: &Plan, applied: &Applied) -> bool {
    can_be_undone(plan) && applied.result == AppliedResult::Applied
}

/// The sentence that ends a plan of which a step failed, and after which nothing of it is left.
pub fn rolled_back(reason: &Text) -> Text {
    let (en, zh) = reason.both();
    Text::filled(format!("{en} What had been changed before was taken back."), format!("{zh}之前所做的更改已回退。"))
}

/// The command that carries out this plan without the wizard: by root, or from a script.
pub fn command_for(plan: &Plan) -> String {
    let sudo = plan.needs_root().then(crate::core::remedies::root_by).flatten();
    let words = sudo.into_iter().chain([remedies::called(), "fix", plan.remedy.id()]);
    let mut argv: Vec<String> = words.map(str::to_string).collect();
    for (input, value) in &plan.inputs {
        argv.extend(["--set".to_string(), format!("{}={value}", input.id())]);
    }
    argv.push("--yes".to_string());
    remedies::shell_line(&argv)
}
