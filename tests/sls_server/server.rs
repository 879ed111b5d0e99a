//! A stand-in for the service on loopback, for the tests of the client. HTTP/1.1, one request a connection; TLS and the
//! role of a proxy when asked. What it answers is in `answers`.

use super::answers::{Reply, Request, head, reply};
pub use lab::OWNER;
pub use lab::cloud::{Fault, KEY, PROJECT, REGION, State, TEMPORARY};
use serde_json::json;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// The clock of the service: requests must be dated within 15 minutes of it.
pub const NOW: i64 = 1_767_323_045;

pub struct Server {
    pub port: u16,
    pub state: Arc<Mutex<State>>,
    /// What the last CONNECT carried.
    pub proxy_authorization: Arc<Mutex<Option<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Listens on a free port of 127.0.0.1.
    pub async fn start(tls: Option<TlsAcceptor>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State::default()));
        let proxy_authorization = Arc::default();
        let (shared, carried) = (Arc::clone(&state), Arc::clone(&proxy_authorization));
        let task = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                tokio::spawn(connection(stream, tls.clone(), shared.clone(), Arc::clone(&carried)));
            }
        });
        Server { port, state, proxy_authorization, task }
    }

    pub fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap())
    }

    pub fn put_group(&self, name: &str, list: &[&str]) {
        let group = json!({"groupName": name, "groupType": "", "groupAttribute": {"groupTopic": "t", "externalName": ""},
            "machineIdentifyType": "ip", "machineList": list, "futureKey": {"kept": true},
            "createTime": NOW - 1000, "lastModifyTime": NOW - 1000});
        self.with(|state| state.groups.insert(name.to_string(), group));
    }
}

async fn connection(
    mut stream: TcpStream,
    tls: Option<TlsAcceptor>,
    state: Arc<Mutex<State>>,
    carried: Arc<Mutex<Option<String>>>,
) {
    let Some(tls) = tls else {
        serve(stream, state).await;
        return;
    };
    let mut first = [0u8; 1];
    if stream.peek(&mut first).await.is_err() {
        return;
    }
    // A client that speaks to a proxy begins with CONNECT, any other with a TLS record.
    if first == *b"C" {
        let Some((line, headers)) = read_head(&mut stream).await else { return };
        let authorization =
            headers.iter().find(|(name, _)| name == "proxy-authorization").map(|(_, value)| value.clone());
        state.lock().unwrap().log.push(line);
        *carried.lock().unwrap() = authorization;
        if stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.is_err() {
            return;
        }
    }
    if let Ok(secured) = tls.accept(stream).await {
        serve(secured, state).await;
    }
}

/// Reads the first line and the headers, names in lower case.
async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> Option<(String, Vec<(String, String)>)> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(stream.read_u8().await.ok()?);
    }
    let text = String::from_utf8(bytes).ok()?;
    let mut lines = text.lines();
    let first = lines.next()?.to_string();
    let headers = lines.filter_map(|line| line.split_once(':'));
    Some((first, headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_string())).collect()))
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, state: Arc<Mutex<State>>) {
    let Some((line, headers)) = read_head(&mut stream).await else { return };
    let mut request = Request::of(&line, headers);
    request.body = vec![0; request.header("content-length").parse().unwrap_or(0)];
    if stream.read_exact(&mut request.body).await.is_err() {
        return;
    }
    let replied = reply(&request, &mut state.lock().unwrap(), NOW);
    let (status, body) = match replied {
        Reply::Answer(status, body) => (status, body),
        Reply::Close => return,
        Reply::Silence => return std::future::pending().await,
    };
    let head = head(status, NOW, body.len());
    if stream.write_all(head.as_bytes()).await.is_ok() && stream.write_all(body.as_bytes()).await.is_ok() {
        stream.shutdown().await.ok();
    }
}
