"""Reads what Sluicegate published (first argument) with pandas, polars and DuckDB, and compares its values and
types with the same rows as pyarrow wrote them (second argument). Columns that only the first has are let be."""

import sys

import duckdb
import pandas as pd
import polars as pl
import pyarrow.parquet as pq

published, reference = sys.argv[1], sys.argv[2]
ours, theirs = pq.read_table(published), pq.read_table(reference)
columns = theirs.column_names
assert ours.column_names[: len(columns)] == columns, ours.column_names
for name in columns:
    mine, other = ours.schema.field(name).type, theirs.schema.field(name).type
    assert mine.equals(other) or str(mine).replace("element:", "item:") == str(other).replace("element:", "item:"), (name, mine, other)
    assert ours[name].to_pylist() == theirs[name].to_pylist(), name

frames = [pd.read_parquet(path)[columns] for path in (published, reference)]
assert list(frames[0].dtypes) == list(frames[1].dtypes), frames[0].dtypes
frames = [pl.read_parquet(path).select(columns) for path in (published, reference)]
assert frames[0].schema == frames[1].schema, frames[0].schema
assert frames[0].equals(frames[1])
quoted = ", ".join(f'"{name}"' for name in columns)
tables = [duckdb.sql(f"select {quoted} from '{path}'") for path in (published, reference)]
assert tables[0].types == tables[1].types, tables[0].types
assert tables[0].arrow().equals(tables[1].arrow()) if hasattr(tables[0].arrow(), "equals") else (
    tables[0].arrow().read_all().equals(tables[1].arrow().read_all())
)
