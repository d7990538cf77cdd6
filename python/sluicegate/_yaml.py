"""Writes rule files as YAML that every reader takes for what was meant."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, TypeGuard

LINE_MAX = 120
"""What fits on a line of so many characters is written on one."""

PLAIN = re.compile(
    r"[^\W\d_][\w./+-]*(?: [\w./+%-]+)*|_\w*|\d+(?:\.\d+)?(?:%| ?[A-Za-z][A-Za-z%]*)(?: [A-Za-z0-9.%]+)*", re.ASCII
)
"""Text that needs no quotes: names, paths, and amounts such as `1%`, `36h` or `5 points`."""

MISREAD = re.compile(
    r"~|null|true|false|yes|no|on|off|y|n"
    # Numbers: YAML 1.1 reads more of them than YAML 1.2.
    r"|[-+]?(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:e[-+]?\d+)?|0x[0-9a-f_]+|0o?[0-7_]+|0b[01_]+|[-+]?\.inf|\.nan|inf|infinity|nan"
    # Times, and numbers to the base of 60.
    r"|\d+(?::\d+)+(?:\.\d*)?|\d{4}-\d\d?-\d\d?(?:[ t].*)?",
    re.IGNORECASE,
)
"""Text that some reader takes for something else than text."""


class Unquoted(str):
    """A text of a rule file that stood there without quotes, and that Python would write with them: `017`."""

    __slots__ = ()


class Quoted(str):
    """A text of a rule file that stood there in quotes, and that Python would write without them."""

    __slots__ = ()


def is_mapping(value: Any) -> TypeGuard[Mapping[Any, Any]]:
    """Whether a value is a mapping."""
    return isinstance(value, Mapping)


def is_list(value: Any) -> TypeGuard[list[Any]]:
    """Whether a value is a list."""
    return isinstance(value, list)


def is_plain(text: str) -> bool:
    """Whether a text is written without quotes."""
    if isinstance(text, (Unquoted, Quoted)):
        return isinstance(text, Unquoted)
    return PLAIN.fullmatch(text) is not None and MISREAD.fullmatch(text) is None


def dump(file: Mapping[str, Any]) -> str:
    """A rule file as YAML."""
    lines: list[str] = []
    for key, value in file.items():
        _entry(lines, "", scalar(key), value, is_section=True)
    return "".join(line + "\n" for line in lines)


def scalar(value: Any) -> str:
    """A single value, as it may stand anywhere."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return str(value) if is_plain(value) and "\n" not in value else _quoted(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} cannot stand in a rule file")
        # Readers of YAML 1.1 take `1e-05` for text.
        digits, exponent = repr(float(value)).partition("e")[::2]
        return f"{digits}{'' if '.' in digits or not exponent else '.0'}{'e' if exponent else ''}{exponent}"
    if isinstance(value, int):
        return repr(int(value))
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError(f"{value} cannot stand in a rule file")
        return str(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    raise TypeError(f"a {type(value).__name__} cannot stand in a rule file: {value!r}")


def _quoted(text: str) -> str:
    if text.isprintable() and ("\\" in text or '"' in text):
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    if char.isprintable():
        return char
    code = ord(char)
    if 0xD800 <= code <= 0xDFFF:
        raise ValueError(f"half a character (U+{code:04X}) cannot stand in a rule file")
    named = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(char)
    return named or (f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}")


def _flow(value: Any) -> str:
    """A value on one line."""
    if is_mapping(value):
        entries = ", ".join(f"{scalar(key)}: {_flow(item)}" for key, item in value.items())
        return f"{{ {entries} }}" if value else "{}"
    if is_list(value):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return scalar(value) if _fits_flow(value) else _quoted(value)


def _fits_flow(value: Any) -> bool:
    """Whether a value can stand on one line as it was written: not a text without quotes that has a bracket or a comma."""
    if is_mapping(value):
        return all(_fits_flow(key) and _fits_flow(item) for key, item in value.items())
    if is_list(value):
        return all(map(_fits_flow, value))
    return not (isinstance(value, Unquoted) and re.search(r"[,\[\]{}]|[:?]$", value))


def _is_nested(value: Any) -> bool:
    items: Iterable[Any] = value.values() if is_mapping(value) else value
    return any(is_mapping(item) or is_list(item) for item in items)


def _entry(lines: list[str], indent: str, key: str, value: Any, *, is_section: bool = False) -> None:
    """Adds `key: value`, on one line where it fits; `key` may begin with the `- ` of a list."""
    if not (is_mapping(value) or is_list(value)) or not value:
        lines.append(f"{indent}{key}: {_flow(value) if is_mapping(value) or is_list(value) else scalar(value)}")
        return
    line = f"{indent}{key}: {_flow(value)}"
    if len(line) <= LINE_MAX and _fits_flow(value) and not (is_section and _is_nested(value)):
        lines.append(line)
        return
    lines.append(f"{indent}{key}:")
    inner = indent + ("    " if key.startswith("- ") else "  ")
    if is_mapping(value):
        for name, item in value.items():
            _entry(lines, inner, scalar(name), item)
    else:
        for item in value:
            _item(lines, inner, item)


def _item(lines: list[str], indent: str, item: Any) -> None:
    """Adds an item of a list."""
    line = f"{indent}- {_flow(item)}"
    if not is_mapping(item) or not item:
        lines.append(line if is_mapping(item) or is_list(item) else f"{indent}- {scalar(item)}")
    elif len(item) > 1 and len(line) <= LINE_MAX and _fits_flow(item):
        lines.append(line)
    else:
        for number, (name, value) in enumerate(item.items()):
            _entry(lines, indent if number == 0 else indent + "  ", ("- " if number == 0 else "") + scalar(name), value)
