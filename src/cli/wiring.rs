//! Where the command line meets the rooms that look, judge and draw: one place for each joint.

use super::Settings;
use crate::checks::Judge;
use crate::engine::Looking;
use crate::finding::{Finding, StepId};
use crate::flow::Session;
use crate::host::{Host, LinuxHost, Options, Seen};
use crate::report::AgentInfo;
use crate::text::Text;
use std::sync::Arc;
use std::time::Duration;

/// This machine.
pub fn host(timeout: Duration, read_only: bool) -> Arc<dyn Host> {
    Arc::new(LinuxHost::new(Options { limit: timeout, read_only }))
}

/// The function that judges a step. The dispatcher of the checks stands here as soon as there are checks to dispatch
/// to; until then every step is unknown, which is never OK.
pub fn judge() -> Judge {
    fn nothing_known(step: StepId, _: &Seen, _: &crate::context::Context) -> Result<Finding, crate::host::Unseen> {
        let title = step.title();
        let (en, zh) = (title.get(crate::text::Lang::En), title.get(crate::text::Lang::Zh));
        let summary = Text::filled(format!("This build cannot check: {en}."), format!("此版本无法检查：{zh}。"));
        Ok(Finding::unknown(step, summary, Vec::new()))
    }
    nothing_known
}

/// The agent, from what was observed of it; None as long as no room reads its layout.
pub fn agent_info(_: &Seen) -> Option<AgentInfo> {
    None
}

/// What the bare command says where there is no terminal.
pub fn no_terminal() -> Text {
    Text::fixed(
        "The wizard needs a terminal on standard input and output. Without one, run: logtail-doctor check",
        "向导需要标准输入和标准输出都是终端。没有终端时请运行：logtail-doctor check",
    )
}

/// The wizard with everything that it needs. The call of the face stands here as soon as there is one; until then the
/// sentence that names `check` is all there is. Returns the exit code.
pub async fn wizard(looking: Looking, session: Session, settings: &Settings) -> u8 {
    drop((looking, session));
    settings.complain(&no_terminal());
    super::COULD_NOT_RUN
}
