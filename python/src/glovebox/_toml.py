"""A mapping as TOML: the reader is in the standard library, a writer is not."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from numbers import Integral, Real
from typing import Any


def dumps(table: Mapping[str, Any]) -> str:
    """The TOML of a mapping of texts, numbers, truths, lists and mappings."""
    return "\n".join(_lines(table, ())) + "\n"


def _lines(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    below: list[tuple[str, Any]] = []
    for name, value in table.items():
        if isinstance(value, Mapping) or _is_list_of_tables(value):
            below.append((name, value))
        elif value is not None:
            yield f"{_key(name)} = {_value(value)}"
    for name, value in below:
        here = (*path, _key(name))
        head = ".".join(here)
        if isinstance(value, Mapping):
            yield f"[{head}]"
            yield from _lines(value, here)
        else:
            for item in value:
                yield f"[[{head}]]"
                yield from _lines(item, here)


def _is_list_of_tables(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and bool(value) and all(isinstance(item, Mapping) for item in value)


def _key(name: str) -> str:
    plain = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
    return name if plain else _text(name)


def _text(text: str) -> str:
    # A text of JSON is one of TOML, but for DEL, which TOML wants escaped.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")


def _value(value: Any) -> str:
    if isinstance(value, bool) or getattr(getattr(value, "dtype", None), "kind", None) == "b":
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    # Numbers of other libraries, such as NumPy's, are instances of these and print as calls.
    if isinstance(value, Integral):
        return repr(int(value))
    if isinstance(value, Real):
        return repr(float(value))
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_value, value)) + "]"
    raise TypeError(f"a job has texts, numbers, true or false, lists and tables; found {type(value).__name__}")
