//! Healthy machines of every kind: version, place, network type, group, interfaces, and everything else that is unusual
//! and right. Nothing may fail on any of them, and nothing may be warned of that is not told here with its reason.

use super::machine::*;
use super::{causes, is_well_said};
use logtail_doctor::core::context::{Context, IdentityKind, NetworkType};
use logtail_doctor::core::finding::{CauseId, Finding, Severity, StepId, Verdict};
use logtail_doctor::core::observe::{InterfaceSeen, MetadataSeen, Observations, Unavailable};
use std::net::Ipv4Addr;

use CauseId::*;
use Flavour::{Logtail188, Logtail207, Loong331};

const OTHER: &str = "1111222233334444";

/// Versions at which a rule of the agent changes, and the oldest and newest ones.
const VERSIONS: &[(Flavour, &str)] = &[
    (Logtail188, "0.16.28"),
    (Logtail188, "1.0.25"),
    (Logtail188, "1.2.1"),
    (Logtail188, "1.3.0"),
    (Logtail188, "1.7.1"),
    (Logtail188, "1.8.0"),
    (Logtail188, "1.8.8"),
    (Logtail207, "2.0.4"),
    (Logtail207, "2.0.7"),
    (Logtail207, "2.1.11"),
    (Loong331, "3.0.5"),
    (Loong331, "3.1.4"),
    (Loong331, "3.2.6"),
    (Loong331, "3.3.5"),
];

/// One way to be healthy, and what may be warned of.
type Way = (&'static str, fn(&mut Machine, &mut Context), &'static [CauseId]);

fn instance(region: &str, account: &str) -> MetadataSeen {
    MetadataSeen {
        instance_id: "i-bp1demo".into(),
        region: region.into(),
        owner_account_id: account.into(),
        ..MetadataSeen::default()
    }
}

fn nic(name: &str, ips: &[&str]) -> InterfaceSeen {
    InterfaceSeen { name: name.into(), up: true, ipv4: ips.iter().map(|ip| ip.parse().unwrap()).collect() }
}

fn group_of(told: &mut Context, id: &str) {
    told.identity = Some(IdentityKind::Custom);
    told.custom_id = Some(id.into());
    told.group_ips.clear();
}

fn network(m: &mut Machine, told: &mut Context, network: NetworkType, config: &str, data: &str) {
    told.network = Some(network);
    let (server, endpoint) = (format!("http://logtail.{config}"), data.to_string());
    m.configure(&match m.flavour {
        Loong331 => format!(
            "{{\"primary_region\": \"cn-hangzhou\", \"config_servers\": [\"{server}\"], \
             \"data_servers\": [{{\"region\": \"cn-hangzhou\", \"endpoint_list\": [\"{endpoint}\"]}}]}}"
        ),
        Logtail188 | Logtail207 => format!(
            "{{\"config_server_address\": \"{server}\", \
             \"data_server_list\": [{{\"cluster\": \"cn-hangzhou\", \"endpoint\": \"{endpoint}\"}}]}}"
        ),
    });
}

const PLACES: &[Way] = &[
    ("no metadata, an AliUid", |_, _| {}, &[]),
    (
        "an ECS instance of the owner's account, without an AliUid",
        |m, told| {
            m.metadata = Ok(instance("cn-hangzhou", OWNER));
            told.same_account = None;
            m.remove(USERS);
        },
        &[],
    ),
    (
        "an ECS instance of another account, with both AliUids",
        |m, told| {
            m.metadata = Ok(instance("cn-hangzhou", OTHER));
            told.same_account = None;
            m.write(&format!("{USERS}/{OTHER}"), "");
        },
        &[],
    ),
    (
        "metadata switched off, the agent's note of the instance",
        |m, told| {
            told.same_account = None;
            m.write(NOTE, format!("{{\"owner-account-id\": \"{OWNER}\", \"region-id\": \"cn-hangzhou\"}}"));
        },
        &[],
    ),
    (
        "an ECS instance of another region, over joined networks",
        |m, told| {
            m.metadata = Ok(instance("cn-beijing", OWNER));
            told.same_account = None;
        },
        &[],
    ),
];

const NETWORKS: &[Way] = &[
    ("the private network", |_, _| {}, &[]),
    (
        "the Internet",
        |m, told| {
            let endpoint = "cn-hangzhou.log.aliyuncs.com";
            network(m, told, NetworkType::Internet, endpoint, endpoint);
            m.service_at = Ipv4Addr::new(118, 31, 219, 180).into();
        },
        &[],
    ),
    (
        "transfer acceleration",
        |m, told| {
            let endpoint = "cn-hangzhou.log.aliyuncs.com";
            network(m, told, NetworkType::Acceleration, endpoint, "log-global.aliyuncs.com");
            m.service_at = Ipv4Addr::new(47, 74, 200, 9).into();
        },
        &[],
    ),
    (
        "the newer private names",
        |m, told| {
            let endpoint = "cn-hangzhou-internal.log.aliyuncs.com";
            network(m, told, NetworkType::Intranet, endpoint, endpoint);
        },
        &[],
    ),
];

