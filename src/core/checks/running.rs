//! Step 2: does the agent run as one daemon and one worker? Judged by the processes; the init script's own words stand
//! beside them, because `systemctl` and an unprivileged `status` are known to be wrong (portability facts 1 and 2).

mod boot;
mod ending;
pub(super) mod stability;

use super::steady::{self, Steady};
use super::{installed, subject};
use crate::core::agent::layout::{self, Agent};
use crate::core::agent::processes::{Shape, process_shape};
use crate::core::agent::supervisor::Supervisor;
use crate::core::context::Context;
use crate::core::finding::{Cause, CauseId, Evidence, Finding, Mark, RemedyId, Severity, StepId, Verdict};
use crate::core::observe::{
    CommandSeen, Observations, Observed, ProcessSeen, ReadCommand, Together, Unanswered, Unavailable,
};
use crate::core::text::Text;
use crate::say;

const STEP: StepId = StepId::Running;

/// Judges step 2.
///
/// # Errors
/// Something has not been looked at yet.
pub fn check(see: &Observations, _: &Context) -> Result<Finding, Unanswered> {
    // Asked before the agent is known: among very many processes the script takes as long to look through them as this
    // program does. Its answer is looked at further down, if it is this agent's.
    if let Ok(Some(script)) = layout::likely_init_script(see) {
        let _ = see.look(&ReadCommand::InitStatus { script });
    }
    let Some(mut agent) = subject::agent(see)? else { return Ok(subject::no_agent(STEP)) };
    // Another supervisor's agent is unknown to the vendor's script.
    let by_script = matches!(agent.supervisor, None | Some(Supervisor::InitScript(_)));
    let script = agent.init_script.clone().filter(|_| by_script);
    let status = script.map(|script| ReadCommand::InitStatus { script });
    let state = ReadCommand::UnitState { unit: agent.unit.clone() };
    let (clock, identity, processes, systemd) = (see.clock(), see.identity(), see.processes(), see.look(&state));
    let said = status.as_ref().map(|look| see.look(look)).transpose();
    let boot = boot::look(see, &agent);
    // What the logs say of a worker that ends while it is watched is there only afterwards.
    let steady = steady::look(see, &agent)?;
    let first_look = std::mem::replace(&mut agent.processes, steady.processes.clone());
    let stability = stability::look(see, &agent, &steady);
    let (identity, processes, systemd, said) = (identity, processes, systemd, said).together()?;
    let (_, boot, stability) = (clock, boot, stability).together()?;
    let in_container = subject::in_container(identity, &agent);
    let now = steady.at;
    let shape = process_shape(&agent.processes);
    let mut evidence = Vec::new();
    if agent.processes.is_empty() && processes.is_ok() {
        let label = Text::fixed("Processes", "进程");
        evidence.push(
            Evidence::new(label, Text::fixed("none", "无"), "/proc")
                .expecting(Text::fixed("one daemon, one worker", "一个守护进程、一个工作进程"))
                .marked(Mark::Bad),
        );
    }
    evidence.extend(agent.processes.iter().map(|process| row(process, shape, now)));
    evidence.extend(steady.ended.iter().map(|process| ended_row(process, &first_look)));
    if let (Some(look), Some(said)) = (&status, said) {
        evidence.push(status_row(look, said, identity.privileged, shape));
    }
    evidence.extend(unit_row(&state, systemd, shape).filter(|_| by_script && !agent.one_process));
    let distrusted = match said {
        Some(Err(Unavailable::Untrusted(distrust))) => Some(distrust),
        _ => None,
    };
    evidence.extend(unit_row(&state, systemd, shape));
    if agent.program_replaced {
        let label = Text::fixed("Program", "程序");
        let value = Text::fixed(
            "replaced on disk after the start; the old one runs until a restart",
            "启动之后磁盘上的程序已被替换；重启之前仍运行旧程序",
        );
        evidence.push(Evidence::new(label, value, "/proc/PID/exe").marked(Mark::Doubtful));
    }
    if let Some(text) = unsure(&agent, processes, identity.privileged) {
        if let Err(why) = processes {
            let label = Text::fixed("Processes", "进程");
            evidence.push(Evidence::new(label, subject::trouble(why), "/proc").marked(Mark::Unknown));
        }
        return Ok(Finding::unknown(STEP, text, evidence));
    }
    let name = installed::name(&agent);
    let is_dead_again = shape == Shape::None && !steady.ended.is_empty();
    let mut causes: Vec<Cause> = match is_dead_again {
        true => vec![stopped_again(&agent, &steady)],
        false => judge(&agent, shape, in_container).into_iter().collect(),
    };
    causes.extend(stability.causes);
    evidence.extend(stability.evidence);
    if !in_container {
        causes.extend(boot.cause);
        evidence.extend(boot.evidence);
    }
    let summary = match (causes.iter().max_by_key(|cause| cause.severity), shape) {
        (Some(cause), _) => cause.detail.clone(),
        (None, Shape::Pair { daemon, worker }) => say!(
            "{name} runs: daemon {daemon}, worker {worker}.",
            "{name} 正在运行：守护进程 {daemon}，工作进程 {worker}。"
        ),
        (None, _) => say!("{name} runs.", "{name} 正在运行。"),
    };
    // Nothing is said of a worker that was looked at too early only, unless something else is wrong as well.
    let is_alone = |cause: &Cause| cause.id == CauseId::AgentAbnormal || cause.severity != Severity::Fail;
    if let Some(why) = steady.unwatched.as_ref().filter(|_| causes.iter().all(is_alone)) {
        let what = subject::trouble(why);
        let (en, zh) = what.both();
        let label = Text::fixed("Second look at the worker", "再次查看工作进程");
        evidence.push(Evidence::new(label, say!("{en}", "{zh}"), "/proc").marked(Mark::Unknown));
        let text = Text::fixed(
            "The agent's worker is not 15 s old, and it was not looked at again; check again in half a minute.",
            "Agent 的工作进程启动不足 15 秒，且未能再次查看；请半分钟后重新检查。",
        );
        return Ok(Finding::unknown(STEP, text, evidence));
    }
    let finding = Finding::judged(STEP, summary, causes, evidence);
    // What root does not run it cannot restart either: said also where all else is well.
    let finding = match distrusted {
        Some(distrust) if finding.verdict == Verdict::Pass => {
            Finding { verdict: Verdict::Warn, summary: finding.summary.followed_by(&distrust.sentences()), ..finding }
        }
        _ => finding,
    };
    Ok(match stability.unsure.filter(|_| finding.verdict != Verdict::Fail) {
        Some(summary) => Finding { verdict: Verdict::Unknown, summary, ..finding },
        None => finding,
    })
}

