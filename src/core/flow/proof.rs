//! When a remedy counts as a cure. Pure: the findings before and after decide.

use crate::core::checks::Investigation;
use crate::core::finding::{Cause, CauseId, Finding, RemedyId, Severity, StepId, Verdict};
use std::collections::BTreeSet;

/// What the step says after a remedy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Proof {
    /// The step passes, if with a warning.
    Holds,
    /// What the remedy was chosen for is gone; the step still fails, for reasons that were there before and that other
    /// remedies cure.
    CauseGone,
    /// What the remedy was chosen for is still there.
    StillThere,
    /// The step could not be judged, so nothing is proved.
    Unproven,
    /// The operator would not wait any longer, so nothing is proved.
    Stopped,
}

impl Proof {
    /// Whether the remedy did what it was chosen for.
    pub const fn is_cured(self) -> bool {
        matches!(self, Proof::Holds | Proof::CauseGone)
    }
}

/// What a remedy is to cure, as it was before the remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Goal {
    step: StepId,
    remedy: RemedyId,
    /// Whether the step failed.
    failed: bool,
    /// The causes that offered the remedy.
    causes: BTreeSet<CauseId>,
    /// The causes that made the step fail for which the remedy is none.
    others: BTreeSet<CauseId>,
    /// Where only the heartbeat proves the cure: what has to do when the service cannot be asked for it.
    instead: Option<Box<Goal>>,
}

impl Goal {
    /// To be made before anything is changed: later the causes may be gone.
    pub fn before(found: &Investigation, step: StepId, remedy: RemedyId) -> Goal {
        let finding = found.finding(step).map(|checked| &checked.finding);
        let causes = finding.into_iter().flat_map(|finding| &finding.causes);
        let offers = |cause: &&Cause| cause.remedies.contains(&remedy);
        let others = causes.clone().filter(|cause| cause.severity == Severity::Fail && !offers(cause));
        Goal {
            step,
            remedy,
            failed: finding.is_some_and(|finding| finding.verdict == Verdict::Fail),
            others: others.map(|cause| cause.id).collect(),
            causes: causes.filter(offers).map(|cause| cause.id).collect(),
            instead: instead_of(step).map(|other| Box::new(Goal::before(found, other, remedy))),
        }
    }

    /// The steps whose findings [`Goal::before`] reads.
    pub fn rests_on(step: StepId) -> impl Iterator<Item = StepId> {
        [Some(step), instead_of(step)].into_iter().flatten()
    }

    /// The step whose finding is the proof.
    pub fn step(&self) -> StepId {
        self.step
    }

    /// The remedy.
    pub fn remedy(&self) -> RemedyId {
        self.remedy
    }

    /// The step whose finding is the proof now: the machine group, where the heartbeat cannot be asked for.
    pub fn proved_by(&self, found: &Investigation) -> StepId {
        let verdict = found.finding(self.step).map(|checked| checked.finding.verdict);
        match (&self.instead, verdict) {
            (Some(instead), Some(Verdict::Unknown | Verdict::Skipped)) => instead.step,
            _ => self.step,
        }
    }

    /// What the findings prove now.
    pub fn proof(&self, found: &Investigation) -> Proof {
        match (found.finding(self.step), &self.instead) {
            (Some(checked), Some(instead)) => match checked.finding.verdict {
                Verdict::Pass | Verdict::Warn => Proof::Holds,
                Verdict::Unknown | Verdict::Skipped => instead.proof(found),
                Verdict::Fail => Proof::StillThere,
            },
            (Some(checked), None) => self.judge(&checked.finding),
            (None, _) => Proof::Unproven,
        }
    }

    /// Whether all that makes the step fail made it fail before, and is for other remedies: a new fault may be this
    /// remedy's own doing.
    fn is_of_others(&self, finding: &Finding) -> bool {
        let mut failing = finding.causes.iter().filter(|cause| cause.severity == Severity::Fail);
        failing.all(|cause| self.others.contains(&cause.id) && !cause.remedies.contains(&self.remedy))
    }

    fn judge(&self, finding: &Finding) -> Proof {
        let is_left = finding.causes.iter().any(|cause| self.causes.contains(&cause.id));
        match finding.verdict {
            Verdict::Unknown | Verdict::Skipped => Proof::Unproven,
            Verdict::Pass => Proof::Holds,
            // A step that failed and only warns now is mended: an address that the agent was told is no address of
            // this host, and the remedy that told it is still offered.
            Verdict::Warn if self.failed || !is_left => Proof::Holds,
            Verdict::Fail if !is_left && !self.causes.is_empty() && self.is_of_others(finding) => Proof::CauseGone,
            Verdict::Warn | Verdict::Fail => Proof::StillThere,
        }
    }
}

