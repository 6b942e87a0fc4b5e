#!/bin/sh
# How often the intervals of the retail demo's answers hold what was planted or counted: one run for each seed.
#
#     cover.sh RUNS     (from the top of the repository; a minute for some twenty runs)
set -eu
runs=${1:-100}
bin=$(realpath "${GLOVEBOX_BIN:-target/debug}")
python=${PYTHON:-python3}
here=$(pwd)/tests/retail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for party in agency retailer brand; do "$bin/glovebox" init --name $party --dir $party > /dev/null 2>&1; done
"$bin/glovebox-host" pcrs --simulated > build.json
"$bin/glovebox" contract new --name autumn --kind overlap --party agency/party.toml --party retailer/party.toml --party brand/party.toml --pcrs build.json -o new.toml > /dev/null 2>&1
{ sed '/^\[\[dataset\]\]/,$d' new.toml; cat "$here/terms.toml"; sed -n '/^\[\[build\]\]/,$p' new.toml; } > contract.toml
for seed in $(seq "$runs"); do
    mkdir -p data
    "$python" "$here/data.py" "$seed" data
    for question in reach overlap lift attribution; do
        rm -rf "$question"
        "$bin/glovebox" try --contract contract.toml --job "$here/$question.toml" \
            $(for dataset in assigned video display exposures loyalty crm; do echo "--data $dataset=data/$dataset.csv"; done) \
            --output "$question" > /dev/null 2>&1
    done
    "$python" "$here/check.py" cover data reach/result.json overlap/result.json lift/result.json attribution/result.json >> covered
    printf '\r%s of %s runs' "$seed" "$runs" >&2
done
printf '\n' >&2
awk -F'\t' -v runs="$runs" '
    { of[$1]++; held[$1] += $2 == "holds" }
    END {
        for (figure in of) {
            printf "%-28s held in %d of %d\n", figure, held[figure], of[figure]
            bad += held[figure] < 0.88 * of[figure]
        }
        exit bad > 0
    }' covered
