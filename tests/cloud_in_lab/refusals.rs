//! What goes wrong between the program and the service's API, each as `check --format json` tells it: the documented
//! errors, the region, the account, the token, the clock, and everything that is no answer.

use super::{LATER, SOON, TOLD, causes, check, json_of, requests, step, told};
use lab::cloud::{Fault as Answer, KEY};
use lab::{Fault, Lab, OWNER};
use serde_json::{Value, json};

/// The documented errors (common error codes): status, code, message, and what the operator must read.
const ERRORS: &[(u16, &str, &str, &str)] = &[
    (400, "RequestTimeExpired", "Request time 1 has been expired while server time is 2.", "more than 15 minutes"),
    (400, "RequestTimeTooSkewed", "Request time exceeds server time.", "more than 15 minutes"),
    (400, "InvalidDateFormat", "Date X must follow RFC822.", "did not understand the request: InvalidDateFormat"),
    (400, "InvalidRequestTime", "x", "did not understand the request: InvalidRequestTime"),
    (400, "MissingDate", "x", "did not understand"),
    (400, "MissingAPIVersion", "x", "did not understand"),
    (400, "InvalidAPIVersion", "x", "did not understand"),
    (400, "MissingSignatureMethod", "x", "did not understand"),
    (400, "InvalidSignatureMethod", "x", "did not understand"),
    (400, "MissingContentType", "x", "did not understand"),
    (400, "MissingBodyRawSize", "x", "did not understand"),
    (400, "InvalidHost", "x", "did not understand"),
    (400, "ParameterInvalid", "Http extend authorization : x", "did not understand"),
    (400, "PostBodyInvalid", "x", "did not understand"),
    (400, "InvalidParameter", "invalid group resource json", "did not understand"),
    (401, "SignatureNotMatch", "signature x not match", "the AccessKey secret is wrong"),
    (401, "Unauthorized", "AccessKeyId not found: LTAIabcdefghijkl", "does not exist"),
    (401, "Unauthorized", "AccessKeyId is disabled: LTAIabcdefghijkl", "is disabled"),
    (401, "Unauthorized", "The security token you provided is invalid.", "not valid for this key"),
    (401, "Unauthorized", "The security token you provided has expired.", "has expired"),
    (401, "Unauthorized", "Your SLS service has been forbidden.", "overdue bill"),
    (401, "Unauthorized", "The project does not belong to you.", "another account"),
    (
        401,
        "Unauthorized",
        "denied by sts or ram, action: log:GetMachineGroup, resource: acs:log:cn-hangzhou:1654218965343050:project/my-project/machinegroup/web",
        "The key may not do log:GetMachineGroup",
    ),
    (401, "InvalidAccessKeyId", "The access key id you provided is invalid: LTAIabcdefghijkl.", "does not exist"),
    (401, "InvalidAccessKeyId", "Your SLS service has not opened.", "not activated"),
    (401, "SecurityTokenExpired", "x", "has expired"),
    (403, "SecurityToken.Expired", "x", "has expired"),
    (403, "InvalidAccessKeyId.NotFound", "x", "does not exist"),
    (403, "ProjectForbidden", "Project my-project has been forbidden.", "forbidden by the service"),
    (404, "ProjectNotExist", "The Project does not exist : my-project", "no project my-project in region cn-hangzhou"),
    (404, "ProjectNotExists", "The Project does not exist : my-project", "no project my-project in region cn-hangzhou"),
    (405, "InvalidMethod", "invalid request method : /", "does not offer this call"),
];

/// Errors that pass: they are tried again, and no more than three times.
const PASSING: &[(u16, &str, &str)] = &[
    (403, "MetaOperationQpsLimitExceeded", "Too many requests"),
    (500, "InternalServerError", "could not answer at the moment (HTTP 500"),
    (500, "RequestTimeout", "could not answer at the moment"),
    (503, "ServerBusy", "could not answer at the moment (HTTP 503"),
];

/// Lets every request meet this, looks, and says what was asked meanwhile.
fn look(lab: &Lab, always: Option<Answer>) -> (Value, Vec<String>) {
    let before = lab.requests().len();
    lab.edit_cloud(|state| state.always = always);
    let answer = check(lab, &["--group-ip", "10.1.1.5"]);
    (answer, lab.requests().split_off(before))
}

