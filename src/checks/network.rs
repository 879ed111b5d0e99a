//! Step 4: can this host reach every endpoint that the agent needs? (The document's `telnet`, done properly.)
//!
//! All targets are probed in parallel, each through every stage: name, connection, TLS, and an answer that really
//! comes from the service. Only then a target counts as reached.

mod judge;
mod targets;

pub use judge::is_service;
pub use targets::of as targets;

use super::subject;
use crate::context::{Context, Field};
use crate::finding::{Finding, Mark, StepId};
use crate::host::{Seen, Unseen};
use crate::say;
use crate::text::Text;

const STEP: StepId = StepId::Network;

/// Judges step 4.
///
/// # Errors
/// Something has not been looked at yet.
pub fn check(see: &Seen, told: &Context) -> Result<Finding, Unseen> {
    let agent = subject::agent(see)?;
    let wanted = match targets(see, agent.as_ref(), told)? {
        Some(wanted) if !wanted.is_empty() => wanted,
        _ => {
            let text = Text::fixed(
                "There is no endpoint to try: the configuration names none. Tell region and network type to try theirs.",
                "没有可测试的服务入口：配置中未指定。填写地域和网络类型后可进行测试。",
            );
            return Ok(Finding::unknown(STEP, text, Vec::new()).wanting(&[Field::Region, Field::Network]));
        }
    };
    // Asked together: the time is that of the slowest.
    let answers: Vec<_> = wanted.iter().map(|wanted| see.reach(&wanted.target)).collect();
    let mut rows = Vec::new();
    let mut troubles = judge::Troubles::default();
    for (wanted, answer) in wanted.iter().zip(answers) {
        rows.push(troubles.take(wanted, answer?));
    }
    let reached = rows.iter().filter(|row| row.mark == Mark::Good).count();
    let (all, causes) = (rows.len(), troubles.causes());
    let summary = match causes.iter().max_by_key(|cause| cause.severity) {
        Some(worst) => worst.detail.clone(),
        None => say!("All {all} probes reached the service.", "{all} 项探测全部连通日志服务。"),
    };
    let mut finding = Finding::judged(STEP, summary, causes, rows);
    if reached < all && finding.causes.is_empty() {
        finding = Finding::unknown(STEP, finding.summary, finding.evidence);
    }
    if told.project.is_none() {
        finding.wants = vec![Field::Project];
    }
    Ok(finding)
}