/// The step that has to do where the service cannot be asked for the heartbeat.
fn instead_of(step: StepId) -> Option<StepId> {
    (step == StepId::Heartbeat).then_some(StepId::Group)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::checks::Judge;
    use crate::core::context::Context;
    use crate::core::observe::{Observations, Unanswered};
    use crate::core::text::Text;

    fn found(judge: Judge) -> Investigation {
        let mut found = Investigation::new(judge, Context::default());
        assert!(found.advance(0).is_empty());
        found
    }

    fn finding(step: StepId, causes: &[(CauseId, bool)]) -> Result<Finding, Unanswered> {
        let text = || Text::same("x");
        let cause = |(id, fails): &(CauseId, bool)| match fails {
            true => Cause::fail(*id, text(), text(), &[RemedyId::RestartAgent]),
            false => Cause::warn(*id, text(), text(), &[RemedyId::RestartAgent]),
        };
        Ok(Finding::judged(step, text(), causes.iter().map(cause).collect(), vec![]))
    }

    fn stopped(step: StepId, _: &Observations, _: &Context) -> Result<Finding, Unanswered> {
        finding(step, &[(CauseId::AgentStopped, true)])
    }
    fn warned(step: StepId, _: &Observations, _: &Context) -> Result<Finding, Unanswered> {
        finding(step, &[(CauseId::NotEnabledAtBoot, false)])
    }
    fn abnormal(step: StepId, _: &Observations, _: &Context) -> Result<Finding, Unanswered> {
        finding(step, &[(CauseId::AgentAbnormal, true)])
    }
    fn well(step: StepId, _: &Observations, _: &Context) -> Result<Finding, Unanswered> {
        finding(step, &[])
    }
    fn unknown(step: StepId, _: &Observations, _: &Context) -> Result<Finding, Unanswered> {
        Ok(Finding::unknown(step, Text::same("x"), Vec::new()))
    }
    fn only_the_group_is_known(step: StepId, see: &Observations, told: &Context) -> Result<Finding, Unanswered> {
        if step == StepId::Heartbeat { unknown(step, see, told) } else { well(step, see, told) }
    }

    #[test]
    fn what_the_findings_prove() {
        let before: [(&str, Judge); 3] = [("stopped", stopped), ("warned", warned), ("well", well)];
        let after: [(&str, Judge); 5] =
            [("stopped", stopped), ("warned", warned), ("abnormal", abnormal), ("well", well), ("unknown", unknown)];
        let mut table = String::new();
        for (was, before) in before {
            let goal = Goal::before(&found(before), StepId::Running, RemedyId::RestartAgent);
            for (is, after) in after {
                table += &format!("{was} -> {is}: {:?}\n", goal.proof(&found(after)));
            }
        }
        assert_eq!(
            table,
            "stopped -> stopped: StillThere\n\
             stopped -> warned: Holds\n\
             stopped -> abnormal: StillThere\n\
             stopped -> well: Holds\n\
             stopped -> unknown: Unproven\n\
             warned -> stopped: StillThere\n\
             warned -> warned: StillThere\n\
             warned -> abnormal: StillThere\n\
             warned -> well: Holds\n\
             warned -> unknown: Unproven\n\
             well -> stopped: StillThere\n\
             well -> warned: Holds\n\
             well -> abnormal: StillThere\n\
             well -> well: Holds\n\
             well -> unknown: Unproven\n"
        );
    }

    fn two_faults(step: StepId, _: &Observations, _: &Context) -> Result<Finding, Unanswered> {
        let text = || Text::same("x");
        let other = Cause::fail(CauseId::SeveralAgents, text(), text(), &[RemedyId::StopExtraAgent]);
        let stopped = Cause::fail(CauseId::AgentStopped, text(), text(), &[RemedyId::RestartAgent]);
        Ok(Finding::judged(step, text(), vec![stopped, other], vec![]))
    }
    fn the_other_fault(step: StepId, _: &Observations, _: &Context) -> Result<Finding, Unanswered> {
        let text = || Text::same("x");
        let other = Cause::fail(CauseId::SeveralAgents, text(), text(), &[RemedyId::StopExtraAgent]);
        Ok(Finding::judged(step, text(), vec![other], vec![]))
    }

    #[test]
    fn only_a_fault_that_was_there_before_is_somebody_elses() {
        let goal = |before: Judge| Goal::before(&found(before), StepId::Running, RemedyId::RestartAgent);
        assert_eq!(goal(two_faults).proof(&found(the_other_fault)), Proof::CauseGone);
        assert_eq!(goal(stopped).proof(&found(the_other_fault)), Proof::StillThere);
        assert_eq!(goal(two_faults).proof(&found(two_faults)), Proof::StillThere);
    }

    #[test]
    fn without_the_service_the_machine_group_stands_for_the_heartbeat() {
        let goal = Goal::before(&found(stopped), StepId::Heartbeat, RemedyId::AddIpToGroup);
        assert_eq!(goal.proof(&found(only_the_group_is_known)), Proof::Holds);
        assert_eq!(goal.proof(&found(unknown)), Proof::Unproven);
        assert_eq!(goal.proof(&found(stopped)), Proof::StillThere);
    }
}