/// Group and heartbeat say so, nothing is accused for it, and the key is nowhere.
fn is_told(answer: &Value, says: &str) {
    for id in ["group", "heartbeat"] {
        let text = step(answer, id).to_string();
        assert!(text.contains(says), "{says} is not in {id}: {:#}", step(answer, id));
    }
    assert_eq!(step(answer, "group")["verdict"], "pass", "what was told still holds: {:#}", step(answer, "group"));
    assert_eq!(causes(answer, "heartbeat"), ["heartbeat-unverified"]);
    assert_eq!(answer["verdict"], "unknown", "{answer:#}");
    let text = answer.to_string();
    assert!(!text.contains(KEY.0) && !text.contains(KEY.1), "{text}");
}

fn body(code: &str, message: &str) -> String {
    json!({"errorCode": code, "errorMessage": message}).to_string()
}

#[test]
fn every_documented_error_is_told_with_its_next_step() {
    let Some(lab) = Lab::new().cloud_key().build_or_skip() else { return };
    for (status, code, message, says) in ERRORS {
        let (answer, asked) = look(&lab, Some(Answer::Answer(*status, body(code, message))));
        is_told(&answer, says);
        let again = code.starts_with("RequestTime") as usize;
        let projects = asked.iter().filter(|line| line.starts_with("GET / ")).count();
        assert_eq!(projects, 1 + again, "{code}: a clock error is answered once, another one never: {asked:?}");
    }
    for code in ["MachineGroupNotExist", "GroupNotExist"] {
        // Only the question for the group meets it: the project is answered as always.
        lab.edit_cloud(|state| {
            state.always = Some(Answer::Answer(404, body(code, "MachineGroup web does not exist.")));
            state.faults = [Answer::None].into();
        });
        let answer = check(&lab, &[]);
        assert_eq!(causes(&answer, "group"), ["group-not-found"], "{answer:#}");
    }
}

#[test]
fn what_passes_is_tried_again_and_not_for_ever() {
    let Some(lab) = Lab::new().cloud_key().build_or_skip() else { return };
    assert!(lab.heartbeat_ok(SOON));
    for (status, code, says) in PASSING {
        let (answer, asked) = look(&lab, Some(Answer::Answer(*status, body(code, "x"))));
        is_told(&answer, says);
        assert_eq!(asked.len(), 4, "{code}: {asked:?}");
    }
    lab.edit_cloud(|state| state.faults = [Answer::answer(500, ""), Answer::answer(503, "")].into());
    let (answer, _) = look(&lab, None);
    assert_eq!(answer["verdict"], "pass", "two failures are got over: {answer:#}");
}

#[test]
fn what_is_no_answer_of_the_service_is_told_as_such() {
    let Some(lab) = Lab::new().cloud_key().build_or_skip() else { return };
    let page = "<!DOCTYPE html><html><title>Log in</title></html>";
    for status in [200, 302, 403] {
        let (answer, asked) = look(&lab, Some(Answer::answer(status, page)));
        is_told(&answer, "A proxy or login page stands in between");
        assert_eq!(asked.len(), 1, "{asked:?}");
    }
    let (answer, asked) = look(&lab, Some(Answer::Silence));
    is_told(&answer, "no complete answer within");
    assert_eq!(asked.len(), 1, "a question whose answer does not come is not repeated: {asked:?}");
    let (answer, _) = look(&lab, Some(Answer::LoseRequest));
    is_told(&answer, "broke before the answer was complete");
    let (answer, _) = look(&lab, Some(Answer::Flood(9 << 20)));
    is_told(&answer, "far too long");
    // The same from the network's side: a portal, a firewall, a certificate of nobody.
    for (fault, says) in [
        (Fault::ForeignPage("my-project.*".into()), "A proxy or login page stands in between"),
        (Fault::Drop("my-project.*".into(), None), "did not answer"),
        (Fault::Refuse("my-project.*".into(), None), "refused the connection"),
        (Fault::UntrustedTls("my-project.*".into()), "signed by nobody that is trusted"),
        (Fault::NoSuchName("my-project.*".into()), "does not exist"),
    ] {
        lab.mend_service();
        lab.break_service(fault);
        let (answer, _) = look(&lab, None);
        is_told(&answer, says);
    }
}

