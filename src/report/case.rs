//! What goes to the vendor's support: the report and the observations behind it, both without secrets.

use super::{AgentInfo, Recording, Redactor, Report, Rule, Taken};
use crate::core::checks::Investigation;
use crate::core::observe::{Answer, FileSeen, Observations, Question};
use std::collections::BTreeMap;
use std::path::Path;

/// A support case. Unlike a report on the operator's own screen it hides the AliUids of others (see [`Redactor`]).
#[derive(Debug, Clone)]
pub struct Case {
    pub report: Report,
    /// The observations, so that the same code can judge them elsewhere.
    pub recording: Recording,
    /// How many places were masked, by rule.
    pub masked: BTreeMap<Rule, usize>,
}

impl Case {
    /// The case of an investigation. `seen` are its observations, completed by what a ticket wants besides.
    pub fn new(found: &Investigation, seen: &Observations, taken: Taken, agent: Option<AgentInfo>) -> Case {
        let mut redactor = Redactor::new();
        redactor.mask_aliuids(seen, found.context().aliuid.as_deref());
        let clean = redactor.seen(seen);
        let report = Report::new(found, seen, taken.clone(), agent, &mut redactor);
        let recording = Recording::new(taken, found.context(), &report.context, clean);
        Case { report, recording, masked: redactor.counts().clone() }
    }

    /// The observed files with this name, without secrets, in the order of their paths.
    pub fn files(&self, name: &str) -> Vec<(&Path, &FileSeen)> {
        let named = |question: &Question| match question {
            Question::File(path) => path.file_name().is_some_and(|known| known == name),
            _ => false,
        };
        self.recording
            .observations
            .answers()
            .filter(|(question, _)| named(question))
            .filter_map(|(question, answer)| match (question, answer) {
                (Question::File(path), Answer::File(Ok(file))) => Some((path.as_path(), file)),
                _ => None,
            })
            .collect()
    }
}
