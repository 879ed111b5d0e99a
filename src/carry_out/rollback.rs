//! Takes back what a plan changed before it failed: everything that can be, newest first, whatever becomes of the rest;
//! and says of each thing what is left of it.

use super::failure::explain;
use super::reverse::reverse;
use super::store::fingerprint;
use super::work::Work;
use crate::core::journal::commands::{inverse, is_stop_or_start};
use crate::core::journal::{AppliedResult, Record, RecordKind};
use crate::core::observe::{Done, Operation, OperationError};
use crate::core::text::Text;
use crate::say;

impl Work<'_> {
    /// Takes back what was done. One step that fails does not keep the others from being taken back.
    pub(super) async fn roll_back(&mut self, reason: Text) -> AppliedResult {
        let (mut said, mut is_left) = (reason, false);
        for record in self.records.clone().into_iter().rev() {
            if let Err(left) = self.take_back(&record).await {
                let path = record.path.display();
                let left = explain(&left);
                let (en, zh) = left.both();
                is_left = true;
                said = said.followed_by(&Text::filled(
                    format!("Taking back {path} failed as well: {en}"),
                    format!("回退 {path} 也失败：{zh}"),
                ));
                if let Some(backup) = &record.backup {
                    let backup = backup.display();
                    said = said.followed_by(&say!("The old file is kept in {backup}.", "原文件保存在 {backup}。"));
                }
            }
        }
        let stays: Vec<String> = self.records.iter().filter_map(for_ever).collect();
        if !stays.is_empty() {
            let stays = stays.join("; ");
            said = said.followed_by(&say!(
                "What this command did before the failure cannot be taken back by this program: {stays}",
                "以下命令在失败之前所做的改动无法由本程序回退：{stays}"
            ));
        }
        if self.hangs {
            is_left = true;
            said = said.followed_by(&Text::fixed(
                "When it answers again, look at the file; logtail-doctor undo takes back what happened since.",
                "恢复响应后请检查该文件；logtail-doctor undo 可撤销此后发生的更改。",
            ));
        }
        if is_left { AppliedResult::LeftOver(said) } else { AppliedResult::RolledBack(said) }
    }

    async fn take_back(&self, record: &Record) -> Result<(), OperationError> {
        // Somebody uses the new directory by now: it stays.
        if record.kind == RecordKind::MakeDir && self.names_in(&record.path).await.is_some_and(|names| names > 0) {
            return Ok(());
        }
        let is_file = matches!(record.kind, RecordKind::Write | RecordKind::Remove);
        if is_file && fingerprint(self.host, &record.path).await.as_ref() == Some(&record.before) {
            // It is so already; only the backup is too much, and one that stays does no harm. What may still happen may
            // need it.
            if let Some(backup) = record.backup.as_ref().filter(|_| !self.hangs) {
                let _ = self.perform(Operation::Remove { path: backup.clone(), expect: record.before.clone() }).await;
            }
            return Ok(());
        }
        for act in reverse(record, self.host).await? {
            let command = if let Operation::Run { argv, .. } = &act {
                Some(crate::core::remedies::shell_line(argv))
            } else {
                None
            };
            let done = self.perform(act).await?;
            if let (Some(command), Done::Exited(code)) = (command, done)
                && code != Some(0)
            {
                let code = code.map_or("signal".to_string(), |code| code.to_string());
                let reason = format!("`{command}` ended with exit code {code}");
                return Err(OperationError::io(record.path.clone(), reason));
            }
        }
        Ok(())
    }
}

/// The command of a record that nothing takes back. Stop, start and a signal leave nothing but an agent that runs or
/// does not, and that is seen to by itself.
fn for_ever(record: &Record) -> Option<String> {
    let RecordKind::Run(argv) = &record.kind else { return None };
    (inverse(argv).is_none() && !is_stop_or_start(argv)).then(|| crate::core::remedies::shell_line(argv))
}
