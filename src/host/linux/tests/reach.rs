//! Probes against listeners on the loopback that behave like the service, a firewall, an intercepting proxy.

use super::super::http::Client;
use super::super::reach::reach;
use super::{AMPLE, host};
use crate::core::observe::{Answer, ConnectError, NameError, Question, ReachSeen, Target, TlsError, Unavailable};
use crate::host::Host;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// What the service answers to a plain `GET /`.
const SERVICE: &str = "HTTP/1.1 405 Method Not Allowed\r\nServer: AliyunSLS\r\nDate: Sun, 22 Nov 2026 05:40:00 GMT\r\n\
    x-log-requestid: 65A9\r\nX-Other: no\r\nContent-Length: 36\r\n\r\n{\"errorCode\":\"OLSInvalidMethod\",\"x\":1}";

fn target(port: u16) -> Target {
    Target { tls: false, host: "127.0.0.1".into(), port, path: "/".into(), proxy: None }
}

async fn probe(target: Target, limit: Duration) -> ReachSeen {
    match host(limit).observe(Question::Reach(target)).await {
        Answer::Reach(seen) => seen,
        other => panic!("not a probe's answer: {other:?}"),
    }
}

/// Reads one head, answers, and keeps the head.
async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, text: &str) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    stream.write_all(text.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    String::from_utf8(head).unwrap()
}

/// A listener that answers one request; its port, and the request's head.
async fn listener(text: String) -> (u16, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move { answer(listener.accept().await.unwrap().0, &text).await });
    (port, task)
}

#[tokio::test]
async fn the_service_is_recognised() {
    let (port, asked) = listener(SERVICE.into()).await;
    let seen = probe(target(port), AMPLE).await;
    assert_eq!(seen.resolved, Some(Ok(vec![LOOPBACK])));
    assert!(matches!(seen.connected, Some(Ok((LOOPBACK, _)))));
    let http = seen.http.unwrap().unwrap();
    assert_eq!((http.status, http.header("server"), http.header("x-other")), (405, Some("AliyunSLS"), None));
    assert!(http.body.contains("OLSInvalidMethod") && http.received_ms > 0 && seen.tls.is_none());
    let asked = asked.await.unwrap().to_ascii_lowercase();
    assert!(asked.starts_with("get / http/1.1\r\n") && asked.contains(&format!("host: 127.0.0.1:{port}\r\n")));
    assert!(asked.contains("user-agent: logtail-doctor/"));
}

#[tokio::test]
async fn redirects_are_not_followed_and_bodies_are_cut() {
    let body = "x".repeat(100_000);
    let text = format!("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 100000\r\n\r\n{body}");
    let (port, _asked) = listener(text).await;
    let http = probe(target(port), AMPLE).await.http.unwrap().unwrap();
    assert_eq!((http.status, http.body.len()), (302, 2048));
    assert_eq!(http.header("location"), Some("http://127.0.0.1:1/"));
}

#[tokio::test]
async fn earlier_stages_survive_a_listener_that_says_nothing_or_nonsense() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let seen = probe(target(port), Duration::from_secs(1)).await;
    assert!(matches!(seen.connected, Some(Ok((LOOPBACK, _)))));
    assert_eq!(seen.http, Some(Err(Unavailable::TimedOut)));
    let seen = probe(Target { tls: true, ..target(port) }, Duration::from_secs(1)).await;
    assert!(matches!(seen.connected, Some(Ok(_))));
    assert!(matches!(seen.tls, Some(Err(TlsError::Broken(_)))) && seen.http.is_none());
    for nonsense in ["SSH-2.0-OpenSSH_9\r\n", ""] {
        let (port, _asked) = listener(nonsense.into()).await;
        assert!(matches!(probe(target(port), AMPLE).await.http, Some(Err(Unavailable::Other(_)))));
    }
    let (port, _asked) = listener("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart".into()).await;
    assert_eq!(probe(target(port), AMPLE).await.http.unwrap().unwrap().body, "part");
}

#[tokio::test]
async fn a_closed_port_refuses_and_a_name_that_cannot_exist_does_not_resolve() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let seen = probe(target(port), AMPLE).await;
    assert_eq!(seen.connected, Some(Err(ConnectError::Refused(LOOPBACK))));
    assert!(seen.http.is_none());
    let seen = probe(Target { host: "a..b".into(), ..target(port) }, AMPLE).await;
    assert_eq!(seen.resolved, Some(Err(NameError::NoSuchName)));
    assert!(seen.connected.is_none());
}

#[tokio::test]
async fn a_path_that_is_none_is_an_answer_too() {
    let (port, _asked) = listener(SERVICE.into()).await;
    let seen = probe(Target { path: "no path\n".into(), ..target(port) }, AMPLE).await;
    assert!(matches!(seen.http, Some(Err(Unavailable::Other(_)))));
}

