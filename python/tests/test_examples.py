"""The examples are tested by what they read: a readout of a pilot, and a Grafana board of a host."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request

from conftest import PROGRAM, TOP, Site

import glovebox


def test_the_readout_has_match_rates_lift_and_budget_of_the_room(room: glovebox.Room, result: glovebox.Result, site: Site) -> None:
    environment = {**os.environ, "GLOVEBOX": str(PROGRAM.path), "PYTHONPATH": str(TOP / "python/src")}
    line = [sys.executable, TOP / "python/examples/readout.py", site.publisher, result.folder]
    page = subprocess.run(line, capture_output=True, text=True, env=environment, check=True).stdout
    lift = result.to_dict()["answer"]["lift"]
    assert f"{100 * lift['match_rates']['test']['rate']:.1f} %" in page
    for outcome in lift["outcomes"]:
        change = outcome["diff_in_means"]
        assert f"| outcome {outcome['name']} | {change['ate']:.4g} | {change['ci'][0]:.4g} to {change['ci'][1]:.4g} |" in page
    for budget in room.budget()["budgets"]:
        assert f"| {budget['dataset']} | {budget['purpose']} |" in page and f"{budget['left_epsilon']:.3f}" in page
    assert "SIMULATED" in page and "the receipt holds" in page
    forged = site.folder / "forged"
    forged.mkdir()
    for name in ("receipt.cbor", "released.cbor"):
        (forged / name).write_bytes((result.folder / name).read_bytes())
    (forged / "result.json").write_bytes((result.folder / "result.json").read_bytes().replace(b'"asked_by"', b'"asked_by" '))
    said = subprocess.run([*line[:-1], forged], capture_output=True, text=True, env=environment)
    assert said.returncode != 0 and said.stdout == ""


def test_the_board_reads_what_a_host_serves(site: Site) -> None:
    board = json.loads((TOP / "host/grafana.json").read_text())
    expressions = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    asked = {name for expression in expressions for name in re.findall(r"glovebox_host_\w+", expression)}
    with urllib.request.urlopen(f"http://{site.metrics}/metrics", timeout=10) as reply:
        served = reply.read().decode()
    names = set(re.findall(r"^(glovebox_host_\w+)", served, re.MULTILINE))
    assert asked <= names, asked - names
    # Every figure of the host is on the board; a histogram is by its buckets.
    assert {re.sub(r"_(sum|count)$", "_bucket", name) for name in names} == asked
    labels = {label for panel in board["panels"] for target in panel["targets"] for label in re.findall(r"{{(\w+)}}", target["legendFormat"])}
    assert all(f'{label}="' in served for label in labels), labels
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
