#!/usr/bin/env bash
# The README's first command, as a newcomer runs it: does the registry come up on port 5000 with the
# quickstart configuration, take a push and give a pull?
#
#   tests/quickstart.sh PATH-OF-PORTOLAN
set -eu
cd "$(dirname "$0")/.."
portolan=$(realpath "$1")
work=$(mktemp -d)
"$portolan" serve examples/quickstart --data "$work/data" >"$work/log" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null; wait 2>/dev/null; rm -rf "$work"' EXIT
for _ in $(seq 50); do curl -fs http://localhost:5000/-/ready >/dev/null && break; sleep 0.1; done
curl -fs http://localhost:5000/-/ready >/dev/null || { cat "$work/log"; exit 1; }
command -v skopeo >/dev/null || { echo "SKIPPED: skopeo is not installed, no push was tried"; exit 0; }
read -r user password < <(sed -n 's/^docker login localhost:5000 -u \([^ ]*\) -p \([^ ]*\)$/\1 \2/p' README.md)
python3 tests/clients/make_image.py "$work/oci"
skopeo copy -q --dest-tls-verify=false --dest-creds "$user:$password" "oci:$work/oci:v1" docker://localhost:5000/hello:v1
skopeo copy -q --src-tls-verify=false --src-no-creds docker://localhost:5000/hello:v1 "dir:$work/copy"
echo "quickstart: pushed as $user, pulled by anybody"
