"""Text of the data, of names and of messages as it is shown: characters that a terminal obeys, or that hide or reorder text, as
escapes."""

from __future__ import annotations


def visible(text: str) -> str:
    """Text of several lines: lines stay lines."""
    return "\n".join(map(line, text.split("\n")))


def line(text: str) -> str:
    """Text on one line: line breaks are escapes too."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
