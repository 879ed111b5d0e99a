//! What a rule asks of a packet, and how it compares.

use super::packet::{Direction, Packet, Protocol};
use super::{Element, Table};
use std::net::Ipv4Addr;

/// How conditions relate to a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    No,
    /// It was not understood, or depends on what is not known.
    Maybe,
    Yes,
}

impl Fit {
    fn not(self) -> Fit {
        match self {
            Fit::No => Fit::Yes,
            Fit::Maybe => Fit::Maybe,
            Fit::Yes => Fit::No,
        }
    }
}

/// What of a packet is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    Family,
    Protocol,
    Source,
    Destination,
    SourcePort,
    DestinationPort,
    User,
    Group,
    Mark,
    ConnectionMark,
    State,
    Flags,
    In,
    Out,
    SourceType,
    DestinationType,
    /// Something that is not followed here.
    Other,
}

/// A value, or a range of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// From, to; both included.
    Number(u32, u32),
    /// A name; one that ends in `*` stands for all that begin so.
    Name(String),
}

/// How fields are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    OneOf(Vec<Element>),
    /// A named set.
    Set(String),
    /// Bits under a mask.
    Bits {
        mask: u32,
        value: u32,
    },
    /// At least one of these bits.
    AnyBit(u32),
    Unknown,
}

/// One condition: the fields, taken together, pass the test, or with `negated` fail it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    pub fields: Vec<Field>,
    pub test: Test,
    pub negated: bool,
}

/// A connection's states, as values of [`Field::State`].
pub const STATES: [(&str, u32); 5] = [("established", 1), ("related", 2), ("new", 3), ("untracked", 4), ("invalid", 5)];
/// TCP's flags, as bits of [`Field::Flags`].
pub const FLAGS: [(&str, u32); 8] =
    [("fin", 1), ("syn", 2), ("rst", 4), ("psh", 8), ("ack", 16), ("urg", 32), ("ecn", 64), ("cwr", 128)];
/// Kinds of addresses, as values of the two type fields.
pub const TYPES: [(&str, u32); 8] = [
    ("unicast", 1),
    ("local", 2),
    ("broadcast", 3),
    ("anycast", 4),
    ("multicast", 5),
    ("blackhole", 6),
    ("unreachable", 7),
    ("prohibit", 8),
];
/// IPv4, as a value of [`Field::Family`].
pub const IPV4: u32 = 2;
pub const IPV6: u32 = 10;

impl Condition {
    /// One field that is one of these values.
    pub fn one(field: Field, values: Vec<Option<Value>>, negated: bool) -> Condition {
        let elements = values.into_iter().map(|value| Element { key: vec![value], verdict: None }).collect();
        Condition { fields: vec![field], test: Test::OneOf(elements), negated }
    }

    /// One field that has this number.
    pub fn is(field: Field, number: u32) -> Condition {
        Condition::one(field, vec![Some(Value::Number(number, number))], false)
    }

    /// A condition that may hold.
    pub fn unknown() -> Condition {
        Condition { fields: vec![Field::Other], test: Test::Unknown, negated: false }
    }

    /// How a packet compares. `state` is what rules before have made of it.
    pub fn fits(&self, packet: &Packet, state: &State, table: &Table) -> Fit {
        let seen: Vec<Seen> = self.fields.iter().map(|field| seen(*field, packet, state)).collect();
        // What a packet does not have passes no test, and its absence is not told apart by all kernels.
        if seen.contains(&Seen::Absent) {
            return if self.negated { Fit::Maybe } else { Fit::No };
        }
        let fit = match &self.test {
            Test::OneOf(elements) => one_of(elements, &seen),
            Test::Set(name) => table.sets.get(name).map_or(Fit::Maybe, |elements| one_of(elements, &seen)),
            Test::Bits { mask, value } => match seen.as_slice() {
                [Seen::Value(Value::Number(low, high))] if low == high => of(low & mask == *value),
                _ => Fit::Maybe,
            },
            Test::AnyBit(bits) => match seen.as_slice() {
                [Seen::Value(Value::Number(low, high))] if low == high => of(low & bits != 0),
                _ => Fit::Maybe,
            },
            Test::Unknown => Fit::Maybe,
        };
        if self.negated { fit.not() } else { fit }
    }
}

