//! An investigation together with the host that answers it: the loop that a face without a session runs as well.

use super::patience::{has_patience, pause};
use super::planning::{PlanRequest, Planning};
use crate::carry_out::Store;
use crate::core::checks::{Asked, Investigation};
use crate::core::context::Context;
use crate::core::finding::{RemedyId, StepId};
use crate::core::flow::{Goal, Proof};
use crate::core::journal::Journals;
use crate::core::observe::{Answer, Question};
use crate::core::remedies::Planned;
use crate::host::Host;
use crate::host::recorded::unanswered;
use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

/// How long the engine waits for one answer. Every host has limits of its own, which are far shorter; this is for a
/// probe that keeps none of them, so that one dead probe never holds up a whole step.
const ANSWER_LIMIT: Duration = Duration::from_secs(120);

/// An investigation together with the host that answers it.
pub struct Looking {
    pub(super) host: Arc<dyn Host>,
    pub(super) found: Investigation,
    answers: JoinSet<(Asked, Answer)>,
    /// Which question each probe under way answers.
    probes: HashMap<Id, Asked>,
    started: Instant,
    roots: Option<PathBuf>,
}

impl Looking {
    pub fn new(host: Arc<dyn Host>, found: Investigation) -> Looking {
        Looking { host, found, answers: JoinSet::new(), probes: HashMap::new(), started: Instant::now(), roots: None }
    }

    /// Root's state directory, for a process that is not root: its journal is then read beside the own one.
    pub fn with_roots_dir(mut self, dir: Option<PathBuf>) -> Looking {
        self.roots = dir;
        self
    }

