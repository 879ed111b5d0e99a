//! One scenario for every cause: what is broken, and exactly which causes the steps then report.

use super::machine::*;
use logtail_doctor::context::{Context, IdentityKind, NetworkType};
use logtail_doctor::finding::{CauseId, Severity, StepId};
use logtail_doctor::host::{InterfaceSeen, ProcessSeen, Trouble};

pub type Break = fn(&mut Machine, &mut Context);
pub type Expected = (StepId, CauseId, Severity);
pub type Scenario = (&'static str, Flavour, Break, &'static [Expected]);

use CauseId::*;
use Flavour::{Logtail188, Logtail207, Loong331};
use Severity::{Fail, Unknown, Warn};
use StepId::{Account, Address, Group, Heartbeat, Installed, Log, Parameters, Running};

fn nic(name: &str, ip: &str) -> InterfaceSeen {
    InterfaceSeen { name: name.into(), up: true, ipv4: vec![ip.parse().unwrap()] }
}

fn group_of(m: &mut Context, id: &str) {
    m.identity = Some(IdentityKind::Custom);
    m.custom_id = Some(id.into());
    m.group_ips.clear();
}

/// The worker was made anew so often in the last hour, for a reason that the log gives.
fn restarted(m: &mut Machine, times: i64, reason: &str) {
    for index in (1..=times).rev() {
        m.log(NOW - index * 300, "error", reason);
        m.log(NOW - index * 300 + 10, "info", "appInfo:{");
    }
    if let Ok(all) = &mut m.processes {
        all[1].started = NOW - 290;
    }
}

