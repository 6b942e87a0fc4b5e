"""Reads the exported figures of one result with every reader that is there, and prints what each reads of them.

usage: figures.py STEM   (reads STEM.csv, STEM.parquet and STEM.json; pandas and polars are used if they are installed)
"""

import importlib.util
import json
import sys

import duckdb
import pyarrow.csv as csv
import pyarrow.parquet as parquet

stem = sys.argv[1]


def plain(rows):
    """Metric, group, value, ends, error and receipt of each figure, sorted: what must be the same whoever reads it."""
    picked = []
    for row in rows:
        group = row["group"]
        group = json.loads(group) if isinstance(group, str) else {k: v for k, v in group.items() if v is not None}
        numbers = [row[name] for name in ("value", "low", "high", "standard_error", "epsilon")]
        numbers = [None if x is None or x != x else float(x) for x in numbers]
        picked.append([row["metric"], sorted(group.items()), *numbers, bool(row["withheld"]), row["receipt"]])
    return sorted(picked, key=json.dumps)


read = {
    "pyarrow parquet": parquet.read_table(f"{stem}.parquet").to_pylist(),
    "pyarrow csv": csv.read_csv(f"{stem}.csv", convert_options=csv.ConvertOptions(strings_can_be_null=True)).to_pylist(),
    "json": json.load(open(f"{stem}.json")),
}
for name, table in (
    ("duckdb parquet", f"'{stem}.parquet'"),
    ("duckdb csv", f"read_csv('{stem}.csv')"),
    ("duckdb json", f"read_json('{stem}.json')"),
):
    rows = duckdb.sql(f"select * from {table}")
    read[name] = [dict(zip(rows.columns, row)) for row in rows.fetchall()]
if importlib.util.find_spec("pandas"):
    import pandas

    read["pandas csv"] = pandas.read_csv(f"{stem}.csv").to_dict("records")
    read["pandas json"] = pandas.read_json(f"{stem}.json", precise_float=True).to_dict("records")
    read["pandas parquet"] = pandas.read_parquet(f"{stem}.parquet").to_dict("records")
if importlib.util.find_spec("polars"):
    import polars

    read["polars csv"] = polars.read_csv(f"{stem}.csv", infer_schema_length=None).to_dicts()
    read["polars json"] = polars.read_json(f"{stem}.json", infer_schema_length=None).to_dicts()
    read["polars parquet"] = polars.read_parquet(f"{stem}.parquet").to_dicts()

types = duckdb.sql(f"select column_name, column_type from (describe select * from '{stem}.parquet')").fetchall()
types = dict(types)
assert types["answered"] == "TIMESTAMP WITH TIME ZONE" and types["value"] == "DOUBLE" and types["withheld"] == "BOOLEAN", types


def rounded(rows):
    """pandas reads JSON to some fifteen digits, even if it is told to be precise."""
    return [[f"{x:.12g}" if isinstance(x, float) else x for x in row] for row in rows]


first = plain(read["json"])
for name, rows in read.items():
    for found, expected in zip(rounded(plain(rows)), rounded(first), strict=True):
        assert found == expected, f"{name} reads {found}, and json {expected}"
print(json.dumps(first))
print("read by", ", ".join(read), file=sys.stderr)
