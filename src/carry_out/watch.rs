//! Watches the agent while a plan is carried out: who of its processes lives, whether a stop and a start did what they
//! said, and whether a failed plan left an agent stopped that ran before. Only processes of this host count, and only
//! those whose program lies in the agent's own directory.

use super::work::Work;
use crate::core::agent::processes::{is_alive, program};
use crate::core::journal::{AppliedResult, ChangeState, Progress};
use crate::core::observe::{Answer, Done, Fingerprint, LiveLine, Operation, ProcessSeen, Question};
use crate::core::remedies::Change;
use crate::core::text::Text;
use crate::say;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;

/// How often [`Change::AwaitAgent`] looks at the processes.
const AWAIT_PAUSE: Duration = Duration::from_millis(250);
/// How long a new process must live before a start is believed.
const STEADY: Duration = Duration::from_millis(1000);

/// A process: its number and when it started, in seconds since 1970.
type Alive = (u32, i64);

/// The agent as it was before the first change, so that a start that starts nothing is not believed.
#[derive(Default)]
pub(super) struct Before {
    alive: BTreeSet<Alive>,
    /// When its record of itself was written, and what it was; None when there was none.
    record: Option<(i64, Fingerprint)>,
    /// How long it was waited for an agent that was asked to stop and did not.
    stops_late: Option<Duration>,
}

/// Whether a process is one of this agent's on this host. The command may name a directory that is a symlink to the one
/// in which the kernel sees the program.
fn belongs(process: &ProcessSeen, install_dir: &Path) -> bool {
    let named = process.command.split(' ').next().filter(|word| word.starts_with('/')).map(Path::new);
    is_alive(process)
        && process.contained != Some(true)
        && program(process).is_some_and(|(path, _)| {
            [Some(path.as_path()), named].into_iter().flatten().any(|path| path.parent() == Some(install_dir))
        })
}

/// What an [`Change::AwaitAgent`] waits for.
struct Awaited<'c> {
    running: bool,
    install_dir: &'c Path,
    limit: Duration,
    app_info: Option<&'c PathBuf>,
}

impl Work<'_> {
    /// Notes how the agent is now, if the plan has to do with one.
    pub(super) async fn remember_agent(&mut self, changes: &[&Change], revive: &[Change]) {
        let awaited = |wanted: bool| {
            changes.iter().copied().chain(revive).find_map(move |change| match change {
                Change::AwaitAgent { running, install_dir, app_info, .. } if *running == wanted => {
                    Some((install_dir, app_info))
                }
                _ => None,
            })
        };
        let Some((install_dir, app_info)) = awaited(true).or_else(|| awaited(false)) else { return };
        self.before.alive = self.alive(install_dir).await.unwrap_or_default();
        if let Some(path) = app_info {
            self.before.record = self.record(path).await;
        }
    }

    async fn record(&self, path: &Path) -> Option<(i64, Fingerprint)> {
        match self.host.observe(Question::File(path.to_path_buf())).await {
            Answer::File(Ok(file)) => Some((file.modified, Fingerprint::of(Some(&file.bytes)))),
            _ => None,
        }
    }

    /// The agent's processes that are alive; None when they cannot be seen.
    async fn alive(&self, install_dir: &Path) -> Option<BTreeSet<Alive>> {
        let Answer::Processes(Ok(processes)) = self.host.observe(Question::Processes).await else { return None };
        let its = processes.iter().filter(|process| belongs(process, install_dir));
        Some(its.map(|process| (process.pid, process.started)).collect())
    }

    /// Waits as the plan says; and when the agent does not stop and the operator chose so, does the harder thing, once.
    pub(super) async fn await_agent(&mut self, id: &str, change: &Change) -> Result<ChangeState, Text> {
        let Change::AwaitAgent { running, install_dir, limit, app_info, harder } = change else {
            return Ok(ChangeState::Already);
        };
        let awaited = Awaited { running: *running, install_dir, limit: *limit, app_info: app_info.as_ref() };
        match (self.look_until(&awaited).await, harder) {
            (Err(_), Some(harder)) => {
                // What a command says of itself is heard below by the processes.
                let _ = Box::pin(self.apply(id, harder)).await;
                self.look_until(&awaited).await
            }
            (Err(still), None) if !running => {
                // It was asked to stop, and may do so when nobody looks any more.
                self.before.stops_late = Some(*limit);
                Err(still)
            }
            (looked, _) => looked,
        }
    }

    /// Looks at the processes until the agent is gone; or until it is there, with a process that was not there before
    /// and that has stayed for a moment, and a record of its start. What the script says and its exit code prove neither.
    async fn look_until(&self, awaited: &Awaited<'_>) -> Result<ChangeState, Text> {
        let Awaited { running, install_dir, limit, .. } = *awaited;
        let begun = Instant::now();
        let mut seen_first: BTreeMap<Alive, Instant> = BTreeMap::new();
        let mut has_appeared = false;
        loop {
            let alive = self.alive(install_dir).await;
            let is_late = begun.elapsed() >= limit;
            if let Some(alive) = &alive {
                if !running && alive.is_empty() {
                    return Ok(ChangeState::Done);
                }
                seen_first.retain(|process, _| alive.contains(process));
                let mut is_steady = false;
                for process in alive.difference(&self.before.alive) {
                    has_appeared = true;
                    is_steady |= seen_first.entry(*process).or_insert_with(Instant::now).elapsed() >= STEADY;
                }
                if running && is_steady {
                    let has_recorded = self.has_recorded(awaited.app_info, alive).await;
                    if has_recorded || is_late {
                        self.say_new(alive, awaited.app_info.filter(|_| !has_recorded));
                        return Ok(ChangeState::Done);
                    }
                }
            }
            if is_late {
                return Err(not_as_awaited(running, has_appeared, &alive.unwrap_or_default(), limit));
            }
            tokio::time::sleep(AWAIT_PAUSE).await;
        }
    }

    /// Whether the agent's record of itself is that of a new start (domain facts, 7.3). Where none is known of, or the
    /// processes were seen, nothing more is asked.
    async fn has_recorded(&self, app_info: Option<&PathBuf>, alive: &BTreeSet<Alive>) -> bool {
        let Some(path) = app_info else { return true };
        let Some((modified, content)) = self.record(path).await else { return false };
        let newest = alive.difference(&self.before.alive).map(|(_, started)| *started).max();
        let is_after = newest.is_some_and(|started| modified >= started);
        is_after || self.before.record != Some((modified, content))
    }

    /// Tells which processes the start brought, and whether the agent has not recorded its start.
    fn say_new(&self, alive: &BTreeSet<Alive>, unrecorded: Option<&PathBuf>) {
        let tell = |text: String| drop(self.progress.send(Progress::Line(LiveLine { is_error: false, text })));
        tell(format!("PID {}", numbers(alive)));
        if let Some(path) = unrecorded {
            tell(format!("{}: not written since the start (update_time)", path.display()));
        }
    }

    /// When the agent ran before the plan and does not after the plan failed, starts it again, now with the old files: a
    /// cure that did not succeed must not leave the host without an agent that it had before.
    pub(super) async fn start_again(&mut self, revive: &[Change], result: AppliedResult) -> AppliedResult {
        let Some(Change::AwaitAgent { install_dir, .. }) =
            revive.iter().find(|change| matches!(change, Change::AwaitAgent { .. }))
        else {
            return result;
        };
        let mut is_gone = self.alive(install_dir).await.is_some_and(|alive| alive.is_empty());
        if let (false, Some(limit)) = (is_gone, self.before.stops_late) {
            let awaited = Awaited { running: false, install_dir, limit, app_info: None };
            is_gone = self.look_until(&awaited).await.is_ok();
        }
        if self.before.alive.is_empty() || !is_gone {
            return result;
        }
        let mut has_started = Ok(ChangeState::Done);
        for change in revive {
            has_started = match change {
                // Its exit code proves nothing; the processes do.
                Change::Run { argv, limit, proxies, .. } => {
                    let (argv, proxies) = (argv.clone(), *proxies);
                    let done: Result<Done, _> = self.perform(Operation::Run { argv, limit: *limit, proxies }).await;
                    drop(done);
                    Ok(ChangeState::Done)
                }
                change => self.await_agent("", change).await,
            };
        }
        match (has_started, result) {
            (Ok(_), AppliedResult::RolledBack(reason)) => {
                AppliedResult::RolledBack(reason.followed_by(&started_again()))
            }
            (Ok(_), AppliedResult::LeftOver(reason)) => AppliedResult::LeftOver(reason.followed_by(&started_again())),
            (Err(_), AppliedResult::RolledBack(reason) | AppliedResult::LeftOver(reason)) => {
                AppliedResult::LeftOver(reason.followed_by(&not_started_again()))
            }
            (
                _,
                result @ (AppliedResult::Applied
                | AppliedResult::Stale(_)
                | AppliedResult::Refused(_)
                | AppliedResult::Busy(_)),
            ) => result,
        }
    }
}

