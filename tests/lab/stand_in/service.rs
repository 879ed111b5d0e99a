//! The service side on ports 80 and 443: answers as SLS does to a request that it does not know, takes heartbeats and
//! judges them by the machine group, and is the ECS metadata service on its address.

use crate::answers::{self, Reply};
use crate::api;
use crate::authority::Authority;
use lab::plan::{self, Beat, Group, Heartbeat, Service};
use rustls::{ServerConnection, StreamOwned};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Listens on every address of the service side.
pub fn serve(lab: &Path, authority: &Arc<Authority>) -> io::Result<()> {
    let tls = Arc::new(authority.server(lab.join("service.json"))?);
    for port in [80, 443] {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))?;
        let (lab, tls) = (lab.to_path_buf(), Arc::clone(&tls));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (lab, tls) = (lab.clone(), Arc::clone(&tls));
                // A client that goes away in the middle is no news.
                std::thread::spawn(
                    move || if port == 443 { encrypted(&lab, tls, stream) } else { plain(&lab, stream) },
                );
            }
        });
    }
    Ok(())
}

fn plain(lab: &Path, stream: TcpStream) -> io::Result<()> {
    let at = stream.local_addr()?;
    converse(lab, at, stream)
}

fn encrypted(lab: &Path, tls: Arc<rustls::ServerConfig>, stream: TcpStream) -> io::Result<()> {
    let at = stream.local_addr()?;
    let mut stream = StreamOwned::new(ServerConnection::new(tls).map_err(io::Error::other)?, stream);
    converse(lab, at, &mut stream)?;
    stream.conn.send_close_notify();
    stream.flush()
}

struct Request {
    /// The first line.
    line: String,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    method: String,
    path: String,
    host: String,
    body: Vec<u8>,
}

fn converse(lab: &Path, at: SocketAddr, mut stream: impl Read + Write) -> io::Result<()> {
    let request = read_request(&mut stream)?;
    let service: Service = plan::read(&lab.join("service.json"))?;
    let is_signed = request.headers.iter().any(|(name, _)| name == "authorization");
    let answer = match at.ip() == plan::METADATA {
        true => metadata(&service, &request),
        // Only the API's requests are signed; the agent's and the probes are not.
        false if is_signed && !service.is_foreign(&request.host) => match signed(lab, &service, request)? {
            Some(answer) => answer,
            None => return stream.read_to_end(&mut Vec::new()).map(|_| ()),
        },
        false => public(lab, &service, &request)?,
    };
    stream.write_all(answer.as_bytes())?;
    stream.flush()
}

fn read_request(stream: &mut impl Read) -> io::Result<Request> {
    let mut lines = BufReader::new(stream.take(1 << 20));
    let mut line = String::new();
    lines.read_line(&mut line)?;
    let mut words = line.split_whitespace().map(str::to_string);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (line, headers) = (line.trim_end().to_string(), Vec::new());
    let mut request = Request { line, headers, method, path, host: String::new(), body: Vec::new() };
    let mut length = 0;
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        let (key, value) = line.split_once(':').unwrap_or_default();
        match key.to_ascii_lowercase().as_str() {
            "host" => request.host = value.trim().split(':').next().unwrap_or_default().to_string(),
            "content-length" => length = value.trim().parse().unwrap_or(0),
            _ => {}
        }
        request.headers.push((key.to_ascii_lowercase(), value.trim().to_string()));
    }
    request.body.resize(length, 0);
    lines.read_exact(&mut request.body)?;
    Ok(request)
}

/// The API's answer to a signed request, empty for none at all; None when the connection is to stay open without one.
fn signed(lab: &Path, service: &Service, request: Request) -> io::Result<Option<String>> {
    let offset = service.clock_offset();
    let now = i64::try_from(since_1970().as_secs()).unwrap_or(0) + offset;
    let mut asked = answers::Request::of(&request.line, request.headers);
    asked.body = request.body;
    Ok(match api::carry_out(lab, &asked, now, offset)? {
        Reply::Answer(status, body) => Some(answers::head(status, now, body.len()) + &body),
        Reply::Close => Some(String::new()),
        Reply::Silence => None,
    })
}

/// One answer; the connection is closed after it.
fn http(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}", body.len())
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

