#!/bin/sh
# Two parties, one enclave, one lift result that a stranger can check. Everything runs for real, over
# sockets, in separate processes; only the Nitro module is simulated, and everything says so.
set -eu
cd "$(dirname "$0")/.."

data=${GLOVEBOX_DATA:-$(pwd)/tests/data/hillstrom}
room=${GLOVEBOX_ROOM:-$(pwd)/target/demo}
port=${GLOVEBOX_PORT:-7443}
. tests/demo/steps.sh

say "1. Each party makes its keys. They never leave its machine."
run "$bin/glovebox" init --name publisher --dir publisher
run "$bin/glovebox" init --name retailer --dir retailer --custody https://127.0.0.1:$((port + 1))

say "2. They write a contract: who, which data, what may be asked, how much, in which build."
"$bin/glovebox-host" pcrs --simulated > build.json
run "$bin/glovebox" contract new --name hillstrom --party publisher/party.toml --party retailer/party.toml --pcrs build.json -o contract.toml
run "$bin/glovebox" contract sign contract.toml --dir publisher
run "$bin/glovebox" contract sign contract.toml --dir retailer
run "$bin/glovebox" contract show contract.toml.signed

say "3. The operator starts a room. It sees ciphertext, and this demo's module is SIMULATED."
serve_room

say "4. Each party writes the room into its folder, and verifies the enclave before it hands over anything."
for party in publisher retailer; do
    run "$bin/glovebox" party join hillstrom "$url" $signed $root --dir $party
    run "$bin/glovebox" verify --dir $party
done
run "$bin/glovebox" party show --dir retailer

say "5. Each party seals its data on its own machine, uploads ciphertext, and grants the keys."
for party in publisher retailer; do
    case $party in
        publisher) dataset=exposures ;;
        retailer) dataset=sales ;;
    esac
    run "$bin/glovebox" seal "$data/$party.csv" --dataset $dataset --dir $party -o $party/$dataset
    run "$bin/glovebox" upload $party/$dataset.sealed --dir $party
    run "$bin/glovebox" grant $dataset --dir $party
done

say "6. The retailer's custody stays online: it countersigns budget for one job at a time."
"$bin/glovebox" custody serve --listen 127.0.0.1:$((port + 1)) --dir retailer > custody.log 2>&1 &
pids="$pids $!"
wait_for custody.log "https://127.0.0.1:"

say "7. The publisher asks: did the campaign work?"
printf '  $ glovebox job submit tests/data/hillstrom/lift.toml --dir publisher ...\n'
job=$("$bin/glovebox" job submit "$data/lift.toml" --dir publisher --receiver publisher --receiver retailer)
echo "  job $job"

say "8. It opens the result. The receipt is checked before a figure is shown."
run "$bin/glovebox" result open --job "$job" --dir publisher -o .

say "9. A stranger checks the receipt offline: first with the small verifier, then the policy too."
run "$bin/attestation-verifier" receipt receipt.cbor result.json --contract contract.toml --build build.json $root
run "$bin/glovebox" receipt check receipt.cbor result.json released.cbor $signed $root

say "10. The figures travel on, each with its error and its receipt; the pictures go onto a slide."
run "$bin/glovebox" result export . -o figures.csv --plot slide.svg $signed $root

say "11. They close the room. What was not spent is credited, and the keys are destroyed."
for party in publisher retailer; do
    run "$bin/glovebox" close --dir $party --yes
    run "$bin/glovebox" budget --dir $party
done

cp publisher/exposures.sealed retailer/sales.sealed .
# The party's page looks for results there.
mkdir -p -m 700 publisher/results/lift
cp report.html result.json receipt.cbor released.cbor asked.json publisher/results/lift/
say "Done in $(($(date +%s) - started)) s. In ${room#"$top"/}/: report.html, slide.svg, figures.csv, result.json, receipt.cbor, released.cbor, contract.toml.signed, *.sealed"
say "Look at it in a browser, as the publisher: ${bin#"$top"/}/glovebox ui --dir ${room#"$top"/}/publisher"