const GROUPS: &[Way] = &[
    ("a group by IP", |_, _| {}, &[]),
    (
        "a group by identifier",
        |m, told| {
            group_of(told, "web");
            m.write(IDS, "other\n web \n");
        },
        &[],
    ),
    (
        "a group by identifier, from the environment",
        |m, told| {
            group_of(told, "web");
            let variable = ("ALIYUN_LOGTAIL_USER_DEFINED_ID".to_string(), "db,web".to_string());
            m.environment.as_mut().unwrap().push(variable);
        },
        &[],
    ),
];

const FURTHER: &[Way] = &[
    (
        "several interfaces, the hostname bound",
        |m, _| {
            m.interfaces =
                Ok(vec![nic("lo", &["127.0.0.1"]), nic("docker0", &["172.17.0.1"]), nic("ens3", &["10.1.1.5"])]);
        },
        &[],
    ),
    (
        "Debian's 127.0.1.1, and eth0",
        |m, _| {
            m.lookup = Ok(vec![Ipv4Addr::new(127, 0, 1, 1)]);
            m.interfaces.as_mut().unwrap().push(nic("docker0", &["172.17.0.1"]));
        },
        &[],
    ),
    (
        "the hostname is not known, and bond0",
        |m, _| {
            m.lookup = Ok(vec![]);
            m.interfaces = Ok(vec![nic("lo", &["127.0.0.1"]), nic("bond0", &["10.1.1.5"])]);
        },
        &[],
    ),
    (
        "the hostname is not known, and one interface of another name",
        |m, _| {
            m.lookup = Ok(vec![]);
            m.interfaces = Ok(vec![nic("lo", &["127.0.0.1"]), nic("ens3", &["10.1.1.5"])]);
        },
        &[],
    ),
    (
        "two addresses on eth0",
        |m, _| {
            m.interfaces = Ok(vec![nic("lo", &["127.0.0.1"]), nic("eth0", &["10.1.1.5", "10.1.1.6"])]);
        },
        &[],
    ),
    (
        "a working_ip that a load balancer has",
        |m, told| {
            m.app_info("47.1.2.3");
            m.reconfigure(|text| text.replacen('{', "{\"working_ip\": \"47.1.2.3\",", 1));
            told.group_ips = vec![Ipv4Addr::new(47, 1, 2, 3)];
        },
        &[IpNotLocal],
    ),
    (
        "working_ip from the environment",
        |m, _| {
            m.environment.as_mut().unwrap().push(("ALIYUN_LOGTAIL_WORKING_IP".into(), "10.1.1.5".into()));
            m.lookup = Ok(vec![]);
            m.interfaces = Ok(vec![nic("lo", &["127.0.0.1"]), nic("ens3", &["10.1.1.5"]), nic("ens4", &["10.1.2.5"])]);
        },
        &[],
    ),
    (
        "a proxy for both schemes",
        |m, _| {
            for name in ["HTTP_PROXY", "HTTPS_PROXY"] {
                m.environment.as_mut().unwrap().push((name.into(), "http://10.1.1.200:3128".into()));
            }
        },
        &[],
    ),
    (
        "a proxy that the service is exempt from",
        |m, _| {
            for (name, value) in [("ALL_PROXY", "socks5://10.1.1.200"), ("NO_PROXY", ".aliyuncs.com")] {
                m.environment.as_mut().unwrap().push((name.into(), value.into()));
            }
        },
        &[],
    ),
    ("names that have IPv6 addresses alone", |m, _| m.service_at = "2408:4001::1".parse().unwrap(), &[]),
    (
        "dual-stack endpoints",
        |m, told| {
            let endpoint = "cn-hangzhou.dualstack.log.aliyuncs.com";
            network(m, told, NetworkType::Internet, endpoint, endpoint);
            m.service_at = "2408:4001::1".parse().unwrap();
        },
        &[],
    ),
    (
        "an install parameter with an underscore and vpc, as old documents say",
        |m, _| {
            m.environment.as_mut().unwrap().push((
                "ALIYUN_LOGTAIL_CONFIG".into(),
                "/etc/ilogtail/conf/cn_hangzhou_vpc/ilogtail_config.json".into(),
            ));
            // What was loaded is no longer in the log.
            let path = m.log_path();
            m.write_at(&path, "", NOW);
        },
        &[],
    ),
    (
        "the keys of Logtail, as an upgrade keeps them",
        |m, _| {
            let endpoint = "cn-hangzhou-intranet.log.aliyuncs.com";
            m.configure(&format!(
                "{{\"config_server_address\": \"http://logtail.{endpoint}\", \
                 \"data_server_list\": [{{\"cluster\": \"cn-hangzhou\", \"endpoint\": \"{endpoint}\"}}]}}"
            ));
        },
        &[],
    ),
    (
        "a config server over https, in capitals, with a slash",
        |m, _| {
            m.reconfigure(|text| {
                let endpoint = "http://logtail.cn-hangzhou-intranet.log.aliyuncs.com";
                text.replace(endpoint, "https://LOGTAIL.cn-hangzhou-intranet.log.aliyuncs.com:443/")
            });
        },
        &[],
    ),
    ("data over https", |m, _| m.reconfigure(|text| text.replacen('{', "{\"data_server_port\": 443,", 1)), &[]),
    (
        "an overlay pins the address",
        |m, _| {
            m.write_at("/etc/ilogtail/config.d/10.json", "{\"working_ip\": \"10.1.1.5\"}", STARTED - 60);
            let config = m.text(CONFIG);
            m.configure(&config.replacen('{', "{\"working_ip\": \"10.1.1.5\",", 1));
            m.write(CONFIG, &config);
            m.lookup = Ok(vec![]);
        },
        &[],
    ),
    (
        "the directory of identities was moved",
        |m, told| {
            m.reconfigure(|text| text.replacen('{', "{\"logtail_sys_conf_dir\": \"/data/ilogtail\",", 1));
            m.remove(USERS);
            m.write(&format!("/data/ilogtail/users/{OWNER}"), "");
            m.write("/data/ilogtail/user_defined_id", "web\n");
            group_of(told, "web");
            m.write("/data/ilogtail/config/enterprise/a.json", "{}");
        },
        &[],
    ),
    (
        "a region of the finance cloud, whose install parameter is another",
        |m, told| {
            m.reconfigure(|text| text.replace("cn-hangzhou-intranet", "cn-shanghai-finance-1-intranet"));
            m.reconfigure(|text| text.replace("\"cn-hangzhou\"", "\"cn-shanghai-finance\""));
            told.region = Some("cn-shanghai-finance".into());
        },
        &[],
    ),
    (
        "a region of the government cloud",
        |m, told| {
            m.reconfigure(|text| text.replace("cn-hangzhou", "cn-north-2-gov-1"));
            told.region = Some("cn-north-2-gov-1".into());
        },
        &[],
    ),
    (
        "a group of many machines",
        |_, told| told.group_ips = (1..200).map(|n| Ipv4Addr::new(10, 1, 1, n)).collect(),
        &[],
    ),
    (
        "several accounts, of which the owner's has 18 digits",
        |m, told| {
            told.aliuid = Some("165421896534305012".into());
            m.write(&format!("{USERS}/165421896534305012"), "");
        },
        &[],
    ),
    (
        "the account from the environment",
        |m, _| {
            m.remove(USERS);
            m.environment.as_mut().unwrap().push(("ALIYUN_LOGTAIL_USER_ID".into(), format!("{OTHER},{OWNER}")));
        },
        &[],
    ),
    ("the running agent says what the files say", |m, _| m.held(|_| {}), &[]),
    ("the machine was renamed since", |m, _| m.identity.hostname = "web-2".into(), &[]),
    (
        "another hostname is reported than the machine's",
        |m, _| m.reconfigure(|text| text.replacen('{', "{\"working_hostname\": \"shop\",", 1)),
        &[],
    ),
    (
        "a hostname of digits, and eth0",
        |m, _| {
            m.identity.hostname = "12345".into();
            m.lookup = Ok(vec![Ipv4Addr::new(0, 0, 48, 57)]);
        },
        &[IpStale],
    ),
    (
        "a log that was rotated a moment ago",
        |m, _| {
            let path = m.log_path();
            m.write_at(&path, "", NOW);
        },
        &[],
    ),
    (
        "nothing was ever delivered, and the console is green",
        |m, _| {
            m.remove("/usr/local/ilogtail/user_log_config.json");
            m.remove("/etc/ilogtail/config");
        },
        &[],
    ),
    (
        "another program of root's lives in a container",
        |m, _| {
            let daemon = m.processes.as_ref().unwrap()[0].clone();
            let contained = [1, 2].map(|n| logtail_doctor::core::observe::ProcessSeen {
                pid: 5000 + n,
                contained: Some(true),
                ..daemon.clone()
            });
            m.processes.as_mut().unwrap().extend(contained);
        },
        &[],
    ),
    (
        "a host without systemd",
        |m, _| {
            m.looks.retain(|line, _| !line.starts_with("systemctl"));
            m.write(&format!("/etc/rc3.d/S80{}", m.service()), "");
        },
        &[],
    ),
    ("no kernel log", |m, _| drop(m.looks.remove("dmesg")), &[]),
    ("a processor without AVX that the agent runs on", |m, _| m.write("/proc/cpuinfo", "flags\t\t: fpu sse4_2\n"), &[]),
    ("just started", |m, _| m.restart(NOW - 20), &[]),
    ("a configuration written as Windows does", |m, _| m.reconfigure(|text| text.replace(',', ",\r\n")), &[]),
];

