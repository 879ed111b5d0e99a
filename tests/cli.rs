//! The command line from outside: the real program, offline, with a state directory of its own.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Runs the program without a terminal.
fn run(state: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_logtail-doctor"))
        .args(args)
        .current_dir(state)
        .env("LOGTAIL_DOCTOR_STATE", state)
        .env("LC_ALL", "C")
        .env_remove("NO_COLOR")
        .stdin(Stdio::null())
        .output()
        .expect("the program starts")
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("standard output is UTF-8")
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it ended by itself")
}

#[test]
fn help_names_every_command_and_every_option() {
    let dir = tempfile::tempdir().unwrap();
    let help = run(dir.path(), &["--help"]);
    assert_eq!(code(&help), 0);
    let help = out(&help);
    for word in ["check", "fix", "verify", "journal", "undo", "bundle", "demo", "completions", "man"] {
        assert!(help.contains(&format!("\n  {word} ")), "{word}\n{help}");
    }
    for field in logtail_doctor::core::context::Field::ALL {
        assert!(help.contains(&format!("--{}", field.id())), "{}", field.id());
    }
    for option in ["--read-only", "--no-cloud", "--lang", "--ascii", "--no-color", "--timeout", "--plain"] {
        assert!(help.contains(option), "{option}");
    }
    let check = out(&run(dir.path(), &["check", "--help"]));
    assert!(check.contains("--format") && check.contains("--from") && check.contains("--project"));
    let fix = out(&run(dir.path(), &["fix", "--help"]));
    assert!(
        fix.contains("--set") && fix.contains("--dry-run") && fix.contains("--yes") && fix.contains("bind-hostname")
    );
}

#[test]
fn usage_errors_end_with_two() {
    let dir = tempfile::tempdir().unwrap();
    for args in [
        &["nonsense"][..],
        &["check", "--format", "xml"],
        &["fix", "no-such-remedy"],
        &["fix", "start-agent", "--yes", "--dry-run"],
        &["check", "--timeout", "0"],
        &["check", "--timeout", "61"],
        &["check", "--network", "vpn"],
        &["check", "--aliuid", "alice@example"],
        &["check", "--from", "absent.tar.gz"],
        &["fix", "add-aliuid", "--set", "aliuid"],
        &["fix", "add-aliuid", "--set", "colour=red"],
    ] {
        let output = run(dir.path(), args);
        assert_eq!(code(&output), 2, "{args:?}: {}", err(&output));
        assert!(!output.stderr.is_empty() && output.stdout.is_empty(), "{args:?}");
    }
    let refused = run(dir.path(), &["--lang", "zh", "check", "--network", "vpn"]);
    assert!(err(&refused).contains("--network：可选"), "{}", err(&refused));
}

#[test]
fn without_a_terminal_the_wizard_names_check() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(dir.path(), &[]);
    assert_eq!(code(&output), 2);
    assert!(output.stdout.is_empty() && err(&output).contains("logtail-doctor check"));
}

#[test]
fn completions_and_the_manual_come_whole() {
    let dir = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let script = out(&run(dir.path(), &["completions", shell]));
        assert!(script.contains("logtail-doctor") && script.contains("machine-group"), "{shell}");
    }
    let page = out(&run(dir.path(), &["man"]));
    assert!(page.contains(".TH logtail-doctor 1") && page.contains("COMMAND FIX"), "{page}");
    assert!(page.contains("dry\\-run"));
}

#[test]
fn check_prints_the_promised_json_and_remembers_what_was_told() {
    let dir = tempfile::tempdir().unwrap();
    let told = ["--region", "cn-hangzhou", "--identity", "ip"];
    let output = run(dir.path(), &[&["check", "--format", "json", "--no-cloud"], &told[..]].concat());
    assert!([0, 1, 3].contains(&code(&output)), "{}", err(&output));
    let report: serde_json::Value = serde_json::from_str(&out(&output)).expect("JSON");
    let keys: Vec<&String> = report.as_object().unwrap().keys().collect();
    let promised = [
        "schema_version",
        "tool",
        "started_at",
        "elapsed_ms",
        "host",
        "agent",
        "context",
        "verdict",
        "stopped_at",
        "root_cause",
        "steps",
    ];
    assert_eq!(keys, promised);
    assert_eq!(report["schema_version"], 2);
    assert_eq!(report["context"]["region"], "cn-hangzhou");
    assert_eq!(report["host"]["os"], "linux");
    assert_eq!(report["steps"].as_array().unwrap().len(), 10);
    assert_eq!(report["steps"][3]["id"], "network");
    let expected = match report["verdict"].as_str().unwrap() {
        "fail" => 1,
        "unknown" => 3,
        _ => 0,
    };
    assert_eq!(code(&output), expected);
    let again: serde_json::Value =
        serde_json::from_str(&out(&run(dir.path(), &["check", "--format", "json", "--no-cloud"]))).unwrap();
    assert_eq!(again["context"]["region"], "cn-hangzhou", "remembered");
    let forgotten = run(dir.path(), &["check", "--format", "json", "--no-cloud", "--region", ""]);
    let forgotten: serde_json::Value = serde_json::from_str(&out(&forgotten)).unwrap();
    assert_eq!(forgotten["context"]["region"], serde_json::Value::Null);
}

