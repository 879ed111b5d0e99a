//! The plan that takes an entry of the journal back. An entry without an end is taken back as far as it came. It plans
//! and changes nothing.

use super::commands::{RUN_LIMIT, inverse, is_reversible, is_stop_or_start};
use super::entry::{JournalEntry, Record, RecordKind, Recorded};
use crate::core::finding::StepId;
use crate::core::observe::MachineGroup;
use crate::core::observe::{CloudError, CloudErrorKind, Fingerprint, Observations, Site, Unanswered, Unavailable};
use crate::core::remedies::{Change, Plan, Planned, shell_line};
use crate::core::service::group_edit::{self, Edited, GroupEdit, Overtaken};
use crate::core::text::Text;
use crate::say;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What files will be after the changes planned so far; None for one that will not be there.
type Files = BTreeMap<PathBuf, Option<Vec<u8>>>;

/// The plan that takes an entry back, newest change first. A file that has changed since is not touched.
///
/// # Errors
/// Something has not been looked at yet.
pub fn undo_plan(
    see: &Observations,
    done: &JournalEntry,
    verify: StepId,
    restart: &[Change],
) -> Result<Planned, Unanswered> {
    let id = &done.id;
    if !done.stands() {
        return Ok(Planned::Already(say!("{id} has been taken back already.", "{id} 已经撤销。")));
    }
    if done.pruned && done.records.iter().any(|record| record.backup.is_some()) {
        return Ok(Planned::Refused(say!(
            "The backup of {id} was pruned: those of the last 20 changes are kept, and younger ones than 30 days. It cannot be taken back any more.",
            "{id} 的备份已被清理：仅保留最近 20 次更改以及 30 天之内的备份。该更改已无法撤销。"
        )));
    }
    let is_open = done.result == Recorded::Open;
    if is_open && done.records.is_empty() {
        return Ok(Planned::Already(say!(
            "{id} was broken off before it changed anything.",
            "{id} 在做出任何更改之前就已中断。"
        )));
    }
    let why = if is_open {
        say!(
            "Takes back the change {id}, which was broken off, as far as it came.",
            "撤销中断的更改 {id}（已执行的部分）。"
        )
    } else {
        say!("Takes back the change {id}.", "撤销更改 {id}。")
    };
    let mut plan = Plan::new(done.remedy, verify, why);
    // What is taken back is no cure, whatever was said of the change itself.
    plan.durability = None;
    let (mut files, mut ran) = (Files::new(), false);
    for record in done.records.iter().rev() {
        let path = &record.path;
        match &record.kind {
            RecordKind::Write | RecordKind::Remove => match file_back(see, record, is_open, &mut files)? {
                Ok(change) => plan.changes.extend(change),
                Err(reason) => return Ok(Planned::Refused(reason)),
            },
            RecordKind::RenameTo(to) => {
                let is_there = |path: &Path| Ok(!matches!(see.present(path)?, Err(Unavailable::Absent)));
                // A directory that stands in its place, and that this plan removes before, is not in the way.
                let goes =
                    plan.changes.iter().any(|change| matches!(change, Change::RemoveDir { path: dir } if dir == path));
                match (is_there(to)?, is_there(path)? && !goes) {
                    (true, false) => plan.changes.push(Change::RenameFile { from: to.clone(), to: path.clone() }),
                    (false, true) => {}
                    (both, _) => {
                        let (from, to) = (path.display(), to.display());
                        return Ok(Planned::Refused(if both {
                            say!("{from} and {to} are both there now.", "{from} 和 {to} 现在都存在。")
                        } else {
                            say!("neither {from} nor {to} is there any more.", "{from} 和 {to} 都已不存在。")
                        }));
                    }
                }
            }
            RecordKind::MakeDir => plan.changes.push(Change::RemoveDir { path: path.clone() }),
            RecordKind::RemoveDir => plan.changes.push(Change::MakeDir { path: path.clone(), mode: 0o755 }),
            RecordKind::Run(argv) => match inverse(argv) {
                Some(argv) => plan.changes.push(Change::Run {
                    argv,
                    limit: RUN_LIMIT,
                    accept: vec![0],
                    what: Text::fixed("take the command back", "撤销该命令"),
                    proxies: false,
                }),
                None => ran = true,
            },
            RecordKind::MakeGroup { site, group } => match group_away(see, site, group)? {
                Ok(change) => plan.changes.extend(change),
                Err(reason) => return Ok(Planned::Refused(reason)),
            },
            // An undo removed it; it is made again by the remedy, not by taking back the taking back.
            RecordKind::RemoveGroup { .. } => {}
            RecordKind::PutGroup { site, group, edited } => match group_back(see, site, group, edited)? {
                Ok(change) => plan.changes.extend(change),
                Err(reason) => return Ok(Planned::Refused(reason)),
            },
        }
    }
    if plan.changes.is_empty() && !is_open {
        return Ok(nothing_to_take_back(done));
    }
    if ran {
        plan.restart = restart.to_vec();
    }
    if done.records.iter().any(|record| record.backup.is_some()) {
        plan.cautions.push(Text::fixed(
            "The backups of this change are removed once every file has its old content.",
            "所有文件恢复原内容后，将删除该更改的备份。",
        ));
    }
    if done.torn {
        plan.cautions.push(Text::fixed(
            "A line of the journal about this change cannot be read; what it may have told is not taken back.",
            "操作日志中有一行关于该更改的记录无法读取；其中可能记录的内容不会被撤销。",
        ));
    }
    Ok(Planned::Ready(Box::new(plan)))
}

