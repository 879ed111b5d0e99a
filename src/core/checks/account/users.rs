//! The accounts that this host names: in `users/`, and in the agent's environment.

use super::super::subject::{self, Memory};
use crate::core::agent::identity_files::{self, UserId, UserNameKind};
use crate::core::agent::layout::Agent;
use crate::core::finding::{Cause, CauseId, Evidence, Mark, RemedyId};
use crate::core::observe::{Observations, Together, Unanswered, Unavailable};
use crate::core::text::Text;
use crate::say;

/// The agent reads the directory anew once a minute, in seconds.
const TAKEN_UP: i64 = 60;

/// What `users/` and the environment say.
pub struct Users {
    pub(super) path: String,
    pub ids: Vec<UserId>,
    trouble: Option<Unavailable>,
    /// Whether a regular file stands where the directory belongs.
    is_file: bool,
    /// Whether there are more names than were listed.
    is_cut: bool,
    is_environment_known: bool,
    /// Name and time of each entry.
    written: Vec<(String, i64)>,
}

impl Users {
    /// Reads the accounts as the agent merges them.
    ///
    /// # Errors
    /// Something has not been looked at yet.
    pub fn read(see: &Observations, agent: &Agent) -> Result<Users, Unanswered> {
        let path = agent.conf_dir.join("users");
        let (dir, is_environment_known) = (see.dir(&path), subject::is_environment_known(see, agent)).together()?;
        let is_file = match dir {
            Err(Unavailable::NotAFile(_) | Unavailable::Other(_)) => see.file(&path)?.is_ok(),
            _ => false,
        };
        let variable = agent.environment.iter().find(|(name, _)| name == "ALIYUN_LOGTAIL_USER_ID");
        let entries = dir.as_ref().map(|dir| dir.entries.as_slice()).unwrap_or_default();
        Ok(Users {
            path: path.display().to_string(),
            ids: identity_files::user_ids(dir.as_ref().ok(), variable.map(|(_, value)| value.as_str())),
            trouble: dir.as_ref().err().cloned(),
            is_file,
            is_cut: dir.as_ref().is_ok_and(|dir| dir.cut),
            is_environment_known,
            written: entries.iter().map(|entry| (entry.name.clone(), entry.modified)).collect(),
        })
    }

    /// Why an id that was not found may be there all the same.
    pub(super) fn unknown(&self) -> Option<Text> {
        let path = &self.path;
        match &self.trouble {
            Some(trouble) if *trouble != Unavailable::Absent && !self.is_file => {
                let what = subject::trouble(trouble);
                let (en, zh) = what.both();
                Some(say!("{path}: {en}.", "{path}：{zh}。"))
            }
            _ if !self.is_environment_known => Some(say!(
                "{path} was read, but the agent's environment, which may name more accounts, was not; run as root.",
                "已读取 {path}，但未能读取 Agent 的环境变量，其中可能还有其他账号；请以 root 运行。"
            )),
            _ if self.is_cut => Some(say!("{path} has too many names to list.", "{path} 中名称过多，未能列全。")),
            _ => None,
        }
    }

    /// Whether the running agent had the time to take up this id of the directory, and has not.
    pub(super) fn is_not_taken_up(&self, owner: &str, memory: &Memory) -> bool {
        let written = self.written.iter().find(|(name, _)| name == owner).map(|(_, written)| *written);
        !memory.status.has_aliuid(owner) && written.is_some_and(|written| memory.at > written.saturating_add(TAKEN_UP))
    }

