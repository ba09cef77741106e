#!/bin/sh
# Puts the tap, and what a vLLM lacks for it, into a folder for the PYTHONPATH of a vLLM elsewhere.
#   install-plugin.sh FOLDER PYTHON     PYTHON is the version that vLLM runs on, such as 3.12
set -eu
umask 022 # whoever installs it: another user runs it
here=$(cd "$(dirname "$0")" && pwd)
folder=$1 version=$2
wheels=$(mktemp -d)
trap 'rm -rf "$wheels"' EXIT
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore

into_folder() {
    python3 -m pip install --quiet --upgrade --no-deps --no-compile --target "$folder" \
        --only-binary :all: --python-version "$version" "$@"
}

"$here/wheel.sh" "$wheels"
into_folder --require-hashes -r "$here/../locks/tap.txt"
into_folder --no-index "$wheels"/*.whl
rm -rf "$folder/bin"
