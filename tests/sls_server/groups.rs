//! Machine groups are added to, made and removed over real connections; and a key that is typed in while the program runs.

use super::loop_on_host::{IP, STATE, all_text, context, finding, host, settings, settled, this_machine, world};
use super::server::{Fault, KEY, NOW, PROJECT, Server};
use super::{NEW, client, kind};
use logtail_doctor::cli::args::ConsentArgs;
use logtail_doctor::cli::changing;
use logtail_doctor::core::checks::{self, About};
use logtail_doctor::core::context::Context;
use logtail_doctor::core::finding::{CauseId, RemedyId, StepId, Verdict};
use logtail_doctor::core::observe::KnownIdentity;
use logtail_doctor::core::observe::MachineGroup;
use logtail_doctor::core::observe::Observations;
use logtail_doctor::core::remedies::{InputId, Inputs, Planned};
use logtail_doctor::core::service::ErrorKind;
use logtail_doctor::core::service::group_edit::{Edit, plan};
use logtail_doctor::core::service::{Credentials, Source};
use logtail_doctor::core::text::Lang;
use logtail_doctor::engine::PlanRequest;
use logtail_doctor::host::simulated::{Flavour, World};
use logtail_doctor::sls::group_write::{NotWritten, create, remove, write};
use serde_json::json;

const YES: ConsentArgs = ConsentArgs { dry_run: false, yes: true };

fn puts(server: &Server) -> Vec<String> {
    let is_write = |line: &&String| ["PUT", "POST", "DELETE"].iter().any(|method| line.starts_with(method));
    server.with(|state| {
        state.log.iter().filter(is_write).map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect()
    })
}

#[tokio::test]
async fn the_service_appends_an_address_itself_and_where_it_may_not_the_whole_group_is_written() {
    let server = Server::start(None).await;
    let client = client(&server);
    for (no_append, wanted) in [
        (false, vec!["PUT /machinegroups/web/machines?action=add"]),
        (true, vec!["PUT /machinegroups/web/machines?action=add", "PUT /machinegroups/web"]),
    ] {
        server.put_group("web", &["10.0.0.1"]);
        let planned = plan(&client.group(PROJECT, "web").await.unwrap().answer, Edit::Add(NEW)).unwrap();
        server.with(|state| {
            state.log.clear();
            state.no_append = no_append;
        });
        let written = write(&client, PROJECT, &planned).await.unwrap();
        assert_eq!(written.group.list().unwrap(), ["10.0.0.1", "10.0.0.2"]);
        assert_eq!(puts(&server), wanted);
    }
}

#[tokio::test]
async fn a_group_is_made_once_and_removed_only_as_it_was_made() {
    let server = Server::start(None).await;
    let client = client(&server);
    let group = MachineGroup::new("mine", KnownIdentity::Ip, &["10.0.0.2".to_string()]);
    assert_eq!(create(&client, PROJECT, &group).await.unwrap().server_time, Some(NOW));
    assert!(matches!(create(&client, PROJECT, &group).await, Err(NotWritten::Moved { .. })));

    server.with(|state| state.groups.get_mut("mine").unwrap()["machineList"] = json!(["10.0.0.2", "10.0.0.3"]));
    assert!(matches!(remove(&client, PROJECT, &group).await, Err(NotWritten::Moved { .. })), "somebody uses it by now");
    server.with(|state| state.groups.get_mut("mine").unwrap()["machineList"] = json!(["10.0.0.2"]));
    remove(&client, PROJECT, &group).await.unwrap();
    assert_eq!(kind(&client.group(PROJECT, "mine").await.unwrap_err()), &ErrorKind::GroupNotExist);

    for (fault, carried_out) in [(Fault::LoseAnswer, true), (Fault::LoseRequest, false)] {
        server.with(|state| {
            state.groups.clear();
            state.log.clear();
            state.faults = [Fault::None, fault].into();
        });
        let made = create(&client, PROJECT, &group).await;
        assert_eq!(made.is_ok(), carried_out, "{made:?}");
        assert_eq!(puts(&server), ["POST /machinegroups"], "it is never made twice");
    }
}

