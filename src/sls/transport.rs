//! The network as a [`Transport`]: name, connection, proxy, TLS, one HTTP/1.1 exchange, all within the limits.
//!
//! Certificates are checked against the bundled roots and those of `SSL_CERT_FILE`. Redirects are not followed: the
//! service sends none, and a signature holds for one host only.

use crate::core::observe::Pending;
use crate::core::observe::{ConnectError, NameError, TlsError};
use crate::core::service::message::{BODY_LIMIT, HttpRequest, HttpResponse, Transport, TransportError};
use crate::core::service::proxy::{Proxies, Proxy};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A proxy's answer to CONNECT may be at most this long, in bytes.
const PROXY_HEAD_LIMIT: usize = 8 << 10;

/// A connection of any kind.
pub trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// The real network.
#[derive(Clone)]
pub struct Network {
    tls: Arc<ClientConfig>,
    proxies: Arc<Proxies>,
}

impl Network {
    /// The network with the roots bundled in this program and those in the PEM file `more_roots` (`SSL_CERT_FILE`).
    ///
    /// # Errors
    /// That file cannot be read, or holds no certificate.
    pub fn new(proxies: Proxies, more_roots: Option<&Path>) -> Result<Network, TransportError> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        if let Some(path) = more_roots {
            let trouble = |reason: String| TransportError::Roots { path: path.display().to_string(), reason };
            let certificates = CertificateDer::pem_file_iter(path).map_err(|error| trouble(error.to_string()))?;
            let (added, _) = roots.add_parsable_certificates(certificates.filter_map(Result::ok));
            if added == 0 {
                return Err(trouble("no certificate in it".to_string()));
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| TransportError::NotARequest(error.to_string()))?;
        let tls = builder.with_root_certificates(roots).with_no_client_auth();
        Ok(Network { tls: Arc::new(tls), proxies: Arc::new(proxies) })
    }
}

impl Transport for Network {
    fn send(&self, request: HttpRequest) -> Pending<Result<HttpResponse, TransportError>> {
        let network = self.clone();
        Box::pin(async move {
            let sent = Arc::new(AtomicBool::new(false));
            let (place, limit) = (place(&request), request.limits.total);
            match timeout(limit, network.exchange(request, sent.clone())).await {
                Ok(result) => result,
                Err(_) => {
                    let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
                    Err(TransportError::TimedOut { place, limit_ms, sent: sent.load(Ordering::Relaxed) })
                }
            }
        })
    }
}

impl Network {
    /// One exchange; `sent` is set just before the first byte of the request may leave.
    async fn exchange(&self, request: HttpRequest, sent: Arc<AtomicBool>) -> Result<HttpResponse, TransportError> {
        let HttpRequest { tls, host, port, limits, .. } = &request;
        let proxy = if request.direct { None } else { self.proxies.choose(*tls, host, *port) };
        let stream = match proxy {
            None => connect(host, *port, limits.connect).await?,
            Some(proxy) => connect(&proxy.host, proxy.port, limits.connect)
                .await
                .map_err(|error| TransportError::Proxy { proxy: proxy.place(), reason: error.to_string() })?,
        };
        let stream = match proxy {
            Some(proxy) if *tls => tunnel(stream, proxy, &place(&request)).await?,
            _ => stream,
        };
        let stream: Box<dyn Wire> =
            if *tls { Box::new(self.secure(stream, &request).await?) } else { Box::new(stream) };
        let through = proxy.filter(|_| !*tls);
        sent.store(true, Ordering::Relaxed);
        converse(stream, request, through).await
    }

    async fn secure(
        &self,
        stream: TcpStream,
        request: &HttpRequest,
    ) -> Result<tokio_rustls::client::TlsStream<TcpStream>, TransportError> {
        let name = ServerName::try_from(request.host.clone())
            .map_err(|error| TransportError::NotARequest(format!("{}: {error}", request.host)))?;
        let connector = tokio_rustls::TlsConnector::from(self.tls.clone());
        let secured = connector.connect(name, stream).await;
        secured.map_err(|error| TransportError::Tls { place: place(request), trouble: tls_trouble(&error) })
    }
}

/// `host:port` of a request.
fn place(request: &HttpRequest) -> String {
    format!("{}:{}", request.host, request.port)
}

/// Connects to the first address that answers; each has the limit to itself.
async fn connect(host: &str, port: u16, limit: Duration) -> Result<TcpStream, TransportError> {
    let place = format!("{host}:{port}");
    let name_trouble = |trouble| TransportError::Name { host: host.to_string(), trouble };
    let addresses: Vec<SocketAddr> = match tokio::net::lookup_host((host, port)).await {
        Ok(found) => found.collect(),
        Err(error) => return Err(name_trouble(name_kind(&error))),
    };
    let mut first = None;
    for address in addresses {
        let trouble = match timeout(limit, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // The head and the body of a request leave at once, without waiting for each other.
                stream.set_nodelay(true).ok();
                return Ok(stream);
            }
            Ok(Err(error)) => connect_trouble(address.ip(), &error),
            Err(_) => ConnectError::Silent(address.ip()),
        };
        first = first.or(Some(trouble));
    }
    match first {
        Some(trouble) => Err(TransportError::Connect { place, trouble }),
        None => Err(name_trouble(NameError::NoSuchName)),
    }
}

/// The C library's words are the only sign of a resolver that did not answer; anything else means no such name.
fn name_kind(error: &std::io::Error) -> NameError {
    let words = error.to_string().to_ascii_lowercase();
    let silent = words.contains("temporary") || words.contains("try again") || words.contains("non-recoverable");
    if silent { NameError::NoAnswer } else { NameError::NoSuchName }
}

