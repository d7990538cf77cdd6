"""Reads the text of rule files with the program's own reader, so that it means here what it means there."""

from __future__ import annotations

import datetime
import json
import math
from typing import Any, cast

from . import _sluicegate, _yaml


def read(text: str, path: str) -> dict[str, Any]:
    """The rule file of this text. Text that Python would write in another way keeps the way in which it was written."""
    file = _value(json.loads(_sluicegate.rules_marked(text, path)))
    if not isinstance(file, dict):
        # What is wrong is said as the program says it.
        digest(text, path)
        raise ValueError(f"{path}: a rule file is a mapping")
    return cast("dict[str, Any]", file)


def digest(text: str, path: str) -> str:
    """The digest of the rule file of this text; every mistake in it is a fault."""
    return _sluicegate.rules_digest(text, path)


def _value(marked: Any) -> Any:
    if _yaml.is_mapping(marked):
        return {key: _value(value) for key, value in marked.items()}
    if _yaml.is_list(marked):
        return [_value(value) for value in marked]
    if marked is None:
        return None
    mark, text = marked[0], marked[1:]
    if mark == "q":
        return _yaml.Quoted(text) if _yaml.is_plain(text) else text
    if _yaml.is_plain(text):
        return text
    value = _typed(text)
    return _yaml.Unquoted(text) if value is None or _yaml.scalar(value) != text else value


def _typed(text: str) -> bool | int | float | datetime.date | None:
    """What a text without quotes stands for, where it is no text."""
    if text in ("true", "false"):
        return text == "true"
    for read in (int, float, datetime.date.fromisoformat):
        try:
            value = read(text)
            return None if value in (math.inf, -math.inf) or value != value else value
        except ValueError:
            continue
    return None
