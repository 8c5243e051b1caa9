#!/usr/bin/env bash
# TLS as an operator uses it: the server comes up with a certificate, serves a client that trusts it,
# and takes a new certificate over while it runs.
#
#   tests/tls.sh PATH-OF-PORTOLAN          needs openssl and curl
set -eu
portolan=$(realpath "$1")
work=$(mktemp -d)
port=5023
mkdir -p "$work/config/repos" "$work/config/tls"
certificate() { # certificate SERIAL: a new key and a certificate for localhost
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -set_serial "$1" -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
    mv "$work/key.pem" "$work/cert.pem" "$work/config/tls/"
}
served() { # the serial number of the certificate that is served
    echo | openssl s_client -connect "localhost:$port" -servername localhost 2>/dev/null | openssl x509 -noout -serial
}
certificate 1
cat >"$work/config/registry.yaml" <<YAML
server:
  listen: 127.0.0.1:$port
  public_url: https://localhost:$port
  tls: {certificate: tls/cert.pem, key: tls/key.pem}
YAML
echo 'repo: {type: docker, permissions: {jane: [read]}}' >"$work/config/repos/team.yaml"
echo 'credentials: {jane: {type: plain, pass: Secret-1}}' >"$work/config/credentials.yaml"
"$portolan" serve "$work/config" --data "$work/data" >"$work/log" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null; wait 2>/dev/null; rm -rf "$work"' EXIT
for _ in $(seq 50); do curl -fs --cacert "$work/config/tls/cert.pem" "https://localhost:$port/-/ready" >/dev/null && break; sleep 0.1; done
fail() { echo "FAILED: $*"; cat "$work/log"; exit 1; }
curl -s --cacert "$work/config/tls/cert.pem" -D "$work/headers" "https://localhost:$port/v2/" >/dev/null || fail "no answer over TLS"
grep -qi "realm=\"https://localhost:$port/token\"" "$work/headers" || fail "the challenge does not name the public address"
curl -fs --cacert "$work/config/tls/cert.pem" -u jane:Secret-1 "https://localhost:$port/v2/" >/dev/null || fail "signing in over TLS"
"$portolan" wait --generation 1 --ca "$work/config/tls/cert.pem" "https://localhost:$port" >/dev/null || fail "asking for the status over TLS"
"$portolan" status "https://localhost:$port" >/dev/null 2>&1 && fail "a server of nobody's certificate is believed"
[ "$(served)" = serial=01 ] || fail "another certificate is served: $(served)"
certificate 2
for _ in $(seq 100); do [ "$(served)" = serial=02 ] && break; sleep 0.1; done
[ "$(served)" = serial=02 ] || fail "the new certificate is not served: $(served)"
echo broken >"$work/config/tls/cert.pem"
sleep 6
[ "$(served)" = serial=02 ] || fail "a broken certificate file took the good one out of force"
echo "tls: served, renewed while running, kept when the file broke"
