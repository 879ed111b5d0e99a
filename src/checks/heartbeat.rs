//! Step 10: does the heartbeat arrive at the service? Only the service knows. Local signs are shown, but they can never
//! prove it; without credentials the operator's word from the console decides.

use super::subject;
use crate::context::Context;
use crate::finding::{Cause, CauseId, Evidence, Finding, Mark, Severity, StepId};
use crate::host::{Seen, Unseen};
use crate::say;
use crate::text::Text;

const STEP: StepId = StepId::Heartbeat;
/// An idle agent asks at least so often, in seconds; with a margin for the request itself.
const IDLE_AT_MOST: i64 = 13 * 60;

/// Judges step 10.
///
/// # Errors
/// Something has not been looked at yet.
pub fn check(see: &Seen, told: &Context) -> Result<Finding, Unseen> {
    let evidence = local_signs(see)?;
    let console = Text::fixed("Console", "控制台");
    if let Some(ok) = told.console_heartbeat {
        let (value, mark) = match ok {
            true => (Text::fixed("heartbeat OK", "心跳 OK"), Mark::Good),
            false => (Text::fixed("heartbeat FAIL", "心跳 FAIL"), Mark::Bad),
        };
        let mut evidence = evidence;
        evidence.insert(0, subject::told(console, value).marked(mark));
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
    let mut evidence = evidence;
    let row = subject::told(console, Text::fixed("not told yet", "尚未填写")).marked(Mark::Unknown);
    evidence.insert(0, row.expecting(Text::fixed("heartbeat OK", "心跳 OK")));
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

/// What this host knows: whether the config server ever answered the agent (1.x and 2.x write it every minute), and
/// when the service last delivered a configuration.
fn local_signs(see: &Seen) -> Result<Vec<Evidence>, Unseen> {
    let Some(agent) = subject::agent(see)? else { return Ok(Vec::new()) };
    let delivered = agent.install_dir.join("user_log_config.json");
    let enterprise = agent.conf_dir.join("config/enterprise");
    let (clock, memory) = (see.clock(), subject::memory(see, &agent));
    let (file, dir) = (see.file(&delivered), see.dir(&enterprise));
    let (clock, memory, file, dir) = (clock?, memory?, file?, dir?);
    let mut rows = Vec::new();
    if let Some(memory) = memory {
        let label = Text::fixed("Config server last answered", "配置服务端最近应答");
        let source = format!("{} {}", memory.path.display(), memory.status.time);
        rows.push(match memory.status.config_got {
            Some(time) => {
                let is_recent =
                    subject::seconds(&time, clock).is_some_and(|at| clock.now_ms / 1000 - at < IDLE_AT_MOST);
                let mark = if is_recent { Mark::Good } else { Mark::Doubtful };
                Evidence::new(label, Text::same(time), source).marked(mark)
            }
            None => Evidence::new(label, Text::fixed("never since the start", "启动以来从未应答"), source)
                .marked(Mark::Doubtful),
        });
    }
    let of_file = file.as_ref().ok().map(|file| (delivered.display().to_string(), file.modified));
    let entries = dir.as_ref().map(|dir| dir.entries.as_slice()).unwrap_or_default();
    let of_dir = entries.iter().filter(|entry| entry.name.ends_with(".json")).map(|entry| entry.modified).max();
    let of_dir = of_dir.map(|modified| (enterprise.display().to_string(), modified));
    if let Some((source, modified)) = of_file.into_iter().chain(of_dir).max_by_key(|(_, modified)| *modified) {
        let label = Text::fixed("Configuration delivered", "采集配置下发时间");
        let age = super::running::age((clock.now_ms / 1000 - modified).max(0));
        let (en, zh) = subject::both(&age);
        rows.push(Evidence::new(label, say!("{en} ago", "{zh}前"), source));
    }
    Ok(rows)
}
