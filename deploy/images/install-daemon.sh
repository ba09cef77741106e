#!/bin/sh
# Installs the daemon with its locked packages into a folder of its own: no torch, no vLLM.
#   install-daemon.sh [FOLDER]     by default /opt/attention-sidecar
set -eu
umask 022 # whoever installs it: another user runs it
here=$(cd "$(dirname "$0")" && pwd)
prefix=${1:-/opt/attention-sidecar}
wheels=$(mktemp -d)
trap 'rm -rf "$wheels"' EXIT
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore

python3 -m venv "$prefix"
pip() { "$prefix/bin/python" -m pip "$@"; }
"$here/wheel.sh" "$wheels" "$prefix/bin/python"
pip install --quiet --no-deps --require-hashes -r "$here/../locks/daemon.txt"
pip install --quiet --force-reinstall --no-deps --no-index "$wheels"/*.whl
pip check
if "$prefix/bin/python" -c 'import torch' 2>/dev/null; then
    echo "install-daemon: torch is in $prefix, which the daemon must do without" >&2
    exit 1
fi
"$prefix/bin/attention-sidecar" --version
