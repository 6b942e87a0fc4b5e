#!/bin/sh
# Mutation testing of the library, from the root of the repository. Survivors: MUTANTS.md.
set -eu

tools=${TOOLS:-target/tools}
PATH="$PWD/$tools/bin:$PATH"
if ! command -v cargo-mutants >/dev/null 2>&1; then
    echo "mutants: building cargo-mutants into $tools once (some minutes)" >&2
    cargo install --quiet --locked --root "$tools" cargo-mutants || {
        echo "mutants: NOT RUN: cargo-mutants is missing and could not be installed" >&2
        exit 1
    }
fi
# Without the exhaustive and the differential tests, which take long and kill nothing else.
exec cargo mutants -p attestation-verifier -j "${JOBS:-1}" --timeout 60 -o target \
    -e 'attestation-verifier/src/bin/**' \
    -e 'attestation-verifier/peer-bench/**' "$@" -- \
    --lib --test chain --test revocation --test receipt --test receipt_vectors --test vectors
