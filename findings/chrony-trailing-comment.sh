#!/bin/bash
# Surprise: a comment at the end of a line stops chronyd from starting at all; the same line is fine for ntpd.
#
# Software: Debian chrony 4.3-2+deb12u3; for comparison Debian ntpsec 1.2.2+dfsg1-1+deb12u1.
# Expected: `server ntp.example iburst # the site clock` is read without the comment, as nearly every configuration file
#   under /etc allows and as chrony itself allows for whole lines; at worst the line is passed over with a warning.
# Happens: chronyd takes the `#` for an option and ends with a fatal error: no time keeping at all after the next restart
#   (the running one goes on, so the edit looks harmless). ntpd reads the line as meant; and where ntpd does meet an
#   unknown word, it says so, drops the statement and starts.
# Seen 2026-12-01:
#   chronyd -p                    Fatal error : Could not parse server directive at line 1 in file ...   exit 1
#   ntpd, the same line           no complaint, the server is mobilised
#   ntpd, `server 127.0.0.1 iburst wrong`: line 1 column 18 syntax error, and it starts
# For a program such as ours: a clock remedy must write no note beside a directive in chrony.conf, and check with
#   `chronyd -p -f FILE` before it restarts; "chronyd is dead" with a fresh edit of its file has this cause first.
# (ntpd runs here without CAP_SYS_TIME, in a network namespace that has only the loopback.)
. "$(dirname "$0")/common.inc"
deb time chrony ntpsec
chronyd() { "$T/time/usr/sbin/chronyd" -p -f "$T/clock.conf" >"$T/said" 2>&1 && echo accepted || sed -n 's/.*\(Fatal error\) : \(.*\) in file.*/\1: \2/p' "$T/said"; }
ntpd() {
    unshare -n setpriv --inh-caps -sys_time,-sys_nice --bounding-set -sys_time,-sys_nice bash -c '
        ip link set lo up; timeout 4 "$1" -n -d -c "$2"' ntpd "$T/time/usr/sbin/ntpd" "$T/clock.conf" >"$T/said" 2>&1 || true
    grep -q 'syntax error' "$T/said" && printf 'syntax error, '
    grep -q 'mobilize assoc' "$T/said" && echo "server in use" || echo "server not in use"
}
echo 'server 127.0.0.1 iburst' > "$T/clock.conf"
is "chronyd, no comment" "$(chronyd)" accepted
is "ntpd,    no comment" "$(ntpd)" "server in use"
echo 'server 127.0.0.1 iburst # the site clock' > "$T/clock.conf"
is "chronyd, comment after the server" "$(chronyd)" "Fatal error: Could not parse server directive at line 1"
is "ntpd,    comment after the server" "$(ntpd)" "server in use"
printf '# the site clock\nserver 127.0.0.1 iburst\n' > "$T/clock.conf"
is "chronyd, comment on a line of its own" "$(chronyd)" accepted
echo 'rtcsync # keep the hardware clock' > "$T/clock.conf"
is "chronyd, comment after rtcsync" "$(chronyd)" "Fatal error: Too many arguments for rtcsync directive at line 1"
echo 'server 127.0.0.1 iburst wrong' > "$T/clock.conf"
is "ntpd,    an unknown word" "$(ntpd)" "syntax error, server in use"
echo "as described"
