//! The agent's own files.

use super::{environment, parts};
use logtail_doctor::core::agent::config::Config;
use logtail_doctor::core::agent::version::Version;
use logtail_doctor::core::agent::{app_info, config, config_edit, identity_files, json, log, status_log};
use logtail_doctor::core::context::NetworkType;
use logtail_doctor::core::observe::{DirSeen, EntryKind, EntrySeen};
use logtail_doctor::core::remedies;
use logtail_doctor::core::text::Lang;
use serde_json::Value;

const VERSIONS: [Version; 4] =
    [Version::new(1, 8, 8), Version::new(2, 0, 7), Version::new(3, 0, 4), Version::new(3, 3, 6)];

/// What strict JSON accepts, the agent's tolerant grammar accepts with the same value, unless its brace counter refuses
/// the beginning.
pub fn json(data: &[u8]) {
    let reading = json::read(data);
    if let Err(fault) = &reading.value {
        assert!(fault.line <= 1 + data.iter().filter(|byte| **byte == b'\n').count());
        assert!(fault.column <= data.len() + 1);
        for version in [None, Some(&VERSIONS[0]), Some(&VERSIONS[3])] {
            assert!(!json::agent_outcome(fault, version).get(Lang::Zh).is_empty());
        }
    }
    let begins = data.iter().find(|byte| !matches!(byte, b' ' | b'\n' | b'\t'));
    if matches!(begins, Some(b'{' | b'['))
        && let Ok(strict) = serde_json::from_slice::<Value>(data)
    {
        assert_eq!(reading.value.as_ref().ok(), Some(&strict));
    }
    for oddity in &reading.oddities {
        assert!(!oddity.text().is_empty());
    }
}

/// The address in the instance id is only told where the time behind it is.
pub fn app_info(data: &[u8]) {
    match app_info::parse(data) {
        Ok(info) => {
            assert!(info.started.is_none_or(|started| started > 0));
            assert!(info.instance_ip.is_none() || info.started.is_some());
            assert!(info.version.is_none() || info.version_key.is_some());
        }
        Err(fault) => assert!(!fault.text().is_empty()),
    }
}

/// A main file, a file over it, and an environment.
pub fn config(data: &[u8]) {
    let (main, rest) = parts(data);
    let (overlay, variables) = parts(rest);
    let environment = environment(&String::from_utf8_lossy(variables));
    for version in [None].into_iter().chain(VERSIONS.iter().map(Some)) {
        let overlays = [("b.json", overlay), ("a.json", main), ("ignored.txt", overlay)];
        let Ok(config) = config::read(main, &overlays, &environment, version) else {
            assert!(!matches!(json::read(main).value, Ok(Value::Object(_))));
            return;
        };
        for (key, file) in &config.overlaid {
            assert!(config.merged.contains_key(key) && file.ends_with(".json"));
            assert_eq!(config.overlay_of(key), Some(file.as_str()));
        }
        assert!(config.bind_interface.is_none_or(|name| !name.value.eq_ignore_ascii_case("default")));
        let told = [&config.working_ip, &config.working_hostname, &config.working_interface];
        assert!(told.into_iter().flatten().all(|setting| !setting.value.is_empty()));
        for oddity in &config.oddities {
            assert!(!oddity.text().get(Lang::En).is_empty());
        }
    }
    if let Ok(path) = std::str::from_utf8(variables)
        && let Some(made) = config::generated(std::path::Path::new(path.trim_end()))
    {
        assert!(config::read(&made, &[], &[], None).is_ok());
    }
}

/// An edit changes the one value and nothing else, and a second one changes nothing.
pub fn config_edit(data: &[u8]) {
    let (file, value) = parts(data);
    let value = String::from_utf8_lossy(value).into_owned();
    let before = match json::read(file).value {
        Ok(Value::Object(before)) => before,
        _ => {
            assert!(config_edit::set_string(file, "working_ip", &value).is_err());
            assert!(config_edit::set_bool(file, "enable_log_time_auto_adjust", true).is_err());
            return;
        }
    };
    let read = |bytes: &[u8]| match json::read(bytes).value {
        Ok(Value::Object(keys)) => keys,
        other => panic!("{other:?} of {:?}", String::from_utf8_lossy(bytes)),
    };
    let once = config_edit::set_string(file, "working_ip", &value).expect("the agent reads it");
    let after = read(&once);
    assert_eq!(after.get("working_ip").and_then(Value::as_str), Some(value.as_str()));
    for (key, kept) in before.iter().filter(|(key, _)| *key != "working_ip") {
        assert_eq!(after.get(key), Some(kept), "{key}");
    }
    assert_eq!(after.len(), before.len() + usize::from(!before.contains_key("working_ip")));
    assert_eq!(config_edit::set_string(&once, "working_ip", &value).as_deref(), Ok(once.as_slice()));
    let switched = config_edit::set_bool(file, "enable_log_time_auto_adjust", true).expect("the agent reads it");
    assert_eq!(read(&switched).get("enable_log_time_auto_adjust"), Some(&Value::Bool(true)));
    for version in [None].into_iter().chain(VERSIONS.iter().map(Some)) {
        for network in [NetworkType::Intranet, NetworkType::Internet, NetworkType::Acceleration] {
            let set = |file: &[u8]| config_edit::set_endpoints(file, version, "cn-shanghai", network);
            let once = set(file).expect("the agent reads it");
            let twice = set(&once).expect("the agent reads it");
            assert_eq!(String::from_utf8_lossy(&once), String::from_utf8_lossy(&twice));
            let config: Config = config::read(&once, &[], &[], version).expect("the agent reads it");
            assert!(!config.config_addresses(version).is_empty() && !config.data_endpoints(version).is_empty());
            if network != NetworkType::Acceleration {
                assert_eq!(config.region(version).as_deref(), Some("cn-shanghai"));
            }
        }
    }
}