#[tokio::test]
async fn a_new_group_is_made_proven_and_taken_back_only_while_nobody_changed_it() {
    let server = Server::start(None).await;
    server.put_group("other", &["10.0.0.1"]);
    let (machine, host) = host(&server, world(), true);
    let missing = finding(&host, context(), StepId::Group).await;
    assert_eq!(missing.causes[0].id, CauseId::GroupNotFound);
    assert!(missing.remedies().contains(&RemedyId::AddIpToGroup));

    let settings = settings(context());
    let set = ["create-group=yes".to_string(), "machine-group=web".into(), format!("ip={IP}")];
    let remedy = RemedyId::AddIpToGroup;
    let fix = async |set: &[String]| {
        let mut out = Vec::new();
        let code = changing::fix(host.clone(), checks::check, &settings, remedy, set, YES, &mut out).await.unwrap();
        (code, String::from_utf8(out).unwrap())
    };
    assert_eq!(fix(&[]).await.0, 3, "without an answer nothing is created");
    server.with(|state| state.after_put = vec![this_machine(NOW + 1)]);
    let (code, said) = fix(&set).await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("create machine group web in project my-project"), "{said}");
    let made = server.with(|state| state.groups["web"].clone());
    assert_eq!((&made["machineIdentifyType"], &made["machineList"]), (&json!("ip"), &json!([IP])));
    assert_eq!(finding(&host, context(), StepId::Group).await.verdict, Verdict::Pass);
    let journal = String::from_utf8(machine.world().content(format!("{STATE}/journal.jsonl")).unwrap()).unwrap();
    assert!(journal.contains("make-group") && !journal.contains(KEY.1), "{journal}");

    let undo = async || {
        let mut out = Vec::new();
        changing::undo(host.clone(), checks::check, &settings, None, YES, &mut out).await.unwrap()
    };
    server.with(|state| state.groups.get_mut("web").unwrap()["machineList"] = json!([IP, "10.0.0.9"]));
    assert_eq!(undo().await, 3, "another host was added to it since");
    assert!(server.with(|state| state.groups.contains_key("web")));
    server.with(|state| state.groups.get_mut("web").unwrap()["machineList"] = json!([IP]));
    server.with(|state| state.groups.get_mut("web").unwrap()["createTime"] = json!(NOW));
    assert_eq!(undo().await, 3, "a collection configuration is applied to it by now");
    server.with(|state| state.groups.get_mut("web").unwrap().as_object_mut().unwrap().remove("createTime"));
    assert_eq!(undo().await, 0);
    assert!(server.with(|state| !state.groups.contains_key("web") && state.groups.contains_key("other")));
}

#[tokio::test]
async fn a_group_of_custom_identifiers_is_made_for_a_host_that_has_one() {
    let server = Server::start(None).await;
    let (_, host) = host(&server, world().custom_id("web-frontend\n"), true);
    let settings = settings(context());
    let set = ["create-group=yes".to_string(), "identity=custom".into(), "custom-id=web-frontend".into()];
    let mut out = Vec::new();
    let dry = ConsentArgs { dry_run: true, yes: false };
    let remedy = RemedyId::AddIpToGroup;
    let code = changing::fix(host.clone(), checks::check, &settings, remedy, &set, dry, &mut out).await.unwrap();
    let said = String::from_utf8(out).unwrap();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("\"userdefined\"") && said.contains("\"web-frontend\""), "{said}");
    assert!(!said.contains("does not have the custom identifier"), "{said}");

    // A group of identifiers takes no address: a new group is offered, and who insists is told what helps.
    server.put_group("web", &["web-backend"]);
    server.with(|state| state.groups.get_mut("web").unwrap()["machineIdentifyType"] = json!("userdefined"));
    let mut looked = settled(&host, context()).await;
    let mut inputs = Inputs::from_context(&context());
    let planned = looked.plan(PlanRequest::Remedy(remedy, Box::new(inputs.clone()))).await;
    assert!(matches!(&planned, Planned::Needs(wanted) if wanted[0].0 == InputId::CreateGroup), "{planned:?}");
    inputs.create_group = Some(false);
    inputs.set(InputId::Ip, IP).unwrap();
    let planned = looked.plan(PlanRequest::Remedy(remedy, Box::new(inputs))).await;
    let Planned::Refused(why) = planned else { panic!("{planned:?}") };
    assert!(why.get(Lang::En).contains("write-custom-id"), "{why:?}");
}

