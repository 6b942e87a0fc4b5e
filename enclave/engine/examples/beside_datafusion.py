"""The plan that DataFusion ran for arms until it left the enclave, on the rows of beside_duckdb.py.

    python enclave/engine/examples/beside_datafusion.py FOLDER

FOLDER holds what beside_duckdb.py wrote last; needs datafusion 55 (the crate's version at 9d7f9dc), numpy and pyarrow. The
plan is that of `enclave/engine/src/arms.rs` at that commit as SQL: each dataset is reduced to its people, each person of
the population is looked up in the other dataset and counted in one cell. Tables are in memory and cut in two, which is how
many threads it has, with match keys of 32 bytes as then. DataFusion's optimiser rewrites the plan as it likes; the engine
ran it as it was written. Processor seconds of all threads, the median of five.
"""

import pathlib
import resource
import sys

import datafusion
import numpy
import pyarrow

NONE = "X'" + "00" * 32 + "'"
WIDEST = 1 << 40
PERSON = f"""CASE WHEN key <> arrow_cast({NONE}, 'FixedSizeBinary(32)') THEN 3 ELSE 0 END AS kind,
    CASE WHEN key <> arrow_cast({NONE}, 'FixedSizeBinary(32)') THEN key ELSE arrow_cast({NONE}, 'FixedSizeBinary(32)') END AS id"""
LIFT = f"""
WITH population AS (
    SELECT kind, id, bool_and(agreed) AS agreed, bool_or(in_test) AS in_test, bool_or(in_control) AS in_control,
        bool_or(in_other) AS in_other
    FROM (SELECT {PERSON}, true AS agreed, arm IN (0) AS in_test, arm IN (1) AS in_control,
            NOT (arm IN (0) OR arm IN (1)) AS in_other FROM exposures WHERE glovebox_row <> 0)
    WHERE kind <> 0 GROUP BY kind, id),
joined AS (
    SELECT kind, id, bool_and(agreed) AS agreed, bool_or(counts) AS found,
        CASE WHEN sum(value) < 0 THEN 0 WHEN sum(value) > 50000 THEN 50000 ELSE sum(value) END AS value
    FROM (SELECT {PERSON}, true AS agreed, true AS counts,
            CASE WHEN value < -{WIDEST} THEN -{WIDEST} WHEN value > {WIDEST} THEN {WIDEST} ELSE value END AS value
          FROM sales WHERE glovebox_row <> 0)
    WHERE kind <> 0 GROUP BY kind, id),
counted AS (
    SELECT CASE WHEN population.agreed IS false OR joined.agreed IS false THEN 6
                WHEN in_test AND in_control THEN 4 WHEN in_other THEN 5
                WHEN in_test THEN CASE WHEN found IS true THEN 0 ELSE 1 END
                ELSE CASE WHEN found IS true THEN 2 ELSE 3 END END AS cell,
        CASE WHEN value IS NULL THEN 0 ELSE value END AS value
    FROM population LEFT JOIN joined ON population.kind = joined.kind AND population.id = joined.id)
SELECT cell, count(1), sum(value), sum(value * value) FROM counted GROUP BY cell ORDER BY cell"""


def table(folder, order, name, columns):
    read = {}
    for column, kind in columns.items():
        values = numpy.fromfile(folder / f"{order}.{name}.{column}", dtype=kind)
        if column == "key":
            keys = numpy.tile(values.reshape(-1, 16), 2).tobytes()
            rows = len(keys) // 32
            values = pyarrow.FixedSizeBinaryArray.from_buffers(pyarrow.binary(32), rows, [None, pyarrow.py_buffer(keys)])
        read[column] = values
    read["glovebox_row"] = numpy.ones(rows, numpy.int32)
    batch = pyarrow.record_batch(read)
    return [[batch.slice(0, rows // 2)], [batch.slice(rows // 2)]]


def seconds():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main():
    folder = pathlib.Path(sys.argv[1])
    for order in ["mixed", "sorted"]:
        config = datafusion.SessionConfig().with_target_partitions(2)
        session = datafusion.SessionContext(config)
        exposures = table(folder, order, "exposures", {"key": numpy.uint8, "arm": numpy.int32})
        session.register_record_batches("exposures", exposures)
        session.register_record_batches("sales", table(folder, order, "sales", {"key": numpy.uint8, "value": numpy.int64}))
        runs = []
        for _ in range(5):
            start = seconds()
            answer = session.sql(LIFT).collect()
            runs.append(seconds() - start)
        cells = [row for batch in answer for row in zip(*batch.to_pydict().values())]
        rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(f"DataFusion {datafusion.__version__}, lift, rows {order}: {sorted(runs)[2]:.3f} s; {rss} MiB; {cells}", flush=True)


main()
