//! What names resolve to: once by the agent's own way (`getent`), once by ours, shared by all connections.

use super::answering::{blocking, milliseconds, trouble};
use super::command::look;
use super::dns;
use super::interfaces::interfaces;
use crate::core::observe::{LookupSeen, NameError, Unavailable};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long an answer is shared after it was asked for: long enough for probes that start together, short enough that
/// a check that is run again looks again.
const FRESH: Duration = Duration::from_secs(3);

/// The addresses of a name, or why there are none.
type Resolved = Result<Vec<IpAddr>, NameError>;
/// The same while it may still be on its way, for all who wait for it.
type Resolving = Shared<BoxFuture<'static, Resolved>>;

/// The way that [`lookup`] asks, as an operator would type it.
pub(super) fn by_getent(name: &str) -> String {
    format!("getent ahostsv4 {name}")
}

/// Asks as the agent does: through the C library of this system and its nsswitch.conf, whatever we are linked with.
/// Where there is no such `getent` (musl), or it cannot tell, through our own `getaddrinfo`.
pub(super) async fn lookup(name: String, begin: Instant, limit: Duration) -> LookupSeen {
    let seen = |addresses, by: String| LookupSeen { addresses, by, elapsed_ms: milliseconds(begin.elapsed()) };
    let by = by_getent(&name);
    // A leading dash would be an option of getent.
    if name.is_empty() || name.starts_with('-') || name.contains(['\0', ' ', '/']) {
        return seen(Ok(vec![]), by);
    }
    match look(&["getent".into(), "ahostsv4".into(), name.clone()], limit).await {
        Ok(printed) if printed.code == Some(0) => return seen(Ok(rows(&printed.out)), by),
        // On a host whose only IPv4 addresses are loopback ones, `getent` of glibc 2.x finds nothing at all, not even in
        // /etc/hosts (it asks with AI_ADDRCONFIG); the agent does. There, the way below decides.
        Ok(printed) if printed.code == Some(2) && has_network().await => {
            return seen(nobody(&name, limit.saturating_sub(begin.elapsed())).await, by);
        }
        Err(Unavailable::TimedOut) => return seen(Err(Unavailable::TimedOut), by),
        Ok(_) | Err(_) => {}
    }
    let asked = name.clone();
    let work = blocking(move || match (asked.as_str(), 0).to_socket_addrs() {
        Ok(found) => Ok(Some(in_order(found.filter_map(|place| match place.ip() {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        })))),
        // The resolver's own errors have no kind; others (no file descriptors) do.
        Err(error) if error.raw_os_error().is_some() => Err(trouble(&error)),
        Err(_) => Ok(None),
    });
    let addresses = match tokio::time::timeout(limit.saturating_sub(begin.elapsed()), work).await {
        Err(_) => Err(Unavailable::TimedOut),
        Ok(Ok(Some(addresses))) => Ok(addresses),
        Ok(Ok(None)) => nobody(&name, limit.saturating_sub(begin.elapsed())).await,
        Ok(Err(trouble)) => Err(trouble),
    };
    seen(addresses, "getaddrinfo".into())
}

/// Whether an interface has an IPv4 address besides the loopback ones; true when that cannot be said.
async fn has_network() -> bool {
    let known = blocking(interfaces).await.unwrap_or_default();
    known.is_empty() || known.iter().flat_map(|interface| &interface.ipv4).any(|address| !address.is_loopback())
}

/// What a resolver's "no" means.
async fn nobody(name: &str, limit: Duration) -> Result<Vec<Ipv4Addr>, Unavailable> {
    if dns::somebody_answers(name, limit).await {
        Ok(vec![])
    } else {
        Err(Unavailable::Other("no nameserver answers".into()))
    }
}

/// The addresses that getent printed: one row for each kind of socket, so each address comes up to three times.
pub(super) fn rows(printed: &str) -> Vec<Ipv4Addr> {
    in_order(printed.lines().filter_map(|row| row.split_ascii_whitespace().next()?.parse().ok()))
}

