//! The scenarios of address, group, account, log and heartbeat, and of what rules in containers and for ordinary users.

use super::machine::*;
use super::scenarios::Scenario;
use logtail_doctor::core::context::{Context, IdentityKind};
use logtail_doctor::core::finding::{CauseId, Severity, StepId};
use logtail_doctor::core::observe::{InterfaceSeen, Unavailable};

use CauseId::*;
use Flavour::{Logtail188, Logtail207, Loong331};
use Severity::{Fail, Unknown, Warn};
use StepId::{Account, Address, Group, Heartbeat, Log};

fn nic(name: &str, ip: &str) -> InterfaceSeen {
    InterfaceSeen { name: name.into(), up: true, ipv4: vec![ip.parse().unwrap()] }
}

fn group_of(m: &mut Context, id: &str) {
    m.identity = Some(IdentityKind::Custom);
    m.custom_id = Some(id.into());
    m.group_ips.clear();
}

pub const OF_IDENTITY: &[Scenario] = &[
    (
        "no record of a start",
        Logtail188,
        |m, told| {
            m.remove(APP_INFO);
            group_of(told, "web");
            m.write(IDS, "web\n");
        },
        &[(Address, AppInfoMissing, Fail)],
    ),
    (
        "a record that was cut off",
        Logtail207,
        |m, told| {
            m.write_at(APP_INFO, "{\"ip\" : \"10.", NOW);
            group_of(told, "web");
            m.write(IDS, "web\n");
        },
        &[(Address, AppInfoInvalid, Fail)],
    ),
    (
        "no address at all",
        Loong331,
        |m, _| {
            m.app_info("");
            m.lookup = Ok(vec![]);
            m.interfaces = Ok(vec![nic("lo", "127.0.0.1")]);
        },
        &[(Address, IpEmpty, Fail), (Group, IpNotInGroup, Fail)],
    ),
    (
        "the loopback address",
        Logtail188,
        |m, _| {
            m.app_info("127.0.0.1");
            m.reconfigure(|text| text.replacen('{', "{\"working_ip\": \"127.0.0.1\",", 1));
        },
        &[(Address, IpLoopback, Fail), (Group, IpNotInGroup, Fail)],
    ),
    (
        "an address of /etc/hosts that no interface has",
        Logtail207,
        |m, _| {
            m.app_info("203.0.113.7");
            m.lookup = Ok(vec!["203.0.113.7".parse().unwrap()]);
        },
        &[(Address, IpNotLocal, Fail), (Group, IpNotInGroup, Fail)],
    ),
    (
        "a foreign address that the group lists",
        Logtail207,
        |m, told| {
            m.app_info("203.0.113.7");
            m.lookup = Ok(vec!["203.0.113.7".parse().unwrap()]);
            told.group_ips = vec!["203.0.113.7".parse().unwrap()];
        },
        &[(Address, IpNotLocal, Warn)],
    ),
    (
        "a foreign address, and a group by identifier",
        Logtail207,
        |m, told| {
            m.app_info("203.0.113.7");
            m.lookup = Ok(vec!["203.0.113.7".parse().unwrap()]);
            group_of(told, "web");
            m.write(IDS, "web\n");
        },
        &[(Address, IpNotLocal, Warn)],
    ),
    (
        "any interface may be taken",
        Loong331,
        |m, _| {
            m.lookup = Ok(vec![]);
            m.interfaces = Ok(vec![nic("lo", "127.0.0.1"), nic("ens3", "10.1.1.5"), nic("ens4", "10.9.9.9")]);
        },
        &[(Address, IpAmbiguous, Warn)],
    ),
    (
        "any interface may be taken, but working_ip decides",
        Loong331,
        |m, _| {
            m.lookup = Ok(vec![]);
            m.interfaces = Ok(vec![nic("lo", "127.0.0.1"), nic("ens3", "10.1.1.5"), nic("ens4", "10.9.9.9")]);
            m.reconfigure(|text| text.replacen('{', "{\"working_ip\": \"10.1.1.5\",", 1));
        },
        &[],
    ),
    (
        "the Docker bridge",
        Logtail188,
        |m, told| {
            m.app_info("172.17.0.1");
            m.lookup = Ok(vec!["172.17.0.1".parse().unwrap()]);
            m.interfaces.as_mut().unwrap().push(nic("docker0", "172.17.0.1"));
            told.group_ips = vec!["172.17.0.1".parse().unwrap()];
        },
        &[(Address, IpVirtualNic, Warn)],
    ),
    (
        "the address moved after the start",
        Logtail188,
        |m, told| {
            m.lookup = Ok(vec!["10.1.1.9".parse().unwrap()]);
            m.interfaces = Ok(vec![nic("lo", "127.0.0.1"), nic("eth0", "10.1.1.9"), nic("eth1", "10.1.1.5")]);
            told.group_ips = vec!["10.1.1.5".parse().unwrap()];
        },
        &[(Address, IpStale, Warn)],
    ),
    (
        "the record was edited by hand",
        Logtail188,
        |m, told| {
            m.write_at(APP_INFO, m.text(APP_INFO).replace("\"ip\" : \"10.1.1.5\"", "\"ip\" : \"47.1.2.3\""), NOW);
            told.group_ips = vec!["47.1.2.3".parse().unwrap()];
        },
        &[(Address, IpStale, Warn), (Group, IpNotInGroup, Fail)],
    ),
    (
        "the group lists another address",
        Loong331,
        |_, told| told.group_ips = vec!["10.1.1.99".parse().unwrap()],
        &[(Group, IpNotInGroup, Fail)],
    ),
    (
        "the group wants an identifier, the host has none",
        Logtail188,
        |_, told| group_of(told, "web"),
        &[(Group, CustomIdMissing, Fail)],
    ),
    (
        "the identifier differs in case",
        Logtail207,
        |m, told| {
            group_of(told, "web");
            m.write(IDS, "Web\n");
        },
        &[(Group, CustomIdMismatch, Fail)],
    ),
    (
        "the identifier ends in a carriage return",
        Loong331,
        |m, told| {
            group_of(told, "web");
            m.write(IDS, "web\r\n");
        },
        &[(Group, CustomIdMalformed, Fail)],
    ),
    (
        "the group holds a list as text",
        Loong331,
        |m, told| {
            group_of(told, "[\"web\"]");
            m.write(IDS, "web\n");
        },
        &[(Group, CustomIdMalformed, Fail)],
    ),
    (
        "one of several identifiers fits",
        Logtail188,
        |m, told| {
            group_of(told, "web");
            m.write(IDS, "other\nweb\nbad\r\n");
        },
        &[],
    ),
    (
        "the running agent holds the old identifier",
        Logtail188,
        |m, told| {
            group_of(told, "web");
            m.write_at(IDS, "web\n", NOW - 600);
            m.held(|held| held.ids = Some("old"));
        },
        &[(Group, CustomIdMismatch, Fail)],
    ),
    (
        "the identifier was removed, the running agent holds it",
        Logtail188,
        |m, told| {
            group_of(told, "web");
            m.held(|held| held.ids = Some("web"));
        },
        &[(Group, CustomIdMissing, Warn)],
    ),
    (
        "a group by identifier that lists an address",
        Logtail188,
        |m, told| {
            group_of(told, "10.1.1.5");
            m.write(IDS, "web\n");
        },
        &[(Group, IdentityKindMismatch, Fail)],
    ),
    (
        "an identifier left behind on a group by IP",
        Logtail207,
        |m, _| m.write(IDS, "web\n"),
        &[(Group, CustomIdStale, Warn)],
    ),
    (
        "an identifier left behind in the running agent",
        Logtail207,
        |m, _| m.held(|held| held.ids = Some("web")),
        &[(Group, CustomIdStale, Warn)],
    ),
    ("no AliUid", Logtail188, |m, _| m.remove(USERS), &[(Account, AliuidMissing, Fail)]),
    (
        "the AliUid was removed, the running agent holds it",
        Logtail207,
        |m, _| {
            m.remove(USERS);
            m.held(|held| held.aliuids = Some(OWNER));
        },
        &[(Account, AliuidMissing, Warn)],
    ),
    (
        "no AliUid, and the note says that none is needed",
        Loong331,
        |m, told| {
            m.remove(USERS);
            told.same_account = None;
            m.write(NOTE, format!("{{\"owner-account-id\": \"{OWNER}\", \"region-id\": \"cn-hangzhou\"}}"));
        },
        &[],
    ),
    (
        "only the instance owner's AliUid, which the installer wrote",
        Loong331,
        |m, told| {
            told.aliuid = Some("1111222233334444".into());
            told.same_account = None;
            m.write(NOTE, format!("{{\"owner-account-id\": \"{OWNER}\", \"region-id\": \"cn-hangzhou\"}}"));
        },
        &[(Account, AliuidNotOwner, Fail)],
    ),
    (
        "the AliUid with an extension",
        Logtail207,
        |m, _| {
            m.remove(USERS);
            m.write(&format!("{USERS}/{OWNER}.txt"), "");
        },
        &[(Account, AliuidMalformed, Fail)],
    ),
    (
        "the AliUid written into a file",
        Logtail207,
        |m, _| {
            m.remove(USERS);
            m.write(USERS, OWNER);
        },
        &[(Account, AliuidMalformed, Fail)],
    ),
    (
        "a RAM user's id beside the owner's",
        Logtail188,
        |m, _| m.write(&format!("{USERS}/212345678901234567"), ""),
        &[(Account, AliuidMalformed, Warn)],
    ),
    (
        "the running agent has not taken up the AliUid",
        Logtail188,
        |m, _| m.held(|held| held.aliuids = Some("1111222233334444")),
        &[(Account, AliuidMissing, Fail)],
    ),
    (
        "the account was refused",
        Logtail188,
        |m, _| m.log(NOW - 60, "error", "SendFail:write unauthorized\tErrorCode:Unauthorized"),
        &[(Log, AuthRejected, Warn)],
    ),
    (
        "the account was refused before the last start",
        Logtail188,
        |m, _| {
            m.log(NOW - 7200, "error", "SendFail:write unauthorized\tErrorCode:Unauthorized");
            m.restart(NOW - 3600);
        },
        &[],
    ),
    (
        "the project is not in this region",
        Loong331,
        |m, _| m.log(NOW - 60, "warning", "failed to send request:other error\terror code:ProjectNotExist"),
        &[(Log, RegionRejected, Warn)],
    ),
    (
        "the time was refused",
        Loong331,
        |m, _| m.log(NOW - 60, "warning", "failed to send request:other error\terror code:RequestTimeExpired"),
        &[(Log, ClockRejected, Warn)],
    ),
    ("a crash", Logtail207, |m, _| m.log(NOW - 600, "error", "last logtail crash stack:x"), &[(Log, Crash, Warn)]),
    (
        "too much memory",
        Logtail188,
        |m, _| m.log(NOW - 600, "error", "Resource used by program exceeds upper limit for some time:x"),
        &[(Log, ResourceLimit, Warn)],
    ),
    (
        "a quota",
        Loong331,
        |m, _| {
            m.log(NOW - 60, "warning", "failed to send request:shard write quota exceed\terror code:WriteQuotaExceed")
        },
        &[(Log, Quota, Warn)],
    ),
    (
        "another agent holds the socket",
        Logtail188,
        |m, _| m.log(NOW - 60, "error", "Bind domain socket:Failed 98:Address already in use"),
        &[(Log, DomainSocketBusy, Warn)],
    ),
    (
        "no UUID, by the log of a rotated file",
        Logtail188,
        |m, _| {
            let line =
                format!("[{}.0]\t[warning]\t[1]\ta.cpp:1\t\tThe parameter is invalid : uuid=none\n", local(NOW - 900));
            m.write_at("/usr/local/ilogtail/ilogtail.LOG.1", line, NOW - 800);
            m.write_at("/usr/local/ilogtail/ilogtail.LOG.2.gz", "x", NOW - 900);
            let log = m.log_path();
            m.write_at(&log, "", NOW);
            m.log(NOW - 700, "info", "quiet");
        },
        &[(Log, UuidNone, Warn)],
    ),
    ("no UUID, by the record", Logtail207, |m, _| m.record(|record| record.uuid = ""), &[(Log, UuidNone, Warn)]),
    (
        "nothing was delivered to an idle agent",
        Logtail188,
        |m, told| {
            m.remove("/usr/local/ilogtail/user_log_config.json");
            told.console_heartbeat = Some(false);
        },
        &[(Log, IdleBackoff, Warn), (Heartbeat, HeartbeatAbsent, Fail)],
    ),
    (
        "the console shows no heartbeat",
        Loong331,
        |_, told| told.console_heartbeat = Some(false),
        &[(Heartbeat, HeartbeatAbsent, Fail)],
    ),
    (
        "nobody looked at the console",
        Loong331,
        |_, told| told.console_heartbeat = None,
        &[(Heartbeat, HeartbeatUnverified, Unknown)],
    ),
    (
        "inside a container, ruled by its variables",
        Logtail207,
        |m, told| {
            m.identity.container = Some("docker".into());
            m.remove(CONFIG);
            m.remove("/etc/init.d");
            m.remove(USERS);
            m.looks.clear();
            m.environment = Ok(vec![
                ("ALIYUN_LOGTAIL_CONFIG".into(), "/etc/ilogtail/conf/cn-hangzhou/ilogtail_config.json".into()),
                ("ALIYUN_LOGTAIL_USER_ID".into(), OWNER.into()),
                ("ALIYUN_LOGTAIL_USER_DEFINED_ID".into(), "k8s-group".into()),
            ]);
            group_of(told, "k8s-group");
        },
        &[],
    ),
    (
        "an ordinary user is not told what only root can see",
        Logtail188,
        |m, told| {
            m.as_ordinary_user();
            m.dirs.insert(USERS.into(), Unavailable::NotAllowed);
            m.trouble(IDS, Unavailable::NotAllowed);
            group_of(told, "web");
        },
        &[],
    ),
];
