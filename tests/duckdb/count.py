"""What DuckDB counts in the files of a worked sample, compared with a result that was made without noise.

    count.py KIND FOLDER RESULT      KIND is reach, overlap, lift or attribution; FOLDER has the sample's CSV files

Prints each figure that differs and exits with 1 if there is one. The questions are written anew in SQL, from the kinds' pages.
"""

import json
import sys

import duckdb

kind, folder, path = sys.argv[1:]
answer = json.load(open(path))["answer"][kind]
base = duckdb.connect()
wrong = []


def load(name, columns):
    """A table of a CSV file, with e-mail addresses as they are compared, and none where there is none."""
    base.execute(
        f"CREATE TABLE {name} AS SELECT nullif(lower(trim(email)), '') AS email{columns}"
        f" FROM read_csv('{folder}/{name}.csv', header = true, all_varchar = true)"
    )


def rows(sql):
    return base.execute(sql).fetchall()


def same(what, found, expected):
    if abs(found - expected) > 1e-9 * max(1, abs(expected)):
        wrong.append(f"{what}: {found}, DuckDB counts {expected}")


def people(what, found, expected):
    """A number of people, exactly if nothing of it is withheld, and else its range."""
    if found["withheld"] == 0:
        same(what, found["value"], expected)
    low, high = found["ci"]
    if not low <= expected <= high:
        wrong.append(f"{what}: {low} to {high}, DuckDB counts {expected}")


def reach():
    load("video", ", agreed, day::DATE AS day")
    load("display", ", NULL AS agreed, day::DATE AS day")
    base.execute("""
        CREATE TABLE often AS
        SELECT email, least(count(*), 5) AS times
        FROM (SELECT * FROM video UNION ALL SELECT * FROM display)
        WHERE email IS NOT NULL AND day BETWEEN DATE '2026-10-01' AND DATE '2026-10-31'
          AND email NOT IN (SELECT email FROM video WHERE email IS NOT NULL AND agreed <> 'yes')
        GROUP BY email""")
    counts = dict(rows("SELECT times, count(*) FROM often GROUP BY 1"))
    people("reach", answer["reach"], sum(counts.values()))
    for line in answer["frequency"]["times"]:
        times = line["times"]
        people(f"{times} times", line["people"], counts.get(times, 0))
        at_least = sum(count for often, count in counts.items() if often >= times)
        people(f"{times} times or more", line["at_least"], at_least)
    average = sum(times * count for times, count in counts.items()) / sum(counts.values())
    same("average frequency", answer["frequency"]["average"]["value"], average)


def overlap():
    names = ["customers", "members", "viewers"]
    load("customers", ", agreed")
    load("members", "")
    load("viewers", "")
    base.execute("""
        CREATE TABLE sets AS
        SELECT email, bool_or(t = 0) AS customers, bool_or(t = 1) AS members, bool_or(t = 2) AS viewers
        FROM (SELECT email, 0 AS t FROM customers UNION ALL SELECT email, 1 FROM members
              UNION ALL SELECT email, 2 FROM viewers)
        WHERE email IS NOT NULL
          AND email NOT IN (SELECT email FROM customers WHERE email IS NOT NULL AND agreed <> 'yes')
        GROUP BY email""")
    count = lambda condition: rows(f"SELECT count(*) FROM sets WHERE {condition}")[0][0]
    for line in answer["datasets"]:
        name = line["dataset"]
        people(name, line["people"], count(name))
        others = " AND ".join(f"NOT {other}" for other in names if other != name)
        people(f"only {name}", line["only"], count(f"{name} AND {others}"))
    for line in answer["pairs"]:
        one, other = line["datasets"]
        people(f"{one} and {other}", line["both"], count(f"{one} AND {other}"))
        people(f"{one} or {other}", line["either"], count(f"{one} OR {other}"))


