//! The ways to start and stop the agent, as the vendor's document does it: stop, then start, by its init script. It plans
//! nothing by itself; start-agent, restart-agent, stop-extra-agent and every owed restart are made of these.
//!
//! `systemctl start` is never used: systemd believes a oneshot unit active long after the agent has died, and starts
//! nothing. Exit codes are not trusted either; the processes decide.

use super::common::{Stop, refused, unit_property};
use super::supervised::{self, Supervised};
use super::{Change, InputId, Inputs, Plan};
use crate::core::agent::layout::Agent;
use crate::core::agent::processes::{Shape, is_alive, process_shape};
use crate::core::agent::supervisor::Supervisor;
use crate::core::observe::{Observations, ProcessId, ProcessSignal, Unanswered};
use crate::core::text::Text;
use crate::say;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A graceful stop flushes and writes checkpoints; the script itself gives up after 30 s (domain facts, 7.2).
const STOP_LIMIT: Duration = Duration::from_secs(40);
/// Nothing harder is done, where the operator chose it at all, before an agent had these 30 s and a few more.
const GONE_LIMIT: Duration = Duration::from_secs(35);
const FORCE_LIMIT: Duration = Duration::from_secs(40);
const START_LIMIT: Duration = Duration::from_secs(30);
const THERE_LIMIT: Duration = Duration::from_secs(20);

/// How this agent can be started and stopped.
enum Way {
    Script(PathBuf),
    Unit(String),
    Supervised(Supervised),
    None,
}

fn way(see: &Observations, agent: &Agent) -> Result<Way, Unanswered> {
    // Whatever supervises it starts it: a second starter would make a second agent.
    match &agent.supervisor {
        Some(Supervisor::InitScript(script)) => return Ok(Way::Script(script.clone())),
        Some(Supervisor::Unit(unit)) => return Ok(Way::Unit(unit.clone())),
        Some(other) => return Ok(supervised::of(other).map_or(Way::None, Way::Supervised)),
        None => {}
    }
    let is_loaded = unit_property(see, &agent.unit, "LoadState")? == "loaded";
    Ok(if is_loaded { Way::Unit(agent.unit.clone()) } else { Way::None })
}

/// A command of the init script.
fn script_run(script: &Path, word: &str, limit: Duration, accept: Vec<i32>, what: Text) -> Change {
    Change::Run { argv: vec![script.display().to_string(), word.to_string()], limit, accept, what, proxies: false }
}

/// Where the agent's processes will be seen: an install directory may be a symlink, and processes show where it leads.
fn seen_dir(agent: &Agent) -> PathBuf {
    let running = agent.processes.iter().find_map(|process| process.exe.as_ref().ok()?.parent());
    let real = agent.real_dir.as_deref().unwrap_or(&agent.install_dir);
    running.filter(|dir| !dir.starts_with(&agent.install_dir)).unwrap_or(real).to_path_buf()
}

/// A script may call stopping a stopped agent an error (LSB codes, or -1); the wait that follows is the judge.
fn any_code() -> Vec<i32> {
    (0..=7).chain([255]).collect()
}

fn by_force() -> Text {
    Text::fixed("end the agent by force, if it has not stopped by then", "若届时仍未停止，则强制终止 Agent")
}

/// Stops an agent by its init script and waits until it is gone; with `force` it is ended when it does not go.
pub fn stop_by(script: &Path, agent: &Agent, force: bool) -> Vec<Change> {
    let what = Text::fixed("stop the agent", "停止 Agent");
    let mut changes: Vec<Change> = thaw(agent).into_iter().collect();
    let harder = force.then(|| script_run(script, "force-stop", FORCE_LIMIT, any_code(), by_force()));
    changes.extend([script_run(script, "stop", STOP_LIMIT, any_code(), what), gone(agent, harder)]);
    changes
}

