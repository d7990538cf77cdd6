"""One statement in DuckDB: SQL. Prints its first row."""

import os
import sys

import duckdb

connection = duckdb.connect(config={"threads": int(os.environ.get("BENCH_THREADS", os.cpu_count()))})
row = connection.execute(sys.argv[1]).fetchone()
print(row if row is None or len(row) < 50 else (*row[:50], "…"))
