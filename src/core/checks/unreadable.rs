//! The cause that the group and the account share: what says who this host is cannot be read by the agent's user.

use crate::core::agent::eyes::{self, Barrier};
use crate::core::agent::layout::Agent;
use crate::core::finding::{Cause, CauseId, Evidence, Finding, Mark, Severity};
use crate::core::observe::{Observations, Unanswered};
use crate::core::text::Text;
use crate::say;
use std::path::Path;

/// What keeps the running agent from a file or directory of its identity.
///
/// # Errors
/// Something has not been looked at yet.
pub fn look(see: &Observations, agent: &Agent, path: &Path) -> Result<Option<Barrier>, Unanswered> {
    eyes::barrier(see, &agent.processes, path)
}

/// The finding with that cause, which goes before what follows from it.
pub fn added(mut finding: Finding, path: &Path, barrier: &Barrier) -> Finding {
    let Barrier { at, mode, uid, viewer, needs } = barrier;
    let (path, at) = (path.display(), at.display());
    let label = Text::fixed("Readable by the agent", "Agent 是否可读");
    let value = say!(
        "no: the agent runs as uid {viewer}, {at} belongs to uid {uid} with mode {mode:04o}",
        "否：Agent 以 uid {viewer} 运行，{at} 属于 uid {uid}，权限 {mode:04o}"
    );
    finding.evidence.push(Evidence::new(label, value, at.to_string()).marked(Mark::Bad));
    let label = Text::fixed("By hand", "手动处理");
    let by_hand = say!("chmod {needs} {at}, then restart the agent", "chmod {needs} {at}，然后重启 Agent");
    finding.evidence.push(Evidence::new(label, by_hand, at.to_string()));
    let detail = say!(
        "The agent runs as uid {viewer}, which may not read {path}.",
        "Agent 以 uid {viewer} 运行，无权读取 {path}。"
    );
    let why = Text::fixed(
        "What the agent cannot read it does not report, whatever stands there.",
        "Agent 读取不到的内容不会上报，无论其中写了什么。",
    );
    finding.summary = detail.clone();
    finding.causes.insert(0, Cause::fail(CauseId::IdentityUnreadable, detail, why, &[]));
    finding.verdict = finding.verdict.max(Severity::Fail.verdict());
    finding
}
