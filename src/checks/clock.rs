//! Step 5: is the clock within the service's 15 minutes? Judged by the time that the service itself sends with its
//! answers, so no time server is needed. The time zone does not matter: the service compares UTC.

use super::network;
use super::subject;
use crate::context::{Context, Field};
use crate::finding::{Cause, CauseId, Evidence, Finding, Mark, RemedyId, StepId};
use crate::host::{HttpSeen, ReachSeen, Seen, TlsTrouble, Unseen};
use crate::text::{Lang, Text};

const STEP: StepId = StepId::Clock;
/// The service refuses requests further off than this, in seconds (document "Logtail 启动参数").
pub const REFUSED_AT: i64 = 15 * 60;
/// From here on the operator is warned, in seconds.
pub const WARNED_AT: i64 = 5 * 60;

/// Judges step 5.
///
/// # Errors
/// Something has not been looked at yet.
pub fn check(see: &Seen, told: &Context) -> Result<Finding, Unseen> {
    let agent = subject::agent(see)?;
    let clock = see.clock()?;
    let wanted = network::targets(see, agent.as_ref(), told)?.unwrap_or_default();
    let answers: Vec<_> = wanted.iter().map(|wanted| (wanted, see.reach(&wanted.target))).collect();
    let mut found = None;
    let mut certificate = None;
    for (wanted, answer) in answers {
        let answer = answer?;
        if found.is_none()
            && let Some(http) = service_answer(answer)
            && let Some(server) = server_time_ms(http)
        {
            found = Some((wanted.target.place(), server, http.received_ms));
        }
        if let Some(Err(trouble @ (TlsTrouble::Expired | TlsTrouble::NotYetValid))) = &answer.tls {
            certificate = Some((wanted.target.place(), trouble.clone()));
        }
    }
    match found {
        Some((place, server, received)) => Ok(judge(&place, server, received)),
        None => {
            let now = utc(clock.now_ms);
            let mut evidence = vec![Evidence::new(Text::fixed("This host", "本机"), Text::same(now), "clock")];
            let mut text = Text::fixed(
                "No answer of the service tells its time. Compare this host's time (UTC) with a clock that you trust.",
                "没有收到日志服务的应答，无法得知服务端时间。请将本机时间（UTC）与可信的时钟对比。",
            );
            if let Some((place, trouble)) = certificate {
                let value = match trouble {
                    TlsTrouble::NotYetValid => Text::fixed("certificate not valid yet", "证书尚未生效"),
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

/// The HTTP answer of a probe, if it is the service's own.
fn service_answer(reach: &ReachSeen) -> Option<&HttpSeen> {
    reach.http.as_ref()?.as_ref().ok().filter(|http| network::is_service(http))
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

/// Judges the difference; both times in milliseconds since 1970. The service's has a grain of one second.
fn judge(place: &str, server: i64, received: i64) -> Finding {
    let off = (received - server) / 1000;
    let size = off.abs();
    let age = super::running::age(size);
    let (en, zh) = (age.get(Lang::En), age.get(Lang::Zh));
    let difference = match off {
        -1..=1 => Text::fixed("equal within a second", "相差 1 秒以内"),
        2.. => Text::filled(format!("{en} ahead"), format!("快 {zh}")),
        _ => Text::filled(format!("{en} behind"), format!("慢 {zh}")),
    };
    let mark = if size > REFUSED_AT {
        Mark::Bad
    } else if size > WARNED_AT {
        Mark::Doubtful
    } else {
        Mark::Good
    };
    let evidence = vec![
        Evidence::new(Text::fixed("The service", "服务端"), Text::same(utc(server)), place),
        Evidence::new(Text::fixed("This host", "本机"), Text::same(utc(received)), "clock"),
        Evidence::new(Text::fixed("Difference", "相差"), difference.clone(), place)
            .expecting(Text::fixed("at most 15 min", "不超过 15 分钟"))
            .marked(mark),
    ];
    let (en, zh) = (difference.get(Lang::En), difference.get(Lang::Zh));
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
    use crate::finding::Verdict;

    #[test]
    fn the_limits_are_five_and_fifteen_minutes() {
        let server = 1_795_332_115_000;
        let verdict = |off_s: i64| judge("x:80", server, server + off_s * 1000).verdict;
        assert_eq!(verdict(0), Verdict::Pass);
        assert_eq!(verdict(-299), Verdict::Pass);
        assert_eq!(verdict(301), Verdict::Warn);
        assert_eq!(verdict(-900), Verdict::Warn);
        assert_eq!(verdict(901), Verdict::Fail);
        assert_eq!(verdict(-8 * 3600), Verdict::Fail);
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
