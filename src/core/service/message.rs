//! One HTTP request and its answer as data, and the trait of whatever carries them.
//!
//! `Debug` of these types never shows a header's value, a query or a body: they carry signatures and tokens.

use crate::core::observe::Pending;
use crate::core::observe::{ConnectError, NameError, TlsError};
use crate::core::text::Text;
use crate::say;
use std::fmt;
use std::time::Duration;

/// An answer's body may be at most this long, in bytes.
pub const BODY_LIMIT: usize = 8 << 20;

/// How long a request may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For a connection to one address.
    pub connect: Duration,
    /// For everything, from the name to the last byte of the answer.
    pub total: Duration,
}

impl Limits {
    /// For the service's API: 3 s and 10 s.
    pub const API: Limits = Limits { connect: Duration::from_secs(3), total: Duration::from_secs(10) };
    /// For ECS metadata, where the kernel answers at once or never: 250 ms and 1 s.
    pub const METADATA: Limits = Limits { connect: Duration::from_millis(250), total: Duration::from_secs(1) };
}

/// A request, ready to be sent.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpRequest {
    pub method: &'static str,
    pub tls: bool,
    /// Where to connect; the `Host` header is among `headers` and may differ.
    pub host: String,
    pub port: u16,
    /// Path with query, percent-encoded, beginning with `/`.
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Whether to connect directly whatever the proxy variables say.
    pub direct: bool,
    pub limits: Limits,
}

impl HttpRequest {
    /// A header's value; names are compared without regard to case.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        let path = self.target.split('?').next().unwrap_or_default();
        write!(out, "{} {scheme}://{}:{}{path} ({} bytes)", self.method, self.host, self.port, self.body.len())
    }
}

/// An answer, whatever its status.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpResponse {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// At most [`BODY_LIMIT`] bytes.
    pub body: Vec<u8>,
}

impl HttpResponse {
    /// A header's value; names are compared without regard to case.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// The server's clock, seconds since 1970: `x-log-time` (seen in the documents' sample answers), else `Date`.
    pub fn server_time(&self) -> Option<i64> {
        let exact = self.header("x-log-time").and_then(|value| value.trim().parse().ok());
        exact.filter(|time| *time > 0).or_else(|| {
            let date = httpdate::parse_http_date(self.header("date")?).ok()?;
            i64::try_from(date.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs()).ok()
        })
    }
}

impl fmt::Debug for HttpResponse {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "HTTP {} ({} headers, {} bytes)", self.status, self.headers.len(), self.body.len())
    }
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// What carries requests: the network, or a test.
pub trait Transport: Send + Sync {
    /// Sends one request once and returns the whole answer, within the request's limits.
    fn send(&self, request: HttpRequest) -> Pending<Result<HttpResponse, TransportError>>;
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    #[error("{host}: the name has no address ({trouble:?})")]
    Name { host: String, trouble: NameError },
    #[error("{place}: no connection ({trouble:?})")]
    Connect { place: String, trouble: ConnectError },
    #[error("{place}: no TLS ({trouble:?})")]
    Tls { place: String, trouble: TlsError },
    #[error("the proxy {proxy} did not let the request through: {reason}")]
    Proxy { proxy: String, reason: String },
    /// The time was over. `sent` says whether the request may have reached the service.
    #[error("{place}: no complete answer within {limit_ms} ms")]
    TimedOut { place: String, limit_ms: u64, sent: bool },
    /// The connection ended before the answer was complete.
    #[error("{place}: the connection broke before the answer was complete: {reason}")]
    Broken { place: String, reason: String, sent: bool },
    #[error("{place}: the answer is longer than {BODY_LIMIT} bytes")]
    TooLong { place: String },
    /// The file that `SSL_CERT_FILE` names cannot be used.
    #[error("{path}: not usable as a list of certificates: {reason}")]
    Roots { path: String, reason: String },
    /// The request cannot be written as HTTP: a fault of this program.
    #[error("not a request: {0}")]
    NotARequest(String),
}

