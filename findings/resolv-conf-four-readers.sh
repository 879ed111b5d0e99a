#!/bin/bash
# Surprise: one blank before `nameserver` takes the server away from the C libraries, which then silently ask 127.0.0.1,
# while the resolver libraries of Python and Rust go on using it; two servers on one line do the reverse.
#
# Software: glibc, Debian libc6 2.36-9+deb12u14; musl, Debian musl 1.2.3-1; dnspython 2.7.0 (PyPI); resolv-conf 0.7.6
#   (crates.io; the reader of the system configuration in hickory-resolver).
# Expected: blanks at the start of a line do not matter (they do not in /etc/hosts); and a line that one resolver takes,
#   the others take too.
# Happens: glibc and musl know the keyword only in the first column; with no server left they ask 127.0.0.1 and say
#   nothing. With `nameserver A B` glibc, musl and dnspython use A and pass over B; resolv-conf refuses the whole file.
# Seen 2026-12-01 (who was asked):
#   ` nameserver 127.0.0.2`            glibc 127.0.0.1, musl 127.0.0.1, dnspython 127.0.0.2, resolv-conf 127.0.0.2
#   `nameserver 127.0.0.2 127.0.0.3`   glibc 127.0.0.2, musl 127.0.0.2, dnspython 127.0.0.2, resolv-conf: extra data
#   no nameserver line at all          glibc 127.0.0.1, musl 127.0.0.1, dnspython: error, resolv-conf: none
# For a program such as ours: a reader of resolv.conf that trims its lines finds "the name server answers" on a host whose
#   agent cannot resolve anything; an indented line is a finding of its own, a second address on the line is not a server,
#   and "no nameserver" means 127.0.0.1, not "unknown".
. "$(dirname "$0")/lookup.inc"
python3 -m venv "$T/venv"
"$T/venv/bin/pip" -q install dnspython==2.7.0
echo "PyPI package dnspython $("$T/venv/bin/python" -c 'import dns.version; print(dns.version.version)')"
mkdir -p "$T/crate/src"
cat > "$T/crate/Cargo.toml" <<'TOML'
[package]
name = "reader"
version = "0.0.0"
edition = "2021"
[dependencies]
resolv-conf = "=0.7.6"
TOML
cat > "$T/crate/src/main.rs" <<'RS'
use std::io::Read;
fn main() {
    let mut text = Vec::new();
    std::io::stdin().read_to_end(&mut text).unwrap();
    match resolv_conf::Config::parse(&text) {
        Ok(read) if read.nameservers.is_empty() => println!("none"),
        Ok(read) => println!("{}", read.nameservers.iter().map(|s| s.to_string()).collect::<Vec<_>>().join(" ")),
        Err(error) => println!("{error}"),
    }
}
RS
(cd "$T/crate" && CARGO_TARGET_DIR=$T/target cargo build -q -j1)
echo "crates.io package resolv-conf 0.7.6"
cat > "$T/dnspython.py" <<'PY'
import dns.resolver
try:
    print(dns.resolver.Resolver().resolve("web.example.", "A")[0])
except Exception as error:
    print(type(error).__name__)
PY
python=("$T/venv/bin/python" "$T/dnspython.py")

text=' nameserver 127.0.0.2\n'
is "indented, glibc asks" "$(asked glibc "$text")" 127.0.0.1
is "indented, musl asks" "$(asked musl "$text")" 127.0.0.1
is "indented, dnspython asks" "$(asked other "$text" "${python[@]}")" 127.0.0.2
is "indented, resolv-conf reads" "$(printf "$text" | "$T/target/debug/reader")" 127.0.0.2
text='nameserver 127.0.0.2 127.0.0.3\n'
is "two on a line, glibc asks" "$(asked glibc "$text")" 127.0.0.2
is "two on a line, musl asks" "$(asked musl "$text")" 127.0.0.2
is "two on a line, dnspython asks" "$(asked other "$text" "${python[@]}")" 127.0.0.2
is "two on a line, resolv-conf reads" "$(printf "$text" | "$T/target/debug/reader")" "extra data at the end of line 0"
text='search example\n'
is "no server, glibc asks" "$(asked glibc "$text")" 127.0.0.1
is "no server, musl asks" "$(asked musl "$text")" 127.0.0.1
is "no server, dnspython" "$(asked other "$text" "${python[@]}")" NoResolverConfiguration
is "no server, resolv-conf reads" "$(printf "$text" | "$T/target/debug/reader")" none
echo "as described"