/// Why it cannot be said whether the agent runs.
fn unsure(agent: &Agent, processes: &Observed<Vec<ProcessSeen>>, privileged: bool) -> Option<Text> {
    let hidden = |process: &ProcessSeen| process.exe.is_err() && process.contained != Some(true);
    match processes {
        Err(_) => Some(Text::fixed(
            "Other users' processes are hidden from this user; run as root to see whether the agent runs.",
            "当前用户看不到其他用户的进程；请以 root 运行以确认 Agent 是否在运行。",
        )),
        Ok(all) if agent.processes.is_empty() && !privileged && all.iter().any(hidden) => Some(Text::fixed(
            "A process has the agent's name, but this user may not see which program it is; run as root to find out.",
            "有进程与 Agent 同名，但当前用户无权查看其程序；请以 root 运行以确认。",
        )),
        Ok(_) => None,
    }
}

/// What the number and kinship of the processes say.
fn judge(agent: &Agent, shape: Shape, is_image: bool) -> Option<Cause> {
    let name = installed::name(agent);
    let needs_both = Text::fixed(
        "The worker sends the heartbeat and the daemon revives it; with one of them missing the heartbeat stops or soon will.",
        "工作进程负责发送心跳，守护进程负责拉起它；缺少其一，心跳会停止或即将停止。",
    );
    if let Some(frozen) = agent.processes.iter().find(|process| matches!(process.state, 'T' | 't')) {
        let pid = frozen.pid;
        return Some(Cause::fail(
            CauseId::AgentAbnormal,
            say!("Process {pid} of {name} was stopped by a signal.", "{name} 的进程 {pid} 被信号暂停。"),
            Text::fixed("A stopped process sends nothing.", "被暂停的进程不会发送任何内容。"),
            &[RemedyId::RestartAgent],
        ));
    }
    match shape {
        Shape::Pair { .. } => None,
        // The open-source build, and the agent of a container image without an init script, may run as one process.
        // So may one that was told to run without a daemon.
        Shape::Single(_) if agent.community || agent.one_process || is_image => None,
        Shape::Single(pid) => Some(Cause::fail(
            CauseId::AgentAbnormal,
            say!(
                "Only one process of {name} runs ({pid}); two are normal.",
                "{name} 只有一个进程（{pid}）在运行，正常应为两个。"
            ),
            needs_both,
            &[RemedyId::RestartAgent],
        )),
        Shape::TooMany(count) => Some(Cause::warn(
            CauseId::TooManyProcesses,
            say!("{count} processes of {name} run; two are normal.", "{name} 有 {count} 个进程在运行，正常应为两个。"),
            Text::fixed(
                "A second instance competes for the same identity, and logs may be collected twice.",
                "多余的实例会争用同一机器标识，日志可能被重复采集。",
            ),
            &[RemedyId::StopExtraAgent, RemedyId::RestartAgent],
        )),
        Shape::None => Some(Cause::fail(
            CauseId::AgentStopped,
            say!("{name} is not running.", "{name} 没有运行。"),
            Text::fixed("Only a running agent sends the heartbeat.", "只有运行中的 Agent 才会发送心跳。"),
            &[RemedyId::StartAgent],
        )),
    }
}

