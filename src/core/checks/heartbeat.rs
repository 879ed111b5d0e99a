//! Step 10: does the heartbeat arrive at the service? Only the service knows. Local signs are shown, but they can never
//! prove it; without credentials the operator's word from the console decides.

use super::subject::{self, Record};
use super::{cloud, running};
use crate::core::agent::layout::Agent;
use crate::core::context::Context;
use crate::core::finding::{Cause, CauseId, Evidence, Finding, Mark, Severity, StepId};
use crate::core::observe::{CloudErrorKind, MachinesSeen, Observations, OwnIds, Together, Unanswered};
use crate::core::service::heartbeat::{Judgement, Match, Own, Pulse, judge};
use crate::core::text::Text;
use crate::say;

const STEP: StepId = StepId::Heartbeat;
/// An idle agent asks at least so often, in seconds; with a margin for the request itself.
const IDLE_AT_MOST: i64 = 13 * 60;

/// Judges step 10.
///
/// # Errors
/// Something has not been looked at yet.
pub fn check(see: &Observations, told: &Context) -> Result<Finding, Unanswered> {
    let (asked, local) = (ask(see, told), local_signs(see)).together()?;
    let mut evidence = match asked {
        Service::Says { machines, own, group, rows } => {
            return by_service(see, told, &machines, &own, &group, [rows, local].concat());
        }
        Service::Silent(rows) => rows,
    };
    evidence.extend(local);
    let console = Text::fixed("Console", "控制台");
    if let Some(ok) = told.console_heartbeat {
        let (value, mark) = match ok {
            true => (Text::fixed("heartbeat OK", "心跳 OK"), Mark::Good),
            false => (Text::fixed("heartbeat FAIL", "心跳 FAIL"), Mark::Bad),
        };
        evidence.insert(0, subject::told(console, value).marked(mark));
        if ok {
            let text = Text::fixed("The console shows the heartbeat.", "控制台已显示心跳正常。");
            return Ok(Finding::judged(STEP, text, Vec::new(), evidence));
        }
        let detail = Text::fixed("The console shows no heartbeat.", "控制台显示无心跳。");
        let why = Text::fixed(
            "Wait 1 minute after an edit of the group and 2 minutes after an install; then the steps above or a ticket.",
            "修改机器组后请等待 1 分钟，新安装后等待 2 分钟；仍失败则检查以上各步或提交工单。",
        );
        let cause = Cause::fail(CauseId::HeartbeatAbsent, detail.clone(), why, &[]);
        return Ok(Finding::judged(STEP, detail, vec![cause], evidence));
    }
    if told.no_cloud {
        let text = Text::fixed(
            "Skipped: --no-cloud forbids to ask the service. Look at the machine group's status in the console.",
            "已跳过：--no-cloud 禁止访问服务端。请在控制台查看机器组状态。",
        );
        return Ok(Finding { evidence, ..Finding::skipped(STEP, text) });
    }
    let row = subject::told(console, Text::fixed("not told yet", "尚未填写")).marked(Mark::Unknown);
    evidence.insert(0, row.expecting(Text::fixed("heartbeat OK", "心跳 OK")));
    let detail = Text::fixed(
        "Not verified: look at the machine group's status in the console and say what it shows.",
        "尚未验证：请在控制台查看机器组状态，并填写显示的结果。",
    );
    let why = Text::fixed(
        "Only the service knows whether the heartbeat arrived; nothing on this host can prove it.",
        "只有服务端知道心跳是否到达，本机上的任何信息都无法证明。",
    );
    let cause = Cause::new(CauseId::HeartbeatUnverified, Severity::Unknown, detail.clone(), why, &[]);
    Ok(Finding::judged(STEP, detail, vec![cause], evidence))
}

/// What the service says of this host, or the rows that say why it says nothing.
enum Service {
    Says { machines: MachinesSeen, own: OwnIds, group: String, rows: Vec<Evidence> },
    Silent(Vec<Evidence>),
}

fn ask(see: &Observations, told: &Context) -> Result<Service, Unanswered> {
    let cloud::ServiceContext { site, rows, .. } = cloud::told(see, told)?;
    let (Some(site), Some(group), Some(agent)) = (site, &told.machine_group, subject::agent(see)?) else {
        return Ok(Service::Silent(rows));
    };
    let own = own(see, &agent)?;
    Ok(match see.cloud_machines(&site, group, &own)? {
        Ok(machines) => Service::Says { machines: machines.clone(), own, group: group.clone(), rows },
        // Step 7 says so, and names the groups that there are.
        Err(trouble) if trouble.kind == CloudErrorKind::GroupNotExist => Service::Silent(cloud::rows_of(trouble)),
        Err(trouble) => Service::Silent([rows, cloud::rows_of(trouble)].concat()),
    })
}

