#!/bin/sh
# Builds the enclave's kernel: target/kernel/bzImage, and kernel.json, which says from what.
# Does nothing if both are there and made from the same inputs. Debian 12, x86-64.
#   build.sh [DIRECTORY]   default: target/kernel of this repository
#   build.sh --tools       installs what building takes, and ends
set -eu

here=$(cd "$(dirname "$0")" && pwd)

say() { echo "kernel: $*" >&2; }
stop() { say "$*"; exit 1; }
started=$(date +%s)
step() { say "$1 ($(($(date +%s) - started)) s)"; }
package_version() { dpkg-query -W -f '${Version}' "$1" 2>/dev/null || echo none; }

[ "$(uname -m)" = x86_64 ] || stop "this is $(uname -m); the kernel is built on x86_64"
command -v dpkg-query >/dev/null || stop "this is not Debian; the kernel is built on Debian 12"

missing=""
for package in gcc gcc-12 binutils make patch flex bison bc libelf-dev xz-utils perl; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' ||
        missing="$missing $package"
done
sudo=""
[ "$(id -u)" -eq 0 ] || sudo="sudo"
if [ -n "$missing" ]; then
    step "installing$missing"
    $sudo apt-get update -qq 9>&- >&2
    # shellcheck disable=SC2086
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        $missing 9>&- >&2
fi

[ "${1:-}" != --tools ] || exit 0

out=${1:-$here/../../target/kernel}
mkdir -p "$out"
out=$(cd "$out" && pwd)
# Two builds at once in one folder would undo each other.
exec 9>"$out/lock"
flock -w 1800 9 || stop "another build holds $out/lock since 30 minutes"
. "$here/pins"

gcc=$(package_version gcc-12)
binutils=$(package_version binutils)
pinned=true
case "$(readlink -f /usr/bin/gcc)" in
*-gcc-12) ;;
*) gcc="$(readlink -f /usr/bin/gcc), not gcc-12" ;;
esac
if [ "$gcc" != "$GCC_VERSION" ] || [ "$binutils" != "$BINUTILS_VERSION" ]; then
    pinned=false
    say "WARNING: gcc is $gcc and binutils $binutils; pinned are $GCC_VERSION and" \
        "$BINUTILS_VERSION. This kernel's bytes, and PCR0, will differ from the published ones."
fi

patch="$here/vsock-receives-always.patch"
echo "$KERNEL_PATCH_SHA256  $patch" | sha256sum --check --status ||
    stop "$patch is not the pinned file: sha256 $(sha256sum <"$patch" | cut -c-64)"

inputs=$({ cat "$here/pins" "$here/config" "$here/build.sh" "$patch"; echo "$gcc $binutils"; } |
    sha256sum | cut -d' ' -f1)
if [ -f "$out/bzImage" ] && [ "$(cat "$out/stamp" 2>/dev/null)" = \
    "$inputs $(sha384sum <"$out/bzImage" | cut -d' ' -f1)" ]; then
    say "up to date"
    exit 0
fi
rm -f "$out/stamp"

# The source: from the cache, else from Debian. A file put here by hand is as good: its digest
# decides.
deb="$out/download/${KERNEL_PACKAGE}_${KERNEL_VERSION}_all.deb"
is_pinned() { echo "$KERNEL_DEB_SHA256  $deb" | sha256sum --check --status 2>/dev/null; }
if ! is_pinned; then
    step "downloading $KERNEL_PACKAGE $KERNEL_VERSION"
    mkdir -p "$out/download"
    $sudo apt-get update -qq 9>&- >&2 || say "apt-get update ended with an error"
    if ! (cd "$out/download" && rm -f ./*.deb && apt-get download -qq \
        -o APT::Sandbox::User=root "$KERNEL_PACKAGE=$KERNEL_VERSION") 9>&- >&2; then
        stop "Debian does not offer $KERNEL_PACKAGE $KERNEL_VERSION any more. Put that .deb" \
            "(Debian keeps old ones at its snapshot archive) into $out/download, or move the" \
            "pins ($here/README.md says how). Offered now:" \
            "$(apt-cache madison "$KERNEL_PACKAGE" | awk '{print $3}' | sort -u | tr '\n' ' ')"
    fi
    is_pinned || stop "$deb is not the pinned file: sha256 $(sha256sum <"$deb" | cut -c-64)"
fi

step "unpacking"
build="$out/build"
rm -rf "$build"
mkdir -p "$build"
tarball="$build/linux.tar.xz"
dpkg-deb --fsys-tarfile "$deb" | tar -xO "./usr/src/$KERNEL_PACKAGE.tar.xz" >"$tarball"
echo "$KERNEL_SOURCE_SHA256  $tarball" | sha256sum --check --status ||
    stop "the tarball in $deb is not the pinned one"
tar -xJf "$tarball" -C "$build"
rm "$tarball"
cd "$build/$KERNEL_PACKAGE"
# No line elsewhere: a source that has moved wants its patch looked at again.
patch -s -p1 --fuzz=0 <"$patch" || stop "$patch does not fit this source"

# Nothing of this machine reaches the kernel: neither time, user, host, locale nor environment.
clean() {
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/ PWD="$PWD" LC_ALL=C TZ=UTC \
        SOURCE_DATE_EPOCH="$KERNEL_EPOCH" \
        KBUILD_BUILD_TIMESTAMP="$(LC_ALL=C date -u -d "@$KERNEL_EPOCH")" \
        KBUILD_BUILD_USER=glovebox KBUILD_BUILD_HOST=glovebox KBUILD_BUILD_VERSION=1 "$@"
}

step "configuring"
clean make -s tinyconfig
clean scripts/kconfig/merge_config.sh -m -O . .config "$here/config" >merge.log
clean make -s olddefconfig
lost=0
while IFS= read -r line; do
    case "$line" in
    CONFIG_*) grep -qxF "$line" .config ;;
    "# CONFIG_"*" is not set")
        name=${line#"# "}
        ! grep -q "^${name%% *}=" .config
        ;;
    *) true ;;
    esac || {
        say "kconfig did not keep: $line"
        lost=$((lost + 1))
    }
done <"$here/config"
[ "$lost" -eq 0 ] || stop "$lost lines of the configuration were lost"

step "compiling"
clean make -s "-j${GLOVEBOX_JOBS:-$(nproc)}" bzImage 9>&- >&2

size=$(stat -c %s arch/x86/boot/bzImage)
digest=$(sha384sum <arch/x86/boot/bzImage | cut -d' ' -f1)
cp arch/x86/boot/bzImage "$out/bzImage.new"
cp .config "$out/config"
cat >"$out/kernel.json" <<JSON
{
  "binutils": "$binutils",
  "config_sha256": "$(sha256sum <"$here/config" | cut -d' ' -f1)",
  "gcc": "$gcc",
  "image_bytes": $size,
  "image_sha384": "$digest",
  "package": "$KERNEL_PACKAGE",
  "patch_sha256": "$KERNEL_PATCH_SHA256",
  "source_sha256": "$KERNEL_SOURCE_SHA256",
  "toolchain_pinned": $pinned,
  "version": "$KERNEL_VERSION"
}
JSON
mv "$out/bzImage.new" "$out/bzImage"
echo "$inputs $digest" >"$out/stamp"
cd "$out"
rm -rf "$build"
step "done: $size bytes, sha384 $digest"
