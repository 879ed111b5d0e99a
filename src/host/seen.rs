//! Everything observed so far. A check reads from it; asking for what was not observed yet returns [`Unseen`] and
//! notes the question, so a check is a straight line of `?` and never does I/O itself.

use super::MetadataSeen;
use super::cloud::*;
use super::question::*;
use crate::sls::MachineGroup;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::Path;

/// The check needs an answer that is not there yet; the question has been noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unseen;

/// The answers so far, and the questions asked in vain since [`Seen::take_open`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Seen {
    #[serde(with = "as_list")]
    answers: BTreeMap<Question, Answer>,
    #[serde(skip)]
    open: RefCell<BTreeSet<Question>>,
    /// What the current check has read, answered or not; see [`Seen::take_touched`].
    #[serde(skip)]
    touched: RefCell<BTreeSet<Question>>,
}

/// A getter for one kind of question: notes it, and returns the answer when it is of the right kind.
macro_rules! getter {
    ($(#[$doc:meta])* $name:ident($($arg:ident: $type:ty),*) -> $out:ty, $question:expr, $variant:ident) => {
        $(#[$doc])*
        pub fn $name(&self, $($arg: $type),*) -> Result<&$out, Unseen> {
            let question = $question;
            self.touched.borrow_mut().insert(question.clone());
            match self.answers.get(&question) {
                Some(Answer::$variant(answer)) => Ok(answer),
                _ => {
                    self.open.borrow_mut().insert(question);
                    Err(Unseen)
                }
            }
        }
    };
}

/// As [`getter`], for what the service tells.
macro_rules! cloud_getter {
    ($(#[$doc:meta])* $name:ident($($arg:ident: $type:ty),*) -> $out:ty, $question:expr, $variant:ident) => {
        $(#[$doc])*
        pub fn $name(&self, $($arg: $type),*) -> Result<&CloudLooked<$out>, Unseen> {
            let question = Question::Cloud($question);
            self.touched.borrow_mut().insert(question.clone());
            match self.answers.get(&question) {
                Some(Answer::Cloud(CloudAnswer::$variant(answer))) => Ok(answer),
                _ => {
                    self.open.borrow_mut().insert(question);
                    Err(Unseen)
                }
            }
        }
    };
}

impl Seen {
    getter!(/** The head of a file. */ file(path: impl AsRef<Path>) -> Looked<FileSeen>,
        Question::File(path.as_ref().to_path_buf()), File);
    getter!(/** Whether a file is there. */ present(path: impl AsRef<Path>) -> Looked<FileSeen>,
        Question::Present(path.as_ref().to_path_buf()), File);
    getter!(/** The end of a file. */ tail(path: impl AsRef<Path>) -> Looked<FileSeen>,
        Question::Tail(path.as_ref().to_path_buf()), File);
    getter!(/** The names in a directory. */ dir(path: impl AsRef<Path>) -> Looked<DirSeen>,
        Question::Dir(path.as_ref().to_path_buf()), Dir);
    getter!(/** The agent's processes. */ processes() -> Looked<Vec<ProcessSeen>>, Question::Processes, Processes);
    getter!(/** A process's environment. */ environment(pid: u32) -> Looked<Vec<(String, String)>>,
        Question::Environment { pid }, Environment);
    getter!(/** The interfaces. */ interfaces() -> Looked<Vec<InterfaceSeen>>, Question::Interfaces, Interfaces);
    getter!(/** What the resolver says. */ lookup(name: &str) -> LookupSeen,
        Question::Lookup(name.to_string()), Lookup);
    getter!(/** What comes of a request. */ reach(target: &Target) -> ReachSeen,
        Question::Reach(target.clone()), Reach);
    getter!(/** What a command prints. */ look(look: &Look) -> Looked<CommandSeen>,
        Question::Look(look.clone()), Look);
    getter!(/** The clock. */ clock() -> ClockSeen, Question::Clock, Clock);
    getter!(/** Who and where we are. */ identity() -> IdentitySeen, Question::Identity, Identity);
    getter!(/** What one nameserver says. */ nameserver(server: IpAddr, name: &str) -> NameserverSeen,
        Question::AskNameserver { server, name: name.to_string() }, AskNameserver);
    getter!(/** Which ECS instance this is. */ metadata() -> Looked<MetadataSeen>, Question::Metadata, Metadata);
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

    /// Keeps an answer; it replaces an older one to the same question.
    pub fn keep(&mut self, question: Question, answer: Answer) {
        self.answers.insert(question, answer);
    }

    /// Forgets answers, so that the next check looks again.
    pub fn forget(&mut self, questions: impl IntoIterator<Item = Question>) {
        for question in questions {
            self.answers.remove(&question);
        }
    }

    /// Forgets everything.
    pub fn forget_all(&mut self) {
        self.answers.clear();
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

impl FromIterator<(Question, Answer)> for Seen {
    fn from_iter<I: IntoIterator<Item = (Question, Answer)>>(answers: I) -> Seen {
        Seen { answers: answers.into_iter().collect(), ..Seen::default() }
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
        let mut seen = Seen::default();
        assert_eq!(seen.interfaces(), Err(Unseen));
        assert_eq!(seen.interfaces(), Err(Unseen));
        assert_eq!(seen.take_open().into_iter().collect::<Vec<_>>(), vec![Question::Interfaces]);
        seen.keep(Question::Interfaces, Answer::Interfaces(Ok(vec![])));
        assert!(seen.interfaces().is_ok());
        assert!(seen.take_open().is_empty());
    }

    #[test]
    fn a_recording_reads_back_the_same() {
        let mut seen = Seen::default();
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
        seen.keep(Question::Dir("/x".into()), Answer::Dir(Err(Trouble::NotAllowed)));
        let json = serde_json::to_string(&seen).unwrap();
        let back: Seen = serde_json::from_str(&json).unwrap();
        assert!(back.answers().eq(seen.answers()));
    }
}
