//! A plan as lines to read before saying yes: unified diffs, exact commands, cautions, manual steps.
//! Pure. The wizard, the plain face, `--dry-run` and the journal all show these lines, so no secret of a file that is
//! edited may stand in them.

use super::{Change, Durability, Plan};
use crate::core::observe::MachineGroup;
use crate::core::observe::group_resource;
use crate::core::redact::Redactor;
use crate::core::text::{Lang, Text, printable, shell_line};
use crate::say;
use similar::TextDiff;

/// What a preview line is, so that a face can colour it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreviewMark {
    Plain,
    Heading,
    Added,
    Removed,
    /// A command, exactly as it will run.
    Command,
    Caution,
}

/// One line of a preview, safe to print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewLine {
    pub mark: PreviewMark,
    pub text: String,
}

/// The lines of a plan. `with_restart` tells whether the restart is part of it.
pub fn preview(plan: &Plan, with_restart: bool, lang: Lang) -> Vec<PreviewLine> {
    let mut lines = Lines { lang, out: Vec::new(), redactor: Redactor::new() };
    lines.wrapped(PreviewMark::Plain, &plan.why);
    // Above the changes: a diff may be long, and a warning below it would be read by nobody.
    for caution in &plan.cautions {
        lines.wrapped(PreviewMark::Caution, caution);
    }
    if let Some(durability) = plan.durability.filter(|_| !plan.changes.is_empty()) {
        let holds = durability.text();
        let holds = plan.until.as_ref().map_or(holds.clone(), |until| holds.followed_by(until));
        let lasts = durability == Durability::Lasts;
        lines.wrapped(if lasts { PreviewMark::Plain } else { PreviewMark::Caution }, &holds);
    }
    let restart = if with_restart { plan.restart.as_slice() } else { &[] };
    for (number, change) in plan.changes.iter().chain(restart).enumerate() {
        lines.change(number + 1, change);
    }
    if !plan.manual.is_empty() {
        lines.wrapped(PreviewMark::Heading, &Text::fixed("By hand:", "手动操作："));
        for step in &plan.manual {
            lines.wrapped(PreviewMark::Plain, step);
        }
    }
    lines.out
}

/// The heading of each change of a plan and of its restart, without its diff.
pub fn change_titles(plan: &Plan, lang: Lang) -> Vec<String> {
    let count = plan.changes.len() + plan.restart.len();
    let headings = preview(plan, true, lang).into_iter().filter(|line| line.mark == PreviewMark::Heading);
    headings.take(count).map(|line| line.text).collect()
}

struct Lines {
    lang: Lang,
    out: Vec<PreviewLine>,
    redactor: Redactor,
}

impl Lines {
    fn push(&mut self, mark: PreviewMark, text: &str) {
        let text = self.redactor.text(text);
        self.out.push(PreviewLine { mark, text: printable(&text).into_owned() });
    }

    fn wrapped(&mut self, mark: PreviewMark, text: &Text) {
        let text = text.get(self.lang).to_string();
        self.push(mark, &text);
    }

