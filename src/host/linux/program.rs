//! Which file a command runs, and what it is given: programs come from the system's places or by their whole path, and
//! only when nobody but root could have put them there; the environment is made anew. What the caller's environment says
//! of either is not believed, since sudo, su and cron hand on what an ordinary user has set.

use super::trusted_path::{self, Last, Refusal, Trust};
use super::{files, groups};
use crate::core::observe::{Observed, Unavailable};
use nix::sys::stat::SFlag;
use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Where the system's programs are, for operators whose PATH lacks the administrator's directories.
const SYSTEM: [&str; 4] = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];
/// Where an administrator's own programs are; after the system's.
const LOCAL: [&str; 2] = ["/usr/local/sbin", "/usr/local/bin"];
/// So much of a script is read for the name of its interpreter, in bytes, as by the kernel.
const FIRST_LINE: u64 = 256;

/// The file that a command runs: of a bare name the first that is there and can be trusted.
pub(super) fn find(name: &str) -> Observed<PathBuf> {
    if name.contains('/') {
        return vet(Path::new(name)).map(|()| name.into());
    }
    let mut refused = Unavailable::Absent;
    for dir in SYSTEM.iter().chain(&LOCAL) {
        let path = Path::new(dir).join(name);
        match vet(&path) {
            Ok(()) => return Ok(path),
            Err(Unavailable::Absent) => {}
            Err(why) if refused == Unavailable::Absent => refused = why,
            Err(_) => {}
        }
    }
    Err(refused)
}

/// Whether a program may be run: the file, its directories, and the interpreter of a script.
fn vet(path: &Path) -> Observed<()> {
    let place = trusted_path::open(path, Trust::Act, Last::Follow).map_err(Refusal::unavailable)?;
    let about = place.about().ok_or(Unavailable::Absent)?;
    place.judge_last().map_err(Refusal::unavailable)?;
    let is_file = trusted_path::kind(about) == SFlag::S_IFREG;
    if !is_file || trusted_path::mode(about) & 0o111 == 0 {
        return Err(Unavailable::NotAllowed);
    }
    // A program that may be run but not read is no script.
    let Ok((file, _)) = files::regular_at(&place) else { return Ok(()) };
    let mut begin = Vec::new();
    file.take(FIRST_LINE).read_to_end(&mut begin).map_err(|error| super::answering::trouble(&error))?;
    match interpreter(&begin) {
        None => Ok(()),
        Some(interpreter) => match trusted_path::judge_path(&interpreter) {
            Ok(()) if interpreter.exists() => Ok(()),
            Err(Refusal::Untrusted(distrust)) => Err(Unavailable::Untrusted(distrust)),
            _ => Err(Unavailable::Other(format!("the interpreter of {} does not exist", path.display()))),
        },
    }
}

/// The interpreter that the first line of a script names.
fn interpreter(begin: &[u8]) -> Option<PathBuf> {
    let line = begin.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let word = String::from_utf8_lossy(line).split_ascii_whitespace().next()?.to_string();
    Some(PathBuf::from(word))
}

/// The environment of a command: what a boot would give it, with the operator's proxies where it downloads something. A
/// restarted agent inherits it, lives by it (its parameters may come from there) and keeps it readable for years.
pub(super) fn environment(proxies: bool) -> Vec<(OsString, OsString)> {
    let local = LOCAL.iter().filter(|dir| trusted_path::judge_path(Path::new(dir)).is_ok());
    let path = SYSTEM.iter().chain(local).copied().collect::<Vec<_>>().join(":");
    let mut all: Vec<(OsString, OsString)> = vec![("PATH".into(), path.into()), ("LC_ALL".into(), "C".into())];
    let is_root = nix::unistd::geteuid().is_root();
    if is_root {
        let own = [("HOME", groups::home(0).unwrap_or_else(|| "/root".into())), ("USER", "root".into())];
        all.extend(own.map(|(name, value)| (name.into(), value.into())));
        all.extend([("LOGNAME".into(), "root".into()), ("SHELL".into(), "/bin/sh".into())]);
    }
    let passed = std::env::vars_os().filter(|(name, value)| {
        let name = name.to_string_lossy();
        may_pass(&name, proxies) && (proxies && is_proxy(&name) || !is_root && is_persons(&name) || is_plain(value))
    });
    let known: Vec<OsString> = all.iter().map(|(name, _)| name.clone()).collect();
    all.extend(passed.filter(|(name, _)| !known.contains(name)));
    all
}

/// Whether a variable of the operator's is for a command.
pub(super) fn may_pass(name: &str, proxies: bool) -> bool {
    const HARMLESS: [&str; 4] = ["LANG", "LANGUAGE", "TERM", "TZ"];
    HARMLESS.contains(&name) || is_persons(name) || (proxies && is_proxy(name))
}

/// Whether a variable tells who the operator is.
fn is_persons(name: &str) -> bool {
    ["HOME", "USER", "LOGNAME", "SHELL"].contains(&name)
}

fn is_proxy(name: &str) -> bool {
    const PROXIES: [&str; 4] = ["http_proxy", "https_proxy", "all_proxy", "no_proxy"];
    PROXIES.iter().any(|proxy| proxy.eq_ignore_ascii_case(name))
}

/// Whether a value names no file of its maker's, as sudo judges time zones and locales.
fn is_plain(value: &std::ffi::OsStr) -> bool {
    let value = value.to_string_lossy();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.@+,/:<>".contains(c);
    value.chars().all(is_plain) && !value.starts_with(['/', ':']) && !value.contains("..") && value.len() <= 128
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interpreter_of_a_script_is_its_first_word() {
        for (begin, expected) in [
            ("#!/bin/sh\necho", Some("/bin/sh")),
            ("#! /usr/bin/env python3\n", Some("/usr/bin/env")),
            ("#!/bin/sh", Some("/bin/sh")),
            ("\u{7f}ELF", None),
            ("#!\n/bin/sh", None),
            ("", None),
        ] {
            assert_eq!(interpreter(begin.as_bytes()).as_deref(), expected.map(Path::new), "{begin:?}");
        }
    }

    #[test]
    fn what_the_environment_names_is_no_file_of_somebody() {
        for plain in ["C.UTF-8", "Asia/Shanghai", "xterm-256color", "zh_CN:en", "<+08>-8"] {
            assert!(is_plain(plain.as_ref()), "{plain}");
        }
        for odd in [":/home/ops/zone", "/home/ops/zone", "../../home/ops/zone", "a b", "x%s", "\u{1b}"] {
            assert!(!is_plain(odd.as_ref()), "{odd}");
        }
        assert!(!may_pass("LD_PRELOAD", true) && !may_pass("PATH", true) && !may_pass("ALIYUN_LOGTAIL_USER_ID", true));
        assert!(may_pass("HTTPS_PROXY", true) && !may_pass("https_proxy", false));
    }

    #[test]
    fn a_bare_name_is_looked_for_in_the_systems_places_only() {
        assert!(find("sh").is_ok_and(|path| SYSTEM.iter().any(|dir| path.starts_with(dir))));
        assert_eq!(find("no-such-program-anywhere"), Err(Unavailable::Absent));
        assert_eq!(find("/no/such/program"), Err(Unavailable::Absent));
        assert_eq!(find("/etc"), Err(Unavailable::NotAllowed));
    }
}
