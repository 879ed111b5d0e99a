//! What the remedies share that edit `user_defined_id`, one identifier a line. The agent reads it again within a minute,
//! but it never forgets the last identifier of a file that was emptied: that takes a restart. It plans nothing.

use crate::core::agent::identity_files::{CustomId, custom_ids};
use crate::core::agent::layout::Agent;
use crate::core::text::Text;
use std::path::PathBuf;

/// The file.
pub fn file_of(agent: &Agent) -> PathBuf {
    agent.conf_dir.join("user_defined_id")
}

/// The identifiers that the agent's environment adds.
pub fn of_environment(agent: &Agent) -> Vec<CustomId> {
    let names = ["ALIYUN_LOGTAIL_USER_DEFINED_ID", "LOONG_USER_DEFINED_ID"];
    let variables: Vec<_> = agent
        .environment
        .iter()
        .filter(|(name, _)| names.contains(&name.as_str()))
        .map(|(_, value)| value.as_str())
        .collect();
    custom_ids(b"", &variables)
}

/// When it takes effect.
pub fn within_a_minute() -> Text {
    Text::fixed(
        "The agent notices within a minute; a restart makes it notice at once.",
        "Agent 会在一分钟内识别；重启可立即生效。",
    )
}
