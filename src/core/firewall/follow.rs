//! Follows a packet through all tables, as the kernel does. Where a rule may fit or not, both ways are followed; only
//! what holds on every way is said.

use super::condition::{Fit, State, element_fits};
use super::{Dialect, Effect, Packet, Point, Rule, Ruleset, Table, Verdict};

/// Chains that jump to each other are followed this deep; the kernel's own limit is 16.
const DEPTH: usize = 16;

/// So many rules are looked at in one walk. Chains that jump to each other many times could be walked for ever.
const STEPS: usize = 200_000;

/// What becomes of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Passes,
    Drops(Blocked),
    /// This rule, or what it leads to, was not understood.
    CouldNotFollow(String),
}

/// The rule that drops or rejects a packet, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// The rule as it was printed, or `policy drop`; text from outside.
    pub rule: String,
    /// The chain that it stands in.
    pub chain: String,
    /// The chain at which packets enter the table.
    pub base: String,
    pub point: Point,
    pub table: String,
    pub family: String,
    pub dialect: Dialect,
    /// Whether the sender is told.
    pub rejects: bool,
    /// Where the table stands among the tables that were read.
    pub(super) at: usize,
}

#[cfg(test)]
impl Blocked {
    /// A policy that drops, for tests of what is done about it.
    pub fn sample(table: &str, base: &str, dialect: Dialect) -> Blocked {
        let family = if dialect == Dialect::Nft { "inet" } else { "ip" }.to_string();
        let (base, table, rule) = (base.to_string(), table.to_string(), "policy drop".to_string());
        Blocked { rule, chain: base.clone(), base, point: Point::Output, table, family, dialect, rejects: false, at: 0 }
    }
}

/// What may come of a chain.
#[derive(Default)]
struct Ends {
    stopped: Option<(String, String, bool)>,
    accepted: bool,
    open: bool,
    /// The first rule that made it uncertain.
    doubt: Option<String>,
}

struct Walk<'a> {
    packet: &'a Packet,
    state: State,
    steps: usize,
}

/// Follows a packet.
pub fn follow(ruleset: &Ruleset, packet: &Packet) -> Outcome {
    let mut bases = Vec::new();
    for (at, table) in ruleset.tables.iter().enumerate() {
        for (name, chain) in &table.chains {
            let Some(hook) = &chain.hook else { continue };
            let is_first = packet.direction == super::Direction::First;
            let is_elsewhere = hook.device.as_ref().zip(packet.interface.as_ref()).is_some_and(|(one, two)| one != two);
            if hook.point.is_outward() == packet.is_outward()
                && (is_first || !hook.is_nat)
                && !is_elsewhere
                && table.family != "ip6"
            {
                bases.push((hook.point, hook.priority, at, name, hook));
            }
        }
    }
    bases.sort_by_key(|(point, priority, at, ..)| (*point, *priority, *at));
    let mut walk = Walk { packet, state: State { mark: Some(0), is_tracked: true }, steps: 0 };
    let mut doubt: Option<String> = None;
    for (point, _, at, base, hook) in bases {
        let Some(table) = ruleset.tables.get(at) else { continue };
        let mut ends = walk.chain(table, base, 0);
        if ends.open {
            if hook.drops {
                ends.stopped.get_or_insert(("policy drop".to_string(), base.clone(), false));
            } else {
                ends.accepted = true;
            }
        }
        // Whether frames of this host pass a bridge, and whose addresses are asked for, is not followed.
        let is_other_layer =
            matches!(table.family.as_str(), "bridge" | "arp") || hook.device.is_some() && packet.interface.is_none();
        match ends.stopped {
            Some((rule, chain, rejects)) if !ends.accepted && !is_other_layer => {
                return Outcome::Drops(Blocked {
                    rule,
                    chain,
                    base: base.clone(),
                    point,
                    table: table.name.clone(),
                    family: table.family.clone(),
                    dialect: table.dialect,
                    rejects,
                    at,
                });
            }
            Some((rule, ..)) => {
                doubt.get_or_insert(ends.doubt.unwrap_or(rule));
            }
            None if !ends.accepted => {
                doubt.get_or_insert(ends.doubt.unwrap_or_else(|| base.clone()));
            }
            None => {}
        }
    }
    doubt.map_or(Outcome::Passes, Outcome::CouldNotFollow)
}

