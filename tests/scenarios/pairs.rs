//! Hosts with two faults: both are found, and neither hides the other nor makes a third.

use crate::scenarios::table::{APP_INFO, CONFIG, PLAIN, Scenario, an_hour_passes, fail, lives, must, refused, warn};
use lab::{Behaviour, Fault, Lab};
use logtail_doctor::core::finding::CauseId;

pub const ALL: &[Scenario] = &[
    Scenario {
        name: "stopped, and no AliUid",
        then: |lab| {
            refused(lab, "Unauthorized", |service| service.faults.push(Fault::NoMetadata));
            must(lab, "/etc/init.d/ilogtaild stop");
        },
        told: &[("same-account", "no")],
        // What the service said to the agent while it ran stands in the log.
        reports: &[fail(CauseId::AgentStopped), fail(CauseId::AliuidMissing), warn(CauseId::AuthRejected)],
        ..PLAIN
    },
    Scenario {
        name: "a wrong line in /etc/hosts, and a clock 20 minutes slow",
        build: || Lab::new().hosts_line("203.0.113.7 iZbp1lab"),
        then: |lab| refused(lab, "RequestTimeExpired", |service| service.faults.push(Fault::ClockOffset(1200))),
        told: &[],
        reports: &[
            fail(CauseId::ClockSkew),
            fail(CauseId::IpNotLocal),
            fail(CauseId::IpNotInGroup),
            warn(CauseId::ClockRejected),
        ],
    },
    Scenario {
        name: "the project is in another region, and the group lists another address",
        told: &[("region", "cn-beijing"), ("group-ip", "10.1.1.6")],
        reports: &[fail(CauseId::RegionMismatch), fail(CauseId::IpNotInGroup)],
        ..PLAIN
    },
    Scenario {
        name: "dropped packets, and a custom identifier written on Windows",
        build: || {
            Lab::new()
                .service(Fault::Drop("logtail.*".into(), None))
                .user_defined_id("web\r\n")
                .group_custom_ids(&["web"])
        },
        told: &[("group-ip", ""), ("identity", "custom"), ("custom-id", "web"), ("timeout", "1")],
        reports: &[fail(CauseId::ConnectTimeout), fail(CauseId::CustomIdMalformed)],
        ..PLAIN
    },
    Scenario {
        name: "a record cut off, and intercepted TLS",
        build: || Lab::new().service(Fault::UntrustedTls("logtail.*".into())),
        then: |lab| must(lab, &format!("truncate -s 40 {APP_INFO}")),
        reports: &[fail(CauseId::TlsFailure), fail(CauseId::AppInfoInvalid)],
        ..PLAIN
    },
    Scenario {
        name: "a daemon without a worker, and no name resolution",
        build: || Lab::new().service(Fault::NoSuchName("*.log.aliyuncs.com".into())),
        then: |lab| {
            lab.behave(&Behaviour { daemon_only: true, ..Behaviour::default() });
            assert_eq!(lab.sh("/etc/init.d/ilogtaild restart").code, 1);
            an_hour_passes(lab);
        },
        reports: &[fail(CauseId::AgentAbnormal), fail(CauseId::DnsFailure)],
        ..PLAIN
    },
    Scenario {
        name: "another network type, and another account's AliUid",
        build: || Lab::new().users(&["1111222233334444"]),
        then: |lab| refused(lab, "Unauthorized", |service| service.faults.push(Fault::NoMetadata)),
        told: &[("network", "internet"), ("same-account", "no")],
        reports: &[fail(CauseId::NetworkTypeMismatch), fail(CauseId::AliuidNotOwner), warn(CauseId::AuthRejected)],
    },
    Scenario {
        name: "a broken configuration, and a captive portal",
        build: || Lab::new().service(Fault::ForeignPage("*".into())),
        then: |lab| must(lab, &format!("truncate -s 60 {CONFIG}")),
        reports: &[fail(CauseId::ConfigInvalidJson), fail(CauseId::ForeignResponse)],
        ..PLAIN
    },
    Scenario {
        name: "another custom identifier, and the init script removed",
        build: || Lab::new().user_defined_id("db\n").group_custom_ids(&["web"]),
        then: |lab| must(lab, "rm /etc/init.d/ilogtaild"),
        told: &[("group-ip", ""), ("identity", "custom"), ("custom-id", "web")],
        reports: &[fail(CauseId::InstallIncomplete), fail(CauseId::CustomIdMismatch)],
    },
    Scenario {
        name: "keys of LoongCollector in Logtail, and a refused connection",
        build: || {
            Lab::new()
                .config("{\"config_servers\": [\"http://logtail.cn-hangzhou-intranet.log.aliyuncs.com\"]}")
                .service(Fault::Refuse("logtail.*".into(), None))
        },
        then: lives,
        reports: &[fail(CauseId::ConfigKeysWrongForVersion), fail(CauseId::ConnectRefused)],
        ..PLAIN
    },
];
