//! Leaving while a plan is carried out: it is finished first, since half a change is worse than either whole. The
//! operator is told what is waited for, and nothing is waited for without end.

use super::{Applying, Face, next_of};
use crate::carry_out::AppliedResult;
use crate::flow::{Event, Session};
use crate::report::Redactor;
use crate::say;
use crate::text::Text;
use std::time::Duration;

/// How long a change under way may still take. Each of its steps has a limit of its own; an installer's is the longest.
const LIMIT: Duration = Duration::from_secs(600);

/// Waits for the end of a plan that is under way, and says what it came to.
pub(super) async fn finish<F: Face>(applying: Applying, redactor: &mut Redactor, session: &Session, face: &mut F) {
    let minutes = LIMIT.as_secs() / 60;
    face.leave(
        session,
        &say!(
            "A change is under way; it is finished first, at most {minutes} minutes. Do not kill this program.",
            "有更改正在进行，将先执行完毕（最多 {minutes} 分钟）。请勿强行终止本程序。"
        ),
    );
    let mut applying = Some(applying);
    let to_the_end = async {
        loop {
            if let event @ Event::Applied(_) = next_of(&mut applying).await {
                return event;
            }
        }
    };
    let said = match tokio::time::timeout(LIMIT, to_the_end).await.map(|event| super::masked(redactor, event)) {
        Ok(Event::Applied(applied)) => match applied.result {
            AppliedResult::Applied => Text::fixed("It was finished.", "更改已完成。"),
            AppliedResult::Stale(_) => Text::fixed("Nothing was changed.", "未做任何更改。"),
            AppliedResult::Refused(said)
            | AppliedResult::Busy(said)
            | AppliedResult::RolledBack(said)
            | AppliedResult::LeftOver(said) => said,
        },
        _ => Text::fixed(
            "It has not ended in this time; the next start tells from the journal how far it came.",
            "更改未在限定时间内结束；下次启动时会根据操作日志说明执行到了哪一步。",
        ),
    };
    face.leave(session, &said);
}
