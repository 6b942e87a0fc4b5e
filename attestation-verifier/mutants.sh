#!/bin/sh
# Mutation testing of the library, from the root of the repository. Survivors: MUTANTS.md.
set -eu

# Without the exhaustive and the differential tests, which take long and kill nothing else.
exec sh tests/cargo-mutants.sh -p attestation-verifier --timeout 60 -o target \
    -e 'attestation-verifier/src/bin/**' \
    -e 'attestation-verifier/peer-bench/**' "$@" -- \
    --lib --test chain --test revocation --test receipt --test receipt_vectors --test vectors