fn connect_trouble(ip: IpAddr, error: &std::io::Error) -> ConnectError {
    match error.kind() {
        ErrorKind::ConnectionRefused => ConnectError::Refused(ip),
        ErrorKind::TimedOut => ConnectError::Silent(ip),
        ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable => ConnectError::NoRoute(ip),
        ErrorKind::PermissionDenied => ConnectError::Forbidden(ip),
        _ => ConnectError::Other(ip, error.to_string()),
    }
}

fn tls_trouble(error: &std::io::Error) -> TlsError {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidCertificate(certificate)) => match certificate {
            CertificateError::UnknownIssuer => TlsError::UnknownIssuer,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => TlsError::WrongName,
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => TlsError::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => TlsError::NotYetValid,
            other => TlsError::Broken(other.to_string()),
        },
        Some(other) => TlsError::Broken(other.to_string()),
        None => TlsError::Broken(error.to_string()),
    }
}

/// Asks a proxy for a tunnel to `host:port`, and gives the connection back when there is one.
///
/// # Errors
/// The proxy did not answer with a 2xx status.
pub async fn tunnel<S: Wire>(mut stream: S, proxy: &Proxy, to: &str) -> Result<S, TransportError> {
    let trouble = |reason: String| TransportError::Proxy { proxy: proxy.place(), reason };
    let mut head = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n");
    if let Some(authorization) = &proxy.authorization {
        head.push_str(&format!("Proxy-Authorization: {}\r\n", authorization.expose()));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).await.map_err(|error| trouble(error.to_string()))?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        // Byte by byte: what follows the head belongs to TLS.
        let byte = stream.read_u8().await.map_err(|error| trouble(error.to_string()))?;
        answer.push(byte);
        if answer.len() > PROXY_HEAD_LIMIT {
            return Err(trouble("its answer is too long".to_string()));
        }
    }
    let answer = String::from_utf8_lossy(&answer);
    let line = answer.lines().next().unwrap_or_default();
    match line.split(' ').nth(1) {
        Some(status) if status.starts_with('2') => Ok(stream),
        _ => Err(trouble(line.chars().take(100).collect())),
    }
}

/// Ends the task that drives the connection when the exchange is over or given up.
struct Driver(tokio::task::JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Sends the request and reads the answer. `proxy` is one that takes requests in absolute form. It watches no limit of
/// time.
///
/// # Errors
/// The connection broke, or what came is no HTTP answer, or too long.
pub async fn converse(
    stream: Box<dyn Wire>,
    request: HttpRequest,
    proxy: Option<&Proxy>,
) -> Result<HttpResponse, TransportError> {
    let place = place(&request);
    let broken = |reason: String| TransportError::Broken { place: place.clone(), reason, sent: true };
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(error.to_string()))?;
    // How the connection ends is told by the exchange itself.
    let _driver = Driver(tokio::spawn(async move {
        connection.await.ok();
    }));

    let uri = match proxy {
        Some(_) => format!("http://{place}{}", request.target),
        None => request.target.clone(),
    };
    let mut builder = hyper::Request::builder().method(request.method).uri(uri);
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    if let Some(authorization) = proxy.and_then(|proxy| proxy.authorization.as_ref()) {
        builder = builder.header("Proxy-Authorization", authorization.expose());
    }
    builder = builder.header("User-Agent", concat!("logtail-doctor/", env!("CARGO_PKG_VERSION")));
    builder = builder.header("Connection", "close");
    let message = builder
        .body(Full::new(Bytes::from(request.body)))
        .map_err(|error| TransportError::NotARequest(error.to_string()))?;

    let response = sender.send_request(message).await.map_err(|error| broken(error.to_string()))?;
    let (head, body) = response.into_parts();
    let headers = head
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let headers = headers.collect();
    let body = match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(body) => body.to_bytes().to_vec(),
        Err(error) if error.is::<LengthLimitError>() => return Err(TransportError::TooLong { place }),
        Err(error) => return Err(broken(error.to_string())),
    };
    Ok(HttpResponse { status: head.status.as_u16(), headers, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_file_must_hold_certificates() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("roots.pem");
        assert!(matches!(Network::new(Proxies::default(), Some(&path)), Err(TransportError::Roots { .. })));
        std::fs::write(&path, "no certificate\n").unwrap();
        assert!(matches!(Network::new(Proxies::default(), Some(&path)), Err(TransportError::Roots { .. })));
        let own = rcgen::generate_simple_self_signed(vec!["localhost".to_string()]).unwrap();
        std::fs::write(&path, own.cert.pem()).unwrap();
        assert!(Network::new(Proxies::default(), Some(&path)).is_ok());
        assert!(Network::new(Proxies::default(), None).is_ok());
    }

    #[test]
    fn the_system_s_errors_have_their_kinds() {
        let ip: IpAddr = "203.0.113.1".parse().unwrap();
        for (kind, expected) in [
            (ErrorKind::ConnectionRefused, ConnectError::Refused(ip)),
            (ErrorKind::TimedOut, ConnectError::Silent(ip)),
            (ErrorKind::HostUnreachable, ConnectError::NoRoute(ip)),
            (ErrorKind::PermissionDenied, ConnectError::Forbidden(ip)),
        ] {
            assert_eq!(connect_trouble(ip, &kind.into()), expected);
        }
        let words = |text: &str| name_kind(&std::io::Error::other(text.to_string()));
        assert_eq!(
            words("failed to lookup address information: Temporary failure in name resolution"),
            NameError::NoAnswer
        );
        assert_eq!(words("failed to lookup address information: Name or service not known"), NameError::NoSuchName);
    }
}