impl Walk<'_> {
    fn chain(&mut self, table: &Table, name: &str, depth: usize) -> Ends {
        let mut ends = Ends::default();
        let Some(chain) = table.chains.get(name).filter(|_| depth < DEPTH) else {
            return self.lost(ends, name);
        };
        for rule in &chain.rules {
            self.steps += 1;
            if self.steps > STEPS {
                return self.lost(ends, &rule.line);
            }
            let fit = rule.conditions.iter().map(|one| one.fits(self.packet, &self.state, table)).min();
            let fit = fit.unwrap_or(Fit::Yes);
            if fit == Fit::No {
                continue;
            }
            self.apply(rule, fit);
            if self.verdict(table, (name, rule), &rule.verdict, fit, depth, &mut ends) {
                return ends;
            }
        }
        ends.open = true;
        ends
    }

    /// Takes a verdict. Whether the chain ends here for certain.
    fn verdict(
        &mut self,
        table: &Table,
        (chain, rule): (&str, &Rule),
        verdict: &Verdict,
        fit: Fit,
        depth: usize,
        ends: &mut Ends,
    ) -> bool {
        let is_certain = fit == Fit::Yes;
        let doubts = |ends: &mut Ends| {
            if !is_certain {
                ends.doubt.get_or_insert(rule.line.clone());
            }
            is_certain
        };
        match verdict {
            Verdict::Nothing => false,
            Verdict::Accept => {
                ends.accepted = true;
                doubts(ends)
            }
            Verdict::Drop { rejects } => {
                ends.stopped.get_or_insert((rule.line.clone(), chain.to_string(), *rejects));
                doubts(ends)
            }
            Verdict::Return => {
                ends.open = true;
                doubts(ends)
            }
            Verdict::Elsewhere => {
                ends.accepted = true;
                ends.stopped.get_or_insert((rule.line.clone(), chain.to_string(), false));
                ends.doubt.get_or_insert(rule.line.clone());
                is_certain
            }
            Verdict::Jump(other) | Verdict::Goto(other) => {
                let before = self.state.clone();
                let inner = self.chain(table, other, depth + 1);
                if !is_certain && self.state != before {
                    self.state = State { mark: None, is_tracked: before.is_tracked && self.state.is_tracked };
                }
                let is_goto = matches!(verdict, Verdict::Goto(_));
                let decides = inner.stopped.is_some() || inner.accepted;
                if !is_certain && (decides || is_goto) {
                    ends.doubt.get_or_insert(rule.line.clone());
                }
                ends.accepted |= inner.accepted;
                ends.stopped = ends.stopped.take().or(inner.stopped);
                ends.doubt = ends.doubt.take().or(inner.doubt);
                if is_goto {
                    ends.open |= inner.open;
                }
                is_certain && (is_goto || !inner.open)
            }
            Verdict::Map { fields, elements, set } => {
                let named = set.as_ref().map(|name| table.sets.get(name));
                let all = match named {
                    Some(None) => {
                        return self.verdict(table, (chain, rule), &Verdict::Elsewhere, Fit::Maybe, depth, ends);
                    }
                    Some(Some(all)) => all,
                    None => elements,
                };
                for element in all {
                    let own = element_fits(element, fields, self.packet, &self.state).min(fit);
                    if let (Some(verdict), true) = (&element.verdict, own != Fit::No)
                        && self.verdict(table, (chain, rule), verdict, own, depth, ends)
                    {
                        return true;
                    }
                }
                false
            }
        }
    }

    fn apply(&mut self, rule: &Rule, fit: Fit) {
        match rule.effect {
            Some(Effect::Mark(Some((mask, value)))) if fit == Fit::Yes => {
                self.state.mark = self.state.mark.map(|mark| (mark & !mask) ^ value);
                if mask == u32::MAX {
                    self.state.mark = Some(value);
                }
            }
            Some(Effect::Mark(_)) => self.state.mark = None,
            Some(Effect::Untrack) => self.state.is_tracked = false,
            None => {}
        }
    }

    /// Nothing more is known from here.
    fn lost(&self, mut ends: Ends, at: &str) -> Ends {
        ends.doubt.get_or_insert(at.to_string());
        ends.stopped.get_or_insert((at.to_string(), at.to_string(), false));
        (ends.accepted, ends.open) = (true, true);
        ends
    }
}
