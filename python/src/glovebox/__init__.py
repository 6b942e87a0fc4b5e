"""Ask questions in a Glovebox data clean room, and take checked answers into pandas, polars or Arrow.

    room = glovebox.Room("publisher")          # the party's folder, which `glovebox party join` wrote a room into
    price = room.price("lift.toml")            # what it costs and how exact it will be; nothing is spent
    result = room.ask("lift.toml")             # signed, paid by every owner, answered by the enclave
    result.check()                             # the receipt again, offline
    frame = result.to_pandas()                 # one row for each figure, with its error, its price and its receipt

The package runs the program `glovebox`, which is in the wheel, and reads its documents (protocol/spec/commands-v1.md). What it
does is what the program does: no rule and no check is written a second time in Python.
"""

from ._errors import GloveboxError, MissingLibrary, Refused, SaidNo, Unclear, WrongProgram
from ._program import FORMAT, Answer, Program, __version__
from ._result import Checked, Result
from ._room import Job, Price, Room, Trial, rehearse

__all__ = [
    "FORMAT",
    "Answer",
    "Checked",
    "GloveboxError",
    "Job",
    "MissingLibrary",
    "Price",
    "Program",
    "Refused",
    "Result",
    "Room",
    "SaidNo",
    "Trial",
    "Unclear",
    "WrongProgram",
    "__version__",
    "rehearse",
]
