"""Compares the retail demo's answers with what DuckDB counts in the same files, in SQL of its own.

    check.py exact FOLDER REACH OVERLAP LIFT ATTRIBUTION     the files are results without noise: every figure must be DuckDB's
    check.py cover FOLDER REACH OVERLAP LIFT ATTRIBUTION     prints for each figure whether its interval holds what is true

What is true of people is counted; what is true of the campaign was planted (truth.json). Exits with 1 if a figure differs.
"""

import json
import sys

import duckdb

mode, folder, *results = sys.argv[1:]
reach, overlap, lift, attribution = (json.load(open(path))["answer"] for path in results)
reach, overlap, lift = reach["reach"], overlap["overlap"], lift["lift"]
attribution = attribution["attribution"]
truth = json.load(open(f"{folder}/truth.json"))
base = duckdb.connect()
for name in ("assigned", "video", "display", "exposures", "loyalty", "crm"):
    base.execute(f"CREATE TABLE {name} AS SELECT * FROM read_csv('{folder}/{name}.csv', header = true)")
found = []


def one(sql):
    return float(base.execute(sql).fetchone()[0])


def figure(what, value, interval, expected):
    low, high = interval
    holds = (low is None or low <= expected) and (high is None or expected <= high)
    equal = value is not None and abs(value - expected) <= 1e-9 * max(1, abs(expected))
    found.append((what, value, interval, expected, equal, holds))


def people(what, estimate, sql):
    figure(what, estimate["value"], estimate["ci"], one(sql))


people("reach", reach["reach"], "SELECT count(*) FROM (SELECT email FROM video UNION SELECT email FROM display)")
for group in reach["groups"]["groups"]:
    name = group["name"]
    other = {"video": "display", "display": "video"}[name]
    people(f"reach of {name}", group["people"], f"SELECT count(DISTINCT email) FROM {name}")
    only = f"SELECT count(*) FROM (SELECT email FROM {name} EXCEPT SELECT email FROM {other})"
    people(f"reached only by {name}", group["only"], only)
both = "SELECT count(*) FROM (SELECT email FROM {} INTERSECT SELECT email FROM {})"
for line in overlap["pairs"]:
    people(f"in {' and '.join(line['datasets'])}", line["both"], both.format(*line["datasets"]))
three = "SELECT email FROM display INTERSECT SELECT email FROM loyalty INTERSECT SELECT email FROM crm"
people("in all three", overlap["all"], f"SELECT count(*) FROM ({three})")
base.execute("""
    CREATE TABLE outcome AS
    SELECT arm, (coalesce(spend, 0) > 0)::INT AS buyers, least(coalesce(spend, 0), 200) AS spend
    FROM assigned LEFT JOIN (
        SELECT email, sum(spend::DECIMAL(18, 2)) AS spend FROM loyalty
        WHERE day BETWEEN DATE '2026-10-01' AND DATE '2026-10-31' GROUP BY email) USING (email)""")
for line in lift["outcomes"]:
    name, estimate = line["name"], line["diff_in_means"]
    mean = "(SELECT avg({}) FROM outcome WHERE arm = '{}')"
    counted = one(f"SELECT {mean.format(name, 'campaign')} - {mean.format(name, 'holdout')}")
    true = truth[f"{name}_added"] if mode == "cover" else counted
    figure(f"effect on {name}", estimate["ate"], estimate["ci"], true)
base.execute("""
    CREATE TABLE credited AS
    WITH bought AS (
        SELECT email, day, sum(spend::DECIMAL(18, 2)) AS spend FROM loyalty
        WHERE product <> 'none' AND email IN (SELECT email FROM exposures) GROUP BY email, day),
    within_cap AS (
        SELECT email, day, least(sum(spend) OVER upto, 200) - least(sum(spend) OVER upto - spend, 200) AS spend
        FROM bought WINDOW upto AS (PARTITION BY email ORDER BY day)),
    last AS (
        SELECT b.email, b.day, arg_max(channel, (e.day, channel = 'video')) AS channel
        FROM bought b JOIN exposures e ON e.email = b.email AND e.day BETWEEN b.day - 7 AND b.day
        GROUP BY b.email, b.day)
    SELECT coalesce(channel, 'none') AS channel, sum(spend) AS spend
    FROM within_cap LEFT JOIN last USING (email, day) GROUP BY 1""")
for line in [*attribution["channels"], attribution["unexposed"]]:
    name = line["name"] or "none"
    [estimate] = line["credited"]
    people(f"revenue credited to {name}", estimate, f"SELECT coalesce(sum(spend), 0) FROM credited WHERE channel = '{name}'")

wrong = 0
for what, value, (low, high), expected, equal, holds in found:
    wrong += not equal
    if mode == "cover":
        print(f"{what}\t{'holds' if holds else 'misses'}")
    else:
        print(f"  {'=' if equal else 'NOT'}  {what}: {value}, DuckDB {expected}")
sys.exit(1 if mode == "exact" and wrong else 0)
