//! What one probe says: the first stage that went wrong, or who answered.

use crate::core::agent::endpoint::EndpointKind;
use crate::core::agent::reach::{Wanted, is_service, is_shared_address};
use crate::core::finding::{CauseId, Evidence, Mark, Severity};
use crate::core::observe::{ConnectError, HttpSeen, NameError, ReachSeen, TlsError, Unavailable};
use crate::core::text::{Lang, Text, Untrusted};
use crate::say;
use std::net::IpAddr;

/// What a probe came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The service answered. With a doubt about the address that it has.
    Reached {
        value: Text,
        doubt: Option<Text>,
    },
    /// Nobody can tell from here.
    Unsure(Text),
    Failed {
        cause: CauseId,
        severity: Severity,
        value: Text,
    },
}

/// Judges one probe. `has_user` says whether the agent's proxy wants a user and a password, which are not known here.
pub fn judge(wanted: &Wanted, reach: &ReachSeen, has_user: bool) -> Outcome {
    match stages(wanted, reach, has_user) {
        Ok(value) => Outcome::Reached { value, doubt: doubt(wanted, reach) },
        Err(None) => Outcome::Unsure(Text::fixed(
            "the agent's proxy wants a user and a password, which this program does not use",
            "Agent 的代理需要用户名和密码，本程序不使用该凭证，无法判断",
        )),
        Err(Some((cause, value))) => Outcome::Failed { cause, severity: severity(wanted, reach), value },
    }
}

/// The row of evidence of a probe.
pub fn row(wanted: &Wanted, outcome: &Outcome) -> Evidence {
    let target = &wanted.target;
    let (place, reason) = (target.place(), wanted.reason.label());
    let label =
        Text::filled(format!("{place} ({})", reason.get(Lang::En)), format!("{place}（{}）", reason.get(Lang::Zh)));
    let scheme = if target.tls { "https" } else { "http" };
    let source = match &target.proxy {
        Some(proxy) => format!("{scheme} via {proxy}"),
        None => scheme.to_string(),
    };
    let (value, mark) = match outcome {
        Outcome::Reached { value, .. } => (value, Mark::Good),
        Outcome::Unsure(value) => (value, Mark::Unknown),
        Outcome::Failed { severity: Severity::Fail, value, .. } => (value, Mark::Bad),
        Outcome::Failed { value, .. } => (value, Mark::Doubtful),
    };
    Evidence::new(label, value.clone(), source)
        .expecting(Text::fixed("an answer of the service", "日志服务的应答"))
        .marked(mark)
}

/// The service of a private cloud need not answer as the public one does: an answer that is not recognised is only a
/// warning there, while silence is none.
fn severity(wanted: &Wanted, reach: &ReachSeen) -> Severity {
    let is_odd_answer = wanted.kind == EndpointKind::Foreign && matches!(reach.http, Some(Ok(_)));
    if wanted.is_vital() && !is_odd_answer { Severity::Fail } else { Severity::Warn }
}

/// The address that a private name leads to, when it is none of the private network. Where that lies is known of IPv4
/// alone; networks that translate give such names addresses of IPv6.
pub fn astray<'a>(wanted: &Wanted, reach: &'a ReachSeen) -> Option<&'a IpAddr> {
    match &reach.resolved {
        Some(Ok(addresses)) if wanted.is_private() && wanted.target.proxy.is_none() => {
            addresses.iter().find(|ip| ip.is_ipv4() && !is_shared_address(ip))
        }
        _ => None,
    }
}

fn doubt(wanted: &Wanted, reach: &ReachSeen) -> Option<Text> {
    let (place, odd) = (wanted.target.place(), astray(wanted, reach)?);
    Some(say!(
        "{place} resolves to {odd}, outside the private endpoints' 100.64.0.0/10, yet the service answers",
        "{place} 解析为 {odd}，不在内网服务入口的 100.64.0.0/10 内，但服务有应答"
    ))
}

/// A cause with its words; None when it cannot be told.
type Wrong = Option<(CauseId, Text)>;