/// What is said of an entry of which nothing is left to take back: that everything is as it was, or, where it only ran
/// commands, why that cannot be taken back.
fn nothing_to_take_back(done: &JournalEntry) -> Planned {
    let commands = done.records.iter().filter_map(|record| match &record.kind {
        RecordKind::Run(argv) if !is_stop_or_start(argv) => Some(shell_line(argv)),
        _ => None,
    });
    let commands: Vec<String> = commands.collect();
    let leaves_something =
        |record: &Record| !matches!(record.kind, RecordKind::Run(_) | RecordKind::RemoveGroup { .. });
    if commands.is_empty() && done.records.iter().any(leaves_something) {
        let id = &done.id;
        return Planned::Already(say!(
            "Everything is as it was before {id}; there is nothing to take back.",
            "一切均已与 {id} 之前一致，没有需要撤销的内容。"
        ));
    }
    if commands.is_empty() {
        return Planned::Refused(Text::fixed(
            "This entry only ran commands (stop, start); there is nothing to take back.",
            "该条目只执行了命令（停止、启动），没有可撤销的内容。",
        ));
    }
    let commands = commands.join("; ");
    Planned::Refused(say!(
        "This entry only ran a command, and this program cannot take back what that did: {commands}",
        "该条目只执行了命令，本程序无法撤销其改动：{commands}"
    ))
}

/// The change that gives a machine group its old list again, if it still has the one that was written.
fn group_back(
    see: &Observations,
    site: &Site,
    name: &str,
    edited: &Edited,
) -> Result<Result<Option<Change>, Text>, Unanswered> {
    let now = match see.cloud_group(site, name)? {
        Ok(now) => now,
        Err(trouble) => return Ok(Err(unreadable(name, trouble))),
    };
    let change = |back: GroupEdit| Change::PutGroup { site: site.clone(), before: back.before, after: back.after };
    Ok(match group_edit::undo(edited, now) {
        Ok(back) => Ok(back.map(change)),
        Err(Overtaken) => Err(say!(
            "The list of machine group {name} has been changed since, by somebody else; undoing would lose that change.",
            "机器组 {name} 的列表在此之后又被修改过，撤销会丢失那次修改。"
        )),
    })
}

/// The change that removes a machine group again that this program made: only while it still is as it was made and no
/// collection configuration depends on it. None when it is gone already.
fn group_away(
    see: &Observations,
    site: &Site,
    made: &MachineGroup,
) -> Result<Result<Option<Change>, Text>, Unanswered> {
    let name = made.name();
    let (now, configs) = (see.cloud_group(site, name), see.cloud_configs(site, name));
    let now = match now? {
        Ok(now) => now,
        Err(trouble) if trouble.kind == CloudErrorKind::GroupNotExist => return Ok(Ok(None)),
        Err(trouble) => return Ok(Err(unreadable(name, trouble))),
    };
    let configs = configs?;
    Ok(if !group_edit::is_as_made(made, now) {
        Err(say!(
            "Machine group {name} has been changed since it was created here; removing it would lose that change.",
            "机器组 {name} 自创建之后又被修改过，删除会丢失那次修改。"
        ))
    } else {
        match configs.as_deref() {
            Ok([]) => Ok(Some(Change::RemoveGroup { site: site.clone(), group: made.clone() })),
            Ok(configs) => {
                let count = configs.len();
                Err(say!(
                    "{count} collection configurations are applied to machine group {name} by now; it is in use and is not removed.",
                    "机器组 {name} 现已关联 {count} 个采集配置，正在使用中，不会删除。"
                ))
            }
            Err(trouble) => Err(unreadable(name, trouble)),
        }
    })
}

