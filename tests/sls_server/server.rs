//! A stand-in for the service on loopback: it checks signatures, dates and body hashes, keeps machine groups, and
//! misbehaves on request. HTTP/1.1, one request a connection; TLS and the role of a proxy when asked.

use logtail_doctor::sls::Secret;
use logtail_doctor::sls::sign;
use md5::Md5;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// The clock of the service: requests must be dated within 15 minutes of it.
pub const NOW: i64 = 1_767_323_045;
pub const REGION: &str = "cn-hangzhou";
pub const PROJECT: &str = "my-project";
pub const OWNER: &str = "1654218965343050";
pub const KEY: (&str, &str) = ("LTAIabcdefghijkl", "s3cr3tOfTheTestKey");
pub const TEMPORARY: (&str, &str, &str) = ("STS.NTabcdefghijkl", "s3cr3tOfTheTemporaryKey", "t0k3n/+=AAAA");

/// How the next request is mistreated.
#[derive(Debug, Clone)]
pub enum Fault {
    /// This answer, without carrying anything out.
    Answer(u16, &'static str),
    /// Carry it out, then close the connection without an answer.
    LoseAnswer,
    /// Close without carrying it out.
    LoseRequest,
    /// Never answer.
    Silence,
    /// Answer with a body of so many bytes.
    Flood(usize),
    /// Behave.
    None,
}

/// What the service knows and what it was asked.
#[derive(Default)]
pub struct State {
    pub groups: BTreeMap<String, Value>,
    pub machines: Vec<Value>,
    /// Machines whose heartbeat begins once a group has been written.
    pub after_put: Vec<Value>,
    /// Used up one a request, in order.
    pub faults: VecDeque<Fault>,
    /// Every request line, with the Host header.
    pub log: Vec<String>,
    /// The project belongs to another account.
    pub other_account: bool,
    /// The key's token has ended.
    pub token_ended: bool,
    /// RAM refuses writes.
    pub read_only_key: bool,
    /// RAM refuses UpdateMachineGroupMachine, which it grants on all resources only.
    pub no_append: bool,
    /// What the last CONNECT carried.
    pub last_proxy_authorization: Option<String>,
}

pub struct Server {
    pub port: u16,
    pub state: Arc<Mutex<State>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Request {
    method: String,
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

type Answer = (u16, Value);

fn error(status: u16, code: &str, message: &str) -> Answer {
    (status, json!({"errorCode": code, "errorMessage": message}))
}

impl Server {
    /// Listens on a free port of 127.0.0.1.
    pub async fn start(tls: Option<TlsAcceptor>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        let task = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                tokio::spawn(connection(stream, tls.clone(), shared.clone()));
            }
        });
        Server { port, state, task }
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

async fn connection(mut stream: TcpStream, tls: Option<TlsAcceptor>, state: Arc<Mutex<State>>) {
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
        let Some((line, headers)) = head(&mut stream).await else { return };
        let authorization =
            headers.iter().find(|(name, _)| name == "proxy-authorization").map(|(_, value)| value.clone());
        {
            let mut known = state.lock().unwrap();
            known.log.push(line);
            known.last_proxy_authorization = authorization;
        }
        if stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.is_err() {
            return;
        }
    }
    if let Ok(secured) = tls.accept(stream).await {
        serve(secured, state).await;
    }
}

/// Reads the first line and the headers, names in lower case.
async fn head(stream: &mut (impl AsyncRead + Unpin)) -> Option<(String, Vec<(String, String)>)> {
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
    let Some((line, headers)) = head(&mut stream).await else { return };
    let mut words = line.split(' ');
    let (method, uri) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    // A proxy is given the whole address.
    let uri = match uri.strip_prefix("http://") {
        Some(rest) => rest.split_once('/').map(|(_, path)| format!("/{path}")).unwrap_or_default(),
        None => uri.to_string(),
    };
    let (path, query) = uri.split_once('?').unwrap_or((&uri, ""));
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let query =
        pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).map(|(n, v)| (decode(n), decode(v))).collect();
    let mut request = Request { method: method.into(), path: path.into(), query, headers, body: Vec::new() };
    let length: usize = request.header("content-length").parse().unwrap_or(0);
    request.body = vec![0; length];
    if stream.read_exact(&mut request.body).await.is_err() {
        return;
    }
    let fault = {
        let mut state = state.lock().unwrap();
        state.log.push(format!("{line} {}", request.header("host")));
        state.faults.pop_front().unwrap_or(Fault::None)
    };
    let (status, body) = match fault {
        Fault::Answer(status, body) => (status, body.to_string()),
        Fault::LoseRequest => return,
        Fault::Silence => {
            std::future::pending::<()>().await;
            return;
        }
        Fault::Flood(bytes) => (200, "x".repeat(bytes)),
        Fault::LoseAnswer => {
            answer(&request, &mut state.lock().unwrap());
            return;
        }
        Fault::None => {
            let (status, value) = answer(&request, &mut state.lock().unwrap());
            (status, if value.is_null() { String::new() } else { value.to_string() })
        }
    };
    let head = format!(
        "HTTP/1.1 {status} X\r\nServer: AliyunSLS\r\nx-log-requestid: 5F1A2B\r\nx-log-time: {NOW}\r\nDate: {}\r\nContent-Length: {}\r\n\r\n",
        sign::http_date(NOW),
        body.len()
    );
    if stream.write_all(head.as_bytes()).await.is_ok() && stream.write_all(body.as_bytes()).await.is_ok() {
        stream.shutdown().await.ok();
    }
}

