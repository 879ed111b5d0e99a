//! Tests that cannot run on this machine: they say why, and the run ends with a line that counts them.
//!
//! libtest counts a test that returned early as passed, so each one is noted in a file beside the test binaries, under
//! the number of the process that runs them all (cargo); `tests/summary.rs` reads it. With `LOGTAIL_DOCTOR_LAB=required`
//! in the environment nothing may be skipped that a build machine can provide.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

/// The file of notes, in the directory of the build profile.
const FILE: &str = "tests-of-last-run";

/// Notes that the running test, or the part of it that `what` names, is skipped, and why.
///
/// # Panics
/// When the environment says `LOGTAIL_DOCTOR_LAB=required`: then this machine shall lack nothing.
pub fn skip(why: &str) {
    assert!(!is_required(), "nothing may be skipped here, and this was: {why}");
    skip_anyway(why);
}

/// As [`skip`], for what no package of a build machine provides: something of its kernel or its file systems, or being
/// an ordinary user.
pub fn skip_anyway(why: &str) {
    println!("SKIPPED: {why}");
    note("skipped", why);
}

/// Whether this machine must provide all that tests need.
pub fn is_required() -> bool {
    std::env::var("LOGTAIL_DOCTOR_LAB").as_deref() == Ok("required")
}

/// Notes this test binary, so that its tests are counted at the end. Called by one test of each binary.
pub fn count_this_binary() {
    if let Ok(program) = std::env::current_exe() {
        note("binary", &program.to_string_lossy());
    }
}

/// What was noted by the tests of one run.
#[derive(Debug, Default)]
pub struct Notes {
    /// The test binaries that ran.
    pub binaries: Vec<String>,
    /// For each reason the tests that were skipped for it.
    pub skipped: BTreeMap<String, Vec<String>>,
}

/// The notes of the run that the process `runner` started; those of other runs are thrown away.
pub fn take_notes(runner: u32) -> Notes {
    let mut notes = Notes::default();
    let Some(path) = path() else { return notes };
    for line in std::fs::read_to_string(&path).unwrap_or_default().lines() {
        let [by, kind, test, text] = line.splitn(4, '\t').collect::<Vec<_>>()[..] else { continue };
        match kind {
            _ if by != runner.to_string() => {}
            "binary" => notes.binaries.push(text.to_string()),
            _ => notes.skipped.entry(text.to_string()).or_default().push(test.to_string()),
        }
    }
    // Nothing depends on it: the next run's notes are told apart by their runner.
    let _ = File::create(path);
    notes
}

fn note(kind: &str, text: &str) {
    let test = std::thread::current().name().unwrap_or("?").to_string();
    let text = text.replace(['\t', '\n'], " ");
    let line = format!("{}\t{kind}\t{test}\t{text}\n", std::os::unix::process::parent_id());
    let file = path().and_then(|path| OpenOptions::new().create(true).append(true).open(path).ok());
    if let Some(mut file) = file {
        // In one piece, since tests of several threads write here.
        let _ = file.write_all(line.as_bytes());
    }
}

fn path() -> Option<PathBuf> {
    Some(std::env::current_exe().ok()?.ancestors().nth(2)?.join(FILE))
}
