#!/bin/sh
# Copies the archive's finished files to a bucket, again and again, and removes from the bucket those
# that compaction has exchanged. A file that went in any other way stays in the bucket.
set -u
export LC_ALL=C
notes=$ARCHIVE/_journal/.exchanged
work=$(mktemp -d)
: >"$work/done"

say() { echo "upload: $1; it is tried again" >&2; }

copy_files() { rclone copy --immutable --include '/date=*/**' "$ARCHIVE" "objects:$BUCKET"; }

remove_exchanged() { # what the notes that are named on stdin say
    (cd "$notes" && xargs sed -n 's/^-//p') >"$work/gone" &&
        rclone delete --files-from-raw "$work/gone" "objects:$BUCKET"
}

# Notes are looked for first: what has come in place of the files that they name is copied by then.
round() {
    ls "$notes" 2>/dev/null | comm -23 - "$work/done" >"$work/new"
    copy_files || { say "not everything could be copied" && return; }
    [ -s "$work/new" ] || return
    remove_exchanged <"$work/new" || { say "not all that was exchanged could be removed" && return; }
    sort -o "$work/done" "$work/done" "$work/new"
}

while :; do
    [ -d "$ARCHIVE" ] && round
    sleep "${PAUSE:-30}"
done