#[test]
fn text_and_markdown_carry_no_escape_sequences_into_a_pipe() {
    let dir = tempfile::tempdir().unwrap();
    for format in ["text", "markdown"] {
        let shown = out(&run(dir.path(), &["check", "--no-cloud", "--format", format]));
        assert!(!shown.contains('\u{1b}') && shown.contains("heartbeat"), "{shown}");
    }
}

#[test]
fn a_bundle_is_written_beside_an_older_one_and_judged_again() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["bundle", "--no-cloud", "--region", "cn-hangzhou", "-o", "b.tar.gz"];
    let first = run(dir.path(), &args);
    assert_eq!(code(&first), 0, "{}", err(&first));
    assert_eq!(out(&run(dir.path(), &args)).trim(), "b-2.tar.gz");
    let elsewhere = tempfile::tempdir().unwrap();
    let bundle = dir.path().join("b.tar.gz");
    let judged = run(elsewhere.path(), &["check", "--format", "json", "--from", bundle.to_str().unwrap()]);
    let report: serde_json::Value = serde_json::from_str(&out(&judged)).expect("JSON");
    assert_eq!(report["context"]["region"], "cn-hangzhou", "told when it was taken: {}", err(&judged));
    assert!(!elsewhere.path().join("context.json").exists(), "another host's context is not remembered");
    let named = run(dir.path(), &["bundle", "--no-cloud"]);
    assert!(out(&named).contains("logtail-doctor-") && out(&named).trim().ends_with(".tar.gz"));
}

#[test]
fn a_bundle_that_is_none_is_refused_in_words() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::File::create(dir.path().join("x.tar.gz")).unwrap().write_all(b"junk").unwrap();
    let output = run(dir.path(), &["check", "--from", "x.tar.gz"]);
    assert_eq!(code(&output), 2);
    assert!(err(&output).contains("not a bundle"), "{}", err(&output));
}

#[test]
fn an_empty_journal_says_so_and_there_is_nothing_to_undo() {
    let dir = tempfile::tempdir().unwrap();
    let journal = run(dir.path(), &["journal"]);
    assert_eq!(code(&journal), 0);
    assert!(out(&journal).contains("No changes are recorded"));
    assert_eq!(code(&run(dir.path(), &["undo", "--yes"])), 3);
    assert_eq!(code(&run(dir.path(), &["undo", "20260101T000000.000Z", "--yes"])), 3);
}

#[test]
fn a_reader_that_leaves_early_is_told_and_no_success() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_logtail-doctor"))
        .args(["completions", "bash"])
        .env("LOGTAIL_DOCTOR_STATE", dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(err(&output).contains("could not be written"), "{}", err(&output));
    assert_eq!(code(&output), 2);
}

/// Runs the program with answers on standard input.
fn answered(state: &Path, args: &[&str], answers: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_logtail-doctor"))
        .args(args)
        .current_dir(state)
        .env("LOGTAIL_DOCTOR_STATE", state)
        .env("LC_ALL", "C")
        .env("TERM", "dumb")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    child.stdin.take().expect("it is piped").write_all(answers.as_bytes()).expect("it reads");
    child.wait_with_output().expect("it ends")
}

#[test]
fn the_demo_is_listed_and_walked_through_pipes_and_leaves_no_trace() {
    let dir = tempfile::tempdir().unwrap();
    let list = out(&run(dir.path(), &["demo", "--list"]));
    assert!(list.lines().count() >= 12 && list.contains("two-faults  "), "{list}");
    let walk = answered(dir.path(), &["demo", "--plain", "stopped"], "1\nyes\n\nt\n1\nq\n");
    let said = out(&walk);
    assert_eq!(code(&walk), 0, "{said}");
    assert!(said.contains("DEMO (simulated host)") && said.contains("heartbeat OK"), "{said}");
    assert!(said.contains("PROBLEM Not written: this is a demo"), "{said}");
    assert!(!said.contains('\u{1b}') && err(&walk).is_empty(), "{said}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is written");
    assert_eq!(code(&run(dir.path(), &["demo"])), 2, "there is no terminal");
    let unknown = run(dir.path(), &["demo", "--plain", "nonsense"]);
    assert!(code(&unknown) == 2 && err(&unknown).contains("--list"));
}

#[test]
fn the_plain_walk_on_this_machine_ends_with_the_answers_and_is_no_failure() {
    let dir = tempfile::tempdir().unwrap();
    let walk = answered(dir.path(), &["--plain", "--read-only", "--no-cloud", "--timeout", "1"], "");
    assert_eq!(code(&walk), 0, "{}", err(&walk));
    assert!(out(&walk).contains("Number or letter> ") && !out(&walk).contains('\u{1b}'));
}
