//! Keys and settings in environment variables, under all the names that the official tools read.

use super::{Hints, Offer, Source};
use crate::core::service::secret::Secret;
use crate::core::service::sign::SignVersion;
use crate::core::text::Text;
use std::path::PathBuf;

/// An environment as pairs; an empty value counts as not set.
#[derive(Clone, Default)]
pub struct Environment(Vec<(String, String)>);

/// The names of id, secret and token that belong together, in the order of the aliyun CLI; aliyunlog's come last.
const KEYS: [(&str, &str, &str); 6] = [
    ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN"),
    ("ALIBABACLOUD_ACCESS_KEY_ID", "ALIBABACLOUD_ACCESS_KEY_SECRET", "ALIBABACLOUD_SECURITY_TOKEN"),
    ("ALICLOUD_ACCESS_KEY_ID", "ALICLOUD_ACCESS_KEY_SECRET", "ALICLOUD_SECURITY_TOKEN"),
    // Those of Terraform's provider.
    ("ALICLOUD_ACCESS_KEY", "ALICLOUD_SECRET_KEY", "ALICLOUD_SECURITY_TOKEN"),
    ("ACCESS_KEY_ID", "ACCESS_KEY_SECRET", "SECURITY_TOKEN"),
    ("ALIYUN_LOG_CLI_ACCESSID", "ALIYUN_LOG_CLI_ACCESSKEY", "ALIYUN_LOG_CLI_STS_TOKEN"),
];

const REGIONS: [&str; 5] =
    ["ALIBABA_CLOUD_REGION_ID", "ALIBABACLOUD_REGION_ID", "ALICLOUD_REGION_ID", "ALIYUN_LOG_CLI_REGION_ID", "REGION"];

impl Environment {
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Environment {
        Environment(pairs.into_iter().collect())
    }

    /// A variable's value, trimmed; None when it is not set or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.trim());
        value.filter(|value| !value.is_empty())
    }

    /// Whether a switch is set to `true` or `1`.
    pub fn is_on(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true") || value == "1")
    }

    /// A variable that names a file.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.get(name).map(PathBuf::from)
    }

    /// The profile or section that the operator chose for all files.
    pub fn profile(&self) -> Option<&str> {
        self.named_profile().map(|(_, name)| name)
    }

    /// The same, behind the variable that names it.
    pub fn named_profile(&self) -> Option<(&'static str, &str)> {
        let names = ["ALIBABA_CLOUD_PROFILE", "ALIBABACLOUD_PROFILE", "ALICLOUD_PROFILE"];
        names.into_iter().find_map(|name| self.get(name).map(|profile| (name, profile)))
    }

    /// All pairs.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// Region, endpoint and signature version that the variables tell.
    pub fn hints(&self) -> Hints {
        Hints {
            region: REGIONS.iter().find_map(|name| self.get(name)).and_then(Hints::region_of),
            endpoint: self.get("ALIYUN_LOG_CLI_ENDPOINT").map(str::to_string),
            sign_version: self.get("ALIYUN_LOG_CLI_SIGN_VERSION").and_then(SignVersion::of_id),
        }
    }

    /// The keys in the variables: each family of names of which the id or the secret is set.
    pub fn offers(&self) -> Vec<Offer> {
        let families = KEYS.iter().filter(|(id, secret, _)| self.get(id).is_some() || self.get(secret).is_some());
        families
            .map(|(id, secret, token)| {
                let source = Source::Environment(id.to_string());
                let value = |name: &str| self.get(name).unwrap_or_default();
                Offer::of_key(value(id), value(secret), self.get(token), source, self.hints())
            })
            .collect()
    }

    /// The role of the ECS instance, unless it is switched off (`ALIBABA_CLOUD_ECS_METADATA_DISABLED`).
    pub fn ecs_role(&self) -> Option<Offer> {
        if self.is_on("ALIBABA_CLOUD_ECS_METADATA_DISABLED") {
            return None;
        }
        let role = self.get("ALIBABA_CLOUD_ECS_METADATA").map(str::to_string);
        Some(Offer::EcsRole { source: Source::EcsRole(role.clone().unwrap_or_default()), role })
    }

    /// The address that hands out keys.
    pub fn uri(&self) -> Option<Offer> {
        let uri = self.get("ALIBABA_CLOUD_CREDENTIALS_URI")?;
        Some(Offer::Uri { uri: Secret::new(uri), source: Source::Uri })
    }
}

