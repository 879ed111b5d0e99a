//! One HTTP or HTTPS exchange, stage by stage: name, connection, TLS, answer. Each stage that was reached is reported,
//! also when a later one fails or the time is over.
//!
//! It follows no redirect, keeps no connection, and bounds what it reads.

use super::answering::{blocking, milliseconds};
use super::certificate::Witness;
use super::files;
use super::identity::now_ms;
use super::names::Names;
use crate::core::observe::{ConnectError, NameError, Observed, Target, TlsError, TlsSeen, Unavailable};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

/// At most this many addresses of a name are tried.
const ADDRESSES: usize = 4;
/// The head of an answer may be this long, in bytes.
const HEAD_LIMIT: usize = 64 << 10;
/// At most this much of one header's value is kept, in bytes.
const HEADER_LIMIT: usize = 1 << 10;
/// The port of a proxy that names none: the agent appends it so (1.5.0 and later).
const PROXY_PORT: u16 = 80;

/// What exchanges share: the names resolved lately, and the roots of trust.
pub(crate) struct Client {
    names: Names,
    roots: Option<PathBuf>,
    trust: OnceCell<Trust>,
}

impl Client {
    /// A name is waited for no longer than `limit`. `roots` is a PEM file with certificates to trust besides the
    /// bundled ones; it is read at the first need.
    pub(crate) fn new(limit: Duration, roots: Option<PathBuf>) -> Client {
        Client { names: Names::new(limit), roots, trust: OnceCell::new() }
    }

    /// The next exchange resolves its name anew.
    pub(crate) fn forget_names(&self) {
        self.names.forget();
    }

    async fn trust(&self) -> Result<&Trust, TlsError> {
        let make = || async {
            let pem = match self.roots.clone() {
                Some(path) => blocking(move || files::head(&path)).await.map(|file| file.bytes).unwrap_or_default(),
                None => Vec::new(),
            };
            Trust::with(&pem)
        };
        self.trust.get_or_try_init(make).await.map_err(TlsError::Broken)
    }
}

/// What decides whether a certificate is believed.
struct Trust {
    provider: Arc<CryptoProvider>,
    verifier: Arc<WebPkiServerVerifier>,
}

impl Trust {
    /// The bundled roots and those of a PEM file; what is no certificate in it is passed over.
    fn with(pem: &[u8]) -> Result<Trust, String> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        roots.add_parsable_certificates(CertificateDer::pem_slice_iter(pem).filter_map(Result::ok));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build();
        verifier.map(|verifier| Trust { provider, verifier }).map_err(|error| error.to_string())
    }

    /// For one connection: a witness of its own, so that the issuer is known whatever comes of it.
    fn connector(&self, witness: Arc<Witness>) -> Result<TlsConnector, rustls::Error> {
        let config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(witness)
            .with_no_client_auth();
        Ok(TlsConnector::from(Arc::new(config)))
    }
}

/// One request.
pub(crate) struct Request {
    /// Where it goes; the path with query, and the proxy.
    pub(crate) target: Target,
    pub(crate) method: &'static str,
    /// Besides `Host` and `User-Agent`, which are added.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// At most this much of the answer's body is read, in bytes.
    pub(crate) body_limit: usize,
    /// A connection may take this long, where that is less than the time left.
    pub(crate) connecting: Option<Duration>,
}

/// An answer.
pub(crate) struct Response {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Our clock when the head arrived, milliseconds since 1970.
    pub(crate) received_ms: i64,
}

/// What came of a request; a stage that was not reached is None. With a proxy, `resolved` is the proxy's name, and
/// `connected` includes the tunnel through it.
#[derive(Default)]
pub(crate) struct Exchanged {
    pub(crate) resolved: Option<Result<Vec<IpAddr>, NameError>>,
    /// The address that answered, with the milliseconds that the connection took.
    pub(crate) connected: Option<Result<(IpAddr, u64), ConnectError>>,
    pub(crate) tls: Option<Result<TlsSeen, TlsError>>,
    /// Who signed the certificate that was shown.
    pub(crate) issuer: Option<String>,
    pub(crate) answer: Option<Observed<Response>>,
}

