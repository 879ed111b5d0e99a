//! `journal`, and what other commands read of the journal: root's stands beside that of an ordinary user.

use super::settings::CURED;
use super::settings::{COULD_NOT_RUN, Settings};
use crate::carry_out::{self, Store};
use crate::core::flow::{recorded_word, undo_command};
use crate::core::journal::{JOURNAL, JournalEntry, Record, RecordKind, broken_off, entries, together, whole_lines};
use crate::core::observe::{Answer, Question, Unavailable};
use crate::core::remedies;
use crate::core::text::{Text, printable};
use crate::host::Host;
use crate::say;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Lists what was changed, oldest first.
///
/// # Errors
/// The list cannot be written.
pub async fn journal(host: Arc<dyn Host>, settings: &Settings, out: &mut impl Write) -> io::Result<u8> {
    let Some((entries, unread)) = read(&host, settings).await else { return Ok(COULD_NOT_RUN) };
    if entries.is_empty() {
        let dir = settings.store.dir.display();
        settings.say(out, &say!("No changes are recorded in {dir}.", "{dir} 中没有更改记录。"))?;
    }
    let unfinished = broken_off(&entries);
    let under_way = match unfinished {
        Some(done) => carry_out::under_way(host.as_ref(), &store_of(settings, done)).await,
        None => None,
    };
    for done in &entries {
        let is_under_way = under_way.is_some() && unfinished == Some(done);
        let result = if is_under_way { Text::fixed("under way", "执行中") } else { recorded_word(done.result) };
        let result = result.get(settings.lang);
        let roots = if done.is_roots { "  (root)" } else { "" };
        writeln!(out, "{}  {}  {result}  {}{roots}", printable(&done.id), done.remedy.id(), printable(&done.actor))?;
        if unfinished == Some(done) && !is_under_way {
            writeln!(out, "    {}", printable(ways_out(done).get(settings.lang)))?;
        }
        for record in &done.records {
            writeln!(out, "    {}", printable(record_line(record, done).get(settings.lang)))?;
        }
    }
    if unread > 0 {
        settings.complain(&unreadable_lines(unread));
    }
    Ok(CURED)
}

/// What is said of lines that a kill or a full disk cut short.
pub(super) fn unreadable_lines(count: usize) -> Text {
    say!(
        "Lines of the journal that could not be read, and were skipped: {count}.",
        "操作日志中有 {count} 行无法读取，已跳过。"
    )
}

/// One recorded change in one line.
fn record_line(record: &Record, done: &JournalEntry) -> Text {
    let path = record.path.display();
    let backup = match &record.backup {
        // With the change its backups are gone.
        Some(_) if !done.result.has_backups() => Text::same(""),
        Some(_) if done.pruned => Text::fixed("  (backup pruned)", "  （备份已清理）"),
        Some(backup) => Text::same(format!("  ({})", backup.display())),
        None => Text::same(""),
    };
    let (en, zh) = backup.both();
    match &record.kind {
        RecordKind::Write => say!("write {path}{en}", "写入 {path}{zh}"),
        RecordKind::Remove => say!("remove {path}{en}", "删除 {path}{zh}"),
        RecordKind::RenameTo(to) => {
            let to = to.display();
            say!("rename {path} -> {to}", "重命名 {path} -> {to}")
        }
        RecordKind::MakeDir => say!("mkdir {path}", "创建目录 {path}"),
        RecordKind::RemoveDir => say!("rmdir {path}", "删除目录 {path}"),
        RecordKind::PutGroup { .. } => say!("edit {path}", "修改 {path}"),
        RecordKind::MakeGroup { .. } => say!("create {path}", "创建 {path}"),
        RecordKind::RemoveGroup { .. } => say!("remove {path}", "删除 {path}"),
        RecordKind::Run(argv) => {
            let command = remedies::shell_line(argv);
            say!("run {command}", "执行 {command}")
        }
    }
}

