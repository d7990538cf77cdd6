"""Frames of the libraries that people have, as streams of Arrow batches.

Most hand over their rows without a copy when they are asked for `__arrow_c_stream__`. This module is for those that do not
offer it, and for types that a library would hand over as something else than they are.
"""

from __future__ import annotations

import sys
from typing import Any

from ._pandas import Problem, Unfit, problem, table_of


def stream_of(data: Any) -> Any:
    """`data` as something with `__arrow_c_stream__` or `__arrow_c_array__`; itself, if it is of no library known here.

    Raises `Unfit` where the library would hand over other values than the frame holds. No library is imported that is not there
    already: whoever has a frame of it has imported it.
    """
    for library, take in LIBRARIES.items():
        module = sys.modules.get(library)
        if module is not None:
            taken = take(module, data)
            if taken is not None:
                return taken
    return data


def from_pandas(pandas: Any, data: Any) -> Any:
    if isinstance(data, pandas.DataFrame):
        return table_of(data)
    if isinstance(data, pandas.Series):
        raise Unfit([one_column("pandas")])
    return None


def from_polars(polars: Any, data: Any) -> Any:
    if isinstance(data, polars.Series):
        raise Unfit([one_column("Polars")])
    lazy = isinstance(data, polars.LazyFrame)
    if not lazy and not isinstance(data, polars.DataFrame):
        return None
    schema = data.collect_schema() if lazy else data.schema
    problems = [p for name, dtype in schema.items() for p in polars_unfit(polars, name, dtype)]
    if problems:
        raise Unfit(problems)
    if not lazy:
        return data
    # In order, and whole: an error on the way ends the stream with that error.
    return data.collect_batches(lazy=True) if hasattr(data, "collect_batches") else data.collect()


def polars_unfit(polars: Any, name: str, dtype: Any) -> list[Problem]:
    """Types that Polars hands over as what no reader understands, or as addresses of memory."""
    inner = getattr(dtype, "inner", None)
    if inner is not None:
        return polars_unfit(polars, f"{name}[]", inner)
    fields = getattr(dtype, "fields", None)
    if fields is not None:
        return [p for field in fields for p in polars_unfit(polars, f"{name}.{field.name}", field.dtype)]
    if dtype == polars.Object:
        hint = "leave the column out, or write it as text"
        return [problem("unsupported-type", f"Polars: `{name}` holds Python objects, which are not read", hint)]
    if str(dtype) in ("Int128", "UInt128"):
        hint = "cast it: `pl.col(...).cast(pl.Decimal(38, 0))`, or to `pl.Int64`"
        return [problem("unsupported-type", f"Polars: `{name}` is {dtype}, which is not read", hint)]
    return []


def from_pyarrow(_: Any, data: Any) -> Any:
    dataset: Any = sys.modules.get("pyarrow.dataset")
    if dataset is not None and isinstance(data, dataset.Dataset):
        return data.scanner().to_reader()
    if dataset is not None and isinstance(data, dataset.Scanner):
        return data.to_reader()
    return None


DUCKDB_MISREAD = {
    "UHUGEINT": "numbers that would wrap around",
    "BIGNUM": "numbers in a form of its own",
    "TIME WITH TIME ZONE": "times that would lose their zone",
}
"""Types that DuckDB hands over as something else than they are."""


def from_duckdb(duckdb: Any, data: Any) -> Any:
    if not isinstance(data, duckdb.DuckDBPyRelation):
        return None
    problems: list[Problem] = []
    for name, dtype in zip(data.columns, data.types):
        for word, kind in DUCKDB_MISREAD.items():
            if word in str(dtype):
                what = f"DuckDB: `{name}` is {dtype}: DuckDB hands over {kind}"
                problems.append(
                    problem("unsupported-type", what, "cast it in the query, to DECIMAL(38, 0), TIME or VARCHAR")
                )
    if problems:
        raise Unfit(problems)
    return data


def one_column(library: str) -> Problem:
    return problem(
        "unsupported", f"{library}: a Series is one column, and rules judge tables", "give `series.to_frame()`"
    )


LIBRARIES = {"pandas": from_pandas, "polars": from_polars, "pyarrow": from_pyarrow, "duckdb": from_duckdb}
