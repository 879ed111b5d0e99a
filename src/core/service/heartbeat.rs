//! Judges what ListMachines says of one machine: does its heartbeat arrive? Pure; the service's clock is an input.
//!
//! The service lists only machines with a heartbeat, without a status: absent means none (API reference, ListMachines).
//! No document says after how long a silent machine drops out, so the limits here are this program's own.

use crate::core::observe::Machine;
use std::time::Duration;

/// Up to this age a heartbeat is alive, in seconds.
pub const ALIVE_S: i64 = 120;
/// Up to this age it is stale: one should wait. Beyond it is dead. In seconds.
pub const STALE_S: i64 = 600;
/// How long to wait at most: the documents speak of one minute after an edit and two for a new group.
pub const POLL_AT_MOST: Duration = Duration::from_secs(180);

/// How this machine is recognised in the list, from `app_info.json`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Own {
    pub ip: String,
    /// `UUID`; may be empty.
    pub uuid: String,
    /// `host_id`, enterprise edition; may be empty.
    pub host_id: String,
}

/// What the heartbeat is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pulse {
    /// Young enough, and younger than the cure. Age in seconds.
    Alive { age_s: i64 },
    /// Not young enough, older than the cure, or without a time: wait. Age in seconds.
    Stale { age_s: Option<i64> },
    /// Too old to wait for. Age in seconds.
    Dead { age_s: i64 },
    /// Not in the list.
    Absent,
}

/// How sure it is that the entry is this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// Address and machine id agree.
    ThisMachine,
    /// The address agrees; one side has no id to compare. In VPCs several machines can share an address.
    IpOnly,
}

/// What the list says of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    pub pulse: Pulse,
    /// None when absent.
    pub by: Option<Match>,
    /// The entry that was judged.
    pub machine: Option<Machine>,
    /// How many other machines, by their ids, have the same address.
    pub strangers: usize,
    /// Another address under which this machine's id is listed: the agent reported it before.
    pub elsewhere: Option<String>,
}

/// Judges the list. `server_now` and `cured` (the moment of the edit or restart after which a heartbeat counts) are in
/// seconds since 1970 by the service's clock.
pub fn judge(machines: &[Machine], own: &Own, server_now: i64, cured: Option<i64>) -> Judgement {
    let here: Vec<&Machine> = machines.iter().filter(|machine| !own.ip.is_empty() && machine.ip == own.ip).collect();
    let of = |kind: Match| {
        let fitting = here.iter().filter(move |machine| same(machine, own) == kind.ids());
        fitting.max_by_key(|machine| machine.last_heartbeat)
    };
    let strangers = here.iter().filter(|machine| same(machine, own) == Some(false)).count();
    let elsewhere = machines.iter().find(|machine| machine.ip != own.ip && same(machine, own) == Some(true));
    let found = of(Match::ThisMachine)
        .map(|machine| (*machine, Match::ThisMachine))
        .or_else(|| of(Match::IpOnly).map(|machine| (*machine, Match::IpOnly)));
    Judgement {
        pulse: found.map_or(Pulse::Absent, |(machine, _)| pulse(machine.last_heartbeat, server_now, cured)),
        by: found.map(|(_, by)| by),
        machine: found.map(|(machine, _)| machine.clone()),
        strangers,
        elsewhere: elsewhere.map(|machine| machine.ip.clone()),
    }
}

impl Match {
    /// What [`same`] says of such an entry.
    fn ids(self) -> Option<bool> {
        match self {
            Match::ThisMachine => Some(true),
            Match::IpOnly => None,
        }
    }
}

/// Whether the ids say that it is the same machine; None when no id is there on both sides.
fn same(machine: &Machine, own: &Own) -> Option<bool> {
    let pairs = [(&machine.uuid, &own.uuid), (&machine.host_id, &own.host_id)];
    let mut comparable = pairs.iter().filter(|(theirs, ours)| !theirs.is_empty() && !ours.is_empty()).peekable();
    comparable.peek()?;
    Some(comparable.any(|(theirs, ours)| theirs.eq_ignore_ascii_case(ours)))
}

