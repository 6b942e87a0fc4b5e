"""Tables from other libraries into the program: Arrow, batch by batch, and no CSV in between."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Protocol, TypeAlias, runtime_checkable

from ._errors import MissingLibrary


@runtime_checkable
class ArrowStream(Protocol):
    """Whatever gives its rows as an Arrow stream: pandas, polars, pyarrow, DuckDB and others."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


#: A table in memory, or the path of a file: CSV, Parquet or Arrow.
Table: TypeAlias = "ArrowStream | str | os.PathLike[str]"


def is_path(table: Table) -> bool:
    return isinstance(table, (str, os.PathLike))


def path_of(table: Table) -> str:
    """The path of a table that is a file. One that begins with a dash would be read as a flag."""
    path = os.fspath(table)  # type: ignore[arg-type]
    return str(Path(path).absolute())


def writer(table: Any) -> Callable[[IO[bytes]], None]:
    """What writes a table into a pipe or a file as an Arrow IPC stream.

    pyarrow writes it if it is there; without it polars and nanoarrow do.
    """
    if not hasattr(table, "__arrow_c_stream__"):
        raise TypeError(
            f"expected a table that gives an Arrow stream (__arrow_c_stream__), or a path; found {type(table).__name__}"
        )
    for attempt in (_by_pyarrow, _by_polars, _by_nanoarrow):
        found = attempt(table)
        if found is not None:
            return found
    raise MissingLibrary(
        f"to read a {type(table).__name__} takes pyarrow (pip install pyarrow), polars or nanoarrow; none is installed"
    )


def _by_pyarrow(table: Any) -> Callable[[IO[bytes]], None] | None:
    try:
        import pyarrow
    except ImportError:
        return None

    def write(out: IO[bytes]) -> None:
        reader = pyarrow.RecordBatchReader.from_stream(table)
        with pyarrow.ipc.new_stream(out, reader.schema) as stream:
            for batch in reader:
                stream.write_batch(batch)

    return write


def _by_polars(table: Any) -> Callable[[IO[bytes]], None] | None:
    try:
        import polars
    except ImportError:
        return None
    frame = table if isinstance(table, polars.DataFrame) else polars.DataFrame(table)
    return lambda out: frame.write_ipc_stream(out, compat_level=polars.CompatLevel.oldest())


def _by_nanoarrow(table: Any) -> Callable[[IO[bytes]], None] | None:
    try:
        from nanoarrow import c_array_stream
        from nanoarrow.ipc import StreamWriter
    except ImportError:
        return None

    def write(out: IO[bytes]) -> None:
        with StreamWriter.from_writable(out) as stream:
            stream.write_stream(c_array_stream(table))

    return write
