//! Reasons on this host itself why a connection is blocked: its firewall, a full connection table, its routes. They are
//! looked at only when something fails, and what may not be looked at is not accused.

use crate::core::agent::ip_rules::is_virtual;
use crate::core::agent::reach::Wanted;
use crate::core::agent::routes::{ROUTES, Route, route};
use crate::core::finding::{CauseId, Evidence, Mark};
use crate::core::firewall::opening::manager;
use crate::core::firewall::survey::{Judgement, of_targets};
use crate::core::observe::{FileSeen, InterfaceSeen, Observations, Observed, Target, Together, Unanswered};
use crate::core::text::Text;
use crate::say;
use std::net::{IpAddr, Ipv4Addr};

const TRACKED: &str = "/proc/sys/net/netfilter/nf_conntrack_count";
const TRACKABLE: &str = "/proc/sys/net/netfilter/nf_conntrack_max";

/// Bridges of container programs, beside those that never carry a machine group's address.
const BRIDGES: [&str; 8] = ["podman", "lxdbr", "incusbr", "cilium", "weave", "antrea", "kata", "nerdctl"];

/// What was found: rows, and a sentence for each reason that holds.
#[derive(Debug, Default)]
pub struct Reasons {
    pub rows: Vec<Evidence>,
    pub sentences: Vec<Text>,
    judgement: Judgement,
    routes: Option<String>,
    interfaces: Option<Vec<InterfaceSeen>>,
}

/// Looks for reasons why these targets fail.
///
/// # Errors
/// Something has not been looked at yet.
pub fn reasons(see: &Observations, wanted: &[Wanted], peers: &[Ipv4Addr]) -> Result<Reasons, Unanswered> {
    let (tracked, trackable, routes) = (see.file(TRACKED), see.file(TRACKABLE), see.file(ROUTES));
    let (judgement, interfaces) = (of_targets(see, wanted), see.interfaces());
    let (tracked, trackable, routes, judgement) = (tracked, trackable, routes, judgement).together()?;
    let interfaces = interfaces?.as_ref().ok().cloned();
    let routes = routes.as_ref().ok().map(|routes| routes.text().into_owned());
    let mut found = Reasons { judgement, routes, interfaces, ..Reasons::default() };
    found.firewall();
    found.tracking(number(tracked), number(trackable));
    found.routes(peers);
    Ok(found)
}

impl Reasons {
    /// The cause on this host itself that explains why a target fails, with its sentence. `servers` are the name servers.
    /// A name that has no address is explained by what stops the questions for it, and by no rule for the connection that
    /// never came to be.
    pub fn cause(
        &self,
        target: &Target,
        is_nameless: bool,
        peer: Option<Ipv4Addr>,
        servers: &[IpAddr],
    ) -> Option<(CauseId, Text)> {
        if let Some(text) = self.no_network() {
            return Some((CauseId::NoNetwork, text));
        }
        let stopped = if is_nameless { self.judgement.of_name(target) } else { self.judgement.of(target) };
        if let Some(stopped) = stopped {
            let manager = manager(&self.judgement.survey.ruleset, &stopped.by);
            return Some((CauseId::LocalFirewall, Judgement::sentence(stopped, &manager)));
        }
        let mut peers: Vec<Ipv4Addr> = peer.into_iter().collect();
        if peer.is_none() {
            let all = servers.iter().filter_map(|ip| match ip {
                IpAddr::V4(ip) => Some(*ip),
                IpAddr::V6(_) => None,
            });
            peers.extend(all);
        }
        let captured: Vec<_> = peers.iter().filter_map(|ip| Some((*ip, self.captured(*ip)?))).collect();
        // One name server that can be asked is enough.
        let (ip, Route { interface, prefix, bits, .. }) =
            captured.first().filter(|_| captured.len() == peers.len()).cloned()?;
        Some((
            CauseId::RouteCaptured,
            say!(
                "The route to {ip} leads into the local network {prefix}/{bits} of {interface}, and not to the service.",
                "到 {ip} 的路由指向本机网络 {interface}（{prefix}/{bits}），而不是日志服务。"
            ),
        ))
    }

    /// The route to an address, if it leads into a network of this host's own containers.
    fn captured(&self, ip: Ipv4Addr) -> Option<Route> {
        let route = route(self.routes.as_deref()?, ip)?;
        let is_bridge = is_virtual(&route.interface) || BRIDGES.iter().any(|name| route.interface.starts_with(name));
        (is_bridge && route.bits > 0 && route.gateway.is_none()).then_some(route)
    }

