//! The one loop that awaits: session effects → host → events. Every face runs on it.
//!
//! The engine knows no terminal and no sentence. It asks the host what checks and plans want to know, each distinct
//! question once and all in parallel, and turns answers, keys and progress into events for the session. What the
//! session is told has no secrets: findings and sentences pass through the [`Redactor`] first.

mod around;
mod leaving;
mod masking;
mod planning;

pub use planning::Wish;

use crate::agent::layout;
use crate::carry_out::{self, Applied, Consent, Progress, Store, errand, read_journal};
use crate::checks::{Asked, Checked, Investigation};
use crate::context::Context;
use crate::finding::{RemedyId, StepId, Verdict};
use crate::flow::{Effect, Event, Session, StepView, Way};
use crate::host::{Answer, Host, Question};
use crate::remedies::{Plan, Planned};
use crate::report::Redactor;
use crate::text::{Lang, Text};
use masking::{finding_without_secrets, masked};
use planning::Planning;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

/// How long to wait between two looks while a cure is being verified.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// As [`LOOK_AGAIN`], where the service is asked each time.
const ASK_AGAIN: Duration = Duration::from_secs(5);

fn pause(step: StepId) -> Duration {
    if step == StepId::Heartbeat { ASK_AGAIN } else { LOOK_AGAIN }
}
/// While answers come in, a frame is shown no more often than this; whatever the operator does is shown at once.
const BETWEEN_FRAMES: Duration = Duration::from_millis(30);

/// What shows the session to an operator and brings back what the operator does.
pub trait Face {
    /// Shows the session as it is now. Called only when something may have changed.
    fn show(&mut self, session: &mut Session);

    /// Gives the terminal back and says a sentence on it: the session is over, and something is still waited for.
    fn leave(&mut self, session: &Session, said: &Text) {
        let _ = (session, said);
    }

    /// The next thing that the operator or the terminal does. Must be safe to drop and call again.
    fn next(&mut self) -> impl Future<Output = Event>;

    /// Makes sure that `sudo -n` will start `argv`, asking for the password on the terminal if it must.
    ///
    /// # Errors
    /// The sentence that says why it will not.
    fn authorise(&mut self, sudo: &Path, argv: &[String], session: &Session) -> impl Future<Output = Result<(), Text>>;

    /// Does what only a face can do (clipboard, suspend, bundle, memory) and says what came of it.
    fn perform(
        &mut self,
        effect: Effect,
        session: &Session,
        found: &Investigation,
    ) -> impl Future<Output = Option<Event>>;
}

/// An investigation together with the host that answers it.
pub struct Looking {
    host: Arc<dyn Host>,
    found: Investigation,
    answers: JoinSet<(Asked, Answer)>,
    started: Instant,
}

impl Looking {
    pub fn new(host: Arc<dyn Host>, found: Investigation) -> Looking {
        Looking { host, found, answers: JoinSet::new(), started: Instant::now() }
    }

    /// Everything observed and found so far.
    pub fn found(&self) -> &Investigation {
        &self.found
    }

    /// Milliseconds since the investigation began.
    pub fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Judges what can be judged and asks the host for what is missing.
    fn advance(&mut self) {
        let now = self.elapsed_ms();
        let asked = self.found.advance(now);
        self.spawn(asked);
    }

    fn spawn(&mut self, asked: Vec<Asked>) {
        for asked in asked {
            let answer = self.host.observe(asked.question.clone());
            self.answers.spawn(async move { (asked, answer.await) });
        }
    }

    /// Takes one answer, and all others that are there already. Pending for ever when nothing is under way.
    async fn take_answers(&mut self) {
        match self.answers.join_next().await {
            None => std::future::pending().await,
            Some(first) => {
                self.take(first);
                while let Some(next) = self.answers.try_join_next() {
                    self.take(next);
                }
            }
        }
    }

    fn take(&mut self, joined: Result<(Asked, Answer), tokio::task::JoinError>) {
        // A probe that panicked leaves its question open; the step then stays open rather than wrong.
        if let Ok((asked, answer)) = joined {
            self.found.answer(&asked, answer);
        }
    }

