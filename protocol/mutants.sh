#!/bin/sh
# Mutation testing of the rules that decide what leaves and what it costs, from the root of the repository:
# policy, tallies and proofs, both ledgers, and the release. Survivors: MUTANTS.md. A part of them: --shard 1/20.
set -eu

custody=partner/custody/src
exec sh tests/cargo-mutants.sh -p protocol -p privacy -p custody --timeout 600 -o target/rules \
    -f protocol/src/asking/policy.rs -f 'protocol/src/asking/policy/**' -e protocol/src/asking/policy/danger.rs \
    -f protocol/src/analysis/rules.rs -f 'protocol/src/analysis/*/tally.rs' \
    -f protocol/src/privacy/proof.rs -f 'protocol/src/privacy/proof/**' -f protocol/src/answers/released.rs \
    -f enclave/privacy/src/ledger.rs -f enclave/privacy/src/release.rs -f 'enclave/privacy/src/release/**' \
    -f $custody/ledger.rs -f $custody/settle.rs -f $custody/people.rs -f $custody/decide.rs "$@" -- --tests
