//! Everything observed so far. A check reads from it; asking for what was not observed yet returns [`Unanswered`] and
//! notes the question, so a check is a straight line of `?` and never does I/O itself.

use super::MetadataSeen;
use super::cloud::*;
use super::question::*;
use crate::core::service::MachineGroup;
use serde::{Deserialize, Serialize};
use std::any::Any;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::Path;
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

/// Something worked out of answers, good as long as none of them changes.
#[derive(Debug, Clone)]
struct Made {
    rests_on: BTreeSet<Question>,
    what: Arc<dyn Any + Send + Sync>,
}

/// A getter for one kind of question: notes it, and returns the answer when it is of the right kind.
macro_rules! getter {
    ($(#[$doc:meta])* $name:ident($($arg:ident: $type:ty),*) -> $out:ty, $question:expr, $variant:ident) => {
        $(#[$doc])*
        pub fn $name(&self, $($arg: $type),*) -> Result<&$out, Unanswered> {
            let question = $question;
            self.touched.borrow_mut().insert(question.clone());
            match self.answers.get(&question) {
                Some(Answer::$variant(answer)) => Ok(answer),
                _ => {
                    self.open.borrow_mut().insert(question);
                    Err(Unanswered)
                }
            }
        }
    };
}

/// As [`getter`], for what the service tells.
macro_rules! cloud_getter {
    ($(#[$doc:meta])* $name:ident($($arg:ident: $type:ty),*) -> $out:ty, $question:expr, $variant:ident) => {
        $(#[$doc])*
        pub fn $name(&self, $($arg: $type),*) -> Result<&CloudResult<$out>, Unanswered> {
            let question = Question::Cloud($question);
            self.touched.borrow_mut().insert(question.clone());
            match self.answers.get(&question) {
                Some(Answer::Cloud(CloudAnswer::$variant(answer))) => Ok(answer),
                _ => {
                    self.open.borrow_mut().insert(question);
                    Err(Unanswered)
                }
            }
        }
    };
}

impl Observations {
    getter!(/** The head of a file. */ file(path: impl AsRef<Path>) -> Observed<FileSeen>,
        Question::File(path.as_ref().to_path_buf()), File);
    getter!(/** Whether a file is there. */ present(path: impl AsRef<Path>) -> Observed<FileSeen>,
        Question::Present(path.as_ref().to_path_buf()), File);
    getter!(/** The end of a file. */ tail(path: impl AsRef<Path>) -> Observed<FileSeen>,
        Question::Tail(path.as_ref().to_path_buf()), File);
    getter!(/** The names in a directory. */ dir(path: impl AsRef<Path>) -> Observed<DirSeen>,
        Question::Dir(path.as_ref().to_path_buf()), Dir);
    getter!(/** The agent's processes. */ processes() -> Observed<Vec<ProcessSeen>>, Question::Processes, Processes);
    getter!(/** A process's environment. */ environment(pid: u32) -> Observed<Vec<(String, String)>>,
        Question::Environment { pid }, Environment);
    getter!(/** The interfaces. */ interfaces() -> Observed<Vec<InterfaceSeen>>, Question::Interfaces, Interfaces);
    getter!(/** What the resolver says. */ lookup(name: &str) -> LookupSeen,
        Question::Lookup(name.to_string()), Lookup);
    getter!(/** What comes of a request. */ reach(target: &Target) -> ReachSeen,
        Question::Reach(target.clone()), Reach);
    getter!(/** What a command prints. */ look(look: &ReadCommand) -> Observed<CommandSeen>,
        Question::ReadCommand(look.clone()), ReadCommand);
    getter!(/** The clock. */ clock() -> ClockSeen, Question::Clock, Clock);
    getter!(/** Who and where we are. */ identity() -> IdentitySeen, Question::Identity, Identity);
    getter!(/** What one nameserver says. */ nameserver(server: IpAddr, name: &str) -> NameserverSeen,
        Question::AskNameserver { server, name: name.to_string() }, AskNameserver);
    getter!(/** Which ECS instance this is. */ metadata() -> Observed<MetadataSeen>, Question::Metadata, Metadata);
    getter!(/** Whether a path can be acted on. */ trusted(path: impl AsRef<Path>) -> Observed<()>,
        Question::Trusted(path.as_ref().to_path_buf()), Trusted);
    cloud_getter!(/** Which key there is to ask the service with. */ cloud_credentials() -> CredentialsSeen,
        CloudQuestion::Credentials, Credentials);
    cloud_getter!(/** Whose key it is. */ cloud_caller(site: &Site) -> CallerSeen,
        CloudQuestion::Caller(site.clone()), Caller);
    cloud_getter!(/** Where the project is. */ cloud_project(site: &Site) -> ProjectSeen,
        CloudQuestion::Project(site.clone()), Project);
    cloud_getter!(/** The names of the project's machine groups. */ cloud_groups(site: &Site) -> Vec<String>,
        CloudQuestion::Groups(site.clone()), Groups);
    cloud_getter!(/** A machine group. */ cloud_group(site: &Site, group: &str) -> MachineGroup,
        CloudQuestion::Group { site: site.clone(), group: group.to_string() }, Group);
    cloud_getter!(/** The machines that could be this one. */
        cloud_machines(site: &Site, group: &str, own: &OwnIds) -> MachinesSeen,
        CloudQuestion::Machines { site: site.clone(), group: group.to_string(), own: own.clone() }, Machines);
    cloud_getter!(/** What depends on a group. */ cloud_configs(site: &Site, group: &str) -> Vec<String>,
        CloudQuestion::AppliedConfigs { site: site.clone(), group: group.to_string() }, AppliedConfigs);

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
}
