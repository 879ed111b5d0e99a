//! Step 4: can this host reach every endpoint that the agent needs? (The document's `telnet`, done properly.)
//!
//! All targets are probed in parallel, each through every stage: name, connection, TLS, and an answer that really
//! comes from the service. Only then a target counts as reached. What explains a failure (other endpoints, nameservers,
//! the way around a proxy) is asked along with them, so that a host where everything is silent takes no longer; it is
//! waited for only when something fails. Only the host's own firewall is looked at afterwards, which takes no network.

mod blame;
mod causes;
mod judge;
pub(super) mod local;
pub(super) mod names;
pub(super) mod shell;
#[cfg(test)]
mod tests;

use super::cloud;
use super::place;
use super::subject;
use crate::core::agent::endpoint::{self, EndpointKind};
use crate::core::agent::layout::Agent;
use crate::core::agent::reach::{self, Proxy, Reason, Wanted, Way, is_service};
use crate::core::context::{Context, Field, NetworkType};
use crate::core::finding::{Cause, CauseId, Evidence, Finding, Mark, Severity, StepId, Verdict};
use crate::core::firewall::survey::peer;
use crate::core::observe::{Observations, ReachSeen, Target, TlsError, Together, Unanswered};
use crate::core::text::Text;
use crate::say;
use blame::{blame_half_a_proxy, blame_hosts, blame_this_host, note_large_packets, note_slow};
use causes::{NetworkProblems, Offer};
use judge::Outcome;
use names::{Answered, Names};
use shell::ShellProxy;
use std::net::Ipv4Addr;

const STEP: StepId = StepId::Network;
/// Judges step 4.
///
/// # Errors
/// Something has not been looked at yet.
pub fn check(see: &Observations, told: &Context) -> Result<Finding, Unanswered> {
    // Asked before the agent is known: the metadata alone may take a second to say nothing. Its answer is looked at
    // where it matters, further down.
    let _ = see.metadata();
    let (names, shell) = (Names::read(see), shell::proxy(see));
    let agent = subject::agent(see)?;
    // Asked now, but waited for only where the project's region matters: the agent's own targets do not depend on it.
    let service = cloud::told(see, told);
    let mut way = reach::way(see, agent.as_ref(), told)?;
    if !way.is_configured {
        way = reach::way(see, agent.as_ref(), &cloud::told(see, told)?.context)?;
    }
    let wanted = way.targets(told.project.as_deref());
    if wanted.is_empty() {
        let text = Text::fixed(
            "There is no endpoint to try: the configuration names none. Tell region and network type to try theirs.",
            "没有可测试的服务入口：配置中未指定。填写地域和网络类型后可进行测试。",
        );
        return Ok(Finding::unknown(STEP, text, Vec::new()).wanting(&[Field::Region, Field::Network]));
    }
    // Asked together: the time is that of the slowest.
    let answers: Vec<_> = wanted.iter().map(|wanted| see.reach(&wanted.target)).collect();
    let tried = reach::tried(see, agent.as_ref(), service.as_ref().map_or(told, |service| &service.context));
    let (names, shell) = (names, shell).together()?;
    let around = Around::of(&way, &wanted, agent.as_ref(), shell);
    let around_answer = around.as_ref().map(|around| see.reach(around.target()));
    let nameservers = names.ask(see, &wanted);

    let mut probes = Vec::new();
    for (wanted, answer) in wanted.iter().zip(answers) {
        let has_user = way.proxies.for_target(&wanted.target).is_some_and(|proxy| proxy.has_user);
        let reach = answer?;
        probes.push(Probe { wanted, reach, outcome: judge::judge(wanted, reach, has_user) });
    }
    let mut rows = Vec::new();
    let mut answered = Vec::new();
    let is_of_a_name = probes.iter().any(|probe| probe.is_of_a_name(&names));
    for asked in nameservers {
        if is_of_a_name || asked.is_of_use() {
            answered.push(asked.answered()?);
        }
    }
    let blamed = blame_hosts(&mut probes, &names, &answered);
    blame_half_a_proxy(&mut probes, &way);
    let (mut around_sentence, mut is_direct) = (None, false);
    if let (Some(around), Some(answer)) = (&around, around_answer)
        && probes.iter().any(Probe::is_failing)
    {
        around_sentence = around.explain(answer?, &mut probes);
        is_direct = around_sentence.is_some() && matches!(around, Around::Direct(_));
    }

    let mut own_reasons = None;
    if probes.iter().any(Probe::is_failing) {
        let peers: Vec<Ipv4Addr> = probes.iter().filter(|probe| probe.is_failing()).filter_map(Probe::peer).collect();
        let local = local::reasons(see, &wanted, &peers)?;
        blame_this_host(&mut probes, &local, &names, &answered);
        own_reasons = Some(local);
    }
    let mut troubles = NetworkProblems::default();
    note_large_packets(&probes, &mut troubles);
    note_slow(&answered, &mut troubles);
    for probe in &probes {
        rows.push(judge::row(probe.wanted, &probe.outcome));
        probe.note(&mut troubles);
    }
    let name_causes = [CauseId::DnsFailure, CauseId::DnsWrongAddress];
    rows.push(names.row());
    rows.extend(names.bound_rows(&wanted));
    if is_of_a_name || answered.iter().any(|answer| answer.slow_ms().is_some()) {
        rows.extend(answered.iter().map(Answered::row));
    }
    let doubt = doubt(see, agent.as_ref(), &way, &wanted)?;
    rows.extend(doubt.iter().map(|doubt| doubt.row.clone()));
    rows.extend(invalid_row(agent.as_ref(), &way));
    if !blamed {
        for sentence in names.reasons(&answered) {
            troubles.explain(&name_causes, &sentence);
        }
    }
    if let Some(sentence) = around_sentence {
        troubles.explain(&[CauseId::ProxyMismatch], &sentence);
    }
    if let Some(local) = own_reasons {
        rows.extend(local.rows);
        for sentence in &local.sentences {
            troubles.explain(&[CauseId::ConnectRefused, CauseId::ConnectTimeout], sentence);
        }
    }
    let is_private_cloud =
        wanted.iter().all(|wanted| wanted.kind == EndpointKind::Foreign && !endpoint::is_slip(&wanted.target.host));
    let mut offer = Offer { is_pinned: blamed, is_direct, is_private_cloud, ..Offer::default() };
    if troubles.is_failing() {
        let cloud::ServiceContext { context, moved, .. } = service?;
        let tried = tried?;
        rows.extend(moved);
        if wanted.iter().any(Wanted::is_private) {
            rows.extend(place::place(see, agent.as_ref(), &context)?.rows);
        }
        rows.extend(tried.iter().map(alternative_row));
        if let Some(sentence) = tried.first().and_then(proposal) {
            troubles.advise(&sentence);
            offer.has_alternative = true;
        }
    }
    let all_reached = probes.iter().all(|probe| matches!(probe.outcome, Outcome::Reached { .. }));
    // One failure is its own summary, with all that was found out about it.
    let has_count = probes.iter().filter(|probe| probe.is_failing()).count() > 1;
    let reason = if has_count { troubles.take_first_reason() } else { None };
    let finding = conclude(rows, (troubles.causes(offer), reason), &probes, told);
    Ok(match doubt {
        Some(doubt) if doubt.is_certain || !all_reached => doubted(finding, &doubt.sentence),
        _ => finding,
    })
}

