//! Faults of machine group and account, and what only the agent's log tells: steps 7 to 10.

use crate::table::{PLAIN, Scenario, an_hour_passes, fail, logs, refused, unknown, warn};
use lab::{Fault, Lab};
use logtail_doctor::finding::CauseId;

pub fn all() -> impl Iterator<Item = &'static Scenario> {
    [GROUP, ACCOUNT, LOG].into_iter().flatten()
}

const GROUP: &[Scenario] = &[
    Scenario {
        name: "the machine group lists another address",
        build: || Lab::new().group_ips(&["10.1.1.6"]),
        told: &[("group-ip", "10.1.1.6")],
        reports: &[fail(CauseId::IpNotInGroup)],
        ..PLAIN
    },
    Scenario {
        name: "a group by custom identifier, and none on the host",
        build: || Lab::new().group_custom_ids(&["web"]),
        told: &[("group-ip", ""), ("identity", "custom"), ("custom-id", "web")],
        reports: &[fail(CauseId::CustomIdMissing)],
        ..PLAIN
    },
    Scenario {
        name: "another custom identifier than the group's",
        build: || Lab::new().user_defined_id("db\n").group_custom_ids(&["web"]),
        told: &[("group-ip", ""), ("identity", "custom"), ("custom-id", "web")],
        reports: &[fail(CauseId::CustomIdMismatch)],
        ..PLAIN
    },
    Scenario {
        name: "a custom identifier written on Windows",
        build: || Lab::new().user_defined_id("web\r\n").group_custom_ids(&["web"]),
        told: &[("group-ip", ""), ("identity", "custom"), ("custom-id", "web")],
        reports: &[fail(CauseId::CustomIdMalformed)],
        ..PLAIN
    },
    Scenario {
        name: "an address typed into a group by custom identifier",
        build: || Lab::new().group_custom_ids(&["10.1.1.5"]),
        told: &[("group-ip", ""), ("identity", "custom"), ("custom-id", "10.1.1.5")],
        reports: &[fail(CauseId::IdentityKindMismatch)],
        ..PLAIN
    },
    Scenario {
        name: "a custom identifier written on Windows, and a group of a kind that nobody told",
        build: || Lab::new().user_defined_id("web\r\n"),
        told: &[("group-ip", "")],
        reports: &[warn(CauseId::CustomIdMalformed)],
        ..PLAIN
    },
    Scenario {
        name: "a custom identifier left behind in a group by IP",
        build: || Lab::new().user_defined_id("web\n"),
        reports: &[warn(CauseId::CustomIdStale)],
        ..PLAIN
    },
];

const ACCOUNT: &[Scenario] = &[
    Scenario {
        name: "no ECS instance, and no AliUid",
        then: |lab| refused(lab, "Unauthorized", |service| service.faults.push(Fault::NoMetadata)),
        told: &[("same-account", "no")],
        reports: &[fail(CauseId::AliuidMissing), warn(CauseId::AuthRejected)],
        ..PLAIN
    },
    Scenario {
        name: "the AliUid file has an extension",
        build: || Lab::new().users(&["1654218965343050.txt"]),
        then: |lab| refused(lab, "Unauthorized", |service| service.faults.push(Fault::NoMetadata)),
        told: &[("same-account", "no")],
        reports: &[fail(CauseId::AliuidMalformed), warn(CauseId::AuthRejected)],
    },
    Scenario {
        name: "the AliUid is that of the instance's owner, not of the project's",
        build: || Lab::new().users(&["1111222233334444"]),
        then: |lab| refused(lab, "Unauthorized", |service| service.ecs.owner = "1111222233334444".into()),
        told: &[("same-account", "")],
        reports: &[fail(CauseId::AliuidNotOwner), warn(CauseId::AuthRejected)],
    },
    Scenario {
        name: "another account's AliUid with an extension beside the right one",
        build: || Lab::new().not_ecs().users(&[lab::OWNER, "1111222233334444.txt"]),
        told: &[("same-account", "no")],
        reports: &[warn(CauseId::AliuidMalformed)],
        ..PLAIN
    },
    Scenario {
        name: "a name in users/ that is no account's, beside the right one",
        build: || Lab::new().not_ecs().users(&[lab::OWNER, "alice"]),
        told: &[("same-account", "no")],
        reports: &[warn(CauseId::AliuidMalformed)],
        ..PLAIN
    },
];

const LOG: &[Scenario] = &[
    Scenario {
        name: "the log: the service refused the account",
        then: |lab| logs(lab, "warning", "SendFail:write unauthorized\tStatusCode:401\tErrorCode:Unauthorized"),
        reports: &[warn(CauseId::AuthRejected)],
        ..PLAIN
    },
    Scenario {
        name: "the log: the account was refused before its AliUid file was there",
        build: || Lab::new().not_ecs().users(&[lab::OWNER]),
        // The agent takes a file up within a minute, and this one is younger.
        then: |lab| logs(lab, "warning", "SendFail:write unauthorized\tStatusCode:401\tErrorCode:Unauthorized"),
        told: &[("same-account", "no")],
        ..PLAIN
    },
    Scenario {
        name: "the log: no such project in this region",
        then: |lab| logs(lab, "warning", "SendFail:other error\tStatusCode:404\tErrorCode:ProjectNotExist"),
        reports: &[warn(CauseId::RegionRejected)],
        ..PLAIN
    },
    Scenario {
        name: "the log: a request out of time",
        then: |lab| logs(lab, "warning", "SendFail:write request expired\tErrorCode:RequestTimeExpired"),
        reports: &[warn(CauseId::ClockRejected)],
        ..PLAIN
    },
    Scenario {
        name: "the log: the agent crashed",
        then: |lab| logs(lab, "error", "last logtail crash stack:pc: 0x5f1e2a"),
        reports: &[warn(CauseId::Crash)],
        ..PLAIN
    },
    Scenario {
        name: "the log: CPU or memory limit",
        then: |lab| {
            logs(lab, "error", "Resource used by program exceeds upper limit for some time:prepare restart Logtail");
        },
        reports: &[warn(CauseId::ResourceLimit)],
        ..PLAIN
    },
    Scenario {
        name: "the log: write quota",
        then: |lab| logs(lab, "warning", "SendFail:shard write quota exceed\tErrorCode:ShardWriteQuotaExceed"),
        reports: &[warn(CauseId::Quota)],
        ..PLAIN
    },
    Scenario {
        name: "the log: another agent holds the socket",
        then: |lab| logs(lab, "error", "Bind domain socket:Failed 98:Address already in use"),
        reports: &[warn(CauseId::DomainSocketBusy)],
        ..PLAIN
    },
    Scenario {
        name: "the log: no UUID",
        then: |lab| logs(lab, "warning", "get none dmi uuid:maybe this is a docker runtime"),
        reports: &[warn(CauseId::UuidNone)],
        ..PLAIN
    },
    Scenario {
        name: "an agent that never got a collection configuration, for an hour",
        then: an_hour_passes,
        reports: &[warn(CauseId::IdleBackoff)],
        ..PLAIN
    },
    Scenario {
        name: "nobody can say whether the heartbeat arrives",
        told: &[("no-cloud", "")],
        reports: &[unknown(CauseId::HeartbeatUnverified)],
        ..PLAIN
    },
];
