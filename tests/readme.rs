//! The README tells the truth: its flowchart is the program's, and its commands exist.

use logtail_doctor::core::flow::graph;

const README: &str = include_str!("../README.md");

#[test]
fn the_drawing_is_the_flowchart_of_the_program() {
    let begin = README.find("```mermaid\n").expect("a drawing") + "```mermaid\n".len();
    let end = begin + README[begin..].find("```").expect("its end");
    let drawing = graph::drawing();
    assert_eq!(&README[begin..end], drawing, "replace the drawing in README.md by:\n{drawing}");
}

#[test]
fn every_command_in_the_readme_is_accepted() {
    let program = env!("CARGO_BIN_EXE_logtail-doctor");
    let words =
        |line: &str| line.split('#').next().unwrap_or_default().split_whitespace().map(str::to_string).collect();
    let commands: Vec<Vec<String>> =
        README.lines().filter(|line| line.starts_with("logtail-doctor ")).map(words).collect();
    assert!(commands.len() > 6, "{commands:?}");
    for command in commands {
        let output = std::process::Command::new(program).args(&command[1..]).arg("--help").output().expect("it runs");
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

const CHINESE: &str = include_str!("../README.zh-CN.md");

/// The lines of all code blocks without their comments, which are in each document's own language.
fn code(document: &str) -> Vec<&str> {
    let mut is_code = false;
    let mut out = Vec::new();
    for line in document.lines() {
        if line.starts_with("```") {
            is_code = !is_code;
        } else if is_code {
            out.push(line.split("  #").next().unwrap_or_default().trim_end());
        }
    }
    out
}

#[test]
fn both_readmes_have_the_same_commands_headings_pictures_and_table_rows() {
    assert_eq!(code(README), code(CHINESE));
    let starting = |document: &str, start: &str| document.lines().filter(|line| line.starts_with(start)).count();
    for start in ["# ", "## ", "![", "|"] {
        assert_eq!(starting(README, start), starting(CHINESE, start), "lines that begin with {start:?}");
    }
    assert!(README.contains("(README.zh-CN.md)") && CHINESE.contains("(README.md)"), "they name each other");
}

#[test]
fn every_picture_is_there_and_made_by_a_command_that_is_named() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for document in [README, CHINESE] {
        for line in document.lines().filter(|line| line.starts_with("![")) {
            let path = line.split_once("](").expect("a link").1.trim_end_matches(')');
            assert!(root.join(path).is_file(), "{path}");
            assert!(document.contains(&format!("PICTURE={path} ")), "{path}");
        }
    }
}
