//! When a remedy counts as a cure. Pure: the findings before and after decide.

use crate::core::checks::{Investigation, Missing, started};
use crate::core::finding::{Cause, CauseId, Finding, RemedyId, Severity, StepId, Verdict};
use crate::core::observe::Unanswered;
use std::collections::BTreeSet;

/// What the steps say after a remedy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Proof {
    /// What it was chosen for is gone, if with a warning left; an agent that it started has proven to run.
    Holds,
    /// What the remedy was chosen for is gone; something still fails, for reasons that were there before and that other
    /// remedies cure.
    CauseGone,
    /// What the remedy was chosen for is still there.
    StillThere,
    /// The step could not be judged, so nothing is proved.
    Unproven,
    /// Applied; but this is missing to the proof that the agent, which was started, runs.
    NotYet(Missing),
    /// The operator would not wait any longer, so nothing is proved.
    Stopped,
}

impl Proof {
    /// Whether the remedy did what it was chosen for.
    pub const fn is_cured(self) -> bool {
        matches!(self, Proof::Holds | Proof::CauseGone)
    }

    /// The less certain of two proofs that must both hold.
    fn and(self, other: Proof) -> Proof {
        let rank = |proof: Proof| match proof {
            Proof::Holds => 0,
            Proof::CauseGone => 1,
            Proof::NotYet(_) => 2,
            Proof::Unproven => 3,
            Proof::Stopped => 4,
            Proof::StillThere => 5,
        };
        if rank(other) > rank(self) { other } else { self }
    }
}

/// What one step said before a remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Target {
    step: StepId,
    remedy: RemedyId,
    /// Whether the step failed.
    failed: bool,
    /// The causes that offered the remedy.
    causes: BTreeSet<CauseId>,
    /// The causes that made the step fail for which the remedy is none.
    others: BTreeSet<CauseId>,
}

/// What a remedy is to cure, as it was before the remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Goal {
    /// The step that the remedy itself names; whatever it was chosen for, it must not come to fail.
    step: StepId,
    remedy: RemedyId,
    /// The steps that it has to mend: the one from which it was chosen, else all that failed and offered it. The own step
    /// is among them, unless the heartbeat is its proof.
    targets: Vec<Target>,
    /// Whether the agent is started by it; then it must prove to run.
    starts: bool,
}

impl Goal {
    /// Of a remedy that was chosen by its name: every step that fails and offers it. To be made before anything is
    /// changed: later the causes may be gone.
    pub fn before(found: &Investigation, step: StepId, remedy: RemedyId) -> Goal {
        let claims = |finding: &Finding| {
            finding.causes.iter().any(|cause| cause.severity == Severity::Fail && cause.remedies.contains(&remedy))
        };
        let claimed = found.findings().filter(|(_, checked)| claims(&checked.finding)).map(|(step, _)| step);
        Goal::of(found, step, remedy, claimed.collect())
    }

    /// Of a remedy that was chosen on the page of a step: the causes of that page which offered it.
    pub fn chosen_at(found: &Investigation, step: StepId, remedy: RemedyId, page: StepId) -> Goal {
        Goal::of(found, step, remedy, vec![page])
    }

    fn of(found: &Investigation, step: StepId, remedy: RemedyId, mut steps: Vec<StepId>) -> Goal {
        steps.extend(instead_of(step).or(Some(step)));
        steps.retain(|target| instead_of(*target).is_none());
        steps.sort();
        steps.dedup();
        let targets = steps.into_iter().map(|target| Target::before(found, target, remedy)).collect();
        Goal { step, remedy, targets, starts: false }
    }

    /// The same for a plan that starts the agent.
    pub fn starting(self, starts: bool) -> Goal {
        Goal { starts, ..self }
    }

    /// The step whose finding is the proof.
    pub fn step(&self) -> StepId {
        self.step
    }

    /// The remedy.
    pub fn remedy(&self) -> RemedyId {
        self.remedy
    }

