//! What the simulated agent does with its files, by version.

use super::*;
use std::net::Ipv4Addr;
use std::time::Duration;

const ETH: Ipv4Addr = Ipv4Addr::new(10, 1, 1, 5);
const DOCKER: Ipv4Addr = Ipv4Addr::new(172, 17, 0, 1);
const BOND: Ipv4Addr = Ipv4Addr::new(10, 1, 1, 7);

#[test]
fn app_info_is_written_at_every_start_as_the_real_one_is() {
    let world = healthy().still();
    let old = text(&world, APP_INFO);
    assert!(old.starts_with("{\n\t\"UUID\" : \"") && old.ends_with("\"\n}\n"), "{old}");
    assert!(old.contains("\t\"ip\" : \"10.1.1.5\",\n\t\"logtail_version\" : \"1.8.8\",\n\t\"os\" : "), "{old}");
    assert!(old.contains("\"update_time\" : \"2026-11-20 13:40:00\""), "{old}");
    assert!(old.contains("_10.1.1.5_1795153200\""), "{old}");
    let world = world.later(Duration::from_secs(60)).restart_agent();
    assert!(text(&world, APP_INFO).contains("\"update_time\" : \"2026-11-22 13:41:00\""));
    let new = text(&World::healthy(Flavour::Loong331), APP_INFO);
    assert!(new.contains("\"loongcollector_version\" : \"3.3.1\"") && new.contains("\"host_id\""), "{new}");
    let community = text(&healthy().community(), APP_INFO);
    assert!(community.contains("\"1.8.8 Community Edition\"") && community.contains("git_hash"), "{community}");
}

#[test]
fn the_log_says_which_configuration_was_loaded_and_when() {
    let world = healthy().write("/etc/ilogtail/config.d/10.json", "{\"working_ip\":\"10.9.9.9\"}").restart_agent();
    let log = text(&world, "/usr/local/ilogtail/ilogtail.LOG");
    assert!(log.contains("load logtail config file, path:ilogtail_config.json"), "{log}");
    assert!(log.contains("detail:{\n\t\"config_server_address\" : \"http://logtail.cn-hangzhou-intranet"), "{log}");
    assert!(log.contains("merge sub config, file:/etc/ilogtail/config.d/10.json"), "{log}");
    assert!(log.starts_with("[2026-11-20 13:40:00."), "{log}");
    assert_eq!(world.agent_ip(), Some("10.9.9.9"));
    let loong = World::healthy(Flavour::Loong331);
    assert!(!text(&loong, "/usr/local/ilogtail/loongcollector.LOG").is_empty());
}

#[test]
fn a_broken_configuration_kills_an_old_worker_and_empties_a_new_one() {
    for broken in ["{\"a\":1", "\u{feff}{}", "\r\n{}", "{'a':1}"] {
        let old = healthy().config(broken);
        assert_eq!(old.processes().len(), 1, "{broken:?}: the daemon stays alone");
        let new = World::healthy(Flavour::Logtail207).config(broken);
        assert_eq!(new.processes().len(), 2, "{broken:?}");
        assert!(text(&new, "/usr/local/ilogtail/ilogtail.LOG").contains("start config is not valid json"));
        assert!(new.heartbeat().unwrap_err().contains("no config server"));
    }
    for world in [healthy().config(""), healthy().remove(CONFIG).restart_agent()] {
        assert_eq!(world.processes().len(), 2);
        assert!(world.heartbeat().is_err());
    }
}

