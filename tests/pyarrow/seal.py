"""Seals a table with pyarrow alone, as spec/sealed-v1.md shows it.

usage: seal.py STEM   (reads the rows as JSON on stdin, writes STEM.sealed and STEM.keys)
"""

import base64
import json
import os
import secrets
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe

FOOTER = "glovebox_footer"
ROW_GROUP = 1 << 20
ARROW = {"key": pa.binary(32), "code": pa.int32(), "number": pa.int64()}
PADDING = {"key": bytes(32), "code": 0, "number": 0}


class Keys(pe.KmsClient):
    """No key server: it keeps the data keys that pyarrow makes, by column."""

    def __init__(self, kept):
        super().__init__()
        self.kept = kept

    def wrap_key(self, key_bytes, master_key_identifier):
        self.kept[master_key_identifier] = bytes(key_bytes)
        return "granted"

    def unwrap_key(self, wrapped_key, master_key_identifier):
        return self.kept[master_key_identifier]


def padded(rows):
    floor = max(rows, 1024)
    step = (1 << (floor.bit_length() - 1)) // 4
    return -(-floor // step) * step


def seal(stem, layout, rows):
    """layout: [(column, "key" | "code" | "number")] without glovebox_row; rows: [dict]."""
    layout = [("glovebox_row", "code"), *layout]
    rows = [{"glovebox_row": 1, **row} for row in rows]
    nobody = {name: PADDING[kind] for name, kind in layout}
    rows += [nobody] * (padded(len(rows)) - len(rows))
    secrets.SystemRandom().shuffle(rows)
    schema = pa.schema([pa.field(name, ARROW[kind], nullable=False) for name, kind in layout])
    table = pa.Table.from_pylist(rows, schema=schema)

    keys = {}
    encryption = pe.CryptoFactory(lambda _: Keys(keys)).file_encryption_properties(
        pe.KmsConnectionConfig(),
        pe.EncryptionConfiguration(
            footer_key=FOOTER,
            column_keys={name: [name] for name, _ in layout},
            encryption_algorithm="AES_GCM_V1",
            plaintext_footer=False,
            double_wrapping=False,
            internal_key_material=True,
            data_key_length_bits=256,
        ),
    )
    with pq.ParquetWriter(
        f"{stem}.sealed",
        schema,
        encryption_properties=encryption,
        compression="none",
        use_dictionary=False,
        column_encoding="PLAIN",
        write_statistics=False,
        write_page_index=False,
        store_schema=False,
        data_page_version="1.0",
    ) as writer:
        writer.write_table(table, row_group_size=ROW_GROUP)

    text = {name: base64.b64encode(key).decode() for name, key in keys.items()}
    handle = os.open(f"{stem}.keys", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump({"format": "glovebox-keys-v1", "keys": text}, file)


if __name__ == "__main__":
    given = json.load(sys.stdin)
    for row in given["rows"]:
        for name, kind in given["layout"]:
            if kind == "key":
                row[name] = base64.b64decode(row[name])
    seal(sys.argv[1], given["layout"], given["rows"])
