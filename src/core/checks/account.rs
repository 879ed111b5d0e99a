//! Step 8: is this host authorised for the account that owns the project? A file named with that account's main id must
//! stand in `users/`, unless the host is an ECS instance of the same account. A directory that is not empty proves
//! nothing: the installer itself puts the instance owner's id there.

mod users;

use self::users::Users;
use super::place;
use super::subject::{self, Memory};
use crate::core::agent::identity_files::UserNameKind;
use crate::core::agent::service;
use crate::core::context::{Context, Field};
use crate::core::finding::{Cause, CauseId, Evidence, Finding, Mark, RemedyId, Severity, StepId, Verdict};
use crate::core::observe::{Observations, Together, Unanswered};
use crate::core::text::Text;
use crate::say;

const STEP: StepId = StepId::Account;

/// Judges step 8.
///
/// # Errors
/// Something has not been looked at yet.
pub fn check(see: &Observations, told: &Context) -> Result<Finding, Unanswered> {
    let Some(agent) = subject::agent(see)? else { return Ok(subject::nothing_reported(STEP)) };
    if agent.community {
        return Ok(subject::community(STEP));
    }
    let (users, memory, owner) =
        (Users::read(see, &agent), subject::memory(see, &agent), service::owner(see, told)).together()?;
    let (told, owner_row) = known_owner(told, owner);
    let told = &told;
    let is_there = told.aliuid.as_ref().is_some_and(|owner| users.ids.iter().any(|id| id.name == *owner));
    let mut evidence: Vec<_> = subject::conf_dir_row(&agent).into_iter().collect();
    evidence.extend(users.rows(told.aliuid.as_deref()));
    evidence.extend(owner_row);
    // With the owner's file there, nobody need ask whose instance this is.
    let place::Account { same, source, rows } =
        if is_there { place::Account::told(told) } else { place::account(see, &agent, told)? };
    evidence.extend(rows);
    evidence.extend(same.map(|same| same_account_row(same, source)));
    if same == Some(true) {
        let causes = users.malformed(None);
        let text = Text::fixed(
            "Not needed: this host is an ECS instance of the account that owns the project.",
            "不需要：本机是 Project 所属账号下的 ECS。",
        );
        return Ok(Finding::judged(STEP, text, causes, evidence));
    }
    if let (false, Some(text)) = (is_there, users.unknown()) {
        return Ok(Finding::unknown(STEP, text, evidence).wanting(&[Field::SameAccount]));
    }
    Ok(match &told.aliuid {
        Some(owner) => with_owner(owner, same, &users, memory.as_ref(), evidence),
        None => without_owner(same, &users, evidence),
    })
}

