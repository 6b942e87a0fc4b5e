"""Every command of `glovebox` prints, with --json, the document that protocol/spec/commands-v1.md describes.

The commands are run once, in the order of a room's life; then what they printed is held against the page, field by field.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import BIN, DOCUMENTS, JOB, PROGRAM, TOP, Site, sales, until

import glovebox

PAGE = (TOP / "protocol/spec/commands-v1.md").read_text()
TRAIN = TOP / "protocol/src/analysis/train/sample"

#: Objects that other pages describe, or whose names are data: nothing below them is looked at.
OPAQUE = {"result", "page", "asked", ".pcrs", "questions[]", ".event", "refused"}


def commands(*words: str) -> Iterator[str]:
    """The commands that the program's help names."""
    said = subprocess.run([BIN / "glovebox", *words, "--help"], capture_output=True, text=True, check=True).stdout
    listed = re.search(r"\nCommands:\n(.*?)\n\n", said, re.DOTALL)
    if listed is None:
        yield " ".join(words)
        return
    for name in re.findall(r"^  ([a-z][\w-]*)", listed.group(1), re.MULTILINE):
        if name != "help":
            yield from commands(*words, name)


def sections() -> dict[str, str]:
    parts = re.split(r"^### `([a-z -]+)`$", PAGE, flags=re.MULTILINE)
    names, texts = parts[1::2], parts[2::2]
    return {name: re.split(r"^## ", text, flags=re.MULTILINE)[0] for name, text in zip(names, texts, strict=True)}


def fields(command: str, told: dict[str, str]) -> set[str]:
    """The names that the page has for the result of a command, with those of the commands that it refers to."""
    names = set(re.findall(r"`(\.?\w+(?:\[\])?)`", told[command]))
    for other in re.findall(r"(?:As|as|what) `([a-z ]+)`", told[command]):
        names |= fields(other, told)
    return names


def common() -> set[str]:
    """The names of fields that stand at the top of the page, for every command that has them."""
    head = PAGE.split("Some fields are of every command")[1].split("\n## ")[0]
    return set(re.findall(r"`(\.?\w+(?:\[\])?)`", head))


def told_by(document: dict[str, Any]) -> set[str]:
    """The names in the result of a document."""
    others = {"result export": {"figures[]"}, "kms example": {"policy"}}
    opaque = OPAQUE | others.get(document["command"], set())
    return set(paths(document["result"], opaque))


def paths(value: Any, opaque: set[str], name: str = "") -> Iterator[str]:
    """The names in a value as the page writes them: `a`, `.b` below something, `c[]` for a list."""
    if isinstance(value, dict):
        for key, below in value.items():
            here = f"{'.' if name else ''}{key}{'[]' if isinstance(below, list) else ''}"
            yield here
            if here not in opaque:
                yield from paths(below, opaque, here)
    elif isinstance(value, list):
        for item in value:
            yield from paths(item, opaque, name or "[]")


