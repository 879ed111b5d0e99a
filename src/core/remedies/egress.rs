//! allow-egress: opens outbound TCP 80 and 443. By this program only where a rule of this host's own firewall visibly
//! drops them; a security group, a router or a proxy has to be changed by somebody else, and the plan says what.

use super::common::{Drafted, already};
use super::{ActsOn, Change, Descriptor, Durability, Inputs, Plan, Restart, shell_line};
use crate::core::agent::{endpoint, layout};
use crate::core::context::NetworkType;
use crate::core::finding::{RemedyId, StepId};
use crate::core::observe::{CommandSeen, Observations, Observed, ReadCommand, Together, Unanswered, Unavailable};
use crate::core::text::Text;
use crate::say;
use std::time::Duration;

/// What the rule lets out, as iptables-save shows it.
const IPTABLES_MATCH: &str = "-p tcp -m multiport --dports 80,443 -j ACCEPT";
/// The same for nft.
const NFT_MATCH: &str = "tcp dport { 80, 443 } accept";

/// What is known of it without a host.
pub static REMEDY: Descriptor = Descriptor {
    id: RemedyId::AllowEgress,
    step: StepId::Network,
    title: Text::fixed("Allow outbound traffic to SLS", "放行到日志服务的出方向流量"),
    inputs: &[],
    acts_on: ActsOn::ThisHost,
    restart: Restart::AsPlanned,
    can_be_forced: false,
    loses: None,
    durability: Durability::UntilReload,
    plan,
};

/// Plans the rule, or the manual steps.
fn plan(inputs: &Inputs, see: &Observations) -> Drafted<Plan> {
    let (iptables, nft) = (see.look(&ReadCommand::IptablesRules), see.look(&ReadCommand::NftRules));
    let hosts = hosts(inputs, see)?;
    let text = |looked: &Observed<CommandSeen>| {
        looked.as_ref().ok().filter(|said| said.code == Some(0)).map(|said| said.out.clone()).unwrap_or_default()
    };
    let (iptables, nft) = (iptables, nft).together()?;
    let unseen = unseen(&[iptables, nft]);
    let (iptables, nft) = (text(iptables), text(nft));
    let why = say!(
        "The agent needs outbound TCP 80 and 443 to {hosts}.",
        "Agent 需要访问 {hosts} 的 TCP 80 和 443 端口（出方向）。"
    );
    let mut plan = Plan::new(RemedyId::AllowEgress, StepId::Network, why);
    plan.manual.push(say!(
        "Security group of this ECS instance, network ACL, and any firewall on the way: allow outbound TCP 80 and 443 to {hosts}.",
        "请在 ECS 安全组、网络 ACL 以及途经的防火墙中放行到 {hosts} 的出方向 TCP 80 和 443。"
    ));
    plan.patience = Duration::from_secs(30);
    let Some(rule) = iptables_rule(&iptables).or_else(|| nft_rule(&nft)) else {
        if is_let_out(&iptables, &nft) {
            return Err(already(say!(
                "This host's own firewall lets TCP 80 and 443 out already. If {hosts} cannot be reached, look at the security group of this ECS instance, the network ACL, and any firewall on the way.",
                "本机防火墙已放行出方向 TCP 80 和 443。如果仍无法访问 {hosts}，请检查 ECS 安全组、网络 ACL 以及途经的防火墙。"
            )));
        }
        plan.manual.push(unseen);
        return Ok(plan);
    };
    let found = &rule.found;
    plan.why = say!(
        "This host's own firewall drops outbound traffic ({found}); the agent needs TCP 80 and 443 to {hosts}.",
        "本机防火墙丢弃了出方向流量（{found}）；Agent 需要访问 {hosts} 的 TCP 80 和 443 端口。"
    );
    plan.changes.push(Change::Run {
        argv: rule.allow,
        limit: Duration::from_secs(20),
        accept: vec![0],
        what: Text::fixed("allow outbound TCP 80 and 443", "放行出方向 TCP 80 和 443"),
        proxies: false,
    });
    let back = &rule.back;
    plan.cautions.push(say!(
        "The rule opens both ports to every destination, since endpoints change their addresses. It lasts until the firewall is reloaded; add it to this host's rules to keep it. To take it back: {back}",
        "由于服务入口的 IP 会变化，该规则对所有目的地址放行这两个端口。防火墙重新加载后失效；如需保留请写入防火墙配置。撤销命令：{back}"
    ));
    Ok(plan)
}

