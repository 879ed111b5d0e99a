//! What several checks look at in the same way: the agent, its configuration, its record, its environment.
//! It judges nothing.

use super::steady;
use crate::core::agent::app_info::{self, AppInfo, AppInfoFault};
use crate::core::agent::config::Config;
use crate::core::agent::identity_files::{self, InstanceIdentity};
pub use crate::core::agent::layout::whole;
use crate::core::agent::layout::{self, Agent, ConfigTrouble};
use crate::core::agent::status_log::{self, Status};
use crate::core::agent::{log, processes};
use crate::core::finding::{Evidence, Finding, Mark, StepId};
use crate::core::observe::{ClockSeen, FileSeen, IdentitySeen, Observations, Together, Unanswered, Unavailable};
use crate::core::text::Text;
use crate::say;
use std::path::PathBuf;
use std::sync::Arc;

/// The status file is written every minute; an older one is not what the running agent holds now, in seconds.
const STATUS_AGE: i64 = 300;
/// The kernel counts a process's start in hundredths, and this host's start in whole seconds, in seconds.
const CLOCK_GRAIN: i64 = 2;
/// A worker writes it for the first time a minute after its start; what is nearer is its predecessor's, in seconds.
const FIRST_STATUS: i64 = 30;

/// The agent that the steps after the first look at: the running one, else the first that is installed.
///
/// # Errors
/// Something has not been looked at yet.
pub fn agent(see: &Observations) -> Result<Option<Agent>, Unanswered> {
    Ok(layout::find(see)?.into_iter().next())
}

/// The agent's record of its last start.
pub enum Record {
    Known(AppInfo),
    Broken(AppInfoFault),
    Unread(Unavailable),
}

/// Reads `app_info.json`.
///
/// # Errors
/// Something has not been looked at yet.
pub fn record(see: &Observations, agent: &Agent) -> Result<Record, Unanswered> {
    Ok(match whole(see.file(&agent.app_info_path)?) {
        Ok(file) => match app_info::parse(&file.bytes) {
            Ok(info) => Record::Known(info),
            Err(fault) => Record::Broken(fault),
        },
        Err(trouble) => Record::Unread(trouble),
    })
}

/// The agent's record, and whether it tells of the agent that runs now.
pub enum Current {
    OfNow(Record),
    /// It was written before the running worker started, at this time (seconds since 1970): it proves nothing of now.
    Older(Record, i64),
    /// No process of the agent runs, so there is no now to tell of.
    NoProcess(Record),
}

/// Reads `app_info.json` after the processes have been looked at for the last time, and holds it against them.
///
/// # Errors
/// Something has not been looked at yet.
pub fn current(see: &Observations, agent: &Agent) -> Result<Current, Unanswered> {
    let steady = steady::look(see, agent)?;
    // A young worker writes its record while it is watched: what was read before says nothing then.
    let file = if steady.is_second_look { see.tail(&agent.app_info_path) } else { see.file(&agent.app_info_path) };
    let (file, log) = (file?, see.tail(&agent.log_path)?);
    let modified = file.as_ref().ok().map(|file| file.modified);
    let record = match whole(file) {
        Ok(file) => match app_info::parse(&file.bytes) {
            Ok(info) => Record::Known(info),
            Err(fault) => Record::Broken(fault),
        },
        Err(trouble) => Record::Unread(trouble),
    };
    let Some(worker) = steady.worker() else {
        let are_hidden = see.processes()?.is_err();
        return Ok(if are_hidden { Current::OfNow(record) } else { Current::NoProcess(record) });
    };
    let since = worker.started.saturating_sub(CLOCK_GRAIN);
    let epoch = match &record {
        Record::Known(info) => info.started,
        Record::Broken(_) | Record::Unread(_) => None,
    };
    let is_newer = modified.into_iter().chain(epoch).any(|at| at >= since);
    let is_absent = modified.is_none();
    Ok(if is_newer || is_absent || is_of_last_start(&record, log.as_ref().ok(), since) {
        Current::OfNow(record)
    } else {
        Current::Older(record, worker.started)
    })
}

/// Whether the log tells of no start after the one of the record, and is still being written. A clock that was set ahead
/// since the start, as that of a machine that was paused, makes every start look later than what was written at it.
fn is_of_last_start(record: &Record, log: Option<&FileSeen>, since: i64) -> bool {
    let (Record::Known(info), Some(log)) = (record, log.filter(|log| log.modified >= since)) else { return false };
    let text = log.text();
    let last = log::entries(&text).filter(|entry| log::sign_of(entry) == Some(log::LogSign::Started)).last();
    !info.instance_id.is_empty() && last.is_none_or(|entry| entry.rest.contains(&info.instance_id))
}

/// The address that the agent really reports: the one in `instance_id`, which nobody edits, else the field `ip`.
pub fn reported_ip(info: &AppInfo) -> &str {
    info.reported_ip()
}

/// Whether it is known which variables the agent runs with: none runs, or its environment was read.
///
/// # Errors
/// Something has not been looked at yet.
pub fn is_environment_known(see: &Observations, agent: &Agent) -> Result<bool, Unanswered> {
    Ok(hidden_environment(see, agent)?.is_none())
}

