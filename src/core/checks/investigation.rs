//! All ten checks over one growing set of observations: which questions are open, which findings are there.
//!
//! Pure: the engine brings answers and the time; this file decides what to ask next. Each distinct question is asked
//! once until it is forgotten; a re-check forgets what the step rests on, so it always looks again.

use super::root::{self, Facts};
use crate::core::context::Context;
use crate::core::finding::{Finding, StepId};
use crate::core::observe::{Answer, Noted, Observations, Question, Unanswered};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The function that judges one step.
pub type Judge = fn(StepId, &Observations, &Context) -> Result<Finding, Unanswered>;

/// A finding and how long it took from the moment the step was opened, in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    pub finding: Finding,
    pub elapsed_ms: u64,
}

/// One step's progress.
#[derive(Debug, Default)]
struct Progress {
    /// The last finding; it stays readable while the step is looked at again.
    checked: Option<Checked>,
    /// The same as the step itself came to it, before it was held against the other steps.
    alone: Option<Finding>,
    is_open: bool,
    opened_ms: u64,
    rests_on: BTreeSet<Question>,
}

/// The state of looking at one host.
#[derive(Debug)]
pub struct Investigation {
    judge: Judge,
    seen: Observations,
    context: Context,
    steps: BTreeMap<StepId, Progress>,
    /// Questions under way, with the round in which they were asked: an answer from before a re-check is dropped.
    asked: BTreeMap<Question, u64>,
    round: u64,
}

/// A question for the host, with the round that its answer must carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub question: Question,
    pub round: u64,
}

impl Investigation {
    /// Nothing observed yet, all steps open.
    pub fn new(judge: Judge, context: Context) -> Investigation {
        let steps = StepId::ALL.iter().map(|&step| (step, Progress { is_open: true, ..Progress::default() })).collect();
        Investigation { judge, seen: Observations::default(), context, steps, asked: BTreeMap::new(), round: 0 }
    }

    /// What the operator told.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Everything observed.
    pub fn seen(&self) -> &Observations {
        &self.seen
    }

    /// Begins with observations made elsewhere or earlier.
    pub fn with_seen(mut self, seen: Observations) -> Investigation {
        self.seen = seen;
        self
    }

    /// The step's last finding.
    pub fn finding(&self, step: StepId) -> Option<&Checked> {
        self.steps.get(&step).and_then(|progress| progress.checked.as_ref())
    }

    /// Whether the step waits for answers.
    pub fn is_open(&self, step: StepId) -> bool {
        self.steps.get(&step).is_some_and(|progress| progress.is_open)
    }

    /// Whether every step has its finding.
    pub fn is_settled(&self) -> bool {
        self.steps.values().all(|progress| !progress.is_open)
    }

    /// All findings so far, in flowchart order.
    pub fn findings(&self) -> impl Iterator<Item = (StepId, &Checked)> {
        self.steps.iter().filter_map(|(&step, progress)| progress.checked.as_ref().map(|checked| (step, checked)))
    }

    /// Judges every open step as far as it goes. Returns the questions to ask now; the steps that were finished can
    /// be read off [`Investigation::is_open`]. `now_ms` is any steady count of milliseconds.
    pub fn advance(&mut self, now_ms: u64) -> Vec<Asked> {
        let mut wanted = BTreeSet::new();
        let mut has_news = false;
        for (&step, progress) in self.steps.iter_mut().filter(|(_, progress)| progress.is_open) {
            let Noted { result, open, touched } = self.seen.noting(|seen| (self.judge)(step, seen, &self.context));
            progress.rests_on.extend(touched);
            match result {
                Ok(finding) => {
                    let elapsed_ms = now_ms.saturating_sub(progress.opened_ms);
                    progress.alone = Some(finding.clone());
                    progress.checked = Some(Checked { finding, elapsed_ms });
                    has_news = true;
                    progress.is_open = false;
                    // A check may look at more than its verdict needed; nobody waits for that.
                }
                Err(Unanswered) => wanted.extend(open),
            }
        }
        if has_news && self.is_settled() {
            self.relate();
        }
        let round = self.round;
        wanted
            .into_iter()
            .filter(|question| !self.asked.contains_key(question))
            .collect::<Vec<_>>()
            .into_iter()
            .map(|question| {
                self.asked.insert(question.clone(), round);
                Asked { question, round }
            })
            .collect()
    }

    /// Binds every consequence to its cause, once all steps have their findings.
    fn relate(&mut self) {
        let facts = Facts::of(&self.seen, &self.context);
        let alone: Vec<Finding> = self.steps.values().filter_map(|progress| progress.alone.clone()).collect();
        for finding in root::related(&alone, facts) {
            if let Some(progress) = self.steps.get_mut(&finding.step)
                && let Some(checked) = &mut progress.checked
            {
                checked.finding = finding;
            }
        }
    }

