"""Functions whose frames are judged before anyone uses them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

from ._frames import opened
from ._report import Report, Table
from ._rule_text import RulesLike
from ._run import check

F = TypeVar("F", bound=Callable[..., Any])


def gated(
    rules: RulesLike, *, on_bad: str = "raise", report_to: Callable[[Report], object] | None = None, **options: Any
) -> Callable[[F], F]:
    """Judge the frame that a function returns.

    Args:
        rules: as for :func:`sluicegate.check`.
        on_bad: ``"raise"`` raises :class:`sluicegate.Rejected` unless the batch is accepted. ``"drop"`` hands on the rows
            that pass, in a frame of the same kind, and raises only for a batch that is rejected or could not be judged.
        report_to: is called with each report.
        options: those of :func:`sluicegate.check`.

    Raises:
        ValueError: ``on_bad`` is another word.

    Example:
        >>> @sluicegate.gated("rules/orders.yaml")
        ... def orders() -> polars.DataFrame: ...
    """
    if on_bad not in ("raise", "drop"):
        raise ValueError(f'`on_bad` is "raise" or "drop", not {on_bad!r}')

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def judged(*arguments: Any, **words: Any) -> Any:
            frame = function(*arguments, **words)
            report = check(frame, rules, **options)
            if report_to is not None:
                report_to(report)
            if on_bad == "drop" and report.verdict in ("accept", "quarantine"):
                return (
                    frame
                    if report.verdict == "accept" and not _is_changed(frame, report)
                    else _like(report.split()[0], frame)
                )
            report.raise_for_verdict()
            return frame

        return cast(F, judged)

    return decorate


def _is_changed(frame: Any, report: Report) -> bool:
    """Whether the rows that pass are other than the frame's: `clean` dropped some, or `transform` made columns. A stream is gone
    once it was judged."""
    return (
        report.rows.filtered > 0 or opened(frame).is_stream or len(report.split()[0].column_names) != len(frame.columns)
    )


def _like(rows: Table, frame: Any) -> Any:
    """The rows as a frame of the same kind."""
    module, name = type(frame).__module__.split(".")[0], type(frame).__name__
    if module == "pandas":
        return rows.to_pandas()
    if module == "polars":
        return rows.to_polars().lazy() if name == "LazyFrame" else rows.to_polars()
    if module == "pyarrow":
        table = rows.to_arrow()
        return table.to_reader() if name == "RecordBatchReader" else table
    return rows
