//! Step 7: does the machine group name this IP, or this custom identifier? Compared with what the operator reads off
//! the console; without that the step is unknown, and shows what this host reports so that it can be compared by eye.

mod choice;
mod ids;
mod listed;
mod mix;

pub use self::choice::{About, ListedGroup, choices};

use self::ids::{Held, Ids};
use self::listed::Listed;
use super::cloud;
use super::subject::{self, Current, Record};
use super::unreadable;
use crate::core::agent::ip_rules::is_virtual;
use crate::core::agent::layout::Agent;
use crate::core::context::{Context, Field, IdentityKind};
use crate::core::finding::{Cause, CauseId, Evidence, Finding, Mark, RemedyId, Severity, StepId, Verdict};
use crate::core::observe::{InterfaceSeen, Observations, Together, Unanswered, Unavailable};
use crate::core::text::Text;
use crate::say;
use std::net::Ipv4Addr;

const STEP: StepId = StepId::Group;

/// Judges step 7.
///
/// # Errors
/// Something has not been looked at yet.
pub fn check(see: &Observations, told: &Context) -> Result<Finding, Unanswered> {
    let Some(agent) = subject::agent(see)? else { return Ok(subject::nothing_reported(STEP)) };
    if agent.community {
        return Ok(subject::community(STEP));
    }
    let (record, ids, memory) = (subject::current(see, &agent), Ids::read(see, &agent), subject::memory(see, &agent));
    let (service, interfaces) = (cloud::told(see, told), see.interfaces());
    let (record, ids, memory, service, interfaces) = (record, ids, memory, service, interfaces).together()?;
    let ip = match (&memory, &record) {
        (Some(memory), _) => Some(memory.status.ip.clone()),
        (None, Current::OfNow(Record::Known(info))) => Some(subject::reported_ip(info).to_string()),
        // What an earlier start recorded does not say what is reported now.
        (None, Current::OfNow(Record::Broken(_) | Record::Unread(_)) | Current::Older(..) | Current::NoProcess(_)) => {
            None
        }
    };
    let held = memory.as_ref().and_then(|memory| ids.held_otherwise(memory));
    let mut evidence = vec![ip_row(&agent, ip.as_deref())];
    evidence.extend(subject::conf_dir_row(&agent));
    evidence.extend(ids.rows());
    evidence.extend(held.iter().map(Held::row));
    evidence.extend(service.rows);
    let listed = match &service.site {
        Some(site) => match listed::look(see, told, site, ip.as_deref(), &ids, &mut evidence)? {
            Ok(listed) => listed,
            Err(finding) => return Ok(*finding),
        },
        None => None,
    };
    let (told, from) = match &listed {
        Some(listed) => (&listed.context, Some(listed)),
        None => (told, None),
    };
    let mixed = match (&service.site, &listed, &told.machine_group) {
        (Some(site), Some(_), Some(group)) => mix::cause(see, &agent, site, group, &mut evidence)?,
        _ => None,
    };
    let sides = Sides { told, from, ip: ip.as_deref(), ids: &ids, held: held.as_ref() };
    let finding = match told.identity_kind() {
        Some(IdentityKind::Ip) => {
            let finding = sides.by_ip(evidence);
            let interfaces = interfaces.as_deref().unwrap_or_default();
            if lists_this_host(told, interfaces) { agent_first(finding) } else { finding }
        }
        Some(IdentityKind::Custom) => sides.by_custom_id(evidence),
        None => {
            let text = match ip.filter(|ip| !ip.is_empty()) {
                Some(ip) => say!(
                    "This host reports IP {ip}. Tell what the machine group lists to have it compared.",
                    "本机上报的 IP 为 {ip}。请填写机器组中的内容以进行对比。"
                ),
                None => Text::fixed(
                    "No IP that this host reports is known, see step 6. Tell what the machine group lists, too.",
                    "尚不知道本机上报的 IP，见第 6 步。并请填写机器组中的内容。",
                ),
            };
            // Whether the group goes by identifier is not known, so a flawed one cannot be the fault yet.
            let mut causes = ids.malformed_causes();
            for cause in &mut causes {
                cause.severity = Severity::Warn;
            }
            let finding = Finding::judged(STEP, text, causes, evidence);
            Finding { verdict: Verdict::Unknown, ..finding }.wanting(&[
                Field::Identity,
                Field::GroupIp,
                Field::CustomId,
                Field::MachineGroup,
            ])
        }
    };
    let finding = match mixed {
        Some(cause) => mix::added(finding, cause),
        None => finding,
    };
    let path = agent.conf_dir.join("user_defined_id");
    // What the running agent holds it has read, whatever the modes say now.
    let is_held = memory.as_ref().is_some_and(|memory| !memory.status.user_defined_ids.is_empty());
    let matters = told.identity_kind() == Some(IdentityKind::Custom) && !is_held;
    let barrier = if matters { unreadable::look(see, &agent, &path)? } else { None };
    Ok(match barrier {
        Some(barrier) => unreadable::added(finding, &path, &barrier),
        None => finding,
    })
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

/// The group as sentences name it.
fn group_name(told: &Context) -> Text {
    match &told.machine_group {
        Some(name) => say!("machine group {name}", "机器组 {name} "),
        None => Text::fixed("machine group", "机器组"),
    }
}

/// A row of what the group lists, with whoever says so as its source.
fn of_group(from: Option<&Listed>, label: Text, value: Text) -> Evidence {
    match from {
        Some(listed) => Evidence::new(label, value, listed.resource.clone()),
        None => subject::told(label, value),
    }
}

/// Whether the group lists an address that a real interface of this host has: then the group is right.
fn lists_this_host(told: &Context, interfaces: &[InterfaceSeen]) -> bool {
    let real = interfaces.iter().filter(|nic| !is_virtual(&nic.name) && nic.name != "lo");
    real.flat_map(|nic| &nic.ipv4).any(|ip| told.group_ips.contains(ip))
}

/// Where the group is right, the agent is told its address; putting a bridge's address into the group would be no cure.
/// This goes beyond the remedies of the design's row, of which none would help here.
fn agent_first(mut finding: Finding) -> Finding {
    for cause in finding.causes.iter_mut().filter(|cause| cause.id == CauseId::IpNotInGroup) {
        cause.remedies.retain(|remedy| *remedy != RemedyId::SetWorkingIp);
        cause.remedies.insert(0, RemedyId::SetWorkingIp);
    }
    finding
}

/// What the machine group names, and what this host says of itself.
struct Sides<'a> {
    told: &'a Context,
    /// What the service lists; None where only the operator told.
    from: Option<&'a Listed>,
    ip: Option<&'a str>,
    ids: &'a Ids,
    held: Option<&'a Held>,
}

