//! Whether the agent stays up: workers that die and are made anew, and the illegal instruction that kills every one of
//! them on an old CPU. Judged by start times, the agent's log, and the kernel's log.

use super::super::steady::Steady;
use super::super::subject::{self, Record};
use super::ending::last_ending;
use crate::core::agent::layout::Agent;
use crate::core::agent::log::{self, LogSign};
use crate::core::agent::processes::{Shape, process_shape, worker};
use crate::core::finding::{Cause, CauseId, Evidence, Mark, RemedyId};
use crate::core::observe::{
    ClockSeen, CommandSeen, FileSeen, Observations, Observed, ReadCommand, Together, Unanswered, Unavailable,
};
use crate::core::text::Text;
use crate::say;

/// So many lines at the end of the agent's log may tell how its worker ended.
const LAST_LINES: usize = 50;
/// How far back starts are counted, in seconds.
const WINDOW: i64 = 3600;
/// So many starts within the window, under the same daemon, are no accident.
const LOOP: usize = 3;
/// A worker's first start follows its daemon's within this, in seconds.
const FIRST_START: i64 = 60;
/// A worker that outlived a crash by this is not the one that crashes, in seconds.
const OUTLIVED: i64 = 600;

/// What was found.
#[derive(Default)]
pub(super) struct Stability {
    pub evidence: Vec<Evidence>,
    pub causes: Vec<Cause>,
    /// Why it cannot be said whether the worker stays up.
    pub unsure: Option<Text>,
}

/// Looks for restart loops and crashes.
///
/// # Errors
/// Something has not been looked at yet.
pub(super) fn look(see: &Observations, agent: &Agent, steady: &Steady) -> Result<Stability, Unanswered> {
    let (clock, tail, kernel) = (see.clock(), see.tail(&agent.log_path), see.look(&ReadCommand::KernelLog));
    let (cpu, identity, programs) = (see.file("/proc/cpuinfo"), see.identity(), see.dir(&agent.install_dir));
    let (clock, tail, kernel, record) = (clock?, tail?, kernel?, subject::record(see, agent)?);
    let (cpu, identity, programs) = (cpu, identity, programs).together()?;
    let mut found = Stability::default();
    let one_process_is_normal =
        agent.community || agent.one_process || (identity.container.is_some() && agent.init_script.is_none());
    restarts(&mut found, agent, clock, tail, one_process_is_normal);
    short_lives(&mut found, steady, kernel, tail);
    found.evidence.extend(unread_log(agent, tail));
    found.evidence.extend(unread_kernel(kernel));
    if let Ok(said) = kernel {
        // A program that was replaced since is not the one that crashed.
        let entries = programs.as_ref().map(|listing| listing.entries.as_slice()).unwrap_or_default();
        let of_program = entries.iter().filter(|entry| crate::core::agent::names::is_agent_program(&entry.name));
        let replaced = of_program.map(|entry| entry.modified).max();
        let last = traps(&said.out).last();
        let at = last.and_then(|(uptime, _)| uptime).map(|uptime| clock.booted.saturating_add(uptime));
        let is_cured = at.zip(replaced).is_some_and(|(at, replaced)| replaced > at)
            || is_outlived(agent, at)
            || at.zip(recorded(&record)).is_some_and(|(at, started)| started > at);
        if let Some((_, line)) = last.filter(|_| !is_cured) {
            illegal_instruction(&mut found, line, cpu, identity.arch.raw());
        }
    }
    Ok(found)
}

