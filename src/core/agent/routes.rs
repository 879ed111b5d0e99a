//! Routes as `/proc/net/route` prints them, and name servers as `/etc/resolv.conf` names them: where a packet of this
//! host goes. Readers only; nothing is judged here.

use std::net::{IpAddr, Ipv4Addr};

/// The kernel's table of IPv4 routes.
pub const ROUTES: &str = "/proc/net/route";
/// The resolver's file.
pub const RESOLV: &str = "/etc/resolv.conf";
/// The resolver of the C library uses no more nameservers than these (resolv.conf(5)).
const NAMESERVERS: usize = 3;

/// The route that a packet takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    pub interface: String,
    pub prefix: Ipv4Addr,
    pub bits: u32,
    pub gateway: Option<Ipv4Addr>,
    /// Whether it says no (`unreachable`, `blackhole`, `prohibit`).
    pub rejects: bool,
}

/// The route of the longest prefix that holds the address. The table has interface, destination, gateway, flags, three
/// counts, mask; in hex.
pub fn route(table: &str, to: Ipv4Addr) -> Option<Route> {
    let fitting = table.lines().skip(1).filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let interface = words.next()?;
        let mut hex = |at: usize| u32::from_str_radix(words.nth(at)?, 16).ok();
        let (destination, gateway, flags, mask) = (hex(0)?, hex(0)?, hex(0)?, hex(3)?);
        // The kernel prints addresses as they lie in memory.
        let octets = |raw: u32| Ipv4Addr::from(raw.to_ne_bytes());
        let is_up = flags & 1 == 1;
        let fits = u32::from_ne_bytes(to.octets()) & mask == destination;
        (is_up && fits).then(|| Route {
            interface: interface.to_string(),
            prefix: octets(destination),
            bits: mask.count_ones(),
            gateway: (gateway != 0).then(|| octets(gateway)),
            rejects: interface == "*" || flags & 0x200 != 0,
        })
    });
    fitting.max_by_key(|route| route.bits)
}

/// The name servers of resolv.conf, in order.
pub fn nameservers(text: &str) -> Vec<IpAddr> {
    // The C library knows the keyword in the first column only (glibc 2.36, musl 1.2.3:
    // `findings/resolv-conf-four-readers.sh`).
    let words = text.lines().filter_map(|line| {
        let rest = line.strip_prefix("nameserver")?;
        if rest.starts_with([' ', '\t']) { rest.split_ascii_whitespace().next() } else { None }
    });
    words.filter_map(|word| word.parse().ok()).take(NAMESERVERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_server_stands_in_the_first_column() {
        assert!(nameservers(" nameserver 8.8.8.8\n#nameserver 1.1.1.1\nnameservers 2.2.2.2\n").is_empty());
        assert_eq!(nameservers("nameserver\t1.1.1.1 2.2.2.2\n").len(), 1);
    }

    const TABLE: &str = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\n\
        eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\n\
        br-k8s\t001C7664\t00000000\t0001\t0\t0\t0\t00FFFFFF\n\
        *\t00007BCB\t00000000\t0201\t0\t0\t0\t0000FFFF\n";

    #[test]
    fn the_longest_prefix_decides() {
        let at = |text: &str| route(TABLE, text.parse().unwrap()).unwrap();
        let out = at("203.0.113.7");
        assert_eq!((out.interface.as_str(), out.gateway, out.bits), ("eth0", Some(Ipv4Addr::new(172, 17, 0, 1)), 0));
        let inner = at("100.118.28.9");
        let prefix = Ipv4Addr::new(100, 118, 28, 0);
        assert_eq!((inner.interface.as_str(), inner.prefix, inner.bits, inner.gateway), ("br-k8s", prefix, 24, None));
        assert!(at("203.123.1.1").rejects);
        assert_eq!(route("Iface\n", Ipv4Addr::new(203, 0, 113, 7)), None);
    }

    proptest! {
        #[test]
        fn no_table_breaks_the_readers(table in "(\\PC|\\n|\\t){0,80}", to in any::<u32>()) {
            route(&table, Ipv4Addr::from_bits(to));
            nameservers(&table);
        }
    }
}
