//! Step 6: which IP did the agent obtain, why that one, and is it usable? The record of the last start is compared with
//! what the agent's rules for its version would choose now.

mod heeded;
mod lookup;

use super::installed;
use super::running;
use super::subject::{self, Current, Record};
use crate::core::agent::app_info::AppInfo;
use crate::core::agent::config::{Config, Setting};
use crate::core::agent::ip_rules::{self, IpInputs, Prediction, Rule, is_virtual};
use crate::core::agent::layout::Agent;
use crate::core::agent::version::Version;
use crate::core::context::{Context, IdentityKind};
use crate::core::finding::{Cause, CauseId, Evidence, Finding, Mark, RemedyId, Severity, StepId};
use crate::core::observe::{ClockSeen, InterfaceSeen, Observations, Together, Unanswered};
use crate::core::text::Text;
use crate::say;
use std::net::Ipv4Addr;

const STEP: StepId = StepId::Address;
const IP_REMEDIES: &[RemedyId] = &[RemedyId::BindHostname, RemedyId::SetWorkingIp];

/// Judges step 6.
///
/// # Errors
/// Something has not been looked at yet.
pub fn check(see: &Observations, told: &Context) -> Result<Finding, Unanswered> {
    let Some(agent) = subject::agent(see)? else { return Ok(subject::no_agent(STEP)) };
    let (record, memory, certain) =
        (subject::current(see, &agent), subject::memory(see, &agent), is_certain(see, &agent));
    let (prediction, interfaces, identity) = (predict(see, &agent), see.interfaces(), see.identity());
    let (record, memory, certain) = (record, memory, certain).together()?;
    let (prediction, interfaces, identity) = (prediction, interfaces, identity).together()?;
    let interfaces = interfaces.as_deref().unwrap_or_default();
    let config = subject::config(see, &agent)?.unwrap_or_default();
    let is_renamed = config.working_hostname.is_some();
    let path = agent.app_info_path.display().to_string();
    let record = match record {
        Current::OfNow(record) => record,
        // What the running agent says of itself outranks the age of its record.
        Current::Older(record, _) if memory.is_some() => record,
        Current::Older(record, started) => {
            return Ok(of_before(&path, &record, Some(started), see.clock()?, prediction.as_ref()));
        }
        Current::NoProcess(record) => return Ok(of_before(&path, &record, None, see.clock()?, prediction.as_ref())),
    };
    let info = match record {
        Record::Known(info) => info,
        Record::Broken(fault) => return Ok(broken(path, fault.text(), prediction.as_ref())),
        Record::Unread(trouble) => return Ok(unread(&path, &trouble, prediction.as_ref())),
    };
    let by_custom_id = told.identity_kind() == Some(IdentityKind::Custom);
    let is_by_ip = told.identity == Some(IdentityKind::Ip) || !told.group_ips.is_empty();
    let mut judge = Judge {
        told,
        agent: &agent,
        info: &info,
        ip: memory.as_ref().map_or_else(|| subject::reported_ip(&info), |memory| &memory.status.ip),
        prediction: prediction.as_ref(),
        is_certain: certain,
        ip_matters: !by_custom_id && (is_by_ip || !subject::in_container(identity, &agent)),
        interfaces,
        causes: Vec::new(),
        evidence: Vec::new(),
    };
    judge.rows(&path);
    let rule = prediction.as_ref().map(|(_, prediction)| prediction.rule);
    judge.evidence.extend(heeded::rows(&agent, &config, rule));
    judge.judge(&path);
    if !is_renamed {
        judge.hostname(identity.hostname.raw());
    }
    let ip = judge.ip;
    let summary = match (judge.causes.iter().max_by_key(|cause| cause.severity), judge.interface_of(ip)) {
        (Some(cause), _) => cause.detail.clone(),
        (None, Some(name)) => {
            say!("The agent obtained {ip}, the address of {name}.", "Agent 取到的 IP 是 {ip}，属于网卡 {name}。")
        }
        (None, None) => say!("The agent obtained {ip}.", "Agent 取到的 IP 是 {ip}。"),
    };
    let is_blind = judge.interfaces.is_empty();
    let finding = Finding::judged(STEP, summary, judge.causes, judge.evidence);
    if is_blind && finding.causes.is_empty() {
        let text = say!(
            "The agent obtained {ip}, but this host's interfaces could not be listed to compare it.",
            "Agent 取到的 IP 是 {ip}，但无法列出本机网卡进行对比。"
        );
        return Ok(Finding::unknown(STEP, text, finding.evidence));
    }
    Ok(finding)
}