    /// Looks until every step has its finding.
    pub async fn settle(&mut self) {
        self.advance();
        while !self.found.is_settled() && !self.answers.is_empty() {
            self.take_answers().await;
            self.advance();
        }
    }

    /// Forgets everything and looks again, until every step has its finding.
    pub async fn settle_again(&mut self) {
        let now = self.elapsed_ms();
        self.found.recheck_all(now);
        self.settle().await;
    }

    /// Plans a remedy from fresh observations.
    pub async fn plan(&mut self, wish: Wish) -> Planned {
        let mut planning = Planning::of(wish);
        loop {
            match planning.attempt(self) {
                Some(planned) => return planned,
                None if self.answers.is_empty() => {
                    return Planned::Refused(crate::say!("The host could not be looked at.", "无法读取本机的信息。"));
                }
                None => self.take_answers().await,
            }
        }
    }

    /// Checks the step again and again until none of its causes offers the remedy, at most this long.
    pub async fn verify(&mut self, step: StepId, remedy: RemedyId, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        let failed = self.fails(step);
        loop {
            self.settle_again().await;
            if self.is_cured(step, remedy) || (failed && self.is_mended(step)) {
                return true;
            }
            if Instant::now() >= deadline {
                return false;
            }
            tokio::time::sleep(pause(step)).await;
        }
    }

    /// Whether the step failed when it was last judged.
    fn fails(&self, step: StepId) -> bool {
        self.found.finding(step).is_some_and(|checked| checked.finding.verdict == Verdict::Fail)
    }

    /// Whether a step that failed holds now, if with a warning: an address that the agent was told is no address of
    /// this host, and the remedy that told it is still offered.
    fn is_mended(&self, step: StepId) -> bool {
        self.found.finding(step).is_some_and(|checked| matches!(checked.finding.verdict, Verdict::Pass | Verdict::Warn))
    }

    /// From now on only a heartbeat from now on counts, when it is the heartbeat that proves the cure.
    pub async fn await_proof(&mut self, step: StepId) {
        if step != StepId::Heartbeat {
            return;
        }
        let now = self.clock_s().await;
        self.count_from(now);
    }

    /// The time by this host's clock, seconds since 1970.
    async fn clock_s(&self) -> Option<i64> {
        match self.host.observe(Question::Clock).await {
            Answer::Clock(clock) => Some(clock.now_ms / 1000),
            _ => None,
        }
    }

    /// From now on only a heartbeat after this time counts.
    fn count_from(&mut self, cured_at: Option<i64>) {
        let context = Context { cured_at, ..self.found.context().clone() };
        let now = self.elapsed_ms();
        self.found.set_context(context, now);
    }

    /// Whether the step has a finding and none of its causes offers the remedy. A cure that only the heartbeat proves
    /// needs the heartbeat; where the service cannot be asked for it, the machine group has to do.
    pub fn is_cured(&self, step: StepId, remedy: RemedyId) -> bool {
        if step == StepId::Heartbeat {
            return match self.found.finding(step).map(|checked| checked.finding.verdict) {
                Some(Verdict::Pass | Verdict::Warn) => true,
                Some(Verdict::Unknown | Verdict::Skipped) => self.is_cured(StepId::Group, remedy),
                Some(Verdict::Fail) | None => false,
            };
        }
        self.found.finding(step).is_some_and(|checked| !checked.finding.remedies().contains(&remedy))
    }
}

/// A verification under way.
struct Verifying {
    step: StepId,
    /// None when only the heartbeat is watched for.
    remedy: Option<RemedyId>,
    /// Whether the step failed before.
    failed: bool,
    deadline: Instant,
    look_at: Option<Instant>,
    told: u64,
}

/// A plan being carried out.
struct Applying {
    task: JoinHandle<Applied>,
    progress: UnboundedReceiver<Progress>,
}