/// The finding where the agent may go another way than the probes went: neither their success nor their failure is its
/// own.
fn doubted(mut finding: Finding, sentence: &Text) -> Finding {
    finding.summary = finding.summary.followed_by(sentence);
    for cause in &mut finding.causes {
        cause.severity = Severity::Warn;
    }
    finding.verdict = Verdict::Unknown;
    finding
}

/// The finding of all that was gathered: the causes, and what was found out about the worst of them.
fn conclude(
    rows: Vec<Evidence>,
    (causes, reason): (Vec<Cause>, Option<Text>),
    probes: &[Probe<'_>],
    told: &Context,
) -> Finding {
    let all = probes.len();
    let unsure = probes.iter().find_map(|probe| match &probe.outcome {
        Outcome::Unsure(value) => Some(value.clone()),
        _ => None,
    });
    let failed: Vec<&Text> = probes.iter().filter_map(Probe::failure).collect();
    let summary = match (causes.iter().max_by_key(|cause| cause.severity), &unsure) {
        // The causes name every place, which may fill a screen; the summary says how many there are, what happened at
        // the first, and the reason that was found.
        (Some(_), _) if failed.len() > 1 => {
            let (count, first) = (failed.len(), failed[0]);
            let ((en, zh), reason) = (first.both(), reason.unwrap_or_else(|| Text::same("")));
            let (why_en, why_zh) = reason.both();
            let why_en = if why_en.is_empty() { String::new() } else { format!(" {why_en}") };
            Text::filled(
                format!("{count} of {all} probes do not reach the service: {en}.{why_en}"),
                format!("{all} 项探测中有 {count} 项未连通日志服务：{zh}。{why_zh}"),
            )
        }
        (Some(worst), _) => worst.detail.clone(),
        (None, Some(value)) => {
            let (en, zh) = value.both();
            Text::filled(format!("Not determined: {en}."), format!("无法判断：{zh}。"))
        }
        (None, None) => say!("All {all} probes reached the service.", "{all} 项探测全部连通日志服务。"),
    };
    let is_failing = causes.iter().any(|cause| cause.severity == Severity::Fail);
    let mut finding = Finding::judged(STEP, summary, causes, rows);
    if unsure.is_some() && !is_failing {
        finding.verdict = finding.verdict.max(Verdict::Unknown);
    }
    if told.project.is_none() {
        finding.wants = vec![Field::Project];
    }
    finding
}

/// One target with what came of it.
struct Probe<'a> {
    wanted: &'a Wanted,
    reach: &'a ReachSeen,
    outcome: Outcome,
}