    /// That this host has no address, or no route to anywhere else.
    fn no_network(&self) -> Option<Text> {
        if let Some(interfaces) = &self.interfaces {
            let all = interfaces.iter().flat_map(|one| one.ipv4.iter().map(move |ip| (one, ip)));
            if !all.into_iter().any(|(one, ip)| one.up && !ip.is_loopback()) {
                return Some(Text::fixed(
                    "No network interface that is up has an IPv4 address; `ip address` shows them.",
                    "没有任何已启用的网卡具有 IPv4 地址；可用 `ip address` 查看。",
                ));
            }
        }
        let routes = self.routes.as_deref()?;
        let is_any = routes.lines().skip(1).any(|line| !line.trim().is_empty());
        (!is_any).then(|| {
            Text::fixed(
                "This host has no route to any other host; `ip route` shows them, `ip route add default via GATEWAY` adds one.",
                "本机没有任何路由；可用 `ip route` 查看，用 `ip route add default via 网关` 添加。",
            )
        })
    }

    /// What the rules of this host's own firewall do.
    fn firewall(&mut self) {
        let label = || Text::fixed("Local firewall", "本机防火墙");
        let Judgement { survey, stopped, doubts } = &self.judgement;
        let mut rows: Vec<Evidence> = Vec::new();
        for stopped in stopped {
            let manager = manager(&survey.ruleset, &stopped.by);
            let sentence = Judgement::sentence(stopped, &manager);
            let row = Evidence::new(label(), sentence, "netfilter").marked(Mark::Bad);
            if !rows.contains(&row) {
                rows.push(row);
            }
        }
        for rule in doubts {
            let value = say!("could not follow this rule: {rule}", "无法判断这条规则的作用：{rule}");
            rows.push(Evidence::new(label(), value, "netfilter").marked(Mark::Unknown));
        }
        for gap in &survey.gaps {
            let (en, zh) = gap.both();
            let value = Text::filled(format!("could not read: {en}"), format!("无法读取：{zh}"));
            rows.push(Evidence::new(label(), value, "netfilter").marked(Mark::Unknown));
        }
        if rows.is_empty() && !survey.is_absent {
            let value = Text::fixed("no rule drops it", "没有规则丢弃该流量");
            rows.push(Evidence::new(label(), value, "nft, iptables-save"));
        }
        self.rows.extend(rows);
    }

    fn tracking(&mut self, tracked: Option<u64>, trackable: Option<u64>) {
        let (Some(tracked), Some(trackable)) = (tracked, trackable) else { return };
        let is_full = trackable > 0 && tracked >= trackable;
        let label = Text::fixed("Tracked connections", "连接跟踪表");
        let value = say!("{tracked} of {trackable}", "{tracked} / {trackable}");
        let mark = if is_full { Mark::Bad } else { Mark::Note };
        self.rows.push(Evidence::new(label, value, TRACKED).marked(mark));
        if is_full {
            self.sentences.push(say!(
                "The kernel's table of connections is full ({tracked} of {trackable}), so new ones are dropped.",
                "内核连接跟踪表已满（{tracked} / {trackable}），新连接会被丢弃。"
            ));
        }
    }

    fn routes(&mut self, peers: &[Ipv4Addr]) {
        let Some(table) = self.routes.clone() else { return };
        for to in peers {
            let label = say!("Route to {to}", "到 {to} 的路由");
            let (value, mark, sentence) = match route(&table, *to) {
                Some(route) if route.rejects => (
                    Text::fixed("rejected by a route", "被路由规则拒绝"),
                    Mark::Bad,
                    Some(say!("A route of this host rejects {to}.", "本机的一条路由拒绝访问 {to}。")),
                ),
                Some(Route { interface, prefix, bits, .. }) => {
                    let mark = if self.captured(*to).is_some() { Mark::Bad } else { Mark::Note };
                    (say!("{interface} ({prefix}/{bits})", "{interface}（{prefix}/{bits}）"), mark, None)
                }
                None => (
                    Text::fixed("none", "无"),
                    Mark::Bad,
                    Some(say!(
                        "This host has no route to {to}, nor a default route.",
                        "本机没有到 {to} 的路由，也没有默认路由。"
                    )),
                ),
            };
            let is_known = self.rows.iter().any(|row| row.label == label);
            if !is_known {
                self.rows.push(Evidence::new(label, value, ROUTES).marked(mark));
                self.sentences.extend(sentence);
            }
        }
    }
}

fn number(file: &Observed<FileSeen>) -> Option<u64> {
    file.as_ref().ok()?.text().trim().parse().ok()
}
