//! The agent's main log: its lines, the signs in them that bear on the heartbeat, and the configuration that it says it
//! has loaded. Tolerant: a line that is not understood is passed over. This file must not judge how bad a sign is.
//!
//! Line format: `[time]`, `[level]`, `[thread]`, `file:line`, then `key:value` pairs, all separated by tabs
//! (`Logger.h`). What does not begin with a time continues the line before it.

use super::json;
use crate::core::text::Text;
use serde_json::Value;
use std::collections::BTreeMap;

/// One entry of the log with its continuation lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Local time of the host, `YYYY-MM-DD HH:MM:SS`.
    pub time: &'a str,
    /// As written: `info`, `WARNING`, …; empty when there is none.
    pub level: &'a str,
    /// All after time and level.
    pub rest: &'a str,
}

/// The entries of a log, or of its end: what comes before the first time is passed over.
pub fn entries(text: &str) -> impl Iterator<Item = Entry<'_>> {
    let starts: Vec<usize> = line_starts(text).filter(|at| text.get(*at..).and_then(time_of).is_some()).collect();
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain([text.len()]).collect();
    starts.into_iter().zip(ends).filter_map(|(start, end)| entry(text.get(start..end)?))
}

fn line_starts(text: &str) -> impl Iterator<Item = usize> {
    [0].into_iter().chain(text.match_indices('\n').map(|(at, _)| at + 1))
}

/// The time of a line that begins an entry.
fn time_of(line: &str) -> Option<&str> {
    let time = line.strip_prefix('[')?.get(..19)?;
    let is_time = time.bytes().enumerate().all(|(index, byte)| match index {
        4 | 7 => byte == b'-',
        10 => byte == b' ',
        13 | 16 => byte == b':',
        _ => byte.is_ascii_digit(),
    });
    is_time.then_some(time)
}

fn entry(text: &str) -> Option<Entry<'_>> {
    let time = time_of(text)?;
    let rest = text.get(20..)?.split_once(']').map(|(_, rest)| rest.trim_start_matches(['\t', ' ']))?;
    let (level, rest) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((level, rest)) if level.len() <= 10 => (level, rest),
        _ => ("", rest),
    };
    Some(Entry { time, level, rest: rest.trim() })
}

/// Seconds since 1970 of a local time as the agent writes it, as if it were UTC: subtract the host's offset for the
/// true time. None when it is no time.
pub fn local_seconds(time: &str) -> Option<i64> {
    let time = jiff::civil::DateTime::strptime("%Y-%m-%d %H:%M:%S", time.trim()).ok()?;
    time.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp().as_second())
}

/// A sign in the log that bears on the heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LogSign {
    Started,
    Stopped,
    ConfigMissing,
    ConfigNotJson,
    SysConfDirFallback,
    InvalidHostname,
    LookupFailed,
    NoUsualAddress,
    IpEmpty,
    IpChanged,
    UuidNone,
    DomainSocketBusy,
    ContactLost,
    /// A part of a 1.x agent made no progress for hours, so the agent ended itself.
    Stuck,
    NetworkError,
    ServerError,
    AuthRejected,
    ClockRejected,
    RegionRejected,
    Quota,
    Crash,
    ResourceLimit,
    ProxyOff,
}