/// Why a machine group cannot be read.
fn unreadable(name: &str, trouble: &CloudError) -> Text {
    let (en, zh) = trouble.what.both();
    let (next_en, next_zh) = trouble.next.both();
    Text::filled(
        format!("Machine group {name} cannot be read now. {en} {next_en}"),
        format!("当前无法读取机器组 {name}。{zh}{next_zh}"),
    )
}

/// Whether undo could take a plan back: not one that only stops, starts or installs.
pub fn can_be_undone(plan: &Plan) -> bool {
    let is_run_back = |change: &Change| matches!(change, Change::Run { argv, .. } if is_reversible(argv));
    plan.changes.iter().any(|change| change.is_edit() || is_run_back(change))
}

/// How a file becomes what it was; None when it is so already. The inner error is the sentence that says why not.
fn file_back(
    see: &Observations,
    record: &Record,
    is_open: bool,
    files: &mut Files,
) -> Result<Result<Option<Change>, Text>, Unanswered> {
    let path = &record.path;
    let name = path.display();
    let now = match files.get(path) {
        Some(content) => content.clone(),
        None => match see.file(path)? {
            Ok(file) if !file.is_partial() => Some(file.bytes.clone()),
            Err(Unavailable::Absent) => None,
            _ => {
                return Ok(Err(say!(
                    "{name} cannot be read now, so it is unknown whether undoing would lose a later change.",
                    "当前无法读取 {name}，无法确认撤销是否会丢失之后的修改。"
                )));
            }
        },
    };
    if Fingerprint::of(now.as_deref()) == record.before {
        return Ok(Ok(None));
    }
    let is_ours =
        Fingerprint::of(now.as_deref()) == record.after || is_open && was_cut_short(see, record, now.as_deref())?;
    if !is_ours {
        return Ok(Err(match &record.backup {
            Some(backup) => {
                let argv = ["diff", "-u", &backup.display().to_string(), &name.to_string()].map(str::to_string);
                let compare = shell_line(&argv);
                say!(
                    "{name} has been changed since, by somebody else; undoing would lose that change. Compare, and take back by hand what is to go: {compare}",
                    "{name} 在此之后又被修改过，撤销会丢失那次修改。请对比后手动恢复：{compare}"
                )
            }
            None => say!(
                "{name} was created by this change and has been changed since, by somebody else; undoing would lose that change. Remove it by hand if it is to go.",
                "{name} 由该更改创建，之后又被修改过，撤销会丢失那次修改。如不再需要，请手动删除。"
            ),
        }));
    }
    let Some(backup) = &record.backup else {
        files.insert(path.clone(), None);
        return Ok(Ok(now.map(|before| Change::RemoveFile { path: path.clone(), before })));
    };
    let (after, mode) = match see.file(backup)? {
        Ok(file) if !file.is_partial() && Fingerprint::of(Some(&file.bytes)) == record.before => {
            (file.bytes.clone(), file.mode)
        }
        _ => {
            let backup = backup.display();
            return Ok(Err(say!("the backup {backup} is missing or was changed.", "备份 {backup} 缺失或已被修改。")));
        }
    };
    files.insert(path.clone(), Some(after.clone()));
    Ok(Ok(Some(match now {
        // The backup is the old file with its owner, its label and its time; it only needs its name back.
        None => Change::RenameFile { from: backup.clone(), to: path.clone() },
        before => Change::WriteFile { path: path.clone(), before, after, mode },
    })))
}

/// Whether a kill left a file partly written, which can happen only to one that is itself a mount point. The temporary
/// beside it, which the kill left as well, proves what it was to be; so nobody else's change is taken for ours.
fn was_cut_short(see: &Observations, record: &Record, now: Option<&[u8]>) -> Result<bool, Unanswered> {
    let (Some(now), Some(backup)) = (now, &record.backup) else { return Ok(false) };
    let (Some(dir), Some(name)) = (record.path.parent(), record.path.file_name()) else { return Ok(false) };
    let ours = format!(".{}.logtail-doctor-tmp-", name.to_string_lossy());
    let (old, beside) = (see.file(backup), see.dir(dir));
    let (Ok(old), Ok(beside)) = (old?, beside?) else { return Ok(false) };
    let wanted = beside.entries.iter().filter(|entry| entry.name.starts_with(&ours));
    for entry in wanted {
        if let Ok(new) = see.file(dir.join(&entry.name))?
            && Fingerprint::of(Some(&new.bytes)) == record.after
            && is_torn(now, &old.bytes, &new.bytes)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a file is the beginning of the new content and after it what the old one had there: what writing over a file
/// leaves that was cut short.
pub fn is_torn(now: &[u8], old: &[u8], new: &[u8]) -> bool {
    let same = now.iter().zip(new).take_while(|(now, new)| now == new).count();
    now.get(same..) == Some(old.get(same..).unwrap_or_default())
}