/// Stops an agent by its unit; see [`stop_by`].
pub fn stop_unit(unit: &str, agent: &Agent, force: bool) -> Vec<Change> {
    let run = |words: &[&str], limit, what| Change::Run {
        argv: words.iter().map(|word| word.to_string()).collect(),
        limit,
        accept: any_code(),
        what,
        proxies: false,
    };
    let dir = agent.install_dir.display();
    let what = say!("stop the service of the agent in {dir}", "停止 {dir} 中 Agent 的服务");
    let harder = force.then(|| run(&["systemctl", "kill", "-s", "KILL", unit], FORCE_LIMIT, by_force()));
    let mut changes: Vec<Change> = thaw(agent).into_iter().collect();
    changes.extend([run(&["systemctl", "stop", unit], STOP_LIMIT, what), gone(agent, harder)]);
    changes
}

/// Stops an agent by asking its processes, each looked at again just before; see [`stop_by`].
pub fn stop_processes(agent: &Agent, force: bool) -> Vec<Change> {
    let dir = agent.install_dir.display();
    let processes = ids(agent);
    let harder =
        force.then(|| Change::Signal { processes: processes.clone(), signal: ProcessSignal::Kill, what: by_force() });
    let what = say!("ask the processes of the agent in {dir} to end", "请求 {dir} 中 Agent 的进程结束");
    let ask = Change::Signal { processes, signal: ProcessSignal::Term, what };
    let mut changes: Vec<Change> = thaw(agent).into_iter().collect();
    changes.extend([ask, gone(agent, harder)]);
    changes
}

/// The live processes of an agent, parents first: a daemon that is asked later would start its worker anew.
fn ids(agent: &Agent) -> Vec<ProcessId> {
    let alive = || agent.processes.iter().filter(|process| is_alive(process));
    let is_child = |ppid: u32| alive().any(|process| process.pid == ppid);
    let (children, parents): (Vec<_>, Vec<_>) = alive().partition(|process| is_child(process.ppid));
    let id = |process: &crate::core::observe::ProcessSeen| ProcessId {
        pid: process.pid,
        started: process.started,
        exe: process.exe.as_ref().ok().cloned(),
    };
    parents.into_iter().chain(children).map(id).collect()
}

/// A process that was stopped by a signal hears of no other one but this: without it, no stop would ever end.
fn thaw(agent: &Agent) -> Option<Change> {
    let is_frozen = |id: &ProcessId| agent.processes.iter().any(|seen| seen.pid == id.pid && seen.state == 'T');
    let processes: Vec<ProcessId> = ids(agent).into_iter().filter(is_frozen).collect();
    let what = Text::fixed("wake the frozen processes", "唤醒被暂停的进程");
    (!processes.is_empty()).then_some(Change::Signal { processes, signal: ProcessSignal::Cont, what })
}

/// Waits until the agent is gone.
fn gone(agent: &Agent, harder: Option<Change>) -> Change {
    let harder = harder.map(Box::new);
    Change::AwaitAgent { running: false, install_dir: seen_dir(agent), limit: GONE_LIMIT, app_info: None, harder }
}

/// Waits until the agent is there and has recorded its start.
fn there(agent: &Agent) -> Change {
    let app_info = Some(agent.app_info_path.clone());
    Change::AwaitAgent { running: true, install_dir: seen_dir(agent), limit: THERE_LIMIT, app_info, harder: None }
}

fn start_by(script: &Path, agent: &Agent) -> Vec<Change> {
    let what = Text::fixed("start the agent", "启动 Agent");
    vec![script_run(script, "start", START_LIMIT, vec![0], what), there(agent)]
}

