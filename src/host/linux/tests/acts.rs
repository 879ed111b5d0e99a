//! Changes in a directory of our own.

use super::act;
use crate::core::observe::{Done, Fingerprint, Operation, OperationError};
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

fn of(content: &str) -> Fingerprint {
    Fingerprint::of(Some(content.as_bytes()))
}

fn write(path: &Path, expect: Fingerprint, content: &str) -> Operation {
    Operation::Write { path: path.into(), expect, content: content.into(), mode: 0o640 }
}

/// The names in a directory: a temporary that was left behind would show.
fn names(place: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(place).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

#[tokio::test]
async fn a_new_file_gets_its_mode_and_an_old_one_keeps_its_own() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("file");
    assert_eq!(act(write(&path, Fingerprint::Absent, "one")).await.0, Ok(Done::Changed));
    assert_eq!((fs::read_to_string(&path).unwrap().as_str(), mode(&path)), ("one", 0o640));
    fs::set_permissions(&path, Permissions::from_mode(0o4751)).unwrap();
    assert_eq!(act(write(&path, of("one"), "two")).await.0, Ok(Done::Changed));
    assert_eq!((fs::read_to_string(&path).unwrap().as_str(), mode(&path)), ("two", 0o4751));
    assert_eq!(act(write(&path, of("one"), "two")).await.0, Ok(Done::Already));
    assert_eq!(fs::metadata(&path).unwrap().nlink(), 1);
    assert_eq!(names(place.path()), vec!["file"]);
}

#[tokio::test]
async fn nothing_is_written_where_everybody_may_change_names() {
    let place = tempfile::tempdir().unwrap();
    let (path, below) = (place.path().join("file"), place.path().join("below"));
    fs::write(&path, "old").unwrap();
    fs::create_dir(&below).unwrap();
    fs::set_permissions(place.path(), Permissions::from_mode(0o777)).unwrap();
    let copy = Operation::Copy { from: path.clone(), to: place.path().join("copy"), expect: of("old"), as_link: false };
    for change in [write(&path, of("old"), "new"), write(&below.join("new"), Fingerprint::Absent, "new"), copy.clone()]
    {
        let refused = act(change).await.0;
        assert!(
            matches!(&refused, Err(OperationError::Untrusted { distrust, .. }) if distrust.mend().starts_with("chmod go-w")),
            "{refused:?}"
        );
    }
    assert_eq!(
        (names(place.path()), fs::read_to_string(&path).unwrap().as_str()),
        (vec!["below".into(), "file".into()], "old")
    );
    fs::set_permissions(place.path(), Permissions::from_mode(0o1777)).unwrap();
    assert_eq!(act(write(&path, of("old"), "new")).await.0, Ok(Done::Changed));
}

#[tokio::test]
async fn nothing_is_appended_to_a_file_that_somebody_else_may_write() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("journal");
    let append = || act(Operation::Append { path: path.clone(), content: b"line\n".to_vec() });
    assert_eq!(append().await.0, Ok(Done::Changed));
    for writable in [0o606, 0o602] {
        fs::set_permissions(&path, Permissions::from_mode(writable)).unwrap();
        let refused = append().await.0;
        assert!(
            matches!(&refused, Err(OperationError::Untrusted { distrust, .. }) if distrust.at.ends_with("journal")),
            "{refused:?}"
        );
    }
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    assert_eq!(append().await.0, Ok(Done::Changed));
    assert_eq!(fs::read_to_string(&path).unwrap(), "line\nline\n");
    // A line that was cut short takes nothing of the next one with it.
    fs::write(&path, "line\ntorn").unwrap();
    assert_eq!(append().await.0, Ok(Done::Changed));
    assert_eq!(fs::read_to_string(&path).unwrap(), "line\ntorn\nline\n");
}

#[tokio::test]
async fn a_file_that_moved_is_left_alone() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("file");
    fs::write(&path, "theirs").unwrap();
    for expect in [Fingerprint::Absent, of("ours")] {
        assert_eq!(act(write(&path, expect.clone(), "new")).await.0, Err(OperationError::Moved(path.clone())));
        let remove = Operation::Remove { path: path.clone(), expect };
        assert_eq!(act(remove).await.0, Err(OperationError::Moved(path.clone())));
    }
    let gone = place.path().join("gone");
    assert_eq!(act(write(&gone, of("ours"), "new")).await.0, Err(OperationError::Moved(gone)));
    assert_eq!(fs::read_to_string(&path).unwrap(), "theirs");
    assert_eq!(names(place.path()), vec!["file"]);
}

#[tokio::test]
async fn a_symlink_keeps_leading_where_it_led() {
    let place = tempfile::tempdir().unwrap();
    let below = place.path().join("below");
    fs::create_dir(&below).unwrap();
    fs::write(below.join("real"), "one").unwrap();
    let link = place.path().join("link");
    symlink("below/real", &link).unwrap();
    assert_eq!(act(write(&link, of("one"), "two")).await.0, Ok(Done::Changed));
    assert_eq!(fs::read_link(&link).unwrap(), PathBuf::from("below/real"));
    assert_eq!(fs::read_to_string(below.join("real")).unwrap(), "two");
    assert_eq!(names(&below), vec!["real"]);
    let dangling = place.path().join("dangling");
    symlink("nothing", &dangling).unwrap();
    assert!(matches!(act(write(&dangling, Fingerprint::Absent, "x")).await.0, Err(OperationError::Io { .. })));
    assert!(!place.path().join("nothing").exists());
    assert!(matches!(act(write(&below, Fingerprint::Absent, "x")).await.0, Err(OperationError::Io { .. })));
    let append = Operation::Append { path: link, content: b"x".to_vec() };
    assert!(matches!(act(append).await.0, Err(OperationError::Io { .. })));
}

