#!/bin/bash
# Surprise: dpkg and rpm put the same two versions in opposite order when one has a word where the other has a number.
#
# Software: dpkg of this machine (seen: Debian dpkg 1.21.22), Debian rpm 4.18.0+dfsg-1+deb12u1.
# Expected: both compare number by number; they are known to differ over `~` and `^` at most, so a program released as .deb
#   and .rpm under one version upgrades alike on both.
# Happens: after equal beginnings dpkg ranks a letter above the end of the text part, rpm ranks every word below every number.
# Seen 2026-12-01:
#   2.0.beta   against 2.0.1     dpkg: newer    rpm: older
#   3.1.4.el7  against 3.1.4.1   dpkg: newer    rpm: older
#   1.0.rc1    against 1.0.0     dpkg: newer    rpm: older
#   2.0~beta   against 2.0.1     dpkg: older    rpm: older
# For a program such as ours: a released "2.0.beta" is replaced by 2.0.1 on CentOS and never on Debian; write `~` before every
#   word of a pre-release in both packages. And an agent's version from a package name must be compared by the rules of the
#   package manager that it came from.
. "$(dirname "$0")/common.inc"
deb rpm rpm rpm-common librpm9 librpmio9 librpmbuild9 librpmsign9 liblua5.3-0 libpopt0
dpkg --version | sed -n '1s/.*version \([0-9.]*\).*/dpkg \1/p'
order() {
    local by_dpkg by_rpm
    by_dpkg=same
    if dpkg --compare-versions "$1" lt "$2"; then by_dpkg=older; fi
    if dpkg --compare-versions "$1" gt "$2"; then by_dpkg=newer; fi
    by_rpm=$(LD_LIBRARY_PATH=$T/rpm/usr/lib/x86_64-linux-gnu RPM_CONFIGDIR=$T/rpm/usr/lib/rpm \
        "$T/rpm/usr/bin/rpm" --eval "%{lua: print(rpm.vercmp('$1', '$2'))}")
    case $by_rpm in -1) by_rpm=older ;; 0) by_rpm=same ;; 1) by_rpm=newer ;; esac
    echo "dpkg $by_dpkg, rpm $by_rpm"
}
is "2.0.beta against 2.0.1" "$(order 2.0.beta 2.0.1)" "dpkg newer, rpm older"
is "3.1.4.el7 against 3.1.4.1" "$(order 3.1.4.el7 3.1.4.1)" "dpkg newer, rpm older"
is "1.0.rc1 against 1.0.0" "$(order 1.0.rc1 1.0.0)" "dpkg newer, rpm older"
is "2.0~beta against 2.0.1" "$(order 2.0~beta 2.0.1)" "dpkg older, rpm older"
is "2.0.9 against 2.0.10" "$(order 2.0.9 2.0.10)" "dpkg older, rpm older"
echo "as described"
