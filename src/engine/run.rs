//! The loop itself: effects of the session are started, what happens becomes events, and the face is shown what changed.

use super::applying::{Applying, next_of};
use super::frontend::{Frontend, FrontendRequest};
use super::leaving;
use super::looking::Looking;
use super::masking::{finding_without_secrets, learn, masked};
use super::planning::PlanRequest;
use super::planning::Planning;
use super::verifying::Verifying;
use crate::carry_out::Applier;
use crate::core::agent::layout;
use crate::core::checks::Checked;
use crate::core::context::Context;
use crate::core::finding::{RemedyId, StepId};
use crate::core::flow::{Effect, Event, Goal, Session, StepView, Way};
use crate::core::journal::Progress;
use crate::core::observe::Question;
use crate::core::redact::Redactor;
use crate::core::remedies::Planned;
use crate::core::text::Lang;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// While answers and output come in, a frame is shown no more often than this; whatever the operator does is shown at
/// once.
const BETWEEN_FRAMES: Duration = Duration::from_millis(30);

/// What of an arrival is shown when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Redraw {
    /// The operator did something, or something ended.
    AtOnce,
    /// More of the same is to be expected.
    InTime,
}

/// Runs a session on a host with a face, until it is over. A plan under way is finished first.
pub async fn run<F: Frontend>(looking: &mut Looking, session: &mut Session, applier: Applier, face: &mut F) {
    let mut run = Run {
        looking,
        session,
        applier,
        planning: None,
        reading_journal: None,
        listing_groups: None,
        goal: None,
        verifying: None,
        cured_at: None,
        applying: None,
        was_settled: false,
        published: BTreeMap::new(),
        redactor: Redactor::new(),
        learnt: BTreeMap::new(),
        next_frame: Instant::now() + BETWEEN_FRAMES,
        owes_frame: false,
    };
    face.show(run.session);
    run.looking.advance();
    run.looking.spawn_identity();
    while !run.session.is_over() {
        let (events, pace) = run.wait(face).await;
        let mut has_news = !events.is_empty();
        let mut effects = Vec::new();
        for event in events {
            effects.extend(run.session.handle(event));
        }
        for effect in effects {
            run.start(effect, face).await;
        }
        has_news |= run.publish();
        // An answer that changes no finding yet changes no picture: drawing it would only cost the host its time.
        if has_news || run.owes_frame {
            run.show(pace, face);
        }
    }
    if let Some(applying) = run.applying.take() {
        let applied = leaving::finish(applying, &mut run.redactor, run.session, face).await;
        run.session.left_while_changing(applied);
    }
}

pub(super) struct Run<'a> {
    pub(super) looking: &'a mut Looking,
    pub(super) session: &'a mut Session,
    pub(super) applier: Applier,
    pub(super) planning: Option<Planning>,
    /// The reading of the journal; whether it has been asked for anew.
    pub(super) reading_journal: Option<bool>,
    /// The machine groups that are to be read for a list on screen.
    pub(super) listing_groups: Option<Vec<String>>,
    /// What the plan that was carried out last is to cure.
    pub(super) goal: Option<Goal>,
    pub(super) verifying: Option<Verifying>,
    /// When something was last changed in this session, by this host's clock in seconds since 1970.
    pub(super) cured_at: Option<i64>,
    pub(super) applying: Option<Applying>,
    pub(super) was_settled: bool,
    /// The steps as they were last shown to the session, before secrets were taken out.
    pub(super) published: BTreeMap<StepId, StepView>,
    pub(super) redactor: Redactor,
    /// The answers whose secrets the redactor knows, by what tells a new answer from an old one.
    learnt: BTreeMap<Question, (usize, i64)>,
    /// Before this, a frame that only brings answers waits.
    pub(super) next_frame: Instant,
    /// Whether such a frame waits.
    pub(super) owes_frame: bool,
}

