//! Whether the running agent has loaded the configuration that is on disk. It reads its files only at start, and logs
//! what it has loaded; where that line was rotated away, the times of the files decide.

use super::super::{running, subject};
use crate::core::agent::config::SERVER_KEYS;
use crate::core::agent::in_force;
use crate::core::agent::layout::{self, Agent};
use crate::core::finding::{Cause, CauseId, Evidence, Mark, RemedyId};
use crate::core::observe::{Observations, Together, Unanswered};
use crate::core::text::Text;
use crate::say;
use serde_json::Value;

/// The keys beside [`SERVER_KEYS`] that decide where the heartbeat goes and under which name.
const KEYS: [&str; 8] = [
    "data_server_port",
    "working_ip",
    "working_hostname",
    "bind_interface",
    "working_interface",
    "ignored_interfaces",
    "logtail_sys_conf_dir",
    "enable_log_time_auto_adjust",
];

/// What was found.
#[derive(Default)]
pub(super) struct InForce {
    pub evidence: Vec<Evidence>,
    pub cause: Option<Cause>,
}

/// Compares what runs with what is on disk. Empty when no agent runs, or nothing is known of its start.
///
/// # Errors
/// Something has not been looked at yet.
pub(super) fn look(see: &Observations, agent: &Agent) -> Result<InForce, Unanswered> {
    let mut found = configuration(see, agent)?;
    if agent.program_replaced {
        let label = Text::fixed("Program", "程序");
        let value = Text::fixed("replaced on disk after the start", "启动之后磁盘上的文件已被替换");
        let expected = Text::fixed("the one that runs", "与运行中的程序一致");
        found.evidence.push(Evidence::new(label, value, "/proc/PID/exe").expecting(expected).marked(Mark::Doubtful));
        found.cause = found.cause.or(Some(Cause::warn(
            CauseId::ConfigNotInForce,
            Text::fixed(
                "The agent's program was replaced on disk after it started; what runs is the old one.",
                "Agent 的程序在启动之后被替换；当前运行的仍是旧程序。",
            ),
            Text::fixed(
                "An upgrade takes effect at the next start; until then the old program with the old settings runs.",
                "升级在下次启动后才生效；在此之前运行的仍是旧程序和旧设置。",
            ),
            &[RemedyId::RestartAgent],
        )));
    }
    Ok(found)
}

/// The same for the configuration alone.
fn configuration(see: &Observations, agent: &Agent) -> Result<InForce, Unanswered> {
    let overlay_dir = agent.conf_dir.join("config.d");
    let (started, loaded) = (in_force::started(see, agent), in_force::loaded(see, agent));
    let (config, main, overlays) = (subject::config(see, agent), see.file(&agent.config_path), see.dir(&overlay_dir));
    let (started, loaded) = (started, loaded).together()?;
    let (config, main, overlays) = (config, main, overlays).together()?;
    let Some(started) = started else { return Ok(InForce::default()) };
    let Ok(config) = config else { return Ok(InForce::default()) };
    if !layout::unread_overlays(see, agent)?.is_empty() {
        // What is on disk is not known, so what runs cannot differ from it.
        return Ok(InForce::default());
    }
    let mut found = InForce::default();
    if let Some(loaded) = &loaded {
        let differing = differing(&loaded.value, &Value::Object(config.merged.clone()));
        let time = &loaded.time;
        let source = format!("{} {time}", agent.log_path.display());
        let label = Text::fixed("Loaded at the start", "启动时加载的配置");
        if differing.is_empty() {
            let value = Text::fixed("the same as on disk", "与磁盘上的一致");
            found.evidence.push(Evidence::new(label, value, source).marked(Mark::Good));
            return Ok(found);
        }
        let list = differing.join(", ");
        let value = say!("another value of {list}", "{list} 的值不同");
        let expected = Text::fixed("the same as on disk", "与磁盘上的一致");
        found.evidence.push(Evidence::new(label, value, source).expecting(expected).marked(Mark::Doubtful));
        for key in differing {
            let shown = loaded.value.get(key).map_or_else(|| "-".to_string(), Value::to_string);
            let shown: String = shown.chars().take(200).collect();
            let label = say!("{key} in force", "生效的 {key}");
            let row = Evidence::new(label, Text::same(shown), agent.log_path.display().to_string());
            found.evidence.push(row.marked(Mark::Doubtful));
        }
        found.cause = Some(cause(say!(
            "What runs differs from what is on disk: {list}.",
            "当前生效的配置与磁盘上的不一致：{list}。"
        )));
        return Ok(found);
    }
    let entries = overlays.as_ref().map(|dir| dir.entries.as_slice()).unwrap_or_default();
    let overlays = entries.iter().filter(|entry| entry.name.ends_with(".json"));
    let files = main.iter().map(|file| (agent.config_path.clone(), file.modified));
    let files = files.chain(overlays.map(|entry| (overlay_dir.join(&entry.name), entry.modified)));
    let Some((path, modified)) = files.max_by_key(|(_, modified)| *modified) else { return Ok(found) };
    let (path, after) = (path.display().to_string(), modified - started);
    let label = Text::fixed("File changed", "文件修改时间");
    // The times count whole seconds: what came within the same one is no later.
    if after <= 1 {
        let value = Text::fixed("before the agent started", "早于 Agent 启动");
        found.evidence.push(Evidence::new(label, value, path).marked(Mark::Good));
        return Ok(found);
    }
    let age = running::age(after);
    let (en, zh) = age.both();
    let value = say!("{en} after the agent started", "Agent 启动 {zh} 之后");
    let expected = Text::fixed("before the agent started", "早于 Agent 启动");
    found.evidence.push(Evidence::new(label, value, path.clone()).expecting(expected).marked(Mark::Doubtful));
    found.cause = Some(cause(say!(
        "{path} was changed after the agent started; what runs may be the old configuration.",
        "{path} 在 Agent 启动之后被修改；当前生效的可能仍是旧配置。"
    )));
    Ok(found)
}

fn cause(detail: Text) -> Cause {
    Cause::warn(
        CauseId::ConfigNotInForce,
        detail,
        Text::fixed(
            "The agent reads its configuration only at start, so the change has no effect yet.",
            "Agent 仅在启动时读取配置，因此修改尚未生效。",
        ),
        &[RemedyId::RestartAgent],
    )
}

/// The keys that matter whose values differ.
fn differing(loaded: &Value, on_disk: &Value) -> Vec<&'static str> {
    SERVER_KEYS.into_iter().chain(KEYS).filter(|key| loaded.get(key) != on_disk.get(key)).collect()
}
