//! Which ECS instance this host is: by the metadata service, else by the note that an agent from 3.0 on keeps of it.
//! It judges nothing.

use super::identity_files::{self, InstanceIdentity};
use super::layout::Agent;
use crate::core::observe::{MetadataSeen, Observations, Together, Unanswered, Unavailable};
use std::path::Path;

/// Where the agent's default configuration directory is, for hosts without an agent.
const CONF_DIR: &str = "/etc/ilogtail";

/// What is known of the instance, and by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// What the metadata service said.
    pub metadata: Result<MetadataSeen, Unavailable>,
    /// What the agent's note says; a cloned disk carries that of another instance.
    pub note: Option<MetadataSeen>,
    /// The path of the note.
    pub note_path: String,
}

impl Known {
    /// The instance, by the better of the two sources: the note counts only where the metadata says nothing. One that
    /// was refused, or whose metadata is gone, is still the same instance.
    pub fn instance(&self) -> Option<&MetadataSeen> {
        self.metadata.as_ref().ok().or(self.note.as_ref())
    }

    /// The same in the shape of the agent's note, whichever source it is from.
    pub fn identity(&self) -> Option<InstanceIdentity> {
        let told = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        self.instance().map(|instance| InstanceIdentity {
            instance_id: told(&instance.instance_id),
            owner_account_id: told(&instance.owner_account_id),
            region_id: told(&instance.region),
        })
    }
}

/// Looks at both sources.
///
/// # Errors
/// Something has not been looked at yet.
pub fn known(see: &Observations, agent: Option<&Agent>) -> Result<Known, Unanswered> {
    let dir = agent.map_or(Path::new(CONF_DIR), |agent| agent.conf_dir.as_path());
    let path = dir.join("checkpoint/instance_identity");
    let (metadata, note) = (see.metadata(), see.file(&path)).together()?;
    let noted = super::layout::whole(note).ok().and_then(|file| identity_files::instance_identity(&file.bytes));
    let note = noted.map(|noted| MetadataSeen {
        instance_id: noted.instance_id.unwrap_or_default(),
        region: noted.region_id.unwrap_or_default(),
        owner_account_id: noted.owner_account_id.unwrap_or_default(),
        ..MetadataSeen::default()
    });
    Ok(Known { metadata: metadata.clone(), note, note_path: path.display().to_string() })
}
