//! How events change the session. The only writer of [`Session`]; total: every event is fine in every state.

use super::form::FormKey;
use super::{
    Action, Button, Clip, Command, Effect, Event, Form, Key, Layer, Notice, Place, Purpose, RemedyLayer, Session, Stage,
};
use crate::carry_out::{AppliedResult, ChangeState, Consent, ConsentBy, Progress};
use crate::context::Field;
use crate::finding::{RemedyId, StepId};
use crate::host::LiveLine;
use crate::remedies::{self, InputId, Inputs, Plan, Planned};
use crate::say;
use crate::text::{Lang, Text};

/// At most this many lines of a command's output are kept on screen.
const OUTPUT_LINES: usize = 500;
/// Lines that a page key scrolls.
const PAGE: usize = 8;

impl Session {
    /// Takes one event and returns what is to be done outside.
    pub fn handle(&mut self, event: Event) -> Vec<Effect> {
        if self.is_over {
            return Vec::new();
        }
        match event {
            Event::Key(key) => self.key(key),
            Event::Identity(identity) => {
                self.identity = Some(*identity);
                Vec::new()
            }
            Event::Step { step, view } => {
                self.steps.insert(step, *view);
                self.rest_on_first_failure();
                self.clamp();
                Vec::new()
            }
            Event::Settled => {
                self.rest_on_first_failure();
                Vec::new()
            }
            Event::Planned(planned) => self.planned(*planned),
            Event::Progress(progress) => {
                self.progress(progress);
                Vec::new()
            }
            Event::Applied(applied) => self.applied(*applied),
            Event::Waiting { seconds_left: left } => {
                if let Some(Stage::Verifying { seconds_left, .. }) = self.stage_mut() {
                    *seconds_left = left;
                }
                Vec::new()
            }
            Event::Verified { cured } => self.verified(cured),
            Event::BundleWritten(result) => {
                self.notice = Some(match result {
                    Ok(path) => {
                        let shown = path.display().to_string();
                        self.bundle = Some(path);
                        Notice { text: say!("Written: {shown}", "已生成：{shown}"), is_problem: false }
                    }
                    Err(text) => Notice { text, is_problem: true },
                });
                Vec::new()
            }
            Event::Copied => {
                let text = Text::fixed("Sent to the terminal's clipboard (OSC 52).", "已发送到终端剪贴板（OSC 52）。");
                self.notice = Some(Notice { text, is_problem: false });
                Vec::new()
            }
            Event::Notice(notice) => {
                self.notice = Some(notice);
                Vec::new()
            }
            Event::Redraw => Vec::new(),
            Event::Terminate => self.quit(),
        }
    }

    fn quit(&mut self) -> Vec<Effect> {
        self.is_over = true;
        vec![Effect::Quit]
    }

    /// Until the operator moves, the cursor rests on the first step that fails; while none does, on the first step.
    fn rest_on_first_failure(&mut self) {
        if self.has_moved || !self.layers.is_empty() {
            return;
        }
        let target = Place::Step(self.stopped_at().unwrap_or(StepId::Installed));
        if target != self.place {
            self.go(target);
        }
    }

    fn go(&mut self, place: Place) {
        if place != self.place {
            self.place = place;
            self.chosen = 0;
            self.scroll = 0;
            if self.path.last() != Some(&place) {
                self.path.push(place);
            }
        }
    }

    /// Keeps the cursor inside what is there now.
    fn clamp(&mut self) {
        self.chosen = self.chosen.min(self.actions().len().saturating_sub(1));
    }

    fn stage_mut(&mut self) -> Option<&mut Stage> {
        self.remedy_layer().map(|layer| &mut layer.stage)
    }

    fn remedy_layer(&mut self) -> Option<&mut RemedyLayer> {
        self.layers.iter_mut().rev().find_map(|layer| match layer {
            Layer::Remedy(layer) => Some(layer.as_mut()),
            _ => None,
        })
    }

    fn key(&mut self, key: Key) -> Vec<Effect> {
        self.notice = None;
        if let Some(effects) = self.form_key(&key) {
            return effects;
        }
        match self.command_of(&key) {
            Some(command) => self.command(command),
            None => Vec::new(),
        }
    }

    /// Gives the key to a form on top; None when there is none or it does not want the key.
    fn form_key(&mut self, key: &Key) -> Option<Vec<Effect>> {
        let form = match self.layers.last_mut()? {
            Layer::Form(form) => form,
            Layer::Remedy(layer) => match &mut layer.stage {
                Stage::Asking(form) => form,
                _ => return None,
            },
            _ => return None,
        };
        match form.handle(key) {
            FormKey::Ignored => None,
            FormKey::Taken => Some(Vec::new()),
            FormKey::Submitted => {
                let inputs = form.inputs().clone();
                Some(match form.purpose {
                    Purpose::Context => {
                        self.layers.pop();
                        self.judge(inputs.context)
                    }
                    Purpose::Remedy => self.replan(inputs),
                })
            }
        }
    }

