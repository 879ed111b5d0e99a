//! Step 6: which IP did the agent obtain, why that one, and is it usable? The record of the last start is compared with
//! what the agent's rules for its version would choose now.

use super::installed;
use super::subject::{self, Record};
use crate::agent::app_info::AppInfo;
use crate::agent::config::{Config, Setting};
use crate::agent::ip_rules::{self, IpInputs, Prediction, is_virtual};
use crate::agent::layout::Agent;
use crate::agent::version::Version;
use crate::context::{Context, IdentityKind};
use crate::finding::{Cause, CauseId, Evidence, Finding, Mark, RemedyId, Severity, StepId};
use crate::host::{InterfaceSeen, Seen, Unseen};
use crate::say;
use crate::text::{Lang, Text};
use std::net::Ipv4Addr;

const STEP: StepId = StepId::Address;
const IP_REMEDIES: &[RemedyId] = &[RemedyId::BindHostname, RemedyId::SetWorkingIp];

/// Judges step 6.
///
/// # Errors
/// Something has not been looked at yet.
pub fn check(see: &Seen, told: &Context) -> Result<Finding, Unseen> {
    let Some(agent) = subject::agent(see)? else { return Ok(subject::no_agent(STEP)) };
    let record = subject::record(see, &agent);
    let prediction = predict(see, &agent);
    let interfaces = see.interfaces();
    let (record, prediction, interfaces) = (record?, prediction?, interfaces?);
    let interfaces = interfaces.as_deref().unwrap_or_default();
    let path = agent.app_info_path.display().to_string();
    let info = match record {
        Record::Known(info) => info,
        Record::Broken(fault) => {
            let text = fault.text();
            let (en, zh) = (text.get(Lang::En), text.get(Lang::Zh));
            let detail = Text::filled(format!("{path} is damaged. {en}"), format!("{path} 已损坏。{zh}"));
            let row = Evidence::new(Text::same(path.clone()), text, path).marked(Mark::Bad);
            let why = Text::fixed(
                "The agent writes this file at every start; a damaged one means that a start was cut short, for example by a full disk.",
                "Agent 每次启动都会写入该文件；文件损坏说明启动过程被中断，例如磁盘已满。",
            );
            let cause = Cause::fail(CauseId::AppInfoInvalid, detail.clone(), why, &[RemedyId::RestartAgent]);
            return Ok(Finding::judged(STEP, detail, vec![cause], with_prediction(vec![row], prediction.as_ref())));
        }
        Record::Unread(trouble) => return Ok(unread(&path, &trouble, prediction.as_ref())),
    };
    let mut judge = Judge {
        told,
        agent: &agent,
        info: &info,
        prediction: prediction.as_ref(),
        interfaces,
        causes: Vec::new(),
        evidence: Vec::new(),
    };
    judge.rows(&path);
    judge.judge();
    let ip = &info.ip;
    let summary = match (judge.causes.iter().max_by_key(|cause| cause.severity), judge.interface_of(ip)) {
        (Some(cause), _) => cause.detail.clone(),
        (None, Some(name)) => {
            say!("The agent obtained {ip}, the address of {name}.", "Agent 取到的 IP 是 {ip}，属于网卡 {name}。")
        }
        (None, None) => say!("The agent obtained {ip}.", "Agent 取到的 IP 是 {ip}。"),
    };
    Ok(Finding::judged(STEP, summary, judge.causes, judge.evidence))
}

/// What the agent would choose if it started now; None when its version is not known.
///
/// # Errors
/// Something has not been looked at yet.
pub fn predict(see: &Seen, agent: &Agent) -> Result<Option<(IpInputs, Prediction)>, Unseen> {
    let identity = see.identity()?;
    let (lookup, interfaces, config) = (see.lookup(&identity.hostname), see.interfaces(), subject::config(see, agent));
    let (lookup, interfaces, config) = (lookup?, interfaces?, config?);
    let (Some(version), Ok(interfaces)) = (&agent.version, interfaces) else { return Ok(None) };
    let config = config.unwrap_or_default();
    let inputs = inputs(&identity.hostname, lookup.addresses.as_deref().unwrap_or_default(), interfaces, &config);
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
    }
}

fn with_prediction(mut evidence: Vec<Evidence>, prediction: Option<&(IpInputs, Prediction)>) -> Vec<Evidence> {
    if let Some((_, prediction)) = prediction {
        let label = Text::fixed("Would choose now", "现在启动会取");
        evidence.push(Evidence::new(label, prediction.text(), "agent's rules"));
    }
    evidence
}

fn unread(path: &str, trouble: &crate::host::Trouble, prediction: Option<&(IpInputs, Prediction)>) -> Finding {
    let what = subject::trouble(trouble);
    let (en, zh) = (what.get(Lang::En), what.get(Lang::Zh));
    let row = |mark| vec![Evidence::new(Text::same(path), what.clone(), path).marked(mark)];
    if !matches!(trouble, crate::host::Trouble::Absent | crate::host::Trouble::NotAFile(_)) {
        let text = Text::filled(format!("{path} could not be read: {en}."), format!("无法读取 {path}：{zh}。"));
        return Finding::unknown(STEP, text, with_prediction(row(Mark::Unknown), prediction));
    }
    let detail = Text::filled(format!("{path} {en}."), format!("{path} {zh}。"));
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
    prediction: Option<&'a (IpInputs, Prediction)>,
    interfaces: &'a [InterfaceSeen],
    causes: Vec<Cause>,
    evidence: Vec<Evidence>,
}

