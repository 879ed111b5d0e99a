//! The custom identifiers of this host: in the file, in the agent's environment, and in the running agent's memory.

use super::super::subject::{self, Memory};
use crate::core::agent::identity_files::{self, CustomId};
use crate::core::agent::layout::Agent;
use crate::core::finding::{Cause, CauseId, Evidence, Mark, RemedyId};
use crate::core::observe::{Observations, Unanswered, Unavailable};
use crate::core::text::{Lang, Text};
use crate::say;
use std::collections::BTreeSet;

/// The agent reads the file anew once a minute, in seconds.
const TAKEN_UP: i64 = 60;

/// What `user_defined_id` and the environment say.
pub struct Ids {
    pub(super) path: String,
    pub ids: Vec<CustomId>,
    pub(super) trouble: Option<Unavailable>,
    /// When the file was written, in seconds since 1970.
    modified: Option<i64>,
    is_environment_known: bool,
}

/// What the running agent holds, where that is not what the file says.
pub(super) struct Held {
    ids: BTreeSet<String>,
    source: String,
}

impl Ids {
    /// Reads the identifiers as the agent merges them.
    ///
    /// # Errors
    /// Something has not been looked at yet.
    pub fn read(see: &Observations, agent: &Agent) -> Result<Ids, Unanswered> {
        let path = agent.conf_dir.join("user_defined_id");
        let (file, is_environment_known) = (see.file(&path), subject::is_environment_known(see, agent));
        let (file, is_environment_known) = (subject::whole(file?), is_environment_known?);
        let variables: Vec<&str> = agent
            .environment
            .iter()
            .filter(|(name, _)| name == "ALIYUN_LOGTAIL_USER_DEFINED_ID" || name == "LOONG_USER_DEFINED_ID")
            .map(|(_, value)| value.as_str())
            .collect();
        let bytes = file.as_ref().map(|file| file.bytes.as_slice()).unwrap_or_default();
        Ok(Ids {
            path: path.display().to_string(),
            ids: identity_files::custom_ids(bytes, &variables),
            modified: file.as_ref().ok().map(|file| file.modified),
            trouble: file.err(),
            is_environment_known,
        })
    }

    /// Whether all identifiers are known: the file was read or is known to be none, and the variables were read.
    pub(super) fn is_known(&self) -> bool {
        self.is_environment_known && matches!(self.trouble, None | Some(Unavailable::Absent | Unavailable::NotAFile(_)))
    }

    /// What the running agent holds, if it had the time to take the file up and holds something else all the same.
    pub(super) fn held_otherwise(&self, memory: &Memory) -> Option<Held> {
        // An identifier with blanks in it is printed as several; so both sides are taken apart.
        let words = |text: &str| {
            text.split([' ', '\n']).filter(|word| !word.is_empty()).map(str::to_string).collect::<Vec<_>>()
        };
        let here: BTreeSet<String> = self.ids.iter().flat_map(|id| words(&id.value)).collect();
        let ids: BTreeSet<String> = memory.status.user_defined_ids.iter().flat_map(|id| words(id)).collect();
        let had_time = self.modified.is_none_or(|modified| memory.at > modified + TAKEN_UP);
        let source = memory.path.display().to_string();
        (self.is_known() && had_time && ids != here).then_some(Held { ids, source })
    }

    pub(super) fn rows(&self) -> Vec<Evidence> {
        let label = || Text::fixed("Custom identifier", "用户自定义标识");
        let mut rows = Vec::new();
        if let Some(trouble) = self.trouble.as_ref().filter(|trouble| **trouble != Unavailable::Absent) {
            let mark = if matches!(trouble, Unavailable::NotAFile(_)) { Mark::Bad } else { Mark::Unknown };
            rows.push(Evidence::new(label(), subject::trouble(trouble), self.path.clone()).marked(mark));
        } else if self.ids.is_empty() {
            rows.push(Evidence::new(label(), Text::fixed("none", "无"), self.path.clone()));
        }
        if !self.is_environment_known {
            let label = Text::fixed("Environment of the agent", "Agent 的环境变量");
            let what = subject::trouble(&Unavailable::NotAllowed);
            rows.push(Evidence::new(label, what, "/proc/PID/environ").marked(Mark::Unknown));
        }
        let row = |id: &CustomId| {
            let source = if id.from_environment { "environment of the agent".to_string() } else { self.path.clone() };
            let (value, hex) = (id.value.escape_debug(), &id.hex);
            let value = if id.flaws.is_empty() {
                Text::same(id.value.clone())
            } else {
                say!("{value} (bytes {hex})", "{value}（字节 {hex}）")
            };
            let mark = if id.flaws.is_empty() { Mark::Note } else { Mark::Bad };
            Evidence::new(label(), value, source).marked(mark)
        };
        rows.extend(self.ids.iter().map(row));
        rows
    }

