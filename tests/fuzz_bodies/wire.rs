//! What comes over a wire: answers of servers and proxies, keys from a terminal, output of a command, and the plan that
//! one process of this program hands to another.

use super::parts;
use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use logtail_doctor::carry_out::helper::Request;
use logtail_doctor::core::journal::{Applied, Progress, can_be_undone};
use logtail_doctor::core::remedies::{self, Plan};
use logtail_doctor::core::service::proxy::Proxy;
use logtail_doctor::core::service::{HttpRequest, TransportError, message};
use logtail_doctor::core::text::{Lang, printable};
use logtail_doctor::host::readers;
use logtail_doctor::sls::transport::{converse, tunnel};
use logtail_doctor::ui::Input;
use logtail_doctor::ui::escape::EscapeFilter;
use std::future::Future;
use std::time::{Duration, Instant};
use tokio::io::{AsyncWriteExt, DuplexStream};

/// A connection at whose other end these bytes were sent, and nothing more will come; the second half keeps it open.
async fn connection(bytes: &[u8]) -> (DuplexStream, DuplexStream) {
    let (near, mut far) = tokio::io::duplex(bytes.len() + (64 << 10));
    far.write_all(bytes).await.expect("there is room");
    far.shutdown().await.expect("a pipe in memory");
    (near, far)
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(work)
}

/// What a server answers: both readers agree on it, and nothing in it is without bounds.
pub fn http(data: &[u8]) {
    const LIMIT: usize = 2 << 10;
    let request = HttpRequest {
        method: "GET",
        tls: false,
        host: "log.invalid".into(),
        port: 80,
        target: "/".into(),
        headers: vec![("Host".into(), "log.invalid".into())],
        body: vec![],
        direct: true,
        limits: message::Limits::API,
    };
    wait(async {
        let (near, _far) = connection(data).await;
        let probed = readers::http_answer(near, LIMIT).await;
        if let Ok((status, headers, body)) = &probed {
            assert!((200..1000).contains(status) && body.len() <= LIMIT);
            assert!(headers.iter().all(|(name, value)| *name == name.to_ascii_lowercase() && value.len() <= 3 << 10));
        }
        let (near, _far) = connection(data).await;
        match converse(Box::new(near), request, None).await {
            Ok(whole) => {
                let (status, _, body) = probed.expect("the other reader reads it too");
                assert_eq!(status, whole.status);
                assert_eq!(body, whole.body.get(..LIMIT).unwrap_or(&whole.body));
            }
            Err(error) => assert!(matches!(error, TransportError::Broken { sent: true, .. }), "{error}"),
        }
        let (near, _far) = connection(data).await;
        let status = readers::tunnel_status(near).await;
        let (near, _far) = connection(data).await;
        let proxy = Proxy { host: "proxy".into(), port: 3128, authorization: None };
        match tunnel(near, &proxy, "log.invalid:443").await {
            Ok(_) => assert!(data.windows(4).any(|window| window == b"\r\n\r\n")),
            Err(error) => assert!(error.to_string().chars().count() < 300, "{error}"),
        }
        assert!(status.is_none() || data.starts_with(b"HTTP/") || String::from_utf8_lossy(data).contains("HTTP/"));
    });
}

/// A command's output in pieces: no byte of its text is lost, no line is without bounds, and none drives a terminal.
pub fn live(data: &[u8]) {
    let (out, err) = parts(data);
    for size in [1, 3, 4096] {
        let pieces = out.chunks(size).map(|piece| (false, piece)).chain(err.chunks(size).map(|piece| (true, piece)));
        let lines = readers::live_lines(pieces);
        for (is_error, bytes) in [(false, out), (true, err)] {
            let of: Vec<&str> =
                lines.iter().filter(|line| line.is_error == is_error).map(|line| line.text.as_str()).collect();
            assert!(of.iter().all(|line| line.len() <= 3 * (8 << 10) && !line.contains('\n')));
            if bytes.is_ascii() && !bytes.contains(&b'\r') {
                let kept: String = String::from_utf8_lossy(bytes).replace('\n', "");
                assert_eq!(of.concat(), kept);
            }
            assert!(of.iter().all(|line| !printable(line).chars().any(char::is_control)));
        }
    }
}

/// Keys, torn apart at any place: the first byte's bits say after which of them the terminal pauses. Nothing is held
/// for ever, and what holds no escape comes as it was typed.
pub fn escape(data: &[u8]) {
    let Some((&pauses, typed)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(typed);
    let key = |c: char| match c {
        '\x1b' => KeyCode::Esc,
        '\r' | '\n' => KeyCode::Enter,
        '\t' => KeyCode::Tab,
        c => KeyCode::Char(c),
    };
    for over_ssh in [false, true] {
        let mut filter = EscapeFilter::new(over_ssh);
        let mut now = Instant::now();
        let mut came = Vec::new();
        for (at, c) in text.chars().enumerate() {
            let event = match c {
                '\0' => Event::Resize(80, 24),
                '\x01' => Event::Paste(text.to_string()),
                c => Event::Key(KeyEvent::new(key(c), KeyModifiers::NONE)),
            };
            filter.feed(event, now);
            now += Duration::from_millis(if pauses & (1 << (at % 8)) != 0 { 200 } else { 1 });
            came.extend(std::iter::from_fn(|| filter.pop()));
        }
        if let Some(deadline) = filter.deadline() {
            assert!(deadline <= now + Duration::from_millis(100));
        }
        filter.expire(now + Duration::from_secs(1));
        came.extend(std::iter::from_fn(|| filter.pop()));
        assert!(filter.deadline().is_none() && filter.pop().is_none());
        assert!(came.len() <= text.chars().count());
        if !text.contains(['\x1b', '\0', '\x01']) {
            let typed: Vec<Input> =
                text.chars().map(|c| Input::Key(KeyEvent::new(key(c), KeyModifiers::NONE))).collect();
            assert_eq!(came, typed);
        }
    }
}

/// The plan for a process that sudo starts, and what it says while it works: what reads is written again as it is, and
/// can be shown.
pub fn helper(data: &[u8]) {
    if let Ok(request) = serde_json::from_slice::<Request>(data) {
        let written = serde_json::to_value(&request).expect("plain data");
        let again: Request = serde_json::from_value(written.clone()).expect("it was just written");
        assert_eq!(serde_json::to_value(&again).expect("plain data"), written);
        if let Some(helper) = written.get("carry-out") {
            let plan: Plan = serde_json::from_value(helper["plan"].clone()).expect("an helper has a plan");
            for lang in [Lang::En, Lang::Zh] {
                for line in remedies::preview(&plan, true, lang) {
                    assert_eq!(printable(&line.text), line.text);
                }
            }
            can_be_undone(&plan);
        }
    }
    for line in data.split(|byte| *byte == b'\n') {
        if let Ok(progress) = serde_json::from_slice::<Progress>(line) {
            assert!(serde_json::to_vec(&progress).is_ok());
        }
        if let Ok(applied) = serde_json::from_slice::<Applied>(line) {
            let written = serde_json::to_vec(&applied).expect("plain data");
            assert_eq!(serde_json::from_slice::<Applied>(&written).expect("it was just written"), applied);
        }
    }
}
