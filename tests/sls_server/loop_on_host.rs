//! The whole loop on a simulated host with the stand-in as its service: the wrong IP in the group is found, the group is
//! edited, the heartbeat appears, undo restores the group, and no secret is to be seen anywhere.

use super::server::{Fault, KEY, NOW, PROJECT, REGION, Server};
use logtail_doctor::carry_out::{Applier, Store};
use logtail_doctor::cli::args::ConsentArgs;
use logtail_doctor::cli::{Settings, changing, looking};
use logtail_doctor::core::checks::{self, Investigation};
use logtail_doctor::core::context::Context;
use logtail_doctor::core::finding::{CauseId, Finding, RemedyId, StepId, Verdict};
use logtail_doctor::core::journal::{AppliedResult, Consent, ConsentBy, Order};
use logtail_doctor::core::remedies::{Inputs, Plan, Planned};
use logtail_doctor::core::service::credentials::Environment;
use logtail_doctor::core::text::Lang;
use logtail_doctor::engine::{Looking, PlanRequest};
use logtail_doctor::host::WithCloud;
use logtail_doctor::host::simulated::{Flavour, SimulatedHost, Sudo, World};
use logtail_doctor::report::Style;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// What the simulated agent reports.
pub const IP: &str = "10.1.1.5";
const UUID: &str = "a3412556-c126-4d38-8959-ac8bb628f00d";
const OLD: &str = "10.1.1.77";
pub const STATE: &str = "/home/ops/.local/state/logtail-doctor";

