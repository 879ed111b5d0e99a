//! Other addresses that keep their relations: two addresses that share the first bits share as many of them afterwards,
//! and special ranges stay what they are. Pure.

use super::Pseudonyms;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Resolvers that everybody knows say nothing about whoever uses them.
const RESOLVERS: [Ipv4Addr; 6] = [
    Ipv4Addr::new(8, 8, 8, 8),
    Ipv4Addr::new(8, 8, 4, 4),
    Ipv4Addr::new(1, 1, 1, 1),
    Ipv4Addr::new(114, 114, 114, 114),
    Ipv4Addr::new(223, 5, 5, 5),
    Ipv4Addr::new(223, 6, 6, 6),
];

/// How many of the first bits stay. All of them in the ranges that mean the same on every host: this host, link-local,
/// the cloud's own services (100.64/10), Docker's usual bridge, multicast, masks.
fn fixed(ip: Ipv4Addr) -> u32 {
    let [a, b, ..] = ip.octets();
    match (a, b) {
        (0 | 127 | 224.., _) | (169, 254) | (100, 64..=127) | (172, 17) => 32,
        _ if RESOLVERS.contains(&ip) => 32,
        (172, 16..=31) | (100 | 169 | 172 | 192 | 198 | 203, _) => 16,
        _ => 8,
    }
}

impl Pseudonyms {
    /// The other address.
    pub(super) fn v4(&mut self, ip: Ipv4Addr) -> Ipv4Addr {
        if let Some(other) = self.addresses.get(&ip) {
            return *other;
        }
        let bits = u32::from(ip);
        let mut other = bits;
        for bit in fixed(ip)..32 {
            let prefix = bits.checked_shr(32 - bit).unwrap_or_default();
            let hash = self.hash("address", &[&[bit as u8][..], &prefix.to_be_bytes()].concat());
            other ^= u32::from(hash.first().is_some_and(|byte| byte & 1 == 1)) << (31 - bit);
        }
        let other = Ipv4Addr::from(other);
        self.addresses.insert(ip, other);
        other
    }

    /// The other network: where the real one ends in zeros, so does this.
    fn network(&mut self, ip: Ipv4Addr, length: u32) -> Ipv4Addr {
        let mask = u32::MAX.checked_shl(32 - length).unwrap_or_default();
        let other = self.v4(ip);
        match u32::from(ip) & !mask {
            0 => Ipv4Addr::from(u32::from(other) & mask),
            _ => other,
        }
    }

