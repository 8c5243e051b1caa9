#!/usr/bin/env bash
# The container image, as an operator runs it: built from the last stage of the Dockerfile around a static
# binary, without root, with the configuration mounted read-only and a volume that survives the container.
# (The first stage needs images from the net; what it does with cargo is done by the caller.)
#
#   tests/container.sh PATH-OF-A-STATIC-PORTOLAN          needs root, dockerd, skopeo, python3 and curl
set -eu
cd "$(dirname "$0")/.."
portolan=$(realpath "$1")
work=$(mktemp -d)
chmod 755 "$work"
docker=$([ -x /usr/bin/docker ] && echo /usr/bin/docker || command -v docker)
export DOCKER_HOST=unix://$work/docker.sock DOCKER_CONFIG=$work/docker-config DOCKER_BUILDKIT=0
fail() { echo "FAILED: $*"; "$docker" logs portolan 2>&1 | tail -n 20; exit 1; }
finish() {
    set +e
    "$docker" rm -f portolan >/dev/null 2>&1
    [ -f "$work/docker.pid" ] && kill "$(cat "$work/docker.pid")" 2>/dev/null
    wait 2>/dev/null
    umount -R "$work/docker" "$work"/docker-exec/netns/* 2>/dev/null
    rm -rf "$work"
}
trap finish EXIT
dockerd --data-root "$work/docker" --exec-root "$work/docker-exec" --host "$DOCKER_HOST" --pidfile "$work/docker.pid" \
    --iptables=false --ip6tables=false --bridge=none >"$work/dockerd.log" 2>&1 &
for _ in $(seq 100); do "$docker" info >/dev/null 2>&1 && break; sleep 0.2; done
"$docker" info >/dev/null 2>&1 || { echo "SKIPPED: dockerd does not start here"; exit 0; }

# The last stage alone, with what the first one would have made.
mkdir -p "$work/context/out/data" "$work/context/out/config"
cp "$portolan" "$work/context/out/portolan"
cp /etc/ssl/certs/ca-certificates.crt "$work/context/out/"
sed -n '/^FROM scratch/,$p' Dockerfile | sed 's/--from=build //; s#/out/#out/#' >"$work/context/Dockerfile"
"$docker" build -q -t portolan "$work/context" >"$work/build" || { cat "$work/build"; fail "the image cannot be built"; }

cp -r examples/quickstart "$work/config"
rm "$work/config/registry.yaml"
run() {
    "$docker" run -d --name portolan --network host --read-only -v "$work/config:/config:ro" -v portolan-data:/data portolan \
        serve /config --data /data --listen 127.0.0.1:5025 >/dev/null
    for _ in $(seq 100); do curl -fs http://127.0.0.1:5025/-/ready >/dev/null && return; sleep 0.1; done
    fail "the container does not get ready"
}
run
[ "$("$docker" inspect -f '{{.Config.User}}' portolan)" = 65532:65532 ] || fail "it runs as root"
"$docker" exec portolan /bin/sh -c true >/dev/null 2>&1 && fail "there is a shell in it"
python3 tests/clients/make_image.py "$work/oci"
skopeo copy -q --dest-tls-verify=false --dest-creds demo:Harbour-2026 "oci:$work/oci:v1" docker://127.0.0.1:5025/hello:v1
"$docker" stop -t 10 portolan >/dev/null
[ "$("$docker" inspect -f '{{.State.ExitCode}}' portolan)" = 0 ] || fail "it does not stop in an orderly way"
"$docker" rm portolan >/dev/null
run
skopeo inspect --tls-verify=false --no-creds docker://127.0.0.1:5025/hello:v1 >/dev/null || fail "the volume did not keep the image"
echo "container: $(("$("$docker" image inspect -f '{{.Size}}' portolan)" / 1024 / 1024)) MiB, not root, no shell, read-only; the volume keeps what was pushed"
