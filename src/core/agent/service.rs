//! Whether the service can be asked about the project, and where the project is: the one way in which checks and
//! remedies come to a [`Site`]. It judges nothing. Where no project was told, nothing is asked.

use super::{endpoint, layout};
use crate::core::context::Context;
use crate::core::observe::{
    CloudError, CloudErrorKind, CloudResult, CredentialsSeen, Observations, ProjectSeen, Site, Unanswered,
};

/// How things stand with the service.
#[derive(Debug, Clone, PartialEq)]
pub enum Standing {
    /// No project was told, `--no-cloud`, or there is no service to ask.
    Unasked,
    /// It cannot be asked about this project.
    Unable(CloudError),
    Able(Box<Able>),
}

/// What is known of the project.
#[derive(Debug, Clone, PartialEq)]
pub struct Able {
    /// With the project's true region, where the service told it.
    pub site: Site,
    pub key: CredentialsSeen,
    /// Missing when the key may not read the project; its groups may be readable all the same.
    pub project: CloudResult<ProjectSeen>,
}

/// Finds out.
///
/// # Errors
/// Something has not been looked at yet.
pub fn standing(see: &Observations, told: &Context) -> Result<Standing, Unanswered> {
    let (false, Some(project)) = (told.no_cloud, &told.project) else { return Ok(Standing::Unasked) };
    // A told name that is no region may be a slip of the pen; the service answers in the agent's region, too.
    let region = match &told.region {
        Some(region) if endpoint::is_known(region) => Some(region.clone()),
        told => region_of_agent(see)?.or_else(|| told.clone()),
    };
    let hint = Site { project: project.clone(), region };
    let key = match see.cloud_credentials()? {
        Ok(key) => key.clone(),
        Err(trouble) if trouble.kind == CloudErrorKind::NotAsked => return Ok(Standing::Unasked),
        Err(trouble) => return Ok(Standing::Unable(trouble.clone())),
    };
    let found = see.cloud_project(&hint)?;
    let site = match found {
        Ok(project) => Site { region: Some(project.region.clone()).filter(|region| !region.is_empty()), ..hint },
        Err(CloudError { kind: CloudErrorKind::Denied { .. }, .. }) => hint,
        Err(trouble) => return Ok(Standing::Unable(trouble.clone().with_key(&key))),
    };
    Ok(Standing::Able(Box::new(Able { site, key, project: found.clone() })))
}

/// The region that the project is really in, where the service tells it.
///
/// # Errors
/// Something has not been looked at yet.
pub fn true_region(see: &Observations, told: &Context) -> Result<Option<String>, Unanswered> {
    Ok(match standing(see, told)? {
        Standing::Able(able) => able.project.ok().map(|project| project.region).filter(|region| !region.is_empty()),
        Standing::Unasked | Standing::Unable(_) => None,
    })
}

/// The owner of the project, as the service knows it: from the project, from a refusal that names it, or because a key
/// that may read a project belongs to its account.
///
/// # Errors
/// Something has not been looked at yet.
pub fn owner(see: &Observations, told: &Context) -> Result<Option<(String, &'static str)>, Unanswered> {
    let (site, project) = match standing(see, told)? {
        Standing::Unasked => return Ok(None),
        Standing::Unable(trouble) => return Ok(named_in(&trouble)),
        Standing::Able(able) => (able.site, able.project),
    };
    match project {
        Ok(project) => match project.owner {
            Some(owner) => Ok(Some((owner, "GetProject"))),
            None => Ok(see.cloud_caller(&site)?.as_ref().ok().map(|who| (who.account_id.clone(), "GetCallerIdentity"))),
        },
        Err(trouble) => Ok(named_in(&trouble)),
    }
}

fn named_in(trouble: &CloudError) -> Option<(String, &'static str)> {
    match &trouble.kind {
        CloudErrorKind::Denied { owner: Some(owner) } => Some((owner.clone(), "RAM")),
        _ => None,
    }
}

/// The region that the agent is installed for: most likely the project's.
fn region_of_agent(see: &Observations) -> Result<Option<String>, Unanswered> {
    let Some(agent) = layout::find(see)?.into_iter().next() else { return Ok(None) };
    let config = layout::read_config(see, &agent)?;
    Ok(config.ok().and_then(|config| config.region(agent.version.as_ref())))
}
