//! Step 3: do the install parameters (region, network type) fit the project, and are they the ones in force?
//! Region and network type are read off the endpoint hosts; labels in the file are known to be wrong in places.

mod form;
mod in_force;
mod unreadable;

use self::unreadable::unreadable;
use super::cloud;
use super::place;
use super::subject;
use crate::core::agent::config::{Config, ConfigOddity};
use crate::core::agent::endpoint::{self, EndpointKind};
use crate::core::agent::layout::{self, Agent, ConfigTrouble};
use crate::core::context::{Context, Field, NetworkType};
use crate::core::finding::{Cause, CauseId, Evidence, Finding, Mark, RemedyId, StepId, Verdict};
use crate::core::observe::{Observations, Together, Unanswered, Unavailable};
use crate::core::text::Text;
use crate::say;
use std::sync::Arc;

const STEP: StepId = StepId::Parameters;

/// Judges step 3.
///
/// # Errors
/// Something has not been looked at yet.
pub fn check(see: &Observations, told: &Context) -> Result<Finding, Unanswered> {
    let Some(agent) = subject::agent(see)? else { return Ok(subject::no_agent(STEP)) };
    if agent.community {
        return Ok(subject::community(STEP));
    }
    let service = cloud::told(see, told);
    let path = agent.config_path.display().to_string();
    let (config, file) = (subject::config(see, &agent), see.file(&agent.config_path));
    let (is_known, in_force, environment) =
        (subject::is_environment_known(see, &agent), in_force::look(see, &agent), environment_rows(see, &agent));
    let (config, file, is_known) = (config, file, is_known).together()?;
    if let (Ok(_), Err(trouble)) = (file, subject::whole(file)) {
        return Ok(unreadable(&agent, &path, &ConfigTrouble::File(trouble)));
    }
    let mut accepted = None;
    let config = match config {
        Ok(config) => config,
        // A variable of the agent may name another file; whoever cannot read the variables cannot know.
        Err(ConfigTrouble::File(Unavailable::Absent)) if !is_known => {
            let label = Text::fixed("Environment of the agent", "Agent 的环境变量");
            let what = subject::trouble(&Unavailable::NotAllowed);
            let row = Evidence::new(label, what, "/proc/PID/environ").marked(Mark::Unknown);
            let text = say!(
                "{path} does not exist, but the agent's environment may name another file; run as root to find out.",
                "{path} 不存在，但 Agent 的环境变量可能指定了其他文件；请以 root 运行以确认。"
            );
            return Ok(Finding::unknown(STEP, text, vec![row]));
        }
        // What the running agent has made of this very file outranks the rule that says it cannot.
        Err(ConfigTrouble::Json(fault)) => match in_force::of_this_file(see, &agent, file, &fault)? {
            Some(loaded) => {
                accepted = Some(fault);
                Arc::new(loaded)
            }
            None => return Ok(unreadable(&agent, &path, &ConfigTrouble::Json(fault))),
        },
        Err(trouble) => return Ok(unreadable(&agent, &path, &trouble)),
    };
    // And where it says that it could not, that outranks the rule that says it can.
    if accepted.is_none()
        && let Some(fault) = in_force::refused(see, &agent, file)?
    {
        return Ok(unreadable(&agent, &path, &ConfigTrouble::Json(fault)));
    }
    let cloud::ServiceContext { context: told, rows: service, .. } = service?;
    let told = &told;
    let mut judge = Judge { path, told, agent: &agent, causes: Vec::new(), evidence: Vec::new() };
    if file.is_err() {
        let value = Text::fixed("made up from the path, as in containers", "由路径中的安装参数生成，容器中即如此");
        judge.row(Text::fixed("Configuration", "配置"), value, Mark::Note, None);
    }
    judge.endpoints(&config);
    let told_off = judge.causes.iter().any(|cause| cause.id == CauseId::NetworkTypeMismatch);
    let advice = place::network_advice(see, &agent, told, &config.config_addresses(agent.version.as_ref()))?;
    judge.evidence.extend(advice.rows);
    judge.causes.extend(advice.cause.filter(|_| !told_off));
    let in_force = in_force?;
    judge.causes.extend(in_force.cause);
    judge.evidence.extend(in_force.evidence);
    judge.oddities(&config);
    if let Some(fault) = accepted {
        let cause = judge.accepted(&fault);
        judge.causes.push(cause);
    }
    judge.evidence.extend(environment?);
    let unread = layout::unread_overlays(see, &agent)?;
    for (path, trouble) in &unread {
        let path = path.display().to_string();
        let row = Evidence::new(Text::same(path.clone()), subject::trouble(trouble), path);
        judge.evidence.push(row.marked(Mark::Unknown));
    }
    judge.evidence.extend(service);
    let region = config.region(agent.version.as_ref());
    let kind = config.config_addresses(agent.version.as_ref()).first().map(|address| endpoint::kind_of(address));
    let summary = match (judge.causes.iter().max_by_key(|cause| cause.severity), region, kind) {
        (Some(cause), ..) => cause.detail.clone(),
        (None, Some(region), Some(kind)) => {
            let kind = kind.label();
            let (en, zh) = kind.both();
            match told.region {
                Some(_) => Text::filled(
                    format!("Region {region} over the {en}, as the project needs."),
                    format!("地域 {region}，{zh}，与 Project 相符。"),
                ),
                None => Text::filled(
                    format!("Region {region} over the {en}. Tell the project's region to have it compared."),
                    format!("地域 {region}，{zh}。填写 Project 所在地域后可进行对比。"),
                ),
            }
        }
        (None, ..) => Text::fixed("The endpoints are not those of the public cloud.", "服务入口不属于阿里云公共云。"),
    };
    let mut finding = Finding::judged(STEP, summary, judge.causes, judge.evidence);
    if let Some((path, _)) = unread.first().filter(|_| finding.verdict != Verdict::Fail) {
        let path = path.display();
        finding.verdict = Verdict::Unknown;
        finding.summary = say!(
            "{path} could not be read whole, and what it sets outranks the main file.",
            "未能完整读取 {path}，而其中的设置优先于主配置文件。"
        );
    }
    let was_told_oddly = told.region.as_deref().is_some_and(|told| !endpoint::is_known(told));
    if was_told_oddly && finding.causes.iter().any(|cause| cause.id == CauseId::UnknownRegion) {
        finding.wants = vec![Field::Region];
        finding.verdict = finding.verdict.max(Verdict::Unknown);
    }
    if let Some(text) = advice.unsure.filter(|_| finding.verdict != Verdict::Fail) {
        finding.verdict = Verdict::Unknown;
        finding.summary = text;
    }
    if told.region.is_none() {
        // Right by itself is not yet right for this project: only the comparison could pass.
        finding.wants = vec![Field::Region, Field::Project, Field::Network];
        if finding.verdict == Verdict::Pass {
            finding.verdict = Verdict::Unknown;
        }
    }
    Ok(finding)
}

