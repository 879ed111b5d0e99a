//! What the rules of this host's own firewall do with the packets that the agent needs: one answer for the network step
//! and for its remedies, so that what the step blames is what the remedy answers.

use super::{Blocked, Dialect, Direction, Outcome, Packet, Protocol, Ruleset, Table, follow, iptables, nft};
use crate::core::agent::reach::Wanted;
use crate::core::agent::routes::{RESOLV, ROUTES, nameservers, route};
use crate::core::observe::{
    CommandSeen, ConnectError, InterfaceSeen, Observations, Observed, ReachSeen, ReadCommand, Target, Unanswered,
    Unavailable,
};
use crate::core::text::Text;
use crate::say;
use std::net::{IpAddr, Ipv4Addr};

/// The tables that the kernel keeps for `iptables-legacy`, whether its program is there or not.
const LEGACY: &str = "/proc/net/ip_tables_names";
/// What a command prints is kept up to here; longer texts may be cut off.
const PRINTED: usize = 64 << 10;

/// The rules, and what of them could not be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    pub ruleset: Ruleset,
    /// Sentences without their point.
    pub gaps: Vec<Text>,
    /// Whether there is no program that shows rules, and no sign of any.
    pub is_absent: bool,
}

/// A connection that this host's own firewall stops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// Its first packet.
    pub connection: Packet,
    /// Which packet of it is stopped.
    pub direction: Direction,
    pub by: Blocked,
    /// Whether it is a question to a name server.
    pub is_name_server: bool,
    /// The targets that fail by it.
    pub targets: Vec<Target>,
}

/// What was found out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judgement {
    pub survey: Survey,
    pub stopped: Vec<Stopped>,
    /// Rules that were not understood, on the way of a packet that none is known to stop.
    pub doubts: Vec<String>,
}

impl Judgement {
    /// The sentence that names what stops a connection.
    pub fn sentence(stopped: &Stopped, manager: &super::opening::Manager) -> Text {
        use super::opening::Manager;
        let Stopped { connection, by, .. } = stopped;
        let (rule, chain, port) = (&by.rule, &by.chain, connection.port);
        let table = match by.dialect {
            Dialect::Nft => format!("nft {} {}", by.family, by.table),
            Dialect::Iptables => format!("iptables {}", by.table),
            Dialect::IptablesLegacy => format!("iptables-legacy {}", by.table),
        };
        let place = match connection.peer {
            Some(ip) => format!("{ip}:{port}"),
            None => format!("*:{port}"),
        };
        let protocol = if connection.protocol == Protocol::Udp { "UDP" } else { "TCP" };
        let (what_en, what_zh) = match (stopped.is_name_server, stopped.direction) {
            (true, Direction::Answer) => ("answers of name server ", "DNS 服务器的应答："),
            (true, _) => ("questions to name server ", "对 DNS 服务器的查询："),
            (false, Direction::Answer) => ("answers from ", "应答："),
            (false, _) => ("", ""),
        };
        let by_whom = match manager {
            Manager::Ufw => " (ufw)".to_string(),
            Manager::Firewalld { policy } => format!(" (firewalld, policy {policy})"),
            Manager::Nobody => String::new(),
        };
        Text::filled(
            format!(
                "This host's own firewall stops {what_en}{place} ({protocol}): {rule}, in chain {chain} of {table}{by_whom}."
            ),
            format!("本机防火墙阻止了{what_zh}{place}（{protocol}）：{table} 的链 {chain} 中的 {rule}{by_whom}。"),
        )
    }

    /// What stops a target.
    pub fn of(&self, target: &Target) -> Option<&Stopped> {
        self.stopped.iter().find(|stopped| stopped.targets.contains(target))
    }

    /// What stops the questions for a target's name.
    pub fn of_name(&self, target: &Target) -> Option<&Stopped> {
        self.stopped.iter().find(|stopped| stopped.is_name_server && stopped.targets.contains(target))
    }

    /// Whether every rule could be read and followed.
    pub fn is_complete(&self) -> bool {
        self.doubts.is_empty() && self.survey.gaps.is_empty()
    }
}

