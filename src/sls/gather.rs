//! Looks for keys on this machine: reads the files, in the order of the sources, of the operator and under sudo of the
//! invoking user as well. Reads only, bounded, and never through a FIFO or a device.

use crate::core::service::credentials::{
    Environment, Offer, Source, has_profile, has_section, read_aliyun_config, read_credentials_file, read_log_cli,
};
use crate::say;
use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// At most this much of a file is read, in bytes: real ones have a few hundred.
const FILE_LIMIT: u64 = 256 << 10;

/// How a file is read: its bytes, None when it is absent, or the reason in a word or two.
pub type Reader<'a> = &'a dyn Fn(&Path) -> Result<Option<Vec<u8>>, String>;

/// All offers in the order in which they are to be tried. `homes` are the home directories to look in, the operator's
/// own first. What is typed in goes before all of them and is not gathered here. `now` is in seconds since 1970.
pub fn offers(environment: &Environment, homes: &[PathBuf], read: Reader, now: i64) -> Vec<Offer> {
    let missing = missing(environment, homes, read);
    if !missing.is_empty() {
        return missing;
    }
    let mut all = environment.offers();
    let profile = environment.profile();

    if !environment.is_on("ALIBABA_CLOUD_CLI_PROFILE_DISABLED") {
        for file in places(environment.path("ALIBABA_CLOUD_CONFIG_FILE"), homes, CLI_FILES) {
            let source = Source::AliyunCli { file: file.clone(), profile: profile.unwrap_or("?").to_string() };
            all.extend(from_file(read, &file, source, |bytes| read_aliyun_config(&file, bytes, profile, now)));
        }
    }
    for file in places(environment.path("ALIBABA_CLOUD_CREDENTIALS_FILE"), homes, CREDENTIALS_FILES) {
        let section = profile.unwrap_or("default").to_string();
        let source = Source::CredentialsFile { file: file.clone(), section };
        all.extend(from_file(read, &file, source, |bytes| read_credentials_file(&file, bytes, profile)));
    }
    let client = environment.get("ALIYUN_LOG_CLI_CLIENT_NAME");
    for file in places(None, homes, LOG_CLI_FILES) {
        let source = Source::LogCli { file: file.clone(), section: client.unwrap_or("main").to_string() };
        all.extend(from_file(read, &file, source, |bytes| read_log_cli(&file, bytes, client)));
    }
    all.extend(environment.ecs_role());
    all.extend(environment.uri());
    all
}

const CLI_FILES: &[&str] = &[".aliyun/config.json"];
const CREDENTIALS_FILES: &[&str] = &[".alibabacloud/credentials", ".alibabacloud/credentials.ini"];
const LOG_CLI_FILES: &[&str] = &[".aliyunlogcli"];

/// Whether the bytes of a file have a profile of this name.
type Has = fn(&[u8], &str) -> bool;

/// A variable with the profile that it names, and the files that may have it.
type Named<'a> = (Option<(&'static str, &'a str)>, Vec<(PathBuf, Has)>);

/// A profile that a variable names and that no file has: it is said before everything else, because any key that is
/// found instead may belong to another account.
fn missing(environment: &Environment, homes: &[PathBuf], read: Reader) -> Vec<Offer> {
    let cli = match environment.is_on("ALIBABA_CLOUD_CLI_PROFILE_DISABLED") {
        true => Vec::new(),
        false => places(environment.path("ALIBABA_CLOUD_CONFIG_FILE"), homes, CLI_FILES),
    };
    let ini = places(environment.path("ALIBABA_CLOUD_CREDENTIALS_FILE"), homes, CREDENTIALS_FILES);
    let log = places(None, homes, LOG_CLI_FILES);
    let with = |files: Vec<PathBuf>, has: Has| files.into_iter().map(move |file| (file, has)).collect::<Vec<_>>();
    let named: [Named; 2] = [
        (environment.named_profile(), [with(cli, has_profile), with(ini, has_section)].concat()),
        (
            environment.get("ALIYUN_LOG_CLI_CLIENT_NAME").map(|name| ("ALIYUN_LOG_CLI_CLIENT_NAME", name)),
            with(log, has_section),
        ),
    ];
    let missing = |(named, files): Named| {
        let (variable, name) = named?;
        let holds = |(file, has): &(PathBuf, Has)| match read(file) {
            Ok(Some(bytes)) => has(&zeroize::Zeroizing::new(bytes), name),
            Ok(None) | Err(_) => false,
        };
        if files.iter().any(holds) {
            return None;
        }
        let files = files.iter().map(|(file, _)| file.display().to_string()).collect::<Vec<_>>().join(", ");
        Some(Offer::Missing {
            source: Source::Named { variable: variable.to_string(), name: name.to_string() },
            why: say!(
                "there is no such profile in {files}; no other key is used in its place",
                "{files} 中没有该配置；不会改用其他 AccessKey"
            ),
            next: say!(
                "Correct {variable}, or unset it to use the usual order of keys.",
                "请修正 {variable}，或取消该变量以按默认顺序查找 AccessKey。"
            ),
        })
    };
    named.into_iter().filter_map(missing).collect()
}

