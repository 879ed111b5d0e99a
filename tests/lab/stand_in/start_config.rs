//! How the agent reads `ilogtail_config.json` and the files of `config.d` over it (agent, sections 2.1 and 2.4).

use serde_json::{Map, Value};
use std::path::Path;

/// What became of the file.
pub enum Loaded {
    /// The settings in force.
    Settings(Map<String, Value>),
    /// Nothing there, or nothing in it: defaults.
    Missing,
    Empty,
    /// Fails the agent's count of braces.
    Unbalanced,
    /// Passes the count of braces and is no JSON all the same.
    NotJson,
}

/// Reads `file` and lays the files of `overlay`, sorted by name, over it.
pub fn load(file: &Path, overlay: &Path) -> Loaded {
    let Ok(bytes) = std::fs::read(file) else { return Loaded::Missing };
    if bytes.is_empty() {
        return Loaded::Empty;
    }
    let text = String::from_utf8_lossy(&bytes);
    if !balanced(&text) {
        return Loaded::Unbalanced;
    }
    let Some(mut settings) = parse(&text) else { return Loaded::NotJson };
    let mut files: Vec<_> =
        std::fs::read_dir(overlay).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    files.sort();
    for file in files.iter().filter(|file| file.extension().is_some_and(|kind| kind == "json")) {
        if let Some(more) = std::fs::read_to_string(file).ok().and_then(|text| parse(&text)) {
            settings.extend(more);
        }
    }
    Loaded::Settings(settings)
}

/// The agent's test before parsing: blanks, then a brace or bracket, and as many closed as opened. A byte order mark or
/// a carriage return in front fails it.
fn balanced(text: &str) -> bool {
    let text = text.trim_start_matches([' ', '\n', '\t']);
    let count = |open, close| text.matches(open).count() == text.matches(close).count();
    text.starts_with(['{', '[']) && count('{', '}') && count('[', ']')
}

/// Comments, a comma after the last item, text after the object and repeated keys are accepted; the last of a repeated
/// key counts.
fn parse(text: &str) -> Option<Map<String, Value>> {
    let bare = without_last_commas(&without_comments(text));
    serde_json::Deserializer::from_str(&bare).into_iter::<Map<String, Value>>().next()?.ok()
}

/// The text without commas before a closing bracket, as jsoncpp takes it from 1.9.3 on.
fn without_last_commas(text: &str) -> String {
    let (mut bare, mut quoted, mut escaped) = (String::new(), false, false);
    for (at, c) in text.char_indices() {
        let is_last = c == ',' && !quoted && text[at + 1..].trim_start().starts_with(['}', ']']);
        quoted ^= c == '"' && !escaped;
        escaped = quoted && c == '\\' && !escaped;
        if !is_last {
            bare.push(c);
        }
    }
    bare
}

fn without_comments(text: &str) -> String {
    let (mut bare, mut rest, mut quoted) = (String::new(), text, false);
    while let Some(c) = rest.chars().next() {
        if quoted && c == '\\' {
            let pair: String = rest.chars().take(2).collect();
            rest = &rest[pair.len()..];
            bare.push_str(&pair);
            continue;
        }
        if !quoted && rest.starts_with("//") {
            rest = rest.find('\n').map_or("", |end| &rest[end..]);
            continue;
        }
        if !quoted && rest.starts_with("/*") {
            rest = rest.find("*/").map_or("", |end| &rest[end + 2..]);
            continue;
        }
        quoted ^= c == '"';
        bare.push(c);
        rest = &rest[c.len_utf8()..];
    }
    bare
}
