//! The causes that all probes together amount to, with why they break the heartbeat and what cures them.

use crate::core::finding::{Cause, CauseId, RemedyId, Severity};
use crate::core::text::{Lang, Text};
use std::collections::BTreeMap;

/// The troubles of all probes, by cause.
#[derive(Default)]
pub struct NetworkProblems {
    found: BTreeMap<CauseId, Problem>,
}

/// What decides which remedies can cure a cause here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Offer {
    /// Another endpoint of the service is known to answer.
    pub has_alternative: bool,
    /// A line of the hosts file is shown to be wrong.
    pub is_pinned: bool,
    /// Without the agent's proxy the service answers.
    pub is_direct: bool,
    /// The endpoints are none of the public service.
    pub is_private_cloud: bool,
}

struct Problem {
    severity: Severity,
    /// What happened, and the places where it did. A sentence that names its place itself has none beside it.
    events: Vec<(Text, Vec<String>)>,
    /// Whole sentences that explain it. They come first: what stops the traffic matters more than what it stops.
    reasons: Vec<Text>,
    /// Whole sentences on what would work instead.
    ways_out: Vec<Text>,
}

impl NetworkProblems {
    /// Notes what happened at one place; the same at several places is said once.
    pub fn note(&mut self, cause: CauseId, severity: Severity, place: Option<String>, text: Text) {
        let trouble = self.found.entry(cause).or_insert_with(|| Problem::of(severity));
        trouble.severity = trouble.severity.max(severity);
        match trouble.events.iter_mut().find(|(known, _)| *known == text) {
            Some((_, places)) => places.extend(place),
            None => trouble.events.push((text, place.into_iter().collect())),
        }
    }

    /// Adds a sentence to those of these causes that were found.
    pub fn explain(&mut self, causes: &[CauseId], sentence: &Text) {
        for (_, trouble) in self.found.iter_mut().filter(|(id, _)| causes.contains(id)) {
            trouble.reasons.push(sentence.clone());
        }
    }

    /// Adds a sentence on what would work instead to every cause that breaks the heartbeat.
    pub fn advise(&mut self, sentence: &Text) {
        for trouble in self.found.values_mut().filter(|trouble| trouble.severity == Severity::Fail) {
            trouble.ways_out.push(sentence.clone());
        }
    }

    /// Whether anything breaks the heartbeat.
    pub fn is_failing(&self) -> bool {
        self.found.values().any(|trouble| trouble.severity == Severity::Fail)
    }

    /// Takes out the first thing that was found out about the worst of them, beyond what happened at which place: who
    /// says it above the causes does not say it in them again.
    pub fn take_first_reason(&mut self) -> Option<Text> {
        let worst = self.found.values().map(|trouble| trouble.severity).max()?;
        let of_worst = self.found.values().filter(|trouble| trouble.severity == worst);
        let first = of_worst.flat_map(|trouble| &trouble.reasons).next().cloned()?;
        for trouble in self.found.values_mut() {
            trouble.reasons.retain(|reason| *reason != first);
        }
        Some(first)
    }

    /// The causes; another endpoint is proposed first only where one is known to answer.
    pub fn causes(self, offer: Offer) -> Vec<Cause> {
        self.found.into_iter().map(|(id, trouble)| trouble.cause(id, offer)).collect()
    }
}

impl Problem {
    fn of(severity: Severity) -> Problem {
        Problem { severity, events: Vec::new(), reasons: Vec::new(), ways_out: Vec::new() }
    }

    fn cause(self, id: CauseId, offer: Offer) -> Cause {
        let event = |(text, places): &(Text, Vec<String>), lang: Lang| match lang {
            _ if places.is_empty() => text.get(lang).to_string(),
            Lang::En => format!("{}: {}", places.join(", "), text.get(lang)),
            Lang::Zh => format!("{}：{}", places.join("、"), text.get(lang)),
        };
        let all = |lang: Lang, between: &str, end: &str, space: &str| {
            let events = self.events.iter().map(|told| event(told, lang)).collect::<Vec<_>>().join(between) + end;
            let reasons = self.reasons.iter().map(|text| text.get(lang));
            let ways_out = self.ways_out.iter().map(|text| text.get(lang));
            reasons.chain([events.as_str()]).chain(ways_out).collect::<Vec<_>>().join(space)
        };
        let detail = Text::filled(all(Lang::En, "; ", ".", " "), all(Lang::Zh, "；", "。", ""));
        let remedies = match id {
            CauseId::LocalFirewall => vec![RemedyId::AllowEgress],
            CauseId::NoNetwork | CauseId::RouteCaptured | CauseId::PathMtu => Vec::new(),
            CauseId::NameServerMissing | CauseId::NameServerDown | CauseId::NameServerSlow => {
                vec![RemedyId::SetNameServer]
            }
            CauseId::DnsWrongAddress if offer.is_pinned => vec![RemedyId::UnpinHost],
            CauseId::ProxyMismatch if offer.is_direct => vec![RemedyId::RemoveProxy],
            // Another endpoint would go through the same proxy, and a private cloud has no other.
            CauseId::ProxyMismatch if !offer.has_alternative => vec![RemedyId::AllowEgress],
            _ if offer.is_private_cloud => vec![RemedyId::AllowEgress],
            _ if offer.has_alternative => vec![RemedyId::SetEndpoint, RemedyId::AllowEgress],
            _ => vec![RemedyId::AllowEgress, RemedyId::SetEndpoint],
        };
        Cause::new(id, self.severity, detail, why(id), &remedies)
    }
}

