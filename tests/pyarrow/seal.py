"""Seals a table with pyarrow alone, as spec/sealed-v2.md shows it.

usage: seal.py STEM   (reads the rows as JSON on stdin, writes STEM.sealed and STEM.keys)
"""

import base64
import hashlib
import hmac
import json
import math
import os
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe

FOOTER = "glovebox_footer"
KINDS = {"email": 1, "phone": 2, "hashed": 3}
ARROW = {"tag": pa.binary(16), "label": pa.binary(32), "code": pa.int32(), "number": pa.int64()}
PADDING = {"tag": bytes(16), "label": bytes(32), "code": 0, "number": 0}


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


def shape(rows, per_person=64):
    """The number of bits and the rows of each bucket, for declared numbers."""
    for bits in range(14, 0, -1):
        mean = -(-rows // (1 << bits))
        room = mean + 6 * math.isqrt(mean * per_person) + per_person
        capacity = -(-room // 64) * 64
        if mean >= 1 << 17 and capacity <= mean + mean // 4:
            return bits, capacity
    return 0, rows


def tag(salt, kind, key):
    """key: SHA-256 of the normalised identifier."""
    message = b"glovebox tag v1\0" + bytes([KINDS[kind]]) + key
    return hmac.new(salt, message, hashlib.sha256).digest()[:16]


def person(row, tags):
    """The first tag that a row has, in the contract's order of columns."""
    return next((row[name] for name in tags if row[name] != bytes(16)), bytes(16))


def buckets(rows, layout, declared):
    """The rows of each bucket, in the order of tags, padded."""
    tags = [name for name, kind in layout if kind == "tag"]
    bits, capacity = shape(declared)
    nobody = {name: PADDING[kind] for name, kind in layout}
    found = [[] for _ in range(1 << bits)]
    for row in sorted(rows, key=lambda row: person(row, tags)):
        owner = person(row, tags)
        if owner != bytes(16):
            found[int.from_bytes(owner[:2], "big") >> (16 - bits)].append(row)
    assert all(len(bucket) <= capacity for bucket in found), "declare more rows"
    return [bucket + [nobody] * (capacity - len(bucket)) for bucket in found]


def seal(stem, layout, rows):
    """layout: [(column, "tag" | "label" | "code" | "number")]; rows: [dict]."""
    schema = pa.schema([pa.field(name, ARROW[kind], nullable=False) for name, kind in layout])
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
        for bucket in buckets(rows, layout, padded(len(rows))):
            table = pa.Table.from_pylist(bucket, schema=schema)
            writer.write_table(table, row_group_size=len(bucket))

    text = {name: base64.b64encode(key).decode() for name, key in keys.items()}
    handle = os.open(f"{stem}.keys", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump({"format": "glovebox-keys-v1", "keys": text}, file)


def match_key(text):
    """Of an identifier that is normal already."""
    return hashlib.sha256(text.encode()).digest()


if __name__ == "__main__":
    given = json.load(sys.stdin)
    salt = base64.b64decode(given["salt"])
    layout = []
    for name, kind in given["layout"]:
        layout.append((name, "tag" if kind in KINDS else kind))
        if kind not in KINDS:
            continue
        for row in given["rows"]:
            text = row[name]
            row[name] = tag(salt, kind, match_key(text)) if text else bytes(16)
    seal(sys.argv[1], layout, given["rows"])
