//! What every probe of this machine needs to answer: threads for what may block, and what an error means.

use crate::core::observe::{Observed, Unavailable};
use std::io;
use std::time::Duration;

/// Runs what may block on a thread of its own. A panic there becomes an answer.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Observed<T> + Send + 'static) -> Observed<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(broken()))
}

/// What is answered when this program itself failed.
pub(super) fn broken() -> Unavailable {
    Unavailable::Other("internal error".into())
}

/// What an error of the operating system means for one who looks.
pub(super) fn trouble(error: &io::Error) -> Unavailable {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Unavailable::Absent,
        io::ErrorKind::PermissionDenied => Unavailable::NotAllowed,
        io::ErrorKind::TimedOut => Unavailable::TimedOut,
        _ => Unavailable::Other(error.to_string()),
    }
}

/// Whole milliseconds.
pub(super) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