#[tokio::test]
async fn a_copy_is_the_same_with_mode_and_time_and_never_overwrites() {
    let place = tempfile::tempdir().unwrap();
    let (from, to) = (place.path().join("from"), place.path().join("to"));
    fs::write(&from, b"\xffbytes").unwrap();
    fs::set_permissions(&from, Permissions::from_mode(0o604)).unwrap();
    let old = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    fs::File::options().write(true).open(&from).unwrap().set_modified(old).unwrap();
    let expect = Fingerprint::of(Some(b"\xffbytes"));
    let copy = || Operation::Copy { from: from.clone(), to: to.clone(), expect: expect.clone(), as_link: false };
    assert_eq!(act(copy()).await.0, Ok(Done::Changed));
    assert_eq!(fs::read(&to).unwrap(), b"\xffbytes");
    assert_eq!((mode(&to), fs::metadata(&to).unwrap().mtime()), (0o604, 1_000_000_000));
    assert_eq!(act(copy()).await.0, Err(OperationError::Exists(to.clone())));
    assert_eq!(names(place.path()), vec!["from", "to"]);
}

#[tokio::test]
async fn removing_and_renaming_are_careful() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    fs::write(at("a"), "a").unwrap();
    fs::write(at("b"), "b").unwrap();
    let rename = |from: &str, to: &str| Operation::Rename { from: at(from), to: at(to) };
    assert_eq!(act(rename("a", "b")).await.0, Err(OperationError::Exists(at("b"))));
    assert!(matches!(act(rename("a", "below/c")).await.0, Err(OperationError::Io { .. })));
    assert_eq!(act(rename("a", "c")).await.0, Ok(Done::Changed));
    assert!(matches!(act(rename("a", "d")).await.0, Err(OperationError::Io { .. })));
    let remove = || Operation::Remove { path: at("c"), expect: of("a") };
    assert_eq!(act(remove()).await.0, Ok(Done::Changed));
    assert_eq!(act(remove()).await.0, Ok(Done::Already));
    assert_eq!(names(place.path()), vec!["b"]);
}

#[tokio::test]
async fn directories_come_with_their_parents_and_go_only_when_empty() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("one/two");
    let make = || Operation::MakeDir { path: path.clone(), mode: 0o700 };
    assert_eq!(act(make()).await.0, Ok(Done::Changed));
    assert_eq!(act(make()).await.0, Ok(Done::Already));
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o700, 0o700));
    let remove = |path: &Path| Operation::RemoveDir { path: path.into() };
    assert!(matches!(act(remove(path.parent().unwrap())).await.0, Err(OperationError::Io { .. })));
    assert_eq!(act(remove(&path)).await.0, Ok(Done::Changed));
    assert_eq!(act(remove(&path)).await.0, Ok(Done::Already));
    fs::write(&path, "in the way").unwrap();
    assert_eq!(act(make()).await.0, Err(OperationError::Exists(path.clone())));
}

#[tokio::test]
async fn the_journal_grows_and_is_private() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("journal");
    for line in ["one\n", "two\n"] {
        let append = Operation::Append { path: path.clone(), content: line.into() };
        assert_eq!(act(append).await.0, Ok(Done::Changed));
    }
    assert_eq!((fs::read_to_string(&path).unwrap().as_str(), mode(&path)), ("one\ntwo\n", 0o600));
}

/// Under this variable the test below finds the mount point that it made for itself.
const MOUNT: &str = "LOGTAIL_DOCTOR_TEST_MOUNT";

#[tokio::test]
async fn a_file_that_is_a_mount_point_is_written_in_place() {
    if let Some(path) = std::env::var_os(MOUNT).map(PathBuf::from) {
        assert_eq!(act(write(&path, of("a longer one"), "short")).await.0, Ok(Done::Changed));
        assert_eq!(fs::read_to_string(&path).unwrap(), "short");
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let (under, mount) = (place.path().join("under"), place.path().join("mount"));
    fs::write(&under, "a longer one").unwrap();
    fs::write(&mount, "").unwrap();
    let unshared = |words: &[&str]| {
        let mut command = std::process::Command::new("unshare");
        command.args(["-m", "sh", "-c", "mount --bind \"$1\" \"$2\" && shift 2 && exec \"$@\"", "sh"]);
        command.arg(&under).arg(&mount).args(words).env(MOUNT, &mount).status().is_ok_and(|status| status.success())
    };
    if !unshared(&["true"]) {
        lab::skip::skip_anyway("mount points: we may not make one");
        return;
    }
    let own = std::env::current_exe().unwrap();
    let name = "host::linux::tests::acts::a_file_that_is_a_mount_point_is_written_in_place";
    assert!(unshared(&[own.to_str().unwrap(), "--exact", name]));
    assert_eq!(fs::read_to_string(&under).unwrap(), "short");
    assert_eq!(names(place.path()), vec!["mount", "under"]);
}

#[tokio::test]
async fn what_hangs_in_the_kernel_is_not_waited_for_without_end() {
    use super::super::acts::within;
    let (release, held) = std::sync::mpsc::channel::<()>();
    let hung = within(std::time::Duration::from_millis(1), "/dead/mount".into(), move || {
        // As a dead mount: nothing comes back before the other side wakes up.
        let _ = held.recv();
        Ok(Done::Changed)
    });
    assert_eq!(hung.await, Err(OperationError::Hung { path: "/dead/mount".into(), limit_s: 0 }));
    drop(release);
}
