#!/bin/sh
# Builds the enclave image from this checkout: target/eif/glovebox.eif and build-manifest.json.
# Equal sources and tools give equal bytes, wherever the checkout lies and whoever builds.
#   build.sh [arguments for `eif-build build`, such as --sign-key ..; files as seen from here]
set -eu

# The compiler is that of rust-toolchain.toml, and everything below asks and uses the same one.
unset RUSTUP_TOOLCHAIN RUSTC RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER
from=$PWD
here=$(cd "$(dirname "$0")" && pwd -P)
root=$(cd "$here/.." && pwd -P)
out="$root/target/eif"
triple=x86_64-unknown-linux-gnu

stop() { echo "eif: $*" >&2; exit 1; }
cargo_home=${CARGO_HOME:-$HOME/.cargo}
# Compilers get these paths in lists that blanks and equal signs take apart.
for path in "$root" "$cargo_home" "$HOME"; do
    case "$path" in
    *[[:space:]=]*) stop "'$path' has a blank or an equal sign in it; build where there is none" ;;
    esac
done
# Cargo would take flags, linkers and other sources of crates from these.
folder=$root
while :; do
    for file in "${folder%/}/.cargo/config" "${folder%/}/.cargo/config.toml"; do
        [ ! -e "$file" ] || stop "$file would change the build; build outside of $folder"
    done
    [ "$folder" != / ] || break
    folder=$(dirname "$folder")
done
mkdir -p "$out"

started=$(date +%s)
step() { echo "eif: $1 ($(($(date +%s) - started)) s)" >&2; }
package_version() { dpkg-query -W -f '${Version}' "$1" 2>/dev/null || echo none; }

step "kernel"
sh "$here/kernel/build.sh" "$root/target/kernel"

cd "$root"
cargo=$(command -v cargo)
sysroot=$(rustc --print sysroot)
case "$sysroot" in *[[:space:]=]*) stop "'$sysroot' has a blank or an equal sign in it" ;; esac
commit=$(rustc -vV | sed -n 's/^commit-hash: //p')
channel=$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)
found=$(rustc -vV | sed -n 's/^release: //p')
[ "$found" = "$channel" ] || stop "rustc is $found; rust-toolchain.toml names $channel. Install rustup," \
    "or take away the override that 'rustup show' names"

# One compiler for ring's C and for linking; the kernel's pins are its pins too.
compiler=gcc-12
compiler_version=$("$compiler" --version) || stop "$compiler does not run; install it"
compiler_version=$(echo "$compiler_version" | head -n 1)
. "$here/kernel/pins"
case "$compiler_version" in
*" $GCC_VERSION) "*) ;;
*) echo "eif: WARNING: $compiler is '$compiler_version'; pinned is $GCC_VERSION. The programs'" \
    "bytes, and PCR0, will differ from the published ones." >&2 ;;
esac
# The user's downloads, whose digests Cargo.lock has, without the user's configuration.
home="$out/cargo-home"
rm -rf "$home"
mkdir -p "$home" "$cargo_home/registry"
ln -s "$cargo_home/registry" "$home/registry"
step "fetching crates"
# Under the lock of the user's own cargo, which unpacks into the same folder.
CARGO_HOME="$home" flock "$cargo_home/.package-cache" \
    cargo fetch --locked --target "$triple" >&2 ||
    stop "the crates are not there and cannot be fetched. Your own Cargo configuration, a mirror say," \
        "is left out here; 'cargo fetch' without it must work once"

# Neither the place of the checkout nor that of the crates reaches the programs. The last match
# counts, so the special ones stand last.
maps="$cargo_home=/cargo $sysroot/lib/rustlib/src/rust=/rustc/$commit $root=/glovebox"
maps="$maps $out/cargo=/build $home=/cargo"
for registry in "$cargo_home"/registry/src/* "$home"/registry/src/*; do
    maps="$maps $registry=/registry"
done
rust_flags="-C target-feature=+crt-static -C link-arg=-Wl,--build-id=none"
# Randomness comes from the system call alone. (ring's getrandom 0.2 knows no such setting: it would
# read a file where the kernel lacks the call, which ours has.)
rust_flags="$rust_flags --cfg getrandom_backend=\"linux_getrandom\""
c_flags="-O2 -g0"
for map in $maps; do
    rust_flags="$rust_flags --remap-path-prefix=$map"
    c_flags="$c_flags -ffile-prefix-map=$map"
done

# One package at a time, so that no feature of another leaks in; no environment but this.
build() {
    env -i PATH="$PATH" HOME="$HOME" CARGO_HOME="$home" \
        RUSTUP_HOME="${RUSTUP_HOME:-$HOME/.rustup}" LC_ALL=C TZ=UTC \
        SOURCE_DATE_EPOCH=1767225600 CARGO_INCREMENTAL=0 CARGO_TERM_COLOR=never \
        CARGO_TARGET_DIR="$out/cargo" RUSTFLAGS="$rust_flags" CFLAGS="$c_flags" \
        CC="$compiler" CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER="$compiler" \
        "$cargo" build --quiet --locked --offline --config "$here/profile.toml" --profile eif \
        --target "$triple" ${GLOVEBOX_JOBS:+--jobs "$GLOVEBOX_JOBS"} "$@" >&2
}
step "eif-build"
build -p eif-build
step "init"
build -p init
step "enclave"
build -p enclave --bin glovebox-enclave

programs="$out/cargo/$triple/eif"
source_commit=$(git rev-parse HEAD 2>/dev/null || echo unknown)
[ -z "$(git status --porcelain 2>/dev/null)" ] || source_commit="$source_commit with changes"
{
    rustc -vV
    # The C library and start files are linked in, and ring's C is compiled.
    echo "compiler: $compiler_version"
    for package in binutils libc6-dev; do
        echo "$package: $(package_version "$package")"
    done
} >"$out/toolchain"

step "packing"
cd "$from"
"$programs/eif-build" build --kernel "$root/target/kernel/bzImage" \
    --kernel-description "$root/target/kernel/kernel.json" \
    --init "$programs/init" --enclave "$programs/glovebox-enclave" \
    --cargo-lock "$root/Cargo.lock" --input "profile.toml=$here/profile.toml" \
    --input "build.sh=$here/build.sh" --input "libc.a=$("$compiler" -print-file-name=libc.a)" \
    --input "crt1.o=$("$compiler" -print-file-name=crt1.o)" --source-commit "$source_commit" \
    --toolchain "$out/toolchain" --output "$out/glovebox.eif" \
    --manifest "$out/build-manifest.json" "$@" >"$out/pcrs"
"$programs/eif-build" measure "$out/glovebox.eif" --manifest "$out/build-manifest.json"
step "done"
