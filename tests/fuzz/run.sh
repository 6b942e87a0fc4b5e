#!/bin/sh
# Runs fuzz targets, from the root of the repository: all, or those named.
#   SECONDS_EACH (60), the time for each target; LOG (target/fuzz/log), a folder with what each said.
# Ends with 1 at the first input that breaks a target, an allocation above its limit included. It takes
# the toolchain of the repository and a C++ compiler, nothing else: the flags below are those of cargo-fuzz.
set -eu

each=${SECONDS_EACH:-60}
log=${LOG:-target/fuzz/log}
triple=$(rustc -vV | sed -n 's/^host: //p')
coverage="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4"
coverage="$coverage -Cllvm-args=-sanitizer-coverage-inline-8bit-counters"
coverage="$coverage -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares"
echo "fuzz: building (the first time some minutes)" >&2
# The sanitizer's flags are unstable ones of the stable compiler.
RUSTC_BOOTSTRAP=1 RUSTFLAGS="$coverage -Zsanitizer=address" \
    cargo build --quiet --release --manifest-path tests/fuzz/Cargo.toml --target "$triple" \
    --target-dir target/fuzz ${GLOVEBOX_JOBS:+--jobs "$GLOVEBOX_JOBS"}
bin=target/fuzz/$triple/release
# Leaks of what lives as long as the program are none.
export ASAN_OPTIONS="quarantine_size_mb=16:detect_leaks=${LEAKS:-1}:${ASAN_OPTIONS:-}"

table=$(mktemp)
trap 'rm -f "$table"' EXIT
mkdir -p "$log"
"$bin/seeds" >"$table"
[ -s "$table" ] || { echo "fuzz: there are no targets" >&2; exit 1; }
for name in "$@"; do
    grep -q "^$name " "$table" || { echo "fuzz: there is no target $name" >&2; exit 1; }
done
printf '%-12s %8s %12s %10s %8s %9s\n' target seconds inputs "per second" MiB corpus
while read -r name longest allocation; do
    case " $* " in "  " | *" $name "*) ;; *) continue ;; esac
    corpus=target/fuzz/corpus/$name
    crashes=target/fuzz/crashes/$name
    mkdir -p "$corpus" "$crashes"
    "$bin/seeds" "$name" "$corpus"
    status=0
    GLOVEBOX_FUZZ=$name "$bin/fuzz" "$corpus" -max_total_time="$each" -max_len="$longest" \
        -malloc_limit_mb="$allocation" -rss_limit_mb=1024 -timeout=20 -print_final_stats=1 \
        -artifact_prefix="$crashes/" -verbosity=0 -detect_leaks="${LEAKS:-1}" \
        </dev/null >"$log/$name" 2>&1 || status=$?
    if [ "$status" -ne 0 ]; then
        tail -n 60 "$log/$name" >&2
        echo "fuzz: $name is broken; the input is in $crashes, all it said in $log/$name" >&2
        exit 1
    fi
    inputs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log/$name")
    rate=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log/$name")
    memory=$(sed -n 's/^stat::peak_rss_mb: *//p' "$log/$name")
    # A run that tried nothing has shown nothing.
    [ "${inputs:-0}" -gt 100 ] || { echo "fuzz: $name tried ${inputs:-no} inputs" >&2; exit 1; }
    printf '%-12s %8s %12s %10s %8s %9s\n' "$name" "$each" "$inputs" "$rate" "$memory" \
        "$(find "$corpus" -type f | wc -l)"
done <"$table"
