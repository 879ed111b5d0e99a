//! The hosts with one fault, and the healthy ones.

mod host;
mod identity;
mod service;

use crate::scenarios::table::{ASKED, PLAIN, Scenario, heard};
use lab::{Flavour, Lab, OWNER};

/// Every scenario with one fault, in the order of the contract.
pub fn all() -> impl Iterator<Item = &'static Scenario> {
    host::all().chain(service::all()).chain(identity::all())
}

/// Hosts with nothing wrong, of every flavour and of every kind of group.
pub const HEALTHY: &[Scenario] = &[
    Scenario { name: "Logtail 1.8.8", ..PLAIN },
    Scenario { name: "Logtail 2.0.7", build: || Lab::new().agent(Flavour::Logtail207), ..PLAIN },
    Scenario { name: "LoongCollector 3.3.1", build: || Lab::new().agent(Flavour::Loong331), ..PLAIN },
    Scenario {
        name: "Logtail 1.8.8 in a group by custom identifier",
        build: || Lab::new().user_defined_id("web\n").group_custom_ids(&["web"]),
        told: &[("group-ip", ""), ("identity", "custom"), ("custom-id", "web")],
        ..PLAIN
    },
    Scenario {
        name: "Logtail 1.8.8, and a key to ask the service with",
        build: || Lab::new().cloud_key(),
        then: heard,
        told: ASKED,
        ..PLAIN
    },
    Scenario {
        name: "LoongCollector 3.3.1 in a group by custom identifier, and a key to ask the service with",
        build: || Lab::new().agent(Flavour::Loong331).user_defined_id("web\n").group_custom_ids(&["web"]).cloud_key(),
        then: heard,
        told: ASKED,
        ..PLAIN
    },
    Scenario {
        name: "LoongCollector 3.3.1 outside Alibaba Cloud, over the Internet",
        build: || Lab::new().agent(Flavour::Loong331).internet().not_ecs().users(&[OWNER]),
        told: &[("network", "internet"), ("same-account", "no")],
        ..PLAIN
    },
    Scenario {
        name: "Logtail 2.0.7 on an ECS instance of another account, with the owner's AliUid",
        build: || {
            Lab::new()
                .agent(Flavour::Logtail207)
                .ecs("1111222233334444", "cn-hangzhou")
                .users(&["1111222233334444", OWNER])
        },
        told: &[("same-account", "no")],
        ..PLAIN
    },
];
