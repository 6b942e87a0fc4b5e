"""Why something was not done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._program import Answer


class GloveboxError(Exception):
    """The program ended without success. `str()` is its sentence, which says what to do."""

    def __init__(self, answer: Answer) -> None:
        error: Mapping[str, Any] = answer.error or {}
        super().__init__(error.get("text") or f"glovebox ended with exit code {answer.exit_code}")
        #: The command, such as `job price`; its arguments are not kept.
        self.command: str = answer.command
        #: 1: no, or refused. 2: it could not be told.
        self.exit_code: int | None = answer.exit_code
        #: What the command found before it failed.
        self.result: Mapping[str, Any] = answer.result
        #: What it remarked on the way.
        self.remarks: tuple[str, ...] = answer.remarks


class Unclear(GloveboxError):
    """The question could not be answered: nobody answers, a file is missing, or an argument makes no sense."""


class SaidNo(GloveboxError):
    """The answer is no: not believed, not in the contract, or a receipt that does not hold."""


class Refused(SaidNo):
    """A rule refused: of the contract, of an owner's budget, or of the enclave. Nothing was spent."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer)
        error: Mapping[str, Any] = answer.error or {}
        #: The rule by its name in protocol/spec/refusals.md, such as `budget_exhausted`.
        self.rule: str = error.get("rule") or ""
        #: Whose rule it is, and of which dataset and purpose, as far as it is about one.
        self.owner: str | None = error.get("owner")
        self.dataset: str | None = error.get("dataset")
        self.purpose: str | None = error.get("purpose")
        #: What was asked, and what is left: `{"rho": .., "epsilon": ..}` of a budget.
        self.cost: Mapping[str, Any] | None = error.get("cost")
        self.left: Mapping[str, Any] | None = error.get("left")
        #: What would pass instead, such as `{"epsilon": 0.4}`; None if nothing is known to.
        self.would_pass: Mapping[str, Any] | None = error.get("would_pass")


class WrongProgram(Exception):
    """There is no program `glovebox`, or it is not the one that this package was made for."""


class MissingLibrary(Exception):
    """A table cannot be read or made without a library that is not installed."""


def raised(answer: Answer) -> GloveboxError:
    """The exception for an answer without success."""
    kinds: dict[str, type[GloveboxError]] = {"refused": Refused, "no": SaidNo}
    kind = (answer.error or {}).get("kind", "no" if answer.exit_code == 1 else "unclear")
    return kinds.get(str(kind), Unclear)(answer)