/// What was meant by a flawed identifier is itself an identifier without a flaw.
pub fn identity(data: &[u8]) {
    let (file, variable) = parts(data);
    let variable = String::from_utf8_lossy(variable);
    let ids = identity_files::custom_ids(file, &[&variable]);
    for (at, id) in ids.iter().enumerate() {
        assert!(!id.value.is_empty() && id.hex.len() < 64 * 3);
        assert!(ids[..at].iter().all(|other| other.hex != id.hex || id.hex.len() == 64 * 3 - 1));
        if !id.meant.is_empty() {
            let again = identity_files::custom_ids(id.meant.as_bytes(), &[]);
            assert!(matches!(again.as_slice(), [one] if one.value == id.meant && one.flaws.is_empty()), "{id:?}");
        }
    }
    let entry = |name: &str| EntrySeen { name: name.into(), kind: EntryKind::File, size: 0, modified: 0 };
    let users = DirSeen { entries: String::from_utf8_lossy(file).split('\n').map(entry).collect(), cut: false };
    for user in identity_files::user_ids(Some(&users), Some(&variable)) {
        let is_proper = user.name.len() == 16 && user.name.bytes().all(|byte| byte.is_ascii_digit());
        assert_eq!(user.kind == identity_files::UserNameKind::Proper, is_proper);
        assert!(user.meant.is_none_or(|meant| !meant.is_empty() && meant.bytes().all(|byte| byte.is_ascii_digit())));
    }
    identity_files::instance_identity(file);
}

/// Every sign has entries to stand for, and its sample is short.
pub fn log(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let entries: Vec<_> = log::entries(&text).collect();
    for entry in &entries {
        assert_eq!(entry.time.len(), 19);
        assert!(entry.level.len() <= 10);
        log::local_seconds(entry.time);
    }
    let signs = log::signs(data, None);
    assert_eq!(signs.iter().map(|group| group.count).sum::<usize>(), entries.iter().filter_map(log::sign_of).count());
    for group in &signs {
        assert!(group.count > 0 && group.sample.chars().count() <= 400 && !group.sample.contains('\n'));
    }
    assert!(signs.is_sorted_by(|one, other| one.last >= other.last));
    if let Some(middle) = entries.get(entries.len() / 2) {
        let later = log::signs(data, Some(middle.time));
        assert!(later.iter().all(|group| group.first.as_str() >= middle.time));
    }
    assert!(log::loaded_config(data).is_none_or(|loaded| loaded.value.is_object()));
}

/// The lists are of words, and years that mean "never" are not told.
pub fn status_log(data: &[u8]) {
    let Some(status) = status_log::last_status(data) else { return };
    assert!(status.user_defined_ids.iter().chain(&status.aliuids).all(|id| !id.is_empty() && !id.contains(' ')));
    assert!(status.config_got.is_none_or(|time| !time.is_empty() && !time.starts_with("1970")));
    assert!(status.time.is_empty() || status.time.len() == 19);
}

/// A version that is written out reads back as the same.
pub fn version(data: &[u8]) {
    let Some(version) = Version::parse(&String::from_utf8_lossy(data)) else { return };
    assert_eq!(Version::parse(&version.to_string()).as_ref(), Some(&version), "{version}");
    assert!(version.at_least(version.major, version.minor, version.patch));
}

/// What was mended, the agent reads without wondering, and there is something in it.
pub fn mend(data: &[u8]) {
    let Some(mended) = remedies::mend(data) else { return };
    let reading = json::read(&mended);
    assert!(matches!(&reading.value, Ok(Value::Object(keys)) if !keys.is_empty()), "{reading:?}");
    assert!(reading.oddities.is_empty(), "{reading:?}");
    assert_eq!(remedies::mend(&mended).as_deref(), Some(mended.as_slice()));
}
