# Clients that are Go modules, and containerd: sourced by `run`, which has the server, the users and the judges.
# Each pushes, pulls, copies and deletes where it can.

tool() { # tool NAME: sets $tool to the program; what cannot be had is noted as skipped
    if tool=$(tests/tools/get "$1" 2>"$work/why"); then cat "$work/why"; return 0; fi
    skipped+=("$1 ($(tail -n 1 "$work/why"))")
    return 1
}

# Image layouts that all of them push.
layouts() {
    local kind
    for kind in plain zstd index layers; do
        ok "a layout: $kind" python3 tests/clients/make_image.py "$work/layout-$kind" "$kind"
    done
}

digest_at() { # digest_at IMAGE REFERENCE: as the registry says it
    curl -fsI -u alice:Alice-secret-1 -H 'Accept: application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json' \
        "http://$host/v2/$1/manifests/$2" | tr -d '\r' | sed -n 's/^docker-content-digest: //Ip'
}

# ---- containerd --------------------------------------------------------------------------------------
# ctr_push COMMAND...: ctr reads what it pushes from its own daemon by gRPC, and now and then that breaks off
# (containerd's issue 5734): then it is tried again. No registry's answer reads like this.
ctr_push() {
    local again
    for again in 1 2 0; do
        "$@" >"$work/ctr-push" 2>&1 && { cat "$work/ctr-push"; return 0; }
        grep -q 'failed to copy: rpc error: code = Internal desc = unexpected EOF' "$work/ctr-push" || break
        [ "$again" = 0 ] || echo "ctr push: containerd did not give what was to be pushed: once more" >>"$work/notes"
    done
    cat "$work/ctr-push"
    return 1
}

clients_ctr() {
    local address=$work/containerd.sock alice=(--plain-http --user alice:Alice-secret-1) kind
    mkdir -p "$work/containerd"
    printf 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n' >"$work/containerd.toml"
    containerd --config "$work/containerd.toml" --root "$work/containerd/root" --state "$work/containerd/state" \
        --address "$address" >"$work/containerd.log" 2>&1 &
    echo $! >"$work/containerd.pid"
    for _ in $(seq 100); do ctr --address "$address" version >/dev/null 2>&1 && break; sleep 0.2; done
    if ! ctr --address "$address" version >/dev/null 2>&1; then
        skipped+=("ctr (containerd does not start here)"); tail -n 3 "$work/containerd.log"; return
    fi
    local ctr=(ctr --address "$address") pull=(images pull --snapshotter native --all-platforms)
    for kind in plain zstd index layers; do
        tar -C "$work/layout-$kind" -cf "$work/$kind.tar" .
        ok "ctr import, $kind" "${ctr[@]}" images import --no-unpack --all-platforms --base-name "$host/team/ctr-$kind" "$work/$kind.tar"
        ok "ctr push, $kind" ctr_push "${ctr[@]}" images push "${alice[@]}" "$host/team/ctr-$kind:v1"
        ok "ctr rm, $kind" "${ctr[@]}" images rm --sync "$host/team/ctr-$kind:v1"
        ok "ctr pull, $kind" "${ctr[@]}" "${pull[@]}" "${alice[@]}" "$host/team/ctr-$kind:v1"
    done
    ok "ctr tag" "${ctr[@]}" images tag "$host/team/ctr-index:v1" "$host/public/ctr:copy"
    ok "ctr push, tagged" ctr_push "${ctr[@]}" images push "${alice[@]}" "$host/public/ctr:copy"
    ok "ctr pull, anonymous" "${ctr[@]}" "${pull[@]}" --plain-http "$host/public/ctr:copy"
    refused "unauthorized|authorization failed|insufficient_scope|401|403" "ctr pull of a private image, anonymous" "${ctr[@]}" "${pull[@]}" --plain-http "$host/team/ctr-plain:v1"
    # It tells of the refusal, or of the pipe that it closed at the refusal.
    refused "403|denied|forbidden|closed pipe" "ctr push, reader" "${ctr[@]}" images push --plain-http --user bob:Bob-secret-1 "$host/public/ctr:by-bob" "$host/public/ctr:copy"
    ok "and it has no effect" test -z "$(digest_at public/ctr by-bob)"
}

