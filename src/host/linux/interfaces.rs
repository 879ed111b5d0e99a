//! The network interfaces with their IPv4 addresses, in the kernel's order.

use crate::core::observe::{InterfaceSeen, Observed, Unavailable};
use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;
use std::net::Ipv4Addr;

/// All interfaces, also those without an IPv4 address. `getifaddrs` gives the links first, in the order of their
/// indices, then the addresses, the primary before the secondary ones. An address with a label such as `eth0:1`
/// belongs to `eth0`: labels are names for `ifconfig`, the kernel knows no such interface.
pub(super) fn interfaces() -> Observed<Vec<InterfaceSeen>> {
    let all = getifaddrs().map_err(|error| Unavailable::Other(error.desc().to_string()))?;
    Ok(group(all.map(|one| {
        let ipv4 = one.address.as_ref().and_then(|address| address.as_sockaddr_in()).map(|address| address.ip());
        (one.interface_name, one.flags.contains(InterfaceFlags::IFF_UP), ipv4)
    })))
}

/// Gathers the rows by interface, in the order in which each comes first.
fn group(rows: impl Iterator<Item = (String, bool, Option<Ipv4Addr>)>) -> Vec<InterfaceSeen> {
    let mut seen: Vec<InterfaceSeen> = Vec::new();
    for (label, up, address) in rows {
        let name = label.split(':').next().unwrap_or_default();
        match seen.iter_mut().find(|known| known.name == name) {
            Some(known) => known.ipv4.extend(address),
            None => seen.push(InterfaceSeen { name: name.to_string(), up, ipv4: address.into_iter().collect() }),
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_belong_to_their_interface_and_the_order_stays() {
        let ip = |last| Some(Ipv4Addr::new(10, 0, 0, last));
        let rows = [("lo", None), ("eth1", None), ("eth0", None), ("eth0", ip(2)), ("eth0:1", ip(3)), ("eth1", ip(4))];
        let seen = group(rows.into_iter().map(|(name, address)| (name.to_string(), true, address)));
        let short: Vec<(&str, usize)> = seen.iter().map(|one| (one.name.as_str(), one.ipv4.len())).collect();
        assert_eq!(short, vec![("lo", 0), ("eth1", 1), ("eth0", 2)]);
    }

    #[test]
    fn this_machine_has_interfaces() {
        assert!(interfaces().is_ok());
    }
}
