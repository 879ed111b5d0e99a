//! Whether a plan is carried out, and how: what was said on the command line, what is answered on the terminal, and who
//! this process is.

use super::Changing;
use crate::carry_out::helper;
use crate::core::journal::ConsentBy;
use crate::core::observe::{Answer, IdentitySeen, Question};
use crate::core::remedies::Plan;
use crate::core::text::{Text, printable};
use crate::say;
use crate::ui::sudo;
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};

/// How a plan may be carried out.
pub(super) enum Leave {
    Direct(ConsentBy),
    Sudo(PathBuf, ConsentBy),
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
            Answer::Identity(IdentitySeen { sudo: Some(sudo), user, .. }) => match helper::argv() {
                Ok(argv) if self.authorise(&sudo, &argv).await => Leave::Sudo(sudo, consent),
                argv => Leave::No(self.without_leave(plan, &sudo, user.raw(), argv.ok()).await),
            },
            _ => {
                let command = self.command(plan);
                let command = command.strip_prefix("sudo ").unwrap_or(&command);
                Leave::No(vec![say!(
                    "Nothing was changed: this needs root, and there is no sudo here. Run as root: {command}",
                    "未做任何更改：需要 root 权限，而本机没有 sudo。请以 root 运行：{command}"
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

    /// Whether sudo starts the helper: without a password, or with one that is typed on the terminal.
    async fn authorise(&self, program: &Path, argv: &[String]) -> bool {
        if helper::may_without_password(program, argv).await {
            return true;
        }
        if !self.settings.asks {
            return false;
        }
        self.settings.complain(&sudo::announcement(argv));
        sudo::allowed(sudo::ask(program).await, program, argv).await.is_ok()
    }

    /// What can be done where sudo does not start this program without a password: as root; by the plan's own commands,
    /// where sudo permits those; or with the line of sudoers that is missing.
    async fn without_leave(&self, plan: &Plan, sudo: &Path, user: &str, argv: Option<Vec<String>>) -> Vec<Text> {
        let mut texts = vec![self.as_root(plan)];
        if let Some(commands) = helper::permitted(sudo, plan).await {
            texts.push(say!(
                "sudo permits the commands of this remedy by themselves: {commands}",
                "sudo 允许直接执行该修复的命令：{commands}"
            ));
        } else if let Some(argv) = argv {
            let line = helper::sudoers_line(user, &argv);
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
        say!(
            "Nothing was changed: this needs root, which sudo did not give here without a password. Run: {command}",
            "未做任何更改：需要 root 权限，而此处 sudo 未能免密授权。请运行：{command}"
        )
    }
}
