//! The keys that the operator has already, in the order in which they are looked for: typed in,
//! environment, aliyun CLI profile, credentials file, aliyunlog CLI, ECS RAM role, credentials URI.
//!
//! The parsers here are pure: bytes of files and pairs of the environment in, [`Offer`]s out. They accept what the
//! official readers accept, never panic, and name where a key came from; a source that is there but cannot be used says
//! why and what to do. Who reads the files and asks the network is
//! the room `sls`. Nothing ever runs a command that a profile names.

mod aliyun_config;
mod environment;
mod ini;
mod remote;

pub use aliyun_config::{has_profile, read_aliyun_config};
pub use environment::{Environment, sudo_note};
pub use ini::{has_section, read_credentials_file, read_log_cli};
pub use remote::read_role_answer;

use super::secret::{Secret, mask_key_id};
use super::sign::{Key, SignVersion, percent};
use crate::core::context::{Context, Field};
use crate::core::text::Text;
use crate::say;
use std::fmt;
use std::path::PathBuf;

/// Where a key came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Typed in; lives in memory only.
    Typed,
    /// The name of the variable that held the key id.
    Environment(String),
    /// `~/.aliyun/config.json` of the aliyun CLI.
    AliyunCli { file: PathBuf, profile: String },
    /// `~/.alibabacloud/credentials` or `credentials.ini`.
    CredentialsFile { file: PathBuf, section: String },
    /// `~/.aliyunlogcli` of the aliyunlog CLI.
    LogCli { file: PathBuf, section: String },
    /// The RAM role of this ECS instance; empty while its name is not known.
    EcsRole(String),
    /// `ALIBABA_CLOUD_CREDENTIALS_URI`, or a profile that names one.
    Uri,
    /// A name that a variable gives, wherever it may be kept.
    Named { variable: String, name: String },
}

impl Source {
    /// The source in words, for the line that says which key is used.
    pub fn name(&self) -> Text {
        match self {
            Source::Typed => Text::fixed("typed in", "手动输入"),
            Source::Environment(variable) => say!("environment variable {variable}", "环境变量 {variable}"),
            Source::AliyunCli { file, profile } => {
                let file = file.display();
                say!("aliyun CLI, {file}, profile {profile}", "阿里云 CLI，{file}，配置 {profile}")
            }
            Source::CredentialsFile { file, section } => {
                let file = file.display();
                say!("credentials file {file}, section {section}", "凭证文件 {file}，小节 {section}")
            }
            Source::LogCli { file, section } => {
                let file = file.display();
                say!("aliyunlog CLI, {file}, section {section}", "日志服务 CLI，{file}，小节 {section}")
            }
            Source::EcsRole(role) if role.is_empty() => {
                Text::fixed("RAM role of this ECS instance", "本 ECS 实例的 RAM 角色")
            }
            Source::EcsRole(role) => say!("RAM role {role} of this ECS instance", "本 ECS 实例的 RAM 角色 {role}"),
            Source::Uri => Text::fixed("credentials URI", "凭证 URI"),
            Source::Named { variable, name } => {
                say!("profile {name}, named by {variable}", "{variable} 指定的配置 {name}")
            }
        }
    }
}

/// A key that can sign.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    key_id: String,
    secret: Secret,
    token: Option<Secret>,
    /// When the token ends, seconds since 1970, where the source says so.
    pub expires: Option<i64>,
    pub source: Source,
}

impl Credentials {
    /// A key, without the blanks of copy and paste. None when id or secret is empty or cannot stand in a header.
    pub fn new(key_id: &str, secret: &str, token: Option<&str>, source: Source) -> Option<Credentials> {
        let fits =
            |text: &str| !text.is_empty() && text.len() <= 16 << 10 && text.bytes().all(|b| (0x21..0x7f).contains(&b));
        let (key_id, token) = (key_id.trim(), token.map(str::trim).filter(|token| !token.is_empty()));
        let good = fits(key_id) && fits(secret.trim()) && token.is_none_or(fits);
        good.then(|| Credentials {
            key_id: key_id.to_string(),
            secret: Secret::new(secret),
            token: token.map(Secret::new),
            expires: None,
            source,
        })
    }

    /// The AccessKey id in the form that may be shown.
    pub fn masked(&self) -> String {
        mask_key_id(&self.key_id)
    }

