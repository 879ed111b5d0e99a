//! Step 9: what does the agent's own log say that the steps above did not explain? Only the ends of the logs are read,
//! whatever their size; what is older than a day, or was said to an earlier run of the agent, accuses nobody any more.

mod idle;
mod signs;

use super::investigation::Judge;
use super::subject::{self, Record};
use crate::core::agent::app_info::AppInfo;
use crate::core::agent::layout::Agent;
use crate::core::agent::log::{self, LogSign, SignGroup};
use crate::core::agent::processes;
use crate::core::context::Context;
use crate::core::finding::{Cause, CauseId, Evidence, Finding, Mark, Severity, StepId, Verdict};
use crate::core::observe::{
    ClockSeen, DirSeen, EntryKind, FileSeen, Observations, Observed, TAIL_LIMIT, Together, Unanswered, Unavailable,
};
use crate::core::text::Text;
use crate::say;
use signs::Settled;
use std::path::PathBuf;

const STEP: StepId = StepId::Log;
/// Signs older than this do not accuse any more, in seconds.
const RECENT: i64 = 24 * 3600;
/// The agent reads its accounts anew once a minute, in seconds.
const TAKEN_UP: i64 = 60;
/// An agent that sends is refused again within this while its clock is wrong, in seconds.
const STOPPED: i64 = 120;
/// At most so many rotated logs are read.
const ROTATED: usize = 2;
/// At most so many unrecognised lines are shown.
const SHOWN: usize = 5;

/// Judges step 9.
///
/// # Errors
/// Something has not been looked at yet.
pub fn check(see: &Observations, told: &Context, judge: Judge) -> Result<Finding, Unanswered> {
    let Some(agent) = subject::agent(see)? else { return Ok(subject::no_agent(STEP)) };
    let dir = agent.log_path.parent().map(PathBuf::from).unwrap_or_default();
    let (clock, tail, listing) = (see.clock(), see.tail(&agent.log_path), see.dir(&dir));
    let (record, idle, plugin) =
        (subject::record(see, &agent), idle::look(see, &agent, told, judge), plugin(see, &agent));
    let (clock, tail, listing, record) = (clock, tail, listing, record).together()?;
    let path = agent.log_path.display().to_string();
    let since = clock.now_ms / 1000 - RECENT;
    let since_local = local_time(since, clock.offset_s);
    let mut evidence = Vec::new();
    let mut texts = Vec::new();
    match tail {
        Ok(tail) => {
            let text = tail.text().into_owned();
            let is_young = !tail.is_partial()
                && log::entries(&text).next().is_none_or(|first| Some(first.time) > since_local.as_deref());
            if is_young {
                texts.extend(rotated(see, &agent, listing, since, &mut evidence)?);
            }
            texts.push(text);
        }
        Err(why) => evidence.push(unread(&path, why)),
    }
    let (idle, plugin) = (idle, plugin).together()?;
    let text = texts.concat();
    let groups = log::signs(text.as_bytes(), since_local.as_deref());
    let settled = settled(judge, see, &agent, told, &groups, &record, clock)?;
    let mut causes = Vec::new();
    let agents = crate::core::agent::layout::find(see)?.len();
    for group in &groups {
        let past = settled.settles(group);
        let judged = if past.is_some() { None } else { signs::judge(group) };
        let judged = judged.map(|cause| signs::curable(cause, settled.named.is_some(), agents > 1));
        evidence.push(row(group, past, judged.as_ref().map(|cause| cause.severity), &path));
        causes.extend(judged);
    }
    if let Record::Known(info) = &record
        && !causes.iter().any(|cause| cause.id == CauseId::UuidNone)
    {
        causes.extend(no_uuid(info, &agent, &mut evidence));
    }
    let unknown = unrecognised(&text, since_local.as_deref());
    for (time, line) in unknown.iter().rev().take(SHOWN) {
        let label = say!("Unrecognised error, {time}", "未识别的错误，{time}");
        evidence.push(Evidence::new(label, Text::same(line.clone()), path.clone()).marked(Mark::Doubtful));
    }
    evidence.extend(plugin);
    if causes.is_empty() {
        causes.extend(idle.cause);
    }
    evidence.extend(idle.evidence);
    let summary = match (causes.iter().max_by_key(|cause| cause.severity), tail, unknown.len()) {
        (Some(cause), ..) => cause.detail.clone(),
        (None, Err(why), _) => {
            let what = subject::trouble(why);
            let (en, zh) = what.both();
            let text = say!("The log {path} could not be judged: {en}.", "无法判断日志 {path}：{zh}。");
            return Ok(Finding::unknown(STEP, text, evidence));
        }
        (None, Ok(_), 0) => no_trouble(&text, since_local.as_deref(), tail.as_ref().is_ok_and(FileSeen::is_partial)),
        (None, Ok(_), count) => say!(
            "No known sign of trouble in the last 24 hours; {count} error line(s) that this program does not know.",
            "最近 24 小时没有已知的异常迹象；有 {count} 行本程序无法识别的错误。"
        ),
    };
    let mut finding = Finding::judged(STEP, summary, causes, evidence);
    if tail.is_err() {
        // What was not read may hold worse than what is known.
        finding.verdict = finding.verdict.max(Verdict::Unknown);
    }
    Ok(finding)
}