/// Runs a session on a host with a face, until it is over. A plan under way is finished first.
pub async fn run<F: Face>(looking: &mut Looking, session: &mut Session, store: Store, face: &mut F) {
    let mut run = Run {
        looking,
        session,
        store,
        planning: None,
        reading_journal: None,
        listing_groups: None,
        verifying: None,
        cured_at: None,
        applying: None,
        was_settled: false,
        published: BTreeMap::new(),
        redactor: Redactor::new(),
        next_frame: Instant::now() + BETWEEN_FRAMES,
        owes_frame: false,
    };
    face.show(run.session);
    run.looking.advance();
    run.looking.spawn_identity();
    while !run.session.is_over() {
        let events = run.wait(face).await;
        let is_urgent = !events.is_empty();
        let mut effects = Vec::new();
        for event in events {
            effects.extend(run.session.handle(event));
        }
        for effect in effects {
            run.start(effect, face).await;
        }
        run.publish();
        run.show(is_urgent, face);
    }
    if let Some(applying) = run.applying.take() {
        leaving::finish(applying, &mut run.redactor, run.session, face).await;
    }
}

struct Run<'a> {
    looking: &'a mut Looking,
    session: &'a mut Session,
    store: Store,
    planning: Option<Planning>,
    /// The reading of the journal; whether it has been asked for anew.
    reading_journal: Option<bool>,
    /// The machine groups that are to be read for a list on screen.
    listing_groups: Option<Vec<String>>,
    verifying: Option<Verifying>,
    /// When something was last changed in this session, by this host's clock in seconds since 1970.
    cured_at: Option<i64>,
    applying: Option<Applying>,
    was_settled: bool,
    /// The steps as they were last shown to the session, before secrets were taken out.
    published: BTreeMap<StepId, StepView>,
    redactor: Redactor,
    /// Before this, a frame that only brings answers waits.
    next_frame: Instant,
    /// Whether such a frame waits.
    owes_frame: bool,
}