    fn change(&mut self, number: usize, change: &Change) {
        let heading = match change {
            Change::WriteFile { path, before: None, .. } => {
                let path = path.display();
                say!("{number}. create {path}", "{number}. 创建 {path}")
            }
            Change::WriteFile { path, .. } => {
                let path = path.display();
                say!("{number}. edit {path} (backup beside it)", "{number}. 修改 {path}（旁边保留备份）")
            }
            Change::RemoveFile { path, .. } => {
                let path = path.display();
                say!("{number}. remove {path} (backup beside it)", "{number}. 删除 {path}（旁边保留备份）")
            }
            Change::RenameFile { from, to } => {
                let (from, to) = (from.display(), to.display());
                say!("{number}. rename {from} to {to}", "{number}. 将 {from} 重命名为 {to}")
            }
            Change::MakeDir { path, mode } => {
                let path = path.display();
                say!(
                    "{number}. make directory {path} (mode {mode:04o})",
                    "{number}. 创建目录 {path}（权限 {mode:04o}）"
                )
            }
            Change::RemoveDir { path } => {
                let path = path.display();
                say!("{number}. remove directory {path} if it is empty", "{number}. 删除空目录 {path}")
            }
            Change::Run { what, .. } | Change::Signal { what, .. } => {
                let (en, zh) = what.both();
                Text::filled(format!("{number}. {en}"), format!("{number}. {zh}"))
            }
            Change::PutGroup { before, site, .. } => {
                let (group, project) = (before.name(), &site.project);
                say!(
                    "{number}. edit machine group {group} of project {project} (the journal keeps the edit, to take it back)",
                    "{number}. 修改 Project {project} 的机器组 {group}（操作日志会记录此修改，以便撤销）"
                )
            }
            Change::MakeGroup { site, group } => {
                let (group, project) = (group.name(), &site.project);
                say!(
                    "{number}. create machine group {group} in project {project}",
                    "{number}. 在 Project {project} 中创建机器组 {group}"
                )
            }
            Change::RemoveGroup { site, group } => {
                let (group, project) = (group.name(), &site.project);
                say!(
                    "{number}. remove machine group {group} of project {project}, if it still is as it was made",
                    "{number}. 删除 Project {project} 的机器组 {group}（仅当其内容与创建时一致）"
                )
            }
            Change::AwaitAgent { running: true, limit, .. } => {
                let seconds = limit.as_secs();
                say!(
                    "{number}. wait until the agent runs, at most {seconds} s",
                    "{number}. 等待 Agent 运行，最多 {seconds} 秒"
                )
            }
            Change::AwaitAgent { running: false, limit, .. } => {
                let seconds = limit.as_secs();
                say!(
                    "{number}. wait until the agent has stopped, at most {seconds} s",
                    "{number}. 等待 Agent 停止，最多 {seconds} 秒"
                )
            }
            Change::LookFor { paths } => {
                let paths = paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
                say!(
                    "{number}. look whether {paths} is there; without it, go no further",
                    "{number}. 检查 {paths} 是否存在；若不存在则不再继续"
                )
            }
        };
        self.wrapped(PreviewMark::Heading, &heading);
        let json = |group: &MachineGroup| serde_json::to_vec_pretty(group).unwrap_or_default();
        match change {
            Change::WriteFile { before, after, path, .. } => {
                self.diff(path, before.as_deref().unwrap_or_default(), after)
            }
            Change::RemoveFile { before, path } => self.diff(path, before, b""),
            Change::PutGroup { site, before, after } => {
                self.diff(&group_resource(site, before.name()), &json(before), &json(after));
            }
            Change::MakeGroup { site, group } => self.diff(&group_resource(site, group.name()), b"", &json(group)),
            Change::RemoveGroup { site, group } => self.diff(&group_resource(site, group.name()), &json(group), b""),
            Change::Run { argv, .. } => self.push(PreviewMark::Command, &format!("   $ {}", shell_line(argv))),
            Change::Signal { .. } => {
                let argv = change.argv().unwrap_or_default();
                self.push(PreviewMark::Command, &format!("   $ {}", shell_line(&argv)));
            }
            Change::AwaitAgent { harder: Some(harder), .. } => {
                if let (Some(argv), Change::Run { what, .. } | Change::Signal { what, .. }) =
                    (harder.argv(), harder.as_ref())
                {
                    let (en, zh) = what.both();
                    self.wrapped(PreviewMark::Caution, &Text::filled(format!("   {en}"), format!("   {zh}")));
                    self.push(PreviewMark::Command, &format!("   $ {}", shell_line(&argv)));
                }
            }
            Change::RenameFile { .. }
            | Change::MakeDir { .. }
            | Change::RemoveDir { .. }
            | Change::AwaitAgent { harder: None, .. }
            | Change::LookFor { .. } => {}
        }
    }

