//! Reasons on this host itself why a connection is blocked: its firewall, a full connection table, a missing route.
//! They are looked at only when something is blocked, and what may not be looked at is not accused.

use super::firewall::{self, Packet, Stopped};
use crate::core::finding::{Evidence, Mark};
use crate::core::observe::{
    CommandSeen, FileSeen, Observations, Observed, ReadCommand, Together, Unanswered, Unavailable,
};
use crate::core::text::Text;
use crate::say;
use std::net::Ipv4Addr;

const TRACKED: &str = "/proc/sys/net/netfilter/nf_conntrack_count";
const TRACKABLE: &str = "/proc/sys/net/netfilter/nf_conntrack_max";
const ROUTES: &str = "/proc/net/route";

/// What was found: rows, and a sentence for each reason that holds.
#[derive(Debug, Default)]
pub struct Reasons {
    pub rows: Vec<Evidence>,
    pub sentences: Vec<Text>,
}

/// Looks for reasons why these packets do not get through.
///
/// # Errors
/// Something has not been looked at yet.
pub fn reasons(see: &Observations, blocked: &[Packet]) -> Result<Reasons, Unanswered> {
    let (nft, iptables) = (see.look(&ReadCommand::NftRules), see.look(&ReadCommand::IptablesRules));
    let (tracked, trackable, routes) = (see.file(TRACKED), see.file(TRACKABLE), see.file(ROUTES));
    let (nft, iptables, tracked, trackable, routes) = (nft, iptables, tracked, trackable, routes).together()?;
    let mut found = Reasons::default();
    let by_nft = found.firewall(&ReadCommand::NftRules, nft, blocked, firewall::nft);
    // On most hosts both commands print the same rules.
    if !by_nft {
        found.firewall(&ReadCommand::IptablesRules, iptables, blocked, firewall::iptables);
    }
    found.tracking(number(tracked), number(trackable));
    if let Ok(routes) = routes {
        found.routes(&routes.text(), blocked);
    }
    Ok(found)
}

