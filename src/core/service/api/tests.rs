//! The requests as the documents write them, and answers documented, newer, older and broken.

use super::*;
use crate::core::observe::KnownIdentity;
use proptest::prelude::*;

fn line(call: Result<Call, BadName>) -> String {
    let call = call.unwrap();
    let body = call.body.map(|body| format!(" {}", String::from_utf8(body).unwrap())).unwrap_or_default();
    let project = call.project.unwrap_or("-".into());
    format!("{project} {} {}{body}", call.method, crate::core::service::sign::target(&call.path, &call.query))
}

fn list_machines() -> ListMachines {
    ListMachines { project: "p1".into(), group: "g1".into(), offset: 500 }
}

fn list_groups() -> ListMachineGroup {
    ListMachineGroup { project: "p1".into(), offset: 0, containing: None }
}

#[test]
fn requests_as_documented() {
    let (project, group) = ("p1".to_string(), "g1".to_string());
    let whole = MachineGroup::new("g1", KnownIdentity::Ip, &["10.0.0.1".into()]);
    let write = |create| PutMachineGroup { project: "p1".into(), group: whole.clone(), create };
    let body = r#"{"groupName":"g1","groupType":"","groupAttribute":{},"machineIdentifyType":"ip","machineList":["10.0.0.1"]}"#;
    let machines = vec!["10.0.0.2".to_string()];
    for (built, expected) in [
        (GetProject { project: project.clone(), cross_region: false }.build(), "p1 GET /".to_string()),
        (GetProject { project: project.clone(), cross_region: true }.build(), "p1 GET /?crossRegion=true".into()),
        (list_groups().build(), "p1 GET /machinegroups?offset=0&size=500".into()),
        (
            ListMachineGroup { containing: Some("a b".into()), ..list_groups() }.build(),
            "p1 GET /machinegroups?offset=0&size=500&groupName=a%20b".into(),
        ),
        (GetMachineGroup { project: project.clone(), group: group.clone() }.build(), "p1 GET /machinegroups/g1".into()),
        (write(false).build(), format!("p1 PUT /machinegroups/g1 {body}")),
        (write(true).build(), format!("p1 POST /machinegroups {body}")),
        (
            UpdateMachineGroupMachine {
                project: project.clone(),
                group: group.clone(),
                membership: Membership::Add,
                machines,
            }
            .build(),
            r#"p1 PUT /machinegroups/g1/machines?action=add ["10.0.0.2"]"#.into(),
        ),
        (list_machines().build(), "p1 GET /machinegroups/g1/machines?offset=500&size=500".into()),
        (GetAppliedConfigs { project, group }.build(), "p1 GET /machinegroups/g1/configs".into()),
        (DescribeRegions { language: "zh" }.build(), "- GET /regions?language=zh".into()),
    ] {
        assert_eq!(line(built), expected);
    }
}

#[test]
fn a_name_that_could_leave_its_place_is_never_sent() {
    for bad in ["", "a", "../x", "a/b", "a b", "A1", "-a", "a-", "a\r\nb", "中文", &"a".repeat(129)] {
        assert!(GetProject { project: bad.into(), cross_region: false }.build().is_err(), "{bad}");
        assert!(GetMachineGroup { project: "p1".into(), group: bad.into() }.build().is_err(), "{bad}");
    }
}

#[test]
fn machines_are_read_whatever_is_missing() {
    let body = br#"{"count":3,"total":7,"machines":[
        {"ip":"203.0.113.10","machine-uniqueid":"26964724-AAAA","userdefined-id":"","lastHeartbeatTime":1622106889,"binary":"1.8.7","host-id":"i-bp1"},
        {"ip":null,"lastHeartbeatTime":"1622106890"}, {}]}"#;
    let page = list_machines().parse(body).unwrap();
    assert_eq!(page.total, 7);
    assert_eq!(page.items[0].host_id, "i-bp1");
    assert_eq!(page.items[0].last_heartbeat, Some(1_622_106_889));
    assert_eq!(page.items[1], Machine { last_heartbeat: Some(1_622_106_890), ..Machine::default() });
    assert_eq!(page.items[2], Machine::default());
    assert_eq!(list_machines().parse(br#"{"count":0,"total":0}"#).unwrap().items, []);
    for broken in ["", "[]", "{}", r#"{"machines":{}}"#, "<html>"] {
        assert!(list_machines().parse(broken.as_bytes()).is_err(), "{broken}");
    }
}

#[test]
fn groups_may_be_names_or_objects() {
    let body = br#"{"count":3,"total":3,"machinegroups":["g1",{"name":"g2","type":""},{"groupName":"g3"},7]}"#;
    assert_eq!(list_groups().parse(body).unwrap().items, ["g1", "g2", "g3"]);
}

#[test]
fn a_project_and_a_caller_need_their_names() {
    let call = GetProject { project: "p1".into(), cross_region: false };
    let project =
        call.parse(br#"{"projectName":"p1","region":"cn-hangzhou","owner":"","createTime":"2020-11-18 16:55:57"}"#);
    assert_eq!(project.unwrap().region, "cn-hangzhou");
    for (owner, id) in [("", None), ("165****050", None), ("1654218965343050", Some("1654218965343050"))] {
        assert_eq!(Project { owner: owner.into(), ..Project::default() }.owner_id(), id);
    }
    assert!(call.parse(b"{}").is_err());
    let caller = Caller::parse(
        br#"{"AccountId":"1654218965343050","Arn":"acs:ram::1654218965343050:root","IdentityType":"Account"}"#,
    );
    assert_eq!(caller.unwrap().account_id, "1654218965343050");
    assert!(Caller::parse(br#"{"Code":"x"}"#).is_err());
}

#[test]
fn regions_are_listed() {
    let body = br#"{"regions":[{"region":"cn-hangzhou","localName":"x","internetEndpoint":"cn-hangzhou.log.aliyuncs.com","dataRedundancyType":["LRS"]},{}]}"#;
    let regions = DescribeRegions { language: "en" }.parse(body).unwrap();
    assert_eq!(regions.len(), 1);
    assert_eq!(regions[0].internet_endpoint, "cn-hangzhou.log.aliyuncs.com");
}

proptest! {
    #[test]
    fn no_answer_breaks_a_reader(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        let _ = list_machines().parse(&bytes);
        let _ = list_groups().parse(&bytes);
        let _ = GetMachineGroup { project: "p1".into(), group: "g1".into() }.parse(&bytes);
        let _ = Caller::parse(&bytes);
    }
}

#[test]
fn windows_is_known_by_the_four_numbers_of_its_versions() {
    for (version, expected) in [
        ("1.0.0.22", true),
        ("0.16.0.13", true),
        ("1.8.8", false),
        ("3.3.1", false),
        ("", false),
        ("1.8.8.beta", false),
        ("1..8.8", false),
    ] {
        assert_eq!(Machine { version: version.into(), ..Machine::default() }.is_windows(), expected, "{version}");
    }
}
