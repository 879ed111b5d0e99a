//! The host's own firewall, as far as it matters here: the OUTPUT chain of iptables, seen by `iptables-save` and
//! changed by `iptables -I` and `-D`.

use super::parts::Printed;
use super::world::World;

impl World {
    /// `iptables-save`, or one rule put in or taken out; None where the program is not installed.
    pub(super) fn iptables(&mut self, program: &str, words: &[&str], root: bool) -> Option<Printed> {
        let firewall = self.firewall.as_mut()?;
        if !root {
            return Some(Printed::error(4, format!("{program}: Permission denied (you must be root)")));
        }
        let rule = |words: &[&str]| format!("-A OUTPUT {}", words.join(" "));
        Some(match (program, words) {
            ("iptables-save", _) => {
                let head = ["*filter", ":INPUT ACCEPT [0:0]", ":FORWARD ACCEPT [0:0]", ":OUTPUT ACCEPT [0:0]"];
                let rules = firewall.output.iter().map(String::as_str);
                Printed::lines(0, head.into_iter().chain(rules).chain(["COMMIT"]))
            }
            (_, ["-I", "OUTPUT", "1", words @ ..]) => {
                firewall.output.insert(0, rule(words));
                Printed::nothing(0)
            }
            (_, ["-D", "OUTPUT", words @ ..]) => {
                let gone = firewall.output.iter().position(|known| *known == rule(words));
                match gone {
                    Some(at) => {
                        firewall.output.remove(at);
                        Printed::nothing(0)
                    }
                    None => Printed::error(1, "iptables: Bad rule (does a matching rule exist in that chain?)."),
                }
            }
            _ => Printed::error(2, "iptables: this rule is not understood here"),
        })
    }
}
