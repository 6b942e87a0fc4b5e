#!/bin/sh
# Builds the QEMU test bed into target/qemu: bin/qemu-system-x86_64 (with nitro-enclave and our
# two patches), share/ (firmware) and bin/vhost-device-vsock. Debian 12, x86-64.
# Does nothing if all are there and made from the same inputs.
#   setup.sh [DIRECTORY]   default: target/qemu of this repository
set -eu

here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/../../target/qemu}
mkdir -p "$out/bin" "$out/download"
out=$(cd "$out" && pwd)
# Two builds at once in one folder would undo each other.
exec 9>"$out/lock"
flock -w 1800 9 || { echo "$0: another build holds $out/lock since 30 minutes" >&2; exit 1; }
. "$here/pins"

say() { echo "qemu: $*" >&2; }
stop() { say "$*"; exit 1; }
started=$(date +%s)
step() { say "$1 ($(($(date +%s) - started)) s)"; }
is_file() { echo "$1  $2" | sha256sum --check --status 2>/dev/null; }

[ "$(uname -m)" = x86_64 ] || stop "this is $(uname -m); the test bed is built on x86_64"
command -v apt-get >/dev/null || stop "this is not Debian; the test bed is built on Debian 12"

# What is needed to run, then what only building needs.
runs="libcbor0.8 libfdt1 libglib2.0-0 libgnutls30 qemu-system-data seabios"
builds="gcc libc6-dev make patch pkg-config ninja-build flex bison xz-utils dpkg-dev python3 \
    python3-venv python3-distlib python3-setuptools python3-wheel libcbor-dev libfdt-dev \
    libglib2.0-dev libgnutls28-dev zlib1g-dev"
need() {
    missing=""
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' ||
            missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    sudo=""
    [ "$(id -u)" -eq 0 ] || sudo="sudo"
    step "installing$missing"
    $sudo apt-get update -qq 9>&- >&2
    # shellcheck disable=SC2086
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        $missing 9>&- >&2
}
# shellcheck disable=SC2086
need $runs

