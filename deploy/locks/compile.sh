#!/usr/bin/env bash
# Resolves pyproject.toml and engine.in into requirement files with hashes that name no index.
# Existing pins stay; delete a lock first to move everything to the newest release.
set -euo pipefail
cd "$(dirname "$0")/../.."
export UV_CUSTOM_COMPILE_COMMAND="make locks"

compile() {
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-annotate "$@"
}

locks=deploy/locks
compile --extra dev --extra drift --extra grafana --extra librdkafka --extra otel pyproject.toml $locks/engine.in -o $locks/workbench.txt
compile --extra daemon --extra librdkafka --extra otel --constraint $locks/workbench.txt pyproject.toml -o $locks/daemon.txt
compile --no-deps --constraint $locks/workbench.txt $locks/tap.in -o $locks/tap.txt
compile --constraint $locks/workbench.txt $locks/build.in -o $locks/build.txt
compile --no-deps $locks/vllm.in -o $locks/vllm.txt
compile $locks/bootstrap.in -o $locks/bootstrap.txt
