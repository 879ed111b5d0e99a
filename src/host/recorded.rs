//! A host that only remembers: answers from a recording, for `check --from BUNDLE`. There is nothing that could be changed.

use super::Host;
use crate::core::observe::{Answer, Observations, Pending, Question, Unavailable};
use std::collections::BTreeMap;
use std::future::ready;

/// Plays back what was seen elsewhere.
#[derive(Debug, Clone)]
pub struct RecordedHost {
    answers: BTreeMap<Question, Answer>,
}

impl RecordedHost {
    /// A host that gives exactly these answers.
    pub fn new(seen: &Observations) -> RecordedHost {
        RecordedHost { answers: seen.answers().map(|(question, answer)| (question.clone(), answer.clone())).collect() }
    }
}

impl Host for RecordedHost {
    fn observe(&self, question: Question) -> Pending<Answer> {
        let answer = match self.answers.get(&question) {
            Some(answer) if answer.is_to(&question) => answer.clone(),
            _ => unrecorded(&question),
        };
        Box::pin(ready(answer))
    }
}

/// The answer to a question that was not asked when the recording was made.
pub fn unrecorded(question: &Question) -> Answer {
    unanswered(question, "not in the bundle")
}

/// The answer to a question that could not be answered, for this reason.
pub fn unanswered(question: &Question, reason: &str) -> Answer {
    Answer::missing(question, Unavailable::Other(reason.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_recorded_is_answered_and_all_else_is_said_to_be_missing() {
        let hostname = Question::File("/etc/hostname".into());
        let answer = Answer::File(Err(Unavailable::Absent));
        let wrong = (Question::Interfaces, Answer::Processes(Ok(vec![])));
        let host = RecordedHost::new(&Observations::from_iter([(hostname.clone(), answer.clone()), wrong]));
        assert_eq!(host.observe(hostname).await, answer);
        let missing = || Unavailable::Other("not in the bundle".into());
        assert_eq!(host.observe(Question::Interfaces).await, Answer::Interfaces(Err(missing())));
        assert_eq!(host.observe(Question::Dir("/".into())).await, Answer::Dir(Err(missing())));
    }
}
