//! Step 7: does the machine group name this IP, or this custom identifier? Compared with what the operator reads off
//! the console; without that the step is unknown, and shows what this host reports so that it can be compared by eye.

use super::subject::{self, Record};
use crate::agent::identity_files::{self, CustomId};
use crate::agent::layout::Agent;
use crate::context::{Context, Field, IdentityKind};
use crate::finding::{Cause, CauseId, Evidence, Finding, Mark, RemedyId, StepId};
use crate::host::{Seen, Trouble, Unseen};
use crate::say;
use crate::text::{Lang, Text};
use std::net::Ipv4Addr;

const STEP: StepId = StepId::Group;

/// Judges step 7.
///
/// # Errors
/// Something has not been looked at yet.
pub fn check(see: &Seen, told: &Context) -> Result<Finding, Unseen> {
    let Some(agent) = subject::agent(see)? else { return Ok(subject::no_agent(STEP)) };
    let (record, ids) = (subject::record(see, &agent), Ids::read(see, &agent));
    let (record, ids) = (record?, ids?);
    let ip = match &record {
        Record::Known(info) => Some(info.ip.clone()),
        Record::Broken(_) | Record::Unread(_) => None,
    };
    let mut evidence = vec![ip_row(&agent, ip.as_deref())];
    evidence.extend(ids.rows());
    let kind = told.identity.or(match (told.group_ips.is_empty(), &told.custom_id) {
        (false, None) => Some(IdentityKind::Ip),
        (true, Some(_)) => Some(IdentityKind::Custom),
        _ => None,
    });
    let finding = match kind {
        Some(IdentityKind::Ip) => by_ip(told, ip.as_deref(), &ids, evidence),
        Some(IdentityKind::Custom) => by_custom_id(told, &ids, evidence),
        None => {
            let shown = ip.filter(|ip| !ip.is_empty()).unwrap_or_else(|| "-".to_string());
            let text = say!(
                "This host reports IP {shown}. Tell what the machine group lists to have it compared.",
                "本机上报的 IP 为 {shown}。请填写机器组中的内容以进行对比。"
            );
            let causes = ids.malformed_causes();
            let mut finding = Finding::judged(STEP, text.clone(), causes, evidence);
            if finding.causes.is_empty() {
                finding = Finding::unknown(STEP, text, finding.evidence);
            }
            finding.wanting(&[Field::Identity, Field::GroupIp, Field::CustomId, Field::MachineGroup])
        }
    };
    Ok(finding)
}

/// What `user_defined_id` and the environment say.
pub struct Ids {
    path: String,
    pub ids: Vec<CustomId>,
    trouble: Option<Trouble>,
}

impl Ids {
    /// Reads the identifiers as the agent merges them.
    ///
    /// # Errors
    /// Something has not been looked at yet.
    pub fn read(see: &Seen, agent: &Agent) -> Result<Ids, Unseen> {
        let path = agent.conf_dir.join("user_defined_id");
        let file = see.file(&path)?;
        let variables: Vec<&str> = agent
            .environment
            .iter()
            .filter(|(name, _)| name == "ALIYUN_LOGTAIL_USER_DEFINED_ID" || name == "LOONG_USER_DEFINED_ID")
            .map(|(_, value)| value.as_str())
            .collect();
        let bytes = file.as_ref().map(|file| file.bytes.as_slice()).unwrap_or_default();
        Ok(Ids {
            path: path.display().to_string(),
            ids: identity_files::custom_ids(bytes, &variables),
            trouble: file.as_ref().err().cloned(),
        })
    }

    /// Whether it is known what the file says: it was read, or is known not to be there.
    fn is_known(&self) -> bool {
        matches!(self.trouble, None | Some(Trouble::Absent))
    }