impl TransportError {
    /// Whether the service may have received the request and carried it out, so that only reading back can tell.
    pub fn may_have_arrived(&self) -> bool {
        match self {
            TransportError::TimedOut { sent, .. } | TransportError::Broken { sent, .. } => *sent,
            TransportError::TooLong { .. } => true,
            TransportError::Name { .. }
            | TransportError::Connect { .. }
            | TransportError::Tls { .. }
            | TransportError::Proxy { .. }
            | TransportError::Roots { .. }
            | TransportError::NotARequest(_) => false,
        }
    }

    /// What happened, and what to do next.
    pub fn explain(&self) -> (Text, Text) {
        let network = || {
            Text::fixed(
                "Check the network between this host and the service, or use the other kind of endpoint (intranet or public).",
                "请检查本机到服务端的网络，或改用另一种服务入口（内网或公网）。",
            )
        };
        match self {
            TransportError::Name { host, trouble: NameError::NoSuchName } => (
                say!("The name {host} does not exist.", "域名 {host} 不存在。"),
                Text::fixed(
                    "Check the region and the DNS servers of this host.",
                    "请检查地域是否正确，以及本机的 DNS 配置。",
                ),
            ),
            TransportError::Name { host, trouble: NameError::NoAnswer } => (
                say!("DNS did not answer for {host}.", "DNS 未能解析 {host}。"),
                Text::fixed("Check the DNS servers in /etc/resolv.conf.", "请检查 /etc/resolv.conf 中的 DNS 服务器。"),
            ),
            TransportError::Connect { place, trouble: ConnectError::Refused(_) } => {
                (say!("{place} refused the connection.", "{place} 拒绝了连接。"), network())
            }
            TransportError::Connect { place, trouble: ConnectError::Silent(_) } => {
                (say!("{place} did not answer.", "{place} 没有应答。"), network())
            }
            TransportError::Connect { place, trouble: ConnectError::NoRoute(_) } => {
                (say!("This host has no route to {place}.", "本机没有到 {place} 的路由。"), network())
            }
            TransportError::Connect { place, trouble: ConnectError::Forbidden(_) } => (
                say!("A rule on this host forbids connections to {place}.", "本机的防火墙规则禁止连接 {place}。"),
                Text::fixed(
                    "Check the outgoing rules of iptables or nftables.",
                    "请检查 iptables 或 nftables 的出方向规则。",
                ),
            ),
            TransportError::Connect { place, trouble: ConnectError::Other(_, reason) } => {
                (say!("No connection to {place}: {reason}.", "无法连接 {place}：{reason}。"), network())
            }
            TransportError::Tls { place, trouble } => explain_tls(place, trouble),
            TransportError::Proxy { proxy, reason } => (
                say!(
                    "The proxy {proxy} did not let the request through: {reason}.",
                    "代理 {proxy} 未放行该请求：{reason}。"
                ),
                Text::fixed(
                    "Check HTTPS_PROXY and HTTP_PROXY, or add .aliyuncs.com to NO_PROXY.",
                    "请检查 HTTPS_PROXY 和 HTTP_PROXY，或将 .aliyuncs.com 加入 NO_PROXY。",
                ),
            ),
            TransportError::TimedOut { place, limit_ms, .. } => (
                say!(
                    "{place} gave no complete answer within {limit_ms} ms.",
                    "{place} 在 {limit_ms} 毫秒内没有给出完整应答。"
                ),
                network(),
            ),
            TransportError::Broken { place, reason, .. } => (
                say!(
                    "The connection to {place} broke before the answer was complete: {reason}.",
                    "与 {place} 的连接在应答完成前中断：{reason}。"
                ),
                network(),
            ),
            TransportError::TooLong { place } => (
                say!("The answer of {place} is far too long.", "{place} 的应答过长。"),
                Text::fixed(
                    "Something other than the service answers there; check proxies and the endpoint.",
                    "应答者可能不是日志服务，请检查代理和服务入口。",
                ),
            ),
            TransportError::Roots { path, reason } => (
                say!("{path} is not a usable list of certificates: {reason}.", "{path} 不是可用的证书文件：{reason}。"),
                Text::fixed("Correct or unset SSL_CERT_FILE.", "请修正或取消设置 SSL_CERT_FILE。"),
            ),
            TransportError::NotARequest(reason) => (
                say!("The request could not be written: {reason}.", "无法构造请求：{reason}。"),
                Text::fixed("Please report this as a fault of this program.", "这是本程序的缺陷，请反馈给开发者。"),
            ),
        }
    }
}

