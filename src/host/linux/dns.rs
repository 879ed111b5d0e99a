//! One small question to a nameserver: to tell "there is no such name" from "nobody answered", and to show which
//! nameserver says what.
//!
//! Neither `getent` (exit code 2 for both) nor the standard library (one error kind for both, texts by C library) tells
//! them apart. So after the resolver failed, the nameservers of resolv.conf(5) are asked directly. This room must not be
//! used to resolve names: it knows neither /etc/hosts nor search domains.

use super::answering::{blocking, milliseconds};
use super::files;
use crate::core::observe::{NameserverSaid, NameserverSeen};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::time::Instant;

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
        while let Some(said) = asked.next().await {
            if matches!(said, NameserverSaid::Addresses(_) | NameserverSaid::NoSuchName) {
                return true;
            }
        }
        false
    };
    tokio::time::timeout(limit.min(PATIENCE), first).await.unwrap_or(false)
}

/// The nameservers of a resolv.conf; this host itself when it names none, as resolv.conf(5) says.
pub(super) fn nameservers(text: &str) -> Vec<SocketAddr> {
    let words = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver")?.split_ascii_whitespace().next());
    let mut servers: Vec<IpAddr> = words.filter_map(|word| word.parse().ok()).take(NAMESERVERS).collect();
    if servers.is_empty() {
        servers.push(Ipv4Addr::LOCALHOST.into());
    }
    servers.into_iter().map(|address| SocketAddr::new(address, 53)).collect()
}

/// What one nameserver says of a name, within the limit and never longer than a nameserver may take.
pub(super) async fn ask_nameserver(server: SocketAddr, name: &str, limit: Duration) -> NameserverSeen {
    let begin = Instant::now();
    let said = match query(name) {
        Some(query) => {
            let answer = tokio::time::timeout(limit.min(PATIENCE), ask(server, &query)).await;
            answer.unwrap_or(NameserverSaid::Silent)
        }
        None => NameserverSaid::NoSuchName,
    };
    NameserverSeen { said, elapsed_ms: milliseconds(begin.elapsed()) }
}

/// Asks one nameserver; waits for ever when it is silent.
async fn ask(server: SocketAddr, query: &[u8]) -> NameserverSaid {
    let local = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let exchange = async {
        let socket = UdpSocket::bind(local).await?;
        socket.connect(server).await?;
        socket.send(query).await?;
        let mut answer = [0; 512];
        loop {
            let count = socket.recv(&mut answer).await?;
            if let Some(said) = read(query, answer.get(..count).unwrap_or_default()) {
                return Ok::<NameserverSaid, std::io::Error>(said);
            }
        }
    };
    exchange.await.unwrap_or(NameserverSaid::Unreachable)
}

/// A question for the IPv4 addresses of a name (RFC 1035 section 4.1); None when no such name can exist.
pub(super) fn query(name: &str) -> Option<Vec<u8>> {
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

/// What an answer says (RFC 1035 section 4.1); None when it is no answer to this question at all.
pub(super) fn read(query: &[u8], answer: &[u8]) -> Option<NameserverSaid> {
    let (&[own_high, own_low, ..], &[high, low, flags, code, ..]) = (query, answer) else { return None };
    if (own_high, own_low) != (high, low) || flags & 0x80 == 0 {
        return None;
    }
    Some(match code & 0x0f {
        0 => NameserverSaid::Addresses(addresses(answer).unwrap_or_default()),
        3 => NameserverSaid::NoSuchName,
        code => NameserverSaid::Unable(code),
    })
}

/// The IPv4 addresses in an answer; None when it is cut or malformed before the first one.
fn addresses(answer: &[u8]) -> Option<Vec<Ipv4Addr>> {
    let number = |at: usize| Some(u16::from_be_bytes(answer.get(at..at + 2)?.try_into().ok()?));
    let (questions, records) = (number(4)?, number(6)?);
    let mut at = 12;
    for _ in 0..questions {
        at = after_name(answer, at)? + 4;
    }
    let mut found = Vec::new();
    for _ in 0..records {
        let Some(rest) = after_name(answer, at) else { break };
        let (Some(kind), Some(length)) = (number(rest), number(rest + 8)) else { break };
        let data = answer.get(rest + 10..rest + 10 + usize::from(length));
        if let (1, Some(&[a, b, c, d])) = (kind, data) {
            found.push(Ipv4Addr::new(a, b, c, d));
        }
        at = rest + 10 + usize::from(length);
    }
    Some(found)
}

/// Where the bytes after a name begin; a pointer ends a name.
fn after_name(answer: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match usize::from(*answer.get(at)?) {
            0 => return Some(at + 1),
            length @ 1..=63 => at += 1 + length,
            192.. => return Some(at + 2),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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

    /// A nameserver on the loopback that answers one question with this code and these records.
    async fn nameserver(code: u8, count: u8, records: &'static [u8]) -> (SocketAddr, tokio::task::JoinHandle<()>) {
        let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let place = server.local_addr().unwrap();
        let answering = tokio::spawn(async move {
            let mut bytes = [0; 512];
            let (length, from) = server.recv_from(&mut bytes).await.unwrap();
            server.send_to(b"noise", from).await.unwrap();
            bytes[2] |= 0x80;
            bytes[3] = code;
            bytes[7] = count;
            let mut answer = bytes[..length].to_vec();
            answer.extend_from_slice(records);
            server.send_to(&answer, from).await.unwrap();
        });
        (place, answering)
    }

    #[tokio::test]
    async fn a_nameserver_answers_refuses_or_is_not_there() {
        let alias = b"\xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x02\xc0\x0c\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x64\x64\x02\x07";
        let cases: [(u8, u8, &[u8], NameserverSaid); 6] = [
            (0, 2, alias, NameserverSaid::Addresses(vec![Ipv4Addr::new(100, 100, 2, 7)])),
            (0, 0, b"", NameserverSaid::Addresses(vec![])),
            (0, 9, b"\xc0", NameserverSaid::Addresses(vec![])),
            (3, 0, b"", NameserverSaid::NoSuchName),
            (2, 0, b"", NameserverSaid::Unable(2)),
            (5, 0, b"", NameserverSaid::Unable(5)),
        ];
        for (code, count, records, expected) in cases {
            let (place, answering) = nameserver(code, count, records).await;
            assert_eq!(ask_nameserver(place, "log.example", Duration::from_secs(30)).await.said, expected);
            answering.await.unwrap();
        }
        let closed = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let seen = ask_nameserver(closed, "log.example", Duration::from_secs(30)).await;
        assert_eq!(seen.said, NameserverSaid::Unreachable);
    }

    #[tokio::test]
    async fn a_silent_nameserver_and_a_name_that_cannot_exist_end_too() {
        let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let place = silent.local_addr().unwrap();
        assert_eq!(ask_nameserver(place, "log.example", Duration::ZERO).await.said, NameserverSaid::Silent);
        assert_eq!(ask_nameserver(place, "a..b", Duration::ZERO).await.said, NameserverSaid::NoSuchName);
    }

    proptest! {
        #[test]
        fn no_answer_breaks_the_reader(answer in prop::collection::vec(any::<u8>(), 0..120)) {
            read(&[0, 0], &answer);
            let mut answer = answer;
            answer.splice(0..0, [0, 0, 0x80, 0]);
            read(&[0, 0], &answer);
        }
    }
}
