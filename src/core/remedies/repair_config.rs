//! repair-config: makes `ilogtail_config.json` a file that every agent reads. The least that helps is done: stray bytes
//! are taken away, else what the agent merely tolerates is written as strict JSON, else a small configuration is made
//! for the region and network type, with the plain settings that can still be read out of the old text.

use super::common::{
    Drafted, already, edit, endpoints_in, noted_instance, owe_restart, refused, region_and_network, region_inputs,
    the_agent, whole_file,
};
use super::set_endpoint::cautions;
use super::{ActsOn, Descriptor, Durability, Inputs, Plan, Restart};
use crate::core::agent::config::{self, ConfigOddity};
use crate::core::agent::config_edit::set_endpoints;
use crate::core::agent::json;
use crate::core::agent::layout::{self, Agent};
use crate::core::finding::{RemedyId, StepId};
use crate::core::observe::Observations;
use crate::core::text::Text;
use crate::say;
use serde::Serialize;
use serde_json::{Map, Value};
use std::time::Duration;

const MAIN: &str = "ilogtail_config.json";

/// Settings that a new configuration takes over from a text that is no longer JSON.
const KEPT: [&str; 18] = [
    "working_ip",
    "working_hostname",
    "bind_interface",
    "working_interface",
    "ignored_interfaces",
    "logtail_sys_conf_dir",
    "cpu_usage_limit",
    "mem_usage_limit",
    "max_bytes_per_sec",
    "bytes_per_sec",
    "buffer_file_num",
    "buffer_file_size",
    "buffer_file_path",
    "data_server_port",
    "oas_connect_timeout",
    "oas_request_timeout",
    "send_request_concurrency",
    "enable_log_time_auto_adjust",
];

/// What is known of it without a host.
pub static REMEDY: Descriptor = Descriptor {
    id: RemedyId::RepairConfig,
    step: StepId::Parameters,
    title: Text::fixed("Repair ilogtail_config.json", "修复 ilogtail_config.json"),
    inputs: &[],
    acts_on: ActsOn::ThisHost,
    restart: Restart::OwedButNotByUndo,
    can_be_forced: false,
    loses: None,
    durability: Durability::Lasts,
    plan,
};

/// Plans the repair.
fn plan(inputs: &Inputs, see: &Observations) -> Drafted<Plan> {
    let agent = the_agent(see)?;
    let before = whole_file(see, &agent.config_path)?;
    let path = agent.config_path.display();
    let read = before.as_deref().map(json::read);
    let why = match &read {
        None if config::generated(&agent.config_path).is_some() && !agent.community => {
            return Err(already(say!(
                "{path} is not on disk and need not be: this agent derives its configuration from that path.",
                "{path} 不在磁盘上，也无需存在：该 Agent 由该路径推导配置。"
            )));
        }
        None => {
            say!("{path} does not exist, so the agent knows no server.", "{path} 不存在，Agent 不知道任何服务端地址。")
        }
        Some(reading) => match &reading.value {
            Ok(Value::Object(_)) => return strict(see, &agent),
            Ok(_) => say!("{path} holds a list, not an object.", "{path} 的内容是列表，而不是对象。"),
            Err(fault) => fault.text.followed_by(&json::agent_outcome(fault, agent.version.as_ref())),
        },
    };
    let mut plan = Plan::new(RemedyId::RepairConfig, StepId::Parameters, why);
    let bytes = before.clone().unwrap_or_default();
    let mended = mend(&bytes);
    let version = agent.version.as_ref();
    let knows_server = mended.as_deref().is_some_and(|bytes| {
        config::read(bytes, &[], &agent.environment, version)
            .is_ok_and(|config| !config.config_addresses(version).is_empty())
    });
    let after = match mended {
        Some(mended) if knows_server => mended,
        mended => {
            let text = decoded(&bytes);
            let (region, network) = endpoints_in(&text);
            let own = noted_instance(see, &agent)?.and_then(|instance| instance.region_id);
            let (region, network) = region_and_network(inputs, (region.or(own), network))?;
            let base = match mended {
                Some(mended) => mended,
                None => pretty(&Value::Object(kept(&text))),
            };
            let full = set_endpoints(&base, version, &region, network).map_err(|fault| refused(fault.text))?;
            plan.inputs = region_inputs(&region, network);
            plan.cautions.extend(cautions(see, &agent, &region, network)?);
            plan.cautions.push(Text::fixed(
                "What is not in the new file below is lost from the configuration; the old file is kept as a backup.",
                "下方新文件中没有的内容将不再生效；旧文件会保留为备份。",
            ));
            match json::read(&full).value {
                Ok(value) => pretty(&value),
                Err(_) => full,
            }
        }
    };
    plan.changes.push(edit(&agent.config_path, before, after));
    owe_restart(&mut plan, see, &agent)?;
    plan.patience = Duration::from_secs(30);
    Ok(plan)
}

