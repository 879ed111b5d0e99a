//! What several checks look at in the same way: the agent, its configuration, its record, its environment.
//! It judges nothing.

use crate::agent::app_info::{self, AppInfo, AppInfoFault};
use crate::agent::config::Config;
use crate::agent::layout::{self, Agent, ConfigTrouble};
use crate::finding::{Finding, StepId};
use crate::host::{Seen, Trouble, Unseen};
use crate::say;
use crate::text::Text;

/// The agent that the steps after the first look at: the running one, else the first that is installed.
///
/// # Errors
/// Something has not been looked at yet.
pub fn agent(see: &Seen) -> Result<Option<Agent>, Unseen> {
    Ok(layout::find(see)?.into_iter().next())
}

/// The agent's record of its last start.
pub enum Record {
    Known(AppInfo),
    Broken(AppInfoFault),
    Unread(Trouble),
}

/// Reads `app_info.json`.
///
/// # Errors
/// Something has not been looked at yet.
pub fn record(see: &Seen, agent: &Agent) -> Result<Record, Unseen> {
    Ok(match see.file(&agent.app_info_path)? {
        Ok(file) => match app_info::parse(&file.bytes) {
            Ok(info) => Record::Known(info),
            Err(fault) => Record::Broken(fault),
        },
        Err(trouble) => Record::Unread(trouble.clone()),
    })
}

/// Reads the configuration as the agent would load it now.
///
/// # Errors
/// Something has not been looked at yet.
pub fn config(see: &Seen, agent: &Agent) -> Result<Result<Config, ConfigTrouble>, Unseen> {
    layout::read_config(see, agent)
}

/// The finding of a step whose subject is not there: no agent is installed.
pub fn no_agent(step: StepId) -> Finding {
    let text = Text::fixed("Skipped: no agent is installed, see step 1.", "已跳过：未安装 Agent，见第 1 步。");
    Finding::skipped(step, text)
}

/// Why something could not be looked at, in a few words.
pub fn trouble(trouble: &Trouble) -> Text {
    match trouble {
        Trouble::Absent => Text::fixed("does not exist", "不存在"),
        Trouble::NotAllowed => Text::fixed("not allowed to read; run as root", "无读取权限；请以 root 运行"),
        Trouble::TimedOut => Text::fixed("no answer in time", "读取超时"),
        Trouble::NotAFile(kind) => say!("not a regular file but a {kind}", "不是普通文件，而是 {kind}"),
        Trouble::Other(reason) => say!("cannot be read: {reason}", "无法读取：{reason}"),
    }
}