/// Why the agent's variables are not known, and where they stand; None when they are.
///
/// # Errors
/// Something has not been looked at yet.
pub fn hidden_environment(see: &Observations, agent: &Agent) -> Result<Option<(Unavailable, String)>, Unanswered> {
    Ok(match layout::environment_of(see, &agent.processes, agent.init_script.is_some())? {
        Some(pid) => {
            let source = format!("/proc/{pid}/environ");
            see.environment(pid)?.as_ref().err().map(|why| (why.clone(), source))
        }
        // Where processes are hidden, an agent may well run.
        None => see.processes()?.as_ref().err().map(|why| (why.clone(), "/proc".to_string())),
    })
}

/// A local time as the agent writes it, in seconds since 1970.
pub fn seconds(local: &str, clock: &ClockSeen) -> Option<i64> {
    log::local_seconds(local)?.checked_sub(i64::from(clock.offset_s))
}

/// What the running agent says of itself.
pub struct Memory {
    pub status: Status,
    /// When it said so, in seconds since 1970.
    pub at: i64,
    pub path: PathBuf,
}

/// What the running agent (1.x or 2.x) holds in memory, if it said so within the last minutes.
///
/// # Errors
/// Something has not been looked at yet.
pub fn memory(see: &Observations, agent: &Agent) -> Result<Option<Memory>, Unanswered> {
    let path = agent.install_dir.join("snapshot/ilogtail_status.LOG");
    let (clock, file) = (see.clock(), see.tail(&path)).together()?;
    let Some(worker) = processes::worker(&agent.processes) else { return Ok(None) };
    let Some(status) = file.as_ref().ok().and_then(|file| status_log::last_status(&file.bytes)) else {
        return Ok(None);
    };
    let Some(at) = seconds(&status.time, clock) else { return Ok(None) };
    let is_now = at >= worker.started + FIRST_STATUS && clock.now_ms / 1000 - at < STATUS_AGE;
    Ok(is_now.then_some(Memory { status, at, path }))
}

/// Where an agent from 3.0 on notes the ECS instance that it runs on.
pub fn instance_note_path(agent: &Agent) -> PathBuf {
    agent.conf_dir.join("checkpoint/instance_identity")
}

/// The note of the ECS instance that the agent runs on; None where there is none.
///
/// # Errors
/// Something has not been looked at yet.
pub fn instance_note(see: &Observations, agent: &Agent) -> Result<Option<InstanceIdentity>, Unanswered> {
    let file = see.file(instance_note_path(agent))?;
    Ok(whole(file).ok().and_then(|file| identity_files::instance_identity(&file.bytes)))
}

/// A row that says where the agent looks for identifiers and accounts, where that is not the usual place.
pub fn conf_dir_row(agent: &Agent) -> Option<Evidence> {
    let unusable = agent.unusable_conf_dir.as_ref()?.display().to_string();
    let here = agent.conf_dir.display();
    let value = say!(
        "not a directory that the agent can open; it looks in {here} instead",
        "Agent 无法打开该目录，改为在 {here} 中查找"
    );
    let label = Text::fixed("Configuration directory", "系统配置目录");
    Some(Evidence::new(label, value, unusable).marked(Mark::Doubtful))
}

/// A row that the operator told, not this host.
pub fn told(label: Text, value: Text) -> Evidence {
    Evidence { source: Text::fixed("told by the operator", "由操作者填写"), ..Evidence::new(label, value, "") }
}

/// Reads the configuration as the agent would load it now.
///
/// # Errors
/// Something has not been looked at yet.
pub fn config(see: &Observations, agent: &Agent) -> Result<Result<Arc<Config>, ConfigTrouble>, Unanswered> {
    layout::read_config(see, agent)
}

/// Whether the agent is one of a container image: signs of a container, and no init script, which images do not have.
/// Signs alone do not count: whole hosts run in containers too.
pub fn in_container(identity: &IdentitySeen, agent: &Agent) -> bool {
    identity.container.is_some() && agent.init_script.is_none()
}

/// The finding of a step whose subject is not there: no agent is installed.
pub fn no_agent(step: StepId) -> Finding {
    let text = Text::fixed("Skipped: no agent is installed, see step 1.", "已跳过：未安装 Agent，见第 1 步。");
    Finding::skipped(step, text)
}

/// The finding of a step that compares what the agent reports with what the service expects, when there is no agent:
/// the design skips the steps that look at the agent itself, not these.
pub fn nothing_reported(step: StepId) -> Finding {
    let text = Text::fixed(
        "Not known: no agent is installed that could report anything, see step 1.",
        "未知：未安装 Agent，没有可供对比的上报信息，见第 1 步。",
    );
    Finding::unknown(step, text, Vec::new())
}

/// The finding of a step that has no meaning for the open-source build: it has no machine group and no account.
pub fn community(step: StepId) -> Finding {
    let text = Text::fixed(
        "Skipped: the open-source edition has no heartbeat to the service, see step 1.",
        "已跳过：开源社区版不向日志服务发送心跳，见第 1 步。",
    );
    Finding::skipped(step, text)
}

/// Why something could not be looked at, in a few words.
pub fn trouble(trouble: &Unavailable) -> Text {
    match trouble {
        Unavailable::Absent => Text::fixed("does not exist", "不存在"),
        Unavailable::NotAllowed => Text::fixed("not allowed to read; run as root", "无读取权限；请以 root 运行"),
        Unavailable::TimedOut => Text::fixed("no answer in time", "读取超时"),
        Unavailable::NotAFile(kind) => say!("not a regular file but a {kind}", "不是普通文件，而是 {kind}"),
        Unavailable::Untrusted(distrust) => distrust.sentences(),
        Unavailable::Other(reason) => say!("cannot be read: {reason}", "无法读取：{reason}"),
    }
}
