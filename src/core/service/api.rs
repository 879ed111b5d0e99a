//! The calls of the service as typed requests and answers. Pure: [`ApiCall::build`] makes what is to be signed,
//! [`ApiCall::parse`] reads the body of a success. Answers are read tolerantly: every field that is not essential may be
//! missing or of another type.

use crate::core::observe::{Machine, MachineGroup};
use serde_json::Value;

/// ListMachines and ListMachineGroup return at most this many at once.
pub const PAGE: usize = 500;

/// A request before it is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub method: &'static str,
    /// None for calls on the bare endpoint.
    pub project: Option<String>,
    /// Nothing in it needs encoding: names are validated.
    pub path: String,
    /// Names and values, not encoded.
    pub query: Vec<(String, String)>,
    /// JSON, when there is one.
    pub body: Option<Vec<u8>>,
}

/// A name that no project or machine group can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid name: {0:?}")]
pub struct BadName(pub String);

/// The answer has not the documented form; the word says what is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable(pub &'static str);

/// One call: what is asked, and how its answer reads.
pub trait ApiCall {
    type Answer;

    /// The request.
    ///
    /// # Errors
    /// A name in it is not valid; nothing may be sent then.
    fn build(&self) -> Result<Call, BadName>;

    /// Reads the body of an answer with status 200.
    ///
    /// # Errors
    /// It has not the documented form.
    fn parse(&self, body: &[u8]) -> Result<Self::Answer, Unreadable>;
}

/// Whether a text can be the name of a project or machine group: 2 to 128 of `a-z 0-9 - _`, letter or digit at both
/// ends. Such a name needs no encoding in a path or host name.
pub fn is_name(name: &str) -> bool {
    let alphanumeric = |byte: Option<u8>| byte.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    (2..=128).contains(&name.len())
        && name.bytes().all(|b| alphanumeric(Some(b)) || b == b'-' || b == b'_')
        && alphanumeric(name.bytes().next())
        && alphanumeric(name.bytes().last())
}

fn name(text: &str) -> Result<String, BadName> {
    if is_name(text) { Ok(text.to_string()) } else { Err(BadName(text.chars().take(130).collect())) }
}

fn get(project: Option<&str>, path: String, query: &[(&str, String)]) -> Result<Call, BadName> {
    let query = query.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
    Ok(Call { method: "GET", project: project.map(name).transpose()?, path, query, body: None })
}

/// An object, or why not.
fn object(body: &[u8]) -> Result<Value, Unreadable> {
    let value: Value = serde_json::from_slice(body).map_err(|_| Unreadable("JSON"))?;
    if value.is_object() { Ok(value) } else { Err(Unreadable("object")) }
}

fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_string()
}

/// A whole number that may be written as text.
fn number(value: &Value, name: &str) -> Option<i64> {
    let value = value.get(name)?;
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// One page of a longer list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// How many there are in all.
    pub total: usize,
    pub items: Vec<T>,
}

fn page<T>(body: &[u8], name: &'static str, read: impl Fn(&Value) -> Option<T>) -> Result<Page<T>, Unreadable> {
    let value = object(body)?;
    // An empty list may be left out, but not without a count that says so.
    let empty = Vec::new();
    let items = match value.get(name) {
        Some(Value::Array(items)) => items,
        None | Some(Value::Null) if number(&value, "total").or(number(&value, "count")) == Some(0) => &empty,
        _ => return Err(Unreadable(name)),
    };
    let items: Vec<T> = items.iter().filter_map(read).collect();
    let total = number(&value, "total").and_then(|total| usize::try_from(total).ok()).unwrap_or(items.len());
    Ok(Page { total, items })
}

/// GetProject: `GET /` on the project's host; RAM `log:GetProject`.
#[derive(Debug, Clone)]
pub struct GetProject {
    pub project: String,
    /// Look in other regions too; the service supports it in some regions only.
    pub cross_region: bool,
}

/// A project.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Project {
    pub name: String,
    pub region: String,
    /// The owner as it is written: often empty, masked in the documents' sample; see [`Project::owner_id`].
    pub owner: String,
    pub status: String,
    pub internet_endpoint: String,
    pub internal_endpoint: String,
}

impl Project {
    /// AliUid of the owner, when the service tells it in full.
    pub fn owner_id(&self) -> Option<&str> {
        let whole = !self.owner.is_empty() && self.owner.bytes().all(|byte| byte.is_ascii_digit());
        whole.then_some(self.owner.as_str())
    }
}