/// By what the service knows this machine.
///
/// # Errors
/// Something has not been looked at yet.
pub(super) fn own(see: &Observations, agent: &Agent) -> Result<OwnIds, Unanswered> {
    let (record, memory) = (subject::record(see, agent), subject::memory(see, agent)).together()?;
    let mut own = match &record {
        Record::Known(info) => OwnIds {
            ip: subject::reported_ip(info).to_string(),
            uuid: info.uuid.clone(),
            host_id: info.host_id.clone().unwrap_or_default(),
        },
        Record::Broken(_) | Record::Unread(_) => OwnIds::default(),
    };
    if let Some(memory) = memory {
        own.ip = memory.status.ip;
    }
    Ok(own)
}

/// How old the last heartbeat of this host is in seconds, by the service's clock: for those who watch it come. The outer
/// None when the service cannot be asked, the inner one when it knows of no heartbeat.
///
/// # Errors
/// Something has not been looked at yet.
pub fn age(see: &Observations, told: &Context) -> Result<Option<Option<i64>>, Unanswered> {
    let (asked, clock) = (ask(see, told), see.clock());
    let Service::Says { machines: seen, own, .. } = asked? else { return Ok(None) };
    let now = seen.server_time.unwrap_or(clock?.now_ms / 1000);
    let OwnIds { ip, uuid, host_id } = own;
    let last = judge(&seen.machines, &Own { ip, uuid, host_id }, now, None).machine.and_then(|m| m.last_heartbeat);
    Ok(Some(last.map(|last| now.saturating_sub(last).max(0))))
}

/// The service was asked: its list decides, by its own clock.
fn by_service(
    see: &Observations,
    told: &Context,
    seen: &MachinesSeen,
    own: &OwnIds,
    group: &str,
    mut rows: Vec<Evidence>,
) -> Result<Finding, Unanswered> {
    let here = see.clock()?.now_ms / 1000;
    let now = seen.server_time.unwrap_or(here);
    let cured = told.cured_at.map(|at| at.saturating_add(now.saturating_sub(here)));
    let OwnIds { ip, uuid, host_id } = own.clone();
    let judged = judge(&seen.machines, &Own { ip, uuid, host_id }, now, cured);
    let mut evidence = machine_rows(&judged, seen, now);
    evidence.append(&mut rows);
    let old = |age_s: Option<i64>| {
        let detail = match age_s {
            Some(age_s) => {
                let age = running::age(age_s);
                let (en, zh) = age.both();
                say!(
                    "The last heartbeat in machine group {group} is {en} old.",
                    "机器组 {group} 中本机最近一次心跳在 {zh}前。"
                )
            }
            None => say!(
                "Machine group {group} knows this host, but of no heartbeat.",
                "机器组 {group} 中有本机，但没有心跳时间。"
            ),
        };
        let why = Text::fixed(
            "A living agent is heard at least every two minutes, an idle one at least every 12; wait, then look at the steps above.",
            "正常的 Agent 至少每两分钟有一次心跳，空闲的 Agent 最长 12 分钟一次；请稍候，再检查以上各步。",
        );
        Cause::fail(CauseId::HeartbeatStale, detail, why, &[])
    };
    let cause = match judged.pulse {
        Pulse::Alive { age_s } => {
            let age = running::age(age_s);
            let (en, zh) = age.both();
            let text = match judged.by {
                Some(Match::ThisMachine) => say!(
                    "The heartbeat of this machine arrives: the last one {en} ago.",
                    "本机的心跳正常到达：最近一次在 {zh}前。"
                ),
                _ => say!(
                    "A heartbeat with this host's IP arrives: the last one {en} ago. Machine ids could not be compared.",
                    "与本机 IP 相同的心跳正常到达：最近一次在 {zh}前。无法比较机器标识。"
                ),
            };
            return Ok(Finding::judged(STEP, text, Vec::new(), evidence));
        }
        Pulse::Stale { age_s } => old(age_s),
        Pulse::Dead { age_s } => old(Some(age_s)),
        Pulse::Absent => {
            let total = seen.total;
            let detail = match &judged.elsewhere {
                Some(other) => say!(
                    "Machine group {group} knows this machine under another IP, {other}, and not under the one it reports.",
                    "机器组 {group} 中本机的 IP 是 {other}，而不是当前上报的 IP。"
                ),
                None => say!(
                    "The service has no heartbeat of this host in machine group {group} ({total} machines have one).",
                    "服务端在机器组 {group} 中没有收到本机的心跳（有心跳的机器共 {total} 台）。"
                ),
            };
            let why = Text::fixed(
                "Wait 1 minute after an edit of the group and 2 minutes after an install; then the steps above or a ticket.",
                "修改机器组后请等待 1 分钟，新安装后等待 2 分钟；仍失败则检查以上各步或提交工单。",
            );
            Cause::fail(CauseId::HeartbeatAbsent, detail, why, &[])
        }
    };
    Ok(Finding::judged(STEP, cause.detail.clone(), vec![cause], evidence))
}