#[tokio::test]
async fn a_proxy_is_asked_for_the_whole_address_or_a_tunnel() {
    let (port, asked) = listener(SERVICE.into()).await;
    let proxy = Some(format!("http://***@127.0.0.1:{port}"));
    let far = Target { host: "log.example".into(), port: 80, proxy, ..target(0) };
    let seen = probe(far.clone(), AMPLE).await;
    assert_eq!(seen.http.unwrap().unwrap().status, 405);
    let asked = asked.await.unwrap().to_ascii_lowercase();
    assert!(asked.starts_with("get http://log.example/ http/1.1\r\n") && asked.contains("host: log.example\r\n"));

    let (port, asked) = listener("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n".into()).await;
    let proxy = Some(format!("http://127.0.0.1:{port}"));
    let seen = probe(Target { tls: true, port: 443, proxy, ..far.clone() }, AMPLE).await;
    let refused = ConnectError::Other(LOOPBACK, "the proxy answered 407".into());
    assert_eq!(seen.connected, Some(Err(refused)));
    assert!(asked.await.unwrap().starts_with("CONNECT log.example:443 HTTP/1.1\r\n"));

    let seen = probe(Target { proxy: Some("socks5://127.0.0.1:1".into()), ..far }, AMPLE).await;
    assert!(matches!(seen.connected, Some(Err(ConnectError::Other(..)))));
}

/// A certificate authority, and a server certificate of it for `127.0.0.1` or another name, valid in these years.
fn certificate(name: &str, from: i32, to: i32) -> (String, CertificateDer<'static>, PrivateKeyDer<'static>) {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_string()]).unwrap();
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(to, 1, 1);
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    (issuer.pem(), certificate.der().clone(), key)
}

/// Probes a TLS listener with such a certificate, trusting its authority or not; through a proxy or not.
async fn tls_probe(name: &str, from: i32, to: i32, trusted: bool, tunnelled: bool) -> ReachSeen {
    let (pem, certificate, key) = certificate(name, from, to);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(async move {
        let mut tcp = listener.accept().await.unwrap().0;
        if tunnelled {
            answer(&mut tcp, "HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n").await;
        }
        if let Ok(stream) = TlsAcceptor::from(Arc::new(config)).accept(tcp).await {
            answer(stream, SERVICE).await;
        }
    });
    let place = tempfile::tempdir().unwrap();
    let roots: PathBuf = place.path().join("roots.pem");
    std::fs::write(&roots, format!("noise\n{pem}")).unwrap();
    let client = Client::new(AMPLE, trusted.then_some(roots));
    let proxy = tunnelled.then(|| format!("http://127.0.0.1:{port}"));
    let seen =
        reach(&client, Target { tls: true, proxy, ..target(port) }, Instant::now(), Instant::now() + AMPLE).await;
    serving.await.unwrap();
    seen
}

#[tokio::test]
async fn a_trusted_certificate_leads_to_an_answer_directly_and_through_a_tunnel() {
    for tunnelled in [false, true] {
        let seen = tls_probe("127.0.0.1", 2000, 2200, true, tunnelled).await;
        assert_eq!(seen.tls.unwrap().unwrap().version, "TLSv1_3");
        assert_eq!(seen.http.unwrap().unwrap().status, 405);
    }
}

#[tokio::test]
async fn a_certificate_that_does_not_fit_says_how() {
    for (name, from, to, trusted, trouble) in [
        ("127.0.0.1", 2000, 2200, false, TlsError::UnknownIssuer),
        ("other.example", 2000, 2200, true, TlsError::WrongName),
        ("127.0.0.1", 2000, 2001, true, TlsError::Expired),
        ("127.0.0.1", 2199, 2200, true, TlsError::NotYetValid),
    ] {
        let seen = tls_probe(name, from, to, trusted, false).await;
        assert_eq!(seen.tls, Some(Err(trouble)));
        assert_eq!(seen.issuer, Some("rcgen self signed cert".into()), "who signed is told whatever the trouble");
        assert!(matches!(seen.connected, Some(Ok(_))) && seen.http.is_none());
    }
}

#[tokio::test]
async fn plain_text_on_the_tls_port_is_broken_tls() {
    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = plain.local_addr().unwrap().port();
    let serving = tokio::spawn(async move {
        let mut tcp = plain.accept().await.unwrap().0;
        tcp.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    });
    let seen = probe(Target { tls: true, ..target(port) }, AMPLE).await;
    assert!(matches!(seen.tls, Some(Err(TlsError::Broken(_)))));
    serving.await.unwrap();
}
