#!/bin/sh
# Builds the project's wheel into a folder, with a locked builder that is left nowhere.
#   wheel.sh FOLDER [PYTHON]     PYTHON has pip; by default python3
set -eu
python=${2:-python3}
source=$(cd "$(dirname "$0")/../.." && pwd)
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT

"$python" -m pip install --quiet --no-cache-dir --no-deps --require-hashes --target "$tools" \
    -r "$source/deploy/locks/build.txt"
cd "$source"
PYTHONPATH=$tools PYTHONDONTWRITEBYTECODE=1 "$python" -m hatchling build -t wheel -d "$1"
