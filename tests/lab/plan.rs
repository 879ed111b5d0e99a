//! What the laboratory and its stand-ins agree on: the service's faults, the machine group, the agent's misbehaviour,
//! the record of a heartbeat. Data only; the builder writes it as JSON files, the stand-ins read it again at every
//! request, so a test can break and mend the world while it runs.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::path::Path;

/// The two name servers of Alibaba Cloud's private network (domain, section 3.6).
pub const NAME_SERVERS: [Ipv4Addr; 2] = [Ipv4Addr::new(100, 100, 2, 136), Ipv4Addr::new(100, 100, 2, 138)];
/// The ECS metadata service.
pub const METADATA: Ipv4Addr = Ipv4Addr::new(100, 100, 100, 200);
/// The router that every host of the laboratory sends its packets to.
pub const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 255, 255, 254);
/// The account that owns the project, unless a test says otherwise.
pub const OWNER: &str = "1654218965343050";
/// The difference of clocks, in seconds, beyond which the service refuses (domain, section 9).
pub const CLOCK_TOLERANCE_S: i64 = 900;

/// One thing that is wrong on the way to the service, or at the service. A host is a full name or a pattern with one
/// `*` (`logtail.*`, `*.log.aliyuncs.com`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    /// The name servers do not answer.
    DnsSilent,
    /// The name servers answer SERVFAIL.
    DnsServFail,
    /// The name does not exist.
    NoSuchName(String),
    /// The name resolves to this address.
    WrongAddress(String, Ipv4Addr),
    /// Connections to the host are refused, on this port or, with `None`, on 80 and 443.
    Refuse(String, Option<u16>),
    /// Packets to the host disappear, as a security group makes them.
    Drop(String, Option<u16>),
    /// A captive portal answers in place of the host.
    ForeignPage(String),
    /// The host's certificate is signed by an authority that nobody trusts.
    UntrustedTls(String),
    /// The service's clock is ahead of this host's by so many seconds (behind when negative).
    ClockOffset(i64),
    /// The metadata address does not answer: the host is no ECS instance.
    NoMetadata,
}

/// What the ECS metadata service tells about the host.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ecs {
    pub owner: String,
    pub region: String,
    pub instance: String,
}

/// The service side, file `service.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Service {
    pub faults: Vec<Fault>,
    pub ecs: Ecs,
}

impl Service {
    /// The service's clock minus the host's, in seconds.
    pub fn clock_offset(&self) -> i64 {
        self.faults
            .iter()
            .find_map(|fault| if let Fault::ClockOffset(s) = fault { Some(*s) } else { None })
            .unwrap_or(0)
    }

    /// Whether a captive portal answers for this host.
    pub fn is_foreign(&self, host: &str) -> bool {
        self.faults.iter().any(|fault| matches!(fault, Fault::ForeignPage(pattern) if matches(pattern, host)))
    }

    /// Whether this host shows a certificate of the wrong authority.
    pub fn is_untrusted(&self, host: &str) -> bool {
        self.faults.iter().any(|fault| matches!(fault, Fault::UntrustedTls(pattern) if matches(pattern, host)))
    }

    /// The address that the name servers give for a name, `None` when it does not exist. A host whose packets are
    /// refused or dropped gets an address of its own, so that the firewall hits nobody else.
    pub fn address(&self, name: &str) -> Option<Ipv4Addr> {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let kind = usual_address(&name)?;
        let own = if kind.octets()[0] == 100 { [100, 100, 96] } else { [203, 0, 113] };
        for (number, fault) in (100u8..).zip(&self.faults) {
            match fault {
                Fault::NoSuchName(pattern) if matches(pattern, &name) => return None,
                Fault::WrongAddress(pattern, address) if matches(pattern, &name) => return Some(*address),
                Fault::Refuse(pattern, _) | Fault::Drop(pattern, _) if matches(pattern, &name) => {
                    return Some(Ipv4Addr::new(own[0], own[1], own[2], number));
                }
                _ => {}
            }
        }
        Some(kind)
    }

    /// The rules for nft(8) that make the faults below HTTP real. They replace any earlier rules.
    pub fn firewall(&self) -> String {
        let mut rules = String::from(
            "add table ip lab\ndelete table ip lab\ntable ip lab {\nchain incoming {\ntype filter hook input priority 0;\n",
        );
        for (number, fault) in (100u8..).zip(&self.faults) {
            let (port, verdict) = match fault {
                Fault::Refuse(_, port) => (port, "reject with tcp reset"),
                Fault::Drop(_, port) => (port, "drop"),
                Fault::NoMetadata => {
                    let _ = writeln!(rules, "ip daddr {METADATA} drop");
                    continue;
                }
                _ => continue,
            };
            let ports = port.map_or("{ 80, 443 }".to_string(), |port| port.to_string());
            let _ =
                writeln!(rules, "ip daddr {{ 100.100.96.{number}, 203.0.113.{number} }} tcp dport {ports} {verdict}");
        }
        rules.push_str("}\n}\n");
        rules
    }
}

