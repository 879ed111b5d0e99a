//! The two INI files: `~/.alibabacloud/credentials` (or `credentials.ini`) of the SDKs, and `~/.aliyunlogcli`.

use super::{Hints, Offer, Source};
use crate::core::service::sign::SignVersion;
use std::path::Path;

/// One section: its name, then keys in lower case with their values.
type Section = (String, Vec<(String, String)>);

/// The sections of an INI file. Lines that are neither section nor `key = value` are passed over. A comment begins with
/// `#` or `;` at the start of a line, or after a blank (the official sample has such comments after values).
fn sections(bytes: &[u8]) -> Vec<Section> {
    let text = String::from_utf8_lossy(bytes);
    let mut all: Vec<Section> = Vec::new();
    for line in text.trim_start_matches('\u{feff}').lines() {
        let line = line.trim();
        if line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            all.push((name.trim().to_string(), Vec::new()));
        } else if let (Some((_, pairs)), Some((key, value))) = (all.last_mut(), line.split_once(['=', ':'])) {
            pairs.push((key.trim().to_ascii_lowercase(), bare(value).to_string()));
        }
    }
    all
}

/// A value without its quotes, and without the comment behind it. Within quotes a comment is none.
fn bare(value: &str) -> &str {
    let value = value.trim();
    for mark in ['"', '\''] {
        if let Some((inner, _)) = value.strip_prefix(mark).and_then(|rest| rest.split_once(mark)) {
            return inner.trim();
        }
    }
    let comment = [" #", "\t#", " ;", "\t;"].iter().filter_map(|mark| value.find(mark)).min();
    value.get(..comment.unwrap_or(value.len())).unwrap_or(value).trim()
}

/// Whether the file has a section of this name.
pub fn has_section(bytes: &[u8], name: &str) -> bool {
    section(&sections(bytes), name).is_some()
}

/// A section; of several with the same name the last one counts, whole: a key's id and secret belong together.
fn section<'a>(all: &'a [Section], name: &str) -> Option<&'a [(String, String)]> {
    all.iter().rev().find(|(known, _)| known == name).map(|(_, pairs)| pairs.as_slice())
}

/// The last value under a key, if it is not empty.
fn value<'a>(pairs: &'a [(String, String)], key: &str) -> Option<&'a str> {
    let found = pairs.iter().rev().find(|(known, _)| known == key);
    found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
}

/// Reads a credentials file. `wanted` is the section (`ALIBABA_CLOUD_PROFILE`), else `default`. A file without that
/// section, or with `enable = false` in it, offers nothing.
pub fn read_credentials_file(file: &Path, bytes: &[u8], wanted: Option<&str>) -> Option<Offer> {
    let all = sections(bytes);
    let name = wanted.unwrap_or("default");
    let pairs = section(&all, name)?;
    if value(pairs, "enable").is_some_and(|word| word.eq_ignore_ascii_case("false")) {
        return None;
    }
    let source = Source::CredentialsFile { file: file.to_path_buf(), section: name.to_string() };
    let text = |key: &str| value(pairs, key).unwrap_or_default();
    let hints = Hints { region: value(pairs, "region_id").and_then(Hints::region_of), ..Hints::default() };
    let token = value(pairs, "security_token").or_else(|| value(pairs, "sts_token"));
    Some(match text("type") {
        "" | "access_key" => Offer::of_key(text("access_key_id"), text("access_key_secret"), None, source, hints),
        "sts" => Offer::of_temporary(text("access_key_id"), text("access_key_secret"), token, source, hints),
        "ecs_ram_role" => Offer::EcsRole { role: value(pairs, "role_name").map(str::to_string), source },
        other => Offer::needs_help(source, other),
    })
}