impl Sides<'_> {
    /// Judges a group that names its machines by IP.
    fn by_ip(&self, mut evidence: Vec<Evidence>) -> Finding {
        let Sides { told, from, ip, ids, held } = *self;
        let wants = [Field::GroupIp, Field::MachineGroup, Field::Identity];
        let all: Vec<String> = told.group_ips.iter().map(Ipv4Addr::to_string).collect();
        let shown = cloud::shown(from.map_or(all.as_slice(), |listed| listed.items.as_slice()));
        let (list, list_zh) = shown.both();
        let label = Text::fixed("IPs in the group", "机器组中的 IP");
        if told.group_ips.is_empty() && from.is_none() {
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
        let is_in = ip.parse::<Ipv4Addr>().is_ok_and(|ip| told.group_ips.contains(&ip));
        let mark = if is_in { Mark::Good } else { Mark::Bad };
        let row = of_group(from, label, shown.clone()).marked(mark);
        evidence.push(row.expecting(say!("contains {ip}", "包含 {ip}")));
        let mut causes = Vec::new();
        if !is_in {
            let group = group_name(told);
            let (en, zh) = group.both();
            let detail = if ip.is_empty() {
                say!(
                    "The {en} lists {list}, but the agent reports no IP at all, see step 6.",
                    "{zh}中是 {list_zh}，而 Agent 没有上报任何 IP，见第 6 步。"
                )
            } else {
                say!(
                    "The {en} lists {list}, but the agent reports {ip}.",
                    "{zh}中是 {list_zh}，而 Agent 上报的是 {ip}。"
                )
            };
            causes.extend(from.and_then(|listed| listed.wrong_kind(ids)));
            // A lone address is most likely this host's old one. Of several nobody knows which is, and to take out a wrong
            // one stops the heartbeat of another host; one more stops none.
            let cures: &[RemedyId] = match from.map_or(all.len(), |listed| listed.items.len()) {
                // No list can name an agent that has no address of its own.
                _ if ip.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback()) || ip.is_empty() => {
                    &[RemedyId::SetWorkingIp]
                }
                1 => &[RemedyId::ReplaceIpInGroup, RemedyId::AddIpToGroup],
                _ => &[RemedyId::AddIpToGroup, RemedyId::ReplaceIpInGroup],
            };
            causes.push(Cause::fail(
                CauseId::IpNotInGroup,
                detail,
                Text::fixed(
                    "The service books the heartbeat by IP; an address that no group lists belongs to nobody.",
                    "服务端按 IP 匹配心跳；不在机器组中的 IP 不属于任何机器组。",
                ),
                cures,
            ));
        }
        let uncertain = Text::fixed(
            "The documents ask to delete the file when going back to IP; whether it disturbs is not certain.",
            "文档要求改回 IP 标识时删除该文件；是否影响心跳并不确定。",
        );
        if !ids.ids.is_empty() {
            causes.push(Cause::warn(
                CauseId::CustomIdStale,
                ids_in_a_group_of_ips(ids, is_in),
                uncertain,
                &[RemedyId::RemoveCustomId],
            ));
        } else if let Some(held) = held {
            causes.push(Cause::warn(CauseId::CustomIdStale, held.detail(), uncertain, &[RemedyId::RestartAgent]));
        }
        let summary = causes
            .first()
            .map_or_else(|| say!("The machine group lists {ip}.", "机器组中包含 {ip}。"), |cause| cause.detail.clone());
        Finding::judged(STEP, summary, causes, evidence)
    }

    /// Judges a group that names its machines by custom identifier.
    fn by_custom_id(&self, mut evidence: Vec<Evidence>) -> Finding {
        let Sides { told, from, ip, ids, held } = *self;
        let wants = [Field::CustomId, Field::MachineGroup, Field::Identity];
        let path = &ids.path;
        let wanted = told.custom_id.as_deref();
        let has_it = wanted.is_some_and(|wanted| ids.ids.iter().any(|id| id.value == wanted));
        if !has_it && !ids.is_known() {
            let text = say!(
                "Not every place of the custom identifier ({path}, the agent's environment) could be read; run as root to find out.",
                "无法读取用户自定义标识的全部来源（{path}、Agent 的环境变量）；请以 root 运行以确认。"
            );
            return Finding::unknown(STEP, text, evidence).wanting(&wants);
        }
        let mut causes: Vec<Cause> = missing(ids, ip).into_iter().collect();
        let Some(wanted) = wanted else {
            causes.extend(ids.malformed_causes());
            let text = Text::fixed(
                "Tell the group's custom identifier to have it compared.",
                "请填写机器组的用户自定义标识以进行对比。",
            );
            return match causes.first().map(|cause| cause.detail.clone()) {
                Some(summary) => Finding::judged(STEP, summary, causes, evidence).wanting(&wants),
                None => Finding::unknown(STEP, text, evidence).wanting(&wants),
            };
        };
        let label = Text::fixed("Identifier of the group", "机器组的标识");
        let mark = if has_it { Mark::Good } else { Mark::Bad };
        let value = from.map_or_else(|| Text::same(wanted), |listed| cloud::shown(&listed.items));
        evidence.push(of_group(from, label, value).marked(mark));
        if let Some(held) = held.filter(|held| ids.ids.is_empty() && held.has(wanted)) {
            causes = vec![held.outlives(path)];
        } else if !has_it && wanted.parse::<Ipv4Addr>().is_ok() {
            causes = vec![Cause::fail(
                CauseId::IdentityKindMismatch,
                say!(
                    "The group identifies by custom identifier, but what it lists, {wanted}, is an IP.",
                    "机器组按用户自定义标识识别，但其中填写的 {wanted} 是 IP。"
                ),
                Text::fixed(
                    "The text is compared with custom identifiers and never with the host's IP; set the group to identify by IP.",
                    "该内容只会与用户自定义标识比较，不会与本机 IP 比较；请将机器组改为按 IP 标识。",
                ),
                &[RemedyId::AddIpToGroup, RemedyId::WriteCustomId],
            )];
        } else if !has_it && !ids.ids.is_empty() {
            causes.extend(mismatch(wanted, ids));
        } else if let Some(held) = held.filter(|held| has_it && !held.has(wanted)) {
            causes.push(Cause::fail(
                CauseId::CustomIdMismatch,
                held.detail(),
                Text::fixed(
                    "The agent normally takes the file up within a minute; this one has not, and still reports the old identifier.",
                    "Agent 通常在一分钟内读取该文件；当前 Agent 尚未读取，仍在上报旧标识。",
                ),
                &[RemedyId::RestartAgent],
            ));
        }
        let summary = causes.first().map_or_else(
            || say!("This host has the group's identifier {wanted}.", "本机具有机器组的标识 {wanted}。"),
            |cause| cause.detail.clone(),
        );
        Finding::judged(STEP, summary, causes, evidence)
    }
}

