//! Ways to break a world, and to set what it is. Each takes the world by value, so that a scenario reads as one
//! sentence: `World::healthy(flavour).remove_users().stop_agent()`.

use super::files::Kind;
use super::healthy::config_text;
use super::parts::{Ecs, Firewall, Group, Reaction, Rule, StartManner, StopManner, Sudo, Way};
use super::world::World;
use crate::core::observe::{CommandSeen, InterfaceSeen, ProcessSeen};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The agent and its files.
impl World {
    /// Ends all processes of the agent; systemd does not notice.
    pub fn stop_agent(mut self) -> World {
        self.end_agent();
        self
    }

    /// Ends and starts the agent, as a boot does.
    pub fn restart_agent(mut self) -> World {
        self.end_agent();
        self.start_agent();
        self
    }

    /// The worker dies and does not come back.
    pub fn lose_worker(mut self) -> World {
        if let (_, Some(worker)) = self.pair() {
            self.processes.retain(|process| process.pid != worker);
        }
        self.agent.memory = None;
        self.agent.start = StartManner::DaemonOnly;
        self
    }

    pub fn stop_manner(mut self, manner: StopManner) -> World {
        self.agent.stop = manner;
        self
    }

    pub fn start_manner(mut self, manner: StartManner) -> World {
        self.agent.start = manner;
        self
    }

    /// The worker is made anew this often.
    pub fn crash_every(mut self, period: Duration) -> World {
        self.agent.crash_every = Some(period);
        self
    }

    /// The open-source build, restarted so that its files say so.
    pub fn community(mut self) -> World {
        self.agent.community = true;
        self.restart_agent()
    }

    /// Takes the agent off the machine: processes, programs, configuration, scripts and units.
    pub fn uninstall(mut self) -> World {
        self.end_agent();
        let dir = self.agent.install_dir.clone();
        self.files.drop(&dir);
        for name in ["ilogtaild", "loongcollectord"] {
            self.files.drop(&Path::new("/etc/init.d").join(name));
            self.files.drop(Path::new(&format!("/etc/systemd/system/{name}.service")));
            if let Some(systemd) = &mut self.systemd {
                systemd.units.remove(name);
            }
        }
        self
    }

    /// A variable in the environment that the init script gives the agent.
    pub fn agent_environment_has(mut self, name: &str, value: &str) -> World {
        self.agent.environment.push((name.into(), value.into()));
        self
    }

    /// Another process that may be the agent's.
    pub fn process(mut self, process: ProcessSeen) -> World {
        self.processes.push(process);
        self
    }

    /// Whether the agent's unit starts at boot.
    pub fn enabled_at_boot(mut self, enabled: bool) -> World {
        let service = self.agent.flavour.service();
        if let Some(unit) = self.systemd.as_mut().and_then(|systemd| systemd.units.get_mut(service)) {
            unit.enabled = enabled;
        }
        self
    }

    /// A systemd of today (260 and later), which knows nothing of init scripts; the agent has no unit of its own.
    pub fn newest_systemd(mut self) -> World {
        let service = self.agent.flavour.service();
        for name in ["ilogtaild", "loongcollectord"] {
            self.files.drop(Path::new(&format!("/etc/systemd/system/{name}.service")));
            if let Some(systemd) = &mut self.systemd {
                systemd.units.remove(name);
                systemd.is_newest = true;
            }
        }
        self.write(format!("/etc/rc3.d/S01{service}"), "")
    }

    /// The configuration that an installer writes for the private network of a region; the agent was restarted with
    /// it.
    pub fn config_region(self, region: &str) -> World {
        self.config_network(region, "-intranet")
    }

    /// The same for any network type; `suffix` is `-intranet`, `-internal`, `-share`, or empty for the Internet.
    pub fn config_network(mut self, region: &str, suffix: &str) -> World {
        let path = self.agent.config_path();
        let text = config_text(self.agent.flavour, region, suffix);
        self.put(&path, text);
        self.restart_agent()
    }

