//! Step 5: is the clock within the service's 15 minutes? Judged by the time that the service itself sends with its
//! answers, so no time server is needed. The time zone does not matter: the service compares UTC.

use super::subject;
use crate::core::agent::reach::{self, is_service};
use crate::core::context::{Context, Field};
use crate::core::finding::{Cause, CauseId, Evidence, Finding, Mark, RemedyId, StepId};
use crate::core::observe::{
    CommandSeen, HttpSeen, Observations, Observed, ReachSeen, ReadCommand, Target, TlsError, Unanswered,
};
use crate::core::text::{Lang, Text};

const STEP: StepId = StepId::Clock;
/// The service refuses requests further off than this, in seconds (document "Logtail 启动参数").
pub const REFUSED_AT: i64 = 15 * 60;
/// From here on the operator is warned, in seconds.
pub const WARNED_AT: i64 = 5 * 60;

/// Judges step 5.
///
/// # Errors
/// Something has not been looked at yet.
pub fn check(see: &Observations, told: &Context) -> Result<Finding, Unanswered> {
    let agent = subject::agent(see)?;
    let clock = see.clock()?;
    let wanted = reach::targets(see, agent.as_ref(), told)?.unwrap_or_default();
    let answers: Vec<_> = wanted.iter().map(|wanted| (&wanted.target, see.reach(&wanted.target))).collect();
    // Asked along, but waited for only where the agent's own way brings no answer.
    let elsewhere = reach::elsewhere(see, agent.as_ref(), told);
    let mut found: Option<ServiceTime> = None;
    let mut certificate = None;
    let mut note = |target: &Target, answer: &ReachSeen| {
        // An answer over http took the shortest way from the service to us.
        let is_better = found.as_ref().is_none_or(|found| found.is_tls && !target.tls);
        if is_better && let Some(told) = ServiceTime::by(target.place(), target.tls, answer) {
            found = Some(told);
        }
        if let Some(Err(trouble @ (TlsError::Expired | TlsError::NotYetValid))) = &answer.tls {
            certificate = Some((target.place(), trouble.clone()));
        }
        found.is_some()
    };
    let mut is_told = false;
    for (target, answer) in answers {
        is_told |= note(target, answer?);
    }
    if !is_told {
        for (target, answer) in elsewhere? {
            note(&target, answer);
        }
    }
    let adjusts = match &agent {
        Some(agent) => subject::config(see, agent)?.ok().and_then(|config| config.enable_log_time_auto_adjust),
        None => None,
    };
    match found {
        Some(told) => {
            let mut finding = judge(&told, adjusts == Some(true));
            if !finding.causes.is_empty() {
                finding.evidence.extend(synchronised(see.look(&ReadCommand::TimeSync)?));
            }
            Ok(finding)
        }
        None => {
            let now = utc(clock.now_ms);
            let mut evidence = vec![Evidence::new(Text::fixed("This host", "本机"), Text::same(now), "clock")];
            let mut text = Text::fixed(
                "No answer of the service tells its time. Compare this host's time (UTC) with a clock that you trust.",
                "没有收到日志服务的应答，无法得知服务端时间。请将本机时间（UTC）与可信的时钟对比。",
            );
            if let Some((place, trouble)) = certificate {
                let value = match trouble {
                    TlsError::NotYetValid => Text::fixed("certificate not valid yet", "证书尚未生效"),
                    _ => Text::fixed("certificate expired", "证书已过期"),
                };
                evidence.push(Evidence::new(Text::same(place), value, "https").marked(Mark::Doubtful));
                text = Text::fixed(
                    "The service's certificate looks expired or not valid yet: most likely this host's clock is far off.",
                    "服务端证书看起来已过期或尚未生效：很可能是本机时钟偏差很大。",
                );
            }
            let wants: &[Field] = if wanted.is_empty() { &[Field::Region, Field::Network] } else { &[] };
            Ok(Finding::unknown(STEP, text, evidence).wanting(wants))
        }
    }
}

/// What one answer tells of the service's clock.
struct ServiceTime {
    place: String,
    is_tls: bool,
    /// The service's time when its answer arrived here, milliseconds since 1970.
    server: i64,
    /// Ours at that moment.
    received: i64,
}

