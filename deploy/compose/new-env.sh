#!/bin/sh
# Writes .env from .env.example, with a secret for each that is empty; leaves one that is there.
set -eu
cd "$(dirname "$0")"
if [ -e .env ]; then
    echo "new-env: .env is there already; remove it for new secrets" >&2
    exit 1
fi
umask 077
secret() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
while IFS= read -r line; do
    case $line in
    SIDECAR_TOKEN= | GRAFANA_PASSWORD= | OBJECTS_SECRET_KEY=) echo "$line$(secret)" ;;
    *) echo "$line" ;;
    esac
done <.env.example >.env
echo "wrote $PWD/.env; next: docker compose up"