impl Run<'_> {
    /// Waits for the next thing that happens; returns it as events, and when they are to be shown.
    async fn wait<F: Frontend>(&mut self, face: &mut F) -> (Vec<Event>, Redraw) {
        let owed = self.owes_frame.then_some(self.next_frame);
        let wake = self.verifying.as_ref().map(Verifying::wake_at).into_iter().chain(owed).min();
        tokio::select! {
            biased;
            event = face.next() => (vec![event], Redraw::AtOnce),
            events = next_of(&mut self.applying) => {
                let is_output = events.iter().all(|event| matches!(event, Event::Progress(Progress::Line(_))));
                if events.iter().any(|event| matches!(event, Event::Applied(_))) {
                    self.applying = None;
                }
                let events = events.into_iter().map(|event| masked(&mut self.redactor, event)).collect();
                (events, if is_output { Redraw::InTime } else { Redraw::AtOnce })
            }
            () = self.looking.take_answers() => {
                self.looking.advance();
                let mut events = self.attempt_plan().await;
                events.extend(self.attempt_journal());
                events.extend(self.attempt_groups());
                let is_complete = !events.is_empty() || self.looking.found.is_settled();
                (events, if is_complete { Redraw::AtOnce } else { Redraw::InTime })
            }
            () = sleep_until(wake) => (Vec::new(), Redraw::InTime),
        }
    }

    /// Shows the session: at once what is urgent and what is complete, else at its time.
    fn show<F: Frontend>(&mut self, pace: Redraw, face: &mut F) {
        let now = Instant::now();
        self.owes_frame = pace == Redraw::InTime && now < self.next_frame;
        if !self.owes_frame {
            self.next_frame = now + BETWEEN_FRAMES;
            face.show(self.session);
        }
    }

    async fn attempt_plan(&mut self) -> Vec<Event> {
        let Some(mut planning) = self.planning.take() else { return Vec::new() };
        let Some(planned) = planning.attempt(self.looking) else {
            self.planning = Some(planning);
            return Vec::new();
        };
        if let (Planned::Already(_), Some(entry)) = (&planned, planning.undoes()) {
            self.close(entry).await;
        }
        vec![masked(&mut self.redactor, Event::Planned(Box::new(planned)))]
    }

    /// Starts what the session wants done.
    async fn start<F: Frontend>(&mut self, effect: Effect, face: &mut F) {
        let now = self.looking.elapsed_ms();
        match effect {
            Effect::Recheck(step) => self.looking.look_again_at(step),
            Effect::RecheckAll => self.looking.look_again(),
            Effect::Judge(context) => {
                let cured_at = self.looking.found.context().cured_at;
                self.looking.found.set_context(Context { cured_at, ..context.as_ref().clone() }, now);
                self.looking.advance();
                self.perform(Effect::Judge(context), face).await;
            }
            Effect::Plan(remedy, inputs) => self.begin_plan(PlanRequest::Remedy(remedy, inputs)).await,
            Effect::ReadJournal { to_undo } => self.read_journal(to_undo, face).await,
            Effect::ListGroups(about) => self.list_groups(about),
            Effect::UseKey(key) => {
                self.looking.host.use_key(*key);
                self.looking.look_again();
            }
            Effect::PlanUndo(entry) => {
                self.reach_roots_journal(Some(&entry), face).await;
                self.begin_plan(PlanRequest::Undo { entry, store: self.applier.store().clone() }).await;
            }
            Effect::Apply(order) => match self.session.way_for(&order.plan) {
                Way::Direct => self.apply(*order),
                Way::Sudo(sudo) => self.apply_through(sudo, *order, face).await,
                Way::Never => {}
            },
            Effect::Verify { step, remedy, seconds } => {
                // Of what was done by hand the goal is known only now; nothing was looked at since.
                let known = self.goal.take().filter(|goal| (goal.step(), goal.remedy()) == (step, remedy));
                let goal = known.unwrap_or_else(|| self.goal_of(step, remedy));
                self.cured_at = self.looking.clock_s().await;
                if goal.wants_heartbeat() {
                    self.looking.count_from(self.cured_at);
                }
                self.looking.look_again();
                self.verifying = Some(Verifying::of(goal, seconds));
            }
            Effect::Watch { seconds } => self.watch(seconds).await,
            Effect::StopVerifying => self.verifying = None,
            Effect::WriteBundle | Effect::Copy(_) | Effect::Suspend => self.perform(effect, face).await,
            // The session is over; the loop sees that.
            Effect::Quit => {}
        }
    }

    /// What a remedy is to cure: the causes of the page on which it was chosen, where it was chosen on one.
    pub(super) fn goal_of(&self, step: StepId, remedy: RemedyId) -> Goal {
        match self.session.chosen_at() {
            Some(page) => Goal::chosen_at(&self.looking.found, step, remedy, page),
            None => self.looking.goal(step, remedy),
        }
    }

    async fn perform<F: Frontend>(&mut self, effect: Effect, face: &mut F) {
        let Some(favour) = FrontendRequest::of(effect) else { return };
        if let Some(event) = face.perform(favour, self.session, &self.looking.found).await {
            // What a face reports are notices; they order nothing.
            self.session.handle(event);
        }
    }

    async fn begin_plan(&mut self, wish: PlanRequest) {
        self.planning = Some(Planning::of(wish));
        for event in self.attempt_plan().await {
            self.session.handle(event);
        }
    }

    /// Brings the session up to date with the findings and the verification. Tells whether there was anything to tell.
    fn publish(&mut self) -> bool {
        let mut has_news = false;
        for &step in StepId::ALL {
            let view = StepView {
                checked: self.looking.found.finding(step).cloned(),
                is_open: self.looking.found.is_open(step),
            };
            if self.published.get(&step).is_some_and(|known| same(known, &view)) {
                continue;
            }
            learn(&mut self.redactor, &mut self.learnt, self.looking.found.seen());
            let shown = StepView {
                checked: view.checked.as_ref().map(|checked| finding_without_secrets(&mut self.redactor, checked)),
                ..view
            };
            self.published.insert(step, view);
            has_news = true;
            self.session.handle(Event::Step { step, view: Box::new(shown) });
            if step == StepId::Installed {
                let agent = self.agent();
                self.session.handle(Event::Agent(agent));
            }
        }
        if let Ok(identity) = self.looking.found.seen().identity()
            && let Some(identity) = self.redactor.through(identity)
            && self.session.identity.as_ref() != Some(&identity)
        {
            self.session.handle(Event::Identity(Box::new(identity)));
            has_news = true;
        }
        if has_news {
            self.publish_around();
        }
        let settled = self.looking.found.is_settled();
        if settled && !self.was_settled {
            self.session.handle(Event::Settled);
            has_news = true;
        }
        self.was_settled = settled;
        self.verify() || has_news
    }

    /// The agent's name and version, from what was observed.
    fn agent(&self) -> Option<String> {
        let agent = self.looking.found.seen().at_a_glance(layout::find).ok()?.into_iter().next()?;
        let name = agent.flavour.label().get(Lang::En).to_string();
        Some(match &agent.version {
            Some(version) => format!("{name} {version}"),
            None => name,
        })
    }
}

