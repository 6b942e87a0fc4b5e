#!/bin/sh
# A standing order of six weekly lifts that nobody attends: two owners' services, one host that starts an enclave for each run.
# Everything runs for real, over sockets, in separate processes; the Nitro module is simulated, and the clock of all programs is
# put forward from week to week (tests/demo/clock.c).
set -eu
cd "$(dirname "$0")/.."

room=${GLOVEBOX_ROOM:-$(pwd)/target/demo-weekly}
port=${GLOVEBOX_PORT:-7443}
. tests/demo/steps.sh

# --- the clock -----------------------------------------------------------------------------------------------------
cc -O2 -shared -fPIC "$top/tests/demo/clock.c" -o clock.so
GLOVEBOX_CLOCK=$room/clock
export GLOVEBOX_CLOCK
echo 0 > clock
clocked() { LD_PRELOAD=$room/clock.so "$@"; }
glovebox() { printf '  $ glovebox %s\n' "$*"; clocked "$bin/glovebox" "$@"; }
# Puts the clock forward to an instant, written as orders write it.
forward_to() {
    echo $(($(date -d "$1" +%s) + ${2:-0} - $(date +%s))) > clock.new
    mv clock.new clock
    echo "  it is $(clocked date -u +%FT%TZ)"
}
until_says() { # FILE-OR-PARTY WORDS: waits for words in a journal or a log
    for _ in $(seq 300); do
        case $1 in
            *.log) grep -q "$2" "$1" 2>/dev/null && return 0 ;;
            *) clocked "$bin/glovebox" journal --dir "$1" 2>/dev/null | grep -q "$2" && return 0 ;;
        esac
        sleep 0.2
    done
    echo "demo: $1 did not say \"$2\" within a minute" >&2
    tail -n 20 host.log publisher.log retailer.log >&2
    exit 1
}
fail() { echo "demo: $*" >&2; exit 1; }

# --- parties, host and data --------------------------------------------------------------------------------------------
people() { # WEEK: 2,000 people, of whom those who were sent the men's e-mail visit more often, from the fourth week on more so
    awk -v week="$1" -v what="$2" 'BEGIN {
        srand(7 + week)
        if (what == "exposures") { print "email,arm,history,recency" } else { print "email,visit,conversion,spend" }
        for (person = 0; person < 2000; person++) {
            arm = person % 3 == 0 ? "mens" : person % 3 == 1 ? "womens" : "none"
            rate = 0.2 + (arm == "mens" ? (week >= 4 ? 0.5 : 0.2) : 0)
            visit = rand() < rate ? 1 : 0
            if (what == "exposures") printf "person%d@example.com,%s,%d.50,%d\n", person, arm, person % 900, person % 12
            else printf "person%d@example.com,%d,0,%d.99\n", person, visit, visit * (person % 40)
        }
    }'
}
start_host() {
    env "LD_PRELOAD=$room/clock.so" "$bin/glovebox-host" run --simulated "$@" --contract contract.toml.signed --dir host --listen 127.0.0.1:"$port" 2>> host.log &
    host=$!
    pids="$pids $host"
}
stop() { kill "$1"; wait "$1" 2>/dev/null || true; }
start_service() {
    env "LD_PRELOAD=$room/clock.so" "$bin/glovebox" party serve --dir "$1" >> "$1.log" 2>&1 &
    eval "$1=$!"
    pids="$pids $!"
}
run_at() { clocked "$bin/glovebox" order list --dir publisher | awk -v run="$1" '$1 == "run" && $2 == run { print $3 }'; }
waits() { until_says host.log "left its closing.*" && for _ in $(seq 100); do [ -e host/run/enclave.pid ] || return 0; sleep 0.1; done; fail "the enclave did not end"; }
answered() { for party in publisher retailer; do until_says $party "answered: run $1 of the order weekly-lift"; done; waits; }

say "1. Two parties sign a contract, seal their data, and the operator's host takes it."
for party in publisher retailer; do clocked "$bin/glovebox" init --name $party --dir $party; done
"$bin/glovebox-host" pcrs --simulated > build.json
clocked "$bin/glovebox" contract new --name weekly --party publisher/party.toml --party retailer/party.toml --pcrs build.json -o contract.toml
for party in publisher retailer; do clocked "$bin/glovebox" contract sign contract.toml --dir $party; done
start_host
until_says host.log "is serving"
for party in publisher retailer; do
    case $party in publisher) dataset=exposures ;; *) dataset=sales ;; esac
    clocked "$bin/glovebox" party join weekly "$url" $signed $root --dir $party
    people 1 $dataset > $party.csv
    clocked "$bin/glovebox" seal $party.csv --dataset $dataset --dir $party -o $party/$dataset
    clocked "$bin/glovebox" upload $party/$dataset.sealed --dir $party