    fn judge(&mut self, context: crate::context::Context) -> Vec<Effect> {
        self.context = context;
        vec![Effect::Judge(Box::new(self.context.clone()))]
    }

    /// A remedy's inputs are complete: what they tell of the cloud side is kept, and the remedy is planned.
    fn replan(&mut self, inputs: Inputs) -> Vec<Effect> {
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

    fn command(&mut self, command: Command) -> Vec<Effect> {
        match command {
            Command::Quit => return self.ask_to_quit(),
            Command::Help => self.layers.push(Layer::Help { scroll: 0 }),
            Command::Map => {
                let at = match self.place {
                    Place::Step(step) => step,
                    Place::Ticket | Place::Finish => StepId::Heartbeat,
                };
                self.layers.push(Layer::Map { at });
            }
            Command::Language => self.lang = self.lang.other(),
            Command::Suspend => return vec![Effect::Suspend],
            Command::NextStep => self.sideways(true),
            Command::PreviousStep => self.sideways(false),
            Command::FirstStep => self.walk_to(Place::Step(StepId::Installed)),
            Command::LastStep => self.walk_to(Place::Finish),
            Command::ChooseUp => self.choose_move(false),
            Command::ChooseDown => self.choose_move(true),
            Command::Choose => return self.choose(),
            Command::ScrollUp => self.scroll_by(false),
            Command::ScrollDown => self.scroll_by(true),
            Command::Recheck => {
                if let Place::Step(step) = self.place {
                    return vec![Effect::Recheck(step)];
                }
            }
            Command::RecheckAll => return vec![Effect::RecheckAll],
            Command::Tell => self.open_form(),
            Command::Ticket => self.walk_to(Place::Ticket),
            Command::Copy => return vec![Effect::Copy(self.clip())],
            Command::Close => return self.close(),
            Command::Number(number) => {
                if let Some(&action) = self.actions().get(usize::from(number).wrapping_sub(1)) {
                    self.chosen = usize::from(number) - 1;
                    return self.act(action);
                }
            }
        }
        Vec::new()
    }

    /// Quitting asks first when something would be left behind: a remedy under way, or a restart that is owed.
    fn ask_to_quit(&mut self) -> Vec<Effect> {
        let asked_already = matches!(self.layers.last(), Some(Layer::ConfirmQuit));
        if asked_already || (!self.is_changing() && self.owed_restart.is_empty()) {
            return self.quit();
        }
        self.layers.push(Layer::ConfirmQuit);
        Vec::new()
    }

    fn walk_to(&mut self, place: Place) {
        self.has_moved = true;
        self.go(place);
    }

    fn sideways(&mut self, forward: bool) {
        let count = self.buttons().len();
        if let Some(layer) = self.remedy_layer() {
            layer.focus =
                if forward { (layer.focus + 1).min(count.saturating_sub(1)) } else { layer.focus.saturating_sub(1) };
            return;
        }
        let place = match (self.place, forward) {
            (Place::Step(step), true) => {
                StepId::ALL.get(step.index() + 1).map_or(Place::Finish, |&next| Place::Step(next))
            }
            (Place::Step(step), false) => Place::Step(
                step.index().checked_sub(1).and_then(|before| StepId::ALL.get(before).copied()).unwrap_or(step),
            ),
            (Place::Finish, true) => Place::Ticket,
            (Place::Ticket, true) => Place::Ticket,
            (Place::Ticket, false) => Place::Finish,
            (Place::Finish, false) => Place::Step(StepId::Heartbeat),
        };
        self.walk_to(place);
    }

    fn choose_move(&mut self, down: bool) {
        let step = |at: usize, count: usize| {
            if down { (at + 1).min(count.saturating_sub(1)) } else { at.saturating_sub(1) }
        };
        match self.layers.last_mut() {
            Some(Layer::Map { at }) => {
                *at = StepId::ALL.get(step(at.index(), StepId::ALL.len())).copied().unwrap_or(*at);
            }
            Some(_) => {}
            None => {
                let count = self.actions().len();
                self.has_moved = true;
                self.chosen = step(self.chosen, count);
            }
        }
    }

    fn scroll_by(&mut self, down: bool) {
        let (lines, height) = self.extent;
        let last = lines.saturating_sub(height);
        let (scroll, by) = match self.layers.last_mut() {
            Some(Layer::Help { scroll }) => (scroll, 1),
            Some(Layer::Remedy(layer)) => (&mut layer.scroll, 1),
            Some(_) => return,
            None => (&mut self.scroll, PAGE.min(height.max(1))),
        };
        *scroll = if down { (*scroll + by).min(last) } else { scroll.min(&mut last.clone()).saturating_sub(by) };
    }

    fn close(&mut self) -> Vec<Effect> {
        match self.layers.last() {
            Some(Layer::Remedy(layer)) => match &layer.stage {
                // What is being changed is finished first; there is nothing to go back to in between.
                Stage::Applying { .. } => Vec::new(),
                Stage::Verifying { .. } => {
                    let effects = vec![Effect::StopVerifying];
                    self.verified(false);
                    effects
                }
                Stage::Asking(_) | Stage::Planning | Stage::Preview { .. } => {
                    self.layers.pop();
                    self.undoing = None;
                    Vec::new()
                }
                Stage::Outcome { .. } => {
                    self.layers.pop();
                    self.after_remedy();
                    Vec::new()
                }
            },
            Some(_) => {
                self.layers.pop();
                Vec::new()
            }
            None => Vec::new(),
        }
    }

    fn choose(&mut self) -> Vec<Effect> {
        match self.layers.last() {
            Some(Layer::ConfirmQuit) => self.quit(),
            Some(Layer::Map { at }) => {
                let place = Place::Step(*at);
                self.layers.pop();
                self.walk_to(place);
                Vec::new()
            }
            Some(Layer::Help { .. }) => self.close(),
            Some(Layer::Remedy(layer)) => {
                let focus = layer.focus;
                self.buttons().get(focus).map(|&button| self.press(button)).unwrap_or_default()
            }
            Some(Layer::Form(_)) => Vec::new(),
            None => match self.actions().get(self.chosen) {
                Some(&action) => self.act(action),
                None => Vec::new(),
            },
        }
    }

    fn act(&mut self, action: Action) -> Vec<Effect> {
        self.has_moved = true;
        match action {
            Action::Remedy(remedy) => {
                self.layers.push(Layer::Remedy(Box::new(RemedyLayer::new(remedy))));
                vec![Effect::Plan(remedy, Box::new(Inputs::from_context(&self.context)))]
            }
            Action::Tell => {
                self.open_form();
                Vec::new()
            }
            Action::ConsoleSays(ok) => {
                let mut context = self.context.clone();
                context.console_heartbeat = Some(ok);
                self.judge(context)
            }
            Action::Continue(place) => {
                self.walk_to(place);
                Vec::new()
            }
            Action::Recheck => match self.place {
                Place::Step(step) => vec![Effect::Recheck(step)],
                Place::Ticket | Place::Finish => Vec::new(),
            },
            Action::RecheckAll => vec![Effect::RecheckAll],
            Action::Ticket => {
                self.walk_to(Place::Ticket);
                Vec::new()
            }
            Action::WriteBundle => vec![Effect::WriteBundle],
            Action::CopyTicket => vec![Effect::Copy(self.clip())],
            Action::Quit => self.ask_to_quit(),
        }
    }

    /// The form for what the operator knows: what this step wants first, then the rest.
    fn open_form(&mut self) {
        let mut fields = match self.place {
            Place::Step(step) => self.finding(step).map(|finding| finding.wants.clone()).unwrap_or_default(),
            Place::Ticket => vec![Field::Project, Field::Logstore, Field::MachineGroup],
            Place::Finish => Vec::new(),
        };
        let rest: Vec<Field> = Field::ALL.into_iter().filter(|field| !fields.contains(field)).collect();
        fields.extend(rest);
        let wanted: Vec<_> = fields.into_iter().map(|field| (InputId::Context(field), String::new())).collect();
        let title = Text::fixed(
            "What the console shows (leave empty what you do not know)",
            "控制台中的信息（不清楚的可留空）",
        );
        let inputs = Inputs::from_context(&self.context);
        let form = Form::new(title, Purpose::Context, &wanted, inputs, &self.regions);
        self.layers.push(Layer::Form(Box::new(form)));
    }

    fn planned(&mut self, planned: Planned) -> Vec<Effect> {
        let (context, regions) = (self.context.clone(), self.regions.clone());
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
                &regions,
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
        layer_buttons(layer)
            .into_iter()
            .filter(|button| match button {
                Button::Apply | Button::ApplyAndRestart | Button::ApplyOnly | Button::Undo => self.may_change(),
                Button::CopyCommand => !self.may_change(),
                Button::Cancel | Button::Continue => true,
            })
            .collect()
    }

    fn press(&mut self, button: Button) -> Vec<Effect> {
        match button {
            Button::Cancel | Button::Continue => self.close(),
            Button::Apply | Button::ApplyAndRestart => self.apply(true),
            Button::ApplyOnly => self.apply(false),
            Button::CopyCommand => vec![Effect::Copy(self.clip())],
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
        if !self.may_change() {
            return Vec::new();
        }
        let Some(layer) = self.remedy_layer() else { return Vec::new() };
        let Stage::Preview { plan } = &layer.stage else { return Vec::new() };
        let plan = plan.clone();
        let count = plan.changes.len() + if with_restart { plan.restart.len() } else { 0 };
        let states = vec![ChangeState::Waiting; count];
        layer.enter(Stage::Applying { plan: plan.clone(), states, output: Vec::new() });
        if !with_restart && !plan.restart.is_empty() {
            self.owed_restart.push(plan.remedy);
        }
        vec![Effect::Apply { plan, with_restart, consent: Consent::given(ConsentBy::Button), undoes }]
    }

    fn progress(&mut self, progress: Progress) {
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

    fn applied(&mut self, applied: crate::carry_out::Applied) -> Vec<Effect> {
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
                let inputs = Box::new(Inputs::from_context(&self.context));
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
            AppliedResult::LeftOver(reason) => reason.clone(),
        };
        layer.enter(Stage::Outcome { plan: Some(plan), applied: Some(applied), output, cured: false, said });
        self.owed_restart.retain(|owed| *owed != remedy);
        vec![Effect::RecheckAll]
    }

    fn verified(&mut self, cured: bool) -> Vec<Effect> {
        let undone = self.undoing.take();
        let owes = !self.owed_restart.is_empty();
        let Some(layer) = self.remedy_layer() else { return Vec::new() };
        let Stage::Verifying { plan, applied, output, .. } = &layer.stage else { return Vec::new() };
        let (plan, applied, output) = (plan.clone(), applied.clone(), output.clone());
        let (remedy, entry) = (layer.remedy, applied.entry.clone());
        let said = match (layer.is_undo, cured, owes) {
            (true, ..) => Text::fixed("Taken back.", "已撤销。"),
            (_, true, _) => Text::fixed("Cured: the step was checked again and holds.", "已修复：重新检查通过。"),
            (_, false, true) => Text::fixed(
                "Applied. It takes effect after the restart that is still owed.",
                "已执行。需要重启 Agent 后才会生效（重启尚未执行）。",
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
    fn after_remedy(&mut self) {
        self.undoing = None;
        let here = match self.place {
            Place::Step(step) => self.finding(step).is_some_and(|f| f.verdict == crate::finding::Verdict::Fail),
            Place::Ticket | Place::Finish => false,
        };
        if !here && matches!(self.place, Place::Step(_)) {
            let to = self.stopped_at().map_or(Place::Finish, Place::Step);
            self.walk_to(to);
        }
        self.clamp();
    }

    /// What `y` copies: the command to run elsewhere, or the evidence of the page.
    fn clip(&self) -> Clip {
        match (self.layers.last(), self.place) {
            (Some(Layer::Remedy(layer)), _) => match &layer.stage {
                Stage::Preview { plan } => Clip::Command(command_for(plan)),
                _ => Clip::Evidence(layer_step(layer)),
            },
            (_, Place::Step(step)) => Clip::Evidence(step),
            (_, Place::Ticket | Place::Finish) => Clip::Ticket,
        }
    }
}

/// The step that a remedy on screen belongs to.
fn layer_step(layer: &RemedyLayer) -> StepId {
    match &layer.stage {
        Stage::Preview { plan } | Stage::Applying { plan, .. } | Stage::Verifying { plan, .. } => plan.verify,
        Stage::Outcome { plan: Some(plan), .. } => plan.verify,
        Stage::Asking(_) | Stage::Planning | Stage::Outcome { plan: None, .. } => StepId::Installed,
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
        Stage::Outcome { plan: Some(plan), applied: Some(applied), .. }
            if !layer.is_undo && !plan.changes.is_empty() && applied.result == AppliedResult::Applied =>
        {
            vec![Button::Continue, Button::Undo]
        }
        Stage::Outcome { .. } => vec![Button::Continue],
        Stage::Asking(_) | Stage::Planning | Stage::Applying { .. } | Stage::Verifying { .. } => Vec::new(),
    }
}

/// Whether a remedy is itself a restart of the agent.
fn remedy_restarts(remedy: RemedyId) -> bool {
    matches!(remedy, RemedyId::StartAgent | RemedyId::RestartAgent | RemedyId::ReinstallAgent | RemedyId::UpgradeAgent)
}

/// The command that carries out this plan without the wizard: by root, or from a script.
pub fn command_for(plan: &Plan) -> String {
    let mut argv = vec!["sudo".to_string(), "logtail-doctor".into(), "fix".into(), plan.remedy.id().into()];
    for (input, value) in &plan.inputs {
        argv.extend(["--set".to_string(), format!("{}={value}", input.id())]);
    }
    remedies::shell_line(&argv)
}

fn push_line(output: &mut Vec<LiveLine>, line: LiveLine) {
    if output.len() >= OUTPUT_LINES {
        output.remove(0);
    }
    output.push(line);
}