#[test]
fn the_address_is_chosen_by_the_rules_of_the_version() {
    let choose = |flavour, change: &dyn Fn(World) -> World| {
        change(World::healthy(flavour)).agent_ip().map(str::to_string).unwrap_or_default()
    };
    type Case<'a> = (&'a str, &'a dyn Fn(World) -> World, [&'a str; 3]);
    let cases: [Case; 9] = [
        ("A", &|world| world, ["10.1.1.5"; 3]),
        (
            "B",
            &|world| world.interfaces(&[("docker0", &[DOCKER]), ("eth0", &[ETH])]).bind_hostname("127.0.1.1"),
            ["10.1.1.5"; 3],
        ),
        (
            "C",
            &|world| world.interfaces(&[("ens3", &[ETH]), ("docker0", &[DOCKER])]).unbind_hostname(),
            ["10.1.1.5", "172.17.0.1", "172.17.0.1"],
        ),
        (
            "D",
            &|world| world.interfaces(&[("docker0", &[DOCKER]), ("ens3", &[ETH])]).unbind_hostname(),
            ["172.17.0.1", "10.1.1.5", "10.1.1.5"],
        ),
        ("F", &|world| world.bind_hostname("203.0.113.7"), ["203.0.113.7"; 3]),
        ("G", &|world| world.interfaces(&[("ens3", &[ETH])]).hostname("12345"), ["10.1.1.5"; 3]),
        ("H", &|world| world.no_ip(), [""; 3]),
        (
            "I",
            &|world| world.interfaces(&[("ens3", &[ETH]), ("bond0", &[BOND])]).bind_hostname("127.0.1.1"),
            ["10.1.1.7"; 3],
        ),
        ("J", &|world| world.write("/etc/hosts", "203.0.113.7 h\n10.1.1.5 h\n").hostname("h"), ["10.1.1.5"; 3]),
    ];
    for (name, change, wanted) in cases {
        for (flavour, wanted) in Flavour::ALL.into_iter().zip(wanted) {
            assert_eq!(choose(flavour, change), wanted, "case {name}, {flavour:?}");
        }
    }
    let from_environment =
        |world: World| world.agent_environment_has("ALIYUN_LOGTAIL_WORKING_IP", "9.9.9.9").restart_agent();
    assert_eq!(from_environment(healthy()).agent_ip(), Some("9.9.9.9"));
    let over = from_environment(healthy().config("{\"working_ip\":\"1.1.1.1\"}"));
    assert_eq!(over.agent_ip(), Some("1.1.1.1"));
}

#[test]
fn identity_files_are_read_again_without_a_restart_but_never_emptied() {
    let id = "web";
    let world = healthy().group(Group::Custom(id.into())).custom_id("web\n");
    assert_eq!(world.heartbeat(), Ok(()));
    let world = world.remove("/etc/ilogtail/user_defined_id").later(Duration::from_secs(60));
    assert_eq!(world.heartbeat(), Ok(()), "what was read stays in memory");
    assert!(world.restart_agent().heartbeat().is_err());
}

#[test]
fn a_changed_address_makes_the_worker_start_anew_within_a_minute() {
    let bound = |address: &str| format!("{address} iZbp1demo0healthy00Z\n");
    let world = healthy().bind_hostname("203.0.113.7").still().write("/etc/hosts", bound("10.1.1.5"));
    assert!(world.heartbeat().is_err());
    let world = world.later(Duration::from_secs(31));
    assert!(text(&world, "/usr/local/ilogtail/ilogtail.LOG").contains("host ip changed during running"));
    let world = world.later(Duration::from_secs(11));
    assert_eq!(world.heartbeat(), Ok(()));
    let pinned = healthy().config("{\"working_ip\":\"10.1.1.5\"}").write("/etc/hosts", bound("203.0.113.7"));
    assert_eq!(pinned.later(Duration::from_secs(120)).agent_ip(), Some("10.1.1.5"));
}

#[test]
fn a_worker_that_crashes_has_a_new_pid_each_time() {
    let world = healthy().still().crash_every(Duration::from_secs(5)).later(Duration::from_secs(6));
    let pids = |world: &World| world.processes().iter().map(|process| process.pid).collect::<Vec<_>>();
    let before = pids(&world);
    let after = pids(&world.later(Duration::from_secs(6)));
    assert_eq!((before[0], before.len(), after.len()), (after[0], 2, 2));
    assert_ne!(before[1], after[1]);
}

#[test]
fn a_processor_without_the_instruction_leaves_a_trace_in_the_kernel_log() {
    let world = healthy().start_manner(StartManner::IllegalInstruction).restart_agent();
    assert!(world.processes().is_empty());
    let Answer::ReadCommand(Ok(seen)) = world.clone().answer(&Question::ReadCommand(ReadCommand::KernelLog)) else {
        panic!("no dmesg")
    };
    assert!(seen.out.contains("invalid opcode"));
}

#[test]
fn an_old_agent_dumps_its_status_every_minute_and_tells_the_last_contact() {
    let path = "/usr/local/ilogtail/snapshot/ilogtail_status.LOG";
    let world = healthy().still();
    let status = text(&world, path);
    assert!(status.contains("\nip:10.1.1.5\n") && status.contains("\naliuids:1654218965343050 \n"), "{status}");
    assert!(status.contains("\"config_get_last_time\" : \"2026-11-22 13:40:00\""), "{status}");
    let lost = world.clone().drop_packets("*.aliyuncs.com").later(Duration::from_secs(600));
    let status = text(&lost, path);
    assert!(status.starts_with("[2026-11-22 13:50:00") && status.contains("\"2026-11-22 13:40:00\""), "{status}");
    let never = lost.restart_agent().later(Duration::from_secs(61));
    assert!(text(&never, path).contains("\"config_get_last_time\" : \"1970-01-01 08:00:00\""));
    assert_eq!(World::healthy(Flavour::Loong331).content(path), None);
}
