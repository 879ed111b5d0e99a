#!/bin/bash
# Surprise: a host whose name is a number is never looked up in /etc/hosts; it "resolves" to an address made of the number.
#
# Software: glibc, Debian libc6 2.36-9+deb12u14; musl, Debian musl 1.2.3-1.
# Expected: `10.0.0.5 20231201` in /etc/hosts binds the host name 20231201 (a legal host name: it may start with, and
#   consist of, digits); failing that, the lookup fails.
# Happens: both libraries take the name for an IPv4 address in its one-number form and answer 1.52.180.33 without opening
#   the file. For hexadecimal names the two calls of the same glibc contradict each other: gethostbyname reads the hosts
#   file for 0xcafe, getaddrinfo answers 0.0.202.254.
# Seen 2026-12-01:
#   glibc 20231201   gethostbyname: 1.52.180.33, getaddrinfo: 1.52.180.33
#   glibc 0xcafe     gethostbyname: 10.0.0.5, getaddrinfo: 0.0.202.254
#   musl  0xcafe     gethostbyname: 0.0.202.254, getaddrinfo: 0.0.202.254
# For a program such as ours: an agent that trusts the lookup of its own host name reports such an invented address, and no
#   edit of /etc/hosts cures it (iLogtail did before 1.3.0 and refuses such names since); the remedy is working_ip or another
#   host name. A predictor must not treat hexadecimal names like decimal ones: for gethostbyname they are ordinary names.
. "$(dirname "$0")/lookup.inc"
is "glibc, '10.0.0.5 20231201'" "$(ask glibc '10.0.0.5 20231201\n' 20231201)" "gethostbyname: 1.52.180.33, getaddrinfo: 1.52.180.33"
is "glibc, no hosts line at all" "$(ask glibc '# none\n' 20231201)" "gethostbyname: 1.52.180.33, getaddrinfo: 1.52.180.33"
is "musl,  '10.0.0.5 20231201'" "$(ask musl '10.0.0.5 20231201\n' 20231201)" "gethostbyname: 1.52.180.33, getaddrinfo: 1.52.180.33"
is "glibc, '10.0.0.5 0xcafe'" "$(ask glibc '10.0.0.5 0xcafe\n' 0xcafe)" "gethostbyname: 10.0.0.5, getaddrinfo: 0.0.202.254"
is "glibc, 0xcafe, no hosts line at all" "$(ask glibc '# none\n' 0xcafe)" "gethostbyname: none, getaddrinfo: 0.0.202.254"
is "musl,  '10.0.0.5 0xcafe'" "$(ask musl '10.0.0.5 0xcafe\n' 0xcafe)" "gethostbyname: 0.0.202.254, getaddrinfo: 0.0.202.254"
is "glibc, '10.0.0.5 20231201a' (a letter is enough)" "$(ask glibc '10.0.0.5 20231201a\n' 20231201a)" "gethostbyname: 10.0.0.5, getaddrinfo: 10.0.0.5"
echo "as described"
