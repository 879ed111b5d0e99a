//! sudo's password question on the bare terminal, which the faces have in common.

use crate::carry_out::helper::may_without_password;
use crate::core::text::Text;
use crate::say;
use std::path::Path;
use tokio::process::Command;

/// What stands above the question; without it the question would come out of nowhere.
pub(crate) fn announcement(argv: &[String]) -> Text {
    let command = crate::core::remedies::shell_line(argv);
    say!(
        "logtail-doctor needs root for this change and runs: sudo {command}",
        "该更改需要 root 权限，logtail-doctor 将执行：sudo {command}"
    )
}

/// Lets sudo ask for the password on the terminal. To be followed by [`allowed`].
pub(crate) async fn ask(sudo: &Path) -> bool {
    let asked = Command::new(sudo).arg("-v").kill_on_drop(true).status().await;
    asked.is_ok_and(|status| status.success())
}

/// Whether sudo starts the command now.
///
/// # Errors
/// The sentence that says that it does not.
pub(crate) async fn allowed(has_asked: bool, sudo: &Path, argv: &[String]) -> Result<(), Text> {
    if has_asked && may_without_password(sudo, argv).await {
        return Ok(());
    }
    Err(Text::fixed(
        "sudo did not allow it (cancelled, wrong password, or this user is not in sudoers).",
        "sudo 未授权（已取消、密码错误，或当前用户不在 sudoers 中）。",
    ))
}
