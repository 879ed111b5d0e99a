#!/bin/bash
# Surprise: `update-rc.d NAME defaults` succeeds, says nothing and switches nothing on for a script without an LSB header,
# and as silently for a service that is disabled.
#
# Software: Debian init-system-helpers 1.65.2+deb12u1, without insserv, as on every Debian with systemd.
# Expected: "defaults" makes links for the usual runlevels (it did for decades, with the numbers 20/20), or fails, or
#   warns. Scripts written for chkconfig, with `# chkconfig: 2345 99 01` and no LSB block, are common among agents.
# Happens: exit 0, no output, not one link in rc?.d: the service is not started at the next boot, also under systemd, which
#   takes "enabled" from those links. And for a proper script that was disabled, any link that is there counts as the
#   operator's wish: "defaults" leaves it disabled and exits 0.
# Seen 2026-12-01:
#   chkconfig header only   defaults: exit 0, no output, 0 start links; enable: exit 1 (Default-Start contains no runlevels)
#   LSB block               defaults: 4 start links; disable: 0; defaults again: exit 0, 0; enable: 4
# For a program such as ours: never believe this exit code; count the S links afterwards. For a script without an LSB
#   block write a unit (or the block); for a disabled service use "enable", never "defaults".
# (Runs on a copy of /etc in a mount namespace; needs root and perl.)
. "$(dirname "$0")/common.inc"
deb helpers init-system-helpers
cat > "$T/steps" <<'S'
set -eu
tool=$1/helpers/usr/sbin/update-rc.d
cp -a /etc "$1/etc"
mount --bind "$1/etc" /etc
mount -t tmpfs none /run    # no running systemd to be told
rm -f /etc/insserv.conf
mkdir -p /etc/init.d /etc/rc{0,1,2,3,4,5,6,S}.d
run() {
    local code=0 said
    perl "$tool" "$1" "$2" > "$3/said" 2>&1 || code=$?
    if [ "$2" = defaults ]; then said=", $(wc -l < "$3/said") lines said"; else said=; fi
    echo "$1 $2: exit $code$said, $(find /etc/rc?.d -name "S??$1" | wc -l) start links"
}
cat > /etc/init.d/chkagentd <<'I'
#!/bin/sh
# chkconfig: 2345 99 01
# description: log agent
I
cat > /etc/init.d/lsbagentd <<'I'
#!/bin/sh
### BEGIN INIT INFO
# Provides: lsbagentd
# Required-Start: $network
# Required-Stop: $network
# Default-Start: 2 3 4 5
# Default-Stop: 0 1 6
### END INIT INFO
I
chmod 755 /etc/init.d/chkagentd /etc/init.d/lsbagentd
for step in "chkagentd defaults" "chkagentd enable" "lsbagentd defaults" "lsbagentd disable" "lsbagentd defaults" "lsbagentd enable"; do
    run $step "$1"
done
S
unshare -m bash "$T/steps" "$T" > "$T/seen"
step() { sed -n "$1p" "$T/seen"; }
is "chkconfig header only" "$(step 1)" "chkagentd defaults: exit 0, 0 lines said, 0 start links"
is "  enable" "$(step 2)" "chkagentd enable: exit 1, 0 start links"
is "LSB block" "$(step 3)" "lsbagentd defaults: exit 0, 0 lines said, 4 start links"
is "  then disable" "$(step 4)" "lsbagentd disable: exit 0, 0 start links"
is "  then defaults" "$(step 5)" "lsbagentd defaults: exit 0, 0 lines said, 0 start links"
is "  then enable" "$(step 6)" "lsbagentd enable: exit 0, 4 start links"
echo "as described"
