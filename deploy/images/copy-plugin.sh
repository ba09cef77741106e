#!/bin/sh
# Copies the plugin to the folder that the engine's container shares: the init container's work.
#   copy-plugin.sh [FOLDER]     by default /opt/attention-sidecar
set -eu
from=${PLUGIN:-/plugin}
to=${1:-/opt/attention-sidecar}

if ! mkdir -p "$to" 2>/dev/null || ! [ -w "$to" ]; then
    echo "copy-plugin: user $(id -u) cannot write to $to; mount a volume there that it can" >&2
    exit 1
fi
cp -R "$from/." "$to/"
echo "copied the plugin to $to; start the engine with PYTHONPATH=$to"
