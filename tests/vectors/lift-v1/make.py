#!/usr/bin/env python3
"""Makes hillstrom.json: make.py REFERENCE.json HILLSTROM.csv > hillstrom.json

REFERENCE.json was made elsewhere, with numpy 2.4.6, scipy 1.17.1 and statsmodels 0.15.0; what it has
is copied as it is ("source": "reference"). What it does not have (women's e-mail, visits after any
e-mail) is computed here in the same way ("source": "make.py"), and so is everything that it has, so
that the two ways agree to 1e-12 or this stops. Needs numpy and scipy.
"""

import csv
import json
import math
import sys

import numpy as np
from scipy import stats


def welch(yt, yc, level):
    nt, nc = len(yt), len(yc)
    mt, mc = math.fsum(yt) / nt, math.fsum(yc) / nc
    vt = math.fsum((yt - mt) ** 2) / (nt - 1) / nt
    vc = math.fsum((yc - mc) ** 2) / (nc - 1) / nc
    ate, se = mt - mc, math.sqrt(vt + vc)
    df = (vt + vc) ** 2 / (vt * vt / (nt - 1) + vc * vc / (nc - 1))
    t, q = ate / se, stats.t.ppf(0.5 + level / 2, df)
    # Fieller (1954), with normal quantiles.
    z = stats.norm.ppf(0.5 + level / 2)
    a, b, c = mc * mc - z * z * vc, -2 * mt * mc, mt * mt - z * z * vt
    root = math.sqrt(b * b - 4 * a * c)
    return {
        "n_t": nt, "n_c": nc, "mean_t": mt, "mean_c": mc, "ate": ate, "se": se, "df": df, "t": t,
        "p": 2 * float(stats.t.sf(abs(t), df)), "ci": [ate - q * se, ate + q * se],
        "rel_lift": mt / mc - 1, "fieller_g": z * z * vc / mc**2,
        "ci_fieller": [(-b - root) / (2 * a) - 1, (-b + root) / (2 * a) - 1],
    }


def agree(found, expected):
    if isinstance(expected, list):
        return all(agree(f, e) for f, e in zip(found, expected, strict=True))
    return math.isclose(found, expected, rel_tol=1e-11)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        reference = json.load(file)["hillstrom"]
    with open(sys.argv[2], encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    rows = {name: np.array([row[name] for row in table]) for name in table[0]}
    arms = {"mens": "Mens E-Mail", "womens": "Womens E-Mail", "none": "No E-Mail"}
    cases = []
    for test in (["mens"], ["womens"], ["mens", "womens"]):
        for outcome, cap, level in (
            ("visit", None, 0.95), ("conversion", None, 0.95), ("spend", 499.0, 0.95),
            ("spend", 100.0, 0.95), ("conversion", None, 0.90),
        ):
            values = rows[outcome].astype(float)
            values = values if cap is None else np.minimum(values, cap)
            chosen = np.isin(rows["segment"], [arms[arm] for arm in test])
            numbers = welch(values[chosen], values[rows["segment"] == arms["none"]], level)
            versus = {"mens": "mens_vs_none", "mens womens": "any_vs_none"}.get(" ".join(test), "")
            if versus == "mens_vs_none" and cap == 100.0:
                known = reference["mens_vs_none_spend_capped_100"]
            elif versus == "mens_vs_none" and level == 0.90:
                known = reference["mens_vs_none_conversion_level90"]
            elif cap == 100.0 or level == 0.90:
                known = None
            else:
                known = reference.get(versus, {}).get(outcome)
            if known:
                known = known["diff_in_means"] | known["relative_lift"]
                for name, number in numbers.items():
                    assert agree(number, known[name]), (test, outcome, name, number, known[name])
                    numbers[name] = known[name]
            cases.append({
                "source": "reference" if known else "make.py", "test": test, "control": ["none"],
                "outcome": outcome, "cap": cap, "level": level, "expected": numbers,
            })
    economics = reference["economics_mens_cost_0.05_per_email"]
    vectors = {
        "source": "Hillstrom e-mail experiment (tests/data/hillstrom/README.md)",
        "made_by": "make.py, with numpy and scipy; see there",
        "holm_mens_visit_conversion_spend": reference["holm_mens_visit_conversion_spend"],
        "economics_mens": {
            name: economics[name]
            for name in ("cost", "incremental_conversions", "incremental_conversions_ci",
                         "incremental_value", "incremental_value_ci", "iroas", "iroas_ci")
        },
        "cases": cases,
    }
    json.dump(vectors, sys.stdout, indent=1)
    print()


main()
