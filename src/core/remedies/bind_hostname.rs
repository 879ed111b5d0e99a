//! bind-hostname: makes `/etc/hosts` give the hostname an address of this host. The agent asks the resolver for its
//! hostname before it looks at any interface, in all versions; only `working_ip` and `working_interface` come first.

use super::common::{Drafted, already, edit, identifying_ip, owe_restart, refused, the_agent, whole_file};
use super::hosts::{answers, bind, is_bindable};
use super::{ActsOn, Descriptor, Durability, InputId, Inputs, Plan, Restart};
use crate::core::agent::config::{Config, Setting, Source};
use crate::core::agent::layout;
use crate::core::finding::{RemedyId, StepId};
use crate::core::observe::{FileSeen, Observations, Observed, Together};
use crate::core::text::Text;
use crate::say;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

const HOSTS: &str = "/etc/hosts";
const NSSWITCH: &str = "/etc/nsswitch.conf";

/// What is known of it without a host.
pub static REMEDY: Descriptor = Descriptor {
    id: RemedyId::BindHostname,
    step: StepId::Address,
    title: Text::fixed("Bind the hostname to an IP in /etc/hosts", "在 /etc/hosts 中绑定主机名"),
    inputs: &[InputId::Ip],
    acts_on: ActsOn::ThisHost,
    restart: Restart::Owed,
    can_be_forced: false,
    loses: None,
    durability: Durability::Lasts,
    plan,
};

/// Plans the binding.
fn plan(inputs: &Inputs, see: &Observations) -> Drafted<Plan> {
    let agent = the_agent(see)?;
    let (identity, _, _, nsswitch) =
        (see.identity(), see.interfaces(), see.file(HOSTS), see.file(NSSWITCH)).together()?;
    let hostname = identity.hostname.raw().trim();
    let lookup = see.lookup(identity.hostname.raw())?;
    let config = layout::read_config(see, &agent)?.unwrap_or_default();
    if let Some((key, setting)) = winner(&config, agent.version.as_ref().is_none_or(|v| v.at_least(3, 3, 6))) {
        let (value, place) = (&setting.value, place_of(&setting.source));
        return Err(refused(say!(
            "{key} = {value} ({place}) wins over the hostname, so a binding would have no effect; use set-working-ip.",
            "{key} = {value}（{place}）优先于主机名，绑定不会生效；请使用 set-working-ip。"
        )));
    }
    if !is_bindable(hostname) || hostname.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return Err(refused(say!(
            "The hostname {hostname} cannot be bound to an address; use set-working-ip, or give this host another name.",
            "主机名 {hostname} 无法绑定到地址；请使用 set-working-ip，或更换主机名。"
        )));
    }
    let order = Order::of(nsswitch);
    if order == Order::WithoutFiles {
        return Err(refused(say!(
            "{NSSWITCH} does not name files for hosts, so {HOSTS} is not read on this machine; use set-working-ip.",
            "{NSSWITCH} 的 hosts 未包含 files，本机不会读取 {HOSTS}；请使用 set-working-ip。"
        )));
    }
    let (ip, mut cautions) = identifying_ip(inputs, see)?;
    let before = whole_file(see, Path::new(HOSTS))?;
    let bytes = before.clone().unwrap_or_default();
    let after = bind(&bytes, hostname, ip);
    let resolved = lookup.addresses.as_deref().unwrap_or_default();
    if after == bytes {
        return Err(if resolved.first() == Some(&ip) {
            already(say!(
                "{HOSTS} binds {hostname} to {ip} already. If the agent reports another address, restart-agent is what is missing.",
                "{HOSTS} 已将 {hostname} 绑定到 {ip}。如果 Agent 上报的是其他地址，请使用 restart-agent。"
            ))
        } else {
            let found = listed(resolved);
            refused(say!(
                "{HOSTS} binds {hostname} to {ip} already, but the resolver answers {found}: see the line hosts in {NSSWITCH}, or use set-working-ip.",
                "{HOSTS} 已将 {hostname} 绑定到 {ip}，但解析结果是 {found}：请查看 {NSSWITCH} 的 hosts 行，或使用 set-working-ip。"
            ))
        });
    }
    let was = if answers(&bytes, hostname).is_empty() { listed(resolved) } else { listed(&answers(&bytes, hostname)) };
    let why = say!(
        "The agent reports the address of its hostname: {hostname} leads to {was} now, and is to lead to {ip}.",
        "Agent 上报的是主机名对应的地址：{hostname} 目前解析为 {was}，应为 {ip}。"
    );
    let mut plan = Plan::new(RemedyId::BindHostname, StepId::Address, why);
    plan.inputs = vec![(InputId::Ip, ip.to_string())];
    plan.changes.push(edit(Path::new(HOSTS), before, after));
    plan.cautions.append(&mut cautions);
    plan.cautions.push(say!(
        "Every program on this host then finds {hostname} at {ip}.",
        "本机所有程序都会将 {hostname} 解析为 {ip}。"
    ));
    if order == Order::OthersFirst {
        plan.cautions.push(say!(
            "{NSSWITCH} asks other sources before {HOSTS}; they may answer with another address.",
            "{NSSWITCH} 中其他来源排在 {HOSTS} 之前，可能给出其他地址。"
        ));
    }
    owe_restart(&mut plan, see, &agent)?;
    plan.patience = Duration::from_secs(40);
    Ok(plan)
}

