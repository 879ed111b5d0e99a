//! The client of the service, over real connections, against a stand-in on loopback that checks every signature.

mod answers;
mod groups;
mod loop_on_host;
mod server;

use logtail_doctor::core::observe::TlsError;
use logtail_doctor::core::service::TransportError;
use logtail_doctor::core::service::api::{DescribeRegions, GetAppliedConfigs, Membership, UpdateMachineGroupMachine};
use logtail_doctor::core::service::credentials::{Credentials, Source};
use logtail_doctor::core::service::group_edit::{Edit, plan, undo};
use logtail_doctor::core::service::heartbeat::{Match, Own, Pulse, judge};
use logtail_doctor::core::service::message::Limits;
use logtail_doctor::core::service::proxy::Proxies;
use logtail_doctor::core::service::sign::SignVersion;
use logtail_doctor::core::service::{Endpoint, ErrorKind, Failure};
use logtail_doctor::sls::Client;
use logtail_doctor::sls::client::Location;
use logtail_doctor::sls::group_write::{NotWritten, write};
use logtail_doctor::sls::transport::Network;
use serde_json::json;
use server::{Fault, KEY, NOW, OWNER, PROJECT, REGION, Server, TEMPORARY};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

const OLD: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const NEW: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

fn key() -> Credentials {
    Credentials::new(KEY.0, KEY.1, None, Source::Typed).unwrap()
}

fn temporary_key() -> Credentials {
    Credentials::new(TEMPORARY.0, TEMPORARY.1, Some(TEMPORARY.2), Source::Typed).unwrap()
}

fn limits(total: Duration) -> Limits {
    Limits { connect: Duration::from_secs(3), total }
}

fn client_with(server: &Server, key: Credentials, version: SignVersion, total: Duration) -> Client {
    let network = Network::new(Proxies::default(), None).unwrap();
    let at = Endpoint::overriding(&format!("http://127.0.0.1:{}", server.port)).unwrap();
    Client::new(Arc::new(network), vec![at], REGION, key, Some(version))
        .with_clock(Arc::new(|| NOW))
        .with_patience(limits(total), &[Duration::ZERO; 3])
}

fn client(server: &Server) -> Client {
    client_with(server, key(), SignVersion::V1, Duration::from_secs(10))
}

fn kind(failure: &Failure) -> &ErrorKind {
    failure.kind().unwrap_or_else(|| panic!("{failure:?}"))
}

#[tokio::test]
async fn every_call_is_accepted_with_either_signature_and_either_kind_of_key() {
    let server = Server::start(None).await;
    server.put_group("web", &["10.0.0.1"]);
    for version in [SignVersion::V1, SignVersion::V4] {
        for key in [key(), temporary_key()] {
            let client = client_with(&server, key, version, Duration::from_secs(10));
            let Location::Here(project) = client.locate(PROJECT).await.unwrap() else { panic!() };
            assert_eq!(project.owner, OWNER);
            assert_eq!(client.groups(PROJECT).await.unwrap().answer, ["web"]);
            let reply = client.group(PROJECT, "web").await.unwrap();
            assert_eq!((reply.answer.topic(), reply.server_time), ("t", Some(NOW)));
            assert_eq!(reply.request_id.as_deref(), Some("5F1A2B"));
            let configs = GetAppliedConfigs { project: PROJECT.into(), group: "web".into() };
            assert_eq!(client.call(&configs).await.unwrap().answer, ["access-log"]);
            assert_eq!(client.call(&DescribeRegions { language: "zh" }).await.unwrap().answer[0].id, REGION);
            let planned = plan(&reply.answer, Edit::Replace { old: OLD, new: NEW }).unwrap();
            let written = write(&client, PROJECT, &planned).await.unwrap();
            assert_eq!(written.group.list().unwrap(), ["10.0.0.2"]);
            assert_eq!(written.server_time, Some(NOW));
            let back = undo(&planned.edited(), &written.group).unwrap().unwrap();
            assert_eq!(write(&client, PROJECT, &back).await.unwrap().group.list().unwrap(), ["10.0.0.1"]);
        }
    }
    let join = UpdateMachineGroupMachine {
        project: PROJECT.into(),
        group: "web".into(),
        membership: Membership::Add,
        machines: vec!["10.0.0.7".into()],
    };
    client(&server).call(&join).await.unwrap();
    let group = server.with(|state| state.groups["web"].clone());
    assert_eq!(group["machineList"], json!(["10.0.0.1", "10.0.0.7"]));
    assert_eq!(group["futureKey"], json!({"kept": true}), "what this program does not know went back as it came");
    assert!(server.with(|state| state.log.iter().all(|line| line.ends_with("127.0.0.1"))), "Host carries no port");
}