impl Probe<'_> {
    fn cause(&self) -> Option<CauseId> {
        match &self.outcome {
            Outcome::Failed { cause, .. } => Some(*cause),
            Outcome::Reached { .. } | Outcome::Unsure(_) => None,
        }
    }

    /// What went wrong, in words.
    fn failure(&self) -> Option<&Text> {
        match &self.outcome {
            Outcome::Failed { value, .. } => Some(value),
            Outcome::Reached { .. } | Outcome::Unsure(_) => None,
        }
    }

    fn is_failing(&self) -> bool {
        self.cause().is_some()
    }

    /// Replaces what is blamed, keeping how bad it is; `text` makes the new words from the old.
    fn blame(&mut self, new: CauseId, text: impl FnOnce(&Text) -> Text) {
        if let Outcome::Failed { cause, value, .. } = &mut self.outcome {
            *value = text(value);
            *cause = new;
        }
    }

    /// Whether the nameservers could explain the trouble.
    fn is_of_a_name(&self, names: &Names) -> bool {
        match self.cause() {
            Some(CauseId::DnsFailure | CauseId::DnsWrongAddress) => true,
            // A name that the hosts file binds is asked of the name servers too, and both are shown.
            _ => names.bound(&self.wanted.target.host).is_some(),
        }
    }

    fn note(&self, troubles: &mut NetworkProblems) {
        let place = self.wanted.target.place();
        match &self.outcome {
            Outcome::Reached { doubt: Some(doubt), .. } => {
                troubles.note(CauseId::DnsWrongAddress, Severity::Warn, None, doubt.clone());
            }
            Outcome::Reached { .. } | Outcome::Unsure(_) => {}
            Outcome::Failed { cause, severity, value } => {
                troubles.note(*cause, *severity, Some(place), value.clone());
            }
        }
    }

    /// The address that it went to.
    fn peer(&self) -> Option<Ipv4Addr> {
        peer(self.reach)
    }

    /// Whether the connection was made and TLS then stalled.
    fn stalls_in_tls(&self) -> bool {
        let is_silent = match &self.reach.tls {
            None => true,
            Some(Err(TlsError::Broken(reason))) => reason.contains("in time"),
            Some(_) => false,
        };
        self.wanted.target.tls && is_silent && matches!(self.reach.connected, Some(Ok(_)))
    }
}

/// The other way around the proxy question: with the shells' proxy where the agent has none, without one where it has.
enum Around {
    Shell(ShellProxy, Target),
    Direct(Target),
}

impl Around {
    fn of(way: &Way, wanted: &[Wanted], agent: Option<&Agent>, shell: Option<ShellProxy>) -> Option<Around> {
        agent?;
        let server = wanted.iter().find(|wanted| wanted.reason == Reason::ConfigServer)?.target.clone();
        match (&server.proxy, shell) {
            (Some(_), _) => Some(Around::Direct(Target { proxy: None, ..server })),
            (None, Some(shell)) if way.proxies.is_empty() => {
                let proxy = Some(shell.proxy.place());
                Some(Around::Shell(shell, Target { proxy, ..server }))
            }
            (None, _) => None,
        }
    }

    fn target(&self) -> &Target {
        match self {
            Around::Shell(_, target) | Around::Direct(target) => target,
        }
    }

