//! The client against a transport made of answers: tries, pauses, clock, endpoints, and what may be shown.

use super::*;
use crate::core::observe::ConnectError;
use crate::core::observe::Pending;
use crate::core::service::credentials::Source;
use std::collections::VecDeque;
use std::sync::Mutex;
use tokio::time::Instant;

type Answers = VecDeque<Result<HttpResponse, TransportError>>;

/// Gives prepared answers and keeps what was sent, with the moment.
#[derive(Default)]
struct Script {
    answers: Mutex<Answers>,
    sent: Mutex<Vec<(Duration, HttpRequest)>>,
    began: Mutex<Option<Instant>>,
}

impl Transport for Script {
    fn send(&self, request: HttpRequest) -> Pending<Result<HttpResponse, TransportError>> {
        let began = *self.began.lock().unwrap().get_or_insert_with(Instant::now);
        self.sent.lock().unwrap().push((began.elapsed(), request));
        let answer = self.answers.lock().unwrap().pop_front().expect("one answer for each request");
        Box::pin(async move { answer })
    }
}

impl Script {
    fn of(answers: impl IntoIterator<Item = Result<HttpResponse, TransportError>>) -> Arc<Script> {
        Arc::new(Script { answers: Mutex::new(answers.into_iter().collect()), ..Script::default() })
    }

    fn seconds(&self) -> Vec<u64> {
        self.sent.lock().unwrap().iter().map(|(at, _)| at.as_secs()).collect()
    }

    fn hosts(&self) -> Vec<String> {
        self.sent.lock().unwrap().iter().map(|(_, request)| request.host.clone()).collect()
    }
}

fn answer(status: u16, body: &str) -> Result<HttpResponse, TransportError> {
    let headers = vec![("x-log-time".to_string(), "1767323045".to_string())];
    Ok(HttpResponse { status, headers, body: body.as_bytes().to_vec() })
}

fn refused() -> Result<HttpResponse, TransportError> {
    let ip = "203.0.113.1".parse().unwrap();
    Err(TransportError::Connect { place: "x:443".into(), trouble: ConnectError::Refused(ip) })
}

fn lost() -> Result<HttpResponse, TransportError> {
    Err(TransportError::Broken { place: "x:443".into(), reason: "reset".into(), sent: true })
}

fn client(script: &Arc<Script>, endpoints: Vec<Endpoint>) -> Client {
    let key = Credentials::new("LTAIabcdefghijkl", "s3cr3tvalue", Some("t0k3n/value"), Source::Typed).unwrap();
    let client = Client::new(script.clone(), endpoints, "cn-hangzhou", key, None);
    client.with_clock(Arc::new(|| 1_767_319_445))
}

fn public() -> Vec<Endpoint> {
    vec![Endpoint::public("cn-hangzhou")]
}

const GROUP: &str = r#"{"groupName":"g1","machineIdentifyType":"ip","machineList":[]}"#;
const BUSY: &str = r#"{"errorCode":"ServerBusy","errorMessage":"busy"}"#;

#[tokio::test(start_paused = true)]
async fn passing_trouble_is_tried_again_with_growing_pauses() {
    let script = Script::of([answer(503, BUSY), answer(500, ""), answer(502, "<html>"), answer(200, GROUP)]);
    let reply = client(&script, public()).group("p1", "g1").await.unwrap();
    assert_eq!(reply.server_time, Some(1_767_323_045));
    assert_eq!(script.seconds(), [0, 1, 3, 7]);

    let qps = r#"{"errorCode":"MetaOperationQpsLimitExceeded","errorMessage":"x"}"#;
    let script = Script::of((0..4).map(|_| answer(403, qps)));
    let failure = client(&script, public()).group("p1", "g1").await.unwrap_err();
    assert_eq!(failure.kind(), Some(&ErrorKind::TooManyRequests));
    assert_eq!(script.seconds(), [0, 1, 3, 7]);
}

