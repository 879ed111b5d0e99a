//! What each sign of the log means: which cause it is, which step cures it, and whether a restart has settled it.

use crate::core::agent::log::{LogSign, SignGroup};
use crate::core::finding::{Cause, CauseId, RemedyId, Severity, StepId};
use crate::core::text::Text;
use crate::say;

/// The step that looks at the same thing by better evidence.
pub(super) fn step_of(sign: LogSign) -> Option<StepId> {
    match sign {
        LogSign::ConfigMissing | LogSign::ConfigNotJson | LogSign::RegionRejected => Some(StepId::Parameters),
        LogSign::InvalidHostname
        | LogSign::LookupFailed
        | LogSign::NoUsualAddress
        | LogSign::IpEmpty
        | LogSign::IpChanged => Some(StepId::Address),
        LogSign::ContactLost | LogSign::NetworkError | LogSign::ServerError | LogSign::ProxyOff => {
            Some(StepId::Network)
        }
        LogSign::ClockRejected => Some(StepId::Clock),
        LogSign::AuthRejected => Some(StepId::Account),
        // The agent then looks for identifiers and accounts beside its program.
        LogSign::SysConfDirFallback => Some(StepId::Group),
        LogSign::Crash | LogSign::ResourceLimit | LogSign::Stuck => Some(StepId::Running),
        LogSign::DomainSocketBusy => Some(StepId::Installed),
        LogSign::Started | LogSign::Stopped | LogSign::Quota | LogSign::UuidNone => None,
    }
}

/// What has settled the matters that the log tells of.
#[derive(Default)]
pub(super) struct Settled {
    /// When the agent that runs started, in local time.
    pub started: Option<String>,
    /// Until when the agent could not know the AliUid file that is there now, in local time.
    pub named: Option<String>,
    /// Since when nothing is known to be wrong with this host's clock, which is right now, and this moment; both in local
    /// time. None where it is not right.
    pub right_clock: Option<(String, String)>,
}

impl Settled {
    /// Why the sign accuses nobody any more: it is an answer of the service to something that has changed since. Crashes
    /// and limits are about runs that ended, so they count all the same.
    pub(super) fn settles(&self, group: &SignGroup) -> Option<Text> {
        let is_before = |time: &Option<String>| time.as_ref().is_some_and(|time| group.last.as_str() < time.as_str());
        let is_answer = matches!(
            group.sign,
            LogSign::AuthRejected
                | LogSign::ClockRejected
                | LogSign::RegionRejected
                | LogSign::Quota
                | LogSign::DomainSocketBusy
                | LogSign::UuidNone
        );
        if is_answer && is_before(&self.started) {
            return Some(Text::fixed("before the last start", "发生在最近一次启动之前"));
        }
        match group.sign {
            LogSign::AuthRejected if is_before(&self.named) => {
                Some(Text::fixed("before the AliUid was added", "发生在添加 AliUid 之前"))
            }
            LogSign::ClockRejected => {
                // A clock that was ahead has written times that are still to come.
                let is_over = |(since, now): &(String, String)| group.last < *since || group.last > *now;
                let text = || Text::fixed("the clock is right now, see step 5", "目前时钟正常，见第 5 步");
                self.right_clock.as_ref().filter(|clock| is_over(clock)).map(|_| text())
            }
            _ => None,
        }
    }
}

/// The machine has no UUID; the detail says how that is known.
pub(super) fn uuid_none(detail: Text) -> Cause {
    Cause::warn(
        CauseId::UuidNone,
        detail,
        Text::fixed(
            "The service may refuse it; in containers mount a file with a UUID at /sys/class/dmi/id/product_uuid.",
            "服务端可能拒绝；容器中请将含 UUID 的文件挂载到 /sys/class/dmi/id/product_uuid。",
        ),
        &[RemedyId::RestartAgent],
    )
}

/// The cause with the remedies that can do something here: an id that is there already is not added again, and of one
/// agent alone none is extra. What the running agent has not taken up, a restart makes it take up.
pub(super) fn curable(mut cause: Cause, is_named: bool, has_others: bool) -> Cause {
    cause.remedies.retain(|remedy| match remedy {
        RemedyId::AddAliuid => !is_named,
        RemedyId::StopExtraAgent => has_others,
        _ => true,
    });
    if cause.remedies.is_empty() && cause.id != CauseId::Quota {
        cause.remedies.push(RemedyId::RestartAgent);
    }
    cause
}

/// How often, in words.
pub(super) fn times(count: usize) -> Text {
    match count {
        1 => Text::fixed("once", "1 次"),
        _ => say!("{count} times", "{count} 次"),
    }
}

/// What a sign means for the heartbeat; None for one that an earlier step judges by better evidence.
pub(super) fn judge(group: &SignGroup) -> Option<Cause> {
    let (count, last) = (times(group.count), &group.last);
    let (count_en, count_zh) = count.both();
    let cause = |id, severity, en: &str, zh: &str, why: Text, remedies: &[RemedyId]| {
        let detail = say!("{en} ({count_en}, last {last}).", "{zh}（{count_zh}，最近 {last}）。");
        Some(Cause::new(id, severity, detail, why, remedies))
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
            &[RemedyId::RestartAgent, RemedyId::UpgradeAgent],
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
        LogSign::UuidNone => Some(uuid_none(say!(
            "The machine has no UUID ({count_en}, last {last}).",
            "机器没有 UUID（{count_zh}，最近 {last}）。"
        ))),
        LogSign::ContactLost
        | LogSign::Stuck
        | LogSign::Started
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

#[cfg(test)]
mod tests {
    use super::*;

    fn group(sign: LogSign, last: &str) -> SignGroup {
        SignGroup { sign, count: 1, first: last.into(), last: last.into(), sample: String::new() }
    }

    #[test]
    fn only_what_came_before_the_cure_is_history() {
        let at = |minute: u32| format!("2026-11-22 07:{minute:02}:00");
        let settled = Settled { started: Some(at(10)), named: Some(at(20)), right_clock: Some((at(38), at(40))) };
        for (sign, minute, is_past) in [
            (LogSign::AuthRejected, 9, true),
            (LogSign::AuthRejected, 19, true),
            (LogSign::AuthRejected, 21, false),
            (LogSign::RegionRejected, 9, true),
            (LogSign::RegionRejected, 19, false),
            (LogSign::ClockRejected, 19, true),
            (LogSign::ClockRejected, 39, false),
            (LogSign::ClockRejected, 55, true),
            (LogSign::Crash, 9, false),
            (LogSign::ResourceLimit, 9, false),
            (LogSign::DomainSocketBusy, 9, true),
        ] {
            assert_eq!(settled.settles(&group(sign, &at(minute))).is_some(), is_past, "{sign:?} at minute {minute}");
            assert!(Settled::default().settles(&group(sign, &at(minute))).is_none(), "nothing is known: {sign:?}");
        }
    }
}