/// The entries of the journals, oldest first, and how many lines could not be read; None when the own journal cannot be
/// read, which has been said then. That root's cannot be read is only said.
pub(super) async fn read(host: &Arc<dyn Host>, settings: &Settings) -> Option<(Vec<JournalEntry>, usize)> {
    let (mut entries, mut unread) = match read_dir(host, settings, &settings.store.dir).await {
        Ok(read) => read,
        Err(path) => {
            settings.complain(&say!("{path} could not be read.", "无法读取 {path}。"));
            return None;
        }
    };
    if let Some(dir) = &settings.roots_dir {
        match read_dir(host, settings, dir).await {
            Ok((roots, more)) => {
                entries = together(entries, roots);
                unread += more;
            }
            Err(path) => {
                let command = remedies::for_root(&["journal"]);
                settings.complain(&say!(
                    "{path} can be read by root only; it is shown by: {command}",
                    "{path} 只有 root 可以读取。查看命令：{command}"
                ));
            }
        }
    }
    Some((entries, unread))
}

/// The entries of one journal; or its name when it cannot be read.
async fn read_dir(host: &Arc<dyn Host>, settings: &Settings, dir: &Path) -> Result<(Vec<JournalEntry>, usize), String> {
    let path = dir.join(JOURNAL);
    if let Some(doubt) = carry_out::trust::doubt(host.as_ref(), path.clone()).await {
        settings.complain(&doubt);
        return Err(path.display().to_string());
    }
    match host.observe(Question::Tail(path.clone())).await {
        Answer::File(Ok(file)) => {
            if file.is_partial() {
                let path = path.display();
                settings.complain(&say!("{path} is long: only its end was read.", "{path} 较长：仅读取了末尾部分。"));
            }
            Ok(entries(whole_lines(&file)))
        }
        Answer::File(Err(Unavailable::Absent)) => Ok((Vec::new(), 0)),
        _ => Err(path.display().to_string()),
    }
}

/// A change without an end.
pub enum Unfinished {
    /// Another process is at it; the sentence says which.
    UnderWay(Text),
    BrokenOff(Box<JournalEntry>),
}

/// The newest change, if it has no end. No password is asked for and nobody is complained to: a journal that this user
/// may not read is not this user's to finish.
pub async fn unfinished(host: &Arc<dyn Host>, settings: &Settings) -> Option<Unfinished> {
    let journals = settings.journals();
    // Only where there is a journal: asking the host takes a thread, and the first frame waits for it.
    let is_there = |dir: &PathBuf| dir.join(JOURNAL).try_exists().unwrap_or(true);
    if ![Some(&journals.own), journals.roots.as_ref()].into_iter().flatten().any(is_there) {
        return None;
    }
    let all = carry_out::ask_for_journals(host.as_ref(), &journals).await;
    let done = broken_off(&all)?;
    Some(match carry_out::under_way(host.as_ref(), &store_of(settings, done)).await {
        Some(holder) => {
            let (id, remedy) = (&done.id, done.remedy.id());
            Unfinished::UnderWay(say!(
                "{remedy} {id} is under way: {holder}. Wait until it is over before you change anything.",
                "{remedy} {id} 正在执行：{holder}。请待其结束后再做更改。"
            ))
        }
        None => Unfinished::BrokenOff(Box::new(done.clone())),
    })
}

/// The state directory in whose journal an entry stands.
fn store_of(settings: &Settings, done: &JournalEntry) -> Store {
    let dir = settings.roots_dir.as_ref().filter(|_| done.is_roots).unwrap_or(&settings.store.dir);
    Store { dir: dir.clone(), ..settings.store.clone() }
}

/// The sentence that tells how a change that was broken off is finished or taken back.
pub(super) fn ways_out(done: &JournalEntry) -> Text {
    let (id, remedy, undo) = (&done.id, done.remedy.id(), undo_command(&done.id, done.remedy, done.is_roots));
    let finish = remedies::for_root(&["fix", remedy, "--yes"]);
    // The journal does not keep the values; without them the command says which are missing.
    match !remedies::descriptor(done.remedy).inputs.is_empty() {
        true => say!(
            "{remedy} {id} was broken off. Take it back: {undo}; or finish it with the values (--set) that it had: {finish}",
            "{remedy} {id} 曾被中断。撤销：{undo}；或使用原来的参数（--set）继续完成：{finish}"
        ),
        false => say!(
            "{remedy} {id} was broken off. Take it back: {undo}; or finish it: {finish}",
            "{remedy} {id} 曾被中断。撤销：{undo}；或继续完成：{finish}"
        ),
    }
}
