//! `ilogtail_config.json` with the files laid over it and the environment: the settings that bear on the heartbeat,
//! as the agent would load them now. What a running agent has loaded may differ; its log tells that.
//!
//! Sources: `AppConfigBase::LoadAppConfig`, `MergeJson…` and `LoadStringParameter` of the agent. This file must not
//! judge the settings, nor look for the files.

use super::endpoint;
use super::json::{self, FaultKind, JsonFault, Oddity};
use super::version::Version;
use crate::core::text::Text;
use crate::say;
use serde_json::{Map, Value, json};
use std::path::Path;

/// The keys that decide where the agent reports to, of every version.
pub const SERVER_KEYS: [&str; 6] = [
    "config_server_address",
    "config_server_address_list",
    "config_servers",
    "data_server_list",
    "data_servers",
    "primary_region",
];

/// Where a setting comes from; later ones are weaker (document: JSON wins over every variable).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The main file.
    File,
    /// A file of `config.d`, by name.
    Overlay(String),
    /// An environment variable of the agent's process, by name.
    Environment(String),
}

/// One setting in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T> {
    pub value: T,
    pub source: Source,
}

/// One data endpoint: the region's label in the file, and the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataServer {
    /// `cluster` or `region`; only a label, the host decides.
    pub label: String,
    pub endpoint: String,
}

/// Which names the endpoints stand under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shape {
    /// `config_server_address`, `config_server_address_list`, `data_server_list`: what Logtail before 3.0 reads.
    Old,
    /// `config_servers`, `data_servers`: what 3.0 and later write.
    New,
    Both,
    Neither,
}

/// Something in the files that an operator should know and the agent passes over in silence.
#[derive(Debug, Clone, PartialEq)]
pub enum ConfigOddity {
    /// Accepted although it is not strict JSON; the file's name.
    Json(String, Oddity),
    /// The value has a type that the agent does not take, so it ignores the key.
    WrongType(&'static str),
    /// A file of `config.d` that cannot be read; the agent skips it.
    OverlayFault(String, JsonFault),
}

impl ConfigOddity {
    /// One sentence for the operator.
    pub fn text(&self) -> Text {
        use crate::core::text::Lang::{En, Zh};
        match self {
            ConfigOddity::Json(file, oddity) => {
                let text = oddity.text();
                Text::filled(format!("{file}: {}", text.get(En)), format!("{file}：{}", text.get(Zh)))
            }
            ConfigOddity::WrongType(key) => say!(
                "The value of \"{key}\" has the wrong type; the agent ignores it.",
                "\"{key}\" 的值类型不正确，Agent 会忽略它。"
            ),
            ConfigOddity::OverlayFault(file, fault) => Text::filled(
                format!("{file} is skipped by the agent: {}", fault.text.get(En)),
                format!("Agent 会跳过 {file}：{}", fault.text.get(Zh)),
            ),
        }
    }
}

/// The settings that bear on the heartbeat.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Config {
    pub config_server_address: Option<String>,
    pub config_server_address_list: Vec<String>,
    pub config_servers: Vec<String>,
    pub data_server_list: Vec<DataServer>,
    pub data_servers: Vec<DataServer>,
    pub primary_region: Option<Setting<String>>,
    pub working_ip: Option<Setting<String>>,
    pub working_hostname: Option<Setting<String>>,
    /// None also for "default" in any case, as in the agent.
    pub bind_interface: Option<Setting<String>>,
    /// Only builds after 3.3.5 know it.
    pub working_interface: Option<Setting<String>>,
    /// Only 3.3.5 and later know it.
    pub ignored_interfaces: Option<Setting<String>>,
    pub logtail_sys_conf_dir: Option<Setting<String>>,
    pub data_server_port: Option<i64>,
    pub enable_log_time_auto_adjust: Option<bool>,
    /// The merged values, as the agent logs them after `load logtail config file, detail:`.
    pub merged: Map<String, Value>,
    /// Top-level keys that a file of `config.d` decides, with the file's name: editing the main file is in vain.
    pub overlaid: Vec<(String, String)>,
    pub oddities: Vec<ConfigOddity>,
}

/// A file of `config.d`: its name and its bytes.
pub type Overlay<'a> = (&'a str, &'a [u8]);