    fn rows(&self) -> Vec<Evidence> {
        let label = || Text::fixed("Custom identifier", "用户自定义标识");
        match &self.trouble {
            Some(trouble) if *trouble != Trouble::Absent => {
                return vec![
                    Evidence::new(label(), subject::trouble(trouble), self.path.clone()).marked(Mark::Unknown),
                ];
            }
            _ => {}
        }
        if self.ids.is_empty() {
            return vec![Evidence::new(label(), Text::fixed("none", "无"), self.path.clone())];
        }
        let row = |id: &CustomId| {
            let source = if id.from_environment { "environment of the agent".to_string() } else { self.path.clone() };
            let (value, hex) = (&id.value, &id.hex);
            let value = if id.flaws.is_empty() {
                Text::same(value.clone())
            } else {
                say!("{value} (bytes {hex})", "{value}（字节 {hex}）")
            };
            let mark = if id.flaws.is_empty() { Mark::Note } else { Mark::Bad };
            Evidence::new(label(), value, source).marked(mark)
        };
        self.ids.iter().map(row).collect()
    }

    /// Identifiers that can hardly be what anybody typed in the console.
    fn malformed_causes(&self) -> Vec<Cause> {
        let flawed: Vec<_> = self.ids.iter().filter(|id| !id.flaws.is_empty()).collect();
        if flawed.is_empty() {
            return Vec::new();
        }
        let describe = |lang: Lang| {
            let one = |id: &&CustomId| {
                let flaws: Vec<_> = id.flaws.iter().map(|flaw| flaw.text().get(lang).to_string()).collect();
                format!("{} ({})", id.meant, flaws.join(", "))
            };
            flawed.iter().map(one).collect::<Vec<_>>().join("; ")
        };
        let (en, zh) = (describe(Lang::En), describe(Lang::Zh));
        let path = &self.path;
        vec![Cause::fail(
            CauseId::CustomIdMalformed,
            Text::filled(
                format!("An identifier in {path} has invisible or stray characters: {en}."),
                format!("{path} 中的标识含有不可见或多余的字符：{zh}。"),
            ),
            Text::fixed(
                "The agent sends every byte, so the identifier never equals the one in the machine group.",
                "Agent 会原样上报每个字节，因此与机器组中的标识永远不相等。",
            ),
            &[RemedyId::CleanCustomId, RemedyId::WriteCustomId],
        )]
    }
}

fn ip_row(agent: &Agent, ip: Option<&str>) -> Evidence {
    let source = agent.app_info_path.display().to_string();
    let label = Text::fixed("IP that this host reports", "本机上报的 IP");
    match ip {
        Some("") => Evidence::new(label, Text::fixed("(empty)", "（空）"), source).marked(Mark::Bad),
        Some(ip) => Evidence::new(label, Text::same(ip), source),
        None => Evidence::new(label, Text::fixed("not known", "未知"), source).marked(Mark::Unknown),
    }
}

fn by_ip(told: &Context, ip: Option<&str>, ids: &Ids, mut evidence: Vec<Evidence>) -> Finding {
    let wants = [Field::GroupIp, Field::MachineGroup, Field::Identity];
    let list = told.group_ips.iter().map(Ipv4Addr::to_string).collect::<Vec<_>>().join(", ");
    let label = Text::fixed("IPs in the group", "机器组中的 IP");
    if told.group_ips.is_empty() {
        let text = Text::fixed(
            "Tell which IPs the machine group lists to have them compared.",
            "请填写机器组中的 IP 列表以进行对比。",
        );
        return Finding::unknown(STEP, text, evidence).wanting(&wants);
    }
    let Some(ip) = ip else {
        let text = Text::fixed("The IP of the agent is not known, see step 6.", "Agent 的 IP 未知，见第 6 步。");
        return Finding::unknown(STEP, text, evidence).wanting(&wants);
    };
    let group = told.machine_group.clone().unwrap_or_default();
    let is_in = ip.parse::<Ipv4Addr>().is_ok_and(|ip| told.group_ips.contains(&ip));
    let mark = if is_in { Mark::Good } else { Mark::Bad };
    let row = Evidence::new(label, Text::same(list.clone()), "told by the operator").marked(mark);
    evidence.push(row.expecting(say!("contains {ip}", "包含 {ip}")));
    let mut causes = Vec::new();
    if !is_in {
        let shown = if ip.is_empty() { "-" } else { ip };
        causes.push(Cause::fail(
            CauseId::IpNotInGroup,
            say!(
                "The machine group {group} lists {list}, but the agent reports {shown}.",
                "机器组 {group} 中是 {list}，而 Agent 上报的是 {shown}。"
            ),
            Text::fixed(
                "The service books the heartbeat by IP; an address that no group lists belongs to nobody.",
                "服务端按 IP 匹配心跳；不在机器组中的 IP 不属于任何机器组。",
            ),
            &[RemedyId::ReplaceIpInGroup, RemedyId::AddIpToGroup, RemedyId::SetWorkingIp],
        ));
    }
    if !ids.ids.is_empty() {
        causes.push(Cause::warn(
            CauseId::CustomIdStale,
            Text::fixed(
                "The group identifies by IP, but this host still has a custom identifier.",
                "机器组按 IP 标识，但本机仍保留用户自定义标识。",
            ),
            Text::fixed(
                "The documents ask to delete the file when going back to IP; whether it disturbs is not certain.",
                "文档要求改回 IP 标识时删除该文件；是否影响心跳并不确定。",
            ),
            &[RemedyId::RemoveCustomId],
        ));
    }
    let summary = causes
        .first()
        .map_or_else(|| say!("The machine group lists {ip}.", "机器组中包含 {ip}。"), |cause| cause.detail.clone());
    Finding::judged(STEP, summary, causes, evidence)
}