    /// Whether only a heartbeat from now on counts.
    pub fn wants_heartbeat(&self) -> bool {
        self.starts || self.step == StepId::Heartbeat
    }

    /// The steps whose findings [`Goal::proof`] reads.
    pub fn rests_on(&self) -> BTreeSet<StepId> {
        let of_start = [StepId::Running, StepId::Address, StepId::Heartbeat].into_iter().filter(|_| self.starts);
        let targets = self.targets.iter().map(|target| target.step);
        [self.step].into_iter().chain(targets).chain(of_start).collect()
    }

    /// The step whose finding is the proof now: the machine group, where the heartbeat cannot be asked for; else one that
    /// the remedy has not mended, if there is one.
    pub fn proved_by(&self, found: &Investigation) -> StepId {
        let verdict = found.finding(self.step).map(|checked| checked.finding.verdict);
        let unmended = || {
            let mut left = self.targets.iter().filter(|target| !target.proof(found).is_cured());
            left.next().map(|target| target.step)
        };
        match (instead_of(self.step), verdict) {
            (Some(_), Some(Verdict::Pass | Verdict::Warn | Verdict::Fail)) => self.step,
            (Some(instead), _) => unmended().unwrap_or(instead),
            (None, _) => unmended().unwrap_or(self.step),
        }
    }

    /// What the findings prove now.
    pub fn proof(&self, found: &Investigation) -> Proof {
        let of_targets = || self.targets.iter().map(|target| target.proof(found)).fold(Proof::Holds, Proof::and);
        let verdict = found.finding(self.step).map(|checked| checked.finding.verdict);
        let proof = match (instead_of(self.step), verdict) {
            (_, None) => Proof::Unproven,
            (Some(_), Some(Verdict::Pass | Verdict::Warn)) => Proof::Holds,
            (Some(_), Some(Verdict::Fail)) => Proof::StillThere,
            (Some(_), Some(Verdict::Unknown | Verdict::Skipped)) | (None, _) => of_targets(),
        };
        match self.starts {
            true => proof.and(self.of_start(found)),
            false => proof,
        }
    }

    /// Whether the agent that was started runs: its worker has stayed and written its record, and where the service can be
    /// asked, its heartbeat has come. A heartbeat is not waited for while another step says why it cannot come.
    fn of_start(&self, found: &Investigation) -> Proof {
        let seen = found.seen();
        let missing = started(seen);
        // Only a look at what is known; nothing is to be asked for it.
        seen.take_open();
        seen.take_touched();
        match missing {
            Err(Unanswered) => Proof::Unproven,
            Ok(Some(missing)) => Proof::NotYet(missing),
            Ok(None) => {
                let fails = |step: StepId| found.finding(step).is_some_and(|c| c.finding.verdict == Verdict::Fail);
                let elsewhere = StepId::ALL.iter().any(|&step| step != StepId::Heartbeat && fails(step));
                match (fails(StepId::Heartbeat), elsewhere) {
                    (false, _) => Proof::Holds,
                    (true, false) => Proof::NotYet(Missing::Heartbeat),
                    (true, true) => Proof::CauseGone,
                }
            }
        }
    }
}

impl Target {
    fn before(found: &Investigation, step: StepId, remedy: RemedyId) -> Target {
        let finding = found.finding(step).map(|checked| &checked.finding);
        let causes = finding.into_iter().flat_map(|finding| &finding.causes);
        let offers = |cause: &&Cause| cause.remedies.contains(&remedy);
        let others = causes.clone().filter(|cause| cause.severity == Severity::Fail && !offers(cause));
        Target {
            step,
            remedy,
            failed: finding.is_some_and(|finding| finding.verdict == Verdict::Fail),
            others: others.map(|cause| cause.id).collect(),
            causes: causes.filter(offers).map(|cause| cause.id).collect(),
        }
    }

    fn proof(&self, found: &Investigation) -> Proof {
        found.finding(self.step).map_or(Proof::Unproven, |checked| self.judge(&checked.finding))
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
    use crate::core::observe::Observations;
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