/// Starts of workers that the daemon made anew.
fn restarts(found: &mut Stability, agent: &Agent, clock: &ClockSeen, tail: &Observed<FileSeen>, one_is_normal: bool) {
    let now = clock.now_ms / 1000;
    let Some(worker) = worker(&agent.processes) else { return };
    let elder = agent.processes.iter().map(|process| process.started).min().unwrap_or(worker.started);
    let is_pair = matches!(process_shape(&agent.processes), Shape::Pair { .. });
    if is_pair && worker.started.saturating_sub(elder) <= FIRST_START {
        return;
    }
    let tail = match tail {
        Ok(tail) => tail,
        // An agent that has not written a log yet has not written of a restart either.
        Err(Unavailable::Absent) => return,
        Err(_) => {
            if is_pair && now.saturating_sub(worker.started) < WINDOW {
                found.unsure = Some(Text::fixed(
                    "The daemon started its worker anew within the last hour; how often, only the agent's log tells, which this user may not read. Run as root to find out.",
                    "守护进程在最近一小时内重新拉起过工作进程；次数只有 Agent 日志记录，当前用户无法读取。请以 root 运行以确认。",
                ));
            }
            return;
        }
    };
    // Without a daemon that outlives the worker, as in a container, every start of the last hour counts.
    let since = if is_pair || !one_is_normal {
        elder.saturating_add(FIRST_START).max(now.saturating_sub(WINDOW))
    } else {
        now.saturating_sub(WINDOW)
    };
    let text = tail.text();
    let recent: Vec<_> = log::entries(&text)
        .filter_map(|entry| Some((log::sign_of(&entry)?, subject::seconds(entry.time, clock)?)))
        .filter(|(_, at)| *at > since)
        .collect();
    let starts = recent.iter().filter(|(sign, _)| *sign == LogSign::Started).count();
    if starts == 0 {
        return;
    }
    let path = agent.log_path.display().to_string();
    let limit = if is_pair || !one_is_normal { LOOP } else { LOOP + 1 };
    let mark = if starts >= limit { Mark::Bad } else { Mark::Note };
    let label = Text::fixed("Starts of the worker in the last hour", "最近一小时工作进程启动次数");
    let row = Evidence::new(label, Text::same(starts.to_string()), path.clone());
    found.evidence.push(row.expecting(Text::fixed("none", "无")).marked(mark));
    let is_reason = |sign| {
        use LogSign::{ContactLost, Crash, IpChanged, ResourceLimit, Stuck};
        matches!(sign, IpChanged | ResourceLimit | Crash | ContactLost | Stuck)
    };
    let reason = recent.iter().rev().map(|(sign, _)| *sign).find(|sign| is_reason(*sign));
    if let Some(reason) = reason {
        let row = Evidence::new(Text::fixed("Reason in the log", "日志中的原因"), reason.text(), path);
        found.evidence.push(row.marked(mark));
    }
    if starts < limit {
        return;
    }
    let detail = match reason {
        Some(reason) => {
            let reason = reason.text();
            let (en, zh) = reason.both();
            say!(
                "The worker started {starts} times in the last hour; the log says: {en}.",
                "工作进程在最近一小时内启动了 {starts} 次；日志中的原因：{zh}。"
            )
        }
        None => say!(
            "The worker started {starts} times in the last hour, and the log gives no reason.",
            "工作进程在最近一小时内启动了 {starts} 次，日志中没有说明原因。"
        ),
    };
    found.causes.push(Cause::fail(CauseId::RestartLoop, detail, why_loop(), &[RemedyId::RestartAgent]));
}

