//! The faults that a simulated host can have, and what each of them is reported for.

use logtail_doctor::core::finding::{CauseId, Severity};
use logtail_doctor::core::observe::TlsError;
use logtail_doctor::host::simulated::*;
use std::net::Ipv4Addr;
use std::time::Duration;

use CauseId::*;
use Severity::{Fail, Warn};
use When::{After, Around, Before, Then};

const OWNER: &str = "1654218965343050";
pub const OTHER: &str = "1111222233334444";
const USERS: &str = "/etc/ilogtail/users";
const SERVER: &str = "logtail.cn-hangzhou-intranet.log.aliyuncs.com";
const CONFIG: &str = "/usr/local/ilogtail/ilogtail_config.json";

/// When a fault happens: what lies around the host, what its files say when the agent starts, what becomes of the agent,
/// and what happens while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum When {
    Around,
    Before,
    Then,
    After,
}

/// What a fault makes true; two that make the same thing true in two ways are never both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Makes {
    Programs,
    Processes,
    Boot,
    Config,
    Address,
    Group,
    Ids,
    Instance,
    Users,
    Names,
    Server,
    Proxy,
    Clock,
}

pub type Cause = (CauseId, Severity);

pub struct Fault {
    pub name: &'static str,
    pub when: When,
    pub makes: Makes,
    pub apply: fn(World) -> World,
    pub reports: &'static [Cause],
}

const fn fault(
    name: &'static str,
    when: When,
    makes: Makes,
    apply: fn(World) -> World,
    reports: &'static [Cause],
) -> Fault {
    Fault { name, when, makes, apply, reports }
}

/// An instance in this region, of this account.
pub fn ecs(region: &str, account: &str) -> Option<Ecs> {
    Some(Ecs { region: region.into(), account: account.into() })
}

fn reconfigured(world: World, from: &str, to: &str) -> World {
    let text = String::from_utf8(world.content(CONFIG).unwrap_or_default()).unwrap();
    world.write(CONFIG, text.replace(from, to))
}