fn unread(path: &str, why: &Unavailable) -> Evidence {
    let row = Evidence::new(Text::same(path), subject::trouble(why), path);
    match why {
        Unavailable::Absent => row.marked(Mark::Doubtful),
        _ => {
            let command = format!("sudo tail -n 200 {path}");
            row.expecting(say!("`{command}` shows it", "可用 `{command}` 查看")).marked(Mark::Unknown)
        }
    }
}

/// What has changed since the log spoke: the agent's start, the file of its account, the clock. The last two are looked
/// at only where the log complains of them.
fn settled(
    judge: Judge,
    see: &Observations,
    agent: &Agent,
    told: &Context,
    groups: &[SignGroup],
    record: &Record,
    clock: &ClockSeen,
) -> Result<Settled, Unanswered> {
    let complains = |sign: LogSign| groups.iter().any(|group| group.sign == sign);
    let named = if complains(LogSign::AuthRejected) { named_at(see, agent, told)? } else { None };
    let is_right = complains(LogSign::ClockRejected) && judge(StepId::Clock, see, told)?.verdict == Verdict::Pass;
    let now = clock.now_ms / 1000;
    let right_clock = local_time(now - STOPPED, clock.offset_s).zip(local_time(now, clock.offset_s));
    // The last run of an agent that does not run any more is the one that the record tells of.
    let recorded = match record {
        Record::Known(info) => info.started,
        Record::Broken(_) | Record::Unread(_) => None,
    };
    let started = processes::worker(&agent.processes).map(|worker| worker.started).or(recorded);
    Ok(Settled {
        started: started.and_then(|started| local_time(started, clock.offset_s)),
        named: named.and_then(|at| local_time(at, clock.offset_s)),
        right_clock: right_clock.filter(|_| is_right),
    })
}

/// Until when the agent could not know the owner's file in `users/`, in seconds since 1970; where the owner was not told,
/// the newest file that names an account.
fn named_at(see: &Observations, agent: &Agent, told: &Context) -> Result<Option<i64>, Unanswered> {
    let Ok(users) = see.dir(agent.conf_dir.join("users"))? else { return Ok(None) };
    let is_it = |name: &str| match &told.aliuid {
        Some(owner) => name == owner,
        None => !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()),
    };
    let newest = users.entries.iter().filter(|entry| is_it(&entry.name)).map(|entry| entry.modified).max();
    Ok(newest.map(|at| at.saturating_add(TAKEN_UP)))
}

/// The ends of the rotated logs of the last day, oldest first. Packed ones are not read, which is said.
fn rotated(
    see: &Observations,
    agent: &Agent,
    listing: &Observed<DirSeen>,
    since: i64,
    evidence: &mut Vec<Evidence>,
) -> Result<Vec<String>, Unanswered> {
    let (Ok(listing), Some(name)) = (listing, agent.log_path.file_name()) else { return Ok(Vec::new()) };
    let stem = format!("{}.", name.to_string_lossy());
    let of_log = listing.entries.iter().filter(|entry| {
        let rest = entry.name.strip_prefix(&stem).unwrap_or_default();
        entry.kind == EntryKind::File && rest.starts_with(|c: char| c.is_ascii_digit()) && entry.modified >= since
    });
    let (packed, plain): (Vec<_>, Vec<_>) = of_log.partition(|entry| entry.name.ends_with(".gz"));
    if !packed.is_empty() {
        let list = packed.iter().take(ROTATED).map(|entry| entry.name.as_str()).collect::<Vec<_>>().join(", ");
        let label = Text::fixed("Rotated logs", "轮转日志");
        let value = say!("packed, not read: {list}", "已压缩，未读取：{list}");
        let dir = agent.log_path.parent().map(|dir| dir.display().to_string()).unwrap_or_default();
        evidence.push(Evidence::new(label, value, dir));
    }
    let mut plain: Vec<_> = plain.into_iter().map(|entry| (entry.modified, entry.name.as_str())).collect();
    plain.sort_unstable_by(|one, other| other.cmp(one));
    let tails: Vec<_> = plain
        .iter()
        .take(ROTATED)
        .map(|(_, name)| agent.log_path.with_file_name(name))
        .map(|path| see.tail(&path).map(|tail| (path, tail)))
        .collect();
    let mut texts = Vec::new();
    for tail in tails {
        match tail? {
            (_, Ok(tail)) => texts.push(tail.text().into_owned() + "\n"),
            (path, Err(why)) => evidence.push(unread(&path.display().to_string(), why)),
        }
    }
    texts.reverse();
    Ok(texts)
}

