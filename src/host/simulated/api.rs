//! The service's API in a simulated world: a key, machine groups, and the machines whose heartbeat it knows. Without it
//! (the default) nobody can be asked. Any key is good; what a real service refuses is not simulated.

use super::parts::{Api, Group};
use super::world::World;
use crate::core::observe::MachineGroup;
use crate::core::observe::{
    CallerSeen, CloudAnswer, CloudError, CloudErrorKind, CloudQuestion, CredentialsSeen, Done, MachinesSeen,
    OperationError, ProjectSeen, Site, group_resource,
};
use crate::core::observe::{KnownIdentity, Machine};
use crate::core::service::Credentials;
use crate::core::service::group_edit::is_as_made;
use crate::core::text::Text;
use crate::say;
use std::collections::BTreeMap;

impl World {
    /// The service can be asked, once it is given a key. Its project has the group of this world and `more` others.
    pub fn api(mut self, more: usize) -> World {
        let mut groups = BTreeMap::new();
        for number in 1..=more {
            let name = format!("team-{number:04}");
            let group = match number % 3 {
                0 => MachineGroup::new(&name, KnownIdentity::UserDefined, &[format!("role-{number}")]),
                _ => {
                    let ips = (1..=number % 7 + 1).map(|host| format!("10.9.{}.{host}", number % 250));
                    MachineGroup::new(&name, KnownIdentity::Ip, &ips.collect::<Vec<_>>())
                }
            };
            groups.insert(name, group);
        }
        let own = match &self.cloud.group {
            Group::Ips(ips) => {
                let ips: Vec<String> = ips.iter().map(ToString::to_string).collect();
                MachineGroup::new(&self.cloud.group_name, KnownIdentity::Ip, &ips)
            }
            Group::Custom(id) => {
                MachineGroup::new(&self.cloud.group_name, KnownIdentity::UserDefined, std::slice::from_ref(id))
            }
        };
        groups.insert(self.cloud.group_name.clone(), own);
        self.api = Some(Api { groups, ..Api::default() });
        self
    }

    /// The groups that the API holds, by name.
    pub fn api_groups(&self) -> BTreeMap<String, MachineGroup> {
        self.api.as_ref().map(|api| api.groups.clone()).unwrap_or_default()
    }

    pub(super) fn use_key(&mut self, key: &Credentials) {
        if let Some(api) = &mut self.api {
            api.key = Some(CredentialsSeen {
                source: key.source.name(),
                key_id: key.masked(),
                unusable_proxies: Vec::new(),
                passed_over: Vec::new(),
            });
        }
    }

    /// Whether any group of the API names this machine; None where there is no API.
    pub(super) fn is_in_a_group(&self, ip: &str, has_id: impl Fn(&str) -> bool) -> Option<bool> {
        let api = self.api.as_ref()?;
        Some(api.groups.values().any(|group| names(group, ip, &has_id)))
    }

    pub(super) fn cloud_answer(&mut self, asked: &CloudQuestion) -> CloudAnswer {
        let now = self.time.true_ms().div_euclid(1000);
        let is_heard = self.heartbeat().is_ok();
        let Some(api) = &mut self.api else { return CloudAnswer::missing(asked, CloudError::not_asked()) };
        api.hear(is_heard, now);
        let Some(key) = &api.key else { return CloudAnswer::missing(asked, no_key()) };
        let (project, region, owner) = (&self.cloud.project, &self.cloud.region, &self.cloud.owner);
        let site = match asked {
            CloudQuestion::Credentials => return CloudAnswer::Credentials(Ok(key.clone())),
            CloudQuestion::Caller(site) | CloudQuestion::Project(site) | CloudQuestion::Groups(site) => site,
            CloudQuestion::Group { site, .. }
            | CloudQuestion::Machines { site, .. }
            | CloudQuestion::AppliedConfigs { site, .. } => site,
        };
        if site.project != *project {
            return CloudAnswer::missing(asked, no_project(&site.project));
        }
        match asked {
            CloudQuestion::Credentials => CloudAnswer::Credentials(Ok(key.clone())),
            CloudQuestion::Caller(_) => CloudAnswer::Caller(Ok(CallerSeen { account_id: owner.clone() })),
            CloudQuestion::Project(_) => {
                CloudAnswer::Project(Ok(ProjectSeen { region: region.clone(), owner: Some(owner.clone()) }))
            }
            CloudQuestion::Groups(_) => CloudAnswer::Groups(Ok(api.groups.keys().cloned().collect())),
            CloudQuestion::Group { group, .. } => {
                CloudAnswer::Group(api.groups.get(group).cloned().ok_or_else(|| no_group(group)))
            }
            CloudQuestion::AppliedConfigs { group, .. } => {
                let is_used = api.groups.get(group).is_some_and(|known| known.last_modified().is_none());
                CloudAnswer::AppliedConfigs(Ok(if is_used { vec!["access-log".to_string()] } else { Vec::new() }))
            }
            CloudQuestion::Machines { group, own, .. } => {
                let (last, known) = (api.last, api.groups.get(group).cloned());
                let ids = self.agent.memory.as_ref().map(|memory| memory.custom_ids.clone()).unwrap_or_default();
                CloudAnswer::Machines(match known {
                    None => Err(no_group(group)),
                    Some(known) => {
                        let is_listed = names(&known, &own.ip, &|id| ids.contains(id.as_bytes()));
                        let machine = Machine {
                            ip: own.ip.clone(),
                            uuid: own.uuid.clone(),
                            host_id: own.host_id.clone(),
                            last_heartbeat: last,
                            ..Machine::default()
                        };
                        let machines: Vec<_> = last.filter(|_| is_listed).map(|_| machine).into_iter().collect();
                        Ok(MachinesSeen {
                            total: machines.len(),
                            machines,
                            windows: Vec::new(),
                            server_time: Some(now),
                        })
                    }
                })
            }
        }
    }

