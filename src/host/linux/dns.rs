//! One small question to the configured nameservers, for one purpose: to tell "there is no such name" from "nobody
//! answered".
//!
//! Neither `getent` (exit code 2 for both) nor the standard library (one error kind for both, texts by C library) tells
//! them apart. So after the resolver failed, the nameservers of resolv.conf(5) are asked directly. This room must not be
//! used to resolve names: it knows neither /etc/hosts nor search domains.

use super::{blocking, files};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;
use tokio::net::UdpSocket;

/// The resolver of the C library uses no more than these.
const NAMESERVERS: usize = 3;
/// How long a nameserver may take: it is asked right after the resolver gave up on it, so usually it answers at once.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether a nameserver answers for this name, with addresses or with "no such name"; false when all are silent,
/// refuse, or say that they cannot.
pub(super) async fn somebody_answers(name: &str, limit: Duration) -> bool {
    // What cannot be asked for does not exist, whoever answers.
    let Some(query) = query(name) else { return true };
    let configured = blocking(|| files::head(Path::new("/etc/resolv.conf"))).await;
    let servers = nameservers(&configured.map(|file| file.text().into_owned()).unwrap_or_default());
    let mut asked: FuturesUnordered<_> = servers.into_iter().map(|server| ask(server, &query)).collect();
    let first = async {
        while let Some(answered) = asked.next().await {
            if answered {
                return true;
            }
        }
        false
    };
    tokio::time::timeout(limit.min(PATIENCE), first).await.unwrap_or(false)
}

/// The nameservers of a resolv.conf; this host itself when it names none, as resolv.conf(5) says.
fn nameservers(text: &str) -> Vec<SocketAddr> {
    let words = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver")?.split_ascii_whitespace().next());
    let mut servers: Vec<IpAddr> = words.filter_map(|word| word.parse().ok()).take(NAMESERVERS).collect();
    if servers.is_empty() {
        servers.push(Ipv4Addr::LOCALHOST.into());
    }
    servers.into_iter().map(|address| SocketAddr::new(address, 53)).collect()
}

/// Asks one nameserver; true when its answer decides.
async fn ask(server: SocketAddr, query: &[u8]) -> bool {
    let local = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let exchange = async {
        let socket = UdpSocket::bind(local).await?;
        socket.connect(server).await?;
        socket.send(query).await?;
        let mut answer = [0; 512];
        loop {
            let count = socket.recv(&mut answer).await?;
            if let Some(decided) = decides(query, answer.get(..count).unwrap_or_default()) {
                return Ok::<bool, std::io::Error>(decided);
            }
        }
    };
    exchange.await.unwrap_or(false)
}

/// A question for the IPv4 addresses of a name (RFC 1035 section 4.1); None when no such name can exist.
fn query(name: &str) -> Option<Vec<u8>> {
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.is_empty() || name.len() > 253 || !name.is_ascii() {
        return None;
    }
    // Nothing is believed that this answer says, so a number that others could guess does no harm.
    let id = (std::process::id() as u16).to_be_bytes();
    let mut bytes = vec![id[0], id[1], 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..=63).contains(length))?;
        bytes.push(length);
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.extend_from_slice(&[0, 0, 1, 0, 1]);
    Some(bytes)
}

/// What an answer is worth: decided (no error, or no such name), not decided (it cannot or will not say), or not an
/// answer to this question at all.
fn decides(query: &[u8], answer: &[u8]) -> Option<bool> {
    let (&[own_high, own_low, ..], &[high, low, flags, code, ..]) = (query, answer) else { return None };
    if (own_high, own_low) != (high, low) || flags & 0x80 == 0 {
        return None;
    }
    Some(matches!(code & 0x0f, 0 | 3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nameservers_are_read_as_the_c_library_does() {
        let text = "# comment\nsearch x\nnameserver 100.100.2.136\nnameserver\tbad\n nameserver ::1\n";
        let expected: Vec<SocketAddr> = vec!["100.100.2.136:53".parse().unwrap(), "[::1]:53".parse().unwrap()];
        assert_eq!(nameservers(text), expected);
        assert_eq!(nameservers(""), vec!["127.0.0.1:53".parse().unwrap()]);
    }

    #[test]
    fn names_that_cannot_exist_are_not_asked_for() {
        let long = "a".repeat(64);
        for bad in ["", ".", "a..b", "名字", long.as_str()] {
            assert_eq!(query(bad), None, "{bad}");
        }
        let query = query("log.example.").unwrap();
        assert_eq!(&query[12..], b"\x03log\x07example\0\0\x01\0\x01");
    }

    #[tokio::test]
    async fn a_nameserver_decides_refuses_or_is_silent() {
        for (code, decided) in [(0u8, true), (3, true), (2, false), (5, false)] {
            let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let place = server.local_addr().unwrap();
            let answering = async {
                let mut bytes = [0; 512];
                let (count, from) = server.recv_from(&mut bytes).await.unwrap();
                server.send_to(b"noise", from).await.unwrap();
                bytes[2] |= 0x80;
                bytes[3] = code;
                server.send_to(&bytes[..count], from).await.unwrap();
            };
            let query = query("log.example").unwrap();
            let (answer, ()) = tokio::join!(ask(place, &query), answering);
            assert_eq!(answer, decided, "code {code}");
        }
        let closed = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        assert!(!ask(closed, &query("log.example").unwrap()).await);
    }
}