impl Survey {
    /// Reads all rules.
    ///
    /// # Errors
    /// Something has not been looked at yet.
    pub fn read(see: &Observations) -> Result<Survey, Unanswered> {
        let looked = [ReadCommand::NftRules, ReadCommand::IptablesRules, ReadCommand::IptablesLegacyRules];
        let [new, plain, legacy] = looked.each_ref().map(|look| see.look(look));
        let names = see.file(LEGACY);
        let (new, plain, legacy, names) = (new?, plain?, legacy?, names?);
        let mut survey = Survey::default();
        let by_nft = survey.printed(&looked[0], new, nft);
        let is_other = plain.as_ref().is_ok_and(|said| said.code == Some(0) && said.out.contains("(nf_tables)"));
        let by_iptables = survey.printed(&looked[1], plain, |text| iptables(text, Dialect::Iptables));
        let has_legacy = names.as_ref().is_ok_and(|file| !file.text().trim().is_empty());
        let by_legacy = match legacy {
            // Where iptables itself is the older one, the second program prints the same once more.
            // It says which one it is only where it has tables.
            _ if by_iptables.as_ref().is_some_and(|tables| !tables.is_empty()) && !is_other => Some(Vec::new()),
            Err(Unavailable::Absent) if !has_legacy => None,
            Err(Unavailable::Absent) => {
                survey.gaps.push(Text::fixed(
                    "the kernel has tables of iptables-legacy, and iptables-legacy-save is not installed",
                    "内核中存在 iptables-legacy 的表，但未安装 iptables-legacy-save",
                ));
                None
            }
            said => survey.printed(&looked[2], said, |text| iptables(text, Dialect::IptablesLegacy)),
        };
        let is_any = |tables: &Option<Vec<Table>>| tables.is_some();
        survey.is_absent = survey.gaps.is_empty() && ![&by_nft, &by_iptables, &by_legacy].into_iter().any(is_any);
        if is_other && by_nft.is_none() && *new == Err(Unavailable::Absent) {
            survey.gaps.push(Text::fixed(
                "nft is not installed, and iptables-save does not show tables that are not its own",
                "未安装 nft，而 iptables-save 不显示其他程序创建的表",
            ));
        }
        let by_iptables = by_iptables.unwrap_or_default();
        // iptables of today keeps its tables in nft, which prints them as well, less exactly.
        let is_twice = |table: &Table| {
            is_other && table.family == "ip" && by_iptables.iter().any(|known| known.name == table.name)
        };
        let mut tables: Vec<Table> = by_nft.unwrap_or_default().into_iter().filter(|table| !is_twice(table)).collect();
        tables.extend(by_iptables);
        tables.extend(by_legacy.unwrap_or_default());
        survey.ruleset = Ruleset { tables };
        Ok(survey)
    }

    /// The tables that a command printed; None when it did not tell.
    fn printed(
        &mut self,
        look: &ReadCommand,
        said: &Observed<CommandSeen>,
        read: impl FnOnce(&str) -> Option<Vec<Table>>,
    ) -> Option<Vec<Table>> {
        let line = look.line();
        match said {
            Err(Unavailable::Absent) => None,
            Ok(said) if said.code == Some(0) => {
                let tables = read(&said.out).filter(|_| said.out.len() < PRINTED);
                if tables.is_none() {
                    self.gaps.push(say!(
                        "what `{line}` prints is longer than this program reads, or breaks off",
                        "`{line}` 的输出超出本程序的读取上限或不完整"
                    ));
                }
                tables
            }
            Err(Unavailable::NotAllowed) => {
                self.gaps.push(say!("`{line}` may not be run; run as root", "无权执行 `{line}`；请以 root 运行"));
                None
            }
            Ok(said) => {
                let all = said.err.lines().last().unwrap_or_default();
                let words: String = all.trim().chars().take(120).collect();
                self.gaps.push(say!(
                    "`{line}` did not tell ({words}); run as root",
                    "`{line}` 未能给出规则（{words}）；请以 root 运行"
                ));
                None
            }
            Err(_) => {
                self.gaps.push(say!("`{line}` did not answer", "`{line}` 没有应答"));
                None
            }
        }
    }

    /// Follows the connections.
    pub fn judge(self, connections: Vec<(Packet, bool, Vec<Target>)>) -> Judgement {
        let mut judgement = Judgement { survey: self, ..Judgement::default() };
        for (connection, is_name_server, targets) in connections {
            for packet in Packet::of_connection(&connection) {
                match follow(&judgement.survey.ruleset, &packet) {
                    Outcome::Passes => continue,
                    Outcome::CouldNotFollow(rule) => {
                        if !judgement.doubts.contains(&rule) {
                            judgement.doubts.push(rule);
                        }
                        continue;
                    }
                    Outcome::Drops(by) => judgement.stopped.push(Stopped {
                        connection,
                        direction: packet.direction,
                        by,
                        is_name_server,
                        targets,
                    }),
                }
                break;
            }
        }
        judgement
    }
}