impl ServiceTime {
    /// Reads it off an answer of the service itself. The answer was half a round trip under way, and the time to
    /// connect is one round trip.
    fn by(place: String, is_tls: bool, reach: &ReachSeen) -> Option<ServiceTime> {
        let http = reach.http.as_ref()?.as_ref().ok().filter(|http| is_service(http))?;
        let round_trip = match &reach.connected {
            Some(Ok((_, ms))) => i64::try_from(*ms).unwrap_or(i64::MAX),
            _ => 0,
        };
        let server = server_time_ms(http)?.checked_add(round_trip / 2)?;
        Some(ServiceTime { place, is_tls, server, received: http.received_ms })
    }
}

/// What systemd says of the synchronisation with time servers; nothing where there is no `timedatectl`.
fn synchronised(said: &Observed<CommandSeen>) -> Vec<Evidence> {
    let Ok(said) = said else { return Vec::new() };
    let value = |name: &str| said.out.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    let row = |label: Text, value: &str| {
        let (text, mark) = match value.trim() {
            "yes" => (Text::fixed("yes", "是"), Mark::Note),
            _ => (Text::fixed("no", "否"), Mark::Doubtful),
        };
        Evidence::new(label, text, ReadCommand::TimeSync.line()).marked(mark)
    };
    let service = value("NTP").map(|value| row(Text::fixed("Time service switched on", "已启用时间同步"), value));
    let state = value("NTPSynchronized").map(|value| row(Text::fixed("Clock synchronised", "时钟已同步"), value));
    service.into_iter().chain(state).collect()
}

/// The service's time in an answer, in milliseconds since 1970: `x-log-time`, else `Date`, as the agent itself reads it.
fn server_time_ms(http: &HttpSeen) -> Option<i64> {
    if let Some(seconds) = http.header("x-log-time").and_then(|value| value.trim().parse::<i64>().ok()) {
        return seconds.checked_mul(1000);
    }
    let date = httpdate::parse_http_date(http.header("date")?).ok()?;
    let since = date.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_millis()).ok()
}