    /// Whether this is a temporary key of STS.
    pub fn is_temporary(&self) -> bool {
        self.token.is_some()
    }

    /// Whether the key ends within `margin_s` seconds; the official SDKs fetch a new one at 180.
    pub fn ends_within(&self, now: i64, margin_s: i64) -> bool {
        self.expires.is_some_and(|end| end.saturating_sub(now) <= margin_s)
    }

    /// What the signer needs.
    pub fn key(&self) -> Key<'_> {
        Key { id: &self.key_id, secret: &self.secret, token: self.token.as_ref() }
    }

    /// A text from outside without what belongs to this key: some error messages repeat the key id, and that of a
    /// failed STS signature the whole signed text with the token.
    pub fn scrub(&self, text: &str) -> String {
        let mut out = text.to_string();
        for hidden in [Some(&self.secret), self.token.as_ref()].into_iter().flatten() {
            let once = percent(hidden.expose());
            for form in [percent(&once), once, hidden.expose().to_string()] {
                out = out.replace(&form, "***");
            }
        }
        out.replace(&self.key_id, &self.masked())
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_temporary() { "with token" } else { "without token" };
        write!(out, "Credentials({}, {kind}, {:?})", self.masked(), self.source)
    }
}

/// What a source tells beside the key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hints {
    pub region: Option<String>,
    pub endpoint: Option<String>,
    pub sign_version: Option<SignVersion>,
}

impl Hints {
    /// The region that a file or a variable names. What cannot be a region's id is garbage of a damaged file, and may be
    /// part of its secret.
    fn region_of(named: &str) -> Option<String> {
        let mut told = Context::default();
        told.set(Field::Region, named).ok()?;
        told.region
    }
}

/// Whether an AccessKey id is one that STS gives out: it is worth nothing without its token.
pub fn is_temporary_id(key_id: &str) -> bool {
    key_id.trim().get(..4).is_some_and(|head| head.eq_ignore_ascii_case("STS."))
}

/// A value without the quotes around it: no key, secret or token has any, and files and variables are often written so.
fn unquoted(value: &str) -> &str {
    let value = value.trim();
    let inner = |mark: char| value.strip_prefix(mark).and_then(|rest| rest.strip_suffix(mark));
    inner('"').or_else(|| inner('\'')).unwrap_or(value).trim()
}

/// The masked id, or nothing where there is none.
fn masked_id(key_id: &str) -> String {
    if key_id.is_empty() { String::new() } else { mask_key_id(key_id) }
}

/// What one source has to offer.
#[derive(Debug, Clone)]
pub enum Offer {
    Ready {
        credentials: Credentials,
        hints: Hints,
    },
    /// The key is to be fetched from the ECS metadata; the role's name where it is known.
    EcsRole {
        role: Option<String>,
        source: Source,
    },
    /// The key is to be fetched from this address.
    Uri {
        uri: Secret,
        source: Source,
    },
    /// There is something, but it cannot be used.
    Unusable {
        source: Source,
        /// The AccessKey id, masked; empty where there is none.
        key_id: String,
        why: Text,
        next: Text,
    },
    /// The operator named a key that is not there: another one would be somebody else's, so nothing further is looked at.
    Missing {
        source: Source,
        why: Text,
        next: Text,
    },
}

impl Offer {
    pub fn source(&self) -> &Source {
        match self {
            Offer::Ready { credentials, .. } => &credentials.source,
            Offer::EcsRole { source, .. }
            | Offer::Uri { source, .. }
            | Offer::Unusable { source, .. }
            | Offer::Missing { source, .. } => source,
        }
    }

    /// A key if it is complete, else why not.
    fn of_key(key_id: &str, secret: &str, token: Option<&str>, source: Source, hints: Hints) -> Offer {
        let (key_id, secret, token) = (unquoted(key_id), unquoted(secret), token.map(unquoted));
        if is_temporary_id(key_id) && token.is_none_or(str::is_empty) {
            return Offer::without_token(source, key_id);
        }
        match Credentials::new(key_id, secret, token, source.clone()) {
            Some(credentials) => Offer::Ready { credentials, hints },
            None => Offer::Unusable {
                source,
                key_id: masked_id(key_id),
                why: Text::fixed(
                    "the AccessKey id or secret is missing or contains characters that no key has",
                    "缺少 AccessKey ID 或 AccessKey Secret，或其中含有非法字符",
                ),
                next: Text::fixed("Complete it there, or type the key in.", "请在该处补全，或手动输入 AccessKey。"),
            },
        }
    }

