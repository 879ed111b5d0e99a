#!/bin/bash
# Surprise: three single characters that are no emoji split the width libraries into camps, in opposite directions; one of
# them, the halfwidth voiced sound mark of Japanese text, has no width for the libraries of Rust and npm and one cell on screen.
#
# Software: unicode-width 0.2.2 (crates.io), wcwidth 0.2.14 (PyPI), string-width 7.2.0 and @xterm/headless 5.5.0 (npm), tmux
#   3.3a-3 (Debian), wcwidth() of glibc, Debian libc6 2.36-9+deb12u14 with its C.UTF-8.
# Expected: characters that are one code point, old (Unicode 1.1 to 5.2) and no emoji have one width everywhere outside of
#   a terminal set to wide ambiguous characters; halfwidth katakana and its marks are one cell, as their name says.
# Happens, seen 2026-12-01:
#                                     unicode-width  wcwidth  string-width   xterm.js  tmux  glibc
#   U+2630 trigram, used as menu sign       2           2          2             1       1     1     wide since Unicode 16
#   U+3248 circled ten on black square      1           1          1             2       2     2     "ambiguous" in Unicode
#   U+FF76 U+FF9E halfwidth GA              1           2          1             2       2     2     the mark counts 0 or 1
# For a program such as ours: ratatui lays out by the first column, the operator's terminal draws by the last three; a line
#   with one of these shifts by a cell. Use none of them; when foreign text (a host name, a log line) has one, do not rely
#   on anything to the right of it. Host and path names in halfwidth katakana shift by one for every voiced sound.
. "$(dirname "$0")/common.inc"
deb term tmux libutempter0 libevent-core-2.1-7 libc6 libc-bin
python3 -m venv "$T/venv"
"$T/venv/bin/pip" -q install wcwidth==0.2.14
(cd "$T" && npm init -y >/dev/null && npm install --silent --no-audit --no-fund @xterm/headless@5.5.0 string-width@7.2.0)
echo "PyPI wcwidth 0.2.14, npm @xterm/headless 5.5.0 and string-width 7.2.0, crates.io unicode-width 0.2.2"
mkdir -p "$T/crate/src"
printf '[package]\nname = "measure"\nversion = "0.0.0"\nedition = "2021"\n[dependencies]\nunicode-width = "=0.2.2"\n' > "$T/crate/Cargo.toml"
cat > "$T/crate/src/main.rs" <<'RS'
fn main() {
    println!("{}", unicode_width::UnicodeWidthStr::width(std::env::args().nth(1).unwrap().as_str()));
}
RS
(cd "$T/crate" && CARGO_TARGET_DIR=$T/target cargo build -q -j1)
cat > "$T/measure.mjs" <<'JS'
import xterm from '@xterm/headless';
import stringWidth from 'string-width';
const terminal = new xterm.Terminal({ cols: 20, rows: 3, allowProposedApi: true });
terminal.write(process.argv[2], () => console.log(stringWidth(process.argv[2]), terminal.buffer.active.cursorX));
JS
cat > "$T/measure.c" <<'C'
#define _XOPEN_SOURCE 700
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>
int main(int argc, char **argv) {
    wchar_t wide[8];
    (void)argc;
    if (!setlocale(LC_ALL, "C.UTF-8")) return 1;
    mbstowcs(wide, argv[1], 8);
    printf("%d\n", wcswidth(wide, 8));
    return 0;
}
C
gcc -o "$T/measure.glibc" "$T/measure.c"
LOADER=$(find "$T/term" -name ld-linux-x86-64.so.2 -type f)
glibc() { LOCPATH=$(dirname "$(find "$T/term" -type d -iname 'c.utf*8' | head -1)") "$LOADER" --library-path "$(dirname "$LOADER")" "$T/measure.glibc" "$1"; }
mkdir -m 700 "$T/sockets"
tmux() { LD_LIBRARY_PATH=$T/term/usr/lib/x86_64-linux-gnu TMUX_TMPDIR=$T/sockets LC_ALL=C.UTF-8 "$T/term/usr/bin/tmux" -L one -f /dev/null "$@"; }
in_tmux() {
    tmux new-session -d -x 20 -y 3 "printf '%s' '$1'; sleep 5"
    sleep 1
    tmux display-message -p '#{cursor_x}'
    tmux kill-server
}
row() {
    local text
    text=$(printf "$1")
    echo "$("$T/target/debug/measure" "$text") $("$T/venv/bin/python" -c 'import sys, wcwidth; print(wcwidth.wcswidth(sys.argv[1]))' "$text") $(node "$T/measure.mjs" "$text") $(in_tmux "$text") $(glibc "$text")"
}
export LC_ALL=C.UTF-8
echo "  columns: unicode-width wcwidth string-width xterm.js tmux glibc"
is "U+2630" "$(row '\u2630')" "2 2 2 1 1 1"
is "U+3248" "$(row '\u3248')" "1 1 1 2 2 2"
is "U+FF76 U+FF9E (halfwidth GA)" "$(row '\uff76\uff9e')" "1 2 1 2 2 2"
is "U+FF76 (halfwidth KA alone)" "$(row '\uff76')" "1 1 1 1 1 1"
echo "as described"
