#!/usr/bin/env python3
"""Splits the Hillstrom e-mail experiment between a publisher and a retailer.

Usage: make_split.py HILLSTROM_CSV [OUTPUT_DIRECTORY]

Writes publisher.csv (email, arm, history, recency) and retailer.csv (email, visit, conversion,
spend): the same 64,000 people, in two different orders, each with a made-up e-mail address that
both files spell in their own way. Addresses that differ in spelling only are equal after UID2's
normalisation: lower case, no spaces around; for gmail.com no dots and no plus tag.

Python 3.8 or later, standard library only. The same input gives the same bytes.
"""

import csv
import hashlib
import pathlib
import random
import sys

SOURCE_SHA256 = "0e5893329d8b93cefecc571777672028290ab69865718020c78c7284f291aece"
ARMS = {"Mens E-Mail": "mens", "Womens E-Mail": "womens", "No E-Mail": "none"}
FIRST = "ada ben cleo dan eva finn gwen hugo ida jan kim leo mia ned ola pia quin rosa sam tess uli vera will yan zoe".split()
# Reserved by RFC 2606, so that no address is anybody's; the addresses at gmail.com all say "demo".
DOMAINS = ["example.com", "example.org", "example.net", "gmail.com"]
TAGS = ["news", "shop", "deals"]
SEED = 20080320


def address(number):
    """The normalised address of person `number`."""
    domain = DOMAINS[number % len(DOMAINS)]
    first = FIRST[number * 7 % len(FIRST)]
    return (f"{first}demo{number}" if domain == "gmail.com" else f"{first}.{number}"), domain


def spelling(chance, number):
    """One of the ways in which the person might have typed the address."""
    user, domain = address(number)
    if domain == "gmail.com":
        if chance.random() < 0.4:
            at = chance.randrange(1, len(user))
            user = f"{user[:at]}.{user[at:]}"
        if chance.random() < 0.2:
            user = f"{user}+{chance.choice(TAGS)}"
    text = f"{user}@{domain}"
    draw = chance.random()
    if draw < 0.10:
        text = text.upper()
    elif draw < 0.25:
        text = text[0].upper() + text[1:]
    elif draw < 0.30:
        text = f" {text}"
    elif draw < 0.35:
        text = f"{text} "
    return text


def normalised(text):
    user, domain = text.strip().lower().split("@")
    if domain == "gmail.com":
        user = user.split("+")[0].replace(".", "")
    return f"{user}@{domain}"


def write(path, header, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(header)
        out.writerows(rows)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    print(f"{digest}  {path.name}  {len(rows)} rows")


def main(source, directory):
    found = hashlib.sha256(source.read_bytes()).hexdigest()
    if found != SOURCE_SHA256:
        sys.exit(f"{source}: found SHA-256 {found}, expected {SOURCE_SHA256}")
    with open(source, newline="", encoding="utf-8") as file:
        people = list(csv.DictReader(file))
    chance = random.Random(SEED)
    numbers = chance.sample(range(10_000, 100_000), len(people))
    publisher, retailer = [], []
    for number, person in zip(numbers, people):
        mine, theirs = spelling(chance, number), spelling(chance, number)
        assert normalised(mine) == normalised(theirs)
        publisher.append([mine, ARMS[person["segment"]], person["history"], person["recency"]])
        retailer.append([theirs, person["visit"], person["conversion"], person["spend"]])
    for rows in (publisher, retailer):
        assert len({normalised(row[0]) for row in rows}) == len(people)
        chance.shuffle(rows)
    write(directory / "publisher.csv", ["email", "arm", "history", "recency"], publisher)
    write(directory / "retailer.csv", ["email", "visit", "conversion", "spend"], retailer)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    here = pathlib.Path(__file__).parent
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]) if len(sys.argv) == 3 else here)