/// The finding where no record tells of the agent that runs now: none runs (`started` is None), or its worker has not
/// written one since it started. What was true before accuses nobody.
fn of_before(
    path: &str,
    record: &Record,
    started: Option<i64>,
    clock: &ClockSeen,
    prediction: Option<&(IpInputs, Prediction)>,
) -> Finding {
    let then = match record {
        Record::Known(info) => {
            let (ip, when) = (subject::reported_ip(info), info.update_time.as_deref().unwrap_or("-"));
            let (host, shown) = (&info.hostname, if ip.is_empty() { "-" } else { ip });
            say!("{shown}, written {when} on host {host}", "{shown}，{when} 写于主机 {host}")
        }
        Record::Broken(fault) => fault.text(),
        Record::Unread(trouble) => subject::trouble(trouble),
    };
    let label = Text::fixed("Record of an earlier start", "之前启动时的记录");
    let mut evidence = vec![Evidence::new(label, then, path).marked(Mark::Note)];
    let text = match started {
        None => Text::fixed(
            "No process of the agent runs, so it reports no address now; what an earlier start recorded proves nothing. See step 2.",
            "Agent 没有进程在运行，当前不上报任何 IP；之前启动时的记录不能说明现状。见第 2 步。",
        ),
        Some(started) => {
            let age = running::age((clock.now_ms / 1000).saturating_sub(started).max(0));
            let (en, zh) = age.both();
            let label = Text::fixed("Start of the running worker", "当前工作进程启动时间");
            let row = Evidence::new(label, say!("{en} ago", "{zh}前"), "/proc");
            evidence.push(row.expecting(Text::fixed("a record written since", "此后写入的记录")).marked(Mark::Unknown));
            say!(
                "{path} was written before the running worker started, so it does not say which address the agent reports now. Look whether its directory can be written to: a full or read-only file system keeps the old file.",
                "{path} 写于当前工作进程启动之前，不能说明 Agent 现在上报的 IP。请检查其所在目录是否可写：磁盘已满或只读时会保留旧文件。"
            )
        }
    };
    Finding::unknown(STEP, text, with_prediction(evidence, prediction))
}

fn broken(path: String, what: Text, prediction: Option<&(IpInputs, Prediction)>) -> Finding {
    let (en, zh) = what.both();
    let detail = say!("{path} is damaged. {en}", "{path} 已损坏。{zh}");
    let row = Evidence::new(Text::same(path.clone()), what.clone(), path).marked(Mark::Bad);
    let why = Text::fixed(
        "The agent writes this file at every start; a damaged one means that a start was cut short, for example by a full disk.",
        "Agent 每次启动都会写入该文件；文件损坏说明启动过程被中断，例如磁盘已满。",
    );
    let cause = Cause::fail(CauseId::AppInfoInvalid, detail.clone(), why, &[RemedyId::RestartAgent]);
    Finding::judged(STEP, detail, vec![cause], with_prediction(vec![row], prediction))
}

/// Whether everything that the prediction rests on was really seen; else it explains, but accuses nobody.
fn is_certain(see: &Observations, agent: &Agent) -> Result<bool, Unanswered> {
    let hostname = see.identity()?.hostname.raw();
    let (lookup, config) = (see.lookup(hostname), subject::config(see, agent));
    let environment = subject::is_environment_known(see, agent);
    Ok(lookup?.addresses.is_ok() & config?.is_ok() & environment?)
}

