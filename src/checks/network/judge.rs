//! What one probe says, and the causes that all probes together amount to.

use super::targets::Wanted;
use crate::finding::{Cause, CauseId, Evidence, Mark, RemedyId, Severity};
use crate::host::{ConnectTrouble, HttpSeen, NameTrouble, ReachSeen, TlsTrouble, Trouble};
use crate::say;
use crate::text::{Lang, Text};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Whether an HTTP answer comes from the service: its request id, its server name, or its error body.
pub fn is_service(http: &HttpSeen) -> bool {
    http.header("x-log-requestid").is_some()
        || http.header("server").is_some_and(|server| server.contains("AliyunSLS"))
        || http.body.contains("OLSInvalidMethod")
}

/// Whether an address is one of those that private endpoints have: 100.64.0.0/10.
pub fn is_shared_address(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64,
        IpAddr::V6(_) => false,
    }
}

/// The troubles of all probes, by cause.
#[derive(Default)]
pub struct Troubles {
    found: BTreeMap<CauseId, (Severity, Vec<Text>)>,
}

impl Troubles {
    /// Judges one probe: its row of evidence, its trouble noted.
    pub fn take(&mut self, wanted: &Wanted, reach: &ReachSeen) -> Evidence {
        let target = &wanted.target;
        let place = target.place();
        let reason = wanted.reason.label();
        let scheme = if target.tls { "https" } else { "http" };
        let label =
            Text::filled(format!("{place} ({})", reason.get(Lang::En)), format!("{place}（{}）", reason.get(Lang::Zh)));
        let source = match &target.proxy {
            Some(proxy) => format!("{scheme} via {proxy}"),
            None => scheme.to_string(),
        };
        let row = |value: Text, mark: Mark| {
            Evidence::new(label.clone(), value, source.clone())
                .expecting(Text::fixed("an answer of the service", "日志服务的应答"))
                .marked(mark)
        };
        let severity = if wanted.reason.is_vital() { Severity::Fail } else { Severity::Warn };
        let bad = |mark_of: Severity| if mark_of == Severity::Fail { Mark::Bad } else { Mark::Doubtful };
        match judge(wanted, reach) {
            Ok(value) => {
                if wanted.is_private
                    && target.proxy.is_none()
                    && let Some(Ok(addresses)) = &reach.resolved
                    && let Some(odd) = addresses.iter().find(|ip| !is_shared_address(ip))
                {
                    let text = say!(
                        "{place} resolves to {odd}, outside the private endpoints' 100.64.0.0/10, yet the service answers",
                        "{place} 解析为 {odd}，不在内网服务入口的 100.64.0.0/10 内，但服务有应答"
                    );
                    self.note(CauseId::DnsWrongAddress, Severity::Warn, text);
                }
                row(value, Mark::Good)
            }
            Err((cause, value)) => {
                let (en, zh) = (value.get(Lang::En), value.get(Lang::Zh));
                self.note(cause, severity, Text::filled(format!("{place}: {en}"), format!("{place}：{zh}")));
                row(value, bad(severity))
            }
        }
    }

    fn note(&mut self, cause: CauseId, severity: Severity, text: Text) {
        let entry = self.found.entry(cause).or_insert((severity, Vec::new()));
        entry.0 = entry.0.max(severity);
        entry.1.push(text);
    }

    /// The causes, each with every place that it concerns.
    pub fn causes(self) -> Vec<Cause> {
        self.found.into_iter().map(|(id, (severity, places))| cause(id, severity, &places)).collect()
    }
}