/// Stop and start of an agent that an installer has just started. The installer is given the operator's proxies for its
/// downloads, and the agent inherits them, perhaps with a password; started by this program it runs as it does at boot.
/// It also shows whether the agent starts at all, of an installer that found nothing to do as well. Before, it is looked
/// whether the installer left what it must: its exit code proves nothing.
pub fn afresh(script: &Path, program: PathBuf, install_dir: &Path, there: Change) -> Vec<Change> {
    let stop = Text::fixed("stop the agent that the installer started", "停止由安装脚本启动的 Agent");
    let start = Text::fixed(
        "start the agent as at boot, without the proxies of this session",
        "按开机时的环境启动 Agent，不带当前会话的代理设置",
    );
    let gone = Change::AwaitAgent {
        running: false,
        install_dir: install_dir.to_path_buf(),
        limit: GONE_LIMIT,
        app_info: None,
        harder: None,
    };
    vec![
        Change::LookFor { paths: vec![program, script.to_path_buf()] },
        script_run(script, "stop", STOP_LIMIT, any_code(), stop),
        gone,
        script_run(script, "start", START_LIMIT, vec![0], start),
        there,
    ]
}

/// [`afresh`] for an agent that was there before; its init script is there after the installer, if not before.
pub fn afresh_of(see: &Observations, agent: &Agent) -> Result<Vec<Change>, Unanswered> {
    if !matches!(agent.supervisor, None | Some(Supervisor::InitScript(_))) {
        // The installer knows only its own script; what it started is stopped, and the supervisor starts its own.
        let mut changes = vec![Change::LookFor { paths: vec![agent.install_dir.join(agent.flavour.program())] }];
        changes.extend(restart_by(see, agent, false)?);
        return Ok(changes);
    }
    let usual = || Path::new("/etc/init.d").join(&agent.unit);
    let script = agent.init_script.clone().unwrap_or_else(usual);
    Ok(afresh(&script, agent.install_dir.join(agent.flavour.program()), &seen_dir(agent), there(agent)))
}

fn restart_unit(unit: &str, agent: &Agent) -> Vec<Change> {
    let argv = ["systemctl", "restart", unit].map(str::to_string).to_vec();
    let what = Text::fixed("restart the agent's service", "重启 Agent 服务");
    let limit = STOP_LIMIT + START_LIMIT;
    vec![Change::Run { argv, limit, accept: vec![0], what, proxies: false }, there(agent)]
}

/// The start alone: for an agent that ran before a plan, and does not after the plan failed. Empty when this program
/// knows no way.
fn revive(see: &Observations, agent: &Agent) -> Result<Vec<Change>, Unanswered> {
    Ok(match way(see, agent)? {
        Way::Script(script) => start_by(&script, agent),
        // `start` of a unit that systemd believes active does nothing; `restart` always starts.
        Way::Unit(unit) => restart_unit(&unit, agent),
        Way::Supervised(how) => how.start(there(agent)),
        Way::None => Vec::new(),
    })
}

/// Completes a plan that stops an agent and starts it again, by itself or by an installer: see [`Plan::revive`].
///
/// # Errors
/// Something has not been looked at yet.
pub fn with_revival(mut plan: Plan, see: &Observations) -> Result<Plan, Unanswered> {
    let awaited = plan.changes.iter().chain(&plan.restart).find_map(|change| match change {
        Change::AwaitAgent { running: true, install_dir, .. } => Some(install_dir.clone()),
        _ => None,
    });
    if let Some(dir) = awaited
        && let Some(agent) = crate::core::agent::layout::find(see)?.iter().find(|agent| seen_dir(agent) == dir)
    {
        plan.revive = revive(see, agent)?;
    }
    Ok(plan)
}

/// Stop and start of this agent; only the start when it does not run. Empty when this program knows no way.
///
/// # Errors
/// Something has not been looked at yet.
pub fn restart_of(see: &Observations, agent: &Agent) -> Result<Vec<Change>, Unanswered> {
    restart_by(see, agent, false)
}

