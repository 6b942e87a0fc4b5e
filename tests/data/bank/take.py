"""Takes 32,000 people of the bank marketing data, as they are, and writes people.csv.gz: `take.py bank-full.csv`.

Seeded, and without a time in the file, so that it writes the same bytes again (with one version of zlib)."""

import csv
import gzip
import io
import random
import sys

KEPT = ["age", "job", "marital", "education", "balance", "housing", "loan", "contact", "month", "campaign", "previous",
        "poutcome", "y"]

with open(sys.argv[1], newline="") as file:
    people = list(csv.DictReader(file))
random.seed(32_000)
text = io.StringIO()
rows = csv.DictWriter(text, KEPT, extrasaction="ignore", lineterminator="\n")
rows.writeheader()
rows.writerows(random.sample(people, 32_000))
with open("people.csv.gz", "wb") as file, gzip.GzipFile("", "wb", 9, file, 0) as packed:
    packed.write(text.getvalue().encode())
