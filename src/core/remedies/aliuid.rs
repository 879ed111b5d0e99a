//! What add-aliuid and rename-aliuid share: the names in `users/`, and what is said of them. Only a file's name counts,
//! and the agent notices it within a minute without a restart (document "配置用户标识"). It plans nothing.

use super::common::{Drafted, unread};
use crate::core::agent::identity_files::{UserId, UserNameKind, user_ids};
use crate::core::agent::layout::Agent;
use crate::core::observe::{Observations, Unavailable};
use crate::core::text::Text;

/// What the host reports as accounts: of the directory and of the environment.
pub fn users(see: &Observations, agent: &Agent) -> Drafted<Vec<UserId>> {
    let path = agent.conf_dir.join("users");
    let dir = match see.dir(&path)? {
        Ok(dir) => Some(dir),
        Err(Unavailable::Absent) => None,
        Err(trouble) => return Err(unread(&path, trouble)),
    };
    let variable = agent.environment.iter().find(|(name, _)| name == "ALIYUN_LOGTAIL_USER_ID");
    Ok(user_ids(dir, variable.map(|(_, value)| value.as_str())))
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
