"""Rule files, however they are given."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast, runtime_checkable


@dataclass(frozen=True)
class RuleText:
    """A rule file that is text. Its name is what messages call it."""

    text: str
    name: str = "rules"


@runtime_checkable
class WritesYaml(Protocol):
    """The builder, :class:`sluicegate.Rules`."""

    def to_yaml(self) -> str: ...


#: A path, the text of a rule file, a dict as a rule file would hold it, or the builder.
RulesLike = str | os.PathLike[str] | RuleText | Mapping[str, Any] | WritesYaml


def given(rules: RulesLike) -> tuple[str, tuple[str, str] | None]:
    """What the engine is told: what the rule file is called, and its text and name where it is no file.

    A ``str`` with a line end is the text of a rule file; any other is a path.

    Raises:
        TypeError: it is none of these.
    """
    if isinstance(rules, RuleText):
        return rules.name, (rules.text, rules.name)
    if isinstance(rules, os.PathLike):
        return os.fspath(rules), None
    if isinstance(rules, str):
        return ("rules", (rules, "rules")) if "\n" in rules else (rules, None)
    if isinstance(rules, WritesYaml):
        return "rules", (rules.to_yaml(), "rules")
    if isinstance(rules, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        return "rules", (as_yaml(rules), "rules")
    raise TypeError(
        f"rules are a path, the text of a rule file, a dict, or `sluicegate.rules(…)`; this is {type(rules).__qualname__}"
    )


def as_yaml(rules: Mapping[str, Any]) -> str:
    """A rule file from a dict. JSON is YAML; one section a line, so that places in messages mean something."""
    lines = (f"{json.dumps(str(key))}: {_json(value)}" for key, value in rules.items())
    return "\n".join(lines) + "\n"


def _json(value: Any) -> str:
    if isinstance(value, list):
        items = cast("list[Any]", value)
        return "[" + ",".join("\n  " + json.dumps(item, ensure_ascii=False, default=str) for item in items) + "]"
    return json.dumps(value, ensure_ascii=False, default=str)