/// What an operator has not told, or may not see: then a step may be unknown, but nothing fails.
const LESS: &[Way] = &[
    ("nothing is told", |_, told| *told = Context::default(), &[]),
    (
        "only the region is told",
        |_, told| {
            *told = Context { region: Some("cn-hangzhou".into()), ..Context::default() };
        },
        &[],
    ),
    ("the account is not told", |_, told| told.aliuid = None, &[]),
    ("whether it is the same account is not told", |_, told| told.same_account = None, &[]),
    (
        "an ordinary user",
        |m, _| {
            m.as_ordinary_user();
            for path in [CONFIG, APP_INFO, IDS, NOTE] {
                m.trouble(path, Unavailable::NotAllowed);
            }
            m.dirs.insert(USERS.into(), Unavailable::NotAllowed);
            m.dirs.insert("/etc/ilogtail".into(), Unavailable::NotAllowed);
            let log = m.log_path();
            m.trouble(&log, Unavailable::NotAllowed);
        },
        &[],
    ),
    ("an ordinary user, for whom most files are open", |m, _| m.as_ordinary_user(), &[]),
    (
        "no process of others is to be seen",
        |m, _| {
            m.as_ordinary_user();
            m.processes = Err(Unavailable::NotAllowed);
        },
        &[],
    ),
];

