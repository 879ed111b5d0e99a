//! What stands at a path and on which file system, and what a program needs to run. Programs are looked at and never run.
//!
//! These functions block while a mount is dead: call them on a thread of their own.

use super::answering::trouble;
use super::elf::{self, Elf};
use super::files::{kind_of, link_to, open_regular, read_at_most};
use crate::core::observe::{EntryKind, FilesystemSeen, Observed, PlaceSeen, ProgramFormat, ProgramSeen};
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The attribute that holds a file's access list.
const ACCESS_LIST: &str = "system.posix_acl_access";
/// Where the loader looks without being told, besides `ld.so.conf`.
const LIBRARIES: [&str; 4] = ["/lib", "/lib64", "/usr/lib", "/usr/lib64"];
/// The longest `#!` line that is read, in bytes.
const SCRIPT_LIMIT: usize = 256;
/// At most this much of a loader's configuration or a table of mounts is read, in bytes.
const TEXT_LIMIT: usize = 1 << 20;
/// So many files of `ld.so.conf.d` are read at most.
const CONFS: usize = 64;

/// What stands at a path.
pub(super) fn place(path: &Path) -> Observed<PlaceSeen> {
    let own = fs::symlink_metadata(path).map_err(|error| trouble(&error))?;
    let link_to = link_to(path);
    let (about, real) = match fs::metadata(path) {
        Ok(about) => (about, fs::canonicalize(path).ok()),
        Err(error) if own.is_symlink() && error.kind() == std::io::ErrorKind::NotFound => (own, None),
        Err(error) => return Err(trouble(&error)),
    };
    let kind = if about.is_symlink() { EntryKind::Dangling } else { kind_of(about.file_type()) };
    let has_access_list =
        kind != EntryKind::Dangling && xattr::get_deref(path, ACCESS_LIST).is_ok_and(|list| list.is_some());
    let filesystem = real.as_deref().and_then(|real| filesystem(path, real));
    Ok(PlaceSeen {
        kind,
        link_to,
        real,
        device: about.dev(),
        inode: about.ino(),
        mode: about.mode() & 0o7777,
        uid: about.uid(),
        gid: about.gid(),
        has_access_list,
        filesystem,
    })
}

/// The file system at a path, as it is mounted for whoever sees the path.
fn filesystem(path: &Path, real: &Path) -> Option<FilesystemSeen> {
    use nix::sys::statvfs::{FsFlags, statvfs};
    let about = statvfs(path).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(about.fragment_size());
    let mounts = read_text(&mounts_of(path)).unwrap_or_default();
    let (mount_point, kind) = mounted_at(&mounts, real).unzip();
    Some(FilesystemSeen {
        mount_point,
        kind: kind.unwrap_or_default(),
        read_only: about.flags().contains(FsFlags::ST_RDONLY),
        no_exec: about.flags().contains(FsFlags::ST_NOEXEC),
        free: bytes(about.blocks_free()),
        available: bytes(about.blocks_available()),
        size: bytes(about.blocks()),
        free_inodes: about.files_free(),
        inodes: about.files(),
    })
}

/// The table of mounts by which a path is seen: that of the process whose root it begins with, else ours.
fn mounts_of(path: &Path) -> PathBuf {
    let mut parts = path.strip_prefix("/proc").ok().into_iter().flat_map(Path::iter).filter_map(|part| part.to_str());
    match (parts.next().and_then(|pid| pid.parse::<u32>().ok()), parts.next()) {
        (Some(pid), Some("root")) => PathBuf::from(format!("/proc/{pid}/mountinfo")),
        _ => PathBuf::from("/proc/self/mountinfo"),
    }
}

/// Where a path without links is mounted, and the kind of that file system, by a table of mounts (proc_pid_mountinfo(5)).
/// Of two at one place the later one covers the earlier.
pub(super) fn mounted_at(mounts: &str, path: &Path) -> Option<(PathBuf, String)> {
    let row = |line: &str| {
        let (before, after) = line.split_once(" - ")?;
        let point = PathBuf::from(unescaped(before.split(' ').nth(4)?));
        path.starts_with(&point).then(|| (point, after.split(' ').next().unwrap_or_default().to_string()))
    };
    mounts.lines().filter_map(row).max_by_key(|(point, _)| point.components().count())
}

/// Blanks and the like stand in that table as octal numbers: `\040`.
fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        match after.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(code) => {
                out.push(char::from(code));
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                out.push('\\');
                rest = after;
            }
        }
    }
    out + rest
}

/// What a program needs to run here.
pub(super) fn program(path: &Path) -> Observed<ProgramSeen> {
    let (file, about) = open_regular(path)?;
    let read_at = |at: u64, length: usize| {
        let mut bytes = vec![0; length];
        file.read_exact_at(&mut bytes, at).ok().map(|()| bytes)
    };
    let format = match elf::parse(&read_at) {
        Some(elf) => of_elf(path, elf),
        None => of_script(&file, about.len()),
    };
    Ok(ProgramSeen { mode: about.mode() & 0o7777, format })
}

fn of_elf(path: &Path, elf: Elf) -> ProgramFormat {
    let is_there = |file: &Path| fs::metadata(file).is_ok_and(|about| about.is_file());
    let loader = elf.loader.map(|loader| {
        let there = is_there(&loader);
        (loader, there)
    });
    let origin = fs::canonicalize(path).ok().and_then(|real| real.parent().map(Path::to_path_buf)).unwrap_or_default();
    // Only glibc's loader is known to look in these places.
    let is_glibc = loader.as_ref().is_some_and(|(loader, there)| {
        *there && loader.file_name().is_some_and(|name| name.to_string_lossy().starts_with("ld-linux"))
    });
    let missing = match is_glibc {
        true => {
            let dirs = library_dirs(&elf.run_paths, &origin, &elf.machine);
            let is_missing = |name: &String| !name.contains('/') && !dirs.iter().any(|dir| is_there(&dir.join(name)));
            elf.needed.into_iter().filter(is_missing).collect()
        }
        false => Vec::new(),
    };
    ProgramFormat::Elf { machine: elf.machine, loader, missing }
}