fn decode(text: &str) -> String {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        if byte == b'%' {
            out.push(u8::from_str_radix(std::str::from_utf8(&after[..2]).unwrap(), 16).unwrap());
            rest = &after[2..];
        } else {
            out.push(if byte == b'+' { b' ' } else { byte });
            rest = after;
        }
    }
    String::from_utf8(out).unwrap()
}

/// The answer of the service to a request, after all checks; a null body is an empty one.
fn answer(request: &Request, state: &mut State) -> Answer {
    if let Err(refusal) = check(request, state) {
        return refusal;
    }
    if request.path == "/regions" {
        return (200, json!({"regions": [{"region": REGION, "internetEndpoint": "cn-hangzhou.log.aliyuncs.com"}]}));
    }
    let project = request.header("host").split('.').next().unwrap_or_default();
    if project != PROJECT {
        return error(404, "ProjectNotExist", &format!("The Project does not exist : {project}"));
    }
    if state.other_account {
        return error(401, "Unauthorized", "The project does not belong to you.");
    }
    let parts: Vec<&str> = request.path.trim_matches('/').split('/').collect();
    let number = |name: &str, usual: usize| {
        request.query.iter().find(|(known, _)| known == name).and_then(|(_, value)| value.parse().ok()).unwrap_or(usual)
    };
    let page = |all: &[Value], name: &str| {
        let size = number("size", 100).min(500);
        let items: Vec<Value> = all.iter().skip(number("offset", 0)).take(size).cloned().collect();
        (200, json!({"count": items.len(), "total": all.len(), name: items}))
    };
    match (request.method.as_str(), parts.as_slice()) {
        ("GET", [""]) => (200, json!({"projectName": project, "region": REGION, "owner": OWNER, "status": "Normal"})),
        ("GET", ["machinegroups"]) => {
            page(&state.groups.keys().map(|name| json!(name)).collect::<Vec<_>>(), "machinegroups")
        }
        ("POST", ["machinegroups"]) => match serde_json::from_slice::<Value>(&request.body) {
            Ok(new) if state.groups.contains_key(new["groupName"].as_str().unwrap_or_default()) => {
                error(400, "MachineGroupAlreadyExist", "group already exists.")
            }
            Ok(mut new) if new["machineList"].is_array() => {
                new["lastModifyTime"] = json!(NOW);
                state.groups.insert(new["groupName"].as_str().unwrap_or_default().to_string(), new);
                state.machines.append(&mut state.after_put);
                (200, Value::Null)
            }
            _ => error(400, "InvalidParameter", "invalid group resource json"),
        },
        ("DELETE", ["machinegroups", name]) => match state.groups.remove(*name) {
            Some(_) => (200, Value::Null),
            None => error(404, "MachineGroupNotExist", &format!("MachineGroup {name} does not exist.")),
        },
        (method, ["machinegroups", name, rest @ ..]) => {
            let Some(group) = state.groups.get_mut(*name) else {
                return error(404, "MachineGroupNotExist", &format!("MachineGroup {name} does not exist."));
            };
            match (method, rest) {
                ("GET", []) => (200, group.clone()),
                ("PUT", []) if state.read_only_key => {
                    let what = format!("acs:log:{REGION}:{OWNER}:project/{PROJECT}/machinegroup/{name}");
                    error(
                        401,
                        "Unauthorized",
                        &format!("denied by sts or ram, action: log:UpdateMachineGroup, resource: {what}"),
                    )
                }
                ("PUT", []) => match serde_json::from_slice::<Value>(&request.body) {
                    Ok(new) if new["machineList"].is_array() && new["groupName"] == *name => {
                        *group = new;
                        group["lastModifyTime"] = json!(NOW);
                        state.machines.append(&mut state.after_put);
                        (200, Value::Null)
                    }
                    _ => error(400, "InvalidParameter", "invalid group resource json"),
                },
                ("GET", ["machines"]) => page(&state.machines, "machines"),
                ("PUT", ["machines"]) if state.read_only_key || state.no_append => error(
                    401,
                    "Unauthorized",
                    "denied by sts or ram, action: log:UpdateMachineGroupMachine, resource: *",
                ),
                ("PUT", ["machines"]) => {
                    group["lastModifyTime"] = json!(NOW);
                    state.machines.append(&mut state.after_put);
                    let ids: Vec<Value> = serde_json::from_slice(&request.body).unwrap_or_default();
                    group["machineList"].as_array_mut().unwrap().extend(ids);
                    (200, json!({}))
                }
                // Only the groups that a test put there were created at a time; a new one has no configuration yet.
                ("GET", ["configs"]) if group["createTime"].is_null() => (200, json!({"count": 0, "configs": []})),
                ("GET", ["configs"]) => (200, json!({"count": 1, "configs": ["access-log"]})),
                _ => error(405, "InvalidMethod", &format!("invalid request method : {}", request.path)),
            }
        }
        _ => error(405, "InvalidMethod", &format!("invalid request method : {}", request.path)),
    }
}