/// The agent reads the main file. What it merely tolerates, there and in `config.d`, is written as strict JSON.
fn strict(see: &Observations, agent: &Agent) -> Drafted<Plan> {
    let path = agent.config_path.display();
    let config = layout::read_config(see, agent)?.unwrap_or_default();
    let mut names: Vec<&str> = Vec::new();
    let mut reasons: Vec<Text> = Vec::new();
    for oddity in &config.oddities {
        let name = match oddity {
            ConfigOddity::Json(name, _) | ConfigOddity::OverlayFault(name, _) => name.as_str(),
            ConfigOddity::WrongType(_) => continue,
        };
        reasons.push(oddity.text());
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let Some(why) = reasons.into_iter().reduce(|all, next| all.followed_by(&next)) else {
        return Err(already(say!("{path} is strict JSON already.", "{path} 已经是规范的 JSON。")));
    };
    let mut plan = Plan::new(RemedyId::RepairConfig, StepId::Parameters, why);
    for name in names {
        let file = if name == MAIN { agent.config_path.clone() } else { agent.conf_dir.join("config.d").join(name) };
        let Some(before) = whole_file(see, &file)? else { continue };
        let after = match json::read(&before).value {
            Ok(value @ Value::Object(_)) => Some(pretty(&value)),
            _ => mend(&before),
        };
        match after {
            Some(after) => plan.changes.push(edit(&file, Some(before), after)),
            None => {
                let file = file.display();
                plan.manual.push(say!(
                    "{file} cannot be repaired here; the agent skips it. Correct it or move it away.",
                    "{file} 无法自动修复，Agent 会跳过它。请手动更正或移走。"
                ));
            }
        }
    }
    plan.cautions.push(Text::fixed(
        "Comments and text after the end are lost; the settings stay the same. A file of config.d that was skipped so far takes effect again.",
        "注释和末尾多余内容会丢失，设置保持不变。此前被跳过的 config.d 文件会重新生效。",
    ));
    owe_restart(&mut plan, see, agent)?;
    plan.patience = Duration::from_secs(30);
    Ok(plan)
}

/// A value as strict JSON, indented as the agent's own files are.
fn pretty(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    let style = serde_json::ser::PrettyFormatter::with_indent(b"\t");
    // Writing to memory cannot fail, and a value of JSON is always writable.
    if value.serialize(&mut serde_json::Serializer::with_formatter(&mut out, style)).is_err() {
        out = value.to_string().into_bytes();
    }
    out.push(b'\n');
    out
}

/// The text without a byte order mark, from UTF-16 as well.
fn decoded(bytes: &[u8]) -> String {
    let wide = |rest: &[u8], of: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = rest.chunks_exact(2).filter_map(|pair| Some(of(pair.try_into().ok()?))).collect();
        String::from_utf16_lossy(&units)
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        _ => String::from_utf8_lossy(bytes).trim_start_matches('\u{feff}').to_string(),
    }
}

/// The smallest mending after which the agent reads an object with something in it; None when none helps. What would
/// still be merely tolerated is written as strict JSON.
pub fn mend(bytes: &[u8]) -> Option<Vec<u8>> {
    let text = decoded(bytes);
    // What comes before the first brace is no part of an object: blanks, a carriage return, a remark.
    let text = match text.split_once('{') {
        Some((before, rest)) if !before.contains('[') => format!("{{{rest}"),
        _ => return None,
    };
    let quoted = if text.contains('"') { text.clone() } else { text.replace('\'', "\"") };
    let open = without_trailing_commas(&quoted);
    let candidates = [Some(text), Some(quoted.clone()), Some(open.clone()), closed(&open)];
    candidates.into_iter().flatten().find_map(|text| {
        let reading = json::read(text.as_bytes());
        match reading.value {
            Ok(Value::Object(keys)) if keys.is_empty() => None,
            Ok(value @ Value::Object(_)) if !reading.oddities.is_empty() => Some(pretty(&value)),
            Ok(Value::Object(_)) => Some(text.into_bytes()),
            _ => None,
        }
    })
}

/// Walks over the characters, telling for each whether it stands within a string.
fn with_quoting(text: &str) -> impl Iterator<Item = (usize, char, bool)> + '_ {
    let (mut quoted, mut escaped) = (false, false);
    text.char_indices().map(move |(at, c)| {
        let was_quoted = quoted;
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        (at, c, was_quoted || c == '"')
    })
}