#[tokio::test(start_paused = true)]
async fn other_errors_are_told_at_once() {
    for trouble in [answer(404, r#"{"errorCode":"MachineGroupNotExist"}"#), answer(200, "<html>"), lost(), refused()] {
        let script = Script::of([trouble]);
        assert!(client(&script, public()).group("p1", "g1").await.is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_error_is_answered_once_with_the_service_s_time() {
    let clock = || answer(400, r#"{"errorCode":"RequestTimeExpired","errorMessage":"x"}"#);
    let script = Script::of([clock(), answer(200, GROUP), answer(200, GROUP)]);
    let client_behind = client(&script, public());
    client_behind.group("p1", "g1").await.unwrap();
    assert_eq!(client_behind.clock_behind(), 3600);
    client_behind.group("p1", "g1").await.unwrap();
    let dates: Vec<String> =
        script.sent.lock().unwrap().iter().map(|(_, request)| request.header("date").unwrap().to_string()).collect();
    let right = "Fri, 02 Jan 2026 03:04:05 GMT";
    assert_eq!(dates, ["Fri, 02 Jan 2026 02:04:05 GMT", right, right]);

    let script = Script::of([clock(), clock()]);
    let failure = client(&script, public()).group("p1", "g1").await.unwrap_err();
    assert_eq!(failure.kind(), Some(&ErrorKind::Clock));
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_out_of_reach_gives_way_and_the_other_is_remembered() {
    let both = crate::core::service::endpoint::choose(None, "cn-hangzhou", true);
    let script = Script::of([refused(), answer(200, GROUP), answer(200, GROUP)]);
    let client_near = client(&script, both.clone());
    client_near.group("p1", "g1").await.unwrap();
    client_near.group("p1", "g1").await.unwrap();
    let (near, far) = ("p1.cn-hangzhou-intranet.log.aliyuncs.com", "p1.cn-hangzhou.log.aliyuncs.com");
    assert_eq!(script.hosts(), [near, far, far]);
    assert_eq!(client_near.endpoint(), Some(&both[1]));

    let script = Script::of([lost()]);
    assert!(client(&script, both.clone()).group("p1", "g1").await.is_err(), "a lost answer is not repeated elsewhere");
    let script = Script::of([refused(), refused()]);
    assert_eq!(client(&script, both).group("p1", "g1").await.unwrap_err(), Failure::from(refused().unwrap_err()));
    assert!(client(&Script::of([]), vec![]).group("p1", "g1").await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_project_is_searched_for_in_other_regions() {
    let missing = || answer(404, r#"{"errorCode":"ProjectNotExist","errorMessage":"The Project does not exist : p1"}"#);
    let found = |region: &str| answer(200, &format!(r#"{{"projectName":"p1","region":"{region}"}}"#));
    for (answers, expected) in [
        (vec![found("cn-hangzhou")], "here"),
        (vec![found("cn-beijing")], "elsewhere"),
        (vec![missing(), found("cn-beijing")], "elsewhere"),
        (vec![missing(), missing()], "not here"),
        (vec![missing(), answer(400, r#"{"errorCode":"InvalidParameter"}"#)], "not here"),
    ] {
        let script = Script::of(answers);
        let word = match client(&script, public()).locate("p1").await.unwrap() {
            Location::Here(_) => "here",
            Location::Elsewhere(project) if project.region == "cn-beijing" => "elsewhere",
            Location::Elsewhere(_) => "lost",
            Location::NotHere => "not here",
        };
        assert_eq!(word, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn the_caller_is_asked_of_sts_and_never_behind_an_override() {
    let script = Script::of([answer(200, r#"{"AccountId":"1654218965343050"}"#)]);
    let caller = client(&script, public()).caller().await.unwrap().unwrap();
    assert_eq!(caller.answer.account_id, "1654218965343050");
    assert_eq!(script.hosts(), ["sts.aliyuncs.com"]);
    let local = Endpoint::overriding("http://127.0.0.1:1").unwrap();
    assert!(client(&Script::of([]), vec![local]).caller().await.unwrap().is_none());
    assert_ne!(nonce(), nonce());
}

#[tokio::test(start_paused = true)]
async fn an_error_never_repeats_the_key() {
    let echo = "for LTAIabcdefghijkl s3cr3tvalue t0k3n/value t0k3n%2Fvalue t0k3n%252Fvalue";
    let long = format!("{}{echo}", "x ".repeat(495));
    for body in [
        serde_json::json!({"errorCode": "SignatureNotMatch", "errorMessage": echo}).to_string(),
        serde_json::json!({"Code": "SignatureDoesNotMatch", "Message": long}).to_string(),
        format!("<html>{echo}"),
    ] {
        let script = Script::of([answer(401, &body)]);
        let failure = client(&script, public()).group("p1", "g1").await.unwrap_err();
        let shown = format!("{failure} {failure:?} {:?}", failure.explain());
        for hidden in ["s3cr", "t0k3", "abcdefgh"] {
            assert!(!shown.contains(hidden), "{shown}");
        }
        assert!(!format!("{:?}", script.sent.lock().unwrap()).contains("t0k3n"));
    }
}

#[tokio::test(start_paused = true)]
async fn pages_are_read_until_all_are_there_or_nothing_more_comes() {
    let page = |total: usize, names: &[&str]| {
        answer(200, &serde_json::json!({"total": total, "count": names.len(), "machinegroups": names}).to_string())
    };
    let script = Script::of([page(3, &["a1", "b1"]), page(3, &["c1"])]);
    assert_eq!(client(&script, public()).groups("p1").await.unwrap().answer, ["a1", "b1", "c1"]);
    let script = Script::of([page(9, &["a1"]), page(9, &[])]);
    assert_eq!(client(&script, public()).groups("p1").await.unwrap().answer, ["a1"]);
}