/// Nothing is left of an agent that ran when it was first looked at.
fn stopped_again(agent: &Agent, steady: &Steady) -> Cause {
    let name = installed::name(agent);
    let lived = steady.ended.iter().map(|process| steady.at.saturating_sub(process.started)).max().unwrap_or_default();
    Cause::fail(
        CauseId::AgentStopped,
        say!(
            "{name} was running and ended again, less than {lived} s after its start.",
            "{name} 启动后不到 {lived} 秒又退出了。"
        ),
        Text::fixed("Only a running agent sends the heartbeat.", "只有运行中的 Agent 才会发送心跳。"),
        &[RemedyId::StartAgent],
    )
}

/// A process that ended between two looks.
fn ended_row(process: &ProcessSeen, first_look: &[ProcessSeen]) -> Evidence {
    let pid = process.pid;
    let was_first = first_look.iter().any(|known| (known.pid, known.started) == (process.pid, process.started));
    let value = match was_first {
        true => say!("{pid}, there at the first look, gone at the second", "{pid}，第一次查看时还在，第二次已退出"),
        false => say!("{pid}, came and ended between two looks", "{pid}，在两次查看之间出现又退出"),
    };
    Evidence::new(Text::fixed("Ended", "已退出"), value, format!("/proc/{pid}")).marked(Mark::Bad)
}

fn row(process: &ProcessSeen, shape: Shape, now: i64) -> Evidence {
    let label = match shape {
        Shape::Pair { daemon, .. } if daemon == process.pid => Text::fixed("Daemon", "守护进程"),
        Shape::Pair { .. } => Text::fixed("Worker", "工作进程"),
        _ => Text::fixed("Process", "进程"),
    };
    let (pid, ppid) = (process.pid, process.ppid);
    let age = age((now - process.started).max(0));
    let value = match process.state {
        'Z' => say!("{pid} (parent {ppid}), ended, not yet collected", "{pid}（父进程 {ppid}），已结束但未回收"),
        _ => {
            let (en, zh) = age.both();
            say!("{pid} (parent {ppid}), for {en}", "{pid}（父进程 {ppid}），已运行 {zh}")
        }
    };
    let mark = if matches!(process.state, 'Z' | 'X' | 'T' | 't') { Mark::Bad } else { Mark::Good };
    Evidence::new(label, value, format!("/proc/{pid}")).marked(mark)
}

