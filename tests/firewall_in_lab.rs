//! Real firewalls on laboratory hosts: something is blocked, `check` names the rule, `fix allow-egress` cures it through
//! whoever manages the rule, a reload leaves it cured, and undo leaves the rules byte for byte as before.

use lab::Lab;
use serde_json::Value;

/// What the operator tells.
const TOLD: [&str; 4] = ["--region=cn-hangzhou", "--network=intranet", "--timeout=2", "--no-cloud"];

/// A firewall: the programs that it needs, how it blocks, how it is reloaded, and how its rules are shown.
struct Firewall {
    name: &'static str,
    needs: &'static [&'static str],
    block: &'static str,
    /// Empty where nothing keeps rules over a reload.
    reload: &'static str,
    show: &'static str,
}

const FIREWALLS: [Firewall; 5] = [
    Firewall {
        name: "ufw",
        needs: &["ufw"],
        block: "ufw default deny outgoing && ufw --force enable",
        reload: "ufw reload",
        show: "grep -v '^#' /etc/ufw/user.rules; iptables-save | grep -v '^[#:]'",
    },
    Firewall {
        name: "nft, from the file of its service",
        needs: &["nft"],
        block: "printf '#!/usr/sbin/nft -f\\nflush ruleset\\ntable inet own {\\n chain out {\\n  type filter hook output priority 0; policy drop;\\n  oifname \"lo\" accept\\n  jump more\\n }\\n chain more {\\n }\\n}\\n' > /etc/nftables.conf && nft -f /etc/nftables.conf",
        reload: "",
        show: "cat /etc/nftables.conf; nft list ruleset",
    },
    Firewall {
        name: "iptables, with an administrator's longer rule that ends alike",
        needs: &["iptables"],
        block: "mkdir -p /etc/iptables && iptables -A OUTPUT -o lo -j ACCEPT && iptables -A OUTPUT -d 192.0.2.1 -p tcp -m multiport --dports 80,443 -m comment --comment logtail-doctor -j ACCEPT && iptables -A OUTPUT -p tcp -j DROP && iptables-save > /etc/iptables/rules.v4",
        reload: "iptables-restore < /etc/iptables/rules.v4",
        show: "iptables-save | grep -v '^[#:]'; cat /etc/iptables/rules.v4",
    },
    Firewall {
        name: "iptables-legacy, table mangle",
        needs: &["iptables-legacy"],
        block: "iptables-legacy -t mangle -A OUTPUT -p tcp -m owner --uid-owner 0 -j DROP",
        reload: "",
        show: "iptables-legacy-save | grep -v '^[#:]'",
    },
    Firewall {
        name: "nft, reject in a jumped-to chain of a postrouting hook",
        needs: &["nft"],
        block: "nft add table inet own && nft add chain inet own deny && nft add chain inet own post '{ type filter hook postrouting priority 10; }' && nft add rule inet own deny meta skuid 0 drop && nft add rule inet own post tcp dport 443 jump deny",
        reload: "",
        show: "nft list ruleset",
    },
];

#[test]
fn each_is_blocked_found_cured_and_undone() {
    for firewall in FIREWALLS {
        try_out(&firewall);
    }
}

fn try_out(firewall: &Firewall) {
    let name = firewall.name;
    let Some(lab) = Lab::new().build_or_skip() else { return };
    for program in firewall.needs {
        if lab.sh(&format!("command -v {program}")).code != 0 {
            eprintln!("SKIPPED: {name}: {program} is not installed");
            return;
        }
    }
    let blocked = lab.sh(firewall.block);
    assert_eq!(blocked.code, 0, "{name}: {blocked:?}");
    let before = lab.sh(firewall.show).stdout;
    assert_eq!(causes(&lab), ["local-firewall"], "{name}");
    let fixed = run(&lab, &["fix", "allow-egress", "--yes"]);
    assert_eq!(fixed.code, 0, "{name}: {fixed:?}");
    assert_eq!(causes(&lab), Vec::<String>::new(), "{name}: after {}", fixed.stdout);
    if !firewall.reload.is_empty() {
        let reloaded = lab.sh(firewall.reload);
        assert_eq!(reloaded.code, 0, "{name}: {reloaded:?}");
        assert_eq!(causes(&lab), Vec::<String>::new(), "{name}: after the reload");
    }
    let undone = lab.run(&["undo", "--yes"]);
    assert_eq!(undone.code, 0, "{name}: {undone:?}");
    assert_eq!(lab.sh(firewall.show).stdout, before, "{name}: {undone:?}");
}

fn run(lab: &Lab, words: &[&str]) -> lab::Output {
    lab.run(&[words, &TOLD].concat())
}

/// The causes of the network step.
fn causes(lab: &Lab) -> Vec<String> {
    let said = run(lab, &["check", "--format", "json"]);
    let answer: Value = serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {said:?}"));
    let steps = answer["steps"].as_array().into_iter().flatten();
    let network = steps.filter(|step| step["id"] == "network").flat_map(|step| step["causes"].as_array().cloned());
    network.flatten().filter_map(|cause| cause["id"].as_str().map(str::to_string)).collect()
}
