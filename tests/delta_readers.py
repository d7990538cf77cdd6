"""Reads the Delta table that Sluicegate published (first argument) with deltalake for Python into pandas and Arrow, with
Polars and with DuckDB, and compares its values with the Parquet file of the same rows (second argument). The third argument is the number
of versions the table must have."""

import json
import sys

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import DeltaTable
from duckdb_extensions import import_extension

table, reference, versions = DeltaTable(sys.argv[1]), pq.read_table(sys.argv[2]), int(sys.argv[3])
columns = reference.column_names
assert len(table.history()) == versions, table.history()
ours = table.to_pyarrow_table()
assert ours.num_rows == reference.num_rows, ours.num_rows
key = columns[0]
for name in columns:
    mine = ours.sort_by(key)[name].to_pylist()
    theirs = reference.sort_by(key)[name].to_pylist()
    assert mine == theirs, (name, [pair for pair in zip(mine, theirs) if pair[0] != pair[1]][:3])
assert len(table.to_pandas()) == reference.num_rows
frame = pl.read_delta(sys.argv[1]).sort(key)
assert frame[key].to_list() == reference.sort_by(key)[key].to_pylist()
for field in reference.schema:
    # Readers skip files by the bounds in the log: a bound that is read wrongly would lose rows.
    if pa.types.is_timestamp(field.type) or pa.types.is_date(field.type) or pa.types.is_integer(field.type):
        for bound in (pc.min(reference[field.name]), pc.max(reference[field.name])):
            expected = pc.sum(pc.equal(reference[field.name], bound)).as_py()
            found = table.to_pyarrow_table(filters=[(field.name, "=", bound.as_py())]).num_rows
            assert found == expected, (field, bound, found)
            found = pl.scan_delta(sys.argv[1]).filter(pl.col(field.name) == bound.as_py()).collect().height
            assert found == expected, (field, bound, found)
# DuckDB's extension comes as a package: where it would download it from may be out of reach.
import_extension("delta")
duck = duckdb.connect()
duck.sql("LOAD delta")
scanned = duck.sql(f"select * from delta_scan('{sys.argv[1]}') order by {key}")
for name in columns:
    quoted = '"' + name.replace('"', '""') + '"'
    mine = scanned.project(quoted).fetchall()
    theirs = duck.sql(f"select {quoted} from '{sys.argv[2]}' order by {key}").fetchall()
    assert mine == theirs, (name, [pair for pair in zip(mine, theirs) if pair[0] != pair[1]][:3])
counted = pa.table(table.get_add_actions(flatten=True)).column("num_records").to_pylist()
assert sum(counted) == reference.num_rows, counted
print(json.dumps({"rows": ours.num_rows}))