/// [`restart_of`], where the stop may be forced.
pub fn restart_by(see: &Observations, agent: &Agent, force: bool) -> Result<Vec<Change>, Unanswered> {
    // Where processes are hidden from us, the agent may well run.
    let is_stopped = see.processes()?.is_ok() && process_shape(&agent.processes) == Shape::None;
    Ok(match way(see, agent)? {
        Way::Script(script) if is_stopped => start_by(&script, agent),
        Way::Script(script) => {
            let mut changes = stop_by(&script, agent, force);
            changes.extend(start_by(&script, agent));
            changes
        }
        Way::Unit(unit) if force && !is_stopped => {
            let mut changes = stop_unit(&unit, agent, force);
            changes.extend(restart_unit(&unit, agent));
            changes
        }
        Way::Unit(unit) => restart_unit(&unit, agent),
        Way::Supervised(how) if is_stopped => how.start(there(agent)),
        Way::Supervised(how) => {
            let mut changes = stop_supervised(&how, agent, force);
            changes.extend(how.start(there(agent)));
            changes
        }
        Way::None => Vec::new(),
    })
}

/// Stops an agent through what supervises it, which would otherwise start it anew; see [`stop_by`].
fn stop_supervised(how: &Supervised, agent: &Agent, force: bool) -> Vec<Change> {
    let Some(stop) = how.stop() else { return stop_processes(agent, force) };
    let kill = || Change::Signal { processes: ids(agent), signal: ProcessSignal::Kill, what: by_force() };
    let mut changes: Vec<Change> = thaw(agent).into_iter().collect();
    changes.extend([stop, gone(agent, force.then(kill))]);
    changes
}

/// Stops an agent through whatever supervises it, and not by the script that another one shares.
pub fn stop_through(agent: &Agent, force: bool) -> Option<Vec<Change>> {
    match agent.supervisor.as_ref()? {
        Supervisor::InitScript(_) => None,
        Supervisor::Unit(unit) => Some(stop_unit(unit, agent, force)),
        other => supervised::of(other).map(|how| stop_supervised(&how, agent, force)),
    }
}

/// There is neither an init script nor a unit.
pub fn no_way(agent: &Agent) -> Stop {
    let (dir, service) = (agent.install_dir.display(), agent.flavour.service());
    if let Some(Supervisor::RcLocal(line) | Supervisor::Cron(line)) = &agent.supervisor {
        let file = line.file.display();
        return refused(say!(
            "The agent in {dir} is started by a line of {file}, which others than root may write: root must not run it. Make the file root's own (chown root, chmod go-w), then try again.",
            "{dir} 中的 Agent 由 {file} 中的一行启动，而该文件可被 root 以外的用户写入，不能以 root 执行。请先将该文件改为仅 root 可写（chown root、chmod go-w），再重试。"
        ));
    }
    if agent.community {
        return refused(say!(
            "The open-source agent in {dir} has no init script and no unit. Start it the way it was set up, for example: cd {dir}, then run its program.",
            "{dir} 中的开源 Agent 没有启动脚本，也没有 systemd 单元。请按当初的部署方式启动，例如进入 {dir} 后运行其程序。"
        ));
    }
    refused(say!(
        "There is neither /etc/init.d/{service} nor a unit of that name, so the agent in {dir} cannot be started here. upgrade-agent puts the script back.",
        "既没有 /etc/init.d/{service}，也没有同名 systemd 单元，无法在此启动 {dir} 中的 Agent。upgrade-agent 可以恢复启动脚本。"
    ))
}

/// Says in a plan that the operator chose force, where it may come to that.
pub fn note_force(plan: &mut Plan, inputs: &Inputs) {
    let may_force = |change: &Change| matches!(change, Change::AwaitAgent { harder: Some(_), .. });
    if inputs.force && plan.changes.iter().any(may_force) {
        plan.inputs.push((InputId::Force, "yes".into()));
        plan.cautions.push(Text::fixed(
            "By force: an agent that has not stopped in time is killed. What it has read and not yet sent may be lost or sent twice.",
            "强制停止：未能按时停止的 Agent 会被强制终止，已读取但未发送的数据可能丢失或重复。",
        ));
    }
}
