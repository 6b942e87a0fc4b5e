#!/bin/sh
# How often the intervals of the retail demo's answers hold what was planted or counted: one run for each seed.
#
#     cover.sh RUNS     (from the top of the repository)
set -eu
runs=${1:-100}
bin=$(realpath "${GLOVEBOX_BIN:-target/debug}")
python=${PYTHON:-python3}
questions=$(pwd)/tests/retail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. tests/demo/terms.sh
. "$questions/room.sh"
run() { "$@" > /dev/null 2>&1; }

cd "$work"
for party in $parties; do run "$bin/glovebox" init --name $party --dir $party; done
write_contract
mkdir data
for seed in $(seq "$runs"); do
    "$python" "$questions/data.py" "$seed" data
    for question in $asked; do rm -rf "$question"; done
    rehearse ""
    compare cover "" >> covered
    printf '\r%s of %s runs' "$seed" "$runs" >&2
done
printf '\n' >&2
awk -F'\t' '
    { of[$1]++; held[$1] += $2 == "holds" }
    END {
        for (figure in of) {
            printf "%-28s held in %d of %d\n", figure, held[figure], of[figure]
            bad += held[figure] < 0.88 * of[figure]
        }
        exit bad > 0
    }' covered