/// All faults.
pub const FAULTS: &[Fault] = &[
    fault("nothing is installed", Then, Makes::Programs, World::uninstall, &[(AgentNotInstalled, Fail)]),
    fault(
        "the init script is gone",
        Then,
        Makes::Programs,
        |w| w.remove("/etc/init.d/ilogtaild").remove("/etc/init.d/loongcollectord"),
        &[(InstallIncomplete, Fail)],
    ),
    fault("the open-source build", Before, Makes::Programs, World::community, &[(CommunityEdition, Fail)]),
    fault("the agent is stopped", Then, Makes::Processes, World::stop_agent, &[(AgentStopped, Fail)]),
    fault("the worker is gone", Then, Makes::Processes, World::lose_worker, &[(AgentAbnormal, Fail)]),
    fault(
        "the CPU is too old",
        Then,
        Makes::Processes,
        |w| w.start_manner(StartManner::IllegalInstruction).restart_agent(),
        &[(AgentStopped, Fail), (IllegalInstruction, Fail)],
    ),
    fault("not started at boot", Then, Makes::Boot, |w| w.enabled_at_boot(false), &[(NotEnabledAtBoot, Warn)]),
    fault(
        "the worker dies again and again",
        Then,
        Makes::Processes,
        |w| w.crash_every(Duration::from_secs(300)),
        &[(RestartLoop, Fail)],
    ),
    fault(
        "another region than the project's",
        Before,
        Makes::Config,
        |w| w.config_region("cn-beijing"),
        &[(RegionMismatch, Fail), (NetworkTypeMismatch, Fail), (ConnectTimeout, Fail)],
    ),
    fault(
        "another region than the project's, over the Internet",
        Before,
        Makes::Config,
        |w| w.config_network("cn-beijing", ""),
        &[(RegionMismatch, Fail)],
    ),
    fault("a configuration without a server", Before, Makes::Config, |w| w.config("{}"), &[(ConfigNoEndpoint, Fail)]),
    fault(
        "a configuration that was cut off",
        Before,
        Makes::Config,
        |w| w.config("{\"config_server_address\": "),
        &[(ConfigInvalidJson, Fail)],
    ),
    fault("no configuration", Before, Makes::Config, |w| w.remove(CONFIG).restart_agent(), &[(ConfigMissing, Fail)]),
    fault(
        "another region was written after the start",
        After,
        Makes::Config,
        |w| reconfigured(w, "cn-hangzhou", "cn-beijing"),
        &[(RegionMismatch, Fail), (NetworkTypeMismatch, Fail), (ConnectTimeout, Fail), (ConfigNotInForce, Warn)],
    ),
    fault(
        "the configuration was cut off after the start",
        After,
        Makes::Config,
        |w| w.write(CONFIG, "{\"config"),
        &[(ConfigInvalidJson, Fail)],
    ),
    fault(
        "the instance is in another region",
        Around,
        Makes::Instance,
        |w| w.ecs(ecs("cn-beijing", OWNER)),
        &[(NetworkTypeMismatch, Fail), (ConnectTimeout, Fail)],
    ),
    fault(
        "an instance of another account, and nobody's id",
        Around,
        Makes::Instance,
        |w| w.ecs(ecs("cn-hangzhou", OTHER)).remove_users(),
        &[(AliuidMissing, Fail)],
    ),
    fault(
        "an instance of another account, and its owner's id",
        Around,
        Makes::Instance,
        |w| w.ecs(ecs("cn-hangzhou", OTHER)).remove_users().write(format!("{USERS}/{OTHER}"), "").restart_agent(),
        &[(AliuidNotOwner, Fail)],
    ),
    fault(
        "no instance, and the id with an extension",
        Around,
        Makes::Instance,
        |w| {
            let w = w.ecs(None).config_network("cn-hangzhou", "").remove_users();
            w.write(format!("{USERS}/{OWNER}.txt"), "").restart_agent()
        },
        &[(AliuidMalformed, Fail)],
    ),
    fault(
        "a name that is no id",
        After,
        Makes::Users,
        |w| w.write(format!("{USERS}/web"), ""),
        &[(AliuidMalformed, Warn)],
    ),
    fault(
        "/etc/hosts gives the hostname a foreign address",
        Before,
        Makes::Address,
        |w| w.bind_hostname("203.0.113.7"),
        &[(IpNotLocal, Fail), (IpNotInGroup, Fail)],
    ),
    fault("no address", Before, Makes::Address, World::no_ip, &[(IpEmpty, Fail), (IpNotInGroup, Fail)]),
    fault(
        "the Docker bridge",
        Before,
        Makes::Address,
        |w| {
            let nics: [(&str, &[Ipv4Addr]); 2] =
                [("eth0", &[Ipv4Addr::new(10, 1, 1, 5)]), ("docker0", &[Ipv4Addr::new(172, 17, 0, 1)])];
            w.interfaces(&nics).bind_hostname("172.17.0.1")
        },
        &[(IpVirtualNic, Warn), (IpNotInGroup, Fail)],
    ),
    fault(
        "the group lists another address",
        Around,
        Makes::Group,
        |w| w.group(Group::Ips(vec![Ipv4Addr::new(10, 1, 1, 99)])),
        &[(IpNotInGroup, Fail)],
    ),
    fault(
        "the group wants an identifier",
        Around,
        Makes::Group,
        |w| w.group(Group::Custom("web".into())),
        &[(CustomIdMissing, Fail)],
    ),
    fault(
        "the group wants an identifier, the host has it with a carriage return",
        Around,
        Makes::Group,
        |w| w.group(Group::Custom("web".into())).custom_id("web\r\n"),
        &[(CustomIdMalformed, Fail)],
    ),
    fault(
        "the group wants another identifier",
        Around,
        Makes::Group,
        |w| w.group(Group::Custom("web".into())).custom_id("db\n"),
        &[(CustomIdMismatch, Fail)],
    ),
    fault("an identifier is left behind", After, Makes::Ids, |w| w.custom_id("db\n"), &[(CustomIdStale, Warn)]),
    fault("the server's name is not known", Around, Makes::Names, |w| w.dns(SERVER, &[]), &[(DnsFailure, Fail)]),
    fault("no nameserver answers", Around, Makes::Names, World::dns_silent, &[(NameServerDown, Fail)]),
    fault(
        "packets to the server are lost",
        Around,
        Makes::Server,
        |w| w.drop_packets(SERVER),
        &[(ConnectTimeout, Fail)],
    ),
    fault(
        "port 443 is refused",
        Around,
        Makes::Server,
        |w| w.reaction(SERVER, Some(443), Reaction::Refuses),
        &[(ConnectRefused, Fail)],
    ),
    fault(
        "a login page answers",
        Around,
        Makes::Server,
        |w| {
            w.reaction("*.aliyuncs.com", Some(80), Reaction::Foreign { status: 200, body: "<html>login</html>".into() })
        },
        &[(ForeignResponse, Fail)],
    ),
    fault(
        "TLS is intercepted",
        Around,
        Makes::Server,
        |w| w.reaction(SERVER, Some(443), Reaction::Tls(TlsError::UnknownIssuer)),
        &[(TlsFailure, Fail)],
    ),
    fault("this host's firewall drops", Around, Makes::Server, World::own_firewall_drops, &[(LocalFirewall, Fail)]),
    fault(
        "the agent's proxy is dead",
        Before,
        Makes::Proxy,
        |w| {
            let names = ["HTTP_PROXY", "HTTPS_PROXY"];
            let has = |w: World, name: &&str| w.agent_environment_has(name, "http://10.1.1.200:3128");
            names.iter().fold(w, has).restart_agent()
        },
        &[(ProxyMismatch, Fail)],
    ),
    fault("the clock is 20 minutes fast", Around, Makes::Clock, |w| w.clock_offset(1200), &[(ClockSkew, Fail)]),
    fault("the clock is 6 minutes slow", Around, Makes::Clock, |w| w.clock_offset(-360), &[(ClockSkew, Warn)]),
];