/// A custom identifier on a host whose group goes by IP: harmless where the IP is listed, else perhaps the sign that
/// another kind of group was meant.
fn ids_in_a_group_of_ips(ids: &Ids, is_in: bool) -> Text {
    if is_in {
        return Text::fixed(
            "The group identifies by IP, but this host still has a custom identifier.",
            "机器组按 IP 标识，但本机仍保留用户自定义标识。",
        );
    }
    let have = ids.ids.iter().map(|id| id.meant.as_str()).collect::<Vec<_>>().join(", ");
    say!(
        "This host says that it is {have}, but the group identifies by IP and never looks at that: put the IP into the group, or name a group that identifies by custom identifier.",
        "本机的用户自定义标识为 {have}，但机器组按 IP 标识，不会匹配该标识：请将 IP 加入机器组，或改用按用户自定义标识识别的机器组。"
    )
}

/// The group goes by identifier and this host has none, whatever IP it reports.
fn missing(ids: &Ids, ip: Option<&str>) -> Option<Cause> {
    let path = &ids.path;
    let detail = match &ids.trouble {
        _ if !ids.ids.is_empty() => return None,
        Some(trouble @ Unavailable::NotAFile(_)) => {
            let what = subject::trouble(trouble);
            let (en, zh) = what.both();
            say!("{path} is {en}, so the agent has no custom identifier.", "{path} {zh}，Agent 没有用户自定义标识。")
        }
        _ => match ip.filter(|ip| !ip.is_empty()) {
            Some(ip) => say!(
                "The group identifies by custom identifier and never looks at the IP {ip} that this host reports; {path} has no identifier.",
                "机器组按用户自定义标识识别，不会匹配本机上报的 IP {ip}；而 {path} 中没有标识。"
            ),
            None => say!(
                "The group identifies by custom identifier, but {path} has none.",
                "机器组按用户自定义标识识别，但 {path} 中没有标识。"
            ),
        },
    };
    Some(Cause::fail(
        CauseId::CustomIdMissing,
        detail,
        Text::fixed(
            "Without the identifier the service does not count this host to the group.",
            "没有该标识，服务端不会将本机计入该机器组。",
        ),
        &[RemedyId::WriteCustomId],
    ))
}

