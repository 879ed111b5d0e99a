//! Watches the agent's processes for a while: whether one stays, a single look cannot tell. It only looks.

use super::answering::blocking;
use super::{identity, processes};
use crate::core::observe::{Observed, WATCH_LIMIT, WATCH_PAUSE, WatchSeen};
use std::time::Duration;
use tokio::time::Instant;

/// Looks at the agent's processes again and again until the clock says `until`, in seconds since 1970. How long that is
/// is reckoned once: a clock that is set meanwhile neither shortens nor lengthens the watch.
pub(super) async fn watch(until: i64) -> Observed<WatchSeen> {
    let now_ms = blocking(|| Ok(identity::clock())).await.unwrap_or_else(|_| identity::bare_clock()).now_ms;
    let wait = u64::try_from(until.saturating_mul(1000).saturating_sub(now_ms)).unwrap_or(0);
    let end = Instant::now() + Duration::from_millis(wait).min(WATCH_LIMIT);
    let mut seen = WatchSeen { last: blocking(processes::agents).await?, ended: Vec::new() };
    while Instant::now() < end {
        tokio::time::sleep_until(end.min(Instant::now() + WATCH_PAUSE)).await;
        seen.look(blocking(processes::agents).await?);
    }
    Ok(seen)
}
