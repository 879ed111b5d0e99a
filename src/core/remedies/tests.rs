//! Plans made from hand-made observations: what the simulated host cannot show, and the exact changes of each remedy.

mod boot_and_clock;
pub mod desk;

use super::*;
use crate::core::context::Field;
use crate::core::finding::RemedyId;
use crate::core::observe::{ProcessSeen, ReadCommand, Unavailable};
use crate::core::text::Lang;
use desk::{CONFIG, Desk, EXE, OWNER, lines, process};
use std::time::Duration;

const STOP: [&str; 2] = ["/etc/init.d/ilogtaild stop <40s", "await false /usr/local/ilogtail <35s"];
const START: [&str; 2] = ["/etc/init.d/ilogtaild start <30s", "await true /usr/local/ilogtail <20s"];

fn unit(name: &str, pid: u32) -> (ReadCommand, String) {
    (ReadCommand::UnitState { unit: name.into() }, format!("LoadState=loaded\nMainPID={pid}\nActiveState=active\n"))
}

#[test]
fn a_restart_is_stop_and_start_and_of_a_stopped_agent_only_the_start() {
    let running = Desk::logtail();
    assert_eq!(lines(&running.ready(RemedyId::RestartAgent).changes), [STOP, START].concat());
    assert_eq!(lines(&running.clone().stopped().ready(RemedyId::RestartAgent).changes), START);
    assert_eq!(lines(&running.clone().stopped().ready(RemedyId::StartAgent).changes), START);
    assert!(matches!(running.plan(RemedyId::StartAgent), Planned::Already(_)));
    let mut half = running.clone();
    half.processes = Ok(vec![process(10, 1, EXE)]);
    assert!(half.refusal(RemedyId::StartAgent).contains("restart-agent"));
    // Hidden processes may run: then the restart stops first, and a start is not planned at all.
    let mut hidden = running;
    hidden.processes = Err(Unavailable::NotAllowed);
    assert!(hidden.refusal(RemedyId::StartAgent).contains("root"));
    assert_eq!(lines(&hidden.ready(RemedyId::RestartAgent).changes), [STOP, START].concat());
}

#[test]
fn without_a_script_the_unit_is_restarted_and_without_both_nothing_is() {
    let bare = Desk::logtail().without("/etc/init.d/").stopped();
    let (look, out) = unit("ilogtaild", 0);
    let with_unit = bare.clone().prints(look, &out);
    let restart = ["systemctl restart ilogtaild <70s", "await true /usr/local/ilogtail <20s"];
    assert_eq!(lines(&with_unit.ready(RemedyId::StartAgent).changes), restart);
    assert_eq!(lines(&with_unit.ready(RemedyId::RestartAgent).changes), restart);
    assert!(bare.refusal(RemedyId::StartAgent).contains("upgrade-agent"));
    let edit = bare.set("ip", "10.1.1.5").ready(RemedyId::BindHostname);
    assert!(edit.restart.is_empty() && edit.manual.len() == 1);
    let mut community = Desk::logtail().without("/etc/init.d/").without("/usr/local").stopped();
    community = community.with("/opt/loongcollector/loongcollector", "").with(
        "/opt/loongcollector/run/app_info.json",
        "{\"ip\":\"\",\"loongcollector_version\":\"3.3.5 Community Edition\"}",
    );
    assert!(community.refusal(RemedyId::RestartAgent).contains("/opt/loongcollector"));
}

