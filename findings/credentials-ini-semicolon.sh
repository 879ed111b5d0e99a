#!/bin/bash
# Surprise: a note after `;` in the shared credentials file is a comment for the vendor's Node SDK and part of the secret
# for the vendor's Python SDK.
#
# Software: alibabacloud-credentials 1.0.12 (PyPI), @alicloud/credentials 2.4.7 (npm), both reading the very same file
#   named by ALIBABA_CLOUD_CREDENTIALS_FILE.
# Expected: one file format, one result. Python's configparser keeps every inline comment unless told otherwise, the npm
#   reader strips both kinds; so one expects Python to keep `#` as well, or neither.
# Happens: the Python SDK strips `#` by its own hand and keeps `;`. The key is then wrong and the server answers with a
#   signature error, for a file that works in Node.
# Seen 2026-12-01:
#   access_key_secret = SECRET # made in May     Python SECRET                Node SECRET
#   access_key_secret = SECRET ; made in May     Python SECRET ; made in May  Node SECRET
# For a program such as ours: no reader can be right for both; a value with a blank and `;` in it is worth a warning that
#   names the line, and SignatureNotMatch after such a value should point to it rather than to the key.
. "$(dirname "$0")/common.inc"
python3 -m venv "$T/venv"
"$T/venv/bin/pip" -q install alibabacloud-credentials==1.0.12
(cd "$T" && npm init -y >/dev/null && npm install --silent --no-audit --no-fund @alicloud/credentials@2.4.7 ini@1.3.8)
echo "PyPI package alibabacloud-credentials 1.0.12, npm package @alicloud/credentials 2.4.7"
mkdir "$T/home"
cat > "$T/chain.py" <<'PY'
from alibabacloud_credentials.client import Client
print(Client().get_credential().get_access_key_secret())
PY
cat > "$T/chain.js" <<'JS'
const Client = require('@alicloud/credentials').default;
new Client().getCredential().then((found) => console.log(found.accessKeySecret));
JS
secret() {
    printf '[default]\nenable = true\ntype = access_key\naccess_key_id = ID\naccess_key_secret = %s\n' "$2" > "$T/credentials"
    env -i PATH="$PATH" HOME="$T/home" ALIBABA_CLOUD_CREDENTIALS_FILE="$T/credentials" $1 2>/dev/null
}
python="$T/venv/bin/python $T/chain.py"
node="node $T/chain.js"
is "Python, SECRET # made in May" "$(secret "$python" 'SECRET # made in May')" "SECRET"
is "Node,   SECRET # made in May" "$(secret "$node" 'SECRET # made in May')" "SECRET"
is "Python, SECRET ; made in May" "$(secret "$python" 'SECRET ; made in May')" "SECRET ; made in May"
is "Node,   SECRET ; made in May" "$(secret "$node" 'SECRET ; made in May')" "SECRET"
echo "as described"
