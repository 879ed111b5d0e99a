//! Whether a plan is carried out, and how: what was said on the command line, what is answered on the terminal, and who
//! this process is.

use super::Changing;
use crate::carry_out::elevation::{self, Asks, Connection, Refusal};
use crate::carry_out::helper;
use crate::core::journal::ConsentBy;
use crate::core::observe::{Answer, IdentitySeen, Question};
use crate::core::remedies::Plan;
use crate::core::text::{Text, printable};
use crate::host::distrust_for_root;
use crate::say;
use crate::ui::sudo;
use std::io::{self, BufRead, Write};
use std::path::Path;

/// How a plan may be carried out.
pub(super) enum Leave {
    Direct(ConsentBy),
    /// By a second process with root's rights.
    Sudo(Box<Connection>, ConsentBy),
    /// Why not, and what can be done instead; a line each.
    No(Vec<Text>),
}

impl Changing<'_> {
    /// Whether and how the plan is carried out.
    pub(super) async fn leave(&self, plan: &Plan) -> Leave {
        if !plan.is_automatic() {
            return Leave::No(vec![Text::fixed("These steps are to be done by hand.", "以上步骤需要手动完成。")]);
        }
        if self.settings.read_only {
            return Leave::No(vec![Text::fixed("Nothing was changed: --read-only.", "未做任何更改：--read-only。")]);
        }
        let consent = match (self.consent.yes, self.settings.asks) {
            (true, _) => ConsentBy::YesOption,
            (false, true) if self.is_answered_with_yes() => ConsentBy::Answer,
            (false, true) => return Leave::No(vec![Text::fixed("Nothing was changed.", "未做任何更改。")]),
            (false, false) => {
                return Leave::No(vec![Text::fixed(
                    "Nothing was changed. Add --yes to carry this out.",
                    "未做任何更改。加上 --yes 以执行。",
                )]);
            }
        };
        if !plan.needs_root() {
            return Leave::Direct(consent);
        }
        match self.applier.host().observe(Question::Identity).await {
            Answer::Identity(IdentitySeen { privileged: true, .. }) => Leave::Direct(consent),
            Answer::Identity(IdentitySeen { sudo: Some(tool), user, .. }) => match helper::argv() {
                Ok(argv) => match self.authorise(&tool, &argv).await {
                    Ok(connection) => Leave::Sudo(Box::new(connection), consent),
                    Err(refusal) => Leave::No(self.without_leave(plan, &tool, user.raw(), &argv, &refusal).await),
                },
                Err(text) => Leave::No(vec![text, self.as_root(plan)]),
            },
            _ => {
                let command = self.command(plan);
                let command = command.strip_prefix("sudo ").unwrap_or(&command);
                Leave::No(vec![say!(
                    "Nothing was changed: this needs root, and there is no sudo here, nor doas. Run as root: {command}",
                    "未做任何更改：需要 root 权限，而本机没有 sudo 或 doas。请以 root 运行：{command}"
                )])
            }
        }
    }

    /// Asks on the terminal. Only a yes is one: whoever presses Enter has not read.
    fn is_answered_with_yes(&self) -> bool {
        let question = Text::fixed("Carry this out? [y/N] ", "是否执行？[y/N] ");
        let mut stderr = io::stderr();
        let _ = write!(stderr, "{}", printable(question.get(self.settings.lang))).and_then(|()| stderr.flush());
        let mut answer = String::new();
        let has_answered = io::stdin().lock().read_line(&mut answer).is_ok();
        has_answered && ["y", "yes", "是"].contains(&answer.trim().to_lowercase().as_str())
    }

    /// The second process, which the tool starts without a password, or with one that is typed on the terminal.
    async fn authorise(&self, tool: &Path, argv: &[String]) -> Result<Connection, Refusal> {
        if !self.settings.asks {
            return elevation::open(tool, argv, Asks::Nobody).await;
        }
        if !elevation::is_likely_free(tool, argv).await {
            self.settings.complain(&sudo::announcement(tool, argv));
        }
        elevation::open(tool, argv, Asks::OnTerminal).await
    }

    /// What can be done where the tool does not start this program: as root; by the plan's own commands, where it permits
    /// those; or with the line of sudoers that is missing.
    async fn without_leave(
        &self,
        plan: &Plan,
        tool: &Path,
        user: &str,
        argv: &[String],
        refusal: &Refusal,
    ) -> Vec<Text> {
        let mut texts = vec![refusal.text(), self.as_root(plan)];
        if let Some(commands) = helper::permitted(tool, plan).await {
            let tool = elevation::name(tool);
            texts.push(say!(
                "{tool} permits the commands of this remedy by themselves: {commands}",
                "{tool} 允许直接执行该修复的命令：{commands}"
            ));
        } else if refusal.wants_rule() && argv.first().is_some_and(|own| distrust_for_root(Path::new(own)).is_none()) {
            // Not for a file that this user could replace.
            let line = elevation::sudoers_line(user, argv);
            texts.push(say!(
                "The line of sudoers that is missing for it (it gives {user} root): {line}",
                "缺少的 sudoers 配置行（会授予 {user} root 权限）：{line}"
            ));
        }
        texts
    }

    /// The command that does the same, through sudo where it needs root.
    fn command(&self, plan: &Plan) -> String {
        match &self.undoes {
            Some(entry) => crate::core::flow::undo_command(entry, plan.remedy, plan.is_roots),
            None => crate::core::flow::command_for(plan),
        }
    }

    /// That it needs root, and the command that does the same.
    pub(super) fn as_root(&self, plan: &Plan) -> Text {
        let command = self.command(plan);
        say!("Nothing was changed: this needs root. Run: {command}", "未做任何更改：需要 root 权限。请运行：{command}")
    }
}