/// How a packet's fields compare with one element.
pub(super) fn element_fits(element: &Element, fields: &[Field], packet: &Packet, state: &State) -> Fit {
    let seen: Vec<Seen> = fields.iter().map(|field| seen(*field, packet, state)).collect();
    if seen.contains(&Seen::Absent) { Fit::No } else { one(element, &seen) }
}

/// What rules have made of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// None when it is not known any more.
    pub mark: Option<u32>,
    pub is_tracked: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    Value(Value),
    Absent,
    Unknown,
}

fn of(holds: bool) -> Fit {
    if holds { Fit::Yes } else { Fit::No }
}

fn number(number: u32) -> Seen {
    Seen::Value(Value::Number(number, number))
}

fn seen(field: Field, packet: &Packet, state: &State) -> Seen {
    let address = |ip: Option<Ipv4Addr>| ip.map_or(Seen::Unknown, |ip| number(ip.to_bits()));
    let peer_type = match packet.peer {
        Some(ip) if ip.is_loopback() => number(2),
        Some(ip) if ip.is_multicast() => number(5),
        Some(_) => number(1),
        None => Seen::Unknown,
    };
    let is_out = packet.is_outward();
    let interface = || packet.interface.clone().map_or(Seen::Unknown, |name| Seen::Value(Value::Name(name)));
    let (own, peer) = (address(packet.own), address(packet.peer));
    let port = || number(u32::from(packet.port));
    match field {
        Field::Family => number(IPV4),
        Field::Protocol => number(if packet.protocol == Protocol::Tcp { 6 } else { 17 }),
        Field::Source => {
            if is_out {
                own
            } else {
                peer
            }
        }
        Field::Destination => {
            if is_out {
                peer
            } else {
                own
            }
        }
        Field::SourcePort if is_out => Seen::Value(Packet::ephemeral()),
        Field::SourcePort => port(),
        Field::DestinationPort if is_out => port(),
        Field::DestinationPort => Seen::Value(Packet::ephemeral()),
        Field::User | Field::Group if is_out => number(0),
        Field::Mark => state.mark.map_or(Seen::Unknown, number),
        // A mark that rules keep with a connection is not followed from packet to packet.
        Field::ConnectionMark if packet.direction == Direction::First => number(0),
        Field::State if state.is_tracked => number(if packet.direction == Direction::First { 3 } else { 1 }),
        Field::Flags if packet.protocol == Protocol::Tcp => number(match packet.direction {
            Direction::First => 2,
            Direction::Answer => 2 | 16,
            Direction::Later => 16,
        }),
        Field::Flags => Seen::Absent,
        Field::In => {
            if is_out {
                Seen::Absent
            } else {
                interface()
            }
        }
        Field::Out => {
            if is_out {
                interface()
            } else {
                Seen::Absent
            }
        }
        Field::SourceType => {
            if is_out {
                number(2)
            } else {
                peer_type
            }
        }
        Field::DestinationType => {
            if is_out {
                peer_type
            } else {
                number(2)
            }
        }
        Field::User | Field::Group | Field::ConnectionMark | Field::State | Field::Other => Seen::Unknown,
    }
}

fn one_of(elements: &[Element], seen: &[Seen]) -> Fit {
    elements.iter().map(|element| one(element, seen)).max().unwrap_or(Fit::No)
}

fn one(element: &Element, seen: &[Seen]) -> Fit {
    if element.key.len() != seen.len() {
        return Fit::Maybe;
    }
    element.key.iter().zip(seen).map(|(value, seen)| compare(value.as_ref(), seen)).min().unwrap_or(Fit::Maybe)
}

fn compare(value: Option<&Value>, seen: &Seen) -> Fit {
    match (value, seen) {
        (Some(Value::Number(low, high)), Seen::Value(Value::Number(from, to))) => {
            if low <= from && to <= high {
                Fit::Yes
            } else if to < low || high < from {
                Fit::No
            } else {
                Fit::Maybe
            }
        }
        (Some(Value::Name(name)), Seen::Value(Value::Name(seen))) => match name.strip_suffix('*') {
            Some(begin) => of(seen.starts_with(begin)),
            None => of(name == seen),
        },
        (_, Seen::Absent) => Fit::No,
        _ => Fit::Maybe,
    }
}