fn started_again() -> Text {
    Text::fixed(
        "The agent had been stopped by this; it was started again and runs.",
        "该操作曾使 Agent 停止；现已重新启动并在运行。",
    )
}

fn not_started_again() -> Text {
    Text::fixed(
        "The agent ran before this and did not start again; look at its log, then use start-agent.",
        "Agent 此前在运行，但未能重新启动；请查看其日志，然后使用 start-agent。",
    )
}

fn numbers(alive: &BTreeSet<Alive>) -> String {
    alive.iter().map(|(pid, _)| pid.to_string()).collect::<Vec<_>>().join(", ")
}

/// The agent did not come or did not go. Anything harder than a graceful stop is the operator's own choice, since what
/// was read and not yet sent is lost by it.
fn not_as_awaited(running: bool, has_appeared: bool, alive: &BTreeSet<Alive>, limit: Duration) -> Text {
    let (seconds, pids) = (limit.as_secs(), numbers(alive));
    match (running, has_appeared, alive.is_empty()) {
        (true, true, _) => say!(
            "The start did not hold: within {seconds} s agent processes appeared and ended again. Look at the agent's log.",
            "启动结果不可信：{seconds} 秒内 Agent 进程出现后又退出。请查看 Agent 日志。"
        ),
        (true, false, false) => say!(
            "There was no real start: after {seconds} s only the old processes run ({pids}).",
            "启动结果不可信：{seconds} 秒后仍只有旧进程在运行（{pids}）。"
        ),
        (true, false, true) => {
            say!("No agent process appeared within {seconds} s.", "{seconds} 秒内没有出现 Agent 进程。")
        }
        (false, ..) => say!(
            "The agent still runs after {seconds} s (process {pids}): it does not stop when asked. Nothing harder is done by itself. If you choose to force it, which may lose what was read and not yet sent: logtail-doctor fix restart-agent --set force=yes. Should it stop later: logtail-doctor fix start-agent",
            "{seconds} 秒后 Agent 仍在运行（进程 {pids}）：它不响应停止请求。本程序不会自动强制停止。如确需强制停止（可能丢失已读取但未发送的数据）：logtail-doctor fix restart-agent --set force=yes。如果它稍后停止：logtail-doctor fix start-agent"
        ),
    }
}