/// What the agent would choose if it started now; None when its version is not known.
///
/// # Errors
/// Something has not been looked at yet.
pub fn predict(see: &Observations, agent: &Agent) -> Result<Option<(IpInputs, Prediction)>, Unanswered> {
    let identity = see.identity()?;
    let (lookup, interfaces, config) =
        (see.lookup(identity.hostname.raw()), see.interfaces(), subject::config(see, agent)).together()?;
    let (Some(version), Ok(interfaces)) = (&agent.version, interfaces) else { return Ok(None) };
    let config = config.unwrap_or_default();
    let sorted = lookup.addresses.as_deref().unwrap_or_default();
    let order = lookup::order(see, identity.hostname.raw(), sorted, version)?;
    let inputs = IpInputs {
        unordered: order.unordered,
        looked_up_in: order.source,
        ..inputs(identity.hostname.raw(), &order.addresses, interfaces, &config)
    };
    let prediction = ip_rules::predict(&inputs, version);
    Ok(Some((inputs, prediction)))
}

/// What the agent bases its choice on.
pub fn inputs(hostname: &str, lookup: &[Ipv4Addr], interfaces: &[InterfaceSeen], config: &Config) -> IpInputs {
    let value = |setting: &Option<Setting<String>>| setting.as_ref().map(|setting| setting.value.clone());
    IpInputs {
        hostname: hostname.to_string(),
        lookup: lookup.to_vec(),
        interfaces: interfaces.iter().map(|nic| (nic.name.clone(), nic.ipv4.clone())).collect(),
        working_ip: value(&config.working_ip),
        bind_interface: value(&config.bind_interface),
        working_interface: value(&config.working_interface),
        ignored_interfaces: value(&config.ignored_interfaces),
        ..IpInputs::default()
    }
}

fn with_prediction(mut evidence: Vec<Evidence>, prediction: Option<&(IpInputs, Prediction)>) -> Vec<Evidence> {
    if let Some((_, prediction)) = prediction {
        let label = Text::fixed("Would choose now", "现在启动会取");
        evidence.push(Evidence::new(label, prediction.text(), "agent's rules"));
    }
    evidence
}

fn unread(
    path: &str,
    trouble: &crate::core::observe::Unavailable,
    prediction: Option<&(IpInputs, Prediction)>,
) -> Finding {
    let what = subject::trouble(trouble);
    let (en, zh) = what.both();
    let row = |mark| vec![Evidence::new(Text::same(path), what.clone(), path).marked(mark)];
    if !matches!(trouble, crate::core::observe::Unavailable::Absent | crate::core::observe::Unavailable::NotAFile(_)) {
        let text = say!("{path}: {en}.", "{path}：{zh}。");
        return Finding::unknown(STEP, text, with_prediction(row(Mark::Unknown), prediction));
    }
    let detail = say!("{path} {en}.", "{path} {zh}。");
    let why = Text::fixed(
        "The agent writes it when its worker starts; so no worker has ever started here, or the directory is not writable.",
        "该文件由工作进程启动时写入；缺失说明工作进程从未成功启动，或目录不可写。",
    );
    let cause = Cause::fail(CauseId::AppInfoMissing, detail.clone(), why, &[RemedyId::RestartAgent]);
    Finding::judged(STEP, detail, vec![cause], with_prediction(row(Mark::Bad), prediction))
}

struct Judge<'a> {
    told: &'a Context,
    agent: &'a Agent,
    info: &'a AppInfo,
    /// The address that the agent really reports.
    ip: &'a str,
    prediction: Option<&'a (IpInputs, Prediction)>,
    is_certain: bool,
    /// Whether the group identifies by IP; where that was not told, containers' groups go by identifier.
    ip_matters: bool,
    interfaces: &'a [InterfaceSeen],
    causes: Vec<Cause>,
    evidence: Vec<Evidence>,
}