fn all_steps(machine: &Machine, told: &Context) -> Vec<Finding> {
    let mut seen = Observations::default();
    StepId::ALL.iter().map(|step| machine.look(*step, told, &mut seen)).collect()
}

/// What is wrong with what is said of a healthy machine.
fn flaws(flavour: Flavour, version: &'static str, ways: &[&Way], may_be_unknown: bool) -> Vec<String> {
    let (mut machine, mut told) = (Machine::of_version(flavour, version), told());
    ways.iter().for_each(|(_, make, _)| make(&mut machine, &mut told));
    let name = format!("{version}: {}", ways.iter().map(|way| way.0).collect::<Vec<_>>().join(", "));
    let findings = all_steps(&machine, &told);
    let is_told =
        |cause: CauseId, severity| severity == Severity::Warn && ways.iter().any(|way| way.2.contains(&cause));
    let mut flaws: Vec<_> = causes(&findings)
        .into_iter()
        .filter(|(_, cause, severity)| !is_told(*cause, *severity) && *severity != Severity::Unknown)
        .map(|(_, cause, severity)| format!("{name}: {} {severity:?}", cause.id()))
        .collect();
    for finding in &findings {
        let is_unsure = finding.verdict == Verdict::Unknown && !may_be_unknown;
        if is_unsure || finding.verdict == Verdict::Skipped {
            flaws.push(format!("{name}: {} is {:?}: {:?}", finding.step.id(), finding.verdict, finding.summary));
        }
        is_well_said(finding, &name);
    }
    flaws
}

#[test]
fn nothing_fails_on_a_healthy_machine_of_any_kind() {
    let (mut count, mut wrong) = (0, Vec::new());
    let mut look = |flavour, version, ways: &[&Way], may_be_unknown| {
        count += 1;
        wrong.extend(flaws(flavour, version, ways, may_be_unknown));
    };
    for (flavour, version) in VERSIONS {
        for place in PLACES {
            for network in NETWORKS {
                for group in GROUPS {
                    look(*flavour, *version, &[place, network, group], false);
                }
            }
        }
        for way in FURTHER {
            look(*flavour, *version, &[way], false);
        }
        for way in LESS {
            look(*flavour, *version, &[way], true);
        }
    }
    println!("{count} healthy machines");
    assert!(wrong.is_empty(), "{} flaws on {count} machines\n{}", wrong.len(), wrong.join("\n"));
}
