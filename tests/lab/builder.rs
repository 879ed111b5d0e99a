//! Builds a laboratory: what is told of the host becomes a tree of files laid over this machine's root (`seed`), what is
//! told of the other side becomes the service's plan, and the keeper does the rest.

mod seed;

use crate::cloud::{self, State};
use crate::plan::{self, Behaviour, Ecs, Fault, Group, OWNER, Service};
use crate::{Lab, Skip};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Which agent is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// Logtail 1.8.8: one daemon `ilogtaild`, exits on a broken configuration file.
    Logtail188,
    /// Logtail 2.0.7: goes on without settings, takes any interface's address in no particular order.
    Logtail207,
    /// LoongCollector 3.3.1, enterprise edition, in Logtail's directories.
    Loong331,
    /// No agent at all.
    None,
}

impl Flavour {
    /// The name of the program and its version.
    pub fn names(self) -> Option<(&'static str, &'static str)> {
        match self {
            Flavour::Logtail188 => Some(("ilogtail", "1.8.8")),
            Flavour::Logtail207 => Some(("ilogtail", "2.0.7")),
            Flavour::Loong331 => Some(("loongcollector", "3.3.1")),
            Flavour::None => None,
        }
    }
}

/// What an ordinary user may do with sudo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sudo {
    /// Not in sudoers.
    No,
    /// Everything, with [`crate::PASSWORD`].
    Password,
    /// Everything, without a password.
    Free,
    /// The init script only, without a password.
    ScriptOnly,
}

/// A laboratory to be. Every word about it has a healthy default.
#[derive(Debug, Clone)]
pub struct Builder {
    flavour: Flavour,
    region: String,
    public: bool,
    hostname: String,
    nics: Vec<(String, Vec<String>)>,
    files: Vec<(String, Vec<u8>, u32)>,
    hosts: String,
    users: Vec<(String, Sudo)>,
    service: Service,
    group: Group,
    cloud: State,
    behaviour: Behaviour,
    stopped: bool,
    young: bool,
    old_script: bool,
    at_boot: bool,
}

impl Builder {
    pub(crate) fn new() -> Builder {
        let region = "cn-hangzhou".to_string();
        let ecs = Ecs { owner: OWNER.into(), region: region.clone(), instance: "i-bp1laboratory".into() };
        let more = serde_json::json!({"groupType": "", "groupAttribute": {"groupTopic": "t", "externalName": ""},
            "futureKey": {"kept": [true, null]}, "createTime": 1_447_178_253, "lastModifyTime": 1_447_178_253});
        let group = Group {
            region: region.clone(),
            owner: OWNER.into(),
            name: "web".into(),
            members: vec!["10.1.1.5".into()],
            custom: false,
            more: more.as_object().cloned().unwrap_or_default(),
        };
        Builder {
            flavour: Flavour::Logtail188,
            region,
            public: false,
            hostname: "iZbp1lab".into(),
            nics: vec![("eth0".into(), vec!["10.1.1.5".into()])],
            files: Vec::new(),
            hosts: "127.0.0.1 localhost\n".into(),
            users: Vec::new(),
            service: Service { faults: Vec::new(), ecs },
            group,
            cloud: State::default(),
            behaviour: Behaviour::default(),
            stopped: false,
            young: false,
            old_script: false,
            at_boot: true,
        }
    }

    /// Which agent is installed.
    pub fn agent(mut self, flavour: Flavour) -> Self {
        self.flavour = flavour;
        self
    }

    /// The region of host, project and configuration.
    pub fn region(mut self, region: &str) -> Self {
        self.region = region.into();
        self.service.ecs.region = region.into();
        self.group.region = region.into();
        self.cloud.region = region.into();
        self
    }

    /// The agent is installed for the Internet endpoints, not for the private network.
    pub fn internet(mut self) -> Self {
        self.public = true;
        self
    }

    /// The whole content of ilogtail_config.json in place of the healthy one.
    pub fn config(self, content: impl AsRef<[u8]>) -> Self {
        self.file("/usr/local/ilogtail/ilogtail_config.json", content)
    }

    /// The host's name.
    pub fn hostname(mut self, name: &str) -> Self {
        self.hostname = name.into();
        self
    }

    /// One more line of /etc/hosts.
    pub fn hosts_line(mut self, line: &str) -> Self {
        self.hosts.push_str(line);
        self.hosts.push('\n');
        self
    }

    /// The network interfaces but lo, in their order, with their addresses (`/24` unless said). The first one that has
    /// an address leads to the service; with none the host has no network.
    pub fn nics(mut self, nics: &[(&str, &[&str])]) -> Self {
        self.nics =
            nics.iter().map(|(name, ips)| (name.to_string(), ips.iter().map(|ip| ip.to_string()).collect())).collect();
        self
    }

