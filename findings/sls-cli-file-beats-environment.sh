#!/bin/bash
# Surprise: the SLS command line takes its key from its file although the environment names another one, and it mixes
# sources: key and endpoint from its own file, region from the other CLI's profile.
#
# Software: aliyun-log-cli 0.2.10 (PyPI); for comparison alibabacloud-credentials 1.0.12 (PyPI), the vendor's own chain.
# Expected: exported ALIBABA_CLOUD_ACCESS_KEY_ID/_SECRET win over files, as in the vendor's credential chain and nearly
#   every cloud CLI; and what is used comes from one source.
# Happens: aliyunlog reads those variables and then lets [main] of ~/.aliyunlogcli override them; a shell in which
#   `export` was typed still acts as the account of the file. The security token of the environment is dropped with them.
#   The region for version 4 signatures is filled from ~/.aliyun/config.json, though the endpoint is another region's.
# Seen 2026-12-01, all three sources present:
#   aliyun-log-cli             key FILE_ID, endpoint cn-beijing.log.aliyuncs.com, region cn-shenzhen
#   alibabacloud-credentials   key ENV_ID
#   aliyun-log-cli, its own file without a key: ENV_ID with the file's endpoint
# For a program such as ours: one that borrows the operator's credentials in the usual order may act as another account
#   than `aliyunlog` beside it. Say which source was taken, and offer the others; never take the region from one source and
#   the endpoint from another.
. "$(dirname "$0")/common.inc"
python3 -m venv "$T/venv"
"$T/venv/bin/pip" -q install aliyun-log-cli==0.2.10 aliyun-log-python-sdk==0.9.52 alibabacloud-credentials==1.0.12
echo "PyPI packages aliyun-log-cli 0.2.10, alibabacloud-credentials 1.0.12"
mkdir -p "$T/home/.aliyun"
cat > "$T/home/.aliyun/config.json" <<'J'
{"current": "default", "profiles": [{"name": "default", "mode": "AK", "access_key_id": "PROFILE_ID",
 "access_key_secret": "PROFILE_SECRET", "region_id": "cn-shenzhen"}]}
J
cat > "$T/home/.aliyunlogcli" <<'I'
[main]
access-id = FILE_ID
access-key = FILE_SECRET
region-endpoint = cn-beijing.log.aliyuncs.com
I
cat > "$T/cli.py" <<'PY'
from aliyunlogcli.config import load_config
found = load_config({})
print(found.access_id, found.endpoint, found.region_id, found.sts_token or "no-token")
PY
cat > "$T/chain.py" <<'PY'
from alibabacloud_credentials.client import Client
print(Client().get_credential().get_access_key_id())
PY
clean() { env -i PATH="$PATH" HOME="$T/home" "$@" 2>/dev/null; }
exported() {
    clean ALIBABA_CLOUD_ACCESS_KEY_ID=ENV_ID ALIBABA_CLOUD_ACCESS_KEY_SECRET=ENV_SECRET ALIBABA_CLOUD_SECURITY_TOKEN=ENV_TOKEN "$@"
}
python=$T/venv/bin/python
is "exported key and both files, aliyunlog" "$(exported "$python" "$T/cli.py")" "FILE_ID cn-beijing.log.aliyuncs.com cn-shenzhen no-token"
is "exported key and both files, credential chain" "$(exported "$python" "$T/chain.py")" "ENV_ID"
is "nothing exported, aliyunlog" "$(clean "$python" "$T/cli.py")" "FILE_ID cn-beijing.log.aliyuncs.com cn-shenzhen no-token"
is "nothing exported, credential chain" "$(clean "$python" "$T/chain.py")" "PROFILE_ID"
sed -i '/^access/d' "$T/home/.aliyunlogcli"
is "exported key, own file without a key, aliyunlog" "$(exported "$python" "$T/cli.py")" "ENV_ID cn-beijing.log.aliyuncs.com cn-shenzhen ENV_TOKEN"
echo "as described"
