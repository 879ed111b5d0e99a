//! What an edit of a machine group's address list comes to, as data: the new list, the lines to show, whether somebody
//! else wrote in between, and whether the group is afterwards what was wanted. Pure; `group_write` carries it out.

use crate::core::observe::{Fingerprint, KnownIdentity, MachineGroup};
use crate::core::text::Text;
use crate::say;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::net::Ipv4Addr;

/// What is to become of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edit {
    /// Append the address, keep the others.
    Add(Ipv4Addr),
    /// Put `new` where `old` stands.
    Replace { old: Ipv4Addr, new: Ipv4Addr },
}

/// Why a group is not edited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The group lists custom identifiers, or something unknown: the type as it is written.
    NotByIp(String),
    /// The answer holds no list that was understood.
    NoList,
    /// The address to be replaced is not in the list.
    NotListed(Ipv4Addr),
}

impl Refusal {
    /// The reason in a sentence.
    pub fn text(&self) -> Text {
        match self {
            Refusal::NotByIp(kind) => {
                say!(
                    "The machine group lists {kind} and not IP addresses.",
                    "该机器组的标识类型为 {kind}，不是 IP 地址。"
                )
            }
            Refusal::NoList => Text::fixed(
                "The list of the machine group could not be read, so it is not replaced.",
                "无法读取机器组的列表，因此不会覆盖它。",
            ),
            Refusal::NotListed(ip) => say!("{ip} is not in the machine group.", "机器组中没有 {ip}。"),
        }
    }
}

/// An edit worked out on a group as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupEdit {
    /// The group as it was read.
    pub before: MachineGroup,
    /// The same group with the new list.
    pub after: MachineGroup,
}

impl GroupEdit {
    /// Whether the list is already as wanted: nothing needs to be written.
    pub fn is_done(&self) -> bool {
        self.before == self.after
    }

    /// What the journal keeps.
    pub fn edited(&self) -> Edited {
        Edited::of(&self.before.list().unwrap_or_default(), &self.after.list().unwrap_or_default())
    }

    /// The lines to show.
    pub fn diff(&self) -> Vec<DiffLine> {
        diff(&self.before.list().unwrap_or_default(), &self.after.list().unwrap_or_default())
    }
}

/// What an edit merely appends to the list; None when it does anything else. Such an edit the service can make itself,
/// so that nothing that somebody else writes at the same moment is lost.
pub fn appended(planned: &GroupEdit) -> Option<Vec<String>> {
    let (before, after) = (planned.before.list()?, planned.after.list()?);
    let new = after.strip_prefix(before.as_slice()).filter(|new| !new.is_empty())?;
    (planned.before.with_list(&after) == planned.after).then(|| new.to_vec())
}

/// Whether a group that is there still is what was made: its kind, its topic, and its list. The service adds keys of
/// its own, such as the times.
pub fn is_as_made(made: &MachineGroup, now: &MachineGroup) -> bool {
    made.identify_type() == now.identify_type() && made.topic() == now.topic() && made.list() == now.list()
}

/// Works an edit out: order kept, each address once, never an empty list.
///
/// # Errors
/// The group must not be edited this way.
pub fn plan(group: &MachineGroup, edit: Edit) -> Result<GroupEdit, Refusal> {
    if group.identity() != Some(KnownIdentity::Ip) {
        return Err(Refusal::NotByIp(group.identify_type().chars().take(40).collect()));
    }
    let before = group.list().ok_or(Refusal::NoList)?;
    let is = |item: &str, ip: Ipv4Addr| item.trim().parse() == Ok(ip);
    let wanted = match edit {
        Edit::Add(new) if before.iter().any(|item| is(item, new)) => before.clone(),
        Edit::Add(new) => {
            let mut list = before.clone();
            list.push(new.to_string());
            list
        }
        Edit::Replace { old, .. } if !before.iter().any(|item| is(item, old)) => return Err(Refusal::NotListed(old)),
        Edit::Replace { old, new } => {
            let renamed = before.iter().map(|item| if is(item, old) { new.to_string() } else { item.clone() });
            renamed.collect()
        }
    };
    let mut known = HashSet::new();
    let list: Vec<String> = wanted.iter().filter(|item| known.insert(item.as_str())).cloned().collect();
    Ok(GroupEdit { before: group.clone(), after: group.with_list(&list) })
}

