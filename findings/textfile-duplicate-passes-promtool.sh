#!/bin/bash
# Surprise: promtool accepts a metrics file in which one series occurs twice; node_exporter then serves the FIRST value,
# an hour-old one if the writer appends, and its scrape_error stays 0.
#
# Software: Debian prometheus (promtool) 2.42.0+ds-5+deb12u1, prometheus-node-exporter 1.5.0-1+b6; prometheus-client
#   0.22.1 (PyPI) as a third reader.
# Expected: a check named `promtool check metrics` refuses a file that the exporter cannot serve as written; where a later
#   line repeats an earlier one, the later wins, as when a gauge is set again, or the file is reported as broken.
# Happens: promtool exits 0 for all of these. node_exporter keeps the first line of the repeated series, logs the rest as
#   "collected before", and says node_textfile_scrape_error 0. `x` and `x{step=""}` count as the same series. A file with
#   a time stamp is left out whole (scrape_error 1), although the text format has that field. The Python reader gives both values.
# Seen 2026-12-01:
#   ok{step="ip"} 1, then ok{step="ip"} 0   promtool 0, served 1, scrape_error 0, Python: 1 and 0
#   ok 1, then ok{step=""} 0                promtool 0, served 1, scrape_error 0
#   ok{step="ip"} 1 1700000000000           promtool 0, served nothing, scrape_error 1
# For a program such as ours: write each series once (fold empty labels away first), no time stamps, one final line end,
#   rename into place; and do not take promtool's word as the test: ask a real exporter.
. "$(dirname "$0")/common.inc"
deb prom prometheus prometheus-node-exporter
python3 -m venv "$T/venv"
"$T/venv/bin/pip" -q install prometheus-client==0.22.1
echo "PyPI package prometheus-client 0.22.1"
mkdir "$T/textfile"
cat > "$T/read.py" <<'PY'
import sys
from prometheus_client.parser import text_string_to_metric_families as read
print(*(int(sample.value) for family in read(open(sys.argv[1]).read()) for sample in family.samples))
PY
cat > "$T/scrape" <<'S'
ip link set lo up
"$1/prom/usr/bin/prometheus-node-exporter" --web.listen-address=127.0.0.1:9100 --collector.disable-defaults \
    --collector.textfile --collector.textfile.directory="$1/textfile" 2>/dev/null &
exporter=$!
for _ in $(seq 100); do
    if curl -sf http://127.0.0.1:9100/metrics > "$1/metrics"; then break; fi
    sleep 0.1
done
kill $exporter
S
# judge LINES: what promtool says, what the exporter serves, its error flag, what Python reads
judge() {
    printf '# HELP ok Step passed.\n# TYPE ok gauge\n%b' "$1" > "$T/textfile/doctor.prom"
    local promtool=0
    "$T/prom/usr/bin/promtool" check metrics < "$T/textfile/doctor.prom" >/dev/null 2>&1 || promtool=$?
    unshare -n bash "$T/scrape" "$T"
    echo "promtool $promtool, served $(sed -n 's/^ok.* //p' "$T/metrics" | grep . || echo nothing), scrape_error $(sed -n 's/^node_textfile_scrape_error //p' "$T/metrics"), Python: $("$T/venv/bin/python" "$T/read.py" "$T/textfile/doctor.prom")"
}
is 'ok{step="ip"} 1' "$(judge 'ok{step="ip"} 1\n')" "promtool 0, served 1, scrape_error 0, Python: 1"
is '... and then ok{step="ip"} 0' "$(judge 'ok{step="ip"} 1\nok{step="ip"} 0\n')" "promtool 0, served 1, scrape_error 0, Python: 1 0"
is 'ok 1, then ok{step=""} 0' "$(judge 'ok 1\nok{step=""} 0\n')" "promtool 0, served 1, scrape_error 0, Python: 1 0"
is 'ok{step="ip"} 1 1700000000000' "$(judge 'ok{step="ip"} 1 1700000000000\n')" "promtool 0, served nothing, scrape_error 1, Python: 1"
echo "as described"