# ---- crane -------------------------------------------------------------------------------------------
clients_crane() {
    local crane=$1 kind
    export DOCKER_CONFIG=$work/crane
    mkdir -p "$DOCKER_CONFIG"
    refused "unauthorized" "crane, not signed in" "$crane" ls "$host/team/crane"
    ok "crane auth login" "$crane" auth login "$host" -u alice -p Alice-secret-1
    for kind in plain zstd layers; do
        ok "crane push, $kind" "$crane" push "$work/layout-$kind" "$host/team/crane:$kind"
    done
    ok "crane push, index" "$crane" push --index "$work/layout-index" "$host/team/crane:index"
    for kind in plain zstd index layers; do
        # Its `validate` reads gzip alone; a pull checks every digest as well.
        [ "$kind" = zstd ] || ok "crane validate, $kind" "$crane" validate --remote "$host/team/crane:$kind"
        ok "crane pull, $kind" "$crane" pull --format oci "$host/team/crane:$kind" "$work/crane-$kind"
    done
    ok "crane copy" "$crane" copy "$host/team/crane:index" "$host/public/crane:copy"
    ok "crane append" "$crane" append -b "$host/team/crane:plain" -f "$work/root.tar" -t "$host/team/crane:more"
    ok "crane tag" "$crane" tag "$host/team/crane:plain" again
    says "^zstd$" "crane ls" "$crane" ls "$host/team/crane"
    says "^team/crane$" "crane catalog" "$crane" catalog "$host"
    ok "crane delete, tag" "$crane" delete "$host/team/crane:again"
    ok "crane delete, digest" "$crane" delete "$host/team/crane@$(digest_at team/crane zstd)"
    refused "MANIFEST_UNKNOWN" "crane manifest after the delete" "$crane" manifest "$host/team/crane:zstd"
    ok "crane auth login, reader" "$crane" auth login "$host" -u bob -p Bob-secret-1
    refused "DENIED" "crane push, reader" "$crane" push "$work/layout-plain" "$host/team/crane:by-bob"
    unset DOCKER_CONFIG
}

# ---- oras --------------------------------------------------------------------------------------------
clients_oras() {
    local oras=$1 config=(--registry-config "$work/oras.json") plain=(--plain-http) subject
    refused "unauthorized|credential" "oras, wrong password" "$oras" login "${config[@]}" "${plain[@]}" -u alice -p wrong "$host"
    says "Login Succeeded" "oras login" "$oras" login "${config[@]}" "${plain[@]}" -u alice -p Alice-secret-1 "$host"
    (cd "$work/root" && "$oras" push "${config[@]}" "${plain[@]}" --artifact-type application/vnd.example.thing \
        "$host/team/oras:v1,v2" hello.txt:text/plain data.bin) >"$work/oras.out" 2>&1
    says "Digest: sha256:" "oras push" cat "$work/oras.out"
    (cd "$work/root" && "$oras" attach "${config[@]}" "${plain[@]}" --artifact-type application/vnd.example.note \
        -a org.example.by=oras "$host/team/oras:v1" hello.txt:text/plain) >"$work/oras.out" 2>&1
    says "Attached to" "oras attach" cat "$work/oras.out"
    says "application/vnd.example.note" "oras discover" "$oras" discover "${config[@]}" "${plain[@]}" "$host/team/oras:v1"
    subject=$(digest_at team/oras v1)
    refused "not found|404" "no fallback tag was needed" "$oras" manifest fetch "${config[@]}" "${plain[@]}" "$host/team/oras:${subject/:/-}"
    ok "oras pull" "$oras" pull "${config[@]}" "${plain[@]}" -o "$work/oras-pulled" "$host/team/oras:v1"
    ok "oras pulled the same" cmp "$work/root/data.bin" "$work/oras-pulled/data.bin"
    ok "oras cp, with referrers" "$oras" cp -r --from-registry-config "$work/oras.json" --to-registry-config "$work/oras.json" \
        --from-plain-http --to-plain-http "$host/team/oras:v1" "$host/public/oras:copy"
    says "application/vnd.example.note" "oras discover, copy" "$oras" discover "${plain[@]}" "$host/public/oras:copy"
    ok "oras tag" "$oras" tag "${config[@]}" "${plain[@]}" "$host/team/oras:v1" v3
    says "^v3$" "oras repo tags" "$oras" repo tags "${config[@]}" "${plain[@]}" "$host/team/oras"
    # It signs in only where it has to, and so sees what everybody sees.
    says "^public/oras$" "oras repo ls" "$oras" repo ls "${config[@]}" "${plain[@]}" "$host"
    ok "oras manifest delete" "$oras" manifest delete -f "${config[@]}" "${plain[@]}" "$host/team/oras@$subject"
    refused "not found|MANIFEST_UNKNOWN" "oras pull after the delete" "$oras" pull "${config[@]}" "${plain[@]}" "$host/team/oras:v1"
}