/// An edit of a list as the journal keeps it: what was taken out and put in, and the fingerprints of the list before and
/// after. It is small however long the list is, and the old list can be made from the new one and from no other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edited {
    before: Fingerprint,
    after: Fingerprint,
    /// In the order of the list.
    places: Vec<Place>,
}

/// One place of an edit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    /// Where in the new list, from 0.
    at: usize,
    taken_out: Vec<String>,
    put_in: Vec<String>,
}

impl Edited {
    fn of(before: &[String], after: &[String]) -> Edited {
        let part = |list: &[String], range: std::ops::Range<usize>| list.get(range).unwrap_or_default().to_vec();
        let places = similar::capture_diff_slices(similar::Algorithm::Myers, before, after)
            .iter()
            .map(|change| change.as_tag_tuple())
            .map(|(_, old, new)| Place { at: new.start, taken_out: part(before, old), put_in: part(after, new) })
            .filter(|place| place.taken_out != place.put_in)
            .collect();
        Edited { before: fingerprint(before), after: fingerprint(after), places }
    }

    /// The list that was there before, made from the one that was written; None when that is not it.
    fn take_back(&self, mut list: Vec<String>) -> Option<Vec<String>> {
        if fingerprint(&list) != self.after {
            return None;
        }
        for Place { at, taken_out, put_in } in self.places.iter().rev() {
            let end = at.checked_add(put_in.len()).filter(|end| *end <= list.len())?;
            list.splice(*at..end, taken_out.iter().cloned());
        }
        Some(list).filter(|list| fingerprint(list) == self.before)
    }
}

fn fingerprint(list: &[String]) -> Fingerprint {
    Fingerprint::of(serde_json::to_vec(list).ok().as_deref())
}

/// The list is neither what it was before an edit nor what the edit made of it: somebody has changed it since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overtaken;

/// The plan that takes an edit back: the group as it is now, with the list that it had. None when it has that list.
///
/// # Errors
/// Somebody has changed the list since, or it cannot be read.
pub fn undo(done: &Edited, now: &MachineGroup) -> Result<Option<GroupEdit>, Overtaken> {
    let current = now.list().ok_or(Overtaken)?;
    if fingerprint(&current) == done.before {
        return Ok(None);
    }
    let then = done.take_back(current).ok_or(Overtaken)?;
    Ok(Some(GroupEdit { before: now.clone(), after: now.with_list(&then) }))
}

/// Somebody else wrote the group between two reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// What changed in the list; empty when only something else did.
    pub list: Vec<DiffLine>,
}

/// Compares two reads of a group. Anything that differs counts; two writers within the same second who change nothing
/// else than what both want cannot be told apart, because the service has no version to compare.
pub fn moved(shown: &MachineGroup, now: &MachineGroup) -> Option<Moved> {
    if shown == now {
        return None;
    }
    let (old, new) = (shown.list().unwrap_or_default(), now.list().unwrap_or_default());
    Some(Moved { list: if old == new { Vec::new() } else { diff(&old, &new) } })
}

/// The keys in which the group read back differs from what was written; empty means that only the list changed, as
/// wanted. `lastModifyTime` is the service's to change.
pub fn verify(wanted: &MachineGroup, read_back: &MachineGroup) -> Vec<String> {
    let (wanted, found) = (wanted.raw(), read_back.raw());
    let all = wanted.keys().chain(found.keys().filter(|key| !wanted.contains_key(*key)));
    all.filter(|key| *key != "lastModifyTime" && wanted.get(*key) != found.get(*key)).cloned().collect()
}

/// One line of a comparison of two lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DiffLine {
    Same(String),
    Removed(String),
    Added(String),
    /// So many unchanged lines are not shown.
    Skipped(usize),
}

/// So many unchanged lines are shown on each side of a change.
const NEAR: usize = 2;

