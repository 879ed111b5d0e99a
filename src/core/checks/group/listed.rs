//! The machine group as the service holds it, and what to say when it is not there. The comparison itself is the step's.

use super::super::cloud;
use super::STEP;
use super::ids::Ids;
use crate::core::context::{Context, Field, IdentityKind};
use crate::core::finding::{Cause, CauseId, Evidence, Finding, Mark, RemedyId};
use crate::core::observe::KnownIdentity;
use crate::core::observe::MachineGroup;
use crate::core::observe::{CloudErrorKind, Observations, Site, Unanswered, group_resource};
use crate::core::text::Text;
use crate::say;
use std::net::Ipv4Addr;

/// At most so many groups are read to find those that list this host.
const READ_AT_MOST: usize = 20;

/// So many groups a sentence names; the row below has more of them.
const SAID: usize = 5;

/// What the group lists.
pub(super) struct Listed {
    /// What was told, with the group as the service holds it.
    pub context: Context,
    /// The list as it is written.
    pub items: Vec<String>,
    /// The group's name in RAM.
    pub resource: String,
}

/// Reads the group. None when it could not be read (the rows say why); the finding when there is no such group, or none
/// was told.
///
/// # Errors
/// Something has not been looked at yet.
pub(super) fn look(
    see: &Observations,
    told: &Context,
    site: &Site,
    ip: Option<&str>,
    ids: &Ids,
    evidence: &mut Vec<Evidence>,
) -> Result<Result<Option<Listed>, Box<Finding>>, Unanswered> {
    let Some(name) = &told.machine_group else {
        let told_by_hand = told.identity.is_some() || !told.group_ips.is_empty() || told.custom_id.is_some();
        if told_by_hand {
            return Ok(Ok(None));
        }
        return Ok(match candidates(see, site, ip, ids, evidence)? {
            Some(text) => {
                let finding = Finding::unknown(STEP, text, std::mem::take(evidence));
                Err(Box::new(finding.wanting(&[Field::MachineGroup, Field::Identity])))
            }
            None => Ok(None),
        });
    };
    match see.cloud_group(site, name)? {
        Ok(group) => Ok(Ok(Some(Listed::of(group, told, site, ids, evidence)))),
        Err(trouble) if trouble.kind == CloudErrorKind::GroupNotExist => {
            let project = &site.project;
            let mut detail =
                say!("Project {project} has no machine group {name}.", "Project {project} 中没有机器组 {name}。");
            if let Some(more) = candidates(see, site, ip, ids, evidence)? {
                detail = detail.followed_by(&more);
            }
            let why = Text::fixed(
                "A heartbeat is shown only in a group that exists and lists this host.",
                "只有存在且包含本机的机器组才会显示心跳。",
            );
            let cause = Cause::fail(CauseId::GroupNotFound, detail.clone(), why, &[RemedyId::AddIpToGroup]);
            let finding = Finding::judged(STEP, detail, vec![cause], std::mem::take(evidence));
            Ok(Err(Box::new(finding.wanting(&[Field::MachineGroup, Field::Project]))))
        }
        Err(trouble) => {
            evidence.extend(cloud::rows_of(trouble));
            Ok(Ok(None))
        }
    }
}

/// A sentence that names the groups that list this host, else the groups that there are. None when they cannot be listed.
fn candidates(
    see: &Observations,
    site: &Site,
    ip: Option<&str>,
    ids: &Ids,
    evidence: &mut Vec<Evidence>,
) -> Result<Option<Text>, Unanswered> {
    let names = match see.cloud_groups(site)? {
        Ok(names) => names,
        Err(trouble) => {
            evidence.extend(cloud::rows_of(trouble));
            return Ok(None);
        }
    };
    let read: Vec<_> = names.iter().take(READ_AT_MOST).map(|name| (name, see.cloud_group(site, name))).collect();
    let mut having = Vec::new();
    for (name, group) in read {
        let lists_us = |item: &String| {
            ip.is_some_and(|ip| !ip.is_empty() && item.trim() == ip) || ids.ids.iter().any(|id| id.value == *item)
        };
        if group?.as_ref().is_ok_and(|group| group.list().unwrap_or_default().iter().any(lists_us)) {
            having.push(name.clone());
        }
    }
    let label = Text::fixed("Machine groups of the project", "Project 中的机器组");
    evidence.push(Evidence::new(label, cloud::shown(names), "ListMachineGroup"));
    let (all, here) = (cloud::beginning(names, SAID), cloud::beginning(&having, SAID));
    let ((all_en, all_zh), (en, zh)) = (all.both(), here.both());
    let count = names.len();
    Ok(Some(if having.is_empty() {
        say!(
            "The groups of the project are: {all_en}. None of those that were read lists this host ({count} in all). Tell which one is meant.",
            "现有机器组：{all_zh}。已读取的机器组中均没有本机（共 {count} 个）。请填写要使用的机器组。"
        )
    } else {
        say!(
            "This host is listed in: {en}. Tell which one is meant.",
            "本机位于以下机器组：{zh}。请填写要使用的机器组。"
        )
    }))
}

impl Listed {
    fn of(group: &MachineGroup, told: &Context, site: &Site, ids: &Ids, evidence: &mut Vec<Evidence>) -> Listed {
        let items = group.list().unwrap_or_default();
        let identity = match group.identity() {
            Some(KnownIdentity::Ip) => Some(IdentityKind::Ip),
            Some(KnownIdentity::UserDefined) => Some(IdentityKind::Custom),
            None => None,
        };
        let resource = group_resource(site, group.name()).display().to_string();
        let label = Text::fixed("The group identifies by", "机器组标识方式");
        let row = Evidence::new(label, Text::same(group.identify_type()), resource.clone());
        evidence.push(match (told.identity, identity) {
            (Some(typed), Some(real)) if typed != real => {
                let typed = typed.id();
                row.expecting(say!("{typed}, as told", "填写的是 {typed}")).marked(Mark::Doubtful)
            }
            _ => row,
        });
        let mut context = Context { identity, group_ips: Vec::new(), custom_id: None, ..told.clone() };
        match identity {
            Some(IdentityKind::Ip) => {
                context.group_ips = items.iter().filter_map(|item| item.trim().parse::<Ipv4Addr>().ok()).collect();
            }
            Some(IdentityKind::Custom) => {
                let held = items.iter().find(|item| ids.ids.iter().any(|id| id.value == **item));
                context.custom_id = held.or(items.first()).cloned();
            }
            None => {}
        }
        Listed { context, items, resource }
    }

    /// The group goes by IP, but what it lists is this host's custom identifier.
    pub(super) fn wrong_kind(&self, ids: &Ids) -> Option<Cause> {
        let item = self
            .items
            .iter()
            .find(|item| item.trim().parse::<Ipv4Addr>().is_err() && ids.ids.iter().any(|id| id.value == **item))?;
        Some(Cause::fail(
            CauseId::IdentityKindMismatch,
            say!(
                "The group identifies by IP, but what it lists, {item}, is this host's custom identifier.",
                "机器组按 IP 标识，但其中的 {item} 是本机的用户自定义标识。"
            ),
            Text::fixed(
                "The text is compared with IPs and never with custom identifiers; set the group to identify by custom identifier.",
                "该内容只会与 IP 比较，不会与用户自定义标识比较；请将机器组改为按用户自定义标识识别。",
            ),
            &[RemedyId::AddIpToGroup],
        ))
    }
}