fn utc(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms)
        .map_or_else(|_| ms.to_string(), |time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

/// Judges the difference; the service's time has a grain of one second. An agent that adjusts its time by the service's
/// answers lives with any difference, but the times of its logs are shifted.
fn judge(told: &ServiceTime, adjusts: bool) -> Finding {
    let ServiceTime { place, server, received, .. } = told;
    let (server, received) = (*server, *received);
    let off = received.saturating_sub(server) / 1000;
    let size = off.abs();
    let age = super::running::age(size);
    let (mut en, mut zh) = (age.get(Lang::En).to_string(), age.get(Lang::Zh).to_string());
    // Rounded, a difference just above a limit would read as the limit itself.
    if let Some(limit) = [WARNED_AT, REFUSED_AT].into_iter().find(|limit| (limit + 1..limit + 30).contains(&size)) {
        let minutes = limit / 60;
        (en, zh) = (format!("a little more than {minutes} min"), format!("略超过 {minutes} 分钟"));
    }
    let difference = match off {
        -1..=1 => Text::fixed("equal within a second", "相差 1 秒以内"),
        2.. => Text::filled(format!("{en} ahead"), format!("快 {zh}")),
        _ => Text::filled(format!("{en} behind"), format!("慢 {zh}")),
    };
    let mark = if size > REFUSED_AT && !adjusts {
        Mark::Bad
    } else if size > WARNED_AT {
        Mark::Doubtful
    } else {
        Mark::Good
    };
    let mut evidence = vec![
        Evidence::new(Text::fixed("The service", "服务端"), Text::same(utc(server)), place.clone()),
        Evidence::new(Text::fixed("This host", "本机"), Text::same(utc(received)), "clock"),
        Evidence::new(Text::fixed("Difference", "相差"), difference.clone(), place.clone())
            .expecting(Text::fixed("at most 15 min", "不超过 15 分钟"))
            .marked(mark),
    ];
    if adjusts {
        let value = Text::fixed("on: the agent corrects its time itself", "已启用：Agent 自行校正时间");
        evidence.push(Evidence::new(Text::same("enable_log_time_auto_adjust"), value, "ilogtail_config.json"));
    }
    let (en, zh) = difference.both();
    let summary = Text::filled(format!("This host's clock: {en}."), format!("本机时钟：{zh}。"));
    let mut causes = Vec::new();
    if mark != Mark::Good {
        let why = Text::fixed(
            "The service refuses every request whose time differs by more than 15 minutes, the heartbeat included.",
            "服务端会拒绝时间相差超过 15 分钟的任何请求，包括心跳。",
        );
        let remedies = &[RemedyId::SyncClock, RemedyId::EnableTimeAdjust];
        causes.push(if mark == Mark::Bad {
            Cause::fail(CauseId::ClockSkew, summary.clone(), why, remedies)
        } else {
            Cause::warn(CauseId::ClockSkew, summary.clone(), why, remedies)
        });
    }
    Finding::judged(STEP, summary, causes, evidence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::finding::Verdict;

    #[test]
    fn the_limits_are_five_and_fifteen_minutes() {
        let server = 1_795_332_115_000;
        let told =
            |off_s: i64| ServiceTime { place: "x:80".into(), is_tls: false, server, received: server + off_s * 1000 };
        let verdict = |off_s: i64| judge(&told(off_s), false).verdict;
        assert_eq!(verdict(0), Verdict::Pass);
        assert_eq!(verdict(-299), Verdict::Pass);
        assert_eq!(verdict(301), Verdict::Warn);
        assert_eq!(verdict(-900), Verdict::Warn);
        assert_eq!(verdict(901), Verdict::Fail);
        assert_eq!(verdict(-8 * 3600), Verdict::Fail);
        let words = |off_s: i64| judge(&told(off_s), false).summary.get(Lang::En).to_string();
        assert_eq!(words(-3599), "This host's clock: 60 min behind.");
        assert_eq!(words(901), "This host's clock: a little more than 15 min ahead.");
        assert_eq!(words(929), words(901));
        assert_eq!(words(930), "This host's clock: 16 min ahead.");
        assert_eq!(judge(&told(901), true).verdict, Verdict::Warn, "an agent that adjusts its time is not refused");
    }

    #[test]
    fn the_answer_was_half_a_round_trip_under_way() {
        let reach = |host: &str| {
            let headers = vec![("date".into(), "Thu, 01 Jan 1970 00:00:10 GMT".into()), ("server".into(), host.into())];
            let http = HttpSeen { status: 400, headers, body: String::new(), received_ms: 11_000 };
            let connected = Some(Ok(("100.100.1.1".parse().unwrap(), 800)));
            ReachSeen { connected, http: Some(Ok(http)), ..ReachSeen::default() }
        };
        let told = ServiceTime::by("x:80".into(), false, &reach("AliyunSLS")).unwrap();
        assert_eq!((told.server, told.received), (10_400, 11_000));
        assert!(ServiceTime::by("x:80".into(), false, &reach("portal")).is_none(), "only the service's clock counts");
    }

    #[test]
    fn the_state_of_the_time_service_is_read() {
        let said = |out: &str| Ok(CommandSeen { code: Some(0), out: out.into(), err: String::new() });
        let rows = synchronised(&said("Timezone=UTC\nNTP=yes\nNTPSynchronized=no\n"));
        assert_eq!(rows.iter().map(|row| row.mark).collect::<Vec<_>>(), [Mark::Note, Mark::Doubtful]);
        assert!(synchronised(&said("")).is_empty());
    }

    #[test]
    fn the_services_time_is_read_as_the_agent_reads_it() {
        let http = |headers: &[(&str, &str)]| HttpSeen {
            status: 400,
            headers: headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
            body: String::new(),
            received_ms: 0,
        };
        assert_eq!(server_time_ms(&http(&[("x-log-time", "1795332115"), ("date", "junk")])), Some(1_795_332_115_000));
        assert_eq!(server_time_ms(&http(&[("date", "Thu, 01 Jan 1970 00:00:10 GMT")])), Some(10_000));
        assert_eq!(server_time_ms(&http(&[("x-log-time", "99999999999999999999")])), None);
    }
}