    /// Takes the answer to a question that [`Investigation::advance`] or [`Investigation::ask`] returned. One that
    /// belongs to an earlier round is dropped. Returns whether it was taken.
    pub fn answer(&mut self, asked: &Asked, answer: Answer) -> bool {
        if self.asked.get(&asked.question) != Some(&asked.round) {
            return false;
        }
        self.asked.remove(&asked.question);
        self.seen.keep(asked.question.clone(), answer);
        true
    }

    /// Forgets answers without opening the steps that rest on them: for a plan that must look afresh.
    pub fn forget(&mut self, questions: &BTreeSet<Question>) {
        self.seen.forget(questions.iter().cloned());
    }

    /// Registers questions that somebody else than a check asks (a remedy being planned), and returns those that are
    /// not under way already.
    pub fn ask(&mut self, questions: BTreeSet<Question>) -> Vec<Asked> {
        let round = self.round;
        questions
            .into_iter()
            .filter(|question| self.asked.insert(question.clone(), round).is_none_or(|earlier| earlier != round))
            .map(|question| Asked { question, round })
            .collect()
    }

    /// Opens the steps again that rest on anything that this step rests on, and forgets those observations. The
    /// earlier findings stay readable until the new ones are there.
    pub fn recheck(&mut self, step: StepId, now_ms: u64) {
        let rests_on = self.steps.get(&step).map(|progress| progress.rests_on.clone()).unwrap_or_default();
        self.round += 1;
        for question in &rests_on {
            self.asked.remove(question);
        }
        for (&other, progress) in &mut self.steps {
            if other == step || !progress.rests_on.is_disjoint(&rests_on) {
                progress.reopen(now_ms);
            }
        }
        self.seen.forget(rests_on);
    }

    /// Forgets every observation and opens every step.
    pub fn recheck_all(&mut self, now_ms: u64) {
        self.round += 1;
        self.asked.clear();
        self.seen.forget_all();
        for progress in self.steps.values_mut() {
            progress.reopen(now_ms);
        }
    }

    /// Takes what the operator told and judges every step anew from the observations that are there.
    pub fn set_context(&mut self, context: Context, now_ms: u64) {
        self.context = context;
        for progress in self.steps.values_mut() {
            progress.reopen(now_ms);
        }
    }
}

impl Progress {
    fn reopen(&mut self, now_ms: u64) {
        self.is_open = true;
        self.opened_ms = now_ms;
        self.rests_on.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::observe::{InterfaceSeen, LookupSeen};
    use crate::core::text::Text;

    /// A judge whose steps all want the interfaces, and one of them then a name.
    fn judge(step: StepId, see: &Observations, _: &Context) -> Result<Finding, Unanswered> {
        let interfaces = see.interfaces()?;
        if step == StepId::Address {
            see.lookup("host")?;
        }
        let count = interfaces.as_ref().map(Vec::len).unwrap_or_default();
        Ok(Finding::judged(step, crate::say!("{count} interfaces", "{count} 个网卡"), vec![], vec![]))
    }

    fn interfaces(count: usize) -> Answer {
        let one = InterfaceSeen { name: "eth0".into(), up: true, ipv4: vec![] };
        Answer::Interfaces(Ok(vec![one; count]))
    }

    #[test]
    fn each_question_is_asked_once_and_steps_finish_as_answers_come() {
        let mut all = Investigation::new(judge, Context::default());
        let first = all.advance(0);
        assert_eq!(first.len(), 1);
        assert_eq!(all.advance(0), vec![]);
        assert!(all.answer(&first[0], interfaces(2)));
        let second = all.advance(5);
        assert_eq!(second[0].question, Question::Lookup("host".into()));
        assert!(!all.is_open(StepId::Installed) && all.is_open(StepId::Address));
        assert_eq!(all.finding(StepId::Installed).unwrap().elapsed_ms, 5);
        let found = LookupSeen { addresses: Ok(vec![]), by: "test".into(), elapsed_ms: 1 };
        assert!(all.answer(&second[0], Answer::Lookup(found)));
        assert!(all.advance(7).is_empty() && all.is_settled());
    }

    #[test]
    fn a_recheck_looks_again_and_drops_answers_from_before() {
        let mut all = Investigation::new(judge, Context::default());
        let first = all.advance(0);
        all.recheck_all(0);
        assert!(!all.answer(&first[0], interfaces(9)), "an answer from before the re-check is stale");
        let again = all.advance(0);
        assert!(all.answer(&again[0], interfaces(1)));
        all.advance(0);
        all.recheck(StepId::Clock, 10);
        assert!(all.is_open(StepId::Installed), "it rests on the same observation");
        assert_eq!(
            all.finding(StepId::Clock).unwrap().finding.summary,
            Text::filled("1 interfaces".into(), "1 个网卡".into())
        );
        assert_eq!(all.advance(10).len(), 1);
    }
}
