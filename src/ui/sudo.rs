//! sudo's password question on the bare terminal, which the faces have in common.

use crate::carry_out::elevation::{self, Asks, Connection};
use crate::core::text::Text;
use crate::say;
use std::path::Path;

/// What stands above the question; without it the question would come out of nowhere.
pub(crate) fn announcement(tool: &Path, argv: &[String]) -> Text {
    let (tool, command) = (elevation::name(tool), crate::core::remedies::shell_line(argv));
    say!(
        "logtail-doctor needs root for this change and runs: {tool} {command}",
        "该更改需要 root 权限，logtail-doctor 将执行：{tool} {command}"
    )
}

/// The second process, where it most likely starts without a question; the terminal need not be lent for it. None where
/// it does not, which is no refusal yet.
pub(crate) async fn without_question(tool: &Path, argv: &[String]) -> Option<Connection> {
    if !elevation::is_likely_free(tool, argv).await {
        return None;
    }
    elevation::open(tool, argv, Asks::Nobody).await.ok()
}

/// The second process, started on the terminal, which is the tool's until the first word.
///
/// # Errors
/// The sentence that says why there is none.
pub(crate) async fn on_terminal(tool: &Path, argv: &[String]) -> Result<Connection, Text> {
    elevation::open(tool, argv, Asks::OnTerminal).await.map_err(|refusal| refusal.text())
}
