//! The flowchart as one table (design, section 2): where each verdict of each step leads.
//!
//! The match has no wildcard arm, so a new step or verdict does not compile until it has its place. The drawing in
//! the README is generated from this table, and a test keeps both equal.

use crate::core::finding::{StepId, Verdict};

/// Where a verdict leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Next {
    /// On to this step.
    Step(StepId),
    /// To the remedies of the same step; after a cure back to the step, and to the ticket when none is left or wanted.
    Remedies,
    /// The end: the heartbeat is proved, or nothing on this host explains its absence.
    Finish,
}

/// The edge that leaves a step with this verdict.
pub const fn next(step: StepId, verdict: Verdict) -> Next {
    use StepId::*;
    use Verdict::*;
    match (step, verdict) {
        (Installed, Pass | Warn | Unknown | Skipped) => Next::Step(Running),
        (Installed, Fail) => Next::Remedies,
        (Running, Pass | Warn | Unknown | Skipped) => Next::Step(Parameters),
        (Running, Fail) => Next::Remedies,
        (Parameters, Pass | Warn | Unknown | Skipped) => Next::Step(Network),
        (Parameters, Fail) => Next::Remedies,
        (Network, Pass | Warn | Unknown | Skipped) => Next::Step(Clock),
        (Network, Fail) => Next::Remedies,
        (Clock, Pass | Warn | Unknown | Skipped) => Next::Step(Address),
        (Clock, Fail) => Next::Remedies,
        (Address, Pass | Warn | Unknown | Skipped) => Next::Step(Group),
        (Address, Fail) => Next::Remedies,
        (Group, Pass | Warn | Unknown | Skipped) => Next::Step(Account),
        (Group, Fail) => Next::Remedies,
        (Account, Pass | Warn | Unknown | Skipped) => Next::Step(Log),
        (Account, Fail) => Next::Remedies,
        (Log, Pass | Warn | Unknown | Skipped) => Next::Step(Heartbeat),
        (Log, Fail) => Next::Remedies,
        (Heartbeat, Pass | Warn | Unknown | Skipped) => Next::Finish,
        (Heartbeat, Fail) => Next::Remedies,
    }
}

/// The flowchart as a Mermaid drawing, for the README.
pub fn drawing() -> String {
    use crate::core::text::Lang;
    let mut out = String::from("flowchart TD\n");
    for &step in StepId::ALL {
        let (id, title) = (step.id(), step.title());
        out += &format!("  {id}[\"{}. {}\"]\n", step.index() + 1, title.get(Lang::En));
    }
    for &step in StepId::ALL {
        let id = step.id();
        let mut leads_on: Option<(Next, Vec<&str>)> = None;
        for verdict in [Verdict::Pass, Verdict::Warn, Verdict::Unknown, Verdict::Skipped] {
            let to = next(step, verdict);
            match &mut leads_on {
                Some((known, words)) if *known == to => words.push(verdict.id()),
                _ => leads_on = Some((to, vec![verdict.id()])),
            }
        }
        if let Some((to, words)) = leads_on {
            let target = match to {
                Next::Step(step) => step.id(),
                Next::Remedies => "ticket",
                Next::Finish => "finish([\"Done\"])",
            };
            out += &format!("  {id} -->|{}| {target}\n", words.join(", "));
        }
        if next(step, Verdict::Fail) == Next::Remedies {
            out += &format!("  {id} -->|fail| {id}-cure{{\"remedies\"}}\n");
            out += &format!("  {id}-cure -->|applied| {id}\n");
            out += &format!("  {id}-cure -->|none left or wanted| ticket[\"Support ticket\"]\n");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_does_not_fail_leads_on_and_every_walk_ends() {
        for verdict in [Verdict::Pass, Verdict::Warn, Verdict::Unknown, Verdict::Skipped] {
            let mut at = StepId::Installed;
            let mut walked = vec![at];
            while let Next::Step(to) = next(at, verdict) {
                assert!(to > at, "no way leads back");
                at = to;
                walked.push(at);
            }
            assert_eq!(walked, StepId::ALL, "every step is on the way");
            assert_eq!(next(at, verdict), Next::Finish);
        }
    }

    #[test]
    fn every_failure_leads_to_remedies() {
        assert!(StepId::ALL.iter().all(|&step| next(step, Verdict::Fail) == Next::Remedies));
    }
}
