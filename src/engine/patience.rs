//! How long a cure is waited for, and how often it is looked at meanwhile.

use crate::core::checks::Missing;
use crate::core::finding::StepId;
use crate::core::flow::Proof;
use crate::core::service::heartbeat::POLL_AT_MOST;
use std::time::Duration;

/// How long a step without a certain verdict is waited for at the most: an agent that starts is soon to be seen, and
/// what this user may not look at stays unseen.
const UNPROVEN: Duration = Duration::from_secs(10);

/// As [`LOOK_AGAIN`], where the service is asked each time.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// How long to wait between two looks while a cure is being verified.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(1);

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
