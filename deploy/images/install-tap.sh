#!/bin/sh
# Adds the tap to the environment of `python3`, where vLLM is, and changes no other package of it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# An image's Python may be marked as its distribution's; nothing of that is replaced here.
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore \
    PIP_BREAK_SYSTEM_PACKAGES=1

pip() { python3 -m pip "$@"; }
refuse() { echo "install-tap: $*" >&2 && exit 1; }

others() { pip list --format=freeze | grep -v '^attention-sidecar=='; }

others >"$work/before"
"$here/wheel.sh" "$work"
python3 -c 'import pyarrow' 2>/dev/null ||
    pip install --quiet --no-deps --require-hashes -r "$here/../locks/tap.txt"
pip install --quiet --force-reinstall --no-deps --no-index "$work"/*.whl
others >"$work/after"

changed=$(grep -vxFf "$work/after" "$work/before") && refuse "packages of vLLM changed:" $changed
lacking=$(pip check | grep '^attention-sidecar ') && refuse "$lacking; add it to the base image"
python3 "$here/check-plugin.py"
