//! Faults of machine group and account, and what only the agent's log tells: steps 7 to 10.

use crate::scenarios::table::{
    ASKED, PLAIN, Scenario, an_hour_passes, fail, heard, lives, logs, must, refused, unknown, warn,
};
use lab::{Behaviour, Fault, Lab};
use logtail_doctor::core::finding::CauseId;
use std::time::Duration;

pub fn all() -> impl Iterator<Item = &'static Scenario> {
    [GROUP, ACCOUNT, LOG].into_iter().flatten()
}

const GROUP: &[Scenario] = &[
    Scenario {
        name: "the agent runs as another user, who may not read the identifier",
        build: || Lab::new().user_defined_id("web\n").group_custom_ids(&["web"]).stopped(),
        then: |lab| {
            must(lab, "chmod 600 /etc/ilogtail/user_defined_id; chown -R 990:990 /usr/local/ilogtail");
            must(lab, "setpriv --reuid=990 --regid=990 --clear-groups /usr/local/ilogtail/ilogtail");
            lives(lab);
        },
        told: &[("group-ip", ""), ("identity", "custom"), ("custom-id", "web")],
        reports: &[fail(CauseId::IdentityUnreadable)],
    },
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
        name: "the configuration directory is a link to a disk that is not mounted, with the custom identifier on it",
        build: || Lab::new().user_defined_id("web\n").group_custom_ids(&["web"]),
        then: |lab| {
            must(lab, "mv /etc/ilogtail /root/ilogtail; ln -s /data/ilogtail /etc/ilogtail");
            must(lab, "/etc/init.d/ilogtaild stop && /etc/init.d/ilogtaild start");
            let says = |lab: &Lab| lab.read("/usr/local/ilogtail/ilogtail.LOG").contains("open sys conf dir error");
            lab.wait("the agent to do without it", Duration::from_secs(10), says);
        },
        told: &[("group-ip", ""), ("identity", "custom"), ("custom-id", "web")],
        reports: &[fail(CauseId::CustomIdMissing)],
    },
    Scenario {
        name: "the configuration directory is a file, and the account's AliUid was in it",
        build: || Lab::new().not_ecs().users(&[lab::OWNER]),
        then: |lab| {
            must(lab, "mv /etc/ilogtail /root/ilogtail; : > /etc/ilogtail");
            must(lab, "/etc/init.d/ilogtaild stop && /etc/init.d/ilogtaild start");
            let says = |lab: &Lab| lab.read("/usr/local/ilogtail/ilogtail.LOG").contains("Unauthorized");
            lab.wait("a refusal", Duration::from_secs(10), says);
        },
        told: &[("same-account", "no")],
        reports: &[fail(CauseId::AliuidMissing), warn(CauseId::AuthRejected)],
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
    Scenario {
        name: "a machine group that the project does not have",
        build: || Lab::new().cloud_key(),
        told: &[("no-cloud", ""), ("project", "my-project"), ("machine-group", "web-old")],
        reports: &[fail(CauseId::GroupNotFound), unknown(CauseId::HeartbeatUnverified)],
        ..PLAIN
    },
    Scenario {
        name: "a machine with Logtail for Windows in the same machine group",
        build: || {
            let windows = serde_json::json!({"ip": "10.1.1.9", "machine-uniqueid": "4c4c4544-0042", "userdefined-id": "",
                "lastHeartbeatTime": -20, "binary": "1.0.0.22"});
            Lab::new().cloud_key().group_ips(&["10.1.1.5", "10.1.1.9"]).cloud(|state| state.machines = vec![windows])
        },
        then: heard,
        told: ASKED,
        reports: &[warn(CauseId::GroupOsMix)],
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
        name: "the service never heard this agent",
        build: || Lab::new().cloud_key().behaviour(Behaviour { mute: true, ..Behaviour::default() }),
        told: ASKED,
        reports: &[fail(CauseId::HeartbeatAbsent)],
        ..PLAIN
    },
    Scenario {
        name: "the service heard this agent for the last time 400 seconds ago",
        build: || Lab::new().cloud_key(),
        then: |lab| {
            heard(lab);
            lab.behave(&Behaviour { mute: true, ..Behaviour::default() });
            must(lab, "/etc/init.d/ilogtaild restart");
            lab.age_heartbeats(400);
        },
        told: ASKED,
        reports: &[fail(CauseId::HeartbeatStale)],
    },
    Scenario {
        name: "nobody can say whether the heartbeat arrives",
        told: &[("no-cloud", "")],
        reports: &[unknown(CauseId::HeartbeatUnverified)],
        ..PLAIN
    },
];