impl ApiCall for GetProject {
    type Answer = Project;

    fn build(&self) -> Result<Call, BadName> {
        let query: &[(&str, String)] = if self.cross_region { &[("crossRegion", "true".to_string())] } else { &[] };
        get(Some(&self.project), "/".to_string(), query)
    }

    fn parse(&self, body: &[u8]) -> Result<Project, Unreadable> {
        let value = object(body)?;
        let project = Project {
            name: text(&value, "projectName"),
            region: text(&value, "region"),
            owner: text(&value, "owner"),
            status: text(&value, "status"),
            internet_endpoint: text(&value, "internetEndpoint"),
            internal_endpoint: text(&value, "internalEndpoint"),
        };
        if project.name.is_empty() { Err(Unreadable("projectName")) } else { Ok(project) }
    }
}

/// ListMachineGroup, one page of names; RAM `log:ListMachineGroup`.
#[derive(Debug, Clone)]
pub struct ListMachineGroup {
    pub project: String,
    pub offset: usize,
    /// Only groups whose name contains this.
    pub containing: Option<String>,
}

impl ApiCall for ListMachineGroup {
    type Answer = Page<String>;

    fn build(&self) -> Result<Call, BadName> {
        let mut query = vec![("offset", self.offset.to_string()), ("size", PAGE.to_string())];
        query.extend(self.containing.iter().map(|part| ("groupName", part.clone())));
        get(Some(&self.project), "/machinegroups".to_string(), &query)
    }

    fn parse(&self, body: &[u8]) -> Result<Page<String>, Unreadable> {
        page(body, "machinegroups", |item| {
            let named = || item.get("name").or_else(|| item.get("groupName")).and_then(Value::as_str);
            item.as_str().or_else(named).map(str::to_string)
        })
    }
}

/// GetMachineGroup; RAM `log:GetMachineGroup`.
#[derive(Debug, Clone)]
pub struct GetMachineGroup {
    pub project: String,
    pub group: String,
}

impl ApiCall for GetMachineGroup {
    type Answer = MachineGroup;

    fn build(&self) -> Result<Call, BadName> {
        get(Some(&self.project), format!("/machinegroups/{}", name(&self.group)?), &[])
    }

    fn parse(&self, body: &[u8]) -> Result<MachineGroup, Unreadable> {
        match object(body)? {
            Value::Object(raw) if raw.contains_key("groupName") => Ok(MachineGroup::of_raw(raw)),
            _ => Err(Unreadable("groupName")),
        }
    }
}

/// A write of a whole group: UpdateMachineGroup (`PUT`, RAM `log:UpdateMachineGroup`) or CreateMachineGroup (`POST`,
/// RAM `log:CreateMachineGroup`).
#[derive(Debug, Clone)]
pub struct PutMachineGroup {
    pub project: String,
    /// An update replaces everything: take the group of GetMachineGroup with only its list changed.
    pub group: MachineGroup,
    pub create: bool,
}

impl ApiCall for PutMachineGroup {
    type Answer = ();

    fn build(&self) -> Result<Call, BadName> {
        let group = name(self.group.name())?;
        let (method, path) = match self.create {
            true => ("POST", "/machinegroups".to_string()),
            false => ("PUT", format!("/machinegroups/{group}")),
        };
        let body = serde_json::to_vec(self.group.raw()).unwrap_or_default();
        Ok(Call { method, project: Some(name(&self.project)?), path, query: vec![], body: Some(body) })
    }

    fn parse(&self, _: &[u8]) -> Result<(), Unreadable> {
        Ok(())
    }
}

/// DeleteMachineGroup; RAM `log:DeleteMachineGroup`. Only for a group that this program made itself.
#[derive(Debug, Clone)]
pub struct DeleteMachineGroup {
    pub project: String,
    pub group: String,
}

impl ApiCall for DeleteMachineGroup {
    type Answer = ();

    fn build(&self) -> Result<Call, BadName> {
        let path = format!("/machinegroups/{}", name(&self.group)?);
        Ok(Call { method: "DELETE", project: Some(name(&self.project)?), path, query: vec![], body: None })
    }

    fn parse(&self, _: &[u8]) -> Result<(), Unreadable> {
        Ok(())
    }
}

/// Whether machines join or leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    Add,
    Delete,
}

