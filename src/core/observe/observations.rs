//! Everything observed so far. A check reads from it; asking for what was not observed yet returns [`Unanswered`] and
//! notes the question, so a check is a straight line of `?` and never does I/O itself.

use super::table::{Answer, Question};
use serde::{Deserialize, Serialize};
use std::any::Any;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The check needs an answer that is not there yet; the question has been noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unanswered;

/// The answers so far, and the questions asked in vain since [`Observations::take_open`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Observations {
    #[serde(with = "as_list")]
    answers: BTreeMap<Question, Answer>,
    #[serde(skip)]
    open: RefCell<BTreeSet<Question>>,
    /// What the current check has read, answered or not; see [`Observations::take_touched`].
    #[serde(skip)]
    touched: RefCell<BTreeSet<Question>>,
    /// What was worked out of answers; see [`Observations::once`].
    #[serde(skip)]
    made: RefCell<BTreeMap<String, Made>>,
}

/// What some work came to, and the questions behind it.
#[must_use]
pub struct Noted<T> {
    pub result: T,
    /// The questions that were asked in vain.
    pub open: BTreeSet<Question>,
    /// All questions that were asked.
    pub touched: BTreeSet<Question>,
}

/// Something worked out of answers, good as long as none of them changes.
#[derive(Debug, Clone)]
struct Made {
    rests_on: BTreeSet<Question>,
    what: Arc<dyn Any + Send + Sync>,
}

impl Observations {
    /// The answer to a question as `of` finds it; notes that it was asked, and where there is none that it is missing.
    pub(super) fn read<T>(
        &self,
        question: Question,
        of: impl for<'a> Fn(&'a Answer) -> Option<&'a T>,
    ) -> Result<&T, Unanswered> {
        self.touched.borrow_mut().insert(question.clone());
        match self.answers.get(&question).and_then(of) {
            Some(answer) => Ok(answer),
            None => {
                self.open.borrow_mut().insert(question);
                Err(Unanswered)
            }
        }
    }

    /// What `work` comes to, what it asked in vain, and all that it read. Nothing of it stays noted.
    pub fn noting<T>(&self, work: impl FnOnce(&Observations) -> T) -> Noted<T> {
        let (open, touched) = (self.open.take(), self.touched.take());
        let result = work(self);
        Noted { result, open: self.open.replace(open), touched: self.touched.replace(touched) }
    }

    /// What `work` makes of what is known. Nothing is asked for it.
    pub fn at_a_glance<T>(&self, work: impl FnOnce(&Observations) -> T) -> T {
        self.noting(work).result
    }

    /// Whether the answer to a question is there. Asks for nothing.
    pub fn knows(&self, question: &Question) -> bool {
        self.answers.contains_key(question)
    }

    /// Works something out once, for all checks and all rounds of them: a large file is parsed anew only when it has been
    /// looked at anew. `name` must tell everything but answers that `work` depends on.
    ///
    /// # Errors
    /// [`Unanswered`] from `work`; then it is tried again the next time.
    pub fn once<T: Clone + Send + Sync + 'static>(
        &self,
        name: String,
        work: impl FnOnce(&Observations) -> Result<T, Unanswered>,
    ) -> Result<T, Unanswered> {
        if let Some(made) = self.made.borrow().get(&name)
            && let Some(what) = made.what.downcast_ref::<T>()
        {
            self.touched.borrow_mut().extend(made.rests_on.iter().cloned());
            return Ok(what.clone());
        }
        let before = self.touched.take();
        let what = work(self);
        let rests_on = self.touched.replace(before);
        self.touched.borrow_mut().extend(rests_on.iter().cloned());
        if let Ok(what) = &what {
            self.made.borrow_mut().insert(name, Made { rests_on, what: Arc::new(what.clone()) });
        }
        what
    }

    /// Keeps an answer; it replaces an older one to the same question.
    pub fn keep(&mut self, question: Question, answer: Answer) {
        self.unmake(&question);
        self.answers.insert(question, answer);
    }

    /// Forgets answers, so that the next check looks again.
    pub fn forget(&mut self, questions: impl IntoIterator<Item = Question>) {
        for question in questions {
            self.unmake(&question);
            self.answers.remove(&question);
        }
    }

    /// Forgets everything.
    pub fn forget_all(&mut self) {
        self.answers.clear();
        self.made.get_mut().clear();
    }

    fn unmake(&mut self, question: &Question) {
        self.made.get_mut().retain(|_, made| !made.rests_on.contains(question));
    }

    /// The questions asked in vain since the last call.
    pub fn take_open(&self) -> BTreeSet<Question> {
        self.open.take()
    }

    /// The questions asked, in vain or not, since the last call: what a finding rests on.
    pub fn take_touched(&self) -> BTreeSet<Question> {
        self.touched.take()
    }

    /// All answers, in a fixed order.
    pub fn answers(&self) -> impl Iterator<Item = (&Question, &Answer)> {
        self.answers.iter()
    }
}

