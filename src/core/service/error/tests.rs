//! The table of documented errors, and answers that are not the service's.

use super::*;
use crate::core::observe::MachineGroup;
use crate::core::service::api::{GetMachineGroup, PutMachineGroup};
use crate::core::text::Lang;
use proptest::prelude::*;

fn answer(status: u16, body: &str) -> HttpResponse {
    let headers = vec![("x-log-requestid".into(), "5F1A".into()), ("x-log-time".into(), "1767323045".into())];
    HttpResponse { status, headers, body: body.as_bytes().to_vec() }
}

fn error(status: u16, code: &str, message: &str) -> Box<ApiError> {
    let body = serde_json::json!({"errorCode": code, "errorMessage": message}).to_string();
    ApiError::of_response(&answer(status, &body), &str::to_string)
}

#[test]
fn every_documented_error_has_its_kind_and_two_sentences() {
    use ErrorKind as K;
    let table = [
        (400, "RequestTimeExpired", "Request time X has been expired while server time is Y.", K::Clock),
        (400, "RequestTimeTooSkewed", "", K::Clock),
        (400, "InvalidRequestTime", "", K::BadRequest),
        (400, "InvalidDateFormat", "", K::BadRequest),
        (400, "MissingDate", "", K::BadRequest),
        (400, "MissingAPIVersion", "", K::BadRequest),
        (400, "InvalidSignatureMethod", "", K::BadRequest),
        (400, "MissingBodyRawSize", "", K::BadRequest),
        (400, "ParameterInvalid", "Http extend authorization : x", K::BadRequest),
        (400, "PostBodyInvalid", "The request body is not valid JSON object.", K::BadRequest),
        (400, "InvalidParameter", "invalid group resource json", K::BadRequest),
        (400, "MachineGroupAlreadyExist", "group g already exists.", K::GroupExists),
        (400, "GroupAlreadyExist", "", K::GroupExists),
        (401, "SignatureNotMatch", "signature XXX not match", K::SignatureMismatch),
        (401, "Unauthorized", "AccessKeyId not found: K", K::KeyNotFound),
        (401, "Unauthorized", "AccessKeyId is disabled: K", K::KeyDisabled),
        (401, "Unauthorized", "The security token you provided is invalid.", K::TokenInvalid),
        (401, "Unauthorized", "The security token you provided has expired.", K::TokenExpired),
        (401, "Unauthorized", "Your SLS service has been forbidden.", K::ServiceSuspended),
        (401, "Unauthorized", "The project does not belong to you.", K::OtherAccount),
        (401, "Unauthorized", "no reason", K::Unauthorized),
        (401, "InvalidAccessKeyId", "The access key id you provided is invalid: K.", K::KeyNotFound),
        (401, "InvalidAccessKeyId", "Your SLS service has not opened.", K::ServiceNotOpened),
        (403, "SecurityToken.Expired", "", K::TokenExpired),
        (403, "SecurityTokenExpired", "", K::TokenExpired),
        (404, "InvalidAccessKeyId.NotFound", "", K::KeyNotFound),
        (403, "MetaOperationQpsLimitExceeded", "Qps limit for the meta operation is exceeded.", K::TooManyRequests),
        (403, "ProjectForbidden", "Project p has been forbidden.", K::ProjectForbidden),
        (404, "ProjectNotExist", "The Project does not exist : p", K::ProjectNotExist),
        (404, "ProjectNotExists", "", K::ProjectNotExist),
        (404, "MachineGroupNotExist", "MachineGroup g does not exist.", K::GroupNotExist),
        (404, "GroupNotExist", "", K::GroupNotExist),
        (405, "InvalidMethod", "invalid request method : /x", K::MethodNotServed),
        (500, "InternalServerError", "", K::ServerTrouble),
        (500, "RequestTimeout", "", K::ServerTrouble),
        (503, "ServerBusy", "", K::ServerTrouble),
        (418, "Teapot", "", K::Other),
    ];
    for (status, code, message, kind) in table {
        let error = error(status, code, message);
        assert_eq!(error.kind, kind, "{code} {message}");
        assert_eq!((error.request_id.as_deref(), error.server_time), (Some("5F1A"), Some(1_767_323_045)));
        let passing = matches!(kind, ErrorKind::ServerTrouble | ErrorKind::TooManyRequests);
        assert_eq!(error.is_passing(), passing, "{code}");
        let (what, next) = error.explain();
        for lang in [Lang::En, Lang::Zh] {
            assert!(!what.get(lang).is_empty() && !next.get(lang).is_empty(), "{code}");
        }
    }
}

#[test]
fn a_denial_tells_action_owner_and_the_policy_to_ask_for() {
    let arn = "acs:log:cn-hangzhou:1654218965343050:project/p/machinegroup/g";
    let error =
        error(401, "Unauthorized", &format!("denied by sts or ram, action: log:UpdateMachineGroup, resource: {arn}"));
    let ErrorKind::Denied(denial) = &error.kind else { panic!("{error:?}") };
    assert_eq!(denial.action, "log:UpdateMachineGroup");
    assert_eq!(denial.resource, arn);
    assert_eq!(denial.owner.as_deref(), Some("1654218965343050"));
    assert!(error.policy().unwrap().contains(arn));
    assert!(error.explain().1.get(Lang::Zh).contains(arn));

    let newer = r#"{"errorCode":"Unauthorized","errorMessage":"denied","requestId":"r","accessDeniedDetail":{"AuthAction":"log:GetProject"}}"#;
    let newer = ApiError::of_response(&answer(403, newer), &str::to_string);
    assert!(matches!(newer.kind, ErrorKind::Denied(Denial { action, owner: None, .. }) if action == "log:GetProject"));
}

#[test]
fn pages_of_others_are_recognised_whatever_their_status() {
    let get = GetMachineGroup { project: "p1".into(), group: "g1".into() };
    let put = PutMachineGroup {
        project: "p1".into(),
        group: MachineGroup::new("g1", crate::core::observe::KnownIdentity::Ip, &[]),
        create: false,
    };
    let page = " <!DOCTYPE html><html><body>Please log in</body></html>";
    assert_eq!(parse_response(&get, &answer(200, page), &str::to_string).unwrap_err().kind, ErrorKind::Foreign);
    assert_eq!(parse_response(&put, &answer(200, page), &str::to_string).unwrap_err().kind, ErrorKind::Foreign);
    assert!(parse_response(&put, &answer(200, ""), &str::to_string).is_ok());
    assert!(parse_response(&put, &answer(200, "{}"), &str::to_string).is_ok());
    assert_eq!(parse_response(&get, &answer(200, "{}"), &str::to_string).unwrap_err().kind, ErrorKind::Unreadable);
    assert_eq!(parse_response(&get, &answer(200, "ok"), &str::to_string).unwrap_err().kind, ErrorKind::Foreign);
    for status in [302, 403, 407, 511] {
        let error = ApiError::of_response(&answer(status, page), &str::to_string);
        assert_eq!(error.kind, ErrorKind::Foreign);
        assert_eq!(error.is_passing(), status >= 500);
        assert!(error.message.contains("Please log in"));
    }
}

proptest! {
    #[test]
    fn no_answer_breaks_the_reader_and_messages_are_bounded(
        status in 100u16..600,
        message in ".{0,2000}",
        bytes in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        let read = error(status, "Unauthorized", &format!("denied by {message} action: {message} resource: {message}"));
        prop_assert!(read.message.chars().count() <= 1000);
        let raw = HttpResponse { status, headers: vec![], body: bytes };
        ApiError::of_response(&raw, &str::to_string).explain();
    }
}
