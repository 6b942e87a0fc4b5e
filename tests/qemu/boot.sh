#!/bin/sh
# Boots an EIF under QEMU and stays until it ends; both processes end with this script.
#   boot.sh EIF DIRECTORY [MEMORY [CPUS]]        defaults: 512M 1
# In DIRECTORY (short: a socket path has at most 107 bytes):
#   vm.vsock        the host's way in: connect, send "CONNECT 5000\n", read "OK ...\n"
#   vm.vsock_PORT   the enclave's way out: listen here before the boot (9000: the heartbeat)
#   console.log, vhost.log, qemu.log, pids
# Environment: GLOVEBOX_QEMU (default target/qemu), GLOVEBOX_APPEND (words for the kernel that QEMU
# does not measure), NSM_SIGN_KEY, NSM_SIGN_CERT, NSM_SIGN_CA (README.md).
set -eu

here=$(cd "$(dirname "$0")" && pwd)
bed=${GLOVEBOX_QEMU:-$here/../../target/qemu}
eif=${1:?EIF}
dir=${2:?DIRECTORY}
memory=${3:-512M}
cpus=${4:-1}
mkdir -p "$dir"
# Only these: a vm.vsock_PORT may already have its listener.
rm -f "$dir/vhost.sock" "$dir/vm.vsock" "$dir/console.log"

vhost="" qemu=""
end() {
    trap - EXIT INT TERM HUP
    # shellcheck disable=SC2086
    kill $qemu $vhost 2>/dev/null || true
    wait
    rm -f "$dir/pids"
}
trap end EXIT
trap 'exit 130' INT TERM HUP

# A parent that is killed takes both with it (--pdeathsig).
RUST_LOG=${RUST_LOG:-error} setpriv --pdeathsig KILL "$bed/bin/vhost-device-vsock" \
    --vm "guest-cid=16,socket=$dir/vhost.sock,uds-path=$dir/vm.vsock" >"$dir/vhost.log" 2>&1 &
vhost=$!
waited=0
until [ -S "$dir/vhost.sock" ]; do
    kill -0 "$vhost" 2>/dev/null || { cat "$dir/vhost.log" >&2; exit 1; }
    [ "$waited" -lt 100 ] || { echo "boot: no vhost socket after 10 s" >&2; exit 1; }
    sleep 0.1
    waited=$((waited + 1))
done

# reboot=t: this machine lacks the keyboard controller that reboot=k asks, and after some seconds of
# asking the kernel may start afresh instead of ending.
# nitro-enclave has its own shared memory; -nodefaults leaves out every device we do not name.
# The parent's id goes into PCR4, as on Nitro.
id=${GLOVEBOX_MODULE_ID:-i-0123456789abcdef0-enc0123456789abcdef}
setpriv --pdeathsig KILL "$bed/bin/qemu-system-x86_64" -L "$bed/share" \
    -M "nitro-enclave,vsock=c,id=$id,parent-id=${id%-enc*}" \
    -accel tcg -cpu max -smp "$cpus" -m "$memory" -kernel "$eif" \
    -chardev "socket,id=c,path=$dir/vhost.sock" -display none -nodefaults -no-reboot \
    -serial "file:$dir/console.log" -monitor none -append "reboot=t ${GLOVEBOX_APPEND:-}" \
    >"$dir/qemu.log" 2>&1 &
qemu=$!
echo "$vhost $qemu" >"$dir/pids"
status=0
wait "$qemu" || status=$?
qemu=""
[ "$status" -eq 0 ] || cat "$dir/qemu.log" >&2
exit "$status"
