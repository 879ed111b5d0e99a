//! Which address the agent reports, predicted by the rules of its version (Linux).
//!
//! Source: `MachineInfoUtil.cpp` and the driver in `logtail.cpp` / `Application.cpp` of every release from 1.1.0 on;
//! checked cell by cell against the table that those functions gave when they were executed. Releases before 1.1.0
//! are not public and are taken to behave as 1.1.0. This file must not ask the machine: all inputs are handed in.

use super::version::Version;
use crate::core::text::Text;
use crate::say;
use std::net::Ipv4Addr;

/// The interfaces that 3.3.5 and later ignore unless configured otherwise.
pub const IGNORED_BY_DEFAULT: &str = "kube-ipvs0,nodelocaldns,docker0";

/// What the agent bases its choice on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IpInputs {
    pub hostname: String,
    /// What the agent's own look-up answers for the hostname, in its order: up to 2.0.4 that of the source, as
    /// `gethostbyname` keeps it; later sorted by `getaddrinfo`.
    pub lookup: Vec<Ipv4Addr>,
    /// That order is not known: any of them may come first.
    pub unordered: bool,
    /// Where the order was read, for the evidence.
    pub looked_up_in: String,
    /// All interfaces in kernel order with their addresses, the primary first; `lo` included.
    pub interfaces: Vec<(String, Vec<Ipv4Addr>)>,
    /// `working_ip` in force; the agent takes it without any validation.
    pub working_ip: Option<String>,
    /// `bind_interface` in force; "default" in any case means unset.
    pub bind_interface: Option<String>,
    /// `working_interface` in force; only builds after 3.3.5 know it.
    pub working_interface: Option<String>,
    /// `ignored_interfaces` in force, separated by commas; None means [`IGNORED_BY_DEFAULT`].
    pub ignored_interfaces: Option<String>,
}

/// The rule that decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    WorkingIp,
    WorkingInterface,
    /// The hostname's address is that of an interface (1.8.0 and later), or simply its first address (before).
    Hostname,
    /// The hostname has addresses, but none of this host: the first is used all the same.
    HostnameForeign,
    /// Before 1.3.0, a hostname of digits and dots is taken for an address.
    NumericHostname,
    BindInterface,
    Eth0,
    Bond0,
    /// The first interface with an address, up to 2.0.4.
    FirstInterface,
    /// Any interface with an address, in no fixed order, from 2.0.7 on.
    AnyInterface,
    /// Up to 1.7.1, without any address but the loopback.
    Loopback,
    /// No address at all.
    Nothing,
}

impl Rule {
    /// The rule in words, with the versions that follow it.
    pub fn text(self) -> Text {
        match self {
            Rule::WorkingIp => Text::fixed(
                "working_ip in the configuration wins over everything, in all versions",
                "配置中的 working_ip 优先于一切，适用于所有版本",
            ),
            Rule::WorkingInterface => Text::fixed(
                "working_interface names the interface, in versions after 3.3.5",
                "由 working_interface 指定网卡，适用于 3.3.5 之后的版本",
            ),
            Rule::Hostname => Text::fixed(
                "the address of the hostname: in 1.8.0 and later the first that an interface has, before that the first",
                "主机名解析出的地址：1.8.0 及以上版本取首个属于本机网卡的地址，更早版本取首个地址",
            ),
            Rule::HostnameForeign => Text::fixed(
                "the first address of the hostname, although no interface has it, in all versions",
                "主机名解析出的首个地址，即使本机没有网卡使用它，适用于所有版本",
            ),
            Rule::NumericHostname => Text::fixed(
                "a hostname of digits and dots is taken for an address, before 1.3.0",
                "由数字和点组成的主机名被当作地址，适用于 1.3.0 之前的版本",
            ),
            Rule::BindInterface => Text::fixed(
                "the interface of bind_interface, as the hostname has no usable address, in all versions",
                "主机名没有可用地址，取 bind_interface 指定的网卡，适用于所有版本",
            ),
            Rule::Eth0 => Text::fixed(
                "eth0, as the hostname has no usable address, in all versions",
                "主机名没有可用地址，取 eth0，适用于所有版本",
            ),
            Rule::Bond0 => Text::fixed(
                "bond0, as neither the hostname nor eth0 has a usable address, in all versions",
                "主机名和 eth0 都没有可用地址，取 bond0，适用于所有版本",
            ),
            Rule::FirstInterface => Text::fixed(
                "the first interface with an address, in versions before 2.0.7",
                "首个有地址的网卡，适用于 2.0.7 之前的版本",
            ),
            Rule::AnyInterface => Text::fixed(
                "2.0.7 and later pick any interface with an address, in no fixed order",
                "2.0.7 及以上版本从有地址的网卡中任取其一，没有固定顺序",
            ),
            Rule::Loopback => Text::fixed(
                "127.0.0.1, as no interface has an address, in versions before 1.8.0",
                "没有网卡有地址，取 127.0.0.1，适用于 1.8.0 之前的版本",
            ),
            Rule::Nothing => Text::fixed(
                "no usable interface has an IPv4 address, so the agent has none, in 1.8.0 and later",
                "没有可用网卡有 IPv4 地址，Agent 取不到地址，适用于 1.8.0 及以上版本",
            ),
        }
    }
}

