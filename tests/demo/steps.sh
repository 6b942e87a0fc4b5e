# What the demos have in common: how they speak, where they run, and how a room is started. A demo sources it from the
# top of the repository, with room and port set; it leaves the shell in the room's folder.

. tests/demo/terms.sh
top=$(pwd)
bin=$(realpath "${GLOVEBOX_BIN:-target/debug}")
url=https://127.0.0.1:$port
started=$(date +%s)
root="--danger-root host/simulated-ca/root.der"
signed="--contract contract.toml.signed"

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '\n%s\n' "$*"; }
run() { printf '  $ %s\n' "$(echo "$*" | sed "s|$bin/||g; s|$room/||g; s|$top/||g")"; "$@"; }

rm -rf "$room"
mkdir -p "$room"
cd "$room"
pids=""
trap 'kill $pids 2>/dev/null || true; wait 2>/dev/null || true' EXIT INT TERM
wait_for() {
    for _ in $(seq 100); do
        if grep -q "$2" "$1" 2>/dev/null; then return 0; fi
        sleep 0.1
    done
    echo "demo: $1 did not say \"$2\" within 10 s:" >&2
    cat "$1" >&2
    exit 1
}

# The operator's host with a simulated enclave, in the background.
serve_room() {
    "$bin/glovebox-host" run --simulated --contract contract.toml.signed --dir host --listen 127.0.0.1:"$port" 2> host.log &
    pids="$pids $!"
    wait_for host.log "is serving"
}