    /// Identifiers that can hardly be what anybody typed in the console.
    pub(super) fn malformed_causes(&self) -> Vec<Cause> {
        let flawed: Vec<_> = self.ids.iter().filter(|id| !id.flaws.is_empty()).collect();
        if flawed.is_empty() {
            return Vec::new();
        }
        let describe = |lang: Lang| {
            let one = |id: &&CustomId| {
                let flaws: Vec<_> = id.flaws.iter().map(|flaw| flaw.text().get(lang).to_string()).collect();
                match lang {
                    Lang::En => format!("{} ({})", id.meant, flaws.join(", ")),
                    Lang::Zh => format!("{} 带有{}", id.meant, flaws.join("、")),
                }
            };
            let between = match lang {
                Lang::En => "; ",
                Lang::Zh => "；",
            };
            flawed.iter().map(one).collect::<Vec<_>>().join(between)
        };
        let (en, zh) = (describe(Lang::En), describe(Lang::Zh));
        let path = &self.path;
        vec![Cause::fail(
            CauseId::CustomIdMalformed,
            say!(
                "An identifier in {path} has invisible or stray characters: {en}.",
                "{path} 中的标识含有不可见或多余的字符：{zh}。"
            ),
            Text::fixed(
                "The agent sends every byte, so the identifier never equals the one in the machine group.",
                "Agent 会原样上报每个字节，因此与机器组中的标识永远不相等。",
            ),
            &[RemedyId::CleanCustomId, RemedyId::WriteCustomId],
        )]
    }
}

impl Held {
    pub(super) fn has(&self, id: &str) -> bool {
        id.split(' ').filter(|word| !word.is_empty()).all(|word| self.ids.contains(word))
    }

    fn list(&self) -> String {
        let list = self.ids.iter().map(|id| id.escape_debug().to_string()).collect::<Vec<_>>().join(", ");
        if list.is_empty() { "-".to_string() } else { list }
    }

    pub(super) fn row(&self) -> Evidence {
        let label = Text::fixed("Identifier in the running agent", "运行中 Agent 持有的标识");
        let expected = Text::fixed("the same as in the file", "与文件一致");
        Evidence::new(label, Text::same(self.list()), self.source.clone()).expecting(expected).marked(Mark::Doubtful)
    }

    /// The file holds nothing any more, and the running agent holds what the group wants all the same: it replaces what
    /// it holds by something else, never by nothing (1.x source; later ones alike, as far as is known).
    pub(super) fn outlives(&self, path: &str) -> Cause {
        let list = self.list();
        Cause::warn(
            CauseId::CustomIdMissing,
            say!(
                "{path} has no identifier any more; the running agent still reports {list}, until its next start.",
                "{path} 中已没有标识；运行中的 Agent 仍在上报 {list}，下次启动后将不再上报。"
            ),
            Text::fixed(
                "An agent that has read an identifier keeps it while it runs, even when the file is emptied or removed.",
                "Agent 读取标识后，即使文件被清空或删除，运行期间仍会保留该标识。",
            ),
            &[RemedyId::WriteCustomId],
        )
    }

    pub(super) fn detail(&self) -> Text {
        let list = self.list();
        say!(
            "The running agent still holds the identifier {list}, which is not what this host says now.",
            "运行中的 Agent 仍持有标识 {list}，与本机当前的标识不一致。"
        )
    }
}
