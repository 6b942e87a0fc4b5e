"""Checks that each ledger was charged once for each question and each dataset of its own that the question reads.

    charged.py FOLDER..     a party's folder each, with budget.json from `glovebox budget --json`

The agency's datasets are of the same people: what they lose is one sum, which each of them shows.
"""

import json
import sys

AUDIENCE = ["credited", "customers", "seen", "seen", "sold"]
CHARGED = {
    "assigned": AUDIENCE,
    "video": AUDIENCE,
    "display": AUDIENCE,
    "exposures": AUDIENCE,
    "loyalty": ["credited", "customers", "sold"],
    "crm": ["customers"],
}
found = {}
for folder in sys.argv[1:]:
    for budget in json.load(open(f"{folder}/budget.json"))["result"]["budgets"]:
        charged = sorted(debit["analysis"] for debit in budget["debits"] for _ in range(debit["jobs"]))
        found[budget["dataset"]] = charged
        print(f"  {folder}, people of {budget['dataset']}: charged for {', '.join(charged) or 'nothing'}")
if found != CHARGED:
    sys.exit(f"expected {CHARGED}")
