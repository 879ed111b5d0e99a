//! The Chinese sentences are written as Chinese is: full-width punctuation beside Chinese characters, in the source and
//! in the Chinese README.

use std::path::Path;

const README: &str = include_str!("../README.zh-CN.md");

fn is_chinese(c: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&c)
}

/// Half-width punctuation beside a Chinese character in a line of text, with its surroundings.
fn half_width(line: &str) -> Option<String> {
    let chars: Vec<char> = line.chars().collect();
    let at = |index: usize| chars.get(index).copied().unwrap_or(' ');
    (0..chars.len()).find_map(|index| {
        let before = index.checked_sub(1).map_or(' ', at);
        let is_mark = ",;:?!()".contains(at(index));
        (is_mark && (is_chinese(before) || is_chinese(at(index + 1))))
            .then(|| chars[index.saturating_sub(8)..(index + 8).min(chars.len())].iter().collect())
    })
}

/// The string literals of a line of Rust.
fn literals(line: &str) -> Vec<String> {
    let (mut out, mut open, mut escaped) = (Vec::new(), None::<String>, false);
    for c in line.chars() {
        match (&mut open, c) {
            (None, '"') => open = Some(String::new()),
            (None, _) => {}
            (Some(text), _) if escaped => {
                text.push(c);
                escaped = false;
            }
            (Some(_), '\\') => escaped = true,
            (Some(_), '"') => out.extend(open.take()),
            (Some(text), _) => text.push(c),
        }
    }
    out
}

fn scan(dir: &Path, wrong: &mut Vec<String>) {
    for entry in std::fs::read_dir(dir).expect("the source can be read") {
        let path = entry.expect("an entry").path();
        // Patterns and samples of tests are no sentences.
        let is_test = path.file_stem().is_some_and(|stem| stem == "tests");
        if path.is_dir() {
            scan(&path, wrong);
        } else if path.extension().is_some_and(|ending| ending == "rs") && !is_test {
            let source = std::fs::read_to_string(&path).expect("UTF-8");
            for (number, line) in source.lines().enumerate() {
                let found = literals(line).iter().find_map(|text| half_width(text));
                wrong.extend(found.map(|text| format!("{}:{}: {text}", path.display(), number + 1)));
            }
        }
    }
}

#[test]
fn chinese_sentences_have_full_width_punctuation() {
    let mut wrong = Vec::new();
    scan(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut wrong);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_chinese_readme_has_full_width_punctuation() {
    let mut is_code = false;
    let mut wrong = Vec::new();
    for line in README.lines() {
        if line.starts_with("```") {
            is_code = !is_code;
        }
        // The brackets of a link are Markdown's.
        let prose = line.replace("](", "");
        if !is_code && !prose.starts_with('[') && !prose.starts_with("![") {
            wrong.extend(half_width(&prose));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
