"""A sealed room beside DuckDB in the clear: the same questions of the same rows, and the same answers.

    python partner/try/examples/room/beside_duckdb.py FOLDER 1 10 30x5 5x5x5

FOLDER must exist; the numbers are millions of exposures, of sales (a fifth as many where left out) and of a third party's members
(as many as sales). People are skewed: a few have very many rows. Needs duckdb, numpy, pyarrow and the example, built:
cargo build --release --locked -p rehearsal --example room.

The room is one process, as `glovebox try` makes it: tables are sealed once onto the disk; then each run opens a new instance, grants it
the sealed files (they are fetched, verified, decrypted and put into order) and asks every question once, and again at other
prices, since the same question would be answered from memory. Host and client are in the same process and counted. DuckDB reads
Parquet in the clear with two threads, each question in a process of its own, between the room's; importing it is not counted.
Noise is off, and every figure is compared with DuckDB's.
"""

import json
import pathlib
import re
import resource
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
ROOM = HERE.parents[3] / "target/release/examples/room"
CHANNELS = ["tv", "web", "app", "audio", "print", "mail", "search", "other"]
ARMS = ["test", "control", "several", "other"]
RUNS, LATER = 5, 3
DATASETS = ["exposures", "sales", "members"]
# What each question reads, and how it is asked.
QUESTIONS = {
    "overlap": (["exposures", "sales"], '[job]\nanalysis = "overlap"\n[table]\ngroup_by = ["matched"]\n[table.privacy]\n'),
    "channels": (["exposures"], """[job]
analysis = "channels"
[table]
group_by = ["exposures.channel"]
cells_per_person = 8
[[table.measure]]
name = "impressions"
column = "exposures"
statistic = "rows"
cap_per_user = 1000
[[table.measure]]
name = "cost"
column = "exposures.cost"
statistic = "sum"
cap_per_user = 500.0
[table.privacy]
"""),
    "lift": (["exposures", "sales"], """[lift.assignment]
test = ["test"]
control = ["control"]
[[lift.outcome]]
name = "value"
type = "value"
cap_per_user = 500.0
[lift.privacy]
"""),
    "attribution": (["exposures", "sales"], """[attribution]
model = "last"
window_days = 7
[[attribution.outcome]]
name = "value"
column = "value"
cap_per_user = 500
[attribution.privacy]
"""),
    "parties": (DATASETS, """[overlap]
by = "hashed"
datasets = ["exposures", "sales", "members"]
[overlap.privacy]
"""),
    "union": (DATASETS, """[reach]
by = "hashed"
datasets = ["exposures", "sales", "members"]
per = "frequency"
most_frequency = 5
[reach.privacy]
"""),
}
# Places of a cell in DuckDB's words; the last dimension of people without outcomes is not among DuckDB's rows.
PLACES = {
    "overlap": lambda places: places,
    "channels": lambda places: [CHANNELS[places[0]]],
    "lift": lambda places: [ARMS[places[0]], places[1]],
    "attribution": lambda places: [{9: "none", 10: None}.get(places[0]) if places[0] > 7 else CHANNELS[places[0]]],
    "parties": lambda places: [places[0] + 1],
    "union": lambda places: [places[0] + 1],
}


