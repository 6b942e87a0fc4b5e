"""A result that was opened: its receipt, its figures, its picture."""

from __future__ import annotations

import base64
import html
import io
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._calibration import Model, row
from ._errors import MissingLibrary, Unclear
from ._program import Answer, Program

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow


@dataclass(frozen=True)
class Checked:
    """What a receipt says, once it holds."""

    #: Who asked, and the job's name.
    asked_by: str
    job: str
    #: True if the root of trust is not AWS's: whoever ran the enclave could make any figure.
    simulated: bool
    #: Whether every figure was derived again from those that the enclave released.
    answer_derived: bool
    #: When the enclave attested it.
    attested_at: str
    #: What it is about, in words: name and text.
    words: Sequence[tuple[str, str]] = field(repr=False)
    #: The checks, one by one.
    checks: Sequence[Mapping[str, Any]] = field(repr=False)

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><th style='text-align:left'>{_shown(n)}</th><td>{_shown(t)}</td></tr>" for n, t in self.words)
        return f"{_simulated(self.simulated)}<p>The receipt holds ({len(self.checks)} checks).</p><table>{rows}</table>"


class Result:
    """A result in a folder, with its receipt: `result.json`, `receipt.cbor`, `released.cbor`.

    Nothing of it is given away before its receipt has been checked, by the program, with the files as they are then.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        contract: str | os.PathLike[str] | None = None,
        danger_root: str | os.PathLike[str] | None = None,
        party: str | os.PathLike[str] | None = None,
        program: Program | None = None,
    ) -> None:
        self.folder = Path(folder).absolute()
        self._program = program or Program()
        self._trust = trust(contract, danger_root, party)

    def __repr__(self) -> str:
        return f"Result({str(self.folder)!r})"

    def check(self) -> Checked:
        """Checks the receipt offline, and derives the answer again from the released figures.

        Raises :class:`SaidNo` if the receipt does not hold, or is about other files.
        """
        files = [self.folder / "receipt.cbor", self.folder / "result.json"]
        released = self.folder / "released.cbor"
        files += [released] if released.exists() else []
        found = self._program.run("receipt", "check", *files, *self._trust).result
        return Checked(
            asked_by=found["asked_by"],
            job=found["job"],
            simulated=found["simulated"],
            answer_derived=found["answer_derived"],
            attested_at=found["attested_at"],
            words=[(name, text) for name, text in found["words"]],
            checks=found["checks"],
        )

    @cached_property
    def _shown(self) -> Answer:
        files = [self.folder / "result.json", self.folder / "receipt.cbor"]
        released = self.folder / "released.cbor"
        files += [released] if released.exists() else []
        return self._program.run("result", "show", *files, *self._trust)

    @property
    def simulated(self) -> bool:
        return bool(self._shown.result["simulated"])

    def to_dict(self) -> dict[str, Any]:
        """The result as protocol/spec/result-v2.md has it."""
        return dict(self._shown.result["result"])

    def figures(self) -> list[dict[str, Any]]:
        """One row for each figure, as protocol/spec/figures-v1.md has it."""
        return list(self._export("--format", "json").result["figures"])

    def to_arrow(self) -> pyarrow.Table:
        """The figures as an Arrow table: one row each, with error, price and receipt."""
        try:
            import pyarrow.parquet
        except ImportError:
            raise MissingLibrary("to_arrow takes pyarrow: pip install pyarrow") from None
        return pyarrow.parquet.read_table(io.BytesIO(self._parquet()))

    def to_polars(self) -> polars.DataFrame:
        """The same as a polars frame."""
        try:
            import polars
        except ImportError:
            raise MissingLibrary("to_polars takes polars: pip install polars") from None
        return polars.read_parquet(io.BytesIO(self._parquet()))

    def to_pandas(self) -> pandas.DataFrame:
        """The same as a pandas frame, which reads the typed file if pyarrow is there."""
        try:
            import pandas
        except ImportError:
            raise MissingLibrary("to_pandas takes pandas: pip install pandas") from None
        try:
            import pyarrow  # noqa: F401
        except ImportError:
            frame = pandas.DataFrame(self.figures())
            return frame.assign(answered=pandas.to_datetime(frame["answered"], utc=True))
        return pandas.read_parquet(io.BytesIO(self._parquet()))

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The figures, for whatever takes an Arrow stream, such as DuckDB."""
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def calibration(
        self,
        model: Model,
        *,
        outcome: str,
        channel: str,
        spend: float,
        start: date,
        end: date,
        periods: int = 1,
        other_spend: float = 0.0,
        of: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """A lift or a geo test as a row that calibrates a marketing-mix model, in that model's columns.

        `pymc-marketing`: a row of `df_lift_test` for `MMM.add_lift_test_measurements`, per time step of the model: `periods` is how many
        the campaign lasted, `other_spend` what the channel had in them beside the campaign. `meridian`: the fields of
        `ExperimentResult` and `ExperimentInfo`, for an outcome in money. `robyn`: a row of `calibration_input`.

        The estimate is what the campaign added to all of the test arm, or to all treated places, and the error allows for chance and for
        the noise that protects people; without it a model would believe the noise. Where a result has several effects of the outcome, `of` says
        which one: `of={"cell": "tv", "method": "synthetic_control"}` of a geo test, `of={"segment": "new"}` of a lift by segment. An effect that
        is not the campaign's alone is refused by its flags, and a simulated one warned of.
        """
        return row(
            self.figures(),
            model,
            outcome=outcome,
            channel=channel,
            spend=spend,
            start=start,
            end=end,
            periods=periods,
            other_spend=other_spend,
            of=of,
        )

    def picture(self) -> str | None:
        """The page's picture as SVG; None if nothing with a range is shown."""
        with tempfile.TemporaryDirectory(prefix="glovebox-") as folder:
            path = Path(folder) / "picture.svg"
            try:
                self._export("--plot", path)
            except Unclear as why:
                if "has no picture" in str(why):
                    return None
                raise
            return path.read_text(encoding="utf-8")

    def text(self) -> str:
        """The page as the terminal has it."""
        return self._shown.text

    def _repr_markdown_(self) -> str:
        # Four spaces make it code, in which nothing that another party wrote is markup.
        return "\n".join(f"    {line}" for line in self.text().splitlines())

    def _repr_html_(self) -> str:
        drawn = self.picture()
        parts = [_simulated(self.simulated)]
        if drawn is not None:
            # In an img nothing of the picture can run, or reach the page around it.
            data = base64.b64encode(drawn.encode()).decode()
            parts.append(f'<img alt="The figures with their ranges" src="data:image/svg+xml;base64,{data}">')
        parts.append(_table(self.figures()))
        return "".join(parts)

    def _export(self, *words: str | os.PathLike[str]) -> Answer:
        return self._program.run("result", "export", self.folder, *words, *self._trust)

    def _parquet(self) -> bytes:
        with tempfile.TemporaryDirectory(prefix="glovebox-") as folder:
            path = Path(folder) / "figures.parquet"
            self._export("-o", path)
            return path.read_bytes()


def trust(
    contract: str | os.PathLike[str] | None,
    danger_root: str | os.PathLike[str] | None,
    party: str | os.PathLike[str] | None,
) -> list[str]:
    """The flags that say which contract and which root to believe."""
    given = (("--contract", contract), ("--danger-root", danger_root), ("--dir", party))
    return [word for flag, path in given if path is not None for word in (flag, str(Path(path).absolute()))]


def _simulated(is_simulated: bool) -> str:
    if not is_simulated:
        return ""
    return "<p><strong>SIMULATED</strong>: the root of trust is not AWS's. Whoever ran this enclave could make any figure.</p>"


def _table(figures: Sequence[Mapping[str, Any]]) -> str:
    """The figures that people read first; every value is shown as text."""
    columns = ("metric", "group", "value", "low", "high", "standard_error")
    head = "".join(f"<th>{name}</th>" for name in columns)
    rows = []
    for figure in figures:
        cells = [_number(figure[name]) for name in columns]
        if figure["withheld"]:
            cells[2] = "withheld"
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    foot = ""
    if figures:
        first = figures[0]
        flags = sorted({str(flag) for figure in figures for flag in figure["flags"]})
        careful = f" What can mislead: {_shown(', '.join(flags))}." if flags else ""
        foot = (
            f"<p>Epsilon {_number(first['epsilon'])} at delta {_number(first['delta'])} for the whole answer. "
            f"SHA-256 of the receipt: <code>{_shown(first['receipt'])}</code>.{careful}</p>"
        )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>{foot}"


def _number(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return _shown(", ".join(f"{name}: {part}" for name, part in value.items()))
    return _shown(value if isinstance(value, str) else json.dumps(value))


def _shown(text: object) -> str:
    return html.escape(str(text))
