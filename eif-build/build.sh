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
case "$cargo_home" in /*) ;; *) cargo_home="$from/$cargo_home" ;; esac
# Compilers get this path in lists that blanks and equal signs take apart.
case "$root" in
*[[:space:]=]*) stop "'$root' has a blank or an equal sign in it; build where there is none" ;;
esac
# What signs is read at the end, which is a quarter of an hour away.
option=""
for word in "$@"; do
    case "$option" in
    --sign-*=*) ;;
    --sign-*) [ -r "$word" ] || stop "'$word', which $option names, cannot be read" ;;
    esac
    option=$word
    case "$word" in
    --sign-*=*) [ -r "${word#*=}" ] || stop "'${word#*=}' in $word cannot be read" ;;
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
# Two builds at once in one folder would undo each other.
exec 9>"$out/lock"
flock -w 3600 9 || stop "another build holds $out/lock since an hour"

started=$(date +%s)
step() { echo "eif: $1 ($(($(date +%s) - started)) s)" >&2; }
package_version() { dpkg-query -W -f '${Version}' "$1" 2>/dev/null || echo none; }

# The last crates of the programs keep one processor busy; the kernel has the others meanwhile.
step "kernel, beside the programs"
sh "$here/kernel/build.sh" --tools 9>&-
# In a group of its own, to be ended with all that it started. (`set -m` would stop whoever runs this in the background of a terminal.)
setsid sh "$here/kernel/build.sh" "$root/target/kernel" 9>&- &
kernel=$!
trap 'kill -- -"$kernel" 2>/dev/null || true' EXIT
trap 'exit 130' INT TERM

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
libc_version=$(package_version libc6-dev)
[ "$libc_version" = "$LIBC_VERSION" ] ||
    echo "eif: WARNING: libc6-dev is '$libc_version'; pinned is $LIBC_VERSION. It is linked in: the" \
        "programs' bytes, and PCR0, will differ from the published ones." >&2
# Cargo notices another rustc, and not what is linked in beside Rust: after an upgrade it would keep
# the old programs, and the manifest would name the new files.
{
    echo "$compiler_version"
    for package in binutils libc6-dev libgcc-12-dev; do
        echo "$package $(package_version "$package")"
    done
    for file in crt1.o rcrt1.o crti.o crtn.o crtbegin.o crtbeginS.o crtbeginT.o crtend.o crtendS.o \
        libc.a libgcc.a libgcc_eh.a; do
        sha384sum "$("$compiler" -print-file-name="$file")"
    done
} >"$out/linked.new"
cmp -s "$out/linked.new" "$out/linked" || rm -rf "$out/cargo"
mv "$out/linked.new" "$out/linked"

# A Cargo home of this build's own. What the user's has downloaded is taken if it is what Cargo.lock
# names, which Cargo itself asks only when it downloads; it is unpacked here, since what lies unpacked
# in the user's nobody checks. Nor is the user's configuration in it.
home="$out/cargo-home"
rm -rf "$home"
mkdir -p "$home/registry/cache"
awk -F'"' '/^name = /{n=$2} /^version = /{v=$2} /^checksum = /{print $2 "  " n "-" v ".crate"}' \
    Cargo.lock >"$home/crates"
[ ! -d "$cargo_home/registry/index" ] || cp -R "$cargo_home/registry/index" "$home/registry/"
for cache in "$cargo_home"/registry/cache/*/; do
    [ -d "$cache" ] || continue
    copy="$home/registry/cache/$(basename "$cache")"
    mkdir "$copy"
    while read -r _ crate; do
        [ ! -f "$cache/$crate" ] || cp "$cache/$crate" "$copy/"
    done <"$home/crates"
    (cd "$copy" && LC_ALL=C sha256sum --check --ignore-missing "$home/crates" 2>/dev/null || true) |
        sed -n 's/: FAILED.*//p' | while read -r crate; do
            echo "eif: WARNING: $cache$crate is not what Cargo.lock names; it is fetched afresh" >&2
            rm "$copy/$crate"
        done
done
step "fetching crates"
CARGO_HOME="$home" cargo fetch --locked --target "$triple" 9>&- >&2 ||
    stop "the crates are not there and cannot be fetched. Your own Cargo configuration, a mirror say," \
        "is left out here; 'cargo fetch' without it must work once"

# Neither the place of the checkout nor that of the crates reaches the programs. The last match
# counts, so the special ones stand last.
maps="$sysroot/lib/rustlib/src/rust=/rustc/$commit $root=/glovebox"
maps="$maps $out/cargo=/build $home=/cargo"
for registry in "$home"/registry/src/*; do
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
        ${commit_in_program:+GLOVEBOX_COMMIT="$commit_in_program"} \
        CC="$compiler" CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER="$compiler" \
        "$cargo" build --quiet --locked --offline --config "$here/profile.toml" --profile eif \
        --target "$triple" ${GLOVEBOX_JOBS:+--jobs "$GLOVEBOX_JOBS"} "$@" 9>&- >&2
}
# What packs says which commit it is; what is packed never does: the image would be another one at each commit, and
# another one from a copy without its history.
source_commit=$(sh "$here/commit.sh")
step "eif-build"
commit_in_program=$source_commit
build -p eif-build
commit_in_program=""
step "init"
build -p init
step "enclave"
build -p enclave --bin glovebox-enclave

programs="$out/cargo/$triple/eif"
{
    rustc -vV
    # The C library and start files are linked in, and ring's C is compiled.
    echo "compiler: $compiler_version"
    for package in binutils libc6-dev; do
        echo "$package: $(package_version "$package")"
    done
} >"$out/toolchain"

step "waiting for the kernel"
wait "$kernel" || stop "the kernel was not built"
trap - EXIT INT TERM

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