fn pulse(last: Option<i64>, server_now: i64, cured: Option<i64>) -> Pulse {
    let Some(last) = last else { return Pulse::Stale { age_s: None } };
    // A heartbeat a little ahead of the service's clock is a rounding, not a fault.
    let age_s = server_now.saturating_sub(last).max(0);
    match age_s {
        age if age > STALE_S => Pulse::Dead { age_s },
        age if age > ALIVE_S || cured.is_some_and(|cured| last < cured) => Pulse::Stale { age_s: Some(age) },
        age_s => Pulse::Alive { age_s },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: i64 = 1_767_323_045;

    fn machine(ip: &str, uuid: &str, host_id: &str, age: i64) -> Machine {
        Machine {
            ip: ip.into(),
            uuid: uuid.into(),
            host_id: host_id.into(),
            last_heartbeat: Some(NOW - age),
            ..Machine::default()
        }
    }

    fn own(uuid: &str, host_id: &str) -> Own {
        Own { ip: "10.0.0.1".into(), uuid: uuid.into(), host_id: host_id.into() }
    }

    #[test]
    fn age_and_cure_decide() {
        for (age, cured, expected) in [
            (-5, None, Pulse::Alive { age_s: 0 }),
            (120, None, Pulse::Alive { age_s: 120 }),
            (121, None, Pulse::Stale { age_s: Some(121) }),
            (600, None, Pulse::Stale { age_s: Some(600) }),
            (601, None, Pulse::Dead { age_s: 601 }),
            (30, Some(NOW - 30), Pulse::Alive { age_s: 30 }),
            (30, Some(NOW - 20), Pulse::Stale { age_s: Some(30) }),
            (700, Some(NOW - 20), Pulse::Dead { age_s: 700 }),
        ] {
            let judged = judge(&[machine("10.0.0.1", "u", "", age)], &own("U", ""), NOW, cured);
            assert_eq!((judged.pulse, judged.by), (expected, Some(Match::ThisMachine)), "{age}");
        }
        let timeless = Machine { last_heartbeat: None, ..machine("10.0.0.1", "", "", 0) };
        assert_eq!(judge(&[timeless], &own("", ""), NOW, None).pulse, Pulse::Stale { age_s: None });
    }

    #[test]
    fn an_address_alone_is_told_from_this_machine() {
        let list = |uuid, host| vec![machine("10.0.0.1", uuid, host, 5), machine("10.0.0.10", "x", "", 5)];
        for (theirs, ours, by, strangers) in [
            (list("A", "h"), own("a", ""), Some(Match::ThisMachine), 0),
            (list("B", "h"), own("a", "H"), Some(Match::ThisMachine), 0),
            (list("", ""), own("a", "h"), Some(Match::IpOnly), 0),
            (list("B", ""), own("", "h"), Some(Match::IpOnly), 0),
            (list("B", ""), own("a", "h"), None, 1),
            (list("B", "g"), own("a", "h"), None, 1),
        ] {
            let judged = judge(&theirs, &ours, NOW, None);
            assert_eq!((judged.by, judged.strangers), (by, strangers), "{theirs:?} {ours:?}");
        }
        let twins = [machine("10.0.0.1", "other", "", 1), machine("10.0.0.1", "mine", "", 300)];
        let judged = judge(&twins, &own("mine", ""), NOW, None);
        assert_eq!((judged.pulse, judged.strangers), (Pulse::Stale { age_s: Some(300) }, 1));
    }

    #[test]
    fn an_agent_that_does_not_know_its_address_matches_nothing() {
        let judged = judge(&[machine("", "", "", 1)], &Own::default(), NOW, None);
        assert_eq!(judged.pulse, Pulse::Absent);
        let moved = judge(&[machine("10.0.0.9", "mine", "", 1)], &own("mine", ""), NOW, None);
        assert_eq!((moved.pulse, moved.elsewhere.as_deref()), (Pulse::Absent, Some("10.0.0.9")));
    }

    proptest! {
        #[test]
        fn no_time_breaks_the_judge(last in any::<i64>(), now in any::<i64>(), cured in any::<Option<i64>>()) {
            pulse(Some(last), now, cured);
        }
    }
}
