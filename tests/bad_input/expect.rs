//! The files that the program reads, and what it must say of each shape.

use super::shapes::Shape;
use lab::{Builder, Lab, OWNER};
use logtail_doctor::core::finding::CauseId as Id;
use serde_json::Value;

/// One file that the program reads.
pub struct File {
    pub path: &'static str,
    pub build: fn() -> Builder,
    /// What the operator tells besides the region.
    pub told: &'static [&'static str],
    pub malformed: &'static str,
    pub expected: fn(Shape) -> Expected,
}

/// A step that passes whatever shape one of our own files has. An ordinary user, who alone meets a file that is not to be
/// read, does not know the agent's proxies either.
fn ours(shape: Shape) -> &'static str {
    if shape == Shape::Unreadable { "clock" } else { "network" }
}

/// What must be said.
pub enum Expected {
    /// This cause.
    Cause(Id),
    /// One of these causes.
    OneOf(&'static [Id]),
    /// The step is unknown.
    Unknown(&'static str),
    /// The step does not pass.
    NotPass(&'static str),
    /// The step passes: the shape takes nothing away.
    Pass(&'static str),
    /// Nothing but an answer.
    Anything,
}

impl Expected {
    /// What is wrong with the answer, if anything.
    pub fn flaw(&self, answer: &Value) -> Option<String> {
        let steps = || answer["steps"].as_array().into_iter().flatten();
        let causes: Vec<&str> = steps()
            .flat_map(|step| step["causes"].as_array().into_iter().flatten())
            .filter_map(|cause| cause["id"].as_str())
            .collect();
        let step = |id: &str| steps().find(|step| step["id"] == id).cloned().unwrap_or_default();
        let said = |id: &str| format!("{id} is {}: {}", step(id)["verdict"], step(id)["summary"]);
        match self {
            Expected::Cause(id) => (!causes.contains(&id.id())).then(|| format!("no {}, but {causes:?}", id.id())),
            Expected::OneOf(ids) => {
                (!ids.iter().any(|id| causes.contains(&id.id()))).then(|| format!("none of {ids:?}, but {causes:?}"))
            }
            Expected::Unknown(id) => (step(id)["verdict"] != "unknown").then(|| said(id)),
            Expected::NotPass(id) => (step(id)["verdict"] == "pass").then(|| said(id)),
            Expected::Pass(id) => (step(id)["verdict"] != "pass").then(|| said(id)),
            Expected::Anything => None,
        }
    }
}

const GARBAGE: &str = "%% nothing of the kind }{ [\n= \"\n";

/// Every file.
pub const FILES: &[File] = &[
    File {
        path: "/usr/local/ilogtail/ilogtail_config.json",
        build: Lab::new,
        told: &[],
        malformed: GARBAGE,
        expected: |shape| match shape {
            Shape::Malformed | Shape::Truncated | Shape::NotUtf8 => Expected::Cause(Id::ConfigInvalidJson),
            Shape::Empty => Expected::OneOf(&[Id::ConfigInvalidJson, Id::ConfigNoEndpoint]),
            Shape::Directory | Shape::Fifo => Expected::Cause(Id::ConfigMissing),
            Shape::Huge => Expected::NotPass("parameters"),
            Shape::Unreadable | Shape::Loop => Expected::Unknown("parameters"),
        },
    },
    File {
        path: "/usr/local/ilogtail/app_info.json",
        build: Lab::new,
        told: &[],
        malformed: GARBAGE,
        expected: |shape| match shape {
            Shape::Malformed | Shape::Truncated | Shape::NotUtf8 | Shape::Empty => Expected::Cause(Id::AppInfoInvalid),
            Shape::Directory | Shape::Fifo => Expected::Cause(Id::AppInfoMissing),
            Shape::Huge | Shape::Unreadable | Shape::Loop => Expected::Unknown("address"),
        },
    },
    File {
        path: "/usr/local/ilogtail/ilogtail.LOG",
        build: Lab::new,
        told: &[],
        malformed: GARBAGE,
        expected: |shape| match shape {
            Shape::Directory | Shape::Fifo | Shape::Unreadable | Shape::Loop => Expected::Unknown("log"),
            _ => Expected::Anything,
        },
    },
    File {
        path: "/usr/local/ilogtail/apsara_log_conf.json",
        build: || {
            Lab::new().file(
                "/usr/local/ilogtail/apsara_log_conf.json",
                r#"{"Loggers": {"/": {"S": "INFO"}}, "Sinks": {"S": {"LogFilePath": "ilogtail.LOG"}}}"#,
            )
        },
        told: &[],
        malformed: GARBAGE,
        expected: |_| Expected::Anything,
    },
    File {
        path: "/usr/local/ilogtail/snapshot/ilogtail_status.LOG",
        build: || {
            Lab::new().file("/usr/local/ilogtail/snapshot/ilogtail_status.LOG", "status:{\"ip\": \"10.1.1.5\"}\n")
        },
        told: &[],
        malformed: GARBAGE,
        expected: |_| Expected::Pass("address"),
    },
    File {
        path: "/etc/ilogtail/config.d/20.json",
        build: || Lab::new().file("/etc/ilogtail/config.d/20.json", "{\"bind_interface\": \"eth0\"}"),
        told: &[],
        malformed: GARBAGE,
        expected: |shape| match shape {
            Shape::Malformed | Shape::Truncated | Shape::NotUtf8 => Expected::Cause(Id::ConfigNotStrictJson),
            // What the file says is not known: neither a pass nor an accusation.
            Shape::Unreadable | Shape::Huge => Expected::Unknown("parameters"),
            _ => Expected::NotPass("parameters"),
        },
    },
    File {
        path: "/etc/ilogtail/user_defined_id",
        build: || Lab::new().user_defined_id("web\n").group_custom_ids(&["web"]),
        told: &["--identity", "custom", "--custom-id", "web"],
        malformed: "\"web\"\u{7}\r\n",
        expected: |shape| match shape {
            Shape::Malformed => Expected::Cause(Id::CustomIdMalformed),
            Shape::NotUtf8 => Expected::OneOf(&[Id::CustomIdMalformed, Id::CustomIdMismatch]),
            Shape::Truncated => Expected::Cause(Id::CustomIdMismatch),
            Shape::Empty | Shape::Directory | Shape::Fifo => Expected::Cause(Id::CustomIdMissing),
            Shape::Huge | Shape::Unreadable | Shape::Loop => Expected::Unknown("group"),
        },
    },
    File {
        path: "/etc/ilogtail/users",
        build: || Lab::new().not_ecs().users(&[OWNER]),
        told: &["--aliuid", OWNER, "--same-account", "no"],
        malformed: OWNER,
        expected: |shape| match shape {
            Shape::Malformed | Shape::Truncated | Shape::Empty | Shape::Huge | Shape::NotUtf8 => {
                Expected::Cause(Id::AliuidMalformed)
            }
            Shape::Directory => Expected::Cause(Id::AliuidMissing),
            Shape::Fifo | Shape::Unreadable | Shape::Loop => Expected::NotPass("account"),
        },
    },
    File {
        path: "/etc/ilogtail/checkpoint/instance_identity",
        build: || {
            Lab::new().not_ecs().file(
                "/etc/ilogtail/checkpoint/instance_identity",
                r#"{"instance-id":"i-bp1laboratory","region-id":"cn-hangzhou","owner-account-id":"1654218965343050"}"#,
            )
        },
        told: &["--aliuid", OWNER],
        malformed: GARBAGE,
        expected: |_| Expected::NotPass("account"),
    },
    File {
        path: "/etc/init.d/ilogtaild",
        build: Lab::new,
        told: &[],
        malformed: "#!/bin/sh\nsleep 1000 | cat\n",
        expected: |shape| match shape {
            Shape::Directory | Shape::Fifo | Shape::Loop => Expected::Cause(Id::InstallIncomplete),
            _ => Expected::Anything,
        },
    },
    File {
        path: "/etc/hosts",
        build: || Lab::new().hosts_line("10.1.1.5 iZbp1lab"),
        told: &[],
        malformed: GARBAGE,
        expected: |_| Expected::Anything,
    },
    File {
        path: "/etc/resolv.conf",
        build: Lab::new,
        told: &[],
        malformed: GARBAGE,
        expected: |shape| match shape {
            Shape::Truncated => Expected::Pass("network"),
            // As slow for the agent as for us.
            Shape::Huge => Expected::Anything,
            _ => Expected::NotPass("network"),
        },
    },
    File {
        path: "/var/lib/logtail-doctor/journal.jsonl",
        build: Lab::new,
        told: &[],
        malformed: GARBAGE,
        expected: |shape| Expected::Pass(ours(shape)),
    },
    File {
        path: "/root/.local/state/logtail-doctor/context.json",
        build: Lab::new,
        told: &[],
        malformed: GARBAGE,
        expected: |shape| Expected::Pass(ours(shape)),
    },
];
