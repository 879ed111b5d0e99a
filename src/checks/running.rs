//! Step 2: does the agent run as one daemon and one worker? Judged by the processes; the init script's own words stand
//! beside them, because `systemctl` and an unprivileged `status` are known to be wrong (portability facts 1 and 2).

use super::{installed, subject};
use crate::agent::layout::Agent;
use crate::agent::processes::{Shape, process_shape};
use crate::context::Context;
use crate::finding::{Cause, CauseId, Evidence, Finding, Mark, RemedyId, StepId};
use crate::host::{Look, ProcessSeen, Seen, Unseen};
use crate::say;
use crate::text::Text;

const STEP: StepId = StepId::Running;

/// Judges step 2.
///
/// # Errors
/// Something has not been looked at yet.
pub fn check(see: &Seen, _: &Context) -> Result<Finding, Unseen> {
    let Some(agent) = subject::agent(see)? else { return Ok(subject::no_agent(STEP)) };
    let status = agent.init_script.clone().map(|script| Look::InitStatus { script });
    let (clock, identity, processes) = (see.clock(), see.identity(), see.processes());
    let said = status.as_ref().map(|look| see.look(look)).transpose();
    let (clock, identity, processes, said) = (clock?, identity?, processes?, said?);
    let mut evidence = Vec::new();
    for process in &agent.processes {
        evidence.push(row(process, &agent, clock.now_ms / 1000));
    }
    if let (Some(look), Some(said)) = (&status, said) {
        evidence.push(status_row(look, said, identity.privileged));
    }
    if let Err(why) = processes {
        let label = Text::fixed("Processes", "进程");
        evidence.push(Evidence::new(label, subject::trouble(why), "/proc").marked(Mark::Unknown));
        let text = Text::fixed(
            "Other users' processes are hidden from this user; run as root to see whether the agent runs.",
            "当前用户看不到其他用户的进程；请以 root 运行以确认 Agent 是否在运行。",
        );
        return Ok(Finding::unknown(STEP, text, evidence));
    }
    let name = installed::name(&agent);
    let mut causes = Vec::new();
    let healthy = match process_shape(&agent.processes) {
        Shape::Pair { daemon, worker } => say!(
            "{name} runs: daemon {daemon}, worker {worker}.",
            "{name} 正在运行：守护进程 {daemon}，工作进程 {worker}。"
        ),
        Shape::Single(pid) if agent.community => say!("{name} runs: process {pid}.", "{name} 正在运行：进程 {pid}。"),
        Shape::Single(pid) => {
            causes.push(Cause::fail(
                CauseId::AgentAbnormal,
                say!("Only one process of {name} runs ({pid}); two are normal.", "{name} 只有一个进程（{pid}）在运行，正常应为两个。"),
                Text::fixed(
                    "The worker sends the heartbeat and the daemon revives it; with one of them missing the heartbeat stops or soon will.",
                    "工作进程负责发送心跳，守护进程负责拉起它；缺少其一，心跳会停止或即将停止。",
                ),
                &[RemedyId::RestartAgent],
            ));
            Text::fixed("", "")
        }
        Shape::TooMany(count) => {
            causes.push(Cause::warn(
                CauseId::TooManyProcesses,
                say!(
                    "{count} processes of {name} run; two are normal.",
                    "{name} 有 {count} 个进程在运行，正常应为两个。"
                ),
                Text::fixed(
                    "A second instance competes for the same identity, and logs may be collected twice.",
                    "多余的实例会争用同一机器标识，日志可能被重复采集。",
                ),
                &[RemedyId::StopExtraAgent, RemedyId::RestartAgent],
            ));
            Text::fixed("", "")
        }
        Shape::None => {
            evidence.insert(
                0,
                Evidence::new(Text::fixed("Processes", "进程"), Text::fixed("none", "无"), "/proc")
                    .expecting(Text::fixed("one daemon, one worker", "一个守护进程、一个工作进程"))
                    .marked(Mark::Bad),
            );
            causes.push(Cause::fail(
                CauseId::AgentStopped,
                say!("{name} is not running.", "{name} 没有运行。"),
                Text::fixed("Only a running agent sends the heartbeat.", "只有运行中的 Agent 才会发送心跳。"),
                &[RemedyId::StartAgent],
            ));
            Text::fixed("", "")
        }
    };
    let summary = causes.first().map_or(healthy, |cause| cause.detail.clone());
    Ok(Finding::judged(STEP, summary, causes, evidence))
}

fn row(process: &ProcessSeen, agent: &Agent, now: i64) -> Evidence {
    let label = match process_shape(&agent.processes) {
        Shape::Pair { daemon, .. } if daemon == process.pid => Text::fixed("Daemon", "守护进程"),
        Shape::Pair { .. } => Text::fixed("Worker", "工作进程"),
        _ => Text::fixed("Process", "进程"),
    };
    let (pid, ppid) = (process.pid, process.ppid);
    let age = age((now - process.started).max(0));
    let value = match process.state {
        'Z' => say!("{pid} (parent {ppid}), ended, not yet collected", "{pid}（父进程 {ppid}），已结束但未回收"),
        _ => {
            let (en, zh) = (age.get(crate::text::Lang::En), age.get(crate::text::Lang::Zh));
            Text::filled(format!("{pid} (parent {ppid}), for {en}"), format!("{pid}（父进程 {ppid}），已运行 {zh}"))
        }
    };
    let mark = if process.state == 'Z' { Mark::Bad } else { Mark::Good };
    Evidence::new(label, value, format!("/proc/{pid}")).marked(mark)
}

/// A span of seconds in the largest unit that says something.
pub fn age(seconds: i64) -> Text {
    match seconds {
        0..120 => say!("{seconds} s", "{seconds} 秒"),
        120..7200 => {
            let minutes = seconds / 60;
            say!("{minutes} min", "{minutes} 分钟")
        }
        7200..172_800 => {
            let hours = seconds / 3600;
            say!("{hours} h", "{hours} 小时")
        }
        _ => {
            let days = seconds / 86_400;
            say!("{days} days", "{days} 天")
        }
    }
}

fn status_row(look: &Look, said: &crate::host::Looked<crate::host::CommandSeen>, privileged: bool) -> Evidence {
    let line = look.line();
    let label = Text::fixed("Init script says", "启动脚本返回");
    match said {
        Err(why) => Evidence::new(label, subject::trouble(why), line).marked(Mark::Unknown),
        Ok(said) => {
            let words = said.out.lines().chain(said.err.lines()).map(str::trim).find(|line| !line.is_empty());
            let words = words.unwrap_or("(nothing)");
            let code = said.code.map_or_else(|| "signal".to_string(), |code| code.to_string());
            let mark = match said.code {
                Some(0) => Mark::Good,
                // An ordinary user's status looks at processes that it may not see.
                _ if !privileged => Mark::Unknown,
                _ => Mark::Bad,
            };
            Evidence::new(label, say!("{words} (exit code {code})", "{words}（退出码 {code}）"), line).marked(mark)
        }
    }
}
