//! `~/.aliyun/config.json` of the aliyun CLI: profiles, each with a mode (aliyun CLI, `config/profile.go`).

use super::{Hints, Offer, Source, masked_id};
use crate::core::service::secret::Secret;
use crate::core::text::Text;
use crate::say;
use serde_json::Value;
use std::path::Path;

/// Reads the configuration. `wanted` is the profile to use (`ALIBABA_CLOUD_PROFILE`), else the file's current one. A
/// file without any profile offers nothing. `now` is in seconds since 1970.
pub fn read_aliyun_config(file: &Path, bytes: &[u8], wanted: Option<&str>, now: i64) -> Option<Offer> {
    let source = |profile: &str| Source::AliyunCli { file: file.to_path_buf(), profile: profile.to_string() };
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let config: Value = match serde_json::from_slice(bytes) {
        Ok(config) => config,
        Err(error) => {
            // The parser's words could quote the file: only its kind and place are told.
            let (line, kind) = (error.line(), error.classify());
            return Some(Offer::unreadable(source(wanted.unwrap_or("?")), &format!("JSON {kind:?}, line {line}")));
        }
    };
    let profiles = config.get("profiles").and_then(Value::as_array).filter(|profiles| !profiles.is_empty())?;
    let name_of = |profile: &Value| text(profile, "name").unwrap_or_default().to_string();
    let current = wanted.or_else(|| text(&config, "current")).unwrap_or("default");
    let Some(profile) = profiles.iter().find(|profile| name_of(profile) == current) else {
        let known: Vec<String> = profiles.iter().take(10).map(name_of).collect();
        let known = known.join(", ");
        return Some(Offer::Unusable {
            source: source(current),
            key_id: String::new(),
            why: say!("there is no such profile; the file has: {known}", "没有这个配置；文件中有：{known}"),
            next: Text::fixed(
                "Name one of them in ALIBABA_CLOUD_PROFILE.",
                "请在 ALIBABA_CLOUD_PROFILE 中指定其中之一。",
            ),
        });
    };
    offer(profile, source(current), now)
}

/// Whether the configuration has a profile of this name.
pub fn has_profile(bytes: &[u8], name: &str) -> bool {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let config: Option<Value> = serde_json::from_slice(bytes).ok();
    let profiles = config.as_ref().and_then(|config| config.get("profiles")).and_then(Value::as_array);
    profiles.is_some_and(|all| all.iter().any(|profile| text(profile, "name") == Some(name)))
}

/// What one profile offers; an empty `AK` profile, as `aliyun` creates it before any configuration, offers nothing.
fn offer(profile: &Value, source: Source, now: i64) -> Option<Offer> {
    let mode = text(profile, "mode").unwrap_or("AK");
    let (id, secret) = (text(profile, "access_key_id"), text(profile, "access_key_secret"));
    let hints = Hints { region: text(profile, "region_id").and_then(Hints::region_of), ..Hints::default() };
    let token = text(profile, "sts_token");
    let (key_id, key_secret) = (id.unwrap_or_default(), secret.unwrap_or_default());
    let key = |source| Offer::of_key(key_id, key_secret, None, source, hints.clone());
    let temporary = |source| Offer::of_temporary(key_id, key_secret, token, source, hints.clone());
    let offer = match mode {
        "AK" if id.is_none() && secret.is_none() => return None,
        "AK" => key(source),
        "StsToken" => ended(profile, &source, now).unwrap_or_else(|| temporary(source)),
        "CloudSSO" | "OAuth" if id.is_some() && secret.is_some() && token.is_some() => {
            ended(profile, &source, now).unwrap_or_else(|| temporary(source))
        }
        "CloudSSO" | "OAuth" => expired(source, id),
        "EcsRamRole" => {
            let role = text(profile, "ram_role_name").map(str::to_string);
            Offer::EcsRole { role, source }
        }
        "CredentialsURI" => match text(profile, "credentials_uri") {
            Some(uri) => Offer::Uri { uri: Secret::new(uri), source },
            None => Offer::needs_help(source, mode),
        },
        "External" => Offer::Unusable {
            source,
            key_id: String::new(),
            why: Text::fixed(
                "the profile names a command that prints the key, and this program does not run it",
                "该配置通过外部命令获取凭证，本程序不会执行它",
            ),
            next: Text::fixed(
                "Run the command yourself and export what it prints as ALIBABA_CLOUD_ACCESS_KEY_ID, \
                 ALIBABA_CLOUD_ACCESS_KEY_SECRET and ALIBABA_CLOUD_SECURITY_TOKEN.",
                "请自行执行该命令，并将结果设置为环境变量 ALIBABA_CLOUD_ACCESS_KEY_ID、\
                 ALIBABA_CLOUD_ACCESS_KEY_SECRET 和 ALIBABA_CLOUD_SECURITY_TOKEN。",
            ),
        },
        other => Offer::needs_help(source, other),
    };
    Some(with_end(offer, profile))
}

/// The note of a temporary key that is over, by `sts_expiration` (0 means unknown).
fn ended(profile: &Value, source: &Source, now: i64) -> Option<Offer> {
    let id = text(profile, "access_key_id");
    expiration(profile).filter(|end| *end <= now).map(|_| expired(source.clone(), id))
}

