#!/usr/bin/env python3
"""Collects the vectors of this directory from a folder of gathered documents.

    collect.py FOLDER

Keeps what has a permissive licence or is our own making, makes `qemu-unsigned.bin` and
`cabundle-root-twice.bin`, and writes manifest.json. The exact errors are those of errors.json,
which a person reviews.
"""

import hashlib
import json
import pathlib
import shutil
import struct
import sys

HERE = pathlib.Path(__file__).parent
PERMISSIVE = ("Apache-2.0", "MIT")


def head(major, argument):
    if argument < 24:
        return bytes([major << 5 | argument])
    for low, form in ((24, ">B"), (25, ">H"), (26, ">I"), (27, ">Q")):
        if argument < 1 << 8 * struct.calcsize(form):
            return bytes([major << 5 | low]) + struct.pack(form, argument)


def bstr(value):
    return head(2, len(value)) + value


def tstr(value):
    return head(3, len(value)) + value.encode()


def qemu_unsigned():
    """What QEMU 10's virtio-nsm answers: {1: -1}, zero signature, zero certificates."""
    pcrs = b"".join(head(0, index) + bstr(bytes([0x11 * (index < 3)] * 48)) for index in range(16))
    payload = head(5, 9) + b"".join((
        tstr("module_id"), tstr("i-1234-enc5678"),
        tstr("digest"), tstr("SHA384"),
        tstr("timestamp"), head(0, 1780315200000),
        tstr("pcrs"), head(5, 16), pcrs,
        tstr("certificate"), bstr(bytes(64)),
        tstr("cabundle"), head(4, 1), bstr(bytes(64)),
        tstr("public_key"), b"\xf6",
        tstr("user_data"), b"\xf6",
        tstr("nonce"), b"\xf6",
    ))
    return head(4, 4) + bstr(bytes.fromhex("a10120")) + head(5, 0) + bstr(payload) + bstr(bytes(64))


def root_twice(document, root):
    """The root at cabundle[0] and [1]. The payload is then no longer what was signed."""
    prefix, payload = document[:7], document[10:-98]
    entry = bstr(root)
    assert document[7:10] == bytes([0x59]) + struct.pack(">H", len(payload))
    assert payload.count(head(4, 4) + entry) == 1
    payload = payload.replace(head(4, 4) + entry, head(4, 5) + entry + entry)
    return prefix + bstr(payload) + document[-98:]


def permissive(entry):
    for source in entry["provenance"]:
        if source["licence"].startswith(PERMISSIVE):
            return {key: source[key] for key in ("repo", "commit", "path", "licence")}
    return None


def main(gathered):
    listed = json.loads((gathered / "manifest.json").read_text())
    errors = json.loads((HERE / "errors.json").read_text())
    entries, licences = [], {}

    def add(name, data, accept, **more):
        folder = "accept" if accept else "reject"
        (HERE / folder).mkdir(exist_ok=True)
        (HERE / folder / name).write_bytes(data)
        entry = {"file": f"{folder}/{name}", "sha256": hashlib.sha256(data).hexdigest(), **more}
        if not accept:
            entry["error"] = errors.get(name, "?")
        entries.append(entry)

    for entry in listed["real"] + listed["negative_peer"]:
        source = permissive(entry)
        if source is None:
            continue
        path = gathered / entry["file"]
        licences[entry["file"]] = source
        zero = "00" * 48
        accept = entry["file"].startswith("real/")
        add(path.name, path.read_bytes(), accept, root="aws", source=source,
            pcrs={index: entry["pcrs_nonzero"].get(index, zero) for index in "01234"},
            debug=entry["debug_mode_pcr0_zero"], timestamp_ms=entry["timestamp_ms"],
            module_id=entry["module_id"], public_key=entry["public_key"] != "null",
            why="" if accept else "; ".join(entry["problems"] + entry["reject_reasons"]))
    for entry in listed["negative_derived"]:
        if entry["source"] not in licences:
            continue
        path = gathered / entry["file"]
        accept = entry["expected"].startswith("ACCEPT (ES384")
        add(path.name, path.read_bytes(), accept, root="aws", why=entry["why"],
            source={"derived_from": entry["source"], **licences[entry["source"]]})
    for entry in listed["negative_synthetic"]:
        path = gathered / entry["file"]
        accept = entry["expected"].startswith("ACCEPT")
        add(path.name, path.read_bytes(), accept, why=entry["why"],
            root="test" if entry["trust_root"] == "test_root" else "aws",
            source={"made_by": "throw-away PKI of this project", "licence": "Apache-2.0"})
    add("qemu-unsigned.bin", qemu_unsigned(), False, root="test",
        why="QEMU's virtio-nsm: algorithm -1, zero signature, zero certificates",
        source={"made_by": "collect.py", "licence": "Apache-2.0"})
    shutil.copyfile(gathered / "negative/synthetic/test_root.der", HERE / "test-root.der")
    whole = (HERE / "accept/ok-definite.bin").read_bytes()
    add("cabundle-root-twice.bin", root_twice(whole, (HERE / "test-root.der").read_bytes()), False,
        root="test", why="the root twice, as if it had issued itself",
        source={"derived_from": "ok-definite.bin", "made_by": "collect.py", "licence": "Apache-2.0"})
    text = json.dumps({"format": "attestation-v1", "vectors": entries}, indent=1)
    (HERE / "manifest.json").write_text(text + "\n")


main(pathlib.Path(sys.argv[1]))
