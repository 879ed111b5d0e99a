//! Leaving while a plan is carried out: it is finished first, since half a change is worse than either whole. The
//! operator is told what is waited for, and nothing is waited for without end.

use super::applying::Applying;
use super::frontend::Frontend;
use super::masking::masked;
use crate::core::flow::{Event, Session};
use crate::core::journal::{Applied, AppliedResult};
use crate::core::redact::Redactor;
use crate::core::text::Text;
use crate::say;

/// Waits for the end of a plan that is under way, and says what it came to; None when its end did not come in time.
pub(super) async fn finish<F: Frontend>(
    applying: Applying,
    redactor: &mut Redactor,
    session: &Session,
    face: &mut F,
) -> Option<Applied> {
    let minutes = applying.limit().as_secs().div_ceil(60);
    face.leave(
        session,
        &say!(
            "A change is under way; it is finished first, at most {minutes} minutes. Do not kill this program.",
            "有更改正在进行，将先执行完毕（最多 {minutes} 分钟）。请勿强行终止本程序。"
        ),
    );
    let applied = applying.finish().await;
    let said = match applied.clone().map(|applied| masked(redactor, Event::Applied(Box::new(applied)))) {
        Some(Event::Applied(applied)) => match applied.result {
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
    applied
}
