#!/bin/bash
# Surprise: an INI inventory of Ansible turns the identifier 1_000 into the number 1000, also between quotes, and also under
# [group:vars], where its documentation promises plain strings.
#
# Software: ansible-core 2.18.6 (PyPI).
# Expected: in `user_defined_id="1_000"` the quotes keep a string a string (the page of the ini inventory says: quote it); a
#   value in a [group:vars] section is a string anyway (same page); and an underscore is no part of a number in an INI file.
# Happens: on a host line the quotes are taken away first, then the rest is tried as a Python literal; under [group:vars]
#   too the value is tried as a Python literal, there one pair of quotes does help.
# Seen 2026-12-01:
#   host line       user_defined_id="1_000" 1000, release=1.10 1.1, batch=1e5 100000.0, aliuid=0123456789012345 kept
#   [web:vars]      group_id=2_000 2000, group_release=1.10 1.1, group_quoted="2_000" kept
#   On a host line two pairs of quotes, '"1_000"', keep it; so does a letter.
# For a program such as ours: a fleet whose user_defined_id files are rolled out by Ansible may hold "1000" where the machine
#   group says "1_000": no heartbeat, and both sides look right in their own tool. When an id in the file is a bare number and the
#   group's differs from it by underscores, a trailing zero or an exponent only, say so.
. "$(dirname "$0")/common.inc"
python3 -m venv "$T/venv"
"$T/venv/bin/pip" -q install ansible-core==2.18.6
echo "PyPI package ansible-core 2.18.6"
cat > "$T/inventory.ini" <<'I'
[web]
h1 user_defined_id="1_000" bare_id=1_000 twice_quoted='"1_000"' letter=a1_000 release=1.10 batch=1e5 aliuid=0123456789012345
[web:vars]
group_id=2_000
group_release=1.10
group_quoted="2_000"
I
HOME=$T LC_ALL=C.UTF-8 "$T/venv/bin/ansible-inventory" -i "$T/inventory.ini" --host h1 > "$T/seen" 2>/dev/null
value() { python3 -c 'import json, sys; print(json.dumps(json.load(open(sys.argv[1]))[sys.argv[2]]))' "$T/seen" "$1"; }
is 'user_defined_id="1_000"' "$(value user_defined_id)" 1000
is 'bare_id=1_000' "$(value bare_id)" 1000
is "twice_quoted='\"1_000\"'" "$(value twice_quoted)" '"1_000"'
is 'letter=a1_000' "$(value letter)" '"a1_000"'
is 'release=1.10' "$(value release)" 1.1
is 'batch=1e5' "$(value batch)" 100000.0
is 'aliuid=0123456789012345' "$(value aliuid)" '"0123456789012345"'
is '[web:vars] group_id=2_000' "$(value group_id)" 2000
is '[web:vars] group_release=1.10' "$(value group_release)" 1.1
is '[web:vars] group_quoted="2_000"' "$(value group_quoted)" '"2_000"'
echo "as described"
