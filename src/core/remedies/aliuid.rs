//! What add-aliuid and rename-aliuid share: the names in `users/`, and what is said of them. Only a file's name counts,
//! and the agent notices it within a minute without a restart (document "配置用户标识"). It plans nothing.

use super::common::{Drafted, unread};
use crate::core::agent::identity_files::{UserId, UserNameKind, user_ids};
use crate::core::agent::layout::Agent;
use crate::core::observe::{FileSeen, Observations, Unanswered, Unavailable};
use crate::core::text::Text;

/// What the host reports as accounts: of the directory and of the environment.
pub fn users(see: &Observations, agent: &Agent) -> Drafted<Vec<UserId>> {
    let path = agent.conf_dir.join("users");
    let dir = match see.dir(&path)? {
        Ok(dir) => Some(dir),
        Err(Unavailable::Absent) => None,
        // Names inside a file count for nothing.
        Err(_) if file_in_the_way(see, agent)?.is_some() => None,
        Err(trouble) => return Err(unread(&path, trouble)),
    };
    let variable = agent.environment.iter().find(|(name, _)| name == "ALIYUN_LOGTAIL_USER_ID");
    Ok(user_ids(dir, variable.map(|(_, value)| value.as_str())))
}

/// The regular file that stands where the directory belongs, if one does.
pub fn file_in_the_way<'a>(see: &'a Observations, agent: &Agent) -> Result<Option<&'a FileSeen>, Unanswered> {
    let path = agent.conf_dir.join("users");
    match see.dir(&path)? {
        Err(Unavailable::NotAFile(_) | Unavailable::Other(_)) => Ok(see.file(&path)?.as_ref().ok()),
        _ => Ok(None),
    }
}

/// The one id that is written inside a file; None when there is none, or more than one.
pub fn id_inside(file: &FileSeen) -> Option<String> {
    let text = file.text();
    let mut ids: Vec<&str> = text.split(|c: char| !c.is_ascii_digit()).filter(|word| word.len() >= 10).collect();
    ids.dedup();
    match ids.as_slice() {
        [only] => Some((*only).to_string()),
        _ => None,
    }
}

/// The names that can be set right by renaming: an id was meant, and the name can be written down exactly.
pub fn flawed(ids: &[UserId]) -> Vec<&UserId> {
    ids.iter()
        .filter(|id| !id.from_environment && id.meant.is_some() && id.kind != UserNameKind::Directory)
        .filter(|id| !id.name.contains(char::REPLACEMENT_CHARACTER))
        .collect()
}

/// The text that a caution and a refusal share: whose id it has to be.
pub fn whose() -> Text {
    Text::fixed(
        "It must be the id of the main account that owns the project: not a RAM user's, and not that of the account that owns this server. Ids that are there already stay.",
        "必须是 Project 所属主账号的 ID：不是 RAM 用户的 ID，也不是本服务器所属账号的 ID。已有的 ID 会保留。",
    )
}

/// When it takes effect.
pub fn takes_a_minute() -> Text {
    Text::fixed("The agent notices within a minute, without a restart.", "Agent 会在一分钟内识别，无需重启。")
}
