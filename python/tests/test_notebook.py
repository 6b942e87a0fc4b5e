"""The notebook runs against a room, cell by cell."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from conftest import PROGRAM, TOP, Site

NOTEBOOK = TOP / "python/notebooks/lift.ipynb"


def test_the_notebook_runs_and_shows_what_it_promises(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    monkeypatch.setenv("GLOVEBOX_PARTY", str(site.publisher))
    monkeypatch.setenv("GLOVEBOX", str(PROGRAM.path))
    monkeypatch.setenv("PYTHONPATH", str(Path(TOP) / "python/src"))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells), "the notebook is kept without its outputs"
    began = time.monotonic()
    nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    assert time.monotonic() - began < 30
    cells = {cell["id"]: cell["outputs"] for cell in notebook.cells if cell["cell_type"] == "code"}
    shown = {name: "".join(str(output.get("text") or output.get("data")) for output in out) for name, out in cells.items()}
    assert "image/svg+xml" in shown["result"] and "SIMULATED" in shown["result"]
    assert "over_budget" in shown["dear"] and "'epsilon': 4.0" in shown["dear"]
    assert "The receipt holds" in shown["check"]
    assert "p_adjusted" in shown["frame"] and "visit" in shown["frame"]
    assert "difference_in_means" in shown["duckdb"]
    assert "exposures" in shown["budget"]