/// Workers that ended while they were watched, under a daemon that lives on; and how, where the kernel or the agent's log
/// tells it.
fn short_lives(found: &mut Stability, steady: &Steady, kernel: &Observed<CommandSeen>, tail: &Observed<FileSeen>) {
    let Some(last) = steady.ended.last().filter(|_| !steady.processes.is_empty()) else { return };
    let kernel = kernel.as_ref().map(|said| said.out.as_str()).unwrap_or_default();
    let log = tail.as_ref().ok().map(|tail| tail.text()).unwrap_or_default();
    let of_log = || {
        // The log of the agent is about the agent, whether or not a line names it.
        let recent = log.lines().rev().take(LAST_LINES).collect::<Vec<_>>();
        let named: Vec<String> = recent.iter().rev().map(|line| format!("ilogtail {line}")).collect();
        let (ending, _) = last_ending(named.iter().map(String::as_str), &steady.ended)?;
        Some((ending, String::new()))
    };
    let told =
        last_ending(kernel.lines(), &steady.ended).map(|(ending, line)| (ending, line.to_string())).or_else(of_log);
    if let Some((_, line)) = told.as_ref().filter(|(_, line)| !line.is_empty()) {
        let line: String = line.chars().take(300).collect();
        let label = Text::fixed("Kernel log", "内核日志");
        found.evidence.push(Evidence::new(label, Text::same(line), ReadCommand::KernelLog.line()).marked(Mark::Bad));
    }
    let (pid, lived) = (last.pid, steady.at.saturating_sub(last.started).max(0));
    let how = match told {
        Some((ending, _)) => {
            let text = ending.text();
            let (en, zh) = text.both();
            say!("It ended with {en}.", "退出方式：{zh}。")
        }
        None => {
            Text::fixed("Neither the kernel's log nor the agent's says how.", "内核日志和 Agent 日志均未说明退出方式。")
        }
    };
    let (how_en, how_zh) = how.both();
    let detail = say!(
        "The worker (process {pid}) ended less than {lived} s after its start, and the daemon starts it anew. {how_en}",
        "工作进程（{pid}）启动后不到 {lived} 秒就退出，守护进程会反复拉起它。{how_zh}"
    );
    match found.causes.iter_mut().find(|cause| cause.id == CauseId::RestartLoop) {
        Some(known) => known.detail = known.detail.followed_by(&how),
        None => found.causes.push(Cause::fail(CauseId::RestartLoop, detail, why_loop(), &[RemedyId::RestartAgent])),
    }
}

fn why_loop() -> Text {
    Text::fixed(
        "A worker that dies again and again sends a heartbeat now and then at best.",
        "反复退出的工作进程至多只能偶尔发出心跳。",
    )
}

/// Why the agent's log was not read, and what shows the restarts in it. One that is not there is for step 9.
fn unread_log(agent: &Agent, tail: &Observed<FileSeen>) -> Option<Evidence> {
    let why = tail.as_ref().err().filter(|why| **why != Unavailable::Absent)?;
    let path = agent.log_path.display().to_string();
    let row =
        Evidence::new(Text::fixed("Restarts in the log", "日志中的重启记录"), subject::trouble(why), path.clone());
    let command = format!("sudo grep -ciE 'app ?info:' {path}");
    Some(row.expecting(say!("`{command}` counts them", "可用 `{command}` 统计")).marked(Mark::Unknown))
}

/// Why the kernel's log was not read, and what shows the crashes in it.
fn unread_kernel(said: &Observed<CommandSeen>) -> Option<Evidence> {
    let why = match said {
        Ok(said) if said.code == Some(0) || !said.out.is_empty() => return None,
        Ok(_) => Unavailable::NotAllowed,
        Err(why) => why.clone(),
    };
    let label = Text::fixed("Crashes in the kernel log", "内核日志中的崩溃记录");
    let row = Evidence::new(label, subject::trouble(&why), ReadCommand::KernelLog.line());
    let command = match why {
        Unavailable::Absent => "sudo journalctl -k | grep -iE 'ilogtail|loongcollector'",
        _ => "sudo dmesg | grep -iE 'ilogtail|loongcollector'",
    };
    Some(row.expecting(say!("`{command}` shows them", "可用 `{command}` 查看")).marked(Mark::Unknown))
}

