//! Changes to `ilogtail_config.json` that touch the value and nothing else: formatting, comments, the order of keys and
//! line ends stay byte for byte. Text in, text out; writing files is for `carry_out`.

use super::config::{self, Shape};
use super::endpoint::{self, Hosts};
use super::json::{self, FaultKind, JsonFault};
use super::json_tree::{Node, NodeKind};
use super::version::Version;
use crate::core::context::NetworkType;
use serde_json::{Map, Value, json};
use std::ops::Range;

/// One step down into a value.
#[derive(Debug, Clone, Copy)]
enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

use Step::{Index, Key};

/// Sets a top-level key to a string. Equal already means the same bytes back.
///
/// # Errors
/// When the agent could not read the text: a broken file is repaired, not edited.
pub fn set_string(bytes: &[u8], key: &str, value: &str) -> Result<Vec<u8>, JsonFault> {
    put(bytes, &[Key(key)], &Value::from(value))
}

/// Sets a top-level key to true or false.
///
/// # Errors
/// As [`set_string`].
pub fn set_bool(bytes: &[u8], key: &str, value: bool) -> Result<Vec<u8>, JsonFault> {
    put(bytes, &[Key(key)], &Value::from(value))
}

/// Points the file to a region over a network type. Every endpoint key that is there is brought in line, old names and
/// new ones; if none is there that the version reads, its own are added (before 3.0 and without a known version the old
/// names, which every version reads). Data endpoints for other regions stay.
///
/// # Errors
/// As [`set_string`].
pub fn set_endpoints(
    bytes: &[u8],
    version: Option<&Version>,
    region: &str,
    network: NetworkType,
) -> Result<Vec<u8>, JsonFault> {
    let region = endpoint::endpoint_region(region);
    let hosts = endpoint::hosts_for(&region, network);
    let keys = keys_of(bytes)?;
    let shape = config::shape_of(&keys);
    // Without a version the file decides, and where it names none, the old names: every version reads them.
    let reads_old = version.map_or(shape == Shape::Neither, |version| version.before(3, 0, 0));
    let mut out = bytes.to_vec();
    let wants_old = matches!(shape, Shape::Old | Shape::Both) || reads_old;
    if wants_old {
        out = set_old(out, &keys, &region, &hosts)?;
    }
    let wants_new = matches!(shape, Shape::New | Shape::Both) || !wants_old;
    if wants_new {
        out = set_new(out, &keys, &region, &hosts)?;
    } else if keys.contains_key("primary_region") {
        out = put(&out, &[Key("primary_region")], &Value::from(region))?;
    }
    Ok(out)
}

fn set_old(mut out: Vec<u8>, keys: &Map<String, Value>, region: &str, hosts: &Hosts) -> Result<Vec<u8>, JsonFault> {
    let has_list = keys.contains_key("config_server_address_list");
    if has_list {
        out = set_addresses(out, keys, "config_server_address_list", hosts)?;
    }
    if !has_list || keys.contains_key("config_server_address") {
        let url = url_like(keys.get("config_server_address"), hosts);
        out = put(&out, &[Key("config_server_address")], &Value::from(url))?;
    }
    let key = "data_server_list";
    match entry_for(keys.get(key), "cluster", region) {
        Some(index) => {
            out = put(&out, &[Key(key), Index(index), Key("cluster")], &Value::from(region))?;
            put(&out, &[Key(key), Index(index), Key("endpoint")], &Value::from(hosts.data_endpoint.as_str()))
        }
        None => put(&out, &[Key(key)], &json!([{"cluster": region, "endpoint": hosts.data_endpoint}])),
    }
}

fn set_new(mut out: Vec<u8>, keys: &Map<String, Value>, region: &str, hosts: &Hosts) -> Result<Vec<u8>, JsonFault> {
    out = put(&out, &[Key("primary_region")], &Value::from(region))?;
    out = set_addresses(out, keys, "config_servers", hosts)?;
    let key = "data_servers";
    let Some(index) = entry_for(keys.get(key), "region", region) else {
        return put(&out, &[Key(key)], &json!([{"region": region, "endpoint_list": [hosts.data_endpoint]}]));
    };
    out = put(&out, &[Key(key), Index(index), Key("region")], &Value::from(region))?;
    let list = keys.get(key).and_then(|list| list.get(index)).and_then(|entry| entry.get("endpoint_list"));
    if list.and_then(Value::as_array).is_some_and(|list| list.len() == 1) {
        let path = [Key(key), Index(index), Key("endpoint_list"), Index(0)];
        return put(&out, &path, &Value::from(hosts.data_endpoint.as_str()));
    }
    put(&out, &[Key(key), Index(index), Key("endpoint_list")], &json!([hosts.data_endpoint]))
}

/// Sets a list of config servers to the one address; a list of one keeps its own formatting.
fn set_addresses(
    out: Vec<u8>,
    keys: &Map<String, Value>,
    key: &'static str,
    hosts: &Hosts,
) -> Result<Vec<u8>, JsonFault> {
    match keys.get(key).and_then(Value::as_array).map(Vec::as_slice) {
        Some([only]) => put(&out, &[Key(key), Index(0)], &Value::from(url_like(Some(only), hosts))),
        _ => put(&out, &[Key(key)], &json!([url_like(None, hosts)])),
    }
}

