#!/bin/sh
# A party's page in a real browser: two parties and a room as in `make demo`, and then whatever somebody does who has no
# shell, with scripts turned off. Everything is left in target/demo-page/, with a picture of every screen.
set -eu
cd "$(dirname "$0")/../.."

data=$(pwd)/tests/data/hillstrom
room=${GLOVEBOX_ROOM:-$(pwd)/target/demo-page}
port=${GLOVEBOX_PORT:-7543}
python=${PYTHON:-$(pwd)/target/python/bin/python3}
browser=$(pwd)/tests/page/browser.py
. tests/demo/steps.sh

quietly() { "$@" > steps.log 2>&1 || { cat steps.log >&2; exit 1; }; }

say "Two parties and a room, as in make demo; their budgets pay for one question of epsilon 1."
quietly "$bin/glovebox" init --name publisher --dir publisher
quietly "$bin/glovebox" init --name retailer --dir retailer --custody https://127.0.0.1:$((port + 1))
"$bin/glovebox-host" pcrs --simulated > build.json
quietly "$bin/glovebox" contract new --name spring --party publisher/party.toml --party retailer/party.toml --pcrs build.json -o contract.toml
# A budget for one question, and a value that is meant to do harm.
sed -i 's/^epsilon = 4.0/epsilon = 1.0/; s/"none"\]/"none", "<script>alert(1)<\/script>"]/' contract.toml
for party in publisher retailer; do quietly "$bin/glovebox" contract sign contract.toml --dir $party; done
serve_room
for party in publisher retailer; do
    quietly "$bin/glovebox" party join spring "$url" $signed $root --dir $party
    case $party in publisher) dataset=exposures ;; retailer) dataset=sales ;; esac
    quietly "$bin/glovebox" seal "$data/$party.csv" --dataset $dataset --dir $party -o $party/$dataset
    quietly "$bin/glovebox" upload $party/$dataset.sealed --dir $party
    quietly "$bin/glovebox" grant $dataset --dir $party
done
"$bin/glovebox" custody serve --listen 127.0.0.1:$((port + 1)) --dir retailer > custody.log 2>&1 &
pids="$pids $!"
wait_for custody.log "https://127.0.0.1:"

# The next contract waits for the publisher, whose root key is under a passphrase by now.
sed 's/^name = "spring"/name = "summer"/; s/^epsilon = 1.0/epsilon = 2.0/' contract.toml > publisher/next.toml
(umask 077 && echo "three blind mice" > passphrase)
quietly "$bin/glovebox" keys passphrase --dir publisher --new-passphrase-file passphrase

say "A browser looks at the publisher's page, asks, and is refused; the terminal says yes and no."
"$python" "$browser" "$bin/glovebox" "$room"

say "What was answered, as a slide."
mkdir -p slides
for result in publisher/results/*; do
    quietly "$bin/glovebox" result export "$result" --plot "slides/$(basename "$result").svg" --dir publisher
done
"$python" "$(dirname "$browser")/slides.py" "$room/slides"
say "Done in $(($(date +%s) - started)) s. Pictures of every screen are in ${room#"$top"/}/pictures/"
