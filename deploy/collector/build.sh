#!/usr/bin/env bash
# Prints name and path of the tests' OpenTelemetry collector, built from source once a manifest.
# Wants Go; the first time takes a minute or two.
set -euo pipefail
cd "$(dirname "$0")"

readonly builder=go.opentelemetry.io/collector/cmd/builder@v0.155.0
readonly manifest=$PWD/manifest.yaml
version=$( (cat build.sh manifest.yaml && go env GOOS GOARCH) | sha256sum | cut -c1-16)
readonly cached=${XDG_CACHE_HOME:-$HOME/.cache}/attention-sidecar/otelcol-$version

build() {
    local folder
    folder=$(mktemp -d)
    (
        cd "$folder"
        GOBIN=$PWD go install "$builder"
        ./builder --config "$manifest"
    ) >"$folder/log" 2>&1 || { tail -n 20 "$folder/log" >&2 && return 1; }
    mkdir -p "$(dirname "$cached")"
    mv "$folder/built/otelcol" "$cached"
    rm -rf "$folder"
}

[[ -x $cached ]] || build
echo "otelcol $cached"