fn by_custom_id(told: &Context, ids: &Ids, mut evidence: Vec<Evidence>) -> Finding {
    let wants = [Field::CustomId, Field::MachineGroup, Field::Identity];
    let path = &ids.path;
    if !ids.is_known() {
        let text = say!("{path} could not be read.", "无法读取 {path}。");
        return Finding::unknown(STEP, text, evidence).wanting(&wants);
    }
    let mut causes = Vec::new();
    if ids.ids.is_empty() {
        causes.push(Cause::fail(
            CauseId::CustomIdMissing,
            say!(
                "The group identifies by custom identifier, but {path} has none.",
                "机器组按用户自定义标识识别，但 {path} 中没有标识。"
            ),
            Text::fixed(
                "Without the identifier the service does not count this host to the group.",
                "没有该标识，服务端不会将本机计入该机器组。",
            ),
            &[RemedyId::WriteCustomId],
        ));
    }
    let Some(wanted) = &told.custom_id else {
        causes.extend(ids.malformed_causes());
        let text = Text::fixed(
            "Tell the group's custom identifier to have it compared.",
            "请填写机器组的用户自定义标识以进行对比。",
        );
        return if causes.is_empty() {
            Finding::unknown(STEP, text, evidence).wanting(&wants)
        } else {
            let summary = causes[0].detail.clone();
            Finding::judged(STEP, summary, causes, evidence).wanting(&wants)
        };
    };
    let has_it = ids.ids.iter().any(|id| id.value == *wanted);
    let label = Text::fixed("Identifier of the group", "机器组的标识");
    let mark = if has_it { Mark::Good } else { Mark::Bad };
    evidence.push(Evidence::new(label, Text::same(wanted.clone()), "told by the operator").marked(mark));
    if !has_it && !ids.ids.is_empty() {
        let malformed = ids.malformed_causes();
        if ids.ids.iter().any(|id| id.meant == *wanted) && !malformed.is_empty() {
            causes.extend(malformed);
        } else {
            let have = ids.ids.iter().map(|id| id.meant.as_str()).collect::<Vec<_>>().join(", ");
            let is_case = ids.ids.iter().any(|id| id.value.eq_ignore_ascii_case(wanted));
            let detail = if is_case {
                say!(
                    "This host says {have}, the group {wanted}: only upper and lower case differ.",
                    "本机的标识是 {have}，机器组是 {wanted}：仅大小写不同。"
                )
            } else {
                say!("This host says {have}, the group {wanted}.", "本机的标识是 {have}，机器组是 {wanted}。")
            };
            causes.push(Cause::fail(
                CauseId::CustomIdMismatch,
                detail,
                Text::fixed("The two must be equal, byte for byte.", "两者必须逐字节完全相同。"),
                &[RemedyId::WriteCustomId],
            ));
        }
    }
    let summary = causes.first().map_or_else(
        || say!("This host has the group's identifier {wanted}.", "本机具有机器组的标识 {wanted}。"),
        |cause| cause.detail.clone(),
    );
    Finding::judged(STEP, summary, causes, evidence)
}
