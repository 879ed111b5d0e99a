//! The last line of the tests' run: how many ran, how many were skipped, and why. It tests nothing itself, and runs
//! last: cargo starts the test binaries in the order of their names and stops at the first that fails.

use lab::skip::take_notes;
use std::process::Command;

fn main() {
    // Whoever only lists tests (nextest) finds none here.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|word| word == "--list") {
        return;
    }
    let notes = take_notes(std::os::unix::process::parent_id());
    let skipped: usize = notes.skipped.values().map(Vec::len).sum();
    let listed = |binary: &String| {
        let listed = Command::new(binary).args(&arguments).args(["--list", "--format", "terse"]).output().ok()?;
        Some(String::from_utf8_lossy(&listed.stdout).lines().filter(|line| line.ends_with(": test")).count())
    };
    let ran: Option<usize> = notes.binaries.iter().map(listed).sum();
    for (why, tests) in &notes.skipped {
        println!("skipped {:>4}: {why}", tests.len());
    }
    match ran.filter(|ran| *ran > 0) {
        // A test of which only a part was skipped ran all the same, so it counts on neither side twice.
        Some(ran) => {
            let names: std::collections::BTreeSet<&String> = notes.skipped.values().flatten().collect();
            println!("{} ran, {} skipped", ran.saturating_sub(names.len()), names.len());
        }
        None => println!("{skipped} skipped"),
    }
}
