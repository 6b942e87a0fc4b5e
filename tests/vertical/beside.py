"""Prints how good models are beside each other, and fails unless the last is the best:
`beside.py RESULT.json ..`."""

import json
import math
import sys

found = []
for path in sys.argv[1:]:
    with open(path) as file:
        result = json.load(file)
    model = result["answer"]["train"]
    found.append((path.split("-")[0], len(model["features"]), model["judged"]["auc"], result["privacy"]["epsilon"]))
print(f"  {'columns of':<12}{'features':>9}{'right of 100':>14}{'95 % interval':>18}{'epsilon':>9}")
for name, features, auc, epsilon in found:
    low, high = (100 * end for end in auc["ci"])
    interval = f"{low:.1f} to {high:.1f}"
    print(f"  {name:<12}{features:>9}{100 * auc['value']:>14.1f}{interval:>18}{epsilon:>9}")
print("  Right of 100: of two people, one who bought and one who did not, the one who bought has the higher score. The same")
print("  people judge all three, so that models differ by less chance than the intervals say.")
last = found[-1][2]
for name, _, auc, _ in found[:-1]:
    noise = 200 * math.hypot(last["noise_sd"], auc["noise_sd"])
    more = 100 * (last["value"] - auc["value"])
    print(f"  {found[-1][0]}: {more:+.1f} beside {name} alone; the noise in both figures alone makes up to {noise:.1f} (two deviations)")
    if more <= 0:
        sys.exit(f"  {found[-1][0]} is not better than {name} alone")