impl Reasons {
    /// Names the first rule that stops a packet; whether there is one.
    fn firewall(
        &mut self,
        look: &ReadCommand,
        said: &Observed<CommandSeen>,
        blocked: &[Packet],
        reader: fn(&str, Packet) -> Option<Stopped>,
    ) -> bool {
        let label = Text::fixed("Local firewall", "本机防火墙");
        let printed = match said {
            Ok(said) if said.code == Some(0) => &said.out,
            Err(Unavailable::Absent) => return false,
            Ok(_) | Err(_) => {
                let value = Text::fixed("not allowed to look; run as root", "无权查看；请以 root 运行");
                self.rows.push(Evidence::new(label, value, look.line()).marked(Mark::Unknown));
                return false;
            }
        };
        let Some((packet, stopped)) = blocked.iter().find_map(|packet| Some((packet, reader(printed, *packet)?)))
        else {
            let value = Text::fixed("no rule stops it", "没有规则阻止该连接");
            self.rows.push(Evidence::new(label, value, look.line()));
            return false;
        };
        let Stopped { line, is_certain } = stopped;
        let (to, port) = (packet.to, packet.port);
        let mark = if is_certain { Mark::Bad } else { Mark::Doubtful };
        self.rows.push(Evidence::new(label, Text::same(line.clone()), look.line()).marked(mark));
        self.sentences.push(if is_certain {
            say!("This host's own firewall stops {to}:{port}: {line}.", "本机防火墙阻止了 {to}:{port}：{line}。")
        } else {
            say!(
                "A rule of this host's own firewall may stop {to}:{port}: {line}.",
                "本机防火墙的一条规则可能阻止了 {to}:{port}：{line}。"
            )
        });
        true
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

    fn routes(&mut self, table: &str, blocked: &[Packet]) {
        for packet in blocked {
            let to = packet.to;
            let label = say!("Route to {to}", "到 {to} 的路由");
            let (value, mark, sentence) = match route(table, to) {
                Some(interface) if interface == "*" => (
                    Text::fixed("rejected by a route", "被路由规则拒绝"),
                    Mark::Bad,
                    Some(say!("A route of this host rejects {to}.", "本机的一条路由拒绝访问 {to}。")),
                ),
                Some(interface) => (Text::same(interface), Mark::Note, None),
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

/// The interface of the longest prefix that holds the address, `*` for a route that rejects; None without any route.
/// The table is that of `/proc/net/route`: interface, destination, gateway, flags, three counts, mask; in hex.
pub(in crate::core::checks) fn route(table: &str, to: Ipv4Addr) -> Option<String> {
    let fitting = table.lines().skip(1).filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let interface = words.next()?;
        let mut hex = |at: usize| u32::from_str_radix(words.nth(at)?, 16).ok();
        let (destination, flags, mask) = (hex(0)?, hex(1)?, hex(3)?);
        // The kernel prints addresses as they lie in memory.
        let to = u32::from_ne_bytes(to.octets());
        let is_up = flags & 1 == 1;
        let is_rejecting = interface == "*" || flags & 0x200 != 0;
        let name = if is_rejecting { "*" } else { interface };
        (is_up && to & mask == destination).then(|| (mask.count_ones(), name.to_string()))
    });
    fitting.max_by_key(|(bits, _)| *bits).map(|(_, name)| name)
}

fn number(file: &Observed<FileSeen>) -> Option<u64> {
    file.as_ref().ok()?.text().trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::observe::{Answer, Question};
    use crate::core::text::Lang;
    use proptest::prelude::*;

    const TABLE: &str = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\n\
        eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\n\
        eth1\t00006464\t00000000\t0001\t0\t0\t0\t0000FFFF\n\
        *\t00007BCB\t00000000\t0201\t0\t0\t0\t0000FFFF\n";
    const PACKET: Packet = Packet { to: Ipv4Addr::new(203, 0, 113, 7), port: 443 };

    #[test]
    fn the_longest_prefix_decides() {
        let at = |table: &str, text: &str| route(table, text.parse().unwrap());
        assert_eq!(at(TABLE, "203.0.113.7").as_deref(), Some("eth0"));
        assert_eq!(at(TABLE, "100.100.2.7").as_deref(), Some("eth1"));
        assert_eq!(at(TABLE, "203.123.1.1").as_deref(), Some("*"));
        assert_eq!(at("Iface\n", "203.0.113.7"), None);
    }

    fn host(nft: Observed<CommandSeen>, tracked: &str, routes: &str) -> Observations {
        let file = |text: &str| {
            let bytes = text.as_bytes().to_vec();
            Answer::File(Ok(FileSeen { size: 0, bytes, modified: 0, mode: 0o444, uid: 0, gid: 0, link_to: None }))
        };
        Observations::from_iter([
            (Question::ReadCommand(ReadCommand::NftRules), Answer::ReadCommand(nft)),
            (Question::ReadCommand(ReadCommand::IptablesRules), Answer::ReadCommand(Err(Unavailable::Absent))),
            (Question::File(TRACKED.into()), file(tracked)),
            (Question::File(TRACKABLE.into()), file("100\n")),
            (Question::File(ROUTES.into()), file(routes)),
        ])
    }

    fn sentences(see: &Observations) -> Vec<String> {
        let found = reasons(see, &[PACKET]).unwrap();
        found.sentences.iter().map(|text| text.get(Lang::En).to_string()).collect()
    }

    #[test]
    fn each_reason_is_named_and_nothing_is_accused_unseen() {
        let rules =
            "table ip f {\nchain o {\ntype filter hook output priority 0; policy accept;\ntcp dport 443 drop\n}\n}";
        let said = |code, out: &str| Ok(CommandSeen { code: Some(code), out: out.into(), err: String::new() });
        assert!(sentences(&host(said(0, rules), "3", TABLE))[0].contains("tcp dport 443 drop"));
        assert!(sentences(&host(said(0, ""), "100", TABLE))[0].contains("full"));
        assert!(sentences(&host(said(0, ""), "3", "Iface\n"))[0].contains("no route"));
        let see = host(said(1, "Operation not permitted (you must be root)"), "3", TABLE);
        assert!(sentences(&see).is_empty());
        assert!(reasons(&see, &[PACKET]).unwrap().rows.iter().any(|row| row.mark == Mark::Unknown));
    }

    proptest! {
        #[test]
        fn no_table_breaks_the_reader(table in "(\\PC|\\n|\\t){0,80}", to in any::<u32>()) {
            route(&table, Ipv4Addr::from_bits(to));
        }
    }
}