/// The config server's URL, with `https` kept where somebody chose it.
fn url_like(before: Option<&Value>, hosts: &Hosts) -> String {
    let is_https = before.and_then(Value::as_str).is_some_and(|url| url.starts_with("https://"));
    format!("{}://{}", if is_https { "https" } else { "http" }, hosts.config_server_host)
}

/// The entry to change: that of the region, else the first; None when the list has to be written anew.
fn entry_for(list: Option<&Value>, label: &str, region: &str) -> Option<usize> {
    let list = list?.as_array().filter(|list| list.iter().all(Value::is_object))?;
    let is_region = |entry: &Value| {
        entry.get(label).and_then(Value::as_str).is_some_and(|name| endpoint::is_same_region(name, region))
    };
    list.iter().position(is_region).or(if list.is_empty() { None } else { Some(0) })
}

fn keys_of(bytes: &[u8]) -> Result<Map<String, Value>, JsonFault> {
    match json::read(bytes).value? {
        Value::Object(keys) => Ok(keys),
        _ => Err(JsonFault::at(bytes, 0, FaultKind::NotAnObject)),
    }
}

/// Sets one value, adding the last key of the path if it is missing. A path that leads through something else than
/// objects and lists changes nothing; the callers have looked before.
fn put(bytes: &[u8], path: &[Step<'_>], value: &Value) -> Result<Vec<u8>, JsonFault> {
    let root = json::read_tree(bytes, &mut Vec::new())?;
    if !matches!(root.kind, NodeKind::Object(_)) {
        return Err(JsonFault::at(bytes, 0, FaultKind::NotAnObject));
    }
    let mut node = &root;
    for (depth, step) in path.iter().enumerate() {
        let next = match (step, &node.kind) {
            (Key(key), NodeKind::Object(_)) => node.member(key).map(|member| &member.value),
            (Index(index), NodeKind::Array(items)) => items.get(*index),
            _ => None,
        };
        match (next, step) {
            (Some(next), _) => node = next,
            (None, Key(key)) if depth + 1 == path.len() && matches!(node.kind, NodeKind::Object(_)) => {
                let (at, text) = insertion(bytes, node, key, value);
                return Ok(splice(bytes, at..at, &text));
            }
            (None, _) => return Ok(bytes.to_vec()),
        }
    }
    if node.value() == *value {
        return Ok(bytes.to_vec());
    }
    Ok(splice(bytes, node.span.clone(), &written(value)))
}

/// Where and what to insert for a new key at the end of an object, in the object's own style.
fn insertion(bytes: &[u8], object: &Node, key: &str, value: &Value) -> (usize, String) {
    let text = |range: Range<usize>| String::from_utf8_lossy(bytes.get(range).unwrap_or_default()).into_owned();
    let (key, value) = (Value::from(key).to_string(), written(value));
    let members = object.members();
    let Some(last) = members.last() else {
        let inside = object.span.start + 1;
        // An empty object over several lines gets its key on a line of its own.
        let gap = text(inside..object.span.end.saturating_sub(1));
        let newline = if gap.contains("\r\n") { "\r\n" } else { "\n" };
        let lead = if gap.trim().is_empty() && gap.contains('\n') { format!("{newline}\t") } else { String::new() };
        return (inside, format!("{lead}{key}: {value}"));
    };
    let start = match members.len().checked_sub(2).and_then(|index| members.get(index)) {
        Some(before) => before.value.span.end,
        None => object.span.start + 1,
    };
    // The white space before the last key is how this object separates its keys.
    let lead = text(start..last.name_span.start);
    let lead = lead.rfind(|c: char| !c.is_whitespace()).map_or(lead.as_str(), |end| lead.get(end + 1..).unwrap_or(" "));
    let lead = if lead.is_empty() && members.len() == 1 { " " } else { lead };
    let colon = text(last.name_span.end..last.value.span.start);
    let colon = if colon.chars().all(|c| c == ':' || c == ' ' || c == '\t') { colon.as_str() } else { ": " };
    // A comma after the last item stands there already, or has to be made; one more would break the file.
    let rest = text(last.value.span.end..object.span.end);
    match rest.trim_start().strip_prefix(',') {
        Some(_) => (last.value.span.end + rest.find(',').unwrap_or(0) + 1, format!("{lead}{key}{colon}{value}")),
        None => (last.value.span.end, format!(",{lead}{key}{colon}{value}")),
    }
}

/// A value on one line, with a space after commas and colons.
fn written(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(written).collect::<Vec<_>>().join(", ")),
        Value::Object(keys) => {
            let members = keys.iter().map(|(key, value)| format!("{}: {}", Value::from(key.as_str()), written(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

fn splice(bytes: &[u8], range: Range<usize>, text: &str) -> Vec<u8> {
    let mut out = bytes.get(..range.start).unwrap_or_default().to_vec();
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(bytes.get(range.end..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests;
