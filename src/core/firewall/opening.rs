//! How a connection is let through: by the program that manages the rule that stops it, with rules of our own that can be
//! told from all others. Each way is tried on the model first; one that would not let the packet through is not proposed.

use super::survey::{Judgement, Stopped};
use super::{
    Blocked, Condition, Dialect, Direction, Field, Outcome, Packet, Point, Protocol, Rule, Ruleset, Verdict, follow,
};

/// The word by which rules of this program are known.
pub const MARK: &str = "logtail-doctor";

/// Who manages the rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manager {
    Ufw,
    /// With the policy that the rule belongs to.
    Firewalld {
        policy: String,
    },
    /// The tables themselves.
    Nobody,
}

/// One opening: commands, each undone by its opposite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    pub manager: Manager,
    pub commands: Vec<Vec<String>>,
    /// The lines that a file of rules needs to hold the opening over a reload: for nft a command, for iptables a line of
    /// its save format, with the table that it belongs to. Empty where the manager keeps it.
    pub lines: Vec<String>,
    pub by: Blocked,
}

/// What lets everything through that is stopped; None when this program knows no way.
pub fn openings(judgement: &Judgement) -> Option<Vec<Opening>> {
    let mut ruleset = judgement.survey.ruleset.clone();
    let mut out: Vec<Opening> = Vec::new();
    let has_names = judgement.stopped.iter().any(|stopped| stopped.is_name_server);
    for stopped in &judgement.stopped {
        // The same packet may be stopped again further on.
        for _ in 0..8 {
            let mut packets = Packet::of_connection(&stopped.connection).into_iter();
            let found = packets.find_map(|packet| match follow(&ruleset, &packet) {
                Outcome::Drops(by) => Some((packet.direction, by)),
                _ => None,
            });
            let Some((direction, by)) = found else { break };
            let again = Stopped { direction, by, ..stopped.clone() };
            let opening = opening(&again, has_names, &mut ruleset)?;
            if !out.contains(&opening) {
                out.push(opening);
            }
        }
        let is_open = |packet: Packet| !matches!(follow(&ruleset, &packet), Outcome::Drops(_));
        if !Packet::of_connection(&stopped.connection).into_iter().all(is_open) {
            return None;
        }
    }
    (!out.is_empty()).then_some(out)
}

/// Who manages a rule.
pub fn manager(ruleset: &Ruleset, by: &Blocked) -> Manager {
    let Some(table) = ruleset.tables.get(by.at) else { return Manager::Nobody };
    if table.dialect == Dialect::Nft && table.name == "firewalld" {
        let policy = by.chain.strip_prefix("filter_OUT_policy_").unwrap_or_default();
        let ends = ["_pre", "_log", "_deny", "_allow", "_post"];
        let policy = ends.iter().find_map(|end| policy.strip_suffix(end)).unwrap_or(policy);
        if !policy.is_empty() {
            return Manager::Firewalld { policy: policy.to_string() };
        }
    }
    let is_ufws = by.chain.starts_with("ufw-") || by.rule == "policy drop";
    if table.dialect != Dialect::Nft
        && table.name == "filter"
        && by.point == Point::Output
        && is_ufws
        && table.chains.contains_key("ufw-user-output")
    {
        return Manager::Ufw;
    }
    Manager::Nobody
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_string).collect()
}