    /// Writes a machine group that still is as `before`.
    pub(super) fn put_group(
        &mut self,
        site: &Site,
        before: &MachineGroup,
        after: MachineGroup,
    ) -> Result<Done, OperationError> {
        let api = self.api_with_key()?;
        match api.groups.get_mut(before.name()) {
            None => Err(failed(no_group(before.name()))),
            Some(now) if now != before => Err(OperationError::Moved(group_resource(site, before.name()))),
            Some(now) => {
                *now = after;
                Ok(Done::Changed)
            }
        }
    }

    /// Makes a machine group, if there is none of its name.
    pub(super) fn make_group(&mut self, site: &Site, group: &MachineGroup) -> Result<Done, OperationError> {
        let now = self.time.true_ms().div_euclid(1000);
        let api = self.api_with_key()?;
        if api.groups.contains_key(group.name()) {
            return Err(OperationError::Moved(group_resource(site, group.name())));
        }
        let mut raw = group.raw().clone();
        for key in ["createTime", "lastModifyTime"] {
            raw.insert(key.into(), now.into());
        }
        api.groups.insert(group.name().to_string(), MachineGroup::of_raw(raw));
        Ok(Done::Changed)
    }

    /// Removes a machine group that is as it was made.
    pub(super) fn remove_group(&mut self, site: &Site, group: &MachineGroup) -> Result<Done, OperationError> {
        let api = self.api_with_key()?;
        match api.groups.get(group.name()) {
            None => Err(failed(no_group(group.name()))),
            Some(now) if !is_as_made(group, now) => Err(OperationError::Moved(group_resource(site, group.name()))),
            Some(_) => {
                api.groups.remove(group.name());
                Ok(Done::Changed)
            }
        }
    }

    fn api_with_key(&mut self) -> Result<&mut Api, OperationError> {
        match &mut self.api {
            None => Err(failed(CloudError::not_asked())),
            Some(api) if api.key.is_none() => Err(failed(no_key())),
            Some(api) => Ok(api),
        }
    }
}

/// Whether a group names a machine with this address or such an identifier.
fn names(group: &MachineGroup, ip: &str, has_id: &impl Fn(&str) -> bool) -> bool {
    let list = group.list().unwrap_or_default();
    match group.identity() {
        Some(KnownIdentity::Ip) => list.iter().any(|item| item == ip),
        Some(KnownIdentity::UserDefined) => list.iter().any(|item| has_id(item)),
        None => false,
    }
}

fn failed(trouble: CloudError) -> OperationError {
    OperationError::Service(Box::new(trouble))
}

fn trouble(kind: CloudErrorKind, what: Text, next: Text) -> CloudError {
    CloudError { kind, what, next, request_id: None, policy: None, passed_over: Vec::new() }
}

fn no_key() -> CloudError {
    trouble(
        CloudErrorKind::NoCredentials,
        Text::fixed("No AccessKey was found to ask the service with.", "没有找到可用于访问服务端的 AccessKey。"),
        Text::fixed("Type one in; on a simulated host any will do.", "请手动输入；在模拟主机上任意内容均可。"),
    )
}

fn no_project(project: &str) -> CloudError {
    trouble(
        CloudErrorKind::ProjectNotExist,
        say!("There is no project {project}.", "没有 Project {project}。"),
        Text::fixed("Check the name.", "请检查名称。"),
    )
}

fn no_group(group: &str) -> CloudError {
    trouble(
        CloudErrorKind::GroupNotExist,
        say!("MachineGroup {group} does not exist.", "机器组 {group} 不存在。"),
        Text::fixed("Choose another one.", "请选择其他机器组。"),
    )
}
