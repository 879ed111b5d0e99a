//! Which IPv4 address the agent reports, by the rules of its version (agent, sections 3.1 to 3.3). Versions before 1.8
//! are not imitated. Written from the description alone, so that it can contradict the product's own prediction.

use nix::ifaddrs::getifaddrs;
use std::net::{Ipv4Addr, ToSocketAddrs};

/// A version as three numbers: (2, 0, 7).
pub type Version = (u32, u32, u32);

/// What the settings say about the address.
pub struct Wishes {
    pub working_ip: String,
    pub bind_interface: String,
}

/// The address, or an empty string when there is none.
pub fn of_host(version: Version, wishes: &Wishes) -> String {
    if !wishes.working_ip.is_empty() {
        return wishes.working_ip.clone();
    }
    let first = |found: Option<Ipv4Addr>| found.map(|ip| ip.to_string()).unwrap_or_default();
    let ip = first(by_host_or_interface(version, &wishes.bind_interface));
    if ip.is_empty() { first(any(version)) } else { ip }
}

fn by_host_or_interface(version: Version, interface: &str) -> Option<Ipv4Addr> {
    let usable = |ip: &Ipv4Addr| !ip.is_loopback();
    if let Some(ip) = by_host_name(version).filter(usable) {
        return Some(ip);
    }
    if interface.is_empty() {
        of_interface("eth0").filter(usable).or_else(|| of_interface("bond0"))
    } else {
        of_interface(interface)
    }
}

/// The looked-up address that some interface has, else the first looked-up one. A name of digits and dots is none.
fn by_host_name(version: Version) -> Option<Ipv4Addr> {
    let name = nix::unistd::gethostname().ok()?.into_string().ok()?;
    if name.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let found: Vec<Ipv4Addr> = (name.as_str(), 0)
        .to_socket_addrs()
        .ok()?
        .filter_map(|address| if let std::net::IpAddr::V4(ip) = address.ip() { Some(ip) } else { None })
        .collect();
    let own = candidates(version);
    found.iter().find(|ip| own.contains(ip)).or(found.first()).copied()
}

/// Versions up to 2.0.4 take the first interface's; later ones keep them in an unordered set, where mostly the last
/// one comes out first.
fn any(version: Version) -> Option<Ipv4Addr> {
    let own = candidates(version);
    if version < (2, 0, 7) { own.first().copied() } else { own.last().copied() }
}

/// Every address of an interface but those of loopback and, from 3.3.5, of the ignored interfaces.
fn candidates(version: Version) -> Vec<Ipv4Addr> {
    let ignored: &[&str] =
        if version >= (3, 3, 5) { &["lo", "kube-ipvs0", "nodelocaldns", "docker0"] } else { &["lo"] };
    all()
        .into_iter()
        .filter(|(interface, ip)| !ignored.contains(&interface.as_str()) && !ip.is_loopback())
        .map(|(_, ip)| ip)
        .collect()
}

fn of_interface(name: &str) -> Option<Ipv4Addr> {
    all().into_iter().find(|(interface, _)| interface == name).map(|(_, ip)| ip)
}

fn all() -> Vec<(String, Ipv4Addr)> {
    let Ok(list) = getifaddrs() else { return Vec::new() };
    list.filter_map(|entry| Some((entry.interface_name.clone(), entry.address?.as_sockaddr_in()?.ip()))).collect()
}
