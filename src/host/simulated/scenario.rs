//! The hosts of the demo: data in `assets/demo.json`, each a healthy world, what is broken in it, and what its operator
//! knows from the console. A fault has the name and the arguments of the method of [`World`] that makes it.

use super::{Ecs, Flavour, Group, World};
use crate::core::context::Context;
use crate::core::text::Text;
use serde::Deserialize;
use std::net::Ipv4Addr;
use std::sync::LazyLock;

/// One host to practise on.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The name on the command line.
    pub id: String,
    pub title: Text,
    /// What happened, in one sentence.
    pub story: Text,
    flavour: Flavour,
    faults: Vec<Fault>,
    /// What the operator knows from the console.
    pub context: Context,
}

/// One thing that is set or broken, in the order in which it happened.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Fault {
    Uninstall,
    StopAgent,
    RestartAgent,
    DisableAtBoot,
    /// `ilogtail_config.json` for another region or network type; the suffix is `-intranet` or empty.
    Config {
        region: String,
        suffix: String,
    },
    /// The bytes of `ilogtail_config.json`.
    ConfigText {
        text: String,
    },
    RemoveUsers,
    Write {
        path: String,
        text: String,
    },
    BindHostname {
        ip: String,
    },
    UnbindHostname,
    /// The interfaces after `lo`, in kernel order.
    Interfaces {
        list: Vec<(String, Vec<Ipv4Addr>)>,
    },
    OwnFirewallDrops,
    ClockOffset {
        seconds: i64,
    },
    /// The instance belongs to this account, in this region.
    Instance {
        region: String,
        account: String,
    },
    /// No ECS instance.
    Elsewhere,
    GroupOfIps {
        ips: Vec<Ipv4Addr>,
    },
    GroupOfCustomId {
        id: String,
    },
    /// The service can be asked once a key is typed in; it has so many groups beside the one of this host.
    Api {
        more: usize,
    },
}

impl Fault {
    fn apply(&self, world: World) -> World {
        match self {
            Fault::Uninstall => world.uninstall(),
            Fault::StopAgent => world.stop_agent(),
            Fault::RestartAgent => world.restart_agent(),
            Fault::DisableAtBoot => world.enabled_at_boot(false),
            Fault::Config { region, suffix } => world.config_network(region, suffix),
            Fault::ConfigText { text } => world.config(text.as_bytes()),
            Fault::RemoveUsers => world.remove_users(),
            Fault::Write { path, text } => world.write(path, text.as_bytes()),
            Fault::BindHostname { ip } => world.bind_hostname(ip),
            Fault::UnbindHostname => world.unbind_hostname(),
            Fault::Interfaces { list } => {
                let list: Vec<_> = list.iter().map(|(name, ips)| (name.as_str(), ips.as_slice())).collect();
                world.interfaces(&list)
            }
            Fault::OwnFirewallDrops => world.own_firewall_drops(),
            Fault::ClockOffset { seconds } => world.clock_offset(*seconds),
            Fault::Instance { region, account } => {
                world.ecs(Some(Ecs { region: region.clone(), account: account.clone() }))
            }
            Fault::Elsewhere => world.ecs(None),
            Fault::GroupOfIps { ips } => world.group(Group::Ips(ips.clone())),
            Fault::GroupOfCustomId { id } => world.group(Group::Custom(id.clone())),
            Fault::Api { more } => world.api(*more),
        }
    }
}

impl Scenario {
    /// The broken host, now being `now_ms` (milliseconds since 1970).
    pub fn world(&self, now_ms: i64) -> World {
        self.faults.iter().fold(World::healthy_at(self.flavour, now_ms), |world, fault| fault.apply(world))
    }
}

/// All scenarios, in the order of the list.
pub fn scenarios() -> &'static [Scenario] {
    /// A test reads the data, so the fallback is never taken.
    static SCENARIOS: LazyLock<Vec<Scenario>> =
        LazyLock::new(|| serde_json::from_str(include_str!("../../../assets/demo.json")).unwrap_or_default());
    &SCENARIOS
}

/// The scenario of this name.
pub fn scenario(id: &str) -> Option<&'static Scenario> {
    scenarios().iter().find(|scenario| scenario.id == id)
}
