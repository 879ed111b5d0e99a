//! Step 1: is Logtail or LoongCollector installed, completely, once? It judges files on disk, not processes.

use super::subject::{self, Record};
use crate::core::agent::layout::{self, Agent};
use crate::core::context::Context;
use crate::core::finding::{Cause, CauseId, Evidence, Finding, Mark, RemedyId, StepId};
use crate::core::observe::{Observations, Together, Unanswered, Unavailable};
use crate::core::text::{Lang, Text};
use crate::say;
use std::path::PathBuf;

const STEP: StepId = StepId::Installed;
/// Of at most so many processes in containers the variables are shown.
const CONTAINED_SHOWN: usize = 8;

/// Judges step 1.
///
/// # Errors
/// Something has not been looked at yet.
pub fn check(see: &Observations, _: &Context) -> Result<Finding, Unanswered> {
    let identity = see.identity();
    let (agents, contained) = (layout::find(see), containers(see));
    let (identity, agents, contained) = (identity, agents, contained).together()?;
    let Some(first) = agents.first() else { return not_installed(see, contained) };
    let in_container = identity.container.is_some();
    let mut causes = Vec::new();
    let mut evidence = Vec::new();
    let mut unsure = Vec::new();
    let clones: Vec<_> = agents.iter().map(|agent| clone_row(see, agent)).collect();
    let listings: Vec<_> = agents.iter().map(|agent| see.dir(&agent.install_dir)).collect();
    for ((agent, clone), listing) in agents.iter().zip(clones).zip(listings) {
        let missing = missing(agent, in_container);
        evidence.extend(rows(agent, &missing, in_container));
        evidence.extend(clone?);
        if listing? == &Err(Unavailable::Absent) && agent.processes.iter().any(|process| process.contained.is_none()) {
            // Its directory is not here, and we may not look whether it is a container's: then nothing is missing.
            unsure.push(Text::fixed(
                "An agent runs whose files are not here: perhaps in a container. Run as root to find out.",
                "有一个 Agent 在运行，但本机没有它的文件：可能在容器中。请以 root 运行以确认。",
            ));
            continue;
        }
        causes.extend(judge(agent, &missing));
        if agent.unlisted.is_some() {
            let (name, dir) = (name(agent), agent.install_dir.display());
            unsure.push(say!(
                "{name} seems installed in {dir}, but the directory may not be listed. Run as root to find out.",
                "{name} 似乎安装在 {dir}，但无权列出该目录。请以 root 运行以确认。"
            ));
        }
    }
    if let Some(what) = &identity.container {
        let label = Text::fixed("This program runs", "本程序运行于");
        let value = say!("in a container ({what})", "容器内（{what}）");
        evidence.push(Evidence::new(label, value, "/proc/self"));
    }
    evidence.extend(contained);
    if agents.len() > 1 {
        causes.push(several(&agents));
    }
    let (name, dir) = (name(first), first.install_dir.display());
    if let (true, Some(text)) = (causes.is_empty(), unsure.into_iter().next()) {
        return Ok(Finding::unknown(STEP, text, evidence));
    }
    let summary = match causes.iter().max_by_key(|cause| cause.severity) {
        None => say!("{name} is installed in {dir}.", "{name} 已安装在 {dir}。"),
        Some(cause) => cause.detail.clone(),
    };
    Ok(Finding::judged(STEP, summary, causes, evidence))
}

fn several(agents: &[Agent]) -> Cause {
    let dirs = agents.iter().map(|agent| agent.install_dir.display().to_string()).collect::<Vec<_>>().join(", ");
    let count = agents.len();
    Cause::warn(
        CauseId::SeveralAgents,
        say!("{count} agents are on this host: {dirs}.", "本机有 {count} 个 Agent：{dirs}。"),
        Text::fixed(
            "Two agents compete for the same socket and identity, and the console cannot tell which one answers.",
            "多个 Agent 争用同一个套接字和机器标识，控制台无法区分是哪一个上报。",
        ),
        &[RemedyId::StopExtraAgent],
    )
}

/// The agents in containers, with the variables that rule there.
fn containers(see: &Observations) -> Result<Vec<Evidence>, Unanswered> {
    const RULING: [&str; 3] = ["ALIYUN_LOGTAIL_CONFIG", "ALIYUN_LOGTAIL_USER_ID", "ALIYUN_LOGTAIL_USER_DEFINED_ID"];
    let contained = layout::contained_processes(see)?;
    if contained.is_empty() {
        return Ok(Vec::new());
    }
    let count = contained.len();
    let row = say!("{count} agent process(es) in containers", "容器中有 {count} 个 Agent 进程");
    let mut rows = vec![Evidence::new(Text::fixed("Containers", "容器"), row, "/proc")];
    let told: Vec<_> =
        contained.iter().take(CONTAINED_SHOWN).map(|process| (process.pid, see.environment(process.pid))).collect();
    for (pid, variables) in told {
        for (name, value) in variables?.iter().flatten().filter(|(name, _)| RULING.contains(&name.as_str())) {
            let row =
                Evidence::new(Text::same(name.clone()), Text::same(value.clone()), format!("/proc/{pid}/environ"));
            if !rows.iter().any(|known| known.label == row.label && known.value == row.value) {
                rows.push(row);
            }
        }
    }
    Ok(rows)
}

/// What a complete install has and this one has not. A container's image starts the agent itself, without a script; a
/// missing configuration alone belongs to step 3, which can restore it.
fn missing(agent: &Agent, in_container: bool) -> Vec<String> {
    let is_needed = |path: &&PathBuf| **path != agent.config_path && !(in_container && path.starts_with("/etc/init.d"));
    agent.missing.iter().filter(is_needed).map(|path| path.display().to_string()).collect()
}