/// The files to look at: the one that a variable names, else the usual ones under every home.
fn places(named: Option<PathBuf>, homes: &[PathBuf], usual: &[&str]) -> Vec<PathBuf> {
    match named {
        Some(file) => vec![file],
        None => homes.iter().flat_map(|home| usual.iter().map(|name| home.join(name))).collect(),
    }
}

fn from_file(read: Reader, file: &Path, source: Source, parse: impl FnOnce(&[u8]) -> Option<Offer>) -> Option<Offer> {
    match read(file) {
        Ok(Some(bytes)) => parse(&zeroize::Zeroizing::new(bytes)),
        Ok(None) => None,
        Err(reason) => Some(Offer::unreadable(source, &reason)),
    }
}

/// The home directories to look in: `HOME`, and under sudo that of the user who called it.
pub fn homes(environment: &Environment) -> Vec<PathBuf> {
    let own = environment.path("HOME");
    let invoking = environment.get("SUDO_USER").and_then(|name| nix::unistd::User::from_name(name).ok().flatten());
    let mut all: Vec<PathBuf> = Vec::new();
    for home in own.into_iter().chain(invoking.map(|user| user.dir)) {
        if home.is_absolute() && !all.contains(&home) {
            all.push(home);
        }
    }
    all
}

/// Reads one regular file, at most 256 KiB of it.
///
/// # Errors
/// The reason in the words of the operating system.
pub fn read_file(path: &Path) -> Result<Option<Vec<u8>>, String> {
    // Without O_NONBLOCK, opening a FIFO would wait for a writer.
    let opened = OpenOptions::new().read(true).custom_flags(nix::fcntl::OFlag::O_NONBLOCK.bits()).open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(error.to_string()),
    };
    let about = file.metadata().map_err(|error| error.to_string())?;
    if !about.is_file() {
        return Err("not a regular file".to_string());
    }
    if about.len() > FILE_LIMIT {
        return Err(format!("larger than {FILE_LIMIT} bytes"));
    }
    let mut bytes = Vec::new();
    file.take(FILE_LIMIT).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        Environment::new(pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())))
    }

    fn gather(pairs: &[(&str, &str)], files: &[(&str, &str)], homes: &[&str]) -> Vec<Offer> {
        let files: BTreeMap<PathBuf, Vec<u8>> =
            files.iter().map(|(path, text)| (PathBuf::from(path), text.as_bytes().to_vec())).collect();
        let homes: Vec<PathBuf> = homes.iter().map(PathBuf::from).collect();
        offers(&environment(pairs), &homes, &|path| Ok(files.get(path).cloned()), 1000)
    }

    const CLI: &str =
        r#"{"current":"p","profiles":[{"name":"p","mode":"AK","access_key_id":"cli","access_key_secret":"s"}]}"#;
    const INI: &str = "[default]\ntype=access_key\naccess_key_id=ini\naccess_key_secret=s\n";
    const LOG: &str = "[main]\naccess-id=log\naccess-key=s\n";

    #[test]
    fn the_sources_stand_in_the_documented_order() {
        let all = gather(
            &[("ALIBABA_CLOUD_CREDENTIALS_URI", "http://x"), ("ACCESS_KEY_ID", "env"), ("ACCESS_KEY_SECRET", "s")],
            &[
                ("/r/.aliyunlogcli", LOG),
                ("/r/.alibabacloud/credentials.ini", INI),
                ("/u/.aliyun/config.json", CLI),
                ("/r/.aliyun/config.json", CLI),
            ],
            &["/r", "/u"],
        );
        let kinds: Vec<String> =
            all.iter().map(|offer| offer.source().name().get(crate::core::text::Lang::En).to_string()).collect();
        assert_eq!(
            kinds,
            [
                "environment variable ACCESS_KEY_ID",
                "aliyun CLI, /r/.aliyun/config.json, profile p",
                "aliyun CLI, /u/.aliyun/config.json, profile p",
                "credentials file /r/.alibabacloud/credentials.ini, section default",
                "aliyunlog CLI, /r/.aliyunlogcli, section main",
                "RAM role of this ECS instance",
                "credentials URI",
            ]
        );
    }

    #[test]
    fn variables_name_files_and_switch_sources_off() {
        let off = [("ALIBABA_CLOUD_CLI_PROFILE_DISABLED", "true"), ("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")];
        assert!(gather(&off, &[("/r/.aliyun/config.json", CLI)], &["/r"]).is_empty());
        let named = [("ALIBABA_CLOUD_CONFIG_FILE", "/etc/c.json"), ("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")];
        let all = gather(&named, &[("/r/.aliyun/config.json", CLI), ("/etc/c.json", CLI)], &["/r"]);
        assert_eq!(all.len(), 1);
        assert!(matches!(all[0].source(), Source::AliyunCli { file, .. } if file == Path::new("/etc/c.json")));
    }

    #[test]
    fn a_profile_that_was_named_and_is_nowhere_stops_the_search() {
        let off = ("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true");
        let keys = [("ACCESS_KEY_ID", "env"), ("ACCESS_KEY_SECRET", "s"), off];
        let files = [("/r/.aliyun/config.json", CLI), ("/r/.alibabacloud/credentials", INI), ("/r/.aliyunlogcli", LOG)];
        for variable in
            ["ALIBABA_CLOUD_PROFILE", "ALIBABACLOUD_PROFILE", "ALICLOUD_PROFILE", "ALIYUN_LOG_CLI_CLIENT_NAME"]
        {
            let all = gather(&[keys.as_slice(), &[(variable, "prod")]].concat(), &files, &["/r"]);
            let [Offer::Missing { source, .. }] = all.as_slice() else { panic!("{variable}: {all:?}") };
            assert_eq!(*source, Source::Named { variable: variable.into(), name: "prod".into() });
        }
        for (variable, name) in
            [("ALIBABA_CLOUD_PROFILE", "p"), ("ALICLOUD_PROFILE", "default"), ("ALIYUN_LOG_CLI_CLIENT_NAME", "main")]
        {
            let all = gather(&[keys.as_slice(), &[(variable, name)]].concat(), &files, &["/r"]);
            assert!(!all.iter().any(|offer| matches!(offer, Offer::Missing { .. })), "{variable}={name}");
        }
    }

    #[test]
    fn files_that_cannot_be_read_are_told_and_absent_ones_are_not() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read_file(&dir.path().join("absent")), Ok(None));
        assert!(read_file(dir.path()).is_err());
        let fifo = dir.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert_eq!(read_file(&fifo), Err("not a regular file".to_string()));
        let large = dir.path().join("large");
        std::fs::write(&large, vec![b'x'; 300 << 10]).unwrap();
        assert!(read_file(&large).is_err());
        std::fs::create_dir(dir.path().join(".aliyun")).unwrap();
        std::fs::create_dir(dir.path().join(".aliyun/config.json")).unwrap();
        let all = offers(&environment(&[]), &[dir.path().to_path_buf()], &read_file, 0);
        assert!(matches!(all[0], Offer::Unusable { .. }));
    }

    #[test]
    fn homes_are_absolute_and_distinct() {
        assert_eq!(homes(&environment(&[("HOME", "/r"), ("SUDO_USER", "no-such-user-here")])), [PathBuf::from("/r")]);
        assert!(homes(&environment(&[("HOME", "relative")])).is_empty());
    }
}
