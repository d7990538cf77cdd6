"""Functions whose frames are judged before anyone uses them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

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
            frame, give_back = _held(function(*arguments, **words))
            report = check(frame, rules, **options)
            if report_to is not None:
                report_to(report)
            if on_bad == "drop" and report.verdict in ("accept", "quarantine"):
                is_same = report.verdict == "accept" and not _is_changed(frame, report)
                return give_back(frame if is_same else _like(report.split()[0], frame))
            report.raise_for_verdict()
            return give_back(frame)

        return cast(F, judged)

    return decorate


def _held(frame: Any) -> tuple[Any, Callable[[Any], Any]]:
    """The frame, and how it is given back. A stream can be read once, by us or by whoever called: its rows are held."""
    if _kind(frame) == ("pyarrow", "RecordBatchReader"):
        return frame.read_all(), lambda table: table.to_reader()
    if isinstance(frame, Iterator):
        import pyarrow as pa  # type: ignore[import-not-found,import-untyped,unused-ignore]

        return pa.Table.from_batches(list(cast("Iterator[Any]", frame))), lambda table: iter(table.to_batches())  # pyright: ignore
    return frame, lambda same: same


def _is_changed(frame: Any, report: Report) -> bool:
    """Whether the rows that pass are other than the frame's: `clean` dropped some, or `transform` made columns."""
    if report.rows.filtered > 0:
        return True
    index = _index_columns(frame) if _kind(frame) == ("pandas", "DataFrame") else []
    columns = frame.collect_schema() if _kind(frame) == ("polars", "LazyFrame") else frame.columns
    given = len(columns) + len([name for name in index if name in report.split()[0].column_names])
    return len(report.split()[0].column_names) != given


def _like(rows: Table, frame: Any) -> Any:
    """The rows as a frame of the same kind."""
    module, name = _kind(frame)
    if module == "pandas":
        return _pandas_like(rows, frame)
    if module == "polars":
        return rows.to_polars().lazy() if name == "LazyFrame" else rows.to_polars()
    if module == "pyarrow":
        return rows.to_arrow()
    if name == "DuckDBPyRelation":
        import duckdb  # type: ignore[import-not-found,import-untyped,unused-ignore]

        return duckdb.from_arrow(rows.to_arrow())  # pyright: ignore
    return rows


def _pandas_like(rows: Table, frame: Any) -> Any:
    """An index that was handed over as columns is an index again; one that only counts is counted anew."""
    passing, index = rows.to_pandas(), _index_columns(frame)
    if index and set(index) <= set(passing.columns):
        passing = passing.set_index(index)
        passing.index.names = frame.index.names
    return passing


def _index_columns(frame: Any) -> list[str]:
    """What the columns are called as which pandas hands over an index."""
    return [f"__index_level_{level}__" if name is None else name for level, name in enumerate(frame.index.names)]


def _kind(frame: object) -> tuple[str, str]:
    """The package and the name of a frame's class. DuckDB's own module is named otherwise from version to version."""
    return type(frame).__module__.split(".")[0], type(frame).__name__
