"""Rule files, however they are given."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from . import _yaml
from ._builder import plain


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
        name = getattr(rules, "path", None) or "rules"
        return name, (rules.to_yaml(), name)
    if isinstance(rules, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        return "rules", (as_yaml(rules), "rules")
    raise TypeError(
        f"rules are a path, the text of a rule file, a dict, or `sluicegate.rules(…)`; this is {type(rules).__qualname__}"
    )


def read(name: str | None, text: tuple[str, str] | None) -> str:
    """The text of a rule file by what :func:`given` says of it; nothing where it cannot be read, which the engine tells."""
    if text is not None:
        return text[0]
    try:
        return Path(name).read_text(encoding="utf-8") if name is not None else ""
    except (OSError, UnicodeDecodeError):
        return ""


def as_yaml(rules: Mapping[str, Any]) -> str:
    """A rule file from a dict: the text that the builder would write, and so its digest."""
    return _yaml.dump(plain(rules))