/// A machine made from an image keeps the identity of the machine that the image was taken from.
fn clone_row(see: &Observations, agent: &Agent) -> Result<Option<Evidence>, Unanswered> {
    let (record, note) = (subject::record(see, agent), subject::instance_note(see, agent)).together()?;
    let Record::Known(info) = record else { return Ok(None) };
    let host_id = info.host_id.filter(|id| id.starts_with("i-"));
    let (Some(host_id), Some(noted)) = (host_id, note.and_then(|note| note.instance_id)) else { return Ok(None) };
    if host_id == noted {
        return Ok(None);
    }
    let source = agent.app_info_path.display().to_string();
    let row = Evidence::new(Text::fixed("Host id", "主机 ID"), Text::same(host_id), source);
    let note = subject::instance_note_path(agent).display().to_string();
    let expected =
        say!("{noted}, as in {note}; was this machine cloned?", "{noted}（见 {note}）；本机是否由镜像克隆？");
    Ok(Some(row.expecting(expected).marked(Mark::Doubtful)))
}

/// `Logtail 1.8.8`, as sentences name the agent.
pub fn name(agent: &Agent) -> String {
    let label = agent.flavour.label();
    match &agent.version {
        Some(version) => format!("{} {version}", label.get(Lang::En)),
        None => label.get(Lang::En).to_string(),
    }
}

fn not_installed(see: &Observations, contained: Vec<Evidence>) -> Result<Finding, Unanswered> {
    let mut evidence = Vec::new();
    let nothing = Text::fixed("no agent", "没有 Agent");
    let mut is_certain = true;
    for dir in ["/usr/local", "/opt", "/etc/init.d"] {
        let (value, mark) = match see.dir(dir)? {
            Ok(listing) if !listing.cut => (nothing.clone(), Mark::Bad),
            Err(Unavailable::Absent) => (nothing.clone(), Mark::Bad),
            Ok(_) => (Text::fixed("too many names to list", "名称过多，未能列全"), Mark::Unknown),
            Err(trouble) => (subject::trouble(trouble), Mark::Unknown),
        };
        is_certain &= mark == Mark::Bad;
        evidence.push(Evidence::new(Text::same(dir), value, dir).marked(mark));
    }
    let (label, source) = (Text::fixed("Agent processes", "Agent 进程"), "/proc");
    let strangers =
        see.processes()?.as_ref().map(|all| all.iter().any(|one| one.exe.is_err() && one.contained != Some(true)));
    let (value, mark) = match strangers {
        Ok(false) => (Text::fixed("none on the host itself", "主机本身没有"), Mark::Bad),
        Ok(true) => {
            (Text::fixed("one whose program is hidden from this user", "有一个，但当前用户看不到其程序"), Mark::Unknown)
        }
        Err(trouble) => (subject::trouble(trouble), Mark::Unknown),
    };
    is_certain &= mark == Mark::Bad;
    evidence.push(Evidence::new(label, value, source).marked(mark));
    if !contained.is_empty() {
        evidence.extend(contained);
        let text = Text::fixed(
            "No agent is installed on this host itself; one runs in a container. Run this program inside that container.",
            "主机本身未安装 Agent；有一个运行在容器中。请在该容器内运行本程序。",
        );
        return Ok(Finding::unknown(STEP, text, evidence));
    }
    if !is_certain {
        let text = Text::fixed(
            "No agent was found, but not every place could be looked at. Run as root to find out.",
            "没有找到 Agent，但有些位置无法查看。请以 root 运行以确认。",
        );
        return Ok(Finding::unknown(STEP, text, evidence));
    }
    let detail = Text::fixed(
        "Neither Logtail nor LoongCollector is installed on this host.",
        "本机既未安装 Logtail，也未安装 LoongCollector。",
    );
    let why = Text::fixed("Only the agent sends the heartbeat.", "心跳由 Agent 发送。");
    let cause = Cause::fail(CauseId::AgentNotInstalled, detail.clone(), why, &[RemedyId::InstallAgent]);
    Ok(Finding::judged(STEP, detail, vec![cause], evidence))
}

fn rows(agent: &Agent, missing: &[String], in_container: bool) -> Vec<Evidence> {
    let dir = agent.install_dir.display().to_string();
    let found = Evidence::new(Text::fixed("Agent", "Agent"), Text::same(name(agent)), dir.clone()).marked(Mark::Good);
    let mut rows = vec![found];
    match &agent.init_script {
        Some(script) => {
            let script = script.display().to_string();
            let label = Text::fixed("Init script", "启动脚本");
            rows.push(Evidence::new(label, Text::same(script.clone()), script).marked(Mark::Good));
        }
        None if agent.community || in_container => {}
        None => {
            let label = Text::fixed("Init script", "启动脚本");
            rows.push(Evidence::new(label, Text::fixed("not there", "不存在"), "/etc/init.d").marked(Mark::Bad));
        }
    }
    for path in missing {
        rows.push(
            Evidence::new(Text::same(path.clone()), Text::fixed("missing", "缺失"), path.clone())
                .expecting(Text::fixed("part of every install", "安装后应存在"))
                .marked(Mark::Bad),
        );
    }
    if let Some(why) = &agent.unlisted {
        rows.push(Evidence::new(Text::same(dir.clone()), subject::trouble(why), dir).marked(Mark::Unknown));
    }
    rows
}

fn judge(agent: &Agent, missing: &[String]) -> Vec<Cause> {
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
    if !missing.is_empty() {
        let list = missing.join(", ");
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