    /// The bytes of `ilogtail_config.json`; the agent was restarted with them.
    pub fn config(mut self, bytes: impl Into<Vec<u8>>) -> World {
        let path = self.agent.config_path();
        self.put(&path, bytes);
        self.restart_agent()
    }

    /// No AliUid is configured, and the agent was restarted since.
    pub fn remove_users(mut self) -> World {
        self.files.drop(Path::new("/etc/ilogtail/users"));
        self.restart_agent()
    }

    /// The bytes of `user_defined_id`.
    pub fn custom_id(self, bytes: impl Into<Vec<u8>>) -> World {
        self.write("/etc/ilogtail/user_defined_id", bytes)
    }
}

/// Files.
impl World {
    /// Writes a file as root, now.
    pub fn write(mut self, path: impl AsRef<Path>, bytes: impl Into<Vec<u8>>) -> World {
        self.put(path.as_ref(), bytes);
        self.settle();
        self
    }

    /// Puts anything at a path: a symlink, a FIFO, a dead mount.
    pub fn place(mut self, path: impl AsRef<Path>, kind: Kind) -> World {
        let modified = self.time.host_ms().div_euclid(1000);
        let mode = if kind == Kind::Dir { 0o755 } else { 0o644 };
        self.files.put(path.as_ref(), kind, mode, modified);
        self
    }

    /// Removes a file, or a directory with all that is in it.
    pub fn remove(mut self, path: impl AsRef<Path>) -> World {
        self.files.drop(path.as_ref());
        self
    }

    /// Mode and owner of what stands at a path.
    pub fn owned(mut self, path: impl AsRef<Path>, mode: u32, uid: u32) -> World {
        if let Some(node) = self.files.node_mut(path.as_ref()) {
            (node.mode, node.uid, node.gid) = (mode, uid, uid);
        }
        self
    }

    /// Nothing can be written below a directory; `words` as the system says it.
    pub fn unwritable(mut self, dir: impl Into<PathBuf>, words: &str) -> World {
        self.files.unwritable.push((dir.into(), words.into()));
        self
    }
}

/// Names and network.
impl World {
    /// The hostname stands in /etc/hosts with this address and no other; the agent was restarted since.
    pub fn bind_hostname(mut self, address: &str) -> World {
        let line = format!("{address}\t{}\n", self.hostname);
        self.set_hosts(&line);
        self.restart_agent()
    }

    /// The hostname does not stand in /etc/hosts; the agent was restarted since.
    pub fn unbind_hostname(mut self) -> World {
        self.set_hosts("");
        self.restart_agent()
    }

    fn set_hosts(&mut self, line: &str) {
        let text = format!("127.0.0.1\tlocalhost localhost.localdomain\n{line}");
        self.put(Path::new("/etc/hosts"), text);
    }

    /// Another hostname; /etc/hosts stays as it is, and the agent was restarted since.
    pub fn hostname(mut self, name: &str) -> World {
        self.hostname = name.into();
        self.restart_agent()
    }

    /// The interfaces after `lo`, in kernel order; the agent was restarted since.
    pub fn interfaces(mut self, interfaces: &[(&str, &[Ipv4Addr])]) -> World {
        self.interfaces.truncate(1);
        let of =
            |(name, ips): &(&str, &[Ipv4Addr])| InterfaceSeen { name: (*name).into(), up: true, ipv4: ips.to_vec() };
        self.interfaces.extend(interfaces.iter().map(of));
        self.restart_agent()
    }

    /// No interface but `lo` has an address, and the hostname is not bound: the agent finds no address.
    pub fn no_ip(self) -> World {
        self.interfaces(&[("eth0", &[])]).unbind_hostname()
    }

    /// What DNS answers for a name, or for all names below `*.suffix`; empty: there is no such name.
    pub fn dns(mut self, name: &str, addresses: &[Ipv4Addr]) -> World {
        self.dns.table.insert(name.to_ascii_lowercase(), addresses.to_vec());
        self
    }

