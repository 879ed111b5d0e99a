//! unpin-host: takes the names of the agent's endpoints out of `/etc/hosts`, so that the name servers are asked. Other
//! names on the same line stay.

use super::common::{Drafted, already, edit, whole_file};
use super::{ActsOn, Descriptor, Durability, Inputs, Plan, Restart};
use crate::core::agent::layout;
use crate::core::agent::reach;
use crate::core::finding::{RemedyId, StepId};
use crate::core::observe::Observations;
use crate::core::text::Text;
use crate::say;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

const HOSTS: &str = "/etc/hosts";

/// What is known of it without a host.
pub static REMEDY: Descriptor = Descriptor {
    id: RemedyId::UnpinHost,
    step: StepId::Network,
    title: Text::fixed("Remove the endpoint from /etc/hosts", "从 /etc/hosts 中移除服务入口"),
    inputs: &[],
    acts_on: ActsOn::ThisHost,
    restart: Restart::AsPlanned,
    can_be_forced: false,
    loses: None,
    durability: Durability::Lasts,
    plan,
};

/// Plans the edit.
fn plan(inputs: &Inputs, see: &Observations) -> Drafted<Plan> {
    let agents = layout::find(see)?;
    let way = reach::way(see, agents.first(), &inputs.context)?;
    let wanted = way.targets(inputs.context.project.as_deref());
    let names: Vec<&str> = wanted.iter().map(|wanted| wanted.target.host.as_str()).collect();
    let before = whole_file(see, Path::new(HOSTS))?;
    let (after, lines) = without(before.as_deref().unwrap_or_default(), &names);
    if lines.is_empty() {
        return Err(already(say!("{HOSTS} names none of the agent's endpoints.", "{HOSTS} 中没有 Agent 的服务入口。")));
    }
    let numbers = lines.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    let why = say!(
        "{HOSTS} binds endpoints of the agent to fixed addresses (line {numbers}); the service changes its addresses.",
        "{HOSTS} 第 {numbers} 行将 Agent 的服务入口绑定到固定地址，而服务的地址会变化。"
    );
    let mut plan = Plan::new(RemedyId::UnpinHost, StepId::Network, why);
    plan.changes.push(edit(Path::new(HOSTS), before, after));
    plan.cautions.push(say!(
        "Every program on this host then asks the name servers for these names.",
        "本机所有程序都会通过 DNS 服务器解析这些域名。"
    ));
    plan.patience = Duration::from_secs(30);
    Ok(plan)
}

/// The file without these names, and the lines that named them, from 1. A line that names nothing else goes; everything
/// else stays byte for byte.
fn without(hosts: &[u8], names: &[&str]) -> (Vec<u8>, Vec<usize>) {
    let (mut out, mut lines) = (Vec::new(), Vec::new());
    for (at, line) in hosts.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let text = std::str::from_utf8(line).unwrap_or_default();
        let content = text.split('#').next().unwrap_or_default();
        let mut words = content.split_ascii_whitespace();
        let address = words.next().filter(|word| word.parse::<IpAddr>().is_ok());
        let is_named = |word: &str| names.iter().any(|name| name.eq_ignore_ascii_case(word));
        let Some(address) = address.filter(|_| words.clone().any(is_named)) else {
            out.extend_from_slice(line);
            continue;
        };
        lines.push(at + 1);
        let rest: Vec<&str> = words.filter(|word| !is_named(word)).collect();
        if !rest.is_empty() {
            let comment = text.get(content.len()..).unwrap_or_default();
            let (space, end) = if comment.starts_with('#') { (" ", comment) } else { ("", "\n") };
            out.extend_from_slice(format!("{address} {}{space}{end}", rest.join(" ")).as_bytes());
        }
    }
    (out, lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_these_names_go() {
        let hosts = b"127.0.0.1 localhost\n203.0.113.7 a.example B.example # old\n203.0.113.7 b.example\n\xff\n1.1.1.1 b.example.org";
        let (after, lines) = without(hosts, &["b.example"]);
        assert_eq!(after, b"127.0.0.1 localhost\n203.0.113.7 a.example # old\n\xff\n1.1.1.1 b.example.org");
        assert_eq!(lines, [2, 3]);
        assert_eq!(without(hosts, &["c"]), (hosts.to_vec(), Vec::new()));
    }
}