impl Run<'_> {
    /// Waits for the next thing that happens, and returns it as events.
    async fn wait<F: Face>(&mut self, face: &mut F) -> Vec<Event> {
        let owed = self.owes_frame.then_some(self.next_frame);
        let wake = self.verifying.as_ref().map(Verifying::wake_at).into_iter().chain(owed).min();
        tokio::select! {
            biased;
            event = face.next() => vec![event],
            event = next_of(&mut self.applying) => {
                if matches!(event, Event::Applied(_)) {
                    self.applying = None;
                }
                vec![masked(&mut self.redactor, event)]
            }
            () = self.looking.take_answers() => {
                self.looking.advance();
                let mut events = self.attempt_plan();
                events.extend(self.attempt_journal());
                events.extend(self.attempt_groups());
                events
            }
            () = sleep_until(wake) => Vec::new(),
        }
    }

    /// Shows the session: at once what is urgent and what is complete, else at its time.
    fn show<F: Face>(&mut self, is_urgent: bool, face: &mut F) {
        let now = Instant::now();
        self.owes_frame = !is_urgent && !self.looking.found.is_settled() && now < self.next_frame;
        if !self.owes_frame {
            self.next_frame = now + BETWEEN_FRAMES;
            face.show(self.session);
        }
    }

    fn attempt_plan(&mut self) -> Vec<Event> {
        let Some(planning) = &mut self.planning else { return Vec::new() };
        match planning.attempt(self.looking) {
            Some(planned) => {
                self.planning = None;
                vec![masked(&mut self.redactor, Event::Planned(Box::new(planned)))]
            }
            None => Vec::new(),
        }
    }

    /// Reads the journal anew: what was seen of it earlier may have been added to since.
    fn attempt_journal(&mut self) -> Option<Event> {
        let has_asked = self.reading_journal.as_mut()?;
        let seen = self.looking.found.seen();
        seen.take_open();
        if !std::mem::replace(has_asked, true) {
            let question = BTreeSet::from([Question::Tail(self.store.dir.join(carry_out::JOURNAL))]);
            self.looking.found.forget(&question);
            let asked = self.looking.found.ask(question);
            self.looking.spawn(asked);
            return None;
        }
        let entries = read_journal(seen, &self.store.dir).ok()?;
        self.reading_journal = None;
        Some(Event::Journal(entries))
    }

    /// Starts what the session wants done.
    async fn start<F: Face>(&mut self, effect: Effect, face: &mut F) {
        let now = self.looking.elapsed_ms();
        match effect {
            Effect::Recheck(step) => {
                self.looking.found.recheck(step, now);
                self.looking.advance();
            }
            Effect::RecheckAll => {
                self.looking.found.recheck_all(now);
                self.looking.advance();
            }
            Effect::Judge(context) => {
                let cured_at = self.looking.found.context().cured_at;
                self.looking.found.set_context(Context { cured_at, ..context.as_ref().clone() }, now);
                self.looking.advance();
                self.perform(Effect::Judge(context), face).await;
            }
            Effect::Plan(remedy, inputs) => self.begin_plan(Wish::Remedy(remedy, inputs)),
            Effect::ReadJournal => {
                self.reading_journal = Some(false);
                self.attempt_journal();
            }
            Effect::ListGroups(about) => self.list_groups(about),
            Effect::UseKey(key) => {
                self.looking.host.use_key(*key);
                self.looking.found.recheck_all(now);
                self.looking.advance();
            }
            Effect::PlanUndo { entry, verify } => {
                self.begin_plan(Wish::Undo { entry, verify, store: self.store.clone() });
            }
            Effect::Apply { plan, with_restart, consent, undoes } => match self.session.way_for(&plan) {
                Way::Direct => self.apply(plan, with_restart, consent, undoes),
                Way::Sudo(sudo) => self.apply_through(sudo, plan, (with_restart, consent, undoes), face).await,
                Way::Never => {}
            },
            Effect::Verify { step, remedy, seconds } => {
                let failed = self.looking.fails(step);
                self.cured_at = self.looking.clock_s().await;
                if step == StepId::Heartbeat {
                    self.looking.count_from(self.cured_at);
                }
                self.looking.found.recheck_all(now);
                self.looking.advance();
                let (remedy, deadline) = (Some(remedy), Instant::now() + Duration::from_secs(seconds));
                self.verifying = Some(Verifying { step, remedy, failed, deadline, look_at: None, told: seconds });
            }
            Effect::Watch { seconds } => self.watch(seconds),
            Effect::StopVerifying => self.verifying = None,
            Effect::WriteBundle | Effect::Copy(_) | Effect::Suspend | Effect::Quit => self.perform(effect, face).await,
        }
    }

    async fn perform<F: Face>(&mut self, effect: Effect, face: &mut F) {
        if let Some(event) = face.perform(effect, self.session, &self.looking.found).await {
            // What a face reports are notices; they order nothing.
            self.session.handle(event);
        }
    }

    fn begin_plan(&mut self, wish: Wish) {
        self.planning = Some(Planning::of(wish));
        for event in self.attempt_plan() {
            self.session.handle(event);
        }
    }

    fn apply(&mut self, plan: Box<Plan>, with_restart: bool, consent: Consent, undoes: Option<String>) {
        let (sender, progress) = unbounded_channel();
        let (host, store) = (Arc::clone(&self.looking.host), self.store.clone());
        let task = tokio::spawn(async move {
            carry_out::carry_out_or_undo(host.as_ref(), &store, &plan, consent, with_restart, undoes, sender).await
        });
        self.applying = Some(Applying { task, progress });
    }

    /// As [`Run::apply`], in a process that sudo starts.
    async fn apply_through<F: Face>(
        &mut self,
        sudo: PathBuf,
        plan: Box<Plan>,
        (with_restart, consent, undoes): (bool, Consent, Option<String>),
        face: &mut F,
    ) {
        let allowed = match errand::argv() {
            Ok(argv) => face.authorise(&sudo, &argv, self.session).await,
            Err(text) => Err(text),
        };
        if let Err(text) = allowed {
            let applied = Applied::refused(text);
            for effect in self.session.handle(Event::Applied(Box::new(applied))) {
                if effect == Effect::RecheckAll {
                    let now = self.looking.elapsed_ms();
                    self.looking.found.recheck_all(now);
                    self.looking.advance();
                }
            }
            return;
        }
        let (sender, progress) = unbounded_channel();
        let task = tokio::spawn(async move { errand::send(&sudo, *plan, with_restart, undoes, consent, sender).await });
        self.applying = Some(Applying { task, progress });
    }

    /// Brings the session up to date with the findings and the verification.
    fn publish(&mut self) {
        let mut has_news = false;
        for &step in StepId::ALL {
            let view = StepView {
                checked: self.looking.found.finding(step).cloned(),
                is_open: self.looking.found.is_open(step),
            };
            if self.published.get(&step).is_some_and(|known| same(known, &view)) {
                continue;
            }
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
            && self.session.identity.as_ref() != Some(identity)
        {
            let identity = Box::new(identity.clone());
            self.session.handle(Event::Identity(identity));
        }
        if has_news {
            self.publish_around();
        }
        let settled = self.looking.found.is_settled();
        if settled && !self.was_settled {
            self.session.handle(Event::Settled);
        }
        self.was_settled = settled;
        self.verify();
    }

    /// The agent's name and version, from what was observed.
    fn agent(&self) -> Option<String> {
        let seen = self.looking.found.seen();
        let found = layout::find(seen);
        // Only a look at what is known; nothing is to be asked for it.
        seen.take_open();
        let agent = found.ok()?.into_iter().next()?;
        let name = agent.flavour.label().get(Lang::En).to_string();
        Some(match &agent.version {
            Some(version) => format!("{name} {version}"),
            None => name,
        })
    }

    /// Moves a verification on: cured, out of patience, or look again.
    fn verify(&mut self) {
        let now = Instant::now();
        let Some(verifying) = &mut self.verifying else { return };
        let left = verifying.deadline.saturating_duration_since(now).as_secs();
        if left != verifying.told {
            verifying.told = left;
            self.session.handle(Event::Waiting { seconds_left: left });
        }
        if self.looking.found.is_open(verifying.step) {
            return;
        }
        let step = verifying.step;
        let holds = match verifying.remedy {
            Some(remedy) => self.looking.is_cured(step, remedy),
            None => self.looking.is_mended(step),
        };
        let cured = holds || (verifying.failed && self.looking.is_mended(step));
        if step == StepId::Heartbeat
            && verifying.look_at.is_none()
            && let Some(pulse) = self.pulse()
        {
            self.session.handle(Event::Pulse(pulse));
        }
        let Some(verifying) = &mut self.verifying else { return };
        if cured || now >= verifying.deadline {
            self.verifying = None;
            self.session.handle(Event::Verified { cured });
        } else if verifying.look_at.is_none() {
            verifying.look_at = Some(now + pause(verifying.step));
        } else if verifying.look_at.is_some_and(|at| now >= at) {
            verifying.look_at = None;
            let only_watches = verifying.remedy.is_none();
            let now_ms = self.looking.elapsed_ms();
            match only_watches {
                true => self.looking.found.recheck(step, now_ms),
                false => self.looking.found.recheck_all(now_ms),
            }
            self.looking.advance();
        }
    }
}

impl Verifying {
    /// When something has to be done without being asked: the next second of the countdown, or the next look.
    fn wake_at(&self) -> Instant {
        let tick = Instant::now() + LOOK_AGAIN;
        self.look_at.map_or(tick, |at| at.min(tick))
    }
}

impl Looking {
    /// The identity is wanted by the header of every face, whether or not a check asks for it.
    fn spawn_identity(&mut self) {
        let asked = self.found.ask(BTreeSet::from([Question::Identity]));
        self.spawn(asked);
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

/// The next progress of a plan under way, or its end. Pending for ever when none is.
async fn next_of(applying: &mut Option<Applying>) -> Event {
    let Some(Applying { task, progress }) = applying else { return std::future::pending().await };
    if let Some(progress) = progress.recv().await {
        return Event::Progress(progress);
    }
    match task.await {
        Ok(applied) => Event::Applied(Box::new(applied)),
        Err(_) => Event::Applied(Box::new(Applied::broken())),
    }
}
