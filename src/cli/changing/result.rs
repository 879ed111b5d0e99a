//! What a change came to, for programs: one JSON object that a playbook can set "changed" and "failed" from without
//! reading words.

use crate::cli::settings::CURED;
use crate::core::finding::{CauseId, RemedyId};
use crate::core::journal::ChangeState;
use crate::core::redact::Redactor;
use crate::core::remedies::{Durability, Plan, change_titles};
use crate::core::text::{Lang, Text, printable};
use serde::Serialize;
use std::io::{self, Write};

/// The exit code of a change that was made and proven, where it was asked to be told from one that was not needed.
const CHANGED: u8 = 10;

/// How a remedy ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Outcome {
    /// Carried out, and what it was for is gone.
    Applied,
    /// Everything was so before.
    Already,
    /// Nothing was changed.
    Refused,
    /// Begun, failed, and taken back.
    RolledBack,
    /// Carried out, but not shown to have cured anything.
    NotProven,
    /// Only shown, as `--dry-run` asks.
    Planned,
}

/// The end of a change: what it came to, and the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ended {
    pub outcome: Outcome,
    pub code: u8,
}

impl Ended {
    pub const fn new(outcome: Outcome, code: u8) -> Ended {
        Ended { outcome, code }
    }

    /// The exit code; `detailed` tells a change from what was so already.
    pub const fn exit_code(self, detailed: bool) -> u8 {
        match self.outcome {
            Outcome::Applied if detailed && self.code == CURED => CHANGED,
            _ => self.code,
        }
    }
}

/// What is noted on the way, for the result.
#[derive(Debug, Default)]
pub(super) struct Noted {
    pub cause: Option<CauseId>,
    pub journal_id: Option<String>,
    durability: Option<Durability>,
    until: Option<Text>,
    steps: Vec<(String, ChangeState)>,
}

impl Noted {
    /// Notes a plan, of which nothing has been done yet.
    pub fn plan(&mut self, plan: &Plan, lang: Lang) {
        self.durability = plan.durability.filter(|_| !plan.changes.is_empty());
        self.until = plan.until.clone();
        let mut redactor = Redactor::new();
        let titles = change_titles(plan, lang).into_iter();
        // The order of the list tells the number.
        let bare = |title: String| title.split_once(". ").map_or(title.clone(), |(_, rest)| rest.to_string());
        self.steps = titles.map(|title| (redactor.text(&bare(title)).to_string(), ChangeState::Waiting)).collect();
    }

    /// Notes what became of one change of the plan.
    pub fn step(&mut self, number: usize, state: &ChangeState) {
        if let Some(step) = self.steps.get_mut(number) {
            step.1 = state.clone();
        }
    }

    /// Writes the result.
    ///
    /// # Errors
    /// Nobody reads it.
    pub fn write(&self, remedy: RemedyId, ended: Ended, lang: Lang, out: &mut impl Write) -> io::Result<()> {
        let steps = self.steps.iter().map(|(change, state)| Step {
            change,
            result: match (ended.outcome, state) {
                // The whole was taken back, or the outcome would be another.
                (Outcome::RolledBack, ChangeState::Done) => word(&ChangeState::RolledBack),
                _ => word(state),
            },
            error: match state {
                ChangeState::Failed(reason) => Some(printable(reason.get(lang)).into_owned()),
                _ => None,
            },
        });
        let result = Json {
            schema_version: 1,
            remedy: remedy.id(),
            outcome: ended.outcome,
            exit_code: ended.code,
            cause: self.cause.map(CauseId::id),
            durability: self.durability.map(Durability::id),
            until: self.until.as_ref().map(|until| until.get(lang)),
            steps: steps.collect(),
            journal_id: self.journal_id.as_deref(),
        };
        serde_json::to_writer_pretty(&mut *out, &result)?;
        writeln!(out)?;
        out.flush()
    }
}

/// The stable word for what became of a change.
const fn word(state: &ChangeState) -> &'static str {
    match state {
        ChangeState::Waiting | ChangeState::Running => "not-done",
        ChangeState::Done => "done",
        ChangeState::Already => "already",
        ChangeState::RolledBack => "rolled-back",
        ChangeState::Failed(_) => "failed",
    }
}

#[derive(Serialize)]
struct Json<'a> {
    schema_version: u32,
    remedy: &'static str,
    outcome: Outcome,
    exit_code: u8,
    cause: Option<&'static str>,
    durability: Option<&'static str>,
    until: Option<&'a str>,
    steps: Vec<Step<'a>>,
    journal_id: Option<&'a str>,
}

#[derive(Serialize)]
struct Step<'a> {
    change: &'a str,
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_proven_change_has_a_code_of_its_own() {
        for (outcome, code, detailed) in [
            (Outcome::Applied, 0, 10),
            (Outcome::Applied, 1, 1),
            (Outcome::Already, 0, 0),
            (Outcome::Planned, 0, 0),
            (Outcome::Refused, 3, 3),
            (Outcome::Refused, 2, 2),
            (Outcome::RolledBack, 4, 4),
            (Outcome::NotProven, 1, 1),
        ] {
            let ended = Ended::new(outcome, code);
            assert_eq!((ended.exit_code(false), ended.exit_code(true)), (code, detailed), "{outcome:?}");
        }
    }
}