/// Reads the main file, the files over it, and the environment of the agent's process.
///
/// # Errors
/// When the agent cannot read the main file; [`json::agent_outcome`] says what it then does.
pub fn read(
    main: &[u8],
    overlays: &[Overlay<'_>],
    environment: &[(String, String)],
    version: Option<&Version>,
) -> Result<Config, JsonFault> {
    let mut config = Config::default();
    let reading = json::read(main);
    let Value::Object(merged) = reading.value? else {
        return Err(JsonFault::at(main, 0, FaultKind::NotAnObject));
    };
    config.merged = merged;
    let note = |file: &str| {
        let file = file.to_string();
        move |oddity| ConfigOddity::Json(file.clone(), oddity)
    };
    config.oddities.extend(reading.oddities.into_iter().map(note("ilogtail_config.json")));
    let mut overlays: Vec<_> = overlays.iter().filter(|(name, _)| name.ends_with(".json")).collect();
    overlays.sort_by_key(|(name, _)| name.as_bytes());
    for (name, bytes) in overlays {
        let reading = json::read(bytes);
        match reading.value {
            Ok(Value::Object(keys)) => {
                config.oddities.extend(reading.oddities.into_iter().map(note(name)));
                for (key, value) in keys {
                    config.overlaid.retain(|(known, _)| *known != key);
                    config.overlaid.push((key.clone(), name.to_string()));
                    config.merged.insert(key, value);
                }
            }
            Ok(_) => {
                let fault = JsonFault::at(bytes, 0, FaultKind::NotAnObject);
                config.oddities.push(ConfigOddity::OverlayFault(name.to_string(), fault));
            }
            Err(fault) => config.oddities.push(ConfigOddity::OverlayFault(name.to_string(), fault)),
        }
    }
    config.take_settings(environment, version);
    Ok(config)
}

impl Config {
    fn take_settings(&mut self, environment: &[(String, String)], version: Option<&Version>) {
        self.config_server_address = self.take("config_server_address", |value| value.as_str().map(str::to_string));
        self.config_server_address_list = self.take("config_server_address_list", addresses).unwrap_or_default();
        self.config_servers = self.take("config_servers", addresses).unwrap_or_default();
        self.data_server_list = self.take("data_server_list", |list| servers(list, "cluster")).unwrap_or_default();
        self.data_servers = self.take("data_servers", |list| servers(list, "region")).unwrap_or_default();
        self.data_server_port = self.take("data_server_port", Value::as_i64);
        self.enable_log_time_auto_adjust = self.take("enable_log_time_auto_adjust", Value::as_bool);
        let mut string = |key| self.string(key, environment, version);
        let (primary_region, working_ip) = (string("primary_region"), string("working_ip"));
        let (working_hostname, bind_interface) = (string("working_hostname"), string("bind_interface"));
        let (working_interface, ignored) = (string("working_interface"), string("ignored_interfaces"));
        let sys_conf_dir = string("logtail_sys_conf_dir");
        let is_told = |setting: &Setting<String>| !setting.value.is_empty();
        self.primary_region = primary_region.filter(is_told);
        self.working_ip = working_ip.filter(is_told);
        self.working_hostname = working_hostname.filter(is_told);
        self.bind_interface =
            bind_interface.filter(|name| is_told(name) && !name.value.eq_ignore_ascii_case("default"));
        self.working_interface = working_interface.filter(is_told);
        // An empty list is a choice: ignore no interface.
        self.ignored_interfaces = ignored;
        self.logtail_sys_conf_dir = sys_conf_dir.filter(is_told);
    }

    /// A value of the merged files, if it has the right type.
    fn take<T>(&mut self, key: &'static str, as_type: impl Fn(&Value) -> Option<T>) -> Option<T> {
        let value = self.merged.get(key)?;
        let taken = as_type(value);
        if taken.is_none() {
            self.oddities.push(ConfigOddity::WrongType(key));
        }
        taken
    }

    fn string(
        &mut self,
        key: &'static str,
        environment: &[(String, String)],
        version: Option<&Version>,
    ) -> Option<Setting<String>> {
        if let Some(value) = self.take(key, |value| value.as_str().map(str::to_string)) {
            let source = self.overlay_of(key).map_or(Source::File, |name| Source::Overlay(name.to_string()));
            return Some(Setting { value, source });
        }
        from_environment(key, environment, version)
    }

    /// The file of `config.d` that decides this key, if one does.
    pub fn overlay_of(&self, key: &str) -> Option<&str> {
        self.overlaid.iter().find(|(known, _)| known == key).map(|(_, name)| name.as_str())
    }

    /// Which names the endpoints stand under.
    pub fn shape(&self) -> Shape {
        shape_of(&self.merged)
    }

    /// Whether an agent of this version can find no endpoints because they stand under names of another version.
    /// True only for a Logtail before 3.0 with nothing but the new names (the service's own playbook, rule HB-4). Old
    /// names on 3.0 and later are taken as accepted: upgrades keep them, and the public source still names them. The
    /// code that reads either is not public.
    pub fn keys_wrong_for(&self, version: &Version) -> Option<Text> {
        if version.at_least(3, 0, 0) || self.shape() != Shape::New {
            return None;
        }
        Some(say!(
            "Logtail {version} reads config_server_address and data_server_list, but the file has only config_servers \
             and data_servers, which version 3.0 introduced; so it knows no server.",
            "Logtail {version} 读取 config_server_address 和 data_server_list，而文件中只有 3.0 版本引入的 \
             config_servers 和 data_servers，因此它不知道任何服务端地址。"
        ))
    }

    /// The config server addresses that an agent of this version uses, as written: from 3.0 on the new names when
    /// they are there, else the old ones; before 3.0 only the old ones. Without a version, as from 3.0 on. That the
    /// new names go first where both are there is an assumption.
    pub fn config_addresses(&self, version: Option<&Version>) -> Vec<String> {
        let old = || self.config_server_address.iter().chain(&self.config_server_address_list).cloned().collect();
        match version {
            Some(version) if version.before(3, 0, 0) => old(),
            _ if self.config_servers.is_empty() => old(),
            _ => self.config_servers.clone(),
        }
    }

    /// The data endpoints that an agent of this version uses, by the rule of [`Config::config_addresses`].
    pub fn data_endpoints(&self, version: Option<&Version>) -> &[DataServer] {
        match version {
            Some(version) if version.before(3, 0, 0) => &self.data_server_list,
            _ if self.data_servers.is_empty() => &self.data_server_list,
            _ => &self.data_servers,
        }
    }

    /// The region that the hosts name; the config server's host decides, then the data endpoints'. Not the labels,
    /// which are known to be wrong in official samples.
    pub fn region(&self, version: Option<&Version>) -> Option<String> {
        let addresses = self.config_addresses(version);
        let hosts = addresses.iter().chain(self.data_endpoints(version).iter().map(|server| &server.endpoint));
        hosts.into_iter().find_map(|host| endpoint::region_of(host))
    }
}

/// Which names the endpoints stand under in one object.
pub(super) fn shape_of(keys: &Map<String, Value>) -> Shape {
    let has = |names: &[&str]| names.iter().any(|name| keys.contains_key(*name));
    let old = has(&["config_server_address", "config_server_address_list", "data_server_list"]);
    match (old, has(&["config_servers", "data_servers"])) {
        (true, true) => Shape::Both,
        (true, false) => Shape::Old,
        (false, true) => Shape::New,
        (false, false) => Shape::Neither,
    }
}

/// A setting from the environment: `LOONG_KEY` (from 3.0.5 on), then `ALIYUN_LOGTAIL_KEY`, then the key itself. The
/// system directory's variable is `ALIYUN_LOGTAIL_SYS_CONF_DIR`, without the word twice.
pub fn from_environment(
    key: &str,
    environment: &[(String, String)],
    version: Option<&Version>,
) -> Option<Setting<String>> {
    let upper = key.to_ascii_uppercase();
    let knows_loong = version.is_none_or(|version| version.at_least(3, 0, 5));
    let short = upper.strip_prefix("LOGTAIL_").unwrap_or(&upper);
    let names =
        [knows_loong.then(|| format!("LOONG_{short}")), Some(format!("ALIYUN_LOGTAIL_{short}")), Some(key.to_string())];
    names.into_iter().flatten().find_map(|name| {
        let (_, value) = environment.iter().find(|(known, _)| *known == name)?;
        Some(Setting { value: value.clone(), source: Source::Environment(name) })
    })
}

/// The configuration that a commercial agent makes up when the file at this path does not exist: from the install
/// parameter in a path such as `/etc/ilogtail/conf/cn-hangzhou-internet/ilogtail_config.json`, as containers name it.
/// None for any other path.
pub fn generated(path: &Path) -> Option<Vec<u8>> {
    let dir = path.parent().filter(|_| path.file_name().is_some_and(|name| name == "ilogtail_config.json"))?;
    let parameter = dir.file_name()?.to_str()?;
    if dir.parent()?.file_name()? != "conf" {
        return None;
    }
    let hosts = endpoint::hosts_of_parameter(parameter);
    let (base, _) = endpoint::split_parameter(parameter);
    let file = json!({
        "config_server_address": format!("http://{}", hosts.config_server_host),
        "data_server_list": [{"cluster": endpoint::endpoint_region(base), "endpoint": hosts.data_endpoint}],
    });
    Some(file.to_string().into_bytes())
}

/// Strings of a list.
fn addresses(list: &Value) -> Option<Vec<String>> {
    list.as_array()?.iter().map(|item| item.as_str().map(str::to_string)).collect()
}

/// Endpoints of a list of objects with a label and either one `endpoint` or an `endpoint_list`.
fn servers(list: &Value, label_key: &str) -> Option<Vec<DataServer>> {
    let mut out = Vec::new();
    for item in list.as_array()? {
        let item = item.as_object()?;
        let label = item.get(label_key).and_then(Value::as_str).unwrap_or_default().to_string();
        let one = item.get("endpoint").and_then(Value::as_str).map(str::to_string);
        let many = item.get("endpoint_list").and_then(addresses).unwrap_or_default();
        out.extend(one.into_iter().chain(many).map(|endpoint| DataServer { label: label.clone(), endpoint }));
    }
    Some(out)
}

#[cfg(test)]
mod tests;