/// The latest errors of the part of the agent that is written in Go. Its lines begin `2026-11-22 07:21:55 [ERR]`.
fn plugin(see: &Observations, agent: &Agent) -> Result<Vec<Evidence>, Unanswered> {
    let paths = ["go_plugin.LOG", "logtail_plugin.LOG"].map(|name| agent.log_path.with_file_name(name));
    let (clock, tails) = (see.clock(), paths.clone().map(|path| see.tail(path)));
    let clock = clock?;
    let since = local_time(clock.now_ms / 1000 - RECENT, clock.offset_s).unwrap_or_default();
    let mut rows = Vec::new();
    for (path, tail) in paths.iter().zip(tails) {
        let path = path.display().to_string();
        match tail? {
            Ok(tail) => rows.extend(plugin_rows(tail, &since, &path)),
            // Each generation of the agent has another one of the two.
            Err(Unavailable::Absent) => {}
            Err(why) => rows.push(unread(&path, why)),
        }
    }
    Ok(rows)
}

fn plugin_rows(tail: &FileSeen, since: &str, path: &str) -> Vec<Evidence> {
    let text = tail.text();
    let is_error = |line: &&str| {
        line.get(..19).is_some_and(|time| log::local_seconds(time).is_some() && time >= since)
            && line.get(19..).is_some_and(|rest| rest.trim_start().starts_with("[ERR]"))
    };
    let errors: Vec<&str> = text.lines().filter(is_error).collect();
    let Some(last) = errors.last() else { return Vec::new() };
    let count = errors.len();
    let label = say!("Plugin log: {count} error(s), the last", "插件日志：{count} 条错误，最近一条");
    let shown: String = last.chars().take(300).collect();
    vec![Evidence::new(label, Text::same(shown), path).marked(Mark::Doubtful)]
}

/// No sign of trouble, said of the time that was really read: of a busy log only the end is.
fn no_trouble(text: &str, since: Option<&str>, is_partial: bool) -> Text {
    match log::entries(text).next() {
        Some(first) if is_partial && since.is_some_and(|since| first.time > since) => {
            let (time, size) = (first.time, TAIL_LIMIT >> 10);
            say!(
                "The end of the log that was read ({size} KiB, since {time}) has no sign of trouble.",
                "已读取的日志末尾（{size} KiB，自 {time} 起）没有异常迹象。"
            )
        }
        _ => Text::fixed("The log of the last 24 hours has no sign of trouble.", "最近 24 小时的日志没有异常迹象。"),
    }
}

/// A local time as the agent writes it.
fn local_time(seconds: i64, offset_s: i32) -> Option<String> {
    let shifted = jiff::Timestamp::from_second(seconds.checked_add(i64::from(offset_s))?).ok()?;
    Some(shifted.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

fn row(group: &SignGroup, past: Option<Text>, severity: Option<Severity>, path: &str) -> Evidence {
    let (count, last, sample) = (signs::times(group.count), &group.last, group.sample.trim());
    let what = group.sign.text();
    let ((en, zh), (count_en, count_zh)) = (what.both(), count.both());
    let label = say!("{en}: {count_en}, last {last}", "{zh}：{count_zh}，最近 {last}");
    let mark = match severity {
        Some(Severity::Fail) => Mark::Bad,
        Some(_) => Mark::Doubtful,
        None => Mark::Note,
    };
    let row = Evidence::new(label, Text::same(sample), path).marked(mark);
    if let Some(past) = past {
        return row.expecting(past);
    }
    match signs::step_of(group.sign) {
        Some(step) => {
            let number = step.index() + 1;
            let title = step.title();
            let (en, zh) = title.both();
            row.expecting(say!("see step {number}, {en}", "见第 {number} 步（{zh}）"))
        }
        None => row,
    }
}

/// The record says that the machine has no UUID. The open-source build makes one up, so only a commercial one can.
fn no_uuid(info: &AppInfo, agent: &Agent, evidence: &mut Vec<Evidence>) -> Option<Cause> {
    let is_none = info.uuid.eq_ignore_ascii_case("none") || (info.uuid.is_empty() && !info.instance_id.is_empty());
    if !is_none || agent.community {
        return None;
    }
    let shown = if info.uuid.is_empty() { Text::fixed("(empty)", "（空）") } else { Text::same(info.uuid.clone()) };
    let row = Evidence::new(Text::same("UUID"), shown, agent.app_info_path.display().to_string());
    evidence.push(row.marked(Mark::Doubtful));
    Some(signs::uuid_none(Text::fixed("The agent found no UUID of this machine.", "Agent 没有取到本机的 UUID。")))
}

/// Error lines that no sign explains, with their times, oldest first.
fn unrecognised(text: &str, since: Option<&str>) -> Vec<(String, String)> {
    log::entries(text)
        .filter(|entry| since.is_none_or(|since| entry.time >= since))
        .filter(|entry| entry.level.eq_ignore_ascii_case("error") && log::sign_of(entry).is_none())
        .map(|entry| {
            let line: String = entry.rest.lines().next().unwrap_or_default().chars().take(300).collect();
            (entry.time.to_string(), line)
        })
        .collect()
}
