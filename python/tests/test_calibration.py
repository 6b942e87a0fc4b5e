"""Rows for marketing-mix models: the figures are those of the result, and the error is not smaller than noise and chance."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

import glovebox
from glovebox import _calibration

WHEN: dict[str, Any] = {"channel": "mail", "spend": 250.0, "start": date(2026, 10, 1), "end": date(2026, 10, 28)}


@pytest.fixture(scope="module")
def spend(result: glovebox.Result) -> dict[str, Any]:
    """What the result says of the outcome `spend`."""
    outcomes = result.to_dict()["answer"]["lift"]["outcomes"]
    return dict(next(outcome for outcome in outcomes if outcome["name"] == "spend"))


@pytest.mark.filterwarnings("ignore:SIMULATED")
def test_a_lift_becomes_a_row_of_each_model(result: glovebox.Result, spend: dict[str, Any]) -> None:
    economics, change = spend["economics"], spend["diff_in_means"]
    row = result.calibration("pymc-marketing", outcome="spend", periods=4, other_spend=100.0, **WHEN)
    assert list(row) == ["channel", "x", "delta_x", "delta_y", "sigma"]
    assert (row["channel"], row["x"], row["delta_x"]) == ("mail", 25.0, 62.5)
    assert row["delta_y"] == pytest.approx(economics["incremental"] / 4)
    # Noise and chance of a mean, for everybody of the test arm, is less than the error of the total, in which the arm's size is noisy too.
    # Where noise left less than nothing of the variance of people, the error is that of the noise alone.
    assert row["sigma"] * 4 > change["se"] * change["n_t"] >= change["se_mechanism"] * change["n_t"]
    meridian = result.calibration("meridian", outcome="spend", **WHEN)
    assert meridian["point_estimate"] == pytest.approx(economics["iroas"])
    assert meridian["standard_error"] == pytest.approx(row["sigma"] * 4 / 250.0)
    assert (meridian["total_spend"], meridian["experiment_end_date"]) == (250.0, date(2026, 10, 28))
    robyn = result.calibration("robyn", outcome="spend", **WHEN)
    assert list(robyn) == ["channel", "liftStartDate", "liftEndDate", "liftAbs", "spend", "confidence", "metric", "calibration_scope"]
    assert robyn["confidence"] == pytest.approx(1.0 - change["p_adjusted"]) and robyn["liftAbs"] == economics["incremental"]


def test_a_simulated_lift_is_warned_of_and_an_unsound_one_refused(result: glovebox.Result) -> None:
    with pytest.warns(UserWarning, match="SIMULATED"):
        result.calibration("robyn", outcome="spend", **WHEN)
    broken = [{**figure, "flags": ["srm_failed"], "simulated": False} for figure in result.figures()]
    more = {"periods": 1, "other_spend": 0.0, **WHEN}
    with pytest.raises(ValueError, match="srm_failed"):
        _calibration.row(broken, "robyn", outcome="spend", **more)
    with pytest.raises(ValueError, match="has those of .*outcome .spend.; .*outcome .visit."):
        _calibration.row(broken, "robyn", outcome="revenue", **more)
    sound = [{**figure, "flags": []} for figure in broken]
    with pytest.raises(ValueError, match="in money"):
        _calibration.row(sound, "meridian", outcome="visit", **more)
    hidden = [{**figure, "withheld": True} for figure in sound]
    with pytest.raises(ValueError, match="not shown"):
        _calibration.row(hidden, "robyn", outcome="spend", **more)


def test_an_error_is_taken_from_the_longer_side_of_a_range() -> None:
    figure = {"metric": "incremental", "value": 10.0, "low": 6.0, "high": 20.0, "level": 0.95, "standard_error": None}
    assert _calibration.standard_error(figure) == pytest.approx(10.0 / 1.959964, rel=1e-6)
    assert _calibration.standard_error({**figure, "high": None}) == pytest.approx(4.0 / 1.644854, rel=1e-6)
    assert _calibration.standard_error({**figure, "standard_error": 3.0}) == 3.0
    with pytest.raises(ValueError, match="no range"):
        _calibration.standard_error({**figure, "low": None, "high": None})


def test_of_several_effects_the_one_that_is_meant_is_named() -> None:
    figure: dict[str, Any] = {
        **{"metric": "incremental", "value": 10.0, "low": 6.0, "high": 14.0, "level": 0.9, "standard_error": None},
        **{"flags": [], "simulated": False, "withheld": False, "unit": "amount", "p": 0.25, "p_adjusted": None},
    }
    cells = [
        {**figure, "value": 10.0 * (number + 1), "group": {"cell": cell, "outcome": "sales", "method": method}}
        for number, (cell, method) in enumerate([("search", "did"), ("tv", "did"), ("tv", "tbr")])
    ]
    more = {"periods": 1, "other_spend": 0.0, **WHEN}
    for of in ({}, {"cell": "tv"}):
        with pytest.raises(ValueError, match="several figures incremental.*Say which"):
            _calibration.row(cells, "robyn", outcome="sales", of=of, **more)
    row = _calibration.row(cells, "robyn", outcome="sales", of={"cell": "tv", "method": "tbr"}, **more)
    assert (row["liftAbs"], row["confidence"]) == (30.0, 0.75)
    assert _calibration.row(cells, "robyn", outcome="sales", of={"cell": "search"}, **more)["liftAbs"] == 10.0
    with pytest.raises(ValueError, match="no figure incremental"):
        _calibration.row(cells, "robyn", outcome="sales", of={"cell": "radio"}, **more)
    # Everybody's figure stands beside those of parts.
    parts = [
        {**figure, "group": {"currency": "USD", "outcome": "sales"}},
        {**figure, "value": 1.0, "group": {"currency": "USD", "outcome": "sales", "segment": "new"}},
    ]
    assert _calibration.row(parts, "meridian", outcome="sales", **more)["point_estimate"] == 10.0 / 250.0
    # A figure is as good where its question was asked before.
    again = [{**figure, "flags": ["same_figures:ab", "near_duplicate:cd", "derived:confidence=0.9"], "group": {"outcome": "sales"}}]
    assert _calibration.row(again, "robyn", outcome="sales", **more)["liftAbs"] == 10.0
    # A flag that nobody has looked at is not taken for a harmless one.
    for flag in ("poor_fit", "consent_with_outcome", "consent_differs", "a_new_one"):
        with pytest.raises(ValueError, match=flag):
            _calibration.row([{**figure, "flags": [flag], "group": {"outcome": "sales"}}], "robyn", outcome="sales", **more)
