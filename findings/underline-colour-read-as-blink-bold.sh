#!/bin/bash
# Surprise: the colour of an underline, `CSI 58;5;1m`, makes text bold and blinking in GNU screen and in the two terminal
# models most used in tests; tmux and xterm.js read it as a colour.
#
# Software: Debian screen 4.9.0-4 and tmux 3.3a-3; pyte 0.8.2 (PyPI); vt100 0.16.2 (crates.io); @xterm/headless 5.5.0 (npm).
# Expected: a terminal that does not know attribute 58 passes over it; at worst it skips the rest of the sequence.
# Happens: it passes over the 58 alone and takes the colour's own numbers for attributes: 5 is blink, 1 is bold. With an RGB
#   colour, 58;2;7;7;4, the same readers see reverse and underline. screen does it for the colon form, 58:5:1, too.
# Seen 2026-12-01 (of the text after the sequence):
#   58;5;1   screen: blink bold   pyte: blink bold   vt100: bold        xterm.js: plain   tmux: passes 58;5;1 on
#   58;2;7;7;4   screen and vt100: dim reverse underline   pyte: reverse underline   xterm.js: plain
# For a program such as ours: never set an underline colour, indexed or RGB: operators sit
#   in screen, and a reversed or blinking row reads as a selection or an alarm. A test on pyte or vt100 that finds an
#   unexpected "bold" may have found this. Resetting with 59 is harmless.
. "$(dirname "$0")/common.inc"
deb term screen tmux libutempter0 libevent-core-2.1-7
python3 -m venv "$T/venv"
"$T/venv/bin/pip" -q install pyte==0.8.2
(cd "$T" && npm init -y >/dev/null && npm install --silent --no-audit --no-fund @xterm/headless@5.5.0)
mkdir -p "$T/crate/src"
printf '[package]\nname = "model"\nversion = "0.0.0"\nedition = "2021"\n[dependencies]\nvt100 = "=0.16.2"\n' > "$T/crate/Cargo.toml"
cat > "$T/crate/src/main.rs" <<'RS'
fn main() {
    let mut model = vt100::Parser::new(3, 20, 0);
    model.process(format!("\x1b[{}mX", std::env::args().nth(1).unwrap()).as_bytes());
    let cell = model.screen().cell(0, 0).unwrap();
    let set = [
        (cell.bold(), "bold"), (cell.dim(), "dim"), (cell.inverse(), "reverse"), (cell.underline(), "underline"),
    ];
    let names: Vec<_> = set.iter().filter(|s| s.0).map(|s| s.1).collect();
    println!("{}", if names.is_empty() { "plain".to_string() } else { names.join(" ") });
}
RS
(cd "$T/crate" && CARGO_TARGET_DIR=$T/target cargo build -q -j1)
cat > "$T/model.py" <<'PY'
import sys
import pyte
screen = pyte.Screen(20, 3)
pyte.Stream(screen).feed("\x1b[" + sys.argv[1] + "mX")
cell = screen.buffer[0][0]
names = [n for n, on in [("blink", cell.blink), ("bold", cell.bold), ("reverse", cell.reverse), ("underline", cell.underscore)] if on]
print(" ".join(names) or "plain")
PY
cat > "$T/model.js" <<'JS'
const { Terminal } = require('@xterm/headless');
const terminal = new Terminal({ cols: 20, rows: 3, allowProposedApi: true });
terminal.write(`\x1b[${process.argv[2]}mX`, () => {
  const c = terminal.buffer.active.getLine(0).getCell(0);
  const set = [['bold', c.isBold()], ['dim', c.isDim()], ['underline', c.isUnderline()], ['reverse', c.isInverse()], ['blink', c.isBlink()]];
  console.log(set.filter((s) => s[1]).map((s) => s[0]).join(' ') || 'plain');
});
JS
# what GNU screen sends on to the outer terminal in front of the X, as attribute numbers
cat > "$T/inside.py" <<'PY'
import os
import pty
import re
import select
import signal
import sys
import time
program, numbers, top = sys.argv[1:]
pid, master = pty.fork()
if pid == 0:
    os.environ.update(TERM="xterm-256color", SCREENDIR=top, LC_ALL="C.UTF-8")
    os.execv(program, [program, "-c", "/dev/null", "sh", "-c", "printf '\\033[%smXYZ'; sleep 5" % numbers])
seen = b""
end = time.time() + 5
while time.time() < end and b"XYZ" not in seen:
    if select.select([master], [], [], 0.2)[0]:
        seen += os.read(master, 4096)
os.kill(pid, signal.SIGTERM)
before = seen.split(b"XYZ")[0]
tail = re.search(rb"((?:\x1b\[[0-9;]*m)*)$", before).group(1)
NAMES = {b"1": "bold", b"2": "dim", b"4": "underline", b"5": "blink", b"7": "reverse"}
print(" ".join(sorted(NAMES.get(n, n.decode()) for n in re.findall(rb"\x1b\[([0-9;]*)m", tail))) or "plain")
PY
mkdir -m 700 "$T/sockets"
export LD_LIBRARY_PATH=$T/term/usr/lib/x86_64-linux-gnu
screen() { python3 "$T/inside.py" "$T/term/usr/bin/screen" "$1" "$T/sockets"; }
tmux() { TMUX_TMPDIR=$T/sockets LC_ALL=C.UTF-8 "$T/term/usr/bin/tmux" -L one -f /dev/null "$@"; }
pass_on() {
    tmux new-session -d -x 20 -y 3 "printf '\\033[$1mX'; sleep 5"
    sleep 1
    tmux capture-pane -e -p | sed -n '1s/\x1b\[\([0-9:;]*\)m.*/\1/p'
    tmux kill-server
}
pyte() { "$T/venv/bin/python" "$T/model.py" "$1"; }
vt100() { "$T/target/debug/model" "$1"; }
xterm_js() { node "$T/model.js" "$1"; }
is "58;5;1, screen" "$(screen '58;5;1')" "blink bold"
is "58:5:1, screen" "$(screen '58:5:1')" "blink bold"
is "58;5;1, pyte" "$(pyte '58;5;1')" "blink bold"
is "58;5;1, vt100 (does not know blink)" "$(vt100 '58;5;1')" "bold"
is "58;5;1, xterm.js" "$(xterm_js '58;5;1')" "plain"
is "58;5;1, tmux keeps for the outer terminal" "$(pass_on '58;5;1')" "58;5;1"
is "58;2;7;7;4, screen" "$(screen '58;2;7;7;4')" "dim reverse underline"
is "58;2;7;7;4, pyte" "$(pyte '58;2;7;7;4')" "reverse underline"
is "58;2;7;7;4, vt100" "$(vt100 '58;2;7;7;4')" "dim reverse underline"
is "58;2;7;7;4, xterm.js" "$(xterm_js '58;2;7;7;4')" "plain"
is "59, screen, pyte, vt100" "$(screen 59) $(pyte 59) $(vt100 59)" "plain plain plain"
echo "as described"