/// Without repetitions, the first ones kept.
fn in_order<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut kept = Vec::new();
    for one in all {
        if !kept.contains(&one) {
            kept.push(one);
        }
    }
    kept
}

/// Resolves names for connections; probes to the same name that start together ask once.
pub(crate) struct Names {
    limit: Duration,
    /// When each name was asked for, and the answer.
    asked: Mutex<HashMap<String, (Instant, Resolving)>>,
}

impl Names {
    /// A lookup is given up after `limit`.
    pub(super) fn new(limit: Duration) -> Names {
        Names { limit, asked: Mutex::default() }
    }

    /// The addresses of a name, IPv4 before IPv6, otherwise in the resolver's order. An address stands for itself.
    pub(super) fn resolve(&self, name: &str) -> Resolving {
        if let Ok(address) = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            return futures_util::future::ready(Ok(vec![address])).boxed().shared();
        }
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((since, answer)) = asked.get(name)
            && (answer.peek().is_none() || since.elapsed() < FRESH)
        {
            return answer.clone();
        }
        // A task of its own: it goes on when the one who asked first no longer waits.
        let task = tokio::spawn(resolve(name.to_string(), self.limit));
        let answer = task.map(|done| done.unwrap_or(Err(NameError::NoAnswer))).boxed().shared();
        asked.insert(name.to_string(), (Instant::now(), answer.clone()));
        answer
    }

    /// Forgets all answers: the next one asks anew.
    pub(super) fn forget(&self) {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

async fn resolve(name: String, limit: Duration) -> Resolved {
    let end = Instant::now() + limit;
    let found = tokio::time::timeout_at(end, tokio::net::lookup_host((name.as_str(), 0))).await;
    match found {
        Err(_) => Err(NameError::NoAnswer),
        Ok(Err(_)) => {
            let left = end.saturating_duration_since(Instant::now());
            let answered = dns::somebody_answers(&name, left).await;
            Err(if answered { NameError::NoSuchName } else { NameError::NoAnswer })
        }
        Ok(Ok(places)) => {
            let mut addresses = in_order(places.map(|place: SocketAddr| place.ip()));
            addresses.sort_by_key(IpAddr::is_ipv6);
            if addresses.is_empty() { Err(NameError::NoSuchName) } else { Ok(addresses) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_of_getent_keep_their_order_without_repetitions() {
        let printed = "10.0.0.2  STREAM host\n10.0.0.2  DGRAM\n10.0.0.2  RAW\n10.0.0.1  STREAM\nnoise\n\n";
        assert_eq!(rows(printed), vec![Ipv4Addr::new(10, 0, 0, 2), Ipv4Addr::new(10, 0, 0, 1)]);
    }

    #[tokio::test]
    async fn localhost_resolves_both_ways() {
        let limit = Duration::from_secs(20);
        let seen = lookup("localhost".into(), Instant::now(), limit).await;
        assert_eq!(seen.addresses, Ok(vec![Ipv4Addr::LOCALHOST]));
        let names = Names::new(limit);
        assert!(names.resolve("localhost").await.unwrap().contains(&Ipv4Addr::LOCALHOST.into()));
        assert_eq!(names.resolve("[::1]").await, Ok(vec!["::1".parse().unwrap()]));
    }

    #[tokio::test]
    async fn an_option_is_no_name() {
        let seen = lookup("--help".into(), Instant::now(), Duration::from_secs(20)).await;
        assert_eq!(seen.addresses, Ok(vec![]));
    }

    #[tokio::test]
    async fn probes_that_start_together_share_one_answer() {
        let names = Names::new(Duration::from_secs(20));
        let (one, other) = (names.resolve("localhost"), names.resolve("localhost"));
        assert!(one.ptr_eq(&other));
        names.forget();
        assert!(!names.resolve("localhost").ptr_eq(&one));
    }
}
