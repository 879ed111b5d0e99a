//! Probes one target with a plain `GET` and keeps what says who answered.

use super::answering::milliseconds;
use super::http::{Client, Request, exchange};
use crate::core::observe::{HttpSeen, ReachSeen, Target};
use tokio::time::Instant;

/// The headers that say who answered.
const TELLING: [&str; 7] = ["server", "date", "x-log-requestid", "x-log-time", "content-type", "location", "via"];
/// This much of a body is enough to tell the service from a login page, in bytes.
const BODY_LIMIT: usize = 2 << 10;

/// One request, all stages.
pub(super) async fn reach(client: &Client, target: Target, begin: Instant, deadline: Instant) -> ReachSeen {
    let request =
        Request { target, method: "GET", headers: vec![], body: vec![], body_limit: BODY_LIMIT, connecting: None };
    let done = exchange(client, &request, deadline).await;
    let http = done.answer.map(|answer| {
        answer.map(|answer| HttpSeen {
            status: answer.status,
            headers: answer.headers.into_iter().filter(|(name, _)| TELLING.contains(&name.as_str())).collect(),
            body: String::from_utf8_lossy(&answer.body).into_owned(),
            received_ms: answer.received_ms,
        })
    });
    ReachSeen {
        resolved: done.resolved,
        connected: done.connected,
        tls: done.tls,
        issuer: done.issuer.map(Into::into),
        http,
        elapsed_ms: milliseconds(begin.elapsed()),
    }
}