fn why(id: CauseId) -> Text {
    match id {
        CauseId::LocalFirewall => Text::fixed(
            "Packets that this host's own firewall drops never leave it; no security group can let them through.",
            "被本机防火墙丢弃的数据包不会离开本机，修改安全组无济于事。",
        ),
        CauseId::NoNetwork => Text::fixed(
            "Without an IPv4 address and a route nothing can be sent.",
            "没有 IPv4 地址或路由就无法发送任何数据。",
        ),
        CauseId::RouteCaptured => Text::fixed(
            "The kernel takes the most exact route: these packets go into a local container network and never leave this host. Give the container network another prefix; private endpoints and Alibaba Cloud's name servers are in 100.64.0.0/10.",
            "内核选择最精确的路由：这些数据包进入了本机的容器网络，不会离开本机。请为容器网络更换网段；内网服务入口和阿里云 DNS 位于 100.64.0.0/10。",
        ),
        CauseId::NameServerMissing => Text::fixed(
            "Without a name server no endpoint has an address. In Alibaba Cloud they are 100.100.2.136 and 100.100.2.138.",
            "没有 DNS 服务器就无法解析服务入口。阿里云内的 DNS 是 100.100.2.136 和 100.100.2.138。",
        ),
        CauseId::NameServerDown => Text::fixed(
            "Without an address for the endpoint the heartbeat cannot be sent. In Alibaba Cloud the name servers are 100.100.2.136 and 100.100.2.138.",
            "无法解析服务入口就无法发送心跳。阿里云内的 DNS 是 100.100.2.136 和 100.100.2.138。",
        ),
        CauseId::NameServerSlow => Text::fixed(
            "The agent asks for names again and again; answers as slow as this delay heartbeats, and some will be lost.",
            "Agent 会反复解析域名，如此缓慢的应答会推迟心跳，部分心跳可能丢失。",
        ),
        CauseId::PathMtu => Text::fixed(
            "Large packets are lost on the way and nobody says so; TLS needs them, and so do data.",
            "途中丢失了大的数据包且没有任何通知；TLS 握手和数据传输都需要大包。",
        ),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_comes_first_and_what_happened_at_several_places_is_said_once() {
        let mut troubles = NetworkProblems::default();
        let silent = || Text::fixed("no answer", "无应答");
        for place in ["a:80", "b:443"] {
            troubles.note(CauseId::ConnectTimeout, Severity::Fail, Some(place.into()), silent());
        }
        troubles.note(CauseId::ConnectTimeout, Severity::Warn, Some("c:80".into()), Text::fixed("slow", "缓慢"));
        troubles.explain(&[CauseId::ConnectTimeout], &Text::fixed("A rule drops it.", "规则丢弃了流量。"));
        troubles.advise(&Text::fixed("d answers.", "d 有应答。"));
        let causes = troubles.causes(Offer::default());
        assert_eq!(causes.len(), 1);
        assert_eq!(causes[0].severity, Severity::Fail);
        let detail = &causes[0].detail;
        assert_eq!(detail.get(Lang::En), "A rule drops it. a:80, b:443: no answer; c:80: slow. d answers.");
        assert_eq!(detail.get(Lang::Zh), "规则丢弃了流量。a:80、b:443：无应答；c:80：缓慢。d 有应答。");
    }

    #[test]
    fn a_reason_that_was_taken_is_in_no_cause_again() {
        let mut troubles = NetworkProblems::default();
        let blocked = [CauseId::ConnectRefused, CauseId::ConnectTimeout];
        for (id, severity) in blocked.into_iter().zip([Severity::Warn, Severity::Fail]) {
            troubles.note(id, severity, Some("a:80".into()), Text::fixed("no answer", "无应答"));
        }
        for sentence in [Text::fixed("A rule drops it.", "规则丢弃了流量。"), Text::fixed("No route.", "没有路由。")]
        {
            troubles.explain(&blocked, &sentence);
        }
        assert_eq!(troubles.take_first_reason(), Some(Text::fixed("A rule drops it.", "规则丢弃了流量。")));
        for cause in troubles.causes(Offer::default()) {
            assert_eq!(cause.detail.get(Lang::En), "No route. a:80: no answer.");
        }
    }
}
