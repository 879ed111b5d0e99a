#!/bin/bash
# Surprise: for musl the names in /etc/hosts are case-sensitive; for glibc and for DNS they are not.
#
# Software: musl, Debian musl 1.2.3-1; for comparison glibc, Debian libc6 2.36-9+deb12u14.
# Expected: `10.0.0.5 Web-01` answers for web-01: host names are compared without regard to case (RFC 4343, gethostname
#   of many images gives a name with capitals, operators type it small).
# Happens: musl searches the line for the very bytes that were asked and finds nothing; it goes on to the name servers.
# Seen 2026-12-01, '10.0.0.5 Web-01':
#   glibc web-01 10.0.0.5   musl web-01 none   musl Web-01 10.0.0.5
# For a program such as ours: the static (musl) build of a diagnosing tool says "does not resolve" for a binding that the
#   agent, a glibc program, uses; and containers on Alpine disagree with the host over one and the same mounted hosts file.
. "$(dirname "$0")/lookup.inc"
is "glibc, '10.0.0.5 Web-01', asked web-01" "$(ask glibc '10.0.0.5 Web-01\n' web-01)" "gethostbyname: 10.0.0.5, getaddrinfo: 10.0.0.5"
is "musl,  '10.0.0.5 Web-01', asked web-01" "$(ask musl '10.0.0.5 Web-01\n' web-01)" "gethostbyname: none, getaddrinfo: none"
is "musl,  '10.0.0.5 Web-01', asked Web-01" "$(ask musl '10.0.0.5 Web-01\n' Web-01)" "gethostbyname: 10.0.0.5, getaddrinfo: 10.0.0.5"
is "musl,  '10.0.0.5 web-01', asked WEB-01" "$(ask musl '10.0.0.5 web-01\n' WEB-01)" "gethostbyname: none, getaddrinfo: none"
echo "as described"
