#!/bin/sh
# Copies the archive's finished files to a bucket, again and again; a finished file never changes.
set -u
while :; do
    if [ -d "$ARCHIVE" ]; then
        rclone copy --immutable --include '/date=*/**' "$ARCHIVE" "objects:$BUCKET" ||
            echo "upload: not everything could be copied; it is tried again" >&2
    fi
    sleep "${PAUSE:-30}"
done
