"""What a program of an owner's own needs to write a sealed file (protocol/spec/sealed-v2.md), with pyarrow alone.

The columns of a table are given as arguments, in the contract's order:

    email=email  phone=phone  key=hashed  tier=group:gold|basic  shop=label  spend=measure:2  day=date  agreed=consent

A row's person is the first match key that it has; a row without one is left out. Nothing is cleaned here: a person must have one
key of a kind and a key one person, numbers their country's code, and values the words that the page has. `glovebox seal --adopt`
opens the file as an enclave does, and counts what is in it, before it signs for it.

Nor is anything guessed: a value that is not written as Column.expected says stops a recipe, and the column is named.
"""

import base64
import json
import math
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe

KINDS = {"email": 1, "phone": 2, "hashed": 3}
TAG_DOMAIN = b"glovebox tag v1\0"


class Column:
    """A column of the contract: its name, its role and what the role needs."""

    def __init__(self, argument):
        self.name, role = argument.split("=", 1)
        self.role, _, more = role.partition(":")
        self.domain = more.split("|") if self.role == "group" else []
        self.scale = int(more or 0) if self.role in ("measure", "feature") else 0
        if self.role in KINDS:
            self.arrow, self.zero = pa.binary(16), bytes(16)
        elif self.role == "label":
            self.arrow, self.zero = pa.binary(32), bytes(32)
        elif self.role in ("measure", "feature"):
            self.arrow, self.zero = pa.int64(), 0
        elif self.role in ("group", "date", "consent"):
            self.arrow, self.zero = pa.int32(), 0
        else:
            raise SystemExit(f"{argument}: expected NAME=ROLE, with a role such as email, group:a|b or measure:2")

    @property
    def pattern(self):
        """A regular expression that all of a value's text matches, in the dialects of DuckDB and of Spark."""
        if self.role == "date":
            return "[0-9]{4}-[0-9]{2}-[0-9]{2}"
        if self.role == "consent":
            return f"(?i)({'|'.join(YES + NO)})"
        if self.role == "label":
            return r"[^\p{C}]*"
        decimals = f"[.][0-9]{{1,{self.scale}}}0*" if self.scale else "[.]0+"
        return f"-?[0-9]+({decimals})?"

    @property
    def expected(self):
        """What a value must be, for whoever reads that one is not."""
        return f"column {self.name}: " + {
            "group": f"expected one of {', '.join(self.domain)}, or nothing",
            "label": "expected text of at most 32 bytes in UTF-8, without control or invisible characters, or nothing",
            "date": "expected a day from 1970-01-01 on, written YYYY-MM-DD, or nothing",
            "consent": f"expected one of {', '.join(YES + NO)}, or nothing",
        }.get(self.role, f"expected a number in digits, such as -12{'.' + '5' * self.scale if self.scale else ''}, with at most "
                         f"{self.scale} decimals, no exponent, and never nothing")


YES, NO = ("yes", "y", "true", "t", "1"), ("no", "n", "false", "f", "0")


def columns(arguments):
    found = [Column(argument) for argument in arguments]
    if not any(column.role in KINDS for column in found):
        raise SystemExit("expected a match key, such as email=email")
    return found


def declared(argument, rows):
    """The shape that ROWSxPER_PERSON declares, or PER_PERSON alone: then there is room for as many rows as there are."""
    least, _, per_person = argument.rpartition("x")
    return Shape(max(int(least or 0), rows), int(per_person))


def hmac_pads(salt):
    """The two blocks that HMAC-SHA-256 puts in front of what it hashes."""
    key = salt.ljust(64, b"\0")
    return bytes(byte ^ 0x36 for byte in key), bytes(byte ^ 0x5C for byte in key)


class Shape:
    """The buckets of a table of which so many rows are declared, at most so many of one person."""

    def __init__(self, rows, per_person):
        rows, self.per_person = max(rows, 1024), 1 << (max(per_person, 1) - 1).bit_length()
        step = (1 << (rows.bit_length() - 1)) // 4
        self.rows = -(-rows // step) * step
        self.bits, self.capacity = 0, self.rows
        for bits in range(1, 15):
            mean = -(-self.rows // (1 << bits))
            room = -(-(mean + 6 * math.isqrt(mean * self.per_person) + self.per_person) // 64) * 64
            if mean >= 1 << 17 and room <= mean + mean // 4:
                self.bits, self.capacity = bits, room

    def bucket(self, tag):
        return int.from_bytes(tag[:2], "big") >> (16 - self.bits)


class Writer:
    """Writes buckets, one after the other, each a table of the columns in the order of tags.

    STEM.keys is claimed first, and STEM.sealed is there when all is written: neither is ever written over. What a run leaves
    that did not end well is removed.
    """

    def __init__(self, stem, layout, shape):
        self.stem, self.layout, self.shape, self.keys = stem, layout, shape, {}
        self.partial = f"{stem}.sealed.partial"
        if os.path.lexists(f"{stem}.sealed"):
            raise SystemExit(f"{stem}.sealed is there already: move it away with its keys, or name another STEM")
        try:
            self.file = os.fdopen(os.open(f"{stem}.keys", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w")
        except FileExistsError:
            raise SystemExit(f"{stem}.keys is there already, of a sealed file or of a run that goes on: name another STEM, or "
                             "remove it if it is empty and nothing runs") from None
        self.schema = pa.schema([pa.field(column.name, column.arrow, nullable=False) for column in layout])
        keys = self.keys

        class Keys(pe.KmsClient):
            def wrap_key(self, key_bytes, master_key_identifier):
                keys[master_key_identifier] = base64.b64encode(key_bytes).decode()
                return "granted"

            def unwrap_key(self, wrapped_key, master_key_identifier):
                raise NotImplementedError

        encryption = pe.CryptoFactory(lambda _: Keys()).file_encryption_properties(
            pe.KmsConnectionConfig(),
            pe.EncryptionConfiguration(
                footer_key="glovebox_footer", column_keys={column.name: [column.name] for column in layout},
                double_wrapping=False, data_key_length_bits=256))
        self.writer = pq.ParquetWriter(
            self.partial, self.schema, encryption_properties=encryption, compression="none", use_dictionary=False,
            column_encoding="PLAIN", write_statistics=False, write_page_index=False, store_schema=False,
            data_page_version="1.0")

    def write(self, bucket):
        room = self.shape.capacity - len(bucket)
        if room < 0:
            raise SystemExit(f"a bucket has {-room} rows too many: declare more rows")
        padding = pa.table([pa.repeat(pa.scalar(column.zero, column.arrow), room) for column in self.layout], self.schema)
        whole = pa.concat_tables([bucket.cast(self.schema), padding]).combine_chunks()
        self.writer.write_table(whole, row_group_size=self.shape.capacity)

    def close(self):
        self.writer.close()
        with self.file as file:
            json.dump({"format": "glovebox-keys-v1", "keys": self.keys}, file)
        os.rename(self.partial, f"{self.stem}.sealed")
        print(f"wrote {self.stem}.sealed and {self.stem}.keys; sign for it with\n"
              f"  glovebox seal {self.stem}.sealed --adopt {self.stem}.keys --rows {self.shape.rows} "
              f"--rows-per-person {self.shape.per_person} --contract .. --dataset ..")

    def __enter__(self):
        return self

    def __exit__(self, error, *_):
        if error is None:
            return self.close()
        self.file.close()
        for path in (self.partial, f"{self.stem}.keys"):
            if os.path.lexists(path):
                os.remove(path)