/// Follows every connection of these targets that did not come to an answer, and the questions for their names.
///
/// # Errors
/// Something has not been looked at yet.
pub fn of_targets(see: &Observations, wanted: &[Wanted]) -> Result<Judgement, Unanswered> {
    let survey = Survey::read(see);
    let (routes, interfaces, resolv) = (see.file(ROUTES), see.interfaces(), see.file(RESOLV));
    let answers: Vec<_> = wanted.iter().map(|wanted| (&wanted.target, see.reach(&wanted.target))).collect();
    let (survey, routes, interfaces, resolv) = (survey?, routes?, interfaces?, resolv?);
    let routes = routes.as_ref().map(|file| file.text().into_owned()).ok();
    let interfaces = interfaces.as_deref().unwrap_or_default();
    let servers = resolv.as_ref().map(|file| nameservers(&file.text())).unwrap_or_default();
    let at = |protocol, peer, port| packet(protocol, peer, port, routes.as_deref(), interfaces);
    let mut connections: Vec<(Packet, bool, Vec<Target>)> = Vec::new();
    let mut nameless = Vec::new();
    for (target, answer) in answers {
        let reach = answer?;
        if matches!(reach.http, Some(Ok(_))) {
            continue;
        }
        if matches!(reach.resolved, None | Some(Err(_))) {
            nameless.push(target.clone());
        }
        let Some(port) = port_of(target) else { continue };
        let first = at(Protocol::Tcp, peer(reach), port);
        match connections.iter_mut().find(|(known, ..)| *known == first) {
            Some((_, _, targets)) => targets.push(target.clone()),
            None => connections.push((first, false, vec![target.clone()])),
        }
    }
    if !nameless.is_empty() {
        for server in servers {
            let IpAddr::V4(server) = server else { continue };
            for protocol in [Protocol::Udp, Protocol::Tcp] {
                connections.push((at(protocol, Some(server), 53), true, nameless.clone()));
            }
        }
    }
    let mut judgement = survey.judge(connections);
    // One name server that may be asked is enough; TCP is only asked for long answers.
    let asked = |stopped: &Stopped| stopped.is_name_server && stopped.connection.protocol == Protocol::Udp;
    let stopped = judgement.stopped.iter().filter(|stopped| asked(stopped)).count();
    let all = resolv.as_ref().map(|file| nameservers(&file.text()).iter().filter(|ip| ip.is_ipv4()).count());
    if all.is_ok_and(|all| stopped < all) || stopped == 0 {
        judgement.stopped.retain(|stopped| !stopped.is_name_server);
    }
    Ok(judgement)
}

/// The first packet of a connection.
fn packet(
    protocol: Protocol,
    peer: Option<Ipv4Addr>,
    port: u16,
    routes: Option<&str>,
    interfaces: &[InterfaceSeen],
) -> Packet {
    let is_local = peer.is_some_and(|ip| ip.is_loopback() || interfaces.iter().any(|one| one.ipv4.contains(&ip)));
    let interface = if is_local {
        Some("lo".to_string())
    } else {
        let to = peer.unwrap_or(Ipv4Addr::UNSPECIFIED);
        routes.and_then(|table| route(table, to)).filter(|route| !route.rejects).map(|route| route.interface)
    };
    let own = interfaces.iter().find(|one| Some(&one.name) == interface.as_ref());
    let own = if is_local { peer } else { own.and_then(|one| one.ipv4.first().copied()) };
    Packet { direction: Direction::First, protocol, peer, port, interface, own }
}

/// The address that a probe went to.
pub fn peer(reach: &ReachSeen) -> Option<Ipv4Addr> {
    let to = match &reach.connected {
        Some(Ok((to, _))) => Some(to),
        Some(Err(
            ConnectError::Refused(to)
            | ConnectError::Silent(to)
            | ConnectError::NoRoute(to)
            | ConnectError::Forbidden(to)
            | ConnectError::Other(to, _),
        )) => Some(to),
        None => reach.resolved.as_ref().and_then(|all| all.as_ref().ok()?.first()),
    };
    match to {
        Some(IpAddr::V4(to)) if !to.is_unspecified() => Some(*to),
        _ => None,
    }
}

/// The port that a probe goes to: the proxy's, where there is one.
fn port_of(target: &Target) -> Option<u16> {
    let Some(proxy) = &target.proxy else { return Some(target.port) };
    let place = proxy.split_once("://").map_or(proxy.as_str(), |(_, place)| place).trim_end_matches('/');
    match place.rsplit_once(':') {
        Some((_, port)) => port.parse().ok(),
        None => Some(80),
    }
}
