//! The README tells the truth: its flowchart is the program's, and its commands exist.

use logtail_doctor::flow::graph;

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