def write(folder, counts):
    """Three tables, each once as an owner would seal it and once as DuckDB reads it; the most rows of one person in each."""
    import numpy
    import pyarrow
    import pyarrow.parquet

    exposures, sales, members = (counts[name] for name in DATASETS)
    random = numpy.random.default_rng([7, exposures, sales, members])
    seers, buyers = max(exposures // 5, 1), max(int(sales / 1.5), 1)
    both = min(int(0.4 * buyers), seers)
    keys = random.integers(0, 256, (seers + buyers - both + members, 32), dtype=numpy.uint8)
    digits = numpy.frombuffer(b"".join(b"%02x" % byte for byte in range(256)), dtype=numpy.uint8).reshape(256, 2)

    def skewed(people, rows, shape):
        weights = random.pareto(shape, people) + 1.0
        ends = numpy.cumsum(numpy.minimum(weights, numpy.quantile(weights, 0.9999)))
        return numpy.searchsorted(ends, random.random(rows) * ends[-1])

    def cents(values):
        """Amounts with two decimals, of numbers of cents."""
        wide = numpy.zeros((len(values), 2), dtype=numpy.int64)
        wide[:, 0] = values
        return pyarrow.Decimal128Array.from_buffers(pyarrow.decimal128(12, 2), len(values), [None, pyarrow.py_buffer(wide)])

    def days(values):
        return pyarrow.array(values.astype(numpy.int32)).cast(pyarrow.date32())

    who = skewed(seers, exposures, 1.2)
    known = numpy.concatenate([random.permutation(seers)[:both], numpy.arange(seers, seers + buyers - both)])
    random.shuffle(known)
    bought = known[skewed(buyers, sales, 2.5)]
    joined = random.permutation(seers + buyers - both + members // 2)[:members]
    channel = random.choice(8, exposures, p=[0.3, 0.2, 0.15, 0.1, 0.1, 0.07, 0.05, 0.03]).astype(numpy.int8)
    arm = (who * 2654435761 % 1000 >= 500).astype(numpy.int8)
    seen, on = random.integers(20454, 20484, exposures), random.integers(20454, 20491, sales)
    cost = (random.gamma(2.0, 0.2, exposures) * 100).astype(numpy.int64)
    value = numpy.minimum(random.lognormal(3.0, 1.0, sales) * 100, 999900).astype(numpy.int64)

    def words(codes, names):
        return pyarrow.DictionaryArray.from_arrays(pyarrow.array(codes), names)

    amounts = {
        "exposures": lambda part: {"channel": words(channel[part], CHANNELS), "arm": words(arm[part], ARMS[:2]),
                                   "day": days(seen[part]), "cost": cost[part]},
        "sales": lambda part: {"day": days(on[part]), "value": value[part]},
        "members": lambda part: {},
    }
    most = {}
    for name, people in zip(DATASETS, [who, bought, joined]):
        most[name] = int(numpy.bincount(people).max())
        writers = {}
        for start in range(0, len(people), 1 << 20):
            part = slice(start, start + (1 << 20))
            own = keys[people[part]]
            columns = amounts[name](part)
            text = pyarrow.py_buffer(digits[own].reshape(len(own), 64))
            ends = pyarrow.py_buffer((numpy.arange(len(own) + 1) * 64).astype(numpy.int32))
            binary = pyarrow.FixedSizeBinaryArray.from_buffers(pyarrow.binary(32), len(own), [None, pyarrow.py_buffer(own)])
            owners = {"key": pyarrow.StringArray.from_buffers(len(own), ends, text)}
            clear = {"key": binary}
            for column, values in columns.items():
                is_amount = isinstance(values, numpy.ndarray)
                owners[column] = cents(values) if is_amount else values
                clear[column] = pyarrow.array(values) if is_amount else values
            for kind, made in (("owner", owners), ("clear", clear)):
                table = pyarrow.table(made)
                if kind not in writers:
                    writers[kind] = pyarrow.parquet.ParquetWriter(
                        folder / f"{kind}.{name}.parquet", table.schema, compression="zstd", compression_level=1,
                        use_dictionary=["channel", "arm"])
                writers[kind].write_table(table, row_group_size=1 << 20)
        for writer in writers.values():
            writer.close()
    return most


def ask(folder, question):
    """One question to DuckDB: processor seconds, peak of memory and rows."""
    import duckdb

    text = (HERE / "questions.sql").read_text()
    sql = re.search(rf"^-- {question}: [^\n]*\n(?:--[^\n]*\n)*([^;]*;)", text, re.M)[1]
    sql = sql.replace("{channels}", str(CHANNELS))

    def used():
        found = resource.getrusage(resource.RUSAGE_SELF)
        return found.ru_utime + found.ru_stime

    before = used()
    connection = duckdb.connect()
    connection.execute("SET threads = 2")
    for name, dataset in zip("ECB", DATASETS):
        connection.execute(f"CREATE VIEW {name} AS SELECT *, file_row_number AS rowid FROM "
                           f"read_parquet('{folder}/clear.{dataset}.parquet', file_row_number = true)")
    rows = connection.execute(sql).fetchall()
    cpu = used() - before
    # What the kernel says of the most memory in a process's resource usage is no less than its parent had.
    status = pathlib.Path("/proc/self/status").read_text()
    peak = int(re.search(r"VmHWM:\s+(\d+)", status)[1]) // 1024
    print(json.dumps({"cpu": cpu, "peak_mib": peak, "found": [[v if isinstance(v, str) else int(v) for v in row] for row in rows]}))


class Room:
    def __init__(self, folder):
        self.process = subprocess.Popen([ROOM, HERE / "contract.toml", folder], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __call__(self, command, **given):
        self.process.stdin.write(json.dumps({command: given}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"the room ended at {command} {given}")
        return json.loads(line)

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def compare(question, cells, rows):
    """Ends the program where an answer of the room is not DuckDB's, figure by figure."""
    ours = []
    for places, people, sums, products in cells:
        named = PLACES[question](places)
        # DuckDB has no row for a group without people.
        if people and None not in named:
            ours.append([*named, people, *sums, *products])
    if sorted(ours, key=str) != sorted(rows, key=str):
        sys.exit(f"{question}: the room answers\n{sorted(ours, key=str)}\nand DuckDB\n{sorted(rows, key=str)}")


def spread(values, digits=2):
    middle = statistics.median(values)
    return f"{middle:.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def measure(folder, size):
    sizes = [float(part) for part in size.split("x")]
    sizes += [sizes[0] / 5] if len(sizes) == 1 else []
    sizes += [sizes[1]] if len(sizes) == 2 else []
    counts = {name: int(millions * 1_000_000) for name, millions in zip(DATASETS, sizes)}
    most = write(folder, counts)
    room = Room(folder)
    print(" x ".join(f"{count:,} {name}" for name, count in counts.items()))
    for name in DATASETS:
        for end in ("sealed", "manifest", "keys"):
            (folder / f"{name}.{end}").unlink(missing_ok=True)
        sealed = room("seal", dataset=name, table=str(folder / f"owner.{name}.parquet"), rows_per_person=max(most[name], 64))
        found = sealed["found"]
        print(f"  sealed {name} of Parquet: {sealed['cpu']:.2f} s, {sealed['peak_mib']} MiB, padded to {found['padded']:,} rows, "
              f"{found['bytes'] / 2**20:.0f} MiB")
    opened, granted = [], {name: [] for name in DATASETS}
    firsts, laters, clear = ({question: [] for question in QUESTIONS} for _ in range(3))
    peaks = {"intake": 0, "jobs": 0}
    for _ in range(RUNS):
        opened.append(room("open")["cpu"])
        for name in DATASETS:
            grant = room("grant", dataset=name)
            granted[name].append(grant["cpu"])
            peaks["intake"] = max(peaks["intake"], grant["peak_mib"])
        for question, (_, job) in QUESTIONS.items():
            priced = [room("ask", job=f"{job}epsilon = {0.1 + 0.01 * n:.2f}\ndelta = 1e-6\n") for n in range(LATER + 1)]
            answer = json.loads(subprocess.check_output([sys.executable, __file__, folder, "ask", question]))
            for asked in priced:
                compare(question, asked["found"], answer["found"])
            peaks["jobs"] = max(peaks["jobs"], *(asked["peak_mib"] for asked in priced))
            firsts[question].append(priced[0]["cpu"])
            laters[question].append(sum(asked["cpu"] for asked in priced[1:]) / LATER)
            clear[question].append(answer)
    room.end()
    print(f"  opening a room: {spread(opened)} s; intake of " + ", ".join(f"{n} {spread(v)} s" for n, v in granted.items()))
    print(f"  peak of the room's process: {peaks['intake']} MiB while rows are taken in, {peaks['jobs']} MiB in jobs")
    print("  question     DuckDB, s              MiB   first answer, s           ratio                  later job, s              ratio")
    for question, (reads, _) in QUESTIONS.items():
        theirs = [answer["cpu"] for answer in clear[question]]
        memory = max(answer["peak_mib"] for answer in clear[question])
        first = [sum(granted[name][n] for name in reads) + firsts[question][n] for n in range(RUNS)]
        later = laters[question]
        ratios = [[own / clear for own, clear in zip(ours, theirs)] for ours in (first, later)]
        print(f"  {question:12} {spread(theirs):22} {memory:5} {spread(first):25} {spread(ratios[0]) + 'x':22} "
              f"{spread(later, 3):25} {spread(ratios[1], 3)}x", flush=True)


def main():
    folder = pathlib.Path(sys.argv[1]).absolute()
    if sys.argv[2] == "ask":
        return ask(folder, sys.argv[3])
    for size in sys.argv[2:]:
        measure(folder, size)


main()