/// Sends one request and reads its answer, all before `deadline`.
pub(crate) async fn exchange(client: &Client, request: &Request, deadline: Instant) -> Exchanged {
    let mut done = Exchanged::default();
    let target = &request.target;
    let proxy = match target.proxy.as_deref().map(proxy_place).transpose() {
        Ok(proxy) => proxy,
        Err(reason) => {
            done.connected = Some(Err(ConnectError::Other(Ipv4Addr::UNSPECIFIED.into(), reason)));
            return done;
        }
    };
    let (host, port) = proxy.clone().unwrap_or_else(|| (target.host.clone(), target.port));
    let resolved = timeout_at(deadline, client.names.resolve(&host)).await.unwrap_or(Err(NameError::NoAnswer));
    done.resolved = Some(resolved.clone());
    let Ok(addresses) = resolved else { return done };
    let through = proxy.is_some().then_some(target).filter(|target| target.tls);
    let connected_by = request.connecting.map_or(deadline, |limit| deadline.min(Instant::now() + limit));
    let tcp = match reach(&addresses, port, through, connected_by).await {
        Ok((tcp, address, elapsed_ms)) => {
            done.connected = Some(Ok((address, elapsed_ms)));
            tcp
        }
        Err(trouble) => {
            done.connected = Some(Err(trouble));
            return done;
        }
    };
    if !target.tls {
        let uri =
            if proxy.is_some() { format!("http://{}{}", authority(target), target.path) } else { target.path.clone() };
        done.answer = Some(talk(tcp, request, &uri, deadline).await);
        return done;
    }
    let secured = async {
        let trust = client.trust().await?;
        let witness = Arc::new(Witness::new(Arc::clone(&trust.verifier)));
        let secured = secure(trust, &witness, target, tcp).await;
        done.issuer = witness.issuer();
        secured
    };
    match timeout_at(deadline, secured).await {
        Ok(Ok((stream, seen))) => {
            done.tls = Some(Ok(seen));
            done.answer = Some(talk(stream, request, &target.path, deadline).await);
        }
        Ok(Err(trouble)) => done.tls = Some(Err(trouble)),
        Err(_) => done.tls = Some(Err(TlsError::Broken("no answer in time".into()))),
    }
    done
}

/// Host and port of `http://host:port`; a user and a password are left out, since we do not know them.
pub(super) fn proxy_place(proxy: &str) -> Result<(String, u16), String> {
    let place = match proxy.split_once("://") {
        Some(("http" | "HTTP", place)) => place,
        Some((scheme, _)) => return Err(format!("{scheme} proxies are not probed")),
        None => proxy,
    };
    let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
    let place = place.split('/').next().unwrap_or_default();
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => match port.parse() {
            Ok(port) => (host, port),
            Err(_) => return Err(format!("not a port: {port}")),
        },
        _ => (place, PROXY_PORT),
    };
    if host.is_empty() { Err("the proxy names no host".into()) } else { Ok((host.to_string(), port)) }
}

/// The host, with the port where it is not the scheme's own.
fn authority(target: &Target) -> String {
    let host = match target.host.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ => target.host.clone(),
    };
    let usual = if target.tls { 443 } else { 80 };
    if target.port == usual { host } else { format!("{host}:{}", target.port) }
}

/// Connects, and asks a proxy for a tunnel when there is one.
async fn reach(
    addresses: &[IpAddr],
    port: u16,
    through: Option<&Target>,
    deadline: Instant,
) -> Result<(TcpStream, IpAddr, u64), ConnectError> {
    let (mut tcp, address, elapsed_ms) = connect(addresses, port, deadline).await?;
    if let Some(target) = through {
        match timeout_at(deadline, tunnel(&mut tcp, target)).await {
            Ok(Ok(200..=299)) => {}
            Ok(Ok(status)) => return Err(ConnectError::Other(address, format!("the proxy answered {status}"))),
            Ok(Err(error)) => return Err(ConnectError::Other(address, format!("the proxy: {error}"))),
            Err(_) => return Err(ConnectError::Silent(address)),
        }
    }
    Ok((tcp, address, elapsed_ms))
}

