//! sudo's password question on the bare terminal, which the faces have in common.

use crate::carry_out::errand::{may_without_password, sudoers_line};
use crate::flow::Session;
use crate::say;
use crate::text::Text;
use std::path::Path;
use tokio::process::Command;

/// What stands above the question; without it the question would come out of nowhere.
pub(crate) fn announcement(argv: &[String]) -> Text {
    let command = crate::remedies::shell_line(argv);
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

/// Who is at the terminal; sudo is not asked before that is known.
pub(crate) fn user_of(session: &Session) -> &str {
    session.identity.as_ref().map_or("", |identity| &identity.user)
}

/// Whether sudo starts the command now.
///
/// # Errors
/// The sentence that says that it does not.
pub(crate) async fn allowed(has_asked: bool, sudo: &Path, argv: &[String], user: &str) -> Result<(), Text> {
    if has_asked && may_without_password(sudo, argv).await {
        return Ok(());
    }
    Err(refusal(user, argv))
}

/// That sudo does not allow it, and the line of sudoers that would make it.
fn refusal(user: &str, argv: &[String]) -> Text {
    let line = sudoers_line(user, argv);
    say!(
        "sudo did not allow it (wrong password, or this user is not in sudoers). Nothing was changed; copy the command and run it as root. The line of sudoers that is missing for it (it gives {user} root): {line}",
        "sudo 未授权（密码错误，或当前用户不在 sudoers 中）。未做任何更改；请复制命令并以 root 执行。缺少的 sudoers 配置行（会授予 {user} root 权限）：{line}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Lang;

    #[test]
    fn a_refusal_names_the_line_of_sudoers_that_is_missing() {
        let argv = ["/opt/logtail-doctor", "carry-out"].map(str::to_string);
        for lang in [Lang::En, Lang::Zh] {
            let said = refusal("ops", &argv);
            let said = said.get(lang);
            assert!(said.contains("ops ALL=(root) NOPASSWD: /opt/logtail-doctor carry-out"), "{said}");
        }
    }
}
