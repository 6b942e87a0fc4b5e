"""Sealing beside pyarrow: CSV to a sealed file, and the same CSV to an encrypted Parquet file of the same columns.

    python partner/sealing/examples/beside_pyarrow.py FOLDER 1 10

FOLDER must exist; the numbers are millions of rows. Needs numpy, pyarrow and the example, built:
cargo build --release --locked -p sealing --example rows_per_second. pyarrow neither checks nor normalises nor hashes nor sorts:
it reads the CSV with two threads and writes plain, encrypted columns. Both are run in turn, each in a process of its own;
printed are the medians of processor seconds and the most memory there was.
"""

import pathlib
import re
import resource
import statistics
import subprocess
import sys

RUNS = 3


def write(file, rows):
    import numpy
    import pyarrow
    import pyarrow.compute as compute
    import pyarrow.csv

    random = numpy.random.default_rng([11, rows])
    people = max(rows // 5, 1)
    ends = numpy.cumsum(numpy.minimum(random.pareto(1.2, people) + 1.0, 500))
    domains = pyarrow.array(["gmail.com", "example.com", "yahoo.com", "web.de", "orange.fr", "outlook.com"])
    writer = None
    for start in range(0, rows, 1 << 20):
        count = min(1 << 20, rows - start)
        who = numpy.searchsorted(ends, random.random(count) * ends[-1])
        name = pyarrow.array(who).cast(pyarrow.string())
        email = compute.binary_join_element_wise("Customer.", name, "@", domains.take(pyarrow.array(who % 6)), "")
        phone = compute.binary_join_element_wise("+4917", pyarrow.array(who + 100_000_000).cast(pyarrow.string()), "")
        amount = pyarrow.array(numpy.round(random.lognormal(3, 1, count), 2)).cast(pyarrow.decimal128(12, 2))
        day = pyarrow.array(random.integers(20454, 20820, count).astype(numpy.int32)).cast(pyarrow.date32())
        table = pyarrow.table({
            "email": email,
            "phone": compute.if_else(pyarrow.array(who % 3 == 0), "", phone),
            "tier": pyarrow.array(["gold", "basic"]).take(pyarrow.array(random.integers(0, 2, count))),
            "spend": amount.cast(pyarrow.string()),
            "recency": pyarrow.array(random.integers(0, 365, count)),
            "day": day.cast(pyarrow.string()),
            "agreed": pyarrow.array(["yes", "no"]).take(pyarrow.array((random.random(count) < 0.1).astype(int))),
        })
        if writer is None:
            options = pyarrow.csv.WriteOptions(quoting_style="none")
            writer = pyarrow.csv.CSVWriter(file, table.schema, write_options=options)
        writer.write_table(table)
    writer.close()


def with_pyarrow(table, output):
    import pyarrow
    import pyarrow.csv
    import pyarrow.parquet
    import pyarrow.parquet.encryption as encryption

    class Keys(encryption.KmsClient):
        def wrap_key(self, key_bytes, master_key_identifier):
            return "granted"

        def unwrap_key(self, wrapped_key, master_key_identifier):
            raise NotImplementedError

    pyarrow.set_cpu_count(2)
    text = pyarrow.string()
    types = {"email": text, "phone": text, "tier": text, "spend": pyarrow.float64(), "recency": pyarrow.int64(),
             "day": pyarrow.date32(), "agreed": text}
    properties = encryption.CryptoFactory(lambda _: Keys()).file_encryption_properties(
        encryption.KmsConnectionConfig(),
        encryption.EncryptionConfiguration(
            footer_key="footer", column_keys={name: [name] for name in types}, double_wrapping=False,
            data_key_length_bits=256))
    reader = pyarrow.csv.open_csv(
        table, convert_options=pyarrow.csv.ConvertOptions(column_types=types),
        read_options=pyarrow.csv.ReadOptions(block_size=8 << 20))
    with pyarrow.parquet.ParquetWriter(
            output, reader.schema, encryption_properties=properties, compression="none", use_dictionary=False,
            column_encoding="PLAIN", write_statistics=False, store_schema=False) as writer:
        for batch in reader:
            writer.write_batch(batch, row_group_size=1 << 17)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(f"{used.ru_utime + used.ru_stime:.2f} s of CPU, {used.ru_maxrss} kB")


def run(command, *outputs):
    """Processor seconds and mebibytes of a program that says both; what it wrote is removed."""
    said = subprocess.check_output(command, text=True)
    for output in outputs:
        output.unlink()
    return float(re.search(r"([0-9.]+) s of CPU", said)[1]), int(re.search(r"(\d+) kB", said)[1]) // 1024


def main():
    folder = pathlib.Path(sys.argv[1])
    if sys.argv[2] == "pyarrow":
        return with_pyarrow(*sys.argv[3:])
    example = pathlib.Path(__file__).parents[3] / "target/release/examples/rows_per_second"
    for millions in map(float, sys.argv[2:]):
        table, stem, other = folder / "table.csv", folder / "sealed", folder / "other.parquet"
        write(table, int(millions * 1_000_000))
        sealing, clear = [], []
        for _ in range(RUNS):
            sealing.append(run([example, table, stem], *(folder / f"sealed.{end}" for end in ("sealed", "manifest", "keys"))))
            clear.append(run([sys.executable, __file__, folder, "pyarrow", table, other], other))
        table.unlink()
        ours, theirs = (statistics.median(took for took, _ in runs) for runs in (sealing, clear))
        print(f"{millions:g} million rows: sealing {ours:.2f} s, {max(m for _, m in sealing)} MiB; "
              f"pyarrow {theirs:.2f} s, {max(m for _, m in clear)} MiB; {ours / theirs:.2f}x", flush=True)


main()