impl Judge<'_> {
    fn interface_of(&self, ip: &str) -> Option<&str> {
        let ip: Ipv4Addr = ip.parse().ok()?;
        self.interfaces.iter().find(|nic| nic.ipv4.contains(&ip)).map(|nic| nic.name.as_str())
    }

    fn rows(&mut self, path: &str) {
        let ip = match self.info.ip.as_str() {
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
            self.evidence.push(Evidence::new(label, found, format!("getent ahostsv4 {hostname}")));
            if let Some(working_ip) = &inputs.working_ip {
                let label = Text::same("working_ip");
                let source = self.agent.config_path.display().to_string();
                self.evidence.push(Evidence::new(label, Text::same(working_ip.clone()), source));
            }
            let mark = if prediction.allows(&self.info.ip) { Mark::Good } else { Mark::Doubtful };
            let label = Text::fixed("Would choose now", "现在启动会取");
            let source = installed::name(self.agent);
            self.evidence.push(Evidence::new(label, prediction.text(), source).marked(mark));
        }
        for nic in self.interfaces.iter().filter(|nic| !nic.ipv4.is_empty() && nic.name != "lo") {
            let all = nic.ipv4.iter().map(Ipv4Addr::to_string).collect::<Vec<_>>().join(", ");
            let name = &nic.name;
            let is_it = nic.ipv4.iter().any(|ip| ip.to_string() == self.info.ip);
            let label = say!("Interface {name}", "网卡 {name}");
            let mark = if is_it { Mark::Good } else { Mark::Note };
            self.evidence.push(Evidence::new(label, Text::same(all), "kernel").marked(mark));
        }
    }

    fn judge(&mut self) {
        let ip = self.info.ip.clone();
        let address = ip.parse::<Ipv4Addr>().ok();
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
            self.causes.push(Cause::fail(
                CauseId::IpLoopback,
                say!("The agent obtained the loopback address {ip}.", "Agent 取到了回环地址 {ip}。"),
                Text::fixed(
                    "Every machine has that address, so it identifies none.",
                    "每台机器都有该地址，无法用于标识机器。",
                ),
                IP_REMEDIES,
            ));
        } else if self.interface_of(&ip).is_none() && !self.interfaces.is_empty() {
            self.not_local(&ip, address);
        } else if let Some(name) = self.interface_of(&ip).filter(|name| is_virtual(name)).map(str::to_string) {
            self.causes.push(Cause::warn(
                CauseId::IpVirtualNic,
                say!("{ip} belongs to {name}, a virtual interface.", "{ip} 属于虚拟网卡 {name}。"),
                Text::fixed(
                    "Containers' bridges have the same address on many hosts; a machine group by IP cannot tell them apart.",
                    "容器网桥的地址在许多主机上相同，按 IP 的机器组无法区分。",
                ),
                IP_REMEDIES,
            ));
        }
        self.against_prediction(&ip);
    }

    fn not_local(&mut self, ip: &str, address: Option<Ipv4Addr>) {
        // Listed in the group, or identified by another thing than the IP: then it harms nobody.
        let is_listed = address.is_some_and(|ip| self.told.group_ips.contains(&ip));
        let harmless = is_listed || self.told.identity == Some(IdentityKind::Custom);
        let because = match self.prediction {
            Some((inputs, prediction)) if prediction.allows(ip) => {
                let rule = prediction.rule.text();
                let hostname = &inputs.hostname;
                let (en, zh) = (rule.get(Lang::En), rule.get(Lang::Zh));
                Text::filled(format!(" Hostname {hostname}; rule: {en}."), format!("主机名 {hostname}；规则：{zh}。"))
            }
            _ => Text::fixed("", ""),
        };
        let (en, zh) = (because.get(Lang::En), because.get(Lang::Zh));
        self.causes.push(Cause {
            id: CauseId::IpNotLocal,
            severity: if harmless { Severity::Warn } else { Severity::Fail },
            detail: Text::filled(
                format!("The agent reports {ip}, which no interface of this host has.{en}"),
                format!("Agent 上报的 {ip} 不属于本机任何网卡。{zh}"),
            ),
            why: Text::fixed(
                "The machine group lists the host's real address, so the heartbeat is booked on another one.",
                "机器组中填写的是本机真实地址，心跳会记在另一个地址上。",
            ),
            remedies: IP_REMEDIES.to_vec(),
        });
    }

    fn against_prediction(&mut self, ip: &str) {
        let Some((_, prediction)) = self.prediction else { return };
        if !prediction.allows(ip) {
            let now = prediction.possible.join(", ");
            self.causes.push(Cause::warn(
                CauseId::IpStale,
                say!(
                    "The agent still reports {ip}; started now it would report {now}.",
                    "Agent 仍在上报 {ip}；如果现在重启，将会上报 {now}。"
                ),
                Text::fixed(
                    "The network changed after the agent started; it records the address only at start.",
                    "Agent 启动之后网络发生了变化；IP 仅在启动时记录。",
                ),
                &[RemedyId::RestartAgent],
            ));
        }
        if !prediction.is_deterministic() {
            let list = prediction.possible.join(", ");
            let version = self.agent.version.as_ref().map(Version::to_string).unwrap_or_default();
            self.causes.push(Cause::warn(
                CauseId::IpAmbiguous,
                say!(
                    "Version {version} may report any of {list} after a restart.",
                    "版本 {version} 重启后可能上报以下任一 IP：{list}。"
                ),
                Text::fixed(
                    "The address can change with every restart, and then it is not the one in the machine group.",
                    "每次重启 IP 都可能变化，从而与机器组中的不一致。",
                ),
                &[RemedyId::SetWorkingIp, RemedyId::BindHostname],
            ));
        }
    }
}
