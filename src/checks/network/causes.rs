//! The causes that all probes together amount to, with why they break the heartbeat and what cures them.

use crate::finding::{Cause, CauseId, RemedyId, Severity};
use crate::text::{Lang, Text};
use std::collections::BTreeMap;

/// The troubles of all probes, by cause.
#[derive(Default)]
pub struct Troubles {
    found: BTreeMap<CauseId, Trouble>,
}

struct Trouble {
    severity: Severity,
    /// Each place that it concerns, with what happened there.
    places: Vec<Text>,
    /// Whole sentences that explain it.
    reasons: Vec<Text>,
}

impl Troubles {
    /// Notes what happened at one place.
    pub fn note(&mut self, cause: CauseId, severity: Severity, text: Text) {
        let trouble = self.found.entry(cause).or_insert(Trouble { severity, places: Vec::new(), reasons: Vec::new() });
        trouble.severity = trouble.severity.max(severity);
        trouble.places.push(text);
    }

    /// Adds a sentence to those of these causes that were found.
    pub fn explain(&mut self, causes: &[CauseId], sentence: &Text) {
        for (_, trouble) in self.found.iter_mut().filter(|(id, _)| causes.contains(id)) {
            trouble.reasons.push(sentence.clone());
        }
    }

    /// Adds a sentence to every cause that breaks the heartbeat.
    pub fn explain_failures(&mut self, sentence: &Text) {
        for trouble in self.found.values_mut().filter(|trouble| trouble.severity == Severity::Fail) {
            trouble.reasons.push(sentence.clone());
        }
    }

    /// Whether anything breaks the heartbeat.
    pub fn is_failing(&self) -> bool {
        self.found.values().any(|trouble| trouble.severity == Severity::Fail)
    }

    /// The first thing that was found out about the worst of them, beyond what happened at which place.
    pub fn first_reason(&self) -> Option<Text> {
        let worst = self.found.values().map(|trouble| trouble.severity).max()?;
        let of_worst = self.found.values().filter(|trouble| trouble.severity == worst);
        of_worst.flat_map(|trouble| &trouble.reasons).next().cloned()
    }

    /// The causes; another endpoint is proposed first only where one is known to answer.
    pub fn causes(self, has_alternative: bool) -> Vec<Cause> {
        self.found.into_iter().map(|(id, trouble)| trouble.cause(id, has_alternative)).collect()
    }
}

impl Trouble {
    fn cause(self, id: CauseId, has_alternative: bool) -> Cause {
        let all = |lang: Lang, between: &str, end: &str, space: &str| {
            let mut text = self.places.iter().map(|place| place.get(lang)).collect::<Vec<_>>().join(between) + end;
            for reason in &self.reasons {
                text.push_str(space);
                text.push_str(reason.get(lang));
            }
            text
        };
        let detail = Text::filled(all(Lang::En, "; ", ".", " "), all(Lang::Zh, "；", "。", ""));
        let remedies = match id {
            // Another endpoint would go through the same proxy.
            CauseId::ProxyMismatch if !has_alternative => vec![RemedyId::AllowEgress],
            _ if has_alternative => vec![RemedyId::SetEndpoint, RemedyId::AllowEgress],
            _ => vec![RemedyId::AllowEgress, RemedyId::SetEndpoint],
        };
        Cause { id, severity: self.severity, detail, why: why(id), remedies }
    }
}

fn why(id: CauseId) -> Text {
    match id {
        CauseId::DnsFailure => Text::fixed(
            "Without an address for the endpoint the heartbeat cannot be sent. Private names are known only to Alibaba Cloud's name servers (100.100.2.136, 100.100.2.138).",
            "无法解析服务入口就无法发送心跳。内网域名只有阿里云 DNS（100.100.2.136、100.100.2.138）能解析。",
        ),
        CauseId::DnsWrongAddress => Text::fixed(
            "The name leads to an address that is not the service's: a stale line of the hosts file, or a resolver other than Alibaba Cloud's.",
            "域名被解析到不属于日志服务的地址：hosts 文件中的旧记录，或使用了非阿里云的 DNS。",
        ),
        CauseId::ConnectRefused => Text::fixed(
            "A firewall rejects the traffic, or the address is not the service's. Outbound TCP 80 and 443 must be open.",
            "防火墙拒绝了流量，或该地址不属于日志服务。出方向 TCP 80 和 443 必须放行。",
        ),
        CauseId::ConnectTimeout => Text::fixed(
            "A firewall or security group drops the traffic, or a private endpoint is used from outside its region. Outbound TCP 80 and 443 must be open.",
            "防火墙或安全组丢弃了流量，或在地域之外使用了内网服务入口。出方向 TCP 80 和 443 必须放行。",
        ),
        CauseId::TlsFailure => Text::fixed(
            "The agent fetches its keys over https; without TLS it cannot authenticate.",
            "Agent 通过 https 获取密钥；TLS 失败则无法完成认证。",
        ),
        CauseId::ProxyMismatch => Text::fixed(
            "The agent uses the proxies of its own process, for http and for https, and not those of a login shell.",
            "Agent 使用自身进程的代理设置（http 与 https 均需覆盖），而不是登录 shell 中的代理。",
        ),
        _ => Text::fixed(
            "A proxy, a captive portal or another server answers in the service's place.",
            "代理、认证门户或其他服务器代替日志服务作出了应答。",
        ),
    }
}
