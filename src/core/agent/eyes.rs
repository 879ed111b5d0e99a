//! What the agent's own user can read. Root can read everything, so that root sees a file says nothing about an agent that
//! runs as somebody else. It must not judge whether the file is needed.

use super::processes::worker;
use crate::core::observe::{Observations, PlaceSeen, ProcessSeen, Unanswered};
use std::path::{Path, PathBuf};

const READ: u32 = 4;
const SEARCH: u32 = 1;
/// CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: whoever has one of them reads everything.
const READS_ALL: u64 = 1 << 1 | 1 << 2;

/// What keeps the agent's user from reading a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Barrier {
    /// The path, or a directory on the way to it.
    pub at: PathBuf,
    pub mode: u32,
    pub uid: u32,
    /// The user that the agent runs as.
    pub viewer: u32,
    /// What chmod would have to give: `o+r`, `o+rx`, `o+x`.
    pub needs: &'static str,
}

/// Who looks.
#[derive(Debug, PartialEq, Eq)]
struct Viewer {
    uid: u32,
    groups: Vec<u32>,
}

/// What keeps the running agent's user from reading a file, or from listing a directory. None when nothing does, when no
/// agent runs, and where it cannot be told.
///
/// # Errors
/// [`Unanswered`] when something still has to be looked at.
pub fn barrier(see: &Observations, processes: &[ProcessSeen], path: &Path) -> Result<Option<Barrier>, Unanswered> {
    let Some(worker) = worker(processes).filter(|worker| worker.uid != 0) else { return Ok(None) };
    let (status, place) = (see.file(format!("/proc/{}/status", worker.pid)), see.place(path));
    let (status, place) = (status?, place?);
    let Some(viewer) = status.as_ref().ok().and_then(|file| viewer(&file.text())) else { return Ok(None) };
    let Ok(place) = place else { return Ok(None) };
    let Some(real) = &place.real else { return Ok(None) };
    let dirs: Vec<&Path> = real.ancestors().skip(1).collect();
    let looked: Vec<_> = dirs.iter().rev().map(|dir| (dir.to_path_buf(), see.place(dir))).collect();
    for (dir, seen) in looked {
        let Ok(seen) = seen? else { return Ok(None) };
        if let Some(stopped) = viewer.stopped_by(&dir, seen, SEARCH) {
            return Ok(stopped);
        }
    }
    Ok(viewer.stopped_by(real, place, READ).flatten())
}

impl Viewer {
    /// None when the mode lets the viewer through; else the barrier, or nothing where an access list may say otherwise.
    fn stopped_by(&self, path: &Path, place: &PlaceSeen, bit: u32) -> Option<Option<Barrier>> {
        let shift = match () {
            () if self.uid == place.uid => 6,
            () if self.groups.contains(&place.gid) => 3,
            () => 0,
        };
        if place.mode >> shift & bit != 0 {
            return None;
        }
        let is_dir = place.kind == crate::core::observe::EntryKind::Dir;
        let needs = match (bit, is_dir) {
            (SEARCH, _) => "o+x",
            (_, true) => "o+rx",
            (_, false) => "o+r",
        };
        let barrier = Barrier { at: path.to_path_buf(), mode: place.mode, uid: place.uid, viewer: self.uid, needs };
        Some((!place.has_access_list).then_some(barrier))
    }
}

