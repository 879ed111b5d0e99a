#!/bin/bash
# Surprise: with sudo-rs a sudoers entry `... /etc/init.d/agentd *` is checked as correct, listed by `sudo -l`, and permits
# nothing: wildcards work in the path of a command and not in its arguments.
#
# Software: sudo-rs 0.2.5-5+deb13u1 (Debian 13, with its libc6); for comparison sudo 1.9.13p3-1+deb12u4 (Debian 12).
# Expected: what visudo passes and `sudo -l` lists can be run; an unsupported wildcard is refused by visudo.
# Happens: visudo of sudo-rs says "parsed OK" and `sudo -l` lists the entry, but `sudo /etc/init.d/agentd restart` is
#   refused: the star is compared as a star. `/etc/init.d/agent* restart` does work. And an entry with "" (no argument
#   allowed) is listed by sudo-rs without the "", just as one that allows any argument.
# Seen 2026-12-01, asked to run `agentd restart` without a password:
#   entry                        sudo 1.9.13   sudo-rs 0.2.5
#   /etc/init.d/agentd           runs          runs
#   /etc/init.d/agentd *         runs          refused
#   /etc/init.d/agentd re*       runs          refused
#   /etc/init.d/agent* restart   runs          runs
# For a program such as ours: neither `sudo -l` nor visudo tells whether a restart will be allowed; try the command itself
#   with -n, and name "arguments with a wildcard under sudo-rs" in the advice when it is refused although it is listed.
# (Needs root. Nothing is installed: both run in a mount namespace on a copy of /etc, as a user that exists only there.)
. "$(dirname "$0")/common.inc"
deb old sudo
mkdir -p "$T/apt/lists/partial" "$T/apt/cache/archives/partial"
# Debian 13 from the same place that apt has Debian 12 from
source=$(sed -n 's/^URIs: *\(.*\/debian\)\/*$/\1/p' /etc/apt/sources.list.d/*.sources | head -1)
[ -n "$source" ] || source=$(sed -n 's/^deb \(\[[^]]*\] \)\?\([^ ]*\/debian\)\/* .*/\2/p' /etc/apt/sources.list | head -1)
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $source trixie main" > "$T/apt/list"
APT_MORE="-o Dir::Etc::sourcelist=$T/apt/list -o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists=$T/apt/lists -o Dir::Cache=$T/apt/cache"
apt-get -qq -o APT::Sandbox::User=root $APT_MORE update
deb new sudo-rs libc6 libpam0g libaudit1 libcap-ng0 libgcc-s1
cat > "$T/steps" <<'S'
set -eu
top=$1
cp -a /etc "$top/etc"
mount --bind "$top/etc" /etc
rm -rf /etc/sudoers.d /etc/sudoers-rs /etc/pam.d/sudo* ; mkdir /etc/sudoers.d
mount -t tmpfs none /run
echo "wiz:x:4242:4242::/:/bin/sh" >> /etc/passwd
echo "wiz:x:4242:" >> /etc/group
echo "wiz:*:19000:0:99999:7:::" >> /etc/shadow
printf 'auth required pam_deny.so\naccount required pam_unix.so\nsession required pam_permit.so\n' | tee /etc/pam.d/sudo > /etc/pam.d/sudo-i
printf '#!/bin/sh\necho "ran $*"\n' > /etc/init.d/agentd
chmod 755 /etc/init.d/agentd
mount -t tmpfs none /usr/libexec
mkdir /usr/libexec/sudo
mount --bind "$top/old/usr/libexec/sudo" /usr/libexec/sudo
lib=$(find "$top/new" -type d -name x86_64-linux-gnu -path '*lib*' | paste -sd:)
rs="$(find "$top/new" -name ld-linux-x86-64.so.2 -type f) --library-path $lib $top/new/usr/lib/cargo/bin"
as_wiz() { setpriv --ruid 4242 --euid 0 --regid 4242 --clear-groups "$@" </dev/null 2>/dev/null; }
while read -r entry; do
    printf 'root ALL=(ALL:ALL) ALL\nwiz ALL=(root) NOPASSWD: %s\n' "$entry" > /etc/sudoers
    chmod 440 /etc/sudoers
    for kind in "sudo $top/old/usr" "sudo-rs $rs"; do
        name=${kind%% *}; program=${kind#* }
        if [ "$name" = sudo ]; then sudo=$program/bin/sudo; visudo=$program/sbin/visudo; else sudo=$program/sudo; visudo=$program/visudo; fi
        checked=bad; $visudo -c -f /etc/sudoers >/dev/null 2>&1 && checked=ok
        listed=$(as_wiz $sudo -n -l | sed -n 's/.*NOPASSWD: //p')
        result=refused; [ "$(as_wiz $sudo -n /etc/init.d/agentd restart)" = "ran restart" ] && result=runs
        echo "$name: visudo $checked, listed as <$listed>, $result"
    done
done <<'L'
/etc/init.d/agentd
/etc/init.d/agentd *
/etc/init.d/agentd re*
/etc/init.d/agent* restart
/etc/init.d/agentd ""
L
S
unshare -m bash "$T/steps" "$T" > "$T/seen"
entry() { sed -n "$1p" "$T/seen"; }
is "no arguments named" "$(entry 1)" "sudo: visudo ok, listed as </etc/init.d/agentd>, runs"
is "" "$(entry 2)" "sudo-rs: visudo ok, listed as </etc/init.d/agentd>, runs"
is "agentd *" "$(entry 3)" "sudo: visudo ok, listed as </etc/init.d/agentd *>, runs"
is "" "$(entry 4)" "sudo-rs: visudo ok, listed as </etc/init.d/agentd *>, refused"
is "agentd re*" "$(entry 5)" "sudo: visudo ok, listed as </etc/init.d/agentd re*>, runs"
is "" "$(entry 6)" "sudo-rs: visudo ok, listed as </etc/init.d/agentd re*>, refused"
is "agent* restart" "$(entry 7)" "sudo: visudo ok, listed as </etc/init.d/agent* restart>, runs"
is "" "$(entry 8)" "sudo-rs: visudo ok, listed as </etc/init.d/agent* restart>, runs"
is 'agentd ""' "$(entry 9)" 'sudo: visudo ok, listed as </etc/init.d/agentd "">, refused'
is "" "$(entry 10)" "sudo-rs: visudo ok, listed as </etc/init.d/agentd>, refused"
echo "as described"
