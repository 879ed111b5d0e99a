//! What stays on the main screen after the wizard is left: a few plain lines. Pure text, no style.

use super::result::sentence;
use crate::core::flow::{Session, undo_command};
use crate::core::remedies;
use crate::core::text::{Text, printable};
use crate::say;

/// The verdict, where it stopped, what was changed, how to take it back, where the bundle is. Every line is
/// printable; the first ones matter most.
pub fn summary_lines(session: &Session) -> Vec<String> {
    let lang = session.lang;
    let mut lines = Vec::new();
    let verdict = session.verdict().word();
    let told = sentence(session);
    lines.push(format!("{}  {}", verdict.get(lang), told.get(lang)));
    let is_said = session.root().is_some();
    if let Some(finding) = session.stopped_at().and_then(|step| session.finding(step)).filter(|_| !is_said) {
        lines.push(format!("  {}", finding.summary.get(lang)));
    }
    for (remedy, entry, cured) in &session.done {
        let title = remedies::title(*remedy);
        let title = title.get(lang);
        let text = match (cured, entry) {
            (true, _) => say!("Changed: {title} (cured)", "已更改：{title}（已修复）"),
            (false, _) => say!("Changed: {title} (not proved)", "已更改：{title}（效果未确认）"),
        };
        lines.push(text.get(lang).to_string());
        if let (Some(entry), None) = (entry, &session.demo) {
            let text = say!("  undo: {}", "  撤销：{}", undo_command(entry, *remedy, false));
            lines.push(text.get(lang).to_string());
        }
    }
    if !session.owed_restart.is_empty() && session.demo.is_none() {
        let command = remedies::for_root(&["fix", "restart-agent", "--yes"]);
        let text = say!("Restart owed: {command}", "待执行的重启：{command}");
        lines.push(text.get(lang).to_string());
    }
    if let Some(path) = &session.bundle {
        let path = path.display();
        let text = say!("Bundle for the ticket: {path}", "工单诊断包：{path}");
        lines.push(text.get(lang).to_string());
    }
    if session.demo.is_some() {
        let text = Text::fixed(
            "This was a demo on a simulated host: nothing was changed on this machine, and there is nothing to undo.",
            "以上为模拟主机上的演示：本机未做任何更改，无需撤销。",
        );
        lines.push(text.get(lang).to_string());
    }
    lines.into_iter().map(|line| printable(&line).into_owned()).collect()
}