/// The prediction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prediction {
    /// Every address that the agent may report, sorted by interface order; never without an element. The empty text
    /// is the agent that finds no address.
    pub possible: Vec<String>,
    pub rule: Rule,
    /// The interface that has the address, when there is one address and one of this host.
    pub interface: Option<String>,
}

impl Prediction {
    /// Whether there is only one possible address.
    pub fn is_deterministic(&self) -> bool {
        self.possible.len() == 1
    }

    /// Whether the agent may report this address.
    pub fn allows(&self, ip: &str) -> bool {
        self.possible.iter().any(|possible| possible == ip)
    }

    /// The prediction in one sentence.
    pub fn text(&self) -> Text {
        let rule = self.rule.text();
        let (en, zh) = rule.both();
        match self.possible.as_slice() {
            [ip] if ip.is_empty() => say!("No address: {en}.", "没有地址：{zh}。"),
            [ip] => say!("{ip}: {en}.", "{ip}：{zh}。"),
            many => {
                let list = many.join(", ");
                say!("One of {list}: {en}.", "以下之一 {list}：{zh}。")
            }
        }
    }
}

/// Whether an interface belongs to containers or tunnels, so that its address means nothing outside this host.
pub fn is_virtual(name: &str) -> bool {
    [
        "docker",
        "br-",
        "veth",
        "virbr",
        "cni",
        "cali",
        "flannel",
        "kube-",
        "nodelocaldns",
        "tunl",
        "lxc",
        "vxlan",
        "dummy",
    ]
    .iter()
    .any(|prefix| name.starts_with(prefix))
}

/// Predicts the address that an agent of this version reports when it starts now.
pub fn predict(inputs: &IpInputs, version: &Version) -> Prediction {
    let first = predict_ordered(inputs, version);
    if !inputs.unordered {
        return first;
    }
    // Whichever comes first.
    (1..inputs.lookup.len()).fold(first, |mut all, turn| {
        let mut turned = inputs.clone();
        turned.lookup.rotate_left(turn);
        for ip in predict_ordered(&turned, version).possible {
            if !all.allows(&ip) {
                all.possible.push(ip);
                all.interface = None;
            }
        }
        all
    })
}

/// The same, in the order of the look-up that is handed in.
fn predict_ordered(inputs: &IpInputs, version: &Version) -> Prediction {
    let found = |ip: String, rule: Rule| Prediction { interface: inputs.interface_with(&ip), possible: vec![ip], rule };
    if let Some(ip) = inputs.working_ip.as_deref().filter(|ip| !ip.is_empty()) {
        return found(ip.to_string(), Rule::WorkingIp);
    }
    let knows_working_interface = version.at_least(3, 3, 6);
    let working_interface = named(&inputs.working_interface).filter(|_| knows_working_interface);
    if let Some(ip) = working_interface.and_then(|name| inputs.primary(name)).filter(|ip| !ip.is_loopback()) {
        return found(ip.to_string(), Rule::WorkingInterface);
    }
    if let Some((ip, rule)) = by_hostname(inputs, version).filter(|(ip, _)| !ip.is_loopback()) {
        return found(ip.to_string(), rule);
    }
    let bind = working_interface.or_else(|| named(&inputs.bind_interface));
    let fallback = match bind {
        // The agent takes whatever address this interface has, even a loopback one.
        Some(name) => inputs.primary(name).map(|ip| (ip, Rule::BindInterface)),
        None => match inputs.primary("eth0").filter(|ip| !ip.is_loopback()) {
            Some(ip) => Some((ip, Rule::Eth0)),
            None => inputs.primary("bond0").map(|ip| (ip, Rule::Bond0)),
        },
    };
    if let Some((ip, rule)) = fallback {
        return found(ip.to_string(), rule);
    }
    any_available(inputs, version)
}

/// A name that is set: not empty, and not "default".
fn named(setting: &Option<String>) -> Option<&str> {
    setting.as_deref().filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("default"))
}