/// The comparison of two lists, with the unchanged lines near a change.
pub fn diff(before: &[String], after: &[String]) -> Vec<DiffLine> {
    let mut lines: Vec<DiffLine> = Vec::new();
    for change in similar::capture_diff_slices(similar::Algorithm::Myers, before, after) {
        let (_, old, new) = change.as_tag_tuple();
        let (old, new) = (before.get(old).unwrap_or_default(), after.get(new).unwrap_or_default());
        if old == new {
            lines.extend(old.iter().cloned().map(DiffLine::Same));
        } else {
            lines.extend(old.iter().cloned().map(DiffLine::Removed));
            lines.extend(new.iter().cloned().map(DiffLine::Added));
        }
    }
    let changed: Vec<usize> =
        lines.iter().enumerate().filter(|(_, line)| !matches!(line, DiffLine::Same(_))).map(|(at, _)| at).collect();
    let mut out: Vec<DiffLine> = Vec::new();
    for (at, line) in lines.into_iter().enumerate() {
        let next = changed.partition_point(|change| *change < at);
        let near = changed.get(next).is_some_and(|change| change - at <= NEAR)
            || next.checked_sub(1).and_then(|last| changed.get(last)).is_some_and(|change| at - change <= NEAR);
        match (near, out.last_mut()) {
            (true, _) => out.push(line),
            (false, Some(DiffLine::Skipped(count))) => *count += 1,
            (false, _) => out.push(DiffLine::Skipped(1)),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn group(list: &[&str]) -> MachineGroup {
        let list: Vec<String> = list.iter().map(|item| item.to_string()).collect();
        let json = serde_json::json!({"groupName": "g", "machineIdentifyType": "ip", "machineList": list,
            "groupAttribute": {"groupTopic": "t"}, "futureKey": [1], "lastModifyTime": 5});
        serde_json::from_value(json).unwrap()
    }

    fn ip(last: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, 0, last)
    }

    #[test]
    fn lists_keep_their_order_and_lose_doubles() {
        for (before, edit, after) in [
            (&["10.0.0.1"][..], Edit::Add(ip(2)), &["10.0.0.1", "10.0.0.2"][..]),
            (&[], Edit::Add(ip(2)), &["10.0.0.2"]),
            (&["10.0.0.2", "10.0.0.1"], Edit::Add(ip(1)), &["10.0.0.2", "10.0.0.1"]),
            (
                &["10.0.0.3", "10.0.0.1", "10.0.0.4"],
                Edit::Replace { old: ip(1), new: ip(2) },
                &["10.0.0.3", "10.0.0.2", "10.0.0.4"],
            ),
            (&["10.0.0.2", "10.0.0.1"], Edit::Replace { old: ip(1), new: ip(2) }, &["10.0.0.2"]),
            (&[" 10.0.0.1 ", "a", "a"], Edit::Replace { old: ip(1), new: ip(2) }, &["10.0.0.2", "a"]),
        ] {
            let planned = plan(&group(before), edit).unwrap();
            assert_eq!(planned.after.list().unwrap(), after);
            assert_eq!(verify(&planned.before.with_list(&planned.after.list().unwrap()), &planned.after), [""; 0]);
        }
        assert!(plan(&group(&["10.0.0.1"]), Edit::Add(ip(1))).unwrap().is_done());
    }

    #[test]
    fn what_the_service_can_append_itself_is_told_from_other_edits() {
        let shown = group(&["10.0.0.1"]);
        assert_eq!(appended(&plan(&shown, Edit::Add(ip(2))).unwrap()), Some(vec!["10.0.0.2".to_string()]));
        assert_eq!(appended(&plan(&shown, Edit::Add(ip(1))).unwrap()), None);
        assert_eq!(appended(&plan(&shown, Edit::Replace { old: ip(1), new: ip(2) }).unwrap()), None);
        let doubles = group(&["10.0.0.1", "10.0.0.1"]);
        assert_eq!(appended(&plan(&doubles, Edit::Add(ip(2))).unwrap()), None, "it would also take the double away");
    }

    #[test]
    fn a_new_group_is_known_again_by_its_kind_topic_and_list() {
        let made = MachineGroup::new("g", KnownIdentity::Ip, &["10.0.0.1".into()]);
        let mut raw = made.raw().clone();
        raw.insert("createTime".into(), 7.into());
        assert!(is_as_made(&made, &MachineGroup::of_raw(raw.clone())));
        assert!(!is_as_made(&made, &MachineGroup::of_raw(raw.clone()).with_list(&[])));
        raw.insert("groupAttribute".into(), serde_json::json!({"groupTopic": "t"}));
        assert!(!is_as_made(&made, &MachineGroup::of_raw(raw)));
    }

    #[test]
    fn groups_that_must_not_be_edited_are_refused() {
        let custom: MachineGroup =
            serde_json::from_str(r#"{"groupName":"g","machineIdentifyType":"userdefined","machineList":["web"]}"#)
                .unwrap();
        assert_eq!(plan(&custom, Edit::Add(ip(1))), Err(Refusal::NotByIp("userdefined".into())));
        let odd: MachineGroup =
            serde_json::from_str(r#"{"groupName":"g","machineIdentifyType":"ip","machineList":[1]}"#).unwrap();
        assert_eq!(plan(&odd, Edit::Add(ip(1))), Err(Refusal::NoList));
        assert_eq!(plan(&group(&[]), Edit::Replace { old: ip(1), new: ip(2) }), Err(Refusal::NotListed(ip(1))));
    }

    #[test]
    fn a_concurrent_change_is_seen_and_an_undo_does_not_run_over_it() {
        let shown = group(&["10.0.0.1"]);
        assert_eq!(moved(&shown, &shown.clone()), None);
        let other = group(&["10.0.0.1", "10.0.0.9"]);
        let lines = moved(&shown, &other).unwrap().list;
        assert_eq!(lines, [DiffLine::Same("10.0.0.1".into()), DiffLine::Added("10.0.0.9".into())]);
        let mut touched = shown.raw().clone();
        touched.insert("lastModifyTime".into(), 6.into());
        let touched = MachineGroup::of_raw(touched);
        assert_eq!(moved(&shown, &touched), Some(Moved { list: vec![] }));

        let done = plan(&shown, Edit::Add(ip(2))).unwrap();
        let back = undo(&done.edited(), &done.after).unwrap().unwrap();
        assert_eq!(back.after, shown);
        assert_eq!(undo(&done.edited(), &shown), Ok(None));
        assert_eq!(undo(&done.edited(), &other), Err(Overtaken));
    }

    #[test]
    fn reading_back_finds_every_other_difference() {
        let wanted = group(&["10.0.0.1"]);
        let mut raw = wanted.raw().clone();
        raw.insert("lastModifyTime".into(), 9.into());
        assert!(verify(&wanted, &MachineGroup::of_raw(raw.clone())).is_empty());
        raw.remove("futureKey");
        raw.insert("groupAttribute".into(), serde_json::json!({}));
        raw.insert("new".into(), 1.into());
        assert_eq!(verify(&wanted, &MachineGroup::of_raw(raw)), ["groupAttribute", "futureKey", "new"]);
    }

    #[test]
    fn a_long_list_shows_only_what_is_near_the_change() {
        let many: Vec<String> = (0..100).map(|n| format!("10.0.1.{n}")).collect();
        let mut changed = many.clone();
        changed[50] = "10.0.0.2".into();
        let lines = diff(&many, &changed);
        assert_eq!(lines.first(), Some(&DiffLine::Skipped(48)));
        assert_eq!(lines.last(), Some(&DiffLine::Skipped(47)));
        assert_eq!(lines.len(), 2 + 2 + 2 + 2);
    }

    proptest! {
        #[test]
        fn an_edit_never_empties_a_list_and_always_holds_the_address(list in proptest::collection::vec(0u8..6, 0..12), old in 0u8..6, new in 0u8..6) {
            let list: Vec<String> = list.iter().map(|last| ip(*last).to_string()).collect();
            let group = group(&list.iter().map(String::as_str).collect::<Vec<_>>());
            for edit in [Edit::Add(ip(new)), Edit::Replace { old: ip(old), new: ip(new) }] {
                if let Ok(planned) = plan(&group, edit) {
                    let after = planned.after.list().unwrap();
                    prop_assert!(after.contains(&ip(new).to_string()));
                    let unique: std::collections::BTreeSet<_> = after.iter().collect();
                    prop_assert_eq!(unique.len(), after.len());
                    let back = undo(&planned.edited(), &planned.after).unwrap();
                    prop_assert_eq!(back.map_or(planned.after.clone(), |back| back.after), planned.before.clone());
                    let skipped_none = planned.diff().len();
                    prop_assert!(skipped_none <= list.len() + after.len());
                }
            }
        }
    }
}