#[tokio::test]
async fn a_wrong_secret_is_found_out() {
    let server = Server::start(None).await;
    for version in [SignVersion::V1, SignVersion::V4] {
        let wrong = Credentials::new(KEY.0, "another", None, Source::Typed).unwrap();
        let failure =
            client_with(&server, wrong, version, Duration::from_secs(10)).group(PROJECT, "web").await.unwrap_err();
        assert_eq!(kind(&failure), &ErrorKind::SignatureMismatch);
        let unknown = Credentials::new("LTAIunknownunknown", "x", None, Source::Typed).unwrap();
        let failure =
            client_with(&server, unknown, version, Duration::from_secs(10)).group(PROJECT, "web").await.unwrap_err();
        assert_eq!(kind(&failure), &ErrorKind::KeyNotFound);
        assert!(!format!("{failure} {failure:?}").contains("LTAIunknownunknown"));
    }
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_settled_by_reading_back() {
    let server = Server::start(None).await;
    let client = client(&server);
    for (fault, carried_out) in [(Fault::LoseAnswer, true), (Fault::LoseRequest, false)] {
        server.put_group("web", &["10.0.0.1"]);
        let group = client.group(PROJECT, "web").await.unwrap().answer;
        let planned = plan(&group, Edit::Add(NEW)).unwrap();
        server.with(|state| {
            state.log.clear();
            state.faults = [Fault::None, fault].into();
        });
        match write(&client, PROJECT, &planned).await {
            Ok(written) => {
                assert!(carried_out && written.lost_answer.is_some());
                assert_eq!(written.server_time, Some(NOW));
            }
            Err(NotWritten::Failed(failure)) => assert!(!carried_out && failure.may_have_been_carried_out()),
            Err(other) => panic!("{other:?}"),
        }
        let puts = server.with(|state| state.log.iter().filter(|line| line.starts_with("PUT")).count());
        assert_eq!(puts, 1, "it is never written twice");
    }
    server.put_group("web", &["10.0.0.1"]);
    let planned = plan(&client.group(PROJECT, "web").await.unwrap().answer, Edit::Add(NEW)).unwrap();
    server.with(|state| state.faults = [Fault::None, Fault::LoseAnswer, Fault::LoseRequest].into());
    assert!(write(&client, PROJECT, &planned).await.is_ok(), "reading back is tried again");
    server.put_group("web", &["10.0.0.1"]);
    let planned = plan(&client.group(PROJECT, "web").await.unwrap().answer, Edit::Add(NEW)).unwrap();
    let lost = std::iter::repeat_n(Fault::LoseRequest, 4);
    server.with(|state| state.faults = [Fault::None, Fault::LoseAnswer].into_iter().chain(lost).collect());
    assert!(matches!(write(&client, PROJECT, &planned).await, Err(NotWritten::Uncertain { write: Some(_), .. })));
}

#[tokio::test]
async fn a_write_that_the_service_failed_at_is_repeated_only_over_the_group_as_it_was() {
    let server = Server::start(None).await;
    let client = client(&server);
    let puts = || server.with(|state| state.log.iter().filter(|line| line.starts_with("PUT")).count());
    for (then, expected, after) in [
        (Fault::None, true, json!(["10.0.0.1", "10.0.0.2"])),
        (Fault::Meanwhile("10.0.0.9".into()), false, json!(["10.0.0.1", "10.0.0.9"])),
    ] {
        server.put_group("web", &["10.0.0.1"]);
        let planned = plan(&client.group(PROJECT, "web").await.unwrap().answer, Edit::Add(NEW)).unwrap();
        server.with(|state| {
            state.log.clear();
            state.faults = [Fault::None, Fault::answer(500, ""), then].into();
        });
        assert_eq!(write(&client, PROJECT, &planned).await.is_ok(), expected);
        assert_eq!(puts(), if expected { 2 } else { 1 });
        assert_eq!(server.with(|state| state.groups["web"]["machineList"].clone()), after);
    }
    server.with(|state| state.put_faults = std::iter::repeat_n(Fault::answer(500, ""), 9).collect());
    server.put_group("web", &["10.0.0.1"]);
    server.with(|state| state.log.clear());
    let planned = plan(&client.group(PROJECT, "web").await.unwrap().answer, Edit::Add(NEW)).unwrap();
    assert!(matches!(write(&client, PROJECT, &planned).await, Err(NotWritten::Failed(_))));
    assert_eq!(puts(), 4, "the tries are bounded");
}

#[tokio::test]
async fn a_group_that_moved_is_not_written() {
    let server = Server::start(None).await;
    let client = client(&server);
    server.put_group("web", &["10.0.0.1"]);
    let planned = plan(&client.group(PROJECT, "web").await.unwrap().answer, Edit::Add(NEW)).unwrap();
    server.put_group("web", &["10.0.0.1", "10.0.0.9"]);
    let Err(NotWritten::Moved { now, .. }) = write(&client, PROJECT, &planned).await else { panic!() };
    assert_eq!(now.list().unwrap(), ["10.0.0.1", "10.0.0.9"]);
    assert!(server.with(|state| state.log.iter().all(|line| !line.starts_with("PUT"))));
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let server = Server::start(None).await;
    server.put_group("web", &["10.0.0.1"]);
    let client = client(&server);
    assert_eq!(kind(&client.group(PROJECT, "absent").await.unwrap_err()), &ErrorKind::GroupNotExist);
    assert_eq!(client.locate("elsewhere").await.unwrap(), Location::NotHere);

    server.with(|state| state.read_only_key = true);
    let planned = plan(&client.group(PROJECT, "web").await.unwrap().answer, Edit::Add(NEW)).unwrap();
    let Err(NotWritten::Failed(Failure::Api(denied))) = write(&client, PROJECT, &planned).await else { panic!() };
    let ErrorKind::Denied(denial) = &denied.kind else { panic!("{denied:?}") };
    assert_eq!(denial.owner.as_deref(), Some(OWNER));
    assert!(denied.policy().unwrap().contains("log:UpdateMachineGroup"));

    server.with(|state| (state.other_account, state.token_ended) = (true, true));
    assert_eq!(kind(&client.locate(PROJECT).await.unwrap_err()), &ErrorKind::OtherAccount);
    let temporary = client_with(&server, temporary_key(), SignVersion::V1, Duration::from_secs(10));
    assert_eq!(kind(&temporary.group(PROJECT, "web").await.unwrap_err()), &ErrorKind::TokenExpired);
}

#[tokio::test]
async fn a_clock_one_hour_off_is_corrected_once() {
    let server = Server::start(None).await;
    server.put_group("web", &[]);
    for version in [SignVersion::V1, SignVersion::V4] {
        for off in [-3600, 3600] {
            server.with(|state| state.log.clear());
            let wrong =
                client_with(&server, key(), version, Duration::from_secs(10)).with_clock(Arc::new(move || NOW + off));
            wrong.group(PROJECT, "web").await.unwrap();
            assert_eq!(wrong.clock_behind(), -off);
            wrong.group(PROJECT, "web").await.unwrap();
            assert_eq!(server.with(|state| state.log.len()), 3);
        }
    }
}

#[tokio::test]
async fn trouble_of_the_server_passes_or_is_told() {
    let server = Server::start(None).await;
    server.put_group("web", &[]);
    let busy = || Fault::answer(503, r#"{"errorCode":"ServerBusy","errorMessage":"x"}"#);
    server.with(|state| state.faults = [Fault::answer(500, ""), Fault::answer(502, "<html>"), busy()].into());
    assert!(client(&server).group(PROJECT, "web").await.is_ok());
    server.with(|state| state.faults = [busy(), busy(), busy(), busy()].into());
    assert_eq!(kind(&client(&server).group(PROJECT, "web").await.unwrap_err()), &ErrorKind::ServerTrouble);

    let page = "<!DOCTYPE html><html><title>Log in</title></html>";
    for status in [200, 302, 403] {
        server.with(|state| state.faults = [Fault::answer(status, page)].into());
        assert_eq!(kind(&client(&server).group(PROJECT, "web").await.unwrap_err()), &ErrorKind::Foreign);
    }
    server.with(|state| state.faults = [Fault::Flood(9 << 20)].into());
    let failure = client(&server).group(PROJECT, "web").await.unwrap_err();
    assert!(matches!(failure, Failure::Transport(TransportError::TooLong { .. })), "{failure:?}");
    server.with(|state| state.faults = [Fault::Silence].into());
    let hasty = client_with(&server, key(), SignVersion::V1, Duration::from_millis(200));
    let failure = hasty.group(PROJECT, "web").await.unwrap_err();
    assert!(matches!(failure, Failure::Transport(TransportError::TimedOut { sent: true, .. })), "{failure:?}");
}

#[tokio::test]
async fn nobody_there_is_told_as_such() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let network = Network::new(Proxies::default(), None).unwrap();
    let at = Endpoint::overriding(&format!("http://127.0.0.1:{port}")).unwrap();
    let failure =
        Client::new(Arc::new(network), vec![at], REGION, key(), None).group(PROJECT, "web").await.unwrap_err();
    assert!(matches!(failure, Failure::Transport(TransportError::Connect { .. })), "{failure:?}");
    assert!(!failure.may_have_been_carried_out());
}

#[tokio::test]
async fn ten_thousand_machines_are_paged_and_this_one_is_found() {
    let server = Server::start(None).await;
    server.put_group("web", &[]);
    let machine = |n: usize| {
        json!({"ip": format!("10.1.{}.{}", n / 250, n % 250), "machine-uniqueid": format!("UUID-{n}"),
            "userdefined-id": "", "lastHeartbeatTime": NOW - 30})
    };
    server.with(|state| state.machines = (0..10_000).map(machine).collect());
    let reply = client(&server).machines(PROJECT, "web").await.unwrap();
    assert_eq!(reply.answer.len(), 10_000);
    assert_eq!(server.with(|state| state.log.len()), 20);
    let own = Own { ip: "10.1.39.249".into(), uuid: "uuid-9999".into(), host_id: String::new() };
    let judged = judge(&reply.answer, &own, reply.server_time.unwrap(), Some(NOW - 60));
    assert_eq!((judged.pulse, judged.by), (Pulse::Alive { age_s: 30 }, Some(Match::ThisMachine)));
}

/// A certificate for the names, its acceptor, and the file that makes a client trust it.
fn certificate(names: &[&str]) -> (tokio_rustls::TlsAcceptor, tempfile::NamedTempFile) {
    let names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
    let own = rcgen::generate_simple_self_signed(names).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), own.cert.pem()).unwrap();
    let secret = rustls_pki_types::PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], secret)
        .unwrap();
    (tokio_rustls::TlsAcceptor::from(Arc::new(config)), file)
}