/// Key, token, date, body hash and signature.
fn check(request: &Request, state: &State) -> Result<(), Answer> {
    let authorization = request.header("authorization");
    let v4 = authorization.strip_prefix("SLS4-HMAC-SHA256 Credential=");
    let id = match v4 {
        Some(rest) => rest.split('/').next().unwrap_or_default(),
        None => authorization.strip_prefix("LOG ").and_then(|rest| rest.split(':').next()).unwrap_or_default(),
    };
    let (secret, token) = match id {
        id if id == KEY.0 => (KEY.1, ""),
        id if id == TEMPORARY.0 => (TEMPORARY.1, TEMPORARY.2),
        _ => return Err(error(401, "Unauthorized", &format!("AccessKeyId not found: {id}"))),
    };
    if request.header("x-acs-security-token") != token {
        return Err(error(401, "Unauthorized", "The security token you provided is invalid."));
    }
    if !token.is_empty() && state.token_ended {
        return Err(error(401, "Unauthorized", "The security token you provided has expired."));
    }
    if request.header("x-log-apiversion") != "0.6.0"
        || request.header("x-log-bodyrawsize") != request.body.len().to_string()
    {
        return Err(error(400, "MissingBodyRawSize", ""));
    }
    let secret = Secret::new(secret);
    let (method, path) = (request.method.as_str(), request.path.as_str());
    let (dated, hash, signed) = match v4 {
        Some(_) => {
            let date = request.header("x-log-date");
            let dated = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", date)
                .and_then(|time| time.to_zoned(jiff::tz::TimeZone::UTC))
                .map(|time| time.timestamp().as_second());
            let hash: String = Sha256::digest(&request.body).iter().map(|byte| format!("{byte:02x}")).collect();
            let canonical = sign::canonical_request_v4(method, path, &request.query, &request.headers);
            let text = sign::string_to_sign_v4(date, REGION, &canonical);
            let signature = sign::signature_v4(&secret, date, REGION, &text);
            let expected = format!(
                "SLS4-HMAC-SHA256 Credential={id}/{}/{REGION}/sls/aliyun_v4_request,Signature={signature}",
                &date[..8]
            );
            (dated.ok(), hash == request.header("x-log-content-sha256"), expected)
        }
        None => {
            let date = httpdate::parse_http_date(request.header("date")).ok();
            let dated =
                date.and_then(|date| date.duration_since(std::time::UNIX_EPOCH).ok()).map(|at| at.as_secs() as i64);
            let hash: String = Md5::digest(&request.body).iter().map(|byte| format!("{byte:02X}")).collect();
            let fits = request.body.is_empty() || hash == request.header("content-md5");
            let text = sign::string_to_sign_v1(method, path, &request.query, &request.headers);
            (dated, fits, format!("LOG {id}:{}", sign::signature_v1(&secret, &text)))
        }
    };
    match dated {
        None => return Err(error(400, "InvalidDateFormat", "")),
        Some(date) if (date - NOW).abs() > 900 => {
            let message = format!("Request time {date} has been expired while server time is {NOW}.");
            return Err(error(400, "RequestTimeExpired", &message));
        }
        Some(_) => {}
    }
    if !hash || signed != authorization {
        return Err(error(401, "SignatureNotMatch", &format!("signature {authorization} not match")));
    }
    Ok(())
}
