//! Root's journal for a user who is not root: where the file itself may not be read, a process that `sudo -n` starts
//! reads it. Nobody is asked for a password here, and nothing else is read in this way. It changes nothing.

use super::helper;
use crate::core::journal::JOURNAL;
use crate::core::observe::{Answer, Pending, Question, Unavailable};
use crate::core::service::Credentials;
use crate::host::Host;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A host whose root's journal is read through sudo.
pub struct WithRootsJournal {
    inner: Arc<dyn Host>,
    journal: PathBuf,
}

impl WithRootsJournal {
    /// The host itself where this process is root; else `dir` is root's state directory.
    pub fn around(inner: Arc<dyn Host>, dir: Option<&Path>) -> Arc<dyn Host> {
        match dir {
            Some(dir) => Arc::new(WithRootsJournal { inner, journal: dir.join(JOURNAL) }),
            None => inner,
        }
    }
}

impl Host for WithRootsJournal {
    fn observe(&self, question: Question) -> Pending<Answer> {
        let direct = self.inner.observe(question.clone());
        if question != Question::Tail(self.journal.clone()) {
            return direct;
        }
        let inner = Arc::clone(&self.inner);
        Box::pin(async move {
            let answer = direct.await;
            if !matches!(&answer, Answer::File(Err(trouble)) if *trouble != Unavailable::Absent) {
                return answer;
            }
            let Answer::Identity(identity) = inner.observe(Question::Identity).await else { return answer };
            let Some(sudo) = identity.sudo.filter(|_| !identity.privileged) else { return answer };
            helper::fetch_journal(&sudo).await.map_or(answer, Answer::File)
        })
    }

    fn holder(&self, path: PathBuf) -> Pending<Option<String>> {
        self.inner.holder(path)
    }

    fn use_key(&self, key: Credentials) {
        self.inner.use_key(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::service::Source;
    use std::sync::Mutex;

    /// A host that notes what it is asked beside questions.
    #[derive(Default)]
    struct Noting(Mutex<Vec<String>>);

    impl Host for Noting {
        fn observe(&self, _: Question) -> Pending<Answer> {
            Box::pin(std::future::ready(Answer::File(Err(Unavailable::Absent))))
        }

        fn use_key(&self, key: Credentials) {
            self.0.lock().unwrap().push(key.masked());
        }

        fn holder(&self, path: PathBuf) -> Pending<Option<String>> {
            Box::pin(std::future::ready(Some(path.display().to_string())))
        }
    }

    #[tokio::test]
    async fn the_key_and_the_lock_are_those_of_the_host_within() {
        let noting = Arc::new(Noting::default());
        let host = WithRootsJournal::around(noting.clone(), Some(Path::new("/var/lib/logtail-doctor")));
        let key = Credentials::new("LTAIabcdefghijkl", "secretsecret", None, Source::Typed).expect("a key");
        host.use_key(key);
        assert_eq!(noting.0.lock().unwrap().len(), 1);
        assert_eq!(host.holder("/lock".into()).await.as_deref(), Some("/lock"));
    }
}
