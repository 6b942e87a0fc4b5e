"""A pilot in one page: who was found, what the campaign changed, what it cost in privacy, and what is left.

    readout.py FOLDER RESULT.. > readout.md     the party's folder, and a folder for each opened result

Every figure stands with its range; results whose receipts do not hold are not read. The page is Markdown, for a mail or a wiki.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import glovebox


def readout(room: glovebox.Room, results: list[glovebox.Result]) -> str:
    """The page."""
    return "\n".join(line for part in (_heads(results), _found(results), _changed(results), _left(room)) for line in part) + "\n"


def _heads(results: list[glovebox.Result]) -> Iterator[str]:
    yield "# Readout of the pilot"
    for result in results:
        checked = result.check()
        first = result.figures()[0]
        said = " **SIMULATED: these figures prove nothing.**" if checked.simulated else ""
        yield f"\n- Job `{checked.job[:12]}`, asked by {_text(checked.asked_by)} for {_text(first['purpose'])}: the receipt holds, by"
        yield f"  {len(checked.checks)} checks. Epsilon {first['epsilon']:g} for the whole answer. SHA-256 of the receipt `{first['receipt'][:16]}..`.{said}"
        flags = sorted({flag for figure in result.figures() for flag in figure["flags"]})
        if flags:
            yield f"  What can mislead: {_text(', '.join(flags))}."


def _found(results: list[glovebox.Result]) -> Iterator[str]:
    yield "\n## Who was found\n\n| Of | Match rate | Range |\n|---|---|---|"
    for figure in _figures(results, "match_rate"):
        yield f"| {_group(figure)} | {_percent(figure['value'])} | {_percent(figure['low'])} to {_percent(figure['high'])} |"


def _changed(results: list[glovebox.Result]) -> Iterator[str]:
    yield "\n## What the campaign changed\n\n| Of | Change per person | Range | Level | p, adjusted |\n|---|---|---|---|---|"
    for figure in _figures(results, "difference_in_means"):
        ends = f"{_number(figure['low'])} to {_number(figure['high'])}"
        p = figure["p_adjusted"] if figure["p_adjusted"] is not None else figure["p"]
        yield f"| {_group(figure)} | {_number(figure['value'])} | {ends} | {_percent(figure['level'])} | {_number(p)} |"


def _left(room: glovebox.Room) -> Iterator[str]:
    yield "\n## What is left of this party's budgets\n\n| Dataset | Purpose | Period | Epsilon left | Used |\n|---|---|---|---|---|"
    for line in room.budget()["budgets"]:
        used = line["used_rho"] / line["allowed_rho"] if line["allowed_rho"] else 0.0
        names = " | ".join(_text(line[name]) for name in ("dataset", "purpose", "period"))
        yield f"| {names} | {line['left_epsilon']:.3f} | {_percent(used)} |"


def _figures(results: list[glovebox.Result], metric: str) -> Iterator[Mapping[str, Any]]:
    for result in results:
        for figure in result.figures():
            if figure["metric"] == metric:
                yield figure


def _group(figure: Mapping[str, Any]) -> str:
    return _text(", ".join(f"{name} {part}" for name, part in figure["group"].items()))


def _number(value: float | None) -> str:
    return "not known" if value is None else f"{value:.4g}"


def _percent(value: float | None) -> str:
    return "not known" if value is None else f"{100 * value:.1f} %"


def _text(words: object) -> str:
    """Names that another party chose, with nothing in them that is markup."""
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]<>()#+-!|~" else letter for letter in str(words))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    party = glovebox.Room(sys.argv[1], os.environ.get("GLOVEBOX_ROOM_NAME"))
    print(readout(party, [party.result(folder) for folder in sys.argv[2:]]), end="")