/// Tries the addresses in order, each with its share of the time left; the trouble is that of the first one, which is
/// the one that the agent meets.
async fn connect(addresses: &[IpAddr], port: u16, deadline: Instant) -> Result<(TcpStream, IpAddr, u64), ConnectError> {
    let mut first = None;
    let count = addresses.len().min(ADDRESSES);
    for (index, address) in addresses.iter().copied().take(count).enumerate() {
        let begin = Instant::now();
        let left = deadline.saturating_duration_since(begin);
        let share = left / u32::try_from(count - index).unwrap_or(1);
        let trouble = match timeout_at(begin + share, TcpStream::connect((address, port))).await {
            Ok(Ok(tcp)) => return Ok((tcp, address, milliseconds(begin.elapsed()))),
            Ok(Err(error)) => connect_trouble(address, &error),
            Err(_) => ConnectError::Silent(address),
        };
        first.get_or_insert(trouble);
    }
    Err(first.unwrap_or(ConnectError::Other(Ipv4Addr::UNSPECIFIED.into(), "no address".into())))
}

/// What the kernel's error says. A blackhole route gives EINVAL, an unreachable one EHOSTUNREACH, a prohibiting one
/// EACCES, a local firewall rule that rejects EPERM.
fn connect_trouble(address: IpAddr, error: &io::Error) -> ConnectError {
    use nix::libc::{EACCES, ECONNREFUSED, EHOSTUNREACH, EINVAL, ENETDOWN, ENETUNREACH, EPERM, ETIMEDOUT};
    match error.raw_os_error() {
        Some(ECONNREFUSED) => ConnectError::Refused(address),
        Some(ETIMEDOUT) => ConnectError::Silent(address),
        Some(EHOSTUNREACH | ENETUNREACH | ENETDOWN | EINVAL) => ConnectError::NoRoute(address),
        Some(EACCES | EPERM) => ConnectError::Forbidden(address),
        _ => ConnectError::Other(address, error.to_string()),
    }
}

/// Asks a proxy for a tunnel; the status of its answer. Read byte by byte, so that nothing of what follows is taken.
pub(super) async fn tunnel<S>(tcp: &mut S, target: &Target) -> io::Result<u16>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let host = authority(target);
    let place = if host.ends_with(&format!(":{}", target.port)) { host } else { format!("{host}:{}", target.port) };
    let asked = format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\nUser-Agent: {}\r\n\r\n", user_agent());
    tcp.write_all(asked.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < HEADER_LIMIT * 8 {
        head.push(tcp.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head);
    let mut words = head.split_ascii_whitespace();
    match (words.next(), words.next().and_then(|word| word.parse().ok())) {
        (Some(version), Some(status)) if version.starts_with("HTTP/") => Ok(status),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "not an HTTP answer")),
    }
}

type Secured = tokio_rustls::client::TlsStream<TcpStream>;

async fn secure(
    trust: &Trust,
    witness: &Arc<Witness>,
    target: &Target,
    tcp: TcpStream,
) -> Result<(Secured, TlsSeen), TlsError> {
    let name = target.host.trim_start_matches('[').trim_end_matches(']').to_string();
    let name = ServerName::try_from(name).map_err(|error| TlsError::Broken(error.to_string()))?;
    let connector = trust.connector(Arc::clone(witness)).map_err(|error| TlsError::Broken(error.to_string()))?;
    let stream = connector.connect(name, tcp).await.map_err(|error| tls_trouble(&error))?;
    let version = stream.get_ref().1.protocol_version().and_then(|version| version.as_str()).unwrap_or_default();
    Ok((stream, TlsSeen { version: version.to_string() }))
}

/// Which part of the certificate did not fit. A certificate authority's own certificate in the place of a server's is
/// what `openssl req -x509` makes: signed by nobody but itself.
fn tls_trouble(error: &io::Error) -> TlsError {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let Some(rustls::Error::InvalidCertificate(reason)) = inner else { return TlsError::Broken(error.to_string()) };
    match reason {
        CertificateError::UnknownIssuer => TlsError::UnknownIssuer,
        CertificateError::Other(other) if format!("{other:?}").contains("CaUsedAsEndEntity") => TlsError::UnknownIssuer,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => TlsError::WrongName,
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => TlsError::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => TlsError::NotYetValid,
        _ => TlsError::Broken(error.to_string()),
    }
}