/// The texts that a sign is known by; all lower case. The first sign that matches is taken, so narrow ones stand first.
/// Source: the agent's code, and the service's error codes that it prints.
const SIGNS: [(LogSign, &[&str]); 23] = [
    (LogSign::ClockRejected, &["write request expired", "requesttimeexpired", "invalidrequesttime"]),
    (
        LogSign::AuthRejected,
        &["unauthorized", "invalidaccesskeyid", "signaturenotmatch", "projectforbidden", "usernotexist"],
    ),
    (LogSign::Quota, &["writequotaexceed", "quota exceed", "readquotaexceed"]),
    (LogSign::RegionRejected, &["projectnotexist", "invalidhost"]),
    (LogSign::ConfigMissing, &["can not find start config"]),
    (LogSign::ConfigNotJson, &["start config is not valid json", "load ilogtail config fail"]),
    (LogSign::SysConfDirFallback, &["open sys conf dir error"]),
    (LogSign::InvalidHostname, &["invalid hostname"]),
    (LogSign::LookupFailed, &["failed get address info"]),
    (LogSign::NoUsualAddress, &["failed to get ip from hostname or eth0 or bond0"]),
    (LogSign::IpEmpty, &["ip is still empty"]),
    (LogSign::IpChanged, &["host ip changed during running"]),
    (LogSign::UuidNone, &["uuid=none", "get none dmi uuid"]),
    (LogSign::DomainSocketBusy, &["bind domain socket:failed 98"]),
    (LogSign::ContactLost, &["last config get time is too old"]),
    (
        LogSign::Stuck,
        &["last sender daemon run time is too old", "last send time is too old", "last read event time is too old"],
    ),
    (LogSign::Crash, &["last logtail crash stack", "logtail_crash_alarm"]),
    (LogSign::ResourceLimit, &["resource used by program exceeds"]),
    (LogSign::ProxyOff, &["proxy mode:off"]),
    (LogSign::NetworkError, &["sendfail:network error", "failed to send request:network error"]),
    (LogSign::ServerError, &["sendfail:server error", "failed to send request:server error"]),
    // Written exactly once by every worker that starts, so their number is the number of starts.
    (LogSign::Started, &["appinfo:{", "app info:{"]),
    (LogSign::Stopped, &["received signal:sigterm", "received sigterm signal"]),
];

impl LogSign {
    /// What the sign means, in a few words.
    pub fn text(self) -> Text {
        match self {
            LogSign::Started => Text::fixed("the agent started", "Agent 已启动"),
            LogSign::Stopped => Text::fixed("the agent was told to stop", "Agent 收到停止信号"),
            LogSign::ConfigMissing => Text::fixed("the configuration file was missing", "启动配置文件不存在"),
            LogSign::ConfigNotJson => Text::fixed("the configuration was not valid JSON", "启动配置不是合法的 JSON"),
            LogSign::SysConfDirFallback => Text::fixed(
                "the system configuration directory could not be opened; the program's directory is used",
                "无法打开系统配置目录，改用程序所在目录",
            ),
            LogSign::InvalidHostname => {
                Text::fixed("the hostname of digits and dots cannot be looked up", "主机名由数字和点组成，无法用于解析")
            }
            LogSign::LookupFailed => Text::fixed("the hostname could not be looked up", "主机名解析失败"),
            LogSign::NoUsualAddress => Text::fixed(
                "neither the hostname nor eth0 nor bond0 gave an address",
                "无法通过主机名、eth0 或 bond0 获取 IP",
            ),
            LogSign::IpEmpty => Text::fixed("no address was found at first", "起初没有获取到 IP"),
            LogSign::IpChanged => {
                Text::fixed("the address changed and the agent restarted itself", "IP 发生变化，Agent 自行重启")
            }
            LogSign::UuidNone => Text::fixed("the machine has no UUID", "机器没有 UUID"),
            LogSign::DomainSocketBusy => {
                Text::fixed("another agent on this host holds the socket", "本机已有另一个 Agent 占用套接字")
            }
            LogSign::ContactLost => Text::fixed(
                "the config server was reached before, and not for over an hour",
                "曾与配置服务器通信，但已中断超过一小时",
            ),
            LogSign::Stuck => Text::fixed(
                "a part of the agent made no progress for hours, and the agent ended itself",
                "Agent 的某个部分数小时没有进展，Agent 自行退出",
            ),
            LogSign::NetworkError => Text::fixed("data could not be sent: network error", "发送数据失败：网络错误"),
            LogSign::ServerError => Text::fixed("data could not be sent: server error", "发送数据失败：服务端错误"),
            LogSign::AuthRejected => Text::fixed("the service refused the account", "服务端拒绝了该账号"),
            LogSign::ClockRejected => {
                Text::fixed("the service refused the time of the request", "服务端拒绝了请求的时间")
            }
            LogSign::RegionRejected => {
                Text::fixed("the service knows no such project in this region", "服务端在该地域找不到对应的 Project")
            }
            LogSign::Quota => Text::fixed("a quota was exceeded", "超出配额"),
            LogSign::Crash => Text::fixed("the agent crashed", "Agent 曾经崩溃"),
            LogSign::ResourceLimit => Text::fixed(
                "the agent exceeded its CPU or memory limit and restarted itself",
                "Agent 超出 CPU 或内存限制，自行重启",
            ),
            LogSign::ProxyOff => Text::fixed("the proxy setting was not usable", "代理设置不可用"),
        }
    }
}

