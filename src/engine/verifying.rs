//! A verification under way: the step is looked at again and again until the cure is proved or patience ends.

use super::{Looking, Run};
use crate::finding::StepId;
use crate::flow::{Event, Goal, Proof};
use std::time::Duration;
use tokio::time::Instant;

/// How long to wait between two looks while a cure is being verified.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// As [`LOOK_AGAIN`], where the service is asked each time.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// How long a look that began before the end of patience may take beyond it.
const LAST_LOOK: Duration = Duration::from_secs(30);

pub(super) fn pause(step: StepId) -> Duration {
    if step == StepId::Heartbeat { ASK_AGAIN } else { LOOK_AGAIN }
}

/// A verification under way.
pub(super) struct Verifying {
    goal: Goal,
    deadline: Instant,
    look_at: Option<Instant>,
    told: u64,
}

impl Verifying {
    /// Looks at everything again, with patience of this many seconds.
    pub(super) async fn begin(looking: &mut Looking, goal: Goal, seconds: u64) -> Verifying {
        looking.await_proof(goal.step()).await;
        looking.look_again();
        let deadline = Instant::now() + Duration::from_secs(seconds);
        Verifying { goal, deadline, look_at: None, told: seconds }
    }

    /// When something has to be done without being asked: the next second of the countdown, or the next look.
    pub(super) fn wake_at(&self) -> Instant {
        let tick = Instant::now() + LOOK_AGAIN;
        self.look_at.map_or(tick, |at| at.min(tick))
    }
}

impl Run<'_> {
    /// Moves a verification on: cured, out of patience, or look again.
    pub(super) fn verify(&mut self) {
        let now = Instant::now();
        let Some(verifying) = &mut self.verifying else { return };
        let left = verifying.deadline.saturating_duration_since(now).as_secs();
        if left != verifying.told {
            verifying.told = left;
            self.session.handle(Event::Waiting { seconds_left: left });
        }
        let Some(verifying) = &mut self.verifying else { return };
        let proof = match self.looking.found.is_open(verifying.goal.step()) {
            true if now < verifying.deadline + LAST_LOOK => return,
            true => Proof::Unproven,
            false => verifying.goal.proof(&self.looking.found),
        };
        if proof.is_cured() || now >= verifying.deadline {
            self.verifying = None;
            self.session.handle(Event::Verified { proof });
        } else if verifying.look_at.is_none() {
            verifying.look_at = Some(now + pause(verifying.goal.step()));
        } else if verifying.look_at.is_some_and(|at| now >= at) {
            verifying.look_at = None;
            self.looking.look_again();
        }
    }
}
