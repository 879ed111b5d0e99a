//! Files and directories of every kind that an operator's machine may hold.

use super::{AMPLE, host, is_root};
use crate::core::observe::{
    Answer, DIR_LIMIT, EntryKind, FILE_LIMIT, FileSeen, Observed, Question, TAIL_LIMIT, Unavailable,
};
use crate::host::Host;
use nix::sys::stat::Mode;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

async fn head(path: &Path) -> Observed<FileSeen> {
    match host(AMPLE).observe(Question::File(path.into())).await {
        Answer::File(seen) => seen,
        other => panic!("not a file's answer: {other:?}"),
    }
}

async fn tail(path: &Path) -> Observed<FileSeen> {
    match host(AMPLE).observe(Question::Tail(path.into())).await {
        Answer::File(seen) => seen,
        other => panic!("not a file's answer: {other:?}"),
    }
}

#[tokio::test]
async fn what_is_no_regular_file_is_named_and_never_waited_for() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    nix::unistd::mkfifo(&at("fifo"), Mode::from_bits_truncate(0o644)).unwrap();
    let _listener = UnixListener::bind(at("socket")).unwrap();
    symlink(at("fifo"), at("to-fifo")).unwrap();
    symlink(at("nothing"), at("dangling")).unwrap();
    symlink(at("loop"), at("loop")).unwrap();
    fs::write(at("plain"), "x").unwrap();
    for (path, word) in [
        (at("fifo"), "fifo"),
        (at("to-fifo"), "fifo"),
        (at("socket"), "socket"),
        (place.path().to_path_buf(), "directory"),
        ("/dev/null".into(), "device"),
    ] {
        assert_eq!(head(&path).await, Err(Unavailable::NotAFile(word.into())), "{path:?}");
        assert_eq!(tail(&path).await, Err(Unavailable::NotAFile(word.into())), "{path:?}");
    }
    for absent in [at("dangling"), at("nothing"), at("plain/below"), at("a/b")] {
        assert_eq!(head(&absent).await, Err(Unavailable::Absent), "{absent:?}");
    }
    assert!(matches!(head(&at("loop")).await, Err(Unavailable::Other(_))));
    assert!(head(Path::new("a\0b")).await.is_err());
}

#[tokio::test]
async fn what_may_not_be_read_is_not_absent() {
    if is_root("unreadable files") {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("secret");
    fs::write(&path, "x").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o000)).unwrap();
    assert_eq!(head(&path).await, Err(Unavailable::NotAllowed));
}

#[tokio::test]
async fn a_large_file_is_read_in_part_and_a_symlink_is_noted() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("sparse");
    let size = 100 << 20;
    File::create(&path).unwrap().set_len(size).unwrap();
    let seen = head(&path).await.unwrap();
    assert_eq!((seen.bytes.len(), seen.size, seen.is_partial()), (FILE_LIMIT, size, true));
    let seen = tail(&path).await.unwrap();
    assert_eq!((seen.bytes.len(), seen.size, seen.is_partial()), (TAIL_LIMIT, size, true));
    fs::write(place.path().join("small"), b"\xff\xfe end").unwrap();
    symlink("small", place.path().join("link")).unwrap();
    let seen = tail(&place.path().join("link")).await.unwrap();
    assert_eq!(seen.bytes, b"\xff\xfe end");
    assert_eq!(seen.link_to, Some(place.path().join("small")));
    assert!(!seen.is_partial());
}

#[tokio::test]
async fn files_of_the_kernel_say_size_zero_and_are_read() {
    let seen = head(Path::new("/proc/self/stat")).await.unwrap();
    assert!(!seen.bytes.is_empty() && seen.size == seen.bytes.len() as u64);
}

#[tokio::test]
async fn a_directory_is_sorted_bounded_and_says_what_its_links_lead_to() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    fs::write(at("b"), "four").unwrap();
    fs::create_dir(at("a")).unwrap();
    symlink("b", at("c")).unwrap();
    symlink("nothing", at("d")).unwrap();
    nix::unistd::mkfifo(&at("e"), Mode::from_bits_truncate(0o644)).unwrap();
    let dir = |path: &Path| host(AMPLE).observe(Question::Dir(path.into()));
    let Answer::Dir(Ok(seen)) = dir(place.path()).await else { panic!("no directory") };
    let short: Vec<_> = seen.entries.iter().map(|entry| (entry.name.as_str(), entry.kind)).collect();
    let expected = vec![
        ("a", EntryKind::Dir),
        ("b", EntryKind::File),
        ("c", EntryKind::File),
        ("d", EntryKind::Dangling),
        ("e", EntryKind::Other),
    ];
    assert_eq!(short, expected);
    assert_eq!(seen.entries[2].size, 4);
    assert_eq!(dir(&at("nothing")).await, Answer::Dir(Err(Unavailable::Absent)));
    let no_directory = Unavailable::Other("Not a directory (os error 20)".into());
    assert_eq!(dir(&at("b")).await, Answer::Dir(Err(no_directory)));
    assert_eq!(dir(&at("b/c")).await, Answer::Dir(Err(Unavailable::Absent)));
    for number in 0..DIR_LIMIT {
        File::create(at(&format!("n{number}"))).unwrap();
    }
    let Answer::Dir(Ok(seen)) = dir(place.path()).await else { panic!("no directory") };
    assert_eq!((seen.entries.len(), seen.cut), (DIR_LIMIT, true));
}