/// All entries with one sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignGroup {
    pub sign: LogSign,
    pub count: usize,
    /// Local times, `YYYY-MM-DD HH:MM:SS`.
    pub first: String,
    pub last: String,
    /// The latest entry's first line, at most 400 characters; text from outside.
    pub sample: String,
}

/// The sign of an entry, if it has one.
pub fn sign_of(entry: &Entry<'_>) -> Option<LogSign> {
    let text = entry.rest.to_ascii_lowercase();
    // A configuration in the log may hold any text; it is no sign.
    if text.contains("load logtail config file, detail:") || text.contains("merge sub config, file:") {
        return None;
    }
    let is_off_by_default = |sign| sign == LogSign::ProxyOff && !entry.level.eq_ignore_ascii_case("warning");
    let found = SIGNS.iter().find(|(_, texts)| texts.iter().any(|known| text.contains(known)))?;
    (!is_off_by_default(found.0)).then_some(found.0)
}

/// The signs in a log, or in its end, at or after a local time (`YYYY-MM-DD HH:MM:SS`); the latest first.
pub fn signs(bytes: &[u8], since: Option<&str>) -> Vec<SignGroup> {
    let text = String::from_utf8_lossy(bytes);
    let mut groups: BTreeMap<LogSign, SignGroup> = BTreeMap::new();
    for entry in entries(&text).filter(|entry| since.is_none_or(|since| entry.time >= since)) {
        let Some(sign) = sign_of(&entry) else { continue };
        let group = groups.entry(sign).or_insert_with(|| SignGroup {
            sign,
            count: 0,
            first: entry.time.to_string(),
            last: String::new(),
            sample: String::new(),
        });
        group.count += 1;
        group.last = entry.time.to_string();
        group.sample = entry.rest.lines().next().unwrap_or_default().chars().take(400).collect();
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by(|one, other| other.last.cmp(&one.last));
    groups
}

/// The configuration that the agent logged when it started.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// Local time, `YYYY-MM-DD HH:MM:SS`.
    pub time: String,
    /// The merged configuration, overlays included.
    pub value: Value,
}

/// The configuration of the last start that the log tells of; None when that part was rotated away.
pub fn loaded_config(bytes: &[u8]) -> Option<Loaded> {
    last_json(bytes, &["load logtail config file, detail:"]).map(|(time, value)| Loaded { time, value })
}

