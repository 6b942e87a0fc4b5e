#!/bin/sh
# Does what the host may expect of any enclave process, and nothing more: prints PCRs when asked,
# otherwise says a line and lives until its standard input closes.
if [ "$1" = --print-pcrs ]; then
    echo '{"pcrs": {"0": "00", "1": "01", "2": "02"}}'
    exit 0
fi
echo "called with $*"
exec cat >/dev/null
