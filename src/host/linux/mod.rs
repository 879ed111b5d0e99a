//! This Linux machine: answers every [`Question`] within a time limit and applies every [`Operation`].
//!
//! Whatever may block in the kernel (a dead mount, the resolver) runs on a thread of its own: when the limit passes,
//! that thread is left behind and the answer says so. Hence the runtime must be ended with `shutdown_background`,
//! which does not wait for such threads. Observing must not change the machine, and no panic may leave this room.

mod access_list;
mod acts;
mod answering;
mod certificate;
mod command;
mod disk;
mod dns;
mod elf;
mod files;
mod groups;
pub(crate) mod http;
mod identity;
mod interfaces;
mod lock;
mod metadata;
mod names;
mod place;
mod processes;
mod program;
mod reach;
pub mod readers;
mod sweep;
mod watch;
mod write;

mod trusted_path;

use super::{Held, Host, LiveOutput, MutableHost};

pub use identity::way_to_root;
pub use trusted_path::{distrust, distrust_for_root};

use crate::core::observe::Pending;
use crate::core::observe::{
    Answer, CloudAnswer, CloudError, Done, LookupSeen, NameserverSaid, NameserverSeen, Operation, OperationError,
    Question, ReachSeen, Unavailable, WATCH_LIMIT,
};
use answering::{blocking, broken, milliseconds};
use futures_util::FutureExt;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How this machine may be looked at and changed.
#[derive(Debug, Clone)]
pub struct Options {
    /// Every question is answered within this time.
    pub limit: Duration,
    /// Refuses every change with [`OperationError::ReadOnly`].
    pub read_only: bool,
}

/// This machine.
pub struct LinuxHost {
    options: Options,
    client: Arc<http::Client>,
    lock: lock::Inherited,
}

impl LinuxHost {
    /// Looks at nothing yet. `SSL_CERT_FILE` may name a PEM file with roots to trust besides the bundled ones.
    pub fn new(options: Options) -> LinuxHost {
        let roots = std::env::var_os("SSL_CERT_FILE").filter(|path| !path.is_empty()).map(Into::into);
        let client = Arc::new(http::Client::new(options.limit, roots));
        LinuxHost { options, client, lock: lock::Inherited::default() }
    }
}

impl Host for LinuxHost {
    fn observe(&self, question: Question) -> Pending<Answer> {
        let (limit, client) = (self.options.limit, self.client.clone());
        Box::pin(async move {
            let begin = Instant::now();
            let limit = if matches!(question, Question::WatchProcesses { .. }) { limit + WATCH_LIMIT } else { limit };
            // The stages of one question share an inner deadline a little before the limit, so that what the earlier
            // stages found survives when a later one takes too long.
            let inner = limit - (limit / 10).min(Duration::from_millis(100));
            let asked = question.clone();
            let work = AssertUnwindSafe(answer(question, client, begin, inner)).catch_unwind();
            match tokio::time::timeout_at(begin + limit, work).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(_)) => missing(&asked, broken(), begin.elapsed()),
                Err(_) => missing(&asked, Unavailable::TimedOut, begin.elapsed()),
            }
        })
    }

    fn holder(&self, path: PathBuf) -> Pending<Option<String>> {
        let limit = self.options.limit;
        Box::pin(async move {
            let asked = tokio::task::spawn_blocking(move || lock::holder(&path));
            tokio::time::timeout(limit, asked).await.ok()?.ok()?
        })
    }
}

impl MutableHost for LinuxHost {
    fn perform(&self, operation: Operation, live: LiveOutput) -> Pending<Result<Done, OperationError>> {
        let (read_only, client, lock) = (self.options.read_only, self.client.clone(), self.lock.clone());
        Box::pin(async move {
            if read_only {
                return Err(OperationError::ReadOnly);
            }
            // A change may touch what names resolve to, so the next question asks anew.
            client.forget_names();
            let outcome = acts::act(operation, lock, live).await;
            client.forget_names();
            outcome
        })
    }

    fn hold(&self, path: PathBuf, note: String) -> Pending<Result<Held, OperationError>> {
        let (read_only, lock) = (self.options.read_only, self.lock.clone());
        Box::pin(async move {
            if read_only {
                return Err(OperationError::ReadOnly);
            }
            acts::within(acts::FILE_LIMIT, path.clone(), move || lock::hold(&path, &note, &lock)).await
        })
    }
}

/// Answers one question; takes at most about `limit` where it has stages, else as long as the machine takes.
async fn answer(question: Question, client: Arc<http::Client>, begin: Instant, limit: Duration) -> Answer {
    match question {
        Question::File(path) => Answer::File(blocking(move || files::head(&path)).await),
        Question::Present(path) => Answer::File(blocking(move || files::present(&path)).await),
        Question::Tail(path) => Answer::File(blocking(move || files::tail(&path)).await),
        Question::Dir(path) => Answer::Dir(blocking(move || files::dir(&path)).await),
        Question::Place(path) => Answer::Place(blocking(move || place::place(&path)).await),
        Question::Program(path) => Answer::Program(blocking(move || place::program(&path)).await),
        Question::Processes => Answer::Processes(blocking(processes::agents).await),
        Question::WatchProcesses { until } => Answer::Watched(watch::watch(until).await),
        Question::Environment { pid } => Answer::Environment(blocking(move || processes::environment(pid)).await),
        Question::Interfaces => Answer::Interfaces(blocking(interfaces::interfaces).await),
        Question::Lookup(name) => Answer::Lookup(names::lookup(name, begin, limit).await),
        Question::Reach(target) => Answer::Reach(reach::reach(&client, target, begin, begin + limit).await),
        Question::ReadCommand(look) => {
            let limit = look.patience().map_or(limit, |patience| patience.min(limit));
            Answer::ReadCommand(command::look(&look.argv(), limit).await)
        }
        Question::Clock => {
            Answer::Clock(blocking(|| Ok(identity::clock())).await.unwrap_or_else(|_| identity::bare_clock()))
        }
        Question::Identity => Answer::Identity(identity::identity(limit / 2).await),
        Question::AskNameserver { server, name } => {
            Answer::AskNameserver(dns::ask_nameserver(SocketAddr::new(server, 53), &name, limit).await)
        }
        Question::Metadata => {
            let how = metadata::Way::of_environment();
            Answer::Metadata(metadata::instance(&client, &how, begin + limit).await)
        }
        Question::Trusted(path) => Answer::Trusted(
            blocking(move || trusted_path::judge_path(&path).map_err(trusted_path::Refusal::unavailable)).await,
        ),
        // The machine alone does not know the service; a host that does stands around it.
        Question::Cloud(asked) => Answer::Cloud(CloudAnswer::missing(&asked, CloudError::not_asked())),
    }
}

/// The answer that says why there is none.
fn missing(question: &Question, trouble: Unavailable, elapsed: Duration) -> Answer {
    let elapsed_ms = milliseconds(elapsed);
    match question {
        Question::Lookup(name) => {
            Answer::Lookup(LookupSeen { addresses: Err(trouble), by: names::by_getent(name), elapsed_ms })
        }
        Question::Reach(_) => Answer::Reach(ReachSeen { http: Some(Err(trouble)), elapsed_ms, ..ReachSeen::default() }),
        Question::Clock => Answer::Clock(identity::bare_clock()),
        Question::Identity => Answer::Identity(identity::bare_identity()),
        Question::AskNameserver { .. } => {
            Answer::AskNameserver(NameserverSeen { said: NameserverSaid::Silent, elapsed_ms })
        }
        other => Answer::missing(other, trouble),
    }
}

#[cfg(test)]
mod tests;
