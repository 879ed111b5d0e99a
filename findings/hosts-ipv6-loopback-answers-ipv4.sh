#!/bin/bash
# Surprise: a line `::1 NAME` in /etc/hosts gives NAME an IPv4 address, and puts it before the real one.
#
# Software: glibc, Debian libc6 2.36-9+deb12u14; for comparison musl, Debian musl 1.2.3-1.
# Expected: an IPv4 lookup (gethostbyname, getaddrinfo with AF_INET) skips lines with IPv6 addresses, as musl does;
#   with `::1 web1` alone the name has no IPv4 address, with a second line `10.0.0.5 web1` it has that one.
# Happens: glibc's reader of the hosts file turns ::1 into 127.0.0.1 for every IPv4 question, whatever the name.
#   `::1 web1` + `10.0.0.5 web1`: 127.0.0.1 comes first. It also turns ::ffff:10.0.0.9 into 10.0.0.9.
# Seen 2026-12-01:
#   glibc, ::1 alone            gethostbyname: 127.0.0.1, getaddrinfo: 127.0.0.1
#   glibc, ::1 then 10.0.0.5    gethostbyname: 127.0.0.1 10.0.0.5, getaddrinfo: 127.0.0.1 10.0.0.5
#   musl,  ::1 then 10.0.0.5    gethostbyname: 10.0.0.5, getaddrinfo: 10.0.0.5
# For a program such as ours: who predicts from the hosts file which address a glibc agent reports must read
#   `::1 HOSTNAME` as "127.0.0.1 HOSTNAME"; a binding appended below such a line may not be the first answer, and a
#   static musl program that asks its own library sees nothing of it.
. "$(dirname "$0")/lookup.inc"
is "glibc, '::1 web1'" "$(ask glibc '::1 web1\n' web1)" "gethostbyname: 127.0.0.1, getaddrinfo: 127.0.0.1"
is "glibc, '::1 web1', '10.0.0.5 web1'" "$(ask glibc '::1 web1\n10.0.0.5 web1\n' web1)" \
    "gethostbyname: 127.0.0.1 10.0.0.5, getaddrinfo: 127.0.0.1 10.0.0.5"
is "glibc, '::ffff:10.0.0.9 web1'" "$(ask glibc '::ffff:10.0.0.9 web1\n' web1)" "gethostbyname: 10.0.0.9, getaddrinfo: 10.0.0.9"
is "glibc, '2001:db8::5 web1' (an ordinary IPv6 line)" "$(ask glibc '2001:db8::5 web1\n' web1)" "gethostbyname: none, getaddrinfo: none"
is "musl, '::1 web1'" "$(ask musl '::1 web1\n' web1)" "gethostbyname: none, getaddrinfo: none"
is "musl, '::1 web1', '10.0.0.5 web1'" "$(ask musl '::1 web1\n10.0.0.5 web1\n' web1)" "gethostbyname: 10.0.0.5, getaddrinfo: 10.0.0.5"
echo "as described"