/// Lines of the kernel about an illegal instruction in the agent, with the seconds since boot where they say so.
pub(in crate::core::checks) fn traps(kernel_log: &str) -> impl Iterator<Item = (Option<i64>, &str)> {
    let is_trap = |line: &&str| {
        let line = line.to_ascii_lowercase();
        (line.contains("ilogtail") || line.contains("loongcollector"))
            && ["invalid opcode", "sigill", "illegal instruction"].iter().any(|sign| line.contains(sign))
    };
    kernel_log.lines().filter(is_trap).map(|line| {
        // At the beginning only: without a stamp, the first bracket is that of the process id.
        let stamp = line.trim_start().strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(stamp, _)| stamp);
        let seconds = stamp.and_then(|stamp| stamp.trim().split('.').next()).and_then(|whole| whole.parse().ok());
        (seconds, line)
    })
}

/// Whether the agent runs whole since long after the crash; without a time of the crash, whether it runs whole.
fn is_outlived(agent: &Agent, at: Option<i64>) -> bool {
    let is_whole = matches!(process_shape(&agent.processes), Shape::Pair { .. } | Shape::TooMany(_));
    is_whole
        && worker(&agent.processes)
            .is_some_and(|worker| at.is_none_or(|at| worker.started > at.saturating_add(OUTLIVED)))
}

/// When a worker last came so far as to write its record, in seconds since 1970: a program that dies of its first
/// instructions does not.
fn recorded(record: &Record) -> Option<i64> {
    match record {
        Record::Known(info) => info.started,
        Record::Broken(_) | Record::Unread(_) => None,
    }
}

fn illegal_instruction(found: &mut Stability, line: &str, cpu: &Observed<FileSeen>, arch: &str) {
    // What the vendor's builds want (installer of LoongCollector 1.7.0, and of Logtail 1.5.6).
    let wanted: &[&str] = if arch == "aarch64" { &["asimddp", "asimdhp"] } else { &["sse4_2", "avx", "avx2"] };
    let text = cpu.as_ref().map(|cpu| cpu.text().into_owned()).unwrap_or_default();
    let flags = text.lines().find(|line| line.starts_with("flags") || line.starts_with("Features"));
    let flags: Option<Vec<&str>> = flags.map(|line| line.split_whitespace().collect());
    let missing: Vec<&str> =
        flags.map(|flags| wanted.iter().filter(|flag| !flags.contains(flag)).copied().collect()).unwrap_or_default();
    let line: String = line.chars().take(300).collect();
    let label = Text::fixed("Kernel log", "内核日志");
    found.evidence.push(Evidence::new(label, Text::same(line), ReadCommand::KernelLog.line()).marked(Mark::Bad));
    let list = missing.join(", ");
    if !missing.is_empty() {
        let label = Text::fixed("CPU flags missing", "缺少的 CPU 指令集");
        let row = Evidence::new(label, Text::same(list.clone()), "/proc/cpuinfo");
        found.evidence.push(row.expecting(Text::same(wanted.join(", "))).marked(Mark::Bad));
    }
    let detail = if missing.is_empty() {
        Text::fixed("The kernel killed the agent for an illegal instruction.", "Agent 因执行非法指令被内核终止。")
    } else {
        say!(
            "The kernel killed the agent for an illegal instruction; this CPU lacks {list}.",
            "Agent 因执行非法指令被内核终止；该 CPU 缺少 {list}。"
        )
    };
    found.causes.push(Cause::fail(
        CauseId::IllegalInstruction,
        detail,
        Text::fixed(
            "This build needs CPU instructions that are not there, so it dies at once; the vendor's compatible build does not.",
            "该构建需要本机 CPU 不具备的指令，启动即崩溃；请改用兼容版本。",
        ),
        &[RemedyId::UpgradeAgent],
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_id_is_no_time() {
        let stamped = "[ 4711.250000] traps: ilogtail[52] trap invalid opcode ip:6f2a31";
        let bare = "traps: ilogtail[52] trap invalid opcode ip:6f2a31";
        let log = format!("{stamped}\n[ 4712.0] eth0: link up\n{bare}\n");
        assert_eq!(traps(&log).collect::<Vec<_>>(), [(Some(4711), stamped), (None, bare)]);
    }
}