/// The first stage that went wrong, or what the answer was.
fn judge(wanted: &Wanted, reach: &ReachSeen) -> Result<Text, (CauseId, Text)> {
    let is_proxied = wanted.target.proxy.is_some();
    match &reach.resolved {
        Some(Err(NameTrouble::NoSuchName)) => {
            return Err((CauseId::DnsFailure, Text::fixed("the name does not resolve", "域名无法解析")));
        }
        Some(Err(NameTrouble::NoAnswer)) => {
            return Err((CauseId::DnsFailure, Text::fixed("the name server does not answer", "DNS 服务器无应答")));
        }
        Some(Ok(_)) => {}
        None if is_proxied => {}
        None => return Err((CauseId::DnsFailure, Text::fixed("the name was not answered in time", "域名解析超时"))),
    }
    // A private name that leads outside the private range explains a failure further on better than the failure does.
    let astray = match &reach.resolved {
        Some(Ok(addresses)) if wanted.is_private && !is_proxied => addresses.iter().find(|ip| !is_shared_address(ip)),
        _ => None,
    };
    let blame = |cause: CauseId, text: Text| match astray {
        Some(ip) => {
            let (en, zh) = (text.get(Lang::En), text.get(Lang::Zh));
            let text = Text::filled(
                format!("the private name resolves to {ip}, outside 100.64.0.0/10; {en}"),
                format!("内网域名解析为 {ip}，不在 100.64.0.0/10 内；{zh}"),
            );
            (CauseId::DnsWrongAddress, text)
        }
        None => (cause, text),
    };
    let (ip, connect_ms) = match &reach.connected {
        Some(Ok(connected)) => *connected,
        Some(Err(trouble)) => {
            let (cause, text) = connect_trouble(trouble);
            return Err(blame(if is_proxied { CauseId::ProxyMismatch } else { cause }, text));
        }
        None => {
            let ms = reach.elapsed_ms;
            return Err(blame(CauseId::ConnectTimeout, say!("no connection within {ms} ms", "{ms} 毫秒内未建立连接")));
        }
    };
    if wanted.target.tls {
        match &reach.tls {
            Some(Ok(_)) => {}
            Some(Err(trouble)) => return Err(blame(CauseId::TlsFailure, tls_trouble(trouble))),
            None => {
                return Err(blame(CauseId::TlsFailure, Text::fixed("TLS was not set up in time", "TLS 握手超时")));
            }
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
        Some(Ok(http)) => {
            let (status, who) = (http.status, foreign_name(http));
            let text = say!(
                "connected, but something else answered (HTTP {status}, {who})",
                "已连接，但应答方不是日志服务（HTTP {status}，{who}）"
            );
            Err(blame(CauseId::ForeignResponse, text))
        }
        Some(Err(Trouble::TimedOut)) | None => {
            let text = Text::fixed("connected, but no answer came in time", "已连接，但未在限定时间内收到应答");
            Err(blame(CauseId::ForeignResponse, text))
        }
        Some(Err(_)) => {
            let text = Text::fixed("connected, but the answer is not HTTP", "已连接，但应答不是 HTTP");
            Err(blame(CauseId::ForeignResponse, text))
        }
    }
}

/// Who seems to have answered instead of the service.
fn foreign_name(http: &HttpSeen) -> String {
    let told = ["server", "via", "location", "content-type"].into_iter().find_map(|name| http.header(name));
    told.unwrap_or("unnamed").chars().take(60).collect()
}

fn connect_trouble(trouble: &ConnectTrouble) -> (CauseId, Text) {
    match trouble {
        ConnectTrouble::Refused(ip) => (CauseId::ConnectRefused, say!("{ip} refused the connection", "{ip} 拒绝连接")),
        ConnectTrouble::Silent(ip) => {
            (CauseId::ConnectTimeout, say!("{ip} does not answer (silence)", "{ip} 无应答（数据包被丢弃）"))
        }
        ConnectTrouble::NoRoute(ip) => {
            (CauseId::ConnectTimeout, say!("this host has no route to {ip}", "本机没有到 {ip} 的路由"))
        }
        ConnectTrouble::Forbidden(ip) => {
            (CauseId::ConnectRefused, say!("this host's own firewall forbids {ip}", "本机防火墙禁止访问 {ip}"))
        }
        ConnectTrouble::Other(ip, reason) => (CauseId::ConnectTimeout, say!("{ip}: {reason}", "{ip}：{reason}")),
    }
}

fn tls_trouble(trouble: &TlsTrouble) -> Text {
    match trouble {
        TlsTrouble::UnknownIssuer => Text::fixed(
            "its certificate is signed by an unknown issuer (interception, or a private cloud: set SSL_CERT_FILE)",
            "证书由未知机构签发（可能被中间设备拦截，或为专有云：请设置 SSL_CERT_FILE）",
        ),
        TlsTrouble::WrongName => Text::fixed("its certificate is for another name", "证书的域名不匹配"),
        TlsTrouble::Expired => {
            Text::fixed("its certificate has expired, or this host's clock is ahead", "证书已过期，或本机时钟偏快")
        }
        TlsTrouble::NotYetValid => Text::fixed(
            "its certificate is not valid yet, or this host's clock is behind",
            "证书尚未生效，或本机时钟偏慢",
        ),
        TlsTrouble::Broken(reason) => say!("TLS failed: {reason}", "TLS 握手失败：{reason}"),
    }
}

fn cause(id: CauseId, severity: Severity, places: &[Text]) -> Cause {
    let all = |lang: Lang, between: &str| {
        let shown: Vec<_> = places.iter().map(|place| place.get(lang)).collect();
        shown.join(between)
    };
    let detail = Text::filled(all(Lang::En, "; ") + ".", all(Lang::Zh, "；") + "。");
    let (why, remedies): (Text, &[RemedyId]) = match id {
        CauseId::DnsFailure => (
            Text::fixed(
                "Without an address for the endpoint the heartbeat cannot be sent. Private names are known only to Alibaba Cloud's name servers (100.100.2.136, 100.100.2.138).",
                "无法解析服务入口就无法发送心跳。内网域名只有阿里云 DNS（100.100.2.136、100.100.2.138）能解析。",
            ),
            &[RemedyId::SetEndpoint],
        ),
        CauseId::DnsWrongAddress => (
            Text::fixed(
                "A resolver other than Alibaba Cloud's gives a wrong address for a private endpoint.",
                "使用了非阿里云的 DNS，内网服务入口被解析到错误的地址。",
            ),
            &[RemedyId::SetEndpoint],
        ),
        CauseId::ConnectRefused => (
            Text::fixed(
                "A firewall rejects the traffic, or the address is not the service's. Outbound TCP 80 and 443 must be open.",
                "防火墙拒绝了流量，或该地址不属于日志服务。出方向 TCP 80 和 443 必须放行。",
            ),
            &[RemedyId::AllowEgress, RemedyId::SetEndpoint],
        ),
        CauseId::ConnectTimeout => (
            Text::fixed(
                "A firewall or security group drops the traffic, or a private endpoint is used from outside its region. Outbound TCP 80 and 443 must be open.",
                "防火墙或安全组丢弃了流量，或在地域之外使用了内网服务入口。出方向 TCP 80 和 443 必须放行。",
            ),
            &[RemedyId::SetEndpoint, RemedyId::AllowEgress],
        ),
        CauseId::TlsFailure => (
            Text::fixed(
                "The agent fetches its keys over https; without TLS it cannot authenticate.",
                "Agent 通过 https 获取密钥；TLS 失败则无法完成认证。",
            ),
            &[RemedyId::AllowEgress],
        ),
        CauseId::ProxyMismatch => (
            Text::fixed(
                "The agent sends everything through this proxy, which does not answer.",
                "Agent 的全部流量都经过该代理，而代理没有应答。",
            ),
            &[RemedyId::AllowEgress],
        ),
        _ => (
            Text::fixed(
                "A proxy, a captive portal or another server answers in the service's place.",
                "代理、认证门户或其他服务器代替日志服务作出了应答。",
            ),
            &[RemedyId::AllowEgress, RemedyId::SetEndpoint],
        ),
    };
    Cause { id, severity, detail, why, remedies: remedies.to_vec() }
}