    /// The journals of this host, the own one being that of `store`.
    pub(super) fn journals(&self, store: &Store) -> Journals {
        Journals { own: store.dir.clone(), roots: self.roots.clone().filter(|dir| *dir != store.dir) }
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
    pub(super) fn advance(&mut self) {
        let now = self.elapsed_ms();
        let asked = self.found.advance(now);
        self.spawn(asked);
    }

    /// Forgets everything and looks again.
    pub(super) fn look_again(&mut self) {
        let now = self.elapsed_ms();
        self.found.recheck_all(now);
        self.advance();
    }

    /// Forgets one step and looks at it again.
    pub(super) fn look_again_at(&mut self, step: StepId) {
        let now = self.elapsed_ms();
        self.found.recheck(step, now);
        self.advance();
    }

    pub(super) fn spawn(&mut self, asked: Vec<Asked>) {
        for asked in asked {
            let answer = self.host.observe(asked.question.clone());
            let known = asked.clone();
            let probe = self.answers.spawn(async move {
                let late = || unanswered(&asked.question, "no answer");
                let answer = tokio::time::timeout(ANSWER_LIMIT, answer).await.unwrap_or_else(|_| late());
                (asked, answer)
            });
            self.probes.insert(probe.id(), known);
        }
    }

    /// The identity is wanted by the header of every face, whether or not a check asks for it.
    pub(super) fn spawn_identity(&mut self) {
        let asked = self.found.ask(BTreeSet::from([Question::Identity]));
        self.spawn(asked);
    }

    /// Takes one answer, and all others that are there already. Pending for ever when nothing is under way.
    pub(super) async fn take_answers(&mut self) {
        match self.answers.join_next_with_id().await {
            None => std::future::pending().await,
            Some(first) => {
                self.take(first);
                while let Some(next) = self.answers.try_join_next_with_id() {
                    self.take(next);
                }
            }
        }
    }

    /// A probe that panicked answers that it could not look, so that what waits for it goes on and says so.
    fn take(&mut self, joined: Result<(Id, (Asked, Answer)), JoinError>) {
        match joined {
            Ok((id, (asked, answer))) => {
                self.probes.remove(&id);
                self.found.answer(&asked, answer);
            }
            Err(error) => {
                if let Some(asked) = self.probes.remove(&error.id()) {
                    let answer = unanswered(&asked.question, "the probe failed");
                    self.found.answer(&asked, answer);
                }
            }
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
        self.look_again();
        self.settle().await;
    }

    /// Plans a remedy from fresh observations.
    pub async fn plan(&mut self, wish: PlanRequest) -> Planned {
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

    /// What the remedy is to cure, as it is now: to be asked before anything is changed.
    pub fn goal(&self, step: StepId, remedy: RemedyId) -> Goal {
        Goal::before(&self.found, step, remedy)
    }

    /// As [`Looking::goal`], as soon as all steps have their findings: a remedy that was chosen by its name is to mend
    /// every step that offers it.
    pub async fn settled_goal(&mut self, step: StepId, remedy: RemedyId) -> Goal {
        self.settle().await;
        self.goal(step, remedy)
    }

    /// Checks the step again and again until the remedy is proved to have cured it, at most this long.
    pub async fn verify(&mut self, goal: &Goal, patience: Duration) -> Proof {
        let began = Instant::now();
        loop {
            self.settle_again().await;
            let proof = goal.proof(&self.found);
            if !has_patience(proof, patience, began.elapsed()) {
                return proof;
            }
            tokio::time::sleep(pause(goal.step())).await;
        }
    }

    /// From now on only a heartbeat from now on counts, when it is the heartbeat that proves the cure.
    pub async fn await_proof(&mut self, goal: &Goal) {
        if !goal.wants_heartbeat() {
            return;
        }
        let now = self.clock_s().await;
        self.count_from(now);
    }

    /// The time by this host's clock, seconds since 1970.
    pub(super) async fn clock_s(&self) -> Option<i64> {
        match self.host.observe(Question::Clock).await {
            Answer::Clock(clock) => Some(clock.now_ms / 1000),
            _ => None,
        }
    }

    /// From now on only a heartbeat after this time counts.
    pub(super) fn count_from(&mut self, cured_at: Option<i64>) {
        let context = Context { cured_at, ..self.found.context().clone() };
        let now = self.elapsed_ms();
        self.found.set_context(context, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::checks::check;
    use crate::core::finding::Verdict;
    use crate::core::observe::Pending;
    use crate::core::remedies::Inputs;
    use crate::host::simulated::{SimulatedHost, scenarios};

    /// A host on which looking at processes kills the probe.
    struct Deadly(SimulatedHost);

    impl Host for Deadly {
        fn observe(&self, question: Question) -> Pending<Answer> {
            if question == Question::Processes {
                return Box::pin(async { panic!("the probe dies") });
            }
            self.0.observe(question)
        }
    }

    fn looking() -> Looking {
        let host = SimulatedHost::new(scenarios()[0].world(1_790_000_000_000));
        Looking::new(Arc::new(Deadly(host)), Investigation::new(check, Context::default()))
    }

    #[tokio::test]
    async fn a_probe_that_dies_leaves_its_step_unknown_and_holds_nothing_up() {
        let mut looking = looking();
        looking.settle().await;
        assert!(looking.found().is_settled());
        let running = looking.found().finding(StepId::Running).unwrap();
        assert_eq!(running.finding.verdict, Verdict::Unknown, "{running:?}");
        let goal = looking.goal(StepId::Running, RemedyId::StartAgent);
        assert_eq!(looking.verify(&goal, Duration::ZERO).await, Proof::Unproven);
    }

    #[tokio::test]
    async fn a_plan_that_a_dead_probe_would_have_told_more_still_comes_to_an_end() {
        let inputs = Box::new(Inputs::from_context(&Context::default()));
        for remedy in [RemedyId::StartAgent, RemedyId::RestartAgent, RemedyId::StopExtraAgent] {
            // That it returns is the promise; what it says is the remedy's.
            looking().plan(PlanRequest::Remedy(remedy, inputs.clone())).await;
        }
    }
}