pub const SCENARIOS: &[Scenario] = &[
    (
        "nothing installed",
        Logtail188,
        |m, _| {
            m.remove(DIR);
            m.remove("/etc/init.d");
            m.stop();
        },
        &[(Installed, AgentNotInstalled, Fail)],
    ),
    (
        "the init script is gone",
        Logtail207,
        |m, _| m.remove("/etc/init.d/ilogtaild"),
        &[(Installed, InstallIncomplete, Fail)],
    ),
    (
        "a second agent in its own directory",
        Logtail188,
        |m, _| {
            m.write("/usr/local/ilogtail_two/ilogtail", "x");
            m.write("/usr/local/ilogtail_two/ilogtail_config.json", "{}");
            m.write("/etc/init.d/ilogtaild_two", "x");
        },
        &[(Installed, SeveralAgents, Warn)],
    ),
    (
        "the open-source build",
        Loong331,
        |m, _| {
            let text = format!(
                "{{\"ip\" : \"10.1.1.5\", \"UUID\" : \"A\", \"instance_id\" : \"A_10.1.1.5_{STARTED}\", \
                 \"loongcollector_version\" : \"3.3.1 Community Edition\"}}"
            );
            m.write_at(APP_INFO, text, STARTED);
        },
        &[(Installed, CommunityEdition, Fail)],
    ),
    ("the agent is stopped", Logtail188, |m, _| m.stop(), &[(Running, AgentStopped, Fail)]),
    (
        "the worker is gone",
        Logtail207,
        |m, _| m.processes.as_mut().unwrap().truncate(1),
        &[(Running, AgentAbnormal, Fail)],
    ),
    (
        "the worker was stopped by a signal",
        Loong331,
        |m, _| m.processes.as_mut().unwrap()[1].state = 'T',
        &[(Running, AgentAbnormal, Fail)],
    ),
    (
        "a third process",
        Logtail188,
        |m, _| {
            let extra = ProcessSeen { pid: 1300, ppid: 1, ..m.processes.as_ref().unwrap()[0].clone() };
            m.processes.as_mut().unwrap().push(extra);
        },
        &[(Running, TooManyProcesses, Warn)],
    ),
    (
        "systemd does not start it at boot",
        Loong331,
        |m, _| {
            m.looks.insert("systemctl is-enabled loongcollectord".into(), said(1, "disabled\n"));
        },
        &[(Running, NotEnabledAtBoot, Warn)],
    ),
    (
        "no link of a run level starts it",
        Logtail188,
        |m, _| {
            m.looks.remove("systemctl is-enabled ilogtaild");
            m.write("/etc/rc3.d/S10network", "");
            m.write("/etc/rc3.d/K20ilogtaild", "");
        },
        &[(Running, NotEnabledAtBoot, Warn)],
    ),
    (
        "a link of a run level starts it, whatever systemd says",
        Logtail188,
        |m, _| {
            m.looks.insert("systemctl is-enabled ilogtaild".into(), said(1, "disabled\n"));
            m.write("/etc/rc3.d/S80ilogtaild", "");
        },
        &[],
    ),
    (
        "the worker starts again and again, as its address changes",
        Logtail207,
        |m, _| restarted(m, 4, "error:host ip changed during running, prepare to restart Logtail"),
        &[(Running, RestartLoop, Fail)],
    ),
    (
        "one restart is no loop",
        Logtail207,
        |m, _| restarted(m, 1, "error:host ip changed during running, prepare to restart Logtail"),
        &[],
    ),
    (
        "the CPU is too old",
        Loong331,
        |m, _| {
            m.processes.as_mut().unwrap().truncate(1);
            let line =
                "[172700.1] traps: loongcollector[77] trap invalid opcode ip:5 sp:7 error:0 in loongcollector_3.3.1\n";
            m.looks.insert("dmesg".into(), said(0, line));
            m.write("/proc/cpuinfo", "flags\t\t: fpu sse4_2\n");
        },
        &[(Running, AgentAbnormal, Fail), (Running, IllegalInstruction, Fail)],
    ),
    (
        "a crash that the agent has outlived",
        Loong331,
        |m, _| {
            let line = "[   10.0] traps: loongcollector[77] trap invalid opcode ip:5 sp:7 error:0\n";
            m.looks.insert("dmesg".into(), said(0, line));
        },
        &[],
    ),
    ("no configuration", Logtail188, |m, _| m.remove(CONFIG), &[(Parameters, ConfigMissing, Fail)]),
    (
        "a configuration with a byte order mark",
        Logtail207,
        |m, _| m.write(CONFIG, "\u{feff}{}"),
        &[(Parameters, ConfigInvalidJson, Fail)],
    ),
    (
        "a configuration that names no server",
        Logtail207,
        |m, _| m.configure("{}"),
        &[(Parameters, ConfigNoEndpoint, Fail)],
    ),
    (
        "new keys for an old agent",
        Logtail188,
        |m, _| {
            m.configure(
                "{\"config_servers\": [\"http://logtail.cn-hangzhou-intranet.log.aliyuncs.com\"], \
                 \"data_servers\": [{\"region\": \"cn-hangzhou\", \"endpoint_list\": [\"cn-hangzhou-intranet.log.aliyuncs.com\"]}]}",
            );
        },
        &[(Parameters, ConfigKeysWrongForVersion, Fail)],
    ),
    (
        "another region than the project's",
        Logtail188,
        |m, _| m.configure(&m.config("cn-beijing", "-intranet")),
        &[(Parameters, RegionMismatch, Fail)],
    ),
    (
        "the private network where the Internet was told",
        Loong331,
        |_, told| told.network = Some(NetworkType::Internet),
        &[(Parameters, NetworkTypeMismatch, Fail)],
    ),
    (
        "the private network of another region than the instance's",
        Loong331,
        |m, _| m.write(NOTE, "{\"instance-id\": \"i-1\", \"region-id\": \"cn-beijing\"}"),
        &[(Parameters, NetworkTypeMismatch, Fail)],
    ),
    (
        "an endpoint that was edited by halves",
        Logtail207,
        |m, _| {
            let text = m.config("cn-hangzhou", "-intranet");
            m.configure(&text.replace("\"cn-hangzhou-intranet.log", "\"cn-beijing-intranet.log"));
        },
        &[(Parameters, EndpointMismatch, Fail)],
    ),
    (
        "a host that is no endpoint of the service",
        Logtail188,
        |m, _| {
            m.configure(
                "{\"config_server_address\": \"http://sls.example.com\", \
                 \"data_server_list\": [{\"cluster\": \"cn-hangzhou\", \"endpoint\": \"sls.example.com\"}]}",
            );
        },
        &[(Parameters, EndpointMismatch, Fail)],
    ),
    (
        "a private cloud has regions and hosts of its own",
        Logtail188,
        |m, told| {
            told.region = Some("cn-private-d01".into());
            told.network = None;
            m.configure(
                "{\"config_server_address\": \"http://sls.example.com\", \
                 \"data_server_list\": [{\"cluster\": \"cn-private-d01\", \"endpoint\": \"sls.example.com\"}]}",
            );
        },
        &[],
    ),
    (
        "a label that does not fit its host",
        Logtail188,
        |m, _| {
            let text = m.config("cn-hangzhou", "-intranet");
            m.configure(&text.replace("\"cluster\": \"cn-hangzhou\"", "\"cluster\": \"ap-southeast-2\""));
        },
        &[(Parameters, ClusterLabelMismatch, Warn)],
    ),
    (
        "a region that nobody knows",
        Logtail188,
        |m, told| {
            told.region = None;
            m.configure(&m.config("cn-atlantis-9", "-intranet"));
        },
        &[(Parameters, UnknownRegion, Warn)],
    ),
    (
        "a configuration with comments",
        Logtail188,
        |m, _| {
            let text = m.config("cn-hangzhou", "-intranet");
            m.write(CONFIG, format!("{text} // by hand"));
        },
        &[(Parameters, ConfigNotStrictJson, Warn)],
    ),
    (
        "the server was changed after the start",
        Logtail207,
        |m, _| {
            let text = m.config("cn-hangzhou", "-intranet").replace("\"http://logtail.", "\"https://logtail.");
            m.write_at(CONFIG, text, NOW - 600);
        },
        &[(Parameters, ConfigNotInForce, Warn)],
    ),
    (
        "the file was touched, its contents are in force",
        Logtail207,
        |m, _| m.write_at(CONFIG, m.config("cn-hangzhou", "-intranet"), NOW - 600),
        &[],
    ),
    (
        "the file was changed and the log no longer tells what was loaded",
        Loong331,
        |m, _| {
            let log = m.log_path();
            m.write_at(&log, "", NOW);
            m.write_at(CONFIG, m.config("cn-hangzhou", "-intranet"), NOW - 600);
        },
        &[(Parameters, ConfigNotInForce, Warn)],
    ),
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
            m.write(APP_INFO, "{\"ip\" : \"10.");
            group_of(told, "web");
            m.write(IDS, "web\n");
        },
        &[(Address, AppInfoInvalid, Fail)],
    ),
    (
        "no address at all",
        Loong331,
        |m, _| {
            m.app_info("", "web-1");
            m.lookup = Ok(vec![]);
            m.interfaces = Ok(vec![nic("lo", "127.0.0.1")]);
        },
        &[(Address, IpEmpty, Fail), (Group, IpNotInGroup, Fail)],
    ),
    (
        "the loopback address",
        Logtail188,
        |m, _| {
            m.app_info("127.0.0.1", "web-1");
            m.configure(&m.config("cn-hangzhou", "-intranet").replacen('{', "{\"working_ip\": \"127.0.0.1\",", 1));
        },
        &[(Address, IpLoopback, Fail), (Group, IpNotInGroup, Fail)],
    ),
    (
        "an address of /etc/hosts that no interface has",
        Logtail207,
        |m, _| {
            m.app_info("203.0.113.7", "web-1");
            m.lookup = Ok(vec!["203.0.113.7".parse().unwrap()]);
        },
        &[(Address, IpNotLocal, Fail), (Group, IpNotInGroup, Fail)],
    ),
    (
        "a foreign address that the group lists",
        Logtail207,
        |m, told| {
            m.app_info("203.0.113.7", "web-1");
            m.lookup = Ok(vec!["203.0.113.7".parse().unwrap()]);
            told.group_ips = vec!["203.0.113.7".parse().unwrap()];
        },
        &[(Address, IpNotLocal, Warn)],
    ),
    (
        "a foreign address, and a group by identifier",
        Logtail207,
        |m, told| {
            m.app_info("203.0.113.7", "web-1");
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
            m.configure(&m.config("cn-hangzhou", "-intranet").replacen('{', "{\"working_ip\": \"10.1.1.5\",", 1));
        },
        &[],
    ),
    (
        "the Docker bridge",
        Logtail188,
        |m, told| {
            m.app_info("172.17.0.1", "web-1");
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
            m.app_info("10.1.1.5", "web-1");
            let text = String::from_utf8(m.files[std::path::Path::new(APP_INFO)].seen.as_ref().unwrap().bytes.clone());
            m.write_at(APP_INFO, text.unwrap().replace("\"ip\" : \"10.1.1.5\"", "\"ip\" : \"47.1.2.3\""), NOW);
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
            m.status("10.1.1.5", "old", OWNER);
        },
        &[(Group, CustomIdMismatch, Fail)],
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
        |m, _| m.status("10.1.1.5", "web", OWNER),
        &[(Group, CustomIdStale, Warn)],
    ),
    ("no AliUid", Logtail188, |m, _| m.remove(USERS), &[(Account, AliuidMissing, Fail)]),
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
        |m, _| m.status("10.1.1.5", "", "1111222233334444"),
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
            m.each_process(|process| process.started = NOW - 3600);
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
    (
        "no UUID, by the record",
        Logtail207,
        |m, _| {
            let text = format!(
                "{{\"UUID\" : \"\", \"ip\" : \"10.1.1.5\", \"instance_id\" : \"_10.1.1.5_{STARTED}\", \
                 \"logtail_version\" : \"2.0.7\"}}"
            );
            m.write_at(APP_INFO, text, STARTED);
        },
        &[(Log, UuidNone, Warn)],
    ),
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
            m.dirs.insert(USERS.into(), Trouble::NotAllowed);
            m.trouble(IDS, Trouble::NotAllowed);
            group_of(told, "web");
        },
        &[],
    ),
];

/// Faults that do not touch each other.
pub const PAIRS: &[(&str, &str)] = &[
    ("the agent is stopped", "no AliUid"),
    ("the agent is stopped", "another region than the project's"),
    ("the worker is gone", "an endpoint that was edited by halves"),
    ("the worker is gone", "an identifier left behind on a group by IP"),
    ("the group lists another address", "the console shows no heartbeat"),
    ("the init script is gone", "the AliUid with an extension"),
    ("another region than the project's", "no AliUid"),
    ("another region than the project's", "a RAM user's id beside the owner's"),
    ("a configuration with a byte order mark", "a crash"),
    ("no configuration", "the account was refused"),
    ("the CPU is too old", "the time was refused"),
    ("the worker starts again and again, as its address changes", "the AliUid written into a file"),
    ("an address of /etc/hosts that no interface has", "the AliUid with an extension"),
    ("the identifier ends in a carriage return", "only the instance owner's AliUid, which the installer wrote"),
    ("the private network where the Internet was told", "no address at all"),
    ("no UUID, by the record", "an identifier left behind on a group by IP"),
];
