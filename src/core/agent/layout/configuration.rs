//! The configuration of one agent as it would load it now: which files that is, and which of them could not be read. It must
//! not judge the settings.

use super::{Agent, entry_names, whole};
use crate::core::agent::config::{self, Config};
use crate::core::agent::json::JsonFault;
use crate::core::observe::{DirSeen, EntryKind, Observations, Observed, Unanswered, Unavailable};
use std::path::PathBuf;
use std::sync::Arc;

/// Why there is no configuration to look at.
#[derive(Debug, Clone, PartialEq)]
pub enum ConfigTrouble {
    /// The file cannot be read, or is not there.
    File(Unavailable),
    /// The agent cannot parse it.
    Json(JsonFault),
}

/// The configuration as the agent would load it now: the main file, the files of `config.d`, the environment.
///
/// # Errors
/// [`Unanswered`] when something still has to be looked at.
pub fn read_config(see: &Observations, agent: &Agent) -> Result<Result<Arc<Config>, ConfigTrouble>, Unanswered> {
    let Agent { config_path, conf_dir, environment, version, community, .. } = agent;
    let name = format!("config {config_path:?} {conf_dir:?} {environment:?} {version:?} {community}");
    see.once(name, |see| Ok(parse_config(see, agent)?.map(Arc::new)))
}

fn parse_config(see: &Observations, agent: &Agent) -> Result<Result<Config, ConfigTrouble>, Unanswered> {
    let overlay_dir = agent.conf_dir.join("config.d");
    let (main, listing) = (see.file(&agent.config_path), see.dir(&overlay_dir));
    let (main, listing) = (main?, listing?);
    let looked: Vec<_> = overlay_names(listing).map(|name| (name, see.file(overlay_dir.join(name)))).collect();
    let mut overlays = Vec::new();
    for (name, file) in looked {
        if let Ok(file) = whole(file?) {
            overlays.push((name, file.bytes.as_slice()));
        }
    }
    let generated = config::generated(&agent.config_path);
    let main = match (whole(main), &generated) {
        (Ok(main), _) => main.bytes.as_slice(),
        (Err(Unavailable::Absent), Some(generated)) if !agent.community => generated.as_slice(),
        (Err(trouble), _) => return Ok(Err(ConfigTrouble::File(trouble))),
    };
    Ok(config::read(main, &overlays, &agent.environment, agent.version.as_ref()).map_err(ConfigTrouble::Json))
}

/// The files of `config.d` that could not be read, or not whole: what they set is not known, but the agent may know it.
///
/// # Errors
/// [`Unanswered`] when something still has to be looked at.
pub fn unread_overlays(see: &Observations, agent: &Agent) -> Result<Vec<(PathBuf, Unavailable)>, Unanswered> {
    let dir = agent.conf_dir.join("config.d");
    let looked: Vec<_> = overlay_names(see.dir(&dir)?).map(|name| (dir.join(name), see.file(dir.join(name)))).collect();
    let mut unread = Vec::new();
    for (path, file) in looked {
        // One that vanished since the directory was listed sets nothing.
        if let Some(trouble) = whole(file?).err().filter(|trouble| *trouble != Unavailable::Absent) {
            unread.push((path, trouble));
        }
    }
    Ok(unread)
}

fn overlay_names(listing: &Observed<DirSeen>) -> impl Iterator<Item = &str> {
    entry_names(listing, EntryKind::File).filter(|name| name.ends_with(".json"))
}
