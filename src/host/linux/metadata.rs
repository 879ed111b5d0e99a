//! Asks the metadata service of ECS which instance this host is.
//!
//! A token is fetched first, because instances can demand it; without one the request goes as of old. Nothing here goes
//! through a proxy, and no `X-Forwarded-For` is sent, which the service refuses. The token is never kept or shown.

use super::http::{Client, Exchanged, Request, exchange};
use crate::core::observe::{ConnectError, MetadataSeen, Observed, Target, Unavailable};
use std::time::Duration;
use tokio::time::Instant;

/// Where every ECS instance finds its metadata.
const USUAL: &str = "http://100.100.100.200";
/// How long a connection may take: the service is local to the instance, where the kernel answers at once or never.
const CONNECTING: Duration = Duration::from_millis(250);
/// How long one request may take when somebody is there.
const PATIENCE: Duration = Duration::from_secs(1);
const DOCUMENT: &str = "/latest/dynamic/instance-identity/document";
/// At most this much of an answer is read, in bytes.
const BODY_LIMIT: usize = 16 << 10;

/// Where the metadata is asked, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Way {
    /// `scheme://host:port`
    pub(super) at: String,
    /// Never ask without a token.
    pub(super) token_only: bool,
}

impl Way {
    /// The usual address, or that of `LOGTAIL_DOCTOR_METADATA`, for private clouds and tests; the official SDKs'
    /// `ALIBABA_CLOUD_IMDSV1_DISABLED` forbids to ask without a token.
    pub(super) fn of_environment() -> Way {
        let value = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
        Way {
            at: value("LOGTAIL_DOCTOR_METADATA").unwrap_or_else(|| USUAL.to_string()),
            token_only: value("ALIBABA_CLOUD_IMDSV1_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")),
        }
    }

    fn target(&self, path: &str) -> Option<Target> {
        let (scheme, place) = self.at.trim_end_matches('/').split_once("://")?;
        let tls = match scheme {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok()?),
            None => (place, if tls { 443 } else { 80 }),
        };
        Some(Target { tls, host: host.to_string(), port, path: path.to_string(), proxy: None })
    }
}

/// Which instance this is; ends by `deadline`, after a quarter of a second where nobody is, and after two seconds at the
/// latest.
pub(super) async fn instance(client: &Client, way: &Way, deadline: Instant) -> Observed<MetadataSeen> {
    let (Some(token), Some(document)) = (way.target("/latest/api/token"), way.target(DOCUMENT)) else {
        return Err(Unavailable::Other("LOGTAIL_DOCTOR_METADATA is not scheme://host:port".into()));
    };
    let lifetime = ("X-aliyun-ecs-metadata-token-ttl-seconds".to_string(), "60".to_string());
    let answer = send(client, "PUT", token, vec![lifetime], deadline).await;
    // Nobody is there: a second wait would find nobody either.
    if !matches!(answer.connected, Some(Ok(_))) {
        return Err(nobody(&answer));
    }
    let token = answer.answer.and_then(Result::ok).filter(|answer| answer.status == 200);
    let token = token.and_then(|answer| proper(&answer.body));
    if token.is_none() && way.token_only {
        return Err(Unavailable::NotAllowed);
    }
    let headers = token.map(|token| ("X-aliyun-ecs-metadata-token".to_string(), token)).into_iter().collect();
    let answer = send(client, "GET", document, headers, deadline).await;
    match answer.answer {
        Some(Ok(found)) if found.status == 200 => MetadataSeen::parse(&found.body).ok_or(Unavailable::Absent),
        Some(Ok(found)) if matches!(found.status, 401 | 403) => Err(Unavailable::NotAllowed),
        Some(Ok(_)) => Err(Unavailable::Absent),
        Some(Err(trouble)) => Err(trouble),
        None => Err(nobody(&answer)),
    }
}

async fn send(
    client: &Client,
    method: &'static str,
    target: Target,
    headers: Vec<(String, String)>,
    deadline: Instant,
) -> Exchanged {
    let request =
        Request { target, method, headers, body: vec![], body_limit: BODY_LIMIT, connecting: Some(CONNECTING) };
    exchange(client, &request, deadline.min(Instant::now() + PATIENCE)).await
}

