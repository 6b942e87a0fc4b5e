#!/bin/sh
# Installs what building and testing need and this machine lacks, and says what it installs.
set -eu

missing=""
command -v cc >/dev/null 2>&1 || missing="$missing build-essential"
command -v python3 >/dev/null 2>&1 || missing="$missing python3"
python3 -c 'import ensurepip, venv' >/dev/null 2>&1 || missing="$missing python3-venv"
command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
if [ -n "$missing" ]; then
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "setup: please install:$missing (this is not Debian, so it is not done here)" >&2
        exit 1
    fi
    sudo=""
    [ "$(id -u)" -eq 0 ] || sudo="sudo"
    echo "setup: installing$missing with apt-get" >&2
    $sudo apt-get update -qq
    # shellcheck disable=SC2086
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >&2
fi

python=target/python/bin/python3
pinned='pyarrow==26.0.1 duckdb==2.0.1 onnxruntime==1.32.0 pandas==3.1.1 polars==2.1.0 pytest==9.2.0 nbclient==0.11.0 ipykernel==7.4.0 playwright==1.65.2 cyclonedx-python-lib[json-validation]==11.12.0'
versions='import sys; from importlib.metadata import version; print(*(f"{name}=={version(name.split(chr(91))[0])}" for name in (pin.split("==")[0] for pin in sys.argv[1:])))'
# shellcheck disable=SC2086
found=$("$python" -c "$versions" $pinned 2>/dev/null || true)
if [ "$found" != "$pinned" ]; then
    echo "setup: installing $pinned into target/python, which has ${found:-not all of them} (the tests read sealed files and figures, count, score, ask, look at pages and check bills of materials with them)" >&2
    mkdir -p target
    python3 -m venv target/python
    # shellcheck disable=SC2086
    "$python" -m pip install --quiet --no-compile --disable-pip-version-check $pinned >&2
fi
