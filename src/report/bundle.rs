//! The support bundle: a `.tar.gz` with the ticket text, the reports, the observations and the files that the vendor
//! asks for, all without secrets. Written whole or not at all, readable by its owner alone, never over another file.
//! Reading one trusts nothing in it: sizes are limited, and no path from it is ever used.

use super::{Case, Recording};
use flate2::read::GzDecoder;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// At most this many bytes are unpacked.
const UNPACKED_LIMIT: u64 = 64 << 20;
/// At most this many files may be in a bundle.
const ENTRIES_LIMIT: usize = 1000;
/// The recording inside a bundle.
pub(super) const OBSERVATIONS: &str = "observations.json";

/// Why a bundle could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    #[error("{path}: {reason}")]
    Io { path: PathBuf, reason: String },
    #[error("{0}: not a bundle of logtail-doctor ({1})")]
    NotABundle(PathBuf, String),
    #[error("{0}: larger than a bundle may be")]
    TooLarge(PathBuf),
}

/// The name of a bundle: host and time, only characters that every file system takes.
pub fn bundle_name(case: &Case) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '.') { c } else { '_' };
    let host: String = case.report.hostname().chars().map(plain).take(64).collect();
    let host = if host.is_empty() { "host".to_string() } else { host };
    let stamp: String = case.report.taken.started_at.raw().chars().filter(char::is_ascii_alphanumeric).collect();
    format!("logtail-doctor-{host}-{stamp}")
}

/// Where a bundle goes when nobody says where: here, else the temporary directory, else home.
pub fn bundle_places(name: &str) -> Vec<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
    let places = [std::env::current_dir().ok(), Some(std::env::temp_dir()), home];
    places.into_iter().flatten().map(|dir| dir.join(format!("{name}.tar.gz"))).collect()
}

/// Writes a bundle to the first of the places that can be written, and returns where it is. A file that is there
/// already is left alone: the name gets a number.
///
/// # Errors
/// None of the places can be written; the error is that of the first.
pub fn write_bundle(bytes: &[u8], places: &[PathBuf]) -> Result<PathBuf, BundleError> {
    let mut first_error = None;
    for place in places {
        match write_beside(bytes, place) {
            Ok(path) => return Ok(path),
            Err(error) => {
                let error = BundleError::Io { path: place.clone(), reason: error.to_string() };
                first_error.get_or_insert(error);
            }
        }
    }
    Err(first_error.unwrap_or_else(|| BundleError::Io { path: PathBuf::new(), reason: "no place".into() }))
}

fn write_beside(bytes: &[u8], place: &Path) -> io::Result<PathBuf> {
    let name = place.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy().into_owned();
    // A device or a pipe cannot be left alone by taking another name: nobody looks for a bundle beside /dev/null.
    let is_special = |about: &fs::Metadata| !about.is_file() && !about.is_symlink() && !about.is_dir();
    if fs::symlink_metadata(place).is_ok_and(|about| is_special(&about)) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "there is something else than a file of this name"));
    }
    let temporary = place.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        (1..=99)
            .map(|number| numbered(place, &name, number))
            .find_map(|path| match settle(&temporary, &path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => None,
                other => Some(other.map(|()| path)),
            })
            .unwrap_or_else(|| Err(io::ErrorKind::AlreadyExists.into()))
    })();
    // Nothing of the temporary stays, however it went; after a rename it is gone already.
    let _ = fs::remove_file(&temporary);
    written
}

/// The name for the n-th file of this name: `a.tar.gz`, `a-2.tar.gz`.
fn numbered(place: &Path, name: &str, number: usize) -> PathBuf {
    if number == 1 {
        return place.to_path_buf();
    }
    let endings = [".tar.gz", ".tgz"].into_iter();
    let (stem, ending) =
        endings.filter_map(|ending| Some((name.strip_suffix(ending)?, ending))).next().unwrap_or((name, ""));
    place.with_file_name(format!("{stem}-{number}{ending}"))
}

/// Gives the temporary its name, which must be free. A hard link is refused when the name is taken; where there are
/// no hard links, looking and renaming has to do.
fn settle(temporary: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(temporary, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => match fs::symlink_metadata(path) {
            Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
            Err(_) => fs::rename(temporary, path),
        },
        other => other,
    }
}

