//! Step 9: what does the agent's own log say that the steps above did not explain? Only the end of the log is read;
//! only what was written since the last start counts as present, the rest has been lived through.

use super::subject;
use crate::agent::log::{self, LogSign, SignGroup};
use crate::context::Context;
use crate::finding::{Cause, CauseId, Evidence, Finding, Mark, RemedyId, Severity, StepId};
use crate::host::{Seen, Trouble, Unseen};
use crate::say;
use crate::text::{Lang, Text};

const STEP: StepId = StepId::Log;
/// Signs older than this do not accuse any more, in seconds.
const RECENT: i64 = 24 * 3600;

/// Judges step 9.
///
/// # Errors
/// Something has not been looked at yet.
pub fn check(see: &Seen, _: &Context) -> Result<Finding, Unseen> {
    let Some(agent) = subject::agent(see)? else { return Ok(subject::no_agent(STEP)) };
    let (clock, tail) = (see.clock(), see.tail(&agent.log_path));
    let (clock, tail) = (clock?, tail?);
    let path = agent.log_path.display().to_string();
    let tail = match tail {
        Ok(tail) => tail,
        Err(why) => {
            let what = subject::trouble(why);
            let (en, zh) = (what.get(Lang::En), what.get(Lang::Zh));
            let mark = if *why == Trouble::Absent { Mark::Doubtful } else { Mark::Unknown };
            let row = Evidence::new(Text::same(path.clone()), what.clone(), path.clone()).marked(mark);
            let text = Text::filled(format!("The log {path}: {en}."), format!("日志 {path}：{zh}。"));
            return Ok(Finding::unknown(STEP, text, vec![row]));
        }
    };
    let since = local_time(clock.now_ms / 1000 - RECENT, clock.offset_s);
    let groups = log::signs(&tail.bytes, since.as_deref());
    let mut evidence = Vec::new();
    let mut causes = Vec::new();
    for group in &groups {
        let judged = judge(group);
        evidence.push(row(group, judged.as_ref().map(|cause| cause.severity), &path));
        causes.extend(judged);
    }
    let unknown = unrecognised(&tail.text(), since.as_deref());
    for (time, line) in unknown.iter().rev().take(5) {
        let label = say!("Unrecognised error, {time}", "未识别的错误，{time}");
        evidence.push(Evidence::new(label, Text::same(line.clone()), path.clone()).marked(Mark::Doubtful));
    }
    let summary = match (causes.iter().max_by_key(|cause| cause.severity), unknown.len()) {
        (Some(cause), _) => cause.detail.clone(),
        (None, 0) => {
            Text::fixed("The log of the last 24 hours has no sign of trouble.", "最近 24 小时的日志没有异常迹象。")
        }
        (None, count) => say!(
            "No known sign of trouble in the last 24 hours; {count} error line(s) that this program does not know.",
            "最近 24 小时没有已知的异常迹象；有 {count} 行本程序无法识别的错误。"
        ),
    };
    Ok(Finding::judged(STEP, summary, causes, evidence))
}

