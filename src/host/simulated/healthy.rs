//! Worlds in which everything agrees: every check passes, and the heartbeat arrives.

use super::files::{Files, Kind};
use super::parts::{
    Agent, Cloud, Dns, Ecs, Flavour, Group, Person, Reaction, Rule, StartManner, StopManner, Sudo, Time, Timing, Way,
};
use super::world::World;
use crate::core::observe::InterfaceSeen;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;
use tokio::time::Instant;

/// 2026-11-22 05:40:00 UTC, in milliseconds since 1970.
const NOW_MS: i64 = 1_795_326_000_000;
const DAY_MS: i64 = 86_400_000;
/// The address of eth0.
const IP: Ipv4Addr = Ipv4Addr::new(10, 1, 1, 5);
const HOSTNAME: &str = "iZbp1demo0healthy00Z";
/// The owner of the project and of the instance.
const OWNER: &str = "1654218965343050";

const HOSTS: &str = "127.0.0.1\tlocalhost localhost.localdomain\n::1\tlocalhost localhost.localdomain\n\n\
                     10.1.1.5\tiZbp1demo0healthy00Z iZbp1demo0healthy00Z\n";

impl World {
    /// A machine on which everything agrees, at a fixed time: an ECS instance in cn-hangzhou over the private
    /// network, in a machine group by address, seen by root.
    pub fn healthy(flavour: Flavour) -> World {
        World::healthy_at(flavour, NOW_MS)
    }

    /// The same, now being `now_ms` (milliseconds since 1970): installed ten days ago, booted three days ago, the
    /// agent started two days ago. From then on its time runs with tokio's clock.
    pub fn healthy_at(flavour: Flavour, now_ms: i64) -> World {
        let interface = |name: &str, ip| InterfaceSeen { name: name.into(), up: true, ipv4: vec![ip] };
        let mut world = World {
            time: Time {
                start_ms: now_ms - 10 * DAY_MS,
                since: None,
                offset_ms: 0,
                zone_s: 8 * 3600,
                booted_ms: now_ms - 3 * DAY_MS,
                synchronised: true,
            },
            pace: Timing::default(),
            files: Files::default(),
            processes: Vec::new(),
            next_pid: 1204,
            interfaces: vec![interface("lo", Ipv4Addr::LOCALHOST), interface("eth0", IP)],
            hostname: HOSTNAME.into(),
            dns: healthy_dns(),
            network: Vec::new(),
            firewall: None,
            person: Person { user: "root".into(), uid: 0, sudo: Sudo::WithoutPassword },
            container: None,
            agent: Agent {
                flavour,
                community: false,
                install_dir: "/usr/local/ilogtail".into(),
                conf_dir: "/etc/ilogtail".into(),
                environment: Vec::new(),
                stop: StopManner::AtOnce,
                start: StartManner::Both,
                crash_every: None,
                memory: None,
                stopping_until: None,
                refork_at: None,
            },
            systemd: Some(World::usual_units(flavour)),
            printed: BTreeMap::new(),
            kernel_log: vec!["Linux version 5.10.134-16.al8.x86_64".into()],
            cloud: Cloud {
                project: "demo-project".into(),
                region: "cn-hangzhou".into(),
                owner: OWNER.into(),
                group_name: "demo-group".into(),
                group: Group::Ips(vec![IP]),
                ecs: Some(Ecs { region: "cn-hangzhou".into(), account: OWNER.into() }),
            },
            api: None,
        };
        world.connect_region(Some("cn-hangzhou"));
        world.install();
        world.time.start_ms = now_ms - 2 * DAY_MS;
        world.start_agent();
        world.time.start_ms = now_ms;
        world.time.since = Some(Instant::now());
        // The watch of the address went on all the time.
        world.settle();
        world
    }

