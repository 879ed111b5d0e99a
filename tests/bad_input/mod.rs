//! Bad input: each file that the program reads, in every shape that it should not have. `check` ends in time with valid
//! JSON, says what is wrong or that it does not know, and never passes the step that depends on the file; `fix` says why
//! it does nothing, and does nothing. Needs a laboratory; says SKIPPED where none can be made.
#![cfg(target_os = "linux")]

mod expect;
mod fixes;
mod shapes;

use expect::{FILES, File};
use lab::Lab;
use serde_json::Value;
use shapes::{ALL, Shape};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The time limit that is asked for, in seconds.
const LIMIT_S: u64 = 2;
/// What the program may take beyond its limit; it has to start and to write, on a busy machine.
const SLACK: Duration = Duration::from_secs(15);

/// Tries every shape of these files, three hosts at once, and fails with everything that was wrong.
fn try_files(files: &[&File]) {
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..3.min(files.len()) {
            scope.spawn(|| {
                while let Some(file) = files.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let complaints = catch_unwind(AssertUnwindSafe(|| try_file(file)))
                        .unwrap_or_else(|_| vec![format!("{}: the host could not be made; see above", file.path)]);
                    wrong.lock().expect("nobody panics with it").extend(complaints);
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("nobody panics with it");
    assert!(wrong.is_empty(), "{} complaint(s)\n{}", wrong.len(), wrong.join("\n"));
}

/// One host, on which the file takes one shape after the other.
fn try_file(file: &File) -> Vec<String> {
    let Some(lab) = (file.build)().user("guest", lab::Sudo::No).build_or_skip() else { return Vec::new() };
    let mut wrong = Vec::new();
    for shape in ALL {
        shape.put(&lab, file);
        let mut words = vec!["check", "--format", "json", "--no-cloud", "--timeout", "2", "--region", "cn-hangzhou"];
        words.extend(file.told);
        let look = || {
            let begin = Instant::now();
            // Root may read everything, so only an ordinary user meets a file that is not to be read.
            let output = if shape == Shape::Unreadable { lab.as_user("guest").run(&words) } else { lab.run(&words) };
            (output, begin.elapsed())
        };
        let (mut output, mut took) = look();
        if took > limit(file, shape) {
            // A busy machine may be slow once; what hangs, hangs again.
            (output, took) = look();
        }
        if file.path.contains("/logtail-doctor/") {
            wrong.extend(read_by_others(&lab, file, shape));
        }
        shape.take_away(&lab, file);
        let complaints = judge(file, shape, &output, took);
        println!("{} {shape:?}: {} ms, exit code {}", file.path, took.as_millis(), output.code);
        wrong.extend(complaints.into_iter().map(|complaint| format!("{} {shape:?}: {complaint}", file.path)));
    }
    wrong
}

/// How long the program may take.
fn limit(file: &File, shape: Shape) -> Duration {
    // The C library reads these whole in every thread that looks up a name; a busy machine takes its time for that.
    let is_the_resolvers = shape == Shape::Huge && ["/etc/hosts", "/etc/resolv.conf"].contains(&file.path);
    Duration::from_secs(LIMIT_S) + if is_the_resolvers { 5 * SLACK } else { SLACK }
}

/// Our own files are read by more commands than `check`.
fn read_by_others(lab: &Lab, file: &File, shape: Shape) -> Option<String> {
    for words in [["journal"].as_slice(), &["undo", "--yes"]] {
        let begin = Instant::now();
        let output = lab.run(words);
        let is_in_time = begin.elapsed() < Duration::from_secs(LIMIT_S) + SLACK;
        if !is_in_time || output.code > 3 || output.stderr.contains("panicked") {
            return Some(format!("{} {shape:?}: {words:?}: {output:?}, {:?}", file.path, begin.elapsed()));
        }
    }
    None
}

fn judge(file: &File, shape: Shape, output: &lab::Output, took: Duration) -> Vec<String> {
    let mut wrong = Vec::new();
    if took > limit(file, shape) {
        wrong.push(format!("took {took:?}"));
    }
    if output.stderr.contains("panicked") {
        wrong.push(format!("panicked: {}", output.stderr));
    }
    let Ok(answer) = serde_json::from_str::<Value>(&output.stdout) else {
        wrong.push(format!("no JSON: {output:?}"));
        return wrong;
    };
    let code = match answer["verdict"].as_str() {
        Some("fail") => 1,
        Some("unknown") => 3,
        _ => 0,
    };
    if output.code != code {
        wrong.push(format!("verdict {}, exit code {}", answer["verdict"], output.code));
    }
    if let Some(flaw) = (file.expected)(shape).flaw(&answer) {
        wrong.push(flaw);
    }
    wrong
}

#[test]
fn the_agents_configuration_and_record() {
    try_files(&FILES.iter().filter(|file| file.path.starts_with("/usr/local/ilogtail")).collect::<Vec<_>>());
}

#[test]
fn identities_and_accounts() {
    try_files(&FILES.iter().filter(|file| file.path.starts_with("/etc/ilogtail")).collect::<Vec<_>>());
}

#[test]
fn files_of_the_system_and_of_our_own() {
    let others = |file: &&File| !file.path.contains("/ilogtail/");
    try_files(&FILES.iter().filter(others).collect::<Vec<_>>());
}

#[test]
fn a_fix_says_why_it_cannot_and_changes_nothing() {
    fixes::try_all();
}
