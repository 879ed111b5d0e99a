//! Moves a verification on: cured, out of patience, or look again.

use super::patience::{patience_with, pause};
use super::run::Run;
use crate::core::finding::StepId;
use crate::core::flow::{Event, Proof};
use std::time::Duration;
use tokio::time::Instant;

/// How long a look that began before the end of patience may take beyond it.
const LAST_LOOK: Duration = Duration::from_secs(30);

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
