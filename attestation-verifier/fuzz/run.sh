#!/bin/sh
# Runs every fuzz target for SECONDS_EACH (60) seconds, from the root of the repository.
set -eu

each=${SECONDS_EACH:-60}
tools=${TOOLS:-target/tools}
PATH="$PWD/$tools/bin:$PATH"
if ! rustup run nightly rustc --version >/dev/null 2>&1; then
    echo "fuzz: NOT RUN: the nightly toolchain is missing; \`rustup toolchain install nightly\`" >&2
    exit 1
fi
if ! command -v cargo-fuzz >/dev/null 2>&1; then
    echo "fuzz: building cargo-fuzz into $tools once (some minutes)" >&2
    cargo install --quiet --locked --root "$tools" cargo-fuzz || {
        echo "fuzz: NOT RUN: cargo-fuzz is missing and could not be installed" >&2
        exit 1
    }
fi
here=attestation-verifier
vectors=tests/vectors/attestation-v1
for target in document independent receipt revocation; do
    case $target in
        receipt) seeds="$here/tests/vectors/receipt-v1/accept $here/tests/vectors/receipt-v1/reject" ;;
        revocation) seeds="$here/fuzz/seeds/revocation" ;;
        *) seeds="$vectors/accept $vectors/reject" ;;
    esac
    mkdir -p "$here/fuzz/corpus/$target"
    echo "fuzz: $target for $each s" >&2
    # shellcheck disable=SC2086
    cargo +nightly fuzz run --fuzz-dir "$here/fuzz" "$target" "$here/fuzz/corpus/$target" $seeds -- \
        -max_total_time="$each" -malloc_limit_mb=1 -rss_limit_mb=256 -max_len=20480 \
        -print_final_stats=1 -verbosity=0
done
echo "fuzz: no crash, no leak, and no allocation above 1 MiB in $each s each" >&2
