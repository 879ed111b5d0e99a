//! A host that only remembers: answers from a recording, for `check --from BUNDLE`. It changes nothing.

use super::{Host, LiveOutput};
use crate::core::observe::Pending;
use crate::core::observe::{
    Answer, ClockSeen, CloudAnswer, CloudError, Done, IdentitySeen, LookupSeen, NameserverSaid, NameserverSeen,
    Observations, Operation, OperationError, Question, ReachSeen, Unavailable,
};
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
            Some(answer) if matches_kind(&question, answer) => answer.clone(),
            _ => unrecorded(&question),
        };
        Box::pin(ready(answer))
    }

    fn act(&self, _: Operation, _: LiveOutput) -> Pending<Result<Done, OperationError>> {
        Box::pin(ready(Err(OperationError::ReadOnly)))
    }
}

/// Whether the answer is of the question's kind: a recording comes from outside and may pair them wrongly.
fn matches_kind(question: &Question, answer: &Answer) -> bool {
    matches!(
        (question, answer),
        (Question::File(_) | Question::Present(_) | Question::Tail(_), Answer::File(_))
            | (Question::Dir(_), Answer::Dir(_))
            | (Question::Processes, Answer::Processes(_))
            | (Question::Environment { .. }, Answer::Environment(_))
            | (Question::Interfaces, Answer::Interfaces(_))
            | (Question::Lookup(_), Answer::Lookup(_))
            | (Question::Reach(_), Answer::Reach(_))
            | (Question::ReadCommand(_), Answer::ReadCommand(_))
            | (Question::Clock, Answer::Clock(_))
            | (Question::Identity, Answer::Identity(_))
            | (Question::AskNameserver { .. }, Answer::AskNameserver(_))
            | (Question::Metadata, Answer::Metadata(_))
            | (Question::Trusted(_), Answer::Trusted(_))
    ) || matches!((question, answer), (Question::Cloud(asked), Answer::Cloud(answer)) if answer.is_to(asked))
}

/// The answer to a question that was not asked when the recording was made.
pub fn unrecorded(question: &Question) -> Answer {
    unanswered(question, "not in the bundle")
}

/// The answer to a question that could not be answered, for this reason.
pub fn unanswered(question: &Question, reason: &str) -> Answer {
    let trouble = || Unavailable::Other(reason.into());
    match question {
        Question::File(_) | Question::Present(_) | Question::Tail(_) => Answer::File(Err(trouble())),
        Question::Dir(_) => Answer::Dir(Err(trouble())),
        Question::Processes => Answer::Processes(Err(trouble())),
        Question::Environment { .. } => Answer::Environment(Err(trouble())),
        Question::Interfaces => Answer::Interfaces(Err(trouble())),
        Question::Lookup(_) => {
            Answer::Lookup(LookupSeen { addresses: Err(trouble()), by: String::new(), elapsed_ms: 0 })
        }
        Question::Reach(_) => Answer::Reach(ReachSeen { http: Some(Err(trouble())), ..ReachSeen::default() }),
        Question::ReadCommand(_) => Answer::ReadCommand(Err(trouble())),
        Question::AskNameserver { .. } => {
            Answer::AskNameserver(NameserverSeen { said: NameserverSaid::Unreachable, elapsed_ms: 0 })
        }
        Question::Metadata => Answer::Metadata(Err(trouble())),
        Question::Trusted(_) => Answer::Trusted(Err(trouble())),
        Question::Cloud(asked) => Answer::Cloud(CloudAnswer::missing(asked, CloudError::not_asked())),
        Question::Clock => Answer::Clock(ClockSeen { now_ms: 0, offset_s: 0, booted: 0 }),
        Question::Identity => Answer::Identity(IdentitySeen { os: "linux".into(), ..IdentitySeen::default() }),
    }
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
        let (live, _) = tokio::sync::mpsc::unbounded_channel();
        assert_eq!(host.act(Operation::RemoveDir { path: "/x".into() }, live).await, Err(OperationError::ReadOnly));
    }
}