fn wrong<T>(cause: CauseId, text: Text) -> Result<T, Wrong> {
    Err(Some((cause, text)))
}

/// Stage by stage: the name, the connection, TLS, the answer.
fn stages(wanted: &Wanted, reach: &ReachSeen, has_user: bool) -> Result<Text, Wrong> {
    let is_proxied = wanted.target.proxy.is_some();
    let of_name = if is_proxied { CauseId::ProxyMismatch } else { CauseId::DnsFailure };
    match &reach.resolved {
        Some(Err(NameError::NoSuchName)) if is_proxied => {
            return wrong(of_name, Text::fixed("the proxy's name does not resolve", "代理的域名无法解析"));
        }
        Some(Err(NameError::NoSuchName)) => {
            return wrong(of_name, Text::fixed("the name does not resolve", "域名无法解析"));
        }
        Some(Err(NameError::NoAnswer)) => {
            return wrong(of_name, Text::fixed("the name server does not answer", "DNS 服务器无应答"));
        }
        Some(Ok(_)) => {}
        None if is_proxied && reach.connected.is_some() => {}
        None => return wrong(of_name, Text::fixed("the name was not answered in time", "域名解析超时")),
    }
    // A private name that leads outside the private range explains a failure further on better than the failure does.
    let blame = |cause: CauseId, text: Text| match astray(wanted, reach) {
        Some(ip) => {
            let (en, zh) = text.both();
            let text = Text::filled(
                format!("the private name resolves to {ip}, outside 100.64.0.0/10; {en}"),
                format!("内网域名解析为 {ip}，不在 100.64.0.0/10 内；{zh}"),
            );
            wrong(CauseId::DnsWrongAddress, text)
        }
        None => wrong(cause, text),
    };
    let (ip, connect_ms) = match &reach.connected {
        Some(Ok(connected)) => *connected,
        Some(Err(ConnectError::Other(_, reason))) if has_user && reason.ends_with("407") => return Err(None),
        Some(Err(trouble)) => {
            let (cause, text) = connect_trouble(trouble);
            return blame(if is_proxied { CauseId::ProxyMismatch } else { cause }, text);
        }
        None => {
            let ms = reach.elapsed_ms;
            let cause = if is_proxied { CauseId::ProxyMismatch } else { CauseId::ConnectTimeout };
            return blame(cause, say!("no connection within {ms} ms", "{ms} 毫秒内未建立连接"));
        }
    };
    if wanted.target.tls {
        match &reach.tls {
            Some(Ok(_)) => {}
            Some(Err(trouble)) => {
                return blame(CauseId::TlsFailure, tls_trouble(trouble, reach.issuer.as_ref().map(Untrusted::raw)));
            }
            None => return blame(CauseId::TlsFailure, Text::fixed("TLS was not set up in time", "TLS 握手超时")),
        }
    }
    match &reach.http {
        Some(Ok(http)) if is_service(http) => {
            let status = http.status;
            Ok(say!(
                "{ip}, connected in {connect_ms} ms, the service answered (HTTP {status})",
                "{ip}，{connect_ms} 毫秒建立连接，日志服务已应答（HTTP {status}）"
            ))
        }
        Some(Ok(http)) if is_proxied && http.status == 407 && has_user => Err(None),
        Some(Ok(http)) if is_proxied && !wanted.target.tls && matches!(http.status, 403 | 407 | 502..=504) => {
            let status = http.status;
            wrong(
                CauseId::ProxyMismatch,
                say!("the proxy does not let it through (HTTP {status})", "代理未放行（HTTP {status}）"),
            )
        }
        Some(Ok(http)) => {
            let (status, who) = (http.status, foreign_name(http));
            let text = say!(
                "connected, but something else answered (HTTP {status}, {who})",
                "已连接，但应答方不是日志服务（HTTP {status}，{who}）"
            );
            blame(CauseId::ForeignResponse, text)
        }
        Some(Err(Unavailable::TimedOut)) | None => {
            let text = Text::fixed("connected, but no answer came in time", "已连接，但未在限定时间内收到应答");
            blame(CauseId::ForeignResponse, text)
        }
        Some(Err(_)) => {
            let text = Text::fixed("connected, but the answer is not HTTP", "已连接，但应答不是 HTTP");
            blame(CauseId::ForeignResponse, text)
        }
    }
}