/// Where the loader looks for libraries; beside the program as well, because its starter may say so.
fn library_dirs(run_paths: &[String], origin: &Path, machine: &str) -> Vec<PathBuf> {
    let mut dirs: Vec<PathBuf> = vec![origin.to_path_buf()];
    let here = origin.to_string_lossy();
    for run_path in run_paths.iter().flat_map(|paths| paths.split(':')) {
        dirs.push(PathBuf::from(run_path.replace("${ORIGIN}", &here).replace("$ORIGIN", &here)));
    }
    for base in LIBRARIES {
        dirs.push(PathBuf::from(base));
        dirs.push(Path::new(base).join(format!("{machine}-linux-gnu")));
    }
    let mut confs = vec![PathBuf::from("/etc/ld.so.conf")];
    let more = fs::read_dir("/etc/ld.so.conf.d").into_iter().flatten().flatten().map(|entry| entry.path());
    confs.extend(more.take(CONFS));
    for conf in confs {
        let text = read_text(&conf).unwrap_or_default();
        dirs.extend(text.lines().map(str::trim).filter(|line| line.starts_with('/')).map(PathBuf::from));
    }
    dirs
}

fn of_script(file: &File, size: u64) -> ProgramFormat {
    let length = usize::try_from(size).unwrap_or(SCRIPT_LIMIT).min(SCRIPT_LIMIT);
    let mut head = vec![0; length];
    if file.read_exact_at(&mut head, 0).is_err() {
        return ProgramFormat::Other;
    }
    let text = String::from_utf8_lossy(&head);
    let first = text.lines().next().and_then(|line| line.strip_prefix("#!"));
    match first.and_then(|line| line.split_whitespace().next()) {
        Some(interpreter) => {
            let interpreter = PathBuf::from(interpreter);
            let is_there = fs::metadata(&interpreter).is_ok_and(|about| about.is_file());
            ProgramFormat::Script { interpreter, is_there }
        }
        None => ProgramFormat::Other,
    }
}

fn read_text(path: &Path) -> Option<String> {
    let mut file = File::open(path).ok()?;
    let bytes = read_at_most(&mut file, TEXT_LIMIT).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mount_of_a_path_is_the_nearest_and_of_two_at_one_place_the_later() {
        let mounts = "22 1 8:1 / / rw - ext4 /dev/vda1 rw\n\
            30 22 0:5 / /usr/local ro,relatime - overlay overlay ro\n\
            31 22 0:6 / /usr/local ro - tmpfs tmpfs rw\n\
            32 22 0:7 / /data\\040disk rw - xfs /dev/vdb rw\nbroken\n";
        let at =
            |path: &str| mounted_at(mounts, Path::new(path)).map(|(point, kind)| (point.display().to_string(), kind));
        assert_eq!(at("/usr/local/ilogtail"), Some(("/usr/local".into(), "tmpfs".into())));
        assert_eq!(at("/usr/localx"), Some(("/".into(), "ext4".into())));
        assert_eq!(at("/data disk/x"), Some(("/data disk".into(), "xfs".into())));
        assert_eq!(mounted_at("", Path::new("/")), None);
        assert_eq!(mounts_of(Path::new("/proc/12/root/usr")), Path::new("/proc/12/mountinfo"));
        assert_eq!(mounts_of(Path::new("/usr")), Path::new("/proc/self/mountinfo"));
    }

    #[test]
    fn links_are_followed_and_a_dangling_one_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link, gone) = (dir.path().join("real"), dir.path().join("link"), dir.path().join("gone"));
        fs::create_dir(&real).unwrap();
        std::os::unix::fs::symlink("real", &link).unwrap();
        std::os::unix::fs::symlink("nowhere", &gone).unwrap();
        let (one, other) = (place(&real).unwrap(), place(&link).unwrap());
        assert_eq!((one.device, one.inode, &one.real), (other.device, other.inode, &other.real));
        assert_eq!((one.link_to, other.link_to), (None, Some(real)));
        assert!(one.filesystem.is_some_and(|system| system.size > 0 && !system.read_only));
        let gone = place(&gone).unwrap();
        assert_eq!((gone.kind, gone.real), (EntryKind::Dangling, None));
        assert!(place(&dir.path().join("none")).is_err());
    }

    #[test]
    fn this_program_can_run_and_a_script_names_its_interpreter() {
        let own = program(Path::new("/proc/self/exe")).unwrap();
        let ProgramFormat::Elf { machine, loader, missing } = own.format else { panic!("no ELF") };
        assert_eq!(machine, std::env::consts::ARCH);
        assert!(loader.is_none_or(|(_, is_there)| is_there) && missing.is_empty(), "{missing:?}");
        let dir = tempfile::tempdir().unwrap();
        let script = dir.path().join("script");
        for (text, format) in [
            ("#! /bin/sh -e\n", ProgramFormat::Script { interpreter: "/bin/sh".into(), is_there: true }),
            ("#!/no/such\n", ProgramFormat::Script { interpreter: "/no/such".into(), is_there: false }),
            ("", ProgramFormat::Other),
            ("\x7fELF", ProgramFormat::Other),
        ] {
            fs::write(&script, text).unwrap();
            assert_eq!(program(&script).unwrap().format, format, "{text:?}");
        }
    }
}
