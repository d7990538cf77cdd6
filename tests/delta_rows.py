"""What other programs read in a Delta table: deltalake, Polars and DuckDB, which must agree. Prints the rows as JSON, sorted by `id`.

With a third argument, COLUMN=VALUE, only the rows with that value, and how many files deltalake reads for them.
"""

import json
import sys

import duckdb
import duckdb_extensions
import polars as pl
from deltalake import DeltaTable

table, wanted = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
duckdb_extensions.import_extension("delta")
column, _, value = (wanted or "").partition("=")


def plain(rows: list[dict]) -> list[dict]:
    return sorted(({key: str(cell) if cell is not None else None for key, cell in row.items()} for row in rows), key=lambda row: int(row["id"]))


delta = DeltaTable(table)
filters = [(column, "=", value)] if wanted else None
arrow = delta.to_pyarrow_table(partitions=filters)
lazy = pl.scan_delta(table)
if wanted:
    lazy = lazy.filter(pl.col(column).cast(pl.String) == value)
polars = lazy.collect()
where = f"where {column}::varchar = '{value}'" if wanted else ""
duck = duckdb.connect()
duck.sql("set timezone = 'UTC'")
names = [name for name in arrow.schema.names]
relation = duck.sql(f"select * from delta_scan('{table}') {where}")
by_duckdb = [dict(zip([d[0] for d in relation.description], row)) for row in relation.fetchall()]
found = plain(arrow.to_pylist())
assert plain(polars.to_dicts()) == found, f"polars: {plain(polars.to_dicts())} deltalake: {found}"
assert plain(by_duckdb) == found, f"duckdb: {plain(by_duckdb)} deltalake: {found}"
files = len(delta.file_uris(filters)) if wanted else len(delta.file_uris())
print(json.dumps({"rows": found, "files": files, "types": {field.name: str(field.type) for field in arrow.schema}}))