    /// What the system and the installer put on the disk.
    fn install(&mut self) {
        let modified = self.time.host_ms().div_euclid(1000);
        let os_release = "NAME=\"Alibaba Cloud Linux\"\nVERSION=\"3 (Soaring Falcon)\"\nID=\"alinux\"\n\
                          PRETTY_NAME=\"Alibaba Cloud Linux 3 (Soaring Falcon)\"\n";
        for (path, text) in [
            ("/etc/hosts", HOSTS),
            ("/etc/hostname", "iZbp1demo0healthy00Z\n"),
            (
                "/etc/resolv.conf",
                "options timeout:2 attempts:3 rotate\nnameserver 100.100.2.136\nnameserver 100.100.2.138\n",
            ),
            ("/etc/nsswitch.conf", "passwd: files\nhosts: files dns\n"),
            ("/etc/os-release", os_release),
        ] {
            self.files.put(Path::new(path), Kind::File(text.into()), 0o644, modified);
        }
        for dir in ["/opt", "/root", "/home", "/var/lib", "/usr/bin", "/etc/ilogtail/users", "/etc/ilogtail/checkpoint"]
        {
            self.files.put(Path::new(dir), Kind::Dir, 0o755, modified);
        }
        self.files.put(Path::new("/tmp"), Kind::Dir, 0o1777, modified);
        self.files.put(&Path::new("/etc/ilogtail/users").join(OWNER), Kind::File(Vec::new()), 0o644, modified);
        self.install_agent("cn-hangzhou", "-intranet", modified);
        // What the service delivered once: proof of an earlier contact.
        let delivered = if self.agent.flavour == Flavour::Logtail188 {
            "/usr/local/ilogtail/user_log_config.json"
        } else {
            "/etc/ilogtail/config/enterprise/demo.json"
        };
        self.files.put(Path::new(delivered), Kind::File(b"{\"metrics\" : {}}\n".to_vec()), 0o644, modified);
    }

    /// What the installer alone puts there: configuration, programs, scripts and units.
    pub(super) fn install_agent(&mut self, region: &str, suffix: &str, modified: i64) {
        let config = config_text(self.agent.flavour, region, suffix);
        self.files.put(&self.agent.config_path(), Kind::File(config.into_bytes()), 0o644, modified);
        self.install_programs(modified);
        let mut services = vec!["ilogtaild"];
        if self.agent.flavour == Flavour::Loong331 {
            services.push("loongcollectord");
        }
        for service in services {
            let script = format!("#!/bin/sh\n# chkconfig: 2345 55 45\n# {service}: simulated\n");
            self.files.put(&Path::new("/etc/init.d").join(service), Kind::File(script.into()), 0o755, modified);
            let unit = format!("/etc/systemd/system/{service}.service");
            let text = format!("[Service]\nExecStart=/etc/init.d/{service} start\n");
            self.files.put(Path::new(&unit), Kind::File(text.into()), 0o644, modified);
        }
    }
}

/// What an installer writes for a region; `suffix` is `-intranet`, `-internal`, `-share` or empty.
pub(super) fn config_text(flavour: Flavour, region: &str, suffix: &str) -> String {
    let endpoint = format!("{region}{suffix}.log.aliyuncs.com");
    let server = format!("http://logtail.{endpoint}");
    let config: Value = if flavour == Flavour::Loong331 {
        json!({
            "primary_region": region,
            "config_servers": [server],
            "data_servers": [{"region": region, "endpoint_list": [endpoint]}],
            "cpu_usage_limit": 0.4, "mem_usage_limit": 384, "max_bytes_per_sec": 20_971_520
        })
    } else {
        json!({
            "config_server_address": server,
            "data_server_list": [{"cluster": region, "endpoint": endpoint}],
            "cpu_usage_limit": 0.4, "mem_usage_limit": 384, "max_bytes_per_sec": 20_971_520
        })
    };
    format!("{config:#}\n")
}

/// Private endpoints lie in 100.64.0.0/10, those of every region, public ones in public space.
fn healthy_dns() -> Dns {
    let mut table = BTreeMap::from([
        ("log-global.aliyuncs.com".to_string(), vec![Ipv4Addr::new(47, 74, 200, 9)]),
        ("*.log-global.aliyuncs.com".to_string(), vec![Ipv4Addr::new(47, 74, 200, 9)]),
        ("*.log.aliyuncs.com".to_string(), vec![Ipv4Addr::new(118, 31, 219, 180)]),
    ]);
    for end in PRIVATE {
        table.insert(format!("*{end}"), vec![Ipv4Addr::new(100, 100, 80, 165)]);
    }
    Dns { table, ..Dns::default() }
}

/// How the names of private endpoints end.
const PRIVATE: [&str; 3] = ["-intranet.log.aliyuncs.com", "-internal.log.aliyuncs.com", "-share.log.aliyuncs.com"];

impl World {
    /// The service answers everywhere at its public endpoints, and at the private ones of this region alone: the
    /// private networks of regions are not connected.
    pub(super) fn connect_region(&mut self, region: Option<&str>) {
        let rule = |host: String, reaction| Rule { host, port: None, way: Way::Any, reaction };
        for name in ["*.log.aliyuncs.com", "log-global.aliyuncs.com", "*.log-global.aliyuncs.com"] {
            self.network.push(rule(name.into(), Reaction::Sls));
        }
        for end in PRIVATE {
            self.network.push(rule(format!("*{end}"), Reaction::Silent));
            for name in region.iter().flat_map(|region| [format!("{region}{end}"), format!("*.{region}{end}")]) {
                self.network.push(rule(name, Reaction::Sls));
            }
        }
    }
}
