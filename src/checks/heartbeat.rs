//! Step 10: does the heartbeat arrive at the service? Only the service knows. Local signs are shown, but they can never
//! prove it; without credentials the operator's word from the console decides.

use super::subject;
use crate::agent::status_log;
use crate::context::Context;
use crate::finding::{Cause, CauseId, Evidence, Finding, Mark, Severity, StepId};
use crate::host::{Seen, Unseen};
use crate::text::Text;

const STEP: StepId = StepId::Heartbeat;

/// Judges step 10.
///
/// # Errors
/// Something has not been looked at yet.
pub fn check(see: &Seen, told: &Context) -> Result<Finding, Unseen> {
    let evidence = local_signs(see)?;
    let console = Text::fixed("Console", "控制台");
    let source = "told by the operator";
    if let Some(ok) = told.console_heartbeat {
        let (value, mark) = match ok {
            true => (Text::fixed("heartbeat OK", "心跳 OK"), Mark::Good),
            false => (Text::fixed("heartbeat FAIL", "心跳 FAIL"), Mark::Bad),
        };
        let mut evidence = evidence;
        evidence.insert(0, Evidence::new(console, value, source).marked(mark));
        if ok {
            let text = Text::fixed("The console shows the heartbeat.", "控制台已显示心跳正常。");
            return Ok(Finding::judged(STEP, text, Vec::new(), evidence));
        }
        let detail = Text::fixed("The console shows no heartbeat.", "控制台显示无心跳。");
        let why = Text::fixed(
            "Wait 1 minute after an edit of the group and 2 minutes after an install; then the steps above or a ticket.",
            "修改机器组后请等待 1 分钟，新安装后等待 2 分钟；仍失败则检查以上各步或提交工单。",
        );
        let cause = Cause::fail(CauseId::HeartbeatAbsent, detail.clone(), why, &[]);
        return Ok(Finding::judged(STEP, detail, vec![cause], evidence));
    }
    if told.no_cloud {
        let text = Text::fixed(
            "Skipped: --no-cloud forbids to ask the service. Look at the machine group's status in the console.",
            "已跳过：--no-cloud 禁止访问服务端。请在控制台查看机器组状态。",
        );
        return Ok(Finding { evidence, ..Finding::skipped(STEP, text) });
    }
    let detail = Text::fixed(
        "Not verified: look at the machine group's status in the console and say what it shows.",
        "尚未验证：请在控制台查看机器组状态，并填写显示的结果。",
    );
    let why = Text::fixed(
        "Only the service knows whether the heartbeat arrived; nothing on this host can prove it.",
        "只有服务端知道心跳是否到达，本机上的任何信息都无法证明。",
    );
    let cause = Cause {
        id: CauseId::HeartbeatUnverified,
        severity: Severity::Unknown,
        detail: detail.clone(),
        why,
        remedies: Vec::new(),
    };
    Ok(Finding::judged(STEP, detail, vec![cause], evidence))
}

/// What this host knows: whether the config server ever answered the agent (1.x and 2.x write it every minute).
fn local_signs(see: &Seen) -> Result<Vec<Evidence>, Unseen> {
    let Some(agent) = subject::agent(see)? else { return Ok(Vec::new()) };
    let path = agent.install_dir.join("snapshot/ilogtail_status.LOG");
    let Ok(file) = see.tail(&path)? else { return Ok(Vec::new()) };
    let Some(status) = status_log::last_status(&file.bytes) else { return Ok(Vec::new()) };
    let label = Text::fixed("Config server last answered", "配置服务端最近应答");
    let source = format!("{} {}", path.display(), status.time);
    Ok(vec![match status.config_got {
        Some(time) => Evidence::new(label, Text::same(time), source).marked(Mark::Good),
        None => Evidence::new(label, Text::fixed("never since the start", "启动以来从未应答"), source)
            .marked(Mark::Doubtful),
    }])
}