/// Whether the session shows this view already.
fn same(known: &StepView, view: &StepView) -> bool {
    let finding = |view: &StepView| view.checked.as_ref().map(|Checked { finding, .. }| finding.clone());
    known.is_open == view.is_open && finding(known) == finding(view)
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carry_out::Store;
    use crate::carry_out::elevation::Connection;
    use crate::core::checks::Investigation;
    use crate::core::checks::check;
    use crate::core::text::Text;
    use crate::host::simulated::{SimulatedHost, scenario};
    use std::path::Path;
    use std::sync::Arc;

    /// Notes what it is shown, and leaves when everything has been looked at.
    #[derive(Default)]
    struct Watcher {
        shown: Vec<String>,
        has_seen_all: bool,
    }

    impl Frontend for Watcher {
        fn show(&mut self, session: &mut Session) {
            self.shown.push(format!("{session:?}"));
            self.has_seen_all = StepId::ALL.iter().all(|&step| session.finding(step).is_some());
        }

        async fn next(&mut self) -> Event {
            if self.has_seen_all { Event::Terminate } else { std::future::pending().await }
        }

        async fn authorise(&mut self, _: &Path, _: &[String], _: &Session) -> Result<Connection, Text> {
            Err(Text::same("nothing is applied here"))
        }

        async fn perform(&mut self, _: FrontendRequest, _: &Session, _: &Investigation) -> Option<Event> {
            None
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_shown_while_answers_bring_no_news() {
        for id in ["stopped", "clock"] {
            // Slower answers than frames: each round of answers could have a frame of its own.
            let pause = BETWEEN_FRAMES * 2;
            let world = scenario(id).unwrap().world(1_790_000_000_000).paced(pause, pause);
            let context = scenario(id).unwrap().context.clone();
            let found = Investigation::new(check, context.clone());
            let store = Store { dir: "/var/lib/logtail-doctor".into(), actor: "test".into() };
            let applier = Applier::new(Arc::new(SimulatedHost::new(world)), store);
            let mut looking = Looking::new(applier.host(), found);
            let mut session = Session::new(context, Lang::En, false, Vec::new());
            let mut face = Watcher::default();
            run(&mut looking, &mut session, applier, &mut face).await;
            assert!(face.has_seen_all && face.shown.len() > 2, "{id}");
            assert!(face.shown.windows(2).all(|two| two[0] != two[1]), "{id}: the same was shown twice");
        }
    }
}