    /// As [`Offer::of_key`], where the source says that the key is a temporary one: without its token the service refuses
    /// it.
    fn of_temporary(key_id: &str, secret: &str, token: Option<&str>, source: Source, hints: Hints) -> Offer {
        match token.map(unquoted).filter(|token| !token.is_empty()) {
            Some(_) => Offer::of_key(key_id, secret, token, source, hints),
            None => Offer::without_token(source, unquoted(key_id)),
        }
    }

    fn without_token(source: Source, key_id: &str) -> Offer {
        Offer::Unusable {
            source,
            key_id: masked_id(key_id),
            why: Text::fixed(
                "it is a temporary key, and its security token is missing",
                "这是临时 AccessKey，但缺少对应的 SecurityToken",
            ),
            next: Text::fixed(
                "Add the token there, or type the key in.",
                "请在该处补上 SecurityToken，或手动输入 AccessKey。",
            ),
        }
    }

    /// A file that is there but does not read.
    pub(crate) fn unreadable(source: Source, reason: &str) -> Offer {
        Offer::Unusable {
            source,
            key_id: String::new(),
            why: say!("it cannot be read: {reason}", "无法读取：{reason}"),
            next: Text::fixed("Correct the file, or type the key in.", "请修正该文件，或手动输入 AccessKey。"),
        }
    }

    /// A kind of key that needs another service or program first.
    pub(crate) fn needs_help(source: Source, kind: &str) -> Offer {
        Offer::Unusable {
            source,
            key_id: String::new(),
            why: say!(
                "the kind {kind} must first be exchanged for a temporary key, which this program does not do",
                "{kind} 类型需要先换取临时凭证，本程序不支持"
            ),
            next: Text::fixed(
                "Run `aliyun configure` for a profile of mode AK or StsToken, or export ALIBABA_CLOUD_ACCESS_KEY_ID, \
                 ALIBABA_CLOUD_ACCESS_KEY_SECRET and ALIBABA_CLOUD_SECURITY_TOKEN.",
                "请运行 `aliyun configure` 配置 AK 或 StsToken 模式，或设置环境变量 ALIBABA_CLOUD_ACCESS_KEY_ID、\
                 ALIBABA_CLOUD_ACCESS_KEY_SECRET 和 ALIBABA_CLOUD_SECURITY_TOKEN。",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Credentials {
        Credentials::new(" STS.NTabcdefghijkl\n", "s3cr3t/+", Some("t0k3n/+="), Source::Typed).unwrap()
    }

    #[test]
    fn a_key_never_shows_its_secrets() {
        let key = sample();
        let shown = format!("{key:?}");
        assert!(!shown.contains("s3cr3t") && !shown.contains("t0k3n") && !shown.contains("NTabcdefghijkl"), "{shown}");
        let offer = Offer::Ready { credentials: key, hints: Hints::default() };
        assert!(!format!("{offer:?}").contains("s3cr3t"));
    }

    #[test]
    fn texts_from_outside_lose_the_key_in_every_form() {
        let said = "id STS.NTabcdefghijkl t0k3n/+= t0k3n%2F%2B%3D t0k3n%252F%252B%253D s3cr3t/+";
        assert_eq!(sample().scrub(said), "id STS.****ijkl *** *** *** ***");
    }

    #[test]
    fn what_cannot_stand_in_a_header_is_no_key() {
        for (id, secret) in [("", "s"), ("k", ""), ("k", " \n"), ("k\r\nX: y", "s"), ("k", "a\u{7}b"), ("键", "s")] {
            assert!(Credentials::new(id, secret, None, Source::Typed).is_none());
        }
        assert!(Credentials::new("k", "s", Some("t\n\nX: y"), Source::Typed).is_none());
        assert!(!Credentials::new("k", "s", Some("  "), Source::Typed).unwrap().is_temporary());
    }

    #[test]
    fn a_key_that_ends_soon_is_told_from_one_that_does_not() {
        let mut key = sample();
        assert!(!key.ends_within(i64::MAX, 180));
        key.expires = Some(1000);
        assert!(key.ends_within(820, 180) && !key.ends_within(819, 180) && key.ends_within(5000, 180));
    }
}