/// UpdateMachineGroupMachine: the service adds or removes itself; RAM `log:UpdateMachineGroupMachine`, which can be
/// granted on resource `*` only.
#[derive(Debug, Clone)]
pub struct UpdateMachineGroupMachine {
    pub project: String,
    pub group: String,
    pub membership: Membership,
    pub machines: Vec<String>,
}

impl ApiCall for UpdateMachineGroupMachine {
    type Answer = ();

    fn build(&self) -> Result<Call, BadName> {
        let action = match self.membership {
            Membership::Add => "add",
            Membership::Delete => "delete",
        };
        Ok(Call {
            method: "PUT",
            project: Some(name(&self.project)?),
            path: format!("/machinegroups/{}/machines", name(&self.group)?),
            query: vec![("action".to_string(), action.to_string())],
            body: Some(serde_json::to_vec(&self.machines).unwrap_or_default()),
        })
    }

    fn parse(&self, _: &[u8]) -> Result<(), Unreadable> {
        Ok(())
    }
}

/// ListMachines, one page; only machines with a heartbeat are listed. RAM `log:ListMachines`.
#[derive(Debug, Clone)]
pub struct ListMachines {
    pub project: String,
    pub group: String,
    pub offset: usize,
}

impl ApiCall for ListMachines {
    type Answer = Page<Machine>;

    fn build(&self) -> Result<Call, BadName> {
        let query = [("offset", self.offset.to_string()), ("size", PAGE.to_string())];
        get(Some(&self.project), format!("/machinegroups/{}/machines", name(&self.group)?), &query)
    }

    fn parse(&self, body: &[u8]) -> Result<Page<Machine>, Unreadable> {
        page(body, "machines", |item| {
            Some(Machine {
                ip: text(item, "ip"),
                uuid: text(item, "machine-uniqueid"),
                custom_id: text(item, "userdefined-id"),
                last_heartbeat: number(item, "lastHeartbeatTime").filter(|time| *time > 0),
                version: text(item, "binary"),
                host_id: text(item, "host-id"),
            })
        })
    }
}

/// GetAppliedConfigs: the names of the collection configurations of a group; RAM `log:GetAppliedConfigs`.
#[derive(Debug, Clone)]
pub struct GetAppliedConfigs {
    pub project: String,
    pub group: String,
}

impl ApiCall for GetAppliedConfigs {
    type Answer = Vec<String>;

    fn build(&self) -> Result<Call, BadName> {
        get(Some(&self.project), format!("/machinegroups/{}/configs", name(&self.group)?), &[])
    }

    fn parse(&self, body: &[u8]) -> Result<Vec<String>, Unreadable> {
        Ok(page(body, "configs", |item| item.as_str().map(str::to_string))?.items)
    }
}

/// DescribeRegions, on the bare endpoint; needs no RAM permission.
#[derive(Debug, Clone)]
pub struct DescribeRegions {
    /// `zh` or `en`.
    pub language: &'static str,
}

/// A region of the service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Region {
    pub id: String,
    pub local_name: String,
    pub internet_endpoint: String,
    pub intranet_endpoint: String,
}

impl ApiCall for DescribeRegions {
    type Answer = Vec<Region>;

    fn build(&self) -> Result<Call, BadName> {
        get(None, "/regions".to_string(), &[("language", self.language.to_string())])
    }

    fn parse(&self, body: &[u8]) -> Result<Vec<Region>, Unreadable> {
        let read = |item: &Value| Region {
            id: text(item, "region"),
            local_name: text(item, "localName"),
            internet_endpoint: text(item, "internetEndpoint"),
            intranet_endpoint: text(item, "intranetEndpoint"),
        };
        Ok(page(body, "regions", |item| Some(read(item)).filter(|region| !region.id.is_empty()))?.items)
    }
}

/// The account behind a key, as STS `GetCallerIdentity` tells it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Caller {
    /// AliUid of the main account.
    pub account_id: String,
    pub arn: String,
    /// `Account`, `RAMUser` or `AssumedRoleUser`.
    pub kind: String,
}

impl Caller {
    /// Reads the body of a success.
    ///
    /// # Errors
    /// It names no account.
    pub fn parse(body: &[u8]) -> Result<Caller, Unreadable> {
        let value = object(body)?;
        let caller = Caller {
            account_id: text(&value, "AccountId"),
            arn: text(&value, "Arn"),
            kind: text(&value, "IdentityType"),
        };
        if caller.account_id.is_empty() { Err(Unreadable("AccountId")) } else { Ok(caller) }
    }
}

#[cfg(test)]
mod tests;
