#!/bin/sh
# Three parties, six datasets, one enclave, four questions: whom did the campaign reach, who are they, did it sell, and which
# channel is credited?
# Everything runs for real, over sockets, in separate processes; only the Nitro module is simulated, and everything
# says so. Then the same questions on the same files without noise, beside what DuckDB counts in SQL of its own.
set -eu
cd "$(dirname "$0")/../.."

questions=$(pwd)/tests/retail
python=${PYTHON:-python3}
room=${GLOVEBOX_ROOM:-$(pwd)/target/demo-retail}
port=${GLOVEBOX_PORT:-7463}
seed=${GLOVEBOX_SEED:-1}
. tests/demo/steps.sh
. "$questions/room.sh"

say "1. A campaign: an agency showed it, a retailer sold, a brand paid. Their files are made up, with planted effects."
mkdir data
"$python" "$questions/data.py" "$seed" data
wc -l data/*.csv | sed 's/^/  /'

say "2. Each party makes its keys, and they agree on a contract: six datasets, four questions, a budget for the people of each."
at=$port
for party in $parties; do
    at=$((at + 1))
    run "$bin/glovebox" init --name $party --dir $party --custody https://127.0.0.1:$at
done
write_contract
for party in $parties; do
    run "$bin/glovebox" contract sign contract.toml --dir $party
done

say "3. The operator starts a room, and each party's custody stays online."
serve_room
at=$port
for party in $parties; do
    at=$((at + 1))
    run "$bin/glovebox" party join autumn "$url" $signed $root --dir $party
    "$bin/glovebox" custody serve --listen 127.0.0.1:$at --dir $party > $party.log 2>&1 &
    pids="$pids $!"
    wait_for $party.log "https://127.0.0.1:"
done

say "4. Each verifies the enclave, seals its tables at home, uploads ciphertext and grants the keys."
grant() {
    run "$bin/glovebox" verify --dir "$1"
    for dataset in $2; do
        # All the agency's logs are of the people whom it assigned: what they lose is one sum.
        same=$([ "$1" != agency ] || [ "$dataset" = assigned ] || echo "--same-people $dataset=assigned")
        run "$bin/glovebox" seal "data/$dataset.csv" --dataset "$dataset" --dir "$1" -o "$1/$dataset" $same
        "$bin/glovebox" upload "$1/$dataset.sealed" --dir "$1" > /dev/null
        run "$bin/glovebox" grant "$dataset" --dir "$1"
    done
}
grant agency "assigned video display exposures"
grant retailer loyalty
grant brand crm

say "5. The brand asks. Of each question, only the owners of the data that it reads are charged."
for question in $asked; do
    printf '  $ glovebox job submit %s.toml --dir brand\n' $question
    job=$("$bin/glovebox" job submit "$questions/$question.toml" --dir brand --receiver brand)
    mkdir $question
    "$bin/glovebox" result open --job "$job" --dir brand -o $question
done

say "6. What is left of each owner's budget: charged once for each question and each dataset of the owner that it reads."
for party in $parties; do
    "$bin/glovebox" budget --dir $party --json > $party/budget.json
    run "$bin/glovebox" budget --dir $party
done
"$python" "$questions/charged.py" $parties

say "7. The same questions without noise (a rehearsal), beside DuckDB in the clear. One of the ranges above in twenty misses."
rehearse exact- --noise off
compare exact exact-

say "Done in $(($(date +%s) - started)) s. In ${room#"$top"/}/: a folder for each question, with report.html, result.json, receipt.cbor"