/// A span of seconds in the largest unit that says something, rounded to the nearest: an hour less a second is 60
/// minutes, not 59.
pub fn age(seconds: i64) -> Text {
    let in_units = |unit: i64| seconds.saturating_add(unit / 2) / unit;
    match seconds {
        0..120 => say!("{seconds} s", "{seconds} 秒"),
        120..7200 => {
            let minutes = in_units(60);
            say!("{minutes} min", "{minutes} 分钟")
        }
        7200..172_800 => {
            let hours = in_units(3600);
            say!("{hours} h", "{hours} 小时")
        }
        _ => {
            let days = in_units(86_400);
            say!("{days} days", "{days} 天")
        }
    }
}

fn status_row(look: &ReadCommand, said: &Observed<CommandSeen>, privileged: bool, shape: Shape) -> Evidence {
    let line = look.line();
    let label = Text::fixed("Init script says", "启动脚本返回");
    match said {
        Err(Unavailable::TimedOut) => {
            let value =
                Text::fixed("slow, and not waited for; the processes decide", "响应较慢，未继续等待；以进程为准");
            Evidence::new(label, value, line)
        }
        Err(why) => Evidence::new(label, subject::trouble(why), line).marked(Mark::Unknown),
        Ok(said) => {
            let words = said.out.lines().chain(said.err.lines()).map(str::trim).find(|line| !line.is_empty());
            let words = words.unwrap_or("(nothing)");
            let code = said.code.map_or_else(|| "signal".to_string(), |code| code.to_string());
            let mark = match said.code {
                Some(0) if shape == Shape::None => Mark::Doubtful,
                Some(0) => Mark::Good,
                // An ordinary user's status looks at processes that it may not see.
                _ if !privileged => Mark::Unknown,
                _ if matches!(shape, Shape::Pair { .. }) => Mark::Doubtful,
                _ => Mark::Bad,
            };
            Evidence::new(label, say!("{words} (exit code {code})", "{words}（退出码 {code}）"), line).marked(mark)
        }
    }
}

/// What systemd believes; shown when it is wrong, because `systemctl start` then starts nothing.
fn unit_row(look: &ReadCommand, said: &Observed<CommandSeen>, shape: Shape) -> Option<Evidence> {
    let out = &said.as_ref().ok()?.out;
    let value = |key: &str| out.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='));
    let (active, sub) = (value("ActiveState")?, value("SubState").unwrap_or("-"));
    if active != "active" || matches!(shape, Shape::Pair { .. }) {
        return None;
    }
    let value = say!(
        "{active} ({sub}): it does not notice when the processes end; use restart, not start",
        "{active} ({sub})：进程退出后 systemd 并不知情；请用 restart 而不是 start"
    );
    let label = Text::fixed("systemd says", "systemd 状态");
    Some(Evidence::new(label, value, look.line()).marked(Mark::Doubtful))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::observe::{Answer, DirSeen, EntryKind, EntrySeen, Question};
    use crate::core::text::Lang;

    #[test]
    fn the_init_script_is_asked_before_the_processes_are_known() {
        let mut seen = Observations::default();
        let script = EntrySeen { name: "ilogtaild".into(), kind: EntryKind::File, size: 1, modified: 0 };
        let listing = DirSeen { entries: vec![script], cut: false };
        seen.keep(Question::Dir("/etc/init.d".into()), Answer::Dir(Ok(listing)));
        assert_eq!(check(&seen, &Context::default()), Err(Unanswered));
        let asked = seen.take_open();
        let status = ReadCommand::InitStatus { script: "/etc/init.d/ilogtaild".into() };
        assert!(asked.contains(&Question::ReadCommand(status)) && asked.contains(&Question::Processes), "{asked:?}");
    }

    #[test]
    fn spans_are_rounded_to_the_nearest() {
        for (seconds, words) in [
            (0, "0 s"),
            (119, "119 s"),
            (3599, "60 min"),
            (3600, "60 min"),
            (5370, "90 min"),
            (7199, "120 min"),
            (7200, "2 h"),
            (28_799, "8 h"),
            (172_799, "48 h"),
            (172_800, "2 days"),
            (30 * 86_400, "30 days"),
        ] {
            assert_eq!(age(seconds).get(Lang::En), words);
        }
    }
}
