//! Writes a planned edit of a machine group by the safe sequence: read again, refuse when it moved, write the whole
//! group with only its list changed, read back and compare. A lost answer is settled by reading back, never by
//! repeating; a write that the service failed at is made again only when the group read back is as it was.

use super::api::PutMachineGroup;
use super::client::{Client, Reply};
use super::error::Failure;
use super::group::MachineGroup;
use super::group_edit::{Moved, Planned, moved, verify};

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
pub async fn write(client: &Client, project: &str, planned: &Planned) -> Result<Written, NotWritten> {
    let name = planned.before.name();
    let current = client.group(project, name).await.map_err(NotWritten::Failed)?.answer;
    if let Some(what) = moved(&planned.before, &current) {
        return Err(NotWritten::Moved { what, now: Box::new(current) });
    }
    let put = PutMachineGroup { project: project.to_string(), group: planned.after.clone(), create: false };
    let mut pauses = client.pauses().iter();
    loop {
        let (server_time, lost) = match client.call(&put).await {
            Ok(reply) => (reply.server_time, None),
            Err(failure) if failure.may_have_been_carried_out() => (None, Some(failure)),
            Err(failure) => return Err(NotWritten::Failed(failure)),
        };
        let back = match read_back(client, project, name).await {
            Ok(back) => back,
            Err(read) => return Err(NotWritten::Uncertain { write: lost, read }),
        };
        let keys = verify(&planned.after, &back.answer);
        if keys.is_empty() {
            let server_time = server_time.or(back.server_time);
            return Ok(Written { server_time, group: back.answer, lost_answer: lost });
        }
        match lost {
            Some(failure) if moved(&planned.before, &back.answer).is_none() => match pauses.next() {
                // The service failed at it, and nobody has written since.
                Some(pause) if failure.is_passing() => tokio::time::sleep(*pause).await,
                _ => return Err(NotWritten::Failed(failure)),
            },
            _ => return Err(NotWritten::Differs { keys, now: Box::new(back.answer) }),
        }
    }
}
