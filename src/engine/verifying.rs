//! A verification under way: the step is looked at again and again until the cure is proved or patience ends.

use super::Run;
use crate::core::checks::{Investigation, Missing};
use crate::core::finding::{StepId, Verdict};
use crate::core::flow::{Event, Goal, Proof};
use crate::core::service::heartbeat::POLL_AT_MOST;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

/// How long to wait between two looks while a cure is being verified.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// As [`LOOK_AGAIN`], where the service is asked each time.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// How long a look that began before the end of patience may take beyond it.
const LAST_LOOK: Duration = Duration::from_secs(30);

/// How long a step without a certain verdict is waited for at the most: an agent that starts is soon to be seen, and
/// what this user may not look at stays unseen.
const UNPROVEN: Duration = Duration::from_secs(10);

/// How much of the patience is left for a step that says this, after so much of it has passed.
pub(super) fn has_patience(proof: Proof, patience: Duration, passed: Duration) -> bool {
    let patience = match proof {
        Proof::Unproven => patience.min(UNPROVEN),
        other => patience_with(other, patience),
    };
    !proof.is_cured() && passed < patience
}

/// How long is waited in all, once only the heartbeat is missing: the service notices it within minutes.
pub(super) fn patience_with(proof: Proof, patience: Duration) -> Duration {
    match proof {
        Proof::NotYet(Missing::Heartbeat) if !patience.is_zero() => patience.max(POLL_AT_MOST),
        _ => patience,
    }
}

pub(super) fn pause(step: StepId) -> Duration {
    if step == StepId::Heartbeat { ASK_AGAIN } else { LOOK_AGAIN }
}

/// A verification under way.
pub(super) struct Verifying {
    /// None when only the heartbeat is watched for.
    goal: Option<Goal>,
    began: Instant,
    patience: Duration,
    look_at: Option<Instant>,
    told: u64,
}

impl Verifying {
    /// Begins to wait for a cure that was ordered, with patience of this many seconds.
    pub(super) fn of(goal: Goal, seconds: u64) -> Verifying {
        Verifying { goal: Some(goal), ..Verifying::of_heartbeat(seconds) }
    }

    /// Begins to wait for a heartbeat, whatever was done for it.
    pub(super) fn of_heartbeat(seconds: u64) -> Verifying {
        let patience = Duration::from_secs(seconds);
        Verifying { goal: None, began: Instant::now(), patience, look_at: None, told: seconds }
    }

    fn step(&self) -> StepId {
        self.goal.as_ref().map_or(StepId::Heartbeat, Goal::step)
    }

    /// The steps that must have their findings before the proof is judged.
    fn rests_on(&self) -> BTreeSet<StepId> {
        self.goal.as_ref().map_or_else(|| BTreeSet::from([StepId::Heartbeat]), Goal::rests_on)
    }

    /// What the findings prove now, and whether it is worth waiting on.
    fn judge(&self, found: &Investigation, passed: Duration) -> (Proof, bool) {
        match &self.goal {
            Some(goal) => {
                let proof = goal.proof(found);
                (proof, has_patience(proof, self.patience, passed))
            }
            None => {
                let verdict = found.finding(StepId::Heartbeat).map(|checked| checked.finding.verdict);
                match verdict {
                    Some(Verdict::Pass | Verdict::Warn) => (Proof::Holds, false),
                    Some(Verdict::Fail) => (Proof::StillThere, passed < self.patience),
                    Some(Verdict::Unknown | Verdict::Skipped) | None => (Proof::Unproven, passed < self.patience),
                }
            }
        }
    }

    /// When something has to be done without being asked: the next second of the countdown, or the next look.
    pub(super) fn wake_at(&self) -> Instant {
        let tick = Instant::now() + LOOK_AGAIN;
        self.look_at.map_or(tick, |at| at.min(tick))
    }
}

impl Run<'_> {
    /// Moves a verification on: cured, out of patience, or look again. Tells whether the session heard anything.
    pub(super) fn verify(&mut self) -> bool {
        let now = Instant::now();
        let mut has_news = false;
        let Some(verifying) = &mut self.verifying else { return false };
        let passed = now.saturating_duration_since(verifying.began);
        let left = verifying.patience.saturating_sub(passed).as_secs();
        if left != verifying.told {
            verifying.told = left;
            self.session.handle(Event::Waiting { seconds_left: left });
            has_news = true;
        }
        let Some(verifying) = &self.verifying else { return has_news };
        let step = verifying.step();
        let is_open = verifying.rests_on().iter().any(|step| self.looking.found.is_open(*step));
        let (proof, waits) = match is_open {
            true if passed < verifying.patience + LAST_LOOK => return has_news,
            true => {
                self.verified(Proof::Unproven);
                return true;
            }
            false => verifying.judge(&self.looking.found, passed),
        };
        if step == StepId::Heartbeat
            && verifying.look_at.is_none()
            && let Some(pulse) = self.pulse()
        {
            self.session.handle(Event::HeartbeatAge(pulse));
            has_news = true;
        }
        let Some(verifying) = &mut self.verifying else { return has_news };
        verifying.patience = patience_with(proof, verifying.patience);
        if !waits {
            self.verified(proof);
            has_news = true;
        } else if verifying.look_at.is_none() {
            verifying.look_at = Some(now + pause(step));
        } else if verifying.look_at.is_some_and(|at| now >= at) {
            verifying.look_at = None;
            match verifying.goal {
                Some(_) => self.looking.look_again(),
                None => self.looking.look_again_at(step),
            }
        }
        has_news
    }

    fn verified(&mut self, proof: Proof) {
        self.verifying = None;
        self.session.handle(Event::Verified { proof });
    }
}
