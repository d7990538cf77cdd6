"""One of a few small queries in Polars, streaming: ndjson|footers|duplicates|missing PATH. Prints its first row."""

import sys

import polars as pl
from polars import col

query, path = sys.argv[1:]


def outside(column, low, high):
    return (~col(column).is_between(low, high)).sum().alias(f"bad_{column}")


def missing(*columns):
    return [pl.len().alias("rows")] + [col(c).null_count().alias(f"missing_{c}") for c in columns]


if query == "ndjson":
    data = pl.scan_ndjson(path, schema={"l_orderkey": pl.Int64, "l_quantity": pl.Float64, "l_comment": pl.String})
    asked = [*missing("l_orderkey", "l_quantity", "l_comment"), outside("l_quantity", 1, 50)]
elif query == "footers":
    data = pl.scan_parquet(path)
    asked = missing("l_orderkey", "l_partkey", "l_suppkey", "l_quantity", "l_discount", "l_shipdate")
    asked += [f(c).alias(f"{f.__name__}_{c}") for c in ["l_quantity", "l_discount", "l_shipdate"] for f in [pl.min, pl.max]]
elif query == "duplicates":
    data = pl.scan_parquet(path)
    asked = [pl.len() - col("key").n_unique()]
else:
    data = pl.scan_csv(path)
    asked = [pl.len().alias("rows"), pl.all().null_count()]
row = data.select(asked).collect(engine="streaming").row(0)
print(row if len(row) < 50 else (*row[:50], "…"))