impl Judge<'_> {
    fn interface_of(&self, ip: &str) -> Option<&str> {
        let ip: Ipv4Addr = ip.parse().ok()?;
        self.interfaces.iter().find(|nic| nic.ipv4.contains(&ip)).map(|nic| nic.name.as_str())
    }

    /// Whether a machine group can tell this host by the address: one of a real interface, or one that the operator chose
    /// or listed.
    fn is_of_use(&self) -> bool {
        let address = self.ip.parse::<Ipv4Addr>().ok();
        let is_chosen = self.prediction.is_some_and(|(_, prediction)| prediction.rule == Rule::WorkingIp)
            || address.is_some_and(|ip| self.told.group_ips.contains(&ip));
        let is_real = self.interface_of(self.ip).is_some_and(|name| !is_virtual(name));
        address.is_some_and(|ip| !ip.is_loopback()) && (is_real || is_chosen)
    }

    fn rows(&mut self, path: &str) {
        let ip = match self.ip {
            "" => Text::fixed("(empty)", "（空）"),
            ip => Text::same(ip),
        };
        let when = self.info.update_time.clone().unwrap_or_default();
        let label = Text::fixed("IP of the agent", "Agent 的 IP");
        self.evidence.push(Evidence::new(label, ip, format!("{path} {when}").trim().to_string()));
        if let Some((inputs, prediction)) = self.prediction {
            let hostname = &inputs.hostname;
            let found = match inputs.lookup.as_slice() {
                [] => Text::fixed("no address", "没有地址"),
                all => Text::same(all.iter().map(Ipv4Addr::to_string).collect::<Vec<_>>().join(", ")),
            };
            let label = say!("Hostname {hostname}", "主机名 {hostname}");
            self.evidence.push(Evidence::new(label, found, inputs.looked_up_in.clone()));
            if let Some(working_ip) = &inputs.working_ip {
                let source = self.agent.config_path.display().to_string();
                self.evidence.push(Evidence::new(Text::same("working_ip"), Text::same(working_ip.clone()), source));
            }
            let mark = match (self.is_certain, prediction.allows(self.ip)) {
                (_, true) if self.is_of_use() => Mark::Good,
                // The rules are understood; that does not make the address right.
                (_, true) => Mark::Note,
                (true, false) => Mark::Doubtful,
                (false, false) => Mark::Unknown,
            };
            let label = Text::fixed("Would choose now", "现在启动会取");
            let source = installed::name(self.agent);
            self.evidence.push(Evidence::new(label, prediction.text(), source).marked(mark));
        }
        for nic in self.interfaces.iter().filter(|nic| !nic.ipv4.is_empty() && nic.name != "lo") {
            let all = nic.ipv4.iter().map(Ipv4Addr::to_string).collect::<Vec<_>>().join(", ");
            let name = &nic.name;
            let is_it = nic.ipv4.iter().any(|ip| ip.to_string() == self.ip);
            let label = say!("Interface {name}", "网卡 {name}");
            let mark = if is_it && self.is_of_use() { Mark::Good } else { Mark::Note };
            self.evidence.push(Evidence::new(label, Text::same(all), "kernel").marked(mark));
        }
    }

    /// A failure where the group identifies by IP, else a warning.
    fn push(&mut self, id: CauseId, is_harmless: bool, detail: Text, why: Text, remedies: &[RemedyId]) {
        let severity = if is_harmless || !self.ip_matters { Severity::Warn } else { Severity::Fail };
        self.causes.push(Cause::new(id, severity, detail, why, remedies));
    }

    /// What gives the agent another address: where its configuration names one, the hostname is not even asked.
    fn ip_remedies(&self) -> &'static [RemedyId] {
        match self.prediction.map(|(_, prediction)| prediction.rule) {
            Some(Rule::WorkingIp | Rule::WorkingInterface) => &[RemedyId::SetWorkingIp],
            _ => IP_REMEDIES,
        }
    }

    fn judge(&mut self, path: &str) {
        let ip = self.ip;
        let address = ip.parse::<Ipv4Addr>().ok();
        let name = self.interface_of(ip).map(str::to_string);
        if ip.is_empty() {
            self.causes.push(Cause::fail(
                CauseId::IpEmpty,
                Text::fixed("The agent obtained no IP at all.", "Agent 没有取到任何 IP。"),
                Text::fixed(
                    "Without an address the service cannot tell which machine reports; Logtail does not work then.",
                    "没有 IP，服务端无法识别是哪台机器上报；此时 Logtail 无法工作。",
                ),
                &[RemedyId::SetWorkingIp, RemedyId::BindHostname, RemedyId::RestartAgent],
            ));
        } else if address.is_some_and(|ip| ip.is_loopback()) {
            self.push(
                CauseId::IpLoopback,
                false,
                say!("The agent obtained the loopback address {ip}.", "Agent 取到了回环地址 {ip}。"),
                Text::fixed(
                    "Every machine has that address, so it identifies none.",
                    "每台机器都有该地址，无法用于标识机器。",
                ),
                self.ip_remedies(),
            );
        } else if name.is_none() && !self.interfaces.is_empty() {
            self.not_local();
        } else if let Some(name) = name.filter(|name| is_virtual(name)) {
            self.causes.push(Cause::warn(
                CauseId::IpVirtualNic,
                say!("{ip} belongs to {name}, a virtual interface.", "{ip} 属于虚拟网卡 {name}。"),
                Text::fixed(
                    "Containers' bridges have the same address on many hosts; a machine group by IP cannot tell them apart.",
                    "容器网桥的地址在许多主机上相同，按 IP 的机器组无法区分。",
                ),
                self.ip_remedies(),
            ));
        }
        self.mark_the_ip();
        self.edited(path);
        self.against_prediction();
    }

    /// The row of the address itself, which is the first one, bears the verdict on it: there the eye looks for it.
    fn mark_the_ip(&mut self) {
        let mark = match self.causes.iter().map(|cause| cause.severity).max() {
            Some(Severity::Fail) => Mark::Bad,
            Some(Severity::Warn) => Mark::Doubtful,
            Some(Severity::Unknown) => Mark::Unknown,
            None if self.is_of_use() => Mark::Good,
            None => Mark::Note,
        };
        if let Some(row) = self.evidence.first_mut() {
            row.mark = mark;
        }
    }

    fn not_local(&mut self) {
        let ip = self.ip;
        // Listed in the group, or chosen by whoever wrote working_ip: then it harms nobody.
        let is_listed = ip.parse::<Ipv4Addr>().is_ok_and(|ip| self.told.group_ips.contains(&ip));
        let rule =
            self.prediction.filter(|(_, prediction)| prediction.allows(ip)).map(|(_, prediction)| prediction.rule);
        let detail = match rule {
            Some(rule) => {
                let text = rule.text();
                let (en, zh) = text.both();
                say!(
                    "The agent reports {ip}, which no interface of this host has; the rule: {en}.",
                    "Agent 上报的 {ip} 不属于本机任何网卡；依据的规则：{zh}。"
                )
            }
            None => say!(
                "The agent reports {ip}, which no interface of this host has.",
                "Agent 上报的 {ip} 不属于本机任何网卡。"
            ),
        };
        self.push(
            CauseId::IpNotLocal,
            is_listed || rule == Some(Rule::WorkingIp),
            detail,
            Text::fixed(
                "The service books the heartbeat on this address; a machine group that lists the host's own shows none.",
                "服务端会把心跳记在该地址上；机器组中填写的若是本机真实地址，就看不到心跳。",
            ),
            self.ip_remedies(),
        );
    }

    /// The record holds another address than the agent: somebody wrote it by hand, in vain.
    fn edited(&mut self, path: &str) {
        let (ip, written) = (self.ip, &self.info.ip);
        if written == ip {
            return;
        }
        let label = Text::fixed("IP written in the file", "文件中的 IP");
        let row = Evidence::new(label, Text::same(written.clone()), path);
        self.evidence.push(row.expecting(Text::same(ip)).marked(Mark::Doubtful));
        self.causes.push(Cause::warn(
            CauseId::IpStale,
            say!(
                "{path} says {written}, but the agent reports {ip}: the file was edited by hand.",
                "{path} 中是 {written}，而 Agent 实际上报 {ip}：该文件被手工修改过。"
            ),
            Text::fixed(
                "The file is only a record; the agent never reads it, so editing it changes nothing. Use working_ip.",
                "该文件只是记录，Agent 从不读取，修改它不起作用；请使用 working_ip。",
            ),
            &[RemedyId::SetWorkingIp, RemedyId::RestartAgent],
        ));
    }

    fn against_prediction(&mut self) {
        let Some((_, prediction)) = self.prediction.filter(|_| self.is_certain) else { return };
        let ip = self.ip;
        // An agent that does not run reports nothing, and takes the new address when it starts.
        if !prediction.allows(ip) && !self.agent.processes.is_empty() {
            let now = prediction.possible.join(", ");
            let rule = prediction.rule.text();
            let (en, zh) = rule.both();
            let detail = if now.is_empty() {
                say!(
                    "The agent still reports {ip}; started now it would report no address: {en}.",
                    "Agent 仍在上报 {ip}；如果现在重启，将取不到地址：{zh}。"
                )
            } else {
                say!(
                    "The agent still reports {ip}; started now it would report {now}: {en}.",
                    "Agent 仍在上报 {ip}；如果现在重启，将会上报 {now}：{zh}。"
                )
            };
            self.causes.push(Cause::warn(
                CauseId::IpStale,
                detail,
                self.why_stale(prediction.rule),
                &[RemedyId::RestartAgent],
            ));
        }
        if !prediction.is_deterministic() && self.ip_matters {
            let list = prediction.possible.join(", ");
            let version = self.agent.version.as_ref().map(Version::to_string).unwrap_or_default();
            let rule = prediction.rule.text();
            let (en, zh) = rule.both();
            self.causes.push(Cause::warn(
                CauseId::IpAmbiguous,
                say!(
                    "Version {version} may report any of {list} after a restart: {en}.",
                    "版本 {version} 重启后可能上报以下任一 IP：{list}；{zh}。"
                ),
                Text::fixed(
                    "The address can change with every restart, and then it is not the one in the machine group.",
                    "每次重启 IP 都可能变化，从而与机器组中的不一致。",
                ),
                &[RemedyId::SetWorkingIp, RemedyId::BindHostname],
            ));
        }
    }

    fn why_stale(&self, rule: Rule) -> Text {
        let watches = self.agent.version.as_ref().is_some_and(|version| version.at_least(1, 3, 0));
        match (rule, watches) {
            (Rule::WorkingIp, _) => Text::fixed(
                "working_ip was set after the agent started; it takes effect at a restart.",
                "working_ip 是在 Agent 启动之后设置的，重启后才生效。",
            ),
            (_, true) => Text::fixed(
                "The network changed after the agent started. From 1.3.0 on it notices within about a minute and restarts itself, unless working_ip was set.",
                "Agent 启动之后网络发生了变化。1.3.0 及以上版本会在约一分钟内发现并自行重启，设置了 working_ip 时除外。",
            ),
            (_, false) => Text::fixed(
                "The network changed after the agent started; before 1.3.0 it looks for its address only at start.",
                "Agent 启动之后网络发生了变化；1.3.0 之前的版本仅在启动时获取 IP。",
            ),
        }
    }

    /// Shows that the machine was renamed since the start.
    fn hostname(&mut self, now: &str) {
        let then = self.info.hostname.as_str();
        if then.is_empty() || then == now || !self.ip_matters {
            return;
        }
        let label = Text::fixed("Hostname at the start", "启动时的主机名");
        let source = self.agent.app_info_path.display().to_string();
        let row = Evidence::new(label, Text::same(then), source);
        self.evidence.push(row.expecting(Text::same(now)).marked(Mark::Doubtful));
    }
}
