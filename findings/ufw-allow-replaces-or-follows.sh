#!/bin/bash
# Surprise: `ufw allow out 443` takes the place of an earlier `deny out 443`; `ufw allow out 443/tcp` is put behind it and
# does nothing. Both succeed with the same words.
#
# Software: Debian ufw 0.36.2-1 (with Debian iptables 1.8.9-2).
# Expected: after "allow" the port is open, either because the newest rule wins or because the contradiction is told.
# Happens: a rule replaces another only if everything but the action is equal, the protocol too. Else it is appended, and
#   the first match wins: 443/tcp stays dropped by the older rule for tcp and udp, and `ufw status` lists both an ALLOW OUT and a DENY OUT.
# Seen 2026-12-01 (rules for the port in their order, each command exits 0 and says "Rules updated"):
#   deny out 443, allow out 443       ACCEPT
#   deny out 443, allow out 443/tcp   DROP ACCEPT
#   deny out 443/tcp, allow out 443   DROP ACCEPT
# For a program such as ours: "allow" is not a remedy by itself. Delete the rule that blocks, in its own words
#   (`ufw delete deny out 443`), or `ufw insert 1 allow ...`, and judge by the order of the rules, not by the exit code.
# (Needs root: ufw runs below a copy-on-write view of this machine's files, in a network namespace; nothing is enabled.)
. "$(dirname "$0")/common.inc"
deb net ufw iptables libxtables12 libnftnl11 libip4tc2 libip6tc2 libnfnetlink0 libnetfilter-conntrack3 libmnl0
mkdir "$T/view"
cat > "$T/inside" <<'S'
export PATH=/usr/sbin:/sbin:/usr/bin:/bin
port() {
    for command in "${@:2}"; do
        ufw $command > /tmp/said 2>&1 || { echo "failed: $(cat /tmp/said)"; return; }
        [ "$(head -1 /tmp/said)" = "Rules updated" ] || cat /tmp/said
    done
    grep -- "-A ufw-user-output -p tcp --dport $1 " /etc/ufw/user.rules | sed 's/.* -j //' | paste -sd' '
}
port 443 "deny out 443" "allow out 443"
port 444 "deny out 444" "allow out 444/tcp"
port 445 "deny out 445/tcp" "allow out 445"
port 446 "deny out 446" "insert 1 allow out 446/tcp"
port 447 "deny out 447" "delete deny out 447" "allow out 447/tcp"
S
cat > "$T/steps" <<'S'
set -eu
top=$1 root=$1/view/root
mount -t tmpfs none "$top/view"
mkdir "$top/view/upper" "$top/view/work" "$root"
mount -t overlay none -o "lowerdir=/,upperdir=$top/view/upper,workdir=$top/view/work" "$root"
mount -t proc none "$root/proc"
mount --bind /dev "$root/dev"
rm -rf "$root/etc/ufw"
tar -C "$top/net" -cf - . | tar -C "$root" --keep-directory-symlink -xf -
cp "$root"/usr/share/ufw/iptables/*.rules "$root/usr/share/ufw/ufw.conf" "$root/etc/ufw/"
for family in iptables ip6tables; do
    for tail in "" -restore -save; do ln -sf "$family-nft$tail" "$root/usr/sbin/$family$tail"; done
done
chroot "$root" bash -s < "$top/inside"
S
unshare -m -n bash "$T/steps" "$T" > "$T/seen"
line() { sed -n "$1p" "$T/seen"; }
is "deny out 443, allow out 443" "$(line 1)" "ACCEPT"
is "deny out 444, allow out 444/tcp" "$(line 2)" "DROP ACCEPT"
is "deny out 445/tcp, allow out 445" "$(line 3)" "DROP ACCEPT"
is "deny out 446, insert 1 allow out 446/tcp" "$(line 4)" "ACCEPT DROP"
is "deny out 447, delete deny out 447, allow out 447/tcp" "$(line 5)" "ACCEPT"
echo "as described"
