//! How a change is taken back right after it was made: the operations for it, from the record and what is there now. It
//! looks and changes nothing.

use super::failure::group_now;
use crate::core::journal::commands::{RUN_LIMIT, inverse};
use crate::core::journal::{Record, RecordKind};
use crate::core::observe::{Answer, CloudErrorKind, Fingerprint, Operation, OperationError, Question, group_resource};
use crate::core::service::group_edit::{self, GroupEdit};
use crate::host::Host;
use std::path::Path;

/// The operations that take a change back right after it was made.
///
/// # Errors
/// What is needed for it is missing, or is not what this program left.
pub(super) async fn reverse(record: &Record, host: &dyn Host) -> Result<Vec<Operation>, OperationError> {
    Ok(match &record.kind {
        RecordKind::Write if record.before == Fingerprint::Absent => {
            vec![Operation::Remove { path: record.path.clone(), expect: record.after.clone() }]
        }
        RecordKind::Remove => {
            let missing = || OperationError::io(record.path.clone(), "no backup");
            // The backup is the old file with its owner and its time; it only needs its name back.
            vec![Operation::Rename { from: record.backup.clone().ok_or_else(missing)?, to: record.path.clone() }]
        }
        RecordKind::Write => {
            let unreadable = |path: &Path| OperationError::io(path.to_path_buf(), "no backup");
            let backup = record.backup.as_ref().ok_or_else(|| unreadable(&record.path))?;
            match host.observe(Question::File(backup.clone())).await {
                Answer::File(Ok(file)) => vec![
                    Operation::Write {
                        path: record.path.clone(),
                        expect: record.after.clone(),
                        content: file.bytes,
                        mode: file.mode,
                    },
                    Operation::Remove { path: backup.clone(), expect: record.before.clone() },
                ],
                _ => return Err(unreadable(backup)),
            }
        }
        RecordKind::RenameTo(to) => vec![Operation::Rename { from: to.clone(), to: record.path.clone() }],
        RecordKind::MakeDir => vec![Operation::RemoveDir { path: record.path.clone() }],
        RecordKind::RemoveDir => vec![Operation::MakeDir { path: record.path.clone(), mode: 0o755 }],
        RecordKind::Run(argv) => {
            let back = |argv| Operation::Run { argv, limit: RUN_LIMIT, proxies: false };
            inverse(argv).map(back).into_iter().collect()
        }
        RecordKind::MakeGroup { site, group } => match group_now(host, site, group.name()).await {
            Err(OperationError::Service(trouble)) if trouble.kind == CloudErrorKind::GroupNotExist => Vec::new(),
            _ => vec![Operation::RemoveGroup { site: site.clone(), group: group.clone() }],
        },
        RecordKind::RemoveGroup { site, group } => match group_now(host, site, group.name()).await {
            Ok(_) => Vec::new(),
            Err(_) => vec![Operation::MakeGroup { site: site.clone(), group: group.clone() }],
        },
        RecordKind::PutGroup { site, group, edited } => {
            let now = group_now(host, site, group).await?;
            let back =
                group_edit::undo(edited, &now).map_err(|_| OperationError::Moved(group_resource(site, group)))?;
            let act =
                |back: GroupEdit| Operation::PutGroup { site: site.clone(), before: back.before, after: back.after };
            back.map(act).into_iter().collect()
        }
    })
}
