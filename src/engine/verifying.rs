//! A verification under way: the step is looked at again and again until the cure is proved or patience ends.

use super::patience::{LOOK_AGAIN, has_patience};
use crate::core::checks::Investigation;
use crate::core::finding::{StepId, Verdict};
use crate::core::flow::{Goal, Proof};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

/// A verification under way.
pub(super) struct Verifying {
    /// None when only the heartbeat is watched for.
    pub(super) goal: Option<Goal>,
    pub(super) began: Instant,
    pub(super) patience: Duration,
    pub(super) look_at: Option<Instant>,
    pub(super) told: u64,
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

    pub(super) fn step(&self) -> StepId {
        self.goal.as_ref().map_or(StepId::Heartbeat, Goal::step)
    }

    /// The steps that must have their findings before the proof is judged.
    pub(super) fn rests_on(&self) -> BTreeSet<StepId> {
        self.goal.as_ref().map_or_else(|| BTreeSet::from([StepId::Heartbeat]), Goal::rests_on)
    }

    /// What the findings prove now, and whether it is worth waiting on.
    pub(super) fn judge(&self, found: &Investigation, passed: Duration) -> (Proof, bool) {
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
