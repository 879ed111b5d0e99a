//! allow-egress: lets out what this host's own firewall stops: TCP 80 and 443, and the name server's port where that is
//! stopped. By the program that manages the rule, with rules that carry this program's mark. A security group, a router or
//! a proxy has to be changed by somebody else, and the plan says what.

use super::common::{Drafted, already, edit, whole_file};
use super::{ActsOn, Change, Descriptor, Durability, Inputs, Plan, Restart};
use crate::core::agent::layout;
use crate::core::agent::reach;
use crate::core::finding::{RemedyId, StepId};
use crate::core::firewall::Dialect;
use crate::core::firewall::opening::{MARK, Manager, Opening, manager, openings};
use crate::core::firewall::survey::{Judgement, of_targets};
use crate::core::observe::{Observations, ReadCommand};
use crate::core::text::Text;
use crate::say;
use std::path::Path;
use std::time::Duration;

/// Where rules are kept for the next start: the program's, and the file.
const NFT_FILES: [&str; 2] = ["/etc/nftables.conf", "/etc/sysconfig/nftables.conf"];
const IPTABLES_FILES: [&str; 2] = ["/etc/iptables/rules.v4", "/etc/sysconfig/iptables"];

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

/// Plans the rules, or the manual steps.
fn plan(inputs: &Inputs, see: &Observations) -> Drafted<Plan> {
    let agents = layout::find(see)?;
    let way = reach::way(see, agents.first(), &inputs.context)?;
    let wanted = way.targets(inputs.context.project.as_deref());
    let judgement = of_targets(see, &wanted)?;
    let mut hosts: Vec<&str> = Vec::new();
    for wanted in &wanted {
        if !hosts.contains(&wanted.target.host.as_str()) {
            hosts.push(&wanted.target.host);
        }
    }
    let hosts = if hosts.is_empty() { "*.log.aliyuncs.com".to_string() } else { hosts.join(", ") };
    let why = say!(
        "The agent needs outbound TCP 80 and 443 to {hosts}.",
        "Agent 需要访问 {hosts} 的 TCP 80 和 443 端口（出方向）。"
    );
    let mut plan = Plan::new(RemedyId::AllowEgress, StepId::Network, why);
    plan.patience = Duration::from_secs(30);
    let Some(stopped) = judgement.stopped.first() else {
        let tables = &judgement.survey.ruleset.tables;
        let mut rules = tables.iter().flat_map(|table| table.chains.values()).flat_map(|chain| &chain.rules);
        if judgement.is_complete() && rules.any(|rule| rule.line.contains(MARK)) {
            return Err(already(say!(
                "This host's own firewall lets the agent's traffic out already, by rules marked {MARK}. If {hosts} cannot be reached, look at the security group of this ECS instance, the network ACL, and any firewall on the way.",
                "本机防火墙已通过标记为 {MARK} 的规则放行 Agent 的流量。如果仍无法访问 {hosts}，请检查 ECS 安全组、网络 ACL 以及途经的防火墙。"
            )));
        }
        plan.manual.push(say!(
            "Security group of this ECS instance, network ACL, and any firewall on the way: allow outbound TCP 80 and 443 to {hosts}.",
            "请在 ECS 安全组、网络 ACL 以及途经的防火墙中放行到 {hosts} 的出方向 TCP 80 和 443。"
        ));
        plan.manual.push(unstopped(&judgement));
        return Ok(plan);
    };
    let found = Judgement::sentence(stopped, &manager(&judgement.survey.ruleset, &stopped.by));
    let (en, zh) = found.both();
    plan.why = Text::filled(
        format!("{en} The agent needs TCP 80 and 443 to {hosts}."),
        format!("{zh}Agent 需要访问 {hosts} 的 TCP 80 和 443 端口。"),
    );
    let Some(openings) = openings(&judgement) else {
        let by = &stopped.by;
        let (rule, chain) = (&by.rule, &by.chain);
        plan.manual.push(say!(
            "Change this rule of chain {chain} by hand, or put one in front of it that accepts TCP 80 and 443 (and port 53 of the name servers): {rule}",
            "请手动修改链 {chain} 中的这条规则，或在其前面添加放行 TCP 80 和 443（以及 DNS 服务器 53 端口）的规则：{rule}"
        ));
        return Ok(plan);
    };
    for opening in &openings {
        plan.changes.extend(opening.commands.iter().map(|argv| Change::Run {
            argv: argv.clone(),
            limit: Duration::from_secs(30),
            accept: vec![0],
            what: Text::fixed("allow outbound traffic", "放行出方向流量"),
            proxies: false,
        }));
    }
    keep(&mut plan, see, &openings)?;
    plan.cautions.push(Text::fixed(
        "The rules open these ports to every destination, since endpoints change their addresses.",
        "由于服务入口的 IP 会变化，这些规则对所有目的地址放行上述端口。",
    ));
    Ok(plan)
}