/// One request and its answer on a connection that is there. When the time is over in the middle of the body, the
/// answer is what has arrived of it.
pub(super) async fn talk<S>(stream: S, request: &Request, uri: &str, deadline: Instant) -> Observed<Response>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let other = |error: &dyn std::error::Error| Unavailable::Other(error.to_string());
    let mut wanted = hyper::Request::builder().method(request.method).uri(uri);
    wanted = wanted.header("Host", authority(&request.target)).header("User-Agent", user_agent());
    for (name, value) in &request.headers {
        wanted = wanted.header(name, value);
    }
    let wanted = wanted.body(Full::new(Bytes::from(request.body.clone()))).map_err(|error| other(&error))?;
    let mut connections = JoinSet::new();
    let head = async {
        let mut builder = hyper::client::conn::http1::Builder::new();
        let (mut sender, connection) = builder.max_buf_size(HEAD_LIMIT).handshake(TokioIo::new(stream)).await?;
        // The set ends the connection when this function ends, however it does.
        connections.spawn(connection);
        sender.send_request(wanted).await
    };
    let head = timeout_at(deadline, head).await.map_err(|_| Unavailable::TimedOut)?.map_err(|error| other(&error))?;
    let received_ms = now_ms();
    let value = |bytes: &[u8]| String::from_utf8_lossy(bytes.get(..HEADER_LIMIT).unwrap_or(bytes)).into_owned();
    let headers = head.headers().iter().map(|(name, bytes)| (name.to_string(), value(bytes.as_bytes()))).collect();
    let status = head.status().as_u16();
    let mut stream = head.into_body();
    let mut body = Vec::new();
    while body.len() < request.body_limit {
        let Ok(Some(Ok(frame))) = timeout_at(deadline, stream.frame()).await else { break };
        let bytes = frame.into_data().unwrap_or_default();
        body.extend(bytes.into_iter().take(request.body_limit - body.len()));
    }
    Ok(Response { status, headers, body, received_ms })
}

/// Who we say we are.
fn user_agent() -> String {
    format!("logtail-doctor/{}", env!("CARGO_PKG_VERSION"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_a_host_and_a_port() {
        for (text, expected) in [
            ("http://10.0.0.1:3128", Some(("10.0.0.1", 3128))),
            ("http://***@proxy:3128/", Some(("proxy", 3128))),
            ("proxy:8080", Some(("proxy", 8080))),
            ("http://proxy", Some(("proxy", 80))),
            ("http://[::1]:3128", Some(("[::1]", 3128))),
            ("http://[::1]", Some(("[::1]", 80))),
            ("socks5://proxy:1080", None),
            ("http://proxy:port", None),
            ("http://", None),
        ] {
            let expected = expected.map(|(host, port)| (host.to_string(), port));
            assert_eq!(proxy_place(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn the_kernel_says_why_there_is_no_connection() {
        use nix::libc::{EACCES, ECONNREFUSED, ECONNRESET, EHOSTUNREACH, EINVAL, EPERM, ETIMEDOUT};
        let address = IpAddr::from(Ipv4Addr::LOCALHOST);
        for (code, expected) in [
            (ECONNREFUSED, ConnectError::Refused(address)),
            (ETIMEDOUT, ConnectError::Silent(address)),
            (EHOSTUNREACH, ConnectError::NoRoute(address)),
            (EINVAL, ConnectError::NoRoute(address)),
            (EPERM, ConnectError::Forbidden(address)),
            (EACCES, ConnectError::Forbidden(address)),
        ] {
            assert_eq!(connect_trouble(address, &io::Error::from_raw_os_error(code)), expected);
        }
        let reset = connect_trouble(address, &io::Error::from_raw_os_error(ECONNRESET));
        assert!(matches!(reset, ConnectError::Other(..)));
    }
}