fn listed(ips: &[Ipv4Addr]) -> String {
    if ips.is_empty() {
        return "-".to_string();
    }
    ips.iter().map(Ipv4Addr::to_string).collect::<Vec<_>>().join(", ")
}

/// The setting that comes before the hostname, if one is in force.
fn winner(config: &Config, knows_working_interface: bool) -> Option<(&'static str, &Setting<String>)> {
    let interface = config.working_interface.as_ref().filter(|_| knows_working_interface);
    config.working_ip.as_ref().map(|ip| ("working_ip", ip)).or(interface.map(|nic| ("working_interface", nic)))
}

fn place_of(source: &Source) -> String {
    match source {
        Source::File => "ilogtail_config.json".to_string(),
        Source::Overlay(name) => format!("config.d/{name}"),
        Source::Environment(name) => name.clone(),
    }
}

/// Where `/etc/hosts` stands among the sources of the C library.
#[derive(Debug, PartialEq, Eq)]
enum Order {
    FilesFirst,
    OthersFirst,
    WithoutFiles,
}

impl Order {
    fn of(nsswitch: &Observed<FileSeen>) -> Order {
        let text = nsswitch.as_ref().map(FileSeen::text).unwrap_or_default();
        let line = text.lines().find_map(|line| line.trim_start().strip_prefix("hosts:"));
        // Without the file or the line, the C library asks the files.
        let Some(line) = line else { return Order::FilesFirst };
        let line = line.split('#').next().unwrap_or_default();
        // What stands in brackets are reactions, not sources. `resolve` reads the file itself, and `mymachines` knows
        // only containers.
        let mut sources = Vec::new();
        let mut depth = 0usize;
        for word in line.split_whitespace() {
            depth += usize::from(word.starts_with('['));
            if depth == 0 {
                sources.push(word);
            }
            depth = depth.saturating_sub(usize::from(word.ends_with(']')));
        }
        match sources.iter().find(|source| **source != "mymachines") {
            Some(&("files" | "resolve")) => Order::FilesFirst,
            _ if sources.iter().any(|source| matches!(*source, "files" | "resolve")) => Order::OthersFirst,
            _ => Order::WithoutFiles,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_sources_is_read() {
        let of = |text: &str| {
            Order::of(&Ok(FileSeen {
                bytes: text.as_bytes().to_vec(),
                size: text.len() as u64,
                modified: 0,
                mode: 0o644,
                uid: 0,
                gid: 0,
                link_to: None,
            }))
        };
        assert_eq!(of("passwd: files\nhosts: files dns\n"), Order::FilesFirst);
        assert_eq!(of("hosts:\tmymachines resolve [!UNAVAIL=return] files dns"), Order::FilesFirst);
        assert_eq!(of("hosts: dns [NOTFOUND = return] files"), Order::OthersFirst);
        assert_eq!(of("hosts: dns # files"), Order::WithoutFiles);
        assert_eq!(of(""), Order::FilesFirst);
        assert_eq!(Order::of(&Err(crate::core::observe::Unavailable::Absent)), Order::FilesFirst);
    }
}