fn expired(source: Source, id: Option<&str>) -> Offer {
    Offer::Unusable {
        source,
        key_id: masked_id(id.unwrap_or_default()),
        why: Text::fixed("its temporary key is missing or has expired", "其临时凭证缺失或已过期"),
        next: Text::fixed(
            "Log in again with `aliyun configure`, or type a key in.",
            "请用 `aliyun configure` 重新登录，或手动输入 AccessKey。",
        ),
    }
}

fn with_end(mut offer: Offer, profile: &Value) -> Offer {
    if let Offer::Ready { credentials, .. } = &mut offer
        && credentials.is_temporary()
    {
        credentials.expires = expiration(profile);
    }
    offer
}

fn expiration(profile: &Value) -> Option<i64> {
    profile.get("sts_expiration").and_then(Value::as_i64).filter(|end| *end > 0)
}

/// A text that is there and not empty.
fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(json: &str, wanted: Option<&str>) -> Option<Offer> {
        read_aliyun_config(Path::new("/home/a/.aliyun/config.json"), json.as_bytes(), wanted, 1000)
    }

    fn profile(mode: &str, more: &str) -> String {
        format!(
            r#"{{"current":"p","profiles":[{{"name":"x"}},{{"name":"p","mode":"{mode}","region_id":"cn-beijing"{more}}}]}}"#
        )
    }

    #[test]
    fn modes_that_can_sign() {
        let keys = r#","access_key_id":"LTAIabcdefghijkl","access_key_secret":"s","sts_token":"t""#;
        for (mode, more, temporary) in [
            ("AK", "", false),
            ("StsToken", "", true),
            ("CloudSSO", r#","sts_expiration":2000"#, true),
            ("OAuth", r#","sts_expiration":0"#, true),
        ] {
            let Some(Offer::Ready { credentials, hints }) = read(&profile(mode, &format!("{keys}{more}")), None) else {
                panic!("{mode}")
            };
            assert_eq!(credentials.is_temporary(), temporary);
            assert_eq!(credentials.masked(), "LTAI****ijkl");
            assert_eq!(hints.region.as_deref(), Some("cn-beijing"));
        }
        let role = read(&profile("EcsRamRole", r#","ram_role_name":"r""#), None);
        assert!(matches!(role, Some(Offer::EcsRole { role: Some(role), .. }) if role == "r"));
        assert!(matches!(
            read(&profile("CredentialsURI", r#","credentials_uri":"http://x""#), None),
            Some(Offer::Uri { .. })
        ));
    }

    #[test]
    fn modes_that_cannot_say_why() {
        let over = r#","access_key_id":"a","access_key_secret":"s","sts_token":"t","sts_expiration":999"#;
        for (mode, more) in [
            ("RamRoleArn", ""),
            ("RsaKeyPair", ""),
            ("ChainableRamRoleArn", ""),
            ("RamRoleArnWithRoleName", ""),
            ("OIDC", ""),
            ("BearerToken", ""),
            ("Anonymous", ""),
            ("External", r#","process_command":"rm -rf /""#),
            ("CloudSSO", ""),
            ("CloudSSO", over),
            ("StsToken", over),
            ("CredentialsURI", ""),
            ("AK", r#","access_key_id":"a""#),
            ("StsToken", r#","access_key_id":"LTAIabcdefghijkl","access_key_secret":"s""#),
            ("AK", r#","access_key_id":"STS.NTabcdefghijkl","access_key_secret":"s","sts_token":"t""#),
        ] {
            assert!(matches!(read(&profile(mode, more), None), Some(Offer::Unusable { .. })), "{mode}");
        }
    }

    #[test]
    fn what_is_passed_over_says_which_key_it_is() {
        let over =
            r#","access_key_id":"STS.NTabcdefghijkl","access_key_secret":"s","sts_token":"t","sts_expiration":999"#;
        let Some(Offer::Unusable { key_id, .. }) = read(&profile("StsToken", over), None) else { panic!() };
        assert_eq!(key_id, "STS.****ijkl");
        assert!(has_profile(profile("AK", "").as_bytes(), "x") && !has_profile(profile("AK", "").as_bytes(), "y"));
        assert!(!has_profile(b"[", "x"));
    }

    #[test]
    fn files_that_are_empty_or_broken() {
        assert!(read(r#"{"current":"","profiles":[]}"#, None).is_none());
        assert!(read(&profile("AK", ""), None).is_none());
        assert!(read("[]", None).is_none());
        let broken = format!("{:?}", read(r#"{"profiles":[{"access_key_secret":"s3cr3t" "#, None));
        assert!(broken.contains("Unusable") && !broken.contains("s3cr3t"), "{broken}");
        let missing = format!("{:?}", read(&profile("AK", ""), Some("other")));
        assert!(missing.contains("x, p"), "{missing}");
    }

    proptest! {
        #[test]
        fn no_bytes_break_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            read_aliyun_config(Path::new("c"), &bytes, None, 0);
        }
    }
}
