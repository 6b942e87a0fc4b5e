"""The program `glovebox`: where it is, how it is run, and what it answers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from ._errors import GloveboxError, WrongProgram, raised

#: The version of the package, which is that of the program.
__version__ = "0.2.0"

#: The format of documents that this package reads.
FORMAT = "glovebox-command-v1"


@dataclass(frozen=True)
class Answer:
    """The document that a command prints with `--json`."""

    command: str
    exit_code: int | None
    result: Mapping[str, Any]
    error: Mapping[str, Any] | None = field(default=None, repr=False)
    #: What the command prints for people.
    text: str = field(default="", repr=False)
    #: What it prints on standard error, such as SIMULATED.
    remarks: tuple[str, ...] = field(default=(), repr=False)


class Program:
    """The program at `path`; if none is named, the one of the wheel, else the first on the PATH.

    The environment variable GLOVEBOX names another.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self.path = _found(path)

    def __repr__(self) -> str:
        return f"Program({str(self.path)!r})"

    def run(self, *words: str | os.PathLike[str], stdin: Callable[[IO[bytes]], None] | None = None) -> Answer:
        """Runs a command and gives its document. `stdin` writes into a pipe that the command reads.

        Raises :class:`Refused`, :class:`SaidNo` or :class:`Unclear` where the command ends without success.
        """
        answer = self.answer(*words, stdin=stdin)
        if answer.exit_code != 0:
            raise raised(answer)
        return answer

    def answer(self, *words: str | os.PathLike[str], stdin: Callable[[IO[bytes]], None] | None = None) -> Answer:
        """The same, whatever the exit code."""
        line = [str(self.path), *(os.fspath(word) for word in words), "--json"]
        pipe = subprocess.DEVNULL if stdin is None else subprocess.PIPE
        process = subprocess.Popen(line, stdin=pipe, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        with process:
            writer = _Writer(stdin, process.stdin)
            try:
                out, err = _both(process)
            except BaseException:
                process.kill()
                raise
            finally:
                writer.join()
        answer = _read(out, err, process.returncode)
        if writer.failed is not None and not isinstance(writer.failed, BrokenPipeError):
            raise writer.failed
        return answer


class _Writer:
    """Writes into the command's standard input while its output is read: else both could wait for each other."""

    def __init__(self, write: Callable[[IO[bytes]], None] | None, pipe: IO[bytes] | None) -> None:
        self.failed: BaseException | None = None
        self._thread: threading.Thread | None = None
        if write is not None and pipe is not None:
            self._thread = threading.Thread(target=self._run, args=(write, pipe), daemon=True)
            self._thread.start()

    def _run(self, write: Callable[[IO[bytes]], None], pipe: IO[bytes]) -> None:
        try:
            write(pipe)
        except BaseException as why:
            self.failed = why
        finally:
            try:
                pipe.close()
            except OSError:
                pass

    def join(self) -> None:
        if self._thread is not None:
            self._thread.join()


def _both(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """All of standard output and standard error."""
    errors: list[bytes] = []
    assert process.stdout is not None and process.stderr is not None
    reader = threading.Thread(target=lambda pipe: errors.append(pipe.read()), args=(process.stderr,), daemon=True)
    reader.start()
    out = process.stdout.read()
    reader.join()
    process.wait()
    return out, b"".join(errors)


def _read(out: bytes, err: bytes, code: int) -> Answer:
    try:
        lines = out.splitlines()
        document = json.loads(lines[-1])
        found = document["format"], document["version"]
    except (ValueError, LookupError, TypeError):
        said = err.decode(errors="replace").strip().splitlines()
        why = said[-1] if said else "nothing"
        raise WrongProgram(f"glovebox ended with exit code {code} and printed no document; it said: {why}") from None
    if found != (FORMAT, __version__):
        raise WrongProgram(
            f"the program writes {found[0]} and is of version {found[1]}; this package reads {FORMAT} of {__version__}: "
            "install both from one wheel, or name the program with GLOVEBOX"
        )
    return Answer(
        command=document["command"],
        exit_code=document["exit_code"],
        result=document["result"],
        error=document["error"],
        text=document["text"],
        remarks=tuple(document["remarks"]),
    )


def _found(path: str | os.PathLike[str] | None) -> Path:
    named = path or os.environ.get("GLOVEBOX")
    if named:
        if not Path(named).is_file():
            raise WrongProgram(f"{named} is no program: name the program glovebox")
        # Seen from any working directory.
        return Path(named).absolute()
    for folder in _scripts():
        beside = folder / "glovebox"
        if beside.is_file():
            return beside
    found = shutil.which("glovebox")
    if found is None:
        raise WrongProgram(
            "there is no program glovebox: install the wheel, which has it, or name one with the environment variable GLOVEBOX"
        )
    return Path(found).absolute()


def _scripts() -> Sequence[Path]:
    """Where pip puts the programs of a wheel."""
    schemes = [sysconfig.get_path("scripts"), sysconfig.get_path("scripts", f"{os.name}_user")]
    return [Path(folder) for folder in (*schemes, str(Path(sys.executable).parent)) if folder]


__all__ = ["FORMAT", "Answer", "GloveboxError", "Program", "__version__"]