# ---- regctl ------------------------------------------------------------------------------------------
clients_regctl() {
    local regctl=$1 kind digest
    export REGCTL_CONFIG=$work/regctl.json
    ok "regctl registry set" "$regctl" registry set --tls disabled --skip-check "$host"
    ok "regctl registry login" "$regctl" registry login "$host" -u alice -p Alice-secret-1
    for kind in plain zstd index layers; do
        ok "regctl image copy to, $kind" "$regctl" image copy "ocidir://$work/layout-$kind:v1" "$host/team/regctl:$kind"
        ok "regctl image copy from, $kind" "$regctl" image copy "$host/team/regctl:$kind" "ocidir://$work/regctl-$kind:v1"
    done
    ok "regctl image copy between" "$regctl" image copy "$host/team/regctl:index" "$host/public/regctl:copy"
    ok "regctl image copy within" "$regctl" image copy "$host/team/regctl:layers" "$host/team/regctl:layers-again"
    says "linux/arm64" "regctl manifest get" "$regctl" manifest get "$host/team/regctl:index"
    ok "regctl artifact put" "$regctl" artifact put --artifact-type application/vnd.example.note -f "$work/root/hello.txt" --subject "$host/team/regctl:plain"
    says "application/vnd.example.note" "regctl artifact list" "$regctl" artifact list "$host/team/regctl:plain"
    ok "regctl image copy, with referrers" "$regctl" image copy --referrers "$host/team/regctl:plain" "$host/public/regctl:noted"
    says "application/vnd.example.note" "regctl artifact list, copy" "$regctl" artifact list "$host/public/regctl:noted"
    says "^zstd$" "regctl tag ls" "$regctl" tag ls "$host/team/regctl"
    says "^public/regctl$" "regctl repo ls" "$regctl" repo ls "$host"
    # It deletes a tag by the API where there is one: the manifest must stay.
    digest=$(digest_at team/regctl layers)
    ok "regctl tag delete" "$regctl" tag delete "$host/team/regctl:layers-again"
    ok "regctl manifest head, after the tag's delete" "$regctl" manifest head "$host/team/regctl@$digest"
    ok "regctl manifest delete" "$regctl" manifest delete "$host/team/regctl@$digest"
    refused "not found|MANIFEST_UNKNOWN" "regctl after the delete" "$regctl" manifest get "$host/team/regctl:layers"
    ok "regctl blob put" "$regctl" blob put "$host/team/regctl" <"$work/root/data.bin"
    unset REGCTL_CONFIG
}

# ---- helm --------------------------------------------------------------------------------------------
clients_helm() {
    local helm=$1
    export HELM_CACHE_HOME=$work/helm/cache HELM_CONFIG_HOME=$work/helm/config HELM_DATA_HOME=$work/helm/data
    mkdir -p "$work/helm/pulled"
    ok "helm create" "$helm" create "$work/helm/boat"
    ok "helm package" "$helm" package "$work/helm/boat" -d "$work/helm"
    refused "unauthorized|credential|denied" "helm push, not signed in" "$helm" push --plain-http "$work/helm/boat-0.1.0.tgz" "oci://$host/team/charts"
    says "Login Succeeded" "helm registry login" "$helm" registry login --plain-http -u alice -p Alice-secret-1 "$host"
    says "Digest: sha256:" "helm push" "$helm" push --plain-http "$work/helm/boat-0.1.0.tgz" "oci://$host/team/charts"
    says "Digest: sha256:" "helm pull" "$helm" pull --plain-http -d "$work/helm/pulled" "oci://$host/team/charts/boat" --version 0.1.0
    ok "helm pulled the same" cmp "$work/helm/boat-0.1.0.tgz" "$work/helm/pulled/boat-0.1.0.tgz"
    says "name: boat" "helm show chart, newest" "$helm" show chart --plain-http "oci://$host/team/charts/boat"
    says "kind: Deployment" "helm template" "$helm" template --plain-http sloop "oci://$host/team/charts/boat" --version 0.1.0
    ok "helm registry logout" "$helm" registry logout "$host"
    unset HELM_CACHE_HOME HELM_CONFIG_HOME HELM_DATA_HOME
}

