//! The clock, and who and where we are.

use super::answering::blocking;
use super::{files, processes, program};
use crate::core::observe::{ClockSeen, IdentitySeen};
use crate::core::text::Untrusted;
use nix::unistd::{Uid, User};
use std::env;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970 by this host's clock.
pub(super) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The clock with the time zone and the kernel's start.
pub(super) fn clock() -> ClockSeen {
    let offset_s = jiff::Zoned::now().offset().seconds();
    ClockSeen { now_ms: now_ms(), offset_s, booted: processes::booted() }
}

/// The clock when nothing else could be looked at.
pub(super) fn bare_clock() -> ClockSeen {
    ClockSeen { now_ms: now_ms(), offset_s: 0, booted: 0 }
}

/// Who we are. The user's name may come from a directory service that does not answer; after `patience` it is left
/// out, and the number stands for it.
pub(super) async fn identity(patience: Duration) -> IdentitySeen {
    let known = tokio::time::timeout(patience, blocking(|| Ok(whole_identity()))).await;
    let mut seen = known.ok().and_then(Result::ok).unwrap_or_else(bare_identity);
    let name = blocking(|| Ok(User::from_uid(Uid::effective()).ok().flatten().map(|user| user.name)));
    if let Ok(Ok(Some(name))) = tokio::time::timeout(patience / 2, name).await {
        seen.user = name.into();
    }
    seen
}

/// What the kernel says of us without looking at any file.
pub(super) fn bare_identity() -> IdentitySeen {
    let kernel = nix::sys::utsname::uname().map(|uname| uname.release().to_string_lossy().into_owned());
    let hostname = nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned());
    let uid = Uid::effective();
    IdentitySeen {
        hostname: hostname.unwrap_or_default().into(),
        os: "linux".into(),
        arch: env::consts::ARCH.into(),
        kernel: kernel.unwrap_or_default().into(),
        distribution: Untrusted::default(),
        user: uid.to_string().into(),
        uid: uid.as_raw(),
        privileged: uid.is_root(),
        sudo: None,
        container: None,
    }
}

fn whole_identity() -> IdentitySeen {
    let release = text("/etc/os-release").or_else(|| text("/usr/lib/os-release")).unwrap_or_default();
    IdentitySeen {
        distribution: pretty_name(&release).into(),
        sudo: way_to_root(),
        container: container(),
        ..bare_identity()
    }
}

fn text(path: &str) -> Option<String> {
    files::head(Path::new(path)).ok().map(|file| file.text().into_owned())
}

/// `PRETTY_NAME` of os-release(5): a shell assignment, with or without quotes.
pub(super) fn pretty_name(release: &str) -> String {
    let value = release.lines().find_map(|line| line.trim().strip_prefix("PRETTY_NAME="));
    value.unwrap_or_default().trim().trim_matches(['"', '\'']).to_string()
}

/// The program by which an ordinary user becomes root here: sudo, else doas; from the system's places only, since what
/// stands elsewhere in PATH would be given the password.
pub fn way_to_root() -> Option<PathBuf> {
    ["sudo", "doas"].into_iter().find_map(|name| program::find(name).ok())
}

/// What says that we run in a container: files of Docker and Podman, Kubernetes, the mount of the host in the agent's
/// own image (`/logtail_host`), the variable of systemd-nspawn and LXC, or the control group of process 1.
fn container() -> Option<String> {
    let files = ["/.dockerenv", "/run/.containerenv", "/logtail_host"];
    if let Some(file) = files.into_iter().find(|file| Path::new(file).exists()) {
        return Some(file.into());
    }
    let variables = ["KUBERNETES_SERVICE_HOST", "container"];
    if let Some(name) = variables.into_iter().find(|name| env::var_os(name).is_some_and(|value| !value.is_empty())) {
        return Some(format!("${name}"));
    }
    let groups = text("/proc/1/cgroup")?;
    let word = ["docker", "kubepods", "containerd"].into_iter().find(|word| groups.contains(word))?;
    Some(format!("/proc/1/cgroup: {word}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pretty_name_loses_its_quotes() {
        for (release, name) in [
            ("NAME=x\nPRETTY_NAME=\"Alibaba Cloud Linux 3\"\n", "Alibaba Cloud Linux 3"),
            ("PRETTY_NAME=Arch\n", "Arch"),
            ("PRETTY_NAME='a b'", "a b"),
            ("", ""),
        ] {
            assert_eq!(pretty_name(release), name);
        }
    }

    #[tokio::test]
    async fn this_machine_knows_itself() {
        let seen = identity(Duration::from_secs(10)).await;
        assert!(!seen.hostname.is_empty() && !seen.kernel.is_empty() && !seen.user.is_empty());
        assert_eq!(seen.privileged, seen.uid == 0);
        assert!(clock().now_ms > 1_600_000_000_000 && clock().booted > 0);
    }
}
