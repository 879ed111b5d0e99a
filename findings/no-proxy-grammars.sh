#!/bin/bash
# Surprise: of the usual ways to write a domain into NO_PROXY no two readers take the same set - not even two versions of
# curl, of which the newer no longer takes a list with blanks; and the plain domain name does not work everywhere either.
#
# Software: Debian curl 7.88.1-10+deb12u15, libcurl 8.12.1 as shipped in pycurl 7.45.6 (PyPI), requests 2.32.4 (PyPI),
#   proxy-from-env 1.1.0 (npm, the reader that axios and many others use).
# Expected: NO_PROXY=log.aliyuncs.com covers cn-hangzhou.log.aliyuncs.com; a star and blanks are taken by all or by none.
# Happens, asked for http://cn-hangzhou.log.aliyuncs.com/ (direct = the proxy is passed by), seen 2026-12-01:
#   NO_PROXY                        curl 7.88  libcurl 8.12  requests  proxy-from-env
#   log.aliyuncs.com                direct     direct        direct    proxy
#   .log.aliyuncs.com               direct     direct        direct    direct
#   *.log.aliyuncs.com              proxy      proxy         proxy     direct
#   example.com .log.aliyuncs.com   direct     proxy         proxy     direct
#   .log.aliyuncs.com:80            proxy      proxy         proxy     direct
# For a program such as ours: the agent uses libcurl; an operator's "it works from here" by another tool does not tell
#   whether the agent goes through the proxy. Judge NO_PROXY by curl's rules, warn of `*.`, of blanks and of a port
#   (blanks: by the age of the agent's curl), and in advice write the one form that all take: leading dot, commas, no more.
. "$(dirname "$0")/common.inc"
deb curl curl libcurl4 libnghttp2-14 librtmp1 libssh2-1 libpsl5 libldap-2.5-0 libsasl2-2 libbrotli1
python3 -m venv "$T/venv"
"$T/venv/bin/pip" -q install pycurl==7.45.6 requests==2.32.4
(cd "$T" && npm init -y >/dev/null && npm install --silent --no-audit --no-fund proxy-from-env@1.1.0)
"$T/venv/bin/python" -c 'import pycurl, requests; print("PyPI pycurl", pycurl.version.split()[0], pycurl.version.split()[1], "requests", requests.__version__)'
cat > "$T/read.py" <<'PY'
import sys
import pycurl
from requests.utils import should_bypass_proxies
url = "http://cn-hangzhou.log.aliyuncs.com/"
talk = []
transfer = pycurl.Curl()
transfer.setopt(pycurl.URL, url)
transfer.setopt(pycurl.VERBOSE, True)
transfer.setopt(pycurl.CONNECTTIMEOUT, 2)
transfer.setopt(pycurl.DEBUGFUNCTION, lambda kind, data: talk.append(data))
try:
    transfer.perform()
except pycurl.error:
    pass
print("proxy" if b"127.0.0.1" in b"".join(talk) else "direct", "direct" if should_bypass_proxies(url, None) else "proxy")
PY
cat > "$T/read.js" <<'JS'
console.log(require('proxy-from-env').getProxyForUrl('http://cn-hangzhou.log.aliyuncs.com/') ? 'proxy' : 'direct');
JS
row() {
    local set=(env -u NO_PROXY -u HTTP_PROXY no_proxy="$1" http_proxy=http://127.0.0.1:9)
    local curl='LD_LIBRARY_PATH=$1/curl/usr/lib/x86_64-linux-gnu "$1/curl/usr/bin/curl" -sv --max-time 3 http://cn-hangzhou.log.aliyuncs.com/ 2>&1 || true'
    # in a network namespace of its own nothing leaves the machine
    echo "$(unshare -n "${set[@]}" bash -c "ip link set lo up; $curl" row "$T" | grep -q 127.0.0.1 && echo proxy || echo direct) $(unshare -n "${set[@]}" bash -c 'ip link set lo up; "$@"' row "$T/venv/bin/python" "$T/read.py") $("${set[@]}" node "$T/read.js")"
}
echo "  columns: curl 7, libcurl 8, requests, proxy-from-env"
is "log.aliyuncs.com" "$(row log.aliyuncs.com)" "direct direct direct proxy"
is ".log.aliyuncs.com" "$(row .log.aliyuncs.com)" "direct direct direct direct"
is "*.log.aliyuncs.com" "$(row '*.log.aliyuncs.com')" "proxy proxy proxy direct"
is "example.com .log.aliyuncs.com" "$(row 'example.com .log.aliyuncs.com')" "direct proxy proxy direct"
is ".log.aliyuncs.com:80" "$(row '.log.aliyuncs.com:80')" "proxy proxy proxy direct"
echo "as described"