struct Judge<'a> {
    path: String,
    told: &'a Context,
    agent: &'a Agent,
    causes: Vec<Cause>,
    evidence: Vec<Evidence>,
}

impl Judge<'_> {
    fn row(&mut self, label: Text, value: Text, mark: Mark, expected: Option<Text>) {
        let row = Evidence::new(label, value, self.path.clone()).marked(mark);
        self.evidence.push(match expected {
            Some(expected) => row.expecting(expected),
            None => row,
        });
    }

    /// The hosts, and what they say of region and network type.
    fn endpoints(&mut self, config: &Config) {
        let version = self.agent.version.as_ref();
        let addresses = config.config_addresses(version);
        let data = config.data_endpoints(version);
        if let Some(text) = version.and_then(|version| config.keys_wrong_for(version)) {
            let expected = Text::same("config_server_address, data_server_list");
            self.row(Text::fixed("Keys", "键"), Text::same("config_servers, data_servers"), Mark::Bad, Some(expected));
            self.causes.push(Cause::fail(
                CauseId::ConfigKeysWrongForVersion,
                text,
                Text::fixed(
                    "An agent that knows no server sends no heartbeat.",
                    "不知道服务端地址的 Agent 不会发送心跳。",
                ),
                &[RemedyId::SetEndpoint],
            ));
            return;
        }
        let Some(address) = addresses.first() else {
            let path = &self.path;
            self.causes.push(Cause::fail(
                CauseId::ConfigNoEndpoint,
                say!("{path} names no config server.", "{path} 中没有配置服务端（config server）地址。"),
                Text::fixed("The agent has nowhere to send the heartbeat to.", "Agent 没有可发送心跳的地址。"),
                &[RemedyId::SetEndpoint, RemedyId::ReinstallAgent],
            ));
            let label = Text::same("config_server_address");
            self.row(
                label,
                Text::fixed("empty", "空"),
                Mark::Bad,
                Some(Text::fixed("an SLS host", "日志服务的主机名")),
            );
            return;
        };
        let host = endpoint::host_of(address);
        let kind = endpoint::kind_of(&host);
        let region = endpoint::region_of(&host);
        self.form(&host, kind);
        if kind == EndpointKind::Foreign && self.told.region.as_deref().is_some_and(endpoint::is_known) {
            self.foreign(&host);
        } else {
            self.region(region.as_deref(), address);
            self.network(kind);
        }
        for address in addresses.iter().skip(1) {
            let is_alike = endpoint::region_of(address) == region;
            let mark = if is_alike { Mark::Note } else { Mark::Doubtful };
            self.row(Text::fixed("Further config server", "其他配置服务端"), Text::same(address.clone()), mark, None);
        }
        if data.is_empty() {
            let value = Text::fixed("none: the heartbeat may come, logs will not", "无：可能有心跳，但无法上传日志");
            self.row(Text::fixed("Data endpoint", "数据服务入口"), value, Mark::Doubtful, None);
        }
        for server in data {
            self.data_server(&server.label, &server.endpoint, &host, kind, region.as_deref());
            self.data_form(&server.endpoint);
        }
        for (key, file) in &config.overlaid {
            if key.contains("server") {
                let value = say!("decided by config.d/{file}", "由 config.d/{file} 决定");
                self.row(Text::same(key.clone()), value, Mark::Doubtful, None);
            }
        }
    }

    /// A region of the public cloud was told, but the host is none of its endpoints. Private clouds have regions of their
    /// own, and hosts of their own.
    fn foreign(&mut self, host: &str) {
        let wanted = self.told.region.clone().unwrap_or_default();
        let expected = self.host_of(&wanted);
        // A slip of the pen is corrected; the host of a private cloud is never replaced by one of the public service.
        let remedies: &[RemedyId] = match endpoint::is_slip(host) {
            true => &[RemedyId::SetEndpoint, RemedyId::ReinstallAgent],
            false => &[RemedyId::ReinstallAgent],
        };
        self.row(Text::fixed("Config server", "配置服务端"), Text::same(host), Mark::Bad, Some(expected));
        self.causes.push(Cause::fail(
            CauseId::EndpointMismatch,
            say!(
                "The config server {host} is no endpoint of Simple Log Service, but the project is in {wanted}.",
                "配置服务端 {host} 不是日志服务的服务入口，而 Project 位于 {wanted}。"
            ),
            Text::fixed(
                "The heartbeat goes to a host that does not know the project.",
                "心跳发往了与该 Project 无关的主机。",
            ),
            remedies,
        ));
    }

    /// What is expected of a host, and whence the region is known: a value from an earlier session may be outdated.
    fn host_of(&self, region: &str) -> Text {
        let origin = self.told.origin(Field::Region);
        let (en, zh) = origin.both();
        Text::filled(format!("a host of region {region}{en}"), format!("地域 {region} 的主机名{zh}"))
    }

    fn region(&mut self, region: Option<&str>, address: &str) {
        let label = Text::fixed("Config server", "配置服务端");
        let Some(region) = region else {
            self.row(label, Text::same(address), Mark::Doubtful, None);
            return;
        };
        let wanted = self.told.region.as_deref();
        let is_known = endpoint::is_known(region);
        if let Some(odd) = wanted.filter(|wanted| is_known && !endpoint::is_known(wanted)) {
            self.row(label, Text::same(address), Mark::Note, None);
            self.told_oddly(odd, region);
            return;
        }
        let fits = wanted.is_none_or(|wanted| endpoint::is_same_region(wanted, region));
        let mark = if !fits {
            Mark::Bad
        } else if !is_known {
            Mark::Doubtful
        } else if wanted.is_some() {
            Mark::Good
        } else {
            Mark::Note
        };
        let expected = wanted.map(|wanted| self.host_of(wanted));
        self.row(label, Text::same(address), mark, expected);
        if let (false, Some(wanted)) = (fits, wanted) {
            self.causes.push(Cause::fail(
                CauseId::RegionMismatch,
                {
                    let origin = self.told.origin(Field::Region);
                    let (en, zh) = origin.both();
                    Text::filled(
                        format!("The agent is installed for region {region}, but the project is in {wanted}{en}."),
                        format!("Agent 按地域 {region} 安装，而 Project 位于 {wanted}{zh}。"),
                    )
                },
                Text::fixed(
                    "The heartbeat goes to another region, where this project's machine group does not exist.",
                    "心跳发往了另一个地域，那里没有该 Project 的机器组。",
                ),
                &[RemedyId::SetEndpoint, RemedyId::ReinstallAgent],
            ));
        } else if !is_known && wanted.is_none() {
            self.causes.push(Cause::warn(
                CauseId::UnknownRegion,
                say!("{region} is not a region that this program knows.", "{region} 不是本程序已知的地域。"),
                Text::fixed(
                    "If the name is misspelt, the endpoint does not exist; new regions are fine.",
                    "如果是拼写错误，则该服务入口不存在；如果是新地域则没有问题。",
                ),
                &[RemedyId::SetEndpoint],
            ));
        }
    }

    /// The region that was told is none: then that is questioned first, and the host is not accused.
    fn told_oddly(&mut self, odd: &str, region: &str) {
        let near = endpoint::nearest(odd).join(", ");
        let expected = if near.is_empty() {
            Text::fixed("the name of a region, such as cn-hangzhou", "地域名称，例如 cn-hangzhou")
        } else {
            say!("perhaps {near}", "是否为 {near}")
        };
        let row = subject::told(Text::fixed("Region of the project", "Project 所在地域"), Text::same(odd));
        self.evidence.push(row.expecting(expected).marked(Mark::Doubtful));
        let detail = if near.is_empty() {
            say!(
                "{odd}, told as the project's region, is not a region that this program knows; the agent is installed for {region}.",
                "填写的 Project 地域 {odd} 不是本程序已知的地域；Agent 按地域 {region} 安装。"
            )
        } else {
            say!(
                "{odd}, told as the project's region, is not a region that this program knows (perhaps {near}?); the agent is installed for {region}.",
                "填写的 Project 地域 {odd} 不是本程序已知的地域（是否为 {near}？）；Agent 按地域 {region} 安装。"
            )
        };
        self.causes.push(Cause::warn(
            CauseId::UnknownRegion,
            detail,
            Text::fixed(
                "Tell the region again, as the console shows it for the project; only then can it be compared. A new region may be right all the same.",
                "请按控制台中 Project 的地域重新填写，之后才能进行对比。如果是新地域，则没有问题。",
            ),
            &[RemedyId::SetEndpoint],
        ));
    }

    fn network(&mut self, kind: EndpointKind) {
        let label = Text::fixed("Network type", "网络类型");
        let wanted = self.told.network;
        // Transfer acceleration uses the Internet's config server; only the data endpoint differs.
        let fits = wanted.is_none_or(|wanted| {
            kind.network() == Some(wanted)
                || (wanted == NetworkType::Acceleration && kind.network() == Some(NetworkType::Internet))
        });
        let mark = if !fits {
            Mark::Bad
        } else if wanted.is_some() {
            Mark::Good
        } else {
            Mark::Note
        };
        self.row(label, kind.label(), mark, wanted.map(|wanted| Text::same(wanted.id())));
        if let (false, Some(wanted)) = (fits, wanted) {
            let (wanted, kind) = (wanted.id(), kind.label());
            let (en, zh) = kind.both();
            self.causes.push(Cause::fail(
                CauseId::NetworkTypeMismatch,
                say!(
                    "The agent is installed for another network ({en}) than the one told ({wanted}).",
                    "Agent 安装时的网络类型（{zh}）与填写的（{wanted}）不一致。"
                ),
                Text::fixed(
                    "Private endpoints answer only inside the same region of Alibaba Cloud; the others need a way to the Internet.",
                    "内网服务入口仅限阿里云同地域访问；其他类型需要能访问公网。",
                ),
                &[RemedyId::SetEndpoint],
            ));
        }
    }

    fn data_server(
        &mut self,
        label: &str,
        endpoint: &str,
        config_host: &str,
        kind: EndpointKind,
        region: Option<&str>,
    ) {
        let data_kind = endpoint::kind_of(endpoint);
        let data_region = endpoint::region_of(endpoint);
        let same_way = data_kind.network() == kind.network()
            || kind == EndpointKind::Foreign
            || (data_kind == EndpointKind::Acceleration && kind.network() == Some(NetworkType::Internet));
        let same_region = match (region, data_region.as_deref()) {
            (Some(one), Some(other)) => endpoint::is_same_region(one, other),
            _ => true,
        };
        let mark = if same_way && same_region { Mark::Good } else { Mark::Bad };
        self.row(Text::fixed("Data endpoint", "数据服务入口"), Text::same(endpoint), mark, None);
        if mark == Mark::Bad {
            self.causes.push(Cause::fail(
                CauseId::EndpointMismatch,
                say!(
                    "Config server {config_host} and data endpoint {endpoint} belong to different regions or networks.",
                    "配置服务端 {config_host} 与数据服务入口 {endpoint} 不属于同一地域或网络。"
                ),
                Text::fixed(
                    "The file was edited by halves: the agent talks to two places that do not belong together.",
                    "配置文件只修改了一部分：Agent 连接的两个地址互不匹配。",
                ),
                &[RemedyId::SetEndpoint],
            ));
        } else if let Some(actual) = data_region.or(region.map(str::to_string)).filter(|_| !label.is_empty())
            && !endpoint::is_same_region(label, &actual)
        {
            self.causes.push(Cause::warn(
                CauseId::ClusterLabelMismatch,
                say!(
                    "The label {label} does not fit the host {endpoint}.",
                    "标签 {label} 与主机名 {endpoint} 不一致。"
                ),
                Text::fixed("The host decides, the label misleads readers.", "以主机名为准，标签会误导阅读者。"),
                &[RemedyId::SetEndpoint],
            ));
        }
    }

    fn oddities(&mut self, config: &Config) {
        for oddity in &config.oddities {
            self.row(Text::fixed("Oddity", "异常写法"), oddity.text(), Mark::Doubtful, None);
        }
        let overlay = config.oddities.iter().find(|oddity| matches!(oddity, ConfigOddity::OverlayFault(..)));
        let loose = config.oddities.iter().find(|oddity| matches!(oddity, ConfigOddity::Json(..)));
        let why = match (overlay, loose) {
            (Some(_), _) => Text::fixed(
                "The agent passes over such a file in silence, so none of its settings count.",
                "Agent 会直接跳过该文件，其中的设置均不生效。",
            ),
            _ => Text::fixed(
                "This agent accepts it, but other tools and later versions may not.",
                "当前 Agent 可以接受，但其他工具或后续版本可能无法解析。",
            ),
        };
        if let Some(first) = overlay.or(loose) {
            self.causes.push(Cause::warn(CauseId::ConfigNotStrictJson, first.text(), why, &[RemedyId::RepairConfig]));
        }
    }
}

/// The variables that the running agent has, which are not those of the operator's shell.
fn environment_rows(see: &Observations, agent: &Agent) -> Result<Vec<Evidence>, Unanswered> {
    let pid = layout::environment_of(see, &agent.processes, agent.init_script.is_some())?;
    let Some(pid) = pid else { return Ok(Vec::new()) };
    let source = format!("/proc/{pid}/environ");
    let is_telling = |name: &str| !name.starts_with("KUBERNETES_");
    Ok(match see.environment(pid)? {
        Ok(all) => all
            .iter()
            .filter(|(name, _)| is_telling(name))
            .map(|(name, value)| Evidence::new(Text::same(name.clone()), Text::same(value.clone()), source.clone()))
            .collect(),
        Err(why) => {
            let label = Text::fixed("Environment of the agent", "Agent 的环境变量");
            vec![Evidence::new(label, subject::trouble(why), source).marked(Mark::Unknown)]
        }
    })
}
