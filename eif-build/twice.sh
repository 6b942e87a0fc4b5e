#!/bin/sh
# Builds the image from two clean checkouts of HEAD, as two different users of two machines would as
# far as one can show on one, and compares byte for byte.
# Then changes one line, and sees that the image is another.
#   twice.sh [FOLDER]   default: target/eif-twice, gone at the end; takes 8 GB and two builds' time
set -eu

root=$(cd "$(dirname "$0")/.." && pwd -P)
folder=${1:-$root/target/eif-twice}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd -P)
[ $# -gt 0 ] || trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM
[ -z "$(git -C "$root" status --porcelain)" ] ||
    echo "this tree has changes that are not committed: they are in neither build" >&2

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
done

sh "$one/eif-build/build.sh"
# Another home, name, clock, language, mask and place of crates.
cargo_home=${CARGO_HOME:-$HOME/.cargo}
home="$folder/another-home"
somebody=somebody-elsewhere
mkdir -p "$home/crates/registry"
cp -R "$cargo_home/registry/cache" "$cargo_home/registry/index" "$home/crates/registry/"
elsewhere() (
    umask 077
    cd /
    env HOME="$home" CARGO_HOME="$home/crates" RUSTUP_HOME="${RUSTUP_HOME:-$HOME/.rustup}" \
        USER="$somebody" LOGNAME="$somebody" TZ=Pacific/Chatham LANG=C.UTF-8 LC_ALL=C.UTF-8 \
        RUSTFLAGS="-C opt-level=0" CFLAGS=-O0 \
        sh "$two/eif-build/build.sh"
)
elsewhere

# Paths and names that got in. A short name of a machine is a word that programs have in them anyway.
host=$(uname -n)
case "$host" in localhost*) host="@$host" ;; esac
[ "${#host}" -ge 8 ] || host="@$host"
for name in "$folder" "$root" "${HOME%/}/" "$somebody" "$(id -un)@" "$host"; do
    if [ "$name" != / ] && grep -aqF -e "$name" "$one/target/eif/glovebox.eif"; then
        echo "the image has '$name' in it" >&2
        exit 1
    fi
done
tool="$one/target/eif/cargo/x86_64-unknown-linux-gnu/eif/eif-build"
first="$one/target/eif"
second="$two/target/eif"
if ! cmp "$first/glovebox.eif" "$second/glovebox.eif" ||
    ! cmp "$first/build-manifest.json" "$second/build-manifest.json"; then
    "$tool" compare "$first/glovebox.eif" "$second/glovebox.eif" || true
    echo "two checkouts gave two images" >&2
    exit 1
fi
echo "the same image from two checkouts:"
cat "$first/pcrs"

# And one changed line of the source is another image.
line="this program takes no arguments"
sed -i "s/$line/$line!/" "$two/enclave/src/main.rs"
elsewhere
answer=0
"$tool" compare "$first/glovebox.eif" "$second/glovebox.eif" || answer=$?
if [ "$answer" -ne 1 ] || [ "$(head -n 1 "$first/pcrs")" = "$(head -n 1 "$second/pcrs")" ]; then
    echo "a line of enclave/src/main.rs was changed, and PCR0 was not" >&2
    exit 1
fi
echo "with one line changed:"
cat "$second/pcrs"
