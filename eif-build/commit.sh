#!/bin/sh
# Says which commit these sources are, for whoever builds: its name, "NAME with changes", "NAME, by its archive", or
# "unknown". Only Git knows of changes: an archive (`git archive`) carries the name of its commit, and nothing more.
set -eu

here=$(cd "$(dirname "$0")" && pwd -P)
root=$(cd "$here/.." && pwd -P)
# A copy without its history may lie within somebody's other repository.
if [ "$(git -C "$root" rev-parse --show-toplevel 2>/dev/null)" = "$root" ] &&
    commit=$(git -C "$root" rev-parse --verify --quiet HEAD); then
    [ -z "$(git -C "$root" status --porcelain)" ] || commit="$commit with changes"
    echo "$commit"
    exit 0
fi
# Git writes the name into this file where it makes an archive (.gitattributes).
commit=$(cat "$here/archived-commit" 2>/dev/null || true)
case "$commit" in
"" | *[!0-9a-f]*) echo unknown ;;
*) echo "$commit, by its archive" ;;
esac
