//! The stand-in agent's heartbeat and log: what it sends, and what it writes about it.

use crate::agent::{self, Agent};
use crate::client;
use lab::plan::Beat;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The agent's main log.
pub struct Log(PathBuf);

impl Log {
    /// `ilogtail.LOG` or `loongcollector.LOG` in the install directory.
    pub fn beside(directory: &Path, name: &str) -> Log {
        Log(directory.join(format!("{name}.LOG")))
    }

    /// Appends a line in the agent's format (agent, section 6.2). A full or read-only disk loses it, as with the agent.
    pub fn line(&self, level: &str, place: &str, text: &str) {
        let now = jiff::Zoned::now().strftime("%Y-%m-%d %H:%M:%S.%6f");
        let line = format!("[{now}]\t[{level}]\t[{}]\tcore/{place}\t\t{text}\n", std::process::id());
        if let Ok(mut file) = OpenOptions::new().create(true).append(true).open(&self.0) {
            let _ = file.write_all(line.as_bytes());
        }
    }
}

/// What the worker knows about itself and its service.
pub struct Heart {
    /// Where identifiers and accounts are kept.
    conf_dir: PathBuf,
    servers: Vec<String>,
    beat: Beat,
    /// The last complaint written to the log, so that a lasting fault does not fill it.
    complaint: String,
}

impl Heart {
    pub fn new(agent: &Agent, conf_dir: PathBuf, settings: &Map<String, Value>, ip: &str, instance_id: &str) -> Heart {
        let (a, b, c) = agent.version;
        let beat = Beat {
            ip: ip.to_string(),
            version: format!("{a}.{b}.{c}"),
            instance_id: instance_id.to_string(),
            uuid: agent::UUID.to_string(),
            host_id: if agent.version >= (3, 0, 0) { agent::HOST_ID.to_string() } else { String::new() },
            custom_ids: Vec::new(),
            aliuids: Vec::new(),
        };
        let old = settings.get("config_server_address").and_then(Value::as_str);
        let new = settings.get("config_servers").and_then(Value::as_array);
        let mut servers = Vec::new();
        if agent.version >= (3, 0, 0) {
            servers.extend(new.into_iter().flatten().filter_map(Value::as_str));
        }
        servers.extend(old);
        let servers = servers.into_iter().map(str::to_string).collect();
        Heart { conf_dir, servers, beat, complaint: String::new() }
    }

    /// Reads the identities again and sends one heartbeat to the first server that answers.
    pub fn beat(&mut self, log: &Log) {
        learn(&mut self.beat.custom_ids, custom_ids(&self.conf_dir));
        learn(&mut self.beat.aliuids, aliuids(&self.conf_dir));
        let Ok(body) = serde_json::to_string(&self.beat) else { return };
        let mut complaint = String::new();
        for server in &self.servers {
            let host = server.split("://").last().unwrap_or_default().trim_end_matches('/');
            complaint = match client::post(host, "/Agent/Heartbeat", &body) {
                Ok((200, _)) => String::new(),
                Ok((status, body)) => refusal(host, status, &body),
                Err(error) => format!(
                    "SendFail:network error\tOperation:retry later\tSuggestion:check network connection to endpoint\tStatusCode:0\tErrorCode:RequestError\tErrorMessage:{error}\tEndpoint:{host}"
                ),
            };
            if complaint.is_empty() {
                break;
            }
        }
        if complaint != self.complaint && !complaint.is_empty() {
            log.line("warning", "Sender.cpp:357", &complaint);
        }
        self.complaint = complaint;
    }
}

/// A line in the format of the sender for an answer that is not 200 (agent, section 6.3).
fn refusal(host: &str, status: u16, body: &str) -> String {
    let error: Value = serde_json::from_str(body).unwrap_or_default();
    let field = |name: &str| error["Error"][name].as_str().unwrap_or_default().to_string();
    let (code, message) = (field("Code"), field("Message"));
    let (why, suggestion) = match code.as_str() {
        "Unauthorized" => ("write unauthorized", "check https connection to endpoint or access keys provided"),
        _ => ("other error", "no suggestion"),
    };
    // The request id and the time in the message differ each time; without the message a lasting fault is one line.
    let message = message.split(" while ").next().unwrap_or_default();
    format!(
        "SendFail:{why}\tOperation:discard data\tSuggestion:{suggestion}\tStatusCode:{status}\tErrorCode:{code}\tErrorMessage:{message}\tEndpoint:{host}"
    )
}

/// A set once known is replaced only by one that is not empty (agent, section 4).
fn learn(known: &mut Vec<String>, now: BTreeSet<String>) {
    if !now.is_empty() {
        *known = now.into_iter().collect();
    }
}

/// One identifier a line, trimmed of blanks and line ends only: a carriage return stays.
fn custom_ids(conf_dir: &Path) -> BTreeSet<String> {
    let file = std::fs::read(conf_dir.join("user_defined_id")).unwrap_or_default();
    let file = String::from_utf8_lossy(&file).into_owned();
    let environment = std::env::var("ALIYUN_LOGTAIL_USER_DEFINED_ID").unwrap_or_default();
    let both = file.split('\n').chain(environment.split(','));
    both.map(|id| id.trim_matches(' ').trim_matches('\n').to_string()).filter(|id| !id.is_empty()).collect()
}

/// Every name in the directory but hidden ones, whatever it is.
fn aliuids(conf_dir: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(conf_dir.join("users")).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let environment = std::env::var("ALIYUN_LOGTAIL_USER_ID").unwrap_or_default();
    let more: Vec<String> = environment.split(',').map(str::to_string).collect();
    names.chain(more).filter(|name| !name.is_empty() && !name.starts_with('.')).collect()
}