/// Why there was no connection. A refusal and a missing route are silence too: nothing of ECS is there.
fn nobody(answer: &Exchanged) -> Unavailable {
    match &answer.connected {
        Some(Err(ConnectError::Forbidden(address))) => Unavailable::Other(format!("a local rule forbids {address}")),
        Some(Err(ConnectError::Refused(_) | ConnectError::NoRoute(_))) => Unavailable::Absent,
        _ => Unavailable::TimedOut,
    }
}

/// A token that can stand in a header; a captive portal's page cannot.
pub(super) fn proper(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?.trim();
    let is_token = !text.is_empty() && text.len() <= 4096 && text.bytes().all(|byte| (0x21..0x7f).contains(&byte));
    (is_token && !text.starts_with('<')).then(|| text.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    const IDENTITY: &str = r#"{"instance-id":"i-bp1","region-id":"cn-hangzhou","owner-account-id":"1654218965343050"}"#;

    /// What a metadata service on the loopback does.
    #[derive(Clone, Copy, PartialEq)]
    enum Kind {
        /// Demands the token.
        Second,
        /// Knows no tokens.
        First,
        /// Refuses everything.
        Refusing,
        /// Accepts and says nothing.
        Slow,
        /// Something else, a captive portal.
        Portal,
    }

    /// Serves until it is dropped; the heads of the requests come out of the channel.
    async fn service(kind: Kind) -> (Way, tokio::sync::mpsc::UnboundedReceiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = format!("http://{}", listener.local_addr().unwrap());
        let (heads, seen) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut kept = Vec::new();
            while let Ok((mut tcp, _)) = listener.accept().await {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(tcp.read_u8().await.unwrap());
                }
                let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
                let is_token = head.starts_with("put /latest/api/token");
                let (status, body) = match kind {
                    Kind::Second if is_token => (200, "TOKEN=="),
                    Kind::Second if !head.contains("x-aliyun-ecs-metadata-token: token==") => (403, ""),
                    Kind::First if is_token => (404, ""),
                    Kind::Refusing => (403, ""),
                    Kind::Portal => (200, "<html>log in</html>"),
                    _ => (200, IDENTITY),
                };
                if heads.send(head).is_err() {
                    return;
                }
                if kind == Kind::Slow {
                    kept.push(tcp);
                    continue;
                }
                let length = body.len();
                let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n\r\n{body}");
                tcp.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        (Way { at, token_only: false }, seen)
    }

    async fn ask(way: &Way) -> Observed<MetadataSeen> {
        let client = Client::new(Duration::from_secs(30), None);
        instance(&client, way, Instant::now() + Duration::from_secs(30)).await
    }

    #[tokio::test]
    async fn the_token_comes_first_and_is_used() {
        for kind in [Kind::Second, Kind::First] {
            let (way, mut heads) = service(kind).await;
            let seen = ask(&way).await.unwrap();
            assert_eq!((seen.region.as_str(), seen.owner_account_id.as_str()), ("cn-hangzhou", "1654218965343050"));
            let (first, second) = (heads.recv().await.unwrap(), heads.recv().await.unwrap());
            assert!(first.starts_with("put ") && second.starts_with("get /latest/dynamic/"));
            assert!(!first.contains("x-forwarded-for") && !second.contains("x-forwarded-for"));
        }
    }

    #[tokio::test]
    async fn what_is_no_metadata_service_says_so() {
        let (way, _heads) = service(Kind::Refusing).await;
        assert_eq!(ask(&way).await, Err(Unavailable::NotAllowed));
        let (way, _heads) = service(Kind::Portal).await;
        assert_eq!(ask(&way).await, Err(Unavailable::Absent));
        let (way, _heads) = service(Kind::Slow).await;
        assert_eq!(ask(&way).await, Err(Unavailable::TimedOut));
        let (first, _heads) = service(Kind::First).await;
        assert_eq!(ask(&Way { token_only: true, ..first }).await, Err(Unavailable::NotAllowed));
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let closed = Way { at: format!("http://127.0.0.1:{port}"), token_only: false };
        assert_eq!(ask(&closed).await, Err(Unavailable::Absent));
        for bad in ["nonsense", "ftp://x", "http://x:port"] {
            let way = Way { at: bad.to_string(), token_only: false };
            assert!(matches!(ask(&way).await, Err(Unavailable::Other(_))), "{bad}");
        }
    }
}
