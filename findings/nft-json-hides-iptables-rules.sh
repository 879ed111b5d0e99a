#!/bin/bash
# Surprise: `nft -j list ruleset` leaves out what `nft list ruleset` prints: of rules made by iptables (nf_tables) the JSON
# has neither the ports nor the verdict nor the condition.
#
# Software: Debian nftables 1.0.6-2+deb12u2 (libnftables1 the same), iptables 1.8.9-2.
# Expected: the JSON is the same ruleset for machines; "OUTPUT drops or rejects port 443" can be read from either.
# Happens: the text form translates iptables' own matches and targets, the JSON form prints only their names:
#   text  meta l4proto tcp tcp dport { 80, 443 } counter ... reject with tcp reset
#   JSON  match l4proto tcp, {"xt": multiport}, counter, {"xt": REJECT}      - no 443, no "reject"
#   text  tcp dport 443 skuid 1234 counter ... drop
#   JSON  match dport 443, {"xt": owner}, counter, {"drop": null}            - the drop looks as if it held for everybody
# Both exit 0. Seen 2026-12-01.
# For a program such as ours: reading the JSON one misses the REJECT that stops the agent and accuses a DROP that is not
#   for its user. Take the text form (or iptables-save), and treat a rule that has an "xt" part as "cannot be judged".
. "$(dirname "$0")/common.inc"
deb net nftables libnftables1 iptables libxtables12 libnftnl11 libip4tc2 libip6tc2 libnfnetlink0 libnetfilter-conntrack3 libjansson4 libmnl0
export LD_LIBRARY_PATH=$T/net/usr/lib/x86_64-linux-gnu:$T/net/lib/x86_64-linux-gnu XTABLES_LIBDIR=$T/net/usr/lib/x86_64-linux-gnu/xtables
cat > "$T/rules" <<'R'
"$1/usr/sbin/xtables-nft-multi" iptables -A OUTPUT -p tcp -m multiport --dports 80,443 -j REJECT --reject-with tcp-reset
"$1/usr/sbin/xtables-nft-multi" iptables -A OUTPUT -p tcp --dport 443 -m owner --uid-owner 1234 -j DROP
"$1/usr/sbin/nft" list ruleset > "$2/text"
"$1/usr/sbin/nft" -j list ruleset > "$2/json"
R
unshare -n bash -e "$T/rules" "$T/net" "$T" 2>/dev/null
cat > "$T/shape.py" <<'PY'
import json
import sys
rules = [entry["rule"]["expr"] for entry in json.load(open(sys.argv[1]))["nftables"] if "rule" in entry]
for parts in rules:
    words = []
    for part in parts:
        kind, body = next(iter(part.items()))
        if kind == "match":
            words.append(str(body["right"]))
        elif kind == "xt":
            words.append("xt:" + body["name"])
        elif kind != "counter":
            words.append(kind)
    print(" ".join(words))
PY
line() { sed -n "$2p" <<< "$1"; }
text=$(grep -E 'dport' "$T/text" | sed -E 's/^[[:space:]]+//; s/ counter packets 0 bytes 0//')
shape=$(python3 "$T/shape.py" "$T/json")
is "text, rule 1" "$(line "$text" 1)" "meta l4proto tcp tcp dport { 80, 443 } reject with tcp reset"
is "JSON, rule 1" "$(line "$shape" 1)" "tcp xt:multiport xt:REJECT"
is "text, rule 2" "$(line "$text" 2)" "tcp dport 443 skuid 1234 drop"
is "JSON, rule 2" "$(line "$shape" 2)" "443 xt:owner drop"
echo "as described"