@pytest.fixture(scope="module")
def lived(site: Site, room: glovebox.Room, result: glovebox.Result, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Runs what the other fixtures did not: at last the room is closed."""
    work = tmp_path_factory.mktemp("commands")
    publisher, retailer = site.publisher, site.retailer
    shutil.copy(publisher / "custody.sqlite", work / "backup.sqlite")
    _keys(site, work)
    _contracts(site, work)
    _results(site, result, work)
    _calculators(site)
    _models(site, work)
    _orders(site, work)
    _data_and_service(site, work)
    for party in (publisher, retailer):
        site.run("budget", "--dir", party)
        site.run("custody", "settle", "--dir", party)
    site.run("verify", "--save", "--dir", retailer)
    site.run("close", "--yes", "--dir", publisher)
    site.run("custody", "settle", "--dir", retailer)
    site.run("close", "--yes", "--dir", retailer)
    site.run("verify", "--dir", retailer, code=1)
    assert site.end(site.custody) == 0
    listens, ends = site.documents("custody")
    assert (listens["exit_code"], ends["exit_code"]) == (None, 0)
    assert listens["result"]["address"].startswith("https://127.0.0.1:")
    # A ledger that is older than what was handed out from it.
    restored = work / "restored"
    shutil.copytree(publisher, restored)
    shutil.copy(work / "backup.sqlite", restored / "custody.sqlite")
    assert site.run("budget", "--dir", restored).result["restored"]
    site.run("custody", "accounted", *site.trust, "--dir", restored, code=2)
    assert site.run("custody", "accounted", *site.trust, "--write-off", "--dir", restored).result["lost"]


def _keys(site: Site, work: Path) -> None:
    folder = work / "third"
    secret = work / "passphrase"
    secret.write_text("a long passphrase of words\n")
    secret.chmod(0o600)
    site.run("init", "--name", "third", "--dir", folder)
    site.run("keys", "show", "--dir", folder)
    other = work / "other"
    other.mkdir()
    key = site.run("keys", "new", "--kind", "analyst", "--dir", other).result["key"]
    site.run("keys", "show", "--dir", other)
    delegate = ["keys", "delegate", "--kind", "analyst", "--dir", folder]
    site.run(*delegate, "--key", key, "-o", other / "analyst.delegation", "--name", "second")
    site.run("keys", "passphrase", "--new-passphrase-file", secret, "--dir", folder)
    with_key = site.run("keys", "show", "--dir", folder)
    assert "passphrase" in with_key.result["root"]["kept"]
    site.run("keys", "passphrase", "--remove", "--passphrase-file", secret, "--dir", folder)
    site.run("custody", "key", "--dir", folder)
    for name in ("custody.sqlite", "custody.generation"):
        (folder / name).unlink(missing_ok=True)
    site.run("custody", "new", "--i-know-it-is-the-first", "--dir", folder)
    moved, place = work / "moved", work / "place"
    shutil.copytree(folder, place, ignore=lambda _, names: [name for name in names if name.startswith("custody.")])
    name = site.run("custody", "expect", "--dir", place).result["place"]
    site.run("custody", "move", "--to", name, "-o", moved, "--dir", folder)
    site.run("custody", "take", moved, "--dir", place)
    site.run("build", "withdraw", "0=" + "ab" * 48, "--dir", folder)
    site.run("build", "withdrawn", "--dir", folder)
    site.run("keys", "withdraw", "--key", key, "--dir", site.publisher)
    site.run("keys", "tell", "--dir", site.publisher)


def _contracts(site: Site, work: Path) -> None:
    contract = site.folder / "contract.toml"
    shown = site.run("contract", "show", site.signed).result
    assert [party["signed"] for party in shown["parties"]] == [True, True]
    site.run("contract", "new", "--from", site.publisher / "exposures.csv", "--owner", "publisher")
    job, tests = work / "job.toml", work / "tests.toml"
    job.write_text(JOB)
    site.run("contract", "test", contract, "--tests", tests, "--write", "--job", job)
    assert all(test["passes"] for test in site.run("contract", "test", contract, "--tests", tests).result["tests"])
    policy = work / "policy.json"
    policy.write_text(json.dumps(site.run("kms", "example", "--contract", contract).result["policy"]))
    assert site.run("kms", "lint", policy, "--contract", contract).result["passes"]
    listed = work / "grants.json"
    listed.write_text('{"Grants": [{"GrantId": "one", "Operations": ["Decrypt"]}]}')
    assert site.run("kms", "lint", policy, "--grants", listed, code=1).result["findings"][0]["grant"] == "one"
    found = PROGRAM.answer("contract", "lint", contract)
    assert found.exit_code == (1 if found.result["findings"] else 0) and found.error is None
    site.run("contract", "diff", contract, site.signed)
    other = work / "contract.toml"
    other.write_text(contract.read_text().replace("min_cell = 50", "min_cell = 60"))
    assert site.run("contract", "diff", contract, other, code=1).error is None


def _results(site: Site, result: glovebox.Result, work: Path) -> None:
    result.check()
    result.figures()
    result.picture()
    result.to_polars()
    result.text()
    site.run("job", "status", "--dir", site.publisher)
    job = work / "job.toml"
    job.write_text(JOB)
    site.run("job", "price", job, "--audience", "600", "--sd", "people=10", "--dir", site.publisher)
    again = ["--id", result.folder.name, "--receiver", "publisher", "--receiver", "retailer", "-o", result.folder]
    site.run("job", "submit", job, *again, "--dir", site.publisher)
    site.run("receipt", "check", result.folder / "receipt.cbor", site.signed, *site.trust, code=1)
    site.run("party", "show", "--dir", site.publisher)
    site.run("result", "view", result.folder, "--confidence", "0.9", *site.trust)
    against = ["--outcome", "visit", "--non-inferiority", "50%", *site.trust]
    margin = site.run("result", "view", result.folder, *against).result["result"]["answer"]["lift"]["outcomes"][0]["margin"]
    assert margin["above"] == -0.5 and margin["shown"] == (margin["ci"][0] > -0.5)
    listed = site.run("audit", "list", "--dir", site.publisher).result
    left = site.run("audit", "list", "--instance", listed["instance"], "--dir", site.publisher).result["left"]
    assert [log["entries"] for log in left] == [listed["entries"]]
    assert listed["answered"] and any("answered" in (entry["event"] or {}) for entry in listed["entries"])
    checked = site.run("audit", "check", listed["file"], result.folder, *site.trust).result
    assert checked["holds"] and any("receipt" in head["from"] for log in checked["logs"] for head in log["heads"])
    kpis = site.run("audit", "kpis", listed["file"], "--dir", site.publisher).result
    assert kpis["answered"] == listed["answered"] and kpis["success_thousandths"] and kpis["spent"]
    assert kpis["near_threshold"]["results"] >= 1
    case = work / "case.json"
    site.run("dispute", "write", result.folder, "-o", case, *site.trust)
    site.run("dispute", "check", case, "--danger-root", site.root)
    # In the party's folder, which is exported below with every answer that it could read.
    drawn = site.publisher / "results" / "drawn"
    site.run("dispute", "ask", result.folder, "-o", drawn, "--dir", site.publisher)
    compared = site.run("dispute", "compare", result.folder, drawn, *site.trust).result
    assert compared["agrees"] and compared["states_the_check"] and not any(of["apart"] for of in compared["figures"])
    nobody, somebody = (["dsr", f"{name}@example.com", "--dir", site.publisher] for name in ("nobody", "p1"))
    assert not site.run(*nobody).result["rooms"][0]["counts"]
    assert site.run(*somebody, code=1).result["rooms"][0]["granted"]
    export = work / "export"
    assert site.run("room", "export", "-o", export, "--dir", site.publisher).result["signed"]
    # The retailer's ledger and the log to its end are elsewhere, so what became of some questions may not be told.
    exported = PROGRAM.answer("room", "check", export, "--contract", site.signed, "--danger-root", site.root)
    assert exported.result["holds"] and exported.result["not_complete_for"] == ["retailer"]
    (export / "README.txt").unlink()
    site.run("room", "check", export, "--contract", site.signed, "--danger-root", site.root, code=1)
    broken = site.publisher / "broken"
    shutil.copytree(result.folder, broken)
    (broken / "result.json").write_text("{}")
    assert site.run("room", "export", "-o", work / "partly", "--dir", site.publisher, code=1).result["left_out"]
    shutil.rmtree(broken)
    refused = site.run("result", "export", result.folder, "--format", "csv", *site.trust, code=2)
    assert refused.error and "name a file with -o" in refused.error["text"]


def _calculators(site: Site) -> None:
    table = site.folder / "history.csv"
    days = [date(2026, 1, 1) + timedelta(days=day) for day in range(40)]
    sold = {"north": 100, "south": 140, "east": 90, "west": 120}
    rows = [f"{place},{day},{base + 7 * (day.day % 5) + len(place)}" for place, base in sold.items() for day in days]
    table.write_text("\n".join(["place,date,amount", *rows]) + "\n")
    site.run("plan", "geo", table, "--test", "5", "--lift", "80", "--cost-per-unit", "2")
    site.run("privacy", "epsilon", "--noise-multiplier", "1", "--sample-rate", "0.01", "--steps", "100", "--delta", "1e-6")
    site.run("privacy", "noise", "--epsilon", "1", "--delta", "1e-6", "--sensitivity", "1")
    site.run("privacy", "compose", "--rho", "0.1,0.2", "--delta", "1e-6")
    site.run("privacy", "compose", "--laplace-epsilon", "0.1", "--count", "3", "--delta", "1e-6")
    site.run("privacy", "sample", "--mechanism", "discrete-gaussian", "--scale", "2", "--count", "5")


def _models(site: Site, work: Path) -> None:
    out = work / "model"
    data = [word for name in ("members", "visits") for word in ("--data", f"{name}={TRAIN / name}.csv")]
    site.run("try", "--contract", TRAIN / "contract.toml", "--job", TRAIN / "job.toml", *data, "--noise", "off", "-o", out)
    model = ["--model", out / "result.json"]
    people = work / "people.csv"
    people.write_text("age,plan,visits.rows,visits.minutes\n35,family,4,240\n")
    site.run("model", "score", people, *model, code=2)
    site.run("model", "score", people, *model, "--out", work / "scores.csv")
    site.run("model", "export", *model, "--onnx", work / "model.onnx")
    members = TRAIN / "members.csv"
    site.run("model", "skew", members, "--trained-on", members, *model)


def _orders(site: Site, work: Path) -> None:
    job = work / "job.toml"
    job.write_text(JOB.replace("epsilon = 1.0", "epsilon = 0.1"))
    plan = work / "weekly.toml"
    plan.write_text(
        f'[order]\nname = "weekly"\njob = "job.toml"\nschedule = "0 6 * * MON"\ntime_zone = "Europe/Berlin"\n'
        f'from = "{date.today() + timedelta(days=1)}"\nruns = 2\nstarting_deadline = "6h"\ncatch_up = "last"\n'
        'receivers = ["publisher", "retailer"]\n'
    )
    order = work / "weekly.order"
    of = ["--dir", site.publisher]
    site.run("order", "new", plan, "-o", order, *of)
    site.run("order", "show", order, *of)
    site.run("order", "accept", order, *of)
    listed = site.run("order", "list", *of).result["orders"]
    assert [run["state"] for run in listed[0]["runs"]] == ["to_come", "to_come"]
    site.run("order", "check", "weekly", "1", *of, code=1)
    site.run("order", "schedule", "weekly", *of, code=2)
    (work / "results").mkdir()
    site.run("order", "results", "weekly", "--from", work / "results", "-o", work, *of)
    site.run("order", "suspend", "weekly", *of)
    site.run("order", "resume", "weekly", *of)
    with contextlib.chdir(work):
        site.run("order", "cancel", listed[0]["name"], *of)


def _data_and_service(site: Site, work: Path) -> None:
    retailer = site.retailer
    bad = work / "bad.csv"
    bad.write_text("email,visit,conversion,spend\na@example.com,1,0,dear\n,1,0,2\n")
    site.run("seal", bad, "--check", "--dataset", "sales", "--dir", retailer, code=1)
    added = site.run("optout", "add", "p1@example.com", "--dir", retailer).result["lists"][0]
    assert added["added"] == 1 and added["places"] == 64
    assert site.run("optout", "show", "P1@example.com", "--dir", retailer).result["lists"][0]["on_it"] == 1
    site.run("optout", "show", "nobody@example.com", "--dir", retailer, code=1)
    assert site.run("grant", "sales", "--dir", retailer).result["opt_outs"]["digest"] == added["digest"]
    renewed = site.run("optout", "renew", "--dir", retailer).result["lists"][0]
    assert renewed["number"] > added["number"] and renewed["identifiers"] == 1
    assert site.run("optout", "remove", "--all", "--dir", retailer).result["lists"][0]["removed"] == 1
    shown = site.run("contract", "show", site.signed).result
    (retailer / "service.toml").write_text(
        f'every_seconds = 1\n[[room]]\nname = "spring"\ncontract = "{shown["contract"]}"\n'
        f'[[room.grant]]\ndataset = "sales"\nbuilds = ["{shown["builds"][0]}"]\n'
        '[[room.watch]]\ndataset = "sales"\nfile = "incoming.csv"\nmax_change_percent = 20\n'
    )
    site.run("party", "stop", "sales", "--dir", retailer)
    site.run("party", "resume", "sales", "--dir", retailer)
    service = site.serve(BIN / "glovebox", "party", "serve", "--dir", retailer, "--json", log="service")
    until(lambda: (site.folder / "service.out").read_bytes().endswith(b"\n"), "the service has begun")
    # The first file is what later ones are compared with; one that is much shorter waits for a person.
    for people, what in ((2000, "taken"), (200, "held")):
        (retailer / "incoming.csv").write_text(sales(people))
        (retailer / "incoming.csv.ready").write_text("")
        until((retailer / f"incoming.csv.{what}").exists, f"the file is {what}")
    assert site.end(service) == 0
    listens, ends = site.documents("service")
    assert (listens["exit_code"], listens["result"], ends["exit_code"]) == (None, {"rooms": ["spring"]}, 0)
    site.run("party", "accept", "sales", "--dir", retailer)
    journal = site.run("journal", "--dir", retailer).result
    assert {"started", "stopped"} <= {entry["did"] for entry in journal["entries"]}
    site.run("grant", "sales", "--revoke", "--dir", retailer)
    site.run("delete", retailer / "sales.sealed", "--dir", retailer)


def test_every_command_ran_with_json_and_succeeded(lived: None) -> None:
    # `contract lint` finds something in the example, and says so with exit code 1.
    found = {document["command"] for document in DOCUMENTS if document["error"] is None}
    # A run of an order is paid in its time only, and a schedule is taken by a host that runs for orders.
    tried = {document["command"] for document in DOCUMENTS if document["error"]}
    # The party's page serves until it is stopped; it is tried in a browser (`make demo-page`).
    assert set(commands()) - found - {"ui"} == {"order check", "order schedule"} <= tried


def test_every_field_of_every_document_is_on_the_page(lived: None) -> None:
    told, of_all, missing = sections(), common(), set()
    for document in DOCUMENTS:
        if document["command"]:
            known = fields(document["command"], told) | of_all
            missing |= {f"{document['command']}: {path}" for path in told_by(document) - known}
    assert not missing, "\n".join(sorted(missing))


def test_every_field_on_the_page_is_in_a_document(lived: None) -> None:
    told, of_all, never = sections(), common(), set()
    for command in told:
        seen = {name for document in DOCUMENTS if document["command"] == command for name in told_by(document)}
        never |= {f"{command}: {name}" for name in fields(command, told) - seen - of_all if not _is_example(name)}
    assert never == NEVER_HERE, "\n".join(sorted(never ^ NEVER_HERE))


def _is_example(name: str) -> bool:
    """A word in backticks that is a value or a command, and no field."""
    values = {"service", "analyst", "open", "not_closed", "closed", "written_off", "answered", "missed", "over", "to_come"}
    outcomes = {"derived", "held", "not_believed", "read_by_others", "never_answered", "unknown", "again"}
    kinds = {"changed", "missing", "added", "not_believed", "contradiction", "unanswered", "unsigned"}
    faults = {"no_build", "no_contract", "no_dataset", "wrong_build", "wrong_contract", "wrong_dataset", "reencrypt", "grants"}
    faults |= {"policy_change", "replica", "key_grant"}
    verdicts = {"agree", "apart", "copy", "nothing_to_compare"}
    return name in values | outcomes | kinds | faults | verdicts | {"close", "over_budget"}


#: What does not happen in this room: a key of AWS KMS, people of two lineages, a model that is stale, runs of an order that are due, several rows of a person, keys of several people, two logs of one instance, a host that withholds a log, a cell that one of two answers withholds.
NEVER_HERE = {
    "ui: link",
    "grant: file",
    "dispute compare: .difference_at_least",
    *(f"audit check: .{name}" for name in ("entry", "file")),
    *(f"audit list: .{name}" for name in ("receipt", "attested")),
    *(f"budget: .{name}" for name in ("other", "percent_of_lineage", "percent_of_other")),
    *(f"model {one}: .{name}" for one in ("score", "export", "skew") for name in ("dataset", "learnt_with", "newest", "since", "from")),
    *(f"order check: {name}" for name in ("order", "run", "would_be_paid")),
    *(f"order list: .{name}" for name in ("given_back", "instance", "job")),
    *(f"order schedule: {name}" for name in ("order", "runs")),
    *(f"seal: {name}" for name in ("cut_people", "cut_rows", "keyless_people", "keyless_rows", "swallowed_lines")),
    *(f"seal: .{name}" for name in ("agree_thousandths", "left_out", "several_people", "shared_keys", "shared_people", "yes")),
}


def test_a_failure_is_a_document_too(site: Site) -> None:
    for words, kind, code in (
        (["budget", "--dir", "/nowhere"], "unclear", 2),
        (["receipt", "check", str(site.signed), "--contract", str(site.signed)], "no", 1),
        (["seal"], "usage", 2),
        (["no-such-command"], "usage", 2),
    ):
        line = [str(BIN / "glovebox"), *words, "--json"]
        said = subprocess.run(line, capture_output=True, text=True)
        assert said.returncode == code and len(said.stdout.splitlines()) == 1, said
        document = json.loads(said.stdout)
        assert (document["format"], document["error"]["kind"], document["exit_code"]) == (glovebox.FORMAT, kind, code)
        # People are told on standard error as ever.
        assert document["error"]["text"].splitlines()[0] in said.stderr.replace("glovebox: ", "")


def test_help_and_version_stay_text() -> None:
    for flag in ("--help", "--version"):
        said = subprocess.run([BIN / "glovebox", flag, "--json"], capture_output=True, text=True)
        assert said.returncode == 0 and not said.stdout.startswith("{")
