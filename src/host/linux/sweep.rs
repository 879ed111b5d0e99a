//! Clears away the temporaries that killed processes of this program left beside files. It touches nothing else: the name
//! must be exactly as `write` makes it, the file a regular one of ours, and nobody alive may hold it.

use super::disk::io_error;
use super::trusted_path::{self, Last, Refusal, Trust};
use crate::core::observe::{Done, OperationError};
use nix::fcntl::OFlag;
use nix::unistd::{UnlinkatFlags, unlinkat};
use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What stands between the target's name and the number of the process in the name of a temporary.
pub(super) const MARK: &str = ".logtail-doctor-tmp-";

/// The name of the file that a temporary was for, and the number of the process that made it.
fn parts(name: &str) -> Option<(&str, u32)> {
    let (target, number) = name.strip_prefix('.')?.rsplit_once(MARK)?;
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit()) && !number.starts_with('0');
    (is_number && !target.is_empty()).then(|| number.parse().ok().map(|number| (target, number)))?
}

/// Whether a process of this number runs this program: it may be about to rename its temporary. We ourselves have none
/// yet when this is asked.
fn may_hold(pid: u32) -> bool {
    let program = |process: &str| {
        let path = fs::read_link(format!("/proc/{process}/exe")).ok()?;
        Some(path.file_name()?.to_string_lossy().trim_end_matches(" (deleted)").to_string())
    };
    pid != std::process::id() && program(&pid.to_string()).is_some_and(|name| Some(name) == program("self"))
}

/// See [`crate::core::observe::Operation::Sweep`]. What cannot be removed stays; it does no harm.
pub(super) fn sweep(dir: &Path, spare: &[String]) -> Result<Done, OperationError> {
    let opened = trusted_path::open(dir, Trust::Act, Last::Follow);
    let place = match opened.and_then(|place| place.judge_last().map(|()| place)) {
        Ok(place) if place.last.is_some() => place,
        Ok(_) => return Ok(Done::Already),
        Err(Refusal::Io(error)) if error.kind() == io::ErrorKind::NotFound => return Ok(Done::Already),
        Err(refusal) => return Err(refusal.operation(dir)),
    };
    let opened = place.reopen(OFlag::O_RDONLY | OFlag::O_DIRECTORY).map_err(|refusal| refusal.operation(dir))?;
    let listed = format!("/proc/self/fd/{}", opened.as_raw_fd());
    let entries = fs::read_dir(listed).map_err(|error| io_error(dir, &error))?;
    let owner = nix::unistd::Uid::effective().as_raw();
    let mut has_removed = false;
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some((target, pid)) = parts(&name) else { continue };
        // The metadata is that of the name itself, also of a symlink.
        let is_ours = entry.metadata().is_ok_and(|about| about.is_file() && about.uid() == owner);
        if is_ours && !spare.iter().any(|spared| spared == target) && !may_hold(pid) {
            has_removed |= unlinkat(&opened, entry.file_name().as_os_str(), UnlinkatFlags::NoRemoveDir).is_ok();
        }
    }
    if !has_removed {
        return Ok(Done::Already);
    }
    opened.sync_all().map_err(|error| io_error(dir, &error)).map(|()| Done::Changed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn only_what_a_dead_process_of_this_program_left_is_removed() {
        let place = tempfile::tempdir().unwrap();
        let dead = u32::MAX / 2;
        // Another process of this program, which the name of a running one stands for here.
        let mut other = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "host::linux::sweep::tests::waits"])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let stay = [
            "hosts".to_string(),
            format!("hosts.logtail-doctor-tmp-{dead}"),
            ".hosts.logtail-doctor-tmp-".into(),
            format!(".hosts.logtail-doctor-tmp-{dead}x"),
            format!("..logtail-doctor-tmp-{dead}x"),
            ".hosts.logtail-doctor-20261122T054000.123Z.bak".into(),
            format!(".spared.logtail-doctor-tmp-{dead}"),
            format!(".hosts.logtail-doctor-tmp-{}", other.id()),
        ];
        let go = [
            format!(".hosts.logtail-doctor-tmp-{dead}"),
            format!(".hosts.logtail-doctor-20261122T054000.123Z.bak.logtail-doctor-tmp-{dead}"),
            format!("..16542.logtail-doctor-tmp-{}", std::process::id()),
        ];
        for name in stay.iter().chain(&go) {
            fs::write(place.path().join(name), "x").unwrap();
        }
        let link = format!(".link.logtail-doctor-tmp-{dead}");
        symlink(place.path().join("hosts"), place.path().join(&link)).unwrap();
        assert_eq!(sweep(place.path(), &["spared".into()]), Ok(Done::Changed));
        let mut left: Vec<String> =
            fs::read_dir(place.path()).unwrap().map(|one| one.unwrap().file_name().into_string().unwrap()).collect();
        left.sort();
        let mut expected: Vec<String> = stay.iter().cloned().chain([link]).collect();
        expected.sort();
        assert_eq!(left, expected);
        assert_eq!(sweep(place.path(), &["spared".into()]), Ok(Done::Already));
        assert_eq!(sweep(&place.path().join("absent"), &[]), Ok(Done::Already));
        drop(other.stdin.take());
        other.wait().unwrap();
    }

    /// Not a test: the other process of the test above, which lives until its input ends.
    #[test]
    #[ignore = "run by the test above only"]
    fn waits() {
        io::copy(&mut io::stdin(), &mut io::sink()).unwrap();
    }
}
