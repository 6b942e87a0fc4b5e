"""A room of two parties, with the real programs: a host with a simulated enclave, and a custody that serves."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import glovebox

TOP = Path(__file__).parents[2]
BIN = Path(os.environ.get("GLOVEBOX_BIN", TOP / "target/debug")).absolute()
PROGRAM = glovebox.Program(BIN / "glovebox")

JOB = """
[lift]
multiplicity = "holm"
[lift.assignment]
test = ["mens"]
control = ["none"]
expected_share = { mens = 0.5, none = 0.5 }
[[lift.outcome]]
name = "visit"
type = "binary"
[[lift.outcome]]
name = "spend"
type = "value"
cap_per_user = 100.0
[lift.cost]
total = 250.0
currency = "USD"
[lift.privacy]
epsilon = 1.0
delta = 1e-6
"""

#: Every document that a command printed in these tests.
DOCUMENTS: list[dict[str, Any]] = []


def exposures(people: int = 2000) -> str:
    """Who was sent what: a third each."""
    arms = ("mens", "womens", "none")
    rows = (f"p{n}@example.com,{arms[n % 3]},{n % 6 + 1},{n % 12 + 1}" for n in range(people))
    return "\n".join(["email,arm,history,recency", *rows]) + "\n"


def sales(people: int = 2000) -> str:
    """What they did: more of those who were sent the men's mail."""
    rows = []
    for n in range(people):
        visit = int(n % 7 < (4 if n % 3 == 0 else 2))
        rows.append(f"p{n}@example.com,{visit},0,{visit * (n % 40)}.50")
    return "\n".join(["email,visit,conversion,spend", *rows]) + "\n"


class Site:
    """The folders of publisher, retailer and operator, and the processes that serve."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"https://127.0.0.1:{free_port()}"
        self.metrics = f"127.0.0.1:{free_port()}"
        self._processes: list[subprocess.Popen[bytes]] = []
        self.root = folder / "host/simulated-ca/root.der"
        self.signed = folder / "contract.toml.signed"
        self.publisher = folder / "publisher"
        self.retailer = folder / "retailer"
        self.trust = ["--contract", str(self.signed), "--danger-root", str(self.root)]

    def run(self, *words: str | os.PathLike[str], code: int = 0, stdin: Any = None) -> glovebox.Answer:
        """Runs a command, which has to end with `code`."""
        answer = PROGRAM.answer(*words, stdin=stdin)
        assert answer.exit_code == code, f"{words}: {answer.text} {answer.remarks} {answer.error}"
        return answer

    def serve(self, *line: str | os.PathLike[str], log: str) -> subprocess.Popen[bytes]:
        out = open(self.folder / f"{log}.out", "wb")
        err = open(self.folder / f"{log}.log", "wb")
        process = subprocess.Popen([os.fspath(word) for word in line], stdout=out, stderr=err, cwd=self.folder)
        self._processes.append(process)
        return process

    def begin(self) -> None:
        """Keys, a contract that both have signed, a host, and a custody of the retailer."""
        custody = f"https://127.0.0.1:{free_port()}"
        self.run("init", "--name", "publisher", "--dir", self.publisher)
        self.run("init", "--name", "retailer", "--dir", self.retailer, "--custody", custody)
        build = self.folder / "build.json"
        pcrs = subprocess.run([BIN / "glovebox-host", "pcrs", "--simulated"], stdout=subprocess.PIPE, check=True)
        build.write_bytes(pcrs.stdout)
        contract = self.folder / "contract.toml"
        parties = [word for party in (self.publisher, self.retailer) for word in ("--party", party / "party.toml")]
        self.run("contract", "new", "--name", "spring", *parties, "--pcrs", build, "-o", contract)
        for party in (self.publisher, self.retailer):
            self.run("contract", "sign", contract, "--dir", party)
        self.start_host()
        for party in (self.publisher, self.retailer):
            self.run("party", "join", "spring", self.url, *self.trust, "--dir", party)
        self.custody = self.serve(
            BIN / "glovebox", "custody", "serve", "--listen", custody.removeprefix("https://"), "--dir", self.retailer,
            "--json", log="custody",
        )  # fmt: skip
        until(lambda: (self.folder / "custody.out").read_bytes().endswith(b"\n"), "the custody listens")

    def start_host(self) -> None:
        line = [BIN / "glovebox-host", "run", "--simulated", "--contract", self.signed, "--dir", self.folder / "host"]
        listen = ["--listen", self.url.removeprefix("https://"), "--metrics", self.metrics]
        self.host = self.serve(*line, *listen, log="host")
        until(lambda: b"is serving" in (self.folder / "host.log").read_bytes(), "the enclave serves")

    def documents(self, log: str) -> list[dict[str, Any]]:
        """What a command that serves has printed."""
        found = [json.loads(line) for line in (self.folder / f"{log}.out").read_text().splitlines()]
        DOCUMENTS.extend(found)
        return found

    def end(self, process: subprocess.Popen[bytes]) -> int:
        process.send_signal(signal.SIGTERM)
        return process.wait(60)

    def stop(self) -> None:
        for process in reversed(self._processes):
            if process.poll() is None:
                process.terminate()
        for process in self._processes:
            process.wait(60)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def until(holds: Callable[[], bool], what: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"it did not happen that {what}"
        time.sleep(0.05)


@pytest.fixture(scope="session", autouse=True)
def recorded() -> Iterator[None]:
    """Keeps every document that a command prints."""
    answer = glovebox.Program.answer

    def kept(self: glovebox.Program, *words: Any, stdin: Any = None) -> glovebox.Answer:
        found = answer(self, *words, stdin=stdin)
        names = ("command", "exit_code", "result", "error", "text", "remarks")
        DOCUMENTS.append({name: getattr(found, name) for name in names})
        return found

    glovebox.Program.answer = kept  # type: ignore[method-assign]
    yield
    glovebox.Program.answer = answer  # type: ignore[method-assign]


@pytest.fixture(scope="session")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A room in which nothing is sealed yet."""
    site = Site(tmp_path_factory.mktemp("site"))
    try:
        site.begin()
        yield site
    finally:
        site.stop()


@pytest.fixture(scope="session")
def site(begun: Site) -> Site:
    """A room in which both datasets are granted."""
    for party, dataset, rows in ((begun.publisher, "exposures", exposures()), (begun.retailer, "sales", sales())):
        table = party / f"{dataset}.csv"
        table.write_text(rows)
        room = glovebox.Room(party, program=PROGRAM)
        room.seal(dataset, table)
        room.upload(dataset)
        room.grant(dataset)
    return begun


@pytest.fixture(scope="session")
def room(site: Site) -> glovebox.Room:
    """The publisher's side of the room."""
    return glovebox.Room(site.publisher, program=PROGRAM)


@pytest.fixture(scope="session")
def result(room: glovebox.Room) -> glovebox.Result:
    """The answer to a lift."""
    return room.ask(JOB, receivers=["publisher", "retailer"])
