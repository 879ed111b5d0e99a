//! What the service, the metadata service and the operator's key files say.

use super::{environment, parts};
use logtail_doctor::core::observe::MetadataSeen;
use logtail_doctor::core::service::ApiError;
use logtail_doctor::core::service::api::{
    ApiCall, Caller, DescribeRegions, GetAppliedConfigs, GetMachineGroup, GetProject, ListMachineGroup, ListMachines,
};
use logtail_doctor::core::service::credentials::{
    Environment, Offer, read_aliyun_config, read_credentials_file, read_log_cli, read_role_answer,
};
use logtail_doctor::core::service::error::parse_response;
use logtail_doctor::core::service::group_edit::{self, Edit};
use logtail_doctor::core::service::heartbeat::{self, Own};
use logtail_doctor::core::service::{HttpResponse, Source};
use logtail_doctor::core::text::Lang;
use logtail_doctor::host::readers;
use std::net::Ipv4Addr;
use std::path::Path;

/// Files of keys and an environment: whatever is offered can be shown without its secret, and a key can stand in a
/// header.
pub fn credentials(data: &[u8]) {
    let (file, rest) = parts(data);
    let text = String::from_utf8_lossy(rest).into_owned();
    let path = Path::new("/root/.aliyun/config.json");
    let wanted = text.lines().next();
    let mut offers = Vec::new();
    for wanted in [None, wanted] {
        offers.extend(read_credentials_file(path, file, wanted));
        offers.extend(read_log_cli(path, file, wanted));
        offers.extend(read_aliyun_config(path, file, wanted, 1_795_326_000));
    }
    let environment = Environment::new(environment(&text));
    offers.extend(environment.offers());
    offers.extend(environment.ecs_role());
    offers.extend(environment.uri());
    environment.hints();
    for offer in &offers {
        if let Offer::Ready { credentials, hints } = offer {
            let key = credentials.key();
            let secret = key.secret.expose();
            assert!(key.id.bytes().chain(secret.bytes()).all(|byte| (0x21..0x7f).contains(&byte)));
            // A secret that is also the name of its profile or region, or a piece of its own id, hides nothing.
            let (source, id) = (&credentials.source, credentials.masked());
            let open = format!("{source:?} {id} {hints:?} Credentials with without token");
            if secret.len() >= 8 && !open.contains(secret) {
                assert!(!format!("{offer:?}").contains(secret));
                let shown = credentials.scrub(&format!("<{secret}>"));
                assert!(!shown.contains(secret), "{shown}");
            }
        }
    }
    if let Err(why) = read_role_answer(file, Source::Uri) {
        assert!(!why.is_empty());
    }
}

fn judge<C: ApiCall>(call: &C, response: &HttpResponse) -> Option<C::Answer> {
    parse_response(call, response, &str::to_string).map_err(|error| explained(&error)).ok()
}

fn explained(error: &ApiError) {
    assert!(error.message.chars().count() <= 1200 && error.code.chars().count() <= 1000);
    let (what, next) = error.explain();
    assert!(!what.get(Lang::Zh).is_empty() && !next.get(Lang::Zh).is_empty());
    if let Some(policy) = error.policy() {
        assert!(serde_json::from_str::<serde_json::Value>(&policy).is_ok(), "{policy}");
    }
}

/// An answer of the service: two bytes of status, header lines, `--`, the body.
pub fn service(data: &[u8]) {
    let (Some(head), Some(rest)) = (data.first_chunk::<2>(), data.get(2..)) else { return };
    let (headers, body) = parts(rest);
    let pairs = environment(&String::from_utf8_lossy(headers));
    let mut headers: Vec<_> = pairs.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
    headers.truncate(16);
    let (project, group) = ("web-logs".to_string(), "web".to_string());
    for status in [200, u16::from_le_bytes(*head)] {
        let response = HttpResponse { status, headers: headers.clone(), body: body.to_vec() };
        response.server_time();
        explained(&ApiError::of_response(&response, &str::to_string));
        if let Some(found) = judge(&GetProject { project: project.clone(), cross_region: false }, &response) {
            assert!(found.owner_id().is_none_or(|id| !id.is_empty()));
        }
        judge(&ListMachineGroup { project: project.clone(), offset: 0, containing: None }, &response);
        judge(&GetAppliedConfigs { project: project.clone(), group: group.clone() }, &response);
        judge(&DescribeRegions { language: "zh" }, &response);
        if let Some(page) =
            judge(&ListMachines { project: project.clone(), group: group.clone(), offset: 0 }, &response)
        {
            let own = Own { ip: "10.1.1.5".into(), uuid: "x".into(), host_id: "y".into() };
            for now in [1_795_326_000, i64::MIN, i64::MAX] {
                heartbeat::judge(&page.items, &own, now, Some(1_795_326_000));
            }
        }
        if let Some(found) = judge(&GetMachineGroup { project: project.clone(), group: group.clone() }, &response) {
            let (old, new) = (Ipv4Addr::new(10, 1, 1, 6), Ipv4Addr::new(10, 1, 1, 5));
            for edit in [Edit::Add(new), Edit::Replace { old, new }] {
                let Ok(planned) = group_edit::plan(&found, edit) else { continue };
                let list = planned.after.list().expect("a list");
                assert!(list.iter().any(|item| item.trim() == "10.1.1.5"));
                assert!(group_edit::verify(&planned.after, &planned.after).is_empty());
                assert!(group_edit::undo(&planned.edited(), &planned.after).is_ok());
                let keys = |group: &logtail_doctor::core::observe::MachineGroup| {
                    group.raw().keys().cloned().collect::<Vec<_>>()
                };
                assert_eq!(keys(&planned.before), keys(&planned.after));
                planned.diff();
            }
        }
    }
}

/// The metadata service's documents; a token can stand in a header.
pub fn metadata(data: &[u8]) {
    if let Some(seen) = MetadataSeen::parse(data) {
        assert!(!seen.instance_id.is_empty() && seen.owner_account_id.chars().count() <= 128);
    }
    let token = readers::metadata_token(data);
    assert!(token.is_none_or(|token| !token.is_empty() && token.bytes().all(|byte| (0x21..0x7f).contains(&byte))));
    if let Ok(caller) = Caller::parse(data) {
        assert!(!caller.account_id.is_empty());
    }
    let _ = read_role_answer(data, Source::EcsRole("role".into()));
}