/// Under sudo the variables of the operator's own shell are gone: what to say when none is set.
pub fn sudo_note(environment: &Environment) -> Option<Text> {
    let lost = environment.get("SUDO_USER").is_some() && environment.offers().is_empty();
    lost.then(|| {
        Text::fixed(
            "sudo drops environment variables: keys that were exported before sudo are not seen here. \
             Use `sudo --preserve-env=ALIBABA_CLOUD_ACCESS_KEY_ID,ALIBABA_CLOUD_ACCESS_KEY_SECRET,ALIBABA_CLOUD_SECURITY_TOKEN`.",
            "sudo 会清除环境变量：在 sudo 之前设置的 AccessKey 在这里不可见。\
             请使用 `sudo --preserve-env=ALIBABA_CLOUD_ACCESS_KEY_ID,ALIBABA_CLOUD_ACCESS_KEY_SECRET,ALIBABA_CLOUD_SECURITY_TOKEN`。",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        Environment::new(pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())))
    }

    #[test]
    fn every_family_of_names_is_known_and_the_first_goes_first() {
        for (id, secret, token) in KEYS {
            let offers = environment(&[(id, "key"), (secret, "secret"), (token, "token")]).offers();
            assert_eq!(offers.len(), 1);
            let Offer::Ready { credentials, .. } = &offers[0] else { panic!("{id}") };
            assert!(credentials.is_temporary());
            assert_eq!(credentials.source, Source::Environment(id.to_string()));
        }
        let both = environment(&[
            ("ACCESS_KEY_ID", "b"),
            ("ACCESS_KEY_SECRET", "b"),
            ("ALIBABA_CLOUD_ACCESS_KEY_ID", "a"),
            ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "a"),
        ])
        .offers();
        assert_eq!(both[0].source(), &Source::Environment("ALIBABA_CLOUD_ACCESS_KEY_ID".into()));
        assert_eq!(both.len(), 2);
    }

    #[test]
    fn half_a_key_says_so_and_none_says_nothing() {
        assert!(matches!(environment(&[("ALICLOUD_ACCESS_KEY_ID", "k")]).offers()[..], [Offer::Unusable { .. }]));
        assert!(environment(&[("ALIBABA_CLOUD_ACCESS_KEY_ID", " ")]).offers().is_empty());
    }

    #[test]
    fn switches_and_hints_are_read() {
        let all = environment(&[
            ("ALIBABA_CLOUD_REGION_ID", "cn-hangzhou"),
            ("ALIYUN_LOG_CLI_SIGN_VERSION", "v4"),
            ("ALIYUN_LOG_CLI_ENDPOINT", "cn-beijing.log.aliyuncs.com"),
            ("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "TRUE"),
            ("ALIBABA_CLOUD_CREDENTIALS_URI", "http://localhost/secret-path"),
        ]);
        assert_eq!(all.hints().region.as_deref(), Some("cn-hangzhou"));
        assert_eq!(all.hints().sign_version, Some(SignVersion::V4));
        assert_eq!(environment(&[("ALICLOUD_PROFILE", "work")]).profile(), Some("work"));
        assert!(all.ecs_role().is_none());
        assert!(!format!("{:?}", all.uri()).contains("secret-path"));
        assert!(matches!(environment(&[]).ecs_role(), Some(Offer::EcsRole { role: None, .. })));
    }

    #[test]
    fn sudo_is_mentioned_only_when_it_may_have_dropped_a_key() {
        assert!(sudo_note(&environment(&[("SUDO_USER", "alice")])).is_some());
        assert!(sudo_note(&environment(&[])).is_none());
        let kept = [("SUDO_USER", "alice"), ("ACCESS_KEY_ID", "a"), ("ACCESS_KEY_SECRET", "b")];
        assert!(sudo_note(&environment(&kept)).is_none());
    }
}