impl FromIterator<(Question, Answer)> for Observations {
    fn from_iter<I: IntoIterator<Item = (Question, Answer)>>(answers: I) -> Observations {
        Observations { answers: answers.into_iter().collect(), ..Observations::default() }
    }
}

/// JSON has no maps with structured keys: a recording is a list of pairs.
mod as_list {
    use super::{Answer, BTreeMap, Question};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(answers: &BTreeMap<Question, Answer>, to: S) -> Result<S::Ok, S::Error> {
        answers.iter().collect::<Vec<_>>().serialize(to)
    }

    pub fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<BTreeMap<Question, Answer>, D::Error> {
        Ok(Vec::<(Question, Answer)>::deserialize(from)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::observe::*;

    #[test]
    fn a_question_in_vain_is_noted_once_and_answered_later() {
        let mut seen = Observations::default();
        assert_eq!(seen.interfaces(), Err(Unanswered));
        assert_eq!(seen.interfaces(), Err(Unanswered));
        assert_eq!(seen.take_open().into_iter().collect::<Vec<_>>(), vec![Question::Interfaces]);
        seen.keep(Question::Interfaces, Answer::Interfaces(Ok(vec![])));
        assert!(seen.interfaces().is_ok());
        assert!(seen.take_open().is_empty());
    }

    #[test]
    fn what_was_worked_out_stays_until_an_answer_under_it_changes() {
        let worked = RefCell::new(0);
        let count = |see: &Observations| {
            see.once("count".to_string(), |see| {
                let count = see.interfaces()?.as_ref().map(Vec::len).unwrap_or_default();
                *worked.borrow_mut() += 1;
                Ok(count)
            })
        };
        let nics = |count| {
            let one = InterfaceSeen { name: "eth0".into(), up: true, ipv4: vec![] };
            Answer::Interfaces(Ok(vec![one; count]))
        };
        let mut seen = Observations::default();
        assert_eq!(count(&seen), Err(Unanswered));
        seen.keep(Question::Interfaces, nics(2));
        for _ in 0..3 {
            seen.take_touched();
            assert_eq!(count(&seen), Ok(2));
            assert_eq!(
                seen.take_touched(),
                BTreeSet::from([Question::Interfaces]),
                "what it rests on is told each time"
            );
        }
        assert_eq!(*worked.borrow(), 1);
        seen.keep(Question::Clock, Answer::Clock(ClockSeen { now_ms: 0, offset_s: 0, booted: 0 }));
        assert_eq!((count(&seen), *worked.borrow()), (Ok(2), 1));
        seen.keep(Question::Interfaces, nics(3));
        assert_eq!((count(&seen), *worked.borrow()), (Ok(3), 2));
        seen.forget([Question::Interfaces]);
        assert_eq!(count(&seen), Err(Unanswered));
    }

    #[test]
    fn a_recording_reads_back_the_same() {
        let mut seen = Observations::default();
        let file = FileSeen {
            bytes: vec![0xff, 0xfe, b'a'],
            size: 3,
            modified: 1,
            mode: 0o644,
            uid: 0,
            gid: 0,
            link_to: None,
        };
        seen.keep(Question::File("/etc/hosts".into()), Answer::File(Ok(file)));
        seen.keep(Question::Dir("/x".into()), Answer::Dir(Err(Unavailable::NotAllowed)));
        let json = serde_json::to_string(&seen).unwrap();
        let back: Observations = serde_json::from_str(&json).unwrap();
        assert!(back.answers().eq(seen.answers()));
    }

    #[test]
    fn all_of_several_questions_are_asked_before_one_that_is_missing_ends_the_work() {
        let mut seen = Observations::default();
        let both = |see: &Observations| (see.clock(), see.interfaces()).together().map(|(clock, _)| clock.now_ms);
        let noted = seen.noting(both);
        assert_eq!(noted.result, Err(Unanswered));
        assert_eq!(noted.open, BTreeSet::from([Question::Clock, Question::Interfaces]));
        assert!(seen.take_open().is_empty() && seen.take_touched().is_empty(), "nothing stays noted");
        seen.keep(Question::Clock, Answer::Clock(ClockSeen { now_ms: 7, offset_s: 0, booted: 0 }));
        seen.keep(Question::Interfaces, Answer::Interfaces(Ok(vec![])));
        assert_eq!(seen.at_a_glance(both), Ok(7));
        assert!(seen.take_touched().is_empty());
    }

    #[test]
    fn what_is_missing_is_of_the_kind_that_was_asked_for() {
        let cloud = Question::Cloud(CloudQuestion::Credentials);
        for question in [Question::Clock, Question::Tail("/x".into()), Question::Environment { pid: 1 }, cloud.clone()]
        {
            let missing = Answer::missing(&question, Unavailable::TimedOut);
            assert!(missing.is_to(&question) && !missing.is_to(&Question::Interfaces), "{missing:?}");
        }
        let caller = CloudQuestion::Caller(Site { project: "p".into(), region: None });
        assert!(!Answer::missing(&cloud, Unavailable::TimedOut).is_to(&Question::Cloud(caller)));
    }
}
