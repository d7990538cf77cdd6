"""Functions whose frames are judged before anyone uses them."""

from __future__ import annotations

import functools
import importlib
import os
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

from ._frames import HELD, kind_of
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
            returned = function(*arguments, **words)
            if returned is None or isinstance(returned, (str, os.PathLike)):
                raise TypeError(f"a gated function returns a frame; `{function.__name__}` returned {returned!r}")
            frame, give_back = _held(returned)
            report = check(frame, rules, **options)
            if report_to is not None:
                report_to(report)
            if on_bad == "drop" and report.verdict in ("accept", "quarantine"):
                return give_back(_passing(frame, report))
            report.raise_for_verdict()
            return give_back(frame)

        return cast(F, judged)

    return decorate


#: Frames that can be read again; what else gives a stream may give it once.
_KEPT = HELD | {
    ("pandas", "DataFrame"),
    ("polars", "LazyFrame"),
    ("_duckdb", "DuckDBPyRelation"),
    ("duckdb", "DuckDBPyRelation"),
}


def _held(frame: Any) -> tuple[Any, Callable[[Any], Any]]:
    """The frame, and how it is given back. A stream can be read once, by us or by whoever called: its rows are held."""
    if kind_of(frame) == ("pyarrow", "RecordBatchReader"):
        return frame.read_all(), lambda table: table.to_reader()
    if kind_of(frame) not in _KEPT and hasattr(frame, "__arrow_c_stream__"):
        pyarrow: Any = importlib.import_module("pyarrow")
        return pyarrow.table(frame), lambda table: table
    if isinstance(frame, Iterator):
        import pyarrow as pa  # type: ignore[import-not-found,import-untyped,unused-ignore]

        return pa.Table.from_batches(list(cast("Iterator[Any]", frame))), lambda table: iter(table.to_batches())  # pyright: ignore
    return frame, lambda same: same


def _passing(frame: Any, report: Report) -> Any:
    """The rows that pass, as a frame of the same kind: the frame itself where all do."""
    good, bad = report.split()
    kind = kind_of(frame)
    index = _index_columns(frame) if kind == ("pandas", "DataFrame") else []
    columns = frame.collect_schema() if kind == ("polars", "LazyFrame") else frame.columns
    handed_over = len(columns) + len([name for name in index if name in good.column_names])
    if report.rows.filtered > 0 or len(good.column_names) != handed_over:
        # `clean` dropped rows, or `transform` made columns.
        return _like(good, frame)
    if len(bad) == 0:
        return frame
    return _without(frame, bad) if kind == ("pandas", "DataFrame") else _like(good, frame)


def _without(frame: Any, bad: Table) -> Any:
    """A pandas frame without some rows: what is left keeps its index and types."""
    np: Any = importlib.import_module("numpy")

    stays = np.ones(len(frame), dtype=bool)
    # Rows are counted from 1, as lines are.
    stays[bad.to_arrow().column("_sluicegate_row").to_numpy().astype(int) - 1] = False
    return frame.iloc[stays]


def _like(rows: Table, frame: Any) -> Any:
    """The rows as a frame of the same kind."""
    module, name = kind_of(frame)
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