#[test]
fn a_clock_one_hour_off_is_answered_once_with_the_service_s_time() {
    for offset in [3600, -3600] {
        let lab = Lab::new().cloud_key().service(Fault::ClockOffset(offset));
        let Some(lab) = lab.build_or_skip() else { return };
        let answer = check(&lab, &[]);
        assert_eq!(causes(&answer, "clock"), ["clock-skew"], "{answer:#}");
        assert_eq!(step(&answer, "group")["verdict"], "pass", "the service could be asked: {answer:#}");
        assert_eq!(requests(&lab, "GET / "), 2, "{:?}", lab.requests());
        assert_eq!(requests(&lab, "GET /machinegroups/web "), 1, "{:?}", lab.requests());
    }
}

#[test]
fn another_account_s_key_and_a_token_that_has_ended_are_told() {
    let Some(lab) = Lab::new().temporary_cloud_key().build_or_skip() else { return };
    assert!(lab.heartbeat_ok(SOON));
    let (answer, _) = look(&lab, None);
    assert_eq!(answer["verdict"], "pass", "a temporary key is as good as another: {answer:#}");
    lab.edit_cloud(|state| state.token_ended = true);
    is_told(&look(&lab, None).0, "The temporary key has expired");
    lab.edit_cloud(|state| (state.token_ended, state.other_account) = (false, true));
    is_told(&look(&lab, None).0, "belongs to another account than the key");
}

#[test]
fn the_project_s_true_region_is_searched_and_outranks_what_was_told() {
    let Some(lab) = Lab::new().cloud_key().build_or_skip() else { return };
    assert!(lab.heartbeat_ok(SOON));
    let in_beijing = |more: &[&str]| {
        let words = ["check", "--format", "json", "--project", "my-project", "--machine-group", "web"];
        json_of(&lab.run(&[words.as_slice(), &["--region", "cn-beijing", "--aliuid", OWNER], more].concat()))
    };
    let answer = in_beijing(&[]);
    assert_eq!(answer["verdict"], "pass", "{answer:#}");
    assert!(step(&answer, "parameters").to_string().contains("cn-hangzhou, not cn-beijing as told"), "{answer:#}");
    assert_eq!(requests(&lab, "GET /?crossRegion=true "), 1, "{:?}", lab.requests());

    // Where the config server is not reached, the other ways of that region are tried, not those of the told one.
    lab.break_service(Fault::Drop("logtail.cn-hangzhou-intranet*".into(), None));
    let answer = in_beijing(&["--timeout", "1"]);
    let network = step(&answer, "network");
    assert_eq!(network["verdict"], "fail", "{network:#}");
    let labels: Vec<&str> =
        network["evidence"].as_array().into_iter().flatten().filter_map(|row| row["label"].as_str()).collect();
    assert!(labels.contains(&"cn-hangzhou over the Internet"), "{network:#}");
    assert!(!labels.iter().any(|label| label.contains("cn-beijing")), "{network:#}");
    assert!(network.to_string().contains("cn-hangzhou, not cn-beijing as told"), "{network:#}");
    lab.mend_service();

    lab.edit_cloud(|state| state.is_found_across_regions = false);
    let answer = in_beijing(&["--group-ip", "10.1.1.5"]);
    let text = step(&answer, "group").to_string();
    assert!(text.contains("There is no project my-project in region cn-beijing"), "{text}");
    assert_eq!(causes(&answer, "parameters"), ["region-mismatch"], "then the operator's word counts: {answer:#}");
}

#[test]
fn a_refusal_shows_the_policy_on_the_screen() {
    let Some(lab) = Lab::new().cloud_key().build_or_skip() else { return };
    let denied = ERRORS.iter().find(|(.., says)| says.contains("may not")).expect("the refusal of RAM");
    lab.edit_cloud(|state| state.always = Some(Answer::Answer(denied.0, body(denied.1, denied.2))));
    let mut pty = lab.terminal(&[&["logtail-doctor"], TOLD.as_slice()].concat(), 100, 40);
    pty.wait_for("7. Machine group", LATER);
    pty.wait_for("log:GetMachineGroup", SOON);
    pty.wait_for("RAM policy to ask for", SOON);
    pty.send("q");
    let output = told(&lab, &["fix", "add-ip-to-group", "--set", "ip=10.1.1.6", "--yes"]);
    assert_ne!(output.code, 0, "{output:?}");
    assert_eq!(requests(&lab, "PUT"), 0);
}