fn metadata(service: &Service, request: &Request) -> String {
    let ecs = &service.ecs;
    let body = match (request.method.as_str(), request.path.trim_end_matches('/')) {
        ("PUT", "/latest/api/token") => "laboratory-token".to_string(),
        ("GET", "/latest/meta-data/owner-account-id") => ecs.owner.clone(),
        ("GET", "/latest/meta-data/region-id") => ecs.region.clone(),
        ("GET", "/latest/meta-data/instance-id") => ecs.instance.clone(),
        ("GET", "/latest/dynamic/instance-identity/document") => serde_json::json!({
            "instance-id": ecs.instance, "owner-account-id": ecs.owner, "region-id": ecs.region,
            "zone-id": format!("{}-b", ecs.region),
        })
        .to_string(),
        _ => return http("404 Not Found", "Content-Type: text/html\r\n", "404 - Not Found"),
    };
    http("200 OK", "Content-Type: text/plain\r\n", &body)
}

fn public(lab: &Path, service: &Service, request: &Request) -> io::Result<String> {
    if service.is_foreign(&request.host) {
        let page =
            "<html><head><title>Network sign-in</title></head><body>Please sign in to use this network.</body></html>";
        return Ok(http("200 OK", "Content-Type: text/html\r\nServer: nginx\r\n", page));
    }
    let now = i64::try_from(since_1970().as_secs()).unwrap_or(0) + service.clock_offset();
    let date = jiff::Timestamp::from_second(now).map_err(io::Error::other)?.strftime("%a, %d %b %Y %H:%M:%S GMT");
    let id = format!("{:024X}", since_1970().as_nanos());
    let headers = format!(
        "Content-Type: application/json\r\nServer: AliyunSLS\r\nDate: {date}\r\nx-log-time: {now}\r\nx-log-requestid: {id}\r\n"
    );
    let error = |status: &str, code: &str, message: &str| {
        let body = serde_json::json!({"Error": {"Code": code, "Message": message, "RequestId": id}});
        http(status, &headers, &body.to_string())
    };
    if request.path != "/Agent/Heartbeat" || request.method != "POST" {
        let message = format!("The script name is invalid : {}", request.path);
        return Ok(error("405 Method Not Allowed", "OLSInvalidMethod", &message));
    }
    let beat: Beat = serde_json::from_slice(&request.body)?;
    let refused = judge(service, &plan::read(&lab.join("group.json"))?, &request.host, &beat);
    record(
        lab,
        Heartbeat { at_ms: since_1970().as_millis(), host: request.host.clone(), beat, refused: refused.clone() },
    )?;
    Ok(match refused.as_deref() {
        Some("clock") => error(
            "400 Bad Request",
            "RequestTimeExpired",
            &format!("request time has been expired while server time is {date}"),
        ),
        Some("account") => error("401 Unauthorized", "Unauthorized", "The account is not authorized on this machine"),
        _ => http("200 OK", &headers, "{}"),
    })
}

/// Why the group does not count a heartbeat (domain, section 1.6): a host is found by its owner's identifier and by
/// its address or custom identifier, in the region that it reports to.
fn judge(service: &Service, group: &Group, host: &str, beat: &Beat) -> Option<String> {
    let region = host.strip_prefix("logtail.").and_then(|rest| rest.split('.').next()).unwrap_or_default();
    let region =
        ["-intranet", "-share", "-internal"].iter().find_map(|kind| region.strip_suffix(kind)).unwrap_or(region);
    let on_ecs_of_owner = !service.faults.contains(&plan::Fault::NoMetadata) && service.ecs.owner == group.owner;
    let identities = if group.custom { beat.custom_ids.clone() } else { vec![beat.ip.clone()] };
    let why = if service.clock_offset().abs() > plan::CLOCK_TOLERANCE_S {
        "clock"
    } else if region != group.region {
        "region"
    } else if !on_ecs_of_owner && !beat.aliuids.contains(&group.owner) {
        "account"
    } else if !identities.iter().any(|identity| group.members.contains(identity)) {
        "identity"
    } else {
        return None;
    };
    Some(why.to_string())
}

fn record(lab: &Path, heartbeat: Heartbeat) -> io::Result<()> {
    let file: PathBuf = lab.join("heartbeats.jsonl");
    let mut line = serde_json::to_vec(&heartbeat)?;
    line.push(b'\n');
    std::fs::OpenOptions::new().create(true).append(true).open(file)?.write_all(&line)
}