/// A local time as the agent writes it.
fn local_time(seconds: i64, offset_s: i32) -> Option<String> {
    let shifted = jiff::Timestamp::from_second(seconds.checked_add(i64::from(offset_s))?).ok()?;
    Some(shifted.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

fn row(group: &SignGroup, severity: Option<Severity>, path: &str) -> Evidence {
    let (count, last, sample) = (group.count, &group.last, group.sample.trim());
    let what = group.sign.text();
    let (en, zh) = (what.get(Lang::En), what.get(Lang::Zh));
    let label = Text::filled(format!("{en}: {count} times, last {last}"), format!("{zh}：{count} 次，最近 {last}"));
    let mark = match severity {
        Some(Severity::Fail) => Mark::Bad,
        Some(_) => Mark::Doubtful,
        None => Mark::Note,
    };
    Evidence::new(label, Text::same(sample), path).marked(mark)
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

/// What a sign means for the heartbeat; None for one that an earlier step judges by better evidence.
fn judge(group: &SignGroup) -> Option<Cause> {
    let (count, last) = (group.count, &group.last);
    let cause = |id, severity, en: &str, zh: &str, why: Text, remedies: &[RemedyId]| {
        let detail =
            Text::filled(format!("{en} ({count} times, last {last})."), format!("{zh}（{count} 次，最近 {last}）。"));
        Some(Cause { id, severity, detail, why, remedies: remedies.to_vec() })
    };
    match group.sign {
        LogSign::AuthRejected => cause(
            CauseId::AuthRejected,
            Severity::Warn,
            "The service refused the account",
            "服务端拒绝了该账号",
            Text::fixed(
                "The AliUid is not the project owner's, or that account has no usable key; see step 8.",
                "AliUid 不是 Project 所属主账号，或该账号没有可用的密钥；见第 8 步。",
            ),
            &[RemedyId::AddAliuid],
        ),
        LogSign::ClockRejected => cause(
            CauseId::ClockRejected,
            Severity::Warn,
            "The service refused requests because of their time",
            "服务端因请求时间拒绝了请求",
            Text::fixed("The clock was more than 15 minutes off; see step 5.", "时钟偏差曾超过 15 分钟；见第 5 步。"),
            &[RemedyId::SyncClock],
        ),
        LogSign::RegionRejected => cause(
            CauseId::RegionRejected,
            Severity::Warn,
            "The service knows no such project in this region",
            "服务端在该地域找不到该 Project",
            Text::fixed("The agent is installed for another region; see step 3.", "Agent 安装的地域不对；见第 3 步。"),
            &[RemedyId::SetEndpoint],
        ),
        LogSign::Crash => cause(
            CauseId::Crash,
            Severity::Warn,
            "The agent crashed",
            "Agent 曾经崩溃",
            Text::fixed(
                "While it restarts no heartbeat is sent; repeated crashes look like a missing heartbeat.",
                "重启期间不会发送心跳；反复崩溃表现为无心跳。",
            ),
            &[RemedyId::UpgradeAgent],
        ),
        LogSign::ResourceLimit => cause(
            CauseId::ResourceLimit,
            Severity::Warn,
            "The agent exceeded its CPU or memory limit and restarted itself",
            "Agent 超出 CPU 或内存限制而自行重启",
            Text::fixed(
                "Each restart interrupts the heartbeat; raise cpu_usage_limit or mem_usage_limit.",
                "每次重启都会中断心跳；请调高 cpu_usage_limit 或 mem_usage_limit。",
            ),
            &[RemedyId::RestartAgent],
        ),
        LogSign::Quota => cause(
            CauseId::Quota,
            Severity::Warn,
            "A write quota was exceeded",
            "超出写入配额",
            Text::fixed(
                "Data is delayed, the heartbeat is not; raise the quota or split shards in the console.",
                "数据会延迟，但不影响心跳；请在控制台提升配额或分裂 Shard。",
            ),
            &[],
        ),
        LogSign::DomainSocketBusy => cause(
            CauseId::DomainSocketBusy,
            Severity::Warn,
            "Another agent on this host holds the socket",
            "本机另一个 Agent 占用了套接字",
            Text::fixed("Two agents compete; one of them must go.", "两个 Agent 相互争用，需停止其中一个。"),
            &[RemedyId::StopExtraAgent],
        ),
        LogSign::UuidNone => cause(
            CauseId::UuidNone,
            Severity::Warn,
            "The machine has no UUID",
            "机器没有 UUID",
            Text::fixed(
                "The service may refuse it; in containers mount a file with a UUID at /sys/class/dmi/id/product_uuid.",
                "服务端可能拒绝；容器中请将含 UUID 的文件挂载到 /sys/class/dmi/id/product_uuid。",
            ),
            &[],
        ),
        LogSign::ContactLost => cause(
            CauseId::IdleBackoff,
            Severity::Warn,
            "The config server was reached before, then not for over an hour",
            "曾连上配置服务端，之后中断超过一小时",
            Text::fixed("The agent restarted itself to try anew; see step 4.", "Agent 已自行重启以重试；见第 4 步。"),
            &[RemedyId::RestartAgent],
        ),
        LogSign::Started
        | LogSign::Stopped
        | LogSign::ConfigMissing
        | LogSign::ConfigNotJson
        | LogSign::SysConfDirFallback
        | LogSign::InvalidHostname
        | LogSign::LookupFailed
        | LogSign::NoUsualAddress
        | LogSign::IpEmpty
        | LogSign::IpChanged
        | LogSign::NetworkError
        | LogSign::ServerError
        | LogSign::ProxyOff => None,
    }
}