/// Reads `/proc/PID/status`; None for one that reads everything whatever the modes say, and where it cannot be told.
fn viewer(status: &str) -> Option<Viewer> {
    let numbers = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        Some(line.split_whitespace().filter_map(|word| word.parse::<u32>().ok()).collect::<Vec<_>>())
    };
    let capabilities = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
    if u64::from_str_radix(capabilities.trim(), 16).ok()? & READS_ALL != 0 {
        return None;
    }
    // The fourth number is what files are judged by.
    let uid = *numbers("Uid")?.get(3)?;
    let mut groups = numbers("Groups")?;
    groups.push(*numbers("Gid")?.get(3)?);
    Some(Viewer { uid, groups })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::agent::processes::tests::process;
    use crate::core::observe::{Answer, EntryKind, FileSeen, Question, Unavailable};

    /// What keeps an agent of user 1000, group 100, from the path, on a host of these places.
    fn found(capabilities: &str, places: &[(&str, u32, u32, u32, bool)], path: &str) -> Option<(String, &'static str)> {
        let mut seen = Observations::default();
        let agent = ProcessSeen { uid: 1000, ..process(10, 1, "/usr/local/ilogtail/ilogtail") };
        let status = format!(
            "Name:\tilogtail\nUid:\t1000 1000 1000 1000\nGid:\t100 100 100 100\nGroups:\t27\nCapEff:\t{capabilities}\n"
        );
        for _ in 0..6 {
            if let Ok(barrier) = barrier(&seen, std::slice::from_ref(&agent), Path::new(path)) {
                return barrier.map(|barrier| (barrier.at.display().to_string(), barrier.needs));
            }
            for question in seen.take_open() {
                let answer = match &question {
                    Question::File(_) => Answer::File(Ok(FileSeen {
                        bytes: status.clone().into_bytes(),
                        size: 0,
                        modified: 0,
                        mode: 0o444,
                        uid: 0,
                        gid: 0,
                        link_to: None,
                    })),
                    Question::Place(path) => {
                        let row = places.iter().find(|(known, ..)| Path::new(known) == path);
                        Answer::Place(row.ok_or(Unavailable::Absent).map(|(known, mode, uid, gid, listed)| PlaceSeen {
                            kind: if known.ends_with("id") { EntryKind::File } else { EntryKind::Dir },
                            link_to: None,
                            real: Some(path.clone()),
                            device: 1,
                            inode: 1,
                            mode: *mode,
                            uid: *uid,
                            gid: *gid,
                            has_access_list: *listed,
                            filesystem: None,
                        }))
                    }
                    other => panic!("unexpected {other:?}"),
                };
                seen.keep(question, answer);
            }
        }
        panic!("the questions do not end");
    }

    #[test]
    fn the_modes_on_the_way_are_judged_for_the_agents_own_user() {
        let none = "0000000000000000";
        let host = |dir: u32, uid: u32, gid: u32, listed: bool, file: u32| {
            vec![
                ("/", 0o755, 0, 0, false),
                ("/etc", 0o755, 0, 0, false),
                ("/etc/id", file, uid, gid, listed),
                ("/etc/users", dir, uid, gid, listed),
            ]
        };
        for (capabilities, places, path, expected) in [
            (none, host(0o755, 0, 0, false, 0o644), "/etc/id", None),
            (none, host(0o755, 0, 0, false, 0o640), "/etc/id", Some(("/etc/id", "o+r"))),
            (none, host(0o755, 0, 0, true, 0o640), "/etc/id", None),
            (none, host(0o755, 0, 27, false, 0o640), "/etc/id", None),
            (none, host(0o755, 0, 100, false, 0o600), "/etc/id", Some(("/etc/id", "o+r"))),
            (none, host(0o755, 1000, 0, false, 0o600), "/etc/id", None),
            ("0000000000000004", host(0o755, 0, 0, false, 0o600), "/etc/id", None),
            (none, host(0o700, 0, 0, false, 0o644), "/etc/users", Some(("/etc/users", "o+rx"))),
            (none, host(0o755, 0, 0, false, 0o644), "/etc/users", None),
            (none, host(0o755, 0, 0, false, 0o644), "/etc/none", None),
            (
                none,
                vec![("/", 0o755, 0, 0, false), ("/etc", 0o750, 0, 0, false), ("/etc/id", 0o644, 0, 0, false)],
                "/etc/id",
                Some(("/etc", "o+x")),
            ),
        ] {
            let expected = expected.map(|(at, needs)| (at.to_string(), needs));
            assert_eq!(found(capabilities, &places, path), expected, "{path} {places:?}");
        }
    }
}
