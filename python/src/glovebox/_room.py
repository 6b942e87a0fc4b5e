"""A party's side of a room, and a room to try things in."""

from __future__ import annotations

import os
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, TypeAlias

from . import _tables
from ._program import Answer, Program
from ._result import Result, _shown, _simulated, trust
from ._tables import Table
from ._toml import dumps

#: A job: the path of its TOML, the TOML itself (a text of several lines), or the same as a mapping.
Job: TypeAlias = "str | os.PathLike[str] | Mapping[str, Any]"


@dataclass(frozen=True)
class Price:
    """What a question costs, and how exact its answer will be. Nothing was spent, and nobody was asked."""

    #: Which analysis of the contract it is, and for which purpose.
    analysis: str
    purpose: str
    #: The price.
    epsilon: float
    delta: float
    rho: float
    #: Standard deviation of the noise on a head count; None where no count is released.
    people_sd: float | None
    #: Each dataset that pays: `dataset`, `owner`, `jobs_per_period`, `jobs_for_life`.
    charged: Sequence[Mapping[str, Any]] = field(repr=False)
    #: The noise on each total and mean.
    figures: Sequence[Mapping[str, Any]] = field(repr=False)
    #: Sentences on what deserves care.
    careful: Sequence[str] = field(repr=False)
    #: Everything, as protocol/spec/commands-v1.md has it.
    raw: Mapping[str, Any] = field(repr=False)
    #: The same in words.
    text: str = field(repr=False)

    def _repr_html_(self) -> str:
        return f"<pre>{_shown(self.text)}</pre>"


class Room:
    """A room in a party's folder, which `glovebox init` and `glovebox party join` made.

    `name` says which, where the folder has several; `program` runs another program than the package's own.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str] = ".",
        name: str | None = None,
        *,
        program: Program | None = None,
    ) -> None:
        self.folder = Path(folder).absolute()
        self.name = name
        self._program = program or Program()

    def __repr__(self) -> str:
        return f"Room({str(self.folder)!r}, {self.name!r})"

    def _run(self, *words: str | os.PathLike[str], stdin: Any = None) -> Answer:
        return self._program.run(*words, "--dir", self.folder, stdin=stdin)

    def _room(self) -> list[str]:
        return [] if self.name is None else ["--room", self.name]

    def _profile(self) -> Mapping[str, Any]:
        """What the folder says of the room."""
        shown = self._run("party", "show").result["rooms"]
        meant = [room for room in shown if (room["name"] == self.name if self.name else room["usual"])]
        if len(meant) != 1:
            names = ", ".join(str(room["name"]) for room in shown) or "none"
            raise ValueError(f"which room is meant? The folder has {names}: Room(folder, name)")
        return dict(meant[0])

    def _trust(self) -> list[str]:
        """Contract and root of the room, for commands that take no name of a room."""
        rooms = self.folder / "rooms"
        with open(rooms / f"{self._profile()['name']}.toml", "rb") as file:
            profile = tomllib.load(file)
        root = profile.get("danger_root")
        return trust(self.folder / profile["contract"], self.folder / root if root else None, None)

    def verify(self) -> Mapping[str, Any]:
        """Checks the enclave, one thing after the other. Raises :class:`SaidNo` if it is not to be believed."""
        return self._run("verify", *([self.name] if self.name else [])).result

    def price(self, job: Job, *, audience: int | None = None, sd: Mapping[str, float] | None = None) -> Price:
        """What a question costs and how exact its answer will be. Nothing is spent, and nobody is asked.

        `audience` also says how exact a mean over so many people is; `sd` which epsilon makes the noise on a figure so small.
        Raises :class:`Refused` if the contract does not permit it, or no budget ever pays for it.
        """
        more = [] if audience is None else ["--audience", str(audience)]
        more += [word for figure, value in (sd or {}).items() for word in ("--sd", f"{figure}={value}")]
        contract = self._trust()[:2]
        with _job_file(job) as path:
            answer = self._run("job", "price", path, *contract, *more)
        found = answer.result
        names = ("analysis", "purpose", "epsilon", "delta", "rho", "people_sd", "charged", "figures", "careful")
        return Price(**{name: found[name] for name in names}, raw=found, text=answer.text)

    def ask(
        self,
        job: Job,
        *,
        receivers: Sequence[str] = (),
        again: str | None = None,
        folder: str | os.PathLike[str] | None = None,
    ) -> Result:
        """Asks a question: signed here, paid by every owner, answered by the enclave. The receipt is checked before it returns.

        The result is kept in `folder`, or in `results/JOB` in the party's folder. `again` names a job that was asked before: it
        is the same job, and is not paid twice. Raises :class:`Refused` if the contract, an owner or the enclave declines.
        """
        words = [word for name in receivers for word in ("--receiver", name)]
        words += [] if again is None else ["--id", again]
        with _job_file(job) as path:
            name = self._run("job", "submit", path, *self._room(), *words).result["job"]
        return self.open(name, folder=folder)

    def open(self, job: str, *, folder: str | os.PathLike[str] | None = None) -> Result:
        """Fetches the result of a job from the host and opens it, if its receipt holds."""
        into = Path(folder) if folder is not None else self.folder / "results" / job
        self._run("result", "open", "--job", job, *self._room(), "-o", into.absolute())
        return self.result(into)

    def result(self, folder: str | os.PathLike[str]) -> Result:
        """A result that lies in a folder already."""
        words = dict(zip(*[iter(self._trust())] * 2))
        contract, root = words["--contract"], words.get("--danger-root")
        return Result(folder, contract=contract, danger_root=root, party=self.folder, program=self._program)

    def seal(self, dataset: str, table: Table, *flags: str, output: str | os.PathLike[str] | None = None) -> Mapping[str, Any]:
        """Seals a table for the room: checked, hashed, ordered, padded and encrypted on this machine.

        A table in memory is anything with `__arrow_c_stream__`. It goes through a pipe, batch by batch, so that no copy of it
        comes to lie on a disk. `flags` are those of `glovebox seal`, such as `"--round"`.
        """
        stem = Path(output).absolute() if output is not None else self.folder / dataset
        words: list[str | os.PathLike[str]] = ["--dataset", dataset, "-o", stem, *self._trust()[:2], *flags]
        return self._from_table("seal", table, words)

    def check_table(self, dataset: str, table: Table, *flags: str) -> Mapping[str, Any]:
        """Counts what is good, empty or refused in each column. Nothing is written."""
        return self._from_table("seal", table, ["--check", "--dataset", dataset, *self._trust()[:2], *flags])

    def _from_table(self, command: str, table: Table, words: Sequence[str | os.PathLike[str]]) -> Mapping[str, Any]:
        if _tables.is_path(table):
            return self._run(command, _tables.path_of(table), *words).result
        return self._run(command, "-", *words, stdin=_tables.writer(table)).result

    def upload(self, dataset: str, file: str | os.PathLike[str] | None = None) -> Mapping[str, Any]:
        """Uploads a sealed file to the room's host, which cannot read it."""
        path = Path(file) if file is not None else self.folder / f"{dataset}.sealed"
        return self._run("upload", *([self.name] if self.name else []), path.absolute()).result

    def grant(self, dataset: str, *flags: str) -> Mapping[str, Any]:
        """Hands the keys of the columns that the contract uses to the enclave, if it is believed."""
        stem = self.folder / dataset
        words = ["--dataset", dataset, "--manifest", f"{stem}.manifest", "--keys", f"{stem}.keys", *flags]
        return self._run("grant", *([self.name] if self.name else []), *words).result

    def revoke(self, dataset: str) -> Mapping[str, Any]:
        """Takes a grant back."""
        return self._run("grant", *([self.name] if self.name else []), "--dataset", dataset, "--revoke").result

    def status(self) -> Mapping[str, Any]:
        """What the enclave holds: open datasets, budgets handed over and spent, jobs."""
        return self._run("job", "status", *self._room()).result

    def budget(self) -> Mapping[str, Any]:
        """What is left of this party's budgets, and which instance took what."""
        return self._run("budget", *self._trust()[:2]).result


