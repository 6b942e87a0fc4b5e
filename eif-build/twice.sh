#!/bin/sh
# Builds the image from two clean checkouts of HEAD in two folders, and compares byte for byte.
#   twice.sh [FOLDER]   default: a temporary one, gone at the end
set -eu

root=$(cd "$(dirname "$0")/.." && pwd -P)
if [ $# -gt 0 ]; then
    mkdir -p "$1"
    folder=$(cd "$1" && pwd -P)
else
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT INT TERM
fi

# Names of different length, so that a path that got in moves what follows it.
one="$folder/one"
two="$folder/a-second-checkout-elsewhere"
for checkout in "$one" "$two"; do
    rm -rf "$checkout"
    git clone --quiet --no-hardlinks "$root" "$checkout"
    git -C "$checkout" checkout --quiet --detach "$(git -C "$root" rev-parse HEAD)"
    # The kernel's source, if it is here: its digest is checked in each.
    if [ -d "$root/target/kernel/download" ]; then
        mkdir -p "$checkout/target/kernel"
        cp -R "$root/target/kernel/download" "$checkout/target/kernel/"
    fi
    sh "$checkout/eif-build/build.sh"
done

tool="$one/target/eif/cargo/x86_64-unknown-linux-gnu/eif/eif-build"
if cmp "$one/target/eif/glovebox.eif" "$two/target/eif/glovebox.eif" &&
    cmp "$one/target/eif/build-manifest.json" "$two/target/eif/build-manifest.json"; then
    echo "the same image from two checkouts:"
    cat "$one/target/eif/pcrs"
else
    "$tool" compare "$one/target/eif/glovebox.eif" "$two/target/eif/glovebox.eif" || true
    echo "two checkouts gave two images" >&2
    exit 1
fi