/// Reads the configuration of aliyunlog. `wanted` is the client's name (`ALIYUN_LOG_CLI_CLIENT_NAME`), else what
/// `[__option__] default-client` says, else `main`. The token is stored as `<access-id>::<token>` and holds for that id
/// only.
pub fn read_log_cli(file: &Path, bytes: &[u8], wanted: Option<&str>) -> Option<Offer> {
    let all = sections(bytes);
    let usual = || section(&all, "__option__").and_then(|pairs| value(pairs, "default-client"));
    let name = wanted.or_else(usual).unwrap_or("main");
    let pairs = section(&all, name)?;
    let source = Source::LogCli { file: file.to_path_buf(), section: name.to_string() };
    let id = value(pairs, "access-id").unwrap_or_default();
    let token = value(pairs, "sts-token").and_then(|stored| match stored.split_once("::") {
        Some((of, token)) => (of == id).then_some(token),
        None => Some(stored),
    });
    let hints = Hints {
        region: value(pairs, "region-id").and_then(Hints::region_of),
        endpoint: value(pairs, "region-endpoint").map(str::to_string),
        sign_version: value(pairs, "sign-version").and_then(SignVersion::of_id),
    };
    Some(Offer::of_key(id, value(pairs, "access-key").unwrap_or_default(), token, source, hints))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FILE: &str = "\u{feff}# the keys\n[default]          # usual\nenable = true\ntype = access_key   # which kind\r\n\
        access_key_id = LTAIabcdefghijkl   # id\naccess_key_secret = s#cret ; comment\n\n[role]\ntype=ecs_ram_role\n\
        role_name=r\n[arn]\ntype=ram_role_arn\n[off]\nenable=false\n[half]\ntype=access_key\naccess_key_id=x\nnonsense\n";

    fn credentials(section: Option<&str>) -> Option<Offer> {
        read_credentials_file(Path::new("f"), FILE.as_bytes(), section)
    }

    #[test]
    fn the_credentials_file_of_the_official_sample() {
        let Some(Offer::Ready { credentials: key, .. }) = credentials(None) else { panic!() };
        assert_eq!(key.key().secret.expose(), "s#cret");
        assert_eq!(key.masked(), "LTAI****ijkl");
        assert!(matches!(credentials(Some("role")), Some(Offer::EcsRole { role: Some(role), .. }) if role == "r"));
        assert!(matches!(credentials(Some("arn")), Some(Offer::Unusable { .. })));
        assert!(matches!(credentials(Some("half")), Some(Offer::Unusable { .. })));
        assert!(credentials(Some("off")).is_none());
        assert!(credentials(Some("absent")).is_none());
    }

    #[test]
    fn quotes_come_off_and_of_sections_of_one_name_the_last_one_counts() {
        let file = "[default]\ntype = access_key\naccess_key_id = first\naccess_key_secret = s\n\
            [default]\ntype = \"access_key\"\naccess_key_id = \"LTAIabcdefghijkl\" # id\naccess_key_secret = 's;#t'\n";
        let Some(Offer::Ready { credentials: key, .. }) = read_credentials_file(Path::new("f"), file.as_bytes(), None)
        else {
            panic!()
        };
        assert_eq!(key.masked(), "LTAI****ijkl");
        assert!(bare("'s ;#t' ; why") == "s ;#t" && bare(" v ; why") == "v" && bare("\"open") == "\"open");
    }

    #[test]
    fn a_temporary_key_without_its_token_is_no_key() {
        for file in [
            "[default]\ntype=sts\naccess_key_id=LTAIabcdefghijkl\naccess_key_secret=s\n",
            "[default]\ntype=access_key\naccess_key_id=STS.NTabcdefghijkl\naccess_key_secret=s\n",
        ] {
            let offer = read_credentials_file(Path::new("f"), file.as_bytes(), None);
            assert!(matches!(&offer, Some(Offer::Unusable { key_id, .. }) if key_id.ends_with("ijkl")), "{offer:?}");
        }
        let log = "[main]\naccess-id=STS.NTabcdefghijkl\naccess-key=k\nsts-token=other::t\n";
        assert!(matches!(read_log_cli(Path::new("f"), log.as_bytes(), None), Some(Offer::Unusable { .. })));
    }

    #[test]
    fn the_aliyunlog_file_tells_endpoint_and_token() {
        let file = "[__option__]\ndefault-client = work\n[main]\naccess-id=a\n[work]\naccess-id = id\naccess-key = k\n\
            region-endpoint = https://cn-beijing.log.aliyuncs.com\nsts-token = id::tok\nsign-version = v4\n";
        let read = |bytes: &str, name| read_log_cli(Path::new("f"), bytes.as_bytes(), name);
        let Some(Offer::Ready { credentials: key, hints }) = read(file, None) else { panic!() };
        assert_eq!(key.key().token.unwrap().expose(), "tok");
        assert_eq!(hints.endpoint.as_deref(), Some("https://cn-beijing.log.aliyuncs.com"));
        assert_eq!(hints.sign_version, Some(SignVersion::V4));
        assert!(matches!(read(file, Some("main")), Some(Offer::Unusable { .. })));
        let stale = file.replace("id::tok", "other::tok");
        assert!(matches!(read(&stale, None), Some(Offer::Ready { credentials, .. }) if !credentials.is_temporary()));
        assert!(read("", None).is_none());
    }

    proptest! {
        #[test]
        fn no_bytes_break_the_readers(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "[\\[\\]=#; a-z\n]{0,80}") {
            for bytes in [bytes.as_slice(), text.as_bytes()] {
                read_credentials_file(Path::new("f"), bytes, None);
                read_log_cli(Path::new("f"), bytes, Some("a"));
            }
        }
    }
}