#[tokio::test]
async fn a_key_that_is_typed_in_is_used_from_then_on_and_another_one_after_it() {
    let server = Server::start(None).await;
    server.put_group("web", &[IP]);
    let (_, host) = host(&server, world(), false);
    let heartbeat = finding(&host, context(), StepId::Heartbeat).await;
    assert!(all_text(&heartbeat).contains("No AccessKey was found"), "{heartbeat:?}");
    let typed = |secret: &str| Credentials::new(KEY.0, secret, None, Source::Typed).unwrap();
    host.host().use_key(typed("aWrongSecret"));
    let wrong = finding(&host, context(), StepId::Group).await;
    assert_eq!(wrong.verdict, Verdict::Unknown, "{wrong:?}");
    host.host().use_key(typed(KEY.1));
    let group = finding(&host, context(), StepId::Group).await;
    assert_eq!(group.verdict, Verdict::Pass, "{group:?}");
    let text = all_text(&group);
    assert!(text.contains("typed in") && text.contains("LTAI****ijkl"), "{text}");
    assert!(!text.contains(KEY.1) && !text.contains(KEY.0), "{text}");
}

#[tokio::test]
async fn a_thousand_groups_are_listed_in_two_calls_and_only_those_in_sight_are_read() {
    let server = Server::start(None).await;
    for number in 0..1000 {
        server.put_group(&format!("group-{number:04}"), &["10.0.0.1"]);
    }
    server.put_group("group-0003", &["10.0.0.1", IP]);
    let (_, host) = host(&server, world(), true);
    let told = Context { machine_group: None, ..context() };
    let mut seen = Observations::default();
    let about = ["group-0003".to_string(), "group-0999".to_string()];
    let groups = loop {
        let listed = checks::groups(&seen, &told, &about);
        let open = seen.take_open();
        if open.is_empty() {
            break listed.unwrap().unwrap();
        }
        for question in open {
            let answer = host.host().observe(question.clone()).await;
            seen.keep(question, answer);
        }
    };
    assert_eq!(groups.len(), 1000);
    assert_eq!(groups[0].name, "group-0003", "what lists this host comes first");
    assert!(matches!(groups[0].about, About::Read { lines: 2, has_this_host: true, .. }));
    assert_eq!(groups.iter().filter(|group| group.about != About::NotRead).count(), 2);
    let lists = server.with(|state| state.log.iter().filter(|line| line.contains("/machinegroups?")).count());
    assert_eq!(lists, 2);
}

#[tokio::test]
async fn a_group_of_the_other_kind_is_explained_in_a_sentence() {
    let server = Server::start(None).await;
    server.put_group("web", &["10.0.0.1"]);
    let (_, with_id) = host(&server, world().custom_id("web-frontend\n"), true);
    let group = all_text(&finding(&with_id, context(), StepId::Group).await);
    assert!(group.contains("says that it is web-frontend, but the group identifies by IP"), "{group}");

    server.put_group("web", &["web-frontend"]);
    server.with(|state| state.groups.get_mut("web").unwrap()["machineIdentifyType"] = json!("userdefined"));
    let root = World::healthy(Flavour::Logtail188);
    let (_, without) = host(&server, root, true);
    let group = all_text(&finding(&without, context(), StepId::Group).await);
    assert!(group.contains(&format!("never looks at the IP {IP} that this host reports")), "{group}");
}
