//! This host's own firewall, read once for the network step and for its remedies: what `nft list ruleset`,
//! `iptables-save` and `iptables-legacy-save` print becomes one model, and a packet is followed through it as the kernel
//! does.
//!
//! What was not understood is never guessed at: then the packet could not be followed, and nobody says that no rule
//! drops it. Nothing here looks at a host; [`survey`] reads what was observed.

mod condition;
mod follow;
mod iptables;
mod nft;
pub mod opening;
mod packet;
pub mod survey;
#[cfg(test)]
mod tests;

pub use condition::{Condition, Field, Fit, Test, Value};
pub use follow::{Blocked, Outcome, follow};
pub use iptables::iptables;
pub use nft::nft;
pub use packet::{Direction, Packet, Protocol};

use std::collections::BTreeMap;

/// Which program printed a table, and so changes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dialect {
    Nft,
    Iptables,
    IptablesLegacy,
}

/// Everything that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ruleset {
    pub tables: Vec<Table>,
}

/// One table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub dialect: Dialect,
    /// As nft names it: `ip`, `inet`, `netdev`, `bridge`, `arp`.
    pub family: String,
    pub name: String,
    pub chains: BTreeMap<String, Chain>,
    /// The elements of named sets and maps; of a map the verdict beside each.
    pub sets: BTreeMap<String, Vec<Element>>,
}

impl Table {
    /// Family and name, as an operator types them.
    pub fn place(&self) -> String {
        match self.dialect {
            Dialect::Nft => format!("{} {}", self.family, self.name),
            Dialect::Iptables | Dialect::IptablesLegacy => self.name.clone(),
        }
    }
}

/// One chain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chain {
    /// Where packets enter it; None for one that is only jumped to.
    pub hook: Option<Hook>,
    pub rules: Vec<Rule>,
}

/// Where packets enter a chain, and what becomes of those that no rule decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    pub point: Point,
    pub priority: i32,
    /// Translates addresses: only the first packet of a connection passes it.
    pub is_nat: bool,
    pub drops: bool,
    /// For the family `netdev`.
    pub device: Option<String>,
}

/// The places that a packet passes, in its order for each direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Point {
    Ingress,
    Prerouting,
    Input,
    Output,
    Postrouting,
    Egress,
}

impl Point {
    /// The point of this name, in nft's or iptables' spelling.
    pub fn of(name: &str) -> Option<Point> {
        Some(match name.to_ascii_lowercase().as_str() {
            "ingress" => Point::Ingress,
            "prerouting" => Point::Prerouting,
            "input" => Point::Input,
            "output" => Point::Output,
            "postrouting" => Point::Postrouting,
            "egress" => Point::Egress,
            _ => return None,
        })
    }

    /// Whether packets that this host makes pass here.
    pub fn is_outward(self) -> bool {
        matches!(self, Point::Output | Point::Postrouting | Point::Egress)
    }
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// As it was printed, blanks made one; text from outside, at most 200 characters.
    pub line: String,
    pub conditions: Vec<Condition>,
    pub effect: Option<Effect>,
    pub verdict: Verdict,
}

/// What a rule does to a packet beside its verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Sets bits of the packet's mark: those of the mask are cleared, the value is then set by exclusive or. None: in a
    /// way that was not understood.
    Mark(Option<(u32, u32)>),
    /// Changes the state of the connection in a way that is not followed.
    Untrack,
}

/// What a rule does with a packet that fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Nothing,
    Accept,
    /// Silently, or with an answer.
    Drop {
        rejects: bool,
    },
    Return,
    Jump(String),
    Goto(String),
    /// Sends it somewhere that is not followed: another address, a program, an extension that is not known here.
    Elsewhere,
    /// The verdict of the element that fits, of a set given here or by its name.
    Map {
        fields: Vec<Field>,
        elements: Vec<Element>,
        set: Option<String>,
    },
}

/// An element of a set or map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// One value for each field of the key; None where it was not understood.
    pub key: Vec<Option<Value>>,
    pub verdict: Option<Box<Verdict>>,
}

/// A line of outside text, blanks made one.
fn short(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(200).collect()
}