done
stop $host

say "2. From now on the host runs an enclave only while a run is due. Each party's service follows its rules."
start_host --scheduled --linger-seconds 3
digest=$(sha384sum contract.toml > /dev/null; clocked "$bin/glovebox" contract show contract.toml.signed | grep -oE '[0-9a-f]{96}' | head -n 1)
build=$(sed -n '/^\[\[build\]\]/,$ s/^name = "\(.*\)"/\1/p' contract.toml | head -n 1)
rules() {
    printf 'every_seconds = 1\n[[room]]\nname = "weekly"\ncontract = "%s"\nresults = "results"\n' "$digest"
    printf '[[room.grant]]\ndataset = "%s"\nbuilds = ["%s"]\n' "$1" "$build"
}
rules exposures > publisher/service.toml
{ rules sales; printf '[[room.watch]]\ndataset = "sales"\nfile = "incoming.csv"\nmax_change_percent = 200\n'; } > retailer/service.toml
for party in publisher retailer; do start_service $party; until_says $party "started"; done

say "3. The publisher orders six weekly lifts: every Monday, 06:00 in Berlin. Both read it, and accept it once."
cat > lift.toml <<'END'
[lift]
version = 1
[lift.assignment]
column = "arm"
test = ["mens"]
control = ["none"]
[[lift.outcome]]
name = "visit"
type = "binary"
[lift.privacy]
epsilon = 0.5
delta = 1e-6
END
cat > weekly.toml <<END
[order]
name = "weekly-lift"
job = "lift.toml"
schedule = "0 6 * * MON"
time_zone = "Europe/Berlin"
from = "$(date -d '+1 day' +%F)"
runs = 6
starting_deadline = "6h"
catch_up = "last"
receivers = ["publisher", "retailer"]
END
glovebox order new weekly.toml --dir publisher
for party in publisher retailer; do
    clocked "$bin/glovebox" order accept weekly-lift.order --dir $party > accepted.txt
    tail -n 1 accepted.txt
done
glovebox order schedule weekly-lift --dir publisher
began=$(date +%s)

for run in 1 2; do
    say "4. Week $run: nobody does anything."
    [ $run = 1 ] || { people $run sales > retailer/incoming.csv && touch retailer/incoming.csv.ready && until_says retailer "uploaded: sales"; }
    forward_to "$(run_at $run)" 5
    answered $run
done

say "5. Week 3: the host is down at the time, comes back two hours later, and the run is late."
stop $host
forward_to "$(run_at 3)" 7200
start_host --scheduled --linger-seconds 3
answered 3

say "6. Week 4."
people 4 sales > retailer/incoming.csv && touch retailer/incoming.csv.ready
forward_to "$(run_at 4)" 5
answered 4

say "7. Week 5: the retailer has stopped its service. That costs the publisher nothing, and the run is reported as missed."
stop $retailer
forward_to "$(run_at 5)" 5
until_says publisher "run 5 of the order weekly-lift: retailer has not granted sales yet"
forward_to "$(run_at 5)" 21700
until_says publisher "missed: run 5 of the order weekly-lift"
start_service retailer
until_says retailer "missed: run 5 of the order weekly-lift"

say "8. Week 6."
forward_to "$(run_at 6)" 5
answered 6

say "9. A seventh run there is not: missed runs count. Each owner refuses it."
for party in publisher retailer; do
    if clocked "$bin/glovebox" order check weekly-lift 7 --dir $party 2> seventh.txt; then fail "$party would pay for it"; fi
    cat seventh.txt
    grep -q "has 6 runs, missed ones included" seventh.txt || fail "$party says something else"
done

say "10. What became of the order, and the series of its answers."
for party in publisher retailer; do
    glovebox order list --dir $party
    [ "$(clocked "$bin/glovebox" order list --dir $party | grep -c 'answered in')" = 5 ] || fail "$party does not know of five answers"
done
glovebox order results weekly-lift --dir publisher
[ "$(grep -c '^[0-9]' weekly-lift.csv)" -ge 5 ] || fail "the series has fewer than five runs"
say "Six weeks in $(($(date +%s) - began)) s, all in $(($(date +%s) - started)) s. In ${room#"$top"/}/: weekly-lift.html, weekly-lift.csv, host.log, publisher/journal.jsonl"