/// The last JSON block behind one of the markers, with its time. A block that is cut off is passed over.
fn last_json(bytes: &[u8], markers: &[&str]) -> Option<(String, Value)> {
    let text = String::from_utf8_lossy(bytes);
    let blocks = entries(&text).filter_map(|entry| {
        let block = markers.iter().find_map(|marker| entry.rest.split_once(marker))?.1;
        let value = json::read(block.as_bytes()).value.ok().filter(Value::is_object)?;
        Some((entry.time.to_string(), value))
    });
    blocks.last()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn real(name: &str) -> Vec<u8> {
        std::fs::read(format!("tests/data/real-agent/{name}/ilogtail.LOG")).unwrap()
    }

    fn found(name: &str) -> Vec<LogSign> {
        signs(&real(name), None).into_iter().map(|group| group.sign).collect()
    }

    #[test]
    fn the_real_logs_show_what_happened() {
        assert_eq!(found("base"), [LogSign::Stopped, LogSign::Started]);
        assert!(found("ip_change").contains(&LogSign::IpChanged));
        assert!(found("numeric").contains(&LogSign::InvalidHostname));
        assert!(found("no_nic").contains(&LogSign::IpEmpty));
        let groups = signs(&real("base"), None);
        assert_eq!((groups[0].count, groups[0].last.as_str()), (2, "2026-11-22 07:23:11"));
        assert_eq!(signs(&real("base"), Some("2026-11-22 07:23:12")), vec![]);
    }

    #[test]
    fn the_loaded_configuration_is_the_merged_one() {
        let loaded = loaded_config(&real("overlay")).unwrap();
        assert_eq!(loaded.value["working_ip"], "8.8.8.8");
        assert_eq!(loaded.time, "2026-11-22 07:25:12");
        let mut twice = real("overlay");
        twice.extend(
            b"\n[2027-01-01 00:00:00.1]\t[info]\t[1]\ta.cpp:1\t\tload logtail config file, detail:{\n\t\"a\" : 1",
        );
        assert_eq!(loaded_config(&twice).unwrap().time, "2026-11-22 07:25:12", "a cut block does not count");
        assert_eq!(loaded_config(b""), None);
    }

    #[test]
    fn lines_of_both_generations_are_recognised() {
        let send = "SendFail:network error\tOperation:retry later\tStatusCode:0\tErrorCode:RequestError";
        let newer = "failed to send request:other error\terror code:RequestTimeExpired\terrMsg:x";
        let cases = [
            (send, Some(LogSign::NetworkError)),
            (newer, Some(LogSign::ClockRejected)),
            ("SendFail:write unauthorized\tErrorCode:Unauthorized", Some(LogSign::AuthRejected)),
            ("failed to send request:x\terror code:ProjectNotExist", Some(LogSign::RegionRejected)),
            ("failed to send request:shard write quota exceed\terror code:ShardWriteQuotaExceed", Some(LogSign::Quota)),
            ("Bind domain socket:Failed 98:Address already in use", Some(LogSign::DomainSocketBusy)),
            ("last send time is too old:1795300000\tprepare force exit", Some(LogSign::Stuck)),
            ("get none dmi uuid:maybe this is a docker runtime", Some(LogSign::UuidNone)),
            (
                "Resource used by program exceeds upper limit for some time:prepare restart Logtail",
                Some(LogSign::ResourceLimit),
            ),
            ("start config is not valid json:ilogtail_config.json", Some(LogSign::ConfigNotJson)),
            ("proxy mode:off", None),
            ("SendThread:start", None),
        ];
        for (message, expected) in cases {
            let line = format!("[2026-11-22 07:21:55.793038]\t[error]\t[15]\tcore/a.cpp:1\t\t{message}\n");
            let found = signs(line.as_bytes(), None).first().map(|group| group.sign);
            assert_eq!(found, expected, "{message}");
        }
        let spaced = b"garbage\n[2026-11-22 07:21:55] [WARNING] [15] [a.cpp:1] IP is still empty\n";
        assert_eq!(signs(spaced, None)[0].sign, LogSign::IpEmpty);
    }

    #[test]
    fn local_times_become_seconds() {
        assert_eq!(local_seconds("1970-01-01 00:01:00"), Some(60));
        assert_eq!(local_seconds("2026-11-22 07:21:55"), Some(1_795_332_115));
        assert_eq!(local_seconds("yesterday"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..200), tail in ".{0,60}") {
            signs(&bytes, None);
            loaded_config(&bytes);
            signs(format!("[2026-11-22 07:21:55.7]{tail}").as_bytes(), None);
        }
    }
}
