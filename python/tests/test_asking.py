"""What an analyst does: price, ask, check, take along."""

from __future__ import annotations

import re
import tomllib

import pytest
from conftest import JOB, PROGRAM, Site

import glovebox


def test_a_question_is_priced_before_anything_is_spent(room: glovebox.Room) -> None:
    before = room.budget()["budgets"][0]["used_rho"]
    price = room.price(JOB, audience=600, sd={"people": 10})
    assert (price.epsilon, price.delta, price.purpose) == (1.0, 1e-6, "measurement")
    assert [paid["owner"] for paid in price.charged] == ["publisher", "retailer"]
    assert price.people_sd and price.raw["wanted"][0]["figure"] == "people"
    assert "head count" in price._repr_html_()
    assert room.budget()["budgets"][0]["used_rho"] == before
    # The same question as a mapping, or as a file.
    assert room.price(tomllib.loads(JOB), audience=600, sd={"people": 10}) == price


def test_an_answer_is_checked_and_its_figures_are_the_same_in_every_library(result: glovebox.Result) -> None:
    checked = result.check()
    assert (checked.asked_by, checked.simulated, checked.answer_derived) == ("publisher", True, True)
    assert all(check["outcome"] != "FAILED" for check in checked.checks)
    figures = result.figures()
    visit = [f for f in figures if f["metric"] == "difference_in_means" and f["group"]["outcome"] == "visit"]
    outcome = result.to_dict()["answer"]["lift"]["outcomes"][0]["diff_in_means"]
    assert visit[0]["value"] == outcome["ate"] and visit[0]["standard_error"] == outcome["se"]
    assert all(f["simulated"] and f["epsilon"] == 1.0 and len(f["receipt"]) == 64 for f in figures)
    columns = list(figures[0])
    values = [f["value"] for f in figures]
    arrow = result.to_arrow()
    assert sorted(arrow.column_names) == sorted(columns) and arrow["value"].to_pylist() == values
    polars = result.to_polars()
    assert polars.columns == arrow.column_names and polars["value"].to_list() == values
    pandas = result.to_pandas()
    assert list(pandas.columns) == arrow.column_names
    assert [None if value != value else value for value in pandas["value"].tolist()] == values
    duckdb = pytest.importorskip("duckdb")
    assert duckdb.sql("select value from result").fetchall() == [(value,) for value in values]
    assert str(polars.schema["answered"]).startswith("Datetime") and str(pandas["answered"].dtype).startswith("datetime64")


def test_a_result_shows_itself_with_its_picture_and_says_simulated(result: glovebox.Result) -> None:
    html = result._repr_html_()
    assert "SIMULATED" in html and "data:image/svg+xml;base64," in html and "SHA-256 of the receipt" in html
    assert "<script" not in html and "difference_in_means" in html
    picture = result.picture()
    assert picture is not None and picture.lstrip().startswith("<svg")
    assert all(line.startswith("    ") for line in result._repr_markdown_().splitlines())
    assert "SIMULATED" in result.text() and "Asked by publisher" in result.text()


def test_the_same_job_again_is_not_paid_twice(room: glovebox.Room, result: glovebox.Result) -> None:
    before = room.budget()["budgets"][0]["used_rho"]
    again = room.ask(JOB, again=result.folder.name, receivers=["publisher", "retailer"])
    assert again.folder == result.folder
    assert room.budget()["budgets"][0]["used_rho"] == before


def test_a_budget_that_does_not_suffice_says_what_is_left_and_what_would_pass(
    room: glovebox.Room, result: glovebox.Result
) -> None:
    dear = JOB.replace("epsilon = 1.0", "epsilon = 3.95")
    with pytest.raises(glovebox.Refused) as caught:
        room.ask(dear)
    why = caught.value
    assert (why.rule, why.owner, why.dataset, why.exit_code) == ("budget_exhausted", "retailer", "sales", 1)
    assert why.purpose == "measurement" and why.cost and why.left and why.would_pass
    assert why.cost["epsilon"] == pytest.approx(3.95, abs=1e-3) and why.left["rho"] < why.cost["rho"]
    # What is said to pass does, to three decimals.
    passing = why.would_pass["epsilon"]
    assert f"epsilon {passing:.3f}" in str(why)
    with pytest.raises(glovebox.Refused):
        room.ask(JOB.replace("epsilon = 1.0", f"epsilon = {passing + 0.002:.3f}"))
    with pytest.raises(glovebox.Refused) as caught:
        room.price(JOB.replace("epsilon = 1.0", "epsilon = 5.0"))
    assert (caught.value.rule, caught.value.would_pass) == ("over_budget", {"epsilon": 4.0})
    assert caught.value.result["epsilon"] == 5.0


def test_what_the_contract_does_not_permit_is_refused_by_rule(room: glovebox.Room) -> None:
    with pytest.raises(glovebox.SaidNo) as caught:
        room.ask(JOB.replace('"mens"', '"everybody"'))
    assert "everybody" in str(caught.value)
    with pytest.raises(glovebox.SaidNo) as caught:
        room.ask(JOB, receivers=["nobody"])
    assert "permits no receiver" in str(caught.value)


def test_a_tampered_result_is_not_shown(result: glovebox.Result, tmp_path: object, site: Site) -> None:
    folder = site.folder / "tampered"
    folder.mkdir()
    for name in ("receipt.cbor", "released.cbor"):
        (folder / name).write_bytes((result.folder / name).read_bytes())
    text = (result.folder / "result.json").read_text()
    (folder / "result.json").write_text(re.sub(r'"ate":\s*-?[\d.]+', '"ate": 0.5', text, count=1))
    forged = glovebox.Result(folder, contract=site.signed, danger_root=site.root, program=PROGRAM)
    for act in (forged.check, forged.figures, forged.to_dict, forged.picture, forged.to_polars, forged._repr_html_):
        with pytest.raises(glovebox.SaidNo):
            act()


def test_another_root_is_not_believed(result: glovebox.Result, site: Site) -> None:
    with pytest.raises(glovebox.SaidNo) as caught:
        glovebox.Result(result.folder, contract=site.signed, program=PROGRAM).check()
    assert "could read the data" in str(caught.value)


def test_nothing_secret_is_in_a_repr_or_an_exception(room: glovebox.Room, result: glovebox.Result, site: Site) -> None:
    keys = [path.read_bytes() for path in site.publisher.glob("*.key*")]
    assert keys
    shown = [repr(room), repr(result), repr(PROGRAM), repr(room.price(JOB)), repr(PROGRAM.answer("budget", "--dir", "/nowhere"))]
    try:
        room.ask(JOB.replace("epsilon = 1.0", "epsilon = 3.95"))
    except glovebox.Refused as why:
        shown += [repr(why), str(why), repr(vars(why))]
    for text in shown:
        for key in keys:
            for line in key.split():
                assert len(line) < 16 or line.decode(errors="replace") not in text


def test_the_package_has_the_version_of_the_program_and_refuses_another(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    from conftest import TOP

    cargo = tomllib.loads((TOP / "Cargo.toml").read_text())
    assert glovebox.__version__ == cargo["workspace"]["package"]["version"]
    monkeypatch.setattr(glovebox._program, "__version__", "9.9.9")
    with pytest.raises(glovebox.WrongProgram, match="install both from one wheel"):
        PROGRAM.run("privacy", "noise", "--epsilon", "1", "--delta", "1e-6", "--sensitivity", "1")
    monkeypatch.setenv("GLOVEBOX", "/nowhere/glovebox")
    with pytest.raises(glovebox.WrongProgram, match="name the program"):
        glovebox.Program()