/// What is to be said of this host's own firewall where no rule of it was seen to drop the traffic.
fn unseen(looked: &[&Observed<CommandSeen>]) -> Text {
    if looked.iter().any(|said| said.as_ref().is_ok_and(|said| said.code == Some(0))) {
        return Text::fixed(
            "No rule of this host's own firewall drops this traffic, as far as its rules can be read.",
            "在可读取的范围内，本机防火墙没有丢弃该流量的规则。",
        );
    }
    if looked.iter().all(|said| **said == Err(Unavailable::Absent)) {
        return Text::fixed(
            "This host has neither nft nor iptables, so it most likely has no firewall rules of its own.",
            "本机没有 nft 和 iptables 命令，很可能没有自己的防火墙规则。",
        );
    }
    Text::fixed(
        "The rules of this host's own firewall could not be read; as root, `nft list ruleset` and `iptables-save` show them.",
        "无法读取本机防火墙的规则；以 root 执行 `nft list ruleset` 和 `iptables-save` 可以查看。",
    )
}

/// Whether the rule that this remedy adds is there.
fn is_let_out(iptables: &str, nft: &str) -> bool {
    iptables.lines().any(|line| line.strip_prefix("-A OUTPUT ") == Some(IPTABLES_MATCH))
        || nft.lines().any(|line| line.trim() == NFT_MATCH)
}

/// The hosts that must be reachable, for sentences.
fn hosts(inputs: &Inputs, see: &Observations) -> Result<String, Unanswered> {
    let mut hosts = Vec::new();
    if let Some(agent) = layout::find(see)?.first()
        && let Ok(config) = layout::read_config(see, agent)?
    {
        let version = agent.version.as_ref();
        hosts.extend(config.config_addresses(version).iter().map(|address| endpoint::host_of(address)));
        hosts.extend(
            config.data_endpoints(version).iter().map(|server| format!("*.{}", endpoint::host_of(&server.endpoint))),
        );
    }
    if let (true, Some(region)) = (hosts.is_empty(), &inputs.context.region) {
        let named = endpoint::hosts_for(region, inputs.context.network.unwrap_or(NetworkType::Internet));
        hosts = vec![named.config_server_host, format!("*.{}", named.data_endpoint)];
    }
    Ok(if hosts.is_empty() { "*.log.aliyuncs.com".to_string() } else { hosts.join(", ") })
}

/// A command that lets the traffic out, what it answers to, and how it is taken back.
struct Rule {
    found: String,
    allow: Vec<String>,
    back: String,
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_string).collect()
}

/// Whether a rule's text can be meant for TCP to port 80 or 443.
fn may_meet(rule: &str, port_word: &str) -> bool {
    let is_other_protocol =
        ["udp", "icmp", "icmpv6"].iter().any(|name| rule.split_whitespace().any(|word| word == *name));
    let is_local = rule.contains("-o lo") || rule.contains("oif \"lo\"") || rule.contains("oifname \"lo\"");
    let names_port = match rule.split_once(port_word) {
        None => true,
        Some((_, after)) => after
            .split(|c: char| c.is_whitespace() || ",{}".contains(c))
            .filter(|word| !word.is_empty())
            .map_while(|word| word.chars().next().filter(char::is_ascii_digit).map(|_| word))
            .any(|ports| match ports.split_once([':', '-']) {
                Some((low, high)) => [80u16, 443].iter().any(|port| {
                    low.parse().is_ok_and(|low: u16| low <= *port) && high.parse().is_ok_and(|high: u16| *port <= high)
                }),
                None => ports == "80" || ports == "443",
            }),
    };
    !is_other_protocol && !is_local && names_port
}

/// The answer to a dropping rule of `iptables-save`, chain OUTPUT of the table filter.
fn iptables_rule(saved: &str) -> Option<Rule> {
    let filter = saved
        .split("\n*")
        .find(|table| table.trim_start_matches(['*', '#']).starts_with("filter") || table.contains("*filter"))?;
    let rules = || filter.lines().filter(|line| line.starts_with("-A OUTPUT "));
    if rules().next().is_some_and(|first| first.ends_with(IPTABLES_MATCH)) {
        return None;
    }
    let is_dropping = |rule: &str| rule.contains("-j DROP") || rule.contains("-j REJECT");
    let port_word = |rule: &str| if rule.contains("--dports ") { "--dports " } else { "--dport " };
    let rule = rules().find(|rule| is_dropping(rule) && may_meet(rule, port_word(rule))).map(str::to_string);
    let policy =
        || filter.lines().find(|line| line.starts_with(":OUTPUT DROP")).map(|_| "iptables -P OUTPUT DROP".to_string());
    Some(Rule {
        found: rule.map(|rule| format!("iptables {rule}")).or_else(policy)?,
        allow: words(&format!("iptables -I OUTPUT 1 {IPTABLES_MATCH}")),
        back: format!("iptables -D OUTPUT {IPTABLES_MATCH}"),
    })
}

