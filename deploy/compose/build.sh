#!/usr/bin/env bash
# Prints names and paths of what the tests of the stack need, built from source once a version:
# Docker Compose, which reads compose.yaml without Docker, and the stack's object storage.
# Wants Go; the first time takes some minutes.
set -euo pipefail

readonly compose=v2.40.3 gateway=v1.8.0
readonly cache=${XDG_CACHE_HOME:-$HOME/.cache}/attention-sidecar
platform=$(go env GOOS)-$(go env GOARCH)

# Built in its own folder: its module may not be installed from elsewhere.
build() { # a program, its module, its version, its package, where to
    local folder
    folder=$(go mod download -json "$2@$3" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
    mkdir -p "$cache"
    (cd "$folder" && go build -trimpath -ldflags '-s -w' -o "$5.part" "$4") >&2
    mv "$5.part" "$5"
}

take() { # a program, its module, its version, its package
    local -r built=$cache/$1-$3-$platform
    [[ -x $built ]] || build "$@" "$built"
    echo "$1 $built"
}

take docker-compose github.com/docker/compose/v2 "$compose" ./cmd
take versitygw github.com/versity/versitygw "$gateway" ./cmd/versitygw