    /// What it proves if it works. With the shells' proxy the missing proxy is what is wrong, not the direct way.
    fn explain(&self, answer: &ReachSeen, probes: &mut [Probe<'_>]) -> Option<Text> {
        if !matches!(&answer.http, Some(Ok(http)) if is_service(http)) {
            return None;
        }
        let ms = answer.elapsed_ms;
        match self {
            Around::Direct(_) => Some(say!(
                "Without the proxy the service answers in {ms} ms.",
                "不使用代理时，服务在 {ms} 毫秒内应答。"
            )),
            Around::Shell(ShellProxy { path, proxy }, _) => {
                let place = Proxy::place(proxy);
                for probe in probes.iter_mut().filter(|probe| probe.is_failing()) {
                    probe.blame(CauseId::ProxyMismatch, Text::clone);
                }
                Some(say!(
                    "The agent's process has no proxy, but {path} sets {place} for shells, and through it the service answers.",
                    "Agent 进程没有代理，而 {path} 为 shell 设置了 {place}，通过它服务有应答。"
                ))
            }
        }
    }
}

/// Why it is not known whether the agent goes the way that was tried.
struct Doubt {
    row: Evidence,
    sentence: Text,
    /// Whether the agent goes another way for certain. Else it only may: its variables could not be read, and most agents
    /// have no proxy there. Then probes that all reach the service prove the way, and the row says what they do not prove;
    /// a failure that such a proxy could explain remains open.
    is_certain: bool,
}

/// Whether the agent goes, or may go, another way than the one that was tried: its variables name a proxy that this program
/// cannot go through, or may not be read.
fn doubt(see: &Observations, agent: Option<&Agent>, way: &Way, wanted: &[Wanted]) -> Result<Option<Doubt>, Unanswered> {
    let Some(agent) = agent else { return Ok(None) };
    let label = Text::fixed("The agent's proxies", "Agent 的代理");
    if let Some((name, value)) = way.proxies.socks_for(wanted.iter().map(|wanted| &wanted.target)) {
        let value = say!("{name}={value}, not tried", "{name}={value}，未测试");
        let source = Text::fixed("environment of the agent", "Agent 的环境变量");
        let row = Evidence { source, ..Evidence::new(label, value, "") }.marked(Mark::Unknown);
        let sentence = say!(
            "But {name} makes the agent go through a SOCKS proxy, which this program does not try.",
            "但 {name} 使 Agent 经由 SOCKS 代理访问，本程序无法测试该代理。"
        );
        return Ok(Some(Doubt { row, sentence, is_certain: true }));
    }
    let Some((why, source)) = subject::hidden_environment(see, agent)? else { return Ok(None) };
    let row = Evidence::new(label, subject::trouble(&why), source)
        .expecting(Text::fixed(
            "none; the agent would use one that is set in its environment",
            "无；若 Agent 的环境变量中设有代理，Agent 会改用该代理",
        ))
        .marked(Mark::Unknown);
    let sentence = Text::fixed(
        "But the agent may go through a proxy of its own: its environment could not be read. Run as root to find out.",
        "但 Agent 可能使用自己的代理：无法读取其环境变量。请以 root 运行以确认。",
    );
    Ok(Some(Doubt { row, sentence, is_certain: false }))
}

/// A proxy that the agent does not understand, for which it gives up all of them.
fn invalid_row(agent: Option<&Agent>, way: &Way) -> Option<Evidence> {
    let (name, value) = way.proxies.invalid.as_ref().filter(|_| agent.is_some())?;
    let value = say!(
        "{value}: no proxy that the agent understands, so it uses none at all",
        "{value}：Agent 无法识别该代理，因此不使用任何代理"
    );
    let source = Text::fixed("environment of the agent", "Agent 的环境变量");
    let row = Evidence { source, ..Evidence::new(Text::same(name.clone()), value, "") };
    Some(row.marked(Mark::Doubtful))
}

/// What another way is called.
fn way_name(tried: &reach::Tried) -> Text {
    let region = &tried.region;
    match tried.network {
        NetworkType::Intranet => say!("{region} over the private network", "{region} 内网"),
        NetworkType::Internet => say!("{region} over the Internet", "{region} 公网"),
        NetworkType::Acceleration => say!("{region} by transfer acceleration", "{region} 传输加速"),
    }
}

fn alternative_row(tried: &reach::Tried) -> Evidence {
    let label = way_name(tried);
    match tried.ms {
        Some(ms) => {
            Evidence::new(label, say!("answers in {ms} ms", "{ms} 毫秒内应答"), tried.host.clone()).marked(Mark::Good)
        }
        None => Evidence::new(label, Text::fixed("not reached", "不通"), tried.host.clone()),
    }
}

/// The sentence that proposes a way, if it works.
fn proposal(tried: &reach::Tried) -> Option<Text> {
    let (ms, name) = (tried.ms?, way_name(tried));
    let (en, zh) = name.both();
    Some(Text::filled(format!("But {en} answers in {ms} ms."), format!("但 {zh} 在 {ms} 毫秒内应答。")))
}
