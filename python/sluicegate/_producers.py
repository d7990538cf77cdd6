"""Frames of the libraries that people have, as streams of Arrow batches.

Most hand over their rows without a copy when they are asked for `__arrow_c_stream__`. This module is for those that do not
offer it, and for types that a library would hand over as something else than they are.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

from ._pandas import Problem, problem, table_of, unfit


def stream_of(data: Any) -> Any:
    """`data` as something with `__arrow_c_stream__` or `__arrow_c_array__`; itself, if it is of no library known here.

    Raises `Fault` where the library would hand over other values than the frame holds. No library is imported that is not there
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
        raise unfit([one_column("pandas")])
    return None


def from_polars(polars: Any, data: Any) -> Any:
    if isinstance(data, polars.Series):
        raise unfit([one_column("Polars")])
    lazy = isinstance(data, polars.LazyFrame)
    if not lazy and not isinstance(data, polars.DataFrame):
        return None
    schema = data.collect_schema() if lazy else data.schema
    problems = [p for name, dtype in schema.items() for p in polars_unfit(polars, name, dtype)]
    if problems:
        raise unfit(problems)
    if lazy:
        # In order, and whole: an error on the way ends the stream with that error.
        data = data.collect_batches(lazy=True) if hasattr(data, "collect_batches") else data.collect()
    untyped = [name for name, dtype in schema.items() if "Null" in str(dtype)]
    return through_pyarrow(data, untyped) if untyped else data


def through_pyarrow(data: Any, untyped: list[str]) -> Any:
    """Columns of nothing but nulls, in the form that Arrow gives them: Polars' own has a part too many."""
    try:
        pa: Any = importlib.import_module("pyarrow")
    except ImportError:
        hint = "give it a type: `pl.col(...).cast(pl.String)`, or install pyarrow"
        raise unfit([problem("unsupported-type", f"Polars: `{name}` has no type", hint) for name in untyped]) from None
    reader = pa.RecordBatchReader.from_stream(data)
    return reader.read_all() if hasattr(data, "schema") else reader


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


def from_pyarrow(pa: Any, data: Any) -> Any:
    dataset: Any = sys.modules.get("pyarrow.dataset")
    if dataset is not None and isinstance(data, dataset.Dataset):
        data = data.scanner()
    if dataset is not None and isinstance(data, dataset.Scanner):
        data = data.to_reader()
    if not isinstance(data, (pa.Table, pa.RecordBatch, pa.RecordBatchReader)):
        return None
    return unsliced(pa, data) if any(has_struct_in_struct(pa, field.type) for field in data.schema) else data


def has_struct_in_struct(pa: Any, kind: Any, inside: bool = False) -> bool:
    is_struct = pa.types.is_struct(kind)
    inner = [kind.field(i).type for i in range(kind.num_fields)]
    return (is_struct and inside) or any(has_struct_in_struct(pa, field, inside or is_struct) for field in inner)


def unsliced(pa: Any, data: Any) -> Any:
    """The same rows, whose nested structs begin where their buffers begin: Arrow's library for Rust (59.3) refuses others.

    A part of a table (`slice`, `to_batches`, what a scanner gives) is a view into it. Structs are taken apart and put together
    again: their values stay where they are.
    """

    def whole(column: Any) -> Any:
        if not pa.types.is_struct(column.type):
            return column
        fields = [column.type.field(i) for i in range(column.type.num_fields)]
        mask = column.is_null() if column.null_count else None
        return pa.StructArray.from_arrays([whole(field) for field in column.flatten()], fields=fields, mask=mask)

    def wholes(batches: Any) -> Any:
        for batch in batches:
            yield pa.RecordBatch.from_arrays([whole(column) for column in batch.columns], schema=data.schema)

    batches = [data] if isinstance(data, pa.RecordBatch) else data.to_batches() if isinstance(data, pa.Table) else data
    return pa.RecordBatchReader.from_batches(data.schema, wholes(batches))


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
    for name, dtype in zip(data.columns, data.types, strict=True):
        for word, kind in DUCKDB_MISREAD.items():
            if word in str(dtype):
                what = f"DuckDB: `{name}` is {dtype}: DuckDB hands over {kind}"
                problems.append(
                    problem("unsupported-type", what, "cast it in the query, to DECIMAL(38, 0), TIME or VARCHAR")
                )
    if problems:
        raise unfit(problems)
    return data


def one_column(library: str) -> Problem:
    return problem(
        "unsupported", f"{library}: a Series is one column, and rules judge tables", "give `series.to_frame()`"
    )


LIBRARIES = {"pandas": from_pandas, "polars": from_polars, "pyarrow": from_pyarrow, "duckdb": from_duckdb}
