//! Step 8: is this host authorised for the account that owns the project? A file named with that account's main id must
//! stand in `users/`, unless the host is an ECS instance of the same account. A directory that is not empty proves
//! nothing: the installer itself puts the instance owner's id there.

use super::place;
use super::subject;
use crate::agent::identity_files::{self, UserId, UserNameKind};
use crate::agent::layout::Agent;
use crate::context::{Context, Field};
use crate::finding::{Cause, CauseId, Evidence, Finding, Mark, RemedyId, StepId};
use crate::host::{Seen, Trouble, Unseen};
use crate::say;
use crate::text::{Lang, Text};

const STEP: StepId = StepId::Account;

/// Judges step 8.
///
/// # Errors
/// Something has not been looked at yet.
pub fn check(see: &Seen, told: &Context) -> Result<Finding, Unseen> {
    let Some(agent) = subject::agent(see)? else { return Ok(subject::no_agent(STEP)) };
    let users = Users::read(see, &agent)?;
    let mut evidence = users.rows(told.aliuid.as_deref());
    let label = Text::fixed("Same account", "同账号");
    let is_there = users.ids.iter().any(|id| told.aliuid.as_ref() == Some(&id.name));
    let place::Account { same, source, rows } =
        if is_there { place::Account::told(told) } else { place::account(see, &agent, told)? };
    evidence.extend(rows);
    let told = &Context { same_account: same, ..told.clone() };
    match told.same_account {
        Some(true) => {
            let value = Text::fixed("yes: no AliUid file is needed", "是：不需要 AliUid 文件");
            evidence.push(Evidence::new(label, value, source).marked(Mark::Good));
            let causes = users.malformed(None);
            let text = Text::fixed(
                "Not needed: this host is an ECS instance of the account that owns the project.",
                "不需要：本机是 Project 所属账号下的 ECS。",
            );
            return Ok(Finding::judged(STEP, text, causes, evidence));
        }
        Some(false) => {
            let value = Text::fixed("no: the owner's AliUid file is needed", "否：需要 Project 主账号的 AliUid 文件");
            evidence.push(Evidence::new(label, value, source));
        }
        None => {}
    }
    if let Some(trouble) = users.trouble.as_ref().filter(|trouble| **trouble != Trouble::Absent) {
        let what = subject::trouble(trouble);
        let (en, zh) = (what.get(Lang::En), what.get(Lang::Zh));
        let path = &users.path;
        let text = Text::filled(format!("{path}: {en}."), format!("{path}：{zh}。"));
        return Ok(Finding::unknown(STEP, text, evidence));
    }
    Ok(match &told.aliuid {
        Some(owner) => with_owner(told, owner, &users, evidence),
        None => without_owner(told, &users, evidence),
    })
}

/// What `users/` and the environment say.
pub struct Users {
    path: String,
    pub ids: Vec<UserId>,
    trouble: Option<Trouble>,
}

impl Users {
    /// Reads the accounts as the agent merges them.
    ///
    /// # Errors
    /// Something has not been looked at yet.
    pub fn read(see: &Seen, agent: &Agent) -> Result<Users, Unseen> {
        let path = agent.conf_dir.join("users");
        let dir = see.dir(&path)?;
        let variable = agent.environment.iter().find(|(name, _)| name == "ALIYUN_LOGTAIL_USER_ID");
        Ok(Users {
            path: path.display().to_string(),
            ids: identity_files::user_ids(dir.as_ref().ok(), variable.map(|(_, value)| value.as_str())),
            trouble: dir.as_ref().err().cloned(),
        })
    }

    fn rows(&self, owner: Option<&str>) -> Vec<Evidence> {
        let label = Text::same(self.path.clone());
        if let Some(trouble) = &self.trouble {
            let mark = if *trouble == Trouble::Absent { Mark::Note } else { Mark::Unknown };
            return vec![Evidence::new(label, subject::trouble(trouble), self.path.clone()).marked(mark)];
        }
        if self.ids.is_empty() {
            return vec![Evidence::new(label, Text::fixed("empty", "空"), self.path.clone())];
        }
        let row = |id: &UserId| {
            let what = id.kind.text();
            let (name, en, zh) = (&id.name, what.get(Lang::En), what.get(Lang::Zh));
            let value = match id.kind {
                UserNameKind::Proper => Text::same(name.clone()),
                _ => Text::filled(format!("{name}: {en}"), format!("{name}：{zh}")),
            };
            let mark = match (owner, id.kind) {
                (Some(owner), _) if owner == id.name => Mark::Good,
                (_, UserNameKind::Proper | UserNameKind::OtherLength) => Mark::Note,
                _ => Mark::Doubtful,
            };
            let source = if id.from_environment { "ALIYUN_LOGTAIL_USER_ID".to_string() } else { self.path.clone() };
            Evidence::new(Text::fixed("AliUid on this host", "本机的 AliUid"), value, source).marked(mark)
        };
        self.ids.iter().map(row).collect()
    }

