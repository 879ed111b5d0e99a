//! remove-proxy: takes the proxy variables out of the file that gives them to the agent, and restarts it. Where no file
//! sets them, whoever started the agent by hand did, and a restart is all it takes.

use super::common::{Drafted, already, edit, owe_restart, the_agent, whole_file};
use super::{ActsOn, Change, Descriptor, Durability, Inputs, Plan, Restart};
use crate::core::agent::layout::Agent;
use crate::core::finding::{RemedyId, StepId};
use crate::core::observe::Observations;
use crate::core::text::Text;
use crate::say;
use std::path::{Path, PathBuf};
use std::time::Duration;

const NAMES: [&str; 3] = ["http_proxy", "https_proxy", "all_proxy"];

/// What is known of it without a host.
pub static REMEDY: Descriptor = Descriptor {
    id: RemedyId::RemoveProxy,
    step: StepId::Network,
    title: Text::fixed("Start the agent without its proxy", "去除 Agent 的代理并重启"),
    inputs: &[],
    acts_on: ActsOn::ThisHost,
    restart: Restart::Owed,
    can_be_forced: false,
    loses: None,
    durability: Durability::Lasts,
    plan,
};

/// Plans the edits.
fn plan(_: &Inputs, see: &Observations) -> Drafted<Plan> {
    let agent = the_agent(see)?;
    let is_proxy = |name: &str| NAMES.iter().any(|known| name.eq_ignore_ascii_case(known));
    let set: Vec<&str> =
        agent.environment.iter().map(|(name, _)| name.as_str()).filter(|name| is_proxy(name)).collect();
    if set.is_empty() {
        return Err(already(Text::fixed("The agent has no proxy.", "Agent 没有设置代理。")));
    }
    let (list, unit) = (set.join(", "), &agent.unit);
    let mut places = Vec::new();
    let files: Vec<_> = files(&agent).into_iter().map(|path| (see.file(&path), path)).collect();
    for (file, path) in files {
        if let Ok(file) = file? {
            let (_, lines) = without(&file.bytes);
            if !lines.is_empty() {
                places.push((path, lines));
            }
        }
    }
    let shown = places.iter().map(|(path, lines)| {
        let lines = lines.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
        format!("{}:{lines}", path.display())
    });
    let shown = shown.collect::<Vec<_>>().join("; ");
    let why = if places.is_empty() {
        say!(
            "The agent has {list} in its environment, and no file of its start sets that: whoever started it did. Started again it has none.",
            "Agent 的环境变量中有 {list}，而启动文件中没有设置：来自手动启动它的会话。重新启动后即不再有代理。"
        )
    } else {
        say!(
            "The agent has {list} in its environment, set in {shown}.",
            "Agent 的环境变量中有 {list}，设置于 {shown}。"
        )
    };
    let mut plan = Plan::new(RemedyId::RemoveProxy, StepId::Network, why);
    let mut is_units = false;
    for (path, _) in places {
        let Some(before) = whole_file(see, &path)? else { continue };
        let (after, _) = without(&before);
        is_units |= path.starts_with("/etc/systemd");
        plan.changes.push(edit(&path, Some(before), after));
    }
    if is_units {
        plan.changes.push(Change::Run {
            argv: ["systemctl", "daemon-reload"].map(str::to_string).to_vec(),
            limit: Duration::from_secs(30),
            accept: vec![0],
            what: say!("read {unit} anew", "重新读取 {unit}"),
            proxies: false,
        });
    }
    owe_restart(&mut plan, see, &agent)?;
    plan.patience = Duration::from_secs(40);
    Ok(plan)
}

/// The files that give a service its environment.
fn files(agent: &Agent) -> Vec<PathBuf> {
    let unit = &agent.unit;
    let mut all: Vec<PathBuf> = agent.init_script.iter().cloned().collect();
    for dir in ["/etc/default", "/etc/sysconfig"] {
        all.push(Path::new(dir).join(unit));
    }
    all.push(PathBuf::from(format!("/etc/systemd/system/{unit}.service")));
    for name in ["proxy.conf", "http-proxy.conf", "override.conf", "environment.conf"] {
        all.push(PathBuf::from(format!("/etc/systemd/system/{unit}.service.d/{name}")));
    }
    all
}

/// The file without the lines that do nothing but set a proxy, and their numbers, from 1.
fn without(text: &[u8]) -> (Vec<u8>, Vec<usize>) {
    let (mut out, mut lines) = (Vec::new(), Vec::new());
    for (at, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let content = std::str::from_utf8(line).unwrap_or_default().trim();
        if sets_a_proxy(content) {
            lines.push(at + 1);
        } else {
            out.extend_from_slice(line);
        }
    }
    (out, lines)
}

fn sets_a_proxy(line: &str) -> bool {
    let line = line.strip_prefix("export ").unwrap_or(line);
    let line = line.strip_prefix("Environment=").unwrap_or(line).trim_matches('"');
    let is_alone = !line.contains([';', '&', '|', '`', '$', ' ', '\t']);
    let name = line.split_once('=').map_or("", |(name, _)| name);
    is_alone && NAMES.iter().any(|known| name.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_that_do_nothing_else_go() {
        let text = b"#!/bin/sh\nexport HTTP_PROXY=http://p:1\nhttps_proxy=\"http://p:1\"\nHTTP_PROXY=x run\nNO_PROXY=a\nEnvironment=\"ALL_PROXY=p\"\n";
        let (after, lines) = without(text);
        assert_eq!(after, b"#!/bin/sh\nHTTP_PROXY=x run\nNO_PROXY=a\n");
        assert_eq!(lines, [2, 3, 6]);
    }
}