/// Who seems to have answered instead of the service: what it says of itself, and its page's title.
fn foreign_name(http: &HttpSeen) -> String {
    let told = ["server", "via", "location", "content-type"].into_iter();
    let told = told.filter_map(|name| Some(format!("{name}: {}", cut(http.header(name)?)))).take(2);
    let title = title(&http.body).map(|title| format!("\"{title}\""));
    let all: Vec<String> = title.into_iter().chain(told).collect();
    if all.is_empty() { "unnamed".to_string() } else { all.join(", ") }
}

fn cut(text: &str) -> String {
    text.chars().take(60).collect()
}

/// The title of a page, blanks made one.
fn title(body: &str) -> Option<String> {
    // Lower case of ASCII alone keeps every position.
    let lower = body.to_ascii_lowercase();
    let begin = lower.find("<title")?;
    let begin = begin + lower.get(begin..)?.find('>')? + 1;
    let end = lower.get(begin..)?.find('<').map_or(body.len(), |length| begin + length);
    let words: Vec<_> = body.get(begin..end)?.split_whitespace().collect();
    (!words.is_empty()).then(|| cut(&words.join(" ")))
}

fn connect_trouble(trouble: &ConnectError) -> (CauseId, Text) {
    match trouble {
        ConnectError::Refused(ip) => (CauseId::ConnectRefused, say!("{ip} refused the connection", "{ip} 拒绝连接")),
        ConnectError::Silent(ip) => {
            (CauseId::ConnectTimeout, say!("{ip} does not answer (silence)", "{ip} 无应答（数据包被丢弃）"))
        }
        ConnectError::NoRoute(ip) => {
            (CauseId::ConnectTimeout, say!("this host has no route to {ip}", "本机没有到 {ip} 的路由"))
        }
        ConnectError::Forbidden(ip) => {
            (CauseId::ConnectRefused, say!("this host's own firewall forbids {ip}", "本机防火墙禁止访问 {ip}"))
        }
        ConnectError::Other(ip, reason) => (CauseId::ConnectTimeout, say!("{ip}: {reason}", "{ip}：{reason}")),
    }
}

fn tls_trouble(trouble: &TlsError, issuer: Option<&str>) -> Text {
    match (trouble, issuer) {
        (TlsError::UnknownIssuer, Some(issuer)) => say!(
            "its certificate is signed by \"{issuer}\", which is not trusted (interception, or a private cloud: set SSL_CERT_FILE)",
            "证书由不受信任的“{issuer}”签发（可能被中间设备拦截，或为专有云：请设置 SSL_CERT_FILE）"
        ),
        (TlsError::UnknownIssuer, None) => Text::fixed(
            "its certificate is signed by an unknown issuer (interception, or a private cloud: set SSL_CERT_FILE)",
            "证书由未知机构签发（可能被中间设备拦截，或为专有云：请设置 SSL_CERT_FILE）",
        ),
        (TlsError::WrongName, Some(issuer)) => {
            say!("its certificate, signed by \"{issuer}\", is for another name", "证书（由“{issuer}”签发）的域名不匹配")
        }
        (TlsError::WrongName, None) => Text::fixed("its certificate is for another name", "证书的域名不匹配"),
        (TlsError::Expired, _) => {
            Text::fixed("its certificate has expired, or this host's clock is ahead", "证书已过期，或本机时钟偏快")
        }
        (TlsError::NotYetValid, _) => Text::fixed(
            "its certificate is not valid yet, or this host's clock is behind",
            "证书尚未生效，或本机时钟偏慢",
        ),
        (TlsError::Broken(reason), _) => say!("TLS failed: {reason}", "TLS 握手失败：{reason}"),
    }
}