/// `GetHostIpByHostName`.
fn by_hostname(inputs: &IpInputs, version: &Version) -> Option<(Ipv4Addr, Rule)> {
    if let Some(ip) = digits_and_dots(&inputs.hostname) {
        return version.before(1, 3, 0).then_some((ip, Rule::NumericHostname));
    }
    let first = *inputs.lookup.first()?;
    let is_local = inputs.interfaces.iter().any(|(_, ips)| ips.contains(&first));
    if version.before(1, 8, 0) {
        return Some((first, if is_local { Rule::Hostname } else { Rule::HostnameForeign }));
    }
    let candidates = inputs.candidates(version);
    match inputs.lookup.iter().find(|ip| candidates.contains(ip)) {
        Some(ip) => Some((*ip, Rule::Hostname)),
        None => Some((first, if is_local { Rule::Hostname } else { Rule::HostnameForeign })),
    }
}

/// `GetAnyAvailableIP`.
fn any_available(inputs: &IpInputs, version: &Version) -> Prediction {
    let candidates = inputs.candidates(version);
    // The change came between 2.0.4 and 2.0.7; for what may lie between, the cautious answer is "any".
    let is_ordered = version.before(2, 0, 5);
    let Some(first) = candidates.first() else {
        let (ip, rule) = if version.before(1, 8, 0) { ("127.0.0.1", Rule::Loopback) } else { ("", Rule::Nothing) };
        return Prediction { possible: vec![ip.to_string()], rule, interface: None };
    };
    if is_ordered || candidates.len() == 1 {
        let ip = first.to_string();
        let rule = if is_ordered { Rule::FirstInterface } else { Rule::AnyInterface };
        return Prediction { interface: inputs.interface_with(&ip), possible: vec![ip], rule };
    }
    let possible = candidates.iter().map(Ipv4Addr::to_string).collect();
    Prediction { possible, rule: Rule::AnyInterface, interface: None }
}

impl IpInputs {
    /// The primary address of an interface, whether it is up or not.
    fn primary(&self, name: &str) -> Option<Ipv4Addr> {
        self.interfaces.iter().find(|(known, _)| known == name).and_then(|(_, ips)| ips.first().copied())
    }

    /// The first interface that has the address.
    fn interface_with(&self, ip: &str) -> Option<String> {
        let ip: Ipv4Addr = ip.parse().ok()?;
        self.interfaces.iter().find(|(_, ips)| ips.contains(&ip)).map(|(name, _)| name.clone())
    }

    /// The addresses among which the agent looks: all but the loopback and, from 3.3.5 on, the ignored interfaces'.
    /// Before 1.8.0 only the address decided and not the name `lo`.
    fn candidates(&self, version: &Version) -> Vec<Ipv4Addr> {
        let ignored = self.ignored_interfaces.as_deref().unwrap_or(IGNORED_BY_DEFAULT);
        let is_ignored = |name: &str| {
            (version.at_least(1, 8, 0) && name == "lo")
                || (version.at_least(3, 3, 5) && ignored.split(',').any(|other| other.trim() == name))
        };
        let mut out: Vec<Ipv4Addr> = Vec::new();
        for (_, ips) in self.interfaces.iter().filter(|(name, _)| !is_ignored(name)) {
            for ip in ips.iter().filter(|ip| !ip.is_loopback()) {
                if !out.contains(ip) {
                    out.push(*ip);
                }
            }
        }
        out
    }
}

/// The address that the C library makes of a hostname of numbers and dots, as `inet_aton` does: `12345` is
/// 0.0.48.57, `1.2.3` is 1.2.0.3. Numbers may be decimal, octal (`010`) or hexadecimal (`0x10`). None for any
/// other hostname; from 1.3.0 on the agent rejects what this accepts.
pub fn digits_and_dots(hostname: &str) -> Option<Ipv4Addr> {
    let parts: Vec<u32> = hostname.split('.').map(number).collect::<Option<_>>()?;
    let (last, heads) = parts.split_last()?;
    if heads.len() > 3 || heads.iter().any(|head| *head > 255) {
        return None;
    }
    let bits_left = 32 - 8 * heads.len() as u32;
    if u64::from(*last) >= 1u64 << bits_left {
        return None;
    }
    let high = heads.iter().enumerate().fold(0u32, |sum, (index, head)| sum | head << (24 - 8 * index as u32));
    Some(Ipv4Addr::from(high | last))
}

/// A number as `strtoul` with base 0 reads it.
fn number(text: &str) -> Option<u32> {
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (text.get(2..)?, 16),
        [b'0', _, ..] => (text.get(1..)?, 8),
        _ => (text, 10),
    };
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, radix).ok())?
}

#[cfg(test)]
mod tests;
