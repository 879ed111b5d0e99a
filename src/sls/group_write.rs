//! Writes a planned edit of a machine group by the safe sequence: read again, refuse when it moved, write, read back and
//! compare. Makes a new group and removes one that was made here in the same way. A lost answer is settled by reading
//! back, never by repeating; a write that the service failed at is made again only when the group read back is as it was.
//!
//! What only adds addresses the service appends itself (UpdateMachineGroupMachine), so that nothing written by somebody
//! else at the same moment is lost. Its RAM action is a separate one, and old regions do not know the call: where it is
//! refused, the whole group is written with only its list changed (UpdateMachineGroup), as for every other edit.

use super::client::{Client, Reply};
use crate::core::observe::MachineGroup;
use crate::core::service::api::{
    DeleteMachineGroup, GetAppliedConfigs, Membership, PutMachineGroup, UpdateMachineGroupMachine,
};
use crate::core::service::error::{ErrorKind, Failure};
use crate::core::service::group_edit::{GroupEdit, Moved, appended, is_as_made, moved, verify};

/// The group is as planned.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// As it was read back.
    pub group: MachineGroup,
    /// The service's clock at the write, seconds since 1970: only a heartbeat after it proves the cure.
    pub server_time: Option<i64>,
    /// Why the answer to the write was lost, when it was: the write was carried out all the same.
    pub lost_answer: Option<Failure>,
}

/// Why the group is not as planned.
#[derive(Debug, Clone, PartialEq)]
pub enum NotWritten {
    /// Somebody else changed the group since the plan was shown; nothing was written. Plan again on `now`.
    Moved { what: Moved, now: Box<MachineGroup> },
    /// Nothing was written.
    Failed(Failure),
    /// The write failed or its answer was lost, and reading back failed too: the state is not known.
    Uncertain { write: Option<Failure>, read: Failure },
    /// The write was made, and the group read back differs from the plan in these keys.
    Differs { keys: Vec<String>, now: Box<MachineGroup> },
}

/// Reads the group after a write. Nothing else tells what became of the write, so that a broken way is tried again.
async fn read_back(client: &Client, project: &str, group: &str) -> Result<Reply<MachineGroup>, Failure> {
    let mut pauses = client.pauses().iter();
    loop {
        match (client.group(project, group).await, pauses.next()) {
            (Err(Failure::Transport(_)), Some(pause)) => tokio::time::sleep(*pause).await,
            (outcome, _) => return outcome,
        }
    }
}

/// Carries a plan out. Keep `planned.edited()` in the journal first.
///
/// # Errors
/// See [`NotWritten`].
pub async fn write(client: &Client, project: &str, planned: &GroupEdit) -> Result<Written, NotWritten> {
    let name = planned.before.name();
    let mut new = appended(planned);
    let mut pauses = client.pauses().iter();
    loop {
        // Before every write: whoever wrote while this one waited must lose nothing.
        let current = client.group(project, name).await.map_err(NotWritten::Failed)?.answer;
        if let Some(what) = moved(&planned.before, &current) {
            return Err(NotWritten::Moved { what, now: Box::new(current) });
        }
        let (server_time, lost) = match send(client, project, planned, new.as_deref()).await {
            Ok(reply) => (reply.server_time, None),
            Err(failure) if new.is_some() && is_refused(&failure) => {
                new = None;
                continue;
            }
            Err(failure) if failure.may_have_been_carried_out() => (None, Some(failure)),
            Err(failure) => match pauses.next() {
                Some(pause) if failure.is_passing() => {
                    tokio::time::sleep(*pause).await;
                    continue;
                }
                _ => return Err(NotWritten::Failed(failure)),
            },
        };
        let back = match read_back(client, project, name).await {
            Ok(back) => back,
            Err(read) => return Err(NotWritten::Uncertain { write: lost, read }),
        };
        let mut keys = verify(&planned.after, &back.answer);
        // What the service appended stands beside whatever somebody else wrote at the same moment.
        if let (Some(new), Some(list)) = (&new, back.answer.list())
            && new.iter().all(|item| list.contains(item))
        {
            keys.retain(|key| key != "machineList");
        }
        if keys.is_empty() {
            let server_time = server_time.or(back.server_time);
            return Ok(Written { server_time, group: back.answer, lost_answer: lost });
        }
        match lost {
            Some(failure) if moved(&planned.before, &back.answer).is_none() => match pauses.next() {
                Some(pause) if failure.is_passing() => tokio::time::sleep(*pause).await,
                _ => return Err(NotWritten::Failed(failure)),
            },
            _ => return Err(NotWritten::Differs { keys, now: Box::new(back.answer) }),
        }
    }
}