/// This host has identifiers, and none of them is the group's.
fn mismatch(wanted: &str, ids: &Ids) -> Vec<Cause> {
    let malformed = ids.malformed_causes();
    if ids.ids.iter().any(|id| id.meant == wanted) && !malformed.is_empty() {
        return malformed;
    }
    let bare = wanted.trim_matches(['[', ']', '"', '\'', ' ']);
    if bare != wanted && ids.ids.iter().any(|id| id.value == bare) {
        return vec![Cause::fail(
            CauseId::CustomIdMalformed,
            say!(
                "The group holds {wanted} with its brackets and quotes; this host says {bare}.",
                "机器组中保存的是带括号和引号的 {wanted}，而本机的标识是 {bare}。"
            ),
            Text::fixed(
                "A list was stored as one text, as the command line client does with '[\"id\"]'; the two never match. Correct the group.",
                "列表被当作一段文本保存（例如命令行中的 '[\"id\"]'），两者永远不相等；请修改机器组。",
            ),
            &[RemedyId::WriteCustomId],
        )];
    }
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
    vec![Cause::fail(
        CauseId::CustomIdMismatch,
        detail,
        Text::fixed("The two must be equal, byte for byte.", "两者必须逐字节完全相同。"),
        &[RemedyId::WriteCustomId],
    )]
}
