"""Tables of other libraries go in as Arrow, and come out sealed or counted as the same rows."""

from __future__ import annotations

import io
import os
import stat
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import PROGRAM, TOP, Site, sales

import glovebox
from glovebox import _room, _tables, _toml

SAMPLE = TOP / "protocol/src/analysis/lift/sample"


def _pandas(path: Path) -> Any:
    return pytest.importorskip("pandas").read_csv(path)


def _polars(path: Path) -> Any:
    return pytest.importorskip("polars").read_csv(path)


def _pyarrow(path: Path) -> Any:
    pytest.importorskip("pyarrow")
    import pyarrow.csv

    return pyarrow.csv.read_csv(path)


def _duckdb(path: Path) -> Any:
    return pytest.importorskip("duckdb").read_csv(str(path))


LIBRARIES: list[Callable[[Path], Any]] = [_pandas, _polars, _pyarrow, _duckdb]


@pytest.mark.parametrize("read", LIBRARIES)
def test_a_table_in_memory_is_sealed_as_its_file_is(read: Callable[[Path], Any], begun: Site, tmp_path: Path) -> None:
    file = tmp_path / "sales.csv"
    file.write_text(sales(500))
    room = glovebox.Room(begun.retailer, program=PROGRAM)
    expected = room.check_table("sales", file)
    # DuckDB gives rows once: each use reads anew.
    assert room.check_table("sales", read(file)) == expected
    before = set(os.listdir(begun.retailer))
    stem = tmp_path / "sealed"
    sealed = room.seal("sales", read(file), "--new-people", output=stem)
    assert (sealed["sealed"], sealed["rows"], sealed["rejected"]) == (True, 500, 0)
    assert Path(sealed["sealed_file"]).exists() and Path(sealed["keys_file"]).exists()
    assert not [name for name in set(os.listdir(begun.retailer)) - before if name.endswith((".csv", ".arrows"))]


@pytest.mark.parametrize("read", LIBRARIES)
def test_a_trial_on_tables_in_memory_gives_what_it_gives_on_files(read: Callable[[Path], Any]) -> None:
    def ask(data: dict[str, Any]) -> Any:
        trial = glovebox.rehearse(SAMPLE / "contract.toml", SAMPLE / "job.toml", data, noise=False, program=PROGRAM)
        assert trial.simulated and "SIMULATED" in trial._repr_html_()
        return trial.result["answer"]["lift"]["outcomes"]

    files = {name: SAMPLE / f"{name}.csv" for name in ("exposures", "sales")}
    assert ask({name: read(path) for name, path in files.items()}) == ask(files)


def test_bad_rows_are_told_and_nothing_is_sealed(begun: Site, tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    people = [f"p{n}@example.com" for n in range(20)]
    frame = polars.DataFrame({"email": people, "visit": [1] * 20, "conversion": [0] * 20, "spend": ["dear"] * 20})
    with pytest.raises(glovebox.SaidNo) as caught:
        glovebox.Room(begun.retailer, program=PROGRAM).seal("sales", frame, "--new-people", output=tmp_path / "bad")
    assert not list(tmp_path.iterdir())
    assert caught.value.result["sealed"] is False and caught.value.result["rejected"] == 20


def test_a_failure_while_rows_are_read_is_the_failure_that_is_raised(begun: Site) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    schema = pyarrow.schema([("email", pyarrow.string())])

    def batches() -> Any:
        yield pyarrow.record_batch([["a@example.com"]], schema=schema)
        raise RuntimeError("the database has gone away")

    class Table:
        def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
            return pyarrow.RecordBatchReader.from_batches(schema, batches()).__arrow_c_stream__(requested_schema)

    with pytest.raises((OSError, RuntimeError, pyarrow.ArrowException), match="gone away"):
        glovebox.Room(begun.retailer, program=PROGRAM).check_table("sales", Table())


def test_what_gives_no_arrow_is_refused_before_the_program_runs(begun: Site) -> None:
    with pytest.raises(TypeError, match="__arrow_c_stream__"):
        glovebox.Room(begun.retailer, program=PROGRAM).seal("sales", [("a", 1)])  # type: ignore[arg-type]


def test_without_pyarrow_polars_writes_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"email": ["a@example.com"], "visit": [1]})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    out = io.BytesIO()
    _tables.writer(frame)(out)
    # What the program takes for an Arrow stream.
    assert out.getvalue().startswith(b"\xff\xff\xff\xff")
    monkeypatch.setitem(sys.modules, "polars", None)
    monkeypatch.setitem(sys.modules, "nanoarrow", None)
    with pytest.raises(glovebox.MissingLibrary, match="pip install pyarrow"):
        _tables.writer(frame)


def test_a_private_file_is_private_from_the_first_moment(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        path = tmp_path / "rows.arrows"
        with _room._private(path):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with pytest.raises(FileExistsError):
            _room._private(path)
    finally:
        os.umask(old)


def test_a_job_that_is_a_mapping_is_written_as_the_same_toml() -> None:
    job = {
        "job": {"analysis": "mail", "odd key": 'a "quoted"\\ text\n\x7f\u202e', "none": None},
        "lift": {"outcome": [{"name": "a", "caps": [1, 2.5]}, {"name": "b", "sub": {"x": True}}], "shares": {"a.b": 0.5}},
    }
    expected = {**job, "job": {k: v for k, v in job["job"].items() if v is not None}}
    assert tomllib.loads(_toml.dumps(job)) == expected
    with pytest.raises(TypeError, match="found object"):
        _toml.dumps({"a": object()})


def test_numbers_of_numpy_are_numbers_in_a_job() -> None:
    numpy = pytest.importorskip("numpy")
    job = {"whole": numpy.int64(3), "part": numpy.float64(0.5), "short": numpy.float32(0.25), "is": numpy.bool_(True)}
    assert tomllib.loads(_toml.dumps(job)) == {"whole": 3, "part": 0.5, "short": 0.25, "is": True}