/// What the service says of the machine that was found, and of others with its address.
fn machine_rows(judged: &Judgement, seen: &MachinesSeen, now: i64) -> Vec<Evidence> {
    const SOURCE: &str = "ListMachines";
    let mut rows = Vec::new();
    let is_alive = matches!(judged.pulse, Pulse::Alive { .. });
    let mark = if is_alive { Mark::Good } else { Mark::Bad };
    let label = Text::fixed("Last heartbeat", "最近一次心跳");
    match judged.machine.as_ref().map(|machine| machine.last_heartbeat) {
        Some(Some(last)) => {
            let age = running::age(now.saturating_sub(last).max(0));
            let (en, zh) = age.both();
            let value = say!("{en} ago by the service's clock", "{zh}前（以服务端时钟为准）");
            rows.push(Evidence::new(label, value, SOURCE).marked(mark));
        }
        Some(None) | None => rows.push(Evidence::new(label, Text::fixed("none", "无"), SOURCE).marked(mark)),
    }
    if let Some(machine) = judged.machine.as_ref().filter(|machine| !machine.version.is_empty()) {
        let label = Text::fixed("Agent version, as the service sees it", "服务端看到的 Agent 版本");
        rows.push(Evidence::new(label, Text::same(machine.version.clone()), SOURCE));
    }
    let label = Text::fixed("Is it this machine", "是否为本机");
    match judged.by {
        Some(Match::ThisMachine) => {
            let value = Text::fixed("yes: IP and machine id agree", "是：IP 与机器标识均一致");
            rows.push(Evidence::new(label, value, SOURCE).marked(Mark::Good));
        }
        Some(Match::IpOnly) => {
            let value = Text::fixed("the IP agrees; machine ids cannot be compared", "IP 一致；无法比较机器标识");
            rows.push(Evidence::new(label, value, SOURCE).marked(Mark::Doubtful));
        }
        None => {}
    }
    if judged.strangers > 0 {
        let strangers = judged.strangers;
        let label = Text::fixed("Other machines with this IP", "使用相同 IP 的其他机器");
        rows.push(Evidence::new(label, Text::same(strangers.to_string()), SOURCE).marked(Mark::Doubtful));
    }
    let label = Text::fixed("Machines of the group with a heartbeat", "机器组中有心跳的机器数");
    rows.push(Evidence::new(label, Text::same(seen.total.to_string()), SOURCE));
    rows
}

/// What this host knows: whether the config server ever answered the agent (1.x and 2.x write it every minute), and
/// when the service last delivered a configuration.
fn local_signs(see: &Observations) -> Result<Vec<Evidence>, Unanswered> {
    let Some(agent) = subject::agent(see)? else { return Ok(Vec::new()) };
    let delivered = agent.install_dir.join("user_log_config.json");
    let enterprise = agent.conf_dir.join("config/enterprise");
    let (clock, memory) = (see.clock(), subject::memory(see, &agent));
    let (file, dir) = (see.file(&delivered), see.dir(&enterprise));
    let (clock, memory, file, dir) = (clock, memory, file, dir).together()?;
    let mut rows = Vec::new();
    if let Some(memory) = memory {
        let label = Text::fixed("Config server last answered", "配置服务端最近应答");
        let source = format!("{} {}", memory.path.display(), memory.status.time);
        rows.push(match memory.status.config_got {
            Some(time) => {
                let is_recent =
                    subject::seconds(&time, clock).is_some_and(|at| clock.now_ms / 1000 - at < IDLE_AT_MOST);
                let mark = if is_recent { Mark::Good } else { Mark::Doubtful };
                Evidence::new(label, Text::same(time), source).marked(mark)
            }
            None => Evidence::new(label, Text::fixed("never since the start", "启动以来从未应答"), source)
                .marked(Mark::Doubtful),
        });
    }
    let of_file = file.as_ref().ok().map(|file| (delivered.display().to_string(), file.modified));
    let entries = dir.as_ref().map(|dir| dir.entries.as_slice()).unwrap_or_default();
    let of_dir = entries.iter().filter(|entry| entry.name.ends_with(".json")).map(|entry| entry.modified).max();
    let of_dir = of_dir.map(|modified| (enterprise.display().to_string(), modified));
    if let Some((source, modified)) = of_file.into_iter().chain(of_dir).max_by_key(|(_, modified)| *modified) {
        let label = Text::fixed("Configuration delivered", "采集配置下发时间");
        let age = running::age((clock.now_ms / 1000 - modified).max(0));
        let (en, zh) = age.both();
        rows.push(Evidence::new(label, say!("{en} ago", "{zh}前"), source));
    }
    Ok(rows)
}
