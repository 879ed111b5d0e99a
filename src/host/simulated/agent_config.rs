//! How the simulated agent reads its JSON: as tolerant and as strict as jsoncpp behind the agent's brace counter
//! (agent.md, section 2.4), and how it writes JSON. Pure.

use serde_json::{Map, Value};
use std::fmt::Write;

/// What a configuration file is to the agent.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Parsed {
    Fine(Map<String, Value>),
    /// No bytes at all.
    Empty,
    /// The brace counter refuses it: a byte order mark, a leading carriage return, a brace missing.
    Unbalanced,
    /// Braces balance, but it is no JSON.
    NotJson,
}

/// Reads a file's bytes.
pub(super) fn parse(bytes: &[u8]) -> Parsed {
    if bytes.is_empty() {
        return Parsed::Empty;
    }
    let text = String::from_utf8_lossy(bytes);
    if !text.trim_start_matches([' ', '\n', '\t']).starts_with(['{', '[']) {
        return Parsed::Unbalanced;
    }
    let Some(root) = root_without_comments(&text) else { return Parsed::Unbalanced };
    match serde_json::from_str(&root) {
        Ok(Value::Object(map)) => Parsed::Fine(map),
        // Unclosed quotes and the like.
        Ok(_) | Err(_) => Parsed::NotJson,
    }
}

/// The text of the root value: comments left out, what follows its closing brace left out. None when it never closes.
fn root_without_comments(text: &str) -> Option<String> {
    let mut root = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    let mut depth = 0_usize;
    while let Some(letter) = letters.next() {
        match letter {
            '"' => {
                root.push(letter);
                while let Some(inner) = letters.next() {
                    root.push(inner);
                    match inner {
                        '\\' => root.extend(letters.next()),
                        '"' => break,
                        _ => {}
                    }
                }
            }
            '/' if letters.peek() == Some(&'/') => {
                for skipped in letters.by_ref() {
                    if skipped == '\n' {
                        break;
                    }
                }
                root.push('\n');
            }
            '/' if letters.peek() == Some(&'*') => {
                letters.next();
                let mut before = ' ';
                for skipped in letters.by_ref() {
                    if before == '*' && skipped == '/' {
                        break;
                    }
                    before = skipped;
                }
                root.push(' ');
            }
            '{' | '[' => {
                depth += 1;
                root.push(letter);
            }
            '}' | ']' => {
                depth = depth.checked_sub(1)?;
                root.push(letter);
                if depth == 0 {
                    return Some(root);
                }
            }
            _ => root.push(letter),
        }
    }
    None
}

/// JSON as jsoncpp's writer prints it with a TAB as indent: keys sorted, `"key" : value`.
pub(super) fn styled(map: &Map<String, Value>) -> String {
    let mut out = String::new();
    write_object(&mut out, map, 0);
    out
}

fn write_object(out: &mut String, map: &Map<String, Value>, depth: usize) {
    if map.is_empty() {
        out.push_str("{}");
        return;
    }
    let mut keys: Vec<&String> = map.keys().collect();
    keys.sort();
    out.push('{');
    for (number, key) in keys.into_iter().enumerate() {
        out.push_str(if number == 0 { "\n" } else { ",\n" });
        indent(out, depth + 1);
        // Writing to a string cannot fail.
        let _ = write!(out, "{} : ", Value::from(key.as_str()));
        if let Some(value) = map.get(key) {
            write_value(out, value, depth + 1, true);
        }
    }
    out.push('\n');
    indent(out, depth);
    out.push('}');
}

/// `after_key`: a container on several lines begins on a line of its own.
fn write_value(out: &mut String, value: &Value, depth: usize, after_key: bool) {
    let new_line = |out: &mut String| {
        if after_key {
            out.push('\n');
            indent(out, depth);
        }
    };
    match value {
        Value::Object(map) => {
            if !map.is_empty() {
                new_line(out);
            }
            write_object(out, map, depth);
        }
        Value::Array(list) if list.iter().all(|item| !item.is_object() && !item.is_array()) && list.len() < 24 => {
            let items: Vec<String> = list.iter().map(Value::to_string).collect();
            let line = items.join(", ");
            out.push_str(&if items.is_empty() { "[]".to_string() } else { format!("[ {line} ]") });
        }
        Value::Array(list) => {
            new_line(out);
            out.push('[');
            for (number, item) in list.iter().enumerate() {
                out.push_str(if number == 0 { "\n" } else { ",\n" });
                indent(out, depth + 1);
                write_value(out, item, depth + 1, false);
            }
            out.push('\n');
            indent(out, depth);
            out.push(']');
        }
        other => {
            let _ = write!(out, "{other}");
        }
    }
}

fn indent(out: &mut String, depth: usize) {
    out.extend(std::iter::repeat_n('\t', depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_agent_reads_json_as_tolerantly_and_as_strictly_as_observed() {
        let fine = [
            "{\"a\":1}",
            " \n\t{\"a\":1}\r\n",
            "{\"a\":0,\"a\":1} trailing }",
            "{// no\n\"a\":1/* } */}",
            "{\"a\":1,\r\n\"b\":\"{//\"}",
        ];
        for text in fine {
            let Parsed::Fine(map) = parse(text.as_bytes()) else { panic!("{text:?} is refused") };
            assert_eq!(map["a"], 1, "{text:?}");
        }
        for text in ["\u{feff}{}", "\r\n{}", "{\"a\":1", "   ", "x{}"] {
            assert_eq!(parse(text.as_bytes()), Parsed::Unbalanced, "{text:?}");
        }
        for text in ["{'a':1}", "{a:1}", "{\"a\":1,}"] {
            assert_eq!(parse(text.as_bytes()), Parsed::NotJson, "{text:?}");
        }
        assert_eq!(parse(b""), Parsed::Empty);
    }

    #[test]
    fn json_is_written_as_jsoncpp_writes_it() {
        let Parsed::Fine(map) = parse(br#"{"b":{"x":1,"e":{}},"a":["u"],"l":[{"k":"v"}]}"#) else {
            panic!("sound JSON is refused")
        };
        let wanted = "{\n\t\"a\" : [ \"u\" ],\n\t\"b\" : \n\t{\n\t\t\"e\" : {},\n\t\t\"x\" : 1\n\t},\n\
                      \t\"l\" : \n\t[\n\t\t{\n\t\t\t\"k\" : \"v\"\n\t\t}\n\t]\n}";
        assert_eq!(styled(&map), wanted);
    }
}