fn secure_client(server: &Server, host: &str, proxies: Proxies, roots: Option<&std::path::Path>) -> Client {
    let at = Endpoint::overriding(&format!("https://{host}:{}", server.port)).unwrap();
    let network = Network::new(proxies, roots).unwrap();
    Client::new(Arc::new(network), vec![at], REGION, key(), None).with_clock(Arc::new(|| NOW))
}

#[tokio::test]
async fn https_is_trusted_by_the_given_root_and_by_no_other() {
    let (tls, roots) = certificate(&["127.0.0.1"]);
    let server = Server::start(Some(tls)).await;
    server.put_group("web", &[]);
    assert!(
        secure_client(&server, "127.0.0.1", Proxies::default(), Some(roots.path())).group(PROJECT, "web").await.is_ok()
    );
    for (host, roots, expected) in
        [("127.0.0.1", None, TlsError::UnknownIssuer), ("localhost", Some(roots.path()), TlsError::WrongName)]
    {
        let failure = secure_client(&server, host, Proxies::default(), roots).group(PROJECT, "web").await.unwrap_err();
        let Failure::Transport(TransportError::Tls { trouble, .. }) = failure else { panic!("{failure:?}") };
        assert_eq!(trouble, expected);
    }
}

#[tokio::test]
async fn a_proxy_carries_both_schemes() {
    let environment = |port: u16| {
        let at = format!("http://alice:secret@127.0.0.1:{port}");
        let pairs = [("HTTPS_PROXY", at.as_str()), ("HTTP_PROXY", at.as_str())];
        Proxies::of_environment(&pairs.map(|(name, value)| (name.to_string(), value.to_string())))
    };
    // The name does not exist: only the proxy can reach it.
    let (tls, roots) = certificate(&["sls.invalid"]);
    let server = Server::start(Some(tls)).await;
    server.put_group("web", &[]);
    let through = secure_client(&server, "sls.invalid", environment(server.port), Some(roots.path()));
    through.group(PROJECT, "web").await.unwrap();
    let (line, authorization) =
        (server.with(|state| state.log[0].clone()), server.proxy_authorization.lock().unwrap().clone());
    assert_eq!(line, format!("CONNECT sls.invalid:{} HTTP/1.1", server.port));
    assert_eq!(authorization.as_deref(), Some("Basic YWxpY2U6c2VjcmV0"));

    let plain = Server::start(None).await;
    plain.put_group("web", &[]);
    let at = Endpoint::overriding("http://sls.invalid:80").unwrap();
    let network = Network::new(environment(plain.port), None).unwrap();
    let client = Client::new(Arc::new(network), vec![at], REGION, key(), None).with_clock(Arc::new(|| NOW));
    client.group(PROJECT, "web").await.unwrap();
    assert!(plain.with(|state| state.log[0].starts_with("GET http://sls.invalid:80/machinegroups/web ")));

    let refusing = secure_client(&plain, "sls.invalid", environment(plain.port), None);
    let failure = refusing.group(PROJECT, "web").await.unwrap_err();
    assert!(matches!(failure, Failure::Transport(TransportError::Proxy { .. })), "{failure:?}");
    assert!(!format!("{failure} {failure:?}").contains("secret"));
}
