//! Step 1: is Logtail or LoongCollector installed, completely, once? It judges files on disk, not processes.

use super::subject;
use crate::agent::layout::{self, Agent};
use crate::context::Context;
use crate::finding::{Cause, CauseId, Evidence, Finding, Mark, RemedyId, StepId};
use crate::host::{Seen, Unseen};
use crate::say;
use crate::text::{Lang, Text};

const STEP: StepId = StepId::Installed;

/// Judges step 1.
///
/// # Errors
/// Something has not been looked at yet.
pub fn check(see: &Seen, _: &Context) -> Result<Finding, Unseen> {
    let agents = layout::find(see)?;
    let contained = layout::contained_processes(see)?;
    let in_containers = (!contained.is_empty()).then(|| {
        let count = contained.len();
        let row = say!("{count} agent process(es) in containers", "容器中有 {count} 个 Agent 进程");
        Evidence::new(Text::fixed("Containers", "容器"), row, "/proc")
    });
    let Some(first) = agents.first() else { return not_installed(see, in_containers) };
    let mut causes = Vec::new();
    let mut evidence = Vec::new();
    for agent in &agents {
        evidence.extend(rows(agent));
        causes.extend(judge(agent));
    }
    evidence.extend(in_containers);
    if agents.len() > 1 {
        let dirs = agents.iter().map(|agent| agent.install_dir.display().to_string()).collect::<Vec<_>>().join(", ");
        let count = agents.len();
        causes.push(Cause::warn(
            CauseId::SeveralAgents,
            say!("{count} agents are on this host: {dirs}.", "本机有 {count} 个 Agent：{dirs}。"),
            Text::fixed(
                "Two agents compete for the same socket and identity, and the console cannot tell which one answers.",
                "多个 Agent 争用同一个套接字和机器标识，控制台无法区分是哪一个上报。",
            ),
            &[RemedyId::StopExtraAgent],
        ));
    }
    let name = name(first);
    let dir = first.install_dir.display();
    let summary = match causes.first() {
        None => say!("{name} is installed in {dir}.", "{name} 已安装在 {dir}。"),
        Some(cause) => cause.detail.clone(),
    };
    let unread = agents.iter().any(|agent| agent.unlisted.is_some());
    if unread && causes.is_empty() {
        let text = say!(
            "{name} seems installed in {dir}, but the directory may not be listed.",
            "{name} 似乎安装在 {dir}，但无权列出该目录。"
        );
        return Ok(Finding::unknown(STEP, text, evidence));
    }
    Ok(Finding::judged(STEP, summary, causes, evidence))
}

/// `Logtail 1.8.8`, as sentences name the agent.
pub fn name(agent: &Agent) -> String {
    let label = agent.flavour.label();
    match &agent.version {
        Some(version) => format!("{} {version}", label.get(Lang::En)),
        None => label.get(Lang::En).to_string(),
    }
}

fn not_installed(see: &Seen, in_containers: Option<Evidence>) -> Result<Finding, Unseen> {
    let mut evidence = Vec::new();
    let looked = ["/usr/local/ilogtail", "/usr/local/loongcollector", "/opt/loongcollector"];
    let nothing = Text::fixed("not there", "不存在");
    for dir in looked {
        evidence.push(Evidence::new(Text::same(dir), nothing.clone(), dir).marked(Mark::Bad));
    }
    let scripts = "/etc/init.d/{ilogtaild,loongcollectord}";
    evidence.push(Evidence::new(Text::same(scripts), nothing.clone(), "/etc/init.d").marked(Mark::Bad));
    let (label, source) = (Text::fixed("Agent processes", "Agent 进程"), "/proc");
    match see.processes()? {
        Ok(_) => evidence.push(Evidence::new(label, Text::fixed("none", "无"), source).marked(Mark::Bad)),
        Err(why) => {
            evidence.push(Evidence::new(label, subject::trouble(why), source).marked(Mark::Unknown));
        }
    }
    let has_containers = in_containers.is_some();
    evidence.extend(in_containers);
    let detail = if has_containers {
        Text::fixed(
            "No agent is installed on this host itself; one runs in a container. Run this program inside that container, or install the agent here.",
            "本机未安装 Agent；有一个运行在容器中。请在该容器内运行本程序，或在本机安装 Agent。",
        )
    } else {
        Text::fixed(
            "Neither Logtail nor LoongCollector is installed on this host.",
            "本机既未安装 Logtail，也未安装 LoongCollector。",
        )
    };
    let why = Text::fixed("Only the agent sends the heartbeat.", "心跳由 Agent 发送。");
    let cause = Cause::fail(CauseId::AgentNotInstalled, detail.clone(), why, &[RemedyId::InstallAgent]);
    Ok(Finding::judged(STEP, detail, vec![cause], evidence))
}

fn rows(agent: &Agent) -> Vec<Evidence> {
    let dir = agent.install_dir.display().to_string();
    let found = Evidence::new(Text::fixed("Agent", "Agent"), Text::same(name(agent)), dir.clone()).marked(Mark::Good);
    let mut rows = vec![found];
    match &agent.init_script {
        Some(script) => {
            let script = script.display().to_string();
            let label = Text::fixed("Init script", "启动脚本");
            rows.push(Evidence::new(label, Text::same(script.clone()), script).marked(Mark::Good));
        }
        None if agent.community => {}
        None => {
            let label = Text::fixed("Init script", "启动脚本");
            rows.push(Evidence::new(label, Text::fixed("not there", "不存在"), "/etc/init.d").marked(Mark::Bad));
        }
    }
    for path in &agent.missing {
        let path = path.display().to_string();
        rows.push(
            Evidence::new(Text::same(path.clone()), Text::fixed("missing", "缺失"), path)
                .expecting(Text::fixed("part of every install", "安装后应存在"))
                .marked(Mark::Bad),
        );
    }
    if let Some(why) = &agent.unlisted {
        rows.push(Evidence::new(Text::same(dir.clone()), subject::trouble(why), dir).marked(Mark::Unknown));
    }
    rows
}

fn judge(agent: &Agent) -> Vec<Cause> {
    let mut causes = Vec::new();
    let name = name(agent);
    if agent.community {
        causes.push(Cause::fail(
            CauseId::CommunityEdition,
            say!("{name} is the open-source community edition.", "{name} 是开源社区版。"),
            Text::fixed(
                "The community edition has no heartbeat to Simple Log Service at all; the commercial build is needed.",
                "社区版不支持日志服务的机器组心跳，需要安装商业版。",
            ),
            &[RemedyId::InstallAgent],
        ));
    }
    // A missing configuration alone belongs to step 3, which can restore it.
    let missing: Vec<_> = agent.missing.iter().filter(|path| **path != agent.config_path).collect();
    if !missing.is_empty() {
        let list = missing.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
        let runs = !agent.processes.is_empty();
        let remedies: &[RemedyId] =
            if runs { &[RemedyId::UpgradeAgent] } else { &[RemedyId::InstallAgent, RemedyId::UpgradeAgent] };
        causes.push(Cause::fail(
            CauseId::InstallIncomplete,
            say!("The install is incomplete; missing: {list}.", "安装不完整，缺少：{list}。"),
            Text::fixed(
                "Without these files the agent cannot be started or supervised.",
                "缺少这些文件，Agent 无法启动或被守护。",
            ),
            remedies,
        ));
    }
    causes
}
