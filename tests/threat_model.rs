//! The threat model names tests; each of them exists.

use std::fs;
use std::path::Path;

fn sources(dir: &Path, all: &mut String) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, all);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            all.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_test_that_the_threat_model_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/threat-model.md")).unwrap();
    let mut all = String::new();
    sources(&root.join("src"), &mut all);
    sources(&root.join("tests"), &mut all);
    let last_cell = |line: &str| line.trim_end_matches('|').rsplit('|').next().unwrap_or_default().to_string();
    let rows = page.lines().filter(|line| line.starts_with('|') && line.contains('_'));
    let cells: Vec<String> = rows.map(last_cell).filter(|cell| cell.trim_start().starts_with('`')).collect();
    let names: Vec<&str> = cells.iter().flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    assert!(names.len() > 25, "{names:?}");
    for name in names {
        assert!(all.contains(&format!("fn {name}(")), "no test {name}");
    }
}