# ---- cosign ------------------------------------------------------------------------------------------
clients_cosign() {
    local cosign=$1 digest image way
    export DOCKER_CONFIG=$work/cosign COSIGN_PASSWORD=Cosign-secret-1
    mkdir -p "$DOCKER_CONFIG"
    printf '{"auths":{"%s":{"auth":"%s"}}}\n' "$host" "$(printf alice:Alice-secret-1 | base64)" >"$DOCKER_CONFIG/config.json"
    ok "cosign generate-key-pair" "$cosign" generate-key-pair --output-key-prefix "$work/cosign/key"
    ok "cosign generate-key-pair, another" "$cosign" generate-key-pair --output-key-prefix "$work/cosign/other"
    for way in tag referrers; do
        ok "an image to sign" python3 tests/clients/make_image.py "$work/signed-$way"
        ok "push of an image to sign" skopeo copy -q --dest-tls-verify=false --dest-creds alice:Alice-secret-1 "oci:$work/signed-$way:v1" "docker://$host/team/signed:$way"
        digest=$(digest_at team/signed "$way")
        image=$host/team/signed@$digest
        local sign=(--key "$work/cosign/key.key" --tlog-upload=false --use-signing-config=false --allow-http-registry -y)
        local verify=(--key "$work/cosign/key.pub" --insecure-ignore-tlog --allow-http-registry)
        if [ "$way" = tag ]; then sign+=(--new-bundle-format=false); verify+=(--new-bundle-format=false); else
            sign+=(--new-bundle-format=true); verify+=(--new-bundle-format=true); fi
        refused "no (matching )?signatures|no matching|not found" "cosign verify before the signature ($way)" timeout 60 "$cosign" verify "${verify[@]}" "$image"
        ok "cosign sign ($way)" timeout 60 "$cosign" sign "${sign[@]}" "$image"
        says '"docker-manifest-digest": ?"'"$digest" "cosign verify ($way)" timeout 60 "$cosign" verify "${verify[@]}" "$image"
        refused "no (matching )?signatures|no matching|invalid signature|failed to verify" "cosign verify with another key ($way)" \
            timeout 60 "$cosign" verify "${verify[@]/key.pub/other.pub}" "$image"
        if [ "$way" = tag ]; then
            ok "the signature is a tag" test -n "$(digest_at team/signed "${digest/:/-}.sig")"
        else
            says 'sigstore.bundle' "the signature is a referrer" curl -fs -u alice:Alice-secret-1 "http://$host/v2/team/signed/referrers/$digest"
            ok "and no tag" test -z "$(digest_at team/signed "${digest/:/-}.sig")$(digest_at team/signed "${digest/:/-}")"
        fi
    done
    ok "cosign tree" timeout 60 "$cosign" tree --allow-http-registry "$host/team/signed:tag"
    ok "cosign copy" timeout 60 "$cosign" copy --allow-http-registry "$host/team/signed:tag" "$host/public/signed:copy"
    ok "cosign clean" timeout 60 "$cosign" clean -f --allow-http-registry "$host/team/signed:tag"
    unset DOCKER_CONFIG COSIGN_PASSWORD
}

# ---- a layer of 5 GiB --------------------------------------------------------------------------------
# Takes minutes and more than 5 GiB of disk: only where PORTOLAN_HUGE_LAYER is set.
clients_huge() {
    local oras=$1 config=(--registry-config "$work/huge.json" --plain-http) digest
    mkdir -p "$work/huge"
    ok "oras login" "$oras" login "${config[@]}" -u alice -p Alice-secret-1 "$host"
    head -c 67108864 /dev/urandom >"$work/huge/layer.bin"
    truncate -s 5G "$work/huge/layer.bin"
    head -c 67108864 /dev/urandom >>"$work/huge/layer.bin"
    (cd "$work/huge" && time "$oras" push "${config[@]}" "$host/team/huge:v1" layer.bin) >"$work/oras.out" 2>&1
    says "Digest: sha256:" "oras push of 5 GiB" cat "$work/oras.out"
    digest=$(sha256sum "$work/huge/layer.bin" | cut -d ' ' -f 1)
    says "^$digest" "oras blob fetch of 5 GiB" bash -c '"$@" | sha256sum' - "$oras" blob fetch "${config[@]}" -o - "$host/team/huge@sha256:$digest"
    echo "a layer of 5 GiB: $(grep ^real "$work/oras.out") to push; the server's memory at most: $(grep VmHWM "/proc/$server/status")"
}

layouts
wanted ctr && have containerd && have ctr && clients_ctr
for name in crane oras regctl helm cosign; do
    wanted "$name" && tool "$name" && "clients_$name" "$tool"
done
[ -n "${PORTOLAN_HUGE_LAYER:-}" ] && tool oras && clients_huge "$tool"