@dataclass(frozen=True)
class Trial:
    """The answer of a trial: SIMULATED, without a receipt, and worth nothing to anybody else."""

    #: As protocol/spec/result-v2.md has it.
    result: Mapping[str, Any] = field(repr=False)
    text: str = field(repr=False)
    simulated: bool = True

    def _repr_html_(self) -> str:
        return f"{_simulated(True)}<pre>{_shown(self.text)}</pre>"


def rehearse(
    contract: str | os.PathLike[str],
    job: Job,
    data: Mapping[str, Table],
    *flags: str,
    noise: bool = True,
    program: Program | None = None,
) -> Trial:
    """Runs a job on your own tables in a simulated room, in one process. No partner and no budget is touched.

    There is one standard input and may be several tables, so tables in memory are written as Arrow into files that this user
    alone may read, in a folder that is removed.
    """
    program = program or Program()
    with tempfile.TemporaryDirectory(prefix="glovebox-") as folder, _job_file(job) as path:
        words: list[str] = []
        for name, table in data.items():
            file = _tables.path_of(table) if _tables.is_path(table) else _written(Path(folder) / f"{name}.arrows", table)
            words += ["--data", f"{name}={file}"]
        more = [] if noise else ["--noise", "off"]
        answer = program.run("try", "--contract", Path(contract).absolute(), "--job", path, *words, *more, *flags)
    return Trial(result=answer.result["result"], text=answer.text)


def _written(path: Path, table: Any) -> str:
    with _private(path) as out:
        _tables.writer(table)(out)
    return str(path)


def _private(path: Path) -> IO[bytes]:
    """A new file for this user alone, from the moment it is there."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


@contextmanager
def _job_file(job: Job) -> Iterator[Path]:
    """The path of a job's TOML, which is written into a folder that is removed unless it is a file already."""
    if isinstance(job, os.PathLike) or isinstance(job, str) and "\n" not in job:
        yield Path(job).absolute()
        return
    text = dumps(job) if isinstance(job, Mapping) else str(job)
    with tempfile.TemporaryDirectory(prefix="glovebox-") as folder:
        path = Path(folder) / "job.toml"
        with _private(path) as out:
            out.write(text.encode())
        yield path