/// The context with the owner that the service knows; it outranks what was told.
fn known_owner(told: &Context, owner: Option<(String, &'static str)>) -> (Context, Option<Evidence>) {
    let Some((owner, source)) = owner else { return (told.clone(), None) };
    let label = Text::fixed("Owner of the project", "Project 所属主账号");
    let row = match told.aliuid.as_deref().filter(|typed| *typed != owner) {
        Some(typed) => {
            let value = say!("{owner}, not {typed} as told", "{owner}，而不是填写的 {typed}");
            Evidence::new(label, value, source).marked(Mark::Doubtful)
        }
        None => Evidence::new(label, Text::same(owner.clone()), source),
    };
    (Context { aliuid: Some(owner), ..told.clone() }, Some(row))
}

fn same_account_row(same: bool, source: String) -> Evidence {
    let label = Text::fixed("Same account", "同账号");
    match same {
        true => {
            let value = Text::fixed("yes: no AliUid file is needed", "是：不需要 AliUid 文件");
            Evidence::new(label, value, source).marked(Mark::Good)
        }
        false => {
            let value = Text::fixed("no: the owner's AliUid file is needed", "否：需要 Project 主账号的 AliUid 文件");
            Evidence::new(label, value, source)
        }
    }
}

/// The owner's id is known: is it there?
fn with_owner(
    owner: &str,
    same: Option<bool>,
    users: &Users,
    memory: Option<&Memory>,
    mut evidence: Vec<Evidence>,
) -> Finding {
    let path = &users.path;
    if users.ids.iter().any(|id| id.name == owner) {
        let mut causes = users.malformed(None);
        if let Some(memory) = memory.filter(|memory| users.is_not_taken_up(owner, memory)) {
            let list = memory.status.aliuids.join(", ");
            let label = Text::fixed("AliUids in the running agent", "运行中 Agent 持有的 AliUid");
            let value = if list.is_empty() { Text::fixed("none", "无") } else { Text::same(list) };
            let row = Evidence::new(label, value, memory.path.display().to_string());
            evidence.push(row.expecting(say!("contains {owner}", "包含 {owner}")).marked(Mark::Bad));
            causes.insert(
                0,
                Cause::fail(
                    CauseId::AliuidMissing,
                    say!(
                        "{path}/{owner} is there, but the running agent has not taken it up.",
                        "{path}/{owner} 已存在，但运行中的 Agent 尚未读取。"
                    ),
                    Text::fixed(
                        "It normally does so within a minute; until then the service does not let this host report.",
                        "Agent 通常在一分钟内读取；在此之前服务端不允许本机上报。",
                    ),
                    &[RemedyId::RestartAgent],
                ),
            );
        }
        let text = match causes.iter().max_by_key(|cause| cause.severity) {
            Some(cause) if cause.severity == Severity::Fail => cause.detail.clone(),
            _ => say!("{path}/{owner} is there.", "{path}/{owner} 已存在。"),
        };
        return Finding::judged(STEP, text, causes, evidence);
    }
    let mut causes = users.malformed(Some(owner));
    if same.is_none() {
        let text = say!(
            "{owner} is not in {path}. It is needed unless this host is an ECS instance of that account: tell which.",
            "{path} 中没有 {owner}。如果本机不是该账号下的 ECS，则需要它：请填写是否同账号。"
        );
        // Whether it is needed is not known, so a flawed name cannot be the fault yet.
        for cause in &mut causes {
            cause.severity = Severity::Warn;
        }
        return Finding { verdict: Verdict::Unknown, ..Finding::judged(STEP, text, causes, evidence) }
            .wanting(&[Field::SameAccount]);
    }
    if let (true, Some(memory)) = (users.ids.is_empty(), memory.filter(|memory| memory.status.has_aliuid(owner))) {
        causes.insert(0, outlived(owner, users, memory));
    } else if !causes.iter().any(|cause| cause.severity == Severity::Fail) {
        causes.insert(0, absent(owner, users));
    }
    let summary = causes.first().map_or_else(|| absent(owner, users).detail, |cause| cause.detail.clone());
    Finding::judged(STEP, summary, causes, evidence)
}

/// The owner's id is needed and not there any more, but the running agent has it all the same: it replaces what it holds by
/// something else, never by nothing (1.x source; later ones alike, as far as is known).
fn outlived(owner: &str, users: &Users, memory: &Memory) -> Cause {
    let (path, source) = (&users.path, memory.path.display());
    Cause::warn(
        CauseId::AliuidMissing,
        say!(
            "{path} has no file {owner} any more; the running agent still holds that id ({source}), until its next start.",
            "{path} 中已没有文件 {owner}；运行中的 Agent 仍持有该 ID（{source}），下次启动后将不再持有。"
        ),
        Text::fixed(
            "An agent that has read an account's id keeps it while it runs, even when the last file is removed.",
            "Agent 读取账号 ID 后，即使最后一个文件被删除，运行期间仍会保留。",
        ),
        &[RemedyId::AddAliuid],
    )
}

/// The owner's id is needed and not there.
fn absent(owner: &str, users: &Users) -> Cause {
    let path = &users.path;
    let why = Text::fixed(
        "Without the owner's id the service does not let this host report to the project.",
        "没有 Project 主账号的 ID，服务端不允许本机向该 Project 上报。",
    );
    let is_id = |kind| matches!(kind, UserNameKind::Proper | UserNameKind::OtherLength);
    let others: Vec<_> = users.ids.iter().filter(|id| is_id(id.kind)).map(|id| id.name.as_str()).collect();
    let list = others.join(", ");
    if others.is_empty() {
        let detail = say!("{path} has no file {owner}.", "{path} 中没有文件 {owner}。");
        return Cause::fail(CauseId::AliuidMissing, detail, why, &[RemedyId::AddAliuid]);
    }
    let detail = say!(
        "{path} names {list}, but not the project's owner {owner}.",
        "{path} 中是 {list}，没有 Project 主账号 {owner}。"
    );
    Cause::fail(CauseId::AliuidNotOwner, detail, why, &[RemedyId::AddAliuid])
}

/// The owner's id is not known.
fn without_owner(same: Option<bool>, users: &Users, evidence: Vec<Evidence>) -> Finding {
    let path = &users.path;
    let wants = [Field::SameAccount, Field::Aliuid];
    let has_any = users.ids.iter().any(|id| id.name.chars().all(|c| c.is_ascii_digit()));
    let mut causes = users.malformed(None);
    if same == Some(false) && !has_any {
        let detail = say!("{path} names no account.", "{path} 中没有任何账号。");
        let why = Text::fixed(
            "A host outside the project's account must name that account, or the service refuses it.",
            "不在 Project 所属账号下的主机必须声明该账号，否则服务端会拒绝。",
        );
        causes.insert(0, Cause::fail(CauseId::AliuidMissing, detail.clone(), why, &[RemedyId::AddAliuid]));
        return Finding::judged(STEP, detail, causes, evidence).wanting(&wants);
    }
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
    let judged = Finding::judged(STEP, text, causes, evidence);
    Finding { verdict: Verdict::Unknown, ..judged }.wanting(&wants)
}