    fn diff(&mut self, path: &std::path::Path, before: &[u8], after: &[u8]) {
        if after.is_empty() && before.is_empty() {
            self.wrapped(PreviewMark::Plain, &Text::fixed("   (empty file)", "   （空文件）"));
            return;
        }
        // Before the diff and not line by line: a private key has many lines, and a changed secret is still a change.
        let (before, after) = (self.redactor.bytes(before), self.redactor.bytes(after));
        let (before, after) = (visible(&before), visible(&after));
        let diff = TextDiff::from_lines(&before, &after);
        let name = path.display().to_string();
        let unified = diff.unified_diff().context_radius(2).header(&name, &name).missing_newline_hint(true).to_string();
        for line in unified.lines() {
            let mark = match line.chars().next() {
                Some('+') if !line.starts_with("+++") => PreviewMark::Added,
                Some('-') if !line.starts_with("---") => PreviewMark::Removed,
                _ => PreviewMark::Plain,
            };
            self.push(mark, &format!("   {line}"));
        }
    }
}

/// Text for a diff in which invisible characters can be seen: that is often the whole difference.
fn visible(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace('\u{feff}', "<BOM>").replace('\r', "<CR>").replace('\t', "    ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::finding::{RemedyId, StepId};
    use std::time::Duration;

    #[test]
    fn a_preview_shows_the_diff_and_the_exact_command() {
        let mut plan = Plan::new(RemedyId::BindHostname, StepId::Address, Text::fixed("because", "因为"));
        plan.changes.push(Change::WriteFile {
            path: "/etc/hosts".into(),
            before: Some(b"127.0.0.1 localhost\n1.2.3.4 web\n".to_vec()),
            after: b"127.0.0.1 localhost\n10.1.1.5 web\n".to_vec(),
            mode: 0o644,
        });
        plan.restart.push(Change::Run {
            argv: vec!["/etc/init.d/ilogtaild".into(), "stop now".into()],
            limit: Duration::from_secs(40),
            accept: vec![0],
            what: Text::fixed("stop the agent", "停止 Agent"),
            proxies: false,
        });
        let lines = preview(&plan, true, Lang::En);
        let has = |mark, text: &str| lines.iter().any(|line| line.mark == mark && line.text.contains(text));
        assert!(has(PreviewMark::Removed, "-1.2.3.4 web"));
        assert!(has(PreviewMark::Added, "+10.1.1.5 web"));
        assert!(has(PreviewMark::Command, "$ /etc/init.d/ilogtaild 'stop now'"));
        assert!(!preview(&plan, false, Lang::En).iter().any(|line| line.mark == PreviewMark::Command));
    }

    #[test]
    fn a_caution_stands_above_every_change() {
        let mut plan = Plan::new(RemedyId::BindHostname, StepId::Address, Text::fixed("because", "因为"));
        plan.cautions.push(Text::fixed("take care", "请注意"));
        plan.changes.push(Change::WriteFile {
            path: "/etc/hosts".into(),
            before: None,
            after: b"10.1.1.5 web\n".to_vec(),
            mode: 0o644,
        });
        plan.manual.push(Text::fixed("by hand", "手动"));
        let marks: Vec<_> = preview(&plan, true, Lang::En).iter().map(|line| line.mark).collect();
        let caution = marks.iter().position(|mark| *mark == PreviewMark::Caution).unwrap();
        assert!(marks.iter().position(|mark| *mark == PreviewMark::Heading).unwrap() > caution, "{marks:?}");
    }

    #[test]
    fn invisible_differences_are_made_visible() {
        let mut plan = Plan::new(RemedyId::CleanCustomId, StepId::Group, Text::fixed("x", "x"));
        plan.changes.push(Change::WriteFile {
            path: "/etc/ilogtail/user_defined_id".into(),
            before: Some("\u{feff}web\r\n".as_bytes().to_vec()),
            after: b"web\n".to_vec(),
            mode: 0o644,
        });
        let text: String = preview(&plan, false, Lang::En).iter().map(|line| line.text.clone() + "\n").collect();
        assert!(text.contains("-<BOM>web<CR>"), "{text}");
    }
}
