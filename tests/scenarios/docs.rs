//! The table of the documents, made from the scenarios: `docs/scenarios.md`.

use super::{contract, faults, pairs};
use crate::scenarios::table::{Report, Scenario};
use std::fmt::Write as _;

/// The row of one scenario.
pub fn row(scenario: &Scenario) -> String {
    let told: Vec<_> = scenario
        .told
        .iter()
        .map(|(name, value)| match *value {
            "" => format!("no `--{name}`"),
            "on" => format!("`--{name}`"),
            value => format!("`--{name} {value}`"),
        })
        .collect();
    let report = |report: &Report| format!("`{}` ({})", report.cause.id(), report.severity.verdict().id());
    let reports: Vec<_> = scenario.reports.iter().map(report).collect();
    let reports = if reports.is_empty() { "nothing".to_string() } else { reports.join(", ") };
    format!("| {} | {} | {reports} |", scenario.name, told.join(", "))
}

/// The whole document.
fn document() -> String {
    let mut text = String::from(
        "# What is found on which host\n\n\
         Made from the scenarios in `tests/scenarios`; `UPDATE_DOCS=1 cargo test scenarios` writes it anew. Each row is a\n\
         complete Linux host with that fault, on which `check` reported exactly these causes and no other. The operator tells\n\
         the truth about a healthy host (region, network type, machine group, account) unless the second column says otherwise,\n\
         and `--no-cloud`; where the second column takes that away, the host has a key, and the service is asked.\n\n\
         In memory `tests/checks_host` goes further: every two of its faults that can be true at once, by the ten steps, and\n\
         healthy hosts of every version and kind. There a table says what one fault hides of another, and why.\n",
    );
    let mut section = |title: &str, scenarios: &mut dyn Iterator<Item = &'static Scenario>| {
        let _ = write!(text, "\n## {title}\n\n| host | told | reported |\n|---|---|---|\n");
        for scenario in scenarios {
            let _ = writeln!(text, "{}", row(scenario));
        }
    };
    section("Healthy hosts", &mut faults::HEALTHY.iter());
    section("One fault", &mut faults::all());
    section("Two faults", &mut pairs::ALL.iter());
    text.push_str("\n## Remedies beyond the row of a cause\n\n");
    for (cause, remedy, reason) in contract::BEYOND {
        let _ = writeln!(text, "- `{}` offers `{}`: {reason}.", cause.id(), remedy.id());
    }
    text
}

/// The READMEs name every remedy that goes beyond the design, and why.
pub fn differences_are_told() {
    for readme in ["README.md", "README.zh-CN.md"] {
        let path = format!("{}/{readme}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).expect("the README");
        for (cause, remedy, _) in contract::BEYOND {
            let (cause, remedy) = (format!("`{}`", cause.id()), format!("`{}`", remedy.id()));
            let told =
                text.lines().any(|line| line.starts_with("- ") && line.contains(&cause) && line.contains(&remedy));
            assert!(told, "{readme} does not tell that {cause} offers {remedy}");
        }
    }
}

/// Compares the document with the scenarios, or writes it when `UPDATE_DOCS=1`.
pub fn compare() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/scenarios.md");
    let document = document();
    if std::env::var("UPDATE_DOCS").as_deref() == Ok("1") {
        std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/docs")).expect("the directory is made");
        std::fs::write(path, &document).expect("the document is written");
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(written == document, "docs/scenarios.md is stale: UPDATE_DOCS=1 cargo test scenarios");
}