    /// Names that cannot authorise. The one that was meant for the owner is the fault itself; the others are warnings.
    fn malformed(&self, owner: Option<&str>) -> Vec<Cause> {
        let is_flawed = |id: &&UserId| !matches!(id.kind, UserNameKind::Proper | UserNameKind::OtherLength);
        let cause = |id: &UserId| {
            let what = id.kind.text();
            let (path, name) = (&self.path, &id.name);
            let (en, zh) = (what.get(Lang::En), what.get(Lang::Zh));
            let detail = Text::filled(format!("{path}/{name}: {en}."), format!("{path}/{name}：{zh}。"));
            let why = Text::fixed(
                "The name itself is the id, and it must be the main account's, nothing else.",
                "文件名本身就是账号 ID，必须恰好是主账号 ID。",
            );
            let is_the_fault = owner.is_some() && id.meant.as_deref() == owner;
            let remedies: &[RemedyId] = if id.meant.is_some() {
                &[RemedyId::RenameAliuid, RemedyId::AddAliuid]
            } else {
                &[RemedyId::AddAliuid]
            };
            if is_the_fault {
                Cause::fail(CauseId::AliuidMalformed, detail, why, remedies)
            } else {
                Cause::warn(CauseId::AliuidMalformed, detail, why, if id.meant.is_some() { remedies } else { &[] })
            }
        };
        self.ids.iter().filter(is_flawed).map(cause).collect()
    }
}

/// The owner's id is known: is it there?
fn with_owner(told: &Context, owner: &str, users: &Users, evidence: Vec<Evidence>) -> Finding {
    let path = &users.path;
    if users.ids.iter().any(|id| id.name == owner) {
        let causes = users.malformed(None);
        let text = say!("{path}/{owner} is there.", "{path}/{owner} 已存在。");
        return Finding::judged(STEP, text, causes, evidence);
    }
    let malformed = users.malformed(Some(owner));
    if told.same_account.is_none() {
        let text = say!(
            "{owner} is not in {path}. It is needed unless this host is an ECS instance of that account: tell which.",
            "{path} 中没有 {owner}。如果本机不是该账号下的 ECS，则需要它：请填写是否同账号。"
        );
        let finding = Finding::judged(STEP, text.clone(), malformed, evidence);
        let finding = if finding.causes.is_empty() { Finding::unknown(STEP, text, finding.evidence) } else { finding };
        return finding.wanting(&[Field::SameAccount]);
    }
    let others: Vec<_> =
        users.ids.iter().filter(|id| id.kind == UserNameKind::Proper).map(|id| id.name.as_str()).collect();
    let mut causes = malformed;
    if !causes.iter().any(|cause| cause.severity == crate::finding::Severity::Fail) {
        let why = Text::fixed(
            "Without the owner's id the service does not let this host report to the project.",
            "没有 Project 主账号的 ID，服务端不允许本机向该 Project 上报。",
        );
        let list = others.join(", ");
        causes.insert(
            0,
            if others.is_empty() {
                let detail = say!("{path} has no file {owner}.", "{path} 中没有文件 {owner}。");
                Cause::fail(CauseId::AliuidMissing, detail, why, &[RemedyId::AddAliuid])
            } else {
                let detail = say!(
                    "{path} names {list}, but not the project's owner {owner}.",
                    "{path} 中是 {list}，没有 Project 主账号 {owner}。"
                );
                Cause::fail(CauseId::AliuidNotOwner, detail, why, &[RemedyId::AddAliuid])
            },
        );
    }
    let summary = causes.first().map_or_else(|| Text::fixed("", ""), |cause| cause.detail.clone());
    Finding::judged(STEP, summary, causes, evidence)
}

/// The owner's id is not known.
fn without_owner(told: &Context, users: &Users, evidence: Vec<Evidence>) -> Finding {
    let path = &users.path;
    let wants = [Field::SameAccount, Field::Aliuid];
    let has_any = users.ids.iter().any(|id| id.name.chars().all(|c| c.is_ascii_digit()));
    if told.same_account == Some(false) && !has_any {
        let detail = say!("{path} names no account.", "{path} 中没有任何账号。");
        let why = Text::fixed(
            "A host outside the project's account must name that account, or the service refuses it.",
            "不在 Project 所属账号下的主机必须声明该账号，否则服务端会拒绝。",
        );
        let mut causes = vec![Cause::fail(CauseId::AliuidMissing, detail.clone(), why, &[RemedyId::AddAliuid])];
        causes.extend(users.malformed(None));
        return Finding::judged(STEP, detail, causes, evidence).wanting(&wants);
    }
    let causes = users.malformed(None);
    let text = match has_any {
        true => Text::fixed(
            "Compare the AliUid below with the main account of the project's owner, or tell it here.",
            "请将下面的 AliUid 与 Project 所属主账号对比，或在此填写。",
        ),
        false => Text::fixed(
            "No AliUid is here. It is needed unless this host is an ECS instance of the project's account: tell which.",
            "本机没有 AliUid。如果本机不是 Project 所属账号下的 ECS，则需要它：请填写。",
        ),
    };
    let mut finding = Finding::judged(STEP, text.clone(), causes, evidence);
    if finding.causes.is_empty() {
        finding = Finding::unknown(STEP, text, finding.evidence);
    }
    finding.wanting(&wants)
}