    /// AliUid files in /etc/ilogtail/users.
    pub fn users(self, aliuids: &[&str]) -> Self {
        aliuids.iter().fold(self, |this, aliuid| this.file(&format!("/etc/ilogtail/users/{aliuid}"), ""))
    }

    /// The content of /etc/ilogtail/user_defined_id.
    pub fn user_defined_id(self, content: impl AsRef<[u8]>) -> Self {
        self.file("/etc/ilogtail/user_defined_id", content)
    }

    /// Any file on the host; it wins over what the laboratory would put there.
    pub fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.file_with_mode(path, content, 0o644)
    }

    /// The same, with a mode.
    pub fn file_with_mode(mut self, path: &str, content: impl AsRef<[u8]>, mode: u32) -> Self {
        self.files.push((path.into(), content.as_ref().to_vec(), mode));
        self
    }

    /// An ordinary user of the host.
    pub fn user(mut self, name: &str, sudo: Sudo) -> Self {
        self.users.push((name.into(), sudo));
        self
    }

    /// Something wrong on the service side or on the way to it.
    pub fn service(mut self, fault: Fault) -> Self {
        self.service.faults.push(fault);
        self
    }

    /// The ECS instance belongs to this account and lies in this region.
    pub fn ecs(mut self, owner: &str, region: &str) -> Self {
        self.service.ecs.owner = owner.into();
        self.service.ecs.region = region.into();
        self
    }

    /// The host is no ECS instance.
    pub fn not_ecs(self) -> Self {
        self.service(Fault::NoMetadata)
    }

    /// The addresses in the machine group.
    pub fn group_ips(mut self, ips: &[&str]) -> Self {
        self.group.members = ips.iter().map(|ip| ip.to_string()).collect();
        self
    }

    /// The machine group goes by custom identifiers, these.
    pub fn group_custom_ids(mut self, ids: &[&str]) -> Self {
        self.group.custom = true;
        self.group_ips(ids)
    }

    /// Root has a key for the service, where the aliyun CLI keeps it.
    pub fn cloud_key(self) -> Self {
        let (id, secret) = cloud::KEY;
        self.cloud_profile(&format!(r#""mode":"AK","access_key_id":"{id}","access_key_secret":"{secret}""#))
    }

    /// The same, but the key is a temporary one.
    pub fn temporary_cloud_key(self) -> Self {
        let (id, secret, token) = cloud::TEMPORARY;
        let key = format!(r#""access_key_id":"{id}","access_key_secret":"{secret}","sts_token":"{token}""#);
        self.cloud_profile(&format!(r#""mode":"StsToken",{key}"#))
    }

    fn cloud_profile(self, fields: &str) -> Self {
        let profile = format!(r#"{{"current":"default","profiles":[{{"name":"default",{fields}}}]}}"#);
        self.file_with_mode("/root/.aliyun/config.json", profile, 0o600)
    }

    /// The project, and its machine group, are in another region than the host.
    pub fn project_in(mut self, region: &str) -> Self {
        self.group.region = region.into();
        self.cloud.region = region.into();
        self
    }

    /// The service's API knows this, or misbehaves so.
    pub fn cloud(mut self, change: impl FnOnce(&mut State)) -> Self {
        change(&mut self.cloud);
        self
    }

    /// How the agent misbehaves.
    pub fn behaviour(mut self, behaviour: Behaviour) -> Self {
        self.behaviour = behaviour;
        self
    }

    /// The agent is installed but not started.
    pub fn stopped(mut self) -> Self {
        self.stopped = true;
        self
    }

    /// Processes are as old as they are: a worker that was just started is looked at twice, which takes 15 s.
    pub fn young(mut self) -> Self {
        self.young = true;
        self
    }

    /// The init script is an old one: no `restart`, and `stop success`.
    pub fn old_script(mut self) -> Self {
        self.old_script = true;
        self
    }

    /// The agent is not started at boot.
    pub fn not_at_boot(mut self) -> Self {
        self.at_boot = false;
        self
    }

    /// Makes the host, or prints `SKIPPED:` and why not.
    ///
    /// # Panics
    /// When it cannot be made though the environment says `LOGTAIL_DOCTOR_LAB=required`.
    pub fn build_or_skip(self) -> Option<Lab> {
        match self.build() {
            Ok(lab) => Some(lab),
            Err(Skip(why)) => {
                crate::skip::skip(&why);
                None
            }
        }
    }

    /// Makes the host, and starts the agent on it unless it shall be stopped.
    ///
    /// # Errors
    /// With the reason when this machine does not give what a laboratory needs.
    pub fn build(self) -> Result<Lab, Skip> {
        if !nix::unistd::geteuid().is_root() {
            return Err(Skip("a laboratory needs root".into()));
        }
        let needs_sudo = self.users.iter().any(|(_, sudo)| *sudo != Sudo::No);
        let programs = ["unshare", "nsenter", "setpriv", "ip", "nft", "sudo"];
        for program in &programs[..if needs_sudo { 6 } else { 5 }] {
            if !is_installed(program) {
                return Err(Skip(format!("{program} is not installed")));
            }
        }
        let lab = self.raise().map_err(|error| Skip(format!("a laboratory cannot be made here: {error}")))?;
        if !self.young {
            lab.sh("awk '$1 == \"btime\" { $2 -= 20 } { print }' /proc/stat > /run/stat-20 && mount --bind /run/stat-20 /proc/stat");
        }
        if let (Some((name, _)), false) = (self.flavour.names(), self.stopped) {
            let broken = self.behaviour.daemon_only || self.behaviour.illegal_instruction;
            lab.sh(&format!("/etc/init.d/{name}d start"));
            let lives = |lab: &Lab| lab.exists("/usr/local/ilogtail/app_info.json");
            if !broken && !self.files.iter().any(|(path, ..)| path.ends_with("ilogtail_config.json")) {
                lab.wait("the agent's first sign of life", Duration::from_secs(10), lives);
            }
        }
        Ok(lab)
    }

    fn raise(&self) -> io::Result<Lab> {
        let (stand_in, doctor) = programs()?;
        let directory = tempfile::Builder::new().prefix("lab-").tempdir()?;
        let at = directory.path();
        std::fs::create_dir(at.join("fs"))?;
        self.write_seed(&at.join("seed"), &stand_in)?;
        plan::write(&at.join("service.json"), &self.service)?;
        plan::write(&at.join("group.json"), &self.group)?;
        plan::write(&at.join("cloud.json"), &self.cloud)?;
        let (before, uplink, after) = self.interfaces();
        std::fs::write(at.join("nics-before"), before)?;
        std::fs::write(at.join("nics-after"), after)?;
        let mut outer = Command::new("unshare")
            .args(["--mount", "--net", "--pid", "--ipc", "--fork", "--kill-child", "--mount-proc"])
            .arg(&stand_in)
            .arg("keeper")
            .args([at, &stand_in, &doctor])
            .args([&uplink, &self.hostname])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(at.join("errors"))?)
            .spawn()?;
        let said = outer.stdout.take().map(|out| BufReader::new(out).lines().next());
        let keeper = child_of(outer.id()).and_then(|keeper| Some((keeper, child_of(child_of(keeper)?)?)));
        match (said, keeper) {
            (Some(Some(Ok(line))), Some((keeper, init))) if line == "ready" => {
                let id = |pid: u32| i32::try_from(pid).map_err(io::Error::other);
                Ok(Lab { keeper: id(keeper)?, init: id(init)?, outer, directory })
            }
            (said, _) => {
                drop(outer.stdin.take());
                let _ = outer.wait();
                let errors = std::fs::read_to_string(at.join("errors")).unwrap_or_default();
                Err(io::Error::other(format!("{said:?}; {}", errors.trim())))
            }
        }
    }
}

/// The stand-in and logtail-doctor, as cargo builds them beside the running test.
fn programs() -> io::Result<(PathBuf, PathBuf)> {
    let test = std::env::current_exe()?;
    let profile = test.ancestors().nth(2).ok_or_else(|| io::Error::other("no target directory"))?;
    let doctor = std::env::var_os("LOGTAIL_DOCTOR_BIN").map_or_else(|| profile.join("logtail-doctor"), PathBuf::from);
    let stand_in = profile.join("examples/stand_in");
    for program in [&doctor, &stand_in] {
        // Not a fault of this machine, so not to be skipped: `cargo test --test NAME` leaves examples out.
        assert!(program.exists(), "{} is missing: cargo build --example stand_in", program.display());
    }
    Ok((stand_in, doctor))
}

/// Whether a program stands where the laboratory looks for it.
fn is_installed(program: &str) -> bool {
    ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].iter().any(|directory| Path::new(directory).join(program).exists())
}

/// The only child of a process.
fn child_of(parent: u32) -> Option<u32> {
    let wanted = format!("PPid:\t{parent}");
    let processes = std::fs::read_dir("/proc").ok()?.flatten();
    processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).find(|pid: &u32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status.lines().any(|line| line == wanted)
    })
}