/// The text without commas that stand before a closing bracket.
fn without_trailing_commas(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c, is_quoted) in with_quoting(text) {
        let is_stray = c == ',' && !is_quoted && {
            let rest = text.get(at + 1..).unwrap_or_default().trim_start();
            rest.starts_with(['}', ']'])
        };
        if !is_stray {
            out.push(c);
        }
    }
    out
}

/// The text with the brackets closed that a cut left open; None when it is cut within a string.
fn closed(text: &str) -> Option<String> {
    let mut open = Vec::new();
    let mut quotes = 0usize;
    for (_, c, is_quoted) in with_quoting(text) {
        match c {
            '"' => quotes += 1,
            '{' if !is_quoted => open.push('}'),
            '[' if !is_quoted => open.push(']'),
            '}' | ']' if !is_quoted => drop(open.pop()),
            _ => {}
        }
    }
    if open.is_empty() || quotes % 2 == 1 {
        return None;
    }
    let mut out = text.trim_end().trim_end_matches(',').to_string();
    out.push('\n');
    out.extend(open.into_iter().rev());
    out.push('\n');
    Some(out)
}

/// The plain settings that can be read out of a broken text, one `key: value` at a time.
fn kept(text: &str) -> Map<String, Value> {
    let mut out = Map::new();
    for piece in text.split(['{', '}', '[', ']', ',', '\n', '\r']) {
        let Some((key, value)) = piece.split_once(':') else { continue };
        let bare = |text: &str| text.trim().trim_matches(['"', '\'']).to_string();
        let (key, value) = (bare(key), value.trim());
        if !KEPT.contains(&key.as_str()) {
            continue;
        }
        let value = match serde_json::from_str::<Value>(value) {
            Ok(value) if !value.is_null() => value,
            _ if value.starts_with('\'') && value.ends_with('\'') && value.len() > 2 => Value::from(bare(value)),
            _ => continue,
        };
        out.insert(key, value);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mended(text: &[u8]) -> Option<String> {
        mend(text).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn the_least_that_helps_is_done() {
        let plain = "{\"a\": 1}\n";
        assert_eq!(mended(format!("\u{feff}{plain}").as_bytes()).as_deref(), Some(plain));
        assert_eq!(mended(format!("\r\n {plain}").as_bytes()).as_deref(), Some(plain));
        let wide: Vec<u8> = [0xff, 0xfe].into_iter().chain(plain.encode_utf16().flat_map(u16::to_le_bytes)).collect();
        assert_eq!(mended(&wide).as_deref(), Some(plain));
        assert_eq!(mended(b"{\"a\": [1, 2,], \"b\": \",}\",\n}").as_deref(), Some("{\"a\": [1, 2], \"b\": \",}\"\n}"));
        assert_eq!(mended(b"{'a': 'x'}").as_deref(), Some("{\"a\": \"x\"}"));
        assert_eq!(mended(b"{\"a\": [{\"b\": 1}, ").as_deref(), Some("{\"a\": [{\"b\": 1}\n]}\n"));
        assert_eq!(mended(b"{\"a\": \"cut"), None);
        assert_eq!(mended(b""), None);
        assert_eq!(mended(b"// by hand\n{\"a\": 1}").as_deref(), Some("{\"a\": 1}"));
        assert_eq!(mended(b"\r\n{\"a\": 1} left").as_deref(), Some("{\n\t\"a\": 1\n}\n"));
        assert_eq!(mended(b"[{\"a\": 1}]"), None);
        assert_eq!(mended(b"{}"), None);
    }

    #[test]
    fn plain_settings_are_read_out_of_a_broken_text() {
        let text =
            "{\n 'working_ip' : '10.1.1.5',\n \"cpu_usage_limit\": 0.4, mem_usage_limit: 384 \"x\": {\n\"secret\": 1";
        let all = kept(text);
        assert_eq!(all.get("working_ip"), Some(&Value::from("10.1.1.5")));
        assert_eq!(all.get("cpu_usage_limit"), Some(&Value::from(0.4)));
        assert!(!all.contains_key("secret") && !all.contains_key("mem_usage_limit"));
    }

    proptest! {
        #[test]
        fn any_text_ends_in_an_answer(text in ".{0,60}", cut in "[{}\\[\\],\"':a1 ]{0,40}") {
            for text in [text, cut] {
                kept(&text);
                if let Some(bytes) = mend(text.as_bytes()) {
                    let reading = json::read(&bytes);
                    prop_assert!(reading.value.is_ok() && reading.oddities.is_empty());
                }
            }
        }
    }
}
