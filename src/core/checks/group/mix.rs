//! Linux and Windows in one machine group: the documents forbid it, because the collection configurations of a group
//! have paths of one system only. The service does not tell a machine's system; the version of its agent does.

use super::super::{cloud, heartbeat};
use crate::core::agent::layout::Agent;
use crate::core::finding::{Cause, CauseId, Evidence, Finding, Mark, Severity, Verdict};
use crate::core::observe::{Observations, Site, Unanswered};
use crate::core::text::Text;
use crate::say;

/// The cause, when machines of the group run Logtail for Windows. None as well where the machines cannot be listed: the
/// step of the heartbeat says so.
///
/// # Errors
/// Something has not been looked at yet.
pub(super) fn cause(
    see: &Observations,
    agent: &Agent,
    site: &Site,
    group: &str,
    evidence: &mut Vec<Evidence>,
) -> Result<Option<Cause>, Unanswered> {
    let own = heartbeat::own(see, agent)?;
    let Ok(machines) = see.cloud_machines(site, group, &own)? else { return Ok(None) };
    if machines.windows.is_empty() {
        return Ok(None);
    }
    let items: Vec<String> = machines.windows.iter().map(|one| format!("{} ({})", one.ip, one.version)).collect();
    let label = Text::fixed("Machines with Logtail for Windows", "安装 Windows 版 Logtail 的机器");
    evidence.push(Evidence::new(label, cloud::shown(&items), "ListMachines").marked(Mark::Doubtful));
    let count = items.len();
    let detail = say!(
        "Machine group {group} mixes Linux and Windows: {count} of its machines run Logtail for Windows, this host is Linux.",
        "机器组 {group} 混用了 Linux 和 Windows：其中 {count} 台机器安装了 Windows 版 Logtail，而本机是 Linux。"
    );
    let why = Text::fixed(
        "A collection configuration has paths of one system, so one group must not hold both; make a group for each in the console.",
        "采集配置中的路径只适用于一种操作系统，同一机器组不能同时包含两者；请在控制台为两者分别创建机器组。",
    );
    Ok(Some(Cause::warn(CauseId::GroupOsMix, detail, why, &[])))
}

/// The finding with this warning.
pub(super) fn added(mut finding: Finding, cause: Cause) -> Finding {
    if finding.verdict == Verdict::Pass {
        finding.verdict = Severity::Warn.verdict();
        finding.summary = cause.detail.clone();
    }
    finding.causes.push(cause);
    finding.causes.sort_by_key(|cause| std::cmp::Reverse(cause.severity));
    finding
}
