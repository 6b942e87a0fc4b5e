#!/bin/sh
# A bank and a merchant know different things of the same people. Together they train one model of who buys, and it is better
# than what either has alone. Everything runs for real, over sockets, in separate processes; only the Nitro module is
# simulated, and everything says so. The data are real (tests/data/bank), split between the two; addresses are made up.
set -eu
cd "$(dirname "$0")/../.."

questions=$(pwd)/tests/vertical
people=$(pwd)/tests/data/bank/people.csv.gz
python=${PYTHON:-python3}
room=${GLOVEBOX_ROOM:-$(pwd)/target/demo-train}
port=${GLOVEBOX_PORT:-7483}
. tests/demo/steps.sh

say "1. Two companies, 32,000 people. The merchant called its customers about a savings plan; the bank knows their accounts."
mkdir data
"$python" "$questions/split.py" "$people" data
wc -l data/*.csv | sed 's/^/  /'
head -3 data/*.csv | sed 's/^/  /'

say "2. Each makes its keys, and both sign: whose columns may be learnt from, what may be learnt, and how much it may cost."
run "$bin/glovebox" init --name merchant --dir merchant --custody https://127.0.0.1:$((port + 1))
run "$bin/glovebox" init --name bank --dir bank --custody https://127.0.0.1:$((port + 2))
"$bin/glovebox-host" pcrs --simulated > build.json
run "$bin/glovebox" contract new --name savings --kind overlap --party merchant/party.toml --party bank/party.toml --pcrs build.json -o contract.toml
sed -i 's/^purposes = .*/purposes = ["modelling"]/' contract.toml
with_terms "$questions/terms.toml"
for party in merchant bank; do
    run "$bin/glovebox" contract sign contract.toml --dir $party
done

say "3. What will it cost, and what may come of it? Before there is any file, and for nothing."
run "$bin/glovebox" job price "$questions/both.toml" --contract contract.toml

say "4. The operator starts a room. Each verifies it, seals its table at home, uploads ciphertext and grants the keys."
serve_room
at=$port
for party in merchant bank; do
    at=$((at + 1))
    dataset=$([ $party = bank ] && echo accounts || echo calls)
    run "$bin/glovebox" party join savings "$url" $signed $root --dir $party
    "$bin/glovebox" custody serve --listen 127.0.0.1:$at --dir $party > $party.log 2>&1 &
    pids="$pids $!"
    wait_for $party.log "https://127.0.0.1:"
    run "$bin/glovebox" verify --dir $party
    run "$bin/glovebox" seal "data/$party.csv" --dataset $dataset --dir $party -o $party/$dataset
    "$bin/glovebox" upload $party/$dataset.sealed --dir $party > /dev/null
    run "$bin/glovebox" grant $dataset --dir $party
done

say "5. Three models: from the merchant's columns, from the bank's, and from both. Each is paid for by whose data it reads."
for question in merchant bank both; do
    printf '  $ glovebox job submit %s.toml --dir merchant\n' $question
    job=$("$bin/glovebox" job submit "$questions/$question.toml" --dir merchant --receiver merchant)
    mkdir $question-model
    "$bin/glovebox" result open --job "$job" --dir merchant -o $question-model > $question-model/page.txt
done
cat both-model/page.txt

say "6. Which is best? Judged by the same quarter of the people, on whom none of the three was trained."
"$python" "$questions/beside.py" merchant-model/result.json bank-model/result.json both-model/result.json

say "7. What is left of each budget: the merchant was charged three times, the bank for two models that read its columns."
for party in merchant bank; do
    run "$bin/glovebox" budget --dir $party
done

say "8. A stranger derives the model again from the released sums; the merchant takes it home as ONNX."
receipt="both-model/receipt.cbor both-model/result.json both-model/released.cbor"
echo "  $ glovebox receipt check $receipt $signed $root"
"$bin/glovebox" receipt check $receipt $signed $root > checked.txt
tail -3 checked.txt
run "$bin/glovebox" model export --model both-model/result.json --onnx model.onnx --dir merchant

say "9. Somebody whom the merchant called opts out. The merchant signs a list and grants it; the model was learnt before, and says so."
sed -n 2p data/merchant.csv | cut -d, -f1 > opted-out.txt
run "$bin/glovebox" optout add --from opted-out.txt --dir merchant
run "$bin/glovebox" grant calls --dir merchant
run "$bin/glovebox" model export --model both-model/result.json --onnx stale.onnx --dir merchant

say "Done in $(($(date +%s) - started)) s. In ${room#"$top"/}/: a folder for each model, with report.html (the card), result.json, receipt.cbor; model.onnx"