fn explain_tls(place: &str, trouble: &TlsError) -> (Text, Text) {
    match trouble {
        TlsError::UnknownIssuer => (
            say!(
                "The certificate of {place} is signed by nobody that is trusted.",
                "{place} 的证书由不受信任的机构签发。"
            ),
            Text::fixed(
                "If your company inspects TLS or this is a private cloud, name its root certificates in SSL_CERT_FILE.",
                "如果公司网络会解密 TLS，或者这是专有云，请用 SSL_CERT_FILE 指定其根证书。",
            ),
        ),
        TlsError::WrongName => (
            say!("The certificate of {place} belongs to another name.", "{place} 的证书与域名不符。"),
            Text::fixed("Check the endpoint, DNS and proxies.", "请检查服务入口、DNS 和代理。"),
        ),
        TlsError::Expired => (
            say!(
                "The certificate of {place} has expired, or this host's clock is ahead.",
                "{place} 的证书已过期，或本机时钟偏快。"
            ),
            Text::fixed("Check the clock of this host first.", "请先检查本机时钟。"),
        ),
        TlsError::NotYetValid => (
            say!(
                "The certificate of {place} is not valid yet, or this host's clock is behind.",
                "{place} 的证书尚未生效，或本机时钟偏慢。"
            ),
            Text::fixed("Check the clock of this host first.", "请先检查本机时钟。"),
        ),
        TlsError::Broken(reason) => (
            say!("No TLS connection to {place}: {reason}.", "无法与 {place} 建立 TLS 连接：{reason}。"),
            Text::fixed(
                "Check firewalls and proxies: something may speak plain HTTP there or cut TLS.",
                "请检查防火墙和代理：对端可能只支持 HTTP，或 TLS 被阻断。",
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_could_be_secret_is_printed() {
        let request = HttpRequest {
            method: "GET",
            tls: true,
            host: "sts.aliyuncs.com".into(),
            port: 443,
            target: "/?SecurityToken=hidden".into(),
            headers: vec![("Authorization".into(), "LOG k:hidden".into())],
            body: b"hidden".to_vec(),
            direct: false,
            limits: Limits::API,
        };
        assert_eq!(format!("{request:?}"), "GET https://sts.aliyuncs.com:443/ (6 bytes)");
        let response = HttpResponse { status: 200, headers: vec![], body: b"hidden".to_vec() };
        assert_eq!(format!("{response:?}"), "HTTP 200 (0 headers, 6 bytes)");
    }

    #[test]
    fn the_server_clock_is_x_log_time_else_date() {
        let with = |headers: &[(&str, &str)]| HttpResponse {
            status: 200,
            headers: headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
            body: vec![],
        };
        let date = ("date", "Fri, 02 Jan 2026 03:04:05 GMT");
        assert_eq!(with(&[date, ("x-log-time", "1767323046")]).server_time(), Some(1_767_323_046));
        assert_eq!(with(&[date, ("x-log-time", "soon")]).server_time(), Some(1_767_323_045));
        assert_eq!(with(&[("date", "yesterday")]).server_time(), None);
        assert_eq!(with(&[]).server_time(), None);
    }
}
