#!/bin/sh
# Runs cargo-mutants with what is given to it, from the root of the repository; builds it once.
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
exec cargo mutants -j "${JOBS:-1}" "$@"