def lift():
    load("exposures", ", arm, agreed")
    load("sales", ", visit::INT AS visit, orders::INT AS orders, spend::DECIMAL(18, 2) AS spend, day::DATE AS day")
    base.execute("""
        CREATE TABLE cells AS
        WITH a AS (SELECT email, bool_and(agreed = 'yes') AS agreed, bool_or(arm = 'mens') AS t, bool_or(arm = 'none') AS c,
                          bool_or(arm NOT IN ('mens', 'none')) AS o
                   FROM exposures WHERE email IS NOT NULL GROUP BY email),
             s AS (SELECT email, max(visit) > 0 AS visit, least(greatest(sum(orders), 0), 5) AS orders,
                          least(greatest(sum(spend), 0), 200) AS spend
                   FROM sales WHERE email IS NOT NULL AND day BETWEEN DATE '2026-10-01' AND DATE '2026-11-11'
                   GROUP BY email)
        SELECT CASE WHEN NOT agreed THEN 'no_consent' WHEN (t AND (c OR o)) OR (c AND o) THEN 'contaminated'
                    WHEN t THEN 'test' WHEN c THEN 'control' ELSE 'other_arm' END AS arm,
               email IN (SELECT email FROM sales WHERE email IS NOT NULL) AS matched, coalesce(visit, false)::INT AS visit, coalesce(orders, 0) AS purchases,
               coalesce(spend, 0)::DOUBLE AS spend
        FROM a LEFT JOIN s USING (email)""")
    count = lambda condition: rows(f"SELECT count(*) FROM cells WHERE {condition}")[0][0]
    for line in answer["cells"]:
        name = line["cell"]
        arm, _, found = name.partition("_")
        if found in ("matched", "unmatched"):
            expected = count(f"arm = '{arm}' AND matched = {found == 'matched'}")
        else:
            expected = count(f"arm = '{name}'")
        same(name, line["n"], expected)
    for line in answer["outcomes"]:
        for arm in ("test", "control"):
            total = rows(f"SELECT sum({line['name']}) FROM cells WHERE arm = '{arm}'")[0][0]
            same(f"{line['name']} of {arm}", line[arm]["sum"], float(total))


def attribution():
    """Each sale goes to the channel of the last exposure of the seven days before it (the same day counts; of several on one day the first
    in the public list), or to none; per person at most four purchases and 200.00, cut in the order of days."""
    load("exposures", ", nullif(channel, '') AS channel, seen::DATE AS seen, agreed")
    load("sales", ", bought::DATE AS bought, (spend::DECIMAL(18, 2) * 100)::BIGINT AS cents")
    base.execute("""
        CREATE TABLE exposed AS
        SELECT email, seen, coalesce(list_position(['tv', 'web', 'app'], channel), 4) AS place FROM exposures
        WHERE email IS NOT NULL AND email NOT IN (SELECT email FROM exposures WHERE email IS NOT NULL AND agreed <> 'yes')""")
    base.execute("""
        CREATE TABLE credited AS
        WITH j AS (SELECT email, rowid AS id, bought, cents,
                          coalesce((SELECT place FROM exposed e WHERE e.email = s.email AND e.seen BETWEEN s.bought - 7 AND s.bought
                                    ORDER BY e.seen DESC, place LIMIT 1), 5) AS place
                   FROM sales s
                   WHERE bought BETWEEN DATE '2026-10-08' AND DATE '2026-10-31' AND email IN (SELECT email FROM exposed)),
             r AS (SELECT *, sum(cents) OVER w AS cents_so_far, count(*) OVER w AS sales_so_far
                   FROM j WINDOW w AS (PARTITION BY email ORDER BY bought, id))
        SELECT place, count(DISTINCT email) AS people, sum(greatest(0, least(1, 4 - (sales_so_far - 1)))) AS purchases,
               sum(greatest(0, least(cents, 20000 - (cents_so_far - cents)))) AS cents
        FROM r GROUP BY 1""")
    found = {place: figures for place, *figures in rows("SELECT * FROM credited")}
    places = dict(zip(["tv", "web", "app", "(none)"], range(1, 5)))
    shown = [(places[line["name"]], line) for line in answer["channels"]] + [(5, answer["unexposed"])]
    for place, line in shown:
        people, purchases, cents = found[place]
        same(f"people of {place}", line["people"]["n"], people)
        same(f"purchases of {place}", line["credited"][0]["value"], purchases)
        same(f"revenue of {place}", line["credited"][1]["value"], float(cents) / 100)
    if len(shown) < 4:
        wrong.append(f"{len(shown)} places are shown, too few to compare")
    without = rows("""SELECT count(DISTINCT email) FROM exposed WHERE email NOT IN (
        SELECT email FROM sales WHERE email IS NOT NULL AND bought BETWEEN DATE '2026-10-08' AND DATE '2026-10-31')""")
    same("people without an outcome", answer["without_outcome"]["n"], without[0][0])


{"reach": reach, "overlap": overlap, "lift": lift, "attribution": attribution}[kind]()
print("\n".join(wrong))
sys.exit(1 if wrong else 0)
