#!/bin/sh
# Counts the lines of the library, without its tests: code, and what is not blank.
cd "$(dirname "$0")/src" || exit 1
count() {
    for file in "$@"; do
        awk '/^#\[cfg\(test\)\]/ { exit } { print }' "$file"
    done | awk -v what="$what" '
        !/^[ \t]*$/ { lines++; if ($0 !~ /^[ \t]*\/\//) code++ }
        END { printf "%-44s %5d lines of code, %5d with comments\n", what, code, lines }'
}
what="documents" count lib.rs document.rs verify.rs believed.rs chain.rs certificate.rs cbor.rs der.rs \
    expected.rs explain.rs field.rs pcr.rs region.rs root.rs danger.rs timestamp.rs tables.rs
what="the report's words" count check.rs
what="revocation lists" count revocation.rs
what="receipts" count receipt.rs receipt/deterministic.rs receipt/statement.rs
what="all" count ./*.rs receipt/*.rs
