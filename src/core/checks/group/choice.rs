//! The machine groups of a project, to choose one from: the names at once, and what is known of each as far as somebody
//! wants to see it. A project may have a thousand groups; reading them all would take minutes and the service's patience.

use super::super::subject::{self, Record};
use super::ids::Ids;
use crate::core::agent::service::{self, Standing};
use crate::core::context::{Context, IdentityKind};
use crate::core::observe::MachineGroup;
use crate::core::observe::{CloudError, CloudQuestion, Observations, Question, Site, Unanswered};
use crate::core::observe::{KnownIdentity, Together};

/// A machine group of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedGroup {
    pub name: String,
    pub about: About,
}

/// What is known of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// Nobody wanted to see it yet.
    NotRead,
    /// It could not be read.
    Unreadable,
    Read {
        /// None for a kind that is not documented.
        kind: Option<IdentityKind>,
        /// How many lines its list has.
        lines: usize,
        has_this_host: bool,
        /// The first custom identifier of a group that goes by them.
        custom_id: Option<String>,
    },
}

/// The groups of the project that was told, in the service's order; those known to list this host first. Of the groups
/// in `about` more is asked; whether it is there yet shows in the answer. The inner error says why they cannot be listed;
/// None there when nobody may be asked.
///
/// # Errors
/// The names have not been looked at yet.
pub fn choices(
    see: &Observations,
    told: &Context,
    about: &[String],
) -> Result<Result<Vec<ListedGroup>, Option<CloudError>>, Unanswered> {
    let site = match service::standing(see, told)? {
        Standing::Able(able) => able.site,
        Standing::Unable(trouble) => return Ok(Err(Some(trouble))),
        Standing::Unasked => return Ok(Err(None)),
    };
    let names = match see.cloud_groups(&site)? {
        Ok(names) => names,
        Err(trouble) => return Ok(Err(Some(trouble.clone()))),
    };
    let own = own(see)?;
    for name in about {
        // Only to have it asked; what is there is read below.
        let _ = see.cloud_group(&site, name);
    }
    let known = |name: &String| match known(see, &site, name) {
        Some(Ok(group)) => read(group, &own),
        Some(Err(_)) => About::Unreadable,
        None => About::NotRead,
    };
    let mut groups: Vec<_> = names.iter().map(|name| ListedGroup { name: name.clone(), about: known(name) }).collect();
    groups.sort_by_key(|group| !matches!(group.about, About::Read { has_this_host: true, .. }));
    Ok(Ok(groups))
}

/// What was already read of a group; nothing is asked for it.
fn known<'a>(see: &'a Observations, site: &Site, name: &str) -> Option<Result<&'a MachineGroup, &'a CloudError>> {
    let question = Question::Cloud(CloudQuestion::Group { site: site.clone(), group: name.to_string() });
    see.knows(&question).then(|| see.cloud_group(site, name).ok().map(Result::as_ref)).flatten()
}

/// By what this host is recognised in a list: its address and its custom identifiers.
fn own(see: &Observations) -> Result<Vec<String>, Unanswered> {
    let Some(agent) = subject::agent(see)? else { return Ok(Vec::new()) };
    let (record, ids, memory) =
        (subject::record(see, &agent), Ids::read(see, &agent), subject::memory(see, &agent)).together()?;
    let ip = match (memory, &record) {
        (Some(memory), _) => memory.status.ip,
        (None, Record::Known(info)) => subject::reported_ip(info).to_string(),
        (None, Record::Broken(_) | Record::Unread(_)) => String::new(),
    };
    let ids = ids.ids.into_iter().map(|id| id.value);
    Ok(ids.chain([ip]).filter(|item| !item.is_empty()).collect())
}

fn read(group: &MachineGroup, own: &[String]) -> About {
    let list = group.list().unwrap_or_default();
    let kind = match group.identity() {
        Some(KnownIdentity::Ip) => Some(IdentityKind::Ip),
        Some(KnownIdentity::UserDefined) => Some(IdentityKind::Custom),
        None => None,
    };
    let has_this_host = list.iter().any(|item| own.iter().any(|ours| ours == item || ours == item.trim()));
    let custom_id = list.first().filter(|_| kind == Some(IdentityKind::Custom)).cloned();
    About::Read { kind, lines: list.len(), has_this_host, custom_id }
}
