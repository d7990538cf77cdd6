"""Profiles in notebooks: a small table of the columns."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

_CELL = "padding:2px 10px;text-align:left;max-width:30em;overflow-wrap:break-word"
_HEADS = ("column", "type", "missing", "distinct", "values", "remarkable")
_SHOWN = 40
_LONGEST = 24


def profile_page(dataset: str, rows: int, columns: Sequence[Mapping[str, Any]]) -> str:
    """A small table for notebooks: escaped, without scripts and styles that could reach the page."""
    heads = "".join(f'<th style="{_CELL}">{head}</th>' for head in _HEADS)
    body = "".join(_row(column) for column in columns[:_SHOWN])
    more = f"<p>and {len(columns) - _SHOWN} more columns</p>" if len(columns) > _SHOWN else ""
    return (
        f"<div><p><b>{html.escape(dataset)}</b>: {rows:,} rows, {len(columns)} columns</p>"
        f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>{more}</div>"
    )


def _row(column: Mapping[str, Any]) -> str:
    missing, rows = int(column.get("missing") or 0), int(column.get("rows") or 0)
    share = f"{missing:,} ({missing / rows:.1%})" if missing else "0"
    distinct = "" if column.get("distinct") is None else f"{column['distinct']:,}"
    estimated = "≈" if distinct and column.get("distinct_exact") is False else ""
    alerts: list[dict[str, Any]] = column.get("alerts") or []
    remarkable = "; ".join(f"{alert['kind']}: {alert['message']}" for alert in alerts)
    cells = (column.get("name"), column.get("type"), share, estimated + distinct, _values(column), remarkable)
    return "<tr>" + "".join(f'<td style="{_CELL}">{html.escape(str(cell or ""))}</td>' for cell in cells) + "</tr>"


def _values(column: Mapping[str, Any]) -> str:
    """The range of numbers and times; of text the most frequent values."""
    if column.get("min") is not None:
        return f"{_short(column['min'])} … {_short(column['max'])}"
    values: list[dict[str, Any]] = column.get("top_values") or []
    return ", ".join(_short(value["value"]) for value in values[:3])


def _short(value: object) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