# Debian's other suites (sources of trixie, bookworm-backports), from wherever this machine has
# Debian from, through a configuration of our own: the machine's stays as it is.
apt_elsewhere() {
    if [ ! -f "$out/apt/apt.conf" ]; then
        uri=$(apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(LABEL)' \
            'Created-By: Packages' | awk '$2 == "Debian" && $3 == "Debian" { print $1; exit }')
        [ -n "$uri" ] || stop "apt knows no Debian archive; run apt-get update first"
        mkdir -p "$out/apt/lists/partial" "$out/apt/archives/partial"
        signed="[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
        printf '%s\n' "deb-src $signed $uri trixie main" \
            "deb $signed $uri bookworm-backports main" >"$out/apt/sources.list"
        printf '%s\n' "Dir::Etc::sourcelist \"$out/apt/sources.list\";" \
            'Dir::Etc::sourceparts "/dev/null";' "Dir::State::lists \"$out/apt/lists\";" \
            "Dir::Cache \"$out/apt\";" 'APT::Sandbox::User "root";' >"$out/apt/new.conf"
        APT_CONFIG="$out/apt/new.conf" apt-get update -qq 9>&- >&2
        mv "$out/apt/new.conf" "$out/apt/apt.conf"
    fi
    APT_CONFIG="$out/apt/apt.conf" "$@" 9>&-
}

digest() { cat "$@" | sha256sum | cut -d' ' -f1; }

build_qemu() {
    # shellcheck disable=SC2086
    need $builds
    step "QEMU: fetching"
    rm -rf "$out/apt"
    dsc="$out/download/qemu_${QEMU_VERSION#*:}.dsc"
    if ! is_file "$QEMU_DSC_SHA256" "$dsc"; then
        (cd "$out/download" &&
            apt_elsewhere apt-get source -qq --download-only --only-source \
                "qemu=$QEMU_VERSION") >&2 ||
            stop "Debian offers no source of qemu $QEMU_VERSION; put its .dsc and both tarballs" \
                "into $out/download, or move the pins in $here/pins. Offered now:" \
                "$(apt_elsewhere apt-cache showsrc qemu | sed -n 's/^Version: //p' | tr '\n' ' ')"
        is_file "$QEMU_DSC_SHA256" "$dsc" || stop "$dsc is not the pinned file"
    fi
    meson="$out/download/meson_${MESON_VERSION}_all.deb"
    if ! is_file "$MESON_DEB_SHA256" "$meson"; then
        (cd "$out/download" && apt_elsewhere apt-get download -qq "meson=$MESON_VERSION") >&2 ||
            stop "Debian offers no meson $MESON_VERSION; put that .deb into $out/download, or move" \
                "the pins in $here/pins"
        is_file "$MESON_DEB_SHA256" "$meson" || stop "$meson is not the pinned file"
    fi

    step "QEMU: unpacking and configuring"
    build="$out/build-qemu"
    rm -rf "$build"
    mkdir -p "$build/objects"
    dpkg-deb -x "$meson" "$build/meson"
    # Checks the tarballs against the .dsc, whose own digest is pinned.
    dpkg-source -x "$dsc" "$build/source" >"$out/unpack.log" 2>&1 ||
        stop "unpacking $dsc ended with an error: $out/unpack.log"
    patch -s -p1 -d "$build/source" <"$here/virtio-nsm-sign.patch"
    patch -s -p1 -d "$build/source" <"$here/virtio-nsm-early-kick.patch"
    printf 'CONFIG_MICROVM=y\nCONFIG_NITRO_ENCLAVE=y\n' \
        >"$build/source/configs/devices/x86_64-softmmu/nitro.mak"
    (
        cd "$build/objects"
        # Debian's python, whatever other the PATH has: only it sees Debian's modules.
        export PYTHONPATH="$build/meson/usr/lib/python3/dist-packages"
        export PATH="/usr/sbin:/usr/bin:/sbin:/bin"
        ../source/configure --python=/usr/bin/python3 --target-list=x86_64-softmmu \
            --without-default-features --without-default-devices --with-devices-x86_64=nitro \
            --enable-kvm --enable-tcg --enable-system --enable-gnutls --enable-libcbor \
            --enable-vhost-user --enable-fdt=system --disable-docs --disable-tools \
            --disable-guest-agent --disable-install-blobs --enable-pie \
            9>&- >"$out/configure.log" 2>&1 || stop "configure ended with an error: $out/configure.log"
        step "QEMU: compiling"
        ninja -j "${GLOVEBOX_JOBS:-$(nproc)}" qemu-system-x86_64 9>&- >"$out/compile.log" 2>&1 ||
            stop "the build ended with an error: $out/compile.log"
    )
    strip -o "$out/bin/qemu-system-x86_64" "$build/objects/qemu-system-x86_64"
    mkdir -p "$out/share"
    for firmware in /usr/share/qemu/qboot.rom /usr/share/qemu/linuxboot_dma.bin \
        /usr/share/qemu/pvh.bin /usr/share/seabios/bios-microvm.bin; do
        cp "$firmware" "$out/share/"
    done
    "$out/bin/qemu-system-x86_64" -M help | grep -q nitro-enclave ||
        stop "the QEMU just built has no nitro-enclave machine"
    rm -rf "$build" "$out/apt"
}

build_vhost() {
    need gcc libc6-dev patch
    step "vhost-device-vsock: fetching"
    name="vhost-device-vsock-$VHOST_VERSION"
    crate="$out/download/$name.crate"
    if ! is_file "$VHOST_CRATE_SHA256" "$crate"; then
        cargo info --quiet "vhost-device-vsock@$VHOST_VERSION" 9>&- >/dev/null
        for found in "${CARGO_HOME:-$HOME/.cargo}"/registry/cache/*/"$name.crate"; do
            cp "$found" "$crate"
        done
        is_file "$VHOST_CRATE_SHA256" "$crate" || stop "$crate is not the pinned file"
    fi
    build="$out/build-vhost"
    rm -rf "$build"
    mkdir -p "$build"
    tar -xzf "$crate" -C "$build"
    patch -s -p1 -d "$build/$name" <"$here/vhost-device-vsock.patch"
    # It lies inside our workspace's folder and is no part of it.
    printf '\n[workspace]\n' >>"$build/$name/Cargo.toml"
    step "vhost-device-vsock: compiling"
    CARGO_TARGET_DIR="$build/target" cargo build --quiet --release --locked \
        --manifest-path "$build/$name/Cargo.toml" 9>&- >&2
    strip -o "$out/bin/vhost-device-vsock" "$build/target/release/vhost-device-vsock"
    rm -rf "$build"
}

inputs=$(digest "$here/pins" "$here/setup.sh" "$here"/virtio-nsm-*.patch)
if [ -x "$out/bin/qemu-system-x86_64" ] && [ "$(cat "$out/qemu.stamp" 2>/dev/null)" = "$inputs" ]
then
    say "QEMU is up to date"
else
    rm -f "$out/qemu.stamp"
    build_qemu
    echo "$inputs" >"$out/qemu.stamp"
fi

inputs=$(digest "$here/pins" "$here/setup.sh" "$here/vhost-device-vsock.patch")
if [ -x "$out/bin/vhost-device-vsock" ] && [ "$(cat "$out/vhost.stamp" 2>/dev/null)" = "$inputs" ]
then
    say "vhost-device-vsock is up to date"
else
    rm -f "$out/vhost.stamp"
    build_vhost
    echo "$inputs" >"$out/vhost.stamp"
fi
step "done"