    pub(super) fn rows(&self, owner: Option<&str>) -> Vec<Evidence> {
        let label = Text::same(self.path.clone());
        if self.is_file {
            let value = Text::fixed("a file, not a directory", "是文件而不是目录");
            return vec![Evidence::new(label, value, self.path.clone()).marked(Mark::Bad)];
        }
        if let Some(trouble) = self.trouble.as_ref().filter(|_| self.ids.is_empty()) {
            let mark = if *trouble == Unavailable::Absent { Mark::Note } else { Mark::Unknown };
            return vec![Evidence::new(label, subject::trouble(trouble), self.path.clone()).marked(mark)];
        }
        if self.ids.is_empty() {
            return vec![Evidence::new(label, Text::fixed("empty", "空"), self.path.clone())];
        }
        let row = |id: &UserId| {
            let what = id.kind.text();
            let (name, (en, zh)) = (id.name.escape_debug(), what.both());
            let value = match id.kind {
                UserNameKind::Proper => Text::same(id.name.clone()),
                UserNameKind::OtherLength if id.is_ram_like() => {
                    say!("{name}: looks like a RAM user's id", "{name}：疑似 RAM 用户 ID")
                }
                _ => say!("{name}: {en}", "{name}：{zh}"),
            };
            let mark = match (owner, id.kind) {
                (Some(owner), _) if owner == id.name => Mark::Good,
                _ if id.is_ram_like() => Mark::Doubtful,
                (_, UserNameKind::Proper | UserNameKind::OtherLength) => Mark::Note,
                _ => Mark::Doubtful,
            };
            let source = if id.from_environment { "ALIYUN_LOGTAIL_USER_ID".to_string() } else { self.path.clone() };
            Evidence::new(Text::fixed("AliUid on this host", "本机的 AliUid"), value, source).marked(mark)
        };
        self.ids.iter().map(row).collect()
    }

    /// What puts a wrong name right; the owner's id is added only where it is known to be missing.
    fn remedies(&self, owner: Option<&str>) -> &'static [RemedyId] {
        match owner {
            Some(_) => &[RemedyId::RenameAliuid, RemedyId::AddAliuid],
            None => &[RemedyId::RenameAliuid],
        }
    }

    /// Names that cannot authorise. The one that was meant for the owner is the fault itself; the others are warnings.
    pub(super) fn malformed(&self, owner: Option<&str>) -> Vec<Cause> {
        let is_flawed = |id: &&UserId| !matches!(id.kind, UserNameKind::Proper | UserNameKind::OtherLength);
        let cause = |id: &UserId| {
            let what = id.kind.text();
            let place = if id.from_environment { "ALIYUN_LOGTAIL_USER_ID" } else { self.path.as_str() };
            let (name, (en, zh)) = (id.name.escape_debug(), what.both());
            let detail = say!("In {place}, \"{name}\" is {en}.", "{place} 中的“{name}”：{zh}。");
            let why = Text::fixed(
                "The name itself is the id, and it must be the main account's, nothing else.",
                "文件名本身就是账号 ID，必须恰好是主账号 ID。",
            );
            let is_the_fault = owner.is_some() && id.meant.as_deref() == owner;
            // A stray name is put right by renaming as well: to the owner's id that the operator tells.
            let remedies = self.remedies(owner);
            if is_the_fault {
                Cause::fail(CauseId::AliuidMalformed, detail, why, remedies)
            } else {
                Cause::warn(CauseId::AliuidMalformed, detail, why, remedies)
            }
        };
        let mut causes: Vec<Cause> = self.ids.iter().filter(is_flawed).map(cause).collect();
        let ram = self.ids.iter().find(|id| id.is_ram_like() && owner.is_none_or(|owner| owner != id.name));
        if let Some(id) = ram {
            let name = &id.name;
            causes.push(Cause::warn(
                CauseId::AliuidMalformed,
                say!(
                    "{name} looks like the id of a RAM user, not of a main account.",
                    "{name} 看起来是 RAM 用户的 ID，而不是主账号 ID。"
                ),
                Text::fixed(
                    "Only the main account's id authorises; compare it with the console's account menu.",
                    "只有主账号 ID 才有效；请与控制台账号信息对比。",
                ),
                self.remedies(owner),
            ));
        }
        if self.is_file {
            let path = &self.path;
            let detail = say!("{path} is a file, not a directory.", "{path} 是文件而不是目录。");
            let why = Text::fixed(
                "The agent looks for names in a directory; what is written inside a file does not count.",
                "Agent 读取的是目录中的文件名；写在文件内容中的账号无效。",
            );
            let make = if owner.is_some() { Cause::fail } else { Cause::warn };
            causes.push(make(CauseId::AliuidMalformed, detail, why, &[RemedyId::AddAliuid]));
        }
        causes
    }
}
