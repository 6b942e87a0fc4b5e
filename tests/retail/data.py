"""Makes the retail demo's data: an agency, a retailer and a brand, and the same people behind all three.

    data.py SEED FOLDER

Writes assigned.csv, video.csv, display.csv and exposures.csv (both of them together) of the agency, loyalty.csv of the retailer and crm.csv of the brand, and
truth.json: what was planted. Everything is made up.
"""

import csv
import json
import random
import statistics
import sys

PEOPLE = 20_000
# What the campaign does, and what nobody can read off one table: bought without it, and what it adds.
BOUGHT, ADDED = 0.08, 0.03
# The share of people that the retailer knows by the key that the agency has too.
KNOWN = 0.9


def purchases(chance):
    """What somebody who buys spends at each visit."""
    return [round(min(chance.lognormvariate(3.2, 0.6), 500), 2) for _ in range(chance.choice((1, 1, 1, 2, 3)))]


def added():
    """What the campaign adds to a person's chance to buy at the retailer, and to what counts of the spend there (200)."""
    chance = random.Random("buyers")
    mean = statistics.fmean(min(sum(purchases(chance)), 200) for _ in range(50_000))
    return {"buyers_added": ADDED * KNOWN, "spend_added": ADDED * KNOWN * mean}


def main(seed, folder):
    chance = random.Random(int(seed))
    tables = {name: [] for name in ("assigned", "video", "display", "exposures", "loyalty", "crm")}
    for person in range(PEOPLE):
        email = f"person{person}@example.org"
        test = chance.random() < 0.5
        tables["assigned"].append((email, "campaign" if test else "holdout"))
        if test:
            for channel, share in (("video", 0.45), ("display", 0.6)):
                if chance.random() < share:
                    for _ in range(1 + int(chance.expovariate(0.6))):
                        day = f"2026-10-{chance.randint(1, 21):02d}"
                        tables[channel].append((email, day))
                        tables["exposures"].append((email, channel, day))
        bought = chance.random() < BOUGHT + (ADDED if test else 0.0)
        if chance.random() < KNOWN:
            # A member who bought nothing has a row too: who is found says nothing of who bought.
            tables["loyalty"].append((email, "none", "0.00", "2026-10-01"))
            for spend in purchases(chance) if bought else []:
                product = chance.choice(("shoes", "coats", "bags"))
                tables["loyalty"].append((email, product, f"{spend:.2f}", f"2026-10-{chance.randint(8, 31):02d}"))
        if chance.random() < (0.35 if bought else 0.2):
            tables["crm"].append((email, chance.choice(("gold", "silver", "basic"))))
    headings = {
        "assigned": ("email", "arm"),
        "video": ("email", "day"),
        "display": ("email", "day"),
        "exposures": ("email", "channel", "day"),
        "loyalty": ("email", "product", "spend", "day"),
        "crm": ("email", "tier"),
    }
    for name, rows in tables.items():
        chance.shuffle(rows)
        with open(f"{folder}/{name}.csv", "w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([headings[name], *rows])
    with open(f"{folder}/truth.json", "w") as file:
        json.dump(added(), file)


main(*sys.argv[1:])
