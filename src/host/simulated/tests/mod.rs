//! What a simulated host does: healthy worlds, the agent, and the host's answers.

mod agent;
mod answers;
mod commands;

use super::*;
use crate::core::observe::*;
use crate::host::*;

const CONFIG: &str = "/usr/local/ilogtail/ilogtail_config.json";
const APP_INFO: &str = "/usr/local/ilogtail/app_info.json";

fn healthy() -> World {
    World::healthy(Flavour::Logtail188)
}

fn host(world: World) -> SimulatedHost {
    SimulatedHost::new(world)
}

/// A file as text, as root reads it.
fn text(world: &World, path: &str) -> String {
    String::from_utf8(world.content(path).unwrap_or_default()).unwrap()
}

fn reach(world: &World, target: Target) -> ReachSeen {
    match world.clone().answer(&Question::Reach(target)) {
        Answer::Reach(seen) => seen,
        other => panic!("{other:?}"),
    }
}

fn lookup(world: &World, name: &str) -> Vec<String> {
    match world.clone().answer(&Question::Lookup(name.into())) {
        Answer::Lookup(seen) => seen.addresses.unwrap().iter().map(ToString::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

fn file(world: &World, path: &str) -> Observed<FileSeen> {
    match world.clone().answer(&Question::File(path.into())) {
        Answer::File(seen) => seen,
        other => panic!("{other:?}"),
    }
}

#[test]
fn in_a_healthy_world_the_heartbeat_arrives_and_all_four_targets_answer() {
    for flavour in Flavour::ALL {
        let world = World::healthy(flavour);
        assert_eq!(world.heartbeat(), Ok(()), "{flavour:?}");
        assert_eq!(world.agent_ip(), Some("10.1.1.5"));
        let place = "cn-hangzhou-intranet.log.aliyuncs.com";
        for (name, tls) in [
            (format!("logtail.{place}"), false),
            (format!("logtail.{place}"), true),
            (format!("demo-project.{place}"), false),
            (format!("ali-cn-hangzhou-sls-admin.{place}"), false),
        ] {
            let seen = reach(&world, Target::root(name, tls));
            let Some(Ok(answer)) = seen.http else { panic!("{seen:?}") };
            assert!(answer.body.contains("OLSInvalidMethod"));
            assert!(answer.header("x-log-requestid").is_some() && answer.header("date").is_some());
            assert_eq!(seen.tls.is_some(), tls);
        }
    }
}

#[test]
fn every_fault_stops_the_heartbeat_and_says_why() {
    let config_host = "logtail.cn-hangzhou-intranet.log.aliyuncs.com";
    let beijing = || Some(Ecs { region: "cn-beijing".into(), account: "1654218965343050".into() });
    let foreign = || Some(Ecs { region: "cn-hangzhou".into(), account: "1000000000000001".into() });
    for (world, why) in [
        (healthy().stop_agent(), "daemon and a worker"),
        (healthy().lose_worker(), "daemon and a worker"),
        (healthy().uninstall(), "daemon and a worker"),
        (healthy().community(), "community"),
        (healthy().config_region("cn-beijing"), "cn-beijing"),
        (healthy().config_network("cn-hangzhou", "").config("{}"), "no config server"),
        (healthy().ecs(beijing()), "private network"),
        (healthy().drop_packets(config_host), "does not answer"),
        (healthy().reaction(config_host, Some(443), Reaction::Refuses), "443"),
        (healthy().dns(config_host, &[]), "does not answer"),
        (healthy().dns_silent(), "does not answer"),
        (healthy().clock_offset(901), "clock"),
        (healthy().ecs(foreign()).remove_users(), "AliUid"),
        (healthy().bind_hostname("203.0.113.7"), "203.0.113.7"),
        (healthy().no_ip(), "\"\""),
        (healthy().group(Group::Custom("web".into())), "identifier"),
        (healthy().group(Group::Custom("web".into())).custom_id("web\r\n"), "web\\r"),
    ] {
        let reason = world.heartbeat().unwrap_err();
        assert!(reason.contains(why), "{reason:?} does not say {why:?}");
    }
    for world in [
        healthy().remove_users(),
        healthy().clock_offset(-600),
        healthy().config_network("cn-hangzhou", "").ecs(None),
        healthy().group(Group::Custom("web".into())).custom_id("old\n web \n"),
        healthy().ecs(foreign()),
    ] {
        assert_eq!(world.heartbeat(), Ok(()));
    }
}

#[test]
fn the_private_network_of_another_region_is_silent() {
    let name = |region: &str| format!("logtail.{region}-intranet.log.aliyuncs.com");
    let silent = |world: &World, region| {
        matches!(reach(world, Target::root(name(region), false)).connected, Some(Err(ConnectError::Silent(_))))
    };
    let world = healthy();
    assert!(silent(&world, "cn-beijing") && !silent(&world, "cn-hangzhou"));
    let world = world.ecs(Some(Ecs { region: "cn-beijing".into(), account: "1654218965343050".into() }));
    assert!(!silent(&world, "cn-beijing") && silent(&world, "cn-hangzhou"));
    assert!(silent(&world.ecs(None), "cn-beijing"));
}
