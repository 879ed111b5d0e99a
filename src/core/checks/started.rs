//! Whether an agent that was started is proven to run: its worker has stayed, and has written its record. It tells what
//! is missing to the proof, and accuses nobody.

use super::steady;
use super::subject::{self, Current, Record};
use crate::core::observe::{Observations, Unanswered};
use crate::core::text::Text;

/// What is missing to the proof that a started agent runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Missing {
    /// No worker has lived for 15 seconds.
    Worker,
    /// The worker has not written its record since it started.
    Record,
    /// No heartbeat newer than the change has come.
    Heartbeat,
}

impl Missing {
    /// What is missing, and where to look, in one sentence.
    pub fn text(self) -> Text {
        match self {
            Missing::Worker => Text::fixed(
                "the agent's worker has not stayed up for 15 s. Look at step 2 (Running) and at the end of the agent's log.",
                "Agent 的工作进程未能持续运行 15 秒。请查看第 2 步（运行）和 Agent 日志末尾。",
            ),
            Missing::Record => Text::fixed(
                "the agent's worker has not written app_info.json since it started. Look whether its directory is full, read-only, or cannot be written to.",
                "Agent 的工作进程启动后没有写入 app_info.json。请检查其目录是否已满、只读或不可写。",
            ),
            Missing::Heartbeat => Text::fixed(
                "the service has no heartbeat newer than the change. Look again in some minutes: logtail-doctor verify",
                "服务端还没有收到更改之后的心跳。请几分钟后再看：logtail-doctor verify",
            ),
        }
    }
}

/// What is missing to the proof that the agent of this host runs, as far as this host can tell; None when nothing is.
///
/// # Errors
/// Something has not been looked at yet.
pub fn started(see: &Observations) -> Result<Option<Missing>, Unanswered> {
    let Some(agent) = subject::agent(see)? else { return Ok(Some(Missing::Worker)) };
    let (steady, record) = (steady::look(see, &agent)?, subject::current(see, &agent)?);
    Ok(match record {
        _ if steady.proven().is_none() => Some(Missing::Worker),
        Current::OfNow(Record::Known(_)) => None,
        Current::OfNow(Record::Broken(_) | Record::Unread(_)) | Current::Older(..) | Current::NoProcess(_) => {
            Some(Missing::Record)
        }
    })
}