/// Where a healthy service lives: intranet names in 100.64.0.0/10, public ones in 203.0.113.0/24.
fn usual_address(name: &str) -> Option<Ipv4Addr> {
    let stem = name.strip_suffix(".aliyuncs.com")?;
    if stem == "log-global" || stem.ends_with(".log-global") {
        return Some(Ipv4Addr::new(203, 0, 113, 82));
    }
    let label = stem.strip_suffix(".log")?.rsplit('.').next().unwrap_or_default();
    let private = ["-intranet", "-share", "-internal", "-vpc"].iter().any(|suffix| label.ends_with(suffix));
    let host = if name.starts_with("logtail.") { 80 } else { 81 };
    Some(if private { Ipv4Addr::new(100, 100, 80, host) } else { Ipv4Addr::new(203, 0, 113, host) })
}

/// Whether a host name fits a pattern with at most one `*`.
pub fn matches(pattern: &str, host: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern.eq_ignore_ascii_case(host),
        Some((head, tail)) => host.len() >= head.len() + tail.len() && host.starts_with(head) && host.ends_with(tail),
    }
}

/// The machine group as the service keeps it, file `group.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Group {
    pub region: String,
    /// The account that owns the project.
    pub owner: String,
    pub name: String,
    /// Addresses, or custom identifiers when `custom` is set.
    pub members: Vec<String>,
    pub custom: bool,
    /// What else the service keeps of the group; a program that does not know a key must give it back as it came.
    pub more: Map<String, Value>,
}

impl Group {
    /// The group as the service's API returns it.
    pub fn object(&self) -> Value {
        let mut object = self.more.clone();
        object.insert("groupName".into(), json!(self.name));
        object.insert("machineIdentifyType".into(), json!(if self.custom { "userdefined" } else { "ip" }));
        object.insert("machineList".into(), json!(self.members));
        Value::Object(object)
    }

    /// Takes the group as it was written through the API.
    pub fn take(&mut self, object: &Value) {
        let mut more = object.as_object().cloned().unwrap_or_default();
        let list = more.shift_remove("machineList");
        let items = list.iter().flat_map(|list| list.as_array().into_iter().flatten());
        self.members = items.filter_map(|item| item.as_str().map(str::to_string)).collect();
        self.custom = more.shift_remove("machineIdentifyType").is_some_and(|kind| kind == "userdefined");
        more.shift_remove("groupName");
        self.more = more;
    }
}

/// A heartbeat on the wire, as the stand-in agent sends it. The real wire format is not public.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Beat {
    pub ip: String,
    pub version: String,
    pub instance_id: String,
    /// The machine's DMI UUID.
    pub uuid: String,
    /// Empty before version 3.
    pub host_id: String,
    pub custom_ids: Vec<String>,
    pub aliuids: Vec<String>,
}

/// A heartbeat as the service judged it: one line of `heartbeats.jsonl`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Heartbeat {
    /// Milliseconds since 1970, by this machine's clock.
    pub at_ms: u128,
    /// The host that it was sent to.
    pub host: String,
    pub beat: Beat,
    /// `None` when the group counts it; otherwise why not: `clock`, `region`, `account` or `identity`.
    pub refused: Option<String>,
}

/// How the stand-in agent misbehaves, file `/etc/stand_in.json` on the host, read when a process of it starts.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Behaviour {
    /// The daemon and the worker do not react to SIGTERM.
    pub ignore_sigterm: bool,
    /// The daemon starts no worker.
    pub daemon_only: bool,
    /// The worker dies at start by an illegal instruction.
    pub illegal_instruction: bool,
    /// The worker lives and writes its files but sends no heartbeat.
    pub mute: bool,
    /// Every worker dies.
    pub dies: Option<Death>,
}

/// How every worker of the stand-in agent dies, whenever the daemon makes one.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Death {
    /// So long after its start.
    pub after_ms: u64,
    pub exit_code: i32,
    /// Before it has written its record or a line of its log.
    pub before_a_word: bool,
    /// The daemon makes a new one after this; the real one after 10 s.
    pub daemon_waits_ms: u64,
}

/// The path of [`Behaviour`] on the host.
pub const BEHAVIOUR: &str = "/etc/stand_in.json";

/// Reads a JSON file of the laboratory.
///
/// # Errors
/// When the file cannot be read or is not what it should be.
pub fn read<T: for<'a> Deserialize<'a>>(path: &Path) -> std::io::Result<T> {
    Ok(serde_json::from_slice(&std::fs::read(path)?)?)
}

/// Writes a JSON file of the laboratory so that a reader sees the old or the new one, never half of it.
///
/// # Errors
/// When the file cannot be written.
pub fn write<T: Serialize>(path: &Path, value: &T) -> std::io::Result<()> {
    let beside = path.with_extension("new");
    std::fs::write(&beside, serde_json::to_vec(value)?)?;
    std::fs::rename(beside, path)
}
