//! `app_info.json`: what the agent recorded of itself when its worker last started. It is a record only; the agent
//! never reads it, so editing it changes nothing. This file must not judge the address in it.

use super::json::{self, JsonFault};
use super::version::Version;
use crate::core::text::Text;
use serde_json::Value;

/// The record. All fields of the file are strings; what an agent does not write is empty or None.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AppInfo {
    /// What the agent reports to the service; empty when it found none.
    pub ip: String,
    pub hostname: String,
    pub uuid: String,
    /// `UUID_ip_epoch`.
    pub instance_id: String,
    /// None when no key with a version is there, or it holds no number.
    pub version: Option<Version>,
    /// The name of the key that held the version: `logtail_version` up to 2.x, `loongcollector_version` from 3.0,
    /// `ilogtail_version` in builds for Alibaba Group.
    pub version_key: Option<&'static str>,
    /// The open-source build, which has no heartbeat to the service.
    pub community: bool,
    /// Local time of the worker's start, `YYYY-MM-DD HH:MM:SS`, without a zone.
    pub update_time: Option<String>,
    /// The worker's start in seconds since 1970, from the end of `instance_id`.
    pub started: Option<i64>,
    /// The address within `instance_id`; differs from `ip` only when somebody edited the file.
    pub instance_ip: Option<String>,
    /// Only in commercial builds from 3.0 on.
    pub host_id: Option<String>,
    pub os: String,
}

impl AppInfo {
    /// The address that the agent really reports: the one in `instance_id`, which nobody edits, else the field `ip`.
    pub fn reported_ip(&self) -> &str {
        let is_ip = |ip: &&str| ip.is_empty() || ip.parse::<std::net::Ipv4Addr>().is_ok();
        self.instance_ip.as_deref().filter(is_ip).unwrap_or(&self.ip)
    }
}

/// Why there is no record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppInfoFault {
    /// The file is empty, cut off or not JSON. The agent truncates it before it writes, so a full disk does this.
    NotJson(JsonFault),
    /// JSON, but without the field `ip`: not the agent's file.
    NoIp,
}

impl AppInfoFault {
    /// One sentence for the operator.
    pub fn text(&self) -> Text {
        match self {
            AppInfoFault::NotJson(fault) => fault.text.clone(),
            AppInfoFault::NoIp => Text::fixed("The file has no field \"ip\".", "文件中没有 \"ip\" 字段。"),
        }
    }
}

/// Reads the file.
///
/// # Errors
/// When it is not JSON or not the agent's.
pub fn parse(bytes: &[u8]) -> Result<AppInfo, AppInfoFault> {
    let value = json::read(bytes).value.map_err(AppInfoFault::NotJson)?;
    let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_string);
    let ip = text("ip").ok_or(AppInfoFault::NoIp)?;
    let keys = ["loongcollector_version", "logtail_version", "ilogtail_version"];
    let written = keys.into_iter().find_map(|key| text(key).map(|version| (key, version)));
    let version = written.as_ref().and_then(|(_, text)| Version::parse(text));
    let instance_id = text("instance_id").unwrap_or_default();
    let mut parts = instance_id.rsplitn(3, '_');
    let started = parts.next().and_then(|epoch| epoch.parse::<i64>().ok()).filter(|epoch| *epoch > 0);
    let instance_ip = started.and_then(|_| parts.next()).map(str::to_string);
    Ok(AppInfo {
        ip,
        hostname: text("hostname").unwrap_or_default(),
        uuid: text("UUID").unwrap_or_default(),
        community: version.as_ref().is_some_and(|version| version.community),
        version,
        version_key: written.map(|(key, _)| key),
        update_time: text("update_time").filter(|time| !time.is_empty()),
        started,
        instance_ip,
        host_id: text("host_id").filter(|id| !id.is_empty()),
        os: text("os").unwrap_or_default(),
        instance_id,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::agent::json::FaultKind;
    use proptest::prelude::*;

    #[test]
    fn the_real_files_are_read() {
        let real =
            |name: &str| parse(&std::fs::read(format!("tests/data/real-agent/{name}/app_info.json")).unwrap()).unwrap();
        let base = real("base");
        assert_eq!(base.ip, "10.1.1.5");
        assert_eq!(base.instance_ip.as_deref(), Some("10.1.1.5"));
        assert_eq!(base.hostname, "iZbp1demo");
        assert_eq!(base.started, Some(1795332115));
        assert_eq!(base.update_time.as_deref(), Some("2026-11-22 07:21:55"));
        assert!(base.community && base.version.unwrap().at_least(1, 8, 8));
        let empty = real("no_nic");
        assert_eq!((empty.ip.as_str(), empty.instance_ip.as_deref()), ("", Some("")));
        assert_eq!(real("overlay").ip, "8.8.8.8");
    }

    #[test]
    fn every_version_key_is_read() {
        let sample = |key: &str, version: &str| {
            parse(format!("{{\"ip\" : \"10.0.0.1\", \"{key}\" : \"{version}\"}}").as_bytes()).unwrap()
        };
        assert_eq!(sample("logtail_version", "1.0.25").version, Some(Version::new(1, 0, 25)));
        assert_eq!(sample("ilogtail_version", "3.3.5").version, Some(Version::new(3, 3, 5)));
        let community = sample("loongcollector_version", "3.3.5 Community Edition");
        assert!(community.community);
        assert_eq!(community.version_key, Some("loongcollector_version"));
        assert_eq!(sample("other", "1.0").version, None);
    }

    #[test]
    fn what_is_not_a_record_says_why() {
        let kind = |bytes: &[u8]| match parse(bytes) {
            Err(AppInfoFault::NotJson(fault)) => Some(fault.kind),
            _ => None,
        };
        assert_eq!(kind(b""), Some(FaultKind::Empty));
        assert_eq!(kind(b"{\"ip\" : \"10."), Some(FaultKind::Unbalanced));
        assert_eq!(kind(b"\xff\xfe{"), Some(FaultKind::Utf16));
        assert_eq!(parse(b"{}"), Err(AppInfoFault::NoIp));
        assert_eq!(parse(b"[]"), Err(AppInfoFault::NoIp));
        assert_eq!(parse(b"{\"ip\": 5}"), Err(AppInfoFault::NoIp));
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..100), id in ".*") {
            let _ = parse(&bytes);
            let record = serde_json::json!({"ip": "", "instance_id": id});
            prop_assert!(parse(record.to_string().as_bytes()).is_ok());
        }
    }
}