/// The answer to a dropping rule of `nft list ruleset`, in a chain that hooks output.
fn nft_rule(ruleset: &str) -> Option<Rule> {
    let (mut table, mut chain) = (None, None);
    let (mut is_output, mut is_open) = (false, false);
    for line in ruleset.lines().map(str::trim) {
        let mut parts = line.split_whitespace();
        match (parts.next(), parts.next(), parts.next()) {
            (Some("table"), Some(family), Some(name)) => {
                table = Some((family, name));
                chain = None;
            }
            (Some("chain"), Some(name), _) => {
                chain = Some(name);
                (is_output, is_open) = (false, false);
            }
            (Some("type"), _, _) => is_output = line.contains("hook output") && line.contains("type filter"),
            _ => is_open |= line.ends_with(NFT_MATCH),
        }
        let is_named = |word: &str| line.split([' ', ';']).any(|found| found == word);
        let drops = is_named("drop") || is_named("reject");
        let (Some((family, name)), Some(chain)) = (table, chain) else { continue };
        let is_safe = |word: &str| word.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
        if is_output
            && !is_open
            && drops
            && matches!(family, "ip" | "inet")
            && is_safe(name)
            && is_safe(chain)
            && may_meet(line, "dport ")
        {
            let place = format!("{family} {name} {chain}");
            let mut allow = words(&format!("nft insert rule {place}"));
            allow.push(NFT_MATCH.to_string());
            let list = shell_line(&words(&format!("nft -a list chain {place}")));
            let back = format!("{list}; nft delete rule {place} handle N");
            return Some(Rule { found: format!("nft {place}: {line}"), allow, back });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rules_that_drop_this_traffic_are_answered() {
        let saved = |rules: &str| {
            format!("# Generated\n*nat\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n*filter\n:INPUT DROP [0:0]\n{rules}COMMIT\n")
        };
        let found = |rules: &str| iptables_rule(&saved(rules)).map(|rule| rule.found);
        assert_eq!(found(":OUTPUT ACCEPT [0:0]\n"), None);
        assert_eq!(found(":OUTPUT DROP [0:0]\n").as_deref(), Some("iptables -P OUTPUT DROP"));
        assert!(found("-A OUTPUT -p tcp -m tcp --dport 443 -j REJECT\n").is_some());
        assert!(found("-A OUTPUT -p tcp -m tcp --dport 1:1024 -j DROP\n").is_some());
        assert!(found("-A OUTPUT -p tcp -m multiport --dports 25,80 -j DROP\n").is_some());
        assert_eq!(found("-A OUTPUT -p tcp -m tcp --dport 25 -j DROP\n"), None);
        assert_eq!(found("-A OUTPUT -p udp -j DROP\n"), None);
        assert_eq!(found("-A INPUT -j DROP\n"), None);
        let allowed = "-A OUTPUT -p tcp -m multiport --dports 80,443 -j ACCEPT\n-A OUTPUT -j DROP\n";
        assert_eq!(found(allowed), None);
    }

    #[test]
    fn nft_chains_are_told_by_their_hook() {
        let set = |hook: &str, rules: &str| {
            format!(
                "table inet filter {{\n\tchain x {{\n\t\ttype filter hook {hook} priority filter; policy accept;\n\t\t{rules}\n\t}}\n}}\n"
            )
        };
        let found = |hook: &str, rules: &str| nft_rule(&set(hook, rules)).map(|rule| shell_line(&rule.allow));
        assert_eq!(
            found("output", "tcp dport 443 drop").as_deref(),
            Some("nft insert rule inet filter x 'tcp dport { 80, 443 } accept'")
        );
        assert!(found("output", "ip daddr 100.64.0.0/10 reject").is_some());
        assert_eq!(found("input", "tcp dport 443 drop"), None);
        assert_eq!(found("output", "tcp dport 25 drop"), None);
        assert_eq!(found("output", "udp dport 443 drop"), None);
        assert_eq!(found("output", "tcp dport { 80, 443 } accept\n\t\tdrop"), None);
        let policy = "table ip f {\n\tchain output {\n\t\ttype filter hook output priority 0; policy drop;\n\t}\n}\n";
        assert!(nft_rule(policy).is_some());
    }
}