/// The ports that are opened along with this one: all that the agent needs of one kind.
fn opening(stopped: &Stopped, has_names: bool, ruleset: &mut Ruleset) -> Option<Opening> {
    let (by, connection) = (&stopped.by, &stopped.connection);
    let manager = manager(ruleset, by);
    let tcp: Vec<u16> = match (connection.port, has_names) {
        (80 | 443, false) => vec![80, 443],
        (53 | 80 | 443, true) => vec![53, 80, 443],
        (port, _) => vec![port],
    };
    let is_udp = connection.protocol == Protocol::Udp;
    let ports = if is_udp { vec![connection.port] } else { tcp };
    let name = if is_udp { "udp" } else { "tcp" };
    let joined = |between: &str| ports.iter().map(u16::to_string).collect::<Vec<_>>().join(between);
    // ufw lets a new rule take the place of one that differs in nothing but its action: undo could not bring that back.
    let is_replaced = by.chain == "ufw-user-output"
        && by.rule.contains(&format!("-p {name} "))
        && [format!("--dports {} -j", joined(",")), format!("--dport {} -j", joined(","))]
            .iter()
            .any(|same| by.rule.contains(same));
    if is_replaced && manager == Manager::Ufw {
        return None;
    }
    let (mut commands, mut lines) = (Vec::new(), Vec::new());
    let chain = match &manager {
        Manager::Ufw if stopped.direction == Direction::First => {
            let mut argv = words(&format!("ufw prepend allow out proto {name} to any port {}", joined(",")));
            argv.extend(["comment".to_string(), MARK.to_string()]);
            commands.push(argv);
            "ufw-user-output".to_string()
        }
        Manager::Firewalld { policy } => {
            for port in &ports {
                // A number that nobody else would choose marks the rule: firewalld keeps no comments.
                let rule = format!("rule priority=\"-32153\" port port=\"{port}\" protocol=\"{name}\" accept");
                for permanent in [true, false] {
                    let mut argv = vec!["firewall-cmd".to_string()];
                    argv.extend(permanent.then(|| "--permanent".to_string()));
                    argv.extend([format!("--policy={policy}"), format!("--add-rich-rule={rule}")]);
                    commands.push(argv);
                }
            }
            format!("filter_OUT_policy_{policy}")
        }
        Manager::Ufw | Manager::Nobody => {
            plain(stopped, name, &ports, &mut commands, &mut lines)?;
            by.base.clone()
        }
    };
    let is_answer = stopped.direction == Direction::Answer;
    let number = if is_udp { 17 } else { 6 };
    let port = if is_answer { Field::SourcePort } else { Field::DestinationPort };
    let values = ports.iter().map(|port| Some(super::Value::Number(u32::from(*port), u32::from(*port)))).collect();
    let conditions = vec![Condition::is(Field::Protocol, number), Condition::one(port, values, false)];
    let rule = Rule { line: MARK.to_string(), conditions, effect: None, verdict: Verdict::Accept };
    ruleset.tables.get_mut(by.at)?.chains.get_mut(&chain)?.rules.insert(0, rule);
    Some(Opening { manager, commands, lines, by: by.clone() })
}

/// A rule in front of all others of the chain where the packet enters the table.
fn plain(
    stopped: &Stopped,
    name: &str,
    ports: &[u16],
    commands: &mut Vec<Vec<String>>,
    lines: &mut Vec<String>,
) -> Option<()> {
    let by = &stopped.by;
    let is_answer = stopped.direction == Direction::Answer;
    let is_safe = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    if ![&by.table, &by.base].into_iter().all(|word| is_safe(word) && !word.starts_with('-')) {
        return None;
    }
    let joined = |between: &str| ports.iter().map(u16::to_string).collect::<Vec<_>>().join(between);
    match by.dialect {
        Dialect::Nft if matches!(by.family.as_str(), "ip" | "inet") => {
            let side = if is_answer { "sport" } else { "dport" };
            let list = if ports.len() == 1 { joined("") } else { format!("{{ {} }}", joined(", ")) };
            let state = if is_answer { " ct state established" } else { "" };
            let rule = format!("{name} {side} {list}{state} accept comment \"{MARK}\"");
            let mut argv = words(&format!("nft insert rule {} {} {}", by.family, by.table, by.base));
            lines.push(format!("insert rule {} {} {} {rule}", by.family, by.table, by.base));
            argv.push(rule);
            commands.push(argv);
        }
        Dialect::Nft => return None,
        Dialect::Iptables | Dialect::IptablesLegacy => {
            let side = if is_answer { "--sports" } else { "--dports" };
            let state = if is_answer { " -m conntrack --ctstate ESTABLISHED" } else { "" };
            let rule =
                format!("-p {name} -m multiport {side} {}{state} -m comment --comment {MARK} -j ACCEPT", joined(","));
            let program = if by.dialect == Dialect::Iptables { "iptables" } else { "iptables-legacy" };
            let table = if by.table == "filter" { String::new() } else { format!(" -t {}", by.table) };
            commands.push(words(&format!("{program}{table} -I {} 1 {rule}", by.base)));
            lines.push(format!("-A {} {rule}", by.base));
        }
    }
    Some(())
}
