"""The engine beside DuckDB: the same questions of the same rows, processor seconds and memory of each.

    python enclave/engine/examples/beside_duckdb.py FOLDER 1 3 10

FOLDER must exist; the numbers are millions of exposures, with a fifth as many sales. Needs duckdb, numpy and
pyarrow, and the example, built: cargo build --release --locked -p engine --example rows_per_second. People are skewed:
a few have very many rows. DuckDB reads Parquet in the clear with two threads, each question in a process of its own
from which what an empty one takes is subtracted; the engine reads the values of the same columns from plain files.
"""

import json
import pathlib
import resource
import subprocess
import sys

import numpy
import pyarrow
import pyarrow.parquet

QUESTIONS = {
    "overlap": """WITH e AS (SELECT DISTINCT key FROM {E}), c AS (SELECT DISTINCT key FROM {C})
        SELECT c.key IS NOT NULL AS matched, count(*) FROM e LEFT JOIN c USING (key) GROUP BY 1 ORDER BY 1""",
    "reach": """WITH p AS (SELECT key, channel, least(count(*), 1000) n, least(sum(cost), 50000) s FROM {E} GROUP BY 1, 2)
        SELECT channel, count(*), sum(n), sum(s) FROM p GROUP BY 1 ORDER BY 1""",
    "lift": """WITH a AS (SELECT key, bool_or(arm = 'test') t, bool_or(arm = 'control') k FROM {E} GROUP BY 1),
        o AS (SELECT key, least(greatest(sum(value), 0), 50000) v FROM {C} GROUP BY 1)
        SELECT t, k, o.key IS NOT NULL m, count(*), sum(coalesce(v, 0)), sum(coalesce(v, 0)::HUGEINT * coalesce(v, 0))
        FROM a LEFT JOIN o USING (key) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3""",
    "nothing": "SELECT 1",
}
CHANNELS = numpy.array(["tv", "web", "app", "audio", "print", "mail", "search", "other"])
RUNS = 5


def write(folder, exposures):
    sales = exposures // 5
    random = numpy.random.default_rng([7, exposures])
    seers, buyers = exposures // 5, int(sales / 1.5)
    both = min(int(0.4 * buyers), seers)
    keys = random.integers(0, 256, (seers + buyers - both, 16), dtype=numpy.uint8)

    def skewed(people, rows, shape):
        weights = random.pareto(shape, people) + 1.0
        ends = numpy.cumsum(numpy.minimum(weights, numpy.quantile(weights, 0.9999)))
        return numpy.searchsorted(ends, random.random(rows) * ends[-1])

    who = skewed(seers, exposures, 1.2)
    known = numpy.concatenate([random.permutation(seers)[:both], numpy.arange(seers, len(keys))])
    random.shuffle(known)
    bought = known[skewed(buyers, sales, 2.5)]
    labels = random.integers(1, 256, (1000, 32), dtype=numpy.uint8)
    tables = {
        "exposures": {
            "key": keys[who],
            "channel": random.choice(8, exposures, p=[0.3, 0.2, 0.15, 0.1, 0.1, 0.07, 0.05, 0.03]).astype(numpy.int32),
            "arm": (who * 2654435761 % 1000 >= 500).astype(numpy.int32),
            "day": random.integers(20454, 20484, exposures, dtype=numpy.int32),
            "cost": (random.gamma(2.0, 0.2, exposures) * 100).astype(numpy.int64),
        },
        "sales": {
            "key": keys[bought],
            "store": labels[random.integers(0, 1000, sales)],
            "day": random.integers(20454, 20491, sales, dtype=numpy.int32),
            "value": numpy.minimum(random.lognormal(3.0, 1.0, sales) * 100, 999900).astype(numpy.int64),
        },
    }
    for name, columns in tables.items():
        order = numpy.lexsort(columns["key"].T[::-1])
        clear = {}
        for column, values in columns.items():
            values.tofile(folder / f"mixed.{name}.{column}")
            values[order].tofile(folder / f"sorted.{name}.{column}")
            if values.ndim == 2:
                width, buffer = values.shape[1], pyarrow.py_buffer(values.tobytes())
                clear[column] = pyarrow.FixedSizeBinaryArray.from_buffers(pyarrow.binary(width), len(values), [None, buffer])
            elif column in ("channel", "arm"):
                names = CHANNELS if column == "channel" else numpy.array(["test", "control"])
                clear[column] = pyarrow.array(names[values]).dictionary_encode()
            else:
                clear[column] = pyarrow.array(values)
        pyarrow.parquet.write_table(
            pyarrow.table(clear), folder / f"{name}.parquet", compression="zstd", compression_level=1,
            use_dictionary=["channel", "arm"], row_group_size=1 << 20)


def ask(folder, question):
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET threads = 2")
    sql = QUESTIONS[question].format(E=f"'{folder}/exposures.parquet'", C=f"'{folder}/sales.parquet'")
    connection.execute(sql).fetchall()
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps([used.ru_utime + used.ru_stime, used.ru_maxrss // 1024]))


def duckdb_takes(folder, question):
    runs = [json.loads(subprocess.check_output([sys.executable, __file__, folder, "ask", question])) for _ in range(RUNS)]
    return sorted(runs)[RUNS // 2]


def main():
    folder = pathlib.Path(sys.argv[1])
    if sys.argv[2] == "ask":
        return ask(folder, sys.argv[3])
    example = pathlib.Path(__file__).parents[3] / "target/release/examples/rows_per_second"
    for millions in map(float, sys.argv[2:]):
        write(folder, int(millions * 1_000_000))
        start, _ = duckdb_takes(folder, "nothing")
        print(f"{millions:g} million exposures")
        for question in ["overlap", "reach", "lift"]:
            seconds, memory = duckdb_takes(folder, question)
            print(f"DuckDB, {question}: {seconds - start:.3f} s; {memory} MiB")
        print(subprocess.check_output([example, folder], text=True), flush=True)


main()