#[test]
fn suffixed_and_new_agents_are_controlled_by_their_own_script() {
    let exe = "/usr/local/ilogtail_b/ilogtail_1.8.8";
    let mut other = Desk::logtail().without("/usr/local").without("/etc/init.d/").without("/etc/ilogtail");
    other = other
        .with("/etc/init.d/ilogtaild_b", "")
        .with(exe, "")
        .with("/usr/local/ilogtail_b/ilogtail_config.json", "{}");
    other.processes = Ok(vec![process(10, 1, exe), process(11, 10, exe)]);
    let plan = other.clone().set("aliuid", OWNER).ready(RemedyId::AddAliuid);
    assert_eq!(
        lines(&plan.changes),
        ["mkdir /etc/ilogtail_b/users 755", &format!("create /etc/ilogtail_b/users/{OWNER} 644 \"\"")]
    );
    assert_eq!(lines(&other.ready(RemedyId::RestartAgent).changes)[0], "/etc/init.d/ilogtaild_b stop <40s");
    let exe = "/usr/local/ilogtail/loongcollector";
    let mut new = Desk::logtail().with("/etc/init.d/loongcollectord", "").with(exe, "");
    new.processes = Ok(vec![process(10, 1, exe), process(11, 10, exe)]);
    assert_eq!(lines(&new.ready(RemedyId::RestartAgent).changes)[0], "/etc/init.d/loongcollectord stop <40s");
}