/// Reads the recording of a bundle.
///
/// # Errors
/// It cannot be read, is no bundle, or exceeds what a bundle may hold.
pub fn read_bundle(path: &Path) -> Result<Recording, BundleError> {
    let io_error = |error: io::Error| BundleError::Io { path: path.to_path_buf(), reason: error.to_string() };
    // Looked at before it is opened: opening a FIFO would wait for its other end.
    if !fs::metadata(path).map_err(io_error)?.is_file() {
        return Err(BundleError::NotABundle(path.to_path_buf(), "not a regular file".into()));
    }
    read_packed(path, File::open(path).map_err(io_error)?)
}

/// Reads the recording of a bundle's bytes; `path` is named in errors.
///
/// # Errors
/// As [`read_bundle`].
pub fn read_packed(path: &Path, packed: impl Read) -> Result<Recording, BundleError> {
    let alien = |error: &dyn std::fmt::Display| BundleError::NotABundle(path.to_path_buf(), error.to_string());
    let mut archive = tar::Archive::new(GzDecoder::new(packed).take(UNPACKED_LIMIT));
    for (number, entry) in archive.entries().map_err(|error| alien(&error))?.enumerate() {
        if number >= ENTRIES_LIMIT {
            return Err(BundleError::TooLarge(path.to_path_buf()));
        }
        let mut entry = entry.map_err(|error| alien(&error))?;
        let name = entry.path_bytes();
        if name.rsplit(|&byte| byte == b'/').next() != Some(OBSERVATIONS.as_bytes()) {
            continue;
        }
        if entry.size() >= UNPACKED_LIMIT {
            return Err(BundleError::TooLarge(path.to_path_buf()));
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(|error| alien(&error))?;
        let recording: Recording = serde_json::from_slice(&bytes).map_err(|error| alien(&error))?;
        if recording.schema_version != super::SCHEMA_VERSION {
            return Err(alien(&format!("schema version {}", recording.schema_version)));
        }
        return Ok(recording);
    }
    Err(alien(&format!("no {OBSERVATIONS} in it")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::text::Lang;
    use crate::report::model::samples;
    use crate::report::{Taken, pack};
    use flate2::{Compression, write::GzEncoder};
    use std::os::unix::fs::PermissionsExt;

    fn case() -> Case {
        let found = samples::investigation();
        let taken = Taken { started_at: "2026-11-22T05:40:00Z".into(), elapsed_ms: 312 };
        Case::new(&found, found.seen(), taken, Some(samples::agent()))
    }

    #[test]
    fn a_bundle_is_judged_elsewhere_as_it_was_here() {
        let dir = tempfile::tempdir().unwrap();
        let case = case();
        assert_eq!(bundle_name(&case), "logtail-doctor-web-1-20261122T054000Z");
        let place = dir.path().join("b.tar.gz");
        let bytes = pack(&case, Lang::En).unwrap();
        let path = write_bundle(&bytes, std::slice::from_ref(&place)).unwrap();
        assert_eq!(path, place);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let second = write_bundle(&bytes, std::slice::from_ref(&place)).unwrap();
        assert_eq!(second, dir.path().join("b-2.tar.gz"));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "no temporary stays");
        let recording = read_bundle(&path).unwrap();
        let found = recording.judged(samples::judge, recording.told());
        assert!(found.is_settled());
        assert_eq!(found.finding(crate::core::finding::StepId::Network).unwrap().finding, case.report.steps[3].finding);
        assert_eq!(recording.told().region.as_deref(), Some("cn-hangzhou"));
    }

    #[test]
    fn an_unwritable_place_leads_to_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let (gone, good) = (dir.path().join("no/b.tar.gz"), dir.path().join("b.tar.gz"));
        assert_eq!(write_bundle(b"x", &[gone.clone(), good.clone()]).unwrap(), good);
        assert!(write_bundle(b"x", &[gone]).is_err());
    }

    #[test]
    fn what_is_no_bundle_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.tar.gz");
        assert!(matches!(read_bundle(&path), Err(BundleError::Io { .. })));
        assert!(matches!(read_bundle(dir.path()), Err(BundleError::NotABundle(..))));
        fs::write(&path, b"junk").unwrap();
        assert!(matches!(read_bundle(&path), Err(BundleError::NotABundle(..))));
        let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for number in 0..=ENTRIES_LIMIT {
            let mut header = tar::Header::new_gnu();
            header.set_size(0);
            tar.append_data(&mut header, format!("{number}"), io::empty()).unwrap();
        }
        fs::write(&path, tar.into_inner().unwrap().finish().unwrap()).unwrap();
        assert!(matches!(read_bundle(&path), Err(BundleError::TooLarge(_))));
    }
}
