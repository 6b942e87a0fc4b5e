#!/bin/sh
# Seals the demo's table with Spark on two cores of this machine and signs for the file, which opens it with the enclave's reader.
# Installs pyspark under target/; needs Java.
set -eu
root=$(pwd)
bin=$root/target/debug
python=$root/target/spark/bin/python3
command -v java > /dev/null || { echo "spark: please install Java 17 or newer" >&2; exit 1; }
if ! "$python" -c 'import pyspark, pyarrow' 2> /dev/null; then
    echo "spark: installing pyspark into target/spark" >&2
    python3 -m venv target/spark
    "$python" -m pip install --quiet --disable-pip-version-check 'pyspark==4.3.0' 'pyarrow==26.0.1' pandas >&2
fi
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cd "$room"
for party in publisher retailer; do "$bin/glovebox" init --name $party --dir $party > /dev/null 2>&1; done
"$bin/glovebox-host" pcrs --simulated > build.json
"$bin/glovebox" contract new --name spark --party publisher/party.toml --party retailer/party.toml --pcrs build.json -o contract.toml > /dev/null
for party in publisher retailer; do "$bin/glovebox" contract sign contract.toml --dir $party > /dev/null; done
export PYSPARK_PYTHON="$python" PYSPARK_DRIVER_PYTHON="$python" SPARK_LOCAL_IP=127.0.0.1
PYTHONPATH=$root/partner/recipes "$(dirname "$python")/spark-submit" --master 'local[2]' \
    --py-files "$root/partner/recipes/sealed_v2.py" "$root/partner/recipes/with_spark.py" \
    "$root/tests/data/hillstrom/retailer.csv" "$(ls retailer/salts/*.salt)" sales 300000x64 \
    email=email visit=measure:0 conversion=measure:0 spend=measure:2
"$bin/glovebox" seal sales.sealed --adopt sales.keys --contract contract.toml --dataset sales --dir retailer \
    --rows 300000 --rows-per-person 64
