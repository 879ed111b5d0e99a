#!/bin/bash
# Surprise: the hosts line `010.0.0.5 web1` is nothing for glibc and 8.0.0.5 for musl; and the same glibc that refuses such
# writings in /etc/hosts takes them in /etc/resolv.conf.
#
# Software: glibc, Debian libc6 2.36-9+deb12u14; musl, Debian musl 1.2.3-1.
# Expected: zero-padded addresses (192.168.001.005, as spreadsheets and DHCP exports write them) either work or do not,
#   and a name in /etc/hosts has the same address for every program of the host.
# Happens: glibc drops the whole hosts line without a word; musl reads every part with a leading zero as octal and also
#   takes the short form 10.1. In resolv.conf glibc itself takes the octal and the short form of a nameserver.
# Seen 2026-12-01, /etc/hosts:
#   010.0.0.5 web1         glibc: none       musl: 8.0.0.5
#   192.168.001.005 web1   glibc: none       musl: 192.168.1.5
#   10.1 web1              glibc: none       musl: 10.0.0.1
#   resolv.conf `nameserver 0177.0.0.2` and `nameserver 127.2`: glibc sends its question to 127.0.0.2.
# For a program such as ours: predict a glibc agent with a strict reader for hosts and a lax one for resolv.conf; show a
#   padded address as "this line does nothing for the agent"; never let a static musl build's own lookup stand for it.
. "$(dirname "$0")/lookup.inc"
none="gethostbyname: none, getaddrinfo: none"
is "glibc, '010.0.0.5 web1'" "$(ask glibc '010.0.0.5 web1\n' web1)" "$none"
is "musl,  '010.0.0.5 web1'" "$(ask musl '010.0.0.5 web1\n' web1)" "gethostbyname: 8.0.0.5, getaddrinfo: 8.0.0.5"
is "glibc, '192.168.001.005 web1'" "$(ask glibc '192.168.001.005 web1\n' web1)" "$none"
is "musl,  '192.168.001.005 web1'" "$(ask musl '192.168.001.005 web1\n' web1)" "gethostbyname: 192.168.1.5, getaddrinfo: 192.168.1.5"
is "glibc, '10.1 web1'" "$(ask glibc '10.1 web1\n' web1)" "$none"
is "musl,  '10.1 web1'" "$(ask musl '10.1 web1\n' web1)" "gethostbyname: 10.0.0.1, getaddrinfo: 10.0.0.1"
server='0177.0.0.2'; is "glibc, resolv.conf 'nameserver $server', asked" "$(asked glibc "nameserver $server\n")" 127.0.0.2
server='127.2'; is "glibc, resolv.conf 'nameserver $server', asked" "$(asked glibc "nameserver $server\n")" 127.0.0.2
echo "as described"
