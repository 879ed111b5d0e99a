//! The packets that are followed: the agent's, the name server's, and their answers.

use super::condition::Value;
use std::net::Ipv4Addr;

/// The two protocols that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    Tcp,
    Udp,
}

/// Which packet of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// The first one, from here.
    First,
    /// What the other side answers.
    Answer,
    /// What goes out once the connection is there.
    Later,
}

/// One packet of a connection that root opens on this host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Packet {
    pub direction: Direction,
    pub protocol: Protocol,
    /// The other side's address; None when it is not known.
    pub peer: Option<Ipv4Addr>,
    /// The other side's port.
    pub port: u16,
    /// The interface that leads there; None when it is not known.
    pub interface: Option<String>,
    /// This side's address on it.
    pub own: Option<Ipv4Addr>,
}

impl Packet {
    /// The packets of a connection to this place.
    pub fn of_connection(first: &Packet) -> Vec<Packet> {
        let with = |direction| Packet { direction, ..first.clone() };
        match first.protocol {
            Protocol::Tcp => vec![with(Direction::First), with(Direction::Answer), with(Direction::Later)],
            Protocol::Udp => vec![with(Direction::First), with(Direction::Answer)],
        }
    }

    /// Whether it leaves this host.
    pub fn is_outward(&self) -> bool {
        self.direction != Direction::Answer
    }

    /// The range of an ephemeral port.
    pub(super) fn ephemeral() -> Value {
        Value::Number(1024, 65535)
    }
}
