//! The service's API in a laboratory: the same answers as in the tests of the client, on the laboratory's own group, with
//! the heartbeats that really came as the machines of the group.

use crate::answers::{Reply, Request, reply};
use lab::cloud::State;
use lab::plan::{self, Group, Heartbeat};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Requests are carried out one after the other.
static ONE_BY_ONE: Mutex<()> = Mutex::new(());

/// Carries a request out. `now` is the service's clock, in seconds since 1970, and `offset` what it is ahead of the host's.
pub fn carry_out(lab: &Path, request: &Request, now: i64, offset: i64) -> io::Result<Reply> {
    let _alone = ONE_BY_ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut kept: State = plan::read(&lab.join("cloud.json"))?;
    let mut group: Group = plan::read(&lab.join("group.json"))?;
    let mut state = kept.clone();
    state.groups.insert(group.name.clone(), group.object());
    for machine in &mut state.machines {
        if let Some(ago) = machine["lastHeartbeatTime"].as_i64().filter(|ago| *ago <= 0) {
            machine["lastHeartbeatTime"] = json!(now + ago);
        }
    }
    state.machines.extend(heard(lab, &group, offset));
    let replied = reply(request, &mut state, now);
    let mut log = std::fs::OpenOptions::new().create(true).append(true).open(lab.join("requests.log"))?;
    log.write_all(state.log.iter().map(|line| format!("{line}\n")).collect::<String>().as_bytes())?;
    if let Some(written) = state.groups.remove(&group.name)
        && written != group.object()
    {
        group.take(&written);
        plan::write(&lab.join("group.json"), &group)?;
    }
    let after = State { machines: kept.machines.clone(), log: Vec::new(), ..state };
    if after != kept {
        kept = after;
        plan::write(&lab.join("cloud.json"), &kept)?;
    }
    Ok(replied)
}

/// The machines of the group that were heard, each by its last heartbeat that was counted.
fn heard(lab: &Path, group: &Group, offset: i64) -> Vec<Value> {
    let lines = std::fs::read_to_string(lab.join("heartbeats.jsonl")).unwrap_or_default();
    let mut last: BTreeMap<(String, String), Value> = BTreeMap::new();
    for Heartbeat { at_ms, beat, refused, .. } in lines.lines().filter_map(|line| serde_json::from_str(line).ok()) {
        let mut identities = if group.custom { beat.custom_ids.clone() } else { vec![beat.ip.clone()] };
        identities.retain(|identity| group.members.contains(identity));
        let Some(identity) = identities.pop().filter(|_| refused.is_none()) else { continue };
        let at = i64::try_from(at_ms / 1000).unwrap_or(0) + offset;
        let machine = json!({"ip": beat.ip, "machine-uniqueid": beat.uuid, "host-id": beat.host_id,
            "userdefined-id": if group.custom { identity } else { String::new() },
            "lastHeartbeatTime": at, "binary": beat.version});
        last.insert((beat.ip, beat.uuid), machine);
    }
    last.into_values().collect()
}
