"""Splits the people of the bank marketing data between a bank and a merchant: `split.py PEOPLE.csv.gz FOLDER`.

Each has columns of its own of the same people, and 500 whom the other has not. Addresses are made up; seeded."""

import csv
import gzip
import random
import sys

with gzip.open(sys.argv[1], "rt", newline="") as file:
    people = list(csv.DictReader(file))
random.seed(1)
numbers = random.sample(range(100_000, 1_000_000), len(people))
for person, number in zip(people, numbers):
    person["email"] = f"customer{number}@example.org"

BANK = {"email": "email", "age": "age", "job": "job", "marital": "marital", "education": "education", "balance": "balance",
        "housing": "mortgage", "loan": "loan", "previous": "offers", "poutcome": "answer"}
MERCHANT = {"email": "email", "contact": "phone", "month": "month", "campaign": "calls", "y": "bought"}
for name, columns, own in [("bank", BANK, people[:-500]), ("merchant", MERCHANT, people[500:])]:
    own = random.sample(own, len(own))
    with open(f"{sys.argv[2]}/{name}.csv", "w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(columns.values())
        rows.writerows([person[column] for column in columns] for person in own)
