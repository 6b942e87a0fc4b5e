"""Seals a table where DuckDB can read it: DuckDB sorts, outside of memory if it must, and pyarrow writes.

    python with_duckdb.py TABLE SALT STEM DECLARED email=email tier=group:gold|basic spend=measure:2 ..

TABLE is what DuckDB reads (`sales.csv`, `sales/*.parquet`, a URL), SALT the file in the party's folder, DECLARED the most rows of
one person, such as 64, or with room for more rows than there are 20000000x64. See sealed_v2.py for the columns. Needs duckdb (1.4 or
newer, and its extension httpfs where memory is short) and pyarrow. Memory is bounded by DuckDB's own limit and one bucket.
"""

import contextlib
import sys

import duckdb
import pyarrow as pa

from sealed_v2 import KINDS, TAG_DOMAIN, YES, Writer, columns, declared, hmac_pads


def blob(value):
    return "'" + "".join(f"\\x{byte:02x}" for byte in value) + "'::BLOB"


def text(value):
    return "'" + value.replace("'", "''") + "'"


def tag(column, salt):
    """SQL for the tag of an identifier; NULL where there is none."""
    name = f'"{column.name}"'
    if column.role == "hashed":
        key = f"CASE WHEN length({name}) = 64 THEN unhex({name}) ELSE from_base64({name}) END"
    else:
        plain = f"trim({name})"
        if column.role == "email":
            user, domain = f"split_part(lower({plain}), '@', 1)", f"split_part(lower({plain}), '@', 2)"
            plain = (f"CASE WHEN {domain} = 'gmail.com' THEN replace(split_part({user}, '+', 1), '.', '') || '@gmail.com' "
                     f"ELSE lower({plain}) END")
        key = f"unhex(sha256({plain}))"
    inner, outer = hmac_pads(salt)
    message = blob(inner + TAG_DOMAIN + bytes([KINDS[column.role]]))
    made = f"unhex(sha256({blob(outer)} || unhex(sha256({message} || {key}))))[1:16]"
    return f"CASE WHEN {name} IS NULL OR {name} = '' THEN NULL ELSE {made} END"


def value(column, salt):
    """SQL for what a sealed file has of a column."""
    name = f'"{column.name}"'
    if column.role in KINDS:
        return f"coalesce({tag(column, salt)}, {blob(bytes(16))})"
    # Checked as text, so that nothing is rounded, cut or sniffed on the way.
    plain, refuse = f"nullif({name}::VARCHAR, '')", f"error({text(column.expected)})"
    fits, missing = f"regexp_full_match({plain}, {text(column.pattern)})", "-1"
    if column.role == "group":
        fits = f"{plain} IN ({', '.join(text(one) for one in column.domain)})"
        made = f"list_position([{', '.join(text(one) for one in column.domain)}], {plain}) - 1"
    elif column.role == "label":
        fits += f" AND octet_length(encode({plain})) <= 32"
        made, missing = f"(encode({plain}) || {blob(bytes(32))})[1:32]", blob(bytes(32))
    elif column.role == "date":
        day = f"try_strptime({plain}, '%Y-%m-%d')::DATE"
        fits += f" AND {day} >= DATE '1970-01-01'"
        made = f"{day} - DATE '1970-01-01'"
    elif column.role == "consent":
        made = f"CASE WHEN lower({plain}) IN ({', '.join(text(word) for word in YES)}) THEN 1 ELSE 0 END"
    else:
        made, missing = f"({plain}::DECIMAL(38, {column.scale}) * {10 ** column.scale})::BIGINT", refuse
    return f"CASE WHEN {plain} IS NULL THEN {missing} WHEN {fits} THEN {made} ELSE {refuse} END"


def main():
    source, salt, stem, sizes, *rest = sys.argv[1:]
    layout = columns(rest)
    with open(salt, "rb") as file:
        salt = file.read()
    connection = duckdb.connect()
    # What memory has no room for goes into DuckDB's temp_directory encrypted, or not at all: httpfs has the cipher.
    connection.execute("SET temp_file_encryption = true")
    with contextlib.suppress(duckdb.Error):
        connection.execute("LOAD httpfs")
    tags = ", ".join(tag(column, salt) for column in layout if column.role in KINDS)
    selected = ", ".join(f'{value(column, salt)} AS "{column.name}"' for column in layout)
    # All columns of a CSV file stay text, whatever they look like.
    is_csv = source.endswith((".csv", ".csv.gz"))
    reader = f"read_csv({text(source)}, header = true, all_varchar = true)" if is_csv else text(source)
    connection.execute(f"CREATE TEMP TABLE tagged AS SELECT coalesce({tags}) AS {PERSON}, {selected} FROM {reader}")
    people = f"SELECT count(*) n FROM tagged WHERE {PERSON} IS NOT NULL GROUP BY {PERSON}"
    [(count, most)] = connection.execute(f"SELECT sum(n), max(n) FROM ({people})").fetchall()
    shape = declared(sizes, count)
    if most > shape.per_person:
        raise SystemExit(f"one person has {most} rows, and {shape.per_person} are declared")
    rows = connection.sql(f"SELECT * FROM tagged WHERE {PERSON} IS NOT NULL ORDER BY {PERSON}")
    with Writer(stem, layout, shape) as writer:
        number, pending = 0, []
        for batch in rows.to_arrow_reader(1 << 16):
            table = pa.Table.from_batches([batch])
            while len(table):
                # The rows in front that are in the bucket that is being filled.
                people = table.column(0)
                low, high = 0, len(table)
                while low < high:
                    middle = (low + high) // 2
                    if shape.bucket(people[middle].as_py()) > number:
                        high = middle
                    else:
                        low = middle + 1
                pending.append(table.slice(0, low).drop_columns([PERSON.strip('"')]).cast(writer.schema))
                table = table.slice(low)
                if len(table):
                    writer.write(pa.concat_tables(pending))
                    number, pending = number + 1, []
        while number < 1 << shape.bits:
            writer.write(pa.concat_tables(pending or [writer.schema.empty_table()]))
            number, pending = number + 1, []


PERSON = '"the person"'

main()