    /// The address at the beginning, if one stands there by itself, as its other one and with its length.
    pub(super) fn address(&mut self, rest: &[u8], before: Option<u8>) -> Option<(String, usize)> {
        if before.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'.') {
            return None;
        }
        let run = |is_part: fn(&u8) -> bool| {
            let length = rest.iter().take(48).take_while(|byte| is_part(byte)).count();
            std::str::from_utf8(rest.get(..length).unwrap_or_default()).unwrap_or_default()
        };
        let v4 = run(|byte| byte.is_ascii_digit() || *byte == b'.').trim_end_matches('.');
        let ends = |length: usize| rest.get(length).is_none_or(|byte| !byte.is_ascii_alphanumeric());
        if let Some(ip) = v4.parse::<Ipv4Addr>().ok().filter(|_| ends(v4.len())) {
            let length = self.length_of_network(rest.get(v4.len()..).unwrap_or_default());
            let other = match length {
                Some(length) => self.network(ip, length),
                None => self.v4(ip),
            };
            if other != ip {
                self.given.insert(other.to_string(), ip.to_string());
            }
            return Some((other.to_string(), v4.len()));
        }
        let hex = run(|byte| byte.is_ascii_hexdigit() || *byte == b':');
        if before == Some(b':') || !ends(hex.len()) {
            return None;
        }
        let parts: Vec<&str> = hex.split(':').collect();
        let other = match parts.as_slice() {
            [_, _, _, _, _, _] if parts.iter().all(|part| part.len() == 2) => {
                let hash = self.hash("hardware", hex.to_ascii_lowercase().as_bytes());
                // The first bits say what kind of address it is.
                let last = hash.iter().take(5).map(|byte| format!(":{byte:02x}")).collect::<String>();
                format!("{}{last}", parts.first().copied().unwrap_or_default())
            }
            _ => self.v6(hex.parse::<Ipv6Addr>().ok()?)?.to_string(),
        };
        self.given.insert(other.clone(), hex.to_string());
        Some((other, hex.len()))
    }

    /// Of an address of version 6 the first 16 bits stay; one that means the same on every host stays whole.
    fn v6(&self, ip: Ipv6Addr) -> Option<Ipv6Addr> {
        if ip.is_loopback() || ip.is_unspecified() || ip.is_multicast() || ip.to_ipv4_mapped().is_some() {
            return None;
        }
        let bits = u128::from(ip);
        let mut other = bits;
        for bit in 16..128u32 {
            let prefix = bits >> (128 - bit);
            let hash = self.hash("address6", &[&[bit as u8][..], &prefix.to_be_bytes()].concat());
            other ^= u128::from(hash.first().is_some_and(|byte| byte & 1 == 1)) << (127 - bit);
        }
        Some(Ipv6Addr::from(other))
    }

    /// `/24` behind an address.
    fn length_of_network(&self, behind: &[u8]) -> Option<u32> {
        let digits = behind.strip_prefix(b"/")?;
        let count = digits.iter().take(3).take_while(|byte| byte.is_ascii_digit()).count();
        let length = std::str::from_utf8(digits.get(..count)?).ok()?.parse().ok()?;
        (length <= 32 && digits.get(count) != Some(&b'.')).then_some(length)
    }

    /// The kernel's table of routes with other addresses.
    pub(super) fn routes(&mut self, table: &[u8]) -> Vec<u8> {
        let text = String::from_utf8_lossy(table);
        let mut out = String::with_capacity(text.len());
        for line in text.split_inclusive('\n') {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let address = |at: usize| {
                let field = fields.get(at).filter(|field| field.len() == 8)?;
                Some(Ipv4Addr::from(u32::from_str_radix(field, 16).ok()?.to_le_bytes()))
            };
            let (Some(to), Some(gateway), Some(mask)) = (address(1), address(2), address(7)) else {
                out.push_str(line);
                continue;
            };
            let others = [self.network(to, u32::from(mask).leading_ones()), self.v4(gateway)];
            let mut line = line.to_string();
            for (real, other) in [to, gateway].into_iter().zip(others) {
                let hex = |ip: Ipv4Addr| format!("{:08X}", u32::from_le_bytes(ip.octets()));
                line = line.replacen(&hex(real), &hex(other), 1);
            }
            out.push_str(&line);
        }
        out.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn other_addresses_share_as_many_bits_and_stay_in_their_ranges(a: u32, b: u32, shared in 0u32..33) {
            let mask = u32::MAX.checked_shl(32 - shared).unwrap_or_default();
            let (a, b) = (Ipv4Addr::from(a), Ipv4Addr::from((a & mask) | (b & !mask)));
            let mut names = Pseudonyms::new([3; 16]);
            let (other_a, other_b) = (names.v4(a), names.v4(b));
            if fixed(a) == fixed(b) && fixed(a) < 32 {
                let common = |a, b| (u32::from(a) ^ u32::from(b)).leading_zeros();
                prop_assert_eq!(common(a, b), common(other_a, other_b));
            }
            prop_assert_eq!(a == b, other_a == other_b);
            for (real, other) in [(a, other_a), (b, other_b)] {
                prop_assert_eq!(real.is_private(), other.is_private());
                prop_assert_eq!(real.is_loopback(), other.is_loopback());
                prop_assert_eq!(real.is_link_local(), other.is_link_local());
            }
        }
    }

    #[test]
    fn networks_stay_networks_and_what_means_the_same_everywhere_stays() {
        let mut names = Pseudonyms::new([3; 16]);
        let rule = names.text("-A OUTPUT -d 10.20.0.0/16 -j DROP");
        let network = rule.split(' ').nth(3).unwrap();
        assert!(network.ends_with(".0.0/16") && network.starts_with("10.") && network != "10.20.0.0/16", "{rule}");
        let inside = names.text("10.20.3.4");
        assert_eq!(inside.split('.').take(2).collect::<Vec<_>>(), network.split('.').take(2).collect::<Vec<_>>());
        for same in [
            "127.0.0.1",
            "169.254.169.254",
            "100.100.2.136",
            "172.17.0.1",
            "255.255.255.0",
            "0.0.0.0/0",
            "::1",
            "8.8.8.8",
        ] {
            assert_eq!(names.text(same), same);
        }
    }
}