/// What is to be said where no rule is known to stop the traffic.
fn unstopped(judgement: &Judgement) -> Text {
    if judgement.survey.is_absent {
        return Text::fixed(
            "This host has neither nft nor iptables, so it most likely has no firewall rules of its own.",
            "本机没有 nft 和 iptables 命令，很可能没有自己的防火墙规则。",
        );
    }
    if judgement.is_complete() {
        return Text::fixed(
            "No rule of this host's own firewall drops this traffic.",
            "本机防火墙没有丢弃该流量的规则。",
        );
    }
    let gap = judgement.survey.gaps.first().cloned();
    let doubt = judgement.doubts.first().map(|rule| say!("this rule: {rule}", "这条规则：{rule}"));
    let reason = gap.or(doubt).unwrap_or_else(|| Text::same(""));
    let (en, zh) = reason.both();
    Text::filled(
        format!("The rules of this host's own firewall could not be followed to the end: {en}."),
        format!("无法完整判断本机防火墙的规则：{zh}。"),
    )
}

/// Keeps the openings over a reload: in the file that the rules are loaded from, where there is one.
fn keep(plan: &mut Plan, see: &Observations, openings: &[Opening]) -> Drafted<()> {
    let is_ufws = openings.iter().any(|opening| opening.manager == Manager::Ufw);
    let by_hand: Vec<&Opening> = openings.iter().filter(|opening| !opening.lines.is_empty()).collect();
    if by_hand.is_empty() {
        plan.cautions.push(if is_ufws {
            Text::fixed("ufw keeps the rules over reloads and boots.", "规则由 ufw 保存，重新加载和重启后仍然有效。")
        } else {
            Text::fixed(
                "firewalld keeps the rules over reloads and boots.",
                "规则由 firewalld 保存，重新加载和重启后仍然有效。",
            )
        });
        return Ok(());
    }
    let enabled = see.look(&ReadCommand::UnitEnabled { unit: "nftables".into() })?;
    let is_loaded = enabled.as_ref().is_ok_and(|said| said.code == Some(0) && said.out.trim() == "enabled");
    let mut kept = 0;
    let is_nft = |opening: &&&Opening| opening.by.dialect == Dialect::Nft;
    for (paths, dialect_is_nft) in [(NFT_FILES, true), (IPTABLES_FILES, false)] {
        let own: Vec<&Opening> = by_hand.iter().filter(|one| is_nft(one) == dialect_is_nft).copied().collect();
        if own.is_empty() || dialect_is_nft && !is_loaded {
            continue;
        }
        for path in paths {
            if see.present(path)?.is_err() {
                continue;
            }
            let Some(before) = whole_file(see, Path::new(path))? else { continue };
            let text = String::from_utf8_lossy(&before).into_owned();
            let after = if dialect_is_nft { in_nft_file(&text, &own) } else { in_iptables_file(&text, &own) };
            if let Some(after) = after {
                plan.changes.push(edit(Path::new(path), Some(before), after.into_bytes()));
                kept += own.len();
            }
            break;
        }
    }
    if kept < by_hand.len() {
        plan.cautions.push(say!(
            "The rules last until the firewall is reloaded or this host boots; whoever makes its rules must add them there. They carry the comment {MARK}.",
            "规则在防火墙重新加载或本机重启后失效；请将其加入生成规则的配置中。规则带有注释 {MARK}。"
        ));
    }
    Ok(())
}

/// The file of nft with the lines behind it, if it makes the tables that they are put in.
fn in_nft_file(text: &str, openings: &[&Opening]) -> Option<String> {
    let squeezed = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_made = |one: &&Opening| squeezed.contains(&format!("table {} {} {{", one.by.family, one.by.table));
    if !openings.iter().all(is_made) {
        return None;
    }
    let mut out = text.to_string();
    if !out.ends_with('\n') {
        out.push('\n');
    }
    for line in openings.iter().flat_map(|opening| &opening.lines) {
        out.push_str(line);
        out.push('\n');
    }
    Some(out)
}

/// The file of iptables with each line in front of the rules of its chain, if it has the tables.
fn in_iptables_file(text: &str, openings: &[&Opening]) -> Option<String> {
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_string).collect();
    for opening in openings {
        let head = format!("*{}", opening.by.table);
        let begin = lines.iter().position(|line| line.trim() == head)?;
        let chains = lines.iter().skip(begin + 1).position(|line| !line.trim_start().starts_with([':', '#']))?;
        for line in opening.lines.iter().rev() {
            lines.insert(begin + 1 + chains, format!("{line}\n"));
        }
    }
    Some(lines.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_keep_their_bytes_around_the_new_lines() {
        let by = crate::core::firewall::Blocked::sample("filter", "OUTPUT", Dialect::Iptables);
        let opening = Opening { manager: Manager::Nobody, commands: Vec::new(), lines: vec!["-A OUTPUT x".into()], by };
        let text = "# c\n*nat\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n*filter\n:INPUT ACCEPT [0:0]\n:OUTPUT DROP [0:0]\n-A OUTPUT a\nCOMMIT\n";
        let after = in_iptables_file(text, &[&opening]).unwrap();
        assert_eq!(after, text.replace("-A OUTPUT a\n", "-A OUTPUT x\n-A OUTPUT a\n"));
        assert_eq!(in_iptables_file("*nat\nCOMMIT\n", &[&opening]), None);
        let by = crate::core::firewall::Blocked::sample("f", "out", Dialect::Nft);
        let opening = Opening { manager: Manager::Nobody, commands: Vec::new(), lines: vec!["insert rule".into()], by };
        assert_eq!(in_nft_file("table inet g {\n}", &[&opening]), None);
        let text = "flush ruleset\ntable inet f  {\n}";
        assert_eq!(in_nft_file(text, &[&opening]), Some(format!("{text}\ninsert rule\n")));
    }
}
