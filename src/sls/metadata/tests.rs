//! The metadata service as a transport of answers by method and path.

use super::*;
use crate::core::observe::ConnectError;
use crate::core::observe::Pending;
use std::collections::BTreeMap;
use std::sync::Mutex;

/// Answers by `METHOD path`; anything else is 404. Some paths want the token.
struct Fake {
    answers: BTreeMap<&'static str, (u16, &'static str)>,
    token_wanted: bool,
    dead: bool,
    sent: Mutex<Vec<HttpRequest>>,
}

impl Fake {
    fn new(answers: &[(&'static str, u16, &'static str)]) -> Fake {
        let answers = answers.iter().map(|(line, status, body)| (*line, (*status, *body))).collect();
        Fake { answers, token_wanted: false, dead: false, sent: Mutex::default() }
    }
}

impl Transport for Fake {
    fn send(&self, request: HttpRequest) -> Pending<Result<HttpResponse, TransportError>> {
        let line = format!("{} {}", request.method, request.target);
        let token = request.header("x-aliyun-ecs-metadata-token") == Some("TOKEN==");
        self.sent.lock().unwrap().push(request);
        let (status, body) = self.answers.get(line.as_str()).copied().unwrap_or((404, ""));
        let refused = self.token_wanted && line.starts_with("GET") && !token;
        let status = if refused { 403 } else { status };
        let dead = self.dead;
        Box::pin(async move {
            if dead {
                let ip = "100.100.100.200".parse().map_err(|_| TransportError::NotARequest("ip".into()))?;
                let place = "100.100.100.200:80".to_string();
                return Err(TransportError::Connect { place, trouble: ConnectError::Silent(ip) });
            }
            Ok(HttpResponse { status, headers: vec![], body: body.as_bytes().to_vec() })
        })
    }
}

const TOKEN: (&str, u16, &str) = ("PUT /latest/api/token", 200, "TOKEN==\n");
const IDENTITY: (&str, u16, &str) = (
    "GET /latest/dynamic/instance-identity/document",
    200,
    r#"{"zone-id":"cn-hangzhou-h","instance-id":"i-bp1","region-id":"cn-hangzhou","private-ipv4":"10.0.0.1","owner-account-id":"1654218965343050"}"#,
);
const ROLE: (&str, u16, &str) = ("GET /latest/meta-data/ram/security-credentials/", 200, "EcsRole\n");
const KEY: (&str, u16, &str) = (
    "GET /latest/meta-data/ram/security-credentials/EcsRole",
    200,
    r#"{"Code":"Success","AccessKeyId":"STS.NTabcdefghijkl","AccessKeySecret":"s3cr3t","SecurityToken":"t0k3n","Expiration":"2026-01-02T03:04:05Z"}"#,
);

fn metadata(fake: Fake, environment: &[(&str, &str)]) -> (Metadata, Arc<Fake>) {
    let fake = Arc::new(fake);
    let environment = Environment::new(environment.iter().map(|(name, value)| (name.to_string(), value.to_string())));
    (Metadata::new(fake.clone(), &environment).unwrap(), fake)
}

#[tokio::test]
async fn the_token_comes_first_and_nothing_goes_through_a_proxy() {
    let (metadata, fake) = metadata(Fake { token_wanted: true, ..Fake::new(&[TOKEN, IDENTITY]) }, &[]);
    let instance = metadata.instance().await.unwrap();
    assert_eq!((instance.region.as_str(), instance.owner_account_id.as_str()), ("cn-hangzhou", "1654218965343050"));
    let sent = fake.sent.lock().unwrap();
    assert!(sent.iter().all(|request| request.direct && request.limits == Limits::METADATA));
    assert!(
        sent.iter().all(|request| request.host == "100.100.100.200" && request.header("x-forwarded-for").is_none())
    );
    assert!(!format!("{sent:?}").contains("TOKEN"));
}

#[tokio::test]
async fn without_a_token_it_asks_as_of_old_unless_that_is_forbidden() {
    let (old, _) = metadata(Fake::new(&[IDENTITY]), &[]);
    assert!(old.instance().await.is_ok());
    let (page, fake) = metadata(Fake::new(&[("PUT /latest/api/token", 200, "<html>"), IDENTITY]), &[]);
    assert!(page.instance().await.is_ok());
    assert_eq!(fake.sent.lock().unwrap().last().unwrap().header("x-aliyun-ecs-metadata-token"), None);
    let (strict, _) = metadata(Fake::new(&[IDENTITY]), &[("ALIBABA_CLOUD_IMDSV1_DISABLED", "true")]);
    assert!(matches!(strict.instance().await, Err(Silence::NotThis(_))));
}

#[tokio::test]
async fn the_role_s_key_is_fetched_by_its_name() {
    for role in [None, Some("EcsRole")] {
        let (metadata, _) = metadata(Fake::new(&[TOKEN, ROLE, KEY]), &[]);
        let key = metadata.role_credentials(role).await.unwrap();
        assert_eq!((key.source.clone(), key.expires), (Source::EcsRole("EcsRole".into()), Some(1_767_323_045)));
    }
    let (none, _) = metadata(Fake::new(&[TOKEN]), &[]);
    assert_eq!(none.role_credentials(None).await.unwrap_err(), Silence::Refused(404));
    let page = ("GET /latest/meta-data/ram/security-credentials/", 200, "<html>/../x");
    let (page, _) = metadata(Fake::new(&[TOKEN, page]), &[]);
    assert!(matches!(page.role_credentials(None).await, Err(Silence::NotThis(_))));
}

#[tokio::test]
async fn a_dead_address_is_waited_for_once() {
    let (metadata, fake) = metadata(Fake { dead: true, ..Fake::new(&[]) }, &[]);
    assert!(matches!(metadata.instance().await, Err(Silence::NoAnswer(_))));
    assert_eq!(fake.sent.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn the_address_can_be_overridden_and_a_bad_one_is_refused() {
    let (local, fake) = metadata(Fake::new(&[TOKEN, IDENTITY]), &[(METADATA_VARIABLE, "http://127.0.0.1:8123")]);
    local.instance().await.unwrap();
    let (host, port) = fake.sent.lock().unwrap().first().map(|request| (request.host.clone(), request.port)).unwrap();
    assert_eq!((host.as_str(), port), ("127.0.0.1", 8123));
    let bad = Environment::new([(METADATA_VARIABLE.to_string(), "nonsense//".to_string())]);
    assert!(matches!(Metadata::new(Arc::new(Fake::new(&[])), &bad), Err(Silence::BadAddress(_))));
}

#[tokio::test]
async fn a_credentials_uri_is_asked_with_its_query() {
    let fake = Fake::new(&[("GET /key?who=me", 200, KEY.2), ("GET /", 200, KEY.2)]);
    let key = uri_credentials(&fake, &Secret::new("http://localhost:9/key?who=me")).await.unwrap();
    assert_eq!(key.source, Source::Uri);
    assert!(uri_credentials(&fake, &Secret::new("http://localhost:9")).await.is_ok());
    assert_eq!(uri_credentials(&fake, &Secret::new("http://localhost:9/x")).await.unwrap_err(), Silence::Refused(404));
    assert!(uri_credentials(&fake, &Secret::new("localhost")).await.is_err());
}
