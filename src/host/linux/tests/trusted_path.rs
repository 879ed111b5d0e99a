//! The door on real files: who owns a directory, a link or a file, and who else may write it. Other owners need root;
//! says SKIPPED where this is not root.

use super::*;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};

/// A user of no other host's file than those made here.
const OTHER: u32 = 54_321;

fn is_root() -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        lab::skip::skip_anyway("owners: only root may give files away");
    }
    is_root
}

fn why(path: &Path) -> Option<(PathBuf, DistrustBy)> {
    match judge_path(path) {
        Ok(()) => None,
        Err(Refusal::Untrusted(Distrust { at, by, .. })) => Some((at, by)),
        Err(Refusal::Io(error)) => panic!("{path:?}: {error}"),
    }
}

fn theirs(path: &Path) -> (PathBuf, DistrustBy) {
    (path.into(), DistrustBy::Owner(format!("uid {OTHER}")))
}

#[test]
fn every_directory_on_the_way_and_every_link_is_judged() {
    let place = tempfile::tempdir().unwrap();
    let base = place.path().canonicalize().unwrap();
    let at = |name: &str| base.join(name);
    fs::create_dir_all(at("a/b")).unwrap();
    fs::write(at("a/b/file"), "x").unwrap();
    symlink(at("a"), at("one")).unwrap();
    symlink("one", at("two")).unwrap();
    for path in [at("a/b/file"), at("two/b/file"), at("two/b/../b/new"), at("a")] {
        assert_eq!(why(&path), None, "{path:?}");
    }
    let set = |name: &str, mode| fs::set_permissions(at(name), Permissions::from_mode(mode)).unwrap();
    set("a", 0o757);
    let everybody = Some((at("a"), DistrustBy::Everybody { mode: 0o757 }));
    assert_eq!(why(&at("two/b/file")), everybody);
    set("a", 0o1777);
    assert_eq!(why(&at("two/b/file")), None, "a sticky directory keeps names to their owners");
    set("a", 0o755);
    set("a/b/file", 0o646);
    assert_eq!(why(&at("a/b/file")), Some((at("a/b/file"), DistrustBy::Everybody { mode: 0o646 })));
    set("a/b/file", 0o644);
    if !is_root() {
        return;
    }
    lchown(at("one"), Some(OTHER), None).unwrap();
    assert_eq!(why(&at("two/b/file")), Some(theirs(&at("one"))), "the second link in a row is judged as the first");
    lchown(at("one"), Some(0), None).unwrap();
    for name in ["a", "a/b", "a/b/file"] {
        chown(at(name), Some(OTHER), None).unwrap();
        assert_eq!(why(&at("two/b/file")), Some(theirs(&at(name))));
        chown(at(name), Some(0), None).unwrap();
    }
}

#[test]
fn an_access_list_counts_as_much_as_the_mode() {
    if !is_root() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().canonicalize().unwrap().join("dir");
    fs::create_dir(&dir).unwrap();
    let list = |rights: u16, mask: u16| {
        let entries: [(u16, u16, u32); 5] =
            [(1, 7, !0), (2, rights, OTHER), (4, 5, !0), (0x10, mask, !0), (0x20, 5, !0)];
        let mut bytes = 2u32.to_le_bytes().to_vec();
        for (tag, rights, id) in entries {
            bytes.extend([tag.to_le_bytes(), rights.to_le_bytes()].concat());
            bytes.extend(id.to_le_bytes());
        }
        bytes
    };
    if xattr::set(&dir, access_list::NAME, &list(7, 7)).is_err() {
        lab::skip::skip_anyway("access lists: this file system has none");
        return;
    }
    let who = format!("the user uid {OTHER}");
    assert_eq!(why(&dir.join("new")), Some((dir.clone(), DistrustBy::AccessList(who))));
    for harmless in [list(5, 7), list(7, 5)] {
        xattr::set(&dir, access_list::NAME, &harmless).unwrap();
        assert_eq!(why(&dir.join("new")), None);
    }
}

#[test]
fn nobody_has_root_read_for_him_by_a_link() {
    if !is_root() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    fs::create_dir(at("theirs")).unwrap();
    fs::write(at("secret"), "secret").unwrap();
    fs::write(at("theirs/own"), "own").unwrap();
    for (link, target) in [("to-secret", "../secret"), ("to-own", "own"), ("to-dir", "..")] {
        symlink(target, at("theirs").join(link)).unwrap();
        lchown(at("theirs").join(link), Some(OTHER), None).unwrap();
    }
    symlink("to-secret", at("theirs/twice")).unwrap();
    for path in ["theirs", "theirs/own"] {
        chown(at(path), Some(OTHER), None).unwrap();
    }
    let look = |name: &str| open(&at(name), Trust::Look, Last::Follow);
    for refused in ["theirs/to-secret", "theirs/twice", "theirs/to-dir", "theirs/to-dir/secret"] {
        assert!(matches!(look(refused), Err(Refusal::Untrusted(_))), "{refused}");
    }
    for shown in ["theirs/own", "theirs/to-own", "secret"] {
        assert!(look(shown).is_ok_and(|place| place.last.is_some()), "{shown}");
    }
}

#[test]
fn what_is_opened_is_what_was_judged() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("file");
    fs::write(&path, "judged").unwrap();
    let opened = open(&path, Trust::Act, Last::Follow).unwrap();
    fs::rename(&path, place.path().join("away")).unwrap();
    assert!(opened.reopen(OFlag::O_RDONLY).is_err());
    fs::write(&path, "another").unwrap();
    assert!(opened.reopen(OFlag::O_RDONLY).is_err());
    symlink("loop", place.path().join("loop")).unwrap();
    let looped = open(&place.path().join("loop"), Trust::Look, Last::Follow);
    assert!(matches!(looped, Err(Refusal::Io(error)) if error.raw_os_error() == Some(nix::libc::ELOOP)));
}