/// Sends the edit: what is `new` is appended by the service, else the whole group is written.
async fn send(
    client: &Client,
    project: &str,
    planned: &GroupEdit,
    new: Option<&[String]>,
) -> Result<Reply<()>, Failure> {
    match new {
        Some(new) => {
            let call = UpdateMachineGroupMachine {
                project: project.to_string(),
                group: planned.before.name().to_string(),
                membership: Membership::Add,
                machines: new.to_vec(),
            };
            client.call(&call).await
        }
        None => {
            let group = planned.after.clone();
            client.call(&PutMachineGroup { project: project.to_string(), group, create: false }).await
        }
    }
}

/// Whether the service will not append by itself, though it may well take the whole group.
fn is_refused(failure: &Failure) -> bool {
    matches!(failure, Failure::Api(error) if matches!(error.status, 401 | 403 | 404 | 405))
}

/// Makes a group (CreateMachineGroup) and reads it back.
///
/// # Errors
/// See [`NotWritten`]; a group of this name that is there already is [`NotWritten::Moved`].
pub async fn create(client: &Client, project: &str, group: &MachineGroup) -> Result<Written, NotWritten> {
    match client.group(project, group.name()).await {
        Ok(there) => {
            return Err(NotWritten::Moved { what: Moved { list: Vec::new() }, now: Box::new(there.answer) });
        }
        Err(failure) if is_missing(&failure) => {}
        Err(failure) => return Err(NotWritten::Failed(failure)),
    }
    let post = PutMachineGroup { project: project.to_string(), group: group.clone(), create: true };
    let (server_time, lost) = match client.call(&post).await {
        Ok(reply) => (reply.server_time, None),
        Err(failure) if failure.may_have_been_carried_out() => (None, Some(failure)),
        Err(failure) => return Err(NotWritten::Failed(failure)),
    };
    match client.group(project, group.name()).await {
        Ok(back) if is_as_made(group, &back.answer) => {
            Ok(Written { server_time: server_time.or(back.server_time), group: back.answer, lost_answer: lost })
        }
        Ok(back) => Err(NotWritten::Differs { keys: verify(group, &back.answer), now: Box::new(back.answer) }),
        Err(read) => match lost {
            Some(failure) if is_missing(&read) => Err(NotWritten::Failed(failure)),
            lost => Err(NotWritten::Uncertain { write: lost, read }),
        },
    }
}

/// Removes a group that this program made (DeleteMachineGroup), if it still is as it was made and no collection
/// configuration is applied to it; and sees that it is gone.
///
/// # Errors
/// See [`NotWritten`].
pub async fn remove(client: &Client, project: &str, group: &MachineGroup) -> Result<(), NotWritten> {
    let current = client.group(project, group.name()).await.map_err(NotWritten::Failed)?.answer;
    if !is_as_made(group, &current) {
        let what = moved(group, &current).unwrap_or(Moved { list: Vec::new() });
        return Err(NotWritten::Moved { what, now: Box::new(current) });
    }
    // Whoever gave it a configuration meanwhile uses it.
    let configs = GetAppliedConfigs { project: project.to_string(), group: group.name().to_string() };
    if !client.call(&configs).await.map_err(NotWritten::Failed)?.answer.is_empty() {
        return Err(NotWritten::Moved { what: Moved { list: Vec::new() }, now: Box::new(current) });
    }
    let call = DeleteMachineGroup { project: project.to_string(), group: group.name().to_string() };
    let lost = match client.call(&call).await {
        Ok(_) => None,
        Err(failure) if failure.may_have_been_carried_out() => Some(failure),
        Err(failure) => return Err(NotWritten::Failed(failure)),
    };
    match client.group(project, group.name()).await {
        Err(read) if is_missing(&read) => Ok(()),
        Err(read) => Err(NotWritten::Uncertain { write: lost, read }),
        Ok(back) => match lost {
            Some(failure) => Err(NotWritten::Failed(failure)),
            None => Err(NotWritten::Differs { keys: Vec::new(), now: Box::new(back.answer) }),
        },
    }
}

/// Whether the answer says that there is no such group.
fn is_missing(failure: &Failure) -> bool {
    failure.kind() == Some(&ErrorKind::GroupNotExist)
}
