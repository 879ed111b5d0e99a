//! How events change the session. The only writer of [`Session`]; total: every event is fine in every state.

mod actions;
mod bindings;
mod broken_off;
mod form;
mod groups;
mod interrupted;
mod journal;
mod key;
mod motion;
mod remedy;
mod search;
mod watch;

pub use remedy::{command_for, rolled_back};

use super::form::FormKey;
use super::{
    Action, Clip, Command, Effect, Event, Key, Layer, Mending, Notice, Place, Proof, Purpose, RemedyLayer, Search,
    Session, Stage,
};
use crate::core::context::Context;
use crate::core::finding::{Finding, StepId, Verdict};
use crate::core::remedies::Inputs;
use crate::core::text::Text;
use crate::say;
use motion::Motion;
use remedy::layer_step;
use zeroize::Zeroize;

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
            Event::Agent(agent) => {
                self.agent = agent;
                Vec::new()
            }
            Event::Journal(entries) => self.journal_read(entries),
            Event::UnderWay(under_way) => {
                self.under_way = under_way;
                Vec::new()
            }
            Event::Around(around) => {
                self.around = *around;
                self.clamp();
                Vec::new()
            }
            Event::Groups(listed) => self.groups_listed(listed),
            Event::HeartbeatAge(pulse) => {
                self.pulse(pulse);
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
                if let Some(layer) = self.watch_layer() {
                    layer.seconds_left = left;
                } else if let Some(Stage::Verifying { seconds_left, .. }) = self.stage_mut() {
                    *seconds_left = left;
                }
                Vec::new()
            }
            Event::Verified { proof } => {
                match self.watch_layer() {
                    Some(layer) => layer.ended = Some(proof.is_cured()),
                    None => self.verified(proof),
                }
                Vec::new()
            }
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

    pub(super) fn quit(&mut self) -> Vec<Effect> {
        self.is_over = true;
        vec![Effect::Quit]
    }

    /// Until the operator moves, and again after a cure, the cursor rests on the first step that fails. When all verdicts
    /// are there and none fails, it rests where the operator is wanted.
    pub(super) fn rest_on_first_failure(&mut self) {
        if self.has_moved || !self.layers.is_empty() {
            return;
        }
        // What is being looked at again is not certain any more.
        let fails = |finding: &&Finding| finding.verdict == Verdict::Fail;
        let settled = self.steps.values().filter(|view| !view.is_open).filter_map(|view| view.checked.as_ref());
        let target = match settled.map(|checked| &checked.finding).find(fails) {
            Some(finding) => Place::Step(finding.step),
            None if self.is_looking() => return,
            None => self.wanted_at(),
        };
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
    pub(super) fn clamp(&mut self) {
        self.chosen = self.chosen.min(self.actions().len().saturating_sub(1));
    }

    fn key(&mut self, key: Key) -> Vec<Effect> {
        self.notice = None;
        let depth = self.layers.len();
        let effects = self.key_on_top(&key);
        if let Key::Paste(mut text) = key {
            // It may have been a secret.
            text.zeroize();
        }
        if self.layers.len() != depth {
            self.search = None;
        }
        effects
    }

    fn key_on_top(&mut self, key: &Key) -> Vec<Effect> {
        if self.search_key(key) {
            return self.read_around();
        }
        if let Some(effects) = self.form_key(key).or_else(|| self.key_form_key(key)) {
            return effects;
        }
        match self.command_of(key) {
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
                let (inputs, said) = (form.inputs().clone(), form.said.take());
                let effects = match form.purpose {
                    Purpose::Context => {
                        self.layers.pop();
                        self.judge(inputs.context)
                    }
                    Purpose::Remedy => self.replan(inputs),
                };
                self.notice = said.map(|text| Notice { text, is_problem: false }).or(self.notice.take());
                Some(effects)
            }
        }
    }

    pub(super) fn judge(&mut self, context: Context) -> Vec<Effect> {
        self.context = context;
        vec![Effect::Judge(Box::new(self.context.clone()))]
    }

    fn command(&mut self, command: Command) -> Vec<Effect> {
        match command {
            Command::NewGroup => return self.new_group(),
            Command::Number(number) if matches!(self.layers.last(), Some(Layer::Watch(_))) => {
                return self.console_says(number == 1);
            }
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
            Command::Suspend => return self.suspend(),
            Command::NextStep => self.sideways(true),
            Command::PreviousStep => self.sideways(false),
            Command::FirstStep => self.walk_to(Place::Step(StepId::Installed)),
            Command::LastStep => self.walk_to(Place::Finish),
            Command::ChooseUp => self.choose_move(false),
            Command::ChooseDown => self.choose_move(true),
            Command::Choose => return self.choose(),
            Command::ScrollUp => self.scroll(Motion::Line { down: false }),
            Command::ScrollDown => self.scroll(Motion::Line { down: true }),
            Command::PageUp => self.scroll(Motion::Page { down: false }),
            Command::PageDown => self.scroll(Motion::Page { down: true }),
            Command::Top => self.scroll(Motion::End { down: false }),
            Command::Bottom => self.scroll(Motion::End { down: true }),
            Command::Recheck => {
                if let Place::Step(step) = self.place {
                    return self.recheck(step);
                }
            }
            Command::RecheckAll => return self.recheck_all(),
            Command::Tell => self.open_form(),
            Command::Ticket => self.walk_to(Place::Ticket),
            Command::Journal => return self.open_journal(false),
            Command::Undo => return self.open_journal(true),
            Command::Filter => self.search = Some(Search { text: String::new(), is_typing: true }),
            Command::Copy => return vec![Effect::Copy(self.clip())],
            Command::Close => return self.close(),
            Command::Number(number) if matches!(self.layers.last(), Some(Layer::BrokenOff(_))) => {
                let mending = Mending::ALL.get(usize::from(number).wrapping_sub(1));
                return mending.map(|&mending| self.mend(mending)).unwrap_or_default();
            }
            Command::Number(number) => {
                if let Some(&action) = self.actions().get(usize::from(number).wrapping_sub(1)) {
                    self.chosen = usize::from(number) - 1;
                    return self.act(action);
                }
            }
        }
        // Where the cursor of the machine groups has come to, more of them is wanted.
        self.read_around()
    }

    /// Quitting asks first when something would be left behind: a remedy under way, or a restart that is owed.
    fn ask_to_quit(&mut self) -> Vec<Effect> {
        let asked_already = self.afterwards.quits || matches!(self.layers.last(), Some(Layer::ConfirmQuit));
        if asked_already || (!self.is_changing() && self.owed_restart.is_empty()) {
            return self.quit();
        }
        self.layers.push(Layer::ConfirmQuit);
        Vec::new()
    }

    /// The question before quitting was answered with yes. A change under way is finished on screen first.
    fn quit_confirmed(&mut self) -> Vec<Effect> {
        if !self.is_changing() {
            return self.quit();
        }
        self.layers.retain(|layer| !matches!(layer, Layer::ConfirmQuit));
        self.afterwards.quits = true;
        let text = Text::fixed(
            "The change under way is finished first; then logtail-doctor ends.",
            "将先完成正在执行的更改，然后退出。",
        );
        self.notice = Some(Notice { text, is_problem: false });
        Vec::new()
    }

    /// A stopped process would leave a change half made; so that is finished first.
    fn suspend(&mut self) -> Vec<Effect> {
        if !self.is_changing() {
            return vec![Effect::Suspend];
        }
        self.afterwards.suspends = true;
        let text = Text::fixed(
            "The change under way is finished first; then logtail-doctor is suspended.",
            "将先完成正在执行的更改，然后挂起。",
        );
        self.notice = Some(Notice { text, is_problem: false });
        Vec::new()
    }

    /// Forgets what the operator read off the console: it was true before.
    pub(super) fn forget_the_console(&mut self) -> Option<Effect> {
        self.context.console_heartbeat.take()?;
        Some(Effect::Judge(Box::new(self.context.clone())))
    }

    fn recheck(&mut self, step: StepId) -> Vec<Effect> {
        let forgets = if step == StepId::Heartbeat { self.forget_the_console() } else { None };
        forgets.into_iter().chain([Effect::Recheck(step)]).collect()
    }

    fn recheck_all(&mut self) -> Vec<Effect> {
        self.forget_the_console().into_iter().chain([Effect::RecheckAll]).collect()
    }

    pub(super) fn walk_to(&mut self, place: Place) {
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

    /// Closes what is on top; what was typed there does not go without a word.
    pub(super) fn close(&mut self) -> Vec<Effect> {
        let loses = match self.layers.last() {
            Some(Layer::Form(form)) => form.is_touched(),
            Some(Layer::Key(form)) => form.is_touched(),
            Some(Layer::Remedy(layer)) => matches!(&layer.stage, Stage::Asking(form) if form.is_touched()),
            _ => false,
        };
        if loses {
            let text =
                Text::fixed("What was typed is forgotten; nothing was changed.", "已放弃输入的内容，未做任何更改。");
            self.notice = Some(Notice { text, is_problem: false });
        }
        match self.layers.last() {
            Some(Layer::Remedy(layer)) => match &layer.stage {
                // What is being changed is finished first; there is nothing to go back to in between.
                Stage::Applying { .. } => Vec::new(),
                Stage::Verifying { .. } => {
                    self.verified(Proof::Stopped);
                    vec![Effect::StopVerifying]
                }
                Stage::Asking(_) | Stage::Planning | Stage::Preview { .. } => {
                    self.layers.pop();
                    self.undoing = None;
                    Vec::new()
                }
                Stage::Outcome { .. } => {
                    self.layers.pop();
                    if matches!(self.layers.last(), Some(Layer::Journal(_))) {
                        // What was just taken back stands in it now.
                        self.undoing = None;
                        return vec![Effect::ReadJournal { to_undo: false }];
                    }
                    self.after_remedy();
                    Vec::new()
                }
            },
            // The first Esc takes the filter away, the second closes the list.
            Some(_) if self.search.is_some() => {
                let group = self.chosen_group().map(|group| group.name.clone());
                self.search = None;
                let at = group.and_then(|name| self.group_rows().iter().position(|group| group.name == name));
                if let (Some(at), Some(Layer::Groups(layer))) = (at, self.layers.last_mut()) {
                    layer.chosen = at;
                }
                self.read_around()
            }
            Some(Layer::Watch(_)) => self.leave_watch(),
            Some(_) => {
                self.layers.pop();
                self.rest_on_first_failure();
                Vec::new()
            }
            None => Vec::new(),
        }
    }

    fn choose(&mut self) -> Vec<Effect> {
        match self.layers.last() {
            Some(Layer::ConfirmQuit) => self.quit_confirmed(),
            Some(Layer::Map { at }) => {
                let place = Place::Step(*at);
                self.layers.pop();
                self.walk_to(place);
                Vec::new()
            }
            Some(Layer::Help { .. }) => self.close(),
            Some(Layer::Journal(_)) => self.take_back_chosen(),
            Some(Layer::Groups(_)) => self.choose_group(),
            Some(Layer::Resume(_)) => self.resume(),
            Some(Layer::BrokenOff(broken)) => {
                let chosen = Mending::ALL.get(broken.chosen).copied().unwrap_or(Mending::Leave);
                self.mend(chosen)
            }
            Some(Layer::Remedy(layer)) => {
                let focus = layer.focus;
                self.buttons().get(focus).map(|&button| self.press(button)).unwrap_or_default()
            }
            Some(Layer::Watch(layer)) if layer.ended.is_some() => self.close(),
            Some(Layer::Form(_) | Layer::Key(_) | Layer::Watch(_)) => Vec::new(),
            None => match self.actions().get(self.chosen) {
                Some(&action) => self.act(action),
                None => Vec::new(),
            },
        }
    }

    pub(super) fn act(&mut self, action: Action) -> Vec<Effect> {
        self.has_moved = true;
        match action {
            Action::Remedy(remedy) => {
                let page = match self.place {
                    Place::Step(step) => Some(step),
                    Place::Ticket | Place::Finish => None,
                };
                self.layers.push(Layer::Remedy(Box::new(RemedyLayer::new(remedy).chosen_at(page))));
                vec![Effect::Plan(remedy, Box::new(Inputs::from_context(&self.context)))]
            }
            Action::Tell => {
                self.open_form();
                Vec::new()
            }
            Action::ChooseGroup => self.open_groups(),
            Action::TypeKey => {
                self.ask_for_key();
                Vec::new()
            }
            Action::Watch => self.watch(),
            Action::ConsoleSays(ok) => self.console_says(ok),
            Action::Continue(place) => {
                self.walk_to(place);
                Vec::new()
            }
            Action::Recheck => match self.place {
                Place::Step(step) => self.recheck(step),
                Place::Ticket | Place::Finish => Vec::new(),
            },
            Action::RecheckAll => self.recheck_all(),
            Action::Ticket => {
                self.walk_to(Place::Ticket);
                Vec::new()
            }
            Action::WriteBundle => vec![Effect::WriteBundle],
            Action::CopyTicket => vec![Effect::Copy(self.clip())],
            Action::Quit => self.ask_to_quit(),
        }
    }

    /// What `y` copies: the command to run elsewhere, or the evidence of the page.
    pub(super) fn clip(&self) -> Clip {
        if let Some(clip) = self.journal_clip() {
            return clip;
        }
        match (self.layers.last(), self.place) {
            (Some(Layer::Remedy(layer)), _) => match (&layer.stage, layer.refused_plan()) {
                (Stage::Preview { plan }, _) => Clip::Command(self.command_of_plan(plan)),
                (_, Some(plan)) => Clip::Command(self.command_of_plan(plan)),
                (_, None) => Clip::Evidence(layer_step(layer)),
            },
            (_, Place::Step(step)) => Clip::Evidence(step),
            (_, Place::Ticket | Place::Finish) => Clip::Ticket,
        }
    }
}
