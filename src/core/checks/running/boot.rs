//! Whether the agent starts when the machine boots, by the word of the init system in force. It warns only when that one
//! says no; what could not be looked at accuses nobody.

use crate::core::agent::boot::{self, Starts};
use crate::core::agent::layout::Agent;
use crate::core::agent::supervisor::Supervisor;
use crate::core::finding::{Cause, CauseId, Evidence, Mark, RemedyId};
use crate::core::observe::{Observations, Unanswered};
use crate::core::text::Text;
use crate::say;

/// What was found about the next boot.
pub(super) struct Boot {
    pub evidence: Vec<Evidence>,
    pub cause: Option<Cause>,
}

/// Looks whether the agent starts at boot.
///
/// # Errors
/// Something has not been looked at yet.
pub(super) fn look(see: &Observations, agent: &Agent) -> Result<Boot, Unanswered> {
    if let Some(row) = by_other(agent) {
        return Ok(Boot { evidence: vec![row], cause: None });
    }
    let unit = agent.unit.as_str();
    let found = boot::look(see, agent)?;
    let row = Evidence::new(Text::fixed("At boot", "开机启动"), found.said, found.source);
    Ok(match found.starts {
        Starts::Yes => Boot { evidence: vec![row.marked(Mark::Good)], cause: None },
        Starts::Unknown => Boot { evidence: vec![row.marked(Mark::Unknown)], cause: None },
        // Nothing is there that could be enabled: step 1 says so, and has the remedy.
        Starts::No if agent.supervisor.is_none() => Boot { evidence: vec![row.marked(Mark::Doubtful)], cause: None },
        Starts::No => {
            let cause = Cause::warn(
                CauseId::NotEnabledAtBoot,
                say!("{unit} is not started when the machine boots.", "{unit} 未设置为开机启动。"),
                Text::fixed(
                    "After the next reboot the agent stays down, and the heartbeat with it.",
                    "下次重启机器后 Agent 不会启动，心跳也随之消失。",
                ),
                &[RemedyId::EnableAtBoot],
            );
            let row = row.expecting(Text::fixed("enabled", "已启用")).marked(Mark::Doubtful);
            Boot { evidence: vec![row], cause: Some(cause) }
        }
    })
}

/// What starts the agent at boot, where neither systemd nor a run level has a part in it.
fn by_other(agent: &Agent) -> Option<Evidence> {
    let supervisor = agent.supervisor.as_ref()?;
    if matches!(supervisor, Supervisor::InitScript(_) | Supervisor::Unit(_)) {
        return None;
    }
    let label = Text::fixed("At boot", "开机启动");
    Some(Evidence::new(label, supervisor.text(), supervisor.source()).marked(Mark::Good))
}
