#!/bin/sh
# Compiles the library for wasm32-unknown-unknown, from the root of the repository.
set -eu

missing=""
rustup target list --installed 2>/dev/null | grep -qx wasm32-unknown-unknown ||
    missing="$missing the-target(rustup-target-add-wasm32-unknown-unknown)"
# ring's C is compiled too, and gcc has no such target.
command -v clang >/dev/null 2>&1 || missing="$missing clang"
if [ -n "$missing" ]; then
    echo "wasm: NOT CHECKED, for lack of:$missing" >&2
    exit "${WASM_MISSING:-1}"
fi
cargo build --locked -p attestation-verifier --lib --no-default-features \
    --target wasm32-unknown-unknown
echo "wasm: the library compiles for wasm32-unknown-unknown" >&2
