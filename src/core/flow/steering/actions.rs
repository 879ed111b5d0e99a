//! What can be done on each page of the walk, as a numbered list. Pure: what an action does is in `steering`.

use crate::core::finding::{CauseId, Finding, RemedyId, StepId, Verdict};
use crate::core::flow::{Action, Place, Session};

impl Session {
    /// What can be done on this page, in the order of its numbers; the first is what most operators want next.
    pub fn actions(&self) -> Vec<Action> {
        let mut out = Vec::new();
        match self.place {
            Place::Step(step) => {
                let Some(finding) = self.finding(step) else { return vec![Action::Continue(self.onward())] };
                let fails = finding.verdict == Verdict::Fail;
                let onward = Action::Continue(self.onward());
                let (first, later) = self.service_actions(step, finding);
                out.extend(first);
                if fails {
                    out.extend(finding.remedies().into_iter().map(Action::Remedy));
                }
                let wants_first = finding.verdict == Verdict::Unknown && !finding.wants.is_empty();
                if wants_first {
                    out.push(Action::Tell);
                }
                let mut console = Vec::new();
                if step == StepId::Heartbeat && !self.context.no_cloud && finding.verdict != Verdict::Skipped {
                    // What was told already need not be told again.
                    let news = |shows: &bool| self.context.console_heartbeat != Some(*shows);
                    console.extend([true, false].into_iter().filter(news).map(Action::ConsoleSays));
                }
                // Where the heartbeat is there, the way leads on.
                let is_there = matches!(finding.verdict, Verdict::Pass | Verdict::Warn);
                if !is_there {
                    out.append(&mut console);
                }
                if !fails {
                    out.push(onward);
                    out.extend(finding.remedies().into_iter().map(Action::Remedy));
                }
                out.append(&mut console);
                if !wants_first && !finding.wants.is_empty() {
                    out.push(Action::Tell);
                }
                if fails {
                    let next_fault = self
                        .findings()
                        .find(|other| other.step > step && other.verdict == Verdict::Fail)
                        .map(|other| Place::Step(other.step));
                    out.extend(next_fault.map(Action::Continue));
                }
                out.extend(later);
                out.push(Action::Recheck);
                if fails {
                    out.push(Action::Ticket);
                }
            }
            Place::Ticket => {
                out.extend([Action::WriteBundle, Action::CopyTicket, Action::Tell]);
                out.extend(self.stopped_at().map(|step| Action::Continue(Place::Step(step))));
                out.push(Action::Quit);
            }
            Place::Finish => {
                if let Some(step) = self.stopped_at() {
                    out.push(Action::Continue(Place::Step(step)));
                }
                if !self.owed_restart.is_empty() {
                    out.insert(0, Action::Remedy(RemedyId::RestartAgent));
                }
                if self.finding(StepId::Heartbeat).is_some_and(|finding| finding.verdict == Verdict::Unknown) {
                    out.push(Action::Continue(Place::Step(StepId::Heartbeat)));
                }
                // When nothing is left to do, one more Enter must not look at everything again, nor forget what was told.
                let is_done = out.is_empty();
                out.extend([Action::RecheckAll, Action::Ticket]);
                out.insert(if is_done { 0 } else { out.len() }, Action::Quit);
            }
        }
        out.truncate(9);
        out
    }

    /// What can be done on a step's page because the service can be asked, or could be: what comes first, and the rest.
    fn service_actions(&self, step: StepId, finding: &Finding) -> (Option<Action>, Vec<Action>) {
        let asks_service = matches!(step, StepId::Group | StepId::Account | StepId::Heartbeat);
        let mut later = Vec::new();
        let is_watched = step == StepId::Heartbeat
            && !self.context.no_cloud
            && !matches!(finding.verdict, Verdict::Pass | Verdict::Skipped);
        if is_watched {
            later.push(Action::Watch);
        }
        if asks_service && self.around.wants_key {
            later.push(Action::TypeKey);
        }
        if step != StepId::Group || self.around.key.is_none() || self.around.wants_key {
            return (None, later);
        }
        let is_missing = finding.causes.iter().any(|cause| cause.id == CauseId::GroupNotFound);
        if is_missing || self.context.machine_group.is_none() {
            return (Some(Action::ChooseGroup), later);
        }
        later.push(Action::ChooseGroup);
        (None, later)
    }
}
