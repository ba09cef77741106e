#!/bin/sh
# Adds the tap to the environment of `python3`, where vLLM is, and changes no other package of it.
# Where that lacks something besides, nothing is added.
set -eu
umask 022 # whoever installs it: another user runs it
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
    pip download --quiet --no-deps --require-hashes -r "$here/../locks/tap.txt" -d "$work"
pip install --quiet --dry-run --no-index --find-links "$work" "$work"/attention_sidecar-*.whl ||
    refuse "vLLM's environment lacks what is named above; add it to the base image"
pip install --quiet --force-reinstall --no-deps --no-index "$work"/*.whl
others >"$work/after"

changed=$(grep -vxFf "$work/after" "$work/before") && refuse "packages of vLLM changed:" $changed
python3 "$here/check-plugin.py"