#[test]
fn missing_values_are_asked_for_with_suggestions() {
    let desk = Desk::logtail();
    let needs = |desk: &Desk, remedy: RemedyId| match desk.plan(remedy) {
        Planned::Needs(missing) => {
            missing.iter().map(|(input, value)| format!("{}={value}", input.id())).collect::<Vec<_>>().join(" ")
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(needs(&desk, RemedyId::BindHostname), "ip=10.1.1.5");
    assert_eq!(needs(&desk, RemedyId::SetWorkingIp), "ip=10.1.1.5");
    assert_eq!(needs(&desk, RemedyId::SetEndpoint), "region=cn-hangzhou network=intranet");
    assert_eq!(needs(&desk.clone().set("network", "internet"), RemedyId::SetEndpoint), "region=cn-hangzhou");
    assert_eq!(needs(&desk, RemedyId::AddAliuid), "aliuid=");
    let flawed = desk.clone().with(&format!("/etc/ilogtail/users/{OWNER}.txt"), "");
    assert_eq!(needs(&flawed, RemedyId::AddAliuid), format!("aliuid={OWNER}"));
    assert_eq!(needs(&desk, RemedyId::WriteCustomId), "custom-id=");
    assert_eq!(needs(&desk, RemedyId::AddIpToGroup), "ip=10.1.1.5");
    let group = desk.clone().set("group-ip", "10.1.1.9");
    assert_eq!(needs(&group, RemedyId::ReplaceIpInGroup), "ip=10.1.1.5 old-ip=10.1.1.9");
    assert_eq!(needs(&desk.clone().without(CONFIG), RemedyId::RepairConfig), "region= network=");
    // An address that the group lists comes first, then eth0 and bond0, then whatever is not virtual.
    let mut many = desk;
    many.interfaces = vec![("docker0", [172, 17, 0, 1]), ("ens3", [10, 2, 2, 2]), ("bond0", [10, 3, 3, 3])];
    assert_eq!(needs(&many, RemedyId::BindHostname), "ip=10.3.3.3");
    assert_eq!(needs(&many.clone().set("group-ip", "10.2.2.2"), RemedyId::BindHostname), "ip=10.2.2.2");
    many.interfaces.pop();
    assert_eq!(needs(&many, RemedyId::BindHostname), "ip=10.2.2.2");
    many.interfaces.pop();
    assert_eq!(needs(&many, RemedyId::BindHostname), "ip=");
}

#[test]
fn the_hostname_is_bound_unless_something_else_wins() {
    let desk = Desk::logtail().set("ip", "10.1.1.5");
    let plan = desk.ready(RemedyId::BindHostname);
    let expected = "edit /etc/hosts 644 \"127.0.0.1 localhost\\n10.1.1.5\\tweb\\n\"";
    assert_eq!(lines(&plan.changes), [expected]);
    assert_eq!(lines(&plan.restart), [STOP, START].concat());
    assert_eq!(plan.inputs, [(InputId::Ip, "10.1.1.5".to_string())]);
    assert_eq!(plan.patience, Duration::from_secs(40));
    let fixed = desk.clone().with(CONFIG, "{\"working_ip\": \"1.1.1.1\"}");
    assert!(fixed.refusal(RemedyId::BindHostname).contains("working_ip = 1.1.1.1 (ilogtail_config.json) wins"));
    let mut told = desk.clone();
    told.environment = vec![("ALIYUN_LOGTAIL_WORKING_IP".into(), "1.1.1.1".into())];
    assert!(told.refusal(RemedyId::BindHostname).contains("ALIYUN_LOGTAIL_WORKING_IP"));
    let dns_only = desk.clone().with("/etc/nsswitch.conf", "hosts: dns\n");
    assert!(dns_only.refusal(RemedyId::BindHostname).contains("nsswitch"));
    assert!(desk.clone().set("ip", "127.0.0.1").refusal(RemedyId::BindHostname).contains("127.0.0.1"));
    // An address of no interface is allowed, and said.
    let elsewhere = desk.set("ip", "47.1.2.3").ready(RemedyId::BindHostname);
    assert!(elsewhere.cautions[0].get(Lang::En).contains("No interface"));
}

#[test]
fn a_key_is_edited_where_it_is_decided_and_nothing_else() {
    let desk = Desk::logtail().set("ip", "10.1.1.5").with(CONFIG, "{ \"a\" : 1 } // mine\n");
    let plan = desk.ready(RemedyId::SetWorkingIp);
    assert_eq!(
        lines(&plan.changes),
        [format!("edit {CONFIG} 644 \"{{ \\\"a\\\" : 1, \\\"working_ip\\\" : \\\"10.1.1.5\\\" }} // mine\\n\"")]
    );
    let adjust = desk.ready(RemedyId::EnableTimeAdjust);
    assert!(lines(&adjust.changes)[0].contains("\\\"enable_log_time_auto_adjust\\\" : true"));
    let broken = desk.clone().with(CONFIG, "{'a':1}");
    for remedy in [RemedyId::SetWorkingIp, RemedyId::EnableTimeAdjust, RemedyId::SetEndpoint] {
        assert!(broken.refusal(remedy).contains("repair-config"));
    }
    let overlay = "/etc/ilogtail/config.d/9.json";
    let overlaid = desk.with(overlay, "{\"working_ip\":\"2.2.2.2\"}").ready(RemedyId::SetWorkingIp);
    assert_eq!(lines(&overlaid.changes), [format!("edit {overlay} 644 \"{{\\\"working_ip\\\":\\\"10.1.1.5\\\"}}\"")]);
    assert!(overlaid.cautions.iter().any(|text| text.get(Lang::En).contains(overlay)));
}

#[test]
fn the_endpoint_is_not_pointed_where_it_cannot_be() {
    let desk = Desk::logtail().set("region", "cn-hangzhou-finance").set("network", "acceleration");
    assert!(desk.refusal(RemedyId::SetEndpoint).contains("no transfer acceleration"));
    let note = "{\"instance-id\":\"i-1\",\"region-id\":\"cn-hangzhou\"}";
    let far = Desk::logtail().with("/etc/ilogtail/checkpoint/instance_identity", note);
    let far = far.set("region", "cn-beijing").set("network", "intranet").ready(RemedyId::SetEndpoint);
    assert!(far.cautions.iter().any(|text| text.get(Lang::En).contains("This ECS instance is in cn-hangzhou")));
    let mut wild = Desk::logtail().set("network", "internet");
    wild.inputs.context.region = Some("x;reboot".into());
    for remedy in [RemedyId::SetEndpoint, RemedyId::UpgradeAgent] {
        assert!(wild.refusal(remedy).contains("not a region id"));
    }
    // Nor is a directory's name allowed to become a command.
    let exe = "/usr/local/ilogtail$(reboot)/ilogtail";
    let mut odd = Desk::logtail().without("/usr/local").with(exe, "");
    odd = odd.set("region", "cn-hangzhou").set("network", "internet");
    odd.processes = Ok(vec![process(10, 1, exe), process(11, 10, exe)]);
    assert!(odd.refusal(RemedyId::UpgradeAgent).contains("not put there"));
}

#[test]
fn identifiers_of_the_file_are_kept() {
    let path = "/etc/ilogtail/user_defined_id";
    let desk = Desk::logtail().set("custom-id", "web");
    let written = |before: &str| {
        let plan = desk.clone().with(path, before).ready(RemedyId::WriteCustomId);
        let [Change::WriteFile { after, .. }] = plan.changes.as_slice() else { panic!("{plan:?}") };
        (String::from_utf8(after.clone()).unwrap(), !plan.restart.is_empty())
    };
    assert_eq!(written(""), ("web\n".into(), false));
    assert_eq!(written("db"), ("db\nweb\n".into(), false));
    assert_eq!(written("db\n cache \n"), ("db\n cache \nweb\n".into(), false));
    assert_eq!(written("web\r\ndb\n[\"web\"]\n"), ("web\ndb\n".into(), true));
    assert_eq!(written("w\0e\0b\0\n\0d\0b\0"), ("web\ndb\n".into(), true));
    let fresh = desk.clone().without("/etc/ilogtail").ready(RemedyId::WriteCustomId);
    assert_eq!(
        lines(&fresh.changes),
        ["mkdir /etc/ilogtail 755", "create /etc/ilogtail/user_defined_id 644 \"web\\n\""]
    );
    assert!(matches!(desk.clone().with(path, "db\n web ").plan(RemedyId::WriteCustomId), Planned::Already(_)));
    let mut told = desk;
    told.environment = vec![("ALIYUN_LOGTAIL_USER_DEFINED_ID".into(), "a,web".into())];
    assert!(matches!(told.plan(RemedyId::WriteCustomId), Planned::Already(_)));
    let cleaned = Desk::logtail().with(path, "\u{feff}a\r\n\"b\"\r\na\n").ready(RemedyId::CleanCustomId);
    assert_eq!(lines(&cleaned.changes), [format!("edit {path} 644 \"a\\nb\\n\"")]);
    let gone = Desk::logtail().with(path, "a\n").ready(RemedyId::RemoveCustomId);
    assert_eq!(
        (lines(&gone.changes), lines(&gone.restart)),
        (vec![format!("remove {path}")], [STOP, START].concat().iter().map(|line| line.to_string()).collect())
    );
}

#[test]
fn account_names_are_set_right() {
    let path = |name: &str| format!("/etc/ilogtail/users/{name}");
    let flawed = Desk::logtail().with(&path(&format!("{OWNER}.txt")), "").with(&path("1000000000000001.txt"), "");
    assert!(matches!(flawed.plan(RemedyId::RenameAliuid), Planned::Needs(_)));
    let told = flawed.clone().set("aliuid", OWNER);
    let rename = format!("rename {} {}", path(&format!("{OWNER}.txt")), path(OWNER));
    assert_eq!(lines(&told.ready(RemedyId::RenameAliuid).changes), [rename]);
    let both = told.with(&path(OWNER), "");
    assert_eq!(
        lines(&both.ready(RemedyId::RenameAliuid).changes),
        [format!("remove {}", path(&format!("{OWNER}.txt")))]
    );
    assert!(matches!(both.plan(RemedyId::AddAliuid), Planned::Already(_)));
    assert!(flawed.set("aliuid", "1234567890123456").refusal(RemedyId::RenameAliuid).contains("add-aliuid"));
}

#[test]
fn names_that_mean_no_account_become_the_owners_or_go() {
    let path = |name: &str| format!("/etc/ilogtail/users/{name}");
    let strays = Desk::logtail().with(&path("alice"), "").with(&path("bob@example.com"), "").with(&path("old/x"), "");
    assert!(matches!(strays.plan(RemedyId::RenameAliuid), Planned::Needs(_)));
    let told = strays.set("aliuid", OWNER);
    let plan = told.ready(RemedyId::RenameAliuid);
    assert_eq!(
        lines(&plan.changes),
        [format!("rename {} {}", path("alice"), path(OWNER)), format!("remove {}", path("bob@example.com"))]
    );
    assert!(plan.manual[0].get(Lang::En).contains("old"), "a directory is left to the operator");
    let plan = told.with(&path(OWNER), "").ready(RemedyId::RenameAliuid);
    assert_eq!(
        lines(&plan.changes),
        [format!("remove {}", path("alice")), format!("remove {}", path("bob@example.com"))]
    );
    let mut variable = Desk::logtail().set("aliuid", OWNER);
    variable.environment = vec![("ALIYUN_LOGTAIL_USER_ID".into(), "alice".into())];
    let plan = variable.ready(RemedyId::RenameAliuid);
    assert!(plan.changes.is_empty() && plan.manual[0].get(Lang::En).contains("ALIYUN_LOGTAIL_USER_ID"));
}

#[test]
fn an_extra_agent_is_stopped_and_nobody_elses_process() {
    let exe = "/opt/loongcollector/loongcollector";
    let mut desk = Desk::logtail().with(exe, "");
    desk = desk.with(
        "/opt/loongcollector/run/app_info.json",
        "{\"ip\":\"\",\"loongcollector_version\":\"3.3.5 Community Edition\"}",
    );
    desk.processes = Ok(vec![process(10, 1, EXE), process(11, 10, EXE), process(30, 1, exe)]);
    let stop = ["kill -TERM 30", "await false /opt/loongcollector <35s"];
    assert_eq!(lines(&desk.ready(RemedyId::StopExtraAgent).changes), stop);
    let (look, out) = unit("loongcollectord", 30);
    let unit = desk.clone().prints(look, &out);
    assert_eq!(lines(&unit.ready(RemedyId::StopExtraAgent).changes)[0], "systemctl stop loongcollectord <40s");
    let mut hidden = desk.clone();
    hidden.processes =
        Ok(vec![process(10, 1, EXE), ProcessSeen { exe: Err(Unavailable::NotAllowed), ..process(30, 1, exe) }]);
    assert!(hidden.refusal(RemedyId::StopExtraAgent).contains("root"));
    desk.processes = Ok(vec![process(10, 1, EXE), process(11, 10, EXE)]);
    let idle = desk.ready(RemedyId::StopExtraAgent);
    assert!(!idle.is_automatic() && idle.manual[0].get(Lang::En).contains("uninstall"), "{idle:?}");
    let mut many = Desk::logtail();
    many.processes = Ok(vec![process(10, 1, EXE), process(11, 10, EXE), process(12, 1, EXE)]);
    assert_eq!(lines(&many.ready(RemedyId::StopExtraAgent).changes), [STOP, START].concat());
}

#[test]
fn force_is_planned_only_where_the_operator_said_so() {
    let mut desk = Desk::logtail();
    desk.processes = Ok(vec![process(10, 1, EXE), process(11, 10, EXE)]);
    let forced = "await false /usr/local/ilogtail <35s, else /etc/init.d/ilogtaild force-stop";
    let plain = lines(&desk.ready(RemedyId::RestartAgent).changes);
    assert!(!plain.concat().contains("else"), "{plain:?}");
    let plan = desk.clone().set("force", "yes").ready(RemedyId::RestartAgent);
    assert_eq!(lines(&plan.changes)[1], forced);
    assert_eq!(plan.inputs, vec![(InputId::Force, "yes".to_string())]);
    assert!(preview(&plan, true, Lang::En).iter().any(|line| line.text.contains("$ /etc/init.d/ilogtaild force-stop")));
    // What is left of an agent does not end by a start.
    desk.processes = Ok(vec![process(10, 1, EXE)]);
    assert!(desk.refusal(RemedyId::StartAgent).contains("restart-agent"));
    assert_eq!(lines(&desk.clone().set("force", "yes").ready(RemedyId::StartAgent).changes)[1], forced);
    let exe = "/opt/loongcollector/loongcollector";
    desk = desk.with(exe, "");
    desk.processes = Ok(vec![process(10, 1, EXE), process(30, 1, exe), process(31, 30, exe)]);
    let extra = desk.set("force", "yes").ready(RemedyId::StopExtraAgent);
    let hard = "await false /opt/loongcollector <35s, else kill -KILL 30 31";
    assert_eq!(lines(&extra.changes), ["kill -TERM 30 31", hard], "parents first");
}

#[test]
fn a_plan_that_stops_the_agent_knows_how_to_start_it_again() {
    let mut desk = Desk::logtail().set("ip", "10.9.9.9");
    desk.processes = Ok(vec![process(10, 1, EXE), process(11, 10, EXE)]);
    for remedy in [RemedyId::RestartAgent, RemedyId::SetWorkingIp] {
        assert_eq!(lines(&desk.ready(remedy).revive), START, "{remedy:?}");
    }
    let upgrade = desk.clone().set("region", "cn-hangzhou").set("network", "intranet").ready(RemedyId::UpgradeAgent);
    assert_eq!(lines(&upgrade.revive), START);
    let after = &lines(&upgrade.changes)[2..];
    assert_eq!(after[..1], ["/etc/init.d/ilogtaild stop <40s"], "what the installer started has its environment");
    assert_eq!(after[2..], START);
    assert!(desk.set("aliuid", OWNER).ready(RemedyId::AddAliuid).revive.is_empty());
}

#[test]
fn a_local_rule_that_drops_is_answered_and_nothing_else() {
    let dropping = "*filter\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -p tcp -m tcp --dport 443 -j DROP\nCOMMIT\n";
    let plan = Desk::logtail().prints(ReadCommand::IptablesRules, dropping).ready(RemedyId::AllowEgress);
    let allow =
        "iptables -I OUTPUT 1 -p tcp -m multiport --dports 80,443 -m comment --comment logtail-doctor -j ACCEPT <30s";
    assert_eq!(lines(&plan.changes), [allow]);
    let elsewhere = dropping.replace("-p tcp -m tcp --dport 443", "-d 10.0.0.0/8");
    let plan = Desk::logtail().prints(ReadCommand::IptablesRules, &elsewhere).ready(RemedyId::AllowEgress);
    assert!(plan.changes.is_empty(), "it drops other traffic: {plan:?}");
    let set = dropping.replace("--dport 443", "--dport 443 -m set --match-set a dst");
    let plan = Desk::logtail().prints(ReadCommand::IptablesRules, &set).ready(RemedyId::AllowEgress);
    assert!(plan.changes.is_empty() && plan.manual[1].get(Lang::En).contains("could not be followed"), "{plan:?}");
    let plain = Desk::logtail().ready(RemedyId::AllowEgress);
    assert!(plain.changes.is_empty());
    assert!(plain.manual[0].get(Lang::En).contains("logtail.cn-hangzhou-intranet.log.aliyuncs.com"));
    assert!(plain.manual[1].get(Lang::En).contains("neither nft nor iptables"));
    let read = Desk::logtail().prints(ReadCommand::NftRules, "").ready(RemedyId::AllowEgress);
    let said = read.manual[1].get(Lang::En);
    assert!(said.contains("No rule") && !said.contains("root"), "rules that were read need no root: {said}");
}

#[test]
fn an_entry_is_undone_by_id_by_beginning_or_as_the_last() {
    let begin = |id: &str, remedy: &str| {
        format!(
            "{{\"event\":\"begin\",\"id\":\"{id}\",\"at_ms\":1,\"remedy\":\"{remedy}\",\"actor\":\"ops\",\"consent\":\"button\"}}\n"
        )
    };
    let made = |id: &str, path: &str| {
        let after = crate::core::observe::Fingerprint::of(Some(b""));
        let after = serde_json::to_string(&after).unwrap();
        format!(
            "{{\"event\":\"change\",\"id\":\"{id}\",\"path\":\"{path}\",\"kind\":\"write\",\"before\":\"absent\",\"after\":{after},\"backup\":null}}\n{{\"event\":\"end\",\"id\":\"{id}\",\"result\":\"applied\"}}\n"
        )
    };
    let run = "{\"event\":\"change\",\"id\":\"b3\",\"path\":\"x\",\"kind\":{\"run\":[\"/etc/init.d/x\",\"stop\"]},\"before\":\"absent\",\"after\":\"absent\",\"backup\":null}\n";
    let (users, overlay) = ("/etc/ilogtail/users/1", "/etc/ilogtail/user_defined_id");
    let journal = begin("a1", "add-aliuid")
        + &made("a1", users)
        + &begin("a2", "write-custom-id")
        + &made("a2", overlay)
        + &begin("b3", "restart-agent")
        + run
        + "{\"event\":\"end\",\"id\":\"b3\",\"result\":\"applied\"}\n";
    let desk = Desk::logtail().with("/state/journal.jsonl", &journal).with(users, "").with(overlay, "");
    let undone = |entry: &str| match desk.undo(entry) {
        Planned::Ready(plan) => (lines(&plan.changes), plan.restart.len()),
        other => panic!("{other:?}"),
    };
    assert_eq!(undone("a1"), (vec![format!("remove {users}")], 0));
    assert_eq!(undone("last"), (vec![format!("remove {overlay}")], 4));
    for (entry, word) in [("a", "any of a1, a2"), ("z", "no entry"), ("", "no entry"), ("b", "only ran commands")] {
        let Planned::Refused(text) = desk.undo(entry) else { panic!("{entry}") };
        assert!(text.get(Lang::En).contains(word), "{entry}: {text:?}");
    }
    // Somebody removed the file meanwhile: that is not the same as having only run commands.
    let gone = Desk::logtail().with("/state/journal.jsonl", &journal).undo("a1");
    assert!(matches!(&gone, Planned::Already(text) if text.get(Lang::En).contains("as it was")), "{gone:?}");
    let empty = Desk::logtail().undo("last");
    assert!(matches!(empty, Planned::Refused(_)));
}

#[test]
fn every_sentence_is_there_in_both_languages() {
    let mut desk = Desk::logtail().set("ip", "10.9.9.9").set("old-ip", "10.1.1.9").set("aliuid", OWNER);
    desk = desk.set("region", "cn-beijing").set("network", "internet").set("custom-id", "web");
    for &remedy in RemedyId::ALL {
        let texts = match desk.plan(remedy) {
            Planned::Ready(plan) => [vec![plan.why], plan.manual, plan.cautions].concat(),
            Planned::Already(text) | Planned::Refused(text) => vec![text],
            Planned::Needs(missing) => panic!("{}: {missing:?}", remedy.id()),
        };
        for text in texts {
            assert!(text.get(Lang::En).ends_with(|c: char| ".)".contains(c) || c.is_alphanumeric()), "{text:?}");
            assert!(!text.get(Lang::Zh).is_ascii(), "{text:?}");
            assert!(!text.get(Lang::Zh).contains([',', ';']) || text.get(Lang::Zh).contains(", "), "{text:?}");
        }
    }
}

#[test]
fn field_names_of_inputs_are_those_of_options() {
    for field in Field::ALL {
        assert_eq!(InputId::of_id(field.id()), Some(InputId::Context(field)));
    }
}
