//! Takes the first offer that yields a key, fetching it from the metadata or a credentials URI where the offer says so.

use crate::core::service::credentials::{Credentials, Hints, Offer, Source};
use crate::core::service::message::Transport;
use crate::core::text::Text;
use crate::sls::metadata::{Metadata, uri_credentials};

/// A source that was there but yielded no key: why, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassedOver {
    pub source: Source,
    /// The AccessKey id, masked; empty where there is none.
    pub key_id: String,
    pub why: Text,
    pub next: Text,
}

impl PassedOver {
    /// That this host has no role of ECS is the usual case and no fault of anybody.
    pub fn is_usual(&self) -> bool {
        matches!(self.source, Source::EcsRole(_))
    }
}

/// What the search came to.
#[derive(Debug, Clone)]
pub struct Found {
    /// The first usable key, with what its source tells beside it.
    pub key: Option<(Credentials, Hints)>,
    /// The sources before it that could not be used.
    pub passed_over: Vec<PassedOver>,
}

/// Goes through the offers in order and stops at the first key. A key fetched for a profile keeps the profile as its
/// source. Without `metadata` (its address could not be read) roles are passed over.
pub async fn find(offers: Vec<Offer>, metadata: Option<&Metadata>, transport: &dyn Transport) -> Found {
    let mut passed_over = Vec::new();
    for offer in offers {
        let (source, fetched) = match offer {
            Offer::Ready { credentials, hints } => return Found { key: Some((credentials, hints)), passed_over },
            Offer::Unusable { source, key_id, why, next } => {
                passed_over.push(PassedOver { source, key_id, why, next });
                continue;
            }
            // What comes after it might be the key of another account.
            Offer::Missing { source, why, next } => {
                passed_over.push(PassedOver { source, key_id: String::new(), why, next });
                return Found { key: None, passed_over };
            }
            Offer::EcsRole { role, source } => match metadata {
                Some(metadata) => (source, metadata.role_credentials(role.as_deref()).await),
                None => continue,
            },
            Offer::Uri { uri, source } => (source, uri_credentials(transport, &uri).await),
        };
        match fetched {
            Ok(mut credentials) => {
                if !matches!(source, Source::EcsRole(_)) {
                    credentials.source = source;
                }
                return Found { key: Some((credentials, Hints::default())), passed_over };
            }
            Err(silence) => {
                let (key_id, why) = (String::new(), silence.text());
                passed_over.push(PassedOver { source, key_id, why, next: type_it_in() });
            }
        }
    }
    Found { key: None, passed_over }
}

fn type_it_in() -> Text {
    Text::fixed("Type a key in; it is kept in memory only.", "请手动输入 AccessKey，它只保存在内存中。")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::observe::Pending;
    use crate::core::service::message::{HttpRequest, HttpResponse, TransportError};
    use crate::core::service::secret::Secret;

    /// Answers one address with a key and everything else with 404.
    struct OneKey;

    impl Transport for OneKey {
        fn send(&self, request: HttpRequest) -> Pending<Result<HttpResponse, TransportError>> {
            let body = r#"{"AccessKeyId":"STS.k","AccessKeySecret":"s","SecurityToken":"t"}"#;
            let (status, body) = if request.target == "/key" { (200, body) } else { (404, "") };
            Box::pin(async move { Ok(HttpResponse { status, headers: vec![], body: body.as_bytes().to_vec() }) })
        }
    }

    #[tokio::test]
    async fn the_first_key_wins_and_what_was_passed_over_is_told() {
        let broken = Offer::needs_help(Source::Environment("X".into()), "RamRoleArn");
        let uri = |path: &str| Offer::Uri { uri: Secret::new(format!("http://localhost{path}")), source: Source::Uri };
        let typed = Credentials::new("k", "s", None, Source::Typed).unwrap();
        let ready = Offer::Ready { credentials: typed, hints: Hints::default() };

        let found = find(vec![broken.clone(), uri("/no"), uri("/key"), ready.clone()], None, &OneKey).await;
        assert_eq!(found.key.unwrap().0.source, Source::Uri);
        assert_eq!(found.passed_over.len(), 2);
        assert_eq!(find(vec![ready], None, &OneKey).await.key.unwrap().0.source, Source::Typed);
        assert!(find(vec![broken], None, &OneKey).await.key.is_none());
    }

    #[tokio::test]
    async fn a_key_that_was_named_and_is_missing_ends_the_search() {
        let typed = Credentials::new("k", "s", None, Source::Typed).unwrap();
        let ready = Offer::Ready { credentials: typed, hints: Hints::default() };
        let text = || Text::same("x");
        let source = Source::Named { variable: "ALIBABA_CLOUD_PROFILE".into(), name: "prod".into() };
        let found = find(vec![Offer::Missing { source, why: text(), next: text() }, ready], None, &OneKey).await;
        assert!(found.key.is_none() && found.passed_over.len() == 1);
    }
}
