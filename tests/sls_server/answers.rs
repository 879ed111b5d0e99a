//! What the service answers to a request: it checks signatures, dates and body hashes, keeps machine groups, and
//! misbehaves on request. Pure but for the state that it is given; who listens is not its business. Used by the server
//! of the client's tests and by the laboratory's stand-in.

use lab::OWNER;
use lab::cloud::{Fault, KEY, State, TEMPORARY};
use logtail_doctor::core::service::Secret;
use logtail_doctor::core::service::sign;
use md5::Md5;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A request as it came.
pub struct Request {
    /// The first line.
    line: String,
    method: String,
    path: String,
    query: Vec<(String, String)>,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// What becomes of a request.
pub enum Reply {
    Answer(u16, String),
    /// The connection is closed without an answer.
    Close,
    /// The connection stays open without an answer.
    Silence,
}

impl Request {
    /// A request without its body. `headers` have their names in lower case.
    pub fn of(line: &str, headers: Vec<(String, String)>) -> Request {
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
        let (line, path) = (line.to_string(), path.to_string());
        Request { line, method: method.into(), path, query, headers, body: Vec::new() }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The region that its host names; None for a host that is no name of the service.
    fn region(&self) -> Option<&str> {
        let label = self.header("host").strip_suffix(".log.aliyuncs.com")?.rsplit('.').next()?;
        Some(label.strip_suffix("-intranet").unwrap_or(label))
    }
}

/// Judges a request at the time `now` by the service's clock, in seconds since 1970, and carries it out.
pub fn reply(request: &Request, state: &mut State, now: i64) -> Reply {
    state.log.push(format!("{} {}", request.line, request.header("host")));
    let of_put = |state: &mut State| if request.method == "PUT" { state.put_faults.pop_front() } else { None };
    let fault = state.faults.pop_front().or_else(|| of_put(state)).or_else(|| state.always.clone());
    if request.method == "PUT" && state.after_a_put.is_some() {
        state.always = state.after_a_put.take();
    }
    match fault.unwrap_or(Fault::None) {
        Fault::Answer(status, body) => return Reply::Answer(status, body),
        Fault::LoseRequest => return Reply::Close,
        Fault::Silence => return Reply::Silence,
        Fault::Flood(bytes) => return Reply::Answer(200, "x".repeat(bytes)),
        Fault::LoseAnswer => {
            answer(request, state, now);
            return Reply::Close;
        }
        Fault::Meanwhile(item) => {
            for list in state.groups.values_mut().filter_map(|group| group["machineList"].as_array_mut()) {
                list.push(json!(item));
            }
        }
        Fault::None => {}
    }
    let (status, body) = answer(request, state, now);
    Reply::Answer(status, if body.is_null() { String::new() } else { body.to_string() })
}

/// The head of an answer with a body of so many bytes.
pub fn head(status: u16, now: i64, length: usize) -> String {
    let date = sign::http_date(now);
    format!(
        "HTTP/1.1 {status} X\r\nServer: AliyunSLS\r\nx-log-requestid: 5F1A2B\r\nx-log-time: {now}\r\nDate: {date}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
    )
}

type Answer = (u16, Value);

fn error(status: u16, code: &str, message: &str) -> Answer {
    (status, json!({"errorCode": code, "errorMessage": message}))
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
fn answer(request: &Request, state: &mut State, now: i64) -> Answer {
    if let Err(refusal) = check(request, state, now) {
        return refusal;
    }
    if request.path == "/regions" {
        return (
            200,
            json!({"regions": [{"region": state.region, "internetEndpoint": format!("{}.log.aliyuncs.com", state.region)}]}),
        );
    }
    let project = request.header("host").split('.').next().unwrap_or_default();
    // A project is known in its own region only, but for the search that the documents name for GetProject.
    let is_here = request.region().is_none_or(|asked| asked == state.region);
    let is_searched = request.query.iter().any(|(name, value)| name == "crossRegion" && value == "true");
    let is_found = is_here || (is_searched && request.path == "/" && state.is_found_across_regions);
    if project != state.project || !is_found {
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
        ("GET", [""]) => {
            (200, json!({"projectName": project, "region": state.region, "owner": OWNER, "status": "Normal"}))
        }
        ("GET", ["machinegroups"]) => {
            page(&state.groups.keys().map(|name| json!(name)).collect::<Vec<_>>(), "machinegroups")
        }
        ("POST", ["machinegroups"]) => match serde_json::from_slice::<Value>(&request.body) {
            Ok(new) if state.groups.contains_key(new["groupName"].as_str().unwrap_or_default()) => {
                error(400, "MachineGroupAlreadyExist", "group already exists.")
            }
            Ok(mut new) if new["machineList"].is_array() => {
                new["lastModifyTime"] = json!(now);
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
                    let what = format!("acs:log:{}:{OWNER}:project/{project}/machinegroup/{name}", state.region);
                    error(
                        401,
                        "Unauthorized",
                        &format!("denied by sts or ram, action: log:UpdateMachineGroup, resource: {what}"),
                    )
                }
                ("PUT", []) => match serde_json::from_slice::<Value>(&request.body) {
                    Ok(new) if new["machineList"].is_array() && new["groupName"] == *name => {
                        *group = new;
                        group["lastModifyTime"] = json!(now);
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
                    group["lastModifyTime"] = json!(now);
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
fn check(request: &Request, state: &State, now: i64) -> Result<(), Answer> {
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
    let region = request.region().unwrap_or(&state.region);
    let (method, path) = (request.method.as_str(), request.path.as_str());
    let (dated, hash, signed) = match v4 {
        Some(_) => {
            let date = request.header("x-log-date");
            let dated = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", date)
                .and_then(|time| time.to_zoned(jiff::tz::TimeZone::UTC))
                .map(|time| time.timestamp().as_second());
            let hash: String = Sha256::digest(&request.body).iter().map(|byte| format!("{byte:02x}")).collect();
            let canonical = sign::canonical_request_v4(method, path, &request.query, &request.headers);
            let text = sign::string_to_sign_v4(date, region, &canonical);
            let signature = sign::signature_v4(&secret, date, region, &text);
            let expected = format!(
                "SLS4-HMAC-SHA256 Credential={id}/{}/{region}/sls/aliyun_v4_request,Signature={signature}",
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
        Some(date) if (date - now).abs() > 900 => {
            let message = format!("Request time {date} has been expired while server time is {now}.");
            return Err(error(400, "RequestTimeExpired", &message));
        }
        Some(_) => {}
    }
    if !hash || signed != authorization {
        return Err(error(401, "SignatureNotMatch", &format!("signature {authorization} not match")));
    }
    Ok(())
}
