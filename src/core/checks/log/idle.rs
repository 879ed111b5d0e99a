//! The idle agent: one that has no collection configuration for a long time asks ever more rarely, up to every 12
//! minutes (document "心跳异常问题汇总排查"), and the console then shows FAIL although nothing is wrong.

use super::super::investigation::Judge;
use super::super::subject;
use crate::core::agent::json;
use crate::core::agent::layout::Agent;
use crate::core::agent::processes::{Shape, process_shape, worker};
use crate::core::context::Context;
use crate::core::finding::{Cause, CauseId, Evidence, Mark, RemedyId, StepId, Verdict};
use crate::core::observe::{FileSeen, Observations, Observed, Together, Unanswered, Unavailable};
use crate::core::text::Text;

/// A new agent gets its configuration within this, in seconds (document "Logtail 基本问题").
const DELIVERED_WITHIN: i64 = 180;
/// An answer of the config server within this shows that the agent asks often, in seconds.
const ASKS_OFTEN: i64 = 300;

/// What was found.
pub(super) struct Idle {
    pub evidence: Vec<Evidence>,
    pub cause: Option<Cause>,
}

/// Looks for the configurations that the service delivers: one file up to 1.x, a directory from 2.0 on.
///
/// # Errors
/// Something has not been looked at yet.
pub(super) fn look(see: &Observations, agent: &Agent, told: &Context, judge: Judge) -> Result<Idle, Unanswered> {
    let (file, dir) = (agent.install_dir.join("user_log_config.json"), agent.conf_dir.join("config/enterprise"));
    let (clock, one, many, memory) =
        (see.clock(), see.file(&file), see.dir(&dir), subject::memory(see, agent)).together()?;
    let version = agent.version.as_ref();
    let by_file = version.is_none_or(|version| version.before(2, 0, 0));
    let by_dir = version.is_none_or(|version| version.at_least(2, 0, 0));
    let (file, dir) = (file.display().to_string(), dir.display().to_string());
    let delivered = (by_file && is_delivered(one))
        || (by_dir && many.as_ref().is_ok_and(|dir| dir.entries.iter().any(|entry| entry.name.ends_with(".json"))));
    let is_unread = |trouble: Option<&Unavailable>| trouble.is_some_and(|trouble| *trouble != Unavailable::Absent);
    let unread = (by_file && is_unread(one.as_ref().err())) || (by_dir && is_unread(many.as_ref().err()));
    let label = Text::fixed("Configurations from the service", "服务端下发的采集配置");
    let source = if by_file { file } else { dir };
    if delivered || unread || agent.community {
        let evidence = match (agent.community, delivered) {
            (true, _) => Vec::new(),
            (_, true) => vec![Evidence::new(label, Text::fixed("there", "存在"), source).marked(Mark::Good)],
            (_, false) => vec![Evidence::new(label, Text::fixed("not known", "未知"), source).marked(Mark::Unknown)],
        };
        return Ok(Idle { evidence, cause: None });
    }
    let row = Evidence::new(label, Text::fixed("none", "无"), source);
    let now = clock.now_ms / 1000;
    let runs = matches!(process_shape(&agent.processes), Shape::Pair { .. });
    let is_new = worker(&agent.processes).is_some_and(|worker| now - worker.started < DELIVERED_WITHIN);
    let answered = memory.and_then(|memory| subject::seconds(&memory.status.config_got?, clock));
    let asks_often = answered.is_some_and(|at| now - at < ASKS_OFTEN);
    let mut all_well = runs && !is_new && !asks_often && told.console_heartbeat != Some(true);
    // Asked only now: it takes as long as the slowest answer of the network.
    let others: Vec<_> =
        StepId::ALL.iter().filter(|step| **step < StepId::Log).map(|step| judge(*step, see, told)).collect();
    for other in others {
        all_well &= other?.verdict != Verdict::Fail;
    }
    if !all_well {
        return Ok(Idle { evidence: vec![row], cause: None });
    }
    let cause = Cause::warn(
        CauseId::IdleBackoff,
        Text::fixed(
            "The service has delivered no collection configuration to this host.",
            "服务端尚未向本机下发任何采集配置。",
        ),
        Text::fixed(
            "An agent without configuration asks ever more rarely, up to every 12 minutes, and the console may show FAIL meanwhile. Apply a configuration to the group, or restart the agent.",
            "没有采集配置的 Agent 会逐渐降低请求频率，最长 12 分钟一次，期间控制台可能显示 FAIL。请为机器组应用采集配置，或重启 Agent。",
        ),
        &[RemedyId::RestartAgent],
    );
    Ok(Idle { evidence: vec![row.marked(Mark::Doubtful)], cause: Some(cause) })
}

/// Whether the file holds anything: an agent without configurations writes `{}` or nothing.
fn is_delivered(file: &Observed<FileSeen>) -> bool {
    let Ok(file) = file else { return false };
    // One that is too long to be read whole is not empty.
    file.is_partial()
        || json::read(&file.bytes).value.is_ok_and(|value| value.as_object().is_some_and(|object| !object.is_empty()))
}
