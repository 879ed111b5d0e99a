//! What kept a change from happening, in sentences, and the machine group as it is now. It changes nothing.

use crate::core::journal::AppliedResult;
use crate::core::observe::MachineGroup;
use crate::core::observe::{
    Answer, CloudAnswer, CloudError, CloudErrorKind, CloudQuestion, OperationError, Question, Site, group_resource,
};
use crate::core::remedies::Change;
use crate::core::service::group_edit::is_as_made;
use crate::core::text::Text;
use crate::host::Host;
use crate::say;

/// A machine group as it is now.
pub(super) async fn group_now(host: &dyn Host, site: &Site, group: &str) -> Result<MachineGroup, OperationError> {
    let asked = CloudQuestion::Group { site: site.clone(), group: group.to_string() };
    let trouble = match host.observe(Question::Cloud(asked)).await {
        Answer::Cloud(CloudAnswer::Group(Ok(group))) => return Ok(group),
        Answer::Cloud(CloudAnswer::Group(Err(trouble))) => trouble,
        _ => CloudError::not_asked(),
    };
    Err(OperationError::Service(Box::new(trouble)))
}

/// Why a change of a machine group must not be begun: the group is not what it was when the plan was made, or it cannot
/// be read. None when all is as planned, and for every other change.
pub(super) async fn group_moved(host: &dyn Host, change: &Change) -> Option<AppliedResult> {
    let (site, group) = match change {
        Change::PutGroup { site, before: group, .. }
        | Change::MakeGroup { site, group }
        | Change::RemoveGroup { site, group } => (site, group),
        _ => return None,
    };
    let is_missing = |error: &OperationError| matches!(error, OperationError::Service(trouble) if trouble.kind == CloudErrorKind::GroupNotExist);
    match (change, group_now(host, site, group.name()).await) {
        (Change::PutGroup { .. }, Ok(now)) if now == *group => None,
        (Change::RemoveGroup { .. }, Ok(now)) if is_as_made(group, &now) => None,
        (Change::MakeGroup { .. }, Err(error)) if is_missing(&error) => None,
        (_, Ok(_)) => Some(AppliedResult::Stale(group_resource(site, group.name()))),
        (_, Err(error)) => Some(AppliedResult::Refused(explain(&error))),
    }
}

/// Whether the change may have happened although it failed.
pub(super) fn is_uncertain(error: &OperationError) -> bool {
    match error {
        OperationError::Service(trouble) => trouble.kind == CloudErrorKind::Uncertain,
        // A thread of ours still waits in the kernel, and goes on when that does.
        OperationError::Hung { .. } => true,
        _ => false,
    }
}

/// What the operator can do about the errors of a file system that are met in practice, each by its number; a text that
/// follows a sentence, or none.
fn way_out(errno: Option<i32>) -> Text {
    let is = |wanted: nix::errno::Errno| errno == Some(wanted as i32);
    if is(nix::errno::Errno::EROFS) {
        Text::fixed(
            " Make its file system writable (mount -o remount,rw; the kernel log says why it is not), then try again.",
            "请先将所在文件系统恢复为可写（mount -o remount,rw；只读的原因见内核日志），然后重试。",
        )
    } else if is(nix::errno::Errno::ENOSPC) || is(nix::errno::Errno::EDQUOT) {
        Text::fixed(" Free space there (df, df -i), then try again.", "请先释放空间（df、df -i），然后重试。")
    } else if is(nix::errno::Errno::EPERM) {
        Text::fixed(
            " It may be immutable (lsattr shows i), or a security module guards it.",
            "文件可能被设为不可变（lsattr 显示 i），或受安全模块保护。",
        )
    } else {
        Text::same("")
    }
}

/// What kept a change from happening, and what to do, in a sentence.
pub(super) fn explain(error: &OperationError) -> Text {
    match error {
        OperationError::Moved(path) => {
            let path = path.display();
            say!("{path} was changed by somebody else meanwhile.", "{path} 在此期间被其他人修改。")
        }
        OperationError::Exists(path) => {
            let path = path.display();
            say!("{path} exists already.", "{path} 已存在。")
        }
        OperationError::Io { path, reason, errno } => {
            let (path, next) = (path.display(), way_out(*errno));
            let (en, zh) = next.both();
            say!("{path} could not be changed: {reason}.{en}", "无法更改 {path}：{reason}。{zh}")
        }
        OperationError::Untrusted { distrust, .. } => distrust.sentences(),
        OperationError::NotStarted { program, reason } => {
            say!("{program} could not be started: {reason}.", "无法启动 {program}：{reason}。")
        }
        OperationError::TimedOut { command, limit_s } => say!(
            "`{command}` did not end within {limit_s} s and was stopped.",
            "`{command}` 在 {limit_s} 秒内没有结束，已被终止。"
        ),
        OperationError::Hung { path, limit_s } => {
            let path = path.display();
            say!(
                "{path} did not answer within {limit_s} s; the change may still happen when it does.",
                "{path} 在 {limit_s} 秒内没有响应；恢复响应后更改仍可能发生。"
            )
        }
        OperationError::Service(trouble) => {
            let CloudError { what, next, request_id, policy, .. } = trouble.as_ref();
            let id = request_id.as_deref().map(|id| format!(" (request id {id})")).unwrap_or_default();
            let policy = policy.as_deref().map(|policy| format!(" {policy}")).unwrap_or_default();
            let (en, zh) = what.both();
            let (next_en, next_zh) = next.both();
            Text::filled(format!("{en} {next_en}{policy}{id}"), format!("{zh}{next_zh}{policy}{id}"))
        }
        OperationError::Held(holder) if holder.is_empty() => Text::fixed(
            "Another process of logtail-doctor is changing this machine. Nothing was done; try again when it is over.",
            "另一个 logtail-doctor 进程正在修改本机。未做任何更改，请待其结束后重试。",
        ),
        OperationError::Held(holder) => say!(
            "Another process of logtail-doctor is changing this machine: {holder}. Nothing was done; try again when it is over.",
            "另一个 logtail-doctor 进程正在修改本机：{holder}。未做任何更改，请待其结束后重试。"
        ),
        OperationError::HeldByCommand(holder) => say!(
            "A process of logtail-doctor was killed ({holder}), and a command that it started is still at work. Nothing was done; try again when it is over.",
            "logtail-doctor 进程（{holder}）已被强制终止，但它启动的命令仍在执行。未做任何更改，请待其结束后重试。"
        ),
        OperationError::ReadOnly => {
            Text::fixed("This session is read-only (--read-only).", "当前为只读模式（--read-only）。")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::text::Lang;
    use nix::errno::Errno;

    #[test]
    fn the_way_out_goes_by_the_number_and_never_by_the_words() {
        let told = |error: &OperationError| explain(error).get(Lang::En).to_string();
        for (errno, next) in [
            (Errno::EROFS, "mount -o remount,rw"),
            (Errno::ENOSPC, "Free space"),
            (Errno::EDQUOT, "Free space"),
            (Errno::EPERM, "lsattr"),
        ] {
            let said = told(&OperationError::of_system("/etc/x", &errno.into()));
            assert!(said.contains(next) && said.starts_with("/etc/x could not be changed: "), "{said}");
            let quoted = told(&OperationError::io("/etc/x", format!("it said (os error {})", errno as i32)));
            assert!(!quoted.contains(next), "words prove nothing: {quoted}");
        }
        assert!(told(&OperationError::of_system("/etc/x", &Errno::EIO.into())).ends_with("(os error 5)."));
    }
}