    /// No nameserver answers.
    pub fn dns_silent(mut self) -> World {
        self.dns.silent = true;
        self
    }

    /// `myhostname` stands in nsswitch.conf.
    pub fn myhostname(mut self) -> World {
        self.dns.myhostname = true;
        self.write("/etc/nsswitch.conf", "hosts: files myhostname dns\n")
    }

    /// What a place does with direct connections; `host` may be `*.suffix`, no port means every port.
    pub fn reaction(self, host: &str, port: Option<u16>, reaction: Reaction) -> World {
        self.rule(host, port, Way::Direct, reaction)
    }

    /// Packets to a host get lost.
    pub fn drop_packets(self, host: &str) -> World {
        self.reaction(host, None, Reaction::Silent)
    }

    /// This host's own firewall drops what goes out to the ports 80 and 443.
    pub fn own_firewall_drops(mut self) -> World {
        let rule = "-A OUTPUT -p tcp -m multiport --dports 80,443 -j DROP".to_string();
        self.firewall = Some(Firewall { output: vec![rule] });
        self
    }

    /// A proxy at this name and port, which knows the whole network.
    pub fn proxy(mut self, host: &str, port: u16) -> World {
        self.dns.table.entry(host.into()).or_insert_with(|| vec![Ipv4Addr::new(10, 1, 1, 200)]);
        self.reaction(host, Some(port), Reaction::Proxy)
    }

    /// What a place does with connections of one way.
    pub fn rule(mut self, host: &str, port: Option<u16>, way: Way, reaction: Reaction) -> World {
        self.network.push(Rule { host: host.to_ascii_lowercase(), port, way, reaction });
        self
    }
}

/// Time, people, commands, the service.
impl World {
    /// How far this host's clock is ahead of the true time, in seconds; negative: behind. No time service keeps it.
    pub fn clock_offset(mut self, seconds: i64) -> World {
        self.time.synchronised = false;
        self.shift_clock(seconds * 1000 - self.time.offset_ms);
        self
    }

    /// Lets true time pass.
    pub fn later(mut self, duration: Duration) -> World {
        self.time.start_ms += i64::try_from(duration.as_millis()).unwrap_or(0);
        self.settle();
        self
    }

    /// Time stands still where it began, but for [`World::later`].
    pub fn still(mut self) -> World {
        self.time.since = None;
        self
    }

    /// Pauses that make the machine look alive: before every answer, and before every line of a command.
    pub fn paced(mut self, answer: Duration, line: Duration) -> World {
        (self.pace.answer, self.pace.line) = (answer, line);
        self
    }

    /// The program runs as an ordinary user.
    pub fn as_user(mut self, user: &str, uid: u32, sudo: Sudo) -> World {
        let modified = self.time.host_ms().div_euclid(1000);
        let home = PathBuf::from("/home").join(user);
        self.files.put(&home, Kind::Dir, 0o700, modified);
        (self.person.user, self.person.uid, self.person.sudo) = (user.into(), uid, sudo);
        self.owned(home, 0o700, uid)
    }

    /// The program runs in a container, and this says so.
    pub fn in_container(mut self, evidence: &str) -> World {
        self.container = Some(evidence.into());
        self
    }

    /// A host without systemd.
    pub fn without_systemd(mut self) -> World {
        self.systemd = None;
        self
    }

    /// What any other command prints, by its whole command line.
    pub fn prints(mut self, line: &str, code: i32, out: &str) -> World {
        self.printed.insert(line.into(), CommandSeen { code: Some(code), out: out.into(), err: String::new() });
        self
    }

    /// What the machine group names.
    pub fn group(mut self, group: Group) -> World {
        self.cloud.group = group;
        self
    }

    /// Where the instance runs, and whose it is; None: this is no ECS instance. The private network is that of its
    /// region, if any; faults of the network are to be told after this.
    pub fn ecs(mut self, ecs: Option<Ecs>) -> World {
        self.connect_region(ecs.as_ref().map(|ecs| ecs.region.as_str()));
        self.cloud.ecs = ecs;
        self
    }
}
