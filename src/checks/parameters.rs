//! Step 3: do the install parameters (region, network type) fit the project, and are they the ones in force?
//! Region and network type are read off the endpoint hosts; labels in the file are known to be wrong in places.

use super::place;
use super::subject::{self, Record};
use crate::agent::config::{Config, ConfigOddity};
use crate::agent::endpoint::{self, EndpointKind};
use crate::agent::json;
use crate::agent::layout::{Agent, ConfigTrouble};
use crate::context::{Context, Field, NetworkType};
use crate::finding::{Cause, CauseId, Evidence, Finding, Mark, RemedyId, StepId, Verdict};
use crate::host::{Seen, Trouble, Unseen};
use crate::say;
use crate::text::{Lang, Text};

const STEP: StepId = StepId::Parameters;

/// Judges step 3.
///
/// # Errors
/// Something has not been looked at yet.
pub fn check(see: &Seen, told: &Context) -> Result<Finding, Unseen> {
    let Some(agent) = subject::agent(see)? else { return Ok(subject::no_agent(STEP)) };
    let path = agent.config_path.display().to_string();
    let config = match subject::config(see, &agent)? {
        Ok(config) => config,
        Err(trouble) => return Ok(unreadable(&agent, &path, &trouble)),
    };
    let mut judge = Judge { path, told, agent: &agent, causes: Vec::new(), evidence: Vec::new() };
    judge.endpoints(&config);
    let told_off = judge.causes.iter().any(|cause| cause.id == CauseId::NetworkTypeMismatch);
    let (rows, cause) = place::network_advice(see, &agent, told, &config.config_addresses(agent.version.as_ref()))?;
    judge.evidence.extend(rows);
    judge.causes.extend(cause.filter(|_| !told_off));
    judge.in_force(see)?;
    judge.oddities(&config);
    let region = config.region(agent.version.as_ref());
    let kind = config.config_addresses(agent.version.as_ref()).first().map(|address| endpoint::kind_of(address));
    let summary = match (judge.causes.iter().max_by_key(|cause| cause.severity), region, kind) {
        (Some(cause), ..) => cause.detail.clone(),
        (None, Some(region), Some(kind)) => {
            let kind = kind.label();
            let (en, zh) = (kind.get(Lang::En), kind.get(Lang::Zh));
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
    if told.region.is_none() {
        // Right by itself is not yet right for this project: only the comparison could pass.
        finding.wants = vec![Field::Region, Field::Project, Field::Network];
        if finding.verdict == Verdict::Pass {
            finding.verdict = Verdict::Unknown;
        }
    }
    Ok(finding)
}

/// There is no configuration to judge.
fn unreadable(agent: &Agent, path: &str, trouble: &ConfigTrouble) -> Finding {
    let label = Text::same(path);
    match trouble {
        ConfigTrouble::File(Trouble::Absent) => {
            let detail = say!("{path} does not exist.", "{path} 不存在。");
            let why = Text::fixed(
                "Without it the agent knows no server to send the heartbeat to.",
                "缺少该文件，Agent 不知道要向哪个服务端发送心跳。",
            );
            let row = Evidence::new(label, Text::fixed("not there", "不存在"), path).marked(Mark::Bad);
            let cause = Cause::fail(
                CauseId::ConfigMissing,
                detail.clone(),
                why,
                &[RemedyId::RepairConfig, RemedyId::ReinstallAgent],
            );
            Finding::judged(STEP, detail, vec![cause], vec![row]).wanting(&[Field::Region, Field::Network])
        }
        ConfigTrouble::File(why @ Trouble::NotAFile(_)) => {
            let what = subject::trouble(why);
            let (en, zh) = (what.get(Lang::En), what.get(Lang::Zh));
            let detail = Text::filled(format!("{path}: {en}."), format!("{path}：{zh}。"));
            let row = Evidence::new(label, what, path).marked(Mark::Bad);
            let sentence = Text::fixed("The agent cannot read its configuration.", "Agent 无法读取配置。");
            let cause = Cause::fail(CauseId::ConfigMissing, detail.clone(), sentence, &[RemedyId::ReinstallAgent]);
            Finding::judged(STEP, detail, vec![cause], vec![row])
        }
        ConfigTrouble::File(why) => {
            let what = subject::trouble(why);
            let (en, zh) = (what.get(Lang::En), what.get(Lang::Zh));
            let text = Text::filled(format!("{path} could not be read: {en}."), format!("无法读取 {path}：{zh}。"));
            Finding::unknown(STEP, text, vec![Evidence::new(label, what, path).marked(Mark::Unknown)])
        }
        ConfigTrouble::Json(fault) => {
            let (en, zh) = (fault.text.get(Lang::En), fault.text.get(Lang::Zh));
            let detail =
                Text::filled(format!("The agent cannot read {path}. {en}"), format!("Agent 无法解析 {path}。{zh}"));
            let row = Evidence::new(label, fault.text.clone(), path)
                .expecting(Text::fixed("JSON that the agent accepts", "Agent 可解析的 JSON"))
                .marked(Mark::Bad);
            let why = json::agent_outcome(fault, agent.version.as_ref());
            let cause = Cause::fail(
                CauseId::ConfigInvalidJson,
                detail.clone(),
                why,
                &[RemedyId::RepairConfig, RemedyId::ReinstallAgent],
            );
            Finding::judged(STEP, detail, vec![cause], vec![row]).wanting(&[Field::Region, Field::Network])
        }
    }
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
        if addresses.is_empty() {
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
        }
        let host = endpoint::host_of(&addresses[0]);
        let kind = endpoint::kind_of(&host);
        let region = endpoint::region_of(&host);
        self.region(region.as_deref(), &addresses[0]);
        self.network(kind);
        for server in data {
            self.data_server(&server.label, &server.endpoint, &host, kind, region.as_deref());
        }
        for (key, file) in &config.overlaid {
            if key.contains("server") {
                let value = say!("decided by config.d/{file}", "由 config.d/{file} 决定");
                self.row(Text::same(key.clone()), value, Mark::Doubtful, None);
            }
        }
    }

    fn region(&mut self, region: Option<&str>, address: &str) {
        let label = Text::fixed("Config server", "配置服务端");
        let Some(region) = region else {
            self.row(label, Text::same(address), Mark::Doubtful, None);
            return;
        };
        let wanted = self.told.region.as_deref();
        let fits = wanted.is_none_or(|wanted| endpoint::is_same_region(wanted, region));
        let is_known = endpoint::is_known(region);
        let mark = if !fits {
            Mark::Bad
        } else if !is_known {
            Mark::Doubtful
        } else if wanted.is_some() {
            Mark::Good
        } else {
            Mark::Note
        };
        let expected = wanted.map(|wanted| say!("a host of region {wanted}", "地域 {wanted} 的主机名"));
        self.row(label, Text::same(address), mark, expected);
        if let (false, Some(wanted)) = (fits, wanted) {
            self.causes.push(Cause::fail(
                CauseId::RegionMismatch,
                say!(
                    "The agent is installed for region {region}, but the project is in {wanted}.",
                    "Agent 按地域 {region} 安装，而 Project 位于 {wanted}。"
                ),
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
            let (en, zh) = (kind.get(Lang::En), kind.get(Lang::Zh));
            self.causes.push(Cause::fail(
                CauseId::NetworkTypeMismatch,
                Text::filled(
                    format!("The agent is installed for the {en}, but {wanted} was told."),
                    format!("Agent 按 {zh} 安装，而填写的网络类型是 {wanted}。"),
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

    /// Whether the running agent has loaded what is on disk: it reads the file only when it starts.
    fn in_force(&mut self, see: &Seen) -> Result<(), Unseen> {
        let Record::Known(info) = subject::record(see, self.agent)? else { return Ok(()) };
        let (Some(started), Ok(file)) = (info.started, see.file(&self.agent.config_path)?) else { return Ok(()) };
        if self.agent.processes.is_empty() {
            return Ok(());
        }
        let after = file.modified - started;
        let label = Text::fixed("File changed", "文件修改时间");
        if after <= 0 {
            self.row(label, Text::fixed("before the agent started", "早于 Agent 启动"), Mark::Good, None);
            return Ok(());
        }
        let age = super::running::age(after);
        let (en, zh) = (age.get(Lang::En), age.get(Lang::Zh));
        let value = Text::filled(format!("{en} after the agent started"), format!("Agent 启动 {zh} 之后"));
        self.row(label, value, Mark::Doubtful, Some(Text::fixed("before the agent started", "早于 Agent 启动")));
        self.causes.push(Cause::warn(
            CauseId::ConfigNotInForce,
            Text::fixed(
                "The configuration was changed after the agent started; what runs is the old one.",
                "配置在 Agent 启动之后被修改；当前生效的仍是旧配置。",
            ),
            Text::fixed(
                "The agent reads this file only at start, so the change has no effect yet.",
                "Agent 仅在启动时读取该文件，因此修改尚未生效。",
            ),
            &[RemedyId::RestartAgent],
        ));
        Ok(())
    }

    fn oddities(&mut self, config: &Config) {
        for oddity in &config.oddities {
            self.row(Text::fixed("Oddity", "异常写法"), oddity.text(), Mark::Doubtful, None);
        }
        let is_strict = |oddity: &ConfigOddity| matches!(oddity, ConfigOddity::WrongType(_));
        if let Some(first) = config.oddities.iter().find(|oddity| !is_strict(oddity)) {
            self.causes.push(Cause::warn(
                CauseId::ConfigNotStrictJson,
                first.text(),
                Text::fixed(
                    "This agent accepts it, but other tools and later versions may not.",
                    "当前 Agent 可以接受，但其他工具或后续版本可能无法解析。",
                ),
                &[RemedyId::RepairConfig],
            ));
        }
    }
}
