"""Reads a sealed file back with the owner's keys.

usage: read.py STEM   (reads STEM.sealed and STEM.keys, prints the real rows as JSON)
"""

import base64
import json
import sys

import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe


class Keys(pe.KmsClient):
    """The key metadata of each column names it; the keys are the owner's."""

    def __init__(self, keys):
        super().__init__()
        self.keys = keys

    def wrap_key(self, key_bytes, master_key_identifier):
        raise NotImplementedError

    def unwrap_key(self, wrapped_key, master_key_identifier):
        return self.keys[master_key_identifier]


def read(stem):
    with open(f"{stem}.keys") as file:
        text = json.load(file)["keys"]
    keys = {name: base64.b64decode(key) for name, key in text.items()}
    decryption = pe.CryptoFactory(lambda _: Keys(keys)).file_decryption_properties(
        pe.KmsConnectionConfig(), pe.DecryptionConfiguration()
    )
    file = pq.ParquetFile(f"{stem}.sealed", decryption_properties=decryption, pre_buffer=False)
    # One thread: pyarrow's pools now and then abort the interpreter while it exits.
    return file.read(use_threads=False)


def plain(value):
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


if __name__ == "__main__":
    rows = read(sys.argv[1]).to_pylist()
    # Padding has no tag; a tag is the only thing of 16 bytes.
    none = bytes(16)
    real = [
        row
        for row in rows
        if any(isinstance(value, bytes) and len(value) == 16 and value != none for value in row.values())
    ]
    shown = [{name: plain(value) for name, value in row.items()} for row in real]
    json.dump({"padded": len(rows), "rows": shown}, sys.stdout)
