"""A lift or a geo test as a row that calibrates a marketing-mix model, with an error that allows for the noise."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from datetime import date
from statistics import NormalDist
from typing import Any, Literal, TypeAlias

Model: TypeAlias = Literal["pymc-marketing", "meridian", "robyn"]

#: Flags that the range of a figure allows for, or that say nothing of its value. With any other one it calibrates nothing.
HARMLESS = {
    "arms_pooled",
    "contamination_hidden",
    "covariate_unused",
    "control_barely_above_zero",
    "control_near_zero",
    "cost_unbounded",
    "few_events",
    "few_payers",
    "first_stage_barely_above_zero",
    "first_stage_weak",
    "less_than_nothing",
    "low_match",
    "match_keys_unused",
    "more_places_than_periods",
    "no_cost",
    "noise_dominates",
    "one_treated_place",
    "others_withheld",
    "part_withheld",
    "rest_left_out",
    "variance_floored",
    "without_arm",
}
#: So begin flags that name another job, or what was asked otherwise at home: the figure is as good as without them.
NAMING = ("same_figures:", "near_duplicate:", "derived:")


def row(
    figures: Sequence[Mapping[str, Any]],
    model: Model,
    *,
    outcome: str,
    channel: str,
    spend: float,
    start: date,
    end: date,
    periods: int,
    other_spend: float,
    of: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """See :meth:`glovebox.Result.calibration`."""
    if not spend > 0 or periods < 1 or start > end:
        raise ValueError("expected a spend above 0, at least one period, and a start that is not after the end")
    of = dict(of or {})
    total = _figure(figures, "incremental", outcome, of)
    unsound = {flag for flag in total["flags"] if flag not in HARMLESS and not flag.startswith(NAMING)}
    if unsound:
        raise ValueError(f"the effect is not to be believed ({', '.join(sorted(unsound))}), so it calibrates nothing")
    if total["simulated"]:
        warnings.warn("SIMULATED: whoever ran the enclave could make any figure. Calibrate no model of worth with it.", stacklevel=3)
    value, error = float(total["value"]), standard_error(total)
    if model == "pymc-marketing":
        return {
            "channel": channel,
            "x": other_spend / periods,
            "delta_x": spend / periods,
            "delta_y": value / periods,
            "sigma": error / periods,
        }
    if model == "meridian":
        if total["unit"] != "amount":
            raise ValueError(f"a return on spend takes an outcome in money; \"{outcome}\" is in {total['unit']}")
        return {
            "channel_name": channel,
            "point_estimate": value / spend,
            "standard_error": error / spend,
            "total_spend": spend,
            "experiment_start_date": start,
            "experiment_end_date": end,
        }
    if model == "robyn":
        # A lift has its p-value with the difference, a geo test with the total.
        is_lift = any(figure["metric"] == "difference_in_means" for figure in figures)
        change = _figure(figures, "difference_in_means", outcome, of) if is_lift else total
        p = change["p_adjusted"] if change["p_adjusted"] is not None else change["p"]
        if p is None:
            raise ValueError(f"the difference in \"{outcome}\" has no p-value, from which Robyn's confidence comes")
        return {
            "channel": channel,
            "liftStartDate": start,
            "liftEndDate": end,
            "liftAbs": value,
            "spend": spend,
            "confidence": 1.0 - float(p),
            "metric": outcome,
            "calibration_scope": "immediate",
        }
    raise ValueError(f"found {model!r}, expected pymc-marketing, meridian or robyn")


def standard_error(figure: Mapping[str, Any]) -> float:
    """The standard error of a figure with a range, noise included.

    Where only a range is known it is the longer side over the normal quantile of the range's level: wider rather than narrower,
    since the range of a total is not symmetric.
    """
    if figure["standard_error"] is not None:
        return float(figure["standard_error"])
    ends = [end for end in (figure["low"], figure["high"]) if end is not None]
    if not ends:
        raise ValueError(f"{figure['metric']} has no range, so nothing is known of its error")
    # A range with one end is one-sided: all that it leaves out is on that side.
    outside = (1.0 - float(figure["level"])) / len(ends)
    side = max(abs(float(end) - float(figure["value"])) for end in ends)
    return side / NormalDist().inv_cdf(1.0 - outside)


def _figure(figures: Sequence[Mapping[str, Any]], metric: str, outcome: str, of: Mapping[str, str]) -> Mapping[str, Any]:
    """The one figure of a metric and outcome whose group is `of`, or has `of` in it where no other one has."""
    of_metric = [figure for figure in figures if figure["metric"] == metric]
    wanted = {"outcome": outcome, **of}
    # The currency is the same for all figures of an outcome.
    exact = [figure for figure in of_metric if {**figure["group"], "currency": None} == {**wanted, "currency": None}]
    found = exact or [figure for figure in of_metric if wanted.items() <= figure["group"].items()]
    if not found:
        known = "; ".join(sorted({_words(figure["group"]) for figure in of_metric}))
        known = known or "none: a lift with [lift.cost] and a geo test have one for each outcome"
        raise ValueError(f"the result has no figure {metric} of {_words(wanted)}; it has those of {known}")
    if len(found) > 1:
        several = "; ".join(sorted(_words(figure["group"]) for figure in found))
        raise ValueError(f"the result has several figures {metric} of {_words(wanted)}: {several}. Say which, with of={{..}}")
    (figure,) = found
    if figure["withheld"] or figure["value"] is None:
        raise ValueError(f"the {metric} of {_words(wanted)} is not shown: too few people, or it cannot be estimated")
    return figure


def _words(group: Mapping[str, str]) -> str:
    return ", ".join(f"{name} \"{value}\"" for name, value in group.items())