/// A host whose service is the stand-in; with a key, unless told otherwise.
pub fn host(server: &Server, world: World, has_key: bool) -> (SimulatedHost, Applier) {
    let endpoint = format!("http://127.0.0.1:{}", server.port);
    let mut pairs =
        vec![("LOGTAIL_DOCTOR_ENDPOINT", endpoint.as_str()), ("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")];
    if has_key {
        pairs.extend([("ALIBABA_CLOUD_ACCESS_KEY_ID", KEY.0), ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", KEY.1)]);
    }
    let environment = Environment::new(pairs.into_iter().map(|(name, value)| (name.to_string(), value.to_string())));
    let machine = SimulatedHost::new(world);
    let host = WithCloud::new(Arc::new(machine.clone()), environment, false);
    (machine, Applier::new(Arc::new(host), Store { dir: STATE.into(), actor: "ops".into() }))
}

pub fn context() -> Context {
    Context {
        project: Some(PROJECT.into()),
        region: Some(REGION.into()),
        machine_group: Some("web".into()),
        ..Context::default()
    }
}

pub fn settings(context: Context) -> Settings {
    Settings {
        lang: Lang::En,
        style: Style::default(),
        no_colour: true,
        read_only: false,
        asks: false,
        roots_dir: None,
        context,
        store: Store { dir: STATE.into(), actor: "ops".into() },
    }
}

/// An ordinary user: who edits the group needs a key and not root.
pub fn world() -> World {
    World::healthy(Flavour::Logtail188)
        .as_user("ops", 1000, Sudo::Absent)
        .write(format!("{STATE}/x"), "")
        .owned(STATE, 0o700, 1000)
}

pub async fn settled(host: &Applier, context: Context) -> Looking {
    let mut looking = Looking::new(host.host(), Investigation::new(checks::check, context));
    looking.settle().await;
    looking
}

pub async fn finding(host: &Applier, context: Context, step: StepId) -> Finding {
    settled(host, context).await.found().finding(step).map(|checked| checked.finding.clone()).unwrap()
}

pub fn all_text(finding: &Finding) -> String {
    serde_json::to_string(finding).unwrap()
}

pub fn this_machine(at: i64) -> Value {
    json!({"ip": IP, "machine-uniqueid": UUID, "userdefined-id": "", "lastHeartbeatTime": at, "binary": "1.8.7"})
}

fn without_time(group: &Value) -> Value {
    let mut group = group.clone();
    group.as_object_mut().unwrap().remove("lastModifyTime");
    group
}

#[tokio::test]
async fn a_wrong_ip_is_found_edited_proven_and_taken_back() {
    let server = Server::start(None).await;
    server.put_group("web", &["10.1.1.6", OLD, "10.1.1.7"]);
    server.with(|state| state.after_put = vec![this_machine(NOW + 1)]);
    let original = server.with(|state| state.groups["web"].clone());
    let (machine, host) = host(&server, world(), true);
    assert_eq!(server.with(|state| state.log.len()), 0, "nothing is asked before a check asks");

    let group = finding(&host, context(), StepId::Group).await;
    assert_eq!(group.verdict, Verdict::Fail, "{group:?}");
    assert_eq!(group.causes[0].id, CauseId::IpNotInGroup);
    let heartbeat = finding(&host, context(), StepId::Heartbeat).await;
    assert_eq!(heartbeat.causes[0].id, CauseId::HeartbeatAbsent);
    // In step 8 the owner is known without having been told.
    assert!(all_text(&finding(&host, context(), StepId::Account).await).contains("GetProject"));

    let settings = settings(context());
    let set = [format!("ip={IP}"), format!("old-ip={OLD}")];
    let mut out = Vec::new();
    let dry = ConsentArgs { dry_run: true, yes: false };
    let remedy = RemedyId::ReplaceIpInGroup;
    let code = changing::fix(host.clone(), checks::check, &settings, remedy, &set, dry, &mut out).await.unwrap();
    let shown = String::from_utf8(out).unwrap();
    assert_eq!(code, 0, "{shown}");
    for part in [&format!("-    \"{OLD}\""), &format!("+    \"{IP}\""), "access-log", "Terraform"] {
        assert!(shown.contains(part), "{part} is not in:\n{shown}");
    }
    assert_eq!(server.with(|state| state.groups["web"].clone()), original, "a dry run writes nothing");

    let mut out = Vec::new();
    let yes = ConsentArgs { dry_run: false, yes: true };
    let code = changing::fix(host.clone(), checks::check, &settings, remedy, &set, yes, &mut out).await.unwrap();
    let fixed = String::from_utf8(out).unwrap();
    assert_eq!(code, 0, "{fixed}");
    let edited = server.with(|state| state.groups["web"].clone());
    assert_eq!(edited["machineList"], json!(["10.1.1.6", IP, "10.1.1.7"]));
    assert_eq!(edited["futureKey"], original["futureKey"]);

    let heartbeat = finding(&host, context(), StepId::Heartbeat).await;
    assert_eq!(heartbeat.verdict, Verdict::Pass, "{heartbeat:?}");
    assert!(all_text(&heartbeat).contains("machine id agree") && all_text(&heartbeat).contains("1.8.7"));
    let mut verified = Vec::new();
    looking::verify(host.host(), checks::check, &settings, Duration::ZERO, &mut verified).await.unwrap();

    assert!(String::from_utf8_lossy(&verified).contains("The last heartbeat is "), "its age ends the result");

    let journal = machine.world().content(format!("{STATE}/journal.jsonl")).unwrap();
    let mut out = Vec::new();
    let code = changing::undo(host.clone(), checks::check, &settings, None, yes, &mut out).await.unwrap();
    assert_eq!(code, 0, "{}", String::from_utf8_lossy(&out));
    let back = server.with(|state| state.groups["web"].clone());
    assert_eq!(without_time(&back), without_time(&original));

    let looked = settled(&host, context()).await;
    let (_, bundle) = logtail_doctor::cli::bundle::packed(host.host(), checks::check, &settings).await.unwrap();
    let everything = [
        shown,
        fixed,
        String::from_utf8(verified).unwrap(),
        String::from_utf8(journal).unwrap(),
        serde_json::to_string(looked.found().seen()).unwrap(),
        format!("{:?}", looked.found()),
        String::from_utf8_lossy(&bundle).into_owned(),
    ];
    for text in &everything {
        assert!(!text.contains(KEY.1) && !text.contains(KEY.0), "a key shows in: {text}");
    }
}

#[tokio::test]
async fn a_heartbeat_from_before_the_cure_or_of_another_machine_proves_nothing() {
    let server = Server::start(None).await;
    server.put_group("web", &[IP]);
    let (_, host) = host(&server, world(), true);
    // The simulated host's clock, by which the moment of the cure is told.
    let here = 1_795_326_000;
    for (machines, cured_at, verdict, cause) in [
        (vec![this_machine(NOW - 30)], None, Verdict::Pass, None),
        (vec![this_machine(NOW - 60)], Some(here - 30), Verdict::Fail, Some(CauseId::HeartbeatStale)),
        (vec![this_machine(NOW - 400)], None, Verdict::Fail, Some(CauseId::HeartbeatStale)),
        (vec![this_machine(NOW - 4000)], None, Verdict::Fail, Some(CauseId::HeartbeatStale)),
        (vec![], None, Verdict::Fail, Some(CauseId::HeartbeatAbsent)),
        (
            vec![json!({"ip": IP, "machine-uniqueid": "another", "lastHeartbeatTime": NOW})],
            None,
            Verdict::Fail,
            Some(CauseId::HeartbeatAbsent),
        ),
        (vec![json!({"ip": IP, "lastHeartbeatTime": NOW})], None, Verdict::Pass, None),
    ] {
        server.with(|state| state.machines = machines.clone());
        let found = finding(&host, Context { cured_at, ..context() }, StepId::Heartbeat).await;
        let first = found.causes.first().map(|cause| cause.id);
        assert_eq!((found.verdict, first), (verdict, cause), "{machines:?} {found:?}");
    }
}

#[tokio::test]
async fn a_group_that_is_not_there_names_those_that_list_this_host() {
    let server = Server::start(None).await;
    server.put_group("db", &["10.0.0.1"]);
    server.put_group("frontend", &["10.0.0.2", IP]);
    let (_, host) = host(&server, world(), true);
    let group = finding(&host, context(), StepId::Group).await;
    assert_eq!((group.verdict, group.causes[0].id), (Verdict::Fail, CauseId::GroupNotFound));
    assert!(group.summary.get(Lang::En).contains("frontend"), "{group:?}");
    let nobody_said = finding(&host, Context { machine_group: None, ..context() }, StepId::Group).await;
    assert_eq!(nobody_said.verdict, Verdict::Unknown);
    assert!(nobody_said.summary.get(Lang::En).contains("frontend"));
}

#[tokio::test]
async fn the_kind_of_the_group_is_the_services_word() {
    let server = Server::start(None).await;
    server.put_group("web", &["web-frontend"]);
    let (_, host) = host(&server, world().custom_id("web-frontend\n"), true);
    let group = finding(&host, context(), StepId::Group).await;
    assert!(group.causes.iter().any(|cause| cause.id == CauseId::IdentityKindMismatch), "{group:?}");
    server.with(|state| state.groups.get_mut("web").unwrap()["machineIdentifyType"] = json!("userdefined"));
    let group = finding(&host, context(), StepId::Group).await;
    assert_eq!(group.verdict, Verdict::Pass, "{group:?}");
}

#[tokio::test]
async fn without_a_key_or_without_leave_everything_is_as_before_and_says_what_to_do() {
    let server = Server::start(None).await;
    server.put_group("web", &[IP]);
    let told = Context { group_ips: vec![IP.parse().unwrap()], ..context() };
    let (_, no_key) = host(&server, world(), false);
    assert_eq!(finding(&no_key, told.clone(), StepId::Group).await.verdict, Verdict::Pass);
    let heartbeat = finding(&no_key, told.clone(), StepId::Heartbeat).await;
    assert_eq!(heartbeat.causes[0].id, CauseId::HeartbeatUnverified);
    assert!(all_text(&heartbeat).contains("aliyun configure"), "{heartbeat:?}");

    let (_, host) = host(&server, world(), true);
    let no_cloud = finding(&host, Context { no_cloud: true, ..told.clone() }, StepId::Heartbeat).await;
    assert_eq!(no_cloud.verdict, Verdict::Skipped);
    finding(&host, Context { project: None, ..told.clone() }, StepId::Heartbeat).await;
    assert_eq!(server.with(|state| state.log.len()), 0, "nobody was asked");

    let denied = r#"{"errorCode":"Unauthorized","errorMessage":"denied by sts or ram, action: log:ListMachines, resource: acs:log:cn-hangzhou:1654218965343050:project/my-project/machinegroup/web"}"#;
    for (status, body, says) in [
        (401, denied, "log:ListMachines"),
        (401, denied, "RAM policy"),
        (
            401,
            r#"{"errorCode":"SignatureNotMatch","errorMessage":"signature x not match"}"#,
            "the AccessKey secret is wrong",
        ),
        (
            401,
            r#"{"errorCode":"Unauthorized","errorMessage":"AccessKeyId not found: LTAIabcdefghijkl"}"#,
            "does not exist",
        ),
        (401, r#"{"errorCode":"Unauthorized","errorMessage":"AccessKeyId is disabled: x"}"#, "is disabled"),
        (
            401,
            r#"{"errorCode":"Unauthorized","errorMessage":"The security token you provided has expired."}"#,
            "has expired",
        ),
        (401, r#"{"errorCode":"Unauthorized","errorMessage":"Your SLS service has been forbidden."}"#, "overdue bill"),
        (
            401,
            r#"{"errorCode":"Unauthorized","errorMessage":"The project does not belong to you."}"#,
            "another account",
        ),
        (
            401,
            r#"{"errorCode":"InvalidAccessKeyId","errorMessage":"Your SLS service has not opened."}"#,
            "not activated",
        ),
        (403, r#"{"errorCode":"ProjectForbidden","errorMessage":"x"}"#, "forbidden"),
        (404, r#"{"errorCode":"ProjectNotExist","errorMessage":"x"}"#, "no project my-project"),
        (405, r#"{"errorCode":"InvalidMethod","errorMessage":"x"}"#, "does not offer this call"),
        (400, r#"{"errorCode":"InvalidParameter","errorMessage":"x"}"#, "did not understand"),
        (200, "<!DOCTYPE html><html>Log in</html>", "proxy or login page"),
    ] {
        server.with(|state| state.faults = std::iter::repeat_n(Fault::answer(status, body), 60).collect());
        let looking = settled(&host, told.clone()).await;
        for step in [StepId::Group, StepId::Heartbeat] {
            let found = &looking.found().finding(step).unwrap().finding;
            assert!(all_text(found).contains(says), "{says} is not in {found:?}");
            assert!(!all_text(found).contains(KEY.0), "{found:?}");
        }
        let group = &looking.found().finding(StepId::Group).unwrap().finding;
        assert_eq!(group.verdict, Verdict::Pass, "what was told still holds: {group:?}");
    }
}

#[tokio::test]
async fn a_refused_write_changes_nothing_and_shows_the_policy_to_ask_for() {
    let server = Server::start(None).await;
    server.put_group("web", &[OLD]);
    server.with(|state| state.read_only_key = true);
    let original = server.with(|state| state.groups["web"].clone());
    let (machine, host) = host(&server, world(), true);
    let set = [format!("ip={IP}")];
    let yes = ConsentArgs { dry_run: false, yes: true };
    let (settings, mut out) = (settings(context()), Vec::new());
    let remedy = RemedyId::AddIpToGroup;
    let code = changing::fix(host.clone(), checks::check, &settings, remedy, &set, yes, &mut out).await.unwrap();
    let shown = String::from_utf8(out).unwrap();
    assert_eq!(code, 4, "{shown}");
    assert!(shown.contains("log:UpdateMachineGroup") && shown.contains("\"Version\":\"1\""), "{shown}");
    assert_eq!(server.with(|state| state.groups["web"].clone()), original);
    let journal = String::from_utf8(machine.world().content(format!("{STATE}/journal.jsonl")).unwrap()).unwrap();
    assert!(journal.contains("rolled-back"), "{journal}");
}

#[tokio::test]
async fn a_write_whose_outcome_is_unknown_is_taken_back() {
    let server = Server::start(None).await;
    server.put_group("web", &[OLD]);
    let (_, host) = host(&server, world(), true);
    let set = [format!("ip={IP}")];
    let yes = ConsentArgs { dry_run: false, yes: true };
    let (settings, mut out) = (settings(context()), Vec::new());
    // The plan reads project, group and configurations; the carrying out reads twice, writes, and cannot read back.
    let faults = [vec![Fault::None; 5], vec![Fault::LoseAnswer], vec![Fault::LoseRequest; 4]].concat();
    // The first request of all is repeated with the service's time.
    server.with(|state| state.faults = std::iter::once(Fault::None).chain(faults).collect());
    let remedy = RemedyId::AddIpToGroup;
    let code = changing::fix(host.clone(), checks::check, &settings, remedy, &set, yes, &mut out).await.unwrap();
    assert_eq!(code, 4, "{} {:?}", String::from_utf8_lossy(&out), server.with(|state| state.log.clone()));
    assert_eq!(server.with(|state| state.groups["web"]["machineList"].clone()), json!([OLD]));
}

#[tokio::test]
async fn a_concurrent_edit_is_noticed_before_anything_is_written_and_an_undo_does_not_run_over_one() {
    let server = Server::start(None).await;
    server.put_group("web", &[OLD]);
    let (machine, host) = host(&server, world(), true);
    let store = Store { dir: STATE.into(), actor: "ops".into() };
    let mut looking = settled(&host, context()).await;
    let inputs = Inputs { ip: IP.parse().ok(), ..Inputs::from_context(&context()) };
    let wish = PlanRequest::Remedy(RemedyId::AddIpToGroup, Box::new(inputs));
    let Planned::Ready(stale) = looking.plan(wish.clone()).await else { panic!() };
    assert!(!stale.needs_root() && stale.verify == StepId::Heartbeat);
    server.put_group("web", &[OLD, "10.9.9.9"]);
    let consent = Consent::given(ConsentBy::Button);
    let (sender, _news) = tokio::sync::mpsc::unbounded_channel();
    let order = |plan: &Plan| Order { plan: plan.clone(), with_restart: true, consent, undoes: None };
    let applied = host.carry_out(&order(&stale), sender.clone()).await;
    assert!(matches!(applied.result, AppliedResult::Stale(_)), "{applied:?}");
    assert!(machine.world().content(format!("{STATE}/journal.jsonl")).is_none());
    assert!(server.with(|state| state.log.iter().all(|line| !line.starts_with("PUT"))));

    let Planned::Ready(fresh) = looking.plan(wish).await else { panic!() };
    let applied = host.carry_out(&order(&fresh), sender).await;
    assert_eq!(applied.result, AppliedResult::Applied);
    assert_eq!(server.with(|state| state.groups["web"]["machineList"].clone()), json!([OLD, "10.9.9.9", IP]));
    server.put_group("web", &[OLD, "10.9.9.9", IP, "10.9.9.10"]);
    let undo = PlanRequest::Undo { entry: applied.entry.unwrap(), store };
    let Planned::Refused(why) = looking.plan(undo).await else { panic!() };
    assert!(why.get(Lang::En).contains("changed since"), "{why:?}");
}

#[tokio::test]
async fn the_program_itself_edits_and_takes_back_without_root_and_without_showing_the_key() {
    let server = Server::start(None).await;
    server.put_group("web", &[OLD]);
    let original = server.with(|state| state.groups["web"].clone());
    let home = tempfile::tempdir().unwrap();
    let run = async |more: &[&str]| {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_logtail-doctor"));
        command.args(more).args(["--project", PROJECT, "--region", REGION, "--machine-group", "web", "--lang", "en"]);
        command.env_clear().env("HOME", home.path()).env("PATH", "/usr/bin:/bin");
        command.env("LOGTAIL_DOCTOR_STATE", home.path().join("state"));
        command.env("LOGTAIL_DOCTOR_ENDPOINT", format!("http://127.0.0.1:{}", server.port));
        command.env("LOGTAIL_DOCTOR_METADATA", "http://127.0.0.1:9").env("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true");
        command.env("ALIBABA_CLOUD_ACCESS_KEY_ID", KEY.0).env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", KEY.1);
        let output = command.stdin(std::process::Stdio::null()).output().await.unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(!text.contains(KEY.0) && !text.contains(KEY.1), "a key shows in: {text}");
        text
    };
    let said = run(&["fix", "add-ip-to-group", "--set", "ip=10.1.1.5", "--yes"]).await;
    let list = server.with(|state| state.groups["web"]["machineList"].clone());
    assert_eq!(list, json!([OLD, IP]), "{said}");
    let listed = run(&["journal"]).await;
    assert!(listed.contains("edit acs:log:cn-hangzhou:*:project/my-project/machinegroup/web"), "{listed}");
    let said = run(&["undo", "--yes"]).await;
    let back = server.with(|state| state.groups["web"].clone());
    assert_eq!(without_time(&back), without_time(&original), "{said}");
    run(&["check", "--format", "json"]).await;
    for entry in std::fs::read_dir(home.path().join("state")).unwrap() {
        let text = String::from_utf8_lossy(&std::fs::read(entry.unwrap().path()).unwrap()).into_owned();
        assert!(!text.contains(KEY.0) && !text.contains(KEY.1), "a key is kept in: {text}");
    }
}

#[tokio::test]
async fn the_project_is_where_the_service_says_and_not_where_it_was_told_to_be() {
    let server = Server::start(None).await;
    server.put_group("web", &[IP]);
    let (_, host) = host(&server, world(), true);
    let told = Context { region: Some("cn-beijing".into()), ..context() };
    let parameters = finding(&host, told, StepId::Parameters).await;
    assert_eq!(parameters.verdict, Verdict::Pass, "{parameters:?}");
    assert!(all_text(&parameters).contains("cn-hangzhou, not cn-beijing as told"), "{parameters:?}");
    let untold = finding(&host, Context { region: None, ..context() }, StepId::Parameters).await;
    assert_eq!(untold.verdict, Verdict::Pass, "the service knows the region that nobody told: {untold:?}");
}
